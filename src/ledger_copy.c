/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daily copy, in slices: a SET waits for the meter thread, so nothing may keep that busy for long. The copy
 * is checked before it takes the old one's place: a ledger that went bad must not spoil its copy as well.
 */
#include "ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum { SLICE = 20000000, DAY = 86400, HOUR = 3600, PAGES = 256 };

struct ledger_copying {
	char path[PATH_MAX];
	int fd; /* to write back slice by slice, and not all at the end */
	sqlite3 *db;
	sqlite3_backup *backup; /* NULL: all is copied */
	sqlite3_stmt *check;
	bool closed; /* `check` is at the closed periods */
};

static int64_t now_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void stop(struct ledger *ledger)
{
	struct ledger_copying *c = ledger->copying;

	sqlite3_finalize(c->check);
	if (c->backup)
		sqlite3_backup_finish(c->backup);
	sqlite3_close(c->db);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	ledger->copying = NULL;
}

/* Also the journals that a copy has for a moment: they must not be taken for those of the next one. */
static void remove_new(const struct ledger *ledger)
{
	static const char *const tails[] = {"", "-journal", "-wal"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(path, sizeof path, "%s/ledger.db.copy.new%s", ledger->directory, tails[i]);
		unlink(path);
	}
}

void ledger_copy_abandon(struct ledger *ledger)
{

	if (!ledger->copying)
		return;
	stop(ledger);
	remove_new(ledger);
}

static int begin(struct ledger *ledger, char why[LEDGER_ERROR_SIZE])
{
	struct ledger_copying *c = calloc(1, sizeof *c);

	if (!c) {
		snprintf(why, LEDGER_ERROR_SIZE, "no memory");
		return -1;
	}
	ledger->copying = c;
	snprintf(c->path, sizeof c->path, "%s/ledger.db.copy.new", ledger->directory);
	remove_new(ledger);
	c->fd = open(c->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (c->fd < 0) {
		snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
		return -1;
	}
	int rc = ledger_connect(c->path, LEDGER_BUILD, 0, &c->db, why, LEDGER_ERROR_SIZE);
	if (rc != SQLITE_OK)
		return -1;
	/* Nobody sees this file before it is whole and synced. */
	rc = sqlite3_exec(c->db, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;", NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		c->backup = sqlite3_backup_init(c->db, "main", ledger->db, "main");
		rc = c->backup ? SQLITE_OK : sqlite3_extended_errcode(c->db);
	}
	if (rc == SQLITE_OK)
		return 0;
	ledger_describe(c->db, rc, why, LEDGER_ERROR_SIZE);
	return -1;
}

/* Some more pages. 0 to go on, 1 when all are there. */
static int copy_some(struct ledger_copying *c, int64_t deadline, char why[LEDGER_ERROR_SIZE])
{
	int rc;

	do {
		rc = sqlite3_backup_step(c->backup, PAGES);
	} while (rc == SQLITE_OK && now_nanoseconds() < deadline);
	if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		rc = SQLITE_OK;
	if (rc == SQLITE_OK || rc == SQLITE_DONE) {
		if (fdatasync(c->fd) < 0) {
			snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
			return -1;
		}
		if (rc == SQLITE_OK)
			return 0;
		rc = sqlite3_backup_finish(c->backup);
		c->backup = NULL;
	}
	/* A file that stands alone: reading it must not make a WAL. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(c->db, "SELECT place, body, sum FROM part", -1, &c->check, NULL);
	if (rc == SQLITE_OK)
		return 1;
	ledger_describe(c->db, rc, why, LEDGER_ERROR_SIZE);
	return -1;
}

static bool row_is_good(struct ledger_copying *c)
{
	struct closed row;

	if (c->closed)
		return closed_row_read(c->check, &row);
	return (uint32_t)sqlite3_column_int64(c->check, 2) ==
	       ledger_part_sum((uint64_t)sqlite3_column_int64(c->check, 0), sqlite3_column_blob(c->check, 1),
			       (size_t)sqlite3_column_bytes(c->check, 1));
}

/* Some more rows. 0 to go on, 1 when all were good, -1 on an error; -2 and they are damaged. */
static int check_some(struct ledger_copying *c, int64_t deadline, char why[LEDGER_ERROR_SIZE])
{
	for (int i = 1;; i++) {
		int rc = sqlite3_step(c->check);
		if (rc == SQLITE_ROW && !row_is_good(c)) {
			snprintf(why, LEDGER_ERROR_SIZE, "what was copied is damaged");
			return -2;
		}
		if (rc == SQLITE_DONE && !c->closed) {
			sqlite3_finalize(c->check);
			c->check = NULL;
			c->closed = true;
			rc = sqlite3_prepare_v2(c->db, "SELECT " CLOSED_ROW_COLUMNS " FROM closed", -1,
						&c->check, NULL);
			rc = rc == SQLITE_OK ? SQLITE_ROW : rc;
		}
		if (rc == SQLITE_DONE)
			return 1;
		if (rc != SQLITE_ROW) {
			ledger_describe(c->db, rc, why, LEDGER_ERROR_SIZE);
			return ledger_judge(rc) == LEDGER_FOUND_DAMAGED ? -2 : -1;
		}
		if (i % 16 == 0 && now_nanoseconds() >= deadline)
			return 0;
	}
}

/* Syncs the copy and puts it in place of the old one. */
static int finish(struct ledger *ledger, char why[LEDGER_ERROR_SIZE])
{
	struct ledger_copying *c = ledger->copying;

	sqlite3_finalize(c->check);
	c->check = NULL;
	if (fsync(c->fd) < 0 || rename(c->path, ledger->copy) < 0 ||
	    ledger_sync_directory(ledger->directory) < 0) {
		snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
		return -1;
	}
	stop(ledger);
	return 1;
}

static bool is_due(struct ledger *ledger, int64_t now)
{
	struct stat status;

	if (ledger->copied == 0 && stat(ledger->copy, &status) == 0)
		ledger->copied = status.st_mtim.tv_sec;
	/* A clock that was set back must not end the copies. */
	return llabs(now - ledger->copied) >= DAY && llabs(now - ledger->copy_failed) >= HOUR;
}

int ledger_copy_if_due(struct ledger *ledger, int64_t now)
{
	char why[LEDGER_ERROR_SIZE] = "";
	int64_t deadline = now_nanoseconds() + SLICE;
	int result = 0;

	if (!ledger->db || !ledger->writable || ledger->failed || ledger->now.saves == 0)
		return 0;
	if (!ledger->copying) {
		if (!is_due(ledger, now))
			return 0;
		result = begin(ledger, why);
	}
	if (result == 0 && ledger->copying->backup)
		result = copy_some(ledger->copying, deadline, why) < 0 ? -1 : 0;
	if (result == 0 && !ledger->copying->backup)
		result = check_some(ledger->copying, deadline, why);
	if (result == 1)
		result = finish(ledger, why);
	if (result == 1)
		ledger->copied = now;
	if (result < 0) {
		log_error("%s can't be made: %s", ledger->copy, why);
		ledger_copy_abandon(ledger);
		ledger->copy_failed = now;
		/* The copy is bad because the ledger is: the next save looks at all of it. */
		ledger->suspect = ledger->suspect || result == -2;
	}
	return result < 0 ? -1 : result;
}
