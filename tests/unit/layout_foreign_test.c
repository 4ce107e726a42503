/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What layout_compare() makes of rules that someone else wrote, among its own and beside them. */
#include "apply.h"

#define HOOKS ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
#define TOWN "town town-a 10.1.0.0/24\nhost alice 10.1.0.10\n"

/* The chains and rules that TOWN needs, without FORWARD's, which comes before them, and with more rules in between. */
#define CHAINS(town)                                                                                                  \
	":townmeter\n:tm-d\n:tm-u\n:" town "\n:tm-x-10.1.0.0/24\n:tm-d-10.1.0.0/20\n:tm-u-10.1.0.0/20\n"                \
	":tm-d-10.1.0.0/24\n:tm-u-10.1.0.0/24\n:tm-d-10.1.0.0/28\n:tm-u-10.1.0.0/28\n"
#define RULES(town)                                                                                                   \
	"-A FORWARD -j townmeter\n"                                                                                   \
	"[5:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n-A townmeter -j tm-d\n-A townmeter -j tm-u\n"                        \
	"-A tm-d -d 10.1.0.0/20 -g tm-d-10.1.0.0/20\n-A tm-u -s 10.1.0.0/20 -g tm-u-10.1.0.0/20\n"                     \
	"-A " town " -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n-A " town " -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"              \
	"-A tm-x-10.1.0.0/24 -d 10.1.0.0/24 -j RETURN\n-A tm-x-10.1.0.0/24 -g " town "\n"                               \
	"-A tm-d-10.1.0.0/20 -d 10.1.0.0/24 -g " town "\n"                                                              \
	"-A tm-u-10.1.0.0/20 -s 10.1.0.0/24 -g tm-x-10.1.0.0/24\n"                                                      \
	"-A tm-d-10.1.0.0/24 -d 10.1.0.0/28 -g tm-d-10.1.0.0/28\n"                                                      \
	"-A tm-u-10.1.0.0/24 -s 10.1.0.0/28 -g tm-u-10.1.0.0/28\n"                                                      \
	"-A tm-d-10.1.0.0/28 -d 10.1.0.10\n-A tm-u-10.1.0.0/28 -s 10.1.0.10\n"

static void expect(struct made *made, const char *settings, const char *expected)
{
	char *lines = apply_text(made, settings, 4, 0);

	assert_string_equal(lines, expected);
	free(lines);
}

/* One made by hand is what the layout makes, or the tests below show nothing. */
static void the_layout_by_hand(void **state)
{
	struct made made = make(HOOKS CHAINS("town-a") RULES("town-a"));

	(void)state;
	expect(&made, TOWN, "");
	made_free(&made);
}

/* Whatever else stands in our chains stays, and ours are put around it. */
static void foreign_rules_stay(void **state)
{
	struct made made = make(
		HOOKS CHAINS("town-a") ":other\n" RULES("town-a")
		"-A townmeter -j LOG\n-A tm-d -i eth0\n-A tm-d ! -d 10.2.0.0/24 -j RETURN\n-A tm-u -d 10.1.0.0/24 -j ACCEPT\n"
		"-A tm-d-10.1.0.0/28 -d 10.1.0.10 -m comment --comment mine\n-A tm-d-10.1.0.0/28 -p tcp\n"
		"-A tm-d-10.1.0.0/28 -d 10.1.0.11 -m limit --limit 1/s\n-A tm-d-10.1.0.0/28 -d 10.1.0.12 -j other\n"
		"-A town-a -d 10.1.0.10 -j DROP\n-A town-a -d 10.1.0.9 -m comment --comment townmeter -j DROP\n");

	(void)state;
	expect(&made, TOWN, "");
	/* Behind the last of ours, and ahead of what is theirs. */
	expect(&made, TOWN "host bob 10.1.0.14\n",
	       "iptables -I tm-d-10.1.0.0/28 2 -d 10.1.0.14/32\n"
	       "iptables -A tm-u-10.1.0.0/28 -s 10.1.0.14/32\n");
	made_free(&made);
}

