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

/* Mixes into a fingerprint what an entry is: its conditions, its size, and whether it drops, jumps or goes
 * on; neither what it counts nor where it stands. The second one is for the entry that an EDIT_INSERT makes. */
uint64_t legacy_edit_print(uint64_t print, uint8_t family, unsigned char *entries, size_t offset);
uint64_t legacy_edit_print_insert(uint64_t print, uint8_t family, const struct edit *edit);

#endif
