/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What layout_compare() makes of rules that are townmeter's alone. */
#include "apply.h"

#define EMPTY ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
#define SMALL "town town-a 10.1.0.0/24\nhost alice 10.1.0.10\n"

/* Applies, and compares the commands. */
static void expect(struct made *made, const char *settings, const char *expected)
{
	char *lines = apply_text(made, settings, 4, 0);

	assert_string_equal(lines, expected);
	free(lines);
}

static void from_nothing(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	expect(&made, SMALL,
	       "iptables -N townmeter\n"
	       "iptables -N tm-d\n"
	       "iptables -N tm-u\n"
	       "iptables -N town-a\n"
	       "iptables -N tm-x-10.1.0.0/24\n"
	       "iptables -N tm-d-10.1.0.0/20\n"
	       "iptables -N tm-u-10.1.0.0/20\n"
	       "iptables -N tm-d-10.1.0.0/24\n"
	       "iptables -N tm-u-10.1.0.0/24\n"
	       "iptables -N tm-d-10.1.0.0/28\n"
	       "iptables -N tm-u-10.1.0.0/28\n"
	       "iptables -A townmeter -s 0.0.0.0/32 -d 0.0.0.0/32 -c 7777 0\n"
	       "iptables -A townmeter -j tm-d\n"
	       "iptables -A townmeter -j tm-u\n"
	       "iptables -A tm-d -d 10.1.0.0/20 -g tm-d-10.1.0.0/20\n"
	       "iptables -A tm-u -s 10.1.0.0/20 -g tm-u-10.1.0.0/20\n"
	       "iptables -A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
	       "iptables -A town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
	       "iptables -A tm-x-10.1.0.0/24 -d 10.1.0.0/24 -j RETURN\n"
	       "iptables -A tm-x-10.1.0.0/24 -g town-a\n"
	       "iptables -A tm-d-10.1.0.0/20 -d 10.1.0.0/24 -g town-a\n"
	       "iptables -A tm-u-10.1.0.0/20 -s 10.1.0.0/24 -g tm-x-10.1.0.0/24\n"
	       "iptables -A tm-d-10.1.0.0/24 -d 10.1.0.0/28 -g tm-d-10.1.0.0/28\n"
	       "iptables -A tm-u-10.1.0.0/24 -s 10.1.0.0/28 -g tm-u-10.1.0.0/28\n"
	       "iptables -A tm-d-10.1.0.0/28 -d 10.1.0.10/32\n"
	       "iptables -A tm-u-10.1.0.0/28 -s 10.1.0.10/32\n"
	       "iptables -I FORWARD 1 -j townmeter\n");
	expect(&made, SMALL, "");
	made_free(&made);
}

/* Bob's neighbour comes and goes, and a host in a part of the town where there was none. */
static void one_host_moves_no_other(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	apply(&made, SMALL "host bob 10.1.0.12\nhost carl 10.1.0.77\n", 4, 0);
	char *before = apply_dump(&made);
	expect(&made, SMALL "host bob 10.1.0.12\nhost carl 10.1.0.77\nhost dora 10.1.0.11\n",
	       "iptables -I tm-d-10.1.0.0/28 2 -d 10.1.0.11/32\n"
	       "iptables -I tm-u-10.1.0.0/28 2 -s 10.1.0.11/32\n");
	expect(&made, SMALL "host bob 10.1.0.12\nhost carl 10.1.0.77\nhost dora 10.1.0.33\n",
	       "iptables -N tm-d-10.1.0.32/28\n"
	       "iptables -N tm-u-10.1.0.32/28\n"
	       "iptables -I tm-d-10.1.0.0/24 2 -d 10.1.0.32/28 -g tm-d-10.1.0.32/28\n"
	       "iptables -I tm-u-10.1.0.0/24 2 -s 10.1.0.32/28 -g tm-u-10.1.0.32/28\n"
	       "iptables -D tm-d-10.1.0.0/28 -d 10.1.0.11/32\n"
	       "iptables -A tm-d-10.1.0.32/28 -d 10.1.0.33/32\n"
	       "iptables -D tm-u-10.1.0.0/28 -s 10.1.0.11/32\n"
	       "iptables -A tm-u-10.1.0.32/28 -s 10.1.0.33/32\n");
	apply(&made, SMALL "host bob 10.1.0.12\nhost carl 10.1.0.77\n", 4, 0);
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(before);
	free(after);
	made_free(&made);
}

