/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes what stands in memory what a configuration says, as a backend does in the kernel, for tests. Every edit is
 * held to what backend.h allows, and each time nothing may be left to do.
 */
#ifndef TOWNMETER_TESTS_APPLY_H
#define TOWNMETER_TESTS_APPLY_H

#include <stdio.h>

#include "layout.h"
#include "layout_text.h"
#include "make.h"

enum { APPLY_TOP = 1, APPLY_NFT = 2, APPLY_CANARY = 7777 };

/* The chains of what is made, found by their names. */
struct apply_name {
	const char *name;
	uint8_t backend, family;
	uint32_t chain;
};

static inline int apply_by_name(const void *a, const void *b)
{
	const struct apply_name *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->backend * 16 + x->family) - (y->backend * 16 + y->family);
}

struct apply {
	const struct made *old;
	const struct layout_changes *changes;
	struct made new;
	struct apply_name *names;
	uint32_t *moved;         /* where old chains are now */
	uint8_t *deleted, *gone; /* rules, chains */
	uint32_t n_names;
};

static inline void apply_name(struct apply *a, const char *name, uint8_t backend, uint8_t family)
{
	assert_true(strlen(name) > 0 && strlen(name) < LAYOUT_NAME_SIZE);
	a->names[a->n_names] = (struct apply_name){name, backend, family, a->n_names};
	a->n_names++;
}

static inline uint32_t apply_find(const struct apply *a, const char *name, uint8_t backend, uint8_t family)
{
	const struct apply_name key = {.name = name, .backend = backend, .family = family};
	const struct apply_name *found = bsearch(&key, a->names, a->n_names, sizeof key, apply_by_name);

	if (!found)
		fail_msg("there is no chain %s", name);
	return found ? found->chain : 0;
}

/* Chains come first, and go last. */
static inline void apply_names(struct apply *a)
{
	const struct ruleset *rules = a->old->rules;
	int last = 0;

	for (size_t i = 0; i < a->changes->n; i++) {
		const struct edit *edit = &a->changes->list[i].edit;
		int order = edit->kind == EDIT_CHAIN ? 0 : edit->kind == EDIT_DELETE_CHAIN ? 2 : 1;
		assert_true(order >= last);
		last = order;
		if (edit->kind == EDIT_DELETE_CHAIN) {
			assert_int_equal(rules->chains[edit->chain].hook, HOOK_NONE);
			assert_int_equal(a->gone[edit->chain]++, 0);
		} else if (edit->kind == EDIT_DELETE) {
			assert_int_equal(edit->chain, rules->rules[edit->rule].chain);
			assert_false(rules->rules[edit->rule].policy);
			assert_int_equal(a->deleted[edit->rule]++, 0);
		}
	}
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		a->moved[c] = a->gone[c] ? RULE_NONE : a->n_names;
		if (!a->gone[c])
			apply_name(a, ruleset_text(rules, rules->chains[c].name), rules->chains[c].backend,
				   rules->chains[c].family);
	}
	for (size_t i = 0; i < a->changes->n; i++) {
		const struct edit *edit = &a->changes->list[i].edit;
		if (edit->kind == EDIT_CHAIN)
			apply_name(a, edit->name, edit->backend, edit->family);
	}
	qsort(a->names, a->n_names, sizeof *a->names, apply_by_name);
	for (uint32_t i = 1; i < a->n_names; i++)
		assert_true(apply_by_name(&a->names[i - 1], &a->names[i]) < 0);
}

static inline void apply_add(struct apply *a, const struct rule *rule, struct counter counter, uint32_t *room)
{
	uint32_t index = ruleset_add_rule(a->new.rules, rule);

	assert_int_not_equal(index, RULE_NONE);
	if (index >= *room) {
		*room = 2 * index + 64;
		a->new.counters = realloc(a->new.counters, *room * sizeof *a->new.counters);
		assert_non_null(a->new.counters);
	}
	a->new.counters[index] = counter;
}

static inline void apply_insert(struct apply *a, const struct edit *edit, uint32_t *room)
{
	bool down = edit->direction == DIRECTION_DOWN;
	struct rule rule = {.jump = RULE_NONE, .verdict = edit->verdict, .ports = edit->ports, .ports_of = edit->ports_of,
			    .dst = down ? edit->prefix : edit->other, .src = down ? edit->other : edit->prefix};

	if (rule.verdict == VERDICT_JUMP || rule.verdict == VERDICT_GOTO)
		rule.jump = apply_find(a, edit->target, edit->backend, edit->family);
	if (rule.ports.protocol)
		rule.odd = rule.ports.first == 0 && rule.ports.last == PORTS_LAST ? ODD_PROTOCOL
										   : ODD_PROTOCOL | ODD_MATCH;
	if (edit->comment)
		rule.comment = ruleset_add_text(a->new.rules, edit->comment);
	apply_add(a, &rule, edit->counter, room);
}

