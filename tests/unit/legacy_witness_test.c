/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a crash leaves of a change, stage by stage, on tables that stand for the kernel's. */
#include "legacy_witness.h"

#include <errno.h>
#include <stdlib.h>

#include "block.h"
#include "legacy_rules.h"
#include "legacy_sort.h"

static const char router[] =
	":INPUT ACCEPT [7:700]\n:FORWARD DROP [3:300]\n:OUTPUT ACCEPT [0:0]\n:town-a\n"
	"[90:9000] -A FORWARD\n[60:6000] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
	"[5:500] -A town-a -d 10.1.0.10 -j DROP\n[40:4000] -A town-a -d 10.1.0.10 --comment alice\n"
	"[20:2000] -A town-a -d 10.1.0.11\n";
/* After the edits below; the counters are those that the new table gets. */
static const char changed[] =
	":INPUT ACCEPT [7:700]\n:FORWARD DROP [3:300]\n:OUTPUT ACCEPT [0:0]\n:town-a\n"
	"[90:9000] -A FORWARD\n[61:6100] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
	"[9:900] -A town-a -s 10.1.0.12 --comment townmeter -j DROP\n[0:0] -A town-a -d 10.1.0.10 --comment alice\n"
	"[20:2000] -A town-a -d 10.1.0.11\n";

enum { FORWARD_JUMP = 2, DROP = 5, ALICE }; /* rules of `router`, from 0; policies are among them */

struct bench {
	struct made made;
	struct legacy_table table, after;
	struct legacy_edition edition;
	struct legacy_witness witness;
	struct edit edits[4];
	struct legacy_change changes[4];
	struct intent intent;
};

static void add(struct legacy_table *table, const struct xt_counters_info *more)
{
	size_t offset = 0;

	assert_int_equal(more->num_counters, table->info.num_entries);
	for (unsigned i = 0; i < more->num_counters; i++) {
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
		entry.counters->pcnt += more->counters[i].pcnt;
		entry.counters->bcnt += more->counters[i].bcnt;
		offset += entry.next_offset;
	}
}

static void clear(struct legacy_table *table)
{
	for (size_t i = 0, offset = 0; i < table->info.num_entries; i++) {
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
		*entry.counters = (struct xt_counters){0};
		offset += entry.next_offset;
	}
}

/* The counters of rules and policies are those of the text, plus `more` on each. */
static void has_counters(struct legacy_table *table, const char *text, uint64_t more)
{
	struct made expected = make(text);
	struct legacy_index index = {NULL, NULL};
	struct ruleset *rules = ruleset_new();

	assert_int_equal(legacy_rules_add(rules, table, &index), 0);
	block_same_rules(rules, expected.rules);
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, index.rules[i].offset);
		assert_int_equal(entry.counters->pcnt, expected.counters[i].packets + more);
		assert_int_equal(entry.counters->bcnt, expected.counters[i].octets + more);
	}
	free(index.rules);
	free(index.ends);
	ruleset_free(rules);
	made_free(&expected);
}

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	struct legacy_index index = {NULL, NULL};
	struct ruleset *rules = ruleset_new();

	assert_non_null(b);
	b->made = make(router);
	b->table = block_of(&b->made, 4);
	legacy_witness_of(&b->table)->pcnt = 17;
	assert_int_equal(legacy_rules_add(rules, &b->table, &index), 0);
	b->edits[0] = (struct edit){.kind = EDIT_ADD, .rule = FORWARD_JUMP, .counter = {1, 100}};
	b->edits[1] = (struct edit){.kind = EDIT_DELETE, .rule = DROP};
	b->edits[2] = (struct edit){.kind = EDIT_INSERT, .rule = ALICE, .prefix = make_prefix("10.1.0.12"),
				    .direction = DIRECTION_UP, .verdict = VERDICT_DROP, .comment = RULE_COMMENT,
				    .counter = {9, 900}};
	b->edits[3] = (struct edit){.kind = EDIT_ZERO, .rule = ALICE};
	for (int i = 0; i < 4; i++) {
		assert_int_equal(index.rules[b->edits[i].rule].family, 4);
		b->changes[i] = (struct legacy_change){.edit = &b->edits[i],
						       .entry = index.rules[b->edits[i].rule].entry};
	}
	unsigned char *room = malloc(legacy_edition_size(&b->table, b->changes + 1, 2));
	assert_non_null(room);
	assert_int_equal(legacy_edition_make(&b->edition, room, &b->table, b->changes + 1, 2), 0);
	b->after = (struct legacy_table){.family = 4, .socket = -1, .info = b->edition.info, .present = true,
					 .entries = b->edition.entries};
	legacy_witness_pick(&b->witness, &b->table);
	assert_int_equal(legacy_witness_note(&b->intent, &b->table, &b->witness, b->changes, 4), 0);
	assert_int_equal(b->intent.n_steps, 1);
	free(index.rules);
	free(index.ends);
	ruleset_free(rules);
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	free(b->intent.data);
	free(b->edition.entries);
	legacy_edition_free(&b->edition);
	block_free(&b->table);
	made_free(&b->made);
	free(b);
	return 0;
}

