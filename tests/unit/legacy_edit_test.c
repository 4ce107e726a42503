/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Edits of tables against edits of lists: what the edited table reads as must be what a person would get
 * who inserts and deletes lines. Every offset in the table is verified on its own as well.
 */
#include "legacy_edit.h"

#include <errno.h>
#include <stdio.h>

#include "block.h"
#include "legacy_rules.h"

enum { CHANGES_MAX = 32 };

struct bench {
	struct made made;
	uint8_t family;
	struct legacy_table table;
	struct ruleset *rules;
	struct legacy_index index;
	struct edit edits[CHANGES_MAX];
	size_t n;
};

static struct bench bench_of(const char *text, uint8_t family)
{
	struct bench b = {.made = make(text), .family = family, .rules = ruleset_new()};

	b.table = block_of(&b.made, family);
	assert_int_equal(legacy_rules_add(b.rules, &b.table, &b.index), 0);
	block_same_rules(b.rules, b.made.rules);
	return b;
}

static void bench_free(struct bench *b)
{
	free(b->index.rules);
	free(b->index.ends);
	ruleset_free(b->rules);
	block_free(&b->table);
	made_free(&b->made);
}

static void delete(struct bench *b, const char *chain, uint32_t number)
{
	b->edits[b->n++] = (struct edit){.kind = EDIT_DELETE, .rule = made_rule(&b->made, b->family, chain, number)};
}

/* Before the rule with this number; 0: at the end of the chain. */
static void insert(struct bench *b, const char *chain, uint32_t number, const char *prefix, uint8_t direction,
		   uint8_t verdict, const char *comment)
{
	struct edit *edit = &b->edits[b->n++];

	*edit = (struct edit){.kind = EDIT_INSERT, .rule = RULE_NONE, .prefix = make_prefix(prefix),
			      .direction = direction, .verdict = verdict};
	snprintf(edit->comment, sizeof edit->comment, "%s", comment);
	for (uint32_t c = 0; c < b->rules->n_chains; c++)
		if (strcmp(ruleset_text(b->rules, b->rules->chains[c].name), chain) == 0)
			edit->chain = c;
	if (number)
		edit->rule = made_rule(&b->made, b->family, chain, number);
}

/* Does the edit put its rule before rule `rule`, or (RULE_NONE) at the end of the chain? */
static bool is_insert_at(const struct bench *b, const struct edit *edit, uint32_t rule, uint32_t chain)
{
	const struct chain *own = &b->rules->chains[chain];
	uint32_t last = own->first + own->count - 1;

	if (edit->kind != EDIT_INSERT)
		return false;
	if (edit->rule != RULE_NONE)
		return edit->rule == rule;
	return edit->chain == chain && rule == (own->hook == HOOK_NONE ? RULE_NONE : last);
}

static void model_insert(struct ruleset *to, const struct edit *edit)
{
	struct rule rule = {.jump = RULE_NONE, .verdict = edit->verdict};

	*(edit->direction == DIRECTION_DOWN ? &rule.dst : &rule.src) = edit->prefix;
	rule.comment = ruleset_add_text(to, edit->comment);
	assert_int_not_equal(ruleset_add_rule(to, &rule), RULE_NONE);
}

static void model_copy(struct ruleset *to, const struct ruleset *from, uint32_t index)
{
	struct rule rule = from->rules[index];

	rule.comment = ruleset_add_text(to, ruleset_text(from, rule.comment));
	rule.match = ruleset_add_text(to, ruleset_text(from, rule.match));
	rule.target = ruleset_add_text(to, ruleset_text(from, rule.target));
	assert_int_not_equal(ruleset_add_rule(to, &rule), RULE_NONE);
}

/* The lists after the edits. */
static struct ruleset *model(const struct bench *b)
{
	struct ruleset *to = ruleset_new();

	for (uint32_t c = 0; c < b->rules->n_chains; c++) {
		const struct chain *chain = &b->rules->chains[c];
		ruleset_add_chain(to, chain->family, chain->hook, ruleset_text(b->rules, chain->name));
		for (uint32_t i = chain->first; i <= chain->first + chain->count; i++) {
			uint32_t rule = i < chain->first + chain->count ? i : RULE_NONE;
			bool deleted = false;
			for (size_t e = 0; e < b->n; e++) {
				if (is_insert_at(b, &b->edits[e], rule, c))
					model_insert(to, &b->edits[e]);
				deleted |= b->edits[e].kind == EDIT_DELETE && b->edits[e].rule == rule;
			}
			if (rule != RULE_NONE && !deleted)
				model_copy(to, b->rules, rule);
		}
	}
	return to;
}

