/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Totals, and what holds for every recognition; the steps have tests of their own. */
#include "recognise.h"

#include <stdio.h>

#include "seen.h"

static void nothing_from_nothing(void **state)
{
	struct seen seen = see("");

	(void)state;
	assert_int_equal(seen.found->n_towns, 0);
	assert_int_equal(seen.found->n_hosts, 0);
	assert_int_equal(seen.found->n_by_prefix, 0);
	assert_int_equal(seen.found->n_used, 0);
	seen_no_problem(&seen);
	unsee(&seen);
	recognition_free(NULL);
}

/* The article's router: two towns, two hosts each, total rules. */
static void the_articles_rules(void **state)
{
	struct seen seen = see(":INPUT ACCEPT\n"
			       ":FORWARD ACCEPT\n"
			       ":OUTPUT ACCEPT\n"
			       ":town-b\n"
			       ":town-a\n"
			       "-A INPUT\n"
			       "-A FORWARD\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -s 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -d 10.2.0.0/24 -j town-b\n"
			       "-A FORWARD -s 10.2.0.0/24 -j town-b\n"
			       "-A OUTPUT\n"
			       "-A town-a -d 10.1.0.10 --comment alice\n"
			       "-A town-a -s 10.1.0.10 --comment alice\n"
			       "-A town-a -d 10.1.0.11\n"
			       "-A town-a -s 10.1.0.11\n"
			       "-A town-b -d 10.2.0.10\n"
			       "-A town-b -s 10.2.0.10\n"
			       "-A town-b -d 10.2.0.9 --comment bob\n"
			       "-A town-b -s 10.2.0.9\n");

	(void)state;
	seen_no_problem(&seen);
	assert_int_equal(seen.found->n_towns, 2);
	assert_string_equal(seen_town_name(&seen, 0), "town-a");
	assert_string_equal(seen_town_name(&seen, 1), "town-b");
	assert_int_equal(seen.found->n_hosts, 4);
	assert_int_equal(seen_host(&seen, "town-a", "alice"), 0);
	assert_int_equal(seen_host(&seen, "town-a", "10.1.0.11"), 1);
	assert_int_equal(seen_host(&seen, "town-b", "bob"), 2);
	assert_int_equal(seen_host(&seen, "town-b", "10.2.0.10"), 3);
	assert_int_equal(seen.found->n_addresses, 4);
	assert_int_equal(seen.found->n_jumps, 4);
	/* 3 totals, 4 jumps, 8 rules of hosts. */
	assert_int_equal(seen.found->n_used, 15);
	for (const char *const *c = (const char *const[]){"INPUT", "FORWARD", "OUTPUT", NULL}; *c; c++)
		assert_int_equal(seen_role(&seen, 4, *c, 1)->kind, ROLE_TOTAL);
	seen_other(&seen, "FORWARD", 6, "a policy beside a total rule");
	const struct role *role = seen_role(&seen, 4, "town-b", 4);
	assert_int_equal(role->kind, ROLE_COUNT);
	assert_int_equal(role->direction, DIRECTION_UP);
	assert_int_equal(role->town, 1);
	assert_int_equal(role->host, 2);
	role = seen_role(&seen, 4, "FORWARD", 4);
	assert_int_equal(role->kind, ROLE_JUMP);
	assert_int_equal(role->direction, DIRECTION_DOWN);
	assert_int_equal(role->town, 1);
	assert_int_equal(role->host, RULE_NONE);
	const struct found_address *address = seen_address(&seen, "10.2.0.9");
	assert_int_equal(address->town, 1);
	assert_int_equal(address->host, 2);
	assert_int_equal(address->count[DIRECTION_DOWN], made_rule(&seen.made, 4, "town-b", 3));
	assert_int_equal(address->count[DIRECTION_UP], made_rule(&seen.made, 4, "town-b", 4));
	assert_int_equal(address->drop[DIRECTION_DOWN], RULE_NONE);
	unsee(&seen);
}

static void policy_stands_in(void **state)
{
	struct seen seen = see(":INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n:town-a\n"
			       "-A OUTPUT\n");

	(void)state;
	assert_int_equal(seen_role(&seen, 4, "INPUT", 1)->kind, ROLE_POLICY);
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->kind, ROLE_POLICY);
	assert_int_equal(seen_role(&seen, 4, "OUTPUT", 1)->kind, ROLE_TOTAL);
	seen_other(&seen, "OUTPUT", 2, "a policy beside a total rule");
	unsee(&seen);
}

