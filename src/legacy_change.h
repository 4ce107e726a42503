/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out edits on one table, losslessly, and can take them back.
 *
 * Counters alone: IPT_SO_SET_ADD_COUNTERS with the negative of what was read, which is exact since
 * addition is modulo 2^64. Rules: IPT_SO_SET_REPLACE, which returns the last counter of every old
 * entry, and one ADD_COUNTERS that gives them back to the entries that stay.
 */
#ifndef TOWNMETER_LEGACY_CHANGE_H
#define TOWNMETER_LEGACY_CHANGE_H

#include "backend.h"
#include "legacy_edit.h"
#include "legacy_table.h"

struct legacy_transaction {
	struct legacy_table *table;
	struct legacy_change *changes; /* the table's own edits, ascending by entry */
	size_t n;
	struct legacy_edition edition; /* when rules come or go */
	struct xt_counters_info *add;  /* given to the kernel */
	struct xt_counters *old;       /* the last counters of the replaced table */
	bool replaced, done;
};

/* Carries out; all memory is taken before the kernel is touched. On CHANGE_DONE every EDIT_ZERO and
 * EDIT_DELETE has its counter. errno tells why otherwise. */
enum change_result legacy_transaction_run(struct legacy_transaction *transaction);

/* Takes back what was done. Returns 0, or -1 with errno. */
int legacy_transaction_revert(struct legacy_transaction *transaction);

/* Frees what run() took; not `changes`. */
void legacy_transaction_free(struct legacy_transaction *transaction);

#endif
