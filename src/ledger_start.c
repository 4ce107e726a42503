/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens the file, whatever state it is in. What is found is one of these:
 *   sound            used
 *   absent           made anew; from the copy, if there is one
 *   damaged          kept aside; the best of what else there is takes its place
 *   not writable     read in any way that works, so that values go on
 */
#include "ledger_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "log.h"

/* Before a file that can't be read at the start is given up. */
enum { MORE_LOOKS = 3 };

/* Takes over what was read. The shadow is the file's from here on; what was adopted stays. */
static void take(struct ledger *ledger, sqlite3 *db, bool writable, struct ledger_contents *contents,
		 bool first)
{
	struct stat status;

	ledger_contents_free(&ledger->now);
	ledger->now = *contents;
	*contents = (struct ledger_contents){0};
	ledger->intent_in_file = ledger->now.intent.open;
	/* Only who opened knows what to do with an intent; later it is what a failed save left behind. */
	if (!first)
		ledger_intent_free(&ledger->now.intent);
	if (first || ledger->now.status != LEDGER_OK) {
		ledger->opened = ledger->now.status;
		memcpy(ledger->opened_trouble, ledger->now.trouble, sizeof ledger->opened_trouble);
	}
	if (first && ledger->now.trouble[0])
		ledger->damaged = true;
	ledger->db = db;
	ledger->writable = writable;
	ledger->suspect = false;
	ledger->data_version = ledger_data_version(ledger);
	if (stat(ledger->file, &status) == 0) {
		ledger->device = status.st_dev;
		ledger->inode = status.st_ino;
	}
}

static enum ledger_found read_with(sqlite3 *db, bool full, struct ledger_contents *contents,
				   char why[LEDGER_ERROR_SIZE])
{
	enum ledger_found found = ledger_schema(db, false, why);

	return found == LEDGER_FOUND_GOOD ? ledger_read(db, full, contents, why) : found;
}

static int after_write(void *context, sqlite3 *db, const char *name, int pages)
{
	struct ledger *ledger = context;

	if (pages < 1000)
		return SQLITE_OK;
	int rc = sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY && rc != ledger->checkpoint) {
		char why[LEDGER_ERROR_SIZE];
		ledger_describe(db, rc, why, sizeof why);
		log_warning("%s: saved values stay in its WAL, which grows: %s", ledger->file, why);
	}
	ledger->checkpoint = rc;
	return SQLITE_OK; /* what was saved is saved */
}

/* A commit of its own, to know now whether there will be others. */
static int try_to_write(sqlite3 *db, char why[LEDGER_ERROR_SIZE])
{
	int rc = sqlite3_exec(db, "UPDATE state SET opens = opens + 1", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		return 0;
	ledger_describe(db, rc, why, LEDGER_ERROR_SIZE);
	return -1;
}

/* Opens the file as it is, to write. */
static enum ledger_found open_to_write(struct ledger *ledger, bool first, bool full, int *rc,
				       char why[LEDGER_ERROR_SIZE])
{
	struct ledger_contents contents = {0};
	sqlite3 *db;

	*rc = SQLITE_OK;
	if (ledger_log_damaged(ledger->file, why))
		return LEDGER_FOUND_DAMAGED;
	*rc = ledger_connect(ledger->file, LEDGER_WRITE, LEDGER_WAIT, &db, why, LEDGER_ERROR_SIZE);
	if (*rc != SQLITE_OK)
		return ledger_judge(*rc);
	enum ledger_found found = read_with(db, full, &contents, why);
	*rc = sqlite3_extended_errcode(db);
	if (found != LEDGER_FOUND_GOOD) {
		ledger_contents_free(&contents);
		sqlite3_close(db);
		return found;
	}
	take(ledger, db, true, &contents, first);
	sqlite3_wal_hook(db, after_write, ledger);
	return found;
}

/* Opens it only to read: the next save has to try again. */
static enum ledger_found open_to_read(struct ledger *ledger, const char *path, int *rc,
				      char why[LEDGER_ERROR_SIZE])
{
	struct ledger_contents contents = {0};
	enum ledger_way way;
	sqlite3 *db;

	*rc = ledger_connect_reader(path, LEDGER_WAIT, &way, &db, why, LEDGER_ERROR_SIZE);
	if (*rc != SQLITE_OK)
		return ledger_judge(*rc);
	enum ledger_found found = read_with(db, true, &contents, why);
	*rc = sqlite3_extended_errcode(db);
	if (found == LEDGER_FOUND_GOOD) {
		take(ledger, db, false, &contents, true);
		if (way == LEDGER_IMMUTABLE && ledger->opened == LEDGER_OK) {
			ledger->opened = LEDGER_RESTORED;
			ledger->damaged = true;
			snprintf(ledger->opened_trouble, sizeof ledger->opened_trouble,
				 "%.200s could be read only without its WAL, and may be older", path);
		}
		return found;
	}
	ledger_contents_free(&contents);
	sqlite3_close(db);
	return found;
}

static bool exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_size > 0;
}

