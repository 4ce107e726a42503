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
	uint32_t *classes;         /* of each row of the settings: its chain of classes, down; the next is up */
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

/* The chain that divides what the town or host of this row of the settings gets or sends into classes, made when it
 * is first asked for; RULE_NONE: it has none. layout_services_write() writes the rules of all of them in the end.
 * begin() returns 0, or -1 with errno ENOMEM; free() w->classes. */
int layout_services_begin(struct layout_writing *w);
uint32_t layout_services_chain(struct layout_writing *w, uint32_t row, enum direction direction);
void layout_services_write(struct layout_writing *w);

#endif
