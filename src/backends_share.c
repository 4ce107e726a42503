/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which edits go to which backend; drops of a chain that stands in both go to both. */
#include <stdlib.h>
#include <string.h>

#include "backends_private.h"

/* Those of nf_tables come first. */
static int part_of(const struct backend *b, uint32_t index, const uint32_t first[2])
{
	if (!b->used[CHAIN_NFT] || !b->used[CHAIN_LEGACY])
		return b->used[CHAIN_NFT] ? CHAIN_NFT : CHAIN_LEGACY;
	return index >= first[CHAIN_LEGACY] ? CHAIN_LEGACY : CHAIN_NFT;
}

int backends_part_of_rule(const struct backend *b, uint32_t rule)
{
	return part_of(b, rule, b->first_rule);
}

static bool names_chain(const struct edit *edit)
{
	return edit->kind == EDIT_CHAIN || (edit->kind == EDIT_INSERT && edit->name);
}

int backends_part(const struct backend *b, const struct edit *edit)
{
	if (names_chain(edit))
		return edit->backend;
	return edit->kind != EDIT_DELETE_CHAIN && edit->rule != RULE_NONE ? part_of(b, edit->rule, b->first_rule)
				       : part_of(b, edit->chain, b->first_chain);
}

static struct edit *add(struct backends_share *share, size_t from)
{
	if (share->n == share->room) {
		size_t room = share->room ? share->room * 2 : 16;
		struct edit *edits = realloc(share->edits, room * sizeof *edits);
		if (!edits)
			return NULL;
		share->edits = edits;
		size_t *numbers = realloc(share->from, room * sizeof *numbers);
		if (!numbers)
			return NULL;
		share->from = numbers;
		share->room = room;
	}
	share->from[share->n] = from;
	return &share->edits[share->n++];
}

/* Does FORWARD of this backend jump to the chain? */
static bool is_entered(const struct ruleset *rules, uint32_t chain)
{
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *forward = &rules->chains[c];
		if (forward->hook != HOOK_FORWARD || forward->backend != rules->chains[chain].backend)
			continue;
		for (uint32_t i = forward->first; i < forward->first + forward->count; i++)
			if (rules->rules[i].verdict == VERDICT_JUMP && rules->rules[i].jump == chain)
				return true;
	}
	return false;
}

/* The chain of iptables-legacy that has the name of this one of nf_tables, or RULE_NONE. */
static uint32_t twin_of(const struct ruleset *rules, uint32_t chain)
{
	const struct chain *own = &rules->chains[chain];

	if (own->backend != CHAIN_NFT || own->hook != HOOK_NONE)
		return RULE_NONE;
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *other = &rules->chains[c];
		if (other->backend == CHAIN_LEGACY && other->hook == HOOK_NONE && other->family == own->family &&
		    strcmp(ruleset_text(rules, other->name), ruleset_text(rules, own->name)) == 0 &&
		    is_entered(rules, c))
			return c;
	}
	return RULE_NONE;
}

static bool is_drop_of(const struct rule *rule, uint8_t direction, const struct prefix *prefix)
{
	const struct prefix *own = direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
	const struct prefix *other = direction == DIRECTION_DOWN ? &rule->src : &rule->dst;

	return rule->verdict == VERDICT_DROP && !rule->odd && other->family == PREFIX_NONE &&
	       prefix_compare(own, prefix) == 0;
}

static bool is_ours(const struct ruleset *rules, const struct rule *rule)
{
	return strcmp(ruleset_text(rules, rule->comment), RULE_COMMENT) == 0;
}

static bool is_deleted(const struct backends_share *share, uint32_t rule)
{
	for (size_t i = 0; i < share->n; i++)
		if (share->edits[i].kind == EDIT_DELETE && share->edits[i].rule == rule)
			return true;
	return false;
}

