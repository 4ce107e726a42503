/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes of towns and hosts: what they are, and that no address is in two. */
#include "settings_text.h"

static void prefixes(void **state)
{
	struct settings s;
	char text[PREFIX_TEXT_SIZE];
	const struct settings_row *row;

	(void)state;
	read_good(&s, "towns:\n"
		      "- name: town-b\n"
		      "  prefixes: [10.2.0.0/24, 10.3.0.0/24,\n"
		      "    2001:db8:b::/48]\n"
		      "- name: town-a\n"
		      "  hosts:\n"
		      "  - {name: bob, prefixes: [10.1.0.11]}\n"
		      "  - {name: alice, prefixes: [\"2001:db8:a:10::/64\", 10.1.0.64/26, 10.1.0.10]}\n"
		      "  prefixes: [2001:db8:a::/48, 10.1.0.0/24]\n");
	assert_int_equal(s.n_rows, 4);
	assert_int_equal(s.n_prefixes, 9);
	row = settings_find(&s, "town-a", "alice");
	assert_int_equal(row->n_prefixes, 3);
	/* In their order. */
	assert_string_equal(prefix_format(&s.prefixes[row->first_prefix].prefix, text), "10.1.0.10");
	assert_string_equal(prefix_format(&s.prefixes[row->first_prefix + 1].prefix, text), "10.1.0.64/26");
	assert_string_equal(prefix_format(&s.prefixes[row->first_prefix + 2].prefix, text), "2001:db8:a:10::/64");
	row = settings_find(&s, "town-b", "");
	assert_int_equal(row->n_prefixes, 3);
	assert_int_equal(s.prefixes[row->first_prefix + 1].line, 3);
	assert_int_equal(s.prefixes[row->first_prefix + 2].line, 4);
	for (size_t i = 0; i < s.n_rows; i++)
		for (size_t k = 0; k < s.rows[i].n_prefixes; k++)
			assert_int_equal(s.prefixes[s.rows[i].first_prefix + k].row, i);
	/* The hosts' alone, sorted. */
	assert_int_equal(s.n_by_prefix, 4);
	for (size_t i = 0; i < s.n_by_prefix; i++) {
		assert_true(s.rows[s.prefixes[s.by_prefix[i]].row].host[0]);
		if (i)
			assert_true(prefix_compare(&s.prefixes[s.by_prefix[i - 1]].prefix,
						   &s.prefixes[s.by_prefix[i]].prefix) < 0);
	}
	settings_free(&s);
	assert_true(s.n_prefixes == 0 && s.n_by_prefix == 0 && s.n_files == 0);
}

static const char *hint(struct settings *settings, const char *town, const char *prefix)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, prefix), 0);
	return settings_hint(settings, town, &p);
}

static void hints(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, "names: {10.1.0.10: carol, 10.9.0.0/24: dave}\n"
		      "towns:\n- name: t\n  hosts:\n"
		      "  - {name: alice, prefixes: [10.1.0.10, 10.1.0.11, 2001:db8::/64]}\n"
		      "  - {name: bob, prefixes: [10.1.0.16/28]}\n");
	assert_string_equal(hint(&s, "t", "10.1.0.11"), "alice");
	assert_string_equal(hint(&s, "t", "2001:db8::/64"), "alice");
	assert_string_equal(hint(&s, "t", "10.1.0.16/28"), "bob");
	/* `names` come first, and are the same in every town; hosts are those of theirs. */
	assert_string_equal(hint(&s, "t", "10.1.0.10"), "carol");
	assert_string_equal(hint(&s, "u", "10.1.0.10"), "carol");
	assert_string_equal(hint(&s, "u", "10.9.0.0/24"), "dave");
	assert_null(hint(&s, "u", "10.1.0.11"));
	/* Exactly this prefix. */
	assert_null(hint(&s, "t", "10.1.0.17"));
	assert_null(hint(&s, "t", "10.1.0.0/24"));
	settings_free(&s);
	assert_null(hint(&s, "t", "10.1.0.11"));
}

