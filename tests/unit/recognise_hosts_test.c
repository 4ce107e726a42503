/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules of a town are hosts, which only look like one, and what hosts are called. */
#include <stdio.h>

#include "seen.h"

#define TOWN ":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -j town-a\n"

static void only_exact_rules(void **state)
{
	static const struct {
		const char *options, *why;
	} cases[] = {
		{"-i eth0 -d 10.1.0.10", "has an interface"},
		{"-o eth0 -s 10.1.0.10", "has an interface"},
		{"! -d 10.1.0.10", "has a negation (!)"},
		{"! -s 10.1.0.10 -d 10.1.0.10", "has a negation (!)"},
		{"-p tcp -d 10.1.0.10", "has a protocol"},
		{"-d 10.1.0.10/255.0.255.255", "has a mask that is not a prefix"},
		{"-d 10.1.0.10 -f", "matches fragments only"},
		{"-d 10.1.0.10 -m limit", "has a further match"},
		{"-d 10.1.0.10 -m comment --comment alice -m nosuchmatch", "has a further match"},
		{"-d 10.1.0.10 -s 10.1.0.11", "has both -s and -d"},
		{"-j RETURN", "has neither -s nor -d"},
		{"-j DROP", "has neither -s nor -d"},
		{"-d 10.1.0.10 -j ACCEPT", "has a target other than DROP"},
		{"-d 10.1.0.10 -j RETURN", "has a target other than DROP"},
		{"-d 10.1.0.10 -j REJECT", "has a target other than DROP"},
		{"-d 10.1.0.10 -j LOG", "has a target other than DROP"},
		{"-d 10.1.0.10 -j deeper", "has a target other than DROP"},
		{"-d 10.1.0.10 -g deeper", "has a target other than DROP"},
		/* With a DROP as well. */
		{"-i eth0 -d 10.1.0.10 -j DROP", "has an interface"},
		{"-p tcp -d 10.1.0.10 -j DROP", "has a protocol"},
		{"-d 10.1.0.10 -m limit -j DROP", "has a further match"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[400];
		snprintf(text, sizeof text, TOWN ":deeper\n-A town-a %s\n", cases[i].options);
		struct seen seen = see(text);
		seen_other(&seen, "town-a", 1, cases[i].why);
		assert_int_equal(seen.found->n_hosts, 0);
		assert_int_equal(seen.found->n_addresses, 0);
		assert_int_equal(seen_the_town(&seen, "town-a")->drops, DROPS_NONE);
		seen_no_problem(&seen);
		unsee(&seen);
	}
}

static void down_and_up(void **state)
{
	struct seen seen = see(TOWN "-A town-a -d 10.1.0.10\n-A town-a -s 10.1.0.11\n-A town-a -s 10.1.0.16/28\n");

	(void)state;
	assert_int_equal(seen.found->n_hosts, 3);
	const struct found_address *a = seen_address(&seen, "10.1.0.10"), *b = seen_address(&seen, "10.1.0.11");
	assert_int_equal(a->count[DIRECTION_DOWN], made_rule(&seen.made, 4, "town-a", 1));
	assert_int_equal(a->count[DIRECTION_UP], RULE_NONE);
	assert_int_equal(b->count[DIRECTION_DOWN], RULE_NONE);
	assert_int_equal(b->count[DIRECTION_UP], made_rule(&seen.made, 4, "town-a", 2));
	seen_the_host(&seen, "town-a", "10.1.0.16/28");
	unsee(&seen);
}

static void second_rule_is_not_used(void **state)
{
	struct seen seen = see(TOWN "-A town-a -d 10.1.0.10 --comment alice\n"
				    "-A town-a -s 10.1.0.10\n"
				    "-A town-a -d 10.1.0.10 --comment eve\n"
				    "-A town-a -d 10.1.0.10 -j DROP\n"
				    "-A town-a -d 10.1.0.10 -j DROP\n");

	(void)state;
	assert_int_equal(seen.found->n_hosts, 1);
	seen_the_host(&seen, "town-a", "alice");
	seen_other(&seen, "town-a", 3, "a second rule for the same prefix and direction");
	assert_int_equal(seen_address(&seen, "10.1.0.10")->count[DIRECTION_DOWN], made_rule(&seen.made, 4, "town-a", 1));
	assert_int_equal(seen_address(&seen, "10.1.0.10")->drop[DIRECTION_DOWN], made_rule(&seen.made, 4, "town-a", 4));
	assert_int_equal(seen_problems(&seen, "rule 3 of town-a"), 1);
	assert_int_equal(seen.found->n_problems, 1);
	/* Drops are numbered: each is one of its own. */
	assert_int_equal(seen_role(&seen, 4, "town-a", 4)->ordinal, 0);
	assert_int_equal(seen_role(&seen, 4, "town-a", 5)->ordinal, 1);
	unsee(&seen);
}

static void drops_have_numbers(void **state)
{
	char text[40000] = TOWN, *at = text + strlen(text);

	(void)state;
	at += sprintf(at, "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
			  "-A town-a -s 10.1.0.10 -j DROP\n-A town-a -d 10.1.0.11 -j DROP\n");
	for (int i = 0; i < 300; i++)
		at += sprintf(at, "-A town-a -d 10.1.0.12 -j DROP\n");
	struct seen seen = see(text);
	for (uint32_t number = 1; number <= 4; number++)
		assert_int_equal(seen_role(&seen, 4, "town-a", number)->ordinal, 0);
	assert_false(seen_role(&seen, 4, "town-a", 1)->ours);
	assert_true(seen_role(&seen, 4, "town-a", 2)->ours);
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(seen_role(&seen, 4, "town-a", 5 + i)->ordinal, i < 255 ? i : 255);
	unsee(&seen);
}

static void late_drops(void **state)
{
	struct seen seen = see(TOWN "-A town-a -d 10.1.0.10 -j DROP\n"
				    "-A town-a -d 10.1.0.10\n"
				    "-A town-a -s 10.1.0.10\n"
				    "-A town-a -s 10.1.0.10 -j DROP\n"
				    "-A town-a -d 10.1.0.10 -j DROP\n"
				    "-A town-a -d 10.1.0.11 -j DROP\n");

	(void)state;
	assert_false(seen_role(&seen, 4, "town-a", 1)->late);
	assert_true(seen_role(&seen, 4, "town-a", 4)->late);
	assert_true(seen_role(&seen, 4, "town-a", 5)->late);
	assert_false(seen_role(&seen, 4, "town-a", 6)->late);
	unsee(&seen);
}

static const char *only_host(const char *rules, char name[64], unsigned problems)
{
	char text[2000];

	snprintf(text, sizeof text, TOWN "%s", rules);
	struct seen seen = see(text);
	assert_int_equal(seen.found->n_hosts, 1);
	assert_int_equal(seen.found->n_problems, problems);
	snprintf(name, 64, "%s", seen.found->hosts[0].name);
	unsee(&seen);
	return name;
}

static void names(void **state)
{
	static const struct {
		const char *rules, *name;
		unsigned problems;
	} cases[] = {
		{"-A town-a -d 10.1.0.10\n-A town-a -s 10.1.0.10\n", "10.1.0.10", 0},
		{"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n", "alice", 0},
		{"-A town-a -d 10.1.0.10\n-A town-a -s 10.1.0.10 --comment alice\n", "alice", 0},
		{"-A town-a -s 10.1.0.10 --comment alice\n-A town-a -d 10.1.0.10 --comment alice\n", "alice", 0},
		/* They disagree: -d wins, wherever it stands, and people are told. */
		{"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10 --comment bob\n", "alice", 1},
		{"-A town-a -s 10.1.0.10 --comment bob\n-A town-a -d 10.1.0.10 --comment alice\n", "alice", 1},
		/* An empty comment is none. */
		{"-A town-a -d 10.1.0.10 --comment \"\"\n-A town-a -s 10.1.0.10 --comment bob\n", "bob", 0},
		/* 48 octets, and one more. */
		{"-A town-a -d 10.1.0.10 --comment 0123456789abcdef0123456789abcdef0123456789abcdef\n",
		 "0123456789abcdef0123456789abcdef0123456789abcdef", 0},
		{"-A town-a -d 10.1.0.10 --comment 0123456789abcdef0123456789abcdef0123456789abcdef0\n", "10.1.0.10", 1},
		/* What a manager could not read. */
		{"-A town-a -d 10.1.0.10 --comment \"a\tb\"\n", "10.1.0.10", 1},
		{"-A town-a -d 10.1.0.10 --comment \"caf\xe9\"\n", "10.1.0.10", 1},
		{"-A town-a -d 10.1.0.10 --comment \"caf\xc3\xa9 %s/1.2\"\n", "caf\xc3\xa9 %s/1.2", 0},
		{"-A town-a -d 10.1.0.10 --comment \"\x1b[2J\"\n-A town-a -s 10.1.0.10 --comment alice\n", "alice", 1},
		/* Our own comment on our own drops is no name, on a counting rule it is one. */
		{"-A town-a -d 10.1.0.10 --comment townmeter -j DROP\n-A town-a -d 10.1.0.10\n", "10.1.0.10", 0},
		{"-A town-a -d 10.1.0.10 --comment townmeter\n", "townmeter", 0},
		/* A drop is younger than the name. */
		{"-A town-a -d 10.1.0.10 --comment unpaid -j DROP\n-A town-a -s 10.1.0.10 --comment alice\n", "alice", 0},
		{"-A town-a -d 10.1.0.10 --comment alice -j DROP\n-A town-a -s 10.1.0.10 -j DROP\n", "alice", 0},
		{"-A town-a -d 10.1.0.10 --comment alice -j DROP\n-A town-a -s 10.1.0.10\n", "alice", 0},
		{"-A town-a -d 10.1.0.16/28\n", "10.1.0.16/28", 0},
	};
	char name[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(only_host(cases[i].rules, name, cases[i].problems), cases[i].name);
}

static const char *hint(void *context, const char *town, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	++*(int *)context;
	assert_string_equal(town, "town-a");
	return strcmp(prefix_format(prefix, text), "10.1.0.10") == 0 ? "alice" : NULL;
}

/* `-R town-a 1 -d 10.1.0.10 -j DROP` takes the comment away: the host keeps the name it had. */
static void names_that_are_remembered(void **state)
{
	int asked = 0;
	struct seen seen = see_with(TOWN "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10 -j DROP\n"
					 "-A town-a -d 10.1.0.11 -j DROP\n", NULL,
			&(struct recognise_names){.find = hint, .context = &asked});

	(void)state;
	seen_the_host(&seen, "town-a", "alice");
	seen_the_host(&seen, "town-a", "10.1.0.11");
	unsee(&seen);
	/* The name stood on the one rule that was replaced; a name that stands there is the name. */
	asked = 0;
	seen = see_with(TOWN "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10\n"
			     "-A town-a -d 10.1.0.12 --comment carol -j DROP\n", NULL,
			&(struct recognise_names){.find = hint, .context = &asked});
	seen_the_host(&seen, "town-a", "alice");
	seen_the_host(&seen, "town-a", "carol");
	assert_int_equal(asked, 1);
	unsee(&seen);
	/* Who took a counting rule's comment away meant it. */
	asked = 0;
	seen = see_with(TOWN "-A town-a -d 10.1.0.10\n-A town-a -s 10.1.0.10\n"
			     "-A town-a -d 10.1.0.10 -j DROP\n", NULL,
			&(struct recognise_names){.find = hint, .context = &asked});
	seen_the_host(&seen, "town-a", "10.1.0.10");
	assert_int_equal(asked, 0);
	unsee(&seen);
}

struct given {
	const char *prefix, *name;
};

static const char *configured(void *context, const char *town, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	assert_string_equal(town, "town-a");
	prefix_format(prefix, text);
	for (const struct given *given = context; given->prefix; given++)
		if (strcmp(text, given->prefix) == 0)
			return given->name;
	return NULL;
}

static void names_of_the_configuration(void **state)
{
	struct given given[] = {{"10.1.0.10", "alice"}, {"10.1.0.11", "alice"}, {"10.1.0.16/28", "carol"},
				{"2001:db8:a:10::/64", "alice"}, {NULL, NULL}};
	struct recognise_names names = {.find = configured, .context = given};
	int asked = 0;
	/* They come before comments, also those of drops, and before what is remembered. */
	struct seen seen = see_with(TOWN "-A town-a -d 10.1.0.10 --comment bob\n-A town-a -s 10.1.0.10 --comment eve\n"
					 "-A town-a -d 10.1.0.11 --comment \"a\tb\" -j DROP\n"
					 "-A town-a -d 10.1.0.16/28\n"
					 "-A town-a -d 10.1.0.17 --comment dave\n"
					 "-A town-a -s 10.1.0.18\n"
					 "*6\n:FORWARD ACCEPT\n:town-a\n"
					 "-A FORWARD -d 2001:db8:a::/48 -j town-a\n"
					 "-A town-a -d 2001:db8:a:10::/64 --comment bob\n",
				    &names, &(struct recognise_names){.find = hint, .context = &asked});

	(void)state;
	assert_int_equal(seen.found->n_hosts, 4);
	uint32_t alice = seen_host(&seen, "town-a", "alice");
	assert_int_equal(seen_address(&seen, "10.1.0.10")->host, alice);
	assert_int_equal(seen_address(&seen, "10.1.0.11")->host, alice);
	assert_int_equal(seen_address(&seen, "2001:db8:a:10::/64")->host, alice);
	seen_the_host(&seen, "town-a", "carol");
	seen_the_host(&seen, "town-a", "dave");
	seen_the_host(&seen, "town-a", "10.1.0.18");
	/* Whoever gave the name in the configuration need not hear of comments. */
	seen_no_problem(&seen);
	assert_int_equal(asked, 0);
	unsee(&seen);
	/* A name that can not be one is none. */
	given[0].name = "0123456789abcdef0123456789abcdef0123456789abcdef0";
	assert_int_equal(strlen(given[0].name), NAME_HOST_MAX + 1);
	given[1].name = "";
	seen = see_with(TOWN "-A town-a -d 10.1.0.10 --comment bob\n-A town-a -d 10.1.0.11\n", &names, NULL);
	seen_the_host(&seen, "town-a", "bob");
	seen_the_host(&seen, "town-a", "10.1.0.11");
	unsee(&seen);
}

static void one_host_of_several_prefixes(void **state)
{
	struct seen seen = see(TOWN "-A town-a -d 10.1.0.20 --comment alice\n"
				    "-A town-a -d 10.1.0.10 --comment alice\n"
				    "-A town-a -s 10.1.0.10\n"
				    "-A town-a -d 10.1.0.11 --comment Alice\n"
				    "*6\n:FORWARD ACCEPT\n:town-a\n"
				    "-A FORWARD -d 2001:db8:a::/48 -j town-a\n"
				    "-A town-a -d 2001:db8:a:10::/64 --comment alice\n"
				    "-A town-a -d 2001:db8:a:11::/64\n");
	uint32_t alice = seen_host(&seen, "town-a", "alice");

	(void)state;
	assert_int_equal(seen.found->n_towns, 1);
	assert_int_equal(seen.found->n_hosts, 3);
	assert_int_equal(seen.found->n_addresses, 5);
	assert_int_equal(seen_address(&seen, "10.1.0.20")->host, alice);
	assert_int_equal(seen_address(&seen, "10.1.0.10")->host, alice);
	assert_int_equal(seen_address(&seen, "2001:db8:a:10::/64")->host, alice);
	assert_int_not_equal(seen_address(&seen, "10.1.0.11")->host, alice);
	seen_the_host(&seen, "town-a", "2001:db8:a:11::/64");
	/* Each rule counts for its host. */
	assert_int_equal(seen_role(&seen, 6, "town-a", 1)->host, alice);
	assert_int_equal(seen_role(&seen, 4, "town-a", 3)->host, alice);
	seen_no_problem(&seen);
	unsee(&seen);
}

static void same_name_in_two_towns(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-b\n:town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -d 10.2.0.0/24 -j town-b\n"
			       "-A town-b -d 10.2.0.10 --comment alice\n-A town-a -d 10.1.0.10 --comment alice\n");

	(void)state;
	assert_int_equal(seen.found->n_hosts, 2);
	assert_int_not_equal(seen_host(&seen, "town-a", "alice"), seen_host(&seen, "town-b", "alice"));
	assert_int_equal(seen_role(&seen, 4, "town-b", 1)->host, seen_host(&seen, "town-b", "alice"));
	seen_no_problem(&seen);
	unsee(&seen);
}

/* The address table can name one owner: the first in the order of the rules; people are told. */
static void same_prefix_in_two_towns(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:town-b\n:town-a\n"
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -d 10.1.0.0/25 -j town-b\n"
			       "-A town-b -d 10.1.0.10 --comment bob\n"
			       "-A town-a -d 10.1.0.10 --comment alice\n-A town-a -d 10.1.0.9\n");

	(void)state;
	assert_int_equal(seen.found->n_hosts, 3);
	assert_int_equal(seen.found->n_addresses, 3);
	assert_int_equal(seen.found->n_by_prefix, 2);
	const struct found_address *first = &seen.found->addresses[seen.found->by_prefix[0]];
	const struct found_address *second = &seen.found->addresses[seen.found->by_prefix[1]];
	assert_string_equal(seen.found->hosts[first->host].name, "10.1.0.9");
	assert_string_equal(seen.found->hosts[second->host].name, "bob"); /* town-b's chain comes first */
	assert_int_equal(seen_problems(&seen, "10.1.0.10 belongs to bob in town-b and to alice in town-a"), 1);
	unsee(&seen);
}