/* When it all goes, what holds a foreign rule stays without ours, and is told. */
static void what_is_not_ours_stays_behind(void **state)
{
	struct made made = make(HOOKS CHAINS("town-a") ":other\n" RULES("town-a")
				"-A tm-d-10.1.0.0/28 -p tcp\n-A other -i eth0 -j tm-u-10.1.0.0/24\n"
				"-A town-a -d 10.1.0.10 -j DROP\n"
				"-A town-a -d 10.1.0.9 -m comment --comment townmeter -j DROP\n");

	(void)state;
	char *lines = apply_text(&made, NULL, 4, 0);
	assert_non_null(strstr(lines, "# the chain tm-d-10.1.0.0/28 stays: rule 2 of tm-d-10.1.0.0/28 (target none) is "
				      "not townmeter's\n"));
	assert_non_null(strstr(lines, "# the chain tm-u-10.1.0.0/24 stays: rule 1 of other (target tm-u-10.1.0.0/24), "
				      "which is not townmeter's, leads to it\n"));
	assert_non_null(strstr(lines, "# the chain town-a stays: rule 3 of town-a (destination 10.1.0.10, target DROP) is "
				      "not townmeter's\n"));
	free(lines);
	char *after = apply_dump(&made);
	struct made expected = make(HOOKS ":town-a\n:tm-u-10.1.0.0/24\n:tm-d-10.1.0.0/28\n:other\n"
				    "-A tm-d-10.1.0.0/28 -p tcp\n-A other -i eth0 -j tm-u-10.1.0.0/24\n"
				    "-A town-a -d 10.1.0.10 -j DROP\n");
	char *dump = apply_dump(&expected);
	assert_string_equal(after, dump);
	free(after);
	free(dump);
	made_free(&expected);
	made_free(&made);
}

/* Drops of blocks are wishes of their own: they stay at the head while the chain does. */
static void drops_stay_ahead(void **state)
{
	struct made made = make(HOOKS ":town-a\n:tm-d\n-A tm-d -d 10.1.0.0/24 -g town-a\n"
				"-A town-a -d 10.1.0.10 -m comment --comment townmeter -j DROP\n"
				"-A town-a -s 10.1.0.10 -m comment --comment townmeter -j DROP\n"
				"-A town-a -j LOG\n");

	(void)state;
	char *lines = apply_text(&made, TOWN, 4, 0);
	assert_non_null(strstr(lines, "iptables -I town-a 3 -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
				      "iptables -I town-a 3 -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"));
	free(lines);
	lines = apply_text(&made, TOWN "town town-b 10.2.0.0/24\n", 4, 0);
	assert_null(strstr(lines, " town-a "));
	free(lines);
	made_free(&made);
}

/* The article's chain of the same name, and what it counts, stay beside ours; when it goes, ours gets its name. */
static void stands_beside_a_foreign_town(void **state)
{
	static const char theirs[] = HOOKS ":town-a\n[3:300] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
				     "[2:200] -A town-a -d 10.1.0.10\n";
	struct made made = make(theirs);

	(void)state;
	char *before = apply_dump(&made), *lines = apply_text(&made, TOWN, 4, 0);
	assert_non_null(strstr(lines, "iptables -N tm.town-a\n"));
	assert_non_null(strstr(lines, "iptables -A tm-x-10.1.0.0/24 -g tm.town-a\n"));
	assert_non_null(strstr(lines, "iptables -A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"));
	assert_null(strstr(lines, " town-a"));
	free(lines);
	apply(&made, NULL, 4, 0);
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(before);
	free(after);
	made_free(&made);

	made = make(HOOKS CHAINS("tm.town-a") RULES("tm.town-a")
		    "-A tm.town-a -d 10.1.0.10 -m comment --comment townmeter -j DROP\n");
	expect(&made, TOWN,
	       "iptables -N town-a\n"
	       "iptables -A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
	       "iptables -A town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
	       "iptables -A tm-x-10.1.0.0/24 -g town-a\n"
	       "iptables -D tm-x-10.1.0.0/24 -g tm.town-a\n"
	       "iptables -A tm-d-10.1.0.0/20 -d 10.1.0.0/24 -g town-a\n"
	       "iptables -D tm-d-10.1.0.0/20 -d 10.1.0.0/24 -g tm.town-a\n"
	       "iptables -D tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
	       "iptables -D tm.town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
	       "iptables -D tm.town-a -d 10.1.0.10/32 -m comment --comment townmeter -j DROP\n"
	       "iptables -X tm.town-a\n");
	made_free(&made);
}

