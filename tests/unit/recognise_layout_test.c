/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree that townmeter writes, alone and beside rules that someone wrote. */
#include <stdio.h>

#include "both.h"
#include "seen.h"
#include "tree.h"

/* All roles of a chain. */
static void assert_leads_on(const struct seen *seen, const char *chain, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++) {
		seen_other(seen, chain, i, "leads on (townmeter)");
		assert_true(seen_role(seen, 4, chain, i)->layout);
	}
}

static void assert_counts(const struct seen *seen, const char *chain, uint32_t number, const char *host, uint8_t direction)
{
	const struct role *role = seen_role(seen, 4, chain, number);

	assert_int_equal(role->kind, ROLE_COUNT);
	assert_int_equal(role->direction, direction);
	assert_true(role->layout);
	assert_false(role->shadow);
	assert_string_equal(seen->found->hosts[role->host].name, host);
}

static void whole_tree(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n" TREE_JUMP TREE);

	(void)state;
	seen_no_problem(&seen);
	const struct role *total = seen_role(&seen, 4, "FORWARD", 1);
	assert_int_equal(total->kind, ROLE_TOTAL);
	assert_true(total->layout);
	assert_false(total->shadow);
	seen_other(&seen, "FORWARD", 2, "a policy beside a total rule");
	assert_int_equal(seen_role(&seen, 4, "townmeter", 1)->kind, ROLE_CANARY);
	assert_true(seen_role(&seen, 4, "townmeter", 1)->layout);
	for (uint32_t i = 2; i <= 3; i++)
		seen_other(&seen, "townmeter", i, "leads on (townmeter)");
	assert_leads_on(&seen, "tm-d", 2);
	assert_leads_on(&seen, "tm-u", 2);
	assert_leads_on(&seen, "tm-x-10.1.0.0/24", 2);
	assert_int_equal(seen.found->n_towns, 2);
	const struct found_town *town = seen_the_town(&seen, "town-a");
	assert_string_equal(ruleset_text(seen.made.rules, seen.made.rules->chains[town->chain[0]].name), "town-a");
	assert_int_equal(town->tree[0], town->chain[0]);
	assert_int_equal(town->chain[1], RULE_NONE);
	assert_int_equal(town->n_jumps, 2);
	assert_int_equal(town->bypass, RULE_NONE);
	for (uint8_t d = 0; d < 2; d++) {
		const struct role *jump = seen_role(&seen, 4, "town-a", 1u + d);
		assert_int_equal(jump->kind, ROLE_JUMP);
		assert_int_equal(jump->direction, d);
		assert_int_equal(jump->town, seen_town(&seen, "town-a"));
		assert_true(jump->layout);
		assert_false(jump->shadow);
	}
	assert_int_equal(seen.found->n_hosts, 4);
	assert_leads_on(&seen, "tm-d-10.1.0.0/24", 1);
	assert_counts(&seen, "tm-d-10.1.0.0/24", 2, "10.1.0.10", DIRECTION_DOWN);
	assert_counts(&seen, "tm-u-10.1.0.0/24", 2, "10.1.0.10", DIRECTION_UP);
	assert_counts(&seen, "tm-d-10.1.0.16/28", 1, "10.1.0.17", DIRECTION_DOWN);
	assert_counts(&seen, "tm-u-10.1.0.16/28", 2, "10.1.0.18", DIRECTION_UP);
	assert_counts(&seen, "tm-d-10.2.0.0/24", 1, "10.2.0.10", DIRECTION_DOWN);
	assert_int_equal(seen_address(&seen, "10.1.0.17")->count[DIRECTION_UP],
			 made_rule(&seen.made, 4, "tm-u-10.1.0.16/28", 1));
	assert_int_equal(seen_the_host(&seen, "town-a", "10.1.0.17")->oper, OPER_ALLOWED);
	/* A total, a canary, 4 entrances, 8 rules of hosts. */
	assert_int_equal(seen.found->n_used, 14);
	unsee(&seen);
}

/* Nothing leads there: it may be what a removal left, or someone's own. */
static void not_reached(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n" TREE);

	(void)state;
	assert_int_equal(seen.found->n_towns, 0);
	assert_int_equal(seen.found->n_hosts, 0);
	seen_other(&seen, "townmeter", 1, "a chain of townmeter that nothing leads to");
	seen_other(&seen, "tm-d-10.1.0.16/28", 1, "a chain of townmeter that nothing leads to");
	seen_other(&seen, "town-a", 1, "in a chain that is not a town's");
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->kind, ROLE_POLICY);
	unsee(&seen);
	/* A jump that asks for more is not the tree's, and a chain beside it stays unreached. */
	seen = see(":FORWARD ACCEPT\n-A FORWARD -i eth0 -j townmeter\n" TREE);
	assert_int_equal(seen.found->n_towns, 0);
	seen_other(&seen, "FORWARD", 1, "a jump with an interface");
	unsee(&seen);
	seen = see(":FORWARD ACCEPT\n:tm-d-10.9.0.0/24\n" TREE_JUMP "-A tm-d-10.9.0.0/24 -d 10.9.0.1\n" TREE);
	assert_int_equal(seen.found->n_towns, 2);
	seen_other(&seen, "tm-d-10.9.0.0/24", 1, "a chain of townmeter that nothing leads to");
	unsee(&seen);
}

