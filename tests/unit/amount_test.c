/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Amounts as people read them: never more than there is, and exact when asked for. */
#include "cli/amount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void octets(void **state)
{
	static const struct {
		uint64_t octets;
		const char *text;
	} cases[] = {
		{0, "0 B"}, {999, "999 B"}, {1000, "1.00 kB"}, {1009, "1.00 kB"}, {1010, "1.01 kB"}, {9999, "9.99 kB"},
		{10000, "10.0 kB"}, {99999, "99.9 kB"}, {100000, "100 kB"}, {999999, "999 kB"}, {1000000, "1.00 MB"},
		{1234567890, "1.23 GB"}, {50000000000, "50.0 GB"}, {2000000000000, "2.00 TB"}, {1000000000000000, "1.00 PB"},
		{UINT64_MAX, "18.4 EB"}};
	char text[AMOUNT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(amount_octets(cases[i].octets, false, text), cases[i].text);
	assert_string_equal(amount_octets(UINT64_MAX, true, text), "18446744073709551615");
	assert_string_equal(amount_octets(0, true, text), "0");
}

static void quotas(void **state)
{
	static const struct {
		uint64_t megabytes;
		const char *text, *exact;
	} cases[] = {
		{0, "-", "-"}, {1, "1 MB", "1000000"}, {500, "500 MB", "500000000"}, {1000, "1 GB", "1000000000"},
		{1050, "1.05 GB", "1050000000"}, {50000, "50 GB", "50000000000"}, {100000, "100 GB", "100000000000"},
		{1500000, "1.5 TB", "1500000000000"}, {2000000, "2 TB", "2000000000000"},
		{4294967295, "4294.967295 TB", "4294967295000000"}};
	char text[AMOUNT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_string_equal(amount_quota(cases[i].megabytes, false, text), cases[i].text);
		assert_string_equal(amount_quota(cases[i].megabytes, true, text), cases[i].exact);
	}
}

static void numbers_and_times(void **state)
{
	json_t *row = json_loads("{\"a\":9223372036854775807,\"b\":\"18446744073709551615\",\"c\":null,\"d\":-1,"
				 "\"e\":\"2026-01-31T22:59:58.9Z\",\"f\":\"yesterday\"}", 0, NULL);
	char text[AMOUNT_TEXT_SIZE];

	(void)state;
	assert_true(amount_of(row, "a") == INT64_MAX && amount_of(row, "b") == UINT64_MAX);
	assert_true(amount_of(row, "c") == 0 && amount_of(row, "d") == 0 && amount_of(row, "z") == 0);
	setenv("TZ", "XXX-1", 1);
	tzset();
	assert_string_equal(amount_time(row, "e", true, text), "2026-01-31 23:59:58");
	assert_string_equal(amount_time(row, "e", false, text), "2026-01-31 23:59");
	assert_string_equal(amount_time(row, "c", true, text), "-");
	assert_string_equal(amount_time(row, "f", true, text), "-");
	json_decref(row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets), cmocka_unit_test(quotas), cmocka_unit_test(numbers_and_times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
