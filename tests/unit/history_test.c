/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history.h"

#include <sqlite3.h>
#include <stdio.h>

#include "ledger_tools.h"

struct fixture {
	struct directory directory;
	struct ledger *ledger;
	struct history *history;
};

/* In SNMP's order: shorter names first, then by octet. */
static const char *const hosts[][2] = {
	{"b", "zz"}, {"b", "alice"},     {"b", "\xc3\xa4\xc3\xb6"},
	{"aa", "y"}, {"a\xc3\xa9", "x"}, {"town-with-28-octets-in-it-xx", "h"},
};
enum { HOSTS = sizeof hosts / sizeof *hosts, PERIODS = 5 };
static int order[HOSTS] = {0, 2, 1, 3, 4, 5};

static struct closed row_of(int host, uint32_t number)
{
	return make_closed(hosts[host][0], hosts[host][1], number,
			   (UINT64_C(1) << 63) + (uint64_t)number * 7 + (unsigned)host);
}

static void fill(struct ledger *ledger)
{
	struct closed rows[HOSTS * PERIODS + 2];
	struct ledger_save save = {.closed = rows, .keep = PERIODS};

	for (int i = 0; i < HOSTS; i++)
		for (uint32_t n = 1; n <= PERIODS; n++)
			rows[save.n_closed++] = row_of(i, n);
	rows[save.n_closed++] = make_closed("b", NULL, 3, 33);
	rows[save.n_closed++] = make_closed("aa", NULL, 4000000000U, 44);
	save_good(ledger, &save);
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	directory_make(&f.directory);
	f.history = history_new(f.directory.path);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	history_free(f->history);
	ledger_close(f->ledger);
	directory_remove(&f->directory);
	return 0;
}

static void gets_single_rows(void **state)
{
	struct fixture *f = *state;
	struct closed row;

	assert_false(history_get(f->history, true, "b", "alice", 1, &row));
	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	assert_false(history_get(f->history, true, "b", "alice", 1, &row));
	fill(f->ledger);
	for (int i = 0; i < HOSTS; i++) {
		struct closed should = row_of(i, 3);
		assert_true(history_get(f->history, true, hosts[i][0], hosts[i][1], 3, &row));
		assert_closed(&row, &should);
	}
	assert_true(history_get(f->history, false, "aa", NULL, 4000000000U, &row));
	assert_int_equal(row.number, 4000000000U);
	assert_false(row.is_host);
	assert_string_equal(row.host, "");
	assert_false(history_get(f->history, true, "b", "alice", 6, &row));
	assert_false(history_get(f->history, false, "b", NULL, 4, &row));
	assert_false(history_get(f->history, true, "b", "alic", 1, &row));
}

/* GETNEXT by GETNEXT: each row once, in SNMP's order. */
static void walks(void **state)
{
	struct fixture *f = *state;
	uint8_t key[HISTORY_KEY_MAX];
	size_t size = 0;
	int64_t number = 0;
	struct closed row;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	fill(f->ledger);
	for (int i = 0; i < HOSTS * PERIODS; i++) {
		struct closed should = row_of(order[i / PERIODS], (uint32_t)(i % PERIODS) + 1);
		assert_true(history_seek(f->history, true, key, size, number, &row));
		assert_closed(&row, &should);
		size = history_key(true, row.town, row.host, key);
		number = (int64_t)row.number + 1;
	}
	assert_false(history_seek(f->history, true, key, size, number, &row));
	assert_true(history_seek(f->history, false, key, 0, 0, &row));
	assert_string_equal(row.town, "b");
	assert_true(history_seek(f->history, false, (const uint8_t *)"\2", 1, 0, &row));
	assert_string_equal(row.town, "aa");
	assert_false(history_seek(f->history, false, (const uint8_t *)"\2aa", 3, 4000000001, &row));
	assert_false(history_seek(f->history, true, (const uint8_t *)"\377", 1, 0, &row));
	/* Behind all hosts of town b. */
	assert_true(history_seek(f->history, true, (const uint8_t *)"\1b\377", 3, 0, &row));
	assert_string_equal(row.town, "aa");
}

struct visited {
	int n, stop_at;
	struct closed rows[64];
};

static int visit(void *context, const struct closed *row)
{
	struct visited *visited = context;

	visited->rows[visited->n++] = *row;
	return visited->n == visited->stop_at ? 17 : 0;
}

