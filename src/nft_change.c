/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "nft_build.h"
#include "nft_drain.h"
#include "nft_names.h"
#include "nft_removal.h"
#include "nft_zero.h"

/* Another program may commit often, if to other rules: each time costs a look at the chains concerned. */
enum { COMMIT_TRIES = 32 };

struct change {
	struct nft_reading *reading;
	struct nft_socket *socket;
	struct edit *edits;
	size_t n;
	uint32_t *chains, n_chains;     /* those that stand, with inserts and deletes, or that go: each once */
	struct nft_names names;
	struct nft_removals removals;
	uint32_t generation;            /* that the rules are known to be of, or 0 */
	uint32_t from;                  /* the one that our commits began with; 0: there were others, too */
};

/* Where a rule is named, its chain counts. RULE_NONE: one that is made. */
static uint32_t chain_index(const struct change *c, const struct edit *edit)
{
	if (edit->kind == EDIT_DELETE_CHAIN)
		return edit->chain;
	if (edit->kind == EDIT_INSERT && edit->name)
		return nft_chains_find(&c->reading->chains, edit->family, edit->name);
	return edit->rule == RULE_NONE ? edit->chain : c->reading->rules->rules[edit->rule].chain;
}

static const struct chain *chain_of(const struct change *c, const struct edit *edit)
{
	return &c->reading->rules->chains[chain_index(c, edit)];
}

static const char *chain_name(const struct change *c, const struct edit *edit)
{
	return ruleset_text(c->reading->rules, chain_of(c, edit)->name);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The chains in which rules come or go, each once. */
static int prepare(struct change *c)
{
	struct nft_removals *removals = &c->removals;

	c->generation = c->from = c->reading->read_in;
	if (nft_removal_plan(removals, c->reading, c->socket, c->edits, c->n) < 0)
		return -1;
	c->chains = calloc(c->n + removals->n + 1, sizeof *c->chains);
	if (!c->chains)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		bool concerns = c->edits[i].kind == EDIT_INSERT || c->edits[i].kind == EDIT_DELETE_CHAIN;
		uint32_t chain = concerns ? chain_index(c, &c->edits[i]) : RULE_NONE;
		if (chain != RULE_NONE)
			c->chains[c->n_chains++] = chain;
	}
	for (size_t i = 0; i < removals->n; i++)
		c->chains[c->n_chains++] = c->reading->rules->rules[removals->list[i].rule].chain;
	qsort(c->chains, c->n_chains, sizeof *c->chains, by_number);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < c->n_chains; i++)
		if (i == 0 || c->chains[i] != c->chains[kept - 1])
			c->chains[kept++] = c->chains[i];
	c->n_chains = kept;
	return 0;
}

static void build_drains(struct change *c, struct nft_batch *batch)
{
	nft_removal_build_drains(&c->removals, batch);
}

static void build_insert(const struct change *c, struct nft_batch *batch, const struct edit *edit)
{
	struct nft_place place = {.family = edit->family, .chain = edit->name};

	if (!edit->name) {
		place.family = chain_of(c, edit)->family;
		place.chain = chain_name(c, edit);
		place.before = edit->rule == RULE_NONE ? 0 : c->reading->known[edit->rule].handle;
	}
	struct nft_new_rule rule = {.prefix = &edit->prefix,
				    .other = &edit->other,
				    .direction = edit->direction,
				    .ports = &edit->ports,
				    .ports_of = edit->ports_of,
				    .verdict = edit->verdict,
				    .target = edit->target,
				    .comment = edit->comment,
				    .counter = edit->counter};
	nft_build_rule(batch, &place, &rule);
}

