/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables, and how a file of an older version becomes one of this version. */
#include "ledger_private.h"

#include <stdio.h>
#include <string.h>

/* "TWNM": tells file(1), and us, whose file this is. */
enum { APPLICATION = 0x54574e4d };

/* Step N makes version N + 1 of version N. What is here once was released and stays. */
static const char *const all_steps[LEDGER_VERSION] = {
	/* The one row of `state` also says whether an intent is open: `steps` is the size of its steps. */
	"CREATE TABLE state(one INTEGER PRIMARY KEY CHECK (one = 1), opens INTEGER NOT NULL, saves INTEGER "
	"NOT NULL,"
	" total INTEGER NOT NULL, status INTEGER NOT NULL, trouble TEXT NOT NULL, steps INTEGER);"
	"INSERT INTO state VALUES (1, 0, 0, 0, 3, '', NULL);"
	"CREATE TABLE sheet(number INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL);"
	/* place: number of the sheet << 32 | number of the part. sum: CRC-32 of the place and the body. */
	"CREATE TABLE part(place INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL);"
	"CREATE TABLE closed(" CLOSED_ROW_DEFINITIONS ", PRIMARY KEY (kind, key, number)) WITHOUT ROWID;"
	"CREATE TABLE intended_sheet(number INTEGER PRIMARY KEY, size INTEGER NOT NULL);"
	"CREATE TABLE intended_part(place INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL);"
	"CREATE TABLE intended_closed(" CLOSED_ROW_DEFINITIONS
	", PRIMARY KEY (kind, key, number)) WITHOUT ROWID;",
};

static int read_number(sqlite3 *db, const char *query, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, query, -1, &statement, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	int end = sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? end : rc;
}

static int step_up(sqlite3 *db, const char *step, int version)
{
	char stamp[96];

	snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 APPLICATION, version);
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, step, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, stamp, NULL, NULL, NULL);
	return rc;
}

enum ledger_found ledger_schema_steps(sqlite3 *db, bool create, const char *const *steps, int n_steps,
				      char why[LEDGER_ERROR_SIZE])
{
	int64_t application = 0, version = 0, tables = 0;
	int rc = read_number(db, "PRAGMA application_id", &application);

	if (rc == SQLITE_OK)
		rc = read_number(db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = read_number(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc == SQLITE_OK && !(create && version == 0 && tables == 0)) {
		if (application != APPLICATION || version < 1) {
			snprintf(why, LEDGER_ERROR_SIZE,
				 "it is not a ledger of townmeter (application_id %lld, version %lld)",
				 (long long)application, (long long)version);
			return LEDGER_FOUND_DAMAGED;
		}
		if (version > n_steps) {
			snprintf(why, LEDGER_ERROR_SIZE,
				 "it is of version %lld, this townmeter knows versions up to %d",
				 (long long)version, n_steps);
			return LEDGER_FOUND_NEWER;
		}
	}
	if (rc == SQLITE_OK && version < n_steps && sqlite3_db_readonly(db, "main") != 0) {
		snprintf(why, LEDGER_ERROR_SIZE,
			 "it is of version %lld, and can't be brought to version %d as it is read-only",
			 (long long)version, n_steps);
		return LEDGER_FOUND_UNREADABLE;
	}
	for (; rc == SQLITE_OK && version < n_steps; version++)
		rc = step_up(db, steps[version], (int)version + 1);
	if (rc == SQLITE_OK)
		return LEDGER_FOUND_GOOD;
	ledger_describe(db, rc, why, LEDGER_ERROR_SIZE);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return ledger_judge(rc);
}

enum ledger_found ledger_schema(sqlite3 *db, bool create, char why[LEDGER_ERROR_SIZE])
{
	return ledger_schema_steps(db, create, all_steps, LEDGER_VERSION, why);
}
