/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of chains that townmeter writes (layout_names.h): where it is entered, and where each chain stands in it. */
#include <stdlib.h>
#include <string.h>

#include "layout_names.h"
#include "recognise_private.h"

static const char leads_on[] = "leads on (townmeter)";

/* Chains that are reached and not walked yet. */
struct walk {
	struct work *work;
	uint32_t *stack, n;
};

static const char *chain_name(const struct work *work, uint32_t chain)
{
	return ruleset_text(work->rules, work->rules->chains[chain].name);
}

static bool leads_to_chain(const struct rule *rule)
{
	return !rule->policy && !rule->odd && (rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO);
}

static bool has_no_prefix(const struct rule *rule)
{
	return rule->dst.family == PREFIX_NONE && rule->src.family == PREFIX_NONE;
}

/* Exactly -d (down) or -s (up), and no other match but what odd says. */
static bool has_own_prefix(const struct rule *rule, uint8_t direction)
{
	return direction == DIRECTION_DOWN ? rule->dst.family != PREFIX_NONE && rule->src.family == PREFIX_NONE
					   : rule->src.family != PREFIX_NONE && rule->dst.family == PREFIX_NONE;
}

static bool is_generated(const struct work *work, uint32_t chain)
{
	return layout_name_is_generated(chain_name(work, chain));
}

static bool is_of_services(const struct work *work, uint32_t chain)
{
	return is_generated(work, chain) && chain_name(work, chain)[strlen(LAYOUT_GENERATED)] == LAYOUT_SERVICES;
}

static bool is_whole_zero(const struct prefix *prefix)
{
	static const uint8_t zero[sizeof prefix->addr];

	return prefix->family != PREFIX_NONE && prefix->length == 8 * prefix_octets(prefix->family) &&
	       memcmp(prefix->addr, zero, sizeof zero) == 0;
}

static bool is_canary(const struct rule *rule)
{
	return !rule->policy && !rule->odd && rule->verdict == VERDICT_NONE && is_whole_zero(&rule->dst) &&
	       is_whole_zero(&rule->src);
}

/* The first that leads to a chain says what it is. */
static void enter(struct walk *walk, uint32_t chain, enum tree_place place, uint32_t from)
{
	struct work *work = walk->work;

	if (work->tree[chain].place != TREE_OUTSIDE || work->rules->chains[chain].hook != HOOK_NONE)
		return;
	work->tree[chain] = (struct tree_chain){.place = (uint8_t)place, .from = from};
	walk->stack[walk->n++] = chain;
}

static void mark(struct work *work, uint32_t rule, const char *why)
{
	work->found->roles[rule].layout = true;
	work->found->roles[rule].why = why;
}

/* From the root to the towns. */
static void walk_dispatch(struct walk *walk, uint32_t index)
{
	struct work *work = walk->work;
	const struct chain *chain = &work->rules->chains[index];

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
		const struct rule *rule = &work->rules->rules[i];
		if (is_canary(rule)) {
			mark(work, i, NULL);
			work->found->roles[i].kind = ROLE_CANARY;
		} else if (leads_to_chain(rule) && is_generated(work, rule->jump)) {
			mark(work, i, leads_on);
			enter(walk, rule->jump, TREE_DISPATCH, RULE_NONE);
		} else if (leads_to_chain(rule) && rule->verdict == VERDICT_GOTO) {
			mark(work, i, leads_on);
			enter(walk, rule->jump, TREE_TOWN, RULE_NONE);
		} else if (rule->verdict == VERDICT_RETURN && !rule->odd) {
			mark(work, i, leads_on);
		} else {
			work->found->roles[i].why = "no rule of townmeter's";
		}
	}
}

/* A town's chain: other rules than its entrances are those of any town. */
static void walk_town(struct walk *walk, uint32_t index)
{
	struct work *work = walk->work;
	const struct chain *chain = &work->rules->chains[index];

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
		const struct rule *rule = &work->rules->rules[i];
		if (!leads_to_chain(rule) || rule->verdict != VERDICT_JUMP || !is_generated(work, rule->jump) ||
		    (!has_own_prefix(rule, DIRECTION_DOWN) && !has_own_prefix(rule, DIRECTION_UP)))
			continue;
		mark(work, i, leads_on);
		enter(walk, rule->jump, TREE_HOSTS, i);
		work->n_entrances++;
	}
}

uint8_t recognise_way(const struct rule *rule)
{
	return rule->dst.family != PREFIX_NONE ? DIRECTION_DOWN : DIRECTION_UP;
}

static bool counts_host(const struct work *work, const struct rule *rule, uint8_t direction)
{
	if (rule->policy || rule->odd || !has_own_prefix(rule, direction))
		return false;
	return rule->verdict == VERDICT_NONE || (rule->verdict == VERDICT_JUMP && is_of_services(work, rule->jump));
}

