/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which edits a command needs: no more and no fewer. */
#include "plan.h"

#include <stdio.h>

#include "seen.h"

#define TOWN ":FORWARD ACCEPT\n:town-a\n:town-b\n-A FORWARD\n-A FORWARD -d 10.1.0.0/24 -j town-a\n" \
	"-A FORWARD -s 10.1.0.0/24 -j town-a\n-A FORWARD -d 10.2.0.0/24 -j town-b\n"
#define ALICE "-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n"
#define OURS " --comment townmeter -j DROP\n"

struct bench {
	struct seen seen;
	struct plan plan;
};

static struct bench begin(const char *text)
{
	struct bench b = {.seen = see(text)};

	assert_int_equal(plan_begin(&b.plan, b.seen.made.rules, b.seen.found), 0);
	return b;
}

static void end(struct bench *b)
{
	assert_false(b->plan.failed);
	plan_free(&b->plan);
	unsee(&b->seen);
}

static uint32_t town(const struct bench *b, const char *name)
{
	return seen_town(&b->seen, name);
}

static uint32_t host(const struct bench *b, const char *name)
{
	uint32_t found = seen_host(&b->seen, "town-a", name);

	assert_int_not_equal(found, RULE_NONE);
	return found;
}

/* The plan in words, one edit a line; "town-a+0" is the end of town-a. */
static const char *words(const struct bench *b)
{
	static char text[4000];
	static const char *const kinds[] = {"zero", "add", "delete", "insert"};
	const struct ruleset *rules = b->seen.made.rules;
	char *at = text;

	*at = '\0';
	for (size_t i = 0; i < b->plan.n; i++) {
		const struct edit *edit = &b->plan.edits[i];
		const struct chain *chain = &rules->chains[edit->chain];
		char prefix[PREFIX_TEXT_SIZE];
		at += sprintf(at, "%s %s%s+%u", kinds[edit->kind], chain->family == 6 ? "v6 " : "",
			      ruleset_text(rules, chain->name), edit->rule == RULE_NONE ? 0 : rules->rules[edit->rule].number);
		if (edit->rule != RULE_NONE)
			assert_int_equal(rules->rules[edit->rule].chain, edit->chain);
		if (edit->kind == EDIT_INSERT)
			at += sprintf(at, " -%c %s %s '%s'", edit->direction == DIRECTION_DOWN ? 'd' : 's',
				      prefix_format(&edit->prefix, prefix),
				      edit->verdict == VERDICT_DROP ? "DROP" : "count", edit->comment ? edit->comment : "");
		assert_int_equal(edit->counter.packets, 0);
		assert_int_equal(edit->counter.octets, 0);
		at += sprintf(at, "\n");
	}
	return text;
}

static void says(const char *rules, void (*command)(struct plan *, uint32_t), const char *what, const char *expected)
{
	struct bench b = begin(rules);

	command(&b.plan, what ? host(&b, what) : town(&b, "town-a"));
	assert_string_equal(words(&b), expected);
	end(&b);
}

static void unblock_host(struct plan *plan, uint32_t id)
{
	plan_unblock_host(plan, id, false);
}

static void unblock_host_ours(struct plan *plan, uint32_t id)
{
	plan_unblock_host(plan, id, true);
}

static void unblock_town(struct plan *plan, uint32_t id)
{
	plan_unblock_town(plan, id, false);
}

static void unblock_town_ours(struct plan *plan, uint32_t id)
{
	plan_unblock_town(plan, id, true);
}