/* Judges, and carries out the rescue that this asks for. */
static int settle(const struct bench *b, struct legacy_table *table, bool rescued)
{
	struct xt_counters_info *rescue;
	struct legacy_note note;
	size_t offset = 0;

	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 1);
	int outcome = legacy_witness_judge(&note, table, &rescue);
	assert_int_equal(rescue != NULL, rescued);
	if (rescue)
		add(table, rescue);
	free(rescue);
	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 0);
	return outcome;
}

static void numbers_differ(void **state)
{
	struct bench *b = *state;
	struct legacy_witness w, next;

	legacy_witness_pick(&w, &b->table);
	assert_int_equal(w.before.pcnt, 17);
	assert_true(w.after.pcnt > b->witness.after.pcnt);
	/* Cleared by another program: the number before is one that nothing else leaves. */
	*legacy_witness_of(&b->table) = (struct xt_counters){0};
	legacy_witness_pick(&next, &b->table);
	assert_true(next.before.pcnt > w.after.pcnt && next.after.pcnt > next.before.pcnt);
	/* A clock that was set back. */
	*legacy_witness_of(&b->table) = (struct xt_counters){.pcnt = UINT64_MAX / 4, .bcnt = 1};
	legacy_witness_pick(&next, &b->table);
	assert_int_equal(next.after.pcnt, UINT64_MAX / 4 + 1);
}

static void before_it_and_after_it(void **state)
{
	struct bench *b = *state;

	assert_int_equal(settle(b, &b->table, false), STEP_NOT_DONE);
	has_counters(&b->table, router, 0);
	*legacy_witness_of(&b->after) = b->witness.after;
	assert_int_equal(settle(b, &b->after, false), STEP_DONE);
}

static void between_the_two_calls(void **state)
{
	struct bench *b = *state;

	clear(&b->after);
	legacy_witness_mark(&b->after, &b->witness, LEGACY_MARK_CHANGE);
	assert_int_equal(settle(b, &b->after, true), STEP_RESCUED);
	has_counters(&b->after, changed, 0);
	/* Again: it was done, and is not done twice. */
	assert_int_equal(settle(b, &b->after, false), STEP_RESCUED);
	has_counters(&b->after, changed, 0);
}

/* What rules counted since stays, even where that is more than before. */
static void traffic_before_the_rescue(void **state)
{
	struct bench *b = *state;
	struct xt_counters_info *more = legacy_counters_new(b->after.info.num_entries);

	clear(&b->after);
	legacy_witness_mark(&b->after, &b->witness, LEGACY_MARK_CHANGE);
	for (unsigned i = 0; i + 1 < more->num_counters; i++)
		more->counters[i] = (struct xt_counters){800, 800};
	add(&b->after, more);
	free(more);
	assert_int_equal(settle(b, &b->after, true), STEP_RESCUED);
	has_counters(&b->after, changed, 800);
}

