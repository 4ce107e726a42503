/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What drops achieve, and which rules of FORWARD lead around a town. */
#include <stdio.h>

#include "seen.h"

#define JUMPS "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -j town-a\n"
#define TOWN ":FORWARD ACCEPT\n:town-a\n" JUMPS
#define ALICE "-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n"
#define OURS " --comment townmeter -j DROP\n"

static struct seen see_rules(const char *before, const char *after)
{
	char text[4000];

	snprintf(text, sizeof text, ":FORWARD ACCEPT\n:town-a\n:side\n:deep\n%s" JUMPS "%s", before, after);
	return see(text);
}

static void host_states(void **state)
{
	static const struct {
		const char *rules;
		uint8_t drops, oper;
		bool ours, foreign;
	} cases[] = {
		{ALICE, DROPS_NONE, OPER_ALLOWED, false, false},
		{"-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE, DROPS_ALL, OPER_BLOCKED, true, false},
		{"-A town-a -d 10.1.0.10" OURS ALICE, DROPS_SOME, OPER_PARTIAL, true, false},
		{"-A town-a -s 10.1.0.10 -j DROP\n" ALICE, DROPS_SOME, OPER_PARTIAL, false, true},
		{"-A town-a -s 10.1.0.10 -j DROP\n-A town-a -d 10.1.0.10" OURS ALICE, DROPS_ALL, OPER_BLOCKED, true, true},
		/* Behind the counting rules, or in their place: it passes no more either way. */
		{ALICE "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10 -j DROP\n", DROPS_ALL, OPER_BLOCKED, false, true},
		{"-A town-a -d 10.1.0.10 --comment alice -j DROP\n-A town-a -s 10.1.0.10 -j DROP\n", DROPS_ALL,
		 OPER_BLOCKED, false, true},
		/* Someone else's drop. */
		{"-A town-a -d 10.1.0.11" OURS ALICE, DROPS_NONE, OPER_ALLOWED, false, false},
		/* Two drops of one direction are not both directions. */
		{"-A town-a -d 10.1.0.10" OURS "-A town-a -d 10.1.0.10" OURS ALICE, DROPS_SOME, OPER_PARTIAL, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seen seen = see_rules("", cases[i].rules);
		const struct found_host *alice = seen_the_host(&seen, "town-a", "alice");
		if (alice->drops != cases[i].drops || alice->oper != cases[i].oper || alice->ours != cases[i].ours ||
		    alice->foreign != cases[i].foreign)
			fail_msg("case %zu: drops %u, state %u, ours %d, foreign %d", i, alice->drops, alice->oper,
				 alice->ours, alice->foreign);
		unsee(&seen);
	}
}

static void every_prefix_of_a_host(void **state)
{
	static const char base[] =
		TOWN "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE
		     "*6\n:FORWARD ACCEPT\n:town-a\n"
		     "-A FORWARD -d 2001:db8:a::/48 -j town-a\n-A FORWARD -s 2001:db8:a::/48 -j town-a\n%s"
		     "-A town-a -d 2001:db8:a:10::/64 --comment alice\n-A town-a -s 2001:db8:a:10::/64\n";
	char text[2000];

	(void)state;
	snprintf(text, sizeof text, base, "");
	struct seen seen = see(text);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->drops, DROPS_SOME);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_PARTIAL);
	unsee(&seen);
	snprintf(text, sizeof text, base, "-A town-a -d 2001:db8:a:10::/64" OURS "-A town-a -s 2001:db8:a:10::/64" OURS);
	seen = see(text);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->drops, DROPS_ALL);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_BLOCKED);
	unsee(&seen);
}

/* A host's address that no jump leads into the chain is not stopped there. */
static void not_covered_by_a_jump(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE
			       "-A town-a -d 10.9.0.9" OURS "-A town-a -s 10.9.0.9" OURS
			       "-A town-a -d 10.9.0.9 --comment stranger\n");

	(void)state;
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->drops, DROPS_ALL);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_PARTIAL);
	assert_int_equal(seen_the_host(&seen, "town-a", "stranger")->oper, OPER_PARTIAL);
	unsee(&seen);
}