#define WITH(prefix) "towns:\n- name: t\n  prefixes: [" prefix "]\n"
#define NONE "expected an address such as 10.1.0.10, or a prefix such as 10.1.0.0/24 or 2001:db8:a::/48\n"
#define T_A "towns:\n- name: t\n  prefixes: [10.1.0.0/24]\n  hosts:\n  - {name: a, prefixes: [10.1.0.10]}\n"

static void bad_prefixes(void **state)
{
	static const struct told cases[] = {
		{WITH("10.1.0.5/24"), "F:3: 10.1.0.5/24 has bits set beyond /24, expected 10.1.0.0/24 or 10.1.0.5\n"},
		{WITH("10.1.0.3/31"), "F:3: 10.1.0.3/31 has bits set beyond /31, expected 10.1.0.2/31 or 10.1.0.3\n"},
		{WITH("'2001:db8::1/64'"),
		 "F:3: 2001:db8::1/64 has bits set beyond /64, expected 2001:db8::/64 or 2001:db8::1\n"},
		{WITH("0.0.0.0/0"), "F:3: prefixes has '0.0.0.0/0', expected a length from 1 to 32 after the '/'\n"},
		{WITH("'::/0'"), "F:3: prefixes has '::/0', expected a length from 1 to 128 after the '/'\n"},
		{WITH("10.1.0.0/33"), "F:3: prefixes has '10.1.0.0/33', expected a length from 1 to 32 after the '/'\n"},
		{WITH("'2001:db8::/129'"),
		 "F:3: prefixes has '2001:db8::/129', expected a length from 1 to 128 after the '/'\n"},
		{WITH("10.1.0.0/"), "F:3: prefixes has '10.1.0.0/', expected a length from 1 to 32 after the '/'\n"},
		{WITH("10.1.0.0/24x"), "F:3: prefixes has '10.1.0.0/24x', expected a length from 1 to 32 after the '/'\n"},
		{WITH("10.1.0.0/-1"), "F:3: prefixes has '10.1.0.0/-1', expected a length from 1 to 32 after the '/'\n"},
		{WITH("10.1.0.0/255.255.255.0"),
		 "F:3: prefixes has '10.1.0.0/255.255.255.0', expected a length from 1 to 32 after the '/'\n"},
		{WITH("10.1.0.0/4294967320"),
		 "F:3: prefixes has '10.1.0.0/4294967320', expected a length from 1 to 32 after the '/'\n"},
		{WITH("'::ffff:10.1.0.5'"),
		 "F:3: prefixes has '::ffff:10.1.0.5', which no packet has, expected a prefix of IPv4 such as 10.1.0.5\n"},
		{WITH("'::ffff:10.1.0.0/120'"),
		 "F:3: prefixes has '::ffff:10.1.0.0/120', which no packet has, expected a prefix of IPv4 such as 10.1.0.0\n"},
		{WITH("'::ffff:0:0/96'"),
		 "F:3: prefixes has '::ffff:0:0/96', which no packet has, expected a prefix of IPv4 such as 0.0.0.0\n"},
		{WITH("10.1.0.300"), "F:3: prefixes has '10.1.0.300', " NONE},
		{WITH("10.1.0/24"), "F:3: prefixes has '10.1.0/24', " NONE},
		{WITH("town-a"), "F:3: prefixes has 'town-a', " NONE},
		{WITH("''"), "F:3: prefixes has '', " NONE},
		{WITH("[10.1.0.0/24]"), "F:3: prefixes has 'a list', " NONE},
		{WITH("{10.1.0.0/24: a}"), "F:3: prefixes has 'a mapping', " NONE},
		{WITH("\"10.1.0.0/24\\0\""), "F:3: prefixes has '10.1.0.0/24', " NONE},
		{"towns:\n- name: t\n  prefixes: 10.1.0.0/24\n",
		 "F:3: prefixes is '10.1.0.0/24', expected a list such as [10.1.0.0/24]\n"},
		{"towns:\n- name: t\n  hosts:\n  - name: a\n    prefixes: []\n",
		 "F:5: prefixes is an empty list, expected at least one such as 10.1.0.0/24\n"},
		{"towns:\n- name: t\n  hosts:\n  - name: a\n    prefixes:\n    - 10.1.0.1/24\n    - x\n    - 10.1.0.1\n",
		 "F:6: 10.1.0.1/24 has bits set beyond /24, expected 10.1.0.0/24 or 10.1.0.1\nF:7: prefixes has 'x', " NONE},
	};

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
}