static void lists(void **state)
{
	struct fixture *f = *state;
	struct visited v = {0};

	assert_int_equal(history_list(f->history, NULL, NULL, 0, visit, &v), -1);
	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	fill(f->ledger);
	assert_int_equal(history_list(f->history, NULL, NULL, 0, visit, &v), 0);
	assert_int_equal(v.n, HOSTS * PERIODS + 2);
	assert_false(v.rows[1].is_host);
	assert_true(v.rows[2].is_host);
	assert_int_equal(v.rows[2].number, 1);
	for (uint32_t back = 1; back <= PERIODS + 1; back++) {
		v.n = 0;
		assert_int_equal(history_list(f->history, NULL, NULL, back, visit, &v), 0);
		assert_int_equal(v.n, (back <= PERIODS ? HOSTS : 0) + (back == 1 ? 2 : 0));
		for (int i = 0; i < v.n; i++)
			if (v.rows[i].is_host)
				assert_int_equal(v.rows[i].number, PERIODS + 1 - back);
	}
	v.n = 0;
	assert_int_equal(history_list(f->history, "b", NULL, 1, visit, &v), 0);
	assert_int_equal(v.n, 4);
	v.n = 0;
	assert_int_equal(history_list(f->history, "b", "alice", 0, visit, &v), 0);
	assert_int_equal(v.n, PERIODS);
	v.n = 0;
	assert_int_equal(history_list(f->history, NULL, "y", 2, visit, &v), 0);
	assert_int_equal(v.n, 1);
	assert_string_equal(v.rows[0].town, "aa");
	v.n = 0;
	v.stop_at = 5;
	assert_int_equal(history_list(f->history, NULL, NULL, 0, visit, &v), 17);
	assert_int_equal(v.n, 5);
	v.n = 0;
	assert_int_equal(history_list(f->history, "nobody", NULL, 0, visit, &v), 0);
	assert_int_equal(v.n, 0);
}

/* The reader sees each save at once, also that of a file which took the old one's place. */
static void follows_the_file(void **state)
{
	struct fixture *f = *state;
	struct closed row = make_closed("b", NULL, 1, 1), is;
	struct ledger_save save = {.closed = &row, .n_closed = 1, .keep = 9};

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	for (uint32_t i = 1; i < 9; i++) {
		row.number = i;
		save_good(f->ledger, &save);
		assert_true(history_get(f->history, false, "b", NULL, i, &is));
	}
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(unlink(path_in(&f->directory, "ledger.db")), 0);
	assert_false(history_get(f->history, false, "b", NULL, 1, &is));
	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	assert_false(history_get(f->history, false, "b", NULL, 1, &is));
	row.number = 20;
	save_good(f->ledger, &save);
	assert_true(history_get(f->history, false, "b", NULL, 20, &is));
	/* Another file takes the place of this one in one step. */
	struct directory other;
	directory_make(&other);
	struct ledger *made = open_ledger(&other, LEDGER_CREATED);
	row.number = 30;
	save_good(made, &save);
	ledger_close(made);
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(rename(path_in(&other, "ledger.db"), path_in(&f->directory, "ledger.db")), 0);
	assert_true(history_get(f->history, false, "b", NULL, 30, &is));
	assert_false(history_get(f->history, false, "b", NULL, 20, &is));
	directory_remove(&other);
}

/* A reader that stays in the middle of a list does not stop a save. */
static int save_meanwhile(void *context, const struct closed *row)
{
	(void)row;
	save_text(context, LEDGER_AGENT, "saved");
	return 1;
}

static void does_not_block_the_ledger(void **state)
{
	struct fixture *f = *state;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	fill(f->ledger);
	assert_int_equal(history_list(f->history, NULL, NULL, 0, save_meanwhile, f->ledger), 1);
	assert_sheet(f->ledger, LEDGER_AGENT, "saved", 5);
}

static void leaves_out_a_damaged_row(void **state)
{
	struct fixture *f = *state;
	struct closed row;
	sqlite3 *db;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	fill(f->ledger);
	assert_int_equal(sqlite3_open(path_in(&f->directory, "ledger.db"), &db), SQLITE_OK);
	static const char *const columns[] = {"start",       "end",         "reason",       "complete",
					      "down_octets", "up_octets",   "down_packets", "up_packets",
					      "quota_mb",    "quota_basis", "over_mb",      "sum"};
	for (unsigned i = 0; i < sizeof columns / sizeof *columns; i++) {
		char sql[128];
		assert_true(history_get(f->history, true, "b", "alice", 2, &row));
		for (int by = -1; by <= 1; by += 2) {
			snprintf(sql, sizeof sql,
				 "UPDATE closed SET %s = %s + %d WHERE host = 'alice' AND number = 2",
				 columns[i], columns[i], by);
			assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
			assert_int_equal(history_get(f->history, true, "b", "alice", 2, &row), by > 0);
		}
	}
	assert_int_equal(sqlite3_exec(db,
				      "UPDATE closed SET up_octets = 7 WHERE host = 'alice' AND number = 2",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_false(history_get(f->history, true, "b", "alice", 2, &row));
	uint8_t key[HISTORY_KEY_MAX];
	assert_true(history_seek(f->history, true, key, history_key(true, "b", "alice", key), 2, &row));
	assert_int_equal(row.number, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gets_single_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(walks, setup, teardown),
		cmocka_unit_test_setup_teardown(lists, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_block_the_ledger, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_out_a_damaged_row, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
