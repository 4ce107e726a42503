/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules go with a change, and which of them get a drain: after removals that a kill cut off, too. */
#include "nft_removal.h"

#include <stdio.h>

#include "make.h"

static const char router[] =
	":FORWARD ACCEPT\n:town-a\n:town-b\n:townmeter-drain-0\n:townmeter-drain-1\n"
	"-A FORWARD -d 10.1.0.0/24 -j town-a\n"
	"-A town-a -d 10.1.0.10 -j townmeter-drain-0\n"
	"-A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
	"-A town-a -s 10.1.0.10 --comment townmeter -j DROP\n"
	"-A town-a -d 10.1.0.10\n"
	"-A town-b -d 10.1.0.10 --comment townmeter -j DROP\n"
	"-A townmeter-drain-0 -d 10.1.0.10 -j DROP\n";

struct bench {
	struct made made;
	struct nft_reading reading;
	struct nft_removals removals;
	struct edit edits[4];
	size_t n;
};

/* The lists as nft_chains.h and nft_rules.c give them. */
static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->made = make(router);
	struct ruleset *rules = b->made.rules;
	b->reading = (struct nft_reading){.rules = rules, .counters = b->made.counters};
	b->reading.chains.n = rules->n_chains;
	b->reading.chains.chains = calloc(rules->n_chains, sizeof *b->reading.chains.chains);
	b->reading.known = calloc(rules->n_rules, sizeof *b->reading.known);
	for (uint32_t c = 0; c < rules->n_chains; c++)
		b->reading.chains.chains[c] = (struct nft_chain){
			.name = (char *)(uintptr_t)ruleset_text(rules, rules->chains[c].name), .family = 4,
			.hook = rules->chains[c].hook};
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		struct rule *rule = &rules->rules[i];
		b->reading.known[i].handle = 100 - i;
		if (rule->verdict != VERDICT_JUMP || !nft_drain_is(ruleset_text(rules, rules->chains[rule->jump].name)))
			continue;
		rule->verdict = VERDICT_DROP;
		rule->target = rules->chains[rule->jump].name;
		rule->comment = ruleset_add_text(rules, RULE_COMMENT);
	}
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	nft_removal_free(&b->removals);
	free(b->reading.chains.chains);
	free(b->reading.known);
	made_free(&b->made);
	free(b);
	return 0;
}

static uint32_t rule(const struct bench *b, const char *chain, uint32_t number)
{
	return made_rule(&b->made, 4, chain, number);
}

static struct edit *delete(struct bench *b, const char *chain, uint32_t number)
{
	b->edits[b->n] = (struct edit){.kind = EDIT_DELETE, .rule = rule(b, chain, number)};
	return &b->edits[b->n++];
}

static void plan(struct bench *b)
{
	assert_int_equal(nft_removal_plan(&b->removals, &b->reading, NULL, b->edits, b->n), 0);
	for (size_t i = 1; i < b->removals.n; i++)
		assert_true(b->removals.list[i - 1].handle < b->removals.list[i].handle);
}

static const struct nft_removal *found(const struct bench *b, uint32_t wanted)
{
	for (size_t i = 0; i < b->removals.n; i++)
		if (b->removals.list[i].rule == wanted)
			return &b->removals.list[i];
	fail_msg("rule %u does not go", wanted);
	return NULL;
}

/* The jump goes with the drop behind it, and only one of them needs a drain, of a name that is free. */
static void with_the_drop_behind_it(void **state)
{
	struct bench *b = *state;
	const struct edit *jump = delete(b, "town-a", 1), *drop = delete(b, "town-a", 2);

	plan(b);
	assert_int_equal(b->removals.n, 2);
	assert_int_equal(b->removals.n_drains, 1);
	assert_string_equal(found(b, jump->rule)->drain, "townmeter-drain-2");
	assert_string_equal(found(b, drop->rule)->drain, "");
	assert_ptr_equal(found(b, jump->rule)->edit, jump);
	assert_ptr_equal(found(b, drop->rule)->edit, drop);
}

/* Who deletes the drop alone gets the count of the jump as well. */
static void with_the_drop_alone(void **state)
{
	struct bench *b = *state;
	struct edit *drop = delete(b, "town-a", 2);
	uint32_t jump = rule(b, "town-a", 1);

	plan(b);
	assert_int_equal(b->removals.n, 2);
	assert_int_equal(b->removals.n_drains, 1);
	assert_ptr_equal(found(b, jump)->edit, drop);
	assert_string_equal(found(b, jump)->drain, "townmeter-drain-2");
	assert_ptr_equal(nft_removal_of(&b->removals, jump), drop);
	assert_int_equal(nft_removal_successor(&b->removals, jump), b->reading.known[jump].handle);
}

/* With changes that have nothing to do with it: a drop takes its place. */
static void with_something_else(void **state)
{
	struct bench *b = *state;
	uint32_t jump = rule(b, "town-a", 1), other = delete(b, "town-a", 3)->rule, far = delete(b, "town-b", 1)->rule;

	plan(b);
	assert_int_equal(b->removals.n, 3);
	assert_int_equal(b->removals.n_drains, 2);
	assert_null(found(b, jump)->edit);
	assert_string_equal(found(b, jump)->drain, "");
	assert_string_equal(found(b, other)->drain, "townmeter-drain-2");
	assert_string_equal(found(b, far)->drain, "townmeter-drain-3");
	/* A zero of the jump is one of what takes its place. */
	b->removals.list[found(b, jump) - b->removals.list].drop = 7;
	assert_int_equal(nft_removal_successor(&b->removals, jump), 7);
	assert_int_equal(nft_removal_successor(&b->removals, other), b->reading.known[other].handle);
}

static void with_an_insert(void **state)
{
	struct bench *b = *state;

	b->edits[b->n++] = (struct edit){.kind = EDIT_INSERT, .rule = rule(b, "town-b", 1)};
	plan(b);
	assert_int_equal(b->removals.n, 1);
	assert_null(found(b, rule(b, "town-a", 1))->edit);
}

/* Not with what changes no rules, nor with the other table. */
static void with_nothing(void **state)
{
	struct bench *b = *state;

	b->edits[b->n++] = (struct edit){.kind = EDIT_ZERO, .rule = rule(b, "town-a", 1)};
	plan(b);
	assert_int_equal(b->removals.n, 0);
	nft_removal_free(&b->removals);
	b->n = 0;
	const struct edit *far = delete(b, "town-b", 1);
	b->made.rules->chains[b->made.rules->rules[far->rule].chain].family = 6;
	plan(b);
	assert_int_equal(b->removals.n, 1);
	assert_int_equal(b->removals.n_drains, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(with_the_drop_behind_it, start, stop),
		cmocka_unit_test_setup_teardown(with_the_drop_alone, start, stop),
		cmocka_unit_test_setup_teardown(with_something_else, start, stop),
		cmocka_unit_test_setup_teardown(with_an_insert, start, stop),
		cmocka_unit_test_setup_teardown(with_nothing, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
