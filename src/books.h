/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model and the ledger together: what is metered goes into the ledger before anyone sees it, and a
 * process that starts goes on from there. Belongs to the meter thread.
 *
 * A step that can not be taken back (counters set to zero, rules replaced) is announced first: the ledger
 * then holds the model as it is, and what it will be once the step was made. After a crash the backend's
 * witness tells which of the two is true (recover.c).
 */
#ifndef TOWNMETER_BOOKS_H
#define TOWNMETER_BOOKS_H

#include "boot.h"
#include "image.h"
#include "ledger.h"
#include "meter.h"

struct books {
	struct ledger *ledger;
	char boot[BOOT_ID_SIZE]; /* of this life */
	uint64_t network;
	enum meter_start start;  /* has the packet filter begun anew since the ledger was saved? */
	bool lost;               /* traffic may be missing since then */
	bool pending;            /* an intent of the last process is open: what is in the ledger may be old */
	bool clean;              /* this is the last save of an agent that ends well */
	uint32_t keep;           /* closed periods a row */
	int64_t boundary;        /* when the schedule last was to end the periods, in seconds; INT64_MIN: never */
	struct image now;        /* of books_begin() */
	struct closed *kept;     /* periods that ended, and are not in the ledger yet */
	size_t n_kept, room;
	bool unsaved;            /* a change was made that the ledger only announces: its witness is needed still */
};

/* Opens the ledger of a directory, and fills what `agent` keeps in it. Returns 0, or -1 with a line in
 * `error`: it is of a newer version, or makes no sense. books_close() in both cases. */
int books_open(struct books *books, const char *directory, struct view_agent *agent, decitime now,
	       char error[LEDGER_ERROR_SIZE]);
void books_close(struct books *books);

/* The pending change was made: the ledger's model is what it led to, and `agent` gets what it changed there.
 * Returns 0, or -1 with errno. */
int books_adopt(struct books *books, struct view_agent *agent);

/* The model that the ledger holds, or an empty one. NULL with errno: EBADMSG if its records make no sense. */
struct meter *books_meter(const struct books *books, bool lost, decitime now);

/* Saves everything, and the periods that were kept for it. Returns 0, or -1 with a line in `error`: nothing was
 * saved, and what was kept waits for the next try. While an intent of the last process is open nothing is saved,
 * which is no error. */
int books_save(struct books *books, struct meter *meter, struct view_agent *agent,
	       char error[LEDGER_ERROR_SIZE]);

/* Before a change: keeps the model as it is now, and takes room for the periods that end with it. After the model
 * was changed books_intend() announces the step, described by `steps`. Returns 0, or -1 with a line in `error`. */
int books_begin(struct books *books, const struct meter *meter, const struct view_agent *agent, size_t n_closed,
		char error[LEDGER_ERROR_SIZE]);
int books_intend(struct books *books, const struct meter *meter, const struct view_agent *agent,
		 const struct closed *closed, size_t n_closed, const void *steps, size_t size,
		 char error[LEDGER_ERROR_SIZE]);

/* The change was made: its periods go into the ledger with the next save or intent that succeeds, be it now or
 * in days. There is room for as many as books_begin() was told of. */
void books_keep(struct books *books, const struct closed *closed, size_t n_closed);

#endif
