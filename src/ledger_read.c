/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a file as a whole, and believes nothing in it that is not checked. */
#include "ledger_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32.h"

/* A sheet that is larger was never written. */
static const int64_t SIZE_MAX_SHEET = (int64_t)1 << 32;

uint32_t ledger_part_sum(uint64_t place, const void *body, size_t size)
{
	uint8_t octets[8];

	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)(place >> 8 * i);
	return crc32_of(crc32_of(0, octets, sizeof octets), body, size);
}

/* Mixed, as CRCs are linear: two parts with the same change would cancel each other out. */
uint64_t ledger_part_share(uint64_t place, uint32_t sum)
{
	uint64_t x = (place << 32 ^ sum) + 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

enum ledger_found ledger_judge(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return LEDGER_FOUND_GOOD;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR: /* the statements are right, so the tables are not */
		return LEDGER_FOUND_DAMAGED;
	default:
		return rc == SQLITE_IOERR_CORRUPTFS ? LEDGER_FOUND_DAMAGED : LEDGER_FOUND_UNREADABLE;
	}
}

int ledger_shadow_room(struct ledger_shadow *shadow, size_t size)
{
	size_t parts = ledger_parts(size);

	if (size > shadow->room) {
		unsigned char *data = realloc(shadow->data, size);
		if (!data)
			return -1;
		shadow->data = data;
		shadow->room = size;
	}
	if (parts > shadow->parts_room) {
		uint32_t *sums = realloc(shadow->sums, parts * sizeof *sums);
		if (!sums)
			return -1;
		shadow->sums = sums;
		uint32_t *next = realloc(shadow->next, parts * sizeof *next);
		if (!next)
			return -1;
		shadow->next = next;
		bool *changed = realloc(shadow->changed, parts * sizeof *changed);
		if (!changed)
			return -1;
		shadow->changed = changed;
		shadow->parts_room = parts;
	}
	return 0;
}

void ledger_intent_free(struct ledger_intent *intent)
{
	free(intent->steps);
	free(intent->parts);
	free(intent->closed);
	*intent = (struct ledger_intent){0};
}

void ledger_contents_free(struct ledger_contents *contents)
{
	for (int i = 0; i < LEDGER_SHEETS; i++) {
		free(contents->sheets[i].data);
		free(contents->sheets[i].sums);
		free(contents->sheets[i].next);
		free(contents->sheets[i].changed);
	}
	ledger_intent_free(&contents->intent);
	*contents = (struct ledger_contents){0};
}

/* One pass over a file: what is said of it, and the statement that is being read. */
struct reading {
	sqlite3 *db;
	sqlite3_stmt *statement;
	struct ledger_contents *contents;
	char *why;
	enum ledger_found found;
};

static bool damaged(struct reading *r, const char *what)
{
	r->found = LEDGER_FOUND_DAMAGED;
	snprintf(r->why, LEDGER_ERROR_SIZE, "%s", what);
	return false;
}

static bool damaged_part(struct reading *r, const char *what, uint64_t place)
{
	r->found = LEDGER_FOUND_DAMAGED;
	snprintf(r->why, LEDGER_ERROR_SIZE, "%s (part %u of sheet %u)", what, (unsigned)place,
		 (unsigned)(place >> 32));
	return false;
}

static bool no_memory(struct reading *r)
{
	r->found = LEDGER_FOUND_UNREADABLE;
	snprintf(r->why, LEDGER_ERROR_SIZE, "no memory to read it");
	return false;
}

static bool query(struct reading *r, const char *sql)
{
	int rc = sqlite3_prepare_v2(r->db, sql, -1, &r->statement, NULL);

	if (rc == SQLITE_OK)
		return true;
	ledger_describe(r->db, rc, r->why, LEDGER_ERROR_SIZE);
	r->found = ledger_judge(rc);
	return false;
}

/* The next row. false at the end, and on an error, which is in r->found then. */
static bool next(struct reading *r)
{
	int rc = sqlite3_step(r->statement);

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE) {
		ledger_describe(r->db, rc, r->why, LEDGER_ERROR_SIZE);
		r->found = ledger_judge(rc);
	}
	return false;
}

/* Ends a query. Is all well so far? */
static bool end(struct reading *r)
{
	sqlite3_finalize(r->statement);
	r->statement = NULL;
	return r->found == LEDGER_FOUND_GOOD;
}

