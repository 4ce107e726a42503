/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quotas of towns and hosts as the file has them. */
#include "settings_text.h"


static void expect_quota(const struct settings *s, const char *town, const char *host, uint32_t megabytes, int basis,
			 int warn_percent, int action, int given)
{
	struct quota quota;
	const struct settings_row *row = settings_find(s, town, host);

	assert_true(settings_quota(s, town, host, &quota));
	assert_int_equal(quota.megabytes, megabytes);
	assert_int_equal(quota.basis, basis);
	assert_int_equal(quota.warn_percent, warn_percent);
	assert_int_equal(quota.action, action);
	assert_non_null(row);
	assert_int_equal(row->given, given);
}

static void rows(void **state)
{
	struct settings s;
	struct quota quota;
	enum { ALL = SETTINGS_QUOTA | SETTINGS_BASIS | SETTINGS_WARN_PERCENT | SETTINGS_ON_EXCEED };

	(void)state;
	read_good(&s, "towns:\n"
		      "  - name: town-b\n"
		      "    hosts:\n"
		      "      - {name: bob, quota: 0, warn-percent: 80}\n"
		      "      - {name: alice, on-exceed: none, basis: up}\n"
		      "  - name: town-a\n"
		      "    quota: 1.5TB\n"
		      "    basis: down\n"
		      "    warn-percent: 0\n"
		      "    hosts:\n"
		      "      - {name: carol}\n"
		      "      - {name: alice, quota: 50GB, basis: both, warn-percent: 100, on-exceed: block}\n"
		      "      - {name: bob, quota: none, on-exceed: notify}\n"
		      "  - {name: town, hosts: []}\n");
	assert_int_equal(s.n_rows, 8);
	expect_quota(&s, "town-a", NULL, 1500000, QUOTA_DOWN, 0, QUOTA_NOTIFY,
		     SETTINGS_QUOTA | SETTINGS_BASIS | SETTINGS_WARN_PERCENT);
	expect_quota(&s, "town-a", "", 1500000, QUOTA_DOWN, 0, QUOTA_NOTIFY,
		     SETTINGS_QUOTA | SETTINGS_BASIS | SETTINGS_WARN_PERCENT);
	/* A quota of a town is not that of its hosts. */
	expect_quota(&s, "town-a", "carol", 0, QUOTA_BOTH, 80, QUOTA_NOTIFY, 0);
	expect_quota(&s, "town-a", "alice", 50000, QUOTA_BOTH, 100, QUOTA_BLOCK, ALL);
	expect_quota(&s, "town-a", "bob", 0, QUOTA_BOTH, 80, QUOTA_NOTIFY, SETTINGS_QUOTA | SETTINGS_ON_EXCEED);
	expect_quota(&s, "town-b", "", 0, QUOTA_BOTH, 80, QUOTA_NOTIFY, 0);
	/* What was given as it would be anyway was given. */
	expect_quota(&s, "town-b", "bob", 0, QUOTA_BOTH, 80, QUOTA_NOTIFY, SETTINGS_QUOTA | SETTINGS_WARN_PERCENT);
	expect_quota(&s, "town-b", "alice", 0, QUOTA_UP, 80, QUOTA_IGNORE, SETTINGS_BASIS | SETTINGS_ON_EXCEED);
	expect_quota(&s, "town", "", 0, QUOTA_BOTH, 80, QUOTA_NOTIFY, 0);
	/* Whom the file does not name. */
	assert_false(settings_quota(&s, "town-b", "carol", &quota));
	assert_memory_equal(&quota, &quota_default, sizeof quota);
	assert_null(settings_find(&s, "town-c", NULL));
	assert_null(settings_find(&s, "alice", ""));
	settings_free(&s);
	assert_false(settings_quota(&s, "town-a", "alice", &quota));
	read_good(&s, "{\"towns\": [{\"name\": \"town-a\", \"quota\": \"2TB\", \"hosts\": [{\"name\": \"a\\u00e9 \\\"b\\\"\", "
		      "\"warn-percent\": 5}]}]}");
	expect_quota(&s, "town-a", "", 2000000, QUOTA_BOTH, 80, QUOTA_NOTIFY, SETTINGS_QUOTA);
	expect_quota(&s, "town-a", "a\xc3\xa9 \"b\"", 0, QUOTA_BOTH, 5, QUOTA_NOTIFY, SETTINGS_WARN_PERCENT);
	settings_free(&s);
}

#define HOST(text) "towns:\n- name: t\n  hosts:\n  - {name: a, " text "}\n"

