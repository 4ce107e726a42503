/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a crash: did the change happen that the ledger announces?
 *
 * The backend's witnesses tell for each step. If one was made, the rows of the model are what they were to
 * be, and the rules of that step count from where it left them; the blocks that are wished for and do not
 * stand yet are put in force by the next look. If none was made, the model is what it was. Either way it is
 * the whole request or nothing of it, and nothing is written before the next save: a crash in here starts it
 * over.
 *
 * A new life of the packet filter has no witness, and needs none: no counter of the old one goes on. Mostly the
 * change was made then, and whoever asked may have been told so, since only a disk that is full keeps an intent
 * open for long.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "workshop.h"

/* In the ledger: this, its edits, the backend's own octets. */
struct steps {
	uint32_t n_edits, n_steps;
	uint64_t intent_size;
};

struct step_edit {
	struct rule_key key;
	struct counter counter;
	uint32_t step;
	uint8_t kind, unused[3];
};

size_t workshop_describe(const struct workshop *w, const struct ruleset *rules, const struct edit *edits,
			 const struct rule_key *keys, size_t n, const struct intent *intent, void **steps)
{
	size_t head = sizeof(struct steps) + n * sizeof(struct step_edit), size = head + intent->size;
	char *room = calloc(1, size);

	*steps = room;
	if (!room)
		return 0;
	*(struct steps *)(void *)room = (struct steps){.n_edits = (uint32_t)n, .n_steps = intent->n_steps,
						       .intent_size = intent->size};
	struct step_edit *list = (void *)(room + sizeof(struct steps));
	for (size_t i = 0; i < n; i++) {
		const struct edit *edit = &edits[i];
		list[i].kind = (uint8_t)edit->kind;
		list[i].step = edit->step;
		list[i].counter = edit->counter;
		if (edit->kind == EDIT_INSERT)
			list[i].key = workshop_inserted(w, rules, edit, keys ? &keys[i] : NULL);
		else if (edit->kind != EDIT_CHAIN && edit->kind != EDIT_DELETE_CHAIN)
			list[i].key = meter_rule_key(w->meter, edit->rule);
	}
	if (intent->size)
		memcpy(room + head, intent->data, intent->size);
	return size;
}

/* The parts of what the ledger holds; false if they do not fit together. */
static bool take_apart(const void *data, size_t size, struct steps *head, const struct step_edit **edits,
		       const void **intent)
{
	if (size < sizeof *head)
		return false;
	memcpy(head, data, sizeof *head);
	if (head->n_edits > (size - sizeof *head) / sizeof **edits ||
	    head->intent_size != size - sizeof *head - head->n_edits * sizeof **edits ||
	    head->n_steps > size)
		return false;
	*edits = (const void *)((const char *)data + sizeof *head);
	*intent = (const char *)(*edits + head->n_edits);
	return true;
}

/* A rule that was put in, or may have been: it stands with the count that it was given, or not at all. */
static int expect(struct meter *meter, const struct step_edit *edit)
{
	return edit->key.kind == ROLE_OTHER ? 0 : meter_rule_inserted(meter, &edit->key, &edit->counter);
}

/* Takes into the loaded model what the steps that were made did to the counters. */
static int take_in(struct meter *meter, const struct step_edit *edits, uint32_t n, const uint8_t *outcomes)
{
	struct rule_key *keys = calloc(n + 1u, sizeof *keys);
	uint32_t *rules = calloc(n + 1u, sizeof *rules);
	int result = -1;

	if (!keys || !rules)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		keys[i] = edits[i].key;
	if (meter_locate(meter, keys, rules, n) < 0)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		const struct step_edit *edit = &edits[i];
		uint8_t outcome = edit->step == STEP_NONE ? STEP_UNKNOWN : outcomes[edit->step];
		if (edit->kind == EDIT_INSERT && outcome != STEP_NOT_DONE && expect(meter, edit) < 0)
			goto out;
		if (outcome == STEP_NOT_DONE || outcome == STEP_UNKNOWN || edit->kind == EDIT_INSERT)
			continue;
		if (rules[i] != RULE_NONE && edit->kind == EDIT_ZERO) {
			/* nf_tables tells what it took only to the process that asked. */
			meter_rule_begins(meter, rules[i], edit->key.backend == CHAIN_NFT, clock_time());
		} else if (rules[i] != RULE_NONE && edit->kind == EDIT_ADD) {
			meter_rule_added(meter, rules[i], &edit->counter);
		}
	}
	result = 0;
out:
	free(keys);
	free(rules);
	return result;
}

