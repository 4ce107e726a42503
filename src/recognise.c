/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recognise.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recognise_private.h"

/* More lines than this help nobody. */
enum { PROBLEMS_MAX = 100 };

void recognise_problem(struct work *work, const char *format, ...)
{
	struct recognition *found = work->found;
	char line[256];
	va_list args;

	if (found->n_problems >= PROBLEMS_MAX)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	char **more = realloc(found->problems, (found->n_problems + 1) * sizeof *more);
	if (!more) {
		work->failed = 1;
		return;
	}
	found->problems = more;
	found->problems[found->n_problems] = strdup(line);
	if (!found->problems[found->n_problems])
		work->failed = 1;
	else
		found->n_problems++;
}

void recognise_sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	const char *at = array;

	for (size_t i = 1; i < n; i++)
		if (compare(at + (i - 1) * size, at + i * size) > 0) {
			qsort(array, n, size, compare);
			return;
		}
}

/* The total rule that may be read for a built-in chain and a version of IP, of those that someone wrote or of those
 * that townmeter did. */
struct candidate {
	uint32_t rule, left; /* or RULE_NONE; the chain whose total is left alone for it */
};

static bool is_ours(const struct work *work, uint32_t rule)
{
	return work->found->roles[rule].layout ||
	       strcmp(ruleset_text(work->rules, work->rules->rules[rule].comment), RULE_COMMENT) == 0;
}

/* The first of its kind in its backend, and in nf_tables before iptables-legacy, as its chains stand first. */
static void take_total(struct work *work, uint32_t rule, struct candidate *first)
{
	const struct ruleset *rules = work->rules;
	const struct chain *chain = &rules->chains[rules->rules[rule].chain];
	struct role *role = &work->found->roles[rule];

	if (first->left == rules->rules[rule].chain ||
	    (first->rule != RULE_NONE && rules->rules[first->rule].chain == rules->rules[rule].chain)) {
		role->why = "a second total rule in its chain";
	} else if (first->rule != RULE_NONE) {
		first->left = rules->rules[rule].chain;
		role->why = "nf_tables has a total rule for this chain, too, which is read";
		recognise_problem(work, "%s of IPv%u has a total rule in iptables-legacy and one in nf_tables: "
				  "the one in nf_tables is read", ruleset_text(rules, chain->name), chain->family);
	} else {
		first->rule = rule;
		role->kind = ROLE_TOTAL;
	}
}

/*
 * Where one version of IP has a total rule and the other has only its policy, the rule alone is
 * read: an operator who wrote a rule compares the row with that rule. What townmeter wrote counts where nobody
 * else wrote one: both see every packet.
 */
int recognise_totals(struct work *work)
{
	const struct ruleset *rules = work->rules;
	struct role *roles = work->found->roles;
	struct candidate totals[HOOK_OUTPUT + 1][2][2];
	bool has_rule[HOOK_OUTPUT + 1] = {false};

	for (int h = 0; h <= HOOK_OUTPUT; h++)
		for (int f = 0; f < 2; f++)
			for (int ours = 0; ours < 2; ours++)
				totals[h][f][ours] = (struct candidate){RULE_NONE, RULE_NONE};
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct chain *chain = &rules->chains[rules->rules[i].chain];
		bool ipv6 = chain->family == PREFIX_IPV6;
		bool root = work->root[chain->backend][ipv6] == i;
		if (chain->hook == HOOK_NONE || (!root && !ruleset_counts_all(&rules->rules[i])))
			continue;
		bool ours = is_ours(work, i);
		roles[i].layout = ours;
		take_total(work, i, &totals[chain->hook][ipv6][ours]);
		has_rule[chain->hook] |= roles[i].kind == ROLE_TOTAL;
	}
	for (int h = 0; h <= HOOK_OUTPUT; h++)
		for (int f = 0; f < 2; f++)
			if (totals[h][f][0].rule != RULE_NONE && totals[h][f][1].rule != RULE_NONE)
				roles[totals[h][f][1].rule].shadow = true;
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		uint8_t hook = rules->chains[rules->rules[i].chain].hook;
		if (!rules->rules[i].policy || hook == HOOK_NONE)
			continue;
		if (has_rule[hook])
			roles[i].why = "a policy beside a total rule";
		else
			roles[i].kind = ROLE_POLICY;
	}
	return 0;
}

struct recognition *recognise(const struct ruleset *rules, const struct recognise_names *configured,
			      const struct recognise_names *remembered)
{
	struct recognition *found = calloc(1, sizeof *found);
	struct work work = {.rules = rules, .found = found, .configured = configured, .remembered = remembered};

	if (!found)
		return NULL;
	found->roles = calloc(rules->n_rules + 1u, sizeof *found->roles);
	work.town_of_chain = calloc(rules->n_chains + 1u, sizeof *work.town_of_chain);
	if (!found->roles || !work.town_of_chain)
		goto err;
	for (uint32_t i = 0; i < rules->n_rules; i++)
		found->roles[i] = (struct role){
			.town = RULE_NONE, .host = RULE_NONE, .service = RULE_NONE, .owner = RULE_NONE, .why = "in a chain that is not a town's"};
	for (uint32_t i = 0; i < rules->n_chains; i++)
		work.town_of_chain[i] = RULE_NONE;
	if (recognise_tree(&work) < 0 || recognise_towns(&work) < 0 || recognise_totals(&work) < 0 ||
	    recognise_hosts(&work) < 0 || recognise_services(&work) < 0 || recognise_blocks(&work) < 0 || work.failed)
		goto err;
	for (uint32_t i = 0; i < rules->n_rules; i++)
		found->n_used += found->roles[i].kind != ROLE_OTHER && found->roles[i].kind != ROLE_POLICY;
	free(work.town_of_chain);
	free(work.tree);
	free(work.sightings);
	return found;
err:
	free(work.town_of_chain);
	free(work.tree);
	free(work.sightings);
	recognition_free(found);
	return NULL;
}

void recognition_free(struct recognition *found)
{
	if (!found)
		return;
	for (uint32_t i = 0; i < found->n_problems; i++)
		free(found->problems[i]);
	free(found->problems);
	free(found->roles);
	free(found->towns);
	free(found->hosts);
	free(found->addresses);
	free(found->by_prefix);
	free(found->jumps);
	free(found->services);
	free(found);
}
