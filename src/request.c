/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "plan.h"
#include "received.h"

/* Another program that changes the rules without the lock makes a try stale. */
enum { CHANGE_TRIES = 5 };

struct request *request_new(const struct command *commands, size_t n)
{
	struct request *request = calloc(1, sizeof *request);

	if (!request)
		return NULL;
	request->commands = calloc(n + 1, sizeof *commands);
	if (!request->commands) {
		free(request);
		return NULL;
	}
	memcpy(request->commands, commands, n * sizeof *commands);
	request->n = n;
	return request;
}

void request_free(struct request *request)
{
	if (!request)
		return;
	free(request->commands);
	free(request->undo);
	free(request->rows);
	free(request);
}

enum request_result request_result(const struct request *request, size_t *failed, const char **why)
{
	*failed = request->failed;
	*why = request->why;
	return request->result;
}

size_t request_size(const struct request *request)
{
	return request->n;
}

static void fail(struct request *request, enum request_result result, size_t command, const char *why)
{
	request->result = result;
	request->failed = command;
	if (why != request->why)
		snprintf(request->why, sizeof request->why, "%s", why);
}

int workshop_look(struct workshop *w, enum read_depth depth, struct snapshot *snapshot,
		  char error[BACKEND_ERROR_SIZE])
{
	uint64_t before = received_packets();

	if (w->ops->read(w->backend, depth, snapshot, error) < 0)
		return -1;
	w->looked |= !snapshot->partial;
	memcpy(w->found, snapshot->found, sizeof w->found);
	w->offload = snapshot->offload;
	snapshot->received_before = before;
	snapshot->received_after = received_packets();
	if (meter_fold(w->meter, snapshot, control_time(), w->report, w->context) < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the rules that were read");
		return -1;
	}
	return 0;
}

/* What a command is about. */
struct target {
	enum meter_kind kind;
	uint32_t id, found;
};

static int find_target(const struct workshop *w, const struct command *command, struct target *target)
{
	if (command->chain) {
		*target = (struct target){METER_TOTAL, command->chain, RULE_NONE};
		return meter_has_total(w->meter, command->chain) ? 0 : -1;
	}
	if (command->host[0]) {
		uint32_t id = meter_find_host(w->meter, command->town, command->host);
		if (id == RULE_NONE)
			return -1;
		*target = (struct target){METER_HOST, id, meter_host_found(w->meter, id)};
		return 0;
	}
	uint32_t id = meter_find_town(w->meter, command->town);
	if (id == RULE_NONE)
		return -1;
	*target = (struct target){METER_TOWN, id, meter_town_found(w->meter, id)};
	return 0;
}

/* Can this command be carried out now? */
static int check(struct workshop *w, struct request *request, size_t i, const struct ruleset *rules)
{
	const struct command *command = &request->commands[i];
	struct target target;

	if (find_target(w, command, &target) < 0) {
		fail(request, REQUEST_NO_SUCH_ROW, i, "there is no such row");
		return -1;
	}
	if (command->kind != COMMAND_ADMIN || !command->blocked ||
	    meter_is_blocked(w->meter, target.kind, target.id))
		return 0;
	if (target.found == RULE_NONE) {
		snprintf(request->why, sizeof request->why, "%s%s%s can not be blocked while it has no rules in the "
			 "packet filter", command->town, command->host[0] ? "/" : "", command->host);
		fail(request, REQUEST_UNAVAILABLE, i, request->why);
		return -1;
	}
	if (target.kind == METER_HOST && !plan_can_block_host(rules, meter_recognition(w->meter), target.found)) {
		snprintf(request->why, sizeof request->why, "%s/%s has the same prefix as its town, whose drop would "
			 "block it: block the town %s", command->town, command->host, command->town);
		fail(request, REQUEST_UNAVAILABLE, i, request->why);
		return -1;
	}
	return 0;
}

static void plan_command(struct workshop *w, struct plan *plan, const struct command *command,
			 const struct target *target)
{
	bool blocked = target->kind != METER_TOTAL && meter_is_blocked(w->meter, target->kind, target->id);

	if (target->kind == METER_TOTAL) {
		plan_zero_total(plan, (enum hook)target->id);
	} else if (target->found == RULE_NONE) {
		return;
	} else if (command->kind == COMMAND_ZERO) {
		if (target->kind == METER_HOST)
			plan_zero_host(plan, target->found);
		else
			plan_zero_town(plan, target->found);
	} else if (command->kind == COMMAND_ADMIN && command->blocked != blocked) {
		if (command->blocked)
			(target->kind == METER_HOST ? plan_block_host : plan_block_town)(plan, target->found);
		else
			(target->kind == METER_HOST ? plan_unblock_host : plan_unblock_town)(plan, target->found, false);
	}
}

