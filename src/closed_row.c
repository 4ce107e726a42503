/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "closed_row.h"

#include <string.h>

#include "crc32.h"

static size_t add_name(uint8_t *at, const char *name, size_t most)
{
	size_t length = strnlen(name, most);

	at[0] = (uint8_t)length;
	memcpy(at + 1, name, length);
	return 1 + length;
}

size_t closed_row_key(bool is_host, const char *town, const char *host, uint8_t key[CLOSED_ROW_KEY_MAX])
{
	size_t size = add_name(key, town, NAME_TOWN_MAX);

	return is_host ? size + add_name(key + size, host, NAME_HOST_MAX) : size;
}

static void add_number(uint32_t *sum, uint64_t number)
{
	uint8_t octets[8];

	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)(number >> 8 * i);
	*sum = crc32_of(*sum, octets, sizeof octets);
}

/* The key holds the names, so they need no sum of their own. */
static uint8_t reason_of(const struct closed *row)
{
	/* No period ends for the reason 0: such a row, among those intended, takes one away. */
	return row->withdrawn ? 0 : row->reason;
}

static uint32_t sum_of(const struct closed *row, const uint8_t *key, size_t size)
{
	const uint64_t numbers[] = {
		row->is_host,  row->number,      (uint64_t)row->start, (uint64_t)row->end, reason_of(row),
		row->complete, row->down.octets, row->up.octets,       row->down.packets,  row->up.packets,
		row->quota_mb, row->quota_basis, row->over_mb,
	};
	uint32_t sum = crc32_of(0, key, size);

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		add_number(&sum, numbers[i]);
	return sum;
}

int closed_row_bind(sqlite3_stmt *statement, const struct closed *row)
{
	uint8_t key[CLOSED_ROW_KEY_MAX];

	if (strnlen(row->town, sizeof row->town) > NAME_TOWN_MAX ||
	    strnlen(row->host, sizeof row->host) > NAME_HOST_MAX)
		return SQLITE_TOOBIG;
	size_t size = closed_row_key(row->is_host, row->town, row->host, key);
	const int64_t numbers[] = {
		row->start,
		row->end,
		reason_of(row),
		row->complete,
		(int64_t)row->down.octets,
		(int64_t)row->up.octets,
		(int64_t)row->down.packets,
		(int64_t)row->up.packets,
		row->quota_mb,
		row->quota_basis,
		(int64_t)row->over_mb,
		sum_of(row, key, size),
	};
	int rc = sqlite3_bind_int(statement, 1, row->is_host != 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(statement, 2, key, (int)size, SQLITE_TRANSIENT);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 3, row->number);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 4, row->town, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 5, row->is_host ? row->host : "", -1, SQLITE_STATIC);
	for (int i = 0; rc == SQLITE_OK && i < (int)(sizeof numbers / sizeof *numbers); i++)
		rc = sqlite3_bind_int64(statement, 6 + i, numbers[i]);
	return rc;
}

static bool read_name(sqlite3_stmt *statement, int column, char *name, size_t most)
{
	const void *text = sqlite3_column_blob(statement, column);
	size_t length = (size_t)sqlite3_column_bytes(statement, column);

	if (length > most)
		return false;
	if (length > 0)
		memcpy(name, text, length);
	name[length] = '\0';
	return strlen(name) == length;
}

bool closed_row_read(sqlite3_stmt *statement, struct closed *row)
{
	uint8_t key[CLOSED_ROW_KEY_MAX];

	memset(row, 0, sizeof *row);
	if (!read_name(statement, 3, row->town, NAME_TOWN_MAX) ||
	    !read_name(statement, 4, row->host, NAME_HOST_MAX))
		return false;
	row->is_host = sqlite3_column_int(statement, 0) != 0;
	row->number = (uint32_t)sqlite3_column_int64(statement, 2);
	row->start = sqlite3_column_int64(statement, 5);
	row->end = sqlite3_column_int64(statement, 6);
	row->reason = (uint8_t)sqlite3_column_int(statement, 7);
	row->withdrawn = row->reason == 0;
	row->complete = sqlite3_column_int(statement, 8) != 0;
	row->down.octets = (uint64_t)sqlite3_column_int64(statement, 9);
	row->up.octets = (uint64_t)sqlite3_column_int64(statement, 10);
	row->down.packets = (uint64_t)sqlite3_column_int64(statement, 11);
	row->up.packets = (uint64_t)sqlite3_column_int64(statement, 12);
	row->quota_mb = (uint32_t)sqlite3_column_int64(statement, 13);
	row->quota_basis = (uint8_t)sqlite3_column_int(statement, 14);
	row->over_mb = (uint64_t)sqlite3_column_int64(statement, 15);
	size_t size = closed_row_key(row->is_host, row->town, row->host, key);
	return size == (size_t)sqlite3_column_bytes(statement, 1) &&
	       memcmp(key, sqlite3_column_blob(statement, 1), size) == 0 &&
	       sum_of(row, key, size) == (uint32_t)sqlite3_column_int64(statement, 16);
}
