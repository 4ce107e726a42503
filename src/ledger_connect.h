/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections to a file of the ledger: one to write, and ways to read what can not be written. */
#ifndef TOWNMETER_LEDGER_CONNECT_H
#define TOWNMETER_LEDGER_CONNECT_H

#include <sqlite3.h>
#include <stddef.h>

enum ledger_way {
	LEDGER_WRITE,     /* in WAL mode, each commit synced */
	LEDGER_BUILD,     /* a file that nobody else sees yet: created if need be, without a WAL */
	LEDGER_READ,      /* beside a writer */
	LEDGER_UNLOCKED,  /* with its WAL, on a disk that can not be written: there must be no writer */
	LEDGER_IMMUTABLE, /* the same without a look at the WAL: may be an older state */
};

/* Opens and reads a first page. SQLITE_OK, or the extended error, described in `text`; *db is NULL then.
 * `wait`: milliseconds to wait for locks of others. */
int ledger_connect(const char *path, enum ledger_way way, int wait, sqlite3 **db, char *text, size_t size);

/* The first of the ways to read, from LEDGER_READ on, that works; *way says which it was. */
int ledger_connect_reader(const char *path, int wait, enum ledger_way *way, sqlite3 **db, char *text, size_t size);

/* What went wrong with this connection: SQLite's words, and the system's. */
void ledger_describe(sqlite3 *db, int rc, char *text, size_t size);

#endif
