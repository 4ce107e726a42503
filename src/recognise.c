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

/* A total counts everything in its chain: no condition, no target. */
static bool counts_everything(const struct rule *rule)
{
	return !rule->policy && !rule->odd && rule->verdict == VERDICT_NONE &&
	       rule->dst.family == PREFIX_NONE && rule->src.family == PREFIX_NONE;
}

/*
 * Where one version of IP has a total rule and the other has only its policy, the rule alone is
 * read: an operator who wrote a rule compares the row with that rule.
 */
int recognise_totals(struct work *work)
{
	const struct ruleset *rules = work->rules;
	struct role *roles = work->found->roles;
	bool has_rule[HOOK_OUTPUT + 1] = {false}, in_nft[HOOK_OUTPUT + 1][2] = {{false}};

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		bool seen = false;
		if (chain->hook == HOOK_NONE)
			continue;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			if (!counts_everything(&rules->rules[i]))
				continue;
			bool *nft = &in_nft[chain->hook][chain->family == PREFIX_IPV6];
			if (seen) {
				roles[i].why = "a second total rule in its chain";
				continue;
			}
			seen = true;
			/* Both see every packet. Chains of nf_tables come first. */
			if (chain->backend == CHAIN_LEGACY && *nft) {
				roles[i].why = "nf_tables has a total rule for this chain, too, which is read";
				recognise_problem(work, "%s of IPv%u has a total rule in iptables-legacy and one in nf_tables: "
						  "the one in nf_tables is read",
						  ruleset_text(rules, chain->name), chain->family);
				continue;
			}
			roles[i].kind = ROLE_TOTAL;
			has_rule[chain->hook] = true;
			*nft |= chain->backend == CHAIN_NFT;
		}
	}
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
			.town = RULE_NONE, .host = RULE_NONE, .why = "in a chain that is not a town's"};
	for (uint32_t i = 0; i < rules->n_chains; i++)
		work.town_of_chain[i] = RULE_NONE;
	if (recognise_towns(&work) < 0 || recognise_totals(&work) < 0 ||
	    recognise_hosts(&work) < 0 || recognise_blocks(&work) < 0 || work.failed)
		goto err;
	for (uint32_t i = 0; i < rules->n_rules; i++)
		found->n_used += found->roles[i].kind != ROLE_OTHER && found->roles[i].kind != ROLE_POLICY;
	free(work.town_of_chain);
	free(work.sightings);
	return found;
err:
	free(work.town_of_chain);
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
	free(found);
}