/* One goes and one comes, around one that stays. */
static void hosts_change_around_another(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	apply(&made, SMALL "host bob 10.1.0.9\n", 4, 0);
	expect(&made, SMALL "host bob 10.1.0.14\n",
	       "iptables -A tm-d-10.1.0.0/28 -d 10.1.0.14/32\n"
	       "iptables -D tm-d-10.1.0.0/28 -d 10.1.0.9/32\n"
	       "iptables -A tm-u-10.1.0.0/28 -s 10.1.0.14/32\n"
	       "iptables -D tm-u-10.1.0.0/28 -s 10.1.0.9/32\n");
	made_free(&made);
}

/* A host whose neighbours are in other /24s makes a level appear; no rule that counts is touched. */
static void levels_come_and_go(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	apply(&made, "town t 10.0.0.0/8\nhost a 10.1.0.1\nhost b 10.2.0.1\n", 4, 0);
	expect(&made, "town t 10.0.0.0/8\nhost a 10.1.0.1\nhost b 10.2.0.1\nhost c 10.1.3.1\n",
	       "iptables -N tm-d-10.1.0.0/20\n"
	       "iptables -N tm-d-10.1.3.0/28\n"
	       "iptables -N tm-u-10.1.0.0/20\n"
	       "iptables -N tm-u-10.1.3.0/28\n"
	       "iptables -I tm-d-10.0.0.0/12 2 -d 10.1.0.0/20 -g tm-d-10.1.0.0/20\n"
	       "iptables -D tm-d-10.0.0.0/12 -d 10.1.0.0/28 -g tm-d-10.1.0.0/28\n"
	       "iptables -A tm-d-10.1.0.0/20 -d 10.1.0.0/28 -g tm-d-10.1.0.0/28\n"
	       "iptables -A tm-d-10.1.0.0/20 -d 10.1.3.0/28 -g tm-d-10.1.3.0/28\n"
	       "iptables -A tm-d-10.1.3.0/28 -d 10.1.3.1/32\n"
	       "iptables -I tm-u-10.0.0.0/12 2 -s 10.1.0.0/20 -g tm-u-10.1.0.0/20\n"
	       "iptables -D tm-u-10.0.0.0/12 -s 10.1.0.0/28 -g tm-u-10.1.0.0/28\n"
	       "iptables -A tm-u-10.1.0.0/20 -s 10.1.0.0/28 -g tm-u-10.1.0.0/28\n"
	       "iptables -A tm-u-10.1.0.0/20 -s 10.1.3.0/28 -g tm-u-10.1.3.0/28\n"
	       "iptables -A tm-u-10.1.3.0/28 -s 10.1.3.1/32\n");
	made_free(&made);
}

/* Without towns, with others' rules around: nothing of ours is left, and theirs are as they were. */
static void remove_leaves_no_trace(void **state)
{
	static const char rules[] =
		":INPUT ACCEPT [0:0]\n:FORWARD DROP [4:400]\n:OUTPUT ACCEPT [0:0]\n:mine\n"
		"[1:60] -A INPUT -i lo -j ACCEPT\n[9:900] -A FORWARD -d 10.1.0.0/24 -j mine\n"
		"[2:200] -A FORWARD -j ACCEPT\n[5:50] -A mine -d 10.1.0.10\n"
		"*6\n:FORWARD ACCEPT [0:0]\n";
	struct made made = make(rules);

	(void)state;
	char *before = apply_dump(&made);
	apply(&made, SMALL "service web 6/80\ntotals input output\ntown town-b 10.2.0.0/22 10.9.0.0/16\n", 4, 0);
	char *between = apply_dump(&made);
	assert_string_not_equal(between, before);
	apply(&made, NULL, 4, 0);
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(before);
	free(between);
	free(after);
	made_free(&made);
}

