/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chains are towns, and which only look like one. */
#include <stdio.h>

#include "seen.h"

static void only_exact_jumps(void **state)
{
	static const struct {
		const char *options, *why;
	} cases[] = {
		{"-i eth0 -d 10.1.0.0/24 -j town-a", "a jump with an interface"},
		{"-o eth1 -d 10.1.0.0/24 -j town-a", "a jump with an interface"},
		{"! -d 10.1.0.0/24 -j town-a", "a jump with a negation (!)"},
		{"! -s 10.1.0.0/24 -d 10.1.0.0/24 -j town-a", "a jump with a negation (!)"},
		{"-p tcp -s 10.1.0.0/24 -j town-a", "a jump with a protocol"},
		{"-d 10.0.1.0/255.0.255.0 -j town-a", "a jump with a mask that is not a prefix"},
		{"-d 10.1.0.0/24 -m conntrack --ctstate NEW -j town-a", "a jump with a further match"},
		{"-d 10.1.0.0/24 -f -j town-a", "a jump with a further match"},
		{"-d 10.1.0.0/24 -s 10.1.0.0/24 -j town-a", "a jump with both -s and -d"},
		{"-j town-a", "a jump without -s or -d"},
		{"-d 10.1.0.0/24 -g town-a", "a goto (-g), not a jump (-j)"},
		{"-d 10.1.0.0/24 -j ACCEPT", "not a jump to a chain"},
		{"-d 10.1.0.0/24 -j DROP", "not a jump to a chain"},
		{"-d 10.1.0.0/24 -j LOG", "not a jump to a chain"},
		{"-d 10.1.0.0/24", "not a jump to a chain"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[400];
		snprintf(text, sizeof text, ":FORWARD ACCEPT\n:town-a\n-A FORWARD %s\n-A town-a -d 10.1.0.10\n",
			 cases[i].options);
		struct seen seen = see(text);
		seen_other(&seen, "FORWARD", 1, cases[i].why);
		assert_int_equal(seen.found->n_towns, 0);
		assert_int_equal(seen.found->n_hosts, 0);
		seen_other(&seen, "town-a", 1, "in a chain that is not a town's");
		seen_no_problem(&seen);
		unsee(&seen);
	}
}

static void one_direction_is_enough(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:down\n:up\n"
			       "-A FORWARD -d 10.1.0.0/24 -j down\n"
			       "-A FORWARD -s 10.2.0.5 --comment \"a comment is no condition\" -j up\n");

	(void)state;
	assert_int_equal(seen.found->n_towns, 2);
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->direction, DIRECTION_DOWN);
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 2)->direction, DIRECTION_UP);
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 2)->kind, ROLE_JUMP);
	seen_no_problem(&seen);
	unsee(&seen);
}

static void not_from_elsewhere(void **state)
{
	struct seen seen = see(":INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:middle\n:town-a\n:town-b\n"
			       "-A INPUT -d 10.1.0.0/24 -j town-a\n"
			       "-A OUTPUT -s 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -j middle\n"
			       "-A middle -d 10.2.0.0/24 -j town-b\n"
			       "-A town-a -d 10.1.0.10\n"
			       "-A town-b -d 10.2.0.10\n");

	(void)state;
	assert_int_equal(seen.found->n_towns, 0);
	assert_int_equal(seen.found->n_hosts, 0);
	seen_other(&seen, "INPUT", 1, "a jump from a chain other than FORWARD");
	seen_other(&seen, "OUTPUT", 1, "a jump from a chain other than FORWARD");
	seen_other(&seen, "middle", 1, "in a chain that is not a town's");
	seen_no_problem(&seen);
	unsee(&seen);
}

/* A town that is also entered elsewhere counts more than its own packets: people are told. */
static void other_entrances_are_told(void **state)
{
	static const char *const entrances[] = {
		"-A INPUT -d 10.1.0.0/24 -j town-a", "-A INPUT -j town-a", "-A FORWARD -i eth0 -d 10.1.0.0/24 -j town-a",
		"-A FORWARD -d 10.1.0.0/24 -g town-a", "-A middle -d 10.1.0.0/24 -j town-a", "-A town-b -j town-a",
		"-A town-a -j town-a"};

	(void)state;
	for (size_t i = 0; i < sizeof entrances / sizeof entrances[0]; i++) {
		char text[500];
		snprintf(text, sizeof text,
			 ":INPUT ACCEPT\n:FORWARD ACCEPT\n:middle\n:town-a\n:town-b\n"
			 "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -d 10.2.0.0/24 -j town-b\n%s\n", entrances[i]);
		struct seen seen = see(text);
		assert_int_equal(seen.found->n_towns, 2);
		assert_int_equal(seen.found->n_jumps, 2);
		assert_int_equal(seen_problems(&seen, "also leads into the chain of a town"), 1);
		assert_int_equal(seen.found->n_problems, 1);
		unsee(&seen);
	}
}

static void second_jump(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -s 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -d 10.1.1.0/24 -j town-a\n");

	(void)state;
	assert_int_equal(seen.found->n_jumps, 3);
	assert_int_equal(seen_the_town(&seen, "town-a")->n_jumps, 3);
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->kind, ROLE_JUMP);
	seen_other(&seen, "FORWARD", 3, "a second jump for the same prefix");
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 4)->kind, ROLE_JUMP);
	assert_int_equal(seen_problems(&seen, "rule 3 of FORWARD"), 1);
	assert_int_equal(seen.found->n_problems, 1);
	unsee(&seen);
}

