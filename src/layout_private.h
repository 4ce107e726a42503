/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of layout_new() share with one another, and with nobody else. */
#ifndef TOWNMETER_LAYOUT_PRIVATE_H
#define TOWNMETER_LAYOUT_PRIVATE_H

#include "layout.h"
#include "layout_tree.h"

/* A town that has prefixes of the family. */
struct layout_town {
	uint32_t row;
	uint32_t chain, outside;   /* in layout.chains */
	uint32_t first, n;         /* in settings.prefixes */
};

struct layout_writing {
	struct layout *layout;
	const struct settings *settings;
	struct layout_town *towns;
	uint32_t n_towns;
	const struct layout_town *town; /* whose hosts are written */
	struct layout_tree tree;
	bool failed;               /* no memory: nothing more is added, and indexes are RULE_NONE */
};

/* A rule that matches everything, without a target. */
extern const struct layout_rule layout_write_nothing;

/* Adds a chain without rules, by its name or by what makes it one (layout_name()). Returns its index. */
uint32_t layout_write_chain(struct layout_writing *w, enum hook hook, const char *name);
uint32_t layout_write_generated(struct layout_writing *w, enum layout_chain_kind kind, enum direction direction,
				const struct prefix *prefix);

/* Rules that are added between the two are this chain's. */
void layout_write_begin(struct layout_writing *w, uint32_t chain);
void layout_write_end(struct layout_writing *w, uint32_t chain);

/* Adds a rule. */
void layout_write_rule(struct layout_writing *w, const struct layout_rule *rule);

/* A rule for what goes to (down) or comes from (up) the prefix; NULL: for everything. */
struct layout_rule layout_write_for(enum direction direction, const struct prefix *prefix, enum verdict verdict,
				    uint32_t target);

/* Adds such a rule. */
void layout_write_lead(struct layout_writing *w, enum direction direction, const struct prefix *prefix,
		       enum verdict verdict, uint32_t target);

#endif