/* As the backend hands them over: ascending by entry, those of one entry in their order. */
static void sort_changes(const struct bench *b, struct legacy_change *changes)
{
	for (size_t e = 0; e < b->n; e++) {
		const struct edit *edit = &b->edits[e];
		uint32_t entry = edit->rule == RULE_NONE ? b->index.ends[edit->chain].entry
							 : b->index.rules[edit->rule].entry;
		size_t at = e;
		for (; at > 0 && changes[at - 1].entry > entry; at--)
			changes[at] = changes[at - 1];
		changes[at] = (struct legacy_change){.edit = (struct edit *)(uintptr_t)edit, .entry = entry};
	}
}

/* Every verdict leads to the next entry or to a chain's first; hooks begin where they should. */
static void check_offsets(const struct bench *b, const struct legacy_edition *edition)
{
	bool *begins = calloc(edition->info.size + 1u, sizeof *begins);
	size_t offset = 0, old[3000], from = 0;
	bool after_head = false;

	assert_true(b->table.info.num_entries < 3000);
	for (unsigned i = 0; i < b->table.info.num_entries; i++) {
		old[i] = from;
		from += legacy_entry_at(b->family, b->table.entries, from).next_offset;
	}
	for (unsigned i = 0; i < edition->info.num_entries; i++) {
		struct legacy_entry entry = legacy_entry_at(b->family, edition->entries, offset);
		begins[offset] = after_head;
		after_head = strcmp(entry.target->u.user.name, XT_ERROR_TARGET) == 0;
		offset += entry.next_offset;
	}
	assert_int_equal(offset, edition->info.size);
	offset = 0;
	for (unsigned i = 0; i < edition->info.num_entries; i++) {
		struct legacy_entry entry = legacy_entry_at(b->family, edition->entries, offset);
		int verdict = ((struct xt_standard_target *)(void *)entry.target)->verdict;
		if (entry.target->u.user.name[0] == '\0' && verdict >= 0)
			assert_true((size_t)verdict == offset + entry.next_offset || begins[verdict]);
		assert_int_equal(edition->origin[i] == RULE_NONE, edition->inserted[i] != NULL);
		if (edition->origin[i] != RULE_NONE) {
			/* All but the verdict is as it was, the counter included. */
			unsigned char *was = b->table.entries + old[edition->origin[i]];
			assert_int_equal(legacy_entry_at(b->family, was, 0).next_offset, entry.next_offset);
			assert_memory_equal(entry.head, was, entry.target_offset + sizeof(struct xt_entry_target));
			size_t behind = entry.target_offset + sizeof(struct xt_standard_target);
			if (behind < entry.next_offset)
				assert_memory_equal(entry.head + behind, was + behind, entry.next_offset - behind);
		}
		for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
			if ((b->table.info.valid_hooks & 1u << hook) && edition->origin[i] != RULE_NONE &&
			    old[edition->origin[i]] == b->table.info.underflow[hook])
				assert_int_equal(edition->info.underflow[hook], offset);
		offset += entry.next_offset;
	}
	assert_int_equal(edition->info.valid_hooks, b->table.info.valid_hooks);
	assert_string_equal(edition->info.name, b->table.info.name);
	free(begins);
}

static void check(struct bench *b)
{
	struct legacy_change changes[CHANGES_MAX];
	struct legacy_edition edition;
	struct legacy_index index = {NULL, NULL};
	struct ruleset *expected = model(b), *got = ruleset_new();

	sort_changes(b, changes);
	assert_int_equal(legacy_edition_make(&edition, &b->table, changes, b->n), 0);
	check_offsets(b, &edition);
	struct legacy_table after = {.family = b->family, .info = edition.info, .entries = edition.entries};
	assert_int_equal(legacy_rules_add(got, &after, &index), 0);
	block_same_rules(got, expected);
	/* Rules of ours are told by the edit that put them there. */
	uint32_t inserted = 0, wanted = 0;
	for (unsigned i = 0; i < edition.info.num_entries; i++)
		inserted += edition.inserted[i] != NULL;
	for (size_t e = 0; e < b->n; e++)
		wanted += b->edits[e].kind == EDIT_INSERT;
	assert_int_equal(inserted, wanted);
	free(index.rules);
	free(index.ends);
	ruleset_free(got);
	ruleset_free(expected);
	legacy_edition_free(&edition);
}

