/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sources of the ledger share. */
#ifndef TOWNMETER_LEDGER_PRIVATE_H
#define TOWNMETER_LEDGER_PRIVATE_H

#include <limits.h>
#include <sys/types.h>

#include "closed_row.h"
#include "ledger.h"
#include "ledger_connect.h"

/* One part and the rest of its row fill one page of 4096 octets. */
#define LEDGER_PART ((size_t)4000)

enum {
	LEDGER_VERSION = 1,
	/* Among the parts of an intent, what stands in place of a sheet's number for its steps. */
	LEDGER_STEPS = 255,
	LEDGER_WAIT = 500,        /* milliseconds for a lock of another process, such as sqlite3(1) */
};

/* A sheet as the file has it: the shadow that saves are compared with. */
struct ledger_shadow {
	unsigned char *data;
	size_t size, room;        /* octets */
	uint32_t *sums, *next;    /* CRCs of its parts, and those of the save that is being made */
	bool *changed;            /* parts that the save which is being made writes */
	size_t parts_room;
};

struct ledger_part {
	uint64_t place;           /* number of the sheet << 32 | number of the part */
	size_t size;
	unsigned char body[LEDGER_PART];
};

struct ledger_intent {
	bool open;
	unsigned char *steps;
	size_t steps_size;
	size_t sizes[LEDGER_SHEETS];
	struct ledger_part *parts; /* those that differ, in the order of their places */
	size_t n_parts;
	struct closed *closed;
	size_t n_closed;
};

struct ledger_contents {
	struct ledger_shadow sheets[LEDGER_SHEETS];
	uint64_t total;           /* over the sums of all parts: notices one that is good but of another save */
	int64_t saves;
	enum ledger_status status; /* what is to be told until the first save; LEDGER_OK: nothing */
	char trouble[LEDGER_ERROR_SIZE];
	struct ledger_intent intent;
};

enum ledger_statement {
	LEDGER_BEGIN, LEDGER_COMMIT, LEDGER_ROLLBACK, LEDGER_DATA_VERSION,
	LEDGER_PUT_PART, LEDGER_DROP_PARTS, LEDGER_PUT_SHEET, LEDGER_PUT_CLOSED, LEDGER_WITHDRAW, LEDGER_PRUNE,
	LEDGER_INTEND_PART, LEDGER_INTEND_SHEET, LEDGER_INTEND_CLOSED,
	LEDGER_END_PARTS, LEDGER_END_SHEETS, LEDGER_END_CLOSED,
	LEDGER_PUT_STATE, LEDGER_LAST_NUMBER,
	LEDGER_STATEMENTS
};

struct ledger_copying; /* of ledger_copy.c */

struct ledger {
	char directory[PATH_MAX - 64], file[PATH_MAX], copy[PATH_MAX];
	sqlite3 *db;              /* NULL: not open */
	sqlite3_stmt *statements[LEDGER_STATEMENTS];
	bool writable;            /* db can be written, as far as is known */
	bool suspect;             /* check the whole file when it is opened next */
	bool blind;               /* nothing was read at open: a file that turns up later is not this one */
	bool damaged;
	dev_t device;             /* of the file that db is */
	ino_t inode;
	int64_t data_version;     /* changes when another process writes */
	struct ledger_contents now;
	struct {
		bool is;
		unsigned char *data;
		size_t size;
	} adopted[LEDGER_SHEETS];
	struct closed *adopted_closed;
	size_t n_adopted_closed;
	bool intent_in_file;
	enum ledger_status opened; /* what open found: OK, RESTORED or CREATED */
	char opened_trouble[LEDGER_ERROR_SIZE];
	bool failed;
	char failure[LEDGER_ERROR_SIZE];
	int checkpoint;           /* how the last one ended */
	struct ledger_copying *copying;
	int64_t copied, copy_failed; /* seconds; 0: never */
	uint64_t written;
};

