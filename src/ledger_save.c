/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One save, one transaction. The shadow changes only after the commit. */
#include "ledger_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const names[LEDGER_SHEETS] = {
	[LEDGER_AGENT] = "agent", [LEDGER_TOTALS] = "totals", [LEDGER_TOWNS] = "towns",
	[LEDGER_HOSTS] = "hosts", [LEDGER_RULES] = "rules",
	[LEDGER_FLOWS] = "flows", [LEDGER_COUNTS] = "counts", [LEDGER_CLASSES] = "classes",
	[LEDGER_OWNERS] = "owners", [LEDGER_SERVICES] = "services", [LEDGER_PORTS] = "ports",
};

/* What is to be in the file for one sheet. */
struct content {
	const unsigned char *data;
	size_t size;
};

struct saving {
	struct ledger *ledger;
	struct content sheets[LEDGER_SHEETS];
	bool changed; /* is there anything to commit? */
	uint64_t total, written;
	size_t steps; /* of an intent */
	bool intends;
};

/* One step of a statement that returns no rows. */
static int run(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	sqlite3_reset(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run_one(struct ledger *ledger, enum ledger_statement which)
{
	sqlite3_stmt *statement = ledger_statement(ledger, which);

	return statement ? run(statement) : sqlite3_extended_errcode(ledger->db);
}

static size_t part_size(size_t size, size_t part)
{
	size_t rest = size - part * LEDGER_PART;

	return rest < LEDGER_PART ? rest : LEDGER_PART;
}

static bool same_part(const struct content *a, const struct content *b, size_t part)
{
	size_t size = part_size(a->size, part);

	return part < ledger_parts(b->size) && part_size(b->size, part) == size &&
	       memcmp(a->data + part * LEDGER_PART, b->data + part * LEDGER_PART, size) == 0;
}

static int put_part(sqlite3_stmt *statement, uint64_t place, const unsigned char *body, size_t size,
		    uint32_t sum)
{
	/* Signed, so that it takes four octets and no more. */
	sqlite3_bind_int64(statement, 1, (int64_t)place);
	sqlite3_bind_blob(statement, 2, body, (int)size, SQLITE_STATIC);
	sqlite3_bind_int(statement, 3, (int32_t)sum);
	return run(statement);
}

static int put_sheet(struct saving *s, unsigned i)
{
	sqlite3_stmt *statement = ledger_statement(s->ledger, LEDGER_PUT_SHEET);

	if (!statement)
		return sqlite3_extended_errcode(s->ledger->db);
	sqlite3_bind_int(statement, 1, (int)i);
	sqlite3_bind_text(statement, 2, names[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, (int64_t)s->sheets[i].size);
	return run(statement);
}

/* Takes the parts from this one on out of a sheet that became smaller. */
static int drop_parts(struct saving *s, unsigned i, size_t from)
{
	sqlite3_stmt *statement = ledger_statement(s->ledger, LEDGER_DROP_PARTS);

	if (!statement)
		return sqlite3_extended_errcode(s->ledger->db);
	sqlite3_bind_int64(statement, 1, (int64_t)ledger_place(i, from));
	sqlite3_bind_int64(statement, 2, (int64_t)ledger_place(i, UINT32_MAX));
	return run(statement);
}

static int save_sheet(struct saving *s, unsigned i)
{
	struct ledger_shadow *shadow = &s->ledger->now.sheets[i];
	const struct content *to = &s->sheets[i], from = {shadow->data, shadow->size};
	size_t n = ledger_parts(to->size), before = ledger_parts(from.size);
	sqlite3_stmt *statement = ledger_statement(s->ledger, LEDGER_PUT_PART);
	int rc = statement ? SQLITE_OK : sqlite3_extended_errcode(s->ledger->db);

	for (size_t part = 0; rc == SQLITE_OK && part < n; part++) {
		uint64_t place = ledger_place(i, part);
		const unsigned char *body = to->data + part * LEDGER_PART;
		size_t size = part_size(to->size, part);
		shadow->next[part] = part < before ? shadow->sums[part] : 0;
		shadow->changed[part] = !same_part(to, &from, part);
		if (!shadow->changed[part])
			continue;
		uint32_t sum = ledger_part_sum(place, body, size);
		if (part < before)
			s->total -= ledger_part_share(place, shadow->sums[part]);
		s->total += ledger_part_share(place, sum);
		shadow->next[part] = sum;
		s->written += size;
		s->changed = true;
		rc = put_part(statement, place, body, size, sum);
	}
	for (size_t part = n; part < before; part++)
		s->total -= ledger_part_share(ledger_place(i, part), shadow->sums[part]);
	if (rc == SQLITE_OK && n < before)
		rc = drop_parts(s, i, n);
	if (rc == SQLITE_OK && to->size != from.size) {
		s->changed = true;
		rc = put_sheet(s, i);
	}
	return rc;
}

/* The period goes on: another part of the request failed. */
static int withdraw(struct saving *s, const struct closed *row, const uint8_t *key, size_t size)
{
	sqlite3_stmt *remove = ledger_statement(s->ledger, LEDGER_WITHDRAW);

	if (!remove)
		return sqlite3_extended_errcode(s->ledger->db);
	sqlite3_bind_int(remove, 1, row->is_host != 0);
	sqlite3_bind_blob(remove, 2, key, (int)size, SQLITE_STATIC);
	sqlite3_bind_int64(remove, 3, row->number);
	int rc = run(remove);
	sqlite3_clear_bindings(remove);
	return rc;
}

static int save_closed(struct saving *s, const struct closed *rows, size_t n, uint32_t keep)
{
	uint8_t key[CLOSED_ROW_KEY_MAX];
	int rc = SQLITE_OK;

	if (n == 0)
		return rc;
	sqlite3_stmt *put = ledger_statement(s->ledger, LEDGER_PUT_CLOSED);
	sqlite3_stmt *prune = ledger_statement(s->ledger, LEDGER_PRUNE);
	if (!put || !prune)
		return sqlite3_extended_errcode(s->ledger->db);
	s->changed = true;
	for (size_t i = 0; rc == SQLITE_OK && i < n; i++) {
		size_t size = closed_row_key(rows[i].is_host, rows[i].town, rows[i].host, key);
		if (rows[i].withdrawn) {
			rc = withdraw(s, &rows[i], key, size);
			continue;
		}
		rc = closed_row_bind(put, &rows[i]);
		if (rc == SQLITE_OK)
			rc = run(put);
		if (rc != SQLITE_OK)
			break;
		/* The old rows stand beside the new one: pruned now, their pages are in memory. */
		sqlite3_bind_int(prune, 1, rows[i].is_host != 0);
		sqlite3_bind_blob(prune, 2, key, (int)size, SQLITE_STATIC);
		sqlite3_bind_int64(prune, 3, keep > 0 ? keep : 1);
		rc = run(prune);
	}
	sqlite3_clear_bindings(prune);
	return rc;
}

static int end_intent(struct saving *s)
{
	int rc = SQLITE_OK;

	if (!s->ledger->intent_in_file)
		return rc;
	s->changed = true;
	for (enum ledger_statement which = LEDGER_END_PARTS; rc == SQLITE_OK && which <= LEDGER_END_CLOSED;
	     which++)
		rc = run_one(s->ledger, which);
	return rc;
}

static int save_intent(struct saving *s, const struct ledger_save *then, const struct content *steps)
{
	sqlite3_stmt *put = ledger_statement(s->ledger, LEDGER_INTEND_PART);
	sqlite3_stmt *sheet = ledger_statement(s->ledger, LEDGER_INTEND_SHEET);
	sqlite3_stmt *row = ledger_statement(s->ledger, LEDGER_INTEND_CLOSED);
	int rc = put && sheet && row ? SQLITE_OK : sqlite3_extended_errcode(s->ledger->db);

	for (unsigned i = 0; rc == SQLITE_OK && i <= LEDGER_SHEETS; i++) {
		bool is_steps = i == LEDGER_SHEETS;
		const struct content nothing = {0}, *from = is_steps ? &nothing : &s->sheets[i];
		struct content to = is_steps ? *steps : s->sheets[i];
		if (!is_steps && then->sheets[i].data)
			to = (struct content){then->sheets[i].data, then->sheets[i].size};
		for (size_t part = 0; rc == SQLITE_OK && part < ledger_parts(to.size); part++) {
			uint64_t place = ledger_place(is_steps ? LEDGER_STEPS : i, part);
			const unsigned char *body = to.data + part * LEDGER_PART;
			size_t size = part_size(to.size, part);
			if (same_part(&to, from, part))
				continue;
			s->written += size;
			rc = put_part(put, place, body, size, ledger_part_sum(place, body, size));
		}
		if (rc != SQLITE_OK || is_steps)
			continue;
		sqlite3_bind_int(sheet, 1, (int)i);
		sqlite3_bind_int64(sheet, 2, (int64_t)to.size);
		rc = run(sheet);
	}
	for (size_t i = 0; rc == SQLITE_OK && i < then->n_closed; i++) {
		rc = closed_row_bind(row, &then->closed[i]);
		if (rc == SQLITE_OK)
			rc = run(row);
	}
	s->changed = true;
	s->intends = true;
	s->steps = steps->size;
	return rc;
}

static int put_state(struct saving *s)
{
	sqlite3_stmt *statement = ledger_statement(s->ledger, LEDGER_PUT_STATE);

	if (!statement)
		return sqlite3_extended_errcode(s->ledger->db);
	sqlite3_bind_int64(statement, 1, s->ledger->now.saves + 1);
	sqlite3_bind_int64(statement, 2, (int64_t)s->total);
	if (s->intends)
		sqlite3_bind_int64(statement, 3, (int64_t)s->steps);
	else
		sqlite3_bind_null(statement, 3);
	return run(statement);
}

static int transaction(struct saving *s, const struct ledger_save *now, const struct ledger_save *then,
		       const struct content *steps)
{
	struct ledger *ledger = s->ledger;
	int rc = run_one(ledger, LEDGER_BEGIN);

	if (rc == SQLITE_OK)
		rc = end_intent(s);
	for (unsigned i = 0; rc == SQLITE_OK && i < LEDGER_SHEETS; i++)
		rc = save_sheet(s, i);
	if (rc == SQLITE_OK)
		rc = save_closed(s, ledger->adopted_closed, ledger->n_adopted_closed, now->keep);
	if (rc == SQLITE_OK)
		rc = save_closed(s, now->closed, now->n_closed, now->keep);
	if (rc == SQLITE_OK && then)
		rc = save_intent(s, then, steps);
	/* The first save also takes back what is told of the file, and one after a failure shows that it works. */
	if (rc == SQLITE_OK && !s->changed && ledger->now.status == LEDGER_OK && ledger->now.saves > 0 &&
	    !ledger->failed)
		return run_one(ledger, LEDGER_ROLLBACK);
	if (rc == SQLITE_OK)
		rc = put_state(s);
	return rc == SQLITE_OK ? run_one(ledger, LEDGER_COMMIT) : rc;
}

/* The shadow becomes what was committed. Nothing here can fail. */
static void committed(struct saving *s)
{
	struct ledger *ledger = s->ledger;

	for (int i = 0; i < LEDGER_SHEETS; i++) {
		struct ledger_shadow *shadow = &ledger->now.sheets[i];
		uint32_t *sums = shadow->sums;
		for (size_t part = 0; part < ledger_parts(s->sheets[i].size); part++)
			if (shadow->changed[part])
				memcpy(shadow->data + part * LEDGER_PART,
				       s->sheets[i].data + part * LEDGER_PART,
				       part_size(s->sheets[i].size, part));
		shadow->size = s->sheets[i].size;
		shadow->sums = shadow->next;
		shadow->next = sums;
		free(ledger->adopted[i].data);
		ledger->adopted[i].data = NULL;
		ledger->adopted[i].is = false;
	}
	free(ledger->adopted_closed);
	ledger->adopted_closed = NULL;
	ledger->n_adopted_closed = 0;
	ledger_intent_free(&ledger->now.intent);
	ledger->intent_in_file = s->intends;
	ledger->now.total = s->total;
	ledger->now.saves += s->changed;
	ledger->now.status = LEDGER_OK;
	ledger->written += s->written;
	ledger->failed = false;
}

/* Is the file still the one that is open, and as this process left it? */
static bool still_ours(struct ledger *ledger)
{
	struct stat status;

	return stat(ledger->file, &status) == 0 && status.st_dev == ledger->device &&
	       status.st_ino == ledger->inode && ledger_data_version(ledger) == ledger->data_version;
}

bool ledger_is_sound(struct ledger *ledger)
{
	return ledger->db && ledger->writable && !ledger->failed && !ledger->suspect && still_ours(ledger);
}

static int prepare(struct saving *s, const struct ledger_save *now, char why[LEDGER_ERROR_SIZE])
{
	struct ledger *ledger = s->ledger;

	if (!ledger_is_sound(ledger) && ledger_start(ledger, false, why) < 0)
		return -1;
	for (int i = 0; i < LEDGER_SHEETS; i++) {
		struct content *sheet = &s->sheets[i];
		sheet->data = now->sheets[i].data;
		sheet->size = now->sheets[i].size;
		if (!sheet->data)
			sheet->data = ledger_sheet(ledger, (enum ledger_sheet)i, &sheet->size);
		bool own = sheet->data == ledger->now.sheets[i].data;
		if (ledger_shadow_room(&ledger->now.sheets[i], sheet->size) < 0) {
			snprintf(why, LEDGER_ERROR_SIZE, "no memory for a sheet of %zu octets", sheet->size);
			return -1;
		}
		if (own)
			sheet->data = ledger->now.sheets[i].data;
	}
	s->total = ledger->now.total;
	return 0;
}

static int save(struct ledger *ledger, const struct ledger_save *now, const struct ledger_save *then,
		const struct content *steps, char error[LEDGER_ERROR_SIZE])
{
	struct saving s = {.ledger = ledger};
	char why[LEDGER_ERROR_SIZE], ignored[LEDGER_ERROR_SIZE];
	enum ledger_way way;

	if (prepare(&s, now, why) == 0) {
		int rc = transaction(&s, now, then, steps);
		if (rc == SQLITE_OK) {
			committed(&s);
			return 0;
		}
		ledger_describe(ledger->db, rc, why, sizeof why);
		run_one(ledger, LEDGER_ROLLBACK);
		ledger->suspect = ledger->suspect || ledger_judge(rc) == LEDGER_FOUND_DAMAGED;
		/* What is in the file after a failed sync is known only when it is read again. */
		ledger->writable = false;
	}
	/* Numbers of closed periods are asked for meanwhile. */
	if (!ledger->db)
		ledger_connect_reader(ledger->file, 0, &way, &ledger->db, ignored, sizeof ignored);
	ledger->failed = true;
	snprintf(ledger->failure, sizeof ledger->failure, "%.200s can't be saved: %.250s", ledger->file, why);
	memcpy(error, ledger->failure, LEDGER_ERROR_SIZE);
	return -1;
}

int ledger_save(struct ledger *ledger, const struct ledger_save *now, char error[LEDGER_ERROR_SIZE])
{
	return save(ledger, now, NULL, NULL, error);
}

int ledger_intend(struct ledger *ledger, const struct ledger_save *now, const struct ledger_save *then,
		  const void *steps, size_t size, char error[LEDGER_ERROR_SIZE])
{
	const struct content content = {steps, size};

	return save(ledger, now, then, &content, error);
}
