/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From edits to what happens to the entries of each table: names of chains are looked up, and new chains get the
 * place that iptables would give them. It finds its way through a table fastest if they stand in the order of
 * their names. Pure.
 */
#ifndef TOWNMETER_LEGACY_SORT_H
#define TOWNMETER_LEGACY_SORT_H

#include "backend.h"
#include "legacy_edit.h"
#include "legacy_rules.h"

struct legacy_changes {
	struct legacy_change *list; /* of one table, in the order that legacy_edition_make() wants */
	size_t n, room;
};

/* What the edits are for: the tables of IPv4 and IPv6, and how they were read. */
struct legacy_scope {
	const struct legacy_table *tables;
	const struct ruleset *rules;
	const struct legacy_index *index;
};

/* Sorts the edits into those of IPv4 and those of IPv6. Returns 0, or -1: `error` says what can not be done. Free
 * with legacy_sort_free() in both cases. */
int legacy_sort(struct legacy_changes changes[2], const struct legacy_scope *scope, struct edit *edits, size_t n,
		char error[BACKEND_ERROR_SIZE]);
void legacy_sort_free(struct legacy_changes changes[2]);

#endif