/* A town's customer may have the very prefix of the town; a drop of it is the town's. */
static void host_with_its_towns_prefix(void **state)
{
	struct seen seen = see(TOWN "-A town-a -d 10.1.0.0/24 -j DROP\n"
				    "-A town-a -d 10.1.0.0/24 --comment everyone\n"
				    "-A town-a -s 10.1.0.0/24\n"
				    "-A town-a -d 10.1.0.10\n");

	(void)state;
	assert_int_equal(seen.found->n_hosts, 2);
	assert_int_equal(seen_role(&seen, 4, "town-a", 1)->kind, ROLE_TOWN_DROP);
	assert_int_equal(seen_role(&seen, 4, "town-a", 1)->host, RULE_NONE);
	assert_int_equal(seen_role(&seen, 4, "town-a", 2)->kind, ROLE_COUNT);
	const struct found_host *host = seen_the_host(&seen, "town-a", "everyone");
	assert_false(host->foreign);
	/* The drops of the host are of ROLE_HOST_DROP alone: it has none. */
	assert_int_equal(host->drops, DROPS_NONE);
	assert_int_equal(host->oper, OPER_PARTIAL);
	unsee(&seen);
	/* Without a counting rule it is no customer. */
	seen = see(TOWN "-A town-a -d 10.1.0.0/24 -j DROP\n-A town-a -s 10.1.0.0/24 --comment townmeter -j DROP\n");
	assert_int_equal(seen.found->n_hosts, 0);
	assert_int_equal(seen.found->n_addresses, 0);
	assert_int_equal(seen_role(&seen, 4, "town-a", 1)->kind, ROLE_TOWN_DROP);
	assert_int_equal(seen_role(&seen, 4, "town-a", 2)->kind, ROLE_TOWN_DROP);
	assert_true(seen_role(&seen, 4, "town-a", 2)->ours);
	unsee(&seen);
}

