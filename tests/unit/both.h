/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rulesets of both backends as one, for tests: those of nf_tables come first. */
#ifndef TOWNMETER_TESTS_BOTH_H
#define TOWNMETER_TESTS_BOTH_H

#include "make.h"

static inline struct ruleset *both(const char *nft, const char *legacy)
{
	struct made first = make(nft), second = make(legacy);
	struct ruleset *rules = ruleset_new();

	for (uint32_t i = 0; i < first.rules->n_chains; i++)
		first.rules->chains[i].backend = CHAIN_NFT;
	assert_int_equal(ruleset_append(rules, first.rules), 0);
	assert_int_equal(ruleset_append(rules, second.rules), 0);
	made_free(&first);
	made_free(&second);
	return rules;
}

/* The index of a chain; of a rule by its number. */
static inline uint32_t both_chain(const struct ruleset *rules, enum chain_backend backend, const char *name)
{
	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].backend == backend && strcmp(ruleset_text(rules, rules->chains[c].name), name) == 0)
			return c;
	fail_msg("no chain %s", name);
	return RULE_NONE;
}

static inline uint32_t both_rule(const struct ruleset *rules, enum chain_backend backend, const char *name, uint32_t number)
{
	return rules->chains[both_chain(rules, backend, name)].first + number - 1;
}

#endif
