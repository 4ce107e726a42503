/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking a request back, and putting in force what stands no longer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

static uint32_t find_chain(const struct ruleset *rules, uint8_t family, const char *name)
{
	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].family == family &&
		    strcmp(ruleset_text(rules, rules->chains[c].name), name) == 0)
			return c;
	return RULE_NONE;
}

/* Where a deleted rule stood, counted in the chain as the request left it. */
static uint32_t number_now(const struct request *request, const struct undo_edit *deleted)
{
	uint32_t number = deleted->number;

	for (size_t i = 0; i < request->n_undo; i++) {
		const struct undo_edit *other = &request->undo[i];
		if (other->family != deleted->family || strcmp(other->chain, deleted->chain) != 0)
			continue;
		if (other->edit.kind == EDIT_DELETE && other->number < deleted->number)
			number--;
		if (other->edit.kind == EDIT_INSERT && other->number <= deleted->number)
			number++;
	}
	return number;
}

/* The rules that the edits were about, by their keys; drops may be a host's or a town's. */
static int locate(const struct workshop *w, const struct request *request, uint32_t *rules)
{
	struct rule_key *keys = calloc(request->n_undo + 1, sizeof *keys);
	uint32_t *others = calloc(request->n_undo + 1, sizeof *others);
	int result = -1;

	if (!keys || !others)
		goto out;
	for (size_t i = 0; i < request->n_undo; i++)
		keys[i] = request->undo[i].key;
	if (meter_locate(w->meter, keys, rules, request->n_undo) < 0)
		goto out;
	for (size_t i = 0; i < request->n_undo; i++)
		if (keys[i].kind == ROLE_HOST_DROP)
			keys[i].kind = ROLE_TOWN_DROP;
	if (meter_locate(w->meter, keys, others, request->n_undo) < 0)
		goto out;
	for (size_t i = 0; i < request->n_undo; i++)
		if (rules[i] == RULE_NONE)
			rules[i] = others[i];
	result = 0;
out:
	free(keys);
	free(others);
	return result;
}

/* The reverse of one edit; false if what it is about is gone. */
static bool reverse(const struct request *request, const struct undo_edit *undo, uint32_t rule,
		    const struct ruleset *rules, struct edit *edit)
{
	*edit = undo->edit;
	edit->rule = rule;
	edit->comment = undo->comment[0] ? undo->comment : NULL;
	switch (undo->edit.kind) {
	case EDIT_ZERO:
		edit->kind = EDIT_ADD;
		edit->counter.packets -= undo->edit.left.packets;
		edit->counter.octets -= undo->edit.left.octets;
		return rule != RULE_NONE && !undo->edit.kept;
	case EDIT_INSERT:
		edit->kind = EDIT_DELETE;
		return rule != RULE_NONE;
	case EDIT_DELETE: {
		uint32_t chain = find_chain(rules, undo->family, undo->chain), number = number_now(request, undo);
		if (chain == RULE_NONE)
			return false;
		edit->kind = EDIT_INSERT;
		/* Without a witness nobody could tell what of its count is old. */
		if (undo->key.backend == CHAIN_NFT)
			edit->counter = (struct counter){0};
		edit->chain = chain;
		edit->rule = number <= rules->chains[chain].count ? rules->chains[chain].first + number - 1 : RULE_NONE;
		return true;
	}
	default:
		return false;
	}
}

void request_undo(struct workshop *w, struct request *request)
{
	struct snapshot snapshot;
	uint32_t *rules = calloc(request->n_undo + 1, sizeof *rules);
	struct edit *edits = calloc(request->n_undo + 1, sizeof *edits);
	size_t n = 0;
	/* What the ledger could not announce took no counters: taking it back may go without, too. */
	bool ignored, *announced = request->announced ? &ignored : NULL;

	request->result = REQUEST_DONE;
	if (!request->applied)
		goto out;
	request->result = REQUEST_UNDO_FAILED;
	if (!rules || !edits) {
		snprintf(request->why, sizeof request->why, "no memory to take a change back");
		goto out;
	}
	if (request_is_overtaken(w, request)) {
		snprintf(request->why, sizeof request->why, "a change can not be taken back: later ones ended the same "
			 "periods");
		goto out;
	}
	if (workshop_look(w, READ_RULES, &snapshot, request->why) < 0)
		goto out;
	if (locate(w, request, rules) < 0) {
		snprintf(request->why, sizeof request->why, "no memory to take a change back");
		goto out;
	}
	if (workshop_begin(w, request->n_closed, request->why) < 0)
		goto out;
	for (size_t i = 0; i < request->n_undo; i++)
		n += reverse(request, &request->undo[i], rules[i], snapshot.rules, &edits[n]);
	request_swap_rows(w, request);
	if (workshop_change(w, snapshot.rules, edits, NULL, n, request->closed, request->n_closed, announced,
			    request->why) != CHANGE_DONE) {
		request_swap_rows(w, request);
		goto out;
	}
	books_keep(w->books, request->closed, request->n_closed);
	request->applied = false;
	request->result = REQUEST_DONE;
	request_settle(w, "taking a change back");
	/* What changed and changed back has not changed. */
	meter_forget_changes(w->meter, request->epoch);
	workshop_save(w);
out:
	free(rules);
	free(edits);
}