/* `iptables -F`: the chains stay, and are ours still. */
static void repairs_a_flush(void **state)
{
	struct made made = make(EMPTY), flushed = {0};
	struct layout_changes changes = {0};

	(void)state;
	apply(&made, SMALL, 4, 0);
	for (uint32_t r = 0; r < made.rules->n_rules; r++)
		if (!made.rules->rules[r].policy) {
			changes.list = layout_text_more(changes.list, changes.n, sizeof *changes.list);
			changes.list[changes.n++].edit =
				(struct edit){.kind = EDIT_DELETE, .rule = r, .chain = made.rules->rules[r].chain};
		}
	assert_int_equal(changes.n, 16);
	flushed = apply_changes(&made, &changes);
	char *lines = apply_text(&flushed, SMALL, 4, 0);
	assert_null(strstr(lines, "-N"));
	assert_null(strstr(lines, "-D"));
	assert_null(strstr(lines, "-X"));
	assert_non_null(strstr(lines, "iptables -A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"));
	char *before = apply_dump(&made), *after = apply_dump(&flushed);
	assert_string_equal(after, before);
	free(lines);
	free(before);
	free(after);
	layout_changes_free(&changes);
	made_free(&made);
	made_free(&flushed);
}

/* What someone deletes or turns round in our chains is put right, at its place. */
static void repairs_rules(void **state)
{
	static const char rules[] =
		":FORWARD ACCEPT [0:0]\n:townmeter\n:tm-d\n:tm-u\n:town-a\n:tm-x-10.1.0.0/24\n"
		":tm-d-10.1.0.0/20\n:tm-u-10.1.0.0/20\n:tm-d-10.1.0.0/24\n:tm-u-10.1.0.0/24\n"
		":tm-d-10.1.0.0/28\n:tm-u-10.1.0.0/28\n"
		"-A FORWARD -j townmeter\n-A FORWARD -j townmeter\n"
		"[5:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n-A townmeter -j tm-u\n-A townmeter -j tm-d\n"
		"-A tm-d -d 10.1.0.0/20 -g tm-d-10.1.0.0/20\n-A tm-u -s 10.1.0.0/20 -g tm-u-10.1.0.0/20\n"
		"-A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
		"-A tm-x-10.1.0.0/24 -g town-a\n"
		"-A tm-d-10.1.0.0/20 -d 10.1.0.0/24 -g town-a\n-A tm-u-10.1.0.0/20 -s 10.1.0.0/24 -g tm-x-10.1.0.0/24\n"
		"-A tm-d-10.1.0.0/24 -d 10.1.0.0/28 -g tm-d-10.1.0.0/28\n"
		"-A tm-u-10.1.0.0/24 -s 10.1.0.0/28 -g tm-u-10.1.0.0/28\n"
		"-A tm-d-10.1.0.0/28 -d 10.1.0.9\n-A tm-d-10.1.0.0/28 -d 10.1.0.10\n-A tm-d-10.1.0.0/28 -d 10.1.0.10\n"
		"-A tm-u-10.1.0.0/28 -s 10.1.0.10\n";
	struct made made = make(rules);

	(void)state;
	char *lines = apply_text(&made, SMALL, 4, 0);
	assert_string_equal(lines,
			    "iptables -I townmeter 2 -j tm-d\n"
			    "iptables -D townmeter -j tm-d\n"
			    "iptables -A town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
			    "iptables -I tm-x-10.1.0.0/24 1 -d 10.1.0.0/24 -j RETURN\n"
			    "iptables -D tm-d-10.1.0.0/28 -d 10.1.0.9/32\n"
			    "iptables -D tm-d-10.1.0.0/28 -d 10.1.0.10/32\n"
			    "iptables -D FORWARD -j townmeter\n");
	free(lines);
	made_free(&made);
}

