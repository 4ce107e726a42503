/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

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
	free(request->closed);
	writing_report_free(&request->written);
	free(request);
}

enum request_result request_result(const struct request *request, size_t *failed, const char **why)
{
	*failed = request->failed;
	*why = request->why;
	return request->result;
}

void request_written(const struct request *request, struct control_written *written)
{
	const struct writing_report *own = &request->written;

	*written = (struct control_written){
		.chains_added = own->chains_added, .chains_removed = own->chains_removed,
		.rules_added = own->rules_added, .rules_removed = own->rules_removed,
		.commands = own->commands.line, .n_commands = own->commands.n,
		.notes = own->notes.line, .n_notes = own->notes.n};
}

size_t request_size(const struct request *request)
{
	return request->n;
}

struct planning {
	struct workshop *w;
	struct plan *plan;
};

static void plan_command(struct workshop *w, struct plan *plan, const struct command *command,
			 const struct target *target)
{
	bool blocked = target->kind != METER_TOTAL && meter_is_blocked(w->meter, target->kind, target->id);

	if (target->kind == METER_TOTAL) {
		if (command->kind == COMMAND_ZERO)
			plan_zero_total(plan, (enum hook)target->id);
	} else if (target->found == RULE_NONE) {
		return;
	} else if (command->kind == COMMAND_ZERO) {
		if (target->kind == METER_HOST)
			plan_zero_host(plan, target->found);
		else
			plan_zero_town(plan, target->found);
	} else if (command->kind == COMMAND_ADMIN && command->blocked != blocked) {
		/* A quota may ask for the drops that stand: workshop_enforce() knows. */
		if (command->blocked)
			(target->kind == METER_HOST ? plan_block_host : plan_block_town)(plan, target->found);
		else
			(target->kind == METER_HOST ? plan_unblock_host : plan_unblock_town)(plan, target->found, false);
	}
}

static void plan_zero_row(void *context, enum meter_kind kind, uint32_t id)
{
	struct planning *own = context;

	if (kind == METER_TOTAL)
		plan_zero_total(own->plan, (enum hook)id);
	else if (kind == METER_TOWN && meter_town_found(own->w->meter, id) != RULE_NONE)
		plan_zero_town(own->plan, meter_town_found(own->w->meter, id));
}

/* Blocks are in force from the start of a new period; a town's drops stand ahead of its hosts'. */
static int plan_all(struct workshop *w, struct request *request, struct plan *plan)
{
	static const struct {
		enum command_kind kind;
		bool hosts;
	} order[] = {{COMMAND_ADMIN, false}, {COMMAND_ADMIN, true}, {COMMAND_ZERO, false}, {COMMAND_ZERO, true}};
	struct planning planning = {w, plan};
	struct target target;

	for (size_t pass = 0; pass < sizeof order / sizeof order[0]; pass++)
		for (size_t i = 0; i < request->n; i++) {
			const struct command *command = &request->commands[i];
			if (command->kind != order[pass].kind || (command->host[0] != '\0') != order[pass].hosts)
				continue;
			if (command->all)
				meter_each_row(w->meter, plan_zero_row, &planning);
			else if (!request_is_agents(command) && request_target(w, command, &target) == 0)
				plan_command(w, plan, command, &target);
		}
	/* Counters that go on belong to the new periods from what was just read. */
	if (w->read_only)
		plan->n = 0;
	if (!plan->failed)
		return 0;
	request_fail(request, REQUEST_UNAVAILABLE, 0, "no memory for the changes");
	return -1;
}

/* What is in the ledger is what a SET succeeded with: without one none does. A disk may have room again. */
static int check_ledger(struct workshop *w, struct request *request)
{
	if (w->agent->ledger != VIEW_LEDGER_FAILED || workshop_save(w) == 0)
		return 0;
	snprintf(request->why, sizeof request->why, "the ledger can not be saved: %s", ledger_trouble(w->books->ledger));
	request_fail(request, REQUEST_UNAVAILABLE, 0, request->why);
	return -1;
}

/* Looks, and checks every command. Returns 0, or -1 with the request's result. */
static int inspect(struct workshop *w, struct request *request, enum read_depth depth, struct snapshot *snapshot)
{
	request->result = REQUEST_DONE;
	if (workshop_look(w, depth, snapshot, request->why) < 0) {
		request_fail(request, REQUEST_UNAVAILABLE, 0, request->why);
		return -1;
	}
	return request_check(w, request, snapshot->rules) < 0 || check_ledger(w, request) < 0 ? -1 : 0;
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
		undo->edit.comment = NULL;
		undo->number = edit->rule == RULE_NONE ? chain->count + 1 : plan->rules->rules[edit->rule].number;
		if (edit->kind != EDIT_INSERT) {
			const struct rule *rule = &plan->rules->rules[edit->rule];
			undo->key = meter_rule_key(w->meter, edit->rule);
			undo->edit.prefix = undo->key.prefix;
			undo->edit.direction = undo->key.direction;
			undo->edit.verdict = rule->verdict;
			snprintf(undo->comment, sizeof undo->comment, "%s", ruleset_text(plan->rules, rule->comment));
			continue;
		}
		undo->key = workshop_inserted(w, plan->rules, edit, NULL);
	}
	return 0;
}

