/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_sort.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_names.h"
#include "legacy_write.h"

/* A chain that is made. */
struct made {
	const char *name;
	uint32_t entry; /* before which it stands */
	uint8_t family;
};

struct sorting {
	const struct legacy_scope *scope;
	struct legacy_changes *changes; /* the result, by table */
	struct edit *edits;
	size_t n;
	struct legacy_names names;
	struct made *made;  /* by family and name */
	uint32_t n_made;
	bool *going;        /* by chain; NULL: none is */
	bool *deleted;      /* by rule, if any chain goes */
	char *error;
};

static const char *const tools[2] = {"iptables-legacy", "ip6tables-legacy"};

static int no_memory(const struct sorting *s)
{
	snprintf(s->error, BACKEND_ERROR_SIZE, "no memory");
	return -1;
}

static const char *chain_name(const struct sorting *s, uint32_t chain)
{
	return ruleset_text(s->scope->rules, s->scope->rules->chains[chain].name);
}

static bool is_going(const struct sorting *s, uint32_t chain)
{
	return s->going && s->going[chain];
}

/* Its first entry: a rule, or what ends it. */
static uint32_t first_entry(const struct sorting *s, uint32_t chain)
{
	const struct chain *own = &s->scope->rules->chains[chain];

	return own->count ? s->scope->index->rules[own->first].entry : s->scope->index->ends[chain].entry;
}

static bool needs_names(const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (edits[i].kind == EDIT_CHAIN || (edits[i].kind == EDIT_INSERT && (edits[i].name || edits[i].target)))
			return true;
	return false;
}

static int refuse_removal(const struct sorting *s, uint32_t chain, uint32_t rule, const char *why)
{
	const struct ruleset *rules = s->scope->rules;

	snprintf(s->error, BACKEND_ERROR_SIZE, "%s: can not remove the chain %s: rule %u of %s %s",
		 tools[rules->chains[chain].family == 6], chain_name(s, chain), rules->rules[rule].number,
		 ruleset_chain_name(rules, rule), why);
	return -1;
}

/* Chains go with all their rules, and nothing jumps to them any more. */
static int check_removals(const struct sorting *s)
{
	const struct ruleset *rules = s->scope->rules;

	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		if (s->deleted[i])
			continue;
		if (s->going[rule->chain])
			return refuse_removal(s, rule->chain, i, "stays in it");
		if ((rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO) && s->going[rule->jump])
			return refuse_removal(s, rule->jump, i, "leads to it");
	}
	return 0;
}

static int note_removals(struct sorting *s)
{
	const struct ruleset *rules = s->scope->rules;
	bool any = false;

	for (size_t i = 0; i < s->n; i++)
		any |= s->edits[i].kind == EDIT_DELETE_CHAIN;
	if (!any)
		return 0;
	s->going = calloc(rules->n_chains + 1u, sizeof *s->going);
	s->deleted = calloc(rules->n_rules + 1u, sizeof *s->deleted);
	if (!s->going || !s->deleted)
		return no_memory(s);
	for (size_t i = 0; i < s->n; i++) {
		const struct edit *edit = &s->edits[i];
		if (edit->kind == EDIT_DELETE)
			s->deleted[edit->rule] = true;
		if (edit->kind != EDIT_DELETE_CHAIN)
			continue;
		if (rules->chains[edit->chain].hook != HOOK_NONE) {
			snprintf(s->error, BACKEND_ERROR_SIZE, "%s: can not remove the chain %s: it is built in",
				 tools[rules->chains[edit->chain].family == 6], chain_name(s, edit->chain));
			return -1;
		}
		s->going[edit->chain] = true;
	}
	return check_removals(s);
}

static int by_name(const void *a, const void *b)
{
	const struct made *x = a, *y = b;

	return x->family != y->family ? (x->family > y->family) - (x->family < y->family) : strcmp(x->name, y->name);
}

static int refuse_chain(const struct sorting *s, const struct made *made, const char *why)
{
	snprintf(s->error, BACKEND_ERROR_SIZE, "%s: can not make the chain %s: %s", tools[made->family == 6], made->name,
		 why);
	return -1;
}