static void town_states(void **state)
{
	static const struct {
		const char *rules;
		uint8_t drops, alice;
		bool ours, foreign;
	} cases[] = {
		{ALICE, DROPS_NONE, OPER_ALLOWED, false, false},
		{"-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.0/24" OURS ALICE, DROPS_ALL, OPER_BLOCKED, true, false},
		{"-A town-a -d 10.1.0.0/24" OURS ALICE, DROPS_SOME, OPER_PARTIAL, true, false},
		{"-A town-a -s 10.1.0.0/24 -j DROP\n" ALICE, DROPS_SOME, OPER_PARTIAL, false, true},
		{"-A town-a -d 10.1.0.0/24 -j DROP\n-A town-a -s 10.1.0.0/24" OURS ALICE, DROPS_ALL, OPER_BLOCKED, true, true},
		/* One half by the town, the other by the host. */
		{"-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.10" OURS ALICE, DROPS_SOME, OPER_BLOCKED, true, false},
		/* A part of the town's prefix is not the town's own. */
		{"-A town-a -d 10.1.0.0/25 -j DROP\n" ALICE, DROPS_NONE, OPER_ALLOWED, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seen seen = see_rules("", cases[i].rules);
		const struct found_town *town = seen_the_town(&seen, "town-a");
		const struct found_host *alice = seen_the_host(&seen, "town-a", "alice");
		if (town->drops != cases[i].drops || alice->oper != cases[i].alice || town->ours != cases[i].ours ||
		    town->foreign != cases[i].foreign)
			fail_msg("case %zu: drops %u, alice %u, ours %d, foreign %d", i, town->drops, alice->oper, town->ours,
				 town->foreign);
		unsee(&seen);
	}
	/* A drop for the direction that no jump has is a part that does nothing: some, not none, not all. */
	struct seen seen = see(":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A town-a -s 10.1.0.0/24" OURS);
	assert_int_equal(seen_the_town(&seen, "town-a")->drops, DROPS_SOME);
	unsee(&seen);
}

static void shadowed_drops(void **state)
{
	static const struct {
		const char *first;
		bool down, up; /* shadowed */
	} cases[] = {
		{"", false, false},
		{"-A town-a -j ACCEPT\n", true, true},
		{"-A town-a -j RETURN\n", true, true},
		{"-A town-a -p icmp -j ACCEPT\n", true, true},
		{"-A town-a -m conntrack --ctstate ESTABLISHED -j ACCEPT\n", true, true},
		{"-A town-a -d 10.1.0.10 -j ACCEPT\n", true, true}, /* -d does not say who sent it */
		{"-A town-a -d 10.1.0.11 -j ACCEPT\n", false, true},
		{"-A town-a -s 10.1.0.11 -j ACCEPT\n", true, false},
		{"-A town-a -d 10.1.0.11 -s 10.1.0.12 -j ACCEPT\n", false, false},
		{"-A town-a -d 10.1.0.8/29 -s 10.9.0.0/16 -j ACCEPT\n", true, false},
		{"-A town-a -j NFQUEUE\n", true, true},
		{"-A town-a -j QUEUE\n", true, true},
		{"-A town-a -j UNKNOWN\n", true, true},
		{"-A town-a -j LOG\n", false, false},
		{"-A town-a -j MARK\n", false, false},
		{"-A town-a -j REJECT\n", false, false}, /* does not pass either */
		{"-A town-a -i eth0 -j DROP\n", false, false},
		{"-A town-a -j side\n", false, false},
		{"-A town-a -g side\n", true, true},
		{"-A town-a -j side\n-A side -j deep\n-A deep -p udp -j ACCEPT\n", true, true},
		{"-A town-a -j side\n-A side -j deep\n-A deep -p udp -j RETURN\n", false, false},
		{"-A town-a -j side\n-A side -j deep\n-A deep -p udp -j DROP\n", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[1000];
		snprintf(text, sizeof text, "%s-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10 -j DROP\n" ALICE,
			 cases[i].first);
		struct seen seen = see_rules("", text);
		const struct found_address *address = seen_address(&seen, "10.1.0.10");
		bool down = seen.found->roles[address->drop[DIRECTION_DOWN]].shadowed;
		bool up = seen.found->roles[address->drop[DIRECTION_UP]].shadowed;
		uint8_t oper = seen_the_host(&seen, "town-a", "alice")->oper;
		if (down != cases[i].down || up != cases[i].up)
			fail_msg("case %zu: shadowed down %d, up %d", i, down, up);
		assert_int_equal(oper, down || up ? OPER_PARTIAL : OPER_BLOCKED);
		unsee(&seen);
	}
}

/* A shadowed drop of a host does not undo the town's drop ahead of it. */
static void shadowed_host_in_a_blocked_town(void **state)
{
	struct seen seen = see_rules("", "-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.0/24" OURS
					 "-A town-a -j ACCEPT\n"
					 "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE);

	(void)state;
	assert_true(seen_role(&seen, 4, "town-a", 4)->shadowed);
	assert_false(seen_role(&seen, 4, "town-a", 1)->shadowed);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_BLOCKED);
	unsee(&seen);
	/* Nor do the town's drops do anything behind the ACCEPT. */
	seen = see_rules("", "-A town-a -j ACCEPT\n-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.0/24" OURS ALICE);
	assert_true(seen_role(&seen, 4, "town-a", 2)->shadowed);
	assert_int_equal(seen_the_town(&seen, "town-a")->drops, DROPS_ALL);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_PARTIAL);
	unsee(&seen);
}

/* What stands ahead of the town's jumps in FORWARD. */
static void bypasses(void **state)
{
	static const struct {
		const char *before, *more;
		bool bypassed, down, up; /* slips */
	} cases[] = {
		{"", "", false, false, false},
		{"-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n", "", true, true, true},
		{"-A FORWARD -j ACCEPT\n", "", true, true, true},
		{"-A FORWARD -j RETURN\n", "", true, true, true},
		{"-A FORWARD -p tcp -j DROP\n", "", true, false, false},
		{"-A FORWARD -j REJECT\n", "", true, false, false},
		{"-A FORWARD -d 10.1.0.10 -j ACCEPT\n", "", true, true, true},
		{"-A FORWARD -d 10.2.0.0/24 -j ACCEPT\n", "", true, false, true},
		{"-A FORWARD -s 10.2.0.0/24 -j ACCEPT\n", "", true, true, false},
		{"-A FORWARD -s 10.2.0.0/24 -d 10.3.0.0/24 -j ACCEPT\n", "", false, false, false},
		{"-A FORWARD -s 10.2.0.0/24 -d 10.1.0.128/25 -j ACCEPT\n", "", true, true, false},
		{"-A FORWARD -j LOG\n", "", false, false, false},
		{"-A FORWARD\n-A FORWARD -i eth0\n", "", false, false, false},
		{"-A FORWARD -j side\n", "", false, false, false},
		{"-A FORWARD -j side\n", "-A side -i eth0 -j ACCEPT\n", true, true, true},
		{"-A FORWARD -j side\n", "-A side -j deep\n-A deep -j DROP\n", true, false, false},
		{"-A FORWARD -j side\n", "-A side -j RETURN\n", false, false, false},
		{"-A FORWARD -g side\n", "", true, true, true},
		{"-A FORWARD -j side\n", "-A side -j deep\n-A deep -j side\n", false, false, false},
		{"-A FORWARD -j side\n", "-A side -j deep\n-A deep -j side\n-A deep -j ACCEPT\n", true, true, true},
		/* Its own rules do not lead around it. */
		{"", "-A town-a -j ACCEPT\n", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seen seen = see_rules(cases[i].before, cases[i].more);
		const struct found_town *town = seen_the_town(&seen, "town-a");
		if ((town->bypass != RULE_NONE) != cases[i].bypassed || town->slips[0][DIRECTION_DOWN] != cases[i].down ||
		    town->slips[0][DIRECTION_UP] != cases[i].up)
			fail_msg("case %zu: bypass %d, slips %d %d", i, town->bypass != RULE_NONE,
				 town->slips[0][DIRECTION_DOWN], town->slips[0][DIRECTION_UP]);
		assert_false(town->slips[1][0] || town->slips[1][1]);
		if (cases[i].bypassed)
			assert_int_equal(town->bypass, made_rule(&seen.made, 4, "FORWARD", 1));
		assert_int_equal(seen_problems(&seen, "ahead of the jumps to town-a can"), cases[i].bypassed);
		assert_int_equal(seen_problems(&seen, "accept"), cases[i].down || cases[i].up);
		unsee(&seen);
	}
}

/* Behind the jumps it is too late to lead around them; between them, it is half so. */
static void only_what_stands_ahead(void **state)
{
	struct seen seen = see(TOWN "-A FORWARD -j ACCEPT\n");

	(void)state;
	assert_int_equal(seen_the_town(&seen, "town-a")->bypass, RULE_NONE);
	seen_no_problem(&seen);
	unsee(&seen);
	seen = see(":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -i eth0 -j ACCEPT\n"
		   "-A FORWARD -s 10.1.0.0/24 -j town-a\n"
		   "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE);
	const struct found_town *town = seen_the_town(&seen, "town-a");
	assert_int_equal(town->bypass, made_rule(&seen.made, 4, "FORWARD", 2));
	assert_false(town->slips[0][DIRECTION_DOWN]);
	assert_true(town->slips[0][DIRECTION_UP]);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->drops, DROPS_ALL);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_PARTIAL);
	unsee(&seen);
}

/* A stateful firewall: drops stand, packets slip past them. What drops ahead lets nothing slip. */
static void partial_blocks(void **state)
{
	static const char drops[] = "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE;
	struct seen seen = see_rules("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n", drops);

	(void)state;
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_PARTIAL);
	unsee(&seen);
	seen = see_rules("-A FORWARD -p tcp -j DROP\n", drops);
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_BLOCKED);
	unsee(&seen);
	/* One family's firewall is not the other's. */
	seen = see(TOWN "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE
			"*6\n:FORWARD ACCEPT\n:town-a\n-A FORWARD -m conntrack -j ACCEPT\n"
			"-A FORWARD -d 2001:db8:a::/48 -j town-a\n-A town-a -d 2001:db8:a::1 --comment six\n");
	assert_int_equal(seen_the_host(&seen, "town-a", "alice")->oper, OPER_BLOCKED);
	assert_true(seen_the_town(&seen, "town-a")->slips[1][DIRECTION_DOWN]);
	assert_false(seen_the_town(&seen, "town-a")->slips[0][DIRECTION_DOWN]);
	assert_int_equal(seen_problems(&seen, "ip6tables -I FORWARD 1 -d PREFIX -j town-a"), 1);
	unsee(&seen);
}