/* One prefix may lead to two towns; each has its own jump. */
static void same_prefix_of_two_towns(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-a\n:town-b\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-b\n");

	(void)state;
	assert_int_equal(seen_the_town(&seen, "town-a")->n_jumps, 1);
	assert_int_equal(seen_the_town(&seen, "town-b")->n_jumps, 1);
	unsee(&seen);
}

static void several_subnets_and_both_families(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:other\n:town-a\n"
			       "-A FORWARD -d 10.3.0.0/24 -j town-a\n"
			       "-A FORWARD -s 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "*6\n:FORWARD ACCEPT\n:town-a\n"
			       "-A FORWARD -d 2001:db8:a::/48 -j town-a\n");
	const struct found_town *town = seen_the_town(&seen, "town-a");

	(void)state;
	assert_int_equal(seen.found->n_towns, 1);
	assert_int_equal(town->n_jumps, 4);
	assert_int_equal(town->chain[0], 2);
	assert_int_equal(town->chain[1], 4);
	/* In the order of prefixes, then down before up. */
	const uint32_t *jumps = &seen.found->jumps[town->first_jump];
	assert_int_equal(jumps[0], made_rule(&seen.made, 4, "FORWARD", 3));
	assert_int_equal(jumps[1], made_rule(&seen.made, 4, "FORWARD", 2));
	assert_int_equal(jumps[2], made_rule(&seen.made, 4, "FORWARD", 1));
	assert_int_equal(jumps[3], made_rule(&seen.made, 6, "FORWARD", 1));
	seen_no_problem(&seen);
	unsee(&seen);
	seen = see(":FORWARD ACCEPT\n:town-a\n*6\n:FORWARD ACCEPT\n:town-a\n-A FORWARD -d 2001:db8:a::/48 -j town-a\n");
	town = seen_the_town(&seen, "town-a");
	assert_int_equal(town->chain[0], RULE_NONE); /* the IPv4 chain is nobody's */
	assert_int_equal(town->chain[1], 3);
	unsee(&seen);
}

static void in_the_order_of_indexes(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-aa\n:b\n:town-b\n:aa\n:town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-aa\n-A FORWARD -d 10.2.0.0/24 -j b\n"
			       "-A FORWARD -d 10.3.0.0/24 -j town-b\n-A FORWARD -d 10.4.0.0/24 -j aa\n"
			       "-A FORWARD -d 10.5.0.0/24 -j town-a\n");
	static const char *const names[] = {"b", "aa", "town-a", "town-b", "town-aa"};

	(void)state;
	assert_int_equal(seen.found->n_towns, 5);
	for (uint32_t t = 0; t < 5; t++)
		assert_string_equal(seen_town_name(&seen, t), names[t]);
	unsee(&seen);
}

static void names_that_can_not_be(void **state)
{
	static const char *const names[] = {
		"caf\xe9",			 /* Latin-1 */
		"tab\there", "esc\x1b[2J", "del\x7f",
		"next\xc2\x85line",		 /* C1 */
		"a-chain-name-of-29-characters",
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(text, sizeof text, ":FORWARD ACCEPT\n:%s\n-A FORWARD -d 10.1.0.0/24 -j %s\n-A %s -d 10.1.0.10\n",
			 names[i], names[i], names[i]);
		struct seen seen = see(text);
		assert_int_equal(seen.found->n_towns, 0);
		assert_int_equal(seen.found->n_hosts, 0);
		seen_other(&seen, "FORWARD", 1, "a jump to a chain whose name can not be a town's");
		assert_int_equal(seen_problems(&seen, "is not metered"), 1);
		unsee(&seen);
	}
	static const char *const good[] = {"a-chain-name-of-28-character", "caf\xc3\xa9", "a.b_c/d:e'f%s"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		snprintf(text, sizeof text, ":FORWARD ACCEPT\n:%s\n-A FORWARD -d 10.1.0.0/24 -j %s\n", good[i], good[i]);
		struct seen seen = see(text);
		assert_int_equal(seen.found->n_towns, 1);
		assert_string_equal(seen_town_name(&seen, 0), good[i]);
		seen_no_problem(&seen);
		unsee(&seen);
	}
}

/* The kernel takes no loop that a hook reaches; whatever comes, nothing hangs and nothing is a wrong row. */
static void loops(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-a\n:through\n:lonely\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A town-a -d 10.1.0.10\n"
			       "-A town-a -j through\n"
			       "-A through -d 10.1.0.11\n"
			       "-A through -g town-a\n"
			       "-A lonely -j lonely\n"
			       "-A lonely -d 10.1.0.12\n");

	(void)state;
	assert_int_equal(seen.found->n_towns, 1);
	assert_int_equal(seen.found->n_hosts, 1);
	seen_other(&seen, "town-a", 2, "has neither -s nor -d");
	seen_other(&seen, "through", 1, "in a chain that is not a town's");
	seen_other(&seen, "lonely", 2, "in a chain that is not a town's");
	assert_int_equal(seen_problems(&seen, "also leads into the chain of a town"), 1);
	unsee(&seen);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_exact_jumps),
		cmocka_unit_test(one_direction_is_enough),
		cmocka_unit_test(not_from_elsewhere),
		cmocka_unit_test(other_entrances_are_told),
		cmocka_unit_test(second_jump),
		cmocka_unit_test(same_prefix_of_two_towns),
		cmocka_unit_test(several_subnets_and_both_families),
		cmocka_unit_test(in_the_order_of_indexes),
		cmocka_unit_test(names_that_can_not_be),
		cmocka_unit_test(loops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
