/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever a file holds, each mistake is one line of text with its number. */
#include "settings_text.h"

static void strange_files(void **state)
{
	static const struct bad cases[] = {
		{"? {a: b}\n: c\n", ":1: ", "'a mapping' is not a key of the configuration"},
		{"\"interval\\0\": 30s\n", ":1: ", "'interval' is not a key of the configuration"},
		{"\"a\\nb\": 30s\n", ":1: ", "'a?b' is not a key of the configuration"},
		/* A name for a node does not loop. */
		{"towns: &a [*a]\n", ":1: ", "found 'a list', expected keys with values"},
		{"names: &a {10.1.0.10: *a}\n", ":1: ", "the name of 10.1.0.10 is 'a mapping'"},
		{"? &a [*a]\n: c\n", ":1: ", "'a list' is not a key"},
	};

	(void)state;
	expect_bad(cases, sizeof cases / sizeof cases[0]);
}

static void long_text(void **state)
{
	static char text[100000];
	struct settings s;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	for (size_t i = 0; i < 9; i++)
		text[i] = "max-age: "[i];
	assert_int_equal(read_text(&s, text), 1);
	assert_non_null(strstr(told, ":1: max-age is 'xxx"));
	assert_non_null(strstr(told, ", expected a time"));
	assert_true(strlen(told) < 1024);
	settings_free(&s);
}

/* Nothing that is put into a good file, or cut out of it, does any harm. */
static void broken_files(void **state)
{
	static const char good[] = "interval: 30s\nset: [zero, quota]\nnames: {10.1.0.10: alice, \"2001:db8::/64\": bob}\n"
				   "period: {every: week, day: sunday, at: \"01:00\", timezone: Europe/Madrid, keep: 3}\n"
				   "towns:\n  - name: town-a\n    prefixes: [10.1.0.0/28, '2001:db8::/32']\n"
				   "    each-address: true\n    host-services: true\n    quota: 1.5TB\n    basis: down\n    hosts:\n"
				   "      - {name: alice, prefixes: [10.1.0.4/30], quota: 50GB, warn-percent: 90, on-exceed: block}\n"
				   "rules: managed\ninclude: ['none*']\ntotals: [input]\n"
				   "services: [{name: web, match: [tcp/80, udp/1-9]}]\n";
	static const char put[] = "\0\n\t \"'[]{}:,-#&*!|>%@\x80\xff" "0a";
	struct settings s;
	char text[sizeof good + 1];

	(void)state;
	read_good(&s, good);
	settings_free(&s);
	for (size_t at = 0; at < sizeof good - 1; at++) {
		int mistakes = read_octets(&s, good, at);
		assert_true(mistakes == 0 || told[0]);
		settings_free(&s);
		for (size_t i = at % 4; i < sizeof put - 1; i += 4) {
			memcpy(text, good, at);
			text[at] = put[i];
			memcpy(text + at + 1, good + at + (i % 2), sizeof good - 1 - at - (i % 2));
			mistakes = read_octets(&s, text, sizeof good - (i % 2));
			assert_true(mistakes == 0 || told[0]);
			settings_free(&s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strange_files), cmocka_unit_test(long_text), cmocka_unit_test(broken_files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
