/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tree of townmeter counts: over flushes, zeroing, reboots and backups. */
#include "bench.h"

#define CHAINS ":FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-10.1.0.0/24\n"

#define ONLY_HAND(total, town, host) \
	":FORWARD ACCEPT\n:town-a\n[" total ":" total "00] -A FORWARD\n" \
	"[" town ":" town "00] -A FORWARD -d 10.1.0.0/24 -j town-a\n[" host ":" host "00] -A town-a -d 10.1.0.10\n"

/* The tree, with what its canary, the total, the town and the host read; what else stands is put into FORWARD, the
 * town's chain ahead of its entrance, and behind it. */
static const char *tree_with(unsigned canary, unsigned total, unsigned town, unsigned host, const char *forward,
			     const char *head, const char *tail)
{
	static char text[2000];

	snprintf(text, sizeof text, CHAINS
		 "[%u:%u00] -A FORWARD -j townmeter\n%s[%u:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n"
		 "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g town-a\n"
		 "%s[%u:%u00] -A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n%s"
		 "[%u:%u00] -A tm-d-10.1.0.0/24 -d 10.1.0.10\n",
		 total, total, forward, canary, head, town, town, tail, host, host);
	return text;
}

static const char *tree(unsigned canary, unsigned total, unsigned town, unsigned host)
{
	return tree_with(canary, total, town, host, "", "", "");
}

static const struct {
	uint8_t kind;
	const char *prefix;
} counting[] = {{ROLE_TOTAL, NULL}, {ROLE_JUMP, "10.1.0.0/24"}, {ROLE_COUNT, "10.1.0.10"}};

static struct rule_key key_of(const struct bench *b, size_t i)
{
	struct rule_key key = {.town = meter_find_town(b->meter, "town-a"), .family = PREFIX_IPV4,
			       .kind = counting[i].kind, .layout = true};

	if (counting[i].prefix)
		key.prefix = make_prefix(counting[i].prefix);
	else
		key.town = HOOK_FORWARD;
	return key;
}

/* The tree is written again: each rule with what it read last. Returns what the i-th one was given. */
static void write_again(struct bench *b, uint64_t canary, unsigned given[3])
{
	struct rule_key key = {.town = RULE_NONE, .family = PREFIX_IPV4, .kind = ROLE_CANARY, .layout = true};
	struct counter number = {.packets = canary};

	assert_int_equal(meter_rule_inserted(b->meter, &key, &number), 0);
	for (size_t i = 0; i < 3; i++) {
		key = key_of(b, i);
		struct counter last = meter_rule_last(b->meter, &key);
		assert_int_equal(last.octets, 100 * last.packets);
		given[i] = (unsigned)last.packets;
		assert_int_equal(meter_rule_inserted(b->meter, &key, &last), 0);
	}
}

static void counts(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_assert_amounts(&b, 20, 10, 9);
	bench_look(&b, tree(7, 25, 14, 12));
	bench_assert_amounts(&b, 25, 14, 12);
	assert_false(bench_is_stamped(&b));
	assert_int_equal(bench_read_all(&b).resets, 0);
	struct rule_key key = key_of(&b, 2);
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 12);
	/* What someone writes is another rule, which nobody knows. */
	key.layout = false;
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 0);
	bench_finish(&b);
}

