/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a closed period stands in the tables of the ledger: its key and its columns. */
#ifndef TOWNMETER_CLOSED_ROW_H
#define TOWNMETER_CLOSED_ROW_H

#include <sqlite3.h>

#include "closed.h"

/* The columns in the order of the two functions below; `sum` is a CRC-32 of all others. */
#define CLOSED_ROW_COLUMNS \
	"kind, key, number, town, host, start, end, reason, complete, down_octets, up_octets, down_packets, " \
	"up_packets, quota_mb, quota_basis, over_mb, sum"
#define CLOSED_ROW_PLACES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17"
#define CLOSED_ROW_DEFINITIONS \
	"kind INTEGER NOT NULL, key BLOB NOT NULL, number INTEGER NOT NULL, town TEXT NOT NULL, " \
	"host TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, reason INTEGER NOT NULL, " \
	"complete INTEGER NOT NULL, down_octets INTEGER NOT NULL, up_octets INTEGER NOT NULL, " \
	"down_packets INTEGER NOT NULL, up_packets INTEGER NOT NULL, quota_mb INTEGER NOT NULL, " \
	"quota_basis INTEGER NOT NULL, over_mb INTEGER NOT NULL, sum INTEGER NOT NULL"

enum { CLOSED_ROW_KEY_MAX = 2 + NAME_TOWN_MAX + NAME_HOST_MAX };

/* The key of a town, or of a host: each name behind an octet with its length, so that the order of keys
 * is that of SNMP's indexes. Returns its length. The names have to be of valid length. */
size_t closed_row_key(bool is_host, const char *town, const char *host, uint8_t key[CLOSED_ROW_KEY_MAX]);

/* Binds a row to the places ?1 to ?17. SQLITE_OK, SQLITE_TOOBIG for a name that is too long, or the error. */
int closed_row_bind(sqlite3_stmt *statement, const struct closed *row);

/* Reads a row whose columns are the first of the statement. false: what is there was never written so. */
bool closed_row_read(sqlite3_stmt *statement, struct closed *row);

#endif
