/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger while all goes well, and over crashes that come at any point between two calls. */
#include "ledger_private.h"

#include <errno.h>
#include <stdio.h>

#include "ledger_tools.h"

struct fixture {
	struct directory directory, after;
	struct ledger *ledger;
};

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof fixture);
	directory_make(&fixture.directory);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ledger_close(f->ledger);
	directory_remove(&f->directory);
	if (f->after.path[0])
		directory_remove(&f->after);
	return 0;
}

static void created_then_ok(void **state)
{
	struct fixture *f = *state;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	assert_string_equal(ledger_trouble(f->ledger), "");
	assert_false(ledger_was_damaged(f->ledger));
	assert_sheet(f->ledger, LEDGER_HOSTS, NULL, 0);
	ledger_close(f->ledger);
	/* Never saved: still as good as new. */
	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	save_text(f->ledger, LEDGER_AGENT, "agent");
	assert_int_equal(ledger_status(f->ledger), LEDGER_CREATED);
	ledger_close(f->ledger);
	f->ledger = open_ledger(&f->directory, LEDGER_OK);
	assert_sheet(f->ledger, LEDGER_AGENT, "agent", 5);
	assert_sheet(f->ledger, LEDGER_TOWNS, NULL, 0);
}

/* Sizes around those of parts, growing and shrinking, over open and close. */
static void sheets_of_any_size(void **state)
{
	static const size_t sizes[] = {1, 3999, 4000, 4001, 0, 8000, 12345, 200000, 7999, 4000, 0, 1};
	struct fixture *f = *state;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		unsigned char *hosts = make_sheet(sizes[i], i), *rules = make_sheet(sizes[i] * 2, i + 100);
		struct ledger_save save = {.keep = 1};
		save.sheets[LEDGER_HOSTS].data = hosts;
		save.sheets[LEDGER_HOSTS].size = sizes[i];
		save.sheets[LEDGER_RULES].data = rules;
		save.sheets[LEDGER_RULES].size = sizes[i] * 2;
		save_good(f->ledger, &save);
		assert_sheet(f->ledger, LEDGER_HOSTS, hosts, sizes[i]);
		ledger_close(f->ledger);
		f->ledger = open_ledger(&f->directory, LEDGER_OK);
		assert_sheet(f->ledger, LEDGER_HOSTS, hosts, sizes[i]);
		assert_sheet(f->ledger, LEDGER_RULES, rules, sizes[i] * 2);
		free(hosts);
		free(rules);
	}
}

static void only_what_changed_is_written(void **state)
{
	struct fixture *f = *state;
	size_t size = 100 * LEDGER_PART;
	unsigned char *hosts = make_sheet(size, 1);
	struct ledger_save save = {.keep = 1};

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	save.sheets[LEDGER_HOSTS].data = hosts;
	save.sheets[LEDGER_HOSTS].size = size;
	save_good(f->ledger, &save);
	assert_int_equal(ledger_bytes_written(f->ledger), size);
	int changes = sqlite3_total_changes(f->ledger->db);
	save_good(f->ledger, &save);
	assert_int_equal(sqlite3_total_changes(f->ledger->db), changes);
	assert_int_equal(f->ledger->now.saves, 1);
	hosts[0] ^= 1;
	hosts[size - 1] ^= 1;
	hosts[50 * LEDGER_PART] ^= 1;
	save_good(f->ledger, &save);
	assert_int_equal(ledger_bytes_written(f->ledger), size + 3 * LEDGER_PART);
	/* Three parts, and the row of the state. */
	assert_int_equal(sqlite3_total_changes(f->ledger->db), changes + 4);
	/* A sheet that is left out stays. */
	struct ledger_save other = {.keep = 1};
	other.sheets[LEDGER_AGENT].data = "a";
	other.sheets[LEDGER_AGENT].size = 1;
	save_good(f->ledger, &other);
	assert_int_equal(ledger_bytes_written(f->ledger), size + 3 * LEDGER_PART + 1);
	assert_sheet(f->ledger, LEDGER_HOSTS, hosts, size);
	crash(&f->directory, &f->after);
	struct ledger *after = open_ledger(&f->after, LEDGER_OK);
	assert_sheet(after, LEDGER_HOSTS, hosts, size);
	ledger_close(after);
	free(hosts);
}