static const char router[] =
	":INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n:empty\n:town-a\n:town-b\n"
	"-A FORWARD\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -g town-b\n-A FORWARD -j empty\n"
	"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -j LOG\n-A town-a -s 10.1.0.10 -j DROP\n-A town-a -j town-b\n"
	"-A town-b -m limit -j REJECT\n";

static void nothing_to_do(void **state)
{
	struct bench b = bench_of(router, 4);
	struct legacy_edition edition;

	(void)state;
	assert_int_equal(legacy_edition_make(&edition, &b.table, NULL, 0), 0);
	assert_int_equal(edition.info.size, b.table.info.size);
	assert_memory_equal(edition.entries, b.table.entries, b.table.info.size);
	assert_memory_equal(&edition.info, &b.table.info, sizeof edition.info);
	legacy_edition_free(&edition);
	legacy_edition_free(&edition); /* empty by now */
	bench_free(&b);
}

/* One edit at each place there is, with and without a comment. */
static void one_edit_everywhere(void **state)
{
	struct bench b = bench_of(router, 4);

	(void)state;
	for (uint32_t i = 0; i < b.rules->n_rules; i++) {
		if (!b.rules->rules[i].policy) {
			b.edits[0] = (struct edit){.kind = EDIT_DELETE, .rule = i};
			b.n = 1;
			check(&b);
		}
		b.edits[0] = (struct edit){.kind = EDIT_INSERT, .rule = i, .chain = b.rules->rules[i].chain,
					   .prefix = make_prefix("10.1.0.11"), .verdict = i % 2 ? VERDICT_DROP : VERDICT_NONE,
					   .direction = i % 3 ? DIRECTION_DOWN : DIRECTION_UP};
		b.n = 1;
		check(&b);
		memcpy(b.edits[0].comment, RULE_COMMENT, sizeof RULE_COMMENT);
		check(&b);
	}
	bench_free(&b);
}

static void ends_of_chains(void **state)
{
	static const char *const chains[] = {"INPUT", "FORWARD", "OUTPUT", "empty", "town-a", "town-b"};
	struct bench b = bench_of(router, 4);

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		b.n = 0;
		insert(&b, chains[i], 0, "10.1.0.11", DIRECTION_UP, VERDICT_DROP, "townmeter");
		check(&b);
	}
	/* All at once, twice each. */
	b.n = 0;
	for (size_t i = 0; i < 12; i++)
		insert(&b, chains[i % 6], 0, i < 6 ? "10.1.0.11" : "10.1.0.12", DIRECTION_DOWN, VERDICT_NONE, i % 2 ? "x" : "");
	check(&b);
	bench_free(&b);
}

static void several_at_one_place(void **state)
{
	struct bench b = bench_of(router, 4);

	(void)state;
	/* A block: drops at the head, in their order. */
	insert(&b, "town-a", 1, "10.1.0.10", DIRECTION_DOWN, VERDICT_DROP, "townmeter");
	insert(&b, "town-a", 1, "10.1.0.10", DIRECTION_UP, VERDICT_DROP, "townmeter");
	check(&b);
	/* A drop gives way to a counting rule; the order of the two edits does not matter. */
	b.n = 0;
	insert(&b, "town-a", 3, "10.1.0.10", DIRECTION_UP, VERDICT_NONE, "alice");
	delete(&b, "town-a", 3);
	check(&b);
	b.n = 0;
	delete(&b, "town-a", 3);
	insert(&b, "town-a", 3, "10.1.0.10", DIRECTION_UP, VERDICT_NONE, "alice");
	check(&b);
	/* The first rule of a chain that jumps lead to goes, its successor too, and one comes. */
	b.n = 0;
	delete(&b, "town-a", 1);
	delete(&b, "town-a", 2);
	insert(&b, "town-a", 1, "10.1.0.12", DIRECTION_DOWN, VERDICT_NONE, "");
	insert(&b, "town-a", 2, "10.1.0.13", DIRECTION_DOWN, VERDICT_NONE, "");
	check(&b);
	bench_free(&b);
}