static inline void apply_keep(struct apply *a, uint32_t index, uint32_t *room)
{
	const struct ruleset *rules = a->old->rules;
	struct rule rule = rules->rules[index];

	rule.comment = ruleset_add_text(a->new.rules, ruleset_text(rules, rule.comment));
	rule.target = ruleset_add_text(a->new.rules, ruleset_text(rules, rule.target));
	rule.match = ruleset_add_text(a->new.rules, ruleset_text(rules, rule.match));
	if (rule.jump != RULE_NONE) {
		rule.jump = a->moved[rule.jump];
		if (rule.jump == RULE_NONE)
			fail_msg("rule %u of %s leads to a chain that goes", rule.number,
				 ruleset_chain_name(rules, index));
	}
	apply_add(a, &rule, a->old->counters[index], room);
}

/* Inserts are sorted by where they go: in front of a rule, at the end of a chain, in a new one. */
struct apply_place {
	const struct edit *edit;
	uint64_t place;
	size_t at;
};

static inline int apply_by_place(const void *a, const void *b)
{
	const struct apply_place *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

enum { APPLY_RULE, APPLY_END, APPLY_NEW };

static inline uint64_t apply_place(uint32_t kind, uint32_t index)
{
	return (uint64_t)kind << 32 | index;
}

static inline struct apply_place *apply_places(struct apply *a, size_t *n)
{
	struct apply_place *places = calloc(a->changes->n + 1, sizeof *places);

	assert_non_null(places);
	*n = 0;
	for (size_t i = 0; i < a->changes->n; i++) {
		const struct edit *edit = &a->changes->list[i].edit;
		uint64_t place;
		if (edit->kind != EDIT_INSERT)
			continue;
		if (edit->rule != RULE_NONE) {
			assert_int_equal(a->old->rules->rules[edit->rule].chain, edit->chain);
			assert_false(a->deleted[edit->rule]);
			place = apply_place(APPLY_RULE, edit->rule);
		} else if (edit->chain != RULE_NONE) {
			assert_false(a->gone[edit->chain]);
			place = apply_place(APPLY_END, edit->chain);
		} else {
			place = apply_place(APPLY_NEW, apply_find(a, edit->name, edit->backend, edit->family));
		}
		places[*n] = (struct apply_place){edit, place, *n};
		++*n;
	}
	qsort(places, *n, sizeof *places, apply_by_place);
	return places;
}

static inline void apply_inserts(struct apply *a, const struct apply_place *places, size_t n, uint64_t place,
				 uint32_t *room)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (places[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && places[low].place == place; low++)
		apply_insert(a, places[low].edit, room);
}

/* What stands after the changes; free with made_free(). */
static inline struct made apply_changes(const struct made *old, const struct layout_changes *changes)
{
	const struct ruleset *rules = old->rules;
	struct apply a = {.old = old, .changes = changes, .new = {.rules = ruleset_new()}};
	uint32_t room = 0, n_kept = 0;
	size_t n;

	a.names = calloc(rules->n_chains + changes->n + 1, sizeof *a.names);
	a.moved = calloc(rules->n_chains + 1, sizeof *a.moved);
	a.gone = calloc(rules->n_chains + 1, 1);
	a.deleted = calloc(rules->n_rules + 1, 1);
	assert_true(a.new.rules && a.names && a.moved && a.gone && a.deleted);
	apply_names(&a);
	struct apply_place *places = apply_places(&a, &n);
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		uint32_t end = chain->first + chain->count;
		bool policy = chain->count && rules->rules[end - 1].policy;
		if (!a.gone[c]) {
			ruleset_add_chain(a.new.rules, chain->family, chain->hook, ruleset_text(rules, chain->name));
			a.new.rules->chains[n_kept++].backend = chain->backend;
		}
		for (uint32_t r = chain->first; r < end; r++) {
			apply_inserts(&a, places, n, apply_place(APPLY_RULE, r), &room);
			if (policy && r == end - 1)
				apply_inserts(&a, places, n, apply_place(APPLY_END, c), &room);
			assert_true(!a.gone[c] || a.deleted[r]);
			if (!a.deleted[r])
				apply_keep(&a, r, &room);
		}
		if (!policy)
			apply_inserts(&a, places, n, apply_place(APPLY_END, c), &room);
	}
	for (size_t i = 0; i < changes->n; i++) {
		const struct edit *edit = &changes->list[i].edit;
		if (edit->kind != EDIT_CHAIN)
			continue;
		uint32_t c = ruleset_add_chain(a.new.rules, edit->family, HOOK_NONE, edit->name);
		a.new.rules->chains[c].backend = edit->backend;
		apply_inserts(&a, places, n, apply_place(APPLY_NEW, c), &room);
	}
	free(places);
	free(a.names);
	free(a.moved);
	free(a.gone);
	free(a.deleted);
	return a.new;
}

