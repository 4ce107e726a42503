/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger *ledger_open(const char *directory, char error[LEDGER_ERROR_SIZE])
{
	char why[LEDGER_ERROR_SIZE] = "";
	struct ledger *ledger = calloc(1, sizeof *ledger);

	if (!ledger) {
		snprintf(error, LEDGER_ERROR_SIZE, "no memory for the ledger");
		return NULL;
	}
	ledger->opened = LEDGER_OK;
	int length = snprintf(ledger->directory, sizeof ledger->directory, "%s", directory);
	if (length >= (int)sizeof ledger->directory) {
		snprintf(error, LEDGER_ERROR_SIZE,
			 "the path of the ledger has %d octets, expected at most %zu", length,
			 sizeof ledger->directory - 1);
		free(ledger);
		return NULL;
	}
	snprintf(ledger->file, sizeof ledger->file, "%s/ledger.db", ledger->directory);
	snprintf(ledger->copy, sizeof ledger->copy, "%s/ledger.db.copy", ledger->directory);
	int result = ledger_start(ledger, true, why);
	if (result == -1) {
		ledger->failed = true;
		snprintf(ledger->failure, sizeof ledger->failure, "%.200s: %.250s", ledger->file, why);
	} else if (result < 0) {
		snprintf(error, LEDGER_ERROR_SIZE, "%.200s: %.250s", ledger->file, why);
		ledger_close(ledger);
		return NULL;
	}
	return ledger;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	if (ledger->db && ledger->writable && !ledger->failed)
		sqlite3_wal_checkpoint_v2(ledger->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	ledger_stop(ledger);
	ledger_contents_free(&ledger->now);
	for (int i = 0; i < LEDGER_SHEETS; i++)
		free(ledger->adopted[i].data);
	free(ledger->adopted_closed);
	free(ledger);
}

enum ledger_status ledger_status(const struct ledger *ledger)
{
	return ledger->failed ? LEDGER_FAILED : ledger->opened;
}

const char *ledger_trouble(const struct ledger *ledger)
{
	return ledger->failed ? ledger->failure : ledger->opened_trouble;
}

bool ledger_was_damaged(const struct ledger *ledger)
{
	return ledger->damaged;
}

const void *ledger_sheet(const struct ledger *ledger, enum ledger_sheet sheet, size_t *size)
{
	bool adopted = ledger->adopted[sheet].is;

	*size = adopted ? ledger->adopted[sheet].size : ledger->now.sheets[sheet].size;
	if (*size == 0)
		return NULL;
	return adopted ? ledger->adopted[sheet].data : ledger->now.sheets[sheet].data;
}

uint64_t ledger_bytes_written(const struct ledger *ledger)
{
	return ledger->written;
}

bool ledger_pending(const struct ledger *ledger, const void **steps, size_t *size)
{
	*steps = ledger->now.intent.steps;
	*size = ledger->now.intent.steps_size;
	return ledger->now.intent.open;
}

/* The sheets as they would be after the intent, each in memory of its own: the shadow has to stay what the
 * file is until the next save. */
static int adopt_sheets(struct ledger *ledger, const struct ledger_intent *intent)
{
	for (int i = 0; i < LEDGER_SHEETS; i++) {
		const struct ledger_shadow *shadow = &ledger->now.sheets[i];
		size_t size = intent->sizes[i];
		unsigned char *data = calloc(1, size + 1);
		if (!data)
			return -1;
		if (shadow->size > 0)
			memcpy(data, shadow->data, size < shadow->size ? size : shadow->size);
		free(ledger->adopted[i].data);
		ledger->adopted[i].data = data;
		ledger->adopted[i].size = size;
	}
	for (size_t i = 0; i < intent->n_parts; i++) {
		const struct ledger_part *part = &intent->parts[i];
		memcpy(ledger->adopted[part->place >> 32].data + (size_t)(uint32_t)part->place * LEDGER_PART,
		       part->body, part->size);
	}
	return 0;
}

int ledger_adopt(struct ledger *ledger)
{
	struct ledger_intent *intent = &ledger->now.intent;

	if (!intent->open) {
		errno = ENOENT;
		return -1;
	}
	if (adopt_sheets(ledger, intent) < 0) {
		errno = ENOMEM;
		return -1;
	}
	for (int i = 0; i < LEDGER_SHEETS; i++)
		ledger->adopted[i].is = true;
	free(ledger->adopted_closed);
	ledger->adopted_closed = intent->closed;
	ledger->n_adopted_closed = intent->n_closed;
	intent->closed = NULL;
	ledger_intent_free(intent);
	return 0;
}

int ledger_number_after(struct ledger *ledger, bool is_host, const char *town, const char *host,
			uint32_t *number)
{
	uint8_t key[CLOSED_ROW_KEY_MAX];
	uint32_t last = 0;
	int rc = SQLITE_ERROR;

	if (ledger->db) {
		size_t size = closed_row_key(is_host, town, is_host ? host : "", key);
		sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_LAST_NUMBER);
		if (statement) {
			sqlite3_bind_int(statement, 1, is_host);
			sqlite3_bind_blob(statement, 2, key, (int)size, SQLITE_STATIC);
			rc = sqlite3_step(statement);
			if (rc == SQLITE_ROW)
				last = (uint32_t)sqlite3_column_int64(statement, 0);
			sqlite3_reset(statement);
			sqlite3_clear_bindings(statement);
		}
	}
	for (size_t i = 0; i < ledger->n_adopted_closed; i++) {
		const struct closed *row = &ledger->adopted_closed[i];
		if (row->is_host == is_host && strcmp(row->town, town) == 0 &&
		    (!is_host || strcmp(row->host, host) == 0) && row->number > last)
			last = row->number;
	}
	*number = last + 1;
	return rc == SQLITE_ROW ? 0 : -1;
}

