/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edits of both backends: who gets which. */
#include "backends_private.h"

#include "both.h"

static const char nft[] = ":FORWARD ACCEPT\n:town-a -\n:town-n -\n"
			  "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			  "-A FORWARD -d 10.7.0.0/24 -j town-n\n"
			  "-A town-a -d 10.1.0.10/32\n"
			  "-A town-a -d 10.1.0.11/32 -m comment --comment townmeter -j DROP\n"
			  "-A town-a -s 10.1.0.12/32 -j DROP\n"
			  "-A town-n -d 10.7.0.10/32\n";
static const char legacy[] = ":FORWARD ACCEPT\n:town-a -\n:town-n -\n"
			     "-A FORWARD -d 10.1.0.0/24 -j town-a\n"
			     "-A town-a -d 10.1.0.11/32 -j DROP\n"
			     "-A town-a -d 10.1.0.11/32 -m comment --comment townmeter -j DROP\n"
			     "-A town-a -s 10.1.0.12/32 -j DROP\n"
			     "-A town-a -d 10.1.0.12/32 -j DROP\n"
			     "-A town-a -d 10.1.0.13/32 -m comment --comment townmeter -j DROP\n"
			     "-A town-n -d 10.7.0.10/32\n";

static int start(void **state)
{
	struct backend *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->merged = both(nft, legacy);
	b->used[0] = b->used[1] = true;
	b->first_chain[CHAIN_LEGACY] = both_chain(b->merged, CHAIN_LEGACY, "FORWARD");
	b->first_rule[CHAIN_LEGACY] = both_rule(b->merged, CHAIN_LEGACY, "FORWARD", 1);
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct backend *b = *state;

	ruleset_free(b->merged);
	free(b);
	return 0;
}

static struct edit edit_of(const struct backend *b, enum edit_kind kind, enum chain_backend backend, const char *chain,
			   uint32_t number)
{
	return (struct edit){.kind = kind,
			     .rule = number ? both_rule(b->merged, backend, chain, number) : RULE_NONE,
			     .chain = both_chain(b->merged, backend, chain)};
}

static void goes_where_its_rule_stands(void **state)
{
	struct backend *b = *state;
	struct edit edits[] = {edit_of(b, EDIT_ZERO, CHAIN_LEGACY, "town-a", 2),
			       edit_of(b, EDIT_ZERO, CHAIN_NFT, "town-a", 1),
			       edit_of(b, EDIT_INSERT, CHAIN_LEGACY, "town-n", 0)};
	struct backends_share share;

	assert_int_equal(backends_share_make(&share, b, CHAIN_NFT, edits, 3), 0);
	assert_int_equal(share.n, 1);
	assert_int_equal(share.edits[0].rule, edits[1].rule);
	share.edits[0].counter.packets = 5;
	share.edits[0].kept = true;
	backends_share_return(&share, edits);
	assert_int_equal(edits[1].counter.packets, 5);
	assert_true(edits[1].kept);
	backends_share_free(&share);
	assert_int_equal(backends_share_make(&share, b, CHAIN_LEGACY, edits, 3), 0);
	assert_int_equal(share.n, 2);
	assert_int_equal(share.edits[0].rule, edits[0].rule - b->first_rule[CHAIN_LEGACY]);
	assert_int_equal(share.edits[1].rule, RULE_NONE);
	assert_int_equal(share.edits[1].chain, edits[2].chain - b->first_chain[CHAIN_LEGACY]);
	backends_share_free(&share);
}

/* The drops of a town that stands in both. */
static void mirrors_drops(void **state)
{
	struct backend *b = *state;
	struct edit edits[] = {edit_of(b, EDIT_INSERT, CHAIN_NFT, "town-a", 1), edit_of(b, EDIT_INSERT, CHAIN_NFT, "town-a", 1),
			       edit_of(b, EDIT_INSERT, CHAIN_NFT, "town-a", 1), edit_of(b, EDIT_INSERT, CHAIN_NFT, "town-n", 1)};
	struct backends_share share;
	uint32_t first = both_rule(b->merged, CHAIN_LEGACY, "town-a", 1) - b->first_rule[CHAIN_LEGACY];

	for (int i = 0; i < 4; i++) {
		edits[i].prefix = make_prefix(i == 3 ? "10.7.0.10" : "10.1.0.10");
		edits[i].verdict = VERDICT_DROP;
		edits[i].direction = i == 1 ? DIRECTION_UP : DIRECTION_DOWN;
		edits[i].comment = RULE_COMMENT;
	}
	/* A counting rule is for the one that is read; and one drop of ours is enough. */
	edits[2].verdict = VERDICT_NONE;
	assert_int_equal(backends_share_make(&share, b, CHAIN_LEGACY, edits, 4), 0);
	assert_int_equal(share.n, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(share.edits[i].kind, EDIT_INSERT);
		assert_int_equal(share.edits[i].rule, first);
		assert_int_equal(share.edits[i].direction, edits[i].direction);
		assert_int_equal(share.from[i], SIZE_MAX);
	}
	backends_share_return(&share, edits);
	backends_share_free(&share);
	edits[0].prefix = make_prefix("10.1.0.13");
	assert_int_equal(backends_share_make(&share, b, CHAIN_LEGACY, edits, 1), 0);
	assert_int_equal(share.n, 0);
	backends_share_free(&share);
	/* town-n of iptables-legacy is a chain that nothing enters. */
}

