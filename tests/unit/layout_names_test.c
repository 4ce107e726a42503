/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout_names.h"

#include "make.h"

static void expect(enum layout_chain_kind kind, enum direction direction, const char *text, const char *expected)
{
	char name[LAYOUT_NAME_SIZE];
	struct prefix prefix = {0};

	if (text)
		prefix = make_prefix(text);
	assert_ptr_equal(layout_name(name, kind, direction, text ? &prefix : NULL), name);
	assert_string_equal(name, expected);
}

static void names_follow_from_prefixes(void **state)
{
	(void)state;
	expect(LAYOUT_DOWN, DIRECTION_DOWN, NULL, "tm-d");
	expect(LAYOUT_UP, DIRECTION_UP, NULL, "tm-u");
	expect(LAYOUT_DOWN, DIRECTION_DOWN, "10.1.0.16/28", "tm-d-10.1.0.16/28");
	expect(LAYOUT_UP, DIRECTION_UP, "255.255.255.128/25", "tm-u-255.255.255.128/25");
	expect(LAYOUT_OUTSIDE, DIRECTION_UP, "10.1.0.0/24", "tm-x-10.1.0.0/24");
	expect(LAYOUT_SERVICES, DIRECTION_DOWN, "10.1.0.10", "tm-s-d-10.1.0.10");
	expect(LAYOUT_SERVICES, DIRECTION_UP, "2001:db8:a::/48", "tm-s-u-2001:db8:a::/48");
}

/* 28 octets are all there is; those of classes leave one for LAYOUT_HOST. */
static void long_names_are_hashes(void **state)
{
	(void)state;
	expect(LAYOUT_DOWN, DIRECTION_DOWN, "2001:db8:aaaa:bbb0::/60", "tm-d-2001:db8:aaaa:bbb0::/60");
	expect(LAYOUT_SERVICES, DIRECTION_DOWN, "2001:db8:aaaa:b::/64", "tm-s-d-2001:db8:aaaa:b::/64");
	expect(LAYOUT_DOWN, DIRECTION_DOWN, "2001:db8:aaaa:bb::/64", "tm-d-2001:db8:aaaa:bb::/64");
	expect(LAYOUT_SERVICES, DIRECTION_DOWN, "2001:db8:aaaa:bb::/64", "tm-s-d-9c4231b86d544552/64");
}

/* The same for names of every kind: none is longer, none is like another. */
static void hashed_names_are_told_apart(void **state)
{
	static const char *const texts[] = {
		"2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/112", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/116",
		"2001:db8:aaaa:bbbb:cccc:dddd:eeee:0",     "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1",
		"2001:db8:aaaa:bbbb:cccc:dddd:eeef:0/112", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/127"};
	enum { N = sizeof texts / sizeof texts[0] };
	char names[N][LAYOUT_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct prefix prefix = make_prefix(texts[i]);
		layout_name(names[i], LAYOUT_SERVICES, DIRECTION_UP, &prefix);
		assert_true(strlen(names[i]) < LAYOUT_NAME_SIZE - strlen(LAYOUT_HOST));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	/* Names are kept in the kernel: those of an older version must be found again. */
	assert_string_equal(names[0], "tm-s-u-6e75799c26673513/112");
}

static void tells_generated_names(void **state)
{
	(void)state;
	assert_true(layout_name_is_generated("townmeter"));
	assert_true(layout_name_is_generated("tm-d"));
	assert_true(layout_name_is_generated("tm-s-u-10.1.0.10"));
	assert_false(layout_name_is_generated("townmeter-drain-1"));
	assert_false(layout_name_is_generated("tm.town-a"));
	assert_false(layout_name_is_generated("town-a"));
	assert_false(layout_name_is_generated("tm"));
	assert_false(layout_name_is_generated(""));
}

static void tells_towns_of_chains(void **state)
{
	(void)state;
	assert_string_equal(layout_name_town("town-a"), "town-a");
	assert_string_equal(layout_name_town("tm.town-a"), "town-a");
	assert_string_equal(layout_name_town("tm.tm.town-a"), "tm.town-a");
	assert_string_equal(layout_name_town(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_from_prefixes), cmocka_unit_test(long_names_are_hashes),
		cmocka_unit_test(hashed_names_are_told_apart), cmocka_unit_test(tells_generated_names),
		cmocka_unit_test(tells_towns_of_chains)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
