/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout.h"

#include "layout_text.h"

static void expect(const char *text, uint8_t family, const char *expected)
{
	struct settings settings = layout_text_settings(text);
	struct layout *layout = layout_new(&settings, family);

	assert_non_null(layout);
	assert_int_equal(layout->family, family);
	char *lines = layout_text(layout);
	assert_string_equal(lines, expected);
	free(lines);
	layout_free(layout);
	layout_text_free(&settings);
}

static void two_towns_and_their_hosts(void **state)
{
	(void)state;
	expect("town town-a 10.1.0.0/24\nhost alice 10.1.0.10\nhost bob 10.1.0.17\ntown town-b 10.1.1.0/24\n", 4,
	       "townmeter  -s 0.0.0.0 -d 0.0.0.0  -j tm-d  -j tm-u\n"
	       "FORWARD  -j townmeter\n"
	       "tm-d  -d 10.1.0.0/20 -g tm-d-10.1.0.0/20\n"
	       "tm-u  -s 10.1.0.0/20 -g tm-u-10.1.0.0/20\n"
	       "town-a  -d 10.1.0.0/24 -j tm-d-10.1.0.0/24  -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
	       "tm-x-10.1.0.0/24  -d 10.1.0.0/24 -j RETURN  -g town-a\n"
	       "town-b  -d 10.1.1.0/24 -j tm-d-10.1.1.0/24  -s 10.1.1.0/24 -j tm-u-10.1.1.0/24\n"
	       "tm-x-10.1.1.0/24  -d 10.1.1.0/24 -j RETURN  -g town-b\n"
	       "tm-d-10.1.0.0/20  -d 10.1.0.0/24 -g town-a  -d 10.1.1.0/24 -g town-b\n"
	       "tm-u-10.1.0.0/20  -s 10.1.0.0/24 -g tm-x-10.1.0.0/24  -s 10.1.1.0/24 -g tm-x-10.1.1.0/24\n"
	       "tm-d-10.1.0.0/24  -d 10.1.0.0/28 -g tm-d-10.1.0.0/28  -d 10.1.0.16/28 -g tm-d-10.1.0.16/28\n"
	       "tm-u-10.1.0.0/24  -s 10.1.0.0/28 -g tm-u-10.1.0.0/28  -s 10.1.0.16/28 -g tm-u-10.1.0.16/28\n"
	       "tm-d-10.1.0.0/28  -d 10.1.0.10\n"
	       "tm-d-10.1.0.16/28  -d 10.1.0.17\n"
	       "tm-u-10.1.0.0/28  -s 10.1.0.10\n"
	       "tm-u-10.1.0.16/28  -s 10.1.0.17\n"
	       "tm-d-10.1.1.0/24\n"
	       "tm-u-10.1.1.0/24\n");
}

/* What stays in any of a town's prefixes does not meet the town a second time. */
static void a_town_of_several_prefixes(void **state)
{
	(void)state;
	expect("town town-a 10.2.0.0/24 10.1.0.0/28 2001:db8::/32\nhost alice 10.2.0.0/24 10.1.0.0/28\n", 4,
	       "townmeter  -s 0.0.0.0 -d 0.0.0.0  -j tm-d  -j tm-u\n"
	       "FORWARD  -j townmeter\n"
	       "tm-d  -d 10.0.0.0/12 -g tm-d-10.0.0.0/12\n"
	       "tm-u  -s 10.0.0.0/12 -g tm-u-10.0.0.0/12\n"
	       "town-a  -d 10.1.0.0/28 -j tm-d-10.1.0.0/28  -s 10.1.0.0/28 -j tm-u-10.1.0.0/28  -d 10.2.0.0/24 -j tm-d-10.2.0.0/24  -s 10.2.0.0/24 -j tm-u-10.2.0.0/24\n"
	       "tm-x-10.1.0.0/28  -d 10.1.0.0/28 -j RETURN  -d 10.2.0.0/24 -j RETURN  -g town-a\n"
	       "tm-d-10.0.0.0/12  -d 10.1.0.0/24 -g tm-d-10.1.0.0/24  -d 10.2.0.0/20 -g tm-d-10.2.0.0/20\n"
	       "tm-d-10.1.0.0/24  -d 10.1.0.0/28 -g town-a\n"
	       "tm-d-10.2.0.0/20  -d 10.2.0.0/24 -g town-a\n"
	       "tm-u-10.0.0.0/12  -s 10.1.0.0/24 -g tm-u-10.1.0.0/24  -s 10.2.0.0/20 -g tm-u-10.2.0.0/20\n"
	       "tm-u-10.1.0.0/24  -s 10.1.0.0/28 -g tm-x-10.1.0.0/28\n"
	       "tm-u-10.2.0.0/20  -s 10.2.0.0/24 -g tm-x-10.1.0.0/28\n"
	       "tm-d-10.1.0.0/28  -d 10.1.0.0/28\n"
	       "tm-u-10.1.0.0/28  -s 10.1.0.0/28\n"
	       "tm-d-10.2.0.0/24  -d 10.2.0.0/24\n"
	       "tm-u-10.2.0.0/24  -s 10.2.0.0/24\n");
}