/* Another program flushes the table; what is written again begins where it ended. */
static void flushed(void **state)
{
	struct bench b = bench_begin();
	unsigned given[3];

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_look(&b, ":FORWARD ACCEPT\n");
	assert_true(bench_is_stamped(&b));
	assert_int_equal(bench_read_all(&b).town, 10);
	write_again(&b, 8, given);
	assert_int_equal(given[0], 20);
	assert_int_equal(given[1], 10);
	assert_int_equal(given[2], 9);
	/* With exactly what it was given. */
	bench_look(&b, tree(8, 20, 10, 9));
	bench_assert_amounts(&b, 20, 10, 9);
	assert_false(bench_is_stamped(&b));
	bench_look(&b, tree(8, 26, 15, 12));
	bench_assert_amounts(&b, 26, 15, 12);
	/* At once with more, and read in two parts. */
	bench_look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 9, given);
	assert_int_equal(given[2], 12);
	bench_look_partly(&b, tree(9, 26, 15, 12), true);
	bench_look_partly(&b, tree_with(9, 26, 15, 12, "-A FORWARD -i eth0\n", "", ""), true);
	bench_look(&b, tree(9, 30, 19, 16));
	bench_assert_amounts(&b, 30, 19, 16);
	assert_false(bench_is_stamped(&b));
	assert_int_equal(bench_read_all(&b).resets, 0);
	/* Another process writes it. */
	bench_look(&b, ":FORWARD ACCEPT\n");
	bench_next_process(&b, METER_CONTINUED);
	write_again(&b, 10, given);
	assert_int_equal(given[1], 19);
	bench_look(&b, tree(10, 30, 19, 17));
	bench_assert_amounts(&b, 30, 19, 17);
	bench_finish(&b);
}

/* Someone else put it there, as it was never known: from its first packet. */
static void written_by_someone_else(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_look(&b, ":FORWARD ACCEPT\n");
	bench_look(&b, tree(0, 4, 3, 2));
	bench_assert_amounts(&b, 24, 13, 11);
	/* The same in looks that read no counters at first, though it outgrew meanwhile what it had read. */
	bench_look(&b, ":FORWARD ACCEPT\n");
	bench_look_partly(&b, tree(0, 2, 2, 1), true);
	bench_look_partly(&b, tree_with(0, 2, 2, 1, "-A FORWARD -i eth0\n", "", ""), true);
	bench_look(&b, tree(0, 30, 20, 15));
	bench_assert_amounts(&b, 54, 33, 26);
	/* Never known, and so not known to be zeroed either. */
	bench_finish(&b);
	b = bench_begin();
	bench_look(&b, ":FORWARD ACCEPT\n");
	bench_look(&b, tree(5, 4, 3, 2));
	bench_assert_amounts(&b, 4, 3, 2);
	assert_int_equal(bench_read_all(&b).resets, 0);
	bench_finish(&b);
}

static void rebooted(void **state)
{
	struct bench b = bench_begin();
	unsigned given[3];

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_next_process(&b, METER_REBOOTED);
	write_again(&b, 8, given);
	assert_int_equal(given[0], 20);
	assert_int_equal(given[2], 9);
	bench_look(&b, tree(8, 20, 11, 9));
	bench_assert_amounts(&b, 20, 11, 9);
	assert_false(bench_is_stamped(&b));
	/* One that lost something of what it was given was zeroed. */
	bench_next_process(&b, METER_REBOOTED);
	write_again(&b, 9, given);
	bench_look(&b, tree(9, 20, 0, 9));
	assert_true(bench_is_stamped(&b));
	bench_look(&b, tree(9, 20, 11, 9));
	bench_assert_amounts(&b, 20, 22, 9);
	/* A look without rules comes first. */
	bench_next_process(&b, METER_REBOOTED);
	bench_look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 9, given);
	assert_int_equal(given[1], 11);
	bench_look(&b, tree(9, 21, 12, 9));
	bench_assert_amounts(&b, 21, 23, 9);
	/* The boot restored the rules of a file: counters that the canary knows to be old. */
	bench_next_process(&b, METER_REBOOTED);
	bench_look(&b, tree(9, 18, 8, 6));
	bench_assert_amounts(&b, 21, 23, 9);
	assert_true(bench_is_stamped(&b));
	bench_look(&b, tree(9, 19, 9, 7));
	bench_assert_amounts(&b, 22, 24, 10);
	/* The file had none. */
	bench_next_process(&b, METER_REBOOTED);
	bench_look(&b, tree(0, 3, 2, 1));
	bench_assert_amounts(&b, 25, 26, 11);
	assert_false(bench_is_stamped(&b));
	bench_finish(&b);
}

