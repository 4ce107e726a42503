/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks, zeroing and bypasses in the tree that townmeter writes. */
#include <stdio.h>

#include "diversion.h"
#include "plan.h"
#include "seen.h"
#include "tree.h"

#define OURS " --comment townmeter -j DROP\n"
/* The tree with rules at the head of town-a's chain, and behind what counts it. */
#define WITH(head, tail) \
	":FORWARD ACCEPT\n" TREE_JUMP TREE_CHAINS TREE_CANARY TREE_DISPATCH head TREE_ENTRANCES_A tail TREE_ENTRANCES_B TREE_HOSTS

static void drops_ahead(void **state)
{
	struct seen seen = see(WITH("-A town-a -d 10.1.0.0/24" OURS "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS,
				    "-A town-a -d 10.1.0.17" OURS "-A town-a -d 10.1.0.16/28 -j DROP\n"));

	(void)state;
	seen_no_problem(&seen);
	const struct role *role = seen_role(&seen, 4, "town-a", 1);
	assert_int_equal(role->kind, ROLE_TOWN_DROP);
	assert_true(role->ours && role->layout && role->ahead);
	for (uint32_t i = 2; i <= 3; i++) {
		role = seen_role(&seen, 4, "town-a", i);
		assert_int_equal(role->kind, ROLE_HOST_DROP);
		assert_int_equal(role->host, seen_host(&seen, "town-a", "10.1.0.10"));
		assert_true(role->ahead && role->layout);
		assert_false(role->late || role->shadowed);
	}
	/* Behind the entrance: the town and the host were charged. */
	role = seen_role(&seen, 4, "town-a", 6);
	assert_int_equal(role->kind, ROLE_HOST_DROP);
	assert_true(role->late && role->layout);
	assert_false(role->ahead);
	/* Nobody's prefix: a host without a rule that counts it. */
	role = seen_role(&seen, 4, "town-a", 7);
	assert_false(role->late || role->ahead);
	assert_int_equal(seen_the_host(&seen, "town-a", "10.1.0.10")->oper, OPER_BLOCKED);
	assert_int_equal(seen_the_host(&seen, "town-a", "10.1.0.18")->oper, OPER_PARTIAL);
	assert_int_equal(seen_the_host(&seen, "town-b", "10.2.0.10")->oper, OPER_ALLOWED);
	assert_int_equal(seen_the_town(&seen, "town-a")->drops, DROPS_SOME);
	unsee(&seen);
}

/* Only an entrance that sees the packets counts them before. */
static void ahead_of_its_own_entrance(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-10.1.0.0/24\n:tm-d-10.3.0.0/24\n" TREE_JUMP
			       "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g town-a\n-A tm-d -d 10.3.0.0/24 -g town-a\n"
			       "-A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n-A town-a -d 10.3.0.1 -j DROP\n"
			       "-A town-a -s 10.1.0.1 -j DROP\n-A town-a -d 10.0.0.0/8 -j DROP\n"
			       "-A town-a -d 10.3.0.0/24 -j tm-d-10.3.0.0/24\n");

	(void)state;
	assert_true(seen_role(&seen, 4, "town-a", 2)->ahead);
	assert_true(seen_role(&seen, 4, "town-a", 3)->ahead);
	assert_false(seen_role(&seen, 4, "town-a", 4)->ahead);
	unsee(&seen);
}

