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
#include "legacy_sort.h"

enum { CHANGES_MAX = 64, CHAINS_MAX = 64 };

struct bench {
	struct made made;
	uint8_t family;
	struct legacy_table table;
	struct ruleset *rules;
	struct legacy_index index;
	struct edit edits[CHANGES_MAX];
	size_t n;
	char error[BACKEND_ERROR_SIZE];
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
	edit->comment = comment[0] ? comment : NULL;
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

/* A chain of the lists after the edits: `from` is the one before, or RULE_NONE. */
struct model_chain {
	const char *name;
	uint32_t from;
};

static uint32_t model_find(const struct model_chain *chains, const char *name)
{
	for (uint32_t c = 0; chains[c].name; c++)
		if (strcmp(chains[c].name, name) == 0)
			return c;
	fail_msg("the model has no chain %s", name);
	return RULE_NONE;
}

static void model_insert(struct ruleset *to, const struct model_chain *chains, const struct edit *edit)
{
	struct rule rule = {.jump = RULE_NONE, .verdict = edit->verdict};
	bool down = edit->direction == DIRECTION_DOWN, ranged = edit->ports.first || edit->ports.last != PORTS_LAST;

	*(down ? &rule.dst : &rule.src) = edit->prefix;
	*(down ? &rule.src : &rule.dst) = edit->other;
	rule.comment = ruleset_add_text(to, edit->comment ? edit->comment : "");
	if (edit->verdict == VERDICT_JUMP || edit->verdict == VERDICT_GOTO)
		rule.jump = model_find(chains, edit->target);
	if (edit->ports.protocol) {
		rule.ports = edit->ports;
		rule.odd = (uint8_t)(ODD_PROTOCOL | (ranged ? ODD_MATCH : 0));
		rule.ports_of = ranged ? edit->ports_of : 0;
		rule.match = ranged ? ruleset_add_text(to, edit->ports.protocol == 6 ? "tcp" : "udp") : 0;
	}
	assert_int_not_equal(ruleset_add_rule(to, &rule), RULE_NONE);
}

static void model_copy(struct ruleset *to, const struct model_chain *chains, const struct ruleset *from, uint32_t index)
{
	struct rule rule = from->rules[index];

	rule.comment = ruleset_add_text(to, ruleset_text(from, rule.comment));
	rule.match = ruleset_add_text(to, ruleset_text(from, rule.match));
	rule.target = ruleset_add_text(to, ruleset_text(from, rule.target));
	if (rule.jump != RULE_NONE)
		rule.jump = model_find(chains, ruleset_text(from, from->chains[rule.jump].name));
	assert_int_not_equal(ruleset_add_rule(to, &rule), RULE_NONE);
}

/* The chains after the edits: a new one comes before the first one of a later name. */
static void model_chains(const struct bench *b, struct model_chain chains[CHAINS_MAX])
{
	uint32_t n = 0;

	memset(chains, 0, CHAINS_MAX * sizeof *chains);
	for (uint32_t c = 0; c < b->rules->n_chains; c++) {
		bool goes = false;
		for (size_t e = 0; e < b->n; e++)
			goes |= b->edits[e].kind == EDIT_DELETE_CHAIN && b->edits[e].chain == c;
		if (!goes)
			chains[n++] = (struct model_chain){ruleset_text(b->rules, b->rules->chains[c].name), c};
	}
	for (size_t e = 0; e < b->n; e++) {
		uint32_t at = 0;
		if (b->edits[e].kind != EDIT_CHAIN)
			continue;
		while (at < n && ((chains[at].from != RULE_NONE && b->rules->chains[chains[at].from].hook != HOOK_NONE) ||
				  strcmp(chains[at].name, b->edits[e].name) < 0))
			at++;
		assert_true(n + 1 < CHAINS_MAX);
		memmove(&chains[at + 1], &chains[at], (n++ - at) * sizeof *chains);
		chains[at] = (struct model_chain){b->edits[e].name, RULE_NONE};
	}
}

/* The lists after the edits. */
static struct ruleset *model(const struct bench *b)
{
	struct ruleset *to = ruleset_new();
	struct model_chain chains[CHAINS_MAX];