/* Makes the rules those of the settings (NULL: none), and asserts that then all is as it should be. Returns the
 * changes as layout_print() writes them, and the problems, each after a '#', one a line; free() it. */
static inline char *apply_settings(struct made *made, const struct settings *settings, uint8_t family, unsigned flags)
{
	struct layout_lines lines = {0};
	struct layout *layout = layout_new(settings, family);
	struct layout_changes changes = {0}, again = {0};
	enum chain_backend backend = flags & APPLY_NFT ? CHAIN_NFT : CHAIN_LEGACY;
	char text[512];

	assert_non_null(layout);
	layout_text_add(&lines, "");
	assert_int_equal(layout_compare(&changes, layout, made->rules, made->counters, backend, APPLY_CANARY,
					flags & APPLY_TOP), 0);
	for (size_t i = 0; i < changes.n; i++) {
		layout_text_add(&lines, layout_print(&changes.list[i], made->rules, text, sizeof text));
		layout_text_add(&lines, "\n");
	}
	for (uint32_t i = 0; i < changes.problems.n; i++) {
		layout_text_add(&lines, "# ");
		layout_text_add(&lines, changes.problems.line[i]);
		layout_text_add(&lines, "\n");
	}
	struct made new = apply_changes(made, &changes);
	made_free(made);
	*made = new;
	assert_int_equal(layout_compare(&again, layout, made->rules, made->counters, backend, APPLY_CANARY,
					flags & APPLY_TOP), 0);
	if (again.n)
		fail_msg("left to do: %s", layout_print(&again.list[0], made->rules, text, sizeof text));
	layout_changes_free(&changes);
	layout_changes_free(&again);
	layout_free(layout);
	return lines.text;
}

/* The same with settings as text (layout_text.h); NULL: none. */
static inline char *apply_text(struct made *made, const char *text, uint8_t family, unsigned flags)
{
	struct settings settings = layout_text_settings(text ? text : "");
	char *lines = apply_settings(made, text ? &settings : NULL, family, flags);

	layout_text_free(&settings);
	return lines;
}

/* As before, when only what stands then is of interest. */
static inline void apply(struct made *made, const char *text, uint8_t family, unsigned flags)
{
	free(apply_text(made, text, family, flags));
}

static inline int apply_by_chain(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What stands as text, with counters: one chain a line, sorted; free() it. */
static inline char *apply_dump(const struct made *made)
{
	const struct ruleset *rules = made->rules;
	char **chains = calloc(rules->n_chains + 1, sizeof *chains), text[512];
	struct layout_lines all = {0};

	assert_non_null(chains);
	layout_text_add(&all, "");
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		struct layout_lines lines = {0};
		snprintf(text, sizeof text, "%s IPv%u %s:", ruleset_text(rules, chain->name), chain->family,
			 chain->backend == CHAIN_NFT ? "nft" : "legacy");
		layout_text_add(&lines, text);
		for (uint32_t r = chain->first; r < chain->first + chain->count; r++) {
			const struct rule *rule = &rules->rules[r];
			snprintf(text, sizeof text, " [%llu:%llu] verdict %u odd %u %u/%u-%u '%s' ",
				 /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one a rule */
				 (unsigned long long)made->counters[r].packets,
				 (unsigned long long)made->counters[r].octets, rule->verdict, rule->odd,
				 rule->ports.protocol, rule->ports.first, rule->ports.last,
				 ruleset_text(rules, rule->comment));
			layout_text_add(&lines, text);
			layout_text_add(&lines, ruleset_describe(rules, r, text, sizeof text));
		}
		layout_text_add(&lines, "\n");
		chains[c] = lines.text;
	}
	qsort(chains, rules->n_chains, sizeof *chains, apply_by_chain);
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		layout_text_add(&all, chains[c]);
		free(chains[c]);
	}
	free(chains);
	return all.text;
}

#endif
