/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a crash leaves of a change of a table, and how to go on from there.
 *
 * The witness is the counter of the entry that ends the table: no packet gets there, iptables does not show
 * it, and other programs set it to zero when they replace the table. The very ADD_COUNTERS that takes or gives
 * back the table's counters moves it from one number to another. A table that was replaced stands without any
 * counters, this one included, until that call. That it was us who replaced it, and not another program, is told
 * by a mark in the same entry: in a field that kernels since Linux 2.6 keep and do not use, and that other
 * programs leave at 0. Then the counters that were read are given back.
 */
#ifndef TOWNMETER_LEGACY_WITNESS_H
#define TOWNMETER_LEGACY_WITNESS_H

#include "backend.h"
#include "legacy_edit.h"
#include "legacy_table.h"

struct legacy_witness {
	struct xt_counters before, after; /* before: never 0; after: a number that no other change has */
};

/* The counter of the table's last entry; borrowed. */
struct xt_counters *legacy_witness_of(const struct legacy_table *table);

/* Marks the entries of a table that is about to replace another one, with the witness that its counters get; or
 * to take that back; or, without a witness, with nothing. */
enum legacy_mark { LEGACY_MARK_CHANGE = 3, LEGACY_MARK_REVERT = 2 };
void legacy_witness_mark(struct legacy_table *table, const struct legacy_witness *witness, enum legacy_mark mark);

/* Picks the numbers for a change of the table that was read. `before` is that of the kernel, or one that the
 * caller has to put there first if that is 0. */
void legacy_witness_pick(struct legacy_witness *witness, const struct legacy_table *table);

/* Adds to the intent what settling needs to know of one table's change, as its next step. `changes` in
 * ascending order of entry. Returns 0, or -1 with errno ENOMEM: what the intent had before stays. */
int legacy_witness_note(struct intent *intent, const struct legacy_table *table, const struct legacy_witness *witness,
			const struct legacy_change *changes, size_t n);

/* What one note says, its arrays borrowed from the intent and not aligned. */
struct legacy_note {
	uint8_t family;
	struct legacy_witness witness;
	uint32_t n_entries, n_changes;     /* of the table that was read; 0: no rule comes or goes */
	uint64_t old_print, new_print;
	const unsigned char *changes, *counters;
};

/* Reads the note at *offset, and moves on. Returns 1, 0 at the end, or -1 with errno EBADMSG. */
int legacy_witness_next(struct legacy_note *note, const void *data, size_t size, size_t *offset);

/* What came of the step, by the table as it stands. *rescue: what to add to its counters first, or NULL; the
 * caller frees it. Pure. Returns an outcome, or -1 with errno ENOMEM. */
int legacy_witness_judge(const struct legacy_note *note, const struct legacy_table *table,
			 struct xt_counters_info **rescue);

#endif