/* A period ends with what all of its rows had counted at one time. */
static enum read_depth depth_for(const struct request *request)
{
	for (size_t i = 0; i < request->n; i++)
		if (request->commands[i].kind == COMMAND_ZERO || request->commands[i].kind == COMMAND_FORGET)
			return READ_ALL;
	return READ_RULES;
}

/* Periods that end with one another end at one time, which is later than the start of each. */
static void set_time(const struct workshop *w, struct request *request)
{
	request->when = clock_time();
	for (size_t i = 0; i < request->n_rows; i++) {
		decitime start = meter_row(w->meter, request->rows[i].kind, request->rows[i].id).period.start;
		if (request->rows[i].reason && request->when <= start)
			request->when = start + 1;
	}
}

/* Rows change first: what the ledger announces is what they are to be. Once the rules have changed, they change
 * again: what was counted until then belongs to the periods that end. */
static enum change_result change(struct workshop *w, struct request *request, const struct ruleset *rules,
				 struct plan *plan)
{
	bool announced;

	if (remember_edits(w, request, plan) < 0 || request_collect(w, request) < 0) {
		request_fail(request, REQUEST_UNAVAILABLE, 0, "no memory for the changes");
		return CHANGE_REFUSED;
	}
	if (workshop_begin(w, request->n_rows, request->why) < 0) {
		request_fail(request, REQUEST_UNAVAILABLE, 0, request->why);
		return CHANGE_REFUSED;
	}
	set_time(w, request);
	request->epoch = meter_epoch(w->meter);
	request_change_rows(w, request);
	enum change_result result = workshop_change(w, rules, plan->edits, NULL, plan->n, request->closed,
						    request->n_closed, &announced, request->why);
	if (result == CHANGE_DONE) {
		for (size_t i = 0; i < plan->n; i++) {
			request->undo[i].edit.counter = plan->edits[i].counter;
			request->undo[i].edit.left = plan->edits[i].left;
			request->undo[i].edit.kept = plan->edits[i].kept;
		}
		request_swap_rows(w, request);
		request_change_rows(w, request);
		books_keep(w->books, request->closed, request->n_closed);
		request->applied = true;
		request->announced = announced;
		return result;
	}
	request_swap_rows(w, request);
	meter_forget_changes(w->meter, request->epoch);
	request_fail(request, result == CHANGE_BROKEN ? REQUEST_UNDO_FAILED : REQUEST_UNAVAILABLE, 0, request->why);
	return result;
}

/* One try: CHANGE_STALE asks for another. */
static enum change_result try_apply(struct workshop *w, struct request *request)
{
	struct snapshot snapshot;
	struct plan plan;
	enum change_result result = CHANGE_REFUSED;

	free(request->undo);
	request->undo = NULL;
	request->n_undo = 0;
	if (inspect(w, request, depth_for(request), &snapshot) < 0)
		return CHANGE_REFUSED;
	if (plan_begin(&plan, snapshot.rules, meter_recognition(w->meter)) < 0)
		request_fail(request, REQUEST_UNAVAILABLE, 0, "no memory for the changes");
	else if (plan_all(w, request, &plan) == 0)
		result = change(w, request, snapshot.rules, &plan);
	plan_free(&plan);
	return result;
}

void request_settle(struct workshop *w, const char *what)
{
	struct snapshot snapshot;
	char error[BACKEND_ERROR_SIZE];

	/* What stands now is published with the answer; quotas and blocks that follow are in force with it. */
	int looked = workshop_look(w, READ_RULES, &snapshot, error);
	if (looked == 0 && workshop_enforce(w, &snapshot))
		looked = workshop_look(w, READ_RULES, &snapshot, error);
	if (looked < 0)
		log_error("after %s: %s", what, error);
}

void request_apply(struct workshop *w, struct request *request)
{
	for (int tries = 0; tries < CHANGE_TRIES; tries++)
		if (try_apply(w, request) != CHANGE_STALE)
			break;
	if (!request->applied)
		return;
	request_settle(w, "a change");
	if (workshop_save(w) == 0 || request->announced)
		return;
	/* The ledger does not have it, and will not get it: it did not happen. */
	request_undo(w, request);
	if (request->result == REQUEST_DONE) {
		snprintf(request->why, sizeof request->why, "the ledger can not be saved: %s",
			 ledger_trouble(w->books->ledger));
		request_fail(request, REQUEST_UNAVAILABLE, 0, request->why);
	}
}