static bool check_pages(struct reading *r)
{
	if (query(r, "PRAGMA quick_check(1)") && next(r)) {
		const char *text = (const char *)sqlite3_column_text(r->statement, 0);
		if (!text || strcmp(text, "ok") != 0) {
			r->found = LEDGER_FOUND_DAMAGED;
			snprintf(r->why, LEDGER_ERROR_SIZE, "%s", text ? text : "it can't be checked");
			for (char *at = r->why; *at; at++)
				if (*at == '\n')
					*at = ' ';
		}
	}
	return end(r);
}

static bool read_state(struct reading *r)
{
	struct ledger_contents *c = r->contents;

	if (query(r, "SELECT saves, total, status, trouble, steps FROM state") && next(r)) {
		const unsigned char *text = sqlite3_column_text(r->statement, 3);
		int64_t steps = sqlite3_column_int64(r->statement, 4);
		c->saves = sqlite3_column_int64(r->statement, 0);
		c->total = (uint64_t)sqlite3_column_int64(r->statement, 1);
		c->status = (enum ledger_status)sqlite3_column_int(r->statement, 2);
		snprintf(c->trouble, sizeof c->trouble, "%s", text ? (const char *)text : "");
		c->intent.open = sqlite3_column_type(r->statement, 4) != SQLITE_NULL;
		if (c->status < LEDGER_OK || c->status > LEDGER_CREATED || steps < 0 ||
		    steps > SIZE_MAX_SHEET)
			damaged(r, "its state is impossible");
		c->intent.steps_size = (size_t)steps;
	} else if (r->found == LEDGER_FOUND_GOOD) {
		damaged(r, "its state is missing");
	}
	return end(r);
}

static bool read_sizes(struct reading *r, const char *sql, size_t sizes[LEDGER_SHEETS])
{
	bool good = query(r, sql);

	while (good && next(r)) {
		int64_t number = sqlite3_column_int64(r->statement, 0),
			size = sqlite3_column_int64(r->statement, 1);
		if (number < 0 || number >= LEDGER_SHEETS || size < 0 || size > SIZE_MAX_SHEET)
			good = damaged(r, "a sheet of impossible number or size");
		else
			sizes[number] = (size_t)size;
	}
	return end(r);
}

/* The part that the statement is at. false: it is damaged. */
static bool read_part(struct reading *r, uint64_t *place, const void **body, size_t *size, uint32_t *sum)
{
	*place = (uint64_t)sqlite3_column_int64(r->statement, 0);
	*body = sqlite3_column_blob(r->statement, 1);
	*size = (size_t)sqlite3_column_bytes(r->statement, 1);
	*sum = (uint32_t)sqlite3_column_int64(r->statement, 2);
	if (*size == 0 || *size > LEDGER_PART)
		return damaged_part(r, "a part of impossible size", *place);
	if (ledger_part_sum(*place, *body, *size) != *sum)
		return damaged_part(r, "a part whose sum differs from what was written", *place);
	return true;
}

static bool read_sheets(struct reading *r)
{
	size_t sizes[LEDGER_SHEETS] = {0};
	uint64_t total = 0;
	unsigned sheet = 0;
	size_t part = 0;

	if (!read_sizes(r, "SELECT number, size FROM sheet", sizes))
		return false;
	for (int i = 0; i < LEDGER_SHEETS; i++) {
		struct ledger_shadow *shadow = &r->contents->sheets[i];
		if (ledger_shadow_room(shadow, sizes[i]) < 0)
			return no_memory(r);
		shadow->size = sizes[i];
	}
	bool good = query(r, "SELECT place, body, sum FROM part ORDER BY place");
	while (good && next(r)) {
		uint64_t place;
		const void *body;
		size_t size;
		uint32_t sum;
		for (; sheet < LEDGER_SHEETS && part == ledger_parts(sizes[sheet]); sheet++)
			part = 0;
		if (!read_part(r, &place, &body, &size, &sum))
			break;
		if (sheet == LEDGER_SHEETS || place != ledger_place(sheet, part)) {
			damaged_part(r, "a part is missing before this one", place);
			break;
		}
		size_t rest = sizes[sheet] - part * LEDGER_PART;
		if (size != (rest < LEDGER_PART ? rest : LEDGER_PART)) {
			damaged_part(r, "a part of the wrong size", place);
			break;
		}
		memcpy(r->contents->sheets[sheet].data + part * LEDGER_PART, body, size);
		r->contents->sheets[sheet].sums[part++] = sum;
		total += ledger_part_share(place, sum);
	}
	if (!end(r))
		return false;
	for (; sheet < LEDGER_SHEETS && part == ledger_parts(sizes[sheet]); sheet++)
		part = 0;
	if (sheet < LEDGER_SHEETS)
		return damaged_part(r, "a part is missing", ledger_place(sheet, part));
	if (total != r->contents->total)
		return damaged(r, "a part is of another save than the rest");
	return true;
}

