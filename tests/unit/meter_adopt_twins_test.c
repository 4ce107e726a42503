/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts once where someone's rules stand beside the tree of townmeter, and goes on where either end. */
#include "bench.h"

#define ONLY_HAND(total, town, host) \
	":FORWARD ACCEPT\n:town-a\n[" total ":" total "00] -A FORWARD\n" \
	"[" town ":" town "00] -A FORWARD -d 10.1.0.0/24 -j town-a\n[" host ":" host "00] -A town-a -d 10.1.0.10\n"

/* Rules that someone wrote for the same town and host, behind the tree. */
static const char *hand(unsigned total, unsigned town, unsigned host)
{
	static char text[500];

	snprintf(text, sizeof text, ":hand\n[%u:%u00] -A FORWARD\n[%u:%u00] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
		 "[%u:%u00] -A town-a -d 10.1.0.10\n", total, total, town, town, host, host);
	return text;
}

/* The tree beside them. */
static const char *beside(unsigned total, unsigned town, unsigned host, const char *own)
{
	static char text[2000];

	snprintf(text, sizeof text, ":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm.town-a\n:tm-d-10.1.0.0/24\n:town-a\n"
		 "[%u:%u00] -A FORWARD -j townmeter\n[7:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n"
		 "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n"
		 "[%u:%u00] -A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
		 "[%u:%u00] -A tm-d-10.1.0.0/24 -d 10.1.0.10\n%s", total, total, town, town, host, host, own);
	return text;
}

/* Nothing counts twice, and the tree goes on where the hand-written rules ended. */
static void handed_over_to_the_tree(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, ONLY_HAND("50", "40", "30"));
	bench_look(&b, beside(2, 2, 1, hand(53, 43, 32)));
	bench_assert_amounts(&b, 53, 43, 32);
	bench_look(&b, beside(5, 4, 3, hand(56, 45, 34)));
	bench_assert_amounts(&b, 56, 45, 34);
	/* Also for the next process. */
	bench_next_process(&b, METER_CONTINUED);
	bench_look(&b, beside(7, 6, 5, hand(58, 47, 36)));
	bench_assert_amounts(&b, 58, 47, 36);
	assert_false(bench_is_stamped(&b));
	/* They are gone: what they counted since is in their twins. */
	bench_look(&b, beside(11, 9, 7, ""));
	bench_assert_amounts(&b, 62, 50, 38);
	assert_false(bench_is_stamped(&b));
	bench_look(&b, beside(12, 10, 8, ""));
	bench_assert_amounts(&b, 63, 51, 39);
	assert_int_equal(bench_read_all(&b).resets, 0);
	bench_finish(&b);
}

/* One after the other, as -D takes them. */
static void handed_over_rule_by_rule(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, beside(1, 1, 1, ":hand\n[50:5000] -A FORWARD\n[40:4000] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
				 "[30:3000] -A town-a -d 10.1.0.10\n"));
	bench_look(&b, beside(4, 3, 2, ":hand\n[53:5300] -A FORWARD\n[42:4200] -A FORWARD -d 10.1.0.0/24 -j town-a\n"));
	bench_assert_amounts(&b, 53, 42, 31);
	assert_false(bench_is_stamped(&b));
	bench_look(&b, beside(8, 6, 4, ":hand\n[45:4500] -A FORWARD -d 10.1.0.0/24 -j town-a\n"));
	bench_assert_amounts(&b, 57, 45, 33);
	assert_false(bench_is_stamped(&b));
	bench_look(&b, beside(9, 7, 5, ""));
	bench_assert_amounts(&b, 58, 46, 34);
	assert_false(bench_is_stamped(&b));
	bench_finish(&b);
}

