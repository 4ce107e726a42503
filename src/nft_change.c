/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "log.h"
#include "nft_attr.h"
#include "nft_build.h"
#include "nft_decode.h"
#include "nft_drain.h"
#include "nft_zero.h"

/* Another program may commit often, if to other rules: each time costs a look at the chains concerned. */
enum { COMMIT_TRIES = 32 };

/* A removal, and what helps to do it without loss. */
struct removal {
	struct edit *edit;
	uint8_t family;                 /* handles are those of one table */
	uint64_t handle, jump;          /* the rule's, and that of the jump ahead of it */
	uint32_t jump_sequence;         /* of the message that puts it there */
	const struct prefix *prefix;    /* NULL: it is removed without a drain */
	uint8_t direction;
	char drain[NFT_DRAIN_NAME_SIZE];
	bool told;
};

struct change {
	struct nft_reading *reading;
	struct nft_socket *socket;
	struct edit *edits;
	size_t n;
	uint32_t *chains, n_chains;     /* those with inserts and deletes, each once */
	struct removal *removals;
	size_t n_removals, n_drains;
	uint64_t *jumps;                /* handles of those that are there now */
	size_t n_jumps;
	uint32_t generation;            /* that the rules are known to be of, or 0 */
	uint32_t from;                  /* the one that our commits began with; 0: there were others, too */
};

/* Where a rule is named, its chain counts. */
static uint32_t chain_index(const struct change *c, const struct edit *edit)
{
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

static int by_handle(const void *a, const void *b)
{
	const struct removal *x = a, *y = b;

	if (x->family != y->family)
		return (int)x->family - (int)y->family;
	return (x->handle > y->handle) - (x->handle < y->handle);
}

/* Only a drop rule with one prefix and nothing else can have its packets dropped ahead of it. */
static void plan_drain(struct change *c, struct removal *removal, uint32_t *number)
{
	const struct rule *rule = &c->reading->rules->rules[removal->edit->rule];
	bool dst = rule->dst.family != PREFIX_NONE, src = rule->src.family != PREFIX_NONE;

	if (rule->odd || rule->verdict != VERDICT_DROP || dst == src)
		return;
	removal->prefix = dst ? &rule->dst : &rule->src;
	removal->direction = dst ? DIRECTION_DOWN : DIRECTION_UP;
	do
		nft_drain_name(removal->drain, (*number)++);
	while (nft_chains_find(&c->reading->chains, removal->family, removal->drain) != RULE_NONE);
	c->n_drains++;
}

static int prepare(struct change *c)
{
	uint32_t number = 0;

	c->chains = calloc(c->n + 1, sizeof *c->chains);
	c->removals = calloc(c->n + 1, sizeof *c->removals);
	c->jumps = calloc(c->n + 1, sizeof *c->jumps);
	if (!c->chains || !c->removals || !c->jumps)
		return -1;
	c->generation = c->from = c->reading->read_in;
	for (size_t i = 0; i < c->n; i++) {
		struct edit *edit = &c->edits[i];
		if (edit->kind != EDIT_INSERT && edit->kind != EDIT_DELETE)
			continue;
		c->chains[c->n_chains++] = chain_index(c, edit);
		if (edit->kind != EDIT_DELETE)
			continue;
		struct removal *removal = &c->removals[c->n_removals++];
		removal->edit = edit;
		removal->family = chain_of(c, edit)->family;
		removal->handle = c->reading->known[edit->rule].handle;
		plan_drain(c, removal, &number);
	}
	qsort(c->chains, c->n_chains, sizeof *c->chains, by_number);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < c->n_chains; i++)
		if (i == 0 || c->chains[i] != c->chains[kept - 1])
			c->chains[kept++] = c->chains[i];
	c->n_chains = kept;
	qsort(c->removals, c->n_removals, sizeof *c->removals, by_handle);
	return 0;
}

/* What a commit tells of new jumps, deleted rules and emptied drains. */
static int on_told(void *context, const struct nlmsghdr *message)
{
	struct change *c = context;
	struct nft_brief brief;
	int type = message->nlmsg_type & 0xff;

	if ((type != NFT_MSG_NEWRULE && type != NFT_MSG_DELRULE) ||
	    nft_decode_brief(message, false, &brief) < 0)
		return 0;
	struct removal key = {.handle = brief.handle};
	key.family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family == NFPROTO_IPV6 ? 6 : 4;
	if (type == NFT_MSG_NEWRULE) {
		for (size_t i = 0; i < c->n_removals; i++)
			if (c->removals[i].prefix && c->removals[i].jump_sequence == message->nlmsg_seq)
				c->jumps[c->n_jumps++] = c->removals[i].jump = brief.handle;
		return 0;
	}
	struct removal *own = bsearch(&key, c->removals, c->n_removals, sizeof *c->removals, by_handle);
	const char *chain = nft_attr_text(nft_attr_find(message, NFTA_RULE_CHAIN));
	for (size_t i = 0; chain && nft_drain_is(chain) && i < c->n_removals; i++)
		if (c->removals[i].prefix && strcmp(c->removals[i].drain, chain) == 0)
			own = &c->removals[i];
	if (!own)
		return 0;
	own->edit->counter.packets += brief.counter.packets;
	own->edit->counter.octets += brief.counter.octets;
	own->told |= own->handle == brief.handle;
	return 0;
}