/* A rule of someone else's is none of those that we wrote, though it has the same prefix. */
static void not_what_was_written(void **state)
{
	struct bench b = bench_begin();
	unsigned given[3];

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 8, given);
	bench_look(&b, ONLY_HAND("22", "12", "11"));
	bench_assert_amounts(&b, 42, 22, 20);
	bench_finish(&b);
}

/* `iptables -Z`: what outgrew its old counter by the next look would not show it. */
static void zeroed(void **state)
{
	static const char own[] = ":other\n[5:500] -A FORWARD -d 10.7.0.0/24 -j other\n";
	static const char outgrew[] = ":other\n[8:800] -A FORWARD -d 10.7.0.0/24 -j other\n";
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, tree_with(7, 20, 10, 9, own, "", ""));
	/* The town outgrew it, the host reads the same, the total fell. */
	bench_look(&b, tree_with(0, 15, 14, 9, outgrew, "", ""));
	bench_assert_amounts(&b, 35, 24, 18);
	assert_true(bench_is_stamped(&b));
	struct bench_numbers numbers = bench_read_all(&b);
	assert_int_equal(numbers.host_stamp, b.now);
	assert_int_equal(numbers.resets, 1);
	/* Rules that someone wrote have no canary. */
	uint32_t other = meter_find_town(b.meter, "other");
	struct rule_key key = {.town = other, .family = PREFIX_IPV4, .kind = ROLE_JUMP, .prefix = make_prefix("10.7.0.0/24")};
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 8);
	/* Until it is renewed it tells nothing, also to the next process. */
	bench_next_process(&b, METER_CONTINUED);
	bench_look(&b, tree(0, 16, 15, 10));
	bench_assert_amounts(&b, 36, 25, 19);
	key = (struct rule_key){.town = RULE_NONE, .family = PREFIX_IPV4, .kind = ROLE_CANARY, .layout = true};
	assert_int_equal(meter_rule_inserted(b.meter, &key, &(struct counter){8, 0}), 0);
	bench_look(&b, tree(8, 17, 16, 11));
	bench_assert_amounts(&b, 37, 26, 20);
	assert_false(bench_is_stamped(&b));
	assert_int_equal(bench_read_all(&b).resets, 1);
	/* While no process looked. */
	bench_next_process(&b, METER_CONTINUED);
	bench_look(&b, tree(0, 30, 28, 25));
	bench_assert_amounts(&b, 67, 54, 45);
	assert_true(bench_is_stamped(&b));
	bench_finish(&b);
}

/* A rule that we wrote in between begins with its count for all that. */
static void zeroed_before_a_rule_was_written(void **state)
{
	struct bench b = bench_begin();
	struct counter last = {9, 900};

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	meter_rule_deleted(b.meter, made_rule(&b.made, 4, "tm-d-10.1.0.0/24", 1), &last);
	struct rule_key key = key_of(&b, 2);
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 9);
	assert_int_equal(meter_rule_inserted(b.meter, &key, &last), 0);
	bench_look(&b, tree(0, 3, 2, 11));
	bench_assert_amounts(&b, 23, 12, 11);
	bench_finish(&b);
}

/* `iptables -Z townmeter`: the canary's chain alone. More can not have passed than came in. */
static void only_its_chain_zeroed(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	b.received = 100;
	bench_look(&b, tree(7, 90, 60, 50));
	b.received = 120;
	bench_look(&b, tree(0, 100, 65, 52));
	bench_assert_amounts(&b, 100, 65, 52);
	assert_false(bench_is_stamped(&b));
	assert_int_equal(bench_read_all(&b).resets, 0);
	bench_finish(&b);
}

