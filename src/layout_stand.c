/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the chains that stand are ours, and which chain of the layout each of them is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout_diff.h"

static const char *chain_name(const struct layout_diff *diff, uint32_t chain)
{
	return ruleset_text(diff->rules, diff->rules->chains[chain].name);
}

/* The chain of this name, or RULE_NONE. */
static uint32_t find(const struct layout_diff *diff, const char *name)
{
	uint32_t low = 0, high = diff->n_sorted;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(chain_name(diff, diff->sorted[middle]), name);
		if (order == 0)
			return diff->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return RULE_NONE;
}

struct named {
	const char *name;
	uint32_t chain;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void sort_names(struct layout_diff *diff)
{
	const struct ruleset *rules = diff->rules;
	struct named *named = malloc((rules->n_chains + 1u) * sizeof *named);

	if (!named) {
		diff->failed = true;
		return;
	}
	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].backend == diff->backend && rules->chains[c].family == diff->layout->family)
			named[diff->n_sorted++] = (struct named){chain_name(diff, c), c};
	qsort(named, diff->n_sorted, sizeof *named, by_name);
	for (uint32_t i = 0; i < diff->n_sorted; i++)
		diff->sorted[i] = named[i].chain;
	free(named);
}

static bool is_generated(const struct layout_diff *diff, uint32_t chain)
{
	return diff->rules->chains[chain].hook == HOOK_NONE && layout_name_is_generated(chain_name(diff, chain));
}

/* Nothing but prefixes, or the ports of a class, without a comment: the layout writes no other conditions. */
static bool is_plain(const struct rule *rule)
{
	bool class = rule->ports.protocol && rule->verdict == VERDICT_RETURN;
	int odd = class ? rule->odd & ~(ODD_PROTOCOL | ODD_MATCH) : rule->odd;

	return !rule->policy && !rule->comment && !odd;
}

/* A rule in a chain of the trees over towns, or in tm-x, that ends in a town's chain. */
static bool enters_town(const struct layout_diff *diff, const struct rule *rule)
{
	const char *name = chain_name(diff, rule->chain) + strlen(LAYOUT_GENERATED);
	bool dst = rule->dst.family != PREFIX_NONE;

	return is_plain(rule) && rule->verdict == VERDICT_GOTO && rule->src.family == PREFIX_NONE &&
	       !rule->ports.protocol &&
	       ((name[0] == LAYOUT_DOWN && dst) || (name[0] == LAYOUT_OUTSIDE && !dst)) &&
	       diff->rules->chains[rule->jump].hook == HOOK_NONE && !is_generated(diff, rule->jump);
}

/* Does it count a town, as a town's chain of ours does? If only the ways to it were lost, it is to be kept. */
static bool counts_town(const struct layout_diff *diff, uint32_t chain)
{
	const struct chain *c = &diff->rules->chains[chain];

	for (uint32_t i = c->first; i < c->first + c->count; i++) {
		const struct rule *rule = &diff->rules->rules[i];
		if (is_plain(rule) && rule->verdict == VERDICT_JUMP && is_generated(diff, rule->jump) &&
		    (rule->dst.family == PREFIX_NONE) != (rule->src.family == PREFIX_NONE))
			return true;
	}
	return false;
}

/* Generated chains, and those that they lead to. */
static void find_ours(struct layout_diff *diff)
{
	const struct ruleset *rules = diff->rules;

	for (uint32_t i = 0; i < diff->n_sorted; i++) {
		uint32_t c = diff->sorted[i];
		const struct chain *chain = &rules->chains[c];
		if (!is_generated(diff, c))
			continue;
		diff->whose[c] = LAYOUT_OURS;
		if (strcmp(chain_name(diff, c), LAYOUT_ROOT) == 0)
			continue;
		for (uint32_t r = chain->first; r < chain->first + chain->count; r++)
			if (enters_town(diff, &rules->rules[r]))
				diff->whose[rules->rules[r].jump] = LAYOUT_OURS;
	}
}

/* Marks the chains to which rules of chains that are not ours lead. */
static uint8_t *find_entered(struct layout_diff *diff)
{
	const struct ruleset *rules = diff->rules;
	uint8_t *entered = calloc(rules->n_chains + 1u, 1);

	if (!entered)
		diff->failed = true;
	for (uint32_t i = 0; entered && i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		if ((rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO) && !diff->whose[rule->chain])
			entered[rule->jump] = 1;
	}
	return entered;
}

/* Is a chain that has a town's name ours? An empty one that nothing leads to is what `iptables -F` left. */
static bool is_towns(struct layout_diff *diff, uint32_t chain, const uint8_t *entered)
{
	const struct chain *c = &diff->rules->chains[chain];

	if (c->hook != HOOK_NONE)
		return false;
	if (counts_town(diff, chain) || (c->count == 0 && !entered[chain]))
		diff->whose[chain] = LAYOUT_OURS;
	return diff->whose[chain] == LAYOUT_OURS;
}

/* The changes keep the name. */
static const char *keep_name(struct layout_diff *diff, const char *name)
{
	struct lines *names = &diff->changes->names;

	diff->failed |= lines_add(names, "%s", name) < 0;
	return diff->failed ? NULL : names->line[names->n - 1];
}

