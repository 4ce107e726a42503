/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Towns and totals that stand in iptables-legacy and in nf_tables. */
#include "recognise.h"

#include "both.h"

static const char nft[] = ":FORWARD ACCEPT\n:town-a -\n:town-n -\n"
			  "-A FORWARD\n"
			  "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			  "-A FORWARD -d 10.7.0.0/24 -j town-n\n"
			  "-A town-a -d 10.1.0.10/32 -m comment --comment alice\n"
			  "-A town-n -d 10.7.0.10/32\n";
static const char legacy[] = ":FORWARD ACCEPT\n:INPUT ACCEPT\n:town-a -\n:town-l -\n"
			     "-A FORWARD\n"
			     "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			     "-A FORWARD -s 10.1.0.0/24 -j town-a\n"
			     "-A FORWARD -d 10.8.0.0/24 -j town-l\n"
			     "-A INPUT\n"
			     "-A town-a -d 10.1.0.10/32 -m comment --comment alice\n"
			     "-A town-a -s 10.1.0.11/32 -m comment --comment townmeter -j DROP\n"
			     "-A town-l -d 10.8.0.10/32\n";

static unsigned problems(const struct recognition *found, const char *part)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < found->n_problems; i++)
		n += strstr(found->problems[i], part) != NULL;
	return n;
}

static void reads_each_once(void **state)
{
	struct ruleset *rules = both(nft, legacy);
	struct recognition *found = recognise(rules, NULL, NULL);

	(void)state;
	assert_non_null(found);
	assert_int_equal(found->n_towns, 3);
	assert_int_equal(found->n_hosts, 3);
	/* The total and the town of nf_tables. */
	assert_int_equal(found->roles[both_rule(rules, CHAIN_NFT, "FORWARD", 1)].kind, ROLE_TOTAL);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_NFT, "FORWARD", 2)].kind, ROLE_JUMP);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_NFT, "town-a", 1)].kind, ROLE_COUNT);
	const struct role *total = &found->roles[both_rule(rules, CHAIN_LEGACY, "FORWARD", 1)];
	assert_int_equal(total->kind, ROLE_OTHER);
	assert_non_null(strstr(total->why, "nf_tables"));
	for (uint32_t n = 2; n <= 3; n++) {
		const struct role *jump = &found->roles[both_rule(rules, CHAIN_LEGACY, "FORWARD", n)];
		assert_int_equal(jump->kind, ROLE_OTHER);
		assert_non_null(strstr(jump->why, "nf_tables"));
	}
	for (uint32_t n = 1; n <= 2; n++) {
		const struct role *role = &found->roles[both_rule(rules, CHAIN_LEGACY, "town-a", n)];
		assert_int_equal(role->kind, ROLE_OTHER);
		assert_non_null(strstr(role->why, "nf_tables"));
	}
	/* What is in one alone is read there. */
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "FORWARD", 4)].kind, ROLE_JUMP);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "town-l", 1)].kind, ROLE_COUNT);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "INPUT", 1)].kind, ROLE_TOTAL);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_NFT, "town-n", 1)].kind, ROLE_COUNT);
	/* And it is told, once each. */
	assert_int_equal(problems(found, "the town town-a stands in iptables-legacy and in nf_tables"), 1);
	assert_int_equal(problems(found, "FORWARD of IPv4 has a total rule in iptables-legacy"), 1);
	assert_int_equal(found->n_problems, 2);
	recognition_free(found);
	ruleset_free(rules);
}

/* The same names for the other version of IP are no twins. */
static void versions_of_ip_are_apart(void **state)
{
	struct ruleset *rules = both(nft, "*6\n:FORWARD ACCEPT\n:town-a -\n-A FORWARD\n"
					  "-A FORWARD -d 2001:db8:a::/64 -j town-a\n"
					  "-A town-a -d 2001:db8:a::10/128 -m comment --comment alice\n");
	struct recognition *found = recognise(rules, NULL, NULL);

	(void)state;
	assert_non_null(found);
	assert_int_equal(found->n_towns, 2);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "FORWARD", 1)].kind, ROLE_TOTAL);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "FORWARD", 2)].kind, ROLE_JUMP);
	assert_int_equal(found->roles[both_rule(rules, CHAIN_LEGACY, "town-a", 1)].kind, ROLE_COUNT);
	assert_int_equal(found->n_problems, 0);
	recognition_free(found);
	ruleset_free(rules);
}

/* One that counts nothing is no jump to a town, and no host. */
static void without_a_counter(void **state)
{
	struct ruleset *rules = both(nft, "");
	struct recognition *found;
	uint32_t jump = both_rule(rules, CHAIN_NFT, "FORWARD", 3), host = both_rule(rules, CHAIN_NFT, "town-a", 1);

	(void)state;
	rules->rules[jump].odd = rules->rules[host].odd = ODD_UNCOUNTED;
	found = recognise(rules, NULL, NULL);
	assert_non_null(found);
	assert_int_equal(found->roles[jump].kind, ROLE_OTHER);
	assert_string_equal(found->roles[jump].why, "a jump without a counter");
	assert_int_equal(found->roles[host].kind, ROLE_OTHER);
	assert_string_equal(found->roles[host].why, "has no counter");
	recognition_free(found);
	ruleset_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_once),
		cmocka_unit_test(versions_of_ip_are_apart),
		cmocka_unit_test(without_a_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