/* Jumps to drains ahead of the drop rules that are to go. */
static void build_drains(struct change *c, struct nft_batch *batch)
{
	for (size_t i = 0; i < c->n_removals; i++) {
		struct removal *r = &c->removals[i];
		if (!r->prefix)
			continue;
		struct nft_new_rule drop = {.prefix = r->prefix, .direction = r->direction, .verdict = VERDICT_DROP,
					    .comment = ""};
		struct nft_new_rule jump = drop;
		jump.verdict = VERDICT_JUMP;
		jump.target = r->drain;
		nft_build_chain(batch, r->family, r->drain);
		nft_build_rule(batch, &(struct nft_place){.family = r->family, .chain = r->drain}, &drop);
		r->jump_sequence = nft_build_rule(
			batch, &(struct nft_place){.family = r->family, .chain = chain_name(c, r->edit),
						   .before = r->handle}, &jump);
	}
}

static void build_edits(struct change *c, struct nft_batch *batch)
{
	for (size_t i = 0; i < c->n; i++) {
		struct edit *edit = &c->edits[i];
		if (edit->kind != EDIT_INSERT)
			continue;
		struct nft_place place = {
			.family = chain_of(c, edit)->family,
			.chain = chain_name(c, edit),
			.before = edit->rule == RULE_NONE ? 0 : c->reading->known[edit->rule].handle};
		struct nft_new_rule rule = {.prefix = &edit->prefix,
					    .direction = edit->direction,
					    .verdict = edit->verdict,
					    .comment = edit->comment,
					    .counter = edit->counter};
		nft_build_rule(batch, &place, &rule);
	}
	/* After the inserts, which may stand before rules that go. */
	for (size_t i = 0; i < c->n_removals; i++) {
		struct removal *r = &c->removals[i];
		r->edit->counter = (struct counter){0};
		r->told = false;
		nft_build_removal(batch, r->family, chain_name(c, r->edit), r->handle);
		if (r->prefix)
			nft_build_removal(batch, r->family, chain_name(c, r->edit), r->jump);
	}
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
			int same = nft_read_unchanged(c->reading, c->socket, c->chains, c->n_chains, c->jumps,
						      c->n_jumps);
			if (same <= 0) {
				errno = same < 0 ? errno : ESTALE;
				return -1;
			}
		}
		struct nft_batch batch;
		nft_batch_begin(&batch, c->socket, c->generation);
		build(c, &batch);
		int result = nft_batch_commit(&batch, on_told, c), saved = errno;
		nft_batch_free(&batch);
		if (result == 0) {
			c->generation = nft_read_next(c->generation);
			return 0;
		}
		errno = saved == ENOENT ? ESTALE : saved;
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
	for (size_t i = 0; i < c->n_removals; i++)
		if (c->removals[i].prefix)
			nft_build_chain_removal(&batch, c->removals[i].family, c->removals[i].drain);
	int result = nft_batch_commit(&batch, on_told, c), saved = errno;
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
		log_warning("can not remove chains %s and on, which nothing jumps to any more: %s",
			    c->removals[0].drain, strerror(errno));
}

/* The change can not be made: the jumps go again. */
static void withdraw_drains(struct change *c)
{
	struct nft_batch batch;
	int saved = errno;

	nft_batch_begin(&batch, c->socket, 0);
	for (size_t i = 0; i < c->n_removals; i++)
		if (c->removals[i].prefix)
			nft_build_removal(&batch, c->removals[i].family, chain_name(c, c->removals[i].edit),
					  c->removals[i].jump);
	if (nft_batch_commit(&batch, NULL, NULL) < 0)
		log_error("a change of the rules could not be taken back: %s", strerror(errno));
	else
		remove_drains(c);
	nft_batch_free(&batch);
	errno = saved;
}

/* Drains of a removal that was cut off. Where a jump leads to one still, nothing happens to it. */
static void remove_leftovers(struct change *c)
{
	struct nft_batch batch;

	for (uint32_t i = 0; i < c->reading->chains.n; i++) {
		const struct nft_chain *chain = &c->reading->chains.chains[i];
		if (!nft_drain_is(chain->name))
			continue;
		c->from = 0;
		nft_batch_begin(&batch, c->socket, 0);
		nft_build_chain_removal(&batch, chain->family, chain->name);
		(void)nft_batch_commit(&batch, NULL, NULL);
		nft_batch_free(&batch);
	}
}

/* All inserts and deletes, in one transaction. */
static int change_rules(struct change *c)
{
	if (c->n_drains == 0)
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
							 .handle = c->reading->known[c->edits[i].rule].handle,
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
			      const struct nft_witness *witness, struct edit *edits, size_t n)
{
	struct change c = {.reading = reading, .socket = socket, .edits = edits, .n = n};
	enum change_result result = CHANGE_REFUSED;
	bool zeroes = false;

	for (size_t i = 0; i < n; i++) {
		zeroes |= edits[i].kind == EDIT_ZERO;
		/* The kernel sets counters of rules to zero, and to nothing else. */
		if (edits[i].kind == EDIT_ADD)
			edits[i].counter = (struct counter){0};
	}
	if (prepare(&c) < 0)
		goto out;
	if (c.n_chains && change_rules(&c) < 0) {
		result = errno == ESTALE ? CHANGE_STALE : CHANGE_REFUSED;
		goto out;
	}
	for (size_t i = 0; i < c.n_removals; i++)
		if (!c.removals[i].told)
			log_error("the kernel did not tell the last count of a deleted rule");
	if (c.n_chains) {
		remove_leftovers(&c);
		nft_read_changed(reading, c.from, c.generation, c.chains, c.n_chains);
	}
	result = zeroes ? zero_rules(&c, can_zero, witness, c.n_chains > 0) : CHANGE_DONE;
out:
	free(c.chains);
	free(c.removals);
	free(c.jumps);
	return result;
}