static void second_jump(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n" TREE_JUMP TREE_JUMP TREE);

	(void)state;
	assert_int_equal(seen_role(&seen, 4, "FORWARD", 1)->kind, ROLE_TOTAL);
	seen_other(&seen, "FORWARD", 2, "a second jump to townmeter");
	assert_int_equal(seen_problems(&seen, "leads to townmeter a second time"), 1);
	unsee(&seen);
}

/* Where someone has a chain of the town's name. */
static void beside_its_name(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm.town-a\n:tm-d-10.1.0.0/24\n:town-a\n"
			       TREE_JUMP "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n"
			       "-A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n-A tm-d-10.1.0.0/24 -d 10.1.0.10\n"
			       "-A town-a -j LOG\n");

	(void)state;
	seen_no_problem(&seen);
	const struct found_town *town = seen_the_town(&seen, "town-a");
	assert_string_equal(ruleset_text(seen.made.rules, seen.made.rules->chains[town->chain[0]].name), "tm.town-a");
	assert_counts(&seen, "tm-d-10.1.0.0/24", 1, "10.1.0.10", DIRECTION_DOWN);
	unsee(&seen);
}

/* Both see every packet: what someone wrote is read. */
static void own_total(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n" TREE_JUMP "-A FORWARD\n"
			       "-A INPUT --comment townmeter\n-A INPUT\n-A OUTPUT --comment townmeter\n" TREE);

	(void)state;
	seen_no_problem(&seen);
	const struct {
		const char *chain;
		uint32_t number;
		bool layout, shadow;
	} totals[] = {{"FORWARD", 1, true, true}, {"FORWARD", 2, false, false}, {"INPUT", 1, true, true},
		      {"INPUT", 2, false, false}, {"OUTPUT", 1, true, false}};
	for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
		const struct role *role = seen_role(&seen, 4, totals[i].chain, totals[i].number);
		assert_int_equal(role->kind, ROLE_TOTAL);
		assert_int_equal(role->layout, totals[i].layout);
		assert_int_equal(role->shadow, totals[i].shadow);
	}
	unsee(&seen);
}

/* Hand-written rules of the same town. */
#define HAND \
	":town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -j town-a\n" \
	"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10 --comment alice\n" \
	"-A town-a -s 10.1.0.11\n"
#define BESIDE \
	":townmeter\n:tm-d\n:tm-u\n:tm.town-a\n:tm-d-10.1.0.0/24\n:tm-u-10.1.0.0/24\n" \
	TREE_JUMP "-A townmeter -j tm-d\n-A townmeter -j tm-u\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n" \
	"-A tm-u -s 10.1.0.0/24 -g tm.town-a\n" \
	"-A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n-A tm.town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n" \
	"-A tm-d-10.1.0.0/24 -d 10.1.0.10\n-A tm-d-10.1.0.0/24 -d 10.1.0.11\n-A tm-u-10.1.0.0/24 -s 10.1.0.10\n"

static void beside_hand_written(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n" BESIDE HAND);

	(void)state;
	seen_no_problem(&seen);
	assert_int_equal(seen.found->n_towns, 1);
	const struct found_town *town = seen_the_town(&seen, "town-a");
	assert_string_equal(ruleset_text(seen.made.rules, seen.made.rules->chains[town->chain[0]].name), "town-a");
	assert_string_equal(ruleset_text(seen.made.rules, seen.made.rules->chains[town->tree[0]].name), "tm.town-a");
	/* Those that count are the hand-written ones. */
	assert_int_equal(town->n_jumps, 2);
	assert_int_equal(seen.found->jumps[town->first_jump], made_rule(&seen.made, 4, "FORWARD", 2));
	for (uint32_t i = 1; i <= 2; i++) {
		const struct role *role = seen_role(&seen, 4, "tm.town-a", i);
		assert_int_equal(role->kind, ROLE_JUMP);
		assert_int_equal(role->town, 0);
		assert_true(role->layout && role->shadow);
		assert_false(seen_role(&seen, 4, "FORWARD", 1 + i)->layout);
	}
	assert_int_equal(seen.found->n_hosts, 2);
	const struct role *role = seen_role(&seen, 4, "tm-d-10.1.0.0/24", 1);
	assert_int_equal(role->kind, ROLE_COUNT);
	assert_true(role->layout && role->shadow);
	assert_int_equal(role->host, seen_host(&seen, "town-a", "alice"));
	assert_int_equal(seen_address(&seen, "10.1.0.10")->count[DIRECTION_DOWN], made_rule(&seen.made, 4, "town-a", 1));
	/* A way that nobody wrote a rule for is the tree's. */
	assert_counts(&seen, "tm-d-10.1.0.0/24", 2, "10.1.0.11", DIRECTION_DOWN);
	assert_int_equal(seen_address(&seen, "10.1.0.11")->count[DIRECTION_UP], made_rule(&seen.made, 4, "town-a", 3));
	unsee(&seen);
}