/* In IPv6 ICMP is another protocol; a host of the town's very prefix has a chain of classes of its own. */
static void classes(void **state)
{
	(void)state;
	expect("service web 6/80\nservice ping 1\n"
	       "town town-a 2001:db8::/64\nhost + alice 2001:db8::/64\n"
	       "town - town-b 2001:db8:1::/64\nhost bob 2001:db8:1::5\nhost + carl 2001:db8:1::6 2001:db8:1::7 10.1.0.1\n",
	       6,
	       "townmeter  -s :: -d ::  -j tm-d  -j tm-u\n"
	       "FORWARD  -j townmeter\n"
	       "tm-d  -d 2001:db8::/44 -g tm-d-2001:db8::/44\n"
	       "tm-u  -s 2001:db8::/44 -g tm-u-2001:db8::/44\n"
	       "town-a  -d 2001:db8::/64 -j tm-d-2001:db8::/64  -s 2001:db8::/64 -j tm-u-2001:db8::/64\n"
	       "tm-x-2001:db8::/64  -d 2001:db8::/64 -j RETURN  -g town-a\n"
	       "town-b  -d 2001:db8:1::/64 -j tm-d-2001:db8:1::/64  -s 2001:db8:1::/64 -j tm-u-2001:db8:1::/64\n"
	       "tm-x-2001:db8:1::/64  -d 2001:db8:1::/64 -j RETURN  -g town-b\n"
	       "tm-d-2001:db8::/44  -d 2001:db8::/60 -g tm-d-2001:db8::/60  -d 2001:db8:1::/60 -g tm-d-2001:db8:1::/60\n"
	       "tm-d-2001:db8::/60  -d 2001:db8::/64 -g town-a\n"
	       "tm-d-2001:db8:1::/60  -d 2001:db8:1::/64 -g town-b\n"
	       "tm-u-2001:db8::/44  -s 2001:db8::/60 -g tm-u-2001:db8::/60  -s 2001:db8:1::/60 -g tm-u-2001:db8:1::/60\n"
	       "tm-u-2001:db8::/60  -s 2001:db8::/64 -g tm-x-2001:db8::/64\n"
	       "tm-u-2001:db8:1::/60  -s 2001:db8:1::/64 -g tm-x-2001:db8:1::/64\n"
	       "tm-d-2001:db8::/64  -j tm-s-d-2001:db8::/64  -d 2001:db8::/64 -j tm-s-d-2001:db8::/64+\n"
	       "tm-u-2001:db8::/64  -j tm-s-u-2001:db8::/64  -s 2001:db8::/64 -j tm-s-u-2001:db8::/64+\n"
	       "tm-s-d-2001:db8::/64  -p 6 --sport 80:80 -j RETURN  -p 1 --sport 0:65535 -j RETURN  -j RETURN\n"
	       "tm-s-u-2001:db8::/64  -p 6 --dport 80:80 -j RETURN  -p 1 --sport 0:65535 -j RETURN  -j RETURN\n"
	       "tm-s-d-2001:db8::/64+  -p 6 --sport 80:80 -j RETURN  -p 1 --sport 0:65535 -j RETURN  -j RETURN\n"
	       "tm-s-u-2001:db8::/64+  -p 6 --dport 80:80 -j RETURN  -p 1 --sport 0:65535 -j RETURN  -j RETURN\n"
	       "tm-d-2001:db8:1::/64  -d 2001:db8:1::/124 -g tm-d-2001:db8:1::/124\n"
	       "tm-u-2001:db8:1::/64  -s 2001:db8:1::/124 -g tm-u-2001:db8:1::/124\n"
	       "tm-d-2001:db8:1::/124  -d 2001:db8:1::5  -d 2001:db8:1::6 -j tm-s-d-2001:db8:1::6  -d 2001:db8:1::7 -j tm-s-d-2001:db8:1::6\n"
	       "tm-s-d-2001:db8:1::6  -p 6 --sport 80:80 -j RETURN  -p 1 --sport 0:65535 -j RETURN  -j RETURN\n"
	       "tm-s-u-2001:db8:1::6  -p 6 --dport 80:80 -j RETURN  -p 1 --sport 0:65535 -j RETURN  -j RETURN\n"
	       "tm-u-2001:db8:1::/124  -s 2001:db8:1::5  -s 2001:db8:1::6 -j tm-s-u-2001:db8:1::6  -s 2001:db8:1::7 -j tm-s-u-2001:db8:1::6\n");
}