/* Another town's chain may decide over packets between the two. */
static void between_towns(void **state)
{
	static const char two[] = ":FORWARD ACCEPT\n:town-a\n:town-b\n"
				  "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -j town-a\n"
				  "-A FORWARD -d 10.2.0.0/24 -j town-b\n-A FORWARD -s 10.2.0.0/24 -j town-b\n%s";
	char text[1000];

	(void)state;
	snprintf(text, sizeof text, two, "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10 -j DROP\n");
	struct seen seen = see(text);
	/* A block in one town is no bypass of the other. */
	assert_int_equal(seen_the_town(&seen, "town-b")->bypass, RULE_NONE);
	unsee(&seen);
	snprintf(text, sizeof text, two, "-A town-a -d 10.1.0.10\n-A town-a -j ACCEPT\n");
	seen = see(text);
	assert_int_equal(seen_the_town(&seen, "town-a")->bypass, RULE_NONE);
	assert_int_equal(seen_the_town(&seen, "town-b")->bypass, made_rule(&seen.made, 4, "FORWARD", 2));
	assert_true(seen_the_town(&seen, "town-b")->slips[0][DIRECTION_UP]);
	assert_true(seen_the_town(&seen, "town-b")->slips[0][DIRECTION_DOWN]);
	unsee(&seen);
}