static void chains_that_get_empty(void **state)
{
	struct bench b = bench_of(router, 4);

	(void)state;
	for (uint32_t number = 1; number <= 4; number++) {
		delete(&b, "FORWARD", number);
		delete(&b, "town-a", number);
	}
	delete(&b, "town-b", 1);
	check(&b);
	/* Filled again at once. */
	insert(&b, "FORWARD", 5, "10.1.0.0/24", DIRECTION_DOWN, VERDICT_DROP, "townmeter");
	insert(&b, "town-b", 0, "10.1.0.10", DIRECTION_DOWN, VERDICT_DROP, "townmeter");
	check(&b);
	bench_free(&b);
}

static void both_families(void **state)
{
	struct bench b = bench_of("*6\n:FORWARD ACCEPT\n:town-a\n-A FORWARD -d 2001:db8:a::/48 -j town-a\n"
				  "-A town-a -d 2001:db8:a:10::/64 --comment alice\n", 6);

	(void)state;
	insert(&b, "town-a", 1, "2001:db8:a:10::/64", DIRECTION_DOWN, VERDICT_DROP, "townmeter");
	insert(&b, "town-a", 1, "2001:db8:a:10::8/125", DIRECTION_UP, VERDICT_DROP, "townmeter");
	insert(&b, "town-a", 0, "2001:db8:a:11::1", DIRECTION_UP, VERDICT_NONE, "");
	delete(&b, "FORWARD", 1);
	check(&b);
	bench_free(&b);
}

static void an_entry_that_is_not_there(void **state)
{
	struct bench b = bench_of(router, 4);
	struct edit edit = {.kind = EDIT_DELETE};
	struct legacy_change change = {.edit = &edit, .entry = b.table.info.num_entries};
	struct legacy_edition edition;

	(void)state;
	assert_int_equal(legacy_edition_make(&edition, &b.table, &change, 1), -1);
	assert_int_equal(errno, EINVAL);
	legacy_edition_free(&edition);
	bench_free(&b);
}

static uint32_t seed = 4;

static uint32_t chance(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void random_edits(void **state)
{
	static const char *const targets[] = {"", "", " -j DROP", " -j a", " -g b", " -j c", " -j RETURN", " -j LOG", " -m limit"};
	static const char *const chains[] = {"INPUT", "FORWARD", "OUTPUT", "a", "b", "c"};
	char text[8000];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint8_t family = chance(2) ? 6 : 4;
		const char *net = family == 6 ? "2001:db8::" : "10.1.0.";
		char *at = text;
		at += sprintf(at, "*%u\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n:a\n:b\n:c\n", family);
		for (uint32_t n = chance(25); n > 0; n--)
			at += sprintf(at, "-A %s -%c %s%u%s%s\n", chains[chance(6)], chance(2) ? 'd' : 's', net, chance(9),
				      chance(3) ? "" : " --comment x", targets[chance(9)]);
		struct bench b = bench_of(text, family);
		bool deleted[64] = {false};
		for (uint32_t n = chance(8); n > 0; n--) {
			uint32_t rule = chance(b.rules->n_rules);
			if (chance(3) == 0 && !b.rules->rules[rule].policy && !deleted[rule]) {
				deleted[rule] = true;
				b.edits[b.n++] = (struct edit){.kind = EDIT_DELETE, .rule = rule};
				continue;
			}
			char prefix[64];
			snprintf(prefix, sizeof prefix, "%s%u", net, chance(200));
			bool end = chance(3) == 0;
			const char *chain = end ? chains[chance(6)]
						: ruleset_chain_name(b.rules, rule);
			insert(&b, chain, end ? 0 : b.rules->rules[rule].number, prefix, (uint8_t)chance(2),
			       chance(2) ? VERDICT_DROP : VERDICT_NONE, chance(2) ? "townmeter" : "");
		}
		check(&b);
		bench_free(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(one_edit_everywhere),
		cmocka_unit_test(ends_of_chains),
		cmocka_unit_test(several_at_one_place),
		cmocka_unit_test(chains_that_get_empty),
		cmocka_unit_test(both_families),
		cmocka_unit_test(an_entry_that_is_not_there),
		cmocka_unit_test(random_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
