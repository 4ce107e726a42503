/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "layout_diff.h"

/* More lines than this help nobody. */
enum { PROBLEMS_MAX = 100 };

void layout_diff_problem(struct layout_diff *diff, const char *format, ...)
{
	struct layout_changes *changes = diff->changes;
	char line[400];
	va_list args;

	if (changes->problems.n >= PROBLEMS_MAX)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	diff->failed |= lines_add(&changes->problems, "%s", line) < 0;
}

/* An edit of the backend and the version of IP, with the rest to be filled in; NULL without memory. */
static struct layout_change *add(struct layout_diff *diff, enum edit_kind kind, uint32_t chain, uint32_t rule)
{
	struct layout_changes *changes = diff->changes;

	if (grow_array(&changes->list, &changes->room, changes->n, 1, sizeof *changes->list) < 0) {
		diff->failed = true;
		return NULL;
	}
	struct layout_change *change = &changes->list[changes->n++];
	memset(change, 0, sizeof *change);
	change->edit.kind = kind;
	change->edit.rule = rule;
	change->edit.chain = chain;
	change->edit.backend = diff->backend;
	change->edit.family = diff->layout->family;
	change->edit.step = STEP_NONE;
	change->town = RULE_NONE;
	return change;
}

void layout_diff_delete(struct layout_diff *diff, uint32_t rule)
{
	add(diff, EDIT_DELETE, diff->rules->rules[rule].chain, rule);
}

void layout_diff_insert(struct layout_diff *diff, uint32_t chain, uint32_t wanted, uint32_t before)
{
	const struct layout_rule *rule = &diff->layout->rules[diff->layout->chains[chain].first + wanted];
	struct layout_change *change = add(diff, EDIT_INSERT, diff->standing[chain], before);

	if (!change)
		return;
	struct edit *edit = &change->edit;
	if (edit->chain == RULE_NONE)
		edit->name = diff->names[chain];
	bool down = rule->dst.family != PREFIX_NONE || rule->src.family == PREFIX_NONE;
	edit->direction = (uint8_t)(down ? DIRECTION_DOWN : DIRECTION_UP);
	edit->prefix = down ? rule->dst : rule->src;
	if (down)
		edit->other = rule->src;
	edit->ports = rule->ports;
	edit->ports_of = rule->ports_of;
	edit->verdict = rule->verdict;
	if (rule->target != RULE_NONE)
		edit->target = diff->names[rule->target];
	if (rule->kind == ROLE_TOTAL && rule->target == RULE_NONE)
		edit->comment = RULE_COMMENT;
	if (rule->kind == ROLE_CANARY)
		edit->counter.packets = diff->canary;
	change->kind = rule->kind;
	change->town = rule->town;
}

/* The one rule of ours in a built-in chain, which is FORWARD's jump or a total. `chain`: in the layout, or RULE_NONE:
 * it has none. */
static void compare_hook(struct layout_diff *diff, uint32_t chain, uint32_t standing)
{
	const struct ruleset *rules = diff->rules;
	const struct chain *c = &rules->chains[standing];
	bool forward = c->hook == HOOK_FORWARD, others_total = false;
	uint32_t kept = RULE_NONE;

	for (uint32_t r = c->first; r < c->first + c->count; r++) {
		const struct rule *rule = &rules->rules[r];
		bool total = !forward && ruleset_counts_all(rule);
		bool ours = total ? strcmp(ruleset_text(rules, rule->comment), RULE_COMMENT) == 0
				  : layout_stand_is_jump(diff, r);
		others_total |= total && !ours;
		if (!ours)
			continue;
		if (chain != RULE_NONE && kept == RULE_NONE)
			kept = r;
		else
			layout_diff_delete(diff, r);
	}
	bool move = kept != RULE_NONE && forward && diff->top && kept != c->first;
	if (chain == RULE_NONE || (kept == RULE_NONE ? others_total : !move))
		return;
	layout_diff_insert(diff, chain, 0, c->count ? c->first : RULE_NONE);
	if (move)
		layout_diff_delete(diff, kept);
}