static int check_made(const struct sorting *s, const struct made *made)
{
	const struct legacy_name *name = legacy_names_find(&s->names, made->family, made->name);

	if (!s->scope->tables[made->family == 6].present)
		return refuse_chain(s, made, "there is no filter table");
	if (made->name[0] == '\0' || strlen(made->name) >= XT_EXTENSION_MAXNAMELEN)
		return refuse_chain(s, made, "a name has 1 to 28 octets");
	if (name && name->made)
		return refuse_chain(s, made, "twice in one change");
	if (name && name->chain != RULE_NONE && !is_going(s, name->chain))
		return refuse_chain(s, made, "it is there");
	return 0;
}

/* Before the first chain whose name comes later, or at the end of the table. Both lists are in the order of names,
 * unless another program has made the table. */
static void find_places(const struct sorting *s, uint8_t family)
{
	const struct ruleset *rules = s->scope->rules;
	uint32_t c = 0;

	for (uint32_t i = 0; i < s->n_made; i++) {
		struct made *made = &s->made[i];
		if (made->family != family)
			continue;
		while (c < rules->n_chains &&
		       (rules->chains[c].family != family || rules->chains[c].hook != HOOK_NONE ||
			strcmp(chain_name(s, c), made->name) < 0))
			c++;
		made->entry = c < rules->n_chains ? first_entry(s, c) - 1
						  : s->scope->tables[family == 6].info.num_entries - 1;
	}
}

static int note_chains(struct sorting *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->n_made += s->edits[i].kind == EDIT_CHAIN;
	if (legacy_names_make(&s->names, s->scope->rules, s->n_made) < 0)
		return no_memory(s);
	s->made = calloc(s->n_made + 1u, sizeof *s->made);
	if (!s->made)
		return no_memory(s);
	for (size_t i = 0, n = 0; i < s->n; i++)
		if (s->edits[i].kind == EDIT_CHAIN)
			s->made[n++] = (struct made){.name = s->edits[i].name, .family = s->edits[i].family};
	qsort(s->made, s->n_made, sizeof *s->made, by_name);
	for (uint32_t i = 0; i < s->n_made; i++) {
		if (check_made(s, &s->made[i]) < 0)
			return -1;
		legacy_names_add(&s->names, s->made[i].family, s->made[i].name)->made = i + 1;
	}
	find_places(s, 4);
	find_places(s, 6);
	return 0;
}

static struct legacy_change *add(struct sorting *s, uint8_t family, struct edit *edit, uint32_t entry)
{
	struct legacy_changes *own = &s->changes[family == 6];

	if (own->n == own->room) {
		size_t room = own->room ? 2 * own->room : s->n + 1;
		struct legacy_change *more = realloc(own->list, room * sizeof *more);
		if (!more)
			return NULL;
		own->list = more;
		own->room = room;
	}
	own->list[own->n] = (struct legacy_change){.edit = edit, .entry = entry};
	return &own->list[own->n++];
}

static int refuse_rule(const struct sorting *s, uint8_t family, const char *chain, const char *why, const char *name)
{
	snprintf(s->error, BACKEND_ERROR_SIZE, "%s: can not put a rule into the chain %s: %s%s", tools[family == 6],
		 chain, why, name);
	return -1;
}

static int find_target(const struct sorting *s, uint8_t family, const char *chain, struct legacy_change *change)
{
	const struct edit *edit = change->edit;

	if (edit->verdict != VERDICT_JUMP && edit->verdict != VERDICT_GOTO)
		return 0;
	const struct legacy_name *name = legacy_names_find(&s->names, family, edit->target);
	if (!name)
		return refuse_rule(s, family, chain, "there is no chain ", edit->target);
	change->to_made = name->made != 0;
	if (name->made) {
		change->target = name->made;
		return 0;
	}
	if (is_going(s, name->chain))
		return refuse_rule(s, family, chain, "this change removes the chain that it leads to, ", edit->target);
	if (s->scope->rules->chains[name->chain].hook != HOOK_NONE)
		return refuse_rule(s, family, chain, "nothing can lead to a chain that is built in, ", edit->target);
	change->target = first_entry(s, name->chain);
	return 0;
}