/* One part is one page: the file is hardly larger than what it holds. */
static void a_part_is_a_page(void **state)
{
	struct fixture *f = *state;
	size_t size = 1000 * LEDGER_PART;
	unsigned char *hosts = make_sheet(size, 1);
	struct ledger_save save = {.keep = 1};
	struct stat status;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	save.sheets[LEDGER_HOSTS].data = hosts;
	save.sheets[LEDGER_HOSTS].size = size;
	save_good(f->ledger, &save);
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(stat(path_in(&f->directory, "ledger.db"), &status), 0);
	assert_in_range(status.st_size, 1000 * 4096, 1040 * 4096);
	assert_int_equal(count_files(&f->directory, "ledger.db-"), 0);
	free(hosts);
}

static void the_log_is_bounded(void **state)
{
	struct fixture *f = *state;
	size_t size = 3000 * LEDGER_PART;
	struct stat status;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	for (unsigned i = 0; i < 4; i++) {
		unsigned char *hosts = make_sheet(size, i);
		struct ledger_save save = {.keep = 1};
		save.sheets[LEDGER_HOSTS].data = hosts;
		save.sheets[LEDGER_HOSTS].size = size;
		save_good(f->ledger, &save);
		free(hosts);
	}
	assert_int_equal(stat(path_in(&f->directory, "ledger.db-wal"), &status), 0);
	assert_in_range(status.st_size, 1, 14 << 20);
	save_text(f->ledger, LEDGER_AGENT, "small");
	assert_int_equal(stat(path_in(&f->directory, "ledger.db-wal"), &status), 0);
	assert_in_range(status.st_size, 1, 9 << 20);
}

