/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes of traffic, whose traffic is divided into them, and totals. */
#include "settings_text.h"

#define MANAGED "rules: managed\n"
#define CLASSES MANAGED "services:\n"
#define WEB CLASSES "- {name: web, match: [tcp/80]}\n"

static const char *class_of(struct settings *settings, const char *text)
{
	struct ports ports;

	assert_null(ports_parse(&ports, text));
	return settings_class(settings, &ports);
}

static void classes(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, CLASSES "- {name: web, match: [tcp/80, tcp/443, udp/443]}\n"
			      "- match: [tcp/6881-6889, icmp, '47']\n  name: \"file sharing\"\n"
			      "towns: []\n");
	assert_int_equal(s.n_services, 2);
	assert_string_equal(s.services[0].name, "web");
	assert_int_equal(s.services[0].n_matches, 3);
	assert_int_equal(s.services[0].line, 3);
	assert_int_equal(s.services[0].matches[2].protocol, 17);
	assert_string_equal(s.services[1].name, "file sharing");
	assert_int_equal(s.services[1].n_matches, 3);
	assert_int_equal(s.services[1].line, 4);
	assert_string_equal(class_of(&s, "tcp/80"), "web");
	assert_string_equal(class_of(&s, "udp/443"), "web");
	assert_string_equal(class_of(&s, "icmpv6"), "file sharing");
	assert_string_equal(class_of(&s, "gre"), "file sharing");
	assert_string_equal(class_of(&s, "tcp/6881-6889"), "file sharing");
	/* A match is all of it. */
	assert_null(class_of(&s, "tcp/6881"));
	assert_null(class_of(&s, "udp/80"));
	assert_null(class_of(&s, "tcp"));
	settings_free(&s);
	assert_null(class_of(&s, "tcp/80"));
	read_good(&s, "{\"rules\": \"managed\", \"services\": [{\"name\": \"dns\", \"match\": [\"udp/53\", 132]}]}");
	assert_string_equal(class_of(&s, "udp/53"), "dns");
	assert_string_equal(class_of(&s, "sctp"), "dns");
	settings_free(&s);
}

static void mistakes(void **state)
{
	static const struct told cases[] = {
		{"services: [{name: web, match: [tcp/80]}]\n", "F:1: services needs 'rules: managed'\n"},
		{"services: [{name: web, match: [tcp/80]}]\nrules: standing\n", "F:1: services needs 'rules: managed'\n"},
		/* The rules are known wherever they stand, and a mistake in them is one. */
		{"services: [{name: web, match: [tcp/80]}]\nrules: managed\n", ""},
		{"services: [{name: web, match: [tcp/80]}]\nrules: x\n", "F:2: rules is 'x', expected standing or managed\n"},
		{MANAGED "services: []\n", "F:2: services is an empty list, expected at least one class such as "
					   "{name: web, match: [tcp/80]}\n"},
		{MANAGED "services: web\n", "F:2: services is 'web', expected a list such as [{name: web, match: [tcp/80]}]\n"},
		{CLASSES "- web\n", "F:3: found 'web', expected keys with values, such as {name: web, match: [tcp/80]}\n"},
		{CLASSES "- {name: web, match: [tcp/80], port: 8}\n",
		 "F:3: 'port' is not a key of a class, expected name or match\n"},
		{CLASSES "- name: web\n", "F:3: found a class without a match, expected 'match' in it, such as [tcp/80]\n"},
		{CLASSES "- match: [tcp/80]\n", "F:3: found a class without a name, expected 'name' in it\n"},
		{CLASSES "- name: web\n  match: []\n", "F:4: match is an empty list, expected at least one such as tcp/80\n"},
		{CLASSES "- name: web\n  match: tcp/80\n", "F:4: match is 'tcp/80', expected a list such as [tcp/80, tcp/443]\n"},
		{CLASSES "- name: web\n  match: [[tcp/80]]\n",
		 "F:4: match has 'a list', expected a protocol such as tcp, udp or icmp, or its number from 1 to 255, with "
		 "ports after a '/': tcp/80\n"},
		{CLASSES "- name: web\n  match: [tcp/99999]\n",
		 "F:4: match has 'tcp/99999', expected a port from 0 to 65535, or a range such as 6881-6889, after the '/'\n"},
		{CLASSES "- name: web\n  match:\n  - \"tcp\\0\"\n", "F:5: match has 'tcp', expected no NUL in it\n"},
		{CLASSES "- {name: other, match: [tcp/80]}\n",
		 "F:3: the name of a class is 'other', expected another: it is that of the rest\n"},
		{CLASSES "- {name: 0123456789abcdef0123456789abcdefg, match: [tcp/80]}\n",
		 "F:3: the name of a class is '0123456789abcdef0123456789abcdefg', expected 1 to 32 octets of UTF-8 without "
		 "control characters\n"},
		{CLASSES "- {name: 0123456789abcdef0123456789abcdef, match: [tcp/80]}\n", ""},
		{WEB "- {name: web, match: [tcp/81]}\n", "F:4: the class web stands here a second time, after F:3\n"},
		{WEB "- {name: mail, match: [tcp/81, tcp/80]}\n",
		 "F:4: match has tcp/80, which is tcp/80 of web at F:3, expected each packet in one match\n"},
		{WEB "- name: all\n  match:\n  - udp\n  - tcp\n",
		 "F:7: match has tcp, which overlaps with tcp/80 of web at F:3, expected each packet in one match\n"},
		{CLASSES "- {name: web, match: [tcp/80, tcp/80]}\n",
		 "F:3: match has tcp/80, which is tcp/80 of web at F:3, expected each packet in one match\n"},
		/* The first one that overlaps, of those that are right. */
		{CLASSES "- name: a\n  match: [tcp/10-20]\n- name: b\n  match: [tcp/15-30, tcp/40]\n- name: c\n"
			 "  match: [tcp/18-50]\n",
		 "F:6: match has tcp/15-30, which overlaps with tcp/10-20 of a at F:4, expected each packet in one match\n"
		 "F:8: match has tcp/18-50, which overlaps with tcp/10-20 of a at F:4, expected each packet in one match\n"},
		{WEB "towns:\n- {name: t, prefixes: [10.0.0.0/8], services: maybe}\n",
		 "F:5: services is 'maybe', expected true or false\n"},
		{WEB "towns:\n- {name: t, prefixes: [10.0.0.0/8], host-services: [true]}\n",
		 "F:5: host-services is 'a list', expected true or false\n"},
		{"towns:\n- name: t\n  services: true\n  host-services: false\n  hosts:\n  - {name: a, services: false}\n",
		 "F:3: services needs 'rules: managed'\nF:4: host-services needs 'rules: managed'\n"
		 "F:6: services needs 'rules: managed'\n"},
		{MANAGED "towns:\n- {name: t, prefixes: [10.0.0.0/8], services: true}\n",
		 "F:3: services is true, expected classes in the 'services' of the first file, too\n"},
		{MANAGED "towns:\n- {name: t, prefixes: [10.0.0.0/8], services: false}\n", ""},
		{"totals: [input]\n", "F:1: totals needs 'rules: managed'\n"},
		{MANAGED "totals: input\n", "F:2: totals is 'input', expected a list such as [input, output]\n"},
		{MANAGED "totals: [input, forward, input]\n",
		 "F:2: totals has 'forward', expected input or output\nF:2: totals has 'input' a second time\n"},
	};
	struct settings s;

	(void)state;
	expect_told(cases, sizeof cases / sizeof cases[0]);
	/* Of all that is in them. */
	assert_int_equal(read_text(&s, CLASSES "- {match: [x, tcp/1]}\n- 7\n- {name: other, match: [y, tcp/1]}\n"), 6);
	settings_free(&s);
}