/* With hosts that have classes, and nothing to divide by. */
static void no_classes_without_services(void **state)
{
	(void)state;
	expect("town town-a 10.1.0.0/28\nhost + alice 10.1.0.1\n", 4,
	       "townmeter  -s 0.0.0.0 -d 0.0.0.0  -j tm-d  -j tm-u\n"
	       "FORWARD  -j townmeter\n"
	       "tm-d  -d 10.1.0.0/24 -g tm-d-10.1.0.0/24\n"
	       "tm-u  -s 10.1.0.0/24 -g tm-u-10.1.0.0/24\n"
	       "town-a  -d 10.1.0.0/28 -j tm-d-10.1.0.0/28  -s 10.1.0.0/28 -j tm-u-10.1.0.0/28\n"
	       "tm-x-10.1.0.0/28  -d 10.1.0.0/28 -j RETURN  -g town-a\n"
	       "tm-d-10.1.0.0/24  -d 10.1.0.0/28 -g town-a\n"
	       "tm-u-10.1.0.0/24  -s 10.1.0.0/28 -g tm-x-10.1.0.0/28\n"
	       "tm-d-10.1.0.0/28  -d 10.1.0.1\n"
	       "tm-u-10.1.0.0/28  -s 10.1.0.1\n");
}

/* A version of IP in which no town has a prefix has no tree, but totals. */
static void nothing_for_the_other_version(void **state)
{
	(void)state;
	expect("town town-a 2001:db8::/32\ntotals input output\n", 4, "INPUT \nOUTPUT \n");
	expect("town town-a 2001:db8::/32\n", 4, "");
	expect("town town-a\n", 6, "");
	expect("totals output\n", 6, "OUTPUT \n");
}

static void nothing_unless_managed(void **state)
{
	struct settings settings = layout_text_settings("town town-a 10.1.0.0/24\ntotals input output\n");

	(void)state;
	settings.managed = false;
	struct layout *layout = layout_new(&settings, 4);
	assert_non_null(layout);
	assert_int_equal(layout->n_chains, 0);
	layout_free(layout);
	layout = layout_new(NULL, 6);
	assert_non_null(layout);
	assert_int_equal(layout->n_chains, 0);
	layout_free(layout);
	layout_free(NULL);
	layout_text_free(&settings);
}

/* Who continues counters has to know whose each rule's is. */
static void says_what_each_rule_counts(void **state)
{
	struct settings settings = layout_text_settings("service web 6/80\ntown a 10.1.0.0/28\ntown b 10.2.0.0/28\n"
							"host + bob 10.2.0.1\ntotals input\n");
	struct layout *layout = layout_new(&settings, 4);
	unsigned jumps = 0, counts = 0, services = 0, totals = 0, canaries = 0;

	(void)state;
	assert_non_null(layout);
	for (uint32_t i = 0; i < layout->n_rules; i++) {
		const struct layout_rule *rule = &layout->rules[i];
		bool up = rule->src.family != PREFIX_NONE;
		const char *town = rule->town == RULE_NONE ? "" : settings.rows[rule->town].town;
		jumps += rule->kind == ROLE_JUMP;
		counts += rule->kind == ROLE_COUNT;
		services += rule->kind == ROLE_SERVICE;
		totals += rule->kind == ROLE_TOTAL;
		canaries += rule->kind == ROLE_CANARY;
		if (rule->kind != ROLE_JUMP && rule->kind != ROLE_COUNT) {
			assert_int_equal(rule->town, RULE_NONE);
			continue;
		}
		assert_int_equal(rule->direction, up ? DIRECTION_UP : DIRECTION_DOWN);
		assert_string_equal(town, (up ? rule->src : rule->dst).addr[1] == 1 ? "a" : "b");
		assert_string_equal(settings.rows[rule->town].host, "");
	}
	assert_int_equal(jumps, 4);
	assert_int_equal(counts, 2);
	assert_int_equal(services, 3 * 2 * 2);
	assert_int_equal(totals, 2);
	assert_int_equal(canaries, 1);
	for (uint32_t c = 0; c < layout->n_chains; c++)
		if (layout->chains[c].town != RULE_NONE)
			assert_string_equal(settings.rows[layout->chains[c].town].town, layout->chains[c].name);
	layout_free(layout);
	layout_text_free(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_towns_and_their_hosts), cmocka_unit_test(a_town_of_several_prefixes),
		cmocka_unit_test(classes), cmocka_unit_test(no_classes_without_services),
		cmocka_unit_test(nothing_for_the_other_version), cmocka_unit_test(nothing_unless_managed),
		cmocka_unit_test(says_what_each_rule_counts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
