/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_removal.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "log.h"
#include "nft_attr.h"
#include "nft_build.h"
#include "nft_decode.h"

static int by_handle(const void *a, const void *b)
{
	const struct nft_removal *x = a, *y = b;

	if (x->family != y->family)
		return (int)x->family - (int)y->family;
	return (x->handle > y->handle) - (x->handle < y->handle);
}

static const char *chain_name(const struct nft_removals *r, const struct nft_removal *removal)
{
	return ruleset_chain_name(r->reading->rules, removal->rule);
}

/* Does the rule jump to a drain, and stand for a drop? (nft_rules.c) */
static bool is_leftover(const struct ruleset *rules, const struct rule *rule)
{
	return rule->verdict == VERDICT_DROP && rule->target && nft_drain_is(ruleset_text(rules, rule->target));
}

static bool any_drain(const struct nft_chains *chains)
{
	for (uint32_t i = 0; i < chains->n; i++)
		if (nft_drain_is(chains->chains[i].name))
			return true;
	return false;
}

/* Those that drop the same packets of one chain stand together, in the order of the rules. What can not be
 * drained is alike to nothing. */
static int by_packets(const void *a, const void *b)
{
	const struct nft_removal *x = a, *y = b;

	if (x->chain != y->chain)
		return x->chain < y->chain ? -1 : 1;
	if (!x->prefix != !y->prefix)
		return x->prefix ? -1 : 1;
	if (x->prefix && x->direction != y->direction)
		return (int)x->direction - (int)y->direction;
	int order = x->prefix ? prefix_compare(x->prefix, y->prefix) : 0;
	return order ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

static bool is_alike(const struct nft_removal *a, const struct nft_removal *b)
{
	return a->prefix && b->prefix && a->chain == b->chain && a->direction == b->direction &&
	       prefix_compare(a->prefix, b->prefix) == 0;
}

/* Only a drop rule with one prefix and nothing else can have its packets dropped ahead of it. */
static struct nft_removal *add(struct nft_removals *r, uint32_t rule, struct edit *edit)
{
	const struct ruleset *rules = r->reading->rules;
	const struct rule *own = &rules->rules[rule];
	bool dst = own->dst.family != PREFIX_NONE, src = own->src.family != PREFIX_NONE;
	struct nft_removal *removal = &r->list[r->n++];

	*removal = (struct nft_removal){.edit = edit, .rule = rule, .chain = own->chain,
					.family = rules->chains[own->chain].family,
					.handle = r->reading->known[rule].handle};
	if (own->odd || own->verdict != VERDICT_DROP || dst == src)
		return removal;
	removal->prefix = dst ? &own->dst : &own->src;
	removal->direction = dst ? DIRECTION_DOWN : DIRECTION_UP;
	return removal;
}

/* Jumps that were left, in the tables that change. */
static void add_leftovers(struct nft_removals *r, const bool tables[2], size_t n)
{
	const struct ruleset *rules = r->reading->rules;
	size_t n_own = r->n;

	for (uint32_t i = 0; i < rules->n_rules && r->n < n_own + n; i++) {
		if (!is_leftover(rules, &rules->rules[i]) ||
		    !tables[rules->chains[rules->rules[i].chain].family == 6] || nft_removal_of(r, i))
			continue;
		if (!add(r, i, NULL)->prefix)
			r->n--;
	}
}

/* What a jump that was left counts goes to an edit of its group; without one it goes on in a drop rule. */
static void share_edit(struct nft_removals *r, size_t first, size_t end)
{
	struct edit *edit = NULL;

	for (size_t i = first; i < end && !edit; i++)
		edit = r->list[i].edit;
	for (size_t i = first; i < end; i++) {
		if (!r->list[i].edit)
			r->list[i].edit = edit;
		r->n_succeeded += !edit;
	}
}

/*
 * The first of those that drop the same packets gets a drain; no packet gets to the others then. A rule that
 * gives way to a drop rule can not be drained: who would count what the drain drops?
 */
static void plan_drains(struct nft_removals *r)
{
	uint32_t number = 0;

	if (r->n)
		qsort(r->list, r->n, sizeof *r->list, by_packets);
	for (size_t first = 0, end; first < r->n; first = end) {
		struct nft_removal *own = &r->list[first];
		for (end = first + 1; end < r->n && is_alike(own, &r->list[end]);)
			end++;
		share_edit(r, first, end);
		if (!own->prefix || !own->edit)
			continue;
		do
			nft_drain_name(own->drain, number++);
		while (nft_chains_find(&r->reading->chains, 4, own->drain) != RULE_NONE ||
		       nft_chains_find(&r->reading->chains, 6, own->drain) != RULE_NONE);
		r->n_drains++;
	}
}

static uint8_t family_of(const struct ruleset *rules, const struct edit *edit)
{
	if (edit->name)
		return edit->family;
	return rules->chains[edit->rule == RULE_NONE ? edit->chain : rules->rules[edit->rule].chain].family;
}

static size_t count_leftovers(const struct ruleset *rules)
{
	size_t n = 0;

	for (uint32_t i = 0; i < rules->n_rules; i++)
		n += is_leftover(rules, &rules->rules[i]);
	return n;
}

int nft_removal_plan(struct nft_removals *r, struct nft_reading *reading, struct nft_socket *socket,
		     struct edit *edits, size_t n)
{
	const struct ruleset *rules = reading->rules;
	bool tables[2] = {false, false};

	*r = (struct nft_removals){.reading = reading, .socket = socket};
	size_t left = any_drain(&reading->chains) ? count_leftovers(rules) : 0;
	r->list = calloc(n + left + 1, sizeof *r->list);
	r->jumps = calloc(n + left + 1, sizeof *r->jumps);
	if (!r->list || !r->jumps)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (edits[i].kind != EDIT_INSERT && edits[i].kind != EDIT_DELETE)
			continue;
		tables[family_of(rules, &edits[i]) == 6] = true;
		if (edits[i].kind == EDIT_DELETE)
			add(r, edits[i].rule, &edits[i]);
	}
	if (left)
		add_leftovers(r, tables, left);
	plan_drains(r);
	if (r->n)
		qsort(r->list, r->n, sizeof *r->list, by_handle);
	return 0;
}

