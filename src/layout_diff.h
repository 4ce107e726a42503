/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of layout_compare() share with one another, and with nobody else. */
#ifndef TOWNMETER_LAYOUT_DIFF_H
#define TOWNMETER_LAYOUT_DIFF_H

#include "layout.h"

/* What a chain that stands in the backend, for the version of IP, is to us. */
enum layout_whose {
	LAYOUT_FOREIGN,
	LAYOUT_OURS,
	LAYOUT_STAYS,            /* ours, and to go, but for something of someone else's */
};

struct layout_diff {
	struct layout_changes *changes;
	const struct layout *layout;
	const struct ruleset *rules;
	const struct counter *counters;
	uint64_t canary;
	uint8_t backend;
	bool top;
	/* One for each chain of the layout. */
	uint32_t *standing;      /* in rules.chains, or RULE_NONE */
	const char **names;
	/* One for each chain that stands, in any backend. */
	uint32_t *wanted;        /* in layout.chains, or RULE_NONE */
	uint8_t *whose;          /* enum layout_whose */
	uint32_t *sorted;        /* those of the backend and the version of IP, by name */
	uint32_t n_sorted;
	bool failed;             /* no memory: the changes are incomplete */
};

/* Finds out whose each chain is, which of them the layout wants, and what each of the layout's is to be called. */
void layout_stand(struct layout_diff *diff);

/* Is this rule, of a chain of ours, one that may be deleted? If the chain goes, so do our drops. */
bool layout_stand_is_ours(const struct layout_diff *diff, uint32_t rule, bool goes);

/* Is it the jump from FORWARD to LAYOUT_ROOT? */
bool layout_stand_is_jump(const struct layout_diff *diff, uint32_t rule);

/* The edits that make a chain's rules those of a chain of the layout. */
void layout_merge(struct layout_diff *diff, uint32_t chain);

/* Adds the edit that takes a rule away. */
void layout_diff_delete(struct layout_diff *diff, uint32_t rule);
/* Adds one that puts rule `wanted` of a chain of the layout before a rule that stands, or at the chain's end. */
void layout_diff_insert(struct layout_diff *diff, uint32_t chain, uint32_t wanted, uint32_t before);

/* Adds a line for people. */
void layout_diff_problem(struct layout_diff *diff, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