static void compare_hooks(struct layout_diff *diff)
{
	static const char *const backends[] = {[CHAIN_LEGACY] = "iptables-legacy", [CHAIN_NFT] = "nf_tables"};
	const struct layout *layout = diff->layout;

	for (uint32_t w = 0; w < layout->n_chains; w++) {
		if (layout->chains[w].hook == HOOK_NONE || diff->standing[w] != RULE_NONE)
			continue;
		layout_diff_problem(diff, "%s has no chain %s for IPv%u, in which a rule of townmeter's is to stand",
				    backends[diff->backend], layout->chains[w].name, layout->family);
		diff->changes->blocked |= layout->chains[w].hook == HOOK_FORWARD;
	}
	for (uint32_t i = 0; i < diff->n_sorted; i++)
		if (diff->rules->chains[diff->sorted[i]].hook != HOOK_NONE)
			compare_hook(diff, diff->wanted[diff->sorted[i]], diff->sorted[i]);
}

/* Ours, and not in the layout. */
static bool goes(const struct layout_diff *diff, uint32_t chain)
{
	return diff->whose[chain] != LAYOUT_FOREIGN && diff->wanted[chain] == RULE_NONE;
}

static void write_changes(struct layout_diff *diff)
{
	const struct layout *layout = diff->layout;
	const struct ruleset *rules = diff->rules;

	for (uint32_t w = 0; w < layout->n_chains; w++) {
		if (diff->standing[w] != RULE_NONE || layout->chains[w].hook != HOOK_NONE)
			continue;
		struct layout_change *change = add(diff, EDIT_CHAIN, RULE_NONE, RULE_NONE);
		if (change)
			change->edit.name = diff->names[w];
	}
	for (uint32_t w = 0; w < layout->n_chains; w++)
		if (layout->chains[w].hook == HOOK_NONE)
			layout_merge(diff, w);
	compare_hooks(diff);
	for (uint32_t i = 0; i < diff->n_sorted; i++) {
		const struct chain *chain = &rules->chains[diff->sorted[i]];
		for (uint32_t r = chain->first; goes(diff, diff->sorted[i]) && r < chain->first + chain->count; r++)
			if (layout_stand_is_ours(diff, r, true))
				layout_diff_delete(diff, r);
	}
	for (uint32_t i = 0; i < diff->n_sorted; i++)
		if (goes(diff, diff->sorted[i]) && diff->whose[diff->sorted[i]] != LAYOUT_STAYS)
			add(diff, EDIT_DELETE_CHAIN, diff->sorted[i], RULE_NONE);
}

int layout_compare(struct layout_changes *changes, const struct layout *layout, const struct ruleset *rules,
		   const struct counter *counters, enum chain_backend backend, uint64_t canary, bool top)
{
	struct layout_diff diff = {.changes = changes, .layout = layout, .rules = rules, .counters = counters,
				   .canary = canary, .backend = (uint8_t)backend, .top = top};
	uint32_t before = changes->n;

	diff.standing = malloc((layout->n_chains + 1u) * sizeof *diff.standing);
	diff.names = malloc((layout->n_chains + 1u) * sizeof *diff.names);
	diff.wanted = malloc((rules->n_chains + 1u) * sizeof *diff.wanted);
	diff.sorted = malloc((rules->n_chains + 1u) * sizeof *diff.sorted);
	diff.whose = calloc(rules->n_chains + 1u, 1);
	diff.failed = !diff.standing || !diff.names || !diff.wanted || !diff.sorted || !diff.whose;
	if (!diff.failed)
		layout_stand(&diff);
	if (!diff.failed && !changes->blocked)
		write_changes(&diff);
	if (changes->blocked)
		changes->n = before;
	free(diff.standing);
	free(diff.names);
	free(diff.wanted);
	free(diff.sorted);
	free(diff.whose);
	if (diff.failed)
		errno = ENOMEM;
	return diff.failed ? -1 : 0;
}

void layout_changes_free(struct layout_changes *changes)
{
	lines_free(&changes->problems);
	lines_free(&changes->names);
	free(changes->list);
	memset(changes, 0, sizeof *changes);
}
