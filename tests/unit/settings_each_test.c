/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every address of a town as a host. */
#include "settings_text.h"

static size_t hosts_of(const struct settings *s, const char *town)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_rows; i++)
		n += s->rows[i].host[0] && strcmp(s->rows[i].town, town) == 0;
	return n;
}

static void each_address(void **state)
{
	struct settings s;
	const struct settings_row *row;
	char text[PREFIX_TEXT_SIZE];

	(void)state;
	for (int managed = 0; managed < 2; managed++) {
		char yaml[512];
		snprintf(yaml, sizeof yaml, "rules: %s\ntowns:\n- name: t\n  prefixes: [10.2.0.0/28, 10.3.0.255,\n"
			 "    2001:db8::/64]\n  each-address: true\n  hosts:\n"
			 "  - {name: alice, prefixes: [10.2.0.4/30, '2001:db8::1', 10.2.0.15]}\n"
			 "  - {name: 10.2.0.9, prefixes: [10.2.0.9]}\n"
			 "  - {name: 10.2.0.0, prefixes: [10.2.0.0, 10.2.0.1], quota: 1GB}\n"
			 "- {name: u, prefixes: [10.4.0.0/30], each-address: false}\n", managed ? "managed" : "standing");
		read_good(&s, yaml);
		/* 16 and 1, less those of alice (5), of 10.2.0.9 and of 10.2.0.0 (2); and these three. */
		assert_int_equal(hosts_of(&s, "t"), 17 - 8 + 3);
		assert_int_equal(hosts_of(&s, "u"), 0);
		assert_int_equal(s.n_by_prefix, 9 + 3 + 1 + 2);
		row = settings_find(&s, "t", "10.2.0.2");
		assert_non_null(row);
		assert_int_equal(row->n_prefixes, 1);
		assert_string_equal(prefix_format(&s.prefixes[row->first_prefix].prefix, text), "10.2.0.2");
		assert_int_equal(row->line, 4);
		assert_memory_equal(&row->quota, &quota_default, sizeof quota_default);
		assert_non_null(settings_find(&s, "t", "10.2.0.14"));
		assert_non_null(settings_find(&s, "t", "10.3.0.255"));
		assert_null(settings_find(&s, "t", "10.2.0.15"));
		assert_null(settings_find(&s, "t", "10.2.0.4"));
		assert_null(settings_find(&s, "t", "10.2.0.1"));
		assert_null(settings_find(&s, "t", "10.2.0.16"));
		assert_int_equal(settings_find(&s, "t", "10.2.0.0")->quota.megabytes, 1000);
		assert_int_equal(settings_find(&s, "t", "10.2.0.0")->n_prefixes, 2);
		/* Sorted, once each, and each prefix is its row's. */
		for (size_t i = 0; i < s.n_rows; i++) {
			assert_ptr_equal(settings_find(&s, s.rows[i].town, s.rows[i].host), &s.rows[i]);
			for (size_t k = 0; k < s.rows[i].n_prefixes; k++)
				assert_int_equal(s.prefixes[s.rows[i].first_prefix + k].row, i);
		}
		for (size_t i = 1; i < s.n_by_prefix; i++)
			assert_false(prefix_overlaps(&s.prefixes[s.by_prefix[i - 1]].prefix,
						     &s.prefixes[s.by_prefix[i]].prefix));
		settings_free(&s);
	}
}

/* The first and the last addresses there are. */
static void edges(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, "towns:\n- {name: t, prefixes: [255.255.255.252/30, 0.0.0.0/31], each-address: true}\n"
		      "- {name: u, prefixes: [255.255.0.0/24], each-address: true,\n   hosts: [{name: all, "
		      "prefixes: [255.255.0.0/24]}]}\n");
	assert_int_equal(hosts_of(&s, "t"), 6);
	assert_non_null(settings_find(&s, "t", "255.255.255.255"));
	assert_non_null(settings_find(&s, "t", "0.0.0.0"));
	assert_int_equal(hosts_of(&s, "u"), 1);
	settings_free(&s);
}

static void limits(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, "towns:\n- {name: t, prefixes: [10.0.0.0/16], each-address: true}\n"
		      "- {name: u, prefixes: [10.1.0.0/17, 10.2.0.0/17], each-address: true}\n");
	assert_int_equal(s.n_rows, 131072 + 2);
	assert_int_equal(s.n_prefixes, 131072 + 3);
	assert_int_equal(s.n_by_prefix, 131072);
	assert_non_null(settings_find(&s, "t", "10.0.0.0"));
	assert_non_null(settings_find(&s, "t", "10.0.255.255"));
	assert_non_null(settings_find(&s, "u", "10.2.127.255"));
	settings_free(&s);
}

static void mistakes(void **state)
{
	static const struct told cases[] = {
		{"towns:\n- {name: t, prefixes: [10.0.0.0/16, 10.1.0.0],\n   each-address: true}\n",
		 "F:3: each-address makes 65537 hosts of the town t, expected at most 65536\n"},
		/* However many: none of them is made. */
		{"towns:\n- {name: t, prefixes: [0.0.0.0/1, 128.0.0.0/1], each-address: true}\n",
		 "F:2: each-address makes 4294967296 hosts of the town t, expected at most 65536\n"},
		{"towns:\n- {name: c, prefixes: [10.3.0.0/31], each-address: true}\n"
		 "- {name: a, prefixes: [10.1.0.0/16], each-address: true}\n"
		 "- {name: b, prefixes: [10.2.0.0/16], each-address: true}\n"
		 "- {name: d, prefixes: [10.4.0.0/16], each-address: true}\n",
		 "F:2: each-address makes 131074 hosts with those of the town c, expected at most 131072 in all towns\n"},
		{"towns:\n- {name: t, prefixes: ['2001:db8::/64'], each-address: true}\n",
		 "F:2: each-address is true, expected a prefix of IPv4 in the 'prefixes' of the town t, too\n"},
		{"towns:\n- {name: t, each-address: true}\n",
		 "F:2: each-address is true, expected a prefix of IPv4 in the 'prefixes' of the town t, too\n"},
		{"towns:\n- {name: t, each-address: yes}\n", "F:2: each-address is 'yes', expected true or false\n"},
		{"towns:\n- {name: t, each-address: {}}\n", "F:2: each-address is 'a mapping', expected true or false\n"},
		{"towns:\n- {name: t, hosts: [{name: a, each-address: true}]}\n",
		 "F:2: 'each-address' is a key of towns alone\n"},
		/* A host of another address has this one's name. */
		{"towns:\n- name: t\n  each-address: true\n  prefixes: [10.1.0.0/24]\n  hosts:\n"
		 "  - {name: 10.1.0.5, prefixes: [10.1.0.6]}\n",
		 "F:6: the host t/10.1.0.5 is called as the one that each-address makes of this address at F:3, expected another "
		 "name, or the address in its prefixes\n"},
		/* No such host is made: it is outside, or another's. */
		{"towns:\n- name: t\n  each-address: true\n  prefixes: [10.1.0.0/24]\n  hosts:\n"
		 "  - {name: 10.2.0.5, prefixes: [10.1.0.6]}\n  - {name: 10.1.0.7, prefixes: [10.1.0.8]}\n"
		 "  - {name: 10.1.0.8, prefixes: [10.1.0.7]}\n  - {name: 10.1.0.9/32, prefixes: [10.1.0.10]}\n", ""},
	};

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_address), cmocka_unit_test(edges), cmocka_unit_test(limits),
					   cmocka_unit_test(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