/* A backup that came back has the canary of its time. */
static void restored(void **state)
{
	struct bench b = bench_begin();
	unsigned given[3];

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_look(&b, tree(6, 30, 4, 9));
	bench_assert_amounts(&b, 20, 10, 9);
	struct bench_numbers numbers = bench_read_all(&b);
	assert_int_equal(numbers.town_stamp, b.now);
	assert_int_equal(numbers.host_stamp, b.now);
	assert_int_equal(numbers.resets, 1);
	bench_look(&b, tree(6, 31, 5, 11));
	bench_assert_amounts(&b, 21, 11, 11);
	assert_false(bench_is_stamped(&b));
	/* Of a canary that was zero. */
	bench_look(&b, tree(0, 1, 1, 1));
	bench_look(&b, tree(6, 40, 40, 40));
	bench_assert_amounts(&b, 22, 12, 12);
	/* Flushed, and restored with the canary that stood last. */
	bench_look(&b, ":FORWARD ACCEPT\n");
	bench_look(&b, tree(6, 38, 38, 38));
	bench_assert_amounts(&b, 22, 12, 12);
	/* One that we write is no backup, only once. */
	bench_look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 9, given);
	bench_look(&b, tree(9, given[0] + 1, given[1] + 1, given[2] + 1));
	bench_assert_amounts(&b, 23, 13, 13);
	bench_look(&b, ":FORWARD ACCEPT\n");
	bench_look(&b, tree(9, given[0] + 1, given[1] + 1, given[2] + 1));
	bench_assert_amounts(&b, 23, 13, 13);
	bench_finish(&b);
}

/* Each table has its own. */
static void of_its_table_alone(void **state)
{
	struct bench b = bench_begin();
	char text[2500];

	(void)state;
	snprintf(text, sizeof text, "%s*6\n:FORWARD ACCEPT\n:townmeter\n[7:0] -A FORWARD -j townmeter\n"
		 "[5:0] -A townmeter -s :: -d ::\n", tree(7, 20, 10, 9));
	bench_look(&b, text);
	snprintf(text, sizeof text, "%s*6\n:FORWARD ACCEPT\n:townmeter\n[9:0] -A FORWARD -j townmeter\n"
		 "[0:0] -A townmeter -s :: -d ::\n", tree(7, 22, 12, 11));
	bench_look(&b, text);
	bench_assert_amounts(&b, 20 + 7 + 2 + 9, 12, 11);
	assert_false(bench_is_stamped(&b));
	bench_finish(&b);
}

/* What is dropped ahead of the entrance was not counted: nothing is taken off. */
static void drops(void **state)
{
	struct bench b = bench_begin();
	static const char five[] = "[5:500] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n";
	static const char nine[] = "[9:900] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n";

	(void)state;
	bench_look(&b, tree(7, 20, 10, 9));
	bench_look(&b, tree_with(7, 25, 10, 9, "", five, ""));
	bench_assert_amounts(&b, 25, 10, 9);
	assert_int_equal(bench_read_all(&b).dropped, 5);
	bench_next_process(&b, METER_CONTINUED);
	bench_look(&b, tree_with(7, 29, 12, 11, "", nine, ""));
	bench_assert_amounts(&b, 29, 12, 11);
	assert_int_equal(bench_read_all(&b).dropped, 9);
	bench_finish(&b);
	/* Behind it both were charged. */
	b = bench_begin();
	bench_look(&b, tree(7, 20, 10, 9));
	bench_look(&b, tree_with(7, 26, 16, 15, "", "", five));
	bench_assert_amounts(&b, 26, 11, 10);
	assert_int_equal(bench_read_all(&b).dropped, 5);
	bench_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(flushed),
		cmocka_unit_test(written_by_someone_else),
		cmocka_unit_test(rebooted),
		cmocka_unit_test(not_what_was_written),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(zeroed_before_a_rule_was_written),
		cmocka_unit_test(only_its_chain_zeroed),
		cmocka_unit_test(restored),
		cmocka_unit_test(of_its_table_alone),
		cmocka_unit_test(drops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