/* An empty chain of a town's name is ours to use, unless someone leads packets into it. */
static void empty_chains(void **state)
{
	struct made made = make(HOOKS ":town-a\n:tm.town-a\n");

	(void)state;
	char *lines = apply_text(&made, TOWN, 4, 0);
	assert_non_null(strstr(lines, "iptables -A town-a -d 10.1.0.0/24"));
	assert_non_null(strstr(lines, "iptables -X tm.town-a\n"));
	free(lines);
	made_free(&made);
	made = make(HOOKS ":town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n");
	lines = apply_text(&made, TOWN, 4, 0);
	assert_non_null(strstr(lines, "iptables -N tm.town-a\n"));
	free(lines);
	made_free(&made);
}

/* Without the ways to it, a chain that counts a town is ours still. */
static void a_towns_chain_is_known_without_its_ways(void **state)
{
	struct made made = make(HOOKS ":town-a\n:tm-d-10.1.0.0/24\n[7:700] -A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n");

	(void)state;
	char *lines = apply_text(&made, TOWN, 4, 0);
	assert_null(strstr(lines, "tm.town-a"));
	assert_non_null(strstr(lines, "iptables -A town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"));
	assert_int_equal(made.counters[made_rule(&made, 4, "town-a", 1)].packets, 7);
	free(lines);
	made_free(&made);
}

/* No name is left, and nothing is written. */
static void no_name_is_left(void **state)
{
	static const char longest[] = "town abcdefghijklmnopqrstuvwxyz 10.1.0.0/24\n";
	struct made made = make(HOOKS ":abcdefghijklmnopqrstuvwxyz\n-A abcdefghijklmnopqrstuvwxyz -d 10.1.0.10\n");

	(void)state;
	expect(&made, longest,
	       "# the chain abcdefghijklmnopqrstuvwxyz of IPv4 is not townmeter's, and 'tm.abcdefghijklmnopqrstuvwxyz' is "
	       "longer than the 28 octets of a chain's name: nothing is written; give the town a shorter name\n");
	made_free(&made);
	made = make(HOOKS ":town-a\n:tm.town-a\n-A town-a -d 10.1.0.10\n-A tm.town-a -d 10.1.0.10\n");
	expect(&made, TOWN,
	       "# neither the chain town-a of IPv4 nor the chain tm.town-a is townmeter's: nothing is written; rename or "
	       "delete one of them\n");
	made_free(&made);
}

/* What someone else hangs below our chains is not ours to take away. */
static void chains_of_others_below_ours(void **state)
{
	struct made made = make(HOOKS CHAINS("town-a") ":logdrop\n" RULES("town-a")
				"-A tm-d -j logdrop\n-A tm-d -g logdrop\n-A town-a -s 10.1.0.66 -j logdrop\n"
				"-A logdrop -d 10.1.0.0/24\n-A logdrop -j RETURN\n");

	(void)state;
	expect(&made, TOWN, "");
	char *lines = apply_text(&made, NULL, 4, 0);
	assert_null(strstr(lines, "logdrop -"));
	assert_null(strstr(lines, "-X logdrop"));
	assert_non_null(strstr(lines, "# the chain tm-d stays"));
	free(lines);
	made_free(&made);
}

/* Someone's jump with a condition is not FORWARD's. */
static void other_jumps_of_forward(void **state)
{
	struct made made = make(HOOKS CHAINS("town-a") "-A FORWARD -i eth0 -j townmeter\n-A FORWARD -g townmeter\n"
				RULES("town-a"));

	(void)state;
	expect(&made, TOWN, "");
	char *lines = apply_text(&made, NULL, 4, 0);
	assert_non_null(strstr(lines, "iptables -D FORWARD -j townmeter\n"));
	assert_non_null(strstr(lines, "# the chain townmeter stays: rule 1 of FORWARD"));
	assert_null(strstr(lines, "-X townmeter\n"));
	free(lines);
	made_free(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_by_hand), cmocka_unit_test(foreign_rules_stay),
		cmocka_unit_test(what_is_not_ours_stays_behind), cmocka_unit_test(drops_stay_ahead),
		cmocka_unit_test(stands_beside_a_foreign_town), cmocka_unit_test(empty_chains),
		cmocka_unit_test(a_towns_chain_is_known_without_its_ways), cmocka_unit_test(no_name_is_left),
		cmocka_unit_test(chains_of_others_below_ours), cmocka_unit_test(other_jumps_of_forward)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