/* Another program replaced the table after us, and kept its counters: it is what it should be. */
static void a_foreign_commit_behind_it(void **state)
{
	struct bench *b = *state;
	struct made made = make(changed);
	struct legacy_table table = block_of(&made, 4);

	assert_int_equal(settle(b, &table, false), STEP_DONE);
	/* With another rule in it, it tells nothing. */
	struct xt_counters_info *rescue;
	struct legacy_note note;
	size_t offset = 0;
	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 1);
	note.new_print++;
	assert_int_equal(legacy_witness_judge(&note, &table, &rescue), STEP_UNKNOWN);
	assert_null(rescue);
	/* Not by the mark alone. */
	legacy_witness_mark(&table, &b->witness, LEGACY_MARK_CHANGE);
	note.witness = b->witness;
	assert_int_equal(legacy_witness_judge(&note, &table, &rescue), STEP_UNKNOWN);
	assert_null(rescue);
	/* Nor by that of another change. */
	struct legacy_witness other = {.after = {b->witness.after.pcnt + 1, 1}};
	legacy_witness_mark(&table, &other, LEGACY_MARK_CHANGE);
	assert_int_equal(settle(b, &table, false), STEP_DONE);
	legacy_witness_mark(&table, NULL, LEGACY_MARK_CHANGE);
	/* It zeroed a chain: nothing is to be given back. */
	for (size_t i = 0, at = 0; i < table.info.num_entries; i++) {
		struct legacy_entry entry = legacy_entry_at(4, table.entries, at);
		if (entry.counters->pcnt == 20 || entry.counters->pcnt == 9)
			*entry.counters = (struct xt_counters){0};
		at += entry.next_offset;
	}
	assert_int_equal(settle(b, &table, false), STEP_DONE);
	block_free(&table);
	made_free(&made);
}

static void a_foreign_commit_instead_of_it(void **state)
{
	struct bench *b = *state;

	*legacy_witness_of(&b->table) = (struct xt_counters){0};
	assert_int_equal(settle(b, &b->table, false), STEP_NOT_DONE);
	/* Counters alone: nothing tells any more. */
	free(b->intent.data);
	b->intent = (struct intent){0};
	assert_int_equal(legacy_witness_note(&b->intent, &b->table, &b->witness, &b->changes[3], 1), 0);
	assert_int_equal(settle(b, &b->table, false), STEP_UNKNOWN);
	*legacy_witness_of(&b->table) = b->witness.after;
	assert_int_equal(settle(b, &b->table, false), STEP_DONE);
	*legacy_witness_of(&b->table) = b->witness.before;
	assert_int_equal(settle(b, &b->table, false), STEP_NOT_DONE);
	b->table.present = false;
	assert_int_equal(settle(b, &b->table, false), STEP_UNKNOWN);
}

/* The other version's table could not be changed, and the kill came while this one was put back. */
static void between_the_two_calls_back(void **state)
{
	struct bench *b = *state;

	clear(&b->table);
	legacy_witness_mark(&b->table, &b->witness, LEGACY_MARK_REVERT);
	assert_int_equal(settle(b, &b->table, true), STEP_UNKNOWN);
	has_counters(&b->table, router, 0);
	assert_int_equal(settle(b, &b->table, false), STEP_UNKNOWN);
	has_counters(&b->table, router, 0);
}

static void octets_that_are_no_intent(void **state)
{
	struct bench *b = *state;
	struct legacy_note note;
	unsigned char *octets = b->intent.data;

	for (size_t size = 1; size < b->intent.size; size++) {
		size_t offset = 0;
		unsigned char *copy = malloc(size);
		memcpy(copy, octets, size);
		errno = 0;
		assert_int_equal(legacy_witness_next(&note, copy, size, &offset), -1);
		assert_int_equal(errno, EBADMSG);
		free(copy);
	}
	for (size_t i = 0; i < b->intent.size; i++) {
		size_t offset = 0;
		struct xt_counters_info *rescue = NULL;
		octets[i] ^= 0xff;
		if (legacy_witness_next(&note, octets, b->intent.size, &offset) == 1)
			assert_true(legacy_witness_judge(&note, &b->table, &rescue) >= 0);
		free(rescue);
		octets[i] ^= 0xff;
	}
}

static void two_tables(void **state)
{
	struct bench *b = *state;
	struct legacy_note note;
	size_t offset = 0;

	b->table.family = 6;
	assert_int_equal(legacy_witness_note(&b->intent, &b->table, &b->witness, NULL, 0), 0);
	b->table.family = 4;
	assert_int_equal(b->intent.n_steps, 2);
	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 1);
	assert_int_equal(note.family, 4);
	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 1);
	assert_int_equal(note.family, 6);
	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 0);
}