/* Blocks are in force from the start of a new period; a town's drops stand ahead of its hosts'. */
static int plan_all(struct workshop *w, struct request *request, struct plan *plan)
{
	static const struct {
		enum command_kind kind;
		bool hosts;
	} order[] = {{COMMAND_ADMIN, false}, {COMMAND_ADMIN, true}, {COMMAND_ZERO, false}, {COMMAND_ZERO, true}};
	struct target target;

	for (size_t pass = 0; pass < sizeof order / sizeof order[0]; pass++)
		for (size_t i = 0; i < request->n; i++) {
			const struct command *command = &request->commands[i];
			if (command->kind != order[pass].kind || (command->host[0] != '\0') != order[pass].hosts)
				continue;
			if (find_target(w, command, &target) == 0)
				plan_command(w, plan, command, &target);
		}
	if (!plan->failed)
		return 0;
	fail(request, REQUEST_UNAVAILABLE, 0, "no memory for the changes");
	return -1;
}

/* Looks, and checks every command. Returns 0, or -1 with the request's result. */
static int inspect(struct workshop *w, struct request *request, enum read_depth depth, struct snapshot *snapshot)
{
	request->result = REQUEST_DONE;
	if (workshop_look(w, depth, snapshot, request->why) < 0) {
		fail(request, REQUEST_UNAVAILABLE, 0, request->why);
		return -1;
	}
	for (size_t i = 0; i < request->n; i++)
		if (check(w, request, i, snapshot->rules) < 0)
			return -1;
	return 0;
}

void request_prepare(struct workshop *w, struct request *request)
{
	struct snapshot snapshot;

	inspect(w, request, READ_RULES, &snapshot);
}

static int remember_edits(struct workshop *w, struct request *request, const struct plan *plan)
{
	request->undo = calloc(plan->n + 1, sizeof *request->undo);
	request->n_undo = 0;
	if (!request->undo)
		return -1;
	for (size_t i = 0; i < plan->n; i++) {
		const struct edit *edit = &plan->edits[i];
		const struct chain *chain = &plan->rules->chains[edit->chain];
		struct undo_edit *undo = &request->undo[request->n_undo++];
		undo->edit = *edit;
		undo->family = chain->family;
		snprintf(undo->chain, sizeof undo->chain, "%s", ruleset_text(plan->rules, chain->name));
		undo->number = edit->rule == RULE_NONE ? chain->count + 1 : plan->rules->rules[edit->rule].number;
		if (edit->kind != EDIT_INSERT) {
			const struct rule *rule = &plan->rules->rules[edit->rule];
			undo->key = meter_rule_key(w->meter, edit->rule);
			undo->edit.prefix = undo->key.prefix;
			undo->edit.direction = undo->key.direction;
			undo->edit.verdict = rule->verdict;
			snprintf(undo->edit.comment, sizeof undo->edit.comment, "%s",
				 ruleset_text(plan->rules, rule->comment));
			continue;
		}
		bool drop = edit->verdict == VERDICT_DROP;
		const char *name = undo->chain;
		undo->key = (struct rule_key){
			.town = meter_find_town(w->meter, name), .family = chain->family, .backend = chain->backend,
			.kind = drop ? ROLE_HOST_DROP : ROLE_COUNT, .direction = edit->direction,
			.ours = drop, .prefix = edit->prefix};
	}
	return 0;
}

/* The kernel has it: the model follows. */
static void settle(struct workshop *w, const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct edit *edit = &edits[i];
		/* A counter that went on belongs to the new period from what was just read. */
		if (edit->kind == EDIT_ZERO && !edit->kept)
			meter_rule_zeroed(w->meter, edit->rule, &edit->counter);
		else if (edit->kind == EDIT_DELETE)
			meter_rule_deleted(w->meter, edit->rule, &edit->counter);
		else if (edit->kind == EDIT_ADD)
			meter_rule_added(w->meter, edit->rule, &edit->counter);
	}
	meter_settle(w->meter);
}

/* What a new rule starts with is no traffic. */
static int expect(struct workshop *w, const struct ruleset *rules, const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (edits[i].kind != EDIT_INSERT)
			continue;
		const char *name = ruleset_text(rules, rules->chains[edits[i].chain].name);
		uint32_t town = meter_find_town(w->meter, name);
		if (meter_rule_inserted(w->meter, town, &edits[i].prefix, edits[i].direction,
					edits[i].verdict == VERDICT_DROP, &edits[i].counter) < 0)
			return -1;
	}
	return 0;
}

enum change_result workshop_change(struct workshop *w, const struct ruleset *rules, struct edit *edits, size_t n,
				   char error[BACKEND_ERROR_SIZE])
{
	if (n == 0)
		return CHANGE_DONE;
	if (expect(w, rules, edits, n) < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the changes");
		return CHANGE_REFUSED;
	}
	enum change_result result = w->ops->change(w->backend, edits, n, error);
	if (result == CHANGE_DONE)
		settle(w, edits, n);
	return result;
}

static struct undo_row *row_of(struct request *request, const struct target *target)
{
	for (size_t i = 0; i < request->n_rows; i++)
		if (request->rows[i].kind == target->kind && request->rows[i].id == target->id)
			return &request->rows[i];
	if (request->n_rows == request->room_rows) {
		size_t room = request->room_rows ? request->room_rows * 2 : 16;
		struct undo_row *more = realloc(request->rows, room * sizeof *more);
		if (!more)
			return NULL;
		request->rows = more;
		request->room_rows = room;
	}
	struct undo_row *row = &request->rows[request->n_rows++];
	*row = (struct undo_row){.kind = target->kind, .id = target->id};
	return row;
}