static void overlaps(void **state)
{
	static const struct told cases[] = {
		/* Towns. */
		{"towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n- {name: u, prefixes: [10.1.0.128/25]}\n",
		 "F:3: 10.1.0.128/25 of u overlaps with 10.1.0.0/24 of t at F:2, expected each address in one town\n"},
		/* It is told at the one that stands later, whichever is the larger one. */
		{"towns:\n- {name: t, prefixes: [10.1.0.128/25]}\n- {name: u, prefixes: [10.1.0.0/24]}\n",
		 "F:3: 10.1.0.0/24 of u overlaps with 10.1.0.128/25 of t at F:2, expected each address in one town\n"},
		{"towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n- {name: u, prefixes: [10.1.0.0/24]}\n",
		 "F:3: 10.1.0.0/24 of u is 10.1.0.0/24 of t at F:2, expected each address in one town\n"},
		{"towns:\n- {name: t, prefixes: [2001:db8::/32]}\n- {name: u, prefixes: ['2001:db8:1::/48']}\n",
		 "F:3: 2001:db8:1::/48 of u overlaps with 2001:db8::/32 of t at F:2, expected each address in one town\n"},
		{"towns:\n- name: t\n  prefixes:\n  - 10.1.0.0/24\n  - 10.1.0.0/16\n",
		 "F:5: 10.1.0.0/16 of t overlaps with 10.1.0.0/24 of t at F:4, expected each address once\n"},
		{"towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n- {name: u, prefixes: [10.1.1.0/24]}\n", ""},
		/* Each is told once, with the one around it. */
		{"towns:\n- {name: t, prefixes: [10.0.0.0/8]}\n- {name: u, prefixes: [10.1.0.0/16]}\n"
		 "- {name: v, prefixes: [10.1.1.0/24, 10.2.0.0/24, 11.0.0.0/8]}\n",
		 "F:3: 10.1.0.0/16 of u overlaps with 10.0.0.0/8 of t at F:2, expected each address in one town\n"
		 "F:4: 10.1.1.0/24 of v overlaps with 10.1.0.0/16 of u at F:3, expected each address in one town\n"
		 "F:4: 10.2.0.0/24 of v overlaps with 10.0.0.0/8 of t at F:2, expected each address in one town\n"},
		/* Hosts, of one town and of two. */
		{T_A "  - {name: b, prefixes: [10.1.0.8/29]}\n",
		 "F:6: 10.1.0.8/29 of t/b overlaps with 10.1.0.10 of t/a at F:5, expected each address in one host\n"},
		{T_A "  - {name: b, prefixes: [10.1.0.10/32]}\n",
		 "F:6: 10.1.0.10 of t/b is 10.1.0.10 of t/a at F:5, expected each address in one host\n"},
		{T_A "  - name: b\n    prefixes:\n    - 10.1.0.11\n    - 10.1.0.11\n",
		 "F:9: 10.1.0.11 of t/b is 10.1.0.11 of t/b at F:8, expected each address once\n"},
		{"towns:\n- name: t\n  hosts: [{name: a, prefixes: [10.1.0.10]}]\n- name: u\n"
		 "  hosts: [{name: a, prefixes: [10.1.0.10]}]\n",
		 "F:5: 10.1.0.10 of u/a is 10.1.0.10 of t/a at F:3, expected each address in one host\n"},
		/* A host may have all of its town. */
		{"towns:\n- name: t\n  prefixes: [10.1.0.0/24]\n  hosts: [{name: a, prefixes: [10.1.0.0/24]}]\n", ""},
		/* Outside its town. */
		{T_A "  - {name: b, prefixes: [10.1.1.10]}\n",
		 "F:6: 10.1.1.10 of t/b is not in its town, expected it in 10.1.0.0/24 at F:3\n"},
		{T_A "  - {name: b, prefixes: [10.1.0.0/16]}\n",
		 "F:6: 10.1.0.0/16 of t/b is not in its town, expected it in 10.1.0.0/24 at F:3\n"
		 "F:6: 10.1.0.0/16 of t/b overlaps with 10.1.0.10 of t/a at F:5, expected each address in one host\n"},
		{T_A "  - {name: b, prefixes: ['2001:db8::1']}\n",
		 "F:6: 2001:db8::1 of t/b is not in its town, expected it in 10.1.0.0/24 at F:3\n"},
		{T_A "- name: u\n  prefixes: [10.2.0.0/24, '2001:db8::/32']\n  hosts: [{name: b, prefixes: [10.1.0.11]}]\n",
		 "F:8: 10.1.0.11 of u/b is not in its town, expected it in 10.2.0.0/24 or another of its prefixes at F:7\n"},
		/* One mistake, and not those that would follow from it. */
		{"towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n- name: u\n  prefixes: [10.1.0.0/24]\n"
		 "  hosts: [{name: a, prefixes: [10.1.0.1]}]\n",
		 "F:4: 10.1.0.0/24 of u is 10.1.0.0/24 of t at F:2, expected each address in one town\n"},
		{T_A "  - {name: a, prefixes: [10.1.0.10]}\n", "F:6: the host t/a stands here a second time, after F:5\n"},
		{"towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n- {name: t, prefixes: [10.1.0.0/24]}\n",
		 "F:3: the town t stands here a second time, after F:2\n"},
		/* But what is wrong besides is told, also of those without a name. */
		{T_A "  - {name: a, prefixes: [10.1.0.11]}\n  - {name: b, prefixes: [10.1.0.11]}\n",
		 "F:6: the host t/a stands here a second time, after F:5\n"
		 "F:7: 10.1.0.11 of t/b is 10.1.0.11 of t/a at F:6, expected each address in one host\n"},
		{T_A "  - {prefixes: [10.1.0.10]}\n",
		 "F:6: found a host without a name, expected 'name' in it\n"
		 "F:6: 10.1.0.10 of t/(unnamed 2) is 10.1.0.10 of t/a at F:5, expected each address in one host\n"},
	};

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
}

