/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "closed_row.h"
#include "ledger_connect.h"
#include "log.h"

enum query { GET, SEEK, LIST, BACK, QUERIES };

static const char *const queries[QUERIES] = {
	[GET] = "SELECT " CLOSED_ROW_COLUMNS " FROM closed WHERE kind = ?1 AND key = ?2 AND number = ?3",
	[SEEK] = "SELECT " CLOSED_ROW_COLUMNS " FROM closed WHERE kind = ?1 AND (key, number) >= (?2, ?3)"
		 " ORDER BY key, number",
	[LIST] = "SELECT " CLOSED_ROW_COLUMNS " FROM closed WHERE kind = ?1 AND key >= ?2 AND key < ?3"
		 " ORDER BY key, number",
	[BACK] = "SELECT " CLOSED_ROW_COLUMNS " FROM closed WHERE kind = ?1 AND key >= ?2 AND key < ?3"
		 " ORDER BY key, number DESC",
};

struct history {
	char file[PATH_MAX];
	sqlite3 *db;
	sqlite3_stmt *statements[QUERIES];
	enum ledger_way way;
	dev_t device;
	ino_t inode;
	bool told; /* of a damaged row in this file */
};

enum { WAIT = 20 };

struct history *history_new(const char *directory)
{
	struct history *history = calloc(1, sizeof *history);

	/* A path that is cut short names no file, and so nothing is read. */
	if (history)
		snprintf(history->file, sizeof history->file, "%s/ledger.db", directory);
	return history;
}

static void stop(struct history *history)
{
	for (int i = 0; i < QUERIES; i++) {
		sqlite3_finalize(history->statements[i]);
		history->statements[i] = NULL;
	}
	sqlite3_close(history->db);
	history->db = NULL;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	stop(history);
	free(history);
}

size_t history_key(bool is_host, const char *town, const char *host, uint8_t key[HISTORY_KEY_MAX])
{
	_Static_assert((int)HISTORY_KEY_MAX == (int)CLOSED_ROW_KEY_MAX, "a key has one size");
	return closed_row_key(is_host, town, host, key);
}

/* Opens the file if it is not open, or no more the one that was opened. */
static bool start(struct history *history)
{
	char ignored[256];
	struct stat status;

	if (stat(history->file, &status) < 0) {
		stop(history);
		return false;
	}
	/* A way without locks can't see what a writer does, should there be one by now. */
	if (history->db && (status.st_dev != history->device || status.st_ino != history->inode ||
			    history->way != LEDGER_READ))
		stop(history);
	if (history->db)
		return true;
	history->device = status.st_dev;
	history->inode = status.st_ino;
	history->told = false;
	return ledger_connect_reader(history->file, WAIT, &history->way, &history->db, ignored,
				     sizeof ignored) == SQLITE_OK;
}

/* The statement of a query, with its places bound; NULL: it can't be read now. */
static sqlite3_stmt *ask(struct history *history, enum query query, bool is_host, const void *key,
			 size_t size)
{
	if (!start(history))
		return NULL;
	sqlite3_stmt **statement = &history->statements[query];
	if (!*statement && sqlite3_prepare_v3(history->db, queries[query], -1, SQLITE_PREPARE_PERSISTENT,
					      statement, NULL) != SQLITE_OK) {
		stop(history);
		return NULL;
	}
	sqlite3_bind_int(*statement, 1, is_host);
	/* No octets, and not NULL, which compares as unknown. */
	sqlite3_bind_blob(*statement, 2, size > 0 ? key : "", (int)size, SQLITE_STATIC);
	return *statement;
}

/* The next sound row: 1, 0 at the end, -1 on an error. */
static int next(struct history *history, sqlite3_stmt *statement, struct closed *row)
{
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		if (closed_row_read(statement, row))
			return 1;
		if (!history->told)
			log_error("%s: a closed period is damaged and is left out", history->file);
		history->told = true;
	}
	return rc == SQLITE_DONE ? 0 : -1;
}

/* Ends the read, so that the ledger can begin its WAL anew; after an error the file is opened again. */
static void done(struct history *history, sqlite3_stmt *statement, int result)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	if (result < 0)
		stop(history);
}

static bool one(struct history *history, sqlite3_stmt *statement, int64_t number, struct closed *row)
{
	if (!statement)
		return false;
	sqlite3_bind_int64(statement, 3, number);
	int result = next(history, statement, row);
	done(history, statement, result);
	return result > 0;
}

bool history_get(struct history *history, bool is_host, const char *town, const char *host, uint32_t number,
		 struct closed *row)
{
	uint8_t key[CLOSED_ROW_KEY_MAX];
	size_t size = closed_row_key(is_host, town, host, key);

	return one(history, ask(history, GET, is_host, key, size), number, row);
}

bool history_seek(struct history *history, bool is_host, const uint8_t *key, size_t key_size, int64_t number,
		  struct closed *row)
{
	return one(history, ask(history, SEEK, is_host, key, key_size), number, row);
}

struct filter {
	const char *town, *host;
	uint32_t back;
	int (*visit)(void *context, const struct closed *row);
	void *context;
};

/* All rows of one kind. What visit returned, 0, or -1. */
static int list(struct history *history, bool is_host, const struct filter *filter)
{
	uint8_t low[CLOSED_ROW_KEY_MAX], high[CLOSED_ROW_KEY_MAX + 1];
	size_t size = filter->town ? closed_row_key(false, filter->town, NULL, low) : 0;
	struct closed row, before = {0};
	uint32_t nth = 0;
	int result, answer = 0;

	memcpy(high, low, size);
	high[size] = 255;
	sqlite3_stmt *statement = ask(history, filter->back ? BACK : LIST, is_host, low, size);
	if (!statement)
		return -1;
	sqlite3_bind_blob(statement, 3, high, (int)size + 1, SQLITE_STATIC);
	while ((result = next(history, statement, &row)) > 0) {
		bool same = strcmp(row.town, before.town) == 0 && strcmp(row.host, before.host) == 0;
		nth = same ? nth + 1 : 1;
		before = row;
		if (filter->host && strcmp(row.host, filter->host) != 0)
			continue;
		if (filter->back == 0 || nth == filter->back)
			answer = filter->visit(filter->context, &row);
		if (answer != 0)
			break;
	}
	done(history, statement, result);
	return result < 0 ? -1 : answer;
}

int history_list(struct history *history, const char *town, const char *host, uint32_t periods_back,
		 int (*visit)(void *context, const struct closed *row), void *context)
{
	const struct filter filter = {town, host, periods_back, visit, context};
	int result = host ? 0 : list(history, false, &filter);

	return result != 0 ? result : list(history, true, &filter);
}
