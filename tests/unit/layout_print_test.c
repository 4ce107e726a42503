/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each kind of change as a command; what layout_compare_test sees is not repeated. */
#include "layout.h"

#include "make.h"

static const char rules_text[] = "*6\n:FORWARD ACCEPT [0:0]\n:town\n-A FORWARD -i eth0\n-A FORWARD -j town\n"
				 "-A town -s 2001:db8::1 -d 2001:db8::/32 -m comment --comment townmeter -j DROP\n";

static void expect(const struct ruleset *rules, const struct edit *edit, const char *expected)
{
	const struct layout_change change = {.edit = *edit};
	char text[256], cut[20];

	assert_ptr_equal(layout_print(&change, rules, text, sizeof text), text);
	assert_string_equal(text, expected);
	layout_print(&change, rules, cut, sizeof cut);
	assert_int_equal(strlen(cut), strlen(expected) < sizeof cut ? strlen(expected) : sizeof cut - 1);
	assert_memory_equal(cut, expected, strlen(cut));
}

static void chains(void **state)
{
	struct made made = make(rules_text);

	(void)state;
	expect(made.rules, &(struct edit){.kind = EDIT_CHAIN, .chain = RULE_NONE, .name = "tm-d", .family = 4},
	       "iptables -N tm-d");
	expect(made.rules, &(struct edit){.kind = EDIT_DELETE_CHAIN, .chain = 1, .family = 6}, "ip6tables -X town");
	made_free(&made);
}

static void rules(void **state)
{
	struct made made = make(rules_text);
	struct edit edit = {.kind = EDIT_INSERT, .rule = 1, .family = 6, .verdict = VERDICT_GOTO, .target = "tm-d"};

	(void)state;
	expect(made.rules, &edit, "ip6tables -I FORWARD 2 -g tm-d");
	edit = (struct edit){.kind = EDIT_INSERT, .rule = RULE_NONE, .chain = 1, .family = 6, .direction = DIRECTION_UP,
			     .prefix = make_prefix("2001:db8::1"), .other = make_prefix("2001:db8::/32"),
			     .verdict = VERDICT_JUMP, .target = "tm-s-u-2001:db8::1", .counter = {3, 300}};
	expect(made.rules, &edit,
	       "ip6tables -A town -s 2001:db8::1/128 -d 2001:db8::/32 -j tm-s-u-2001:db8::1 -c 3 300");
	edit = (struct edit){.kind = EDIT_DELETE, .rule = 3, .chain = 1, .family = 6};
	expect(made.rules, &edit, "ip6tables -D town -s 2001:db8::1/128 -d 2001:db8::/32 -m comment --comment townmeter "
				  "-j DROP");
	edit = (struct edit){.kind = EDIT_DELETE, .rule = 1, .family = 6};
	expect(made.rules, &edit, "ip6tables -D FORWARD -j town");
	made_free(&made);
}

static void ports(void **state)
{
	struct made made = make(rules_text);
	struct edit edit = {.kind = EDIT_INSERT, .rule = RULE_NONE, .chain = RULE_NONE, .name = "tm-s-u", .family = 6,
			    .ports = {6, 6881, 6889}, .ports_of = DIRECTION_UP, .verdict = VERDICT_RETURN};

	(void)state;
	expect(made.rules, &edit, "ip6tables -A tm-s-u -p tcp --dport 6881:6889 -j RETURN");
	edit.ports_of = DIRECTION_DOWN;
	edit.ports = (struct ports){132, 80, 80};
	expect(made.rules, &edit, "ip6tables -A tm-s-u -p sctp --sport 80 -j RETURN");
	edit.ports = (struct ports){1, 0, PORTS_LAST};
	expect(made.rules, &edit, "ip6tables -A tm-s-u -p icmpv6 -j RETURN");
	edit.ports = (struct ports){50, 0, PORTS_LAST};
	expect(made.rules, &edit, "ip6tables -A tm-s-u -p 50 -j RETURN");
	made_free(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(chains), cmocka_unit_test(rules), cmocka_unit_test(ports)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