/* Below an entrance: hosts, and what leads to them. */
static void walk_hosts(struct walk *walk, uint32_t index)
{
	struct work *work = walk->work;
	const struct chain *chain = &work->rules->chains[index];
	uint32_t entrance = work->tree[index].from;
	uint8_t direction = recognise_way(&work->rules->rules[entrance]);

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
		const struct rule *rule = &work->rules->rules[i];
		bool leads = leads_to_chain(rule) && is_generated(work, rule->jump) &&
			     (has_no_prefix(rule) || has_own_prefix(rule, direction));
		if (counts_host(work, rule, direction)) {
			mark(work, i, leads_on);
			work->n_counts++;
			if (rule->verdict == VERDICT_JUMP)
				enter(walk, rule->jump, TREE_SERVICES, i);
		} else if (leads) {
			bool services = is_of_services(work, rule->jump);
			mark(work, i, leads_on);
			enter(walk, rule->jump, services ? TREE_SERVICES : TREE_HOSTS, entrance);
		} else {
			work->found->roles[i].why = "no rule of townmeter's";
		}
	}
}

/* What a chain means follows from the way that packets come to it, and not from its name alone. */
static void walk_all(struct walk *walk)
{
	while (walk->n) {
		uint32_t chain = walk->stack[--walk->n];
		switch (walk->work->tree[chain].place) {
		case TREE_DISPATCH:
			walk_dispatch(walk, chain);
			break;
		case TREE_TOWN:
			walk_town(walk, chain);
			break;
		case TREE_HOSTS:
			walk_hosts(walk, chain);
			break;
		default: /* services: recognise_services() */
			break;
		}
	}
}

static void find_roots(struct walk *walk)
{
	struct work *work = walk->work;
	const struct ruleset *rules = work->rules;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		uint32_t *root = &work->root[chain->backend][chain->family == PREFIX_IPV6];
		if (chain->hook != HOOK_FORWARD)
			continue;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			char text[160];
			if (!layout_name_root_jump(rules, &rules->rules[i]))
				continue;
			if (*root == RULE_NONE) {
				*root = i;
				mark(work, i, leads_on);
				enter(walk, rules->rules[i].jump, TREE_DISPATCH, RULE_NONE);
				continue;
			}
			mark(work, i, "a second jump to townmeter");
			recognise_problem(work, "%s leads to townmeter a second time, so that all count twice: delete it",
					  ruleset_describe(rules, i, text, sizeof text));
		}
	}
}

int recognise_tree(struct work *work)
{
	const struct ruleset *rules = work->rules;
	struct walk walk = {.work = work};

	work->tree = calloc(rules->n_chains + 1u, sizeof *work->tree);
	walk.stack = calloc(rules->n_chains + 1u, sizeof *walk.stack);
	if (!work->tree || !walk.stack) {
		free(walk.stack);
		return -1;
	}
	for (int b = 0; b < 2; b++)
		work->root[b][0] = work->root[b][1] = RULE_NONE;
	find_roots(&walk);
	walk_all(&walk);
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		if (work->tree[c].place != TREE_OUTSIDE || chain->hook != HOOK_NONE || !is_generated(work, c))
			continue;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
			work->found->roles[i].why = "a chain of townmeter that nothing leads to";
	}
	free(walk.stack);
	return 0;
}

/* The town of what stands below an entrance; RULE_NONE: it is not read. */
static uint32_t town_below(const struct work *work, uint32_t entrance)
{
	return work->town_of_chain[work->rules->rules[entrance].chain];
}

void recognise_tree_hosts(struct work *work)
{
	const struct ruleset *rules = work->rules;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		if (work->tree[c].place != TREE_HOSTS)
			continue;
		uint32_t entrance = work->tree[c].from, town = town_below(work, entrance);
		uint8_t direction = recognise_way(&rules->rules[entrance]);
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			const struct rule *rule = &rules->rules[i];
			struct role *role = &work->found->roles[i];
			if (!role->layout || !counts_host(work, rule, direction))
				continue;
			if (town == RULE_NONE) {
				role->why = "its town is read from nf_tables";
				continue;
			}
			const struct found_town *own = &work->found->towns[town];
			bool ipv6 = chain->family == PREFIX_IPV6;
			role->kind = ROLE_COUNT;
			role->direction = direction;
			role->town = town;
			work->sightings[work->n_sightings++] = (struct sighting){
				.town = town, .rule = i, .direction = direction,
				.prefix = direction == DIRECTION_DOWN ? rule->dst : rule->src,
				.beside = own->chain[ipv6] != own->tree[ipv6]};
		}
	}
}
