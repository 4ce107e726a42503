/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout.h"

#include <errno.h>
#include <stdlib.h>

#include "layout_private.h"

/*
 * nf_tables refuses a rule set in which 16 jumps and gotos follow one another: FORWARD, townmeter, the chains of
 * towns (tm-d), tm-x, the town's chain, the chains of hosts and tm-s are 16 chains then. Towns spread over all
 * addresses are rarer than a town of 10.0.0.0/8, which takes 6 levels.
 */
enum { TOWN_LEVELS = 5, HOST_LEVELS = 6 };

/* A chain that is not ours, with the one rule that is. */
static void write_hook(struct layout_writing *w, enum hook hook, const char *name, const struct layout_rule *rule)
{
	uint32_t chain = layout_write_chain(w, hook, name);

	layout_write_begin(w, chain);
	layout_write_rule(w, rule);
	layout_write_end(w, chain);
}

static void write_totals(struct layout_writing *w)
{
	struct layout_rule total = layout_write_nothing;

	total.kind = ROLE_TOTAL;
	if (w->settings->totals & SETTINGS_TOTAL_INPUT)
		write_hook(w, HOOK_INPUT, "INPUT", &total);
	if (w->settings->totals & SETTINGS_TOTAL_OUTPUT)
		write_hook(w, HOOK_OUTPUT, "OUTPUT", &total);
}

/* A packet for what the item stands for is at the end of the way through a tree. */
typedef void write_item(struct layout_writing *w, enum direction direction, const struct layout_item *item);

/* Writes the chains of the tree that was built; `root` is that of its root, `ahead` the chain that all packets go
 * through first, or RULE_NONE. */
static void write_tree(struct layout_writing *w, enum direction direction, uint32_t root, uint32_t ahead,
		       write_item *write)
{
	const struct layout_tree *tree = &w->tree;
	uint32_t base = w->layout->n_chains;

	for (uint32_t i = 1; i < tree->n_nodes; i++)
		layout_write_generated(w, direction == DIRECTION_DOWN ? LAYOUT_DOWN : LAYOUT_UP, direction,
				       &tree->nodes[i].prefix);
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		const struct layout_node *node = &tree->nodes[i];
		uint32_t chain = i ? base + i - 1 : root;
		layout_write_begin(w, chain);
		if (i == 0 && ahead != RULE_NONE)
			layout_write_lead(w, direction, NULL, VERDICT_JUMP, ahead);
		for (uint32_t c = node->first_child; c < node->first_child + node->n_children; c++)
			layout_write_lead(w, direction, &tree->nodes[c].prefix, VERDICT_GOTO, base + c - 1);
		for (uint32_t k = node->first_item; k < node->first_item + node->n_items; k++)
			write(w, direction, &tree->items[k]);
		layout_write_end(w, chain);
	}
}

static void write_way_to_town(struct layout_writing *w, enum direction direction, const struct layout_item *item)
{
	const struct layout_town *town = &w->towns[item->id];

	layout_write_lead(w, direction, &item->prefix, VERDICT_GOTO,
			  direction == DIRECTION_DOWN ? town->chain : town->outside);
}

/* The trees over the towns' prefixes. */
static void write_ways(struct layout_writing *w, const uint32_t root[2])
{
	const struct prefix all = {.family = w->layout->family};

	layout_tree_clear(&w->tree);
	for (uint32_t t = 0; t < w->n_towns; t++)
		for (uint32_t i = w->towns[t].first; i < w->towns[t].first + w->towns[t].n; i++)
			w->failed |= layout_tree_add(&w->tree, &w->settings->prefixes[i].prefix, t) < 0;
	w->failed |= layout_tree_build(&w->tree, &all, TOWN_LEVELS) < 0;
	for (int d = 0; d < 2 && !w->failed; d++)
		write_tree(w, (enum direction)d, root[d], RULE_NONE, write_way_to_town);
}

static void write_host(struct layout_writing *w, enum direction direction, const struct layout_item *item)
{
	uint32_t classes = layout_services_chain(w, w->settings->prefixes[item->id].row, direction);
	struct layout_rule rule = layout_write_for(direction, &item->prefix, VERDICT_NONE, classes);

	if (classes != RULE_NONE)
		rule.verdict = VERDICT_JUMP;
	rule.kind = ROLE_COUNT;
	rule.direction = (uint8_t)direction;
	rule.town = w->town->row;
	layout_write_rule(w, &rule);
}

/* The trees over the hosts in one of a town's prefixes. */
static void write_hosts(struct layout_writing *w, const struct prefix *prefix, const uint32_t root[2])
{
	const struct settings *settings = w->settings;

	layout_tree_clear(&w->tree);
	for (size_t i = settings_first_host(settings, prefix); i < settings->n_by_prefix; i++) {
		uint32_t index = settings->by_prefix[i];
		if (!prefix_contains(prefix, &settings->prefixes[index].prefix))
			break;
		w->failed |= layout_tree_add(&w->tree, &settings->prefixes[index].prefix, index) < 0;
	}
	w->failed |= layout_tree_build(&w->tree, prefix, HOST_LEVELS) < 0;
	for (int d = 0; d < 2 && !w->failed; d++) {
		uint32_t classes = layout_services_chain(w, w->town->row, (enum direction)d);
		write_tree(w, (enum direction)d, root[d], classes, write_host);
	}
}

