/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table with rules put in and taken out: every offset in it (jumps, hooks, policies) moves along.
 * Pure: reads one block of entries, writes another.
 */
#ifndef TOWNMETER_LEGACY_EDIT_H
#define TOWNMETER_LEGACY_EDIT_H

#include "backend.h"
#include "legacy_table.h"

/* An edit of one table: `entry` is the number of the entry it deletes, or inserts before. */
struct legacy_change {
	struct edit *edit;
	uint32_t entry;
};

struct legacy_edition {
	struct ipt_getinfo info;
	unsigned char *entries;
	uint32_t *origin;       /* for each entry of the new table: the old one's number, or RULE_NONE */
	struct edit **inserted; /* for each entry of the new table: the edit that put it there, or NULL */
};

/* Makes the new table. `changes` are EDIT_INSERT and EDIT_DELETE only, in ascending order of entry;
 * inserts before one entry keep their order. Returns 0, or -1 with errno ENOMEM. Free with
 * legacy_edition_free() in both cases. */
int legacy_edition_make(struct legacy_edition *edition, const struct legacy_table *table,
			const struct legacy_change *changes, size_t n);
void legacy_edition_free(struct legacy_edition *edition);

#endif
