/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that change: every row and every counter is found again by what it is, not by where it stands. */
#include "bench.h"

#define FORWARD ":FORWARD ACCEPT\n:town-a\n"
#define JUMP(n) FORWARD "[" #n ":" #n "00] -A FORWARD -d 10.1.0.0/24 -j town-a\n"

static struct view_host host(const struct bench *b, const char *town, const char *name)
{
	struct view *view = bench_published(b);
	uint32_t row = view_find_host(view, town, name);

	if (row == UINT32_MAX)
		fail_msg("there is no host %s in %s", name, town);
	struct view_host copy = view_hosts(view)[row];
	view_release(view);
	return copy;
}

static struct view_town town(const struct bench *b, const char *name)
{
	struct view *view = bench_published(b);
	uint32_t row = view_find_town(view, name);

	if (row == UINT32_MAX)
		fail_msg("there is no town %s", name);
	struct view_town copy = view_towns(view)[row];
	view_release(view);
	return copy;
}

static struct view_agent agent(const struct bench *b)
{
	struct view *view = bench_published(b);
	struct view_agent copy = view->agent;

	view_release(view);
	return copy;
}

/* A rule that we put in comes with a count that is no traffic; one that someone else put in is traffic. */
static void rules_that_we_put_in(void **state)
{
	struct bench b = bench_begin();
	struct counter given = {5, 500};

	(void)state;
	bench_look(&b, JUMP(9) "[9:900] -A town-a -d 10.1.0.10 --comment alice\n");
	struct rule_key key = {.town = meter_find_town(b.meter, "town-a"), .family = PREFIX_IPV4, .kind = ROLE_HOST_DROP,
			       .ours = true, .prefix = make_prefix("10.1.0.10")};
	assert_int_equal(meter_rule_inserted(b.meter, &key, &given), 0);
	bench_look(&b, JUMP(11) "[7:700] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
			  "[9:900] -A town-a -d 10.1.0.10 --comment alice\n");
	assert_int_equal(host(&b, "town-a", "alice").traffic.dropped.packets, 2);
	assert_int_equal(host(&b, "town-a", "alice").traffic.dropped.octets, 200);
	assert_int_equal(town(&b, "town-a").traffic.down.packets, 9);
	/* Expected once, not for ever; a foreign drop counts from its first packet. */
	bench_look(&b, JUMP(12) "[7:700] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
			  "[5:500] -A town-a -d 10.1.0.11 -j DROP\n[9:900] -A town-a -d 10.1.0.10 --comment alice\n");
	assert_int_equal(host(&b, "town-a", "10.1.0.11").traffic.dropped.packets, 5);
	/* What never came is not waited for. */
	key.direction = DIRECTION_UP;
	key.kind = ROLE_COUNT;
	assert_int_equal(meter_rule_inserted(b.meter, &key, &given), 0);
	bench_look(&b, JUMP(12) "[9:900] -A town-a -d 10.1.0.10 --comment alice\n");
	bench_look(&b, JUMP(12) "[9:900] -A town-a -d 10.1.0.10 --comment alice\n[7:700] -A town-a -s 10.1.0.10\n");
	assert_int_equal(host(&b, "town-a", "alice").traffic.up.packets, 7);
	bench_finish(&b);
}

/* A rule that we removed was settled to its last packet; one that vanished took something with it. */
static void rules_that_go(void **state)
{
	struct bench b = bench_begin();
	static const char with[] = JUMP(9) "[4:400] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
					   "[5:500] -A town-a -d 10.1.0.10 --comment alice\n";
	static const char without[] = JUMP(9) "[5:500] -A town-a -d 10.1.0.10 --comment alice\n";
	struct counter last = {6, 600};

	(void)state;
	bench_look(&b, with);
	decitime before = town(&b, "town-a").traffic.discontinuity;
	meter_rule_deleted(b.meter, made_rule(&b.made, 4, "town-a", 1), &last);
	meter_settle(b.meter);
	bench_look(&b, without);
	assert_int_equal(host(&b, "town-a", "alice").traffic.dropped.packets, 6);
	assert_int_equal(town(&b, "town-a").traffic.discontinuity, before);
	assert_int_equal(host(&b, "town-a", "alice").traffic.discontinuity, before);
	bench_look(&b, with);
	bench_look(&b, without);
	assert_true(town(&b, "town-a").traffic.discontinuity > before);
	assert_true(host(&b, "town-a", "alice").traffic.discontinuity > before);
	assert_int_equal(agent(&b).discontinuity, town(&b, "town-a").traffic.discontinuity);
	bench_finish(&b);
}