/* A canary that was zeroed is renewed; one that counted is not. */
static void renews_the_canary(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	apply(&made, SMALL, 4, 0);
	uint32_t canary = made_rule(&made, 4, "townmeter", 1);
	assert_int_equal(made.counters[canary].packets, APPLY_CANARY);
	made.counters[canary].packets = 3;
	expect(&made, SMALL, "");
	made.counters[made_rule(&made, 4, "townmeter", 1)].packets = 0;
	expect(&made, SMALL,
	       "iptables -I townmeter 2 -s 0.0.0.0/32 -d 0.0.0.0/32 -c 7777 0\n"
	       "iptables -D townmeter -s 0.0.0.0/32 -d 0.0.0.0/32\n");
	assert_int_equal(made.counters[made_rule(&made, 4, "townmeter", 1)].packets, APPLY_CANARY);
	made_free(&made);
}

/* Only `top` moves the jump that stands behind someone else's rule. */
static void moves_the_jump_if_told(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	apply(&made, SMALL, 4, 0);
	/* Someone puts a rule ahead of it: as an edit that the applier knows. */
	struct layout_change change = {
		.edit = {.kind = EDIT_INSERT, .rule = made_rule(&made, 4, "FORWARD", 1), .verdict = VERDICT_ACCEPT}};
	change.edit.chain = made.rules->rules[change.edit.rule].chain;
	struct layout_changes changes = {.list = &change, .n = 1};
	struct made more = apply_changes(&made, &changes);
	expect(&more, SMALL, "");
	char *lines = apply_text(&more, SMALL, 4, APPLY_TOP);
	assert_string_equal(lines, "iptables -I FORWARD 1 -j townmeter\niptables -D FORWARD -j townmeter\n");
	assert_int_equal(more.rules->rules[made_rule(&more, 4, "FORWARD", 1)].verdict, VERDICT_JUMP);
	free(lines);
	made_free(&made);
	made_free(&more);
}

/* The computer of the article: no towns, two totals; and one that someone wrote is enough. */
static void writes_totals(void **state)
{
	struct made made = make(":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
				"[1:60] -A INPUT -i lo -j ACCEPT\n[7:700] -A OUTPUT -m comment --comment mine\n");

	(void)state;
	char *before = apply_dump(&made);
	expect(&made, "totals input output\n", "iptables -I INPUT 1 -m comment --comment townmeter\n");
	expect(&made, NULL, "iptables -D INPUT -m comment --comment townmeter\n");
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(before);
	free(after);
	made_free(&made);
}

/* nf_tables has no chain before the first rule is in it. */
static void a_chain_is_missing(void **state)
{
	struct made made = make(":FORWARD ACCEPT [0:0]\n");

	(void)state;
	expect(&made, "totals input\n",
	       "# iptables-legacy has no chain INPUT for IPv4, in which a rule of townmeter's is to stand\n");
	made_free(&made);
	made = make(":INPUT ACCEPT [0:0]\n");
	expect(&made, SMALL "totals input\n",
	       "# iptables-legacy has no chain FORWARD for IPv4, in which a rule of townmeter's is to stand\n");
	made_free(&made);
}

