/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diversion.h"

#include <stdlib.h>
#include <string.h>

/* A target extension that is not listed may decide; those that only look or mark never do. */
static uint8_t extension_decides(const char *name)
{
	static const char *const harmless[] = {
		"LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "SET", "TCPMSS", "DSCP", "TOS",
		"CLASSIFY", "TRACE", "AUDIT", "CHECKSUM", "CT", "ECN", "HL", "TTL", "TEE", "RATEEST",
		"SECMARK", "CONNSECMARK", "IDLETIMER", "LED", "HMARK", "TCPOPTSTRIP", "ACCOUNT"};

	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		if (strcmp(name, harmless[i]) == 0)
			return 0;
	if (strcmp(name, "REJECT") == 0 || strcmp(name, "TARPIT") == 0 || strcmp(name, "STEAL") == 0)
		return DIVERTS_DROP;
	return DIVERTS_PASS | DIVERTS_DROP;
}

static uint8_t verdict_decides(const struct ruleset *rules, const struct rule *rule)
{
	switch (rule->verdict) {
	case VERDICT_ACCEPT:
		return DIVERTS_PASS;
	case VERDICT_DROP:
		return DIVERTS_DROP;
	case VERDICT_QUEUE:
		return DIVERTS_PASS | DIVERTS_DROP;
	case VERDICT_EXTENSION:
		return extension_decides(ruleset_text(rules, rule->target));
	default:
		return 0;
	}
}

/* Also one that stands in the other backend's chain of a town. */
static bool is_our_drop(const struct ruleset *rules, const struct rule *rule)
{
	return rule->verdict == VERDICT_DROP && strcmp(ruleset_text(rules, rule->comment), RULE_COMMENT) == 0;
}

/*
 * Chains form a graph that may hold loops where no hook reaches it, so this goes on until nothing
 * changes; the bits only ever grow, and a chain deeper by one level costs one more round at worst.
 */
uint8_t *diversion_of_chains(const struct ruleset *rules, const struct role *roles)
{
	uint8_t *deciding = calloc(rules->n_chains + 1, 1);
	struct edge {
		uint32_t from, to;
	} *edges = NULL;
	uint32_t n = 0;

	if (!deciding)
		return NULL;
	for (uint32_t i = 0; i < rules->n_rules; i++)
		n += rules->rules[i].verdict == VERDICT_JUMP || rules->rules[i].verdict == VERDICT_GOTO;
	edges = calloc(n + 1, sizeof *edges);
	if (!edges) {
		free(deciding);
		return NULL;
	}
	n = 0;
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		if (rule->policy || roles[i].kind == ROLE_HOST_DROP || roles[i].kind == ROLE_TOWN_DROP ||
		    is_our_drop(rules, rule))
			continue;
		if (rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO)
			edges[n++] = (struct edge){rule->chain, rule->jump};
		else
			deciding[rule->chain] |= verdict_decides(rules, rule);
	}
	for (bool changed = true; changed;) {
		changed = false;
		for (uint32_t i = 0; i < n; i++) {
			uint8_t bits = deciding[edges[i].from] | deciding[edges[i].to];
			if (bits != deciding[edges[i].from]) {
				deciding[edges[i].from] = bits;
				changed = true;
			}
		}
	}
	free(edges);
	return deciding;
}

uint8_t diversion_of_rule(const struct ruleset *rules, const uint8_t *deciding, uint32_t index)
{
	const struct rule *rule = &rules->rules[index];

	switch (rule->verdict) {
	case VERDICT_JUMP:
		return deciding[rule->jump];
	case VERDICT_GOTO: /* does not come back to the rules that follow */
		return deciding[rule->jump] | DIVERTS_PASS;
	case VERDICT_RETURN:
		return DIVERTS_PASS;
	default:
		return verdict_decides(rules, rule);
	}
}

bool diversion_concerns(const struct rule *rule, enum direction direction, const struct prefix *prefix)
{
	const struct prefix *own = direction == DIRECTION_DOWN ? &rule->dst : &rule->src;

	return own->family == PREFIX_NONE || prefix_overlaps(own, prefix);
}
