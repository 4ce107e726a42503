/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quotas are exact at their borders, and nothing overflows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quota.h"

static struct quota of(uint32_t megabytes, uint8_t warn_percent)
{
	struct quota quota = quota_default;

	quota.megabytes = megabytes;
	quota.warn_percent = warn_percent;
	return quota;
}

static void a_new_row(void **state)
{
	(void)state;
	assert_int_equal(quota_default.megabytes, 0);
	assert_int_equal(quota_default.basis, QUOTA_BOTH);
	assert_int_equal(quota_default.warn_percent, 80);
	assert_int_equal(quota_default.action, QUOTA_NOTIFY);
	/* The MIB's numbers. */
	assert_true(QUOTA_BOTH == 1 && QUOTA_DOWN == 2 && QUOTA_UP == 3);
	assert_true(QUOTA_NONE == 1 && QUOTA_WITHIN == 2 && QUOTA_WARNED == 3 && QUOTA_EXCEEDED == 4);
	assert_true(QUOTA_IGNORE == 1 && QUOTA_NOTIFY == 2 && QUOTA_BLOCK == 3);
}

static void what_counts(void **state)
{
	struct quota quota = quota_default;

	(void)state;
	assert_int_equal(quota_used(&quota, 30, 12), 42);
	assert_true(quota_used(&quota, UINT64_MAX, 0) == UINT64_MAX);
	assert_true(quota_used(&quota, UINT64_MAX - 1, 1) == UINT64_MAX);
	assert_true(quota_used(&quota, UINT64_MAX, 1) == UINT64_MAX);
	assert_true(quota_used(&quota, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
	quota.basis = QUOTA_DOWN;
	assert_int_equal(quota_used(&quota, 30, UINT64_MAX), 30);
	quota.basis = QUOTA_UP;
	assert_int_equal(quota_used(&quota, UINT64_MAX, 12), 12);
}

static void no_quota(void **state)
{
	struct quota quota = of(0, 80);

	(void)state;
	assert_int_equal(quota_state_of(&quota, 0), QUOTA_NONE);
	assert_int_equal(quota_state_of(&quota, UINT64_MAX), QUOTA_NONE);
	assert_int_equal(quota_percent(&quota, UINT64_MAX), 0);
	assert_int_equal(quota_over(&quota, UINT64_MAX), 0);
}

/* Each level is reached by its amount, and not by an octet less. */
static void borders(void **state)
{
	static const struct {
		uint32_t megabytes;
		uint8_t warn_percent;
		uint64_t warned, exceeded;
	} cases[] = {
		{1, 80, 800000, 1000000},
		{1, 1, 10000, 1000000},
		{3, 33, 990000, 3000000},
		{7, 99, 6930000, 7000000},
		{50000, 80, 40000000000, 50000000000},
		{UINT32_MAX, 1, 42949672950000, 4294967295000000},
		{UINT32_MAX, 80, 3435973836000000, 4294967295000000},
		{UINT32_MAX, 99, 4252017622050000, 4294967295000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct quota quota = of(cases[i].megabytes, cases[i].warn_percent);
		assert_int_equal(quota_state_of(&quota, 0), QUOTA_WITHIN);
		assert_int_equal(quota_state_of(&quota, cases[i].warned - 1), QUOTA_WITHIN);
		assert_int_equal(quota_state_of(&quota, cases[i].warned), QUOTA_WARNED);
		assert_int_equal(quota_state_of(&quota, cases[i].exceeded - 1), QUOTA_WARNED);
		assert_int_equal(quota_state_of(&quota, cases[i].exceeded), QUOTA_EXCEEDED);
		assert_int_equal(quota_state_of(&quota, UINT64_MAX), QUOTA_EXCEEDED);
		/* The percentage agrees with the level. */
		assert_int_equal(quota_percent(&quota, cases[i].warned - 1), cases[i].warn_percent - 1);
		assert_int_equal(quota_percent(&quota, cases[i].warned), cases[i].warn_percent);
		assert_int_equal(quota_percent(&quota, cases[i].exceeded - 1), 99);
		assert_int_equal(quota_percent(&quota, cases[i].exceeded), 100);
	}
	struct quota never = of(1, 0), last = of(1, 100);
	assert_int_equal(quota_state_of(&never, 999999), QUOTA_WITHIN);
	assert_int_equal(quota_state_of(&never, 1000000), QUOTA_EXCEEDED);
	assert_int_equal(quota_state_of(&last, 999999), QUOTA_WITHIN);
	assert_int_equal(quota_state_of(&last, 1000000), QUOTA_EXCEEDED);
}

static void percentages(void **state)
{
	struct quota one = of(1, 80), most = of(UINT32_MAX, 80);

	(void)state;
	assert_int_equal(quota_percent(&one, 9999), 0);
	assert_int_equal(quota_percent(&one, 2500000), 250);
	assert_int_equal(quota_percent(&one, 42949672949999), UINT32_MAX - 1);
	assert_int_equal(quota_percent(&one, 42949672950000), UINT32_MAX);
	assert_int_equal(quota_percent(&one, 42949672960000), UINT32_MAX);
	assert_int_equal(quota_percent(&one, UINT64_MAX), UINT32_MAX);
	/* 18446744073709551615 / 42949672950000 */
	assert_int_equal(quota_percent(&most, UINT64_MAX), 429496);
}

static void over_usage(void **state)
{
	struct quota one = of(1, 80), most = of(UINT32_MAX, 80);

	(void)state;
	assert_int_equal(quota_over(&one, 0), 0);
	assert_int_equal(quota_over(&one, 1000000), 0);
	assert_int_equal(quota_over(&one, 1999999), 0);
	assert_int_equal(quota_over(&one, 2000000), 1);
	assert_int_equal(quota_over(&most, 4294967295999999), 0);
	assert_int_equal(quota_over(&most, 4294967296000000), 1);
	assert_true(quota_over(&one, UINT64_MAX) == 18446744073708);
	assert_true(quota_over(&most, UINT64_MAX) == 18442449106414);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint32_t megabytes;
	} good[] = {
		{"none", 0}, {"0", 0}, {"0MB", 0}, {"0.0TB", 0}, {"500MB", 500}, {"50GB", 50000}, {"2TB", 2000000},
		{"1.5TB", 1500000}, {"0.5GB", 500}, {"1.234GB", 1234}, {"1.000000TB", 1000000}, {"0.000001TB", 1},
		{"7.000MB", 7}, {"4294967295MB", UINT32_MAX}, {"4294967.295GB", UINT32_MAX}, {"4294.967295TB", UINT32_MAX},
		{"0000000000001GB", 1000},
	};
	static const struct {
		const char *text, *expected;
	} bad[] = {
		{"", "a size such as"}, {"50", "a size such as"}, {"GB", "a size such as"}, {"-1GB", "a size such as"},
		{"1,5TB", "a size such as"}, {"1.TB", "a size such as"}, {".5TB", "a size such as"}, {"50 GB", "a size such as"},
		{"50gb", "a size such as"}, {"50G", "a size such as"}, {"50KB", "a size such as"}, {"50GBs", "a size such as"},
		{"1.2.3GB", "a size such as"}, {"0x10GB", "a size such as"}, {"None", "a size such as"}, {"00", "a size such as"},
		{"50GiB", "a unit of thousands"}, {"50MiB", "a unit of thousands"}, {"1.5TiB", "a unit of thousands"},
		{"1.5MB", "whole megabytes"}, {"1.2345GB", "whole megabytes"}, {"0.0000001TB", "whole megabytes"},
		{"4294967296MB", "at most"}, {"4294967.296GB", "at most"}, {"4295TB", "at most"},
		{"99999999999999999999999999TB", "at most"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		uint32_t megabytes = 12345;
		const char *expected = quota_parse(&megabytes, good[i].text);
		if (expected || megabytes != good[i].megabytes)
			fail_msg("'%s' gave %u, expected %s", good[i].text, megabytes, expected ? expected : "another size");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		uint32_t megabytes = 12345;
		const char *expected = quota_parse(&megabytes, bad[i].text);
		if (!expected || !strstr(expected, bad[i].expected) || megabytes != 12345)
			fail_msg("'%s' gave %u, expected %s", bad[i].text, megabytes, expected ? expected : "nothing else");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_row), cmocka_unit_test(what_counts), cmocka_unit_test(no_quota),
		cmocka_unit_test(borders), cmocka_unit_test(percentages), cmocka_unit_test(over_usage),
		cmocka_unit_test(sizes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