/* A rule of one version of IP is read alone: the policy of the other is not added. */
static void rule_beats_policy_of_the_other_family(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:INPUT ACCEPT\n"
			       "-A FORWARD\n"
			       "*6\n:FORWARD ACCEPT\n:INPUT ACCEPT\n"
			       "-A INPUT\n");

	(void)state;
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->kind, ROLE_TOTAL);
	seen_other(&seen, "FORWARD", 2, "a policy beside a total rule");
	assert_int_equal(seen_role(&seen, 6, "FORWARD", 1)->kind, ROLE_OTHER);
	assert_int_equal(seen_role(&seen, 4, "INPUT", 1)->kind, ROLE_OTHER);
	assert_int_equal(seen_role(&seen, 6, "INPUT", 1)->kind, ROLE_TOTAL);
	unsee(&seen);
	/* Rules of both count together, and so do policies of both. */
	seen = see(":FORWARD ACCEPT\n:INPUT ACCEPT\n-A FORWARD\n*6\n:FORWARD ACCEPT\n:INPUT ACCEPT\n-A FORWARD\n");
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->kind, ROLE_TOTAL);
	assert_int_equal(seen_role(&seen, 6, "FORWARD", 1)->kind, ROLE_TOTAL);
	assert_int_equal(seen_role(&seen, 4, "INPUT", 1)->kind, ROLE_POLICY);
	assert_int_equal(seen_role(&seen, 6, "INPUT", 1)->kind, ROLE_POLICY);
	unsee(&seen);
}

static void looks_like_a_total(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n"
			       ":elsewhere\n"
			       "-A FORWARD -i eth0\n"
			       "-A FORWARD -p tcp\n"
			       "-A FORWARD -f\n"
			       "-A FORWARD ! -d 10.1.0.0/24\n"
			       "-A FORWARD -d 10.0.1.0/255.0.255.0\n"
			       "-A FORWARD -m limit\n"
			       "-A FORWARD -d 10.1.0.0/24\n"
			       "-A FORWARD -s 10.1.0.0/24\n"
			       "-A FORWARD -j ACCEPT\n"
			       "-A FORWARD -j LOG\n"
			       "-A FORWARD -j elsewhere\n"
			       "-A elsewhere\n");

	(void)state;
	for (uint32_t number = 1; number <= 11; number++)
		assert_int_equal(seen_role(&seen, 4, "FORWARD", number)->kind, ROLE_OTHER);
	seen_other(&seen, "elsewhere", 1, "in a chain that is not a town's");
	/* None of them is a total, so the policy still stands in. */
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 12)->kind, ROLE_POLICY);
	assert_int_equal(seen.found->n_towns, 0);
	unsee(&seen);
}

static void second_total_and_comment(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n"
			       "-A FORWARD -i eth0\n"
			       "-A FORWARD --comment \"all of it\"\n"
			       "-A FORWARD\n");

	(void)state;
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 2)->kind, ROLE_TOTAL);
	seen_other(&seen, "FORWARD", 3, "a second total rule in its chain");
	assert_int_equal(seen.found->n_used, 1);
	unsee(&seen);
}

/* A desktop: no FORWARD worth naming, totals in INPUT and OUTPUT. */
static void desktop(void **state)
{
	struct seen seen = see(":INPUT ACCEPT\n:OUTPUT ACCEPT\n-A INPUT\n-A OUTPUT\n");

	(void)state;
	assert_int_equal(seen_role(&seen, 4, "INPUT", 1)->kind, ROLE_TOTAL);
	assert_int_equal(seen_role(&seen, 4, "OUTPUT", 1)->kind, ROLE_TOTAL);
	assert_int_equal(seen.found->n_used, 2);
	seen_no_problem(&seen);
	unsee(&seen);
}

static void problems_have_an_end(void **state)
{
	char *text = malloc(200000), *at = text;

	(void)state;
	assert_non_null(text);
	at += sprintf(at, ":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.0.0.0/8 -j town-a\n");
	for (int i = 0; i < 250; i++)
		at += sprintf(at, "-A town-a -d 10.1.%d.1\n-A town-a -d 10.1.%d.1\n", i, i);
	struct seen seen = see(text);
	assert_int_equal(seen.found->n_hosts, 250);
	assert_int_equal(seen.found->n_problems, 100);
	unsee(&seen);
	free(text);
}

static uint32_t seed = 20;

