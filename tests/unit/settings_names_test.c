/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of prefixes are found by prefix, and a wrong one is told of. */
#include "settings_text.h"

static const char *name_of(const struct settings *settings, const char *prefix)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, prefix), 0);
	return settings_name(settings, &p);
}

static void lookup(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, "names:\n  10.1.0.11: bob\n  10.1.0.10: alice\n  \"2001:db8:a:10::/64\": alice\n  10.1.0.16/28: 'no'\n"
		      "  10.1.0.12: \"caf\xc3\xa9 \\\"1\\\"\"\n");
	assert_int_equal(s.n_names, 5);
	for (size_t i = 1; i < s.n_names; i++)
		assert_true(prefix_compare(&s.names[i - 1].prefix, &s.names[i].prefix) < 0);
	assert_string_equal(name_of(&s, "10.1.0.10"), "alice");
	assert_string_equal(name_of(&s, "10.1.0.11"), "bob");
	assert_string_equal(name_of(&s, "2001:db8:a:10::/64"), "alice");
	assert_string_equal(name_of(&s, "10.1.0.16/28"), "no");
	assert_string_equal(name_of(&s, "10.1.0.12"), "caf\xc3\xa9 \"1\"");
	/* A name is that of exactly this prefix. */
	assert_null(name_of(&s, "10.1.0.16"));
	assert_null(name_of(&s, "10.1.0.9"));
	assert_null(name_of(&s, "10.1.0.13"));
	assert_null(name_of(&s, "2001:db8:a:10::"));
	settings_free(&s);
	assert_null(name_of(&s, "10.1.0.10"));
	read_good(&s, "{\"names\": {\"10.1.0.10\": \"alice\"}}");
	assert_string_equal(name_of(&s, "10.1.0.10"), "alice");
	settings_free(&s);
	read_good(&s, "names: {}\n");
	assert_int_equal(s.n_names, 0);
	settings_free(&s);
}

static void mistakes(void **state)
{
	static const struct bad cases[] = {
		{"names: alice\n", ":1: ", "names is 'alice', expected addresses with names"},
		{"names: [10.1.0.10]\n", ":1: ", "names is 'a list'"},
		{"names:\n", ":1: ", "names is ''"},
		{"names:\n  10.1.0.300: alice\n", ":2: ", "names has '10.1.0.300', expected an address"},
		{"names: {10.1.0.10/24: alice}\n", ":1: ", "names has '10.1.0.10/24'"},
		{"names: {\"10.1.0.10\\0\": alice}\n", ":1: ", "names has '10.1.0.10'"},
		{"names: {[10.1.0.10]: alice}\n", ":1: ", "names has 'a list'"},
		{"names:\n  10.1.0.10:\n", ":2: ", "the name of 10.1.0.10 is '', expected 1 to 48 octets"},
		{"names: {10.1.0.10: [alice]}\n", ":1: ", "the name of 10.1.0.10 is 'a list'"},
		{"names: {10.1.0.10: \"a\\tb\"}\n", ":1: ", "the name of 10.1.0.10 is 'a?b'"},
		{"names: {10.1.0.10: \"alice\\0\"}\n", ":1: ", "the name of 10.1.0.10 is 'alice'"},
		{"names: {10.1.0.10: 0123456789abcdef0123456789abcdef0123456789abcdef0}\n", ":1: ", "1 to 48 octets"},
		{"names:\n  10.1.0.10: alice\n  10.1.0.11: bob\n  10.1.0.10: carol\n", ":4: ",
		 "names has 10.1.0.10 a second time, after F:2"},
		{"names:\n  10.1.0.10: alice\n  10.1.0.10/32: alice\n", ":3: ", "a second time, after F:2"},
		{"names:\n  \"2001:db8::/32\": a\n  \"2001:0db8:0::/32\": b\n", ":3: ", "names has 2001:db8::/32 a second"},
	};
	struct settings s;

	(void)state;
	expect_bad(cases, sizeof cases / sizeof cases[0]);
	assert_int_equal(read_text(&s, "names: {a: b, 10.1.0.10: \"\", 10.1.0.11: c, 10.1.0.11: d}\n"), 3);
	settings_free(&s);
	read_good(&s, "names: {10.1.0.10: 0123456789abcdef0123456789abcdef0123456789abcdef}\n");
	settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lookup), cmocka_unit_test(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
