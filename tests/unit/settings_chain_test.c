/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Under `rules: managed` a town is a chain, and has prefixes. */
#include "settings_text.h"

#define NAMED(name) "rules: managed\ntowns:\n- prefixes: [10.0.0.0/8]\n  name: " name "\n"
#define FAULT(name, fault) {NAMED(name), "F:4: the name of a town is '" name "', " fault "\n"}

static void names(void **state)
{
	static const struct told cases[] = {
		{NAMED("town-a"), ""},
		{NAMED("0123456789012345678901234567"), ""},
		{NAMED("01234567890123456789012345678"),
		 "F:4: the name of a town is '01234567890123456789012345678', expected 1 to 28 octets of UTF-8 without control "
		 "characters\n"},
		{NAMED("caf\xc3\xa9"), ""},
		{NAMED("a-b!"), ""},
		{NAMED("tm"), ""},
		{NAMED("townmeter2"), ""},
		{NAMED("drop"), ""},
		FAULT("INPUT", "the name of a built-in chain of iptables, expected another"),
		FAULT("FORWARD", "the name of a built-in chain of iptables, expected another"),
		FAULT("OUTPUT", "the name of a built-in chain of iptables, expected another"),
		FAULT("PREROUTING", "the name of a built-in chain of iptables, expected another"),
		FAULT("POSTROUTING", "the name of a built-in chain of iptables, expected another"),
		FAULT("ACCEPT", "the name of a target of iptables, expected another"),
		FAULT("DROP", "the name of a target of iptables, expected another"),
		FAULT("RETURN", "the name of a target of iptables, expected another"),
		FAULT("QUEUE", "the name of a target of iptables, expected another"),
		FAULT("REJECT", "the name of a target of iptables, expected another"),
		FAULT("LOG", "the name of a target of iptables, expected another"),
		FAULT("MASQUERADE", "the name of a target of iptables, expected another"),
		FAULT("townmeter", "the name of a chain of townmeter's own, expected neither townmeter nor tm- or tm. at its "
				   "beginning"),
		FAULT("tm-d", "the name of a chain of townmeter's own, expected neither townmeter nor tm- or tm. at its "
			      "beginning"),
		FAULT("tm.a", "the name of a chain of townmeter's own, expected neither townmeter nor tm- or tm. at its "
			      "beginning"),
		FAULT("-a", "expected the name of a chain: no - or ! at its beginning"),
		{NAMED("'!a'"), "F:4: the name of a town is '!a', expected the name of a chain: no - or ! at its beginning\n"},
		FAULT("town a", "expected the name of a chain: no blank and no \" in it"),
		FAULT("town\"a", "expected the name of a chain: no blank and no \" in it"),
		/* Standing rules have whatever name they have. */
		{"towns: [{name: DROP}, {name: 'town a'}, {name: tm-d}]\n", ""},
		/* Nor is a host a chain. */
		{NAMED("t") "  hosts: [{name: DROP, prefixes: [10.0.0.1]}, {name: a b, prefixes: [10.0.0.2]}]\n", ""},
	};

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
}

static void prefixes_needed(void **state)
{
	static const struct told cases[] = {
		{"rules: managed\ntowns:\n- name: t\n",
		 "F:3: the town t has no prefixes, expected at least one with 'rules: managed'\n"},
		{NAMED("t") "  hosts:\n  - {name: a}\n",
		 "F:6: the host t/a has no prefixes, expected at least one with 'rules: managed'\n"},
		/* One mistake is one: there are some. */
		{"rules: managed\ntowns:\n- name: t\n  prefixes: [x]\n  hosts: [{name: a, prefixes: [10.1.0.1]}]\n",
		 "F:4: prefixes has 'x', expected an address such as 10.1.0.10, or a prefix such as 10.1.0.0/24 or "
		 "2001:db8:a::/48\n"},
		{"rules: managed\ntowns:\n- name: t\n  prefixes: [10.2.0.0/24, x]\n  hosts: [{name: a, prefixes: [10.1.0.1]}]\n",
		 "F:4: prefixes has 'x', expected an address such as 10.1.0.10, or a prefix such as 10.1.0.0/24 or "
		 "2001:db8:a::/48\n"},
		{"rules: managed\ntowns:\n- name: t\n  prefixes: []\n",
		 "F:4: prefixes is an empty list, expected at least one such as 10.1.0.0/24\n"},
		{"towns:\n- name: t\n  hosts: [{name: a}]\n", ""},
		{"rules: x\ntowns: [{name: t}, {name: DROP}]\n", "F:1: rules is 'x', expected standing or managed\n"},
	};

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(prefixes_needed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