/* Drops of ours leave their numbers to those that stood before: in the tree and in a hand-written chain apart. */
static void numbers(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm.town-a\n:tm-d-10.1.0.0/24\n:town-a\n" TREE_JUMP
			       "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			       "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n"
			       "-A tm.town-a -d 10.1.0.10" OURS "-A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
			       "-A tm-d-10.1.0.0/24 -d 10.1.0.10\n"
			       "-A town-a -d 10.1.0.10" OURS "-A town-a -d 10.1.0.10\n-A town-a -d 10.1.0.11" OURS
			       "-A tm-d-10.1.0.0/24 -d 10.1.0.11\n");
	const struct role *tree = seen_role(&seen, 4, "tm.town-a", 1), *hand = seen_role(&seen, 4, "town-a", 1);

	(void)state;
	assert_true(tree->layout && !hand->layout);
	assert_int_equal(tree->ordinal, 0);
	assert_int_equal(hand->ordinal, 0);
	/* What is dropped in the tree does not get to the rules that someone wrote behind it. */
	assert_true(tree->ahead && !tree->late);
	assert_false(hand->ahead || hand->late);
	/* But the tree counted what is dropped in the other chain. */
	assert_true(seen_role(&seen, 4, "town-a", 3)->late);
	unsee(&seen);
	/* And the other way round. */
	seen = see(":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm.town-a\n:tm-d-10.1.0.0/24\n:town-a\n"
		   "-A FORWARD -d 10.1.0.0/24 -j town-a\n" TREE_JUMP
		   "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n"
		   "-A tm.town-a -d 10.1.0.10" OURS "-A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
		   "-A town-a -d 10.1.0.10\n");
	tree = seen_role(&seen, 4, "tm.town-a", 1);
	assert_true(tree->late && !tree->ahead);
	unsee(&seen);
}

/* The jump leads packets nowhere: neither it nor blocks in the tree are ahead of anybody's rules. */
static void no_diversion(void **state)
{
	struct seen seen = see(WITH("-A town-a -d 10.1.0.0/24" OURS "-A town-a -d 10.1.0.10 -j DROP\n", "")
			       ":hand\n-A FORWARD\n-A FORWARD -d 10.9.0.0/24 -j hand\n-A hand -d 10.9.0.1\n");
	uint8_t *deciding = diversion_of_chains(seen.made.rules, seen.found->roles);

	(void)state;
	assert_int_equal(diversion_of_rule(seen.made.rules, deciding, made_rule(&seen.made, 4, "FORWARD", 1)), 0);
	free(deciding);
	seen_no_problem(&seen);
	assert_int_equal(seen_the_town(&seen, "hand")->bypass, RULE_NONE);
	unsee(&seen);
}

static void accept_ahead_of_the_jump(void **state)
{
	struct seen seen = see(":FORWARD ACCEPT\n:hand\n-A FORWARD -m conntrack -j ACCEPT\n" TREE_JUMP
			       "-A FORWARD -d 10.9.0.0/24 -j hand\n" TREE_CHAINS TREE_DISPATCH
			       "-A town-a -d 10.1.0.10" OURS "-A town-a -s 10.1.0.10" OURS
			       TREE_ENTRANCES_A TREE_ENTRANCES_B TREE_HOSTS);
	uint32_t rule = made_rule(&seen.made, 4, "FORWARD", 1);

	(void)state;
	assert_int_equal(seen_the_town(&seen, "town-a")->bypass, rule);
	assert_int_equal(seen_the_town(&seen, "town-b")->bypass, rule);
	assert_true(seen_the_town(&seen, "town-b")->slips[0][DIRECTION_UP]);
	assert_int_equal(seen_the_host(&seen, "town-a", "10.1.0.10")->oper, OPER_PARTIAL);
	/* One line for the tree, and one for what someone wrote. */
	assert_int_equal(seen.found->n_problems, 2);
	assert_int_equal(seen_problems(&seen, "rule 1 of FORWARD (match conntrack, target ACCEPT) ahead of the jump to "
					      "townmeter can accept packets of town-a and 1 more uncounted and unblocked: "
					      "'townmeter apply' moves the jump to the top"), 1);
	assert_int_equal(seen_problems(&seen, "ahead of the jumps to hand can accept"), 1);
	unsee(&seen);
	/* Nobody's packets, but the total's. */
	seen = see(":FORWARD ACCEPT\n-A FORWARD -d 10.3.0.0/24 -s 10.4.0.0/24 -j ACCEPT\n"
		   "-A FORWARD -d 10.2.0.0/30 -s 10.4.0.0/24 -j DROP\n" TREE_JUMP TREE);
	assert_int_equal(seen_the_town(&seen, "town-a")->bypass, RULE_NONE);
	assert_int_equal(seen_problems(&seen, "ahead of the jump to townmeter can drop packets of town-b uncounted: "), 1);
	assert_int_equal(seen_problems(&seen, "ahead of the jump to townmeter can decide on packets, which the total of "
					      "FORWARD then misses: 'townmeter apply'"), 1);
	assert_int_equal(seen.found->n_problems, 2);
	unsee(&seen);
}

