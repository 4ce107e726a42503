/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rule.h"

#include <stdio.h>

#include "make.h"

static void starts_empty(void **state)
{
	struct ruleset *rules = ruleset_new();

	(void)state;
	assert_int_equal(rules->n_chains, 0);
	assert_int_equal(rules->n_rules, 0);
	assert_string_equal(ruleset_text(rules, 0), "");
	assert_int_equal(ruleset_add_text(rules, ""), 0);
	ruleset_free(rules);
	ruleset_free(NULL);
}

/* Enough for every array to grow several times; all must still be there in the end. */
static void keeps_everything(void **state)
{
	enum { CHAINS = 300, RULES = 11 };
	struct ruleset *rules = ruleset_new();
	char text[64];

	(void)state;
	for (uint32_t c = 0; c < CHAINS; c++) {
		snprintf(text, sizeof text, "chain-%u", c);
		assert_int_equal(ruleset_add_chain(rules, c % 2 ? 6 : 4, c == 7 ? HOOK_FORWARD : HOOK_NONE, text), c);
		for (uint32_t r = 0; r < c % RULES; r++) {
			struct rule rule = {.chain = 4711, .number = 4711, .jump = c, .verdict = VERDICT_JUMP};
			snprintf(text, sizeof text, "comment %u of %u", r, c);
			rule.comment = ruleset_add_text(rules, text);
			assert_int_not_equal(ruleset_add_rule(rules, &rule), RULE_NONE);
		}
	}
	uint32_t index = 0;
	for (uint32_t c = 0; c < CHAINS; c++) {
		const struct chain *chain = &rules->chains[c];
		snprintf(text, sizeof text, "chain-%u", c);
		assert_string_equal(ruleset_text(rules, chain->name), text);
		assert_int_equal(chain->family, c % 2 ? 6 : 4);
		assert_int_equal(chain->hook, c == 7 ? HOOK_FORWARD : HOOK_NONE);
		assert_int_equal(chain->first, index);
		assert_int_equal(chain->count, c % RULES);
		for (uint32_t r = 0; r < chain->count; r++, index++) {
			const struct rule *rule = &rules->rules[index];
			assert_int_equal(rule->chain, c);
			assert_int_equal(rule->number, r + 1);
			assert_int_equal(rule->jump, c);
			snprintf(text, sizeof text, "comment %u of %u", r, c);
			assert_string_equal(ruleset_text(rules, rule->comment), text);
			snprintf(text, sizeof text, "chain-%u", c);
			assert_string_equal(ruleset_chain_name(rules, index), text);
		}
	}
	assert_int_equal(rules->n_rules, index);
	ruleset_free(rules);
}

/* Texts longer than the array's room, and up to it, to the octet. */
static void keeps_long_texts(void **state)
{
	struct ruleset *rules = ruleset_new();
	uint32_t offsets[9];
	char text[1100];

	(void)state;
	memset(text, 'x', sizeof text);
	static const size_t lengths[9] = {62, 1, 62, 0, 64, 1023, 5, 1024, 254};
	for (size_t i = 0; i < 9; i++) {
		text[lengths[i]] = '\0';
		offsets[i] = ruleset_add_text(rules, text);
		text[lengths[i]] = 'x';
	}
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(strlen(ruleset_text(rules, offsets[i])), lengths[i]);
	ruleset_free(rules);
}

static void describes_rules(void **state)
{
	struct made made = make(":FORWARD ACCEPT\n"
				":town-a\n"
				"-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
				"-A FORWARD -d 10.1.0.0/24 -j town-a\n"
				"-A FORWARD -g town-a\n"
				"-A town-a -s 10.1.0.10 -d 10.1.0.11 -j DROP\n"
				"-A town-a -j REJECT\n"
				"-A town-a -j RETURN\n"
				"-A town-a -j QUEUE\n"
				"*6\n"
				":FORWARD DROP\n"
				"-A FORWARD -s 2001:db8::/48\n");
	static const struct {
		uint8_t family;
		uint32_t number;
		const char *chain, *text;
	} cases[] = {
		{4, 1, "FORWARD", "rule 1 of FORWARD (match conntrack, target ACCEPT)"},
		{4, 2, "FORWARD", "rule 2 of FORWARD (destination 10.1.0.0/24, target town-a)"},
		{4, 3, "FORWARD", "rule 3 of FORWARD (target town-a)"},
		{4, 1, "town-a", "rule 1 of town-a (source 10.1.0.10, destination 10.1.0.11, target DROP)"},
		{4, 2, "town-a", "rule 2 of town-a (target REJECT)"},
		{4, 3, "town-a", "rule 3 of town-a (target RETURN)"},
		{4, 4, "town-a", "rule 4 of town-a (target QUEUE)"},
		{6, 1, "FORWARD", "IPv6 rule 1 of FORWARD (source 2001:db8::/48, target none)"},
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t rule = made_rule(&made, cases[i].family, cases[i].chain, cases[i].number);
		assert_ptr_equal(ruleset_describe(made.rules, rule, text, sizeof text), text);
		assert_string_equal(text, cases[i].text);
	}
	/* What does not fit is cut. */
	memset(text, '#', sizeof text);
	ruleset_describe(made.rules, 0, text, 10);
	assert_string_equal(text, "rule 1 of");
	assert_int_equal(text[10], '#');
	made_free(&made);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(keeps_everything),
		cmocka_unit_test(keeps_long_texts),
		cmocka_unit_test(describes_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