static void mistakes(void **state)
{
	static const struct bad cases[] = {
		{"towns: town-a\n", ":1: ", "towns is 'town-a', expected a list"},
		{"towns: {name: town-a}\n", ":1: ", "towns is 'a mapping', expected a list"},
		{"towns: [town-a]\n", ":1: ", "found 'town-a', expected keys with values, such as {name: town-a"},
		{"towns: [{}]\n", ":1: ", "found a town without a name"},
		{"towns:\n- quota: 2TB\n", ":2: ", "found a town without a name, expected 'name' in it"},
		{"towns: [{name: ''}]\n", ":1: ", "the name of a town is '', expected 1 to 28 octets"},
		{"towns: [{name: 0123456789012345678901234567x}]\n", ":1: ", "expected 1 to 28 octets"},
		{"towns: [{name: [a]}]\n", ":1: ", "the name of a town is 'a list'"},
		{"towns: [{name: \"a\\0\"}]\n", ":1: ", "the name of a town is 'a'"},
		{"towns: [{name: t, colour: red}]\n", ":1: ",
		 "'colour' is not a key of a town, expected name, prefixes, each-address, quota, basis, "
		 "warn-percent, services, host-services or hosts"},
		{"towns: [{name: t, on-exceed: block}]\n", ":1: ", "'on-exceed' is a key of hosts alone"},
		{"towns: [{name: t, quota: 1GB, quota: 2GB}]\n", ":1: ", "'quota' stands here a second time"},
		{"towns: [{name: t}, {name: u},\n {name: t}]\n", ":2: ", "the town t stands here a second time, after F:1"},
		{"towns: [{name: t, hosts: alice}]\n", ":1: ", "hosts is 'alice', expected a list"},
		{"towns: [{name: t, hosts: {name: alice}}]\n", ":1: ", "hosts is 'a mapping'"},
		{"towns: [{name: t, hosts: [alice]}]\n", ":1: ", "found 'alice', expected keys with values, such as {name: alice"},
		{"towns:\n- name: t\n  hosts:\n  - quota: 1GB\n", ":4: ", "found a host without a name"},
		{"towns:\n- name: t\n  hosts:\n  - name: \"a\\tb\"\n", ":4: ", "the name of a host is 'a?b', expected 1 to 48"},
		{"towns:\n- hosts:\n  - {name: alice}\n", ":2: ", "found a town without a name"},
		{HOST("on-exceed: shoot"), ":4: ", "on-exceed is 'shoot', expected none, notify or block"},
		{HOST("hosts: []"), ":4: ", "'hosts' is a key of towns alone"},
		{HOST("quote: 1GB"), ":4: ", "'quote' is not a key of a host, expected name, prefixes, quota, basis, warn-percent, "
		 "on-exceed or services"},
		{HOST("basis: all"), ":4: ", "basis is 'all', expected both, down or up"},
		{HOST("basis: [up]"), ":4: ", "basis is 'a list', expected both, down or up"},
		{HOST("warn-percent: 101"), ":4: ", "warn-percent is '101', expected a number from 0 to 100"},
		{HOST("warn-percent: 80%"), ":4: ", "warn-percent is '80%'"},
		{HOST("quota: 50"), ":4: ", "quota is '50', expected a size such as 50GB"},
		{HOST("quota: 50GiB"), ":4: ", "quota is '50GiB', expected a unit of thousands"},
		{HOST("quota: 0.5MB"), ":4: ", "quota is '0.5MB', expected whole megabytes"},
		{HOST("quota: 4295TB"), ":4: ", "quota is '4295TB', expected at most 4294967295MB"},
		{HOST("quota: [1GB]"), ":4: ", "quota is 'a list', expected a size"},
		{HOST("quota: \"1GB\\0\""), ":4: ", "quota is '1GB', expected no NUL"},
		{HOST("quota: "), ":4: ", "quota is '', expected a size"},
		{"towns:\n- name: t\n  hosts:\n  - name: a\n  - name: b\n  - name: a\n", ":6: ",
		 "the host t/a stands here a second time, after F:4"},
	};
	struct settings s;

	(void)state;
	expect_bad(cases, sizeof cases / sizeof cases[0]);
	/* The same host in two towns are two. */
	read_good(&s, "towns: [{name: t, hosts: [{name: a}]}, {name: u, hosts: [{name: a}]}]\n");
	settings_free(&s);
	read_good(&s, "towns: []\n");
	settings_free(&s);
	/* All of them, also those of a town without a name. */
	assert_int_equal(read_text(&s, "towns:\n- quota: 1\n  hosts:\n  - {name: a, quota: 2}\n  - {quota: 3}\n- name: t\n"
				       "- {name: t, basis: x}\n"), 7);
	settings_free(&s);
}

/* As many as are to be metered: comparing one after the other would take minutes. */
static void many_hosts(void **state)
{
	enum { TOWNS = 256, HOSTS = 256 };
	char *text = malloc((size_t)TOWNS * HOSTS * 64), *at = text;
	struct settings s;

	(void)state;
	assert_non_null(text);
	at += sprintf(at, "towns:\n");
	for (int t = TOWNS; t-- > 0;) {
		at += sprintf(at, "- name: town-%d\n  hosts:\n", t);
		for (int h = 0; h < HOSTS; h++)
			at += sprintf(at, "  - {name: host-%d, quota: %dMB}\n", h, 1 + t * HOSTS + h);
	}
	read_good(&s, text);
	assert_int_equal(s.n_rows, TOWNS * (HOSTS + 1));
	for (int t = 0; t < TOWNS; t++)
		for (int h = 0; h < HOSTS; h++) {
			char town[32], host[32];
			struct quota quota;
			sprintf(town, "town-%d", t);
			sprintf(host, "host-%d", h);
			assert_true(settings_quota(&s, town, host, &quota));
			assert_int_equal(quota.megabytes, 1 + t * HOSTS + h);
		}
	settings_free(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rows), cmocka_unit_test(mistakes), cmocka_unit_test(many_hosts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