static void mirrors_removals(void **state)
{
	struct backend *b = *state;
	struct edit edits[] = {edit_of(b, EDIT_DELETE, CHAIN_NFT, "town-a", 2), edit_of(b, EDIT_DELETE, CHAIN_NFT, "town-a", 3),
			       edit_of(b, EDIT_DELETE, CHAIN_NFT, "town-a", 3), edit_of(b, EDIT_DELETE, CHAIN_NFT, "town-a", 1)};
	struct backends_share share;
	uint32_t first = both_rule(b->merged, CHAIN_LEGACY, "town-a", 1) - b->first_rule[CHAIN_LEGACY];

	assert_int_equal(backends_share_make(&share, b, CHAIN_LEGACY, edits, 4), 0);
	/* With ours goes ours, with someone else's all of the same prefix and direction, each once. */
	assert_int_equal(share.n, 2);
	assert_int_equal(share.edits[0].kind, EDIT_DELETE);
	assert_int_equal(share.edits[0].rule, first + 1);
	assert_int_equal(share.edits[1].rule, first + 2);
	backends_share_free(&share);
}

/* What a layout is made of goes where its edits say, and to no other. */
static void layouts(void **state)
{
	struct backend *b = *state;
	struct prefix town = make_prefix("10.1.0.0/24"), host = make_prefix("10.1.0.10");
	struct edit edits[] = {
		{.kind = EDIT_CHAIN, .chain = RULE_NONE, .rule = RULE_NONE, .name = "tm-d", .backend = CHAIN_LEGACY, .family = 4},
		{.kind = EDIT_INSERT, .chain = RULE_NONE, .rule = RULE_NONE, .name = "tm-d", .backend = CHAIN_LEGACY,
		 .family = 4, .prefix = host, .verdict = VERDICT_DROP},
		{.kind = EDIT_CHAIN, .chain = RULE_NONE, .rule = RULE_NONE, .name = "tm-d", .backend = CHAIN_NFT, .family = 4},
		{.kind = EDIT_INSERT, .chain = RULE_NONE, .rule = RULE_NONE, .name = "town-a", .backend = CHAIN_NFT,
		 .family = 4, .prefix = host, .verdict = VERDICT_DROP},
		edit_of(b, EDIT_DELETE_CHAIN, CHAIN_LEGACY, "town-a", 0),
		edit_of(b, EDIT_DELETE_CHAIN, CHAIN_NFT, "town-a", 0),
		edit_of(b, EDIT_INSERT, CHAIN_NFT, "town-a", 1),
		edit_of(b, EDIT_INSERT, CHAIN_NFT, "town-a", 1)};
	struct backends_share share;

	/* A zeroed index of a rule says nothing there. */
	edits[4].rule = edits[5].rule = 0;
	/* Drops of two prefixes, or with ports, are no blocks. */
	for (int i = 6; i < 8; i++) {
		edits[i].prefix = host;
		edits[i].verdict = VERDICT_DROP;
	}
	edits[6].other = town;
	edits[7].ports = (struct ports){.protocol = 6, .last = PORTS_LAST};
	assert_int_equal(backends_share_make(&share, b, CHAIN_LEGACY, edits, 8), 0);
	assert_int_equal(share.n, 3);
	assert_int_equal(share.from[0], 0);
	assert_int_equal(share.from[1], 1);
	assert_int_equal(share.edits[1].chain, RULE_NONE);
	assert_string_equal(share.edits[1].name, "tm-d");
	assert_int_equal(share.from[2], 4);
	assert_int_equal(share.edits[2].chain, edits[4].chain - b->first_chain[CHAIN_LEGACY]);
	backends_share_free(&share);
	assert_int_equal(backends_share_make(&share, b, CHAIN_NFT, edits, 8), 0);
	assert_int_equal(share.n, 5);
	assert_int_equal(share.edits[2].chain, edits[5].chain);
	backends_share_free(&share);
	/* With one backend alone, edits may name the other one all the same: nobody takes that for its own. */
	b->used[CHAIN_NFT] = false;
	assert_int_equal(backends_part(b, &edits[2]), CHAIN_NFT);
	assert_int_equal(backends_part(b, &edits[4]), CHAIN_LEGACY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(goes_where_its_rule_stands, start, stop),
		cmocka_unit_test_setup_teardown(mirrors_drops, start, stop),
		cmocka_unit_test_setup_teardown(mirrors_removals, start, stop),
		cmocka_unit_test_setup_teardown(layouts, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