/* In an order in which whatever is named is there. */
static void build_edits(struct change *c, struct nft_batch *batch)
{
	const struct nft_chains *chains = &c->reading->chains;

	for (size_t i = 0; i < c->n; i++)
		if (c->edits[i].kind == EDIT_CHAIN &&
		    nft_chains_find(chains, c->edits[i].family, c->edits[i].name) == RULE_NONE)
			nft_build_chain(batch, c->edits[i].family, c->edits[i].name);
	for (size_t i = 0; i < c->n; i++)
		if (c->edits[i].kind == EDIT_INSERT)
			build_insert(c, batch, &c->edits[i]);
	/* After the inserts, which may stand before rules that go. */
	nft_removal_build(&c->removals, batch);
	for (size_t i = 0; c->names.n_gone && i < c->n; i++)
		if (c->edits[i].kind == EDIT_DELETE_CHAIN &&
		    !nft_names_makes(&c->names, chain_of(c, &c->edits[i])->family, chain_name(c, &c->edits[i])))
			nft_build_chain_end(batch, chain_of(c, &c->edits[i])->family, chain_name(c, &c->edits[i]));
}

/* What the kernel says of a chain or a rule that another program took away, put there or leads to by now. In the
 * generation that was read, it is something that we can not see, such as a map of nft that leads to a chain. */
static bool is_stale(const struct change *c, int error)
{
	return error == ENOENT || (c->from == 0 && (error == EEXIST || error == EBUSY));
}

/*
 * Commits what `build` gives, for the generation whose rules were read. If another program has committed
 * meanwhile, the chains concerned are compared with what was read, and the present generation is taken.
 * Returns 0, or -1 with errno (ESTALE: they changed).
 */
static int commit(struct change *c, void (*build)(struct change *, struct nft_batch *))
{
	for (int tries = 0; tries < COMMIT_TRIES; tries++) {
		if (c->generation == 0) {
			if (nft_socket_generation(c->socket, &c->generation) < 0)
				return -1;
			int same = nft_read_unchanged(c->reading, c->socket, c->chains, c->n_chains,
						      c->removals.jumps, c->removals.n_jumps);
			if (same <= 0) {
				errno = same < 0 ? errno : ESTALE;
				return -1;
			}
		}
		struct nft_batch batch;
		nft_removal_look(&c->removals);
		nft_batch_begin(&batch, c->socket, c->generation);
		build(c, &batch);
		int result = nft_batch_commit(&batch, nft_removal_told, &c->removals), saved = errno;
		nft_batch_free(&batch);
		if (result == 0) {
			c->generation = nft_read_next(c->generation);
			return 0;
		}
		errno = is_stale(c, saved) ? ESTALE : saved;
		if (errno != ERESTART)
			return -1;
		c->generation = c->from = 0;
	}
	errno = ESTALE;
	return -1;
}

static int commit_drains_away(struct change *c, uint32_t generation)
{
	struct nft_batch batch;

	nft_batch_begin(&batch, c->socket, generation);
	nft_removal_build_ends(&c->removals, &batch);
	int result = nft_batch_commit(&batch, nft_removal_told, &c->removals), saved = errno;
	nft_batch_free(&batch);
	errno = saved;
	return result;
}

/* Takes the drains away when nothing can be in them any more: their counts are final then. Whatever
 * another program did meanwhile, nobody else needs them. */
static void remove_drains(struct change *c)
{
	nft_drain_wait();
	if (commit_drains_away(c, c->generation) == 0) {
		c->generation = nft_read_next(c->generation);
		return;
	}
	c->from = 0;
	if (commit_drains_away(c, 0) < 0)
		log_warning("can not remove chains named townmeter-drain, which nothing jumps to any more: %s",
			    strerror(errno));
}

/* The change can not be made: the jumps go again. */
static void withdraw_drains(struct change *c)
{
	struct nft_batch batch;
	int saved = errno;

	nft_batch_begin(&batch, c->socket, 0);
	nft_removal_build_withdrawal(&c->removals, &batch);
	if (nft_batch_commit(&batch, NULL, NULL) < 0)
		log_error("a change of the rules could not be taken back: %s", strerror(errno));
	else
		remove_drains(c);
	nft_batch_free(&batch);
	errno = saved;
}