static void write_town(struct layout_writing *w, const struct layout_town *town)
{
	const struct settings_prefix *prefixes = &w->settings->prefixes[town->first];
	uint32_t first_root = w->layout->n_chains;

	layout_write_begin(w, town->outside);
	for (uint32_t i = 0; i < town->n; i++)
		layout_write_lead(w, DIRECTION_DOWN, &prefixes[i].prefix, VERDICT_RETURN, RULE_NONE);
	layout_write_lead(w, DIRECTION_DOWN, NULL, VERDICT_GOTO, town->chain);
	layout_write_end(w, town->outside);
	for (uint32_t i = 0; i < town->n; i++) {
		layout_write_generated(w, LAYOUT_DOWN, DIRECTION_DOWN, &prefixes[i].prefix);
		layout_write_generated(w, LAYOUT_UP, DIRECTION_UP, &prefixes[i].prefix);
	}
	layout_write_begin(w, town->chain);
	for (uint32_t i = 0; i < 2 * town->n; i++) {
		struct layout_rule rule = layout_write_for(i % 2 ? DIRECTION_UP : DIRECTION_DOWN,
							   &prefixes[i / 2].prefix, VERDICT_JUMP, first_root + i);
		rule.kind = ROLE_JUMP;
		rule.direction = i % 2;
		rule.town = town->row;
		layout_write_rule(w, &rule);
	}
	layout_write_end(w, town->chain);
	w->town = town;
	for (uint32_t i = 0; i < town->n; i++)
		write_hosts(w, &prefixes[i].prefix, (uint32_t[]){first_root + 2 * i, first_root + 2 * i + 1});
}

/* Finds the towns that have prefixes of the family. */
static int find_towns(struct layout_writing *w)
{
	const struct settings *settings = w->settings;

	w->towns = calloc(settings->n_rows + 1, sizeof *w->towns);
	if (!w->towns)
		return -1;
	for (size_t r = 0; r < settings->n_rows; r++) {
		const struct settings_row *row = &settings->rows[r];
		struct layout_town *town = &w->towns[w->n_towns];
		if (row->host[0])
			continue;
		*town = (struct layout_town){.row = (uint32_t)r};
		for (uint32_t i = row->first_prefix; i < row->first_prefix + row->n_prefixes; i++)
			if (settings->prefixes[i].prefix.family == w->layout->family && town->n++ == 0)
				town->first = i;
		w->n_towns += town->n > 0;
	}
	return 0;
}

static void write_root(struct layout_writing *w)
{
	struct prefix none = {.family = w->layout->family, .length = (uint8_t)(8 * prefix_octets(w->layout->family))};
	struct layout_rule canary = layout_write_nothing, jump = layout_write_nothing;
	uint32_t root = layout_write_chain(w, HOOK_NONE, LAYOUT_ROOT), ways[2];

	jump.kind = ROLE_TOTAL;
	jump.verdict = VERDICT_JUMP;
	jump.target = root;
	write_hook(w, HOOK_FORWARD, "FORWARD", &jump);
	ways[DIRECTION_DOWN] = layout_write_generated(w, LAYOUT_DOWN, DIRECTION_DOWN, NULL);
	ways[DIRECTION_UP] = layout_write_generated(w, LAYOUT_UP, DIRECTION_UP, NULL);
	canary.dst = canary.src = none;
	canary.kind = ROLE_CANARY;
	layout_write_begin(w, root);
	layout_write_rule(w, &canary);
	layout_write_lead(w, DIRECTION_DOWN, NULL, VERDICT_JUMP, ways[DIRECTION_DOWN]);
	layout_write_lead(w, DIRECTION_UP, NULL, VERDICT_JUMP, ways[DIRECTION_UP]);
	layout_write_end(w, root);
	for (uint32_t t = 0; t < w->n_towns; t++) {
		struct layout_town *town = &w->towns[t];
		town->chain = layout_write_chain(w, HOOK_NONE, w->settings->rows[town->row].town);
		town->outside = layout_write_generated(w, LAYOUT_OUTSIDE, DIRECTION_UP,
						       &w->settings->prefixes[town->first].prefix);
		if (!w->failed)
			w->layout->chains[town->chain].town = town->row;
	}
	write_ways(w, ways);
}

struct layout *layout_new(const struct settings *settings, uint8_t family)
{
	struct layout *layout = calloc(1, sizeof *layout);
	struct layout_writing w = {.layout = layout, .settings = settings};

	if (!layout)
		return NULL;
	layout->family = family;
	if (!settings || !settings->managed)
		return layout;
	write_totals(&w);
	w.failed |= find_towns(&w) < 0 || layout_services_begin(&w) < 0;
	if (!w.failed && w.n_towns)
		write_root(&w);
	for (uint32_t t = 0; t < w.n_towns && !w.failed; t++)
		write_town(&w, &w.towns[t]);
	if (!w.failed)
		layout_services_write(&w);
	free(w.towns);
	free(w.classes);
	layout_tree_free(&w.tree);
	if (!w.failed)
		return layout;
	layout_free(layout);
	errno = ENOMEM;
	return NULL;
}

void layout_free(struct layout *layout)
{
	if (!layout)
		return;
	free(layout->chains);
	free(layout->rules);
	free(layout);
}