/* Prefixes in one another, as deep as can be, and many of them. */
static void deep(void **state)
{
	static char text[131072];
	struct settings s;
	char *at = text;

	(void)state;
	at += sprintf(at, "towns:\n");
	for (int i = 1; i <= 128; i++)
		at += sprintf(at, "- {name: t%d, prefixes: ['ff00::/%d', 'ff00::/%d']}\n", i, i < 8 ? 8 : i, i < 8 ? 8 : i);
	for (int i = 1; i <= 32; i++)
		at += sprintf(at, "- name: u%d\n  hosts: [{name: a, prefixes: ['128.0.0.0/%d']}]\n", i, i);
	assert_int_equal(read_text(&s, text), 255 + 31);
	/* No more than anyone reads. */
	int lines = 0;
	for (const char *c = told; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 101);
	assert_non_null(strstr(told, "\nF: mistakes that are not shown: 186\n"));
	settings_free(&s);
}

static void flood(void **state)
{
	static char text[4096];
	struct settings s;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		char *at = text + sprintf(text, "set:\n");
		for (int i = 0; i < 100 + extra; i++)
			at += sprintf(at, "- x\n");
		assert_int_equal(read_text(&s, text), 100 + extra);
		assert_int_equal(strstr(told, "F:101: set has 'x'") != NULL, 1);
		assert_null(strstr(told, "F:102: "));
		assert_int_equal(strstr(told, "F: mistakes that are not shown: 1\n") != NULL, extra);
		settings_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes), cmocka_unit_test(hints), cmocka_unit_test(bad_prefixes),
		cmocka_unit_test(overlaps), cmocka_unit_test(deep), cmocka_unit_test(flood)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