static void one_line_for_many_towns(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-a\n:town-b\n:town-c\n"
			       "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -d 10.2.0.0/24 -j town-b\n"
			       "-A FORWARD -d 10.3.0.0/24 -j town-c\n");

	(void)state;
	assert_int_equal(seen.found->n_problems, 1);
	assert_string_equal(seen.found->problems[0],
			    "rule 1 of FORWARD (match conntrack, target ACCEPT) ahead of the jumps to town-a and 2 more can "
			    "accept its packets uncounted and unblocked: move those jumps ahead of it (iptables -I FORWARD 1 "
			    "-d PREFIX -j town-a, also -s; then -D the old ones by number)");
	unsee(&seen);
}

/* Beyond the length of the list of diversions everything is taken for diverted. */
static void very_many_rules_ahead(void **state)
{
	for (int n = 256; n <= 257; n++) {
		char *text = malloc(100000), *at = text;
		assert_non_null(text);
		at += sprintf(at, ":FORWARD ACCEPT\n:town-a\n");
		for (int i = 0; i < n; i++)
			at += sprintf(at, "-A FORWARD -s 10.9.0.0/16 -d 10.9.%d.0/24 -j ACCEPT\n", i % 256);
		sprintf(at, JUMPS);
		struct seen seen = see(text);
		assert_int_equal(seen_the_town(&seen, "town-a")->bypass != RULE_NONE, n == 257);
		unsee(&seen);
		free(text);
	}
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_states),
		cmocka_unit_test(every_prefix_of_a_host),
		cmocka_unit_test(not_covered_by_a_jump),
		cmocka_unit_test(town_states),
		cmocka_unit_test(shadowed_drops),
		cmocka_unit_test(shadowed_host_in_a_blocked_town),
		cmocka_unit_test(bypasses),
		cmocka_unit_test(only_what_stands_ahead),
		cmocka_unit_test(partial_blocks),
		cmocka_unit_test(between_towns),
		cmocka_unit_test(one_line_for_many_towns),
		cmocka_unit_test(very_many_rules_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