static void classes_come_and_go(void **state)
{
	struct made made = make(EMPTY);

	(void)state;
	apply(&made, SMALL, 4, 0);
	char *before = apply_dump(&made);
	expect(&made, "town town-a 10.1.0.0/24\nhost + alice 10.1.0.10\nservice web 6/80 17/443-450\nservice ping 1\n",
	       "iptables -N tm-s-d-10.1.0.0/24\n"
	       "iptables -N tm-s-u-10.1.0.0/24\n"
	       "iptables -N tm-s-d-10.1.0.10\n"
	       "iptables -N tm-s-u-10.1.0.10\n"
	       "iptables -I tm-d-10.1.0.0/24 1 -j tm-s-d-10.1.0.0/24\n"
	       "iptables -I tm-u-10.1.0.0/24 1 -j tm-s-u-10.1.0.0/24\n"
	       "iptables -A tm-s-d-10.1.0.0/24 -p tcp --sport 80 -j RETURN\n"
	       "iptables -A tm-s-d-10.1.0.0/24 -p udp --sport 443:450 -j RETURN\n"
	       "iptables -A tm-s-d-10.1.0.0/24 -p icmp -j RETURN\n"
	       "iptables -A tm-s-d-10.1.0.0/24 -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.0/24 -p tcp --dport 80 -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.0/24 -p udp --dport 443:450 -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.0/24 -p icmp -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.0/24 -j RETURN\n"
	       "iptables -A tm-d-10.1.0.0/28 -d 10.1.0.10/32 -j tm-s-d-10.1.0.10\n"
	       "iptables -D tm-d-10.1.0.0/28 -d 10.1.0.10/32\n"
	       "iptables -A tm-s-d-10.1.0.10 -p tcp --sport 80 -j RETURN\n"
	       "iptables -A tm-s-d-10.1.0.10 -p udp --sport 443:450 -j RETURN\n"
	       "iptables -A tm-s-d-10.1.0.10 -p icmp -j RETURN\n"
	       "iptables -A tm-s-d-10.1.0.10 -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.10 -p tcp --dport 80 -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.10 -p udp --dport 443:450 -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.10 -p icmp -j RETURN\n"
	       "iptables -A tm-s-u-10.1.0.10 -j RETURN\n"
	       "iptables -A tm-u-10.1.0.0/28 -s 10.1.0.10/32 -j tm-s-u-10.1.0.10\n"
	       "iptables -D tm-u-10.1.0.0/28 -s 10.1.0.10/32\n");
	expect(&made, "town town-a 10.1.0.0/24\nhost + alice 10.1.0.10\nservice web 17/443-450\nservice ping 1\n",
	       "iptables -D tm-s-d-10.1.0.0/24 -p tcp --sport 80 -j RETURN\n"
	       "iptables -D tm-s-u-10.1.0.0/24 -p tcp --dport 80 -j RETURN\n"
	       "iptables -D tm-s-d-10.1.0.10 -p tcp --sport 80 -j RETURN\n"
	       "iptables -D tm-s-u-10.1.0.10 -p tcp --dport 80 -j RETURN\n");
	apply(&made, SMALL, 4, 0);
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(before);
	free(after);
	made_free(&made);
}

/* Each version of IP and each backend is compared alone. */
static void leaves_the_others_alone(void **state)
{
	static const char settings[] = SMALL "town town-c 2001:db8::/32\nhost dora 2001:db8:0:1:2:3:4:5\n";
	struct made made = make(EMPTY "*6\n" EMPTY);

	(void)state;
	for (uint32_t c = 0; c < made.rules->n_chains; c++)
		made.rules->chains[c].backend = CHAIN_NFT;
	apply(&made, settings, 4, APPLY_NFT);
	char *four = apply_dump(&made);
	char *lines = apply_text(&made, settings, 6, APPLY_NFT);
	assert_null(strstr(lines, "iptables -"));
	assert_non_null(strstr(lines, "ip6tables -I FORWARD 1 -j townmeter\n"));
	assert_non_null(strstr(lines, "ip6tables -A townmeter -s ::/128 -d ::/128 -c 7777 0\n"));
	free(lines);
	lines = apply_text(&made, NULL, 6, 0);
	assert_string_equal(lines, "");
	free(lines);
	apply(&made, NULL, 6, APPLY_NFT);
	char *after = apply_dump(&made);
	assert_string_equal(after, four);
	free(four);
	free(after);
	made_free(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_nothing), cmocka_unit_test(one_host_moves_no_other),
		cmocka_unit_test(hosts_change_around_another),
		cmocka_unit_test(levels_come_and_go), cmocka_unit_test(remove_leaves_no_trace),
		cmocka_unit_test(repairs_a_flush), cmocka_unit_test(repairs_rules),
		cmocka_unit_test(renews_the_canary), cmocka_unit_test(moves_the_jump_if_told),
		cmocka_unit_test(writes_totals), cmocka_unit_test(a_chain_is_missing),
		cmocka_unit_test(classes_come_and_go), cmocka_unit_test(leaves_the_others_alone)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