static const char *configured(void *context, const char *town, const struct prefix *prefix)
{
	struct prefix alice = make_prefix("10.1.0.10");

	(void)town;
	return prefix_compare(prefix, &alice) == 0 ? context : NULL;
}

/* The same rules under a new name: another row, that counts what comes from then on. */
static void names_that_change(void **state)
{
	struct bench b = bench_begin();
	static char bob[] = "bob", carol[] = "carol";
	static const char rules[] = JUMP(9) "[9:900] -A town-a -d 10.1.0.10 --comment alice\n"
					    "[3:300] -A town-a -d 10.1.0.11 --comment dave\n";
	static const char more[] = JUMP(9) "[14:1400] -A town-a -d 10.1.0.10 --comment alice\n"
					   "[3:300] -A town-a -d 10.1.0.11 --comment dave\n";

	(void)state;
	/* Before the first fold, too; that is still the first one. */
	meter_set_names(b.meter, &(struct recognise_names){.find = configured, .context = bob});
	bench_look(&b, rules);
	assert_int_equal(host(&b, "town-a", "bob").traffic.down.packets, 9);
	assert_int_equal(meter_find_host(b.meter, "town-a", "alice"), RULE_NONE);
	assert_int_equal(agent(&b).tables_last_change, b.now);
	/* The rules are the same, and so is their generation: names alone are new. */
	decitime made = host(&b, "town-a", "bob").traffic.discontinuity;
	meter_set_names(b.meter, &(struct recognise_names){.find = configured, .context = carol});
	b.generation--;
	bench_look(&b, rules);
	assert_int_equal(host(&b, "town-a", "carol").traffic.down.packets, 0);
	assert_int_equal(host(&b, "town-a", "carol").oper, OPER_ALLOWED);
	assert_int_equal(host(&b, "town-a", "bob").traffic.down.packets, 9);
	assert_int_equal(host(&b, "town-a", "bob").oper, OPER_MISSING);
	assert_int_equal(agent(&b).tables_last_change, b.now);
	bench_look(&b, more);
	assert_int_equal(host(&b, "town-a", "carol").traffic.down.packets, 5);
	assert_int_equal(host(&b, "town-a", "carol").traffic.down.octets, 500);
	assert_int_equal(host(&b, "town-a", "bob").traffic.down.packets, 9);
	assert_int_equal(host(&b, "town-a", "dave").traffic.down.packets, 3);
	/* The names are read again, and the same: nothing changes. */
	decitime changed = agent(&b).tables_last_change;
	meter_set_names(b.meter, &(struct recognise_names){.find = configured, .context = carol});
	b.generation--;
	bench_look(&b, more);
	assert_int_equal(agent(&b).tables_last_change, changed);
	/* Without them the comment counts, and a row that was there before goes on. */
	meter_set_names(b.meter, NULL);
	b.generation--;
	bench_look(&b, more);
	assert_int_equal(host(&b, "town-a", "alice").traffic.down.packets, 0);
	assert_int_equal(host(&b, "town-a", "carol").oper, OPER_MISSING);
	meter_set_names(b.meter, &(struct recognise_names){.find = configured, .context = bob});
	bench_look(&b, JUMP(9) "[15:1500] -A town-a -d 10.1.0.10 --comment alice\n"
			 "[3:300] -A town-a -d 10.1.0.11 --comment dave\n");
	assert_int_equal(host(&b, "town-a", "bob").traffic.down.packets, 10);
	assert_int_equal(host(&b, "town-a", "bob").traffic.discontinuity, made);
	assert_int_equal(town(&b, "town-a").traffic.down.packets, 9);
	assert_int_equal(agent(&b).kernel_resets, 0);
	bench_finish(&b);
}