/* Someone's jump into the tree counts nothing, and is told. */
static void jump_into_the_tree(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n" TREE_JUMP "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n" TREE);

	(void)state;
	seen_other(&seen, "FORWARD", 2, "a jump into the chains of townmeter");
	seen_other(&seen, "FORWARD", 3, "a jump into the chains of townmeter");
	assert_int_equal(seen_problems(&seen, "rule 2 of FORWARD (destination 10.1.0.0/24, target town-a) also leads into"), 1);
	assert_int_equal(seen.found->n_towns, 2);
	assert_int_equal(seen_the_town(&seen, "town-a")->n_jumps, 2);
	unsee(&seen);
}

/* In the tree of iptables-legacy and in that of nf_tables. */
static void twins(void **state)
{
	struct ruleset *rules = both(":FORWARD ACCEPT\n" TREE_JUMP TREE, ":FORWARD ACCEPT\n" TREE_JUMP TREE);
	struct recognition *found = recognise(rules, NULL, NULL);

	(void)state;
	assert_non_null(found);
	assert_int_equal(found->n_towns, 2);
	assert_int_equal(found->towns[0].chain[0], both_chain(rules, CHAIN_NFT, "town-a"));
	assert_int_equal(found->towns[0].n_jumps, 2);
	assert_int_equal(found->n_hosts, 4);
	const struct role *role = &found->roles[both_rule(rules, CHAIN_LEGACY, "town-a", 1)];
	assert_int_equal(role->kind, ROLE_OTHER);
	assert_string_equal(role->why, "its town is read from nf_tables");
	role = &found->roles[both_rule(rules, CHAIN_LEGACY, "tm-d-10.1.0.16/28", 1)];
	assert_int_equal(role->kind, ROLE_OTHER);
	assert_string_equal(role->why, "its town is read from nf_tables");
	/* Each table has its canary. */
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "townmeter", 1)].kind, ROLE_CANARY);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_NFT, "townmeter", 1)].kind, ROLE_CANARY);
	recognition_free(found);
	ruleset_free(rules);
}

static void ipv6(void **state)
{
	struct seen seen = see("*6\n:FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-2001:db8::/48\n" TREE_JUMP
			       "-A townmeter -s :: -d ::\n-A townmeter -s ::/127 -d ::\n-A townmeter -d ::\n"
			       "-A townmeter -j tm-d\n-A tm-d -d 2001:db8::/48 -g town-a\n"
			       "-A town-a -d 2001:db8::/48 -j tm-d-2001:db8::/48\n"
			       "-A tm-d-2001:db8::/48 -d 2001:db8::1\n");

	(void)state;
	assert_int_equal(seen_role(&seen, 6, "townmeter", 1)->kind, ROLE_CANARY);
	assert_int_equal(seen_role(&seen, 6, "townmeter", 2)->kind, ROLE_OTHER);
	assert_int_equal(seen_role(&seen, 6, "townmeter", 3)->kind, ROLE_OTHER);
	assert_string_equal(seen_role(&seen, 6, "townmeter", 2)->why, "no rule of townmeter's");
	assert_int_equal(seen_the_town(&seen, "town-a")->chain[0], RULE_NONE);
	assert_int_not_equal(seen_the_town(&seen, "town-a")->chain[1], RULE_NONE);
	assert_int_equal(seen_role(&seen, 6, "tm-d-2001:db8::/48", 1)->kind, ROLE_COUNT);
	unsee(&seen);
}

/* What someone put into generated chains counts nobody. */
static void not_ours(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:elsewhere\n" TREE_JUMP TREE_CHAINS
			       "-A townmeter -j elsewhere\n-A townmeter -p tcp -g tm-d\n" TREE_DISPATCH TREE_ENTRANCES_A
			       TREE_ENTRANCES_B TREE_HOSTS "-A tm-d-10.1.0.16/28 -s 10.1.0.19\n"
			       "-A tm-d-10.1.0.16/28 -i eth0 -d 10.1.0.19\n-A tm-d-10.1.0.16/28 -d 10.1.0.19 -j DROP\n");

	(void)state;
	for (uint32_t i = 1; i <= 2; i++)
		seen_other(&seen, "townmeter", i, "no rule of townmeter's");
	for (uint32_t i = 3; i <= 5; i++)
		seen_other(&seen, "tm-d-10.1.0.16/28", i, "no rule of townmeter's");
	assert_int_equal(seen.found->n_towns, 2);
	assert_int_equal(seen.found->n_hosts, 4);
	unsee(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_tree),
		cmocka_unit_test(not_reached),
		cmocka_unit_test(second_jump),
		cmocka_unit_test(beside_its_name),
		cmocka_unit_test(own_total),
		cmocka_unit_test(beside_hand_written),
		cmocka_unit_test(jump_into_the_tree),
		cmocka_unit_test(twins),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