/* What a file turned out to be. */
enum ledger_found { LEDGER_FOUND_GOOD, LEDGER_FOUND_DAMAGED, LEDGER_FOUND_NEWER, LEDGER_FOUND_UNREADABLE };

/* --- ledger_schema.c --- */

/* Brings a file to LEDGER_VERSION, each step in one transaction. `create`: an empty file is fine. */
enum ledger_found ledger_schema(sqlite3 *db, bool create, char why[LEDGER_ERROR_SIZE]);

/* The same with any list of steps; step N leads from version N to N + 1. For tests. */
enum ledger_found ledger_schema_steps(sqlite3 *db, bool create, const char *const *steps, int n_steps,
				      char why[LEDGER_ERROR_SIZE]);

/* --- ledger_read.c --- */

uint32_t ledger_part_sum(uint64_t place, const void *body, size_t size);

/* The share of a part in ledger_contents.total. */
uint64_t ledger_part_share(uint64_t place, uint32_t sum);

/* What an error of SQLite says about the file. */
enum ledger_found ledger_judge(int rc);

/* Reads and checks everything; `full`: also each page and each closed period. `contents` is zero before,
 * and to be freed with ledger_contents_free() in any case. */
enum ledger_found ledger_read(sqlite3 *db, bool full, struct ledger_contents *contents,
			      char why[LEDGER_ERROR_SIZE]);
void ledger_contents_free(struct ledger_contents *contents);
void ledger_intent_free(struct ledger_intent *intent);

/* Room for a sheet of this size, with its contents kept. 0 or -1. */
int ledger_shadow_room(struct ledger_shadow *shadow, size_t size);

static inline size_t ledger_parts(size_t size)
{
	return (size + LEDGER_PART - 1) / LEDGER_PART;
}

static inline uint64_t ledger_place(unsigned sheet, size_t part)
{
	return (uint64_t)sheet << 32 | part;
}

/* --- ledger_log.c --- */

/* Is the WAL of this file damaged: more than a transaction that was not finished? SQLite would stop at the
 * first damaged frame and say nothing of the transactions behind it. */
bool ledger_log_damaged(const char *file, char why[LEDGER_ERROR_SIZE]);

/* --- ledger_damage.c --- */

/* Puts a checked copy of `source` (NULL: an empty ledger) in the place of the file, which is kept as
 * FILE.TAG-TIME with its WAL. Until its first save the new file says `status`, and `what` with the name under
 * which the old one is kept, to who opens it.
 * LEDGER_FOUND_DAMAGED: the source is no good; LEDGER_FOUND_UNREADABLE: it could not be done. */
enum ledger_found ledger_replace(struct ledger *ledger, const char *source, const char *tag,
				 enum ledger_status status, const char *what, char why[LEDGER_ERROR_SIZE]);

/* Renames the file, and its WAL if it has one, to FILE.TAG-TIME, a name that is free. 0 or -1 with errno. */
int ledger_set_aside(const char *file, const char *tag, char name[PATH_MAX]);

/* Syncs the directory. 0 or -1 with errno. */
int ledger_sync_directory(const char *directory);

/* --- ledger_start.c --- */

/* Opens the file, for the first time or again. 0: it can be written; -1 with a line: it can't, but what could be
 * read is there; -2 with a line: it is of a newer version. */
int ledger_start(struct ledger *ledger, bool first, char why[LEDGER_ERROR_SIZE]);

/* --- ledger.c --- */

/* Closes the connection. */
void ledger_stop(struct ledger *ledger);

/* The prepared statement, made at its first use; NULL on error. */
sqlite3_stmt *ledger_statement(struct ledger *ledger, enum ledger_statement which);

/* Changes when another connection wrote to the file. */
int64_t ledger_data_version(struct ledger *ledger);

/* --- ledger_copy.c --- */

/* Gives up a copy that is being made. */
void ledger_copy_abandon(struct ledger *ledger);

#endif