void nft_removal_free(struct nft_removals *r)
{
	free(r->list);
	free(r->jumps);
	*r = (struct nft_removals){0};
}

void nft_removal_build_drains(struct nft_removals *r, struct nft_batch *batch)
{
	for (size_t i = 0; i < r->n; i++) {
		struct nft_removal *own = &r->list[i];
		if (!own->drain[0])
			continue;
		struct nft_new_rule drop = {.prefix = own->prefix, .direction = own->direction, .verdict = VERDICT_DROP};
		struct nft_new_rule jump = drop;
		jump.verdict = VERDICT_JUMP;
		jump.target = own->drain;
		jump.told = true;
		nft_build_chain(batch, own->family, own->drain);
		nft_build_rule(batch, &(struct nft_place){.family = own->family, .chain = own->drain}, &drop);
		own->jump_sequence = nft_build_rule(
			batch, &(struct nft_place){.family = own->family, .chain = chain_name(r, own),
						   .before = own->handle}, &jump);
	}
}

static int on_counter(void *context, const struct nlmsghdr *message)
{
	struct nft_brief brief;

	if (nft_decode_brief(message, false, &brief) < 0)
		return -1;
	*(struct counter *)context = brief.counter;
	return 0;
}

/* As late as can be: what it counts from then on until it goes is counted nowhere. */
static struct counter count_of(const struct nft_removals *r, const struct nft_removal *removal)
{
	struct counter counter = r->reading->counters[removal->rule];
	char room[NFT_REQUEST_SIZE];
	struct nlmsghdr *request = nft_socket_head(r->socket, room, NFT_MSG_GETRULE, 0, removal->family);

	mnl_attr_put_strz(request, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain_name(r, removal));
	mnl_attr_put_u64(request, NFTA_RULE_HANDLE, htobe64(removal->handle));
	/* If that fails, the rule is gone, and the commit says so. */
	(void)nft_socket_ask(r->socket, request, request->nlmsg_len, 1, on_counter, NULL, &counter);
	return counter;
}

static void build_successor(struct nft_removals *r, struct nft_removal *own, struct nft_batch *batch)
{
	struct nft_new_rule drop = {.prefix = own->prefix, .direction = own->direction, .verdict = VERDICT_DROP,
				    .comment = RULE_COMMENT, .counter = own->start, .told = true};

	own->drop_sequence = nft_build_rule(
		batch, &(struct nft_place){.family = own->family, .chain = chain_name(r, own), .before = own->handle},
		&drop);
}