/* A poller compares stamps: each is later than all before, even if the clock was set back. */
static void stamps_only_grow(void **state)
{
	struct bench b = bench_begin();
	decitime before = 0;

	(void)state;
	bench_look(&b, JUMP(50) "[9:900] -A town-a -d 10.1.0.10\n");
	for (int i = 49; i > 0; i--) {
		char text[300];
		b.now = i % 2 ? 500 : 2000;
		snprintf(text, sizeof text, FORWARD "[%d:100] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
						    "[9:900] -A town-a -d 10.1.0.10\n", i);
		bench_look(&b, text);
		assert_true(town(&b, "town-a").traffic.discontinuity > before);
		before = town(&b, "town-a").traffic.discontinuity;
		/* Whose rules kept their counters has no gap. */
		assert_int_equal(host(&b, "town-a", "10.1.0.10").traffic.discontinuity, 1001);
	}
	assert_int_equal(agent(&b).kernel_resets, 49);
	bench_finish(&b);
}

static void totals(void **state)
{
	struct bench b = bench_begin();
	struct view *view;

	(void)state;
	bench_look(&b, ":FORWARD ACCEPT [10:1000]\n:INPUT ACCEPT [1:100]\n*6\n:FORWARD ACCEPT [5:500]\n:INPUT ACCEPT [2:200]\n");
	view = bench_published(&b);
	assert_int_equal(view->n_totals, 2);
	assert_int_equal(view_totals(view)[0].amount.packets, 15);
	assert_int_equal(view_totals(view)[0].source, VIEW_SOURCE_POLICY);
	assert_int_equal(view_totals(view)[1].amount.octets, 300);
	view_release(view);
	/* A rule is added: it counts from now on, the policies no more; nothing that was counted is lost. */
	bench_look(&b, ":FORWARD ACCEPT [12:1200]\n:INPUT ACCEPT [1:100]\n[2:200] -A FORWARD\n"
		 "*6\n:FORWARD ACCEPT [9:900]\n:INPUT ACCEPT [2:200]\n");
	view = bench_published(&b);
	assert_int_equal(view_totals(view)[0].amount.packets, 17);
	assert_int_equal(view_totals(view)[0].source, VIEW_SOURCE_RULE);
	assert_int_equal(view_totals(view)[1].source, VIEW_SOURCE_POLICY);
	assert_true(view_totals(view)[0].discontinuity > view_totals(view)[1].discontinuity);
	view_release(view);
	/* The row stays when its rules go. */
	bench_look(&b, ":INPUT ACCEPT [1:100]\n");
	view = bench_published(&b);
	assert_int_equal(view->n_totals, 2);
	assert_int_equal(view_totals(view)[0].amount.packets, 17);
	assert_int_equal(view->agent.rules_read, 0);
	view_release(view);
	assert_true(meter_has_total(b.meter, VIEW_CHAIN_FORWARD));
	assert_false(meter_has_total(b.meter, VIEW_CHAIN_OUTPUT));
	/* Every commit of iptables-legacy clears the policies' counters: that is no reset. */
	bench_look(&b, ":INPUT ACCEPT [0:0]\n");
	assert_int_equal(agent(&b).kernel_resets, 0);
	bench_finish(&b);
}

static void collect(void *context, uint32_t id)
{
	uint32_t *seen = context;

	seen[++seen[0]] = id;
}