/* A new drop stands at the head of the twin, if there is none of ours. */
static int mirror_insert(struct backends_share *share, const struct backend *b, const struct edit *edit, uint32_t twin)
{
	const struct chain *chain = &b->merged->chains[twin];

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
		if (is_drop_of(&b->merged->rules[i], edit->direction, &edit->prefix) &&
		    is_ours(b->merged, &b->merged->rules[i]))
			return 0;
	struct edit *own = add(share, SIZE_MAX);
	if (!own)
		return -1;
	*own = *edit;
	own->counter = (struct counter){0};
	own->chain = twin - b->first_chain[CHAIN_LEGACY];
	own->rule = chain->count ? chain->first - b->first_rule[CHAIN_LEGACY] : RULE_NONE;
	return 0;
}

/* With a drop go those of the twin: ours with ours, and all with one that someone else made. */
static int mirror_delete(struct backends_share *share, const struct backend *b, const struct edit *edit, uint32_t twin)
{
	const struct rule *rule = &b->merged->rules[edit->rule];
	uint8_t direction = rule->dst.family != PREFIX_NONE ? DIRECTION_DOWN : DIRECTION_UP;
	const struct prefix *prefix = direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
	const struct chain *chain = &b->merged->chains[twin];

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
		uint32_t number = i - b->first_rule[CHAIN_LEGACY];
		if (!is_drop_of(&b->merged->rules[i], direction, prefix) || is_deleted(share, number) ||
		    (is_ours(b->merged, rule) && !is_ours(b->merged, &b->merged->rules[i])))
			continue;
		struct edit *own = add(share, SIZE_MAX);
		if (!own)
			return -1;
		memset(own, 0, sizeof *own);
		own->kind = EDIT_DELETE;
		own->rule = number;
		own->chain = twin - b->first_chain[CHAIN_LEGACY];
	}
	return 0;
}

/* The drops of blocks have one prefix, and nothing else. */
static bool is_block(const struct edit *edit)
{
	return edit->kind == EDIT_INSERT && !edit->name && edit->verdict == VERDICT_DROP &&
	       edit->prefix.family != PREFIX_NONE && edit->other.family == PREFIX_NONE && !edit->ports.protocol;
}

static bool was_block(const struct rule *rule)
{
	return !rule->odd && rule->verdict == VERDICT_DROP &&
	       (rule->dst.family == PREFIX_NONE) != (rule->src.family == PREFIX_NONE);
}

/* What an edit in nf_tables means for iptables-legacy. */
static int mirror(struct backends_share *share, const struct backend *b, const struct edit *edit)
{
	bool removes = edit->kind == EDIT_DELETE;
	const struct rule *rule = removes ? &b->merged->rules[edit->rule] : NULL;

	if (removes ? !was_block(rule) : !is_block(edit))
		return 0;
	uint32_t twin = twin_of(b->merged, removes ? rule->chain : edit->chain);
	if (twin == RULE_NONE)
		return 0;
	return removes ? mirror_delete(share, b, edit, twin) : mirror_insert(share, b, edit, twin);
}

int backends_share_make(struct backends_share *share, const struct backend *b, int part, const struct edit *edits,
			size_t n)
{
	bool both = b->used[CHAIN_LEGACY] && b->used[CHAIN_NFT];

	memset(share, 0, sizeof *share);
	for (size_t i = 0; i < n; i++) {
		if (backends_part(b, &edits[i]) == part) {
			struct edit *own = add(share, i);
			if (!own)
				return -1;
			*own = edits[i];
			if (names_chain(own))
				continue;
			own->chain -= b->first_chain[part];
			if (own->rule != RULE_NONE && own->kind != EDIT_DELETE_CHAIN)
				own->rule -= b->first_rule[part];
		} else if (both && part == CHAIN_LEGACY && mirror(share, b, &edits[i]) < 0) {
			return -1;
		}
	}
	return 0;
}

void backends_share_return(const struct backends_share *share, struct edit *edits)
{
	for (size_t i = 0; i < share->n; i++) {
		if (share->from[i] == SIZE_MAX)
			continue;
		edits[share->from[i]].counter = share->edits[i].counter;
		edits[share->from[i]].kept = share->edits[i].kept;
		edits[share->from[i]].left = share->edits[i].left;
		edits[share->from[i]].step = share->edits[i].step;
	}
}

void backends_share_free(struct backends_share *share)
{
	free(share->edits);
	free(share->from);
	share->edits = NULL;
	share->from = NULL;
}