void nft_removal_build(struct nft_removals *r, struct nft_batch *batch)
{
	for (size_t i = 0; i < r->n; i++) {
		struct nft_removal *own = &r->list[i];
		own->told = false;
		if (own->edit)
			own->edit->counter = (struct counter){0};
		else
			build_successor(r, own, batch);
	}
	for (size_t i = 0; i < r->n; i++) {
		struct nft_removal *own = &r->list[i];
		nft_build_removal(batch, own->family, chain_name(r, own), own->handle);
		if (own->drain[0])
			nft_build_removal(batch, own->family, chain_name(r, own), own->jump);
	}
}

void nft_removal_look(struct nft_removals *r)
{
	for (size_t i = 0; r->n_succeeded && i < r->n; i++)
		if (!r->list[i].edit)
			r->list[i].start = count_of(r, &r->list[i]);
}

void nft_removal_build_withdrawal(const struct nft_removals *r, struct nft_batch *batch)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].drain[0])
			nft_build_removal(batch, r->list[i].family, chain_name(r, &r->list[i]), r->list[i].jump);
}

void nft_removal_build_ends(const struct nft_removals *r, struct nft_batch *batch)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].drain[0])
			nft_build_chain_removal(batch, r->list[i].family, r->list[i].drain);
}

/* New rules of ours are known by the message that puts them there. */
static void on_new(struct nft_removals *r, uint32_t sequence, uint64_t handle)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i].drain[0] && r->list[i].jump_sequence == sequence)
			r->jumps[r->n_jumps++] = r->list[i].jump = handle;
		if (!r->list[i].edit && r->list[i].drop_sequence == sequence)
			r->list[i].drop = handle;
	}
}

int nft_removal_told(void *context, const struct nlmsghdr *message)
{
	struct nft_removals *r = context;
	struct nft_brief brief;
	int type = message->nlmsg_type & 0xff;

	if ((type != NFT_MSG_NEWRULE && type != NFT_MSG_DELRULE) ||
	    nft_decode_brief(message, false, &brief) < 0)
		return 0;
	struct nft_removal key = {.handle = brief.handle};
	key.family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family == NFPROTO_IPV6 ? 6 : 4;
	if (type == NFT_MSG_NEWRULE) {
		on_new(r, message->nlmsg_seq, brief.handle);
		return 0;
	}
	struct nft_removal *own = r->n ? bsearch(&key, r->list, r->n, sizeof *r->list, by_handle) : NULL;
	const char *chain = nft_attr_text(nft_attr_find(message, NFTA_RULE_CHAIN));
	for (size_t i = 0; chain && nft_drain_is(chain) && i < r->n; i++)
		if (r->list[i].drain[0] && strcmp(r->list[i].drain, chain) == 0)
			own = &r->list[i];
	if (!own)
		return 0;
	own->told |= own->handle == brief.handle;
	if (own->edit) {
		own->edit->counter.packets += brief.counter.packets;
		own->edit->counter.octets += brief.counter.octets;
	} else if (brief.counter.packets != own->start.packets) {
		log_warning("%" PRIu64 " packets that were dropped while the rest of a cut-off removal went are "
			    "counted nowhere", brief.counter.packets - own->start.packets);
	}
	return 0;
}

bool nft_removal_finish(struct nft_removals *r)
{
	bool any = false;

	for (size_t i = 0; i < r->n; i++)
		if (!r->list[i].told)
			log_error("the kernel did not tell the last count of a deleted rule");
	/* Where a jump leads to one still, nothing happens to it. */
	for (uint32_t i = 0; i < r->reading->chains.n; i++) {
		const struct nft_chain *chain = &r->reading->chains.chains[i];
		struct nft_batch batch;
		if (!nft_drain_is(chain->name))
			continue;
		any = true;
		nft_batch_begin(&batch, r->socket, 0);
		nft_build_chain_removal(&batch, chain->family, chain->name);
		(void)nft_batch_commit(&batch, NULL, NULL);
		nft_batch_free(&batch);
	}
	return any;
}

uint64_t nft_removal_successor(const struct nft_removals *r, uint32_t rule)
{
	for (size_t i = 0; r->n_succeeded && i < r->n; i++)
		if (!r->list[i].edit && r->list[i].rule == rule)
			return r->list[i].drop;
	return r->reading->known[rule].handle;
}

struct edit *nft_removal_of(const struct nft_removals *r, uint32_t rule)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].rule == rule)
			return r->list[i].edit;
	return NULL;
}
