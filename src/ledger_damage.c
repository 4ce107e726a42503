/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps a damaged file and puts something good in its place. */
#include "ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int ledger_sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	int result = fsync(fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}

static const char *const companions[] = {"", "-wal", "-shm"};
enum { COMPANIONS = sizeof companions / sizeof *companions };

static void companion(char path[PATH_MAX], const char *file, int which)
{
	snprintf(path, PATH_MAX, "%.*s%s", PATH_MAX - 8, file, companions[which]);
}

static bool is_free(const char *file)
{
	char path[PATH_MAX];

	for (int i = 0; i < COMPANIONS; i++) {
		companion(path, file, i);
		if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return false;
	}
	return true;
}

/* FILE.TAG-TIME, or FILE.TAG-TIME-2 and so on: a name that is free, with those of its companions. */
static void free_name(const char *file, const char *tag, char name[PATH_MAX])
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
	snprintf(name, PATH_MAX, "%.*s.%s-%s", PATH_MAX - 64, file, tag, stamp);
	for (int i = 2; !is_free(name); i++)
		snprintf(name, PATH_MAX, "%.*s.%s-%s-%d", PATH_MAX - 64, file, tag, stamp, i);
}

/* The file goes first: alone it would be an older state that looks sound. */
static int set_aside(const char *file, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int i = 0; i < COMPANIONS; i++) {
		companion(from, file, i);
		companion(to, name, i);
		if (rename(from, to) < 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

int ledger_set_aside(const char *file, const char *tag, char name[PATH_MAX])
{
	free_name(file, tag, name);
	return set_aside(file, name);
}

/* Copies the pages of a file that nobody writes, without its WAL. */
static enum ledger_found copy_pages(sqlite3 *to, const char *source, char why[LEDGER_ERROR_SIZE])
{
	sqlite3 *from;
	int rc = ledger_connect(source, LEDGER_IMMUTABLE, 0, &from, why, LEDGER_ERROR_SIZE);

	if (rc != SQLITE_OK)
		return LEDGER_FOUND_DAMAGED;
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (backup)
		sqlite3_backup_step(backup, -1);
	rc = backup ? sqlite3_backup_finish(backup) : sqlite3_errcode(to);
	if (rc != SQLITE_OK)
		ledger_describe(to, rc, why, LEDGER_ERROR_SIZE);
	sqlite3_close(from);
	/* A source that can't be read is as bad as one that is wrong; there may be a better one. */
	return rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ ? LEDGER_FOUND_DAMAGED
									: ledger_judge(rc);
}

/* The new file, whole and synced, under a name that nobody looks for. */
static enum ledger_found build(const char *path, const char *source, enum ledger_status status,
			       const char *trouble, char why[LEDGER_ERROR_SIZE])
{
	struct ledger_contents contents = {0};
	enum ledger_found found = LEDGER_FOUND_GOOD;
	sqlite3 *db;
	sqlite3_stmt *statement = NULL;
	int rc = ledger_connect(path, LEDGER_BUILD, 0, &db, why, LEDGER_ERROR_SIZE);

	if (rc != SQLITE_OK)
		return LEDGER_FOUND_UNREADABLE;
	if (source) {
		found = copy_pages(db, source, why);
		/* The pages of the source may say that there is a WAL. */
		if (found == LEDGER_FOUND_GOOD &&
		    (rc = sqlite3_exec(db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL)) != SQLITE_OK) {
			ledger_describe(db, rc, why, LEDGER_ERROR_SIZE);
			found = ledger_judge(rc);
		}
	}
	if (found == LEDGER_FOUND_GOOD)
		found = ledger_schema(db, source == NULL, why);
	if (found == LEDGER_FOUND_GOOD && source)
		found = ledger_read(db, true, &contents, why);
	if (found == LEDGER_FOUND_GOOD) {
		rc = sqlite3_prepare_v2(db, "UPDATE state SET status = ?1, trouble = ?2", -1, &statement,
					NULL);
		if (rc == SQLITE_OK) {
			sqlite3_bind_int(statement, 1, (int)status);
			sqlite3_bind_text(statement, 2, trouble, -1, SQLITE_STATIC);
			rc = sqlite3_step(statement);
		}
		sqlite3_finalize(statement);
		if (rc != SQLITE_DONE) {
			ledger_describe(db, rc, why, LEDGER_ERROR_SIZE);
			found = LEDGER_FOUND_UNREADABLE;
		}
	}
	ledger_contents_free(&contents);
	sqlite3_close(db);
	return found;
}

enum ledger_found ledger_replace(struct ledger *ledger, const char *source, const char *tag,
				 enum ledger_status status, const char *what, char why[LEDGER_ERROR_SIZE])
{
	char path[PATH_MAX], rest[PATH_MAX], aside[PATH_MAX], trouble[LEDGER_ERROR_SIZE];
	static const char *const tails[] = {"", "-journal", "-wal"};

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(rest, sizeof rest, "%s/ledger.db.new%s", ledger->directory, tails[i]);
		unlink(rest); /* of an attempt that did not get to its end */
	}
	snprintf(path, sizeof path, "%s/ledger.db.new", ledger->directory);
	free_name(ledger->file, tag, aside);
	bool keeps = what[0] && !is_free(ledger->file);
	snprintf(trouble, sizeof trouble, "%.400s%s%.80s", what, keeps ? "; it is kept as " : "",
		 keeps ? strrchr(aside, '/') + 1 : "");
	/* Who uses what is nobody's business; SQLite gives the WAL the mode of its file. */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
		return LEDGER_FOUND_UNREADABLE;
	}
	close(fd);
	enum ledger_found found = build(path, source, status, trouble, why);
	if (found == LEDGER_FOUND_GOOD &&
	    (set_aside(ledger->file, aside) < 0 || rename(path, ledger->file) < 0 ||
	     ledger_sync_directory(ledger->directory) < 0)) {
		snprintf(why, LEDGER_ERROR_SIZE, "%s", strerror(errno));
		found = LEDGER_FOUND_UNREADABLE;
	}
	if (found != LEDGER_FOUND_GOOD)
		unlink(path);
	return found;
}
