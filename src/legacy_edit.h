/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table with rules put in and taken out: every offset in it (jumps, hooks, policies) moves along.
 * Pure: reads one block of entries, writes another.
 */
#ifndef TOWNMETER_LEGACY_EDIT_H
#define TOWNMETER_LEGACY_EDIT_H

#include "backend.h"
#include "legacy_table.h"

/* A chain is two entries beside its rules. In this order they stand in a table. */
enum legacy_part { LEGACY_HEAD = -1, LEGACY_RULE, LEGACY_END };

/* What an edit does to one entry of a table; edits of whole chains are two changes. */
struct legacy_change {
	struct edit *edit;
	uint32_t entry;  /* the number of the entry that it is about, or that an entry is put before */
	int8_t part;     /* enum legacy_part, of EDIT_CHAIN and EDIT_DELETE_CHAIN */
	bool to_made;    /* jumps: `target` is the number of a chain that is made, not of its first entry */
	uint32_t made;   /* the number of the chain that is made and has the entry, from 1; 0: the chain stands */
	uint32_t target; /* jumps: the number of their chain's first entry */
};

/* Does it take an entry away, put one into the table? */
static inline bool legacy_edit_deletes(const struct legacy_change *change)
{
	return change->edit->kind == EDIT_DELETE || change->edit->kind == EDIT_DELETE_CHAIN;
}

static inline bool legacy_edit_inserts(const struct legacy_change *change)
{
	return change->edit->kind == EDIT_INSERT || change->edit->kind == EDIT_CHAIN;
}

struct legacy_edition {
	struct ipt_getinfo info;
	unsigned char *entries; /* borrowed */
	uint32_t *origin; /* for each entry of the new table: the old one's number, or RULE_NONE */
	const struct legacy_change **inserted; /* for each of them: the change that put it there, or NULL; borrowed */
};

/* How many octets the entries of the new table take, at the most. */
size_t legacy_edition_size(const struct legacy_table *table, const struct legacy_change *changes, size_t n);

/* Makes the new table, in as many octets at `entries`. `changes` are those that put entries in or take them away, in
 * ascending order of entry; inserts before one entry keep their order, and chains that are made have their numbers in
 * it. Returns 0, or -1 with errno (ENOMEM; EINVAL: there is no such entry). Free with legacy_edition_free() in both
 * cases. */
int legacy_edition_make(struct legacy_edition *edition, unsigned char *entries, const struct legacy_table *table,
			const struct legacy_change *changes, size_t n);
void legacy_edition_free(struct legacy_edition *edition);

/* Mixes into a fingerprint what an entry is: its conditions, its size, and whether it drops, jumps or goes
 * on; neither what it counts nor where it stands. The second one is for the entry that a change puts in. */
uint64_t legacy_edit_print(uint64_t print, uint8_t family, unsigned char *entries, size_t offset);
uint64_t legacy_edit_print_insert(uint64_t print, uint8_t family, const struct legacy_change *change);

#endif
