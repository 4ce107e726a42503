/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workshop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "plan.h"
#include "received.h"

int workshop_look(struct workshop *w, enum read_depth depth, struct snapshot *snapshot,
		  char error[BACKEND_ERROR_SIZE])
{
	if (w->books->pending && workshop_recover(w, error) < 0)
		return -1;
	uint64_t before = received_packets();
	if (w->ops->read(w->backend, depth, snapshot, error) < 0)
		return -1;
	w->looked |= !snapshot->partial;
	memcpy(w->found, snapshot->found, sizeof w->found);
	w->offload = snapshot->offload;
	snapshot->received_before = before;
	snapshot->received_after = received_packets();
	if (meter_fold(w->meter, snapshot, clock_time(), w->report, w->context) < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the rules that were read");
		return -1;
	}
	return 0;
}

int workshop_save(struct workshop *w)
{
	char error[LEDGER_ERROR_SIZE];
	bool failed = w->agent->ledger == VIEW_LEDGER_FAILED;

	if (books_save(w->books, w->meter, w->agent, error) < 0) {
		w->agent->ledger = VIEW_LEDGER_FAILED;
		w->agent->ledger_errors++;
		/* A disk that stays full is told once. */
		if (!failed)
			w->report(w->context, error);
		return -1;
	}
	if (w->books->pending)
		return 0;
	w->agent->ledger_save_time = clock_time();
	if (failed)
		log_info("the ledger can be saved again");
	return 0;
}

int workshop_begin(struct workshop *w, size_t n_closed, char error[BACKEND_ERROR_SIZE])
{
	char why[LEDGER_ERROR_SIZE];

	if (books_begin(w->books, w->meter, w->agent, n_closed, why) == 0)
		return 0;
	snprintf(error, BACKEND_ERROR_SIZE, "%.*s", BACKEND_ERROR_SIZE - 1, why);
	return -1;
}

/* The kernel has it: the model follows. */
static void settle(struct workshop *w, const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct edit *edit = &edits[i];
		/* A counter that went on belongs to the new period from what was just read. */
		if (edit->kind == EDIT_ZERO && !edit->kept) {
			meter_rule_zeroed(w->meter, edit->rule, &edit->counter);
			meter_rule_added(w->meter, edit->rule, &edit->left);
		} else if (edit->kind == EDIT_DELETE) {
			meter_rule_deleted(w->meter, edit->rule, &edit->counter);
		} else if (edit->kind == EDIT_ADD) {
			meter_rule_added(w->meter, edit->rule, &edit->counter);
		}
	}
	meter_settle(w->meter);
}

struct rule_key workshop_inserted(const struct workshop *w, const struct ruleset *rules, const struct edit *edit,
				  const struct rule_key *key)
{
	if (key)
		return *key;
	struct rule_key own = meter_chain_key(w->meter, rules, edit->chain);
	own.kind = edit->verdict == VERDICT_DROP ? ROLE_HOST_DROP : ROLE_COUNT;
	own.ours = edit->verdict == VERDICT_DROP;
	/* Only drops are put into a town's chain of the tree. */
	own.layout &= own.ours;
	own.direction = edit->direction;
	own.prefix = edit->prefix;
	return own;
}

/* What a new rule starts with is no traffic. */
static int expect(struct workshop *w, const struct ruleset *rules, const struct edit *edits, const struct rule_key *keys,
		  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (edits[i].kind != EDIT_INSERT)
			continue;
		struct rule_key key = workshop_inserted(w, rules, &edits[i], keys ? &keys[i] : NULL);
		if (key.kind != ROLE_OTHER && meter_rule_inserted(w->meter, &key, &edits[i].counter) < 0)
			return -1;
	}
	return 0;
}

static bool moves_rules(const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (edits[i].kind == EDIT_INSERT || edits[i].kind == EDIT_DELETE)
			return true;
	return false;
}

/* Arms the witnesses, and puts into the ledger what they will tell of. Rules that come and go without one are told
 * there, too, since what a drop counts is gone with it; but nothing is known then of what will happen. Returns 0,
 * or -1 with `error`. */