/* Makes room for one more member of an array that grows by half. */
static void *grow(void *array, size_t n, size_t *room, size_t each)
{
	if (n < *room)
		return array;
	size_t more = *room + *room / 2 + 16;
	void *larger = realloc(array, more * each);
	if (larger)
		*room = more;
	return larger;
}

static bool read_intended_parts(struct reading *r)
{
	struct ledger_intent *intent = &r->contents->intent;
	size_t room = 0, steps = 0;
	bool good = query(r, "SELECT place, body, sum FROM intended_part ORDER BY place");

	while (good && next(r)) {
		uint64_t place;
		const void *body;
		size_t size;
		uint32_t sum;
		if (!read_part(r, &place, &body, &size, &sum))
			break;
		size_t offset = (size_t)(uint32_t)place * LEDGER_PART;
		unsigned sheet = (unsigned)(place >> 32);
		size_t whole = sheet < LEDGER_SHEETS   ? intent->sizes[sheet]
			       : sheet == LEDGER_STEPS ? intent->steps_size
						       : 0;
		if (offset >= whole ||
		    size != (whole - offset < LEDGER_PART ? whole - offset : LEDGER_PART) ||
		    (sheet == LEDGER_STEPS && offset != steps)) {
			damaged_part(r, "an impossible part of an intent", place);
			break;
		}
		if (sheet == LEDGER_STEPS) {
			memcpy(intent->steps + offset, body, size);
			steps += size;
			continue;
		}
		struct ledger_part *parts = grow(intent->parts, intent->n_parts, &room, sizeof *parts);
		if (!parts) {
			no_memory(r);
			break;
		}
		intent->parts = parts;
		parts[intent->n_parts].place = place;
		parts[intent->n_parts].size = size;
		memcpy(parts[intent->n_parts++].body, body, size);
	}
	if (end(r) && steps != intent->steps_size)
		damaged_part(r, "a part of an intent is missing",
			     ledger_place(LEDGER_STEPS, steps / LEDGER_PART));
	return r->found == LEDGER_FOUND_GOOD;
}

static bool read_intended_closed(struct reading *r)
{
	struct ledger_intent *intent = &r->contents->intent;
	size_t room = 0;
	bool good = query(r, "SELECT " CLOSED_ROW_COLUMNS " FROM intended_closed ORDER BY kind, key, number");

	while (good && next(r)) {
		struct closed *closed = grow(intent->closed, intent->n_closed, &room, sizeof *closed);
		if (!closed) {
			no_memory(r);
			break;
		}
		intent->closed = closed;
		good = closed_row_read(r->statement, &closed[intent->n_closed++]) ||
		       damaged(r, "a closed period of an intent is damaged");
	}
	return end(r);
}

static bool read_intent(struct reading *r)
{
	struct ledger_intent *intent = &r->contents->intent;

	if (!intent->open)
		return true;
	intent->steps = malloc(intent->steps_size + 1);
	if (!intent->steps)
		return no_memory(r);
	return read_sizes(r, "SELECT number, size FROM intended_sheet", intent->sizes) &&
	       read_intended_parts(r) && read_intended_closed(r);
}

static bool check_closed(struct reading *r)
{
	struct closed row;
	bool good = query(r, "SELECT " CLOSED_ROW_COLUMNS " FROM closed");

	while (good && next(r))
		good = closed_row_read(r->statement, &row) || damaged(r, "a closed period is damaged");
	return end(r);
}

enum ledger_found ledger_read(sqlite3 *db, bool full, struct ledger_contents *contents,
			      char why[LEDGER_ERROR_SIZE])
{
	struct reading r = {.db = db, .contents = contents, .why = why, .found = LEDGER_FOUND_GOOD};

	if ((!full || check_pages(&r)) && read_state(&r) && read_sheets(&r) && read_intent(&r) && full)
		check_closed(&r);
	return r.found;
}