static const char put_closed[] = "REPLACE INTO closed VALUES (" CLOSED_ROW_PLACES ")";
static const char intend_closed[] = "REPLACE INTO intended_closed VALUES (" CLOSED_ROW_PLACES ")";
static const char prune[] =
	"DELETE FROM closed WHERE kind = ?1 AND key = ?2 AND number <= (SELECT number FROM closed"
	" WHERE kind = ?1 AND key = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)";

static const char *const statements[LEDGER_STATEMENTS] = {
	[LEDGER_BEGIN] = "BEGIN IMMEDIATE",
	[LEDGER_COMMIT] = "COMMIT",
	[LEDGER_ROLLBACK] = "ROLLBACK",
	[LEDGER_DATA_VERSION] = "PRAGMA data_version",
	[LEDGER_PUT_PART] = "REPLACE INTO part VALUES (?1, ?2, ?3)",
	[LEDGER_DROP_PARTS] = "DELETE FROM part WHERE place BETWEEN ?1 AND ?2",
	[LEDGER_PUT_SHEET] = "REPLACE INTO sheet VALUES (?1, ?2, ?3)",
	[LEDGER_PUT_CLOSED] = put_closed,
	[LEDGER_WITHDRAW] = "DELETE FROM closed WHERE kind = ?1 AND key = ?2 AND number = ?3",
	[LEDGER_PRUNE] = prune,
	[LEDGER_INTEND_PART] = "REPLACE INTO intended_part VALUES (?1, ?2, ?3)",
	[LEDGER_INTEND_SHEET] = "REPLACE INTO intended_sheet VALUES (?1, ?2)",
	[LEDGER_INTEND_CLOSED] = intend_closed,
	[LEDGER_END_PARTS] = "DELETE FROM intended_part",
	[LEDGER_END_SHEETS] = "DELETE FROM intended_sheet",
	[LEDGER_END_CLOSED] = "DELETE FROM intended_closed",
	[LEDGER_PUT_STATE] = "UPDATE state SET saves = ?1, total = ?2, status = 1, trouble = '', steps = ?3",
	[LEDGER_LAST_NUMBER] = "SELECT max(number) FROM closed WHERE kind = ?1 AND key = ?2",
};

sqlite3_stmt *ledger_statement(struct ledger *ledger, enum ledger_statement which)
{
	sqlite3_stmt **statement = &ledger->statements[which];

	if (!*statement)
		sqlite3_prepare_v3(ledger->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, statement,
				   NULL);
	return *statement;
}

int64_t ledger_data_version(struct ledger *ledger)
{
	sqlite3_stmt *statement = ledger_statement(ledger, LEDGER_DATA_VERSION);
	int64_t version = -1;

	if (statement && sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return version;
}

void ledger_stop(struct ledger *ledger)
{
	ledger_copy_abandon(ledger);
	for (int i = 0; i < LEDGER_STATEMENTS; i++) {
		sqlite3_finalize(ledger->statements[i]);
		ledger->statements[i] = NULL;
	}
	sqlite3_close(ledger->db);
	ledger->db = NULL;
	ledger->writable = false;
}