/* A town's chain, under its name or beside one that someone else has. */
static void settle_town(struct layout_diff *diff, uint32_t chain, const uint8_t *entered)
{
	const char *town = diff->layout->chains[chain].name;
	const char *version = diff->layout->family == PREFIX_IPV6 ? "IPv6" : "IPv4";
	char name[sizeof LAYOUT_BESIDE + LAYOUT_NAME_SIZE];
	uint32_t own = find(diff, town);

	snprintf(name, sizeof name, "%s%s", LAYOUT_BESIDE, town);
	uint32_t beside = find(diff, name);
	bool beside_ours = beside != RULE_NONE && is_towns(diff, beside, entered);
	if (own == RULE_NONE || is_towns(diff, own, entered)) {
		diff->standing[chain] = own;
		return;
	}
	if (strlen(name) >= LAYOUT_NAME_SIZE) {
		layout_diff_problem(diff, "the chain %s of %s is not townmeter's, and '%s' is longer than the %d octets "
				    "of a chain's name: nothing is written; give the town a shorter name",
				    town, version, name, LAYOUT_NAME_SIZE - 1);
		diff->changes->blocked = true;
		return;
	}
	if (beside != RULE_NONE && !beside_ours) {
		layout_diff_problem(diff, "neither the chain %s of %s nor the chain %s is townmeter's: nothing is "
				    "written; rename or delete one of them", town, version, name);
		diff->changes->blocked = true;
		return;
	}
	diff->standing[chain] = beside;
	diff->names[chain] = beside != RULE_NONE ? chain_name(diff, beside) : keep_name(diff, name);
}

static uint32_t find_hook(const struct layout_diff *diff, uint8_t hook)
{
	for (uint32_t i = 0; i < diff->n_sorted; i++)
		if (diff->rules->chains[diff->sorted[i]].hook == hook)
			return diff->sorted[i];
	return RULE_NONE;
}

/* What leads to a chain that is to go, or stands in it, and is not ours, keeps it. */
static void find_staying(struct layout_diff *diff)
{
	const struct ruleset *rules = diff->rules;
	char text[200];

	for (uint32_t i = 0; i < diff->n_sorted; i++) {
		uint32_t c = diff->sorted[i];
		const struct chain *chain = &rules->chains[c];
		for (uint32_t r = chain->first; r < chain->first + chain->count; r++) {
			const struct rule *rule = &rules->rules[r];
			bool leads = rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO;
			bool goes = diff->whose[c] && diff->wanted[c] == RULE_NONE;
			if (diff->whose[c] ? layout_stand_is_ours(diff, r, goes) : layout_stand_is_jump(diff, r))
				continue;
			if (goes && diff->whose[c] == LAYOUT_OURS) {
				diff->whose[c] = LAYOUT_STAYS;
				layout_diff_problem(diff, "the chain %s stays: %s is not townmeter's",
						    chain_name(diff, c), ruleset_describe(rules, r, text, sizeof text));
			}
			if (leads && diff->whose[rule->jump] == LAYOUT_OURS && diff->wanted[rule->jump] == RULE_NONE) {
				diff->whose[rule->jump] = LAYOUT_STAYS;
				layout_diff_problem(diff, "the chain %s stays: %s, which is not townmeter's, leads to it",
						    chain_name(diff, rule->jump),
						    ruleset_describe(rules, r, text, sizeof text));
			}
		}
	}
}

bool layout_stand_is_ours(const struct layout_diff *diff, uint32_t index, bool goes)
{
	const struct rule *rule = &diff->rules->rules[index];

	switch (rule->verdict) {
	case VERDICT_DROP:
		return goes && strcmp(ruleset_text(diff->rules, rule->comment), RULE_COMMENT) == 0;
	case VERDICT_NONE:
	case VERDICT_RETURN:
		return is_plain(rule);
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		return is_plain(rule) && diff->whose[rule->jump];
	default:
		return false;
	}
}

bool layout_stand_is_jump(const struct layout_diff *diff, uint32_t index)
{
	const struct rule *rule = &diff->rules->rules[index];

	return diff->rules->chains[rule->chain].hook == HOOK_FORWARD && layout_name_root_jump(diff->rules, rule);
}

void layout_stand(struct layout_diff *diff)
{
	const struct layout *layout = diff->layout;

	sort_names(diff);
	find_ours(diff);
	uint8_t *entered = find_entered(diff);
	for (uint32_t c = 0; c < diff->rules->n_chains; c++)
		diff->wanted[c] = RULE_NONE;
	for (uint32_t w = 0; w < layout->n_chains && !diff->failed; w++) {
		const struct layout_chain *chain = &layout->chains[w];
		diff->names[w] = chain->name;
		diff->standing[w] = RULE_NONE;
		if (chain->hook != HOOK_NONE)
			diff->standing[w] = find_hook(diff, chain->hook);
		else if (chain->town != RULE_NONE)
			settle_town(diff, w, entered);
		else
			diff->standing[w] = find(diff, chain->name);
		if (diff->standing[w] != RULE_NONE)
			diff->wanted[diff->standing[w]] = w;
	}
	if (!diff->failed && !diff->changes->blocked)
		find_staying(diff);
	free(entered);
}