struct ending {
	struct request *request;
	bool failed;
};

static void end_host(void *context, uint32_t host)
{
	struct ending *ending = context;
	struct target target = {METER_HOST, host, RULE_NONE};
	struct undo_row *row = row_of(ending->request, &target);

	if (row)
		row->ended = true;
	else
		ending->failed = true;
}

/* Every row that the request changes, with room for what it was: before anything is changed. */
static int collect_rows(struct workshop *w, struct request *request)
{
	struct ending ending = {.request = request};
	struct target target;

	request->n_rows = 0;
	for (size_t i = 0; i < request->n; i++) {
		const struct command *command = &request->commands[i];
		if (find_target(w, command, &target) < 0)
			continue;
		struct undo_row *row = row_of(request, &target);
		if (!row)
			return -1;
		row->ended |= command->kind == COMMAND_ZERO;
		row->wished |= command->kind == COMMAND_ADMIN;
		row->remarked |= command->kind == COMMAND_REMARK;
		if (command->kind == COMMAND_ZERO && target.kind == METER_TOWN)
			meter_each_host(w->meter, target.id, end_host, &ending);
	}
	return ending.failed ? -1 : 0;
}

static void change_rows(struct workshop *w, struct request *request)
{
	decitime now = control_time();
	struct target target;

	request->epoch = meter_epoch(w->meter);
	for (size_t i = 0; i < request->n_rows; i++) {
		struct undo_row *row = &request->rows[i];
		if (row->ended)
			row->period = meter_period_end(w->meter, row->kind, row->id, now);
		if (row->wished)
			row->wish = meter_is_wished(w->meter, row->kind, row->id);
		if (row->remarked)
			snprintf(row->remark, sizeof row->remark, "%s", meter_remark(w->meter, row->id));
	}
	for (size_t i = 0; i < request->n; i++) {
		const struct command *command = &request->commands[i];
		if (find_target(w, command, &target) < 0)
			continue;
		if (command->kind == COMMAND_ADMIN)
			meter_wish(w->meter, target.kind, target.id, command->blocked);
		if (command->kind == COMMAND_REMARK && meter_set_remark(w->meter, target.id, command->remark) < 0)
			log_error("no memory for a remark: the old one stays");
	}
	meter_judge(w->meter, now);
}

/* A period ends with what all of its rows had counted at one time. */
static enum read_depth depth_for(const struct request *request)
{
	for (size_t i = 0; i < request->n; i++)
		if (request->commands[i].kind == COMMAND_ZERO)
			return READ_ALL;
	return READ_RULES;
}

/* One try: CHANGE_STALE asks for another. */
static enum change_result try_apply(struct workshop *w, struct request *request)
{
	struct snapshot snapshot;
	struct plan plan;
	enum change_result result = CHANGE_REFUSED;

	free(request->undo);
	request->undo = NULL;
	if (inspect(w, request, depth_for(request), &snapshot) < 0)
		return CHANGE_REFUSED;
	if (plan_begin(&plan, snapshot.rules, meter_recognition(w->meter)) < 0) {
		fail(request, REQUEST_UNAVAILABLE, 0, "no memory for the changes");
		return CHANGE_REFUSED;
	}
	if (plan_all(w, request, &plan) < 0)
		goto out;
	if (remember_edits(w, request, &plan) < 0 || collect_rows(w, request) < 0) {
		fail(request, REQUEST_UNAVAILABLE, 0, "no memory for the changes");
		goto out;
	}
	result = workshop_change(w, snapshot.rules, plan.edits, plan.n, request->why);
	if (result == CHANGE_DONE) {
		for (size_t i = 0; i < plan.n; i++) {
			request->undo[i].edit.counter = plan.edits[i].counter;
			request->undo[i].edit.kept = plan.edits[i].kept;
		}
		change_rows(w, request);
		request->applied = true;
	} else {
		fail(request, result == CHANGE_BROKEN ? REQUEST_UNDO_FAILED : REQUEST_UNAVAILABLE, 0, request->why);
	}
out:
	plan_free(&plan);
	return result;
}

/* Did the rules change, and not only their counters? */
static bool is_structural(const struct request *request)
{
	for (size_t i = 0; i < request->n_undo; i++)
		if (request->undo[i].edit.kind == EDIT_INSERT || request->undo[i].edit.kind == EDIT_DELETE)
			return true;
	return false;
}

void request_apply(struct workshop *w, struct request *request)
{
	struct snapshot snapshot;
	char error[BACKEND_ERROR_SIZE];

	for (int tries = 0; tries < CHANGE_TRIES; tries++)
		if (try_apply(w, request) != CHANGE_STALE)
			break;
	/* What stands now is published with the answer. */
	if (request->applied && is_structural(request) && workshop_look(w, READ_RULES, &snapshot, error) < 0)
		log_error("after a change: %s", error);
}