/* All inserts and deletes, in one transaction. */
static int change_rules(struct change *c)
{
	if (c->removals.n_drains == 0)
		return commit(c, build_edits);
	if (commit(c, build_drains) < 0)
		return -1;
	nft_drain_wait();
	if (commit(c, build_edits) < 0) {
		withdraw_drains(c);
		return -1;
	}
	remove_drains(c);
	return 0;
}

bool nft_change_zeroes(const struct nft_reading *reading, const struct edit *edit)
{
	return edit->kind == EDIT_ZERO && !reading->rules->rules[edit->rule].policy;
}

/* A rule that is gone by now had counted what was read, as far as can be known. */
static enum change_result zero_rules(struct change *c, bool can_zero, const struct nft_witness *witness, bool changed)
{
	struct nft_zeroing *list = calloc(c->n + 1, sizeof *list);
	size_t n = 0, done = 0;
	int error = 0;

	if (!list)
		return CHANGE_REFUSED;
	for (size_t i = 0; i < c->n; i++)
		if (nft_change_zeroes(c->reading, &c->edits[i]))
			list[n++] = (struct nft_zeroing){.family = chain_of(c, &c->edits[i])->family,
							 .chain = chain_name(c, &c->edits[i]),
							 .handle = nft_removal_successor(&c->removals, c->edits[i].rule),
							 .error = EOPNOTSUPP};
	if (can_zero)
		nft_zero(c->socket, list, n, witness);
	n = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct edit *edit = &c->edits[i];
		if (edit->kind != EDIT_ZERO)
			continue;
		int own = nft_change_zeroes(c->reading, edit) ? list[n].error : EOPNOTSUPP;
		edit->counter = own ? c->reading->counters[edit->rule] : list[n].taken;
		edit->kept = own != 0 && own != ENOENT;
		/* It went with this very change: then the rest is what is left to the edit that deleted it. */
		struct edit *deletion = own == ENOENT ? nft_removal_of(&c->removals, edit->rule) : NULL;
		if (deletion) {
			deletion->counter.packets -= edit->counter.packets;
			deletion->counter.octets -= edit->counter.octets;
		}
		n += nft_change_zeroes(c->reading, edit);
		done += own == 0 || own == EOPNOTSUPP;
		if (own && own != EOPNOTSUPP)
			error = own;
	}
	free(list);
	if (!done && !changed && error) {
		errno = error;
		return error == ENOENT ? CHANGE_STALE : CHANGE_REFUSED;
	}
	if (error && error != ENOENT)
		log_error("the counters of some rules could not be set to zero: %s", strerror(error));
	return CHANGE_DONE;
}

enum change_result nft_change(struct nft_reading *reading, struct nft_socket *socket, bool can_zero,
			      const struct nft_witness *witness, struct edit *edits, size_t n,
			      char error[BACKEND_ERROR_SIZE])
{
	struct change c = {.reading = reading, .socket = socket, .edits = edits, .n = n};
	enum change_result result = CHANGE_REFUSED;
	bool zeroes = false;

	error[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		zeroes |= edits[i].kind == EDIT_ZERO;
		/* The kernel sets counters of rules to zero, and to nothing else. */
		if (edits[i].kind == EDIT_ADD)
			edits[i].counter = (struct counter){0};
	}
	if (nft_names_check(&c.names, reading, edits, n, error) < 0 || prepare(&c) < 0)
		goto out;
	bool chains = c.names.n_made || c.names.n_gone, moves = chains || c.n_chains;
	if (moves && change_rules(&c) < 0) {
		result = errno == ESTALE ? CHANGE_STALE : CHANGE_REFUSED;
		goto out;
	}
	if (moves) {
		if (nft_removal_finish(&c.removals))
			c.from = 0;
		nft_read_changed(reading, c.from, c.generation, c.chains, c.n_chains, chains);
	}
	result = zeroes ? zero_rules(&c, can_zero, witness, moves) : CHANGE_DONE;
out:
	free(c.chains);
	nft_names_free(&c.names);
	nft_removal_free(&c.removals);
	return result;
}