static int count_closed(struct ledger *ledger)
{
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(ledger->db, "SELECT count(*) FROM closed", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int n = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return n;
}

static uint32_t number_after(struct ledger *ledger, const char *town, const char *host)
{
	uint32_t number = 0;

	assert_int_equal(ledger_number_after(ledger, host != NULL, town, host, &number), 0);
	return number;
}

static void closed_periods_are_pruned(void **state)
{
	struct fixture *f = *state;
	struct closed rows[3];
	struct ledger_save save = {.closed = rows, .n_closed = 3, .keep = 4};

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	assert_int_equal(number_after(f->ledger, "town-a", "alice"), 1);
	for (uint32_t i = 1; i <= 9; i++) {
		rows[0] = make_closed("town-a", NULL, i, i);
		rows[1] = make_closed("town-a", "alice", i * 2, i);
		rows[2] = make_closed("town-a", "bob", 1, i);
		save_good(f->ledger, &save);
	}
	/* 4 of the town, 4 of alice, and the one of bob, which was replaced. */
	assert_int_equal(count_closed(f->ledger), 9);
	assert_int_equal(number_after(f->ledger, "town-a", NULL), 10);
	assert_int_equal(number_after(f->ledger, "town-a", "alice"), 19);
	assert_int_equal(number_after(f->ledger, "town-a", "bob"), 2);
	assert_int_equal(number_after(f->ledger, "town-b", "bob"), 1);
	save.n_closed = 1;
	save.keep = 1;
	rows[0] = make_closed("town-a", NULL, 10, 0);
	save_good(f->ledger, &save);
	assert_int_equal(count_closed(f->ledger), 6);
}

static void a_name_that_is_too_long_fails(void **state)
{
	struct fixture *f = *state;
	struct closed row = make_closed("town", "host", 1, 1);
	struct ledger_save save = {.closed = &row, .n_closed = 1, .keep = 1};
	char error[LEDGER_ERROR_SIZE] = "";

	memset(row.town, 'x', sizeof row.town);
	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	assert_int_equal(ledger_save(f->ledger, &save, error), -1);
	assert_true(strlen(error) > 0);
	save_text(f->ledger, LEDGER_AGENT, "goes on");
	assert_int_equal(count_closed(f->ledger), 0);
}

/* An intent: the file holds `now`, and how to come to `then`. */
static unsigned char *now_hosts, *then_hosts;
enum { NOW = 50000, THEN = 61000 };
static struct closed then_row;
static const char then_steps[] = "zero the counters of town-a";

static void intend(struct ledger *ledger)
{
	struct ledger_save now = {.keep = 12}, then = {.keep = 12, .closed = &then_row, .n_closed = 1};
	char error[LEDGER_ERROR_SIZE] = "";

	now_hosts = make_sheet(NOW, 1);
	then_hosts = make_sheet(THEN, 1);
	then_hosts[20000] ^= 1;
	then_row = make_closed("town-a", "alice", 7, 1);
	now.sheets[LEDGER_HOSTS].data = now_hosts;
	now.sheets[LEDGER_HOSTS].size = NOW;
	now.sheets[LEDGER_AGENT].data = "agent";
	now.sheets[LEDGER_AGENT].size = 5;
	then.sheets[LEDGER_HOSTS].data = then_hosts;
	then.sheets[LEDGER_HOSTS].size = THEN;
	uint64_t before = ledger_bytes_written(ledger);
	if (ledger_intend(ledger, &now, &then, then_steps, sizeof then_steps, error) < 0)
		fail_msg("%s", error);
	/* The part that differs, the ones from the last on, and the steps. */
	assert_int_equal(ledger_bytes_written(ledger) - before,
			 NOW + 5 + LEDGER_PART + THEN - 48000 + sizeof then_steps);
	assert_sheet(ledger, LEDGER_HOSTS, now_hosts, NOW);
}

static void free_hosts(void)
{
	free(now_hosts);
	free(then_hosts);
}

static void assert_pending(const struct ledger *ledger, bool pending)
{
	const void *steps;
	size_t size;

	assert_int_equal(ledger_pending(ledger, &steps, &size), pending);
	if (pending) {
		assert_int_equal(size, sizeof then_steps);
		assert_string_equal(steps, then_steps);
	}
}

static void an_intent_that_did_not_happen(void **state)
{
	struct fixture *f = *state;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	intend(f->ledger);
	assert_pending(f->ledger, false);
	crash(&f->directory, &f->after);
	struct ledger *after = open_ledger(&f->after, LEDGER_OK);
	assert_pending(after, true);
	assert_sheet(after, LEDGER_HOSTS, now_hosts, NOW);
	save_text(after, LEDGER_AGENT, "later");
	assert_pending(after, false);
	assert_int_equal(number_after(after, "town-a", "alice"), 1);
	ledger_close(after);
	after = open_ledger(&f->after, LEDGER_OK);
	assert_pending(after, false);
	assert_sheet(after, LEDGER_HOSTS, now_hosts, NOW);
	errno = 0;
	assert_int_equal(ledger_adopt(after), -1);
	assert_int_equal(errno, ENOENT);
	ledger_close(after);
	free_hosts();
}

static void an_intent_that_happened(void **state)
{
	struct fixture *f = *state;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	intend(f->ledger);
	crash(&f->directory, &f->after);
	/* It crashes twice before anything is saved. */
	for (int i = 0; i < 3; i++) {
		struct ledger *after = open_ledger(&f->after, LEDGER_OK);
		struct directory again;
		assert_pending(after, true);
		assert_int_equal(ledger_adopt(after), 0);
		assert_pending(after, false);
		assert_sheet(after, LEDGER_HOSTS, then_hosts, THEN);
		assert_sheet(after, LEDGER_AGENT, "agent", 5);
		assert_int_equal(number_after(after, "town-a", "alice"), 8);
		assert_int_equal(count_closed(after), 0);
		crash(&f->after, &again);
		if (i == 2) {
			struct ledger_save save = {.keep = 3};
			save_good(after, &save);
			assert_sheet(after, LEDGER_HOSTS, then_hosts, THEN);
			assert_int_equal(count_closed(after), 1);
		}
		ledger_close(after);
		if (i == 2) {
			after = open_ledger(&f->after, LEDGER_OK);
			assert_pending(after, false);
			assert_sheet(after, LEDGER_HOSTS, then_hosts, THEN);
			assert_int_equal(number_after(after, "town-a", "alice"), 8);
			ledger_close(after);
		}
		directory_remove(&again);
	}
	free_hosts();
}

static void a_save_ends_the_intent(void **state)
{
	struct fixture *f = *state;
	struct ledger_save save = {.closed = &then_row, .n_closed = 1, .keep = 3};

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	intend(f->ledger);
	save.sheets[LEDGER_HOSTS].data = then_hosts;
	save.sheets[LEDGER_HOSTS].size = THEN;
	save_good(f->ledger, &save);
	crash(&f->directory, &f->after);
	struct ledger *after = open_ledger(&f->after, LEDGER_OK);
	assert_pending(after, false);
	assert_sheet(after, LEDGER_HOSTS, then_hosts, THEN);
	assert_int_equal(count_closed(after), 1);
	ledger_close(after);
	free_hosts();
}

/* A second intent takes the place of the first, and what was adopted is saved with it. */
static void an_intent_behind_an_intent(void **state)
{
	struct fixture *f = *state;
	char error[LEDGER_ERROR_SIZE] = "";

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	intend(f->ledger);
	crash(&f->directory, &f->after);
	struct ledger *after = open_ledger(&f->after, LEDGER_OK);
	assert_int_equal(ledger_adopt(after), 0);
	struct ledger_save now = {.keep = 3}, then = {.keep = 3};
	size_t size = 3 << 20;
	unsigned char *steps = make_sheet(size, 9);
	then.sheets[LEDGER_HOSTS].data = "";
	if (ledger_intend(after, &now, &then, steps, size, error) < 0)
		fail_msg("%s", error);
	ledger_close(after);
	after = open_ledger(&f->after, LEDGER_OK);
	const void *is;
	size_t is_size;
	assert_true(ledger_pending(after, &is, &is_size));
	assert_int_equal(is_size, size);
	assert_memory_equal(is, steps, size);
	assert_sheet(after, LEDGER_HOSTS, then_hosts, THEN);
	assert_int_equal(count_closed(after), 1);
	assert_int_equal(ledger_adopt(after), 0);
	assert_sheet(after, LEDGER_HOSTS, NULL, 0);
	ledger_close(after);
	free(steps);
	free_hosts();
}

/* As a file of version 1 would be met by a townmeter that knows version 3. */
static void migrates_step_by_step(void **state)
{
	struct fixture *f = *state;
	static const char *const steps[] = {
		"CREATE TABLE never(a)",
		"CREATE TABLE second(a); INSERT INTO second SELECT saves FROM state",
		"CREATE TABLE third(a); INSERT INTO third SELECT a + 1 FROM second",
		"CREATE TABLE fourth(a); INSERT INTO no_such_table VALUES (1)",
	};
	char why[LEDGER_ERROR_SIZE] = "";
	sqlite3 *db;
	sqlite3_stmt *statement;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	save_text(f->ledger, LEDGER_AGENT, "one");
	ledger_close(f->ledger);
	f->ledger = NULL;
	assert_int_equal(
		ledger_connect(path_in(&f->directory, "ledger.db"), LEDGER_WRITE, 0, &db, why, sizeof why),
		SQLITE_OK);
	assert_int_equal(ledger_schema_steps(db, false, steps, 3, why), LEDGER_FOUND_GOOD);
	assert_int_equal(ledger_schema_steps(db, false, steps, 3, why), LEDGER_FOUND_GOOD);
	/* A step that fails leaves the version before it, whole. */
	assert_int_not_equal(ledger_schema_steps(db, false, steps, 4, why), LEDGER_FOUND_GOOD);
	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "SELECT a, (SELECT user_version FROM pragma_user_version),"
				   " (SELECT count(*) FROM sqlite_master WHERE name = 'fourth') FROM third",
				   -1, &statement, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(statement, 0), 2);
	assert_int_equal(sqlite3_column_int(statement, 1), 3);
	assert_int_equal(sqlite3_column_int(statement, 2), 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	assert_null(ledger_open(f->directory.path, why));
	assert_non_null(strstr(why, "it is of version 3, this townmeter knows versions up to 1"));
	assert_int_equal(count_files(&f->directory, "ledger.db"), 1);
}

/* sqlite3(1) in the hands of an operator, or a file that was put in the place of ours. */
static void notices_other_writers(void **state)
{
	struct fixture *f = *state;
	struct ledger_save save = {.keep = 1};
	sqlite3 *db;

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	save_text(f->ledger, LEDGER_AGENT, "first");
	assert_int_equal(sqlite3_open(path_in(&f->directory, "ledger.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM part; DELETE FROM sheet; UPDATE state SET total = 0",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	save_text(f->ledger, LEDGER_AGENT, "first");
	crash(&f->directory, &f->after);
	struct ledger *after = open_ledger(&f->after, LEDGER_OK);
	assert_sheet(after, LEDGER_AGENT, "first", 5);
	save_text(after, LEDGER_AGENT, "other");
	save_text(after, LEDGER_TOWNS, "towns");
	ledger_close(after);
	assert_int_equal(rename(path_in(&f->after, "ledger.db"), path_in(&f->directory, "ledger.db")), 0);
	unlink(path_in(&f->directory, "ledger.db-wal"));
	unlink(path_in(&f->directory, "ledger.db-shm"));
	save.sheets[LEDGER_AGENT].data = "first";
	save.sheets[LEDGER_AGENT].size = 5;
	save_good(f->ledger, &save);
	ledger_close(f->ledger);
	f->ledger = open_ledger(&f->directory, LEDGER_OK);
	assert_sheet(f->ledger, LEDGER_AGENT, "first", 5);
}

static int copy_until_done(struct ledger *ledger, int64_t now)
{
	for (int i = 1; i < 10000; i++) {
		int result = ledger_copy_if_due(ledger, now);
		if (result != 0)
			return result < 0 ? result : i;
	}
	return 0;
}

static void copies_once_a_day(void **state)
{
	struct fixture *f = *state;
	int64_t now = 1800000000;
	size_t size = 4000 * LEDGER_PART;
	unsigned char *hosts = make_sheet(size, 1);
	struct ledger_save save = {.keep = 1};

	f->ledger = open_ledger(&f->directory, LEDGER_CREATED);
	assert_int_equal(ledger_copy_if_due(f->ledger, now), 0);
	assert_int_equal(count_files(&f->directory, "ledger.db.copy"), 0);
	save_text(f->ledger, LEDGER_AGENT, "one");
	assert_int_equal(copy_until_done(f->ledger, now), 1);
	assert_int_equal(count_files(&f->directory, "ledger.db.copy"), 1);
	assert_int_equal(copy_until_done(f->ledger, now + 86399), 0);
	/* What is saved while a copy is made is in the copy as a whole, or not at all if the copy only had to be
	 * checked by then. */
	save.sheets[LEDGER_HOSTS].data = hosts;
	save.sheets[LEDGER_HOSTS].size = size;
	save_good(f->ledger, &save);
	assert_int_equal(ledger_copy_if_due(f->ledger, now + 86400), 0);
	hosts[0] ^= 1;
	hosts[size - 1] ^= 1;
	save_good(f->ledger, &save);
	assert_in_range(copy_until_done(f->ledger, now + 86401), 1, 1000);
	assert_int_equal(count_files(&f->directory, "ledger.db.copy"), 1);
	struct stat status;
	assert_int_equal(stat(path_in(&f->directory, "ledger.db.copy"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(path_in(&f->directory, "ledger.db-wal"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	directory_make(&f->after);
	copy_file(path_in(&f->directory, "ledger.db.copy"), path_in(&f->after, "ledger.db"));
	struct ledger *after = open_ledger(&f->after, LEDGER_OK);
	size_t copied;
	const unsigned char *there = ledger_sheet(after, LEDGER_HOSTS, &copied);
	assert_int_equal(copied, size);
	if (there[0] != hosts[0]) {
		hosts[0] ^= 1;
		hosts[size - 1] ^= 1;
	}
	assert_sheet(after, LEDGER_HOSTS, hosts, size);
	assert_sheet(after, LEDGER_AGENT, "one", 3);
	ledger_close(after);
	free(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(created_then_ok, setup, teardown),
		cmocka_unit_test_setup_teardown(sheets_of_any_size, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_changed_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_is_a_page, setup, teardown),
		cmocka_unit_test_setup_teardown(the_log_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_periods_are_pruned, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_is_too_long_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(an_intent_that_did_not_happen, setup, teardown),
		cmocka_unit_test_setup_teardown(an_intent_that_happened, setup, teardown),
		cmocka_unit_test_setup_teardown(a_save_ends_the_intent, setup, teardown),
		cmocka_unit_test_setup_teardown(an_intent_behind_an_intent, setup, teardown),
		cmocka_unit_test_setup_teardown(migrates_step_by_step, setup, teardown),
		cmocka_unit_test_setup_teardown(notices_other_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_once_a_day, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