/* Puts a rule into a chain that has a name only. */
static int insert_by_name(struct sorting *s, struct edit *edit)
{
	const struct legacy_name *name = legacy_names_find(&s->names, edit->family, edit->name);
	struct legacy_change *change;

	if (!name || (!name->made && is_going(s, name->chain)))
		return refuse_rule(s, edit->family, edit->name, "there is no such chain", "");
	if (name->made) {
		assert(s->made);
		change = add(s, edit->family, edit, s->made[name->made - 1].entry);
		if (change)
			change->made = name->made;
	} else {
		change = add(s, edit->family, edit, s->scope->index->ends[name->chain].entry);
	}
	if (!change)
		return no_memory(s);
	return find_target(s, edit->family, edit->name, change);
}

static int insert(struct sorting *s, struct edit *edit)
{
	const struct ruleset *rules = s->scope->rules;
	uint32_t chain = edit->rule == RULE_NONE ? edit->chain : rules->rules[edit->rule].chain;
	uint8_t family = edit->name ? edit->family : rules->chains[chain].family;
	const char *why = legacy_write_obstacle(family, edit);

	if (why)
		return refuse_rule(s, family, edit->name ? edit->name : chain_name(s, chain), why, "");
	if (edit->name)
		return insert_by_name(s, edit);
	if (is_going(s, chain))
		return refuse_rule(s, family, chain_name(s, chain), "this change removes it", "");
	const struct legacy_place *place = edit->rule == RULE_NONE ? &s->scope->index->ends[chain]
								   : &s->scope->index->rules[edit->rule];
	struct legacy_change *change = add(s, family, edit, place->entry);
	return change ? find_target(s, family, chain_name(s, chain), change) : no_memory(s);
}

/* The two entries of a chain itself. */
static int add_pair(struct sorting *s, uint8_t family, struct edit *edit, uint32_t head, uint32_t end, uint32_t made)
{
	const struct {
		uint32_t entry;
		enum legacy_part part;
	} pair[] = {{head, LEGACY_HEAD}, {end, LEGACY_END}};

	for (int i = 0; i < 2; i++) {
		struct legacy_change *change = add(s, family, edit, pair[i].entry);
		if (!change)
			return no_memory(s);
		change->part = (int8_t)pair[i].part;
		change->made = made;
	}
	return 0;
}

static int add_edit(struct sorting *s, struct edit *edit)
{
	const struct legacy_place *place;
	const struct legacy_name *name;

	switch (edit->kind) {
	case EDIT_INSERT:
		return insert(s, edit);
	case EDIT_CHAIN:
		name = legacy_names_find(&s->names, edit->family, edit->name);
		assert(s->made && name && name->made);
		return add_pair(s, edit->family, edit, s->made[name->made - 1].entry, s->made[name->made - 1].entry,
				name->made);
	case EDIT_DELETE_CHAIN:
		place = &s->scope->index->ends[edit->chain];
		return add_pair(s, place->family, edit, first_entry(s, edit->chain) - 1, place->entry, 0);
	default:
		place = &s->scope->index->rules[edit->rule];
		return add(s, place->family, edit, place->entry) ? 0 : no_memory(s);
	}
}

static int by_entry(const void *a, const void *b)
{
	const struct legacy_change *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	if (x->made != y->made)
		return x->made < y->made ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	/* Edits lie in one array: their addresses tell which came first. */
	return (x->edit > y->edit) - (x->edit < y->edit);
}

int legacy_sort(struct legacy_changes changes[2], const struct legacy_scope *scope, struct edit *edits, size_t n,
		char error[BACKEND_ERROR_SIZE])
{
	struct sorting s = {.scope = scope, .changes = changes, .edits = edits, .n = n, .error = error};
	int result = -1;

	memset(changes, 0, 2 * sizeof *changes);
	if (note_removals(&s) < 0 || (needs_names(edits, n) && note_chains(&s) < 0))
		goto out;
	for (size_t i = 0; i < n; i++)
		if (add_edit(&s, &edits[i]) < 0)
			goto out;
	for (int i = 0; i < 2; i++)
		if (changes[i].n)
			qsort(changes[i].list, changes[i].n, sizeof *changes[i].list, by_entry);
	result = 0;
out:
	legacy_names_free(&s.names);
	free(s.made);
	free(s.going);
	free(s.deleted);
	return result;
}

void legacy_sort_free(struct legacy_changes changes[2])
{
	for (int i = 0; i < 2; i++)
		free(changes[i].list);
	memset(changes, 0, 2 * sizeof *changes);
}