	model_chains(b, chains);
	for (const struct model_chain *own = chains; own->name; own++) {
		const struct chain *chain = own->from == RULE_NONE ? NULL : &b->rules->chains[own->from];
		ruleset_add_chain(to, b->family, chain ? chain->hook : HOOK_NONE, own->name);
		for (uint32_t i = chain ? chain->first : 0; chain && i <= chain->first + chain->count; i++) {
			uint32_t rule = i < chain->first + chain->count ? i : RULE_NONE;
			bool deleted = false;
			for (size_t e = 0; e < b->n; e++) {
				if (!b->edits[e].name && is_insert_at(b, &b->edits[e], rule, own->from))
					model_insert(to, chains, &b->edits[e]);
				deleted |= b->edits[e].kind == EDIT_DELETE && b->edits[e].rule == rule;
			}
			if (rule != RULE_NONE && !deleted)
				model_copy(to, chains, b->rules, rule);
		}
		for (size_t e = 0; !chain && e < b->n; e++)
			if (b->edits[e].kind == EDIT_INSERT && b->edits[e].name && strcmp(b->edits[e].name, own->name) == 0)
				model_insert(to, chains, &b->edits[e]);
	}
	return to;
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

/* What block_same_rules() does not compare. */
static void same_ports(const struct ruleset *a, const struct ruleset *b)
{
	for (uint32_t i = 0; i < a->n_rules; i++) {
		const struct rule *x = &a->rules[i], *y = &b->rules[i];
		assert_int_equal(x->ports.protocol, y->ports.protocol);
		assert_int_equal(x->ports.first, y->ports.first);
		assert_int_equal(x->ports.last, y->ports.last);
		assert_int_equal(x->ports_of, y->ports_of);
	}
}

/* As the backend does. Returns 0, or -1 with the reason in b->error. */
static int sort(struct bench *b, struct legacy_changes changes[2])
{
	struct legacy_table tables[2] = {{.family = 4}, {.family = 6}};
	const struct legacy_scope scope = {tables, b->rules, &b->index};

	tables[b->family == 6] = b->table;
	return legacy_sort(changes, &scope, b->edits, b->n, b->error);
}

/* As much as it may take, and no octet more. */
static unsigned char *room_for(const struct legacy_table *table, const struct legacy_change *changes, size_t n)
{
	unsigned char *room = malloc(legacy_edition_size(table, changes, n));

	assert_non_null(room);
	return room;
}

static void check(struct bench *b)
{
	struct legacy_changes changes[2], *own = &changes[b->family == 6];
	struct legacy_edition edition;
	struct legacy_index index = {NULL, NULL};
	struct ruleset *expected = model(b), *got = ruleset_new();

	if (sort(b, changes) < 0)
		fail_msg("%s", b->error);
	assert_int_equal(changes[b->family != 6].n, 0);
	unsigned char *room = room_for(&b->table, own->list, own->n);
	assert_int_equal(legacy_edition_make(&edition, room, &b->table, own->list, own->n), 0);
	check_offsets(b, &edition);
	struct legacy_table after = {.family = b->family, .info = edition.info, .entries = edition.entries};
	assert_int_equal(legacy_rules_add(got, &after, &index), 0);
	block_same_rules(got, expected);
	same_ports(got, expected);
	/* Rules of ours are told by the edit that put them there; a chain is two entries. */
	uint32_t inserted = 0, wanted = 0;
	for (unsigned i = 0; i < edition.info.num_entries; i++)
		inserted += edition.inserted[i] != NULL;
	for (size_t e = 0; e < b->n; e++)
		wanted += b->edits[e].kind == EDIT_INSERT ? 1 : b->edits[e].kind == EDIT_CHAIN ? 2 : 0;
	assert_int_equal(inserted, wanted);
	free(index.rules);
	free(index.ends);
	ruleset_free(got);
	ruleset_free(expected);
	legacy_edition_free(&edition);
	legacy_sort_free(changes);
	free(room);
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
	unsigned char *room = room_for(&b.table, NULL, 0);
	assert_int_equal(legacy_edition_make(&edition, room, &b.table, NULL, 0), 0);
	assert_int_equal(edition.info.size, b.table.info.size);
	assert_memory_equal(edition.entries, b.table.entries, b.table.info.size);
	assert_memory_equal(&edition.info, &b.table.info, sizeof edition.info);
	legacy_edition_free(&edition);
	legacy_edition_free(&edition); /* empty by now */
	free(room);
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
		b.edits[0].comment = RULE_COMMENT;
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

static void make_chain_named(struct bench *b, const char *name)
{
	b->edits[b->n++] = (struct edit){.kind = EDIT_CHAIN, .rule = RULE_NONE, .chain = RULE_NONE, .name = name,
					 .family = b->family};
}

/* At the end of a chain that is made. */
static struct edit *append(struct bench *b, const char *chain, uint8_t verdict, const char *target)
{
	struct edit *edit = &b->edits[b->n++];

	*edit = (struct edit){.kind = EDIT_INSERT, .rule = RULE_NONE, .chain = RULE_NONE, .name = chain,
			      .family = b->family, .verdict = verdict, .target = target};
	return edit;
}

static void remove_chain(struct bench *b, const char *name)
{
	for (uint32_t c = 0; c < b->rules->n_chains; c++) {
		const struct chain *chain = &b->rules->chains[c];
		if (strcmp(ruleset_text(b->rules, chain->name), name) != 0)
			continue;
		b->edits[b->n++] = (struct edit){.kind = EDIT_DELETE_CHAIN, .chain = c, .rule = RULE_NONE};
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
			if (!b->rules->rules[i].policy)
				b->edits[b->n++] = (struct edit){.kind = EDIT_DELETE, .rule = i, .chain = c};
	}
}

/* Names of all places: before, between, behind those that stand. Each leads to the next, the last back to one that
 * stands, and rules for one chain come between those for others. */
static void chains_are_made(void **state)
{
	static const char *const names[] = {"zz", "a", "f", "town-aa", "empty.", "town"};

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		char text[600];
		snprintf(text, sizeof text, "%s%s", family == 6 ? "*6\n" : "",
			 family == 6 ? ":INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n:empty\n:town-a\n:town-b\n"
				       "-A FORWARD -j town-a\n-A town-a -g town-b\n"
				     : router);
		struct bench b = bench_of(text, (uint8_t)family);
		for (size_t i = 0; i < 6; i++)
			make_chain_named(&b, names[i]);
		for (size_t i = 0; i < 6; i++) {
			append(&b, names[i], i % 2 ? VERDICT_GOTO : VERDICT_JUMP, i < 5 ? names[i + 1] : "empty");
			append(&b, names[0], VERDICT_RETURN, NULL);
			if (i)
				append(&b, names[i - 1], VERDICT_DROP, NULL);
			check(&b);
		}
		/* From chains that stand, at their heads and their ends. */
		insert(&b, "FORWARD", 1, "::", 0, VERDICT_JUMP, "");
		b.edits[b.n - 1].prefix = (struct prefix){0};
		b.edits[b.n - 1].target = "zz";
		insert(&b, "town-a", 0, "::", 0, VERDICT_GOTO, "");
		b.edits[b.n - 1].prefix = (struct prefix){0};
		b.edits[b.n - 1].target = "a";
		check(&b);
		bench_free(&b);
	}
}

static void chains_go(void **state)
{
	static const char *const names[] = {"empty", "town-a", "town-b"};
	struct bench b = bench_of(router, 4);

	(void)state;
	/* All of them. */
	for (uint32_t number = 2; number <= 4; number++)
		delete(&b, "FORWARD", number);
	for (size_t i = 0; i < 3; i++)
		remove_chain(&b, names[i]);
	check(&b);
	/* One comes under the name of one that goes; what led to the old one leads to the new one. */
	make_chain_named(&b, "town-a");
	append(&b, "town-a", VERDICT_NONE, NULL)->prefix = make_prefix("10.1.0.0/24");
	insert(&b, "FORWARD", 1, "10.1.0.0/24", DIRECTION_UP, VERDICT_GOTO, "town");
	b.edits[b.n - 1].target = "town-a";
	check(&b);
	bench_free(&b);
}

/* Every condition that an edit can have. */
static void conditions(void **state)
{
	static const struct {
		struct ports ports;
		uint8_t of;
	} cases[] = {
		{{0}, 0},
		{{1, 0, PORTS_LAST}, 0},
		{{6, 0, PORTS_LAST}, DIRECTION_DOWN},
		{{6, 80, 80}, DIRECTION_DOWN},
		{{6, 0, 1023}, DIRECTION_UP},
		{{17, 6881, 6889}, DIRECTION_DOWN},
		{{17, 1024, PORTS_LAST}, DIRECTION_UP},
		{{47, 0, PORTS_LAST}, 0},
		{{255, 0, PORTS_LAST}, 0},
	};
	static const uint8_t verdicts[] = {VERDICT_NONE, VERDICT_DROP, VERDICT_RETURN, VERDICT_JUMP, VERDICT_GOTO};
	static const char *const prefixes[2][2] = {{"10.1.0.0/24", "192.0.2.128/25"}, {"2001:db8::/48", "2001:db8:1::1"}};

	(void)state;
	for (int six = 0; six < 2; six++) {
		struct bench b = bench_of(six ? "*6\n:FORWARD ACCEPT\n:a\n" : ":FORWARD ACCEPT\n:a\n", six ? 6 : 4);
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			b.n = 0;
			for (unsigned v = 0; v < 5 * 8; v++) {
				struct edit *edit = append(&b, "new", verdicts[v % 5], v % 2 ? "new" : "a");
				edit->ports = cases[i].ports;
				edit->ports_of = cases[i].of;
				edit->direction = v / 5 & 1 ? DIRECTION_UP : DIRECTION_DOWN;
				if (v / 5 & 2)
					edit->prefix = make_prefix(prefixes[six][0]);
				if (v / 5 & 4)
					edit->other = make_prefix(prefixes[six][1]);
				if (v % 3 == 0)
					edit->comment = "alice";
			}
			make_chain_named(&b, "new");
			check(&b);
		}
		bench_free(&b);
	}
}

/* Says `why` and makes nothing. */
static void refused(struct bench *b, const char *why)
{
	struct legacy_changes changes[2];

	b->error[0] = '\0';
	assert_int_equal(sort(b, changes), -1);
	if (!strstr(b->error, why))
		fail_msg("'%s' does not say '%s'", b->error, why);
	legacy_sort_free(changes);
	b->n = 0;
}

static void what_can_not_be(void **state)
{
	struct bench b = bench_of(router, 4);

	(void)state;
	remove_chain(&b, "town-a");
	refused(&b, "iptables-legacy: can not remove the chain town-a: rule 2 of FORWARD leads to it");
	remove_chain(&b, "town-b");
	b.n--;
	refused(&b, "can not remove the chain town-b: rule");
	for (uint32_t number = 2; number <= 4; number++)
		delete(&b, "FORWARD", number);
	remove_chain(&b, "town-a");
	b.n--;
	refused(&b, "can not remove the chain town-a: rule 4 of town-a stays in it");
	remove_chain(&b, "INPUT");
	refused(&b, "can not remove the chain INPUT: it is built in");
	make_chain_named(&b, "town-b");
	refused(&b, "can not make the chain town-b: it is there");
	make_chain_named(&b, "new");
	make_chain_named(&b, "new");
	refused(&b, "can not make the chain new: twice in one change");
	make_chain_named(&b, "abcdefghijklmnopqrstuvwxyz012");
	refused(&b, "a name has 1 to 28 octets");
	make_chain_named(&b, "");
	refused(&b, "a name has 1 to 28 octets");
	make_chain_named(&b, "new");
	b.edits[0].family = 6;
	refused(&b, "ip6tables-legacy: can not make the chain new: there is no filter table");
	append(&b, "new", VERDICT_NONE, NULL);
	refused(&b, "can not put a rule into the chain new: there is no such chain");
	append(&b, "town-b", VERDICT_JUMP, "new");
	refused(&b, "can not put a rule into the chain town-b: there is no chain new");
	append(&b, "town-b", VERDICT_JUMP, "FORWARD");
	refused(&b, "nothing can lead to a chain that is built in, FORWARD");
	for (uint32_t number = 2; number <= 4; number++)
		delete(&b, "FORWARD", number);
	remove_chain(&b, "town-a");
	insert(&b, "FORWARD", 1, "10.1.0.10", DIRECTION_DOWN, VERDICT_JUMP, "");
	b.edits[b.n - 1].target = "town-a";
	refused(&b, "into the chain FORWARD: this change removes the chain that it leads to, town-a");
	for (uint32_t number = 2; number <= 4; number++)
		delete(&b, "FORWARD", number);
	remove_chain(&b, "town-a");
	insert(&b, "town-a", 2, "10.1.0.10", DIRECTION_DOWN, VERDICT_NONE, "");
	refused(&b, "into the chain town-a: this change removes it");
	insert(&b, "town-a", 2, "2001:db8::1", DIRECTION_DOWN, VERDICT_NONE, "");
	refused(&b, "its prefix is of the other version of IP");
	insert(&b, "town-a", 2, "10.1.0.10", DIRECTION_DOWN, VERDICT_ACCEPT, "");
	refused(&b, "it has no verdict that could be written");
	insert(&b, "town-a", 2, "10.1.0.10", DIRECTION_DOWN, VERDICT_NONE, "");
	b.edits[0].ports = (struct ports){132, 80, 80};
	refused(&b, "only TCP and UDP can be told by ports");
	insert(&b, "town-a", 2, "10.1.0.10", DIRECTION_DOWN, VERDICT_NONE, "");
	b.edits[0].ports = (struct ports){6, 81, 80};
	refused(&b, "its range of ports is empty");
	bench_free(&b);
}

/* Fingerprints tell the changes of one form apart. */
static void prints_differ(void **state)
{
	struct edit edits[] = {
		{.kind = EDIT_INSERT, .ports = {6, 80, 80}},
		{.kind = EDIT_INSERT, .ports = {6, 80, 81}},
		{.kind = EDIT_INSERT, .ports = {6, 80, 80}, .ports_of = DIRECTION_UP},
		{.kind = EDIT_INSERT, .ports = {17, 80, 80}},
		{.kind = EDIT_INSERT, .ports = {17, 81, 81}},
		{.kind = EDIT_INSERT, .verdict = VERDICT_RETURN},
		{.kind = EDIT_INSERT, .verdict = VERDICT_JUMP, .target = "a"},
		{.kind = EDIT_INSERT, .verdict = VERDICT_GOTO, .target = "a"},
		{.kind = EDIT_CHAIN, .name = "a"},
		{.kind = EDIT_CHAIN, .name = "b"},
	};
	enum { N = sizeof edits / sizeof edits[0] };
	uint64_t prints[2][N];

	(void)state;
	for (int six = 0; six < 2; six++)
		for (size_t i = 0; i < N; i++) {
			const struct legacy_change change = {.edit = &edits[i], .part = edits[i].kind == EDIT_CHAIN
											? LEGACY_HEAD : LEGACY_RULE};
			prints[six][i] = legacy_edit_print_insert(1, six ? 6 : 4, &change);
			for (size_t j = 0; j < i; j++)
				assert_int_not_equal(prints[six][i], prints[six][j]);
		}
}

static void an_entry_that_is_not_there(void **state)
{
	struct bench b = bench_of(router, 4);
	struct edit edit = {.kind = EDIT_DELETE};
	struct legacy_change change = {.edit = &edit, .entry = b.table.info.num_entries};
	struct legacy_edition edition;

	(void)state;
	unsigned char *room = room_for(&b.table, &change, 1);
	assert_int_equal(legacy_edition_make(&edition, room, &b.table, &change, 1), -1);
	assert_int_equal(errno, EINVAL);
	free(room);
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
	static const char *const made[] = {"0", "aa", "bb", "zz"};
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
		/* Chains come, with rules that lead anywhere. */
		uint32_t n_made = chance(5);
		for (uint32_t n = 0; n < n_made; n++)
			make_chain_named(&b, made[n]);
		for (uint32_t n = n_made ? chance(20) : 0; n > 0; n--) {
			uint32_t to = chance(n_made + 3);
			struct edit *edit = append(&b, made[chance(n_made)], (uint8_t)(chance(2) ? VERDICT_JUMP : VERDICT_GOTO),
						   to < n_made ? made[to] : chains[3 + to - n_made]);
			if (chance(2))
				edit->ports = (struct ports){chance(2) ? 6 : 17, (uint16_t)chance(99), PORTS_LAST};
			if (chance(2))
				edit->verdict = VERDICT_RETURN;
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
		cmocka_unit_test(chains_are_made),
		cmocka_unit_test(chains_go),
		cmocka_unit_test(conditions),
		cmocka_unit_test(what_can_not_be),
		cmocka_unit_test(prints_differ),
		cmocka_unit_test(an_entry_that_is_not_there),
		cmocka_unit_test(random_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