/* Identities stay, whatever comes between; rows come in the order of SNMP. */
static void identities(void **state)
{
	struct bench b = bench_begin();
	uint32_t seen[8] = {0};

	(void)state;
	bench_look(&b, JUMP(0) "-A town-a -d 10.1.0.10 --comment mm\n");
	uint32_t a = meter_find_town(b.meter, "town-a"), mm = meter_find_host(b.meter, "town-a", "mm");
	bench_look(&b, ":FORWARD ACCEPT\n:b\n:town-b\n:town-a\n-A FORWARD -d 10.2.0.0/24 -j b\n-A FORWARD -d 10.3.0.0/24 -j town-b\n"
		 "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A b -d 10.2.0.10 --comment mm\n"
		 "-A town-a -d 10.1.0.9 --comment zz\n-A town-a -d 10.1.0.8 --comment aaa\n"
		 "-A town-a -d 10.1.0.11 --comment aa\n-A town-a -d 10.1.0.10 --comment mm\n");
	assert_int_equal(meter_find_town(b.meter, "town-a"), a);
	assert_int_equal(meter_find_host(b.meter, "town-a", "mm"), mm);
	assert_int_not_equal(meter_find_host(b.meter, "b", "mm"), mm);
	assert_int_equal(meter_find_host(b.meter, "town-b", "mm"), RULE_NONE);
	assert_int_equal(meter_find_host(b.meter, "town-c", "mm"), RULE_NONE);
	assert_int_equal(meter_find_town(b.meter, "town"), RULE_NONE);
	meter_each_host(b.meter, a, collect, seen);
	assert_int_equal(seen[0], 4);
	assert_int_equal(seen[1], meter_find_host(b.meter, "town-a", "aa"));
	assert_int_equal(seen[2], mm);
	assert_int_equal(seen[3], meter_find_host(b.meter, "town-a", "zz"));
	assert_int_equal(seen[4], meter_find_host(b.meter, "town-a", "aaa"));
	struct view *view = bench_published(&b);
	static const char *const towns[] = {"b", "town-a", "town-b"}, *const hosts[] = {"mm", "aa", "mm", "zz", "aaa"};
	for (uint32_t i = 0; i < 3; i++)
		assert_string_equal(view_towns(view)[i].name, towns[i]);
	for (uint32_t i = 0; i < 5; i++)
		assert_string_equal(view_hosts(view)[i].name, hosts[i]);
	assert_int_equal(view_towns(view)[1].hosts, 4);
	assert_int_equal(view->n_addresses, 5);
	for (uint32_t i = 1; i < 5; i++)
		assert_true(prefix_compare(&view_addresses(view)[i - 1].prefix, &view_addresses(view)[i].prefix) < 0);
	view_release(view);
	assert_int_equal(meter_town_found(b.meter, a), 1);
	bench_look(&b, ":FORWARD ACCEPT\n");
	assert_int_equal(meter_town_found(b.meter, a), RULE_NONE);
	assert_int_equal(meter_host_found(b.meter, mm), RULE_NONE);
	bench_finish(&b);
}

/* `iptables -R town-a 1 -d 10.1.0.10 -j DROP` takes rule, comment and count away; the customer stays who it was. */
static void replaced_by_hand(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, JUMP(9) "[9:900] -A town-a -d 10.1.0.10 --comment alice\n");
	bench_look(&b, JUMP(12) "[3:300] -A town-a -d 10.1.0.10 -j DROP\n");
	struct view_host alice = host(&b, "town-a", "alice");
	assert_int_equal(alice.traffic.down.packets, 9);
	assert_int_equal(alice.traffic.dropped.packets, 3);
	assert_int_equal(alice.oper, OPER_PARTIAL); /* no jump and no drop from it */
	assert_int_equal(town(&b, "town-a").hosts, 1);
	bench_look(&b, JUMP(13) "[4:400] -A town-a -d 10.1.0.10 -j DROP\n");
	assert_int_equal(host(&b, "town-a", "alice").traffic.dropped.packets, 4);
	bench_finish(&b);
}

static void problems_are_told_once(void **state)
{
	struct bench b = bench_begin();
	static const char good[] = JUMP(0), bad[] = JUMP(0) "-A town-a -d 10.1.0.10 --comment alice\n"
							   "-A town-a -s 10.1.0.10 --comment bob\n";

	(void)state;
	bench_look(&b, good);
	assert_string_equal(b.told, "");
	bench_look(&b, bad);
	assert_non_null(strstr(b.told, "has two names, 'alice'"));
	bench_look(&b, bad);
	assert_string_equal(b.told, "");
	bench_look(&b, good);
	bench_look(&b, bad);
	assert_non_null(strstr(b.told, "has two names, 'alice'"));
	bench_finish(&b);
}

