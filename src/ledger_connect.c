/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each octet of a path may become three. */
enum { URI_MAX = 3 * PATH_MAX };

/* The WAL is taken back to this size when it starts anew. */
#define WAL_BOUND "8388608"

void ledger_describe(sqlite3 *db, int rc, char *text, size_t size)
{
	int error = db ? sqlite3_system_errno(db) : 0;
	int primary = rc & 0xff;

	/* errno may be of an older call, so it is told only where the system was what failed. */
	if (error && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL ||
		      primary == SQLITE_PERM || primary == SQLITE_READONLY))
		snprintf(text, size, "%s (%s)", sqlite3_errstr(rc), strerror(error));
	else if (db && sqlite3_errcode(db) != SQLITE_OK &&
		 strcmp(sqlite3_errstr(rc), sqlite3_errmsg(db)) != 0)
		snprintf(text, size, "%s: %s", sqlite3_errstr(rc), sqlite3_errmsg(db));
	else
		snprintf(text, size, "%s", sqlite3_errstr(rc));
}

/* file:PATH?QUERY; what would mean something in a URI is written as %XX. */
static bool make_uri(const char *path, const char *query, char uri[URI_MAX])
{
	size_t used = (size_t)snprintf(uri, URI_MAX, "file:");

	for (; *path; path++) {
		if (used + 4 + strlen(query) >= URI_MAX)
			return false;
		if (*path == '%' || *path == '?' || *path == '#')
			used += (size_t)snprintf(uri + used, 4, "%%%02X", (unsigned)*path);
		else
			uri[used++] = *path;
	}
	snprintf(uri + used, URI_MAX - used, "?%s", query);
	return true;
}

static const struct {
	int flags;
	const char *query, *pragmas;
} ways[] = {
	[LEDGER_WRITE] = {SQLITE_OPEN_READWRITE, "mode=rw",
			  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;"
			  "PRAGMA journal_size_limit = " WAL_BOUND ";"},
	[LEDGER_BUILD] =
		{SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "mode=rwc",
		 "PRAGMA page_size = 4096; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE;"
		 "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;"},
	[LEDGER_READ] = {SQLITE_OPEN_READONLY, "mode=ro", ""},
	/* Without locks, and so with the index of the WAL in memory: no file has to be made. */
	[LEDGER_UNLOCKED] = {SQLITE_OPEN_READONLY, "mode=ro&vfs=unix-none",
			     "PRAGMA locking_mode = EXCLUSIVE;"},
	[LEDGER_IMMUTABLE] = {SQLITE_OPEN_READONLY, "mode=ro&immutable=1", ""},
};

int ledger_connect(const char *path, enum ledger_way way, int wait, sqlite3 **db, char *text, size_t size)
{
	char uri[URI_MAX];
	int rc = SQLITE_CANTOPEN;

	*db = NULL;
	if (!make_uri(path, ways[way].query, uri)) {
		snprintf(text, size, "the path is too long");
		return rc;
	}
	rc = sqlite3_open_v2(uri, db, ways[way].flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	/* SQLite opens what it can not write for reading, and says so only when asked. */
	if (rc == SQLITE_OK && way <= LEDGER_BUILD && sqlite3_db_readonly(*db, "main") != 0) {
		/* Not with open(2): to close a file again would end the locks of all connections to it. */
		int error = faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 ? errno : EROFS;
		snprintf(text, size, "it is read-only (%s)", strerror(error));
		sqlite3_close(*db);
		*db = NULL;
		return SQLITE_READONLY;
	}
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(*db, 1);
		sqlite3_busy_timeout(*db, wait);
		sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		rc = sqlite3_exec(*db,
				  "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
				  "PRAGMA temp_store = MEMORY;",
				  NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*db, ways[way].pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return rc;
	ledger_describe(*db, rc, text, size);
	sqlite3_close(*db);
	*db = NULL;
	return rc;
}

int ledger_connect_reader(const char *path, int wait, enum ledger_way *way, sqlite3 **db, char *text,
			  size_t size)
{
	int rc = SQLITE_CANTOPEN;

	for (*way = LEDGER_READ; *way <= LEDGER_IMMUTABLE; (*way)++) {
		rc = ledger_connect(path, *way, wait, db, text, size);
		int primary = rc & 0xff;
		/* The other ways trust in that nobody writes: only for files that can not be written. */
		if (primary != SQLITE_CANTOPEN && primary != SQLITE_READONLY && primary != SQLITE_PERM &&
		    rc != SQLITE_IOERR_SHMOPEN && rc != SQLITE_IOERR_SHMSIZE && rc != SQLITE_IOERR_SHMMAP)
			break;
	}
	return rc;
}
