/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out edits on one table, losslessly, and can take them back.
 *
 * Counters alone: IPT_SO_SET_ADD_COUNTERS with the negative of what was read, which is exact since
 * addition is modulo 2^64. Rules: IPT_SO_SET_REPLACE, which returns the last counter of every old
 * entry, and one ADD_COUNTERS that gives them back to the entries that stay. Either way a rule that is
 * zeroed loses exactly what was read: what it counted since stays in it.
 */
#ifndef TOWNMETER_LEGACY_CHANGE_H
#define TOWNMETER_LEGACY_CHANGE_H

#include "backend.h"
#include "legacy_edit.h"
#include "legacy_table.h"
#include "legacy_witness.h"

struct legacy_transaction {
	struct legacy_table *table;
	struct legacy_change *changes; /* the table's own edits, ascending by entry */
	size_t n;
	const struct legacy_witness *witness; /* moves along with the counters; NULL: there is none */
	struct legacy_change *structural; /* those with which rules come or go */
	struct legacy_edition edition;    /* what they make of the table */
	struct xt_counters_info *add;  /* given to the kernel */
	struct xt_counters *read;      /* the counters as read; NULL: nothing is zeroed */
	struct xt_counters *old;       /* the last counters of the replaced table */
	bool replaced, done;
};

/*
 * Adding a negative number relies on the kernel's addition being modulo 2^64: proves it on the witness's
 * counter, and puts that back. Returns 0, or -1 with errno (EOPNOTSUPP: it is not).
 */
int legacy_transaction_prove(const struct legacy_table *table);

/* Adds to the witness alone. Returns 0, or -1 with errno. */
int legacy_transaction_move_witness(const struct legacy_table *table, const struct xt_counters *by);

/* Carries out; all memory is taken before the kernel is touched. On CHANGE_DONE every EDIT_ZERO and
 * EDIT_DELETE has its counter. errno tells why otherwise. */
enum change_result legacy_transaction_run(struct legacy_transaction *transaction);

/* Takes back what was done, and the witness with it. Returns 0, or -1 with errno. */
int legacy_transaction_revert(struct legacy_transaction *transaction);

/* Frees what run() took; not `changes`. */
void legacy_transaction_free(struct legacy_transaction *transaction);

#endif