/* Asks the backend, after a read. Returns 0, or -1 with `error`. */
static int ask(struct workshop *w, const struct steps *head, const void *intent, uint8_t *outcomes, char *error)
{
	struct snapshot snapshot;

	if (w->ops->read(w->backend, READ_ALL, &snapshot, error) < 0)
		return -1;
	if (w->ops->settle(w->backend, intent, head->intent_size, outcomes, error) == 0)
		return 0;
	if (errno != EBADMSG)
		return -1;
	log_warning("an unfinished change of an earlier run can not be understood: %s", error);
	memset(outcomes, STEP_UNKNOWN, head->n_steps);
	return 0;
}

static int adopt(struct workshop *w, const struct step_edit *edits, const struct steps *head,
		 const uint8_t *outcomes, bool done, bool lost, char *error)
{
	if (done && books_adopt(w->books, w->agent) < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory to finish a change of an earlier run");
		return -1;
	}
	struct meter *meter = books_meter(w->books, lost || w->books->lost, clock_time());
	if (!meter || take_in(meter, edits, head->n_edits, outcomes) < 0) {
		meter_free(meter);
		snprintf(error, BACKEND_ERROR_SIZE, "no memory to finish a change of an earlier run");
		return -1;
	}
	meter_free(w->meter);
	w->meter = meter;
	w->configure(meter, w->context);
	return 0;
}

/* Rules came or went without a witness: it did not happen, whatever stands now is put right by the next look. Drops
 * that came and went took along what they had counted. */
static void stamp(struct workshop *w, const struct steps *head, const struct step_edit *edits)
{
	for (uint32_t i = 0; i < head->n_edits; i++) {
		struct step_edit edit;
		/* Borrowed, and aligned for octets only. */
		memcpy(&edit, (const char *)(const void *)edits + i * sizeof edit, sizeof edit);
		bool drop = edit.key.kind == ROLE_HOST_DROP || edit.key.kind == ROLE_TOWN_DROP;
		if ((edit.kind == EDIT_INSERT || edit.kind == EDIT_DELETE) && drop)
			meter_town_disturbed(w->meter, edit.key.town, clock_time());
		if (edit.kind == EDIT_INSERT && expect(w->meter, &edit) < 0)
			w->report(w->context, "no memory for the rules of an unfinished change: their counts may be taken for "
				  "traffic");
	}
	w->books->pending = false;
}

/* After a start of the router. */
static int adopt_as_it_is(struct workshop *w, char *error)
{
	const struct steps nothing = {.n_edits = 0};

	if (adopt(w, NULL, &nothing, NULL, true, false, error) < 0)
		return -1;
	log_info("a change that an earlier run had begun before the router started was finished");
	w->books->pending = false;
	return 0;
}

int workshop_recover(struct workshop *w, char error[BACKEND_ERROR_SIZE])
{
	const void *data, *intent;
	const struct step_edit *edits;
	struct steps head;
	size_t size;
	bool done = false, lost = false;

	if (!ledger_pending(w->books->ledger, &data, &size) || !take_apart(data, size, &head, &edits, &intent)) {
		w->books->pending = false;
		return 0;
	}
	if (head.n_steps == 0) {
		stamp(w, &head, edits);
		return 0;
	}
	if (w->books->start == METER_REBOOTED)
		return adopt_as_it_is(w, error);
	/* The ledger's block is only borrowed, and aligned for octets only. */
	char *copy = malloc(size);
	uint8_t *outcomes = calloc(head.n_steps, 1);
	int result = -1;
	if (!copy || !outcomes) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory to finish a change of an earlier run");
		goto out;
	}
	memcpy(copy, data, size);
	take_apart(copy, size, &head, &edits, &intent);
	for (uint32_t i = 0; i < head.n_edits; i++)
		if (edits[i].step != STEP_NONE && edits[i].step >= head.n_steps)
			goto gone;
	if (ask(w, &head, intent, outcomes, error) < 0)
		goto out;
	for (uint32_t i = 0; i < head.n_steps; i++) {
		done |= outcomes[i] == STEP_DONE || outcomes[i] == STEP_RESCUED;
		lost |= outcomes[i] == STEP_RESCUED || outcomes[i] == STEP_UNKNOWN;
	}
	if (adopt(w, edits, &head, outcomes, done, lost, error) < 0)
		goto out;
	log_info("a change of the rules that an earlier run had begun %s", done ? "was finished" : "had not been made");
gone:
	w->books->pending = false;
	result = 0;
out:
	free(copy);
	free(outcomes);
	return result;
}
