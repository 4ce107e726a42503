/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outlives the process: DIRECTORY/ledger.db, an SQLite file of one writer. It holds a few sheets
 * (flat arrays, opaque here), the closed periods, and at most one intent: what a step that can not be
 * taken back is about to do. A save is one transaction, synced before it returns: after a crash the file
 * is as before the save or as after it. Only the parts of a sheet that changed are written.
 *
 * A damaged file is never trusted and never lost: it is kept under a name of its own, and the copy that is
 * made once a day takes its place. A disk that can not be written costs the saves, not the metering.
 *
 * All functions are for one thread, and only one process may have a ledger open. Readers of the closed
 * periods have history.h.
 */
#ifndef TOWNMETER_LEDGER_H
#define TOWNMETER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "closed.h"

enum { LEDGER_ERROR_SIZE = 512 };

/* Their values are part of the file's format: new ones go to the end. */
enum ledger_sheet {
	LEDGER_AGENT, LEDGER_TOTALS, LEDGER_TOWNS, LEDGER_HOSTS, LEDGER_RULES, LEDGER_FLOWS, LEDGER_COUNTS,
	LEDGER_CLASSES, LEDGER_OWNERS, LEDGER_SERVICES, LEDGER_PORTS, LEDGER_SHEETS
};

enum ledger_status {
	LEDGER_OK = 1,
	LEDGER_RESTORED, /* the file was damaged or missing; this is an older state of it */
	LEDGER_CREATED,  /* there was none, or nothing could be read of it */
	LEDGER_FAILED,   /* what is metered now is not saved */
};

struct ledger;

struct ledger_save {
	struct {
		const void *data; /* NULL: the sheet stays as it is; never a pointer that ledger_sheet() gave */
		size_t size;
	} sheets[LEDGER_SHEETS];
	const struct closed *closed; /* in SNMP's order they are written fastest */
	size_t n_closed;
	uint32_t keep; /* closed periods kept a row, >= 1; the oldest go. Each row in `closed` is pruned to that. */
};

/* Opens the ledger in this directory, which exists. NULL with one line in `error` only if the file is of a
 * newer version of townmeter, its path is too long, or there is no memory. Whatever else is wrong, there is a
 * ledger: it holds what could be read, and its status is LEDGER_FAILED if it can not be saved. */
struct ledger *ledger_open(const char *directory, char error[LEDGER_ERROR_SIZE]);

/* Closes it, without a save. NULL is allowed. */
void ledger_close(struct ledger *ledger);

/* Whether it is saved, and if so what open found. RESTORED and CREATED stay until it is closed, and come
 * again at the next open if nothing was saved meanwhile. */
enum ledger_status ledger_status(const struct ledger *ledger);

/* One line: why it is FAILED or RESTORED, or CREATED in place of a damaged file; "" otherwise. */
const char *ledger_trouble(const struct ledger *ledger);

/* Was something damaged, missing or unreadable at open, so that what the ledger holds may be older than what
 * was published before? Counters need a new discontinuity time then. */
bool ledger_was_damaged(const struct ledger *ledger);

/* A sheet as it was read at open, saved last or adopted; NULL and size 0 if it is empty. Borrowed until the
 * next ledger_save, ledger_intend or ledger_adopt, also one that fails. */
const void *ledger_sheet(const struct ledger *ledger, enum ledger_sheet sheet, size_t *size);

/* Will a save go on from the last one, or from open? Else it begins with reading the file anew, which may have
 * become another one: give it every sheet. */
bool ledger_is_sound(struct ledger *ledger);

/* Saves all in one transaction, and ends an open intent. A closed row that exists is replaced. 0, or -1 with a
 * line in `error`: the status is LEDGER_FAILED, and the next call tries again from the start. (After a failed
 * sync a crash may still show the new state at the next open: as a whole, or not at all.) */
int ledger_save(struct ledger *ledger, const struct ledger_save *save, char error[LEDGER_ERROR_SIZE]);

/* Before a step that can not be taken back: saves `now`, and with it in the same transaction an intent: how
 * `then` differs (sheets, and its closed rows; `keep` of `then` is not used) and `steps`, which are opaque and
 * may be megabytes. Replaces an older intent. The sheets are those of `now` afterwards. Errors as above. */
int ledger_intend(struct ledger *ledger, const struct ledger_save *now, const struct ledger_save *then,
		  const void *steps, size_t size, char error[LEDGER_ERROR_SIZE]);

/* Was an intent open when the last process ended? Its steps are borrowed until the next save. */
bool ledger_pending(const struct ledger *ledger, const void **steps, size_t *size);

/* What the pending intent was about did happen: the sheets become those of `then`, and its closed rows join the
 * next save. Without this call the next save drops the intent. Nothing is written before that save: after a
 * crash the intent is pending again. 0, or -1 with errno: ENOENT without a pending intent, ENOMEM. */
int ledger_adopt(struct ledger *ledger);

/* 1 + the highest closed number of this name (host: NULL for a town), 1 if it has none: a host that comes
 * back continues its numbers. 0, or -1 with *number = 1: the ledger can not be read. */
int ledger_number_after(struct ledger *ledger, bool is_host, const char *town, const char *host, uint32_t *number);

/* Keeps DIRECTORY/ledger.db.copy at most a day old. Call it after each save: a copy of a large ledger is made
 * and checked over many calls, each of some 20 ms. 0: nothing was due or it goes well; 1: a copy was finished;
 * -1: it failed (this is logged) and is tried again an hour later. */
int ledger_copy_if_due(struct ledger *ledger, int64_t now_seconds);

/* Octets of parts written so far. */
uint64_t ledger_bytes_written(const struct ledger *ledger);

#endif