static void found_again_by_key(void **state)
{
	struct bench b = bench_begin();
	struct rule_key keys[4];
	uint32_t rules[4];

	(void)state;
	bench_look(&b, JUMP(0) "-A FORWARD -s 10.1.0.0/24 -j town-a\n-A town-a -d 10.1.0.10\n-A town-a -d 10.1.0.11 -j DROP\n");
	for (uint32_t i = 0; i < 2; i++) {
		keys[i] = meter_rule_key(b.meter, made_rule(&b.made, 4, "FORWARD", i + 1));
		keys[i + 2] = meter_rule_key(b.meter, made_rule(&b.made, 4, "town-a", i + 1));
	}
	bench_look(&b, FORWARD "-A FORWARD\n-A FORWARD -s 10.1.0.0/24 -j town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			 "-A town-a -s 10.1.0.10\n-A town-a -j LOG\n-A town-a -d 10.1.0.10\n");
	assert_int_equal(meter_locate(b.meter, keys, rules, 4), 0);
	assert_int_equal(rules[0], made_rule(&b.made, 4, "FORWARD", 3));
	assert_int_equal(rules[1], made_rule(&b.made, 4, "FORWARD", 2));
	assert_int_equal(rules[2], made_rule(&b.made, 4, "town-a", 3));
	assert_int_equal(rules[3], RULE_NONE);
	bench_finish(&b);
}

/* Rules that only change their places: every packet is counted once, whatever else comes and goes. */
static void shuffled_rules(void **state)
{
	enum { HOSTS = 150 };
	struct bench b = bench_begin();
	uint64_t counts[HOSTS] = {0};
	uint32_t order[HOSTS], seed = 9;
	char *text = malloc(50000), name[32];

	(void)state;
	assert_non_null(text);
	for (uint32_t i = 0; i < HOSTS; i++)
		order[i] = i;
	for (int round = 0; round < 60; round++) {
		char *at = text + sprintf(text, JUMP(0));
		for (uint32_t i = 0; i < HOSTS; i++) {
			seed = seed * 1664525u + 1013904223u;
			/* Some rounds move one rule, some many. */
			uint32_t other = round % 3 == 0 || i == 0 ? (seed >> 8) % HOSTS : i, h = order[i];
			order[i] = order[other];
			order[other] = h;
			if ((seed >> 20) % 9 == 0)
				at += sprintf(at, "[%u:5] -A town-a -p tcp\n", seed >> 24);
		}
		for (uint32_t i = 0; i < HOSTS; i++) {
			seed = seed * 1664525u + 1013904223u;
			counts[order[i]] += seed >> 29;
			at += sprintf(at, "[%llu:%llu] -A town-a -d 10.1.0.%u\n", (unsigned long long)counts[order[i]],
				      (unsigned long long)counts[order[i]] * 60, order[i]);
		}
		bench_look(&b, text);
		for (uint32_t i = 0; i < HOSTS; i++) {
			sprintf(name, "10.1.0.%u", i);
			struct view_traffic traffic = host(&b, "town-a", name).traffic;
			assert_int_equal(traffic.down.packets, counts[i]);
			assert_int_equal(traffic.down.octets, counts[i] * 60);
			assert_int_equal(traffic.discontinuity, 1001);
		}
	}
	free(text);
	bench_finish(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_we_put_in),
		cmocka_unit_test(rules_that_go),
		cmocka_unit_test(names_that_change),
		cmocka_unit_test(stamps_only_grow),
		cmocka_unit_test(totals),
		cmocka_unit_test(identities),
		cmocka_unit_test(replaced_by_hand),
		cmocka_unit_test(problems_are_told_once),
		cmocka_unit_test(found_again_by_key),
		cmocka_unit_test(shuffled_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
