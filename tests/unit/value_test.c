/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/value.h"

#include <time.h>

#include "make.h"

/* 2026-01-31 23:59:58.7 and 2026-07-01 00:00:00.0, UTC. */
enum { WINTER = 1769903998, SUMMER = 1782864000 };

static void is_time(const char *zone, decitime when, const char *octets, size_t size)
{
	struct value value;

	setenv("TZ", zone, 1);
	tzset();
	memset(&value, 0xee, sizeof value);
	value_time(&value, when);
	assert_int_equal(value.type, ASN_OCTET_STR);
	assert_int_equal(value.size, size);
	assert_memory_equal(value.data.octets, octets, size);
	assert_int_equal(value.data.octets[size], 0xee);
}

static void times(void **state)
{
	(void)state;
	/* Zones as POSIX writes them, so that no zone files are needed: west is positive there. */
	is_time("UTC0", WINTER * 10LL + 7, "\x07\xea\x01\x1f\x17\x3b\x3a\x07+\x00\x00", 11);
	is_time("CET-1CEST,M3.5.0,M10.5.0/3", WINTER * 10LL + 7, "\x07\xea\x02\x01\x00\x3b\x3a\x07+\x01\x00", 11);
	is_time("CET-1CEST,M3.5.0,M10.5.0/3", SUMMER * 10LL, "\x07\xea\x07\x01\x02\x00\x00\x00+\x02\x00", 11);
	is_time("EST5", SUMMER * 10LL + 9, "\x07\xea\x06\x1e\x13\x00\x00\x09-\x05\x00", 11);
	is_time("IST-5:30", SUMMER * 10LL, "\x07\xea\x07\x01\x05\x1e\x00\x00+\x05\x1e", 11);
	is_time("NST3:30", SUMMER * 10LL, "\x07\xea\x06\x1e\x14\x1e\x00\x00-\x03\x1e", 11);
	is_time("NPT-5:45", SUMMER * 10LL, "\x07\xea\x07\x01\x05\x2d\x00\x00+\x05\x2d", 11);
	is_time("LINT-14", SUMMER * 10LL, "\x07\xea\x07\x01\x0e\x00\x00\x00+\x0e\x00", 11);
	is_time("XXX0:30", SUMMER * 10LL, "\x07\xea\x06\x1e\x17\x1e\x00\x00-\x00\x1e", 11);
	/* The first tenth of a second that there is. */
	is_time("UTC0", 1, "\x07\xb2\x01\x01\x00\x00\x00\x01+\x00\x00", 11);
}

static void never(void **state)
{
	(void)state;
	is_time("IST-5:30", 0, "\0\0\1\1\0\0\0\0", 8);
	is_time("IST-5:30", -1, "\0\0\1\1\0\0\0\0", 8);
	is_time("UTC0", INT64_MAX, "\0\0\1\1\0\0\0\0", 8); /* no calendar has that year */
}

static void numbers(void **state)
{
	static const uint64_t wide[] = {0, 1, UINT32_MAX, 1ull << 32, 0x123456789abcdef0u, UINT64_MAX};
	struct value value;

	(void)state;
	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
		value_wide(&value, wide[i]);
		assert_int_equal(value.type, ASN_COUNTER64);
		assert_int_equal(value.size, sizeof(struct counter64));
		assert_true(value.data.wide.high == wide[i] >> 32);
		assert_true(value.data.wide.low == (wide[i] & UINT32_MAX));
	}
	value_gauge(&value, UINT32_MAX);
	assert_int_equal(value.type, ASN_GAUGE);
	assert_int_equal(value.size, sizeof(u_long));
	assert_true(value.data.number == UINT32_MAX);
	value_counter(&value, 7);
	assert_int_equal(value.type, ASN_COUNTER);
	assert_true(value.data.number == 7);
	value_integer(&value, -3);
	assert_int_equal(value.type, ASN_INTEGER);
	assert_int_equal(value.size, sizeof(long));
	assert_true(value.data.integer == -3);
}

static void texts(void **state)
{
	struct value value;
	char text[300];

	(void)state;
	value_text(&value, "town-a/caf\xc3\xa9");
	assert_int_equal(value.type, ASN_OCTET_STR);
	assert_int_equal(value.size, 12);
	assert_memory_equal(value.data.octets, "town-a/caf\xc3\xa9", 12);
	value_text(&value, "");
	assert_int_equal(value.size, 0);
	memset(text, 'x', sizeof text);
	for (size_t length = 254; length <= 299; length++) {
		text[length] = '\0';
		value_text(&value, text);
		assert_int_equal(value.size, length < 255 ? length : 255);
		text[length] = 'x';
	}
	value_bits(&value, VIEW_REASON_MANAGER | VIEW_REASON_TOWN);
	assert_int_equal(value.type, ASN_OCTET_STR);
	assert_int_equal(value.size, 1);
	assert_int_equal(value.data.octets[0], 0x90);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),
		cmocka_unit_test(never),
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