/* Customers without a name who are blocked by hand with one and the same comment stay two customers. */
static void a_drops_comment_joins_nobody(void **state)
{
	struct seen seen = see(TOWN "-A town-a -d 10.1.0.10 --comment unpaid -j DROP\n"
				    "-A town-a -d 10.1.0.11 --comment unpaid -j DROP\n"
				    "-A town-a -d 10.1.0.10\n-A town-a -s 10.1.0.10\n"
				    "-A town-a -d 10.1.0.11\n-A town-a -s 10.1.0.11\n");

	(void)state;
	assert_int_equal(seen.found->n_hosts, 2);
	unsee(&seen);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_exact_rules),
		cmocka_unit_test(down_and_up),
		cmocka_unit_test(second_rule_is_not_used),
		cmocka_unit_test(drops_have_numbers),
		cmocka_unit_test(late_drops),
		cmocka_unit_test(names),
		cmocka_unit_test(names_that_are_remembered),
		cmocka_unit_test(names_of_the_configuration),
		cmocka_unit_test(one_host_of_several_prefixes),
		cmocka_unit_test(same_name_in_two_towns),
		cmocka_unit_test(same_prefix_in_two_towns),
		cmocka_unit_test(host_with_its_towns_prefix),
		cmocka_unit_test(a_drops_comment_joins_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