static int announce(struct workshop *w, const struct ruleset *rules, struct edit *edits, const struct rule_key *keys,
		    size_t n, const struct closed *closed, size_t n_closed, bool must, bool *announced,
		    char error[BACKEND_ERROR_SIZE])
{
	struct intent intent = {.data = NULL};
	char why[LEDGER_ERROR_SIZE] = "no memory for the changes";
	void *steps = NULL;
	int result = -1;

	if (w->ops->arm(w->backend, edits, n, &intent, error) < 0)
		return -1;
	bool tells = intent.n_steps || moves_rules(edits, n);
	size_t size = tells ? workshop_describe(w, rules, edits, keys, n, &intent, &steps) : 0;
	bool told = size && books_intend(w->books, w->meter, w->agent, closed, n_closed, steps, size, why) == 0;
	*announced = told && intent.n_steps;
	if (!tells || told || !must) {
		result = 0;
	} else {
		w->agent->ledger = VIEW_LEDGER_FAILED;
		w->agent->ledger_errors++;
		snprintf(error, BACKEND_ERROR_SIZE, "%.*s", BACKEND_ERROR_SIZE - 1, why);
	}
	free(steps);
	free(intent.data);
	return result;
}

enum change_result workshop_change(struct workshop *w, const struct ruleset *rules, struct edit *edits,
				   const struct rule_key *keys, size_t n, const struct closed *closed, size_t n_closed,
				   bool *announced, char error[BACKEND_ERROR_SIZE])
{
	bool known = false;

	if (announced)
		*announced = false;
	if (n == 0)
		return CHANGE_DONE;
	enum change_result result = CHANGE_REFUSED;
	if (expect(w, rules, edits, keys, n) < 0)
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the changes");
	else if (announce(w, rules, edits, keys, n, closed, n_closed, announced != NULL, &known, error) == 0)
		result = w->ops->change(w->backend, edits, n, error);
	/* Where something was changed all the same, rules of ours may stand. */
	if (result != CHANGE_DONE && result != CHANGE_BROKEN)
		meter_expect_nothing(w->meter);
	if (result != CHANGE_DONE)
		return result;
	settle(w, edits, n);
	w->books->unsaved |= known;
	if (announced)
		*announced = known;
	return result;
}

struct fulfilment {
	struct workshop *w;
	struct plan plan;
};

static void plan_fulfilment(void *context, enum meter_kind kind, uint32_t id, bool blocked)
{
	struct fulfilment *own = context;
	const struct meter *meter = own->w->meter;

	if (kind == METER_TOWN) {
		uint32_t town = meter_town_found(meter, id);
		if (blocked)
			plan_block_town(&own->plan, town);
		else
			plan_unblock_town(&own->plan, town, true);
	} else {
		uint32_t host = meter_host_found(meter, id);
		if (!blocked)
			plan_unblock_host(&own->plan, host, true);
		else if (plan_can_block_host(own->plan.rules, own->plan.found, host))
			plan_block_host(&own->plan, host);
	}
}

/* The witness can tell of one change at a time. One that is in the ledger as an intent only has to be saved
 * before the next one is armed; as long as it can not be, blocks have to wait. */
static int make_way(struct workshop *w, char error[BACKEND_ERROR_SIZE])
{
	if (!w->books->unsaved || workshop_save(w) == 0)
		return 0;
	snprintf(error, BACKEND_ERROR_SIZE, "blocks that are due wait until the ledger can be saved");
	return -1;
}

bool workshop_enforce(struct workshop *w, const struct snapshot *snapshot)
{
	struct fulfilment own = {.w = w};
	char error[BACKEND_ERROR_SIZE];
	bool changed = false;

	if (w->read_only)
		return false;
	if (plan_begin(&own.plan, snapshot->rules, meter_recognition(w->meter)) == 0) {
		meter_each_unfulfilled(w->meter, plan_fulfilment, &own);
		if (own.plan.n && !own.plan.failed) {
			changed = make_way(w, error) == 0 && workshop_begin(w, 0, error) == 0 &&
				  workshop_change(w, snapshot->rules, own.plan.edits, NULL, own.plan.n, NULL, 0, NULL,
						  error) == CHANGE_DONE;
			if (changed)
				log_info("put %zu drop rules right that blocks ask for, or do not ask for any more", own.plan.n);
			else
				w->report(w->context, error);
		}
	}
	plan_free(&own.plan);
	return changed;
}