static void accept_in_a_towns_chain(void **state)
{
	struct seen seen = see(WITH("-A town-a -d 10.1.0.10" OURS "-A town-a -i eth0 -j ACCEPT\n-A town-a -s 10.1.0.10" OURS, ""));

	(void)state;
	assert_int_equal(seen_the_town(&seen, "town-a")->bypass, made_rule(&seen.made, 4, "town-a", 2));
	assert_int_equal(seen_problems(&seen, "ahead of the rules that count town-a can accept its packets uncounted: move it"), 1);
	assert_false(seen_role(&seen, 4, "town-a", 1)->shadowed);
	assert_true(seen_role(&seen, 4, "town-a", 3)->shadowed);
	assert_false(seen_the_town(&seen, "town-a")->slips[0][DIRECTION_DOWN]);
	unsee(&seen);
}

/* The plan in words, one edit a line. */
static void plans(const char *rules, void (*command)(struct plan *, uint32_t), const char *host, const char *expected)
{
	static const char *const kinds[] = {"zero", "add", "delete", "insert"};
	struct seen seen = see(rules);
	struct plan plan;
	char text[2000] = "", *at = text, prefix[PREFIX_TEXT_SIZE];

	assert_int_equal(plan_begin(&plan, seen.made.rules, seen.found), 0);
	command(&plan, host ? seen_host(&seen, "town-a", host) : seen_town(&seen, "town-a"));
	assert_false(plan.failed);
	for (size_t i = 0; i < plan.n; i++) {
		const struct edit *edit = &plan.edits[i];
		at += sprintf(at, "%s %s+%u", kinds[edit->kind],
			      ruleset_text(seen.made.rules, seen.made.rules->chains[edit->chain].name),
			      edit->rule == RULE_NONE ? 0 : seen.made.rules->rules[edit->rule].number);
		if (edit->kind == EDIT_INSERT)
			at += sprintf(at, " -%c %s", edit->direction == DIRECTION_DOWN ? 'd' : 's',
				      prefix_format(&edit->prefix, prefix));
		at += sprintf(at, "\n");
	}
	assert_string_equal(text, expected);
	plan_free(&plan);
	unsee(&seen);
}

static void unblock_host(struct plan *plan, uint32_t host)
{
	plan_unblock_host(plan, host, false);
}

static void unblock_town(struct plan *plan, uint32_t town)
{
	plan_unblock_town(plan, town, false);
}

static void blocks_stand_at_the_head(void **state)
{
	(void)state;
	plans(WITH("", ""), plan_block_host, "10.1.0.17",
	      "insert town-a+1 -d 10.1.0.17\ninsert town-a+1 -s 10.1.0.17\n");
	plans(WITH("-A town-a -d 10.1.0.0/24" OURS, ""), plan_block_host, "10.1.0.17",
	      "insert town-a+2 -d 10.1.0.17\ninsert town-a+2 -s 10.1.0.17\n");
	plans(WITH("-A town-a -d 10.1.0.17" OURS, ""), plan_block_town, NULL,
	      "insert town-a+1 -d 10.1.0.0/24\ninsert town-a+1 -s 10.1.0.0/24\n");
	plans(WITH("-A town-a -d 10.1.0.17 -j DROP\n", ""), unblock_host, "10.1.0.17", "delete town-a+1\n");
	/* A drop of nobody's prefix is no rule that was replaced. */
	plans(WITH("-A town-a -d 10.1.0.99 -j DROP\n", ""), unblock_host, "10.1.0.99", "delete town-a+1\n");
	plans(WITH("-A town-a -d 10.1.0.0/24" OURS "-A town-a -s 10.1.0.0/24 -j DROP\n", ""), unblock_town, NULL,
	      "delete town-a+1\ndelete town-a+2\n");
}