/* Each match is some rules of each town. */
static void many_matches(void **state)
{
	static char text[65536];
	struct settings s;
	char *at = text;

	(void)state;
	at += sprintf(at, CLASSES "- name: odd\n  match:\n");
	for (int i = 0; i < 1024; i++)
		at += sprintf(at, "  - tcp/%d\n", 2 * i + 1);
	read_good(&s, text);
	assert_int_equal(s.services[0].n_matches, 1024);
	settings_free(&s);
	sprintf(at, "  - udp/1\n  - udp/2\n");
	assert_int_equal(read_text(&s, text), 1);
	assert_string_equal(told, "F:1029: found more than 1024 matches, expected at most so many: each is a rule of each "
				  "town\n");
	settings_free(&s);
}

static void divided(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, WEB "towns:\n- name: a\n  prefixes: [10.1.0.0/24]\n  hosts:\n  - {name: x, prefixes: [10.1.0.1]}\n"
			  "  - {name: y, prefixes: [10.1.0.2], services: true}\n"
			  "- name: b\n  services: false\n  host-services: true\n  prefixes: [10.2.0.0/30]\n"
			  "  each-address: true\n  hosts:\n  - {name: x, prefixes: [10.2.0.1]}\n"
			  "  - {name: y, prefixes: [10.2.0.2], services: false}\n");
	assert_true(settings_find(&s, "a", "")->services);
	assert_false(settings_find(&s, "a", "x")->services);
	assert_true(settings_find(&s, "a", "y")->services);
	assert_false(settings_find(&s, "b", "")->services);
	assert_true(settings_find(&s, "b", "x")->services);
	assert_false(settings_find(&s, "b", "y")->services);
	assert_true(settings_find(&s, "b", "10.2.0.0")->services);
	settings_free(&s);
	/* Without classes there is nothing to divide. */
	read_good(&s, MANAGED "towns:\n- {name: a, prefixes: [10.1.0.0/24]}\n");
	assert_false(settings_find(&s, "a", "")->services);
	settings_free(&s);
}

static void totals(void **state)
{
	static const struct {
		const char *text;
		int totals;
	} cases[] = {
		/* The article's desktop. */
		{MANAGED "towns: []\n", SETTINGS_TOTAL_INPUT | SETTINGS_TOTAL_OUTPUT},
		{MANAGED "towns: []\ntotals: [input, output]\n", SETTINGS_TOTAL_INPUT | SETTINGS_TOTAL_OUTPUT},
		{MANAGED "towns: []\ntotals: []\n", 0},
		{MANAGED "towns: []\ntotals: [output]\n", SETTINGS_TOTAL_OUTPUT},
		{MANAGED "totals: [input]\n", SETTINGS_TOTAL_INPUT},
		{MANAGED, 0},
		{MANAGED "towns: [{name: t, prefixes: [10.0.0.0/8]}]\n", 0},
		{MANAGED "totals: [output]\ntowns: [{name: t, prefixes: [10.0.0.0/8]}]\n", SETTINGS_TOTAL_OUTPUT},
		{"towns: []\n", 0},
	};
	struct settings s;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		read_good(&s, cases[i].text);
		assert_int_equal(s.totals, cases[i].totals);
		assert_int_equal(s.managed, i < sizeof cases / sizeof cases[0] - 1);
		settings_free(&s);
		assert_int_equal(s.totals, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(classes), cmocka_unit_test(mistakes),
					   cmocka_unit_test(many_matches), cmocka_unit_test(divided), cmocka_unit_test(totals)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
