/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diversion.h"

#include <stdio.h>

#include "seen.h"

enum { BOTH = DIVERTS_PASS | DIVERTS_DROP };

/* What the first rule of FORWARD does, given more rules. */
static uint8_t first_rule(const char *rules)
{
	char text[1000];

	snprintf(text, sizeof text, ":FORWARD ACCEPT\n:one\n:two\n:three\n%s", rules);
	struct seen seen = see(text);
	uint8_t *deciding = diversion_of_chains(seen.made.rules, seen.found->roles);
	assert_non_null(deciding);
	uint8_t what = diversion_of_rule(seen.made.rules, deciding, made_rule(&seen.made, 4, "FORWARD", 1));
	free(deciding);
	unsee(&seen);
	return what;
}

static void targets(void **state)
{
	static const struct {
		const char *rules;
		uint8_t what;
	} cases[] = {
		{"-A FORWARD\n", 0},
		{"-A FORWARD -j ACCEPT\n", DIVERTS_PASS},
		{"-A FORWARD -j DROP\n", DIVERTS_DROP},
		{"-A FORWARD -j RETURN\n", DIVERTS_PASS}, /* the policy follows, not the next rule */
		{"-A FORWARD -j QUEUE\n", BOTH},
		{"-A FORWARD -j NFQUEUE\n", BOTH},
		{"-A FORWARD -j WHATEVER\n", BOTH},
		{"-A FORWARD -j REJECT\n", DIVERTS_DROP},
		{"-A FORWARD -j TARPIT\n", DIVERTS_DROP},
		{"-A FORWARD -j LOG\n", 0},
		{"-A FORWARD -j NFLOG\n", 0},
		{"-A FORWARD -j TCPMSS\n", 0},
		{"-A FORWARD -j CONNMARK\n", 0},
		{"-A FORWARD -j LOGG\n", BOTH}, /* whole names only */
		{"-A FORWARD -j LO\n", BOTH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (first_rule(cases[i].rules) != cases[i].what)
			fail_msg("case %zu: %u", i, first_rule(cases[i].rules));
}

static void chains(void **state)
{
	static const struct {
		const char *rules;
		uint8_t what;
	} cases[] = {
		{"-A FORWARD -j one\n", 0},
		{"-A FORWARD -j one\n-A one -j ACCEPT\n", DIVERTS_PASS},
		{"-A FORWARD -j one\n-A one -p tcp -j DROP\n-A one -j LOG\n", DIVERTS_DROP},
		{"-A FORWARD -j one\n-A one -j RETURN\n-A one -j ACCEPT\n", DIVERTS_PASS},
		{"-A FORWARD -j one\n-A one -j RETURN\n", 0},
		{"-A FORWARD -j one\n-A one -j two\n-A two -j three\n-A three -j REJECT\n", DIVERTS_DROP},
		{"-A FORWARD -j one\n-A one -g two\n-A two -j ACCEPT\n", DIVERTS_PASS},
		{"-A FORWARD -j one\n-A one -g two\n", 0}, /* comes back behind the jump */
		{"-A FORWARD -g one\n", DIVERTS_PASS},
		{"-A FORWARD -g one\n-A one -j DROP\n", BOTH},
		{"-A FORWARD -j one\n-A two -j ACCEPT\n", 0},
		/* Loops. */
		{"-A FORWARD -j one\n-A one -j one\n", 0},
		{"-A FORWARD -j one\n-A one -j two\n-A two -j three\n-A three -j one\n", 0},
		{"-A FORWARD -j one\n-A one -j two\n-A two -j three\n-A three -j one\n-A three -j ACCEPT\n", DIVERTS_PASS},
		{"-A FORWARD -j three\n-A three -j two\n-A two -j one\n-A one -j three\n-A one -j DROP\n", DIVERTS_DROP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (first_rule(cases[i].rules) != cases[i].what)
			fail_msg("case %zu: %u", i, first_rule(cases[i].rules));
}

/* Blocks are not what leads around towns; a policy is no rule that decides ahead of others. */
static void drops_of_towns_and_hosts_do_not_count(void **state)
{
	(void)state;
	assert_int_equal(first_rule("-A FORWARD -d 10.1.0.0/24 -j one\n-A one -d 10.1.0.10 -j DROP\n"
				    "-A one -s 10.1.0.0/24 -j DROP\n"), 0);
	assert_int_equal(first_rule("-A FORWARD -d 10.1.0.0/24 -j one\n-A one -d 10.1.0.10 -p tcp -j DROP\n"), DIVERTS_DROP);
	struct seen seen = see(":FORWARD DROP\n-A FORWARD -i eth0\n");
	uint8_t *deciding = diversion_of_chains(seen.made.rules, seen.found->roles);
	assert_int_equal(deciding[0], 0);
	free(deciding);
	unsee(&seen);
}

/* Against the plain meaning: what can be reached from a chain by jumps. */
static void random_graphs(void **state)
{
	enum { CHAINS = 12 };
	uint32_t seed = 5;
	char text[8000];

	(void)state;
	for (int round = 0; round < 500; round++) {
		uint8_t own[CHAINS] = {0};
		bool reach[CHAINS][CHAINS] = {{false}};
		char *at = text;
		for (int c = 0; c < CHAINS; c++)
			at += sprintf(at, ":c%d\n", c);
		for (int i = 0; i < 20; i++) {
			seed = seed * 1664525u + 1013904223u;
			unsigned from = (seed >> 8) % CHAINS, to = (seed >> 16) % CHAINS, kind = (seed >> 24) % 8;
			if (kind < 6) {
				reach[from][to] = true;
				at += sprintf(at, "-A c%u -%c c%u\n", from, kind < 4 ? 'j' : 'g', to);
			} else {
				own[from] |= kind == 6 ? DIVERTS_PASS : DIVERTS_DROP;
				at += sprintf(at, "-A c%u -j %s\n", from, kind == 6 ? "ACCEPT" : "DROP");
			}
		}
		for (int k = 0; k < CHAINS; k++)
			for (int i = 0; i < CHAINS; i++)
				for (int j = 0; j < CHAINS; j++)
					reach[i][j] |= reach[i][k] && reach[k][j];
		struct seen seen = see(text);
		uint8_t *deciding = diversion_of_chains(seen.made.rules, seen.found->roles);
		for (int i = 0; i < CHAINS; i++) {
			uint8_t expected = own[i];
			for (int j = 0; j < CHAINS; j++)
				expected |= reach[i][j] ? own[j] : 0;
			assert_int_equal(deciding[i], expected);
		}
		free(deciding);
		unsee(&seen);
	}
}

static void concerns(void **state)
{
	static const struct {
		const char *rule, *prefix;
		bool down, up;
	} cases[] = {
		{"-A FORWARD", "10.1.0.0/24", true, true},
		{"-A FORWARD -i eth0", "10.1.0.0/24", true, true},
		{"-A FORWARD -d 10.1.0.0/24", "10.1.0.0/24", true, true},
		{"-A FORWARD -d 10.1.0.5", "10.1.0.0/24", true, true},
		{"-A FORWARD -d 10.0.0.0/8", "10.1.0.0/24", true, true},
		{"-A FORWARD -d 10.2.0.0/24", "10.1.0.0/24", false, true},
		{"-A FORWARD -s 10.2.0.0/24", "10.1.0.0/24", true, false},
		{"-A FORWARD -s 10.2.0.0/24 -d 10.3.0.0/24", "10.1.0.0/24", false, false},
		{"-A FORWARD ! -d 10.1.0.0/24", "10.1.0.0/24", true, true}, /* errs on yes */
		{"-A FORWARD -d 10.0.0.1/255.0.0.255", "10.1.0.0/24", true, true},
		{"-A FORWARD -d 2001:db8::/32", "10.1.0.0/24", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[200];
		struct prefix prefix = make_prefix(cases[i].prefix);
		snprintf(text, sizeof text, ":FORWARD ACCEPT\n%s\n", cases[i].rule);
		struct made made = make(text);
		assert_int_equal(diversion_concerns(&made.rules->rules[0], DIRECTION_DOWN, &prefix), cases[i].down);
		assert_int_equal(diversion_concerns(&made.rules->rules[0], DIRECTION_UP, &prefix), cases[i].up);
		made_free(&made);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(chains),
		cmocka_unit_test(drops_of_towns_and_hosts_do_not_count),
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(concerns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