/* Where someone wrote rules of the town, blocks go there; those that the tree has are lifted, too. */
static void beside_hand_written(void **state)
{
	static const char rules[] =
		":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm.town-a\n:tm-d-10.1.0.0/24\n:town-a\n" TREE_JUMP
		"-A FORWARD -d 10.1.0.0/24 -j town-a\n-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n"
		"-A tm.town-a -d 10.1.0.10" OURS "-A tm.town-a -d 10.1.0.0/24" OURS
		"-A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
		"-A tm-d-10.1.0.0/24 -d 10.1.0.10\n-A town-a -d 10.1.0.10\n-A town-a -d 10.1.0.11\n";

	(void)state;
	plans(rules, plan_block_host, "10.1.0.11", "insert town-a+1 -d 10.1.0.11\ninsert town-a+1 -s 10.1.0.11\n");
	plans(rules, unblock_host, "10.1.0.10", "delete tm.town-a+1\n");
	plans(rules, unblock_town, NULL, "delete tm.town-a+2\n");
}

static void zeroing(void **state)
{
	static const char services[] =
		":FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-10.1.0.0/24\n:tm-s-d-10.1.0.0/24\n:tm-s-d-10.1.0.10\n" TREE_JUMP
		"-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g town-a\n-A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
		"-A tm-d-10.1.0.0/24 -j tm-s-d-10.1.0.0/24\n-A tm-d-10.1.0.0/24 -d 10.1.0.10 -j tm-s-d-10.1.0.10\n"
		"-A tm-s-d-10.1.0.0/24 -j RETURN\n-A tm-s-d-10.1.0.10 -j RETURN\n";

	(void)state;
	plans(WITH("-A town-a -d 10.1.0.17" OURS, ""), plan_zero_host, "10.1.0.17",
	      "zero town-a+1\nzero tm-d-10.1.0.16/28+1\nzero tm-u-10.1.0.16/28+1\n");
	plans(WITH("-A town-a -d 10.1.0.17" OURS "-A town-a -j LOG\n", ""), plan_zero_town, NULL,
	      "zero town-a+3\nzero town-a+4\nzero town-a+1\nzero tm-d-10.1.0.0/24+2\nzero tm-u-10.1.0.0/24+2\n"
	      "zero tm-d-10.1.0.16/28+1\nzero tm-u-10.1.0.16/28+1\nzero tm-d-10.1.0.16/28+2\nzero tm-u-10.1.0.16/28+2\n");
	plans(services, plan_zero_host, "10.1.0.10", "zero tm-d-10.1.0.0/24+2\nzero tm-s-d-10.1.0.10+1\n");
	plans(services, plan_zero_town, NULL,
	      "zero town-a+1\nzero tm-s-d-10.1.0.0/24+1\nzero tm-d-10.1.0.0/24+2\nzero tm-s-d-10.1.0.10+1\n");
}

/* The jump into the tree is the total of FORWARD. */
static void zeroing_the_total(void **state)
{
	struct seen seen = see(WITH("", ""));
	struct plan plan;

	(void)state;
	assert_int_equal(plan_begin(&plan, seen.made.rules, seen.found), 0);
	plan_zero_total(&plan, HOOK_FORWARD);
	assert_int_equal(plan.n, 1);
	assert_int_equal(plan.edits[0].rule, made_rule(&seen.made, 4, "FORWARD", 1));
	plan_free(&plan);
	unsee(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_ahead),
		cmocka_unit_test(ahead_of_its_own_entrance),
		cmocka_unit_test(numbers),
		cmocka_unit_test(no_diversion),
		cmocka_unit_test(accept_ahead_of_the_jump),
		cmocka_unit_test(accept_in_a_towns_chain),
		cmocka_unit_test(blocks_stand_at_the_head),
		cmocka_unit_test(beside_hand_written),
		cmocka_unit_test(zeroing),
		cmocka_unit_test(zeroing_the_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
