/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "name.h"

#include <stdio.h>

#include "make.h"

/* Encodes as UTF-8 in `octets` octets, which need not be the shortest form. Returns the length. */
static size_t encode(uint32_t point, size_t octets, char text[5])
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (octets == 1) {
		text[0] = (char)point;
		text[1] = '\0';
		return 1;
	}
	for (size_t i = octets; i-- > 1; point >>= 6)
		text[i] = (char)(0x80 | (point & 0x3f));
	text[0] = (char)(lead[octets] | point);
	text[octets] = '\0';
	return octets;
}

static size_t shortest(uint32_t point)
{
	return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static void every_character(void **state)
{
	char text[5];

	(void)state;
	for (uint32_t point = 0; point < 0x200000; point++) {
		bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
		bool surrogate = point >= 0xd800 && point < 0xe000;
		bool good = !control && !surrogate && point <= 0x10ffff;
		size_t length = encode(point, shortest(point), text);
		if (name_is_text(text, length) != good)
			fail_msg("U+%04X is taken for %s", point, good ? "wrong" : "good");
	}
}

static void only_shortest_forms(void **state)
{
	char text[5];

	(void)state;
	for (uint32_t point = 0; point < 0x10000; point++)
		for (size_t octets = shortest(point) + 1; octets <= 4; octets++)
			if (name_is_text(text, encode(point, octets, text)))
				fail_msg("U+%04X is taken in %zu octets", point, octets);
}

static void broken_sequences(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"\xc3", 1}, {"\xe2\x82", 2}, {"\xf0\x9f\x8f", 3}, {"a\xc3", 2}, {"\xc3\xc3\xa9", 3}, {"\x80", 1},
		{"\xbf", 1}, {"\xe2\x28\xa1", 3}, {"\xf8\x88\x80\x80\x80", 5}, {"\xff", 1}, {"\xfe", 1},
		/* A NUL inside is a control character; the length counts, not the NUL. */
		{"a\0b", 3}, {"\xc3\xa9", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (name_is_text(cases[i].text, cases[i].length))
			fail_msg("case %zu is taken", i);
	assert_true(name_is_text("", 0));
	assert_true(name_is_text("Jos\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xa0", 14));
}

static void reads_no_octet_too_many(void **state)
{
	char *exact = malloc(3);

	/* A sanitizer or valgrind sees it if the sequence is followed beyond its end. */
	(void)state;
	assert_non_null(exact);
	static const char sequences[2][3] = {{'a', 'b', '\xf0'}, {'a', '\xe2', '\x82'}};
	memcpy(exact, sequences[0], 3);
	assert_false(name_is_text(exact, 3));
	memcpy(exact, sequences[1], 3);
	assert_false(name_is_text(exact, 3));
	free(exact);
}

static void lengths(void **state)
{
	char text[64];

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t length = 0; length <= NAME_TOWN_MAX + 3; length++) {
		text[length] = '\0';
		assert_int_equal(name_valid(text, NAME_TOWN_MAX), length >= 1 && length <= NAME_TOWN_MAX);
		text[length] = 'x';
	}
	/* Octets are counted, not characters. */
	assert_true(name_valid("\xc3\xa9", 2));
	assert_false(name_valid("\xc3\xa9", 1));
	assert_false(name_valid("a\tb", 28));
	assert_false(name_valid("\xc3", 28));
	assert_true(name_valid("a b/c.d\"e'", 28));
}

static void orders_as_an_index(void **state)
{
	/* RFC 2578, 7.7: the length comes first. */
	static const char *const sorted[] = {"", "Z", "a", "b", "\xc3", "aa", "ab", "b ", "aaa", "town-a", "town-b", "town-aa"};
	size_t n = sizeof sorted / sizeof sorted[0];

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			int order = name_compare(sorted[i], sorted[k]);
			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character),
		cmocka_unit_test(only_shortest_forms),
		cmocka_unit_test(broken_sequences),
		cmocka_unit_test(reads_no_octet_too_many),
		cmocka_unit_test(lengths),
		cmocka_unit_test(orders_as_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