/* Chains come and go with their rules: what is given back are the counters of rules. */
static void a_change_of_chains(void **state)
{
	static const char after[] =
		":INPUT ACCEPT [7:700]\n:FORWARD DROP [3:300]\n:OUTPUT ACCEPT [0:0]\n:tm-d\n:tm-u\n"
		"[90:9000] -A FORWARD\n[1:10] -A FORWARD -d 10.1.0.0/24 -g tm-u\n"
		"[2:20] -A tm-d -j DROP\n[3:30] -A tm-d -j RETURN\n[4:40] -A tm-u -j tm-d\n";
	struct bench *b = *state;
	struct legacy_index index = {NULL, NULL};
	struct ruleset *rules = ruleset_new();
	assert_int_equal(legacy_rules_add(rules, &b->table, &index), 0);
	uint32_t town = rules->n_chains - 1;
	struct edit edits[] = {
		{.kind = EDIT_CHAIN, .name = "tm-u", .family = 4},
		{.kind = EDIT_INSERT, .name = "tm-d", .family = 4, .verdict = VERDICT_DROP, .counter = {2, 20}},
		{.kind = EDIT_INSERT, .name = "tm-u", .family = 4, .verdict = VERDICT_JUMP, .target = "tm-d",
		 .counter = {4, 40}},
		{.kind = EDIT_CHAIN, .name = "tm-d", .family = 4},
		{.kind = EDIT_INSERT, .name = "tm-d", .family = 4, .verdict = VERDICT_RETURN, .counter = {3, 30}},
		{.kind = EDIT_INSERT, .rule = FORWARD_JUMP, .prefix = make_prefix("10.1.0.0/24"), .verdict = VERDICT_GOTO,
		 .target = "tm-u", .counter = {1, 10}},
		{.kind = EDIT_DELETE, .rule = FORWARD_JUMP},
		{.kind = EDIT_DELETE_CHAIN, .chain = town},
		{.kind = EDIT_DELETE, .rule = DROP},
		{.kind = EDIT_DELETE, .rule = ALICE},
		{.kind = EDIT_DELETE, .rule = ALICE + 1},
	};
	struct legacy_table tables[2] = {b->table};
	const struct legacy_scope scope = {tables, rules, &index};
	struct legacy_changes changes[2];
	struct legacy_edition edition;
	char error[BACKEND_ERROR_SIZE];

	assert_int_equal(legacy_sort(changes, &scope, edits, sizeof edits / sizeof edits[0], error), 0);
	unsigned char *room = malloc(legacy_edition_size(&b->table, changes[0].list, changes[0].n));
	assert_int_equal(legacy_edition_make(&edition, room, &b->table, changes[0].list, changes[0].n), 0);
	free(b->intent.data);
	b->intent = (struct intent){0};
	assert_int_equal(legacy_witness_note(&b->intent, &b->table, &b->witness, changes[0].list, changes[0].n), 0);
	struct legacy_table made = {.family = 4, .socket = -1, .info = edition.info, .present = true, .entries = room};
	clear(&made);
	legacy_witness_mark(&made, &b->witness, LEGACY_MARK_CHANGE);
	assert_int_equal(settle(b, &made, true), STEP_RESCUED);
	has_counters(&made, after, 0);
	/* The table before is known, too. */
	assert_int_equal(settle(b, &b->table, false), STEP_NOT_DONE);
	legacy_edition_free(&edition);
	legacy_sort_free(changes);
	free(room);
	free(index.rules);
	free(index.ends);
	ruleset_free(rules);
}

/* Nothing tells a table before a change from the one after it, if they have one fingerprint. */
static void a_change_that_can_not_be_told(void **state)
{
	struct bench *b = *state;
	struct legacy_note note;
	struct xt_counters_info *rescue;
	size_t offset = 0;

	assert_int_equal(legacy_witness_next(&note, b->intent.data, b->intent.size, &offset), 1);
	note.new_print = note.old_print;
	*legacy_witness_of(&b->table) = (struct xt_counters){0};
	assert_int_equal(legacy_witness_judge(&note, &b->table, &rescue), STEP_UNKNOWN);
	assert_null(rescue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_differ, start, stop),
		cmocka_unit_test_setup_teardown(before_it_and_after_it, start, stop),
		cmocka_unit_test_setup_teardown(between_the_two_calls, start, stop),
		cmocka_unit_test_setup_teardown(traffic_before_the_rescue, start, stop),
		cmocka_unit_test_setup_teardown(a_foreign_commit_behind_it, start, stop),
		cmocka_unit_test_setup_teardown(a_foreign_commit_instead_of_it, start, stop),
		cmocka_unit_test_setup_teardown(between_the_two_calls_back, start, stop),
		cmocka_unit_test_setup_teardown(octets_that_are_no_intent, start, stop),
		cmocka_unit_test_setup_teardown(two_tables, start, stop),
		cmocka_unit_test_setup_teardown(a_change_of_chains, start, stop),
		cmocka_unit_test_setup_teardown(a_change_that_can_not_be_told, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