static bool has_log(const struct ledger *ledger)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s-wal", ledger->file);
	return exists(path);
}

/* Puts the best there is in the place of a file that is damaged or absent. `what` says which. */
static enum ledger_found repair(struct ledger *ledger, const char *what, char why[LEDGER_ERROR_SIZE])
{
	char trouble[LEDGER_ERROR_SIZE], bad[LEDGER_ERROR_SIZE] = "", aside[PATH_MAX];
	enum ledger_found found = LEDGER_FOUND_DAMAGED;

	if (exists(ledger->file) && has_log(ledger)) {
		snprintf(trouble, sizeof trouble, "%.250s, and was taken back to its state without the WAL",
			 what);
		found = ledger_replace(ledger, ledger->file, "damaged", LEDGER_RESTORED, trouble, why);
	}
	if (found == LEDGER_FOUND_DAMAGED && exists(ledger->copy)) {
		snprintf(trouble, sizeof trouble, "%.250s, and was taken back to its daily copy", what);
		found = ledger_replace(ledger, ledger->copy, "damaged", LEDGER_RESTORED, trouble, why);
		if (found == LEDGER_FOUND_DAMAGED) {
			snprintf(bad, sizeof bad, ", its copy is bad too (%.150s)", why);
			if (ledger_set_aside(ledger->copy, "damaged", aside) < 0) {
				snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
				return LEDGER_FOUND_UNREADABLE;
			}
		}
	}
	if (found == LEDGER_FOUND_DAMAGED) {
		trouble[0] = '\0'; /* a first start is no trouble */
		if (what[0])
			snprintf(trouble, sizeof trouble, "%.250s%.200s, and was begun anew", what, bad);
		found = ledger_replace(ledger, NULL, "damaged", LEDGER_CREATED, trouble, why);
	}
	return found;
}

/* The file is damaged and can't be replaced now: values go on from the copy, if there is one. */
static void read_copy(struct ledger *ledger, const char *what)
{
	char ignored[LEDGER_ERROR_SIZE];
	int rc;

	if (exists(ledger->copy) && open_to_read(ledger, ledger->copy, &rc, ignored) == LEDGER_FOUND_GOOD) {
		ledger->opened = LEDGER_RESTORED;
		snprintf(ledger->opened_trouble, sizeof ledger->opened_trouble,
			 "%.400s; its daily copy is used", what);
	} else {
		ledger->opened = LEDGER_CREATED;
		ledger->blind = true;
		snprintf(ledger->opened_trouble, sizeof ledger->opened_trouble, "%.480s", what);
	}
	ledger->damaged = ledger->damaged || what[0];
}

