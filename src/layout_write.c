/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Appends chains and rules to a layout. */
#include <string.h>

#include "grow.h"
#include "layout_private.h"

const struct layout_rule layout_write_nothing = {.verdict = VERDICT_NONE, .target = RULE_NONE, .town = RULE_NONE};

uint32_t layout_write_chain(struct layout_writing *w, enum hook hook, const char *name)
{
	struct layout *layout = w->layout;

	if (w->failed ||
	    grow_array(&layout->chains, &layout->room_chains, layout->n_chains, 1, sizeof *layout->chains) < 0) {
		w->failed = true;
		return RULE_NONE;
	}
	struct layout_chain *chain = &layout->chains[layout->n_chains];
	*chain = (struct layout_chain){.town = RULE_NONE, .hook = (uint8_t)hook};
	memcpy(chain->name, name, strnlen(name, sizeof chain->name - 1));
	return layout->n_chains++;
}

uint32_t layout_write_generated(struct layout_writing *w, enum layout_chain_kind kind, enum direction direction,
				const struct prefix *prefix)
{
	char name[LAYOUT_NAME_SIZE];

	return layout_write_chain(w, HOOK_NONE, layout_name(name, kind, direction, prefix));
}

void layout_write_begin(struct layout_writing *w, uint32_t chain)
{
	if (!w->failed)
		w->layout->chains[chain].first = w->layout->n_rules;
}

void layout_write_end(struct layout_writing *w, uint32_t chain)
{
	if (!w->failed)
		w->layout->chains[chain].count = w->layout->n_rules - w->layout->chains[chain].first;
}

void layout_write_rule(struct layout_writing *w, const struct layout_rule *rule)
{
	struct layout *layout = w->layout;

	w->failed = w->failed ||
		    grow_array(&layout->rules, &layout->room_rules, layout->n_rules, 1, sizeof *layout->rules) < 0;
	if (!w->failed)
		layout->rules[layout->n_rules++] = *rule;
}

struct layout_rule layout_write_for(enum direction direction, const struct prefix *prefix, enum verdict verdict,
				    uint32_t target)
{
	struct layout_rule rule = layout_write_nothing;

	if (prefix && direction == DIRECTION_DOWN)
		rule.dst = *prefix;
	else if (prefix)
		rule.src = *prefix;
	rule.verdict = (uint8_t)verdict;
	rule.target = target;
	return rule;
}

void layout_write_lead(struct layout_writing *w, enum direction direction, const struct prefix *prefix,
		       enum verdict verdict, uint32_t target)
{
	const struct layout_rule rule = layout_write_for(direction, prefix, verdict, target);

	layout_write_rule(w, &rule);
}