static void blocks_hosts(void **state)
{
	(void)state;
	says(TOWN ALICE, plan_block_host, "alice",
	     "insert town-a+1 -d 10.1.0.10 DROP 'townmeter'\ninsert town-a+1 -s 10.1.0.10 DROP 'townmeter'\n");
	/* Behind the town's own drops, ahead of everything else. */
	says(TOWN "-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.0/24 -j DROP\n-A town-a -j LOG\n" ALICE,
	     plan_block_host, "alice",
	     "insert town-a+3 -d 10.1.0.10 DROP 'townmeter'\ninsert town-a+3 -s 10.1.0.10 DROP 'townmeter'\n");
	/* Only what is missing. */
	says(TOWN ALICE "-A town-a -s 10.1.0.10 -j DROP\n", plan_block_host, "alice",
	     "insert town-a+1 -d 10.1.0.10 DROP 'townmeter'\n");
	says(TOWN "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE, plan_block_host, "alice", "");
	/* A drop that stands behind an ACCEPT is missing. */
	says(TOWN "-A town-a -j ACCEPT\n-A town-a -d 10.1.0.10 -j DROP\n" ALICE, plan_block_host, "alice",
	     "insert town-a+1 -d 10.1.0.10 DROP 'townmeter'\ninsert town-a+1 -s 10.1.0.10 DROP 'townmeter'\n");
	/* All prefixes, each in its chain. */
	says(TOWN ALICE "-A town-a -d 10.1.0.9 --comment alice\n-A town-a -d 10.1.0.11\n"
	     "*6\n:FORWARD ACCEPT\n:town-a\n-A FORWARD -d 2001:db8::/48 -j town-a\n"
	     "-A town-a -d 2001:db8:0:1::/64 --comment alice\n", plan_block_host, "alice",
	     "insert town-a+1 -d 10.1.0.9 DROP 'townmeter'\ninsert town-a+1 -s 10.1.0.9 DROP 'townmeter'\n"
	     "insert town-a+1 -d 10.1.0.10 DROP 'townmeter'\ninsert town-a+1 -s 10.1.0.10 DROP 'townmeter'\n"
	     "insert v6 town-a+1 -d 2001:db8:0:1::/64 DROP 'townmeter'\n"
	     "insert v6 town-a+1 -s 2001:db8:0:1::/64 DROP 'townmeter'\n");
}

static void unblocks_hosts(void **state)
{
	(void)state;
	says(TOWN ALICE, unblock_host, "alice", "");
	says(TOWN "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS ALICE, unblock_host, "alice",
	     "delete town-a+1\ndelete town-a+2\n");
	/* Also foreign ones, all of them; nobody else's, and not the town's. */
	says(TOWN "-A town-a -d 10.1.0.0/24 -j DROP\n-A town-a -d 10.1.0.10 -j DROP\n-A town-a -d 10.1.0.11 -j DROP\n"
	     ALICE "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -p tcp -d 10.1.0.10 -j DROP\n", unblock_host, "alice",
	     "delete town-a+2\ndelete town-a+6\n");
	says(TOWN "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10" OURS ALICE, unblock_host_ours, "alice",
	     "delete town-a+2\n");
}

/* The article's `-R town-a 1 -d 10.1.0.10 -j DROP` leaves no counting rule: one comes back in its place. */
static void puts_counting_rules_back(void **state)
{
	(void)state;
	says(TOWN "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10 --comment alice\n", unblock_host, "alice",
	     "insert town-a+1 -d 10.1.0.10 count 'alice'\ndelete town-a+1\n");
	/* With the comment that stands there, and none where the name is but the prefix. */
	says(TOWN "-A town-a -d 10.1.0.10 --comment alice -j DROP\n-A town-a -s 10.1.0.10 --comment alice -j DROP\n",
	     unblock_host, "alice",
	     "insert town-a+1 -d 10.1.0.10 count 'alice'\ndelete town-a+1\n"
	     "insert town-a+2 -s 10.1.0.10 count 'alice'\ndelete town-a+2\n");
	says(TOWN "-A town-a -d 10.1.0.10 -j DROP\n", unblock_host, "10.1.0.10",
	     "insert town-a+1 -d 10.1.0.10 count ''\ndelete town-a+1\n");
	/* One for each direction, however many drops. */
	says(TOWN "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -d 10.1.0.10 -j DROP\n", unblock_host, "10.1.0.10",
	     "insert town-a+1 -d 10.1.0.10 count ''\ndelete town-a+1\ndelete town-a+2\n");
	/* Not for drops of ours: those we put beside what stood. */
	says(TOWN "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10\n", unblock_host, "10.1.0.10", "delete town-a+1\n");
}

static void blocks_towns(void **state)
{
	(void)state;
	says(TOWN ALICE, plan_block_town, NULL,
	     "insert town-a+1 -d 10.1.0.0/24 DROP 'townmeter'\ninsert town-a+1 -s 10.1.0.0/24 DROP 'townmeter'\n");
	/* An empty chain; one drop a jump, in the chain that it leads to. */
	says(":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.3.0.0/24 -j town-a\n"
	     "*6\n:FORWARD ACCEPT\n:town-a\n-A FORWARD -d 2001:db8::/48 -j town-a\n-A town-a -d 2001:db8::1\n",
	     plan_block_town, NULL,
	     "insert town-a+0 -d 10.1.0.0/24 DROP 'townmeter'\ninsert town-a+0 -s 10.3.0.0/24 DROP 'townmeter'\n"
	     "insert v6 town-a+1 -d 2001:db8::/48 DROP 'townmeter'\n");
	/* Only what is missing: a drop of the other direction is not the one. */
	says(TOWN "-A town-a -s 10.1.0.0/24 -j DROP\n" ALICE, plan_block_town, NULL,
	     "insert town-a+1 -d 10.1.0.0/24 DROP 'townmeter'\n");
	says(TOWN "-A town-a -j ACCEPT\n-A town-a -s 10.1.0.0/24 -j DROP\n", plan_block_town, NULL,
	     "insert town-a+1 -d 10.1.0.0/24 DROP 'townmeter'\ninsert town-a+1 -s 10.1.0.0/24 DROP 'townmeter'\n");
}

static void unblocks_towns(void **state)
{
	static const char rules[] = TOWN "-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.0/24 -j DROP\n"
				    "-A town-a -d 10.1.0.10" OURS ALICE;

	(void)state;
	/* A host's block stays. */
	says(rules, unblock_town, NULL, "delete town-a+1\ndelete town-a+2\n");
	says(rules, unblock_town_ours, NULL, "delete town-a+1\n");
	says(TOWN ALICE, unblock_town, NULL, "");
}

static void zeroes(void **state)
{
	static const char rules[] = TOWN "-A town-a -d 10.1.0.0/24" OURS "-A town-a -d 10.1.0.10" OURS
				    "-A town-a -p tcp\n" ALICE "-A town-a -d 10.1.0.11\n-A town-b -d 10.2.0.10\n";

	(void)state;
	says(rules, plan_zero_host, "alice", "zero town-a+2\nzero town-a+4\nzero town-a+5\n");
	/* The town with all its hosts and drops, not what is nobody's. */
	says(rules, plan_zero_town, NULL,
	     "zero FORWARD+2\nzero FORWARD+3\nzero town-a+1\nzero town-a+2\nzero town-a+4\nzero town-a+5\nzero town-a+6\n");
	struct bench b = begin(":INPUT ACCEPT\n" TOWN "*6\n:INPUT ACCEPT\n:FORWARD ACCEPT\n-A FORWARD\n-A FORWARD\n");
	plan_zero_total(&b.plan, HOOK_FORWARD);
	assert_string_equal(words(&b), "zero FORWARD+1\nzero v6 FORWARD+1\n");
	plan_zero_total(&b.plan, HOOK_INPUT);
	plan_zero_total(&b.plan, HOOK_OUTPUT);
	assert_string_equal(words(&b), "zero FORWARD+1\nzero v6 FORWARD+1\nzero INPUT+1\nzero v6 INPUT+1\n");
	end(&b);
}

/* Commands of one request that concern the same rules touch each only once. */
static void nothing_twice(void **state)
{
	struct bench b = begin(TOWN "-A town-a -d 10.1.0.10 -j DROP\n" ALICE);

	(void)state;
	plan_unblock_host(&b.plan, host(&b, "alice"), false);
	plan_unblock_host(&b.plan, host(&b, "alice"), false);
	plan_zero_town(&b.plan, town(&b, "town-a"));
	plan_zero_town(&b.plan, town(&b, "town-a"));
	plan_zero_host(&b.plan, host(&b, "alice"));
	/* A rule that goes needs no zero. */
	assert_string_equal(words(&b), "delete town-a+1\nzero FORWARD+2\nzero FORWARD+3\nzero town-a+2\nzero town-a+3\n");
	end(&b);
}

static void hosts_that_only_go_with_their_town(void **state)
{
	struct bench b = begin(TOWN ALICE "-A town-a -d 10.1.0.0/24 --comment all\n-A town-a -s 10.1.0.0/25 --comment half\n"
			       "-A town-a -d 10.1.0.12 --comment two\n-A town-a -s 10.1.0.0/24 --comment two\n");

	(void)state;
	assert_true(plan_can_block_host(b.seen.made.rules, b.seen.found, host(&b, "alice")));
	assert_true(plan_can_block_host(b.seen.made.rules, b.seen.found, host(&b, "half")));
	assert_false(plan_can_block_host(b.seen.made.rules, b.seen.found, host(&b, "all")));
	end(&b);
	plan_free(&(struct plan){0});
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_hosts),
		cmocka_unit_test(unblocks_hosts),
		cmocka_unit_test(puts_counting_rules_back),
		cmocka_unit_test(blocks_towns),
		cmocka_unit_test(unblocks_towns),
		cmocka_unit_test(zeroes),
		cmocka_unit_test(nothing_twice),
		cmocka_unit_test(hosts_that_only_go_with_their_town),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