static uint32_t chance(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Random rules: whatever stands there, the answer holds together. */
static void check_consistency(const struct seen *seen)
{
	const struct recognition *found = seen->found;
	const struct ruleset *rules = seen->made.rules;
	uint32_t used = 0, n_addresses = 0, n_jumps = 0;

	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct role *role = &found->roles[i];
		const struct rule *rule = &rules->rules[i];
		used += role->kind != ROLE_OTHER && role->kind != ROLE_POLICY;
		if (role->kind == ROLE_OTHER) {
			assert_non_null(role->why);
			assert_int_equal(role->host, RULE_NONE);
			continue;
		}
		assert_int_equal(rule->odd, 0);
		if (role->kind == ROLE_TOTAL || role->kind == ROLE_POLICY)
			continue;
		const struct prefix *own = role->direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
		const struct prefix *other = role->direction == DIRECTION_DOWN ? &rule->src : &rule->dst;
		assert_true(own->family != PREFIX_NONE && other->family == PREFIX_NONE);
		assert_true(role->town < found->n_towns);
		if (role->kind == ROLE_COUNT || role->kind == ROLE_HOST_DROP) {
			assert_true(role->host < found->n_hosts);
			assert_int_equal(found->hosts[role->host].town, role->town);
			assert_int_equal(rule->verdict, role->kind == ROLE_COUNT ? VERDICT_NONE : VERDICT_DROP);
		}
	}
	assert_int_equal(found->n_used, used);
	for (uint32_t t = 0; t < found->n_towns; t++) {
		assert_true(t == 0 || name_compare(seen_town_name(seen, t - 1), seen_town_name(seen, t)) < 0);
		assert_true(found->towns[t].n_jumps >= 1);
		n_jumps += found->towns[t].n_jumps;
		for (uint32_t a = 0; a < found->towns[t].n_addresses; a++, n_addresses++) {
			const struct found_address *address = &found->addresses[found->towns[t].first_address + a];
			assert_int_equal(found->towns[t].first_address + a, n_addresses);
			assert_int_equal(address->town, t);
			assert_int_equal(found->hosts[address->host].town, t);
		}
	}
	assert_int_equal(found->n_jumps, n_jumps);
	assert_int_equal(found->n_addresses, n_addresses);
	for (uint32_t h = 1; h < found->n_hosts; h++) {
		const struct found_host *a = &found->hosts[h - 1], *b = &found->hosts[h];
		assert_true(a->town < b->town || (a->town == b->town && name_compare(a->name, b->name) < 0));
	}
	for (uint32_t i = 1; i < found->n_by_prefix; i++)
		assert_true(prefix_compare(&found->addresses[found->by_prefix[i - 1]].prefix,
					   &found->addresses[found->by_prefix[i]].prefix) < 0);
}

static void any_rules(void **state)
{
	static const char *const chains[] = {"FORWARD", "INPUT", "one", "two", "three"};
	static const char *const targets[] = {"", "", "", " -j DROP", " -j DROP", " -j ACCEPT", " -j one", " -j two",
					      " -g one", " -j three", " -j RETURN", " -j LOG", " -j REJECT"};
	static const char *const odds[] = {"", "", "", "", "", "", " -i eth0", " -p tcp", " -f", " ! -d 10.9.0.0/16",
					   " -m limit", " -s 10.0.1.0/255.0.255.0"};
	static const char *const comments[] = {"", "", "", " --comment alice", " --comment bob",
					       " --comment townmeter", " --comment \"\x01\""};
	char text[16384];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char *at = text;
		for (int family = 4; family <= 6; family += 2) {
			at += sprintf(at, "*%d\n:FORWARD ACCEPT\n:INPUT DROP\n:one\n:two\n:three\n", family);
			for (uint32_t n = chance(40); n > 0; n--) {
				char address[64] = "";
				for (uint32_t k = chance(4); k > 1; k--)
					sprintf(address + strlen(address), family == 6 ? " -%c 2001:db8::%u/%u" : " -%c 10.1.0.%u/%u",
						chance(2) ? 'd' : 's', chance(4) * 8, chance(2) ? family == 6 ? 125 : 29 : family == 6 ? 128 : 32);
				at += sprintf(at, "-A %s%s%s%s%s\n", chains[chance(5)], address, odds[chance(12)],
					      comments[chance(7)], targets[chance(13)]);
			}
		}
		struct seen seen = see(text);
		check_consistency(&seen);
		unsee(&seen);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_from_nothing),
		cmocka_unit_test(the_articles_rules),
		cmocka_unit_test(policy_stands_in),
		cmocka_unit_test(rule_beats_policy_of_the_other_family),
		cmocka_unit_test(looks_like_a_total),
		cmocka_unit_test(second_total_and_comment),
		cmocka_unit_test(desktop),
		cmocka_unit_test(problems_have_an_end),
		cmocka_unit_test(any_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