/* A twin that came with the look that misses them saw only a part. */
static void no_twin_to_go_on(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, ONLY_HAND("50", "40", "30"));
	bench_look(&b, beside(2, 2, 1, ""));
	assert_true(bench_is_stamped(&b));
	bench_assert_amounts(&b, 52, 42, 31);
	/* Without one that stands. */
	bench_finish(&b);
	b = bench_begin();
	bench_look(&b, beside(1, 1, 1, hand(50, 40, 30)));
	bench_look(&b, ":FORWARD ACCEPT\n");
	assert_true(bench_is_stamped(&b));
	bench_finish(&b);
	/* A shadow that goes took nothing along. */
	b = bench_begin();
	bench_look(&b, beside(1, 1, 1, hand(50, 40, 30)));
	bench_look(&b, ONLY_HAND("51", "41", "31"));
	bench_assert_amounts(&b, 51, 41, 31);
	assert_false(bench_is_stamped(&b));
	bench_finish(&b);
}

/* We take the hand-written rules away ourselves, and know what they counted to the last. */
static void deleted_by_us(void **state)
{
	struct bench b = bench_begin();
	static const struct {
		const char *chain;
		uint32_t number;
	} own[] = {{"FORWARD", 2}, {"FORWARD", 3}, {"town-a", 1}};

	(void)state;
	bench_look(&b, beside(1, 1, 1, hand(50, 40, 30)));
	for (size_t i = 0; i < 3; i++) {
		uint32_t rule = made_rule(&b.made, 4, own[i].chain, own[i].number);
		struct counter last = b.made.counters[rule];
		last.packets += 2;
		last.octets += 200;
		meter_rule_deleted(b.meter, rule, &last);
	}
	meter_settle(b.meter);
	bench_look(&b, beside(6, 5, 4, ""));
	bench_assert_amounts(&b, 55, 44, 33);
	assert_false(bench_is_stamped(&b));
	bench_finish(&b);
}

/* And back again: someone writes rules while the tree counts. */
static void handed_over_by_the_tree(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, beside(20, 10, 9, ""));
	/* Three packets, of which the new rules saw the last; it does not matter what they begin with. */
	bench_look(&b, beside(23, 13, 12, hand(1, 1, 77)));
	bench_assert_amounts(&b, 23, 13, 12);
	assert_false(bench_is_stamped(&b));
	bench_look(&b, beside(25, 15, 13, hand(3, 3, 78)));
	bench_assert_amounts(&b, 25, 15, 13);
	/* In a look that reads no counters. */
	bench_finish(&b);
	b = bench_begin();
	bench_look(&b, beside(20, 10, 9, ""));
	bench_look_partly(&b, beside(20, 10, 9, hand(0, 0, 0)), true);
	bench_look(&b, beside(23, 13, 12, hand(1, 1, 1)));
	bench_assert_amounts(&b, 23, 13, 12);
	bench_look(&b, beside(24, 14, 13, hand(2, 2, 2)));
	bench_assert_amounts(&b, 24, 14, 13);
	bench_finish(&b);
}

/* A chain of the tree, beside someone's of the town's name, or its own. */
static void chains_of_towns(void **state)
{
	struct bench b = bench_begin();

	(void)state;
	bench_look(&b, beside(1, 1, 1, ":hand\n[1:1] -A FORWARD -d 10.7.0.0/24 -j hand\n"));
	const struct {
		const char *chain, *town;
		bool layout;
	} chains[] = {{"tm.town-a", "town-a", true}, {"hand", "hand", false}};
	for (size_t i = 0; i < 2; i++) {
		uint32_t chain = make_chain_index(beside(1, 1, 1, ":hand\n"), 4, chains[i].chain);
		struct rule_key key = meter_chain_key(b.meter, b.made.rules, chain);
		assert_int_equal(key.town, meter_find_town(b.meter, chains[i].town));
		assert_int_equal(key.layout, chains[i].layout);
		assert_int_equal(key.family, 4);
	}
	bench_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handed_over_to_the_tree), cmocka_unit_test(handed_over_rule_by_rule),
		cmocka_unit_test(no_twin_to_go_on), cmocka_unit_test(deleted_by_us),
		cmocka_unit_test(handed_over_by_the_tree), cmocka_unit_test(chains_of_towns)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