/* What stands at the file's place now: opened if it is sound, replaced if it is not. */
static enum ledger_found look(struct ledger *ledger, bool first, char what[LEDGER_ERROR_SIZE],
			      char why[LEDGER_ERROR_SIZE])
{
	struct stat status;
	int rc = SQLITE_OK, read_rc = SQLITE_OK;
	char ignored[LEDGER_ERROR_SIZE];

	what[0] = '\0';
	if (stat(ledger->file, &status) < 0) {
		snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
		if (errno != ENOENT)
			return LEDGER_FOUND_UNREADABLE;
		if (exists(ledger->copy) || has_log(ledger) || ledger->now.saves > 0)
			snprintf(what, LEDGER_ERROR_SIZE, "%.200s was missing", ledger->file);
		return LEDGER_FOUND_DAMAGED;
	}
	enum ledger_found found = open_to_write(ledger, first, first || ledger->suspect, &rc, why);
	if (found == LEDGER_FOUND_UNREADABLE && first) {
		found = open_to_read(ledger, ledger->file, &read_rc, ignored);
		if (found == LEDGER_FOUND_GOOD)
			return LEDGER_FOUND_UNREADABLE;
		if (found == LEDGER_FOUND_DAMAGED)
			memcpy(why, ignored, LEDGER_ERROR_SIZE);
		/* Sectors that can't be read, twice, are damage. */
		if (rc == SQLITE_IOERR_READ && read_rc == SQLITE_IOERR_READ)
			found = LEDGER_FOUND_DAMAGED;
	}
	if (found == LEDGER_FOUND_DAMAGED)
		snprintf(what, LEDGER_ERROR_SIZE, "%.200s was damaged (%.200s)", ledger->file, why);
	return found;
}

/* Could the file not be read, as opposed to what was read being wrong? SQLite's check tells it in words. */
static bool is_read_error(enum ledger_found found, const char *why)
{
	return found == LEDGER_FOUND_UNREADABLE ||
	       (found == LEDGER_FOUND_DAMAGED && (strstr(why, "I/O error") || strstr(why, "unable to get the page")));
}

/* 0, -1, or -2 for a newer file. */
int ledger_start(struct ledger *ledger, bool first, char why[LEDGER_ERROR_SIZE])
{
	char what[LEDGER_ERROR_SIZE];
	int rc;

	ledger_stop(ledger);
	enum ledger_found found = look(ledger, first, what, why);
	/* What a copy lacks is lost for good: a read that fails has to fail every time. */
	for (int again = 0; again < MORE_LOOKS && first && !ledger->db && is_read_error(found, why); again++) {
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
		found = look(ledger, first, what, why);
	}
	if (found == LEDGER_FOUND_DAMAGED) {
		if (what[0])
			log_error("%s", what);
		found = repair(ledger, what, why);
		if (found == LEDGER_FOUND_GOOD)
			found = open_to_write(ledger, first, false, &rc, why);
		if (found != LEDGER_FOUND_GOOD && found != LEDGER_FOUND_NEWER) {
			if (first && !ledger->db)
				read_copy(ledger, what);
			return -1;
		}
	} else if (found == LEDGER_FOUND_UNREADABLE) {
		if (first && !ledger->db) {
			ledger->opened = LEDGER_CREATED;
			ledger->blind = ledger->damaged = true;
			snprintf(ledger->opened_trouble, sizeof ledger->opened_trouble,
				 "%.200s could not be read", ledger->file);
		}
		return -1;
	}
	if (found == LEDGER_FOUND_NEWER)
		return -2;
	if (first && try_to_write(ledger->db, why) < 0) {
		ledger->writable = false;
		return -1;
	}
	/* Metering began without this file, so its values and period numbers are not those of today. */
	if (ledger->blind && ledger->now.saves > 0) {
		ledger_stop(ledger);
		snprintf(what, sizeof what, "%.200s could not be read at the start, and was begun anew",
			 ledger->file);
		if (ledger_replace(ledger, NULL, "unread", LEDGER_CREATED, what, why) != LEDGER_FOUND_GOOD ||
		    open_to_write(ledger, false, false, &rc, why) != LEDGER_FOUND_GOOD)
			return -1;
	}
	ledger->blind = false;
	return 0;
}
