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

/* Texts are kept one after the other: none runs into another, whatever their lengths. */
static void texts_of_all_lengths(void **state)
{
	static char text[200000];
	struct settings s;

	(void)state;
	for (int length = 65500; length < 65540; length++) {
		sprintf(text, "max-age: %.*d\nset: [xyz]\n", length, 7);
		assert_int_equal(read_text(&s, text), 2);
		assert_non_null(strstr(told, "F:2: set has 'xyz', expected zero, block or quota\n"));
		settings_free(&s);
	}
}

/* What has a name may stand in several places. */
static void aliases(void **state)
{
	static const struct told cases[] = {
		{"set: &all [zero]\nnames: {10.1.0.1: &a alice, 10.1.0.2: *a}\n", ""},
		{"period: &a\n  keep: 0\nnames: *a\n",
		 "F:2: names has 'keep', expected an address such as 10.1.0.10, or a prefix such as 2001:db8:a::/48 without bits "
		 "beyond its length\nF:2: keep is '0', expected a number from 1 to 1000\n"},
		{"names: {10.1.0.1: alice,\n 10.1.0.2: *b}\n",
		 "F:2: not YAML: *b stands for nothing, expected &b before it\n"},
		{"set: [zero]\n---\nset: *a\n", "F:3: not YAML: *a stands for nothing, expected &a before it\n"},
	};
	struct settings s;

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
	read_good(&s, "names: {10.1.0.1: &a alice, 10.1.0.2: *a, 10.1.0.3: &a bob, 10.1.0.4: *a, 10.1.0.5: &b carol}\n");
	assert_int_equal(s.n_names, 5);
	assert_string_equal(s.names[1].name, "alice");
	assert_string_equal(s.names[3].name, "bob");
	settings_free(&s);
	read_good(&s, "towns:\n- {name: t, hosts: &h [{name: a, quota: 1GB}]}\n- {name: u, hosts: *h}\n");
	assert_int_equal(s.n_rows, 4);
	assert_int_equal(settings_find(&s, "u", "a")->quota.megabytes, 1000);
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
		cmocka_unit_test(strange_files), cmocka_unit_test(long_text),
		cmocka_unit_test(texts_of_all_lengths), cmocka_unit_test(aliases), cmocka_unit_test(broken_files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
