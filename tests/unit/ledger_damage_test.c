/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is damaged is noticed, kept, and replaced by the best there is. */
#include "ledger_private.h"

#include <stdio.h>

#include "ledger_tools.h"

enum { SIZE = 20 * LEDGER_PART + 100 };

/*
 * `before`: the files of a ledger that was killed, with a copy of the day before (sheet "old") and a newer state
 * ("new"), parts of which are in the WAL only.
 */
struct fixture {
	struct directory before;
	struct ledger *ledger;
	unsigned char *old, *new;
};

static void save_hosts(struct ledger *ledger, const unsigned char *hosts)
{
	struct closed row = make_closed("town-of-rows", "host-of-rows", 1, 5000);
	struct ledger_save save = {.keep = 3, .closed = &row, .n_closed = 1};

	save.sheets[LEDGER_HOSTS].data = hosts;
	save.sheets[LEDGER_HOSTS].size = SIZE;
	save_good(ledger, &save);
}

static void make_before(struct fixture *f, bool with_copy, bool in_log)
{
	struct directory live;

	directory_make(&live);
	struct ledger *ledger = open_ledger(&live, LEDGER_CREATED);
	save_hosts(ledger, f->old);
	if (with_copy)
		while (ledger_copy_if_due(ledger, 1800000000) == 0)
			;
	/* The state in between is the one of the last checkpoint. */
	save_text(ledger, LEDGER_AGENT, "checkpointed");
	if (in_log)
		sqlite3_wal_checkpoint_v2(ledger->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	save_hosts(ledger, f->new);
	save_text(ledger, LEDGER_TOWNS, "second commit in the WAL");
	save_text(ledger, LEDGER_TOWNS, "third commit in the WAL");
	if (!in_log)
		sqlite3_wal_checkpoint_v2(ledger->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	crash(&live, &f->before);
	ledger_close(ledger);
	directory_remove(&live);
}

static int setup(void **state)
{
	static struct fixture f;

	f.ledger = NULL;
	f.old = make_sheet(SIZE, 1);
	f.new = make_sheet(SIZE, 1);
	for (size_t i = 7; i < SIZE; i += LEDGER_PART)
		f.new[i] ^= 1;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ledger_close(f->ledger);
	directory_remove(&f->before);
	free(f->old);
	free(f->new);
	return 0;
}

/* The ledger is a state of before, says so until it was saved, and the damaged file is still there. */
static void assert_restored(struct fixture *f, const unsigned char *hosts, const char *trouble)
{
	for (int i = 0; i < 2; i++) {
		f->ledger = open_ledger(&f->before, LEDGER_RESTORED);
		assert_true(ledger_was_damaged(f->ledger));
		if (!strstr(ledger_trouble(f->ledger), trouble) ||
		    !strstr(ledger_trouble(f->ledger), "; it is kept as ledger.db.damaged-2"))
			fail_msg("%s", ledger_trouble(f->ledger));
		assert_sheet(f->ledger, LEDGER_HOSTS, hosts, SIZE);
		assert_int_equal(count_files(&f->before, "ledger.db.new"), 0);
		if (i == 1)
			save_text(f->ledger, LEDGER_AGENT, "goes on");
		assert_int_equal(ledger_status(f->ledger), LEDGER_RESTORED);
		ledger_close(f->ledger);
	}
	assert_true(count_files(&f->before, "ledger.db.damaged-2") >= 1);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	assert_false(ledger_was_damaged(f->ledger));
	assert_string_equal(ledger_trouble(f->ledger), "");
	assert_sheet(f->ledger, LEDGER_HOSTS, hosts, SIZE);
}

static void assert_begun_anew(struct fixture *f, const char *trouble)
{
	for (int i = 0; i < 2; i++) {
		f->ledger = open_ledger(&f->before, LEDGER_CREATED);
		assert_true(ledger_was_damaged(f->ledger));
		if (!strstr(ledger_trouble(f->ledger), trouble) ||
		    !strstr(ledger_trouble(f->ledger), "was begun anew"))
			fail_msg("%s", ledger_trouble(f->ledger));
		assert_sheet(f->ledger, LEDGER_HOSTS, NULL, 0);
		if (i == 1)
			save_text(f->ledger, LEDGER_AGENT, "goes on");
		ledger_close(f->ledger);
	}
	f->ledger = open_ledger(&f->before, LEDGER_OK);
}

static const char *db(struct fixture *f)
{
	return path_in(&f->before, "ledger.db");
}

static const char *wal(struct fixture *f)
{
	return path_in(&f->before, "ledger.db-wal");
}

static void undamaged(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	assert_sheet(f->ledger, LEDGER_HOSTS, f->new, SIZE);
	assert_sheet(f->ledger, LEDGER_TOWNS, "third commit in the WAL", 23);
	assert_int_equal(count_files(&f->before, "ledger.db.damaged"), 0);
}

static void header(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, false);
	scribble(db(f), 0, "garbage garbage", 15);
	assert_restored(f, f->old, "was damaged (");
}

static void header_without_a_copy(void **state)
{
	struct fixture *f = *state;

	make_before(f, false, false);
	scribble(db(f), 0, "garbage garbage", 15);
	assert_begun_anew(f, "was damaged (");
	assert_int_equal(count_files(&f->before, "ledger.db.damaged-2"), 1);
}

static void bit_in_a_part(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, false);
	flip_at(db(f), f->new + 3 * LEDGER_PART + 100, 64, 0);
	assert_restored(f, f->old, "sum differs");
}

static void bit_in_a_closed_period(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, false);
	/* The number of octets, 5000, behind the two flags before it. */
	flip_at(db(f), "host-of-rows", 12, 1);
	assert_restored(f, f->old, "a closed period is damaged");
}

static void truncated(void **state)
{
	static const off_t sizes[] = {0, 1, 100, 4096, 40960, 90000};

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct fixture *f = *state;
		make_before(f, true, false);
		assert_int_equal(truncate(db(f), sizes[i]), 0);
		assert_restored(f, f->old, "was damaged (");
		if (i + 1 == sizeof sizes / sizeof *sizes)
			break;
		ledger_close(f->ledger);
		f->ledger = NULL;
		directory_remove(&f->before);
	}
}

/* Each page of the file in turn, overwritten with each of two kinds of rubbish. */
static void any_page(void **state)
{
	struct fixture *f = *state;
	unsigned char rubbish[4096];
	struct stat status;
	struct directory whole;

	make_before(f, true, false);
	whole = f->before;
	assert_int_equal(stat(path_in(&whole, "ledger.db"), &status), 0);
	for (off_t at = 0; at < status.st_size; at += 4096)
		for (int kind = 0; kind < 2; kind++) {
			memset(rubbish, kind ? 0 : 0xa5, sizeof rubbish);
			crash(&whole, &f->before);
			scribble(db(f), at, rubbish, sizeof rubbish);
			char error[LEDGER_ERROR_SIZE];
			f->ledger = ledger_open(f->before.path, error);
			assert_non_null(f->ledger);
			size_t size;
			const void *hosts = ledger_sheet(f->ledger, LEDGER_HOSTS, &size);
			assert_int_equal(size, SIZE);
			/* A page that was free may be anything. */
			if (ledger_status(f->ledger) == LEDGER_OK)
				assert_memory_equal(hosts, f->new, SIZE);
			else
				assert_memory_equal(hosts, f->old, SIZE);
			assert_int_equal(ledger_status(f->ledger) == LEDGER_RESTORED,
					 ledger_was_damaged(f->ledger));
			ledger_close(f->ledger);
			f->ledger = NULL;
			directory_remove(&f->before);
		}
	f->before = whole;
}

/* A page of an older save, with sums that are right: what a disk leaves that loses writes. */
static void stale_page(void **state)
{
	struct fixture *f = *state;
	unsigned char page[4096];
	struct stat status;

	make_before(f, true, false);
	assert_int_equal(stat(db(f), &status), 0);
	int fd = open(path_in(&f->before, "ledger.db.copy"), O_RDONLY);
	bool done = false;
	for (off_t at = 4096; !done && pread(fd, page, sizeof page, at) == (ssize_t)sizeof page; at += 4096)
		if (memmem(page, sizeof page, f->old + 5 * LEDGER_PART, 100)) {
			/* It stands at the same place in both. */
			scribble(db(f), at, page, sizeof page);
			done = true;
		}
	close(fd);
	assert_true(done);
	assert_restored(f, f->old, "of another save");
}

static void log_with_a_damaged_header(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	scribble(wal(f), 0, "garbage", 7);
	/* The file without its WAL is newer than the copy. */
	assert_restored(f, f->old,
			"the header of its WAL is damaged), and was taken back to its state without the WAL");
	assert_int_equal(count_files(&f->before, "ledger.db.damaged-2"), 2);
}

static void log_damaged_in_the_middle(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	flip_at(wal(f), f->new + 3 * LEDGER_PART, 64, 0);
	assert_restored(f, f->old, "its WAL is damaged in the middle");
}

/* The last commit of the WAL was being written: the one before it counts, and that is no damage. */
static void log_cut_short(void **state)
{
	struct fixture *f = *state;
	struct stat status;

	make_before(f, true, true);
	assert_int_equal(stat(wal(f), &status), 0);
	for (off_t cut = 1; cut < 4120; cut += 1000) {
		assert_int_equal(truncate(wal(f), status.st_size - cut), 0);
		struct directory after;
		crash(&f->before, &after);
		f->ledger = open_ledger(&after, LEDGER_OK);
		assert_sheet(f->ledger, LEDGER_HOSTS, f->new, SIZE);
		assert_sheet(f->ledger, LEDGER_TOWNS, "second commit in the WAL", 24);
		ledger_close(f->ledger);
		f->ledger = NULL;
		directory_remove(&after);
	}
}

/* The last commit reached the disk but for one page: it was never reported as saved, and that is no damage. */
static void log_torn(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	flip_at(wal(f), "third commit", 12, 0);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	assert_sheet(f->ledger, LEDGER_HOSTS, f->new, SIZE);
	assert_sheet(f->ledger, LEDGER_TOWNS, "second commit in the WAL", 24);
}

static void log_with_another_salt(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	scribble(wal(f), 18, "\377\376", 2);
	assert_restored(f, f->old, "the header of its WAL is damaged");
}

/* Pages that nothing refers to but the list of free ones. */
static void free_pages(void **state)
{
	struct fixture *f = *state;
	char error[LEDGER_ERROR_SIZE] = "", rubbish[4096];
	unsigned char head[40];

	make_before(f, true, false);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	struct ledger_save now = {.keep = 1};
	assert_int_equal(ledger_intend(f->ledger, &now, &now, f->new, SIZE, error), 0);
	save_text(f->ledger, LEDGER_AGENT, "ended");
	ledger_close(f->ledger);
	int fd = open(db(f), O_RDONLY);
	assert_int_equal(pread(fd, head, sizeof head, 0), sizeof head);
	close(fd);
	off_t first = head[34] << 8 | head[35];
	assert_true(first > 0);
	memset(rubbish, 0xa5, sizeof rubbish);
	scribble(db(f), (first - 1) * 4096, rubbish, sizeof rubbish);
	assert_restored(f, f->old, "was damaged (");
}

static void file_and_log_damaged(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	scribble(wal(f), 0, "garbage", 7);
	scribble(db(f), 0, "garbage", 7);
	assert_restored(f, f->old, "was taken back to its daily copy");
	assert_int_equal(count_files(&f->before, "ledger.db.damaged-2"), 2);
}

static void copy_damaged_too(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, false);
	scribble(db(f), 0, "garbage", 7);
	flip_at(path_in(&f->before, "ledger.db.copy"), f->old + 3 * LEDGER_PART + 100, 64, 0);
	assert_begun_anew(f, "its copy is bad too");
	assert_int_equal(count_files(&f->before, "ledger.db.damaged-2"), 1);
	assert_int_equal(count_files(&f->before, "ledger.db.copy.damaged-2"), 1);
}

static void file_missing(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, true);
	unlink(db(f));
	assert_restored(f, f->old, "was missing, and was taken back to its daily copy");
}

/* Another program's file, and a file that is none. */
static void not_a_ledger(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	make_before(f, false, false);
	unlink(db(f));
	assert_int_equal(sqlite3_open(db(f), &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "CREATE TABLE t(a)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_begun_anew(f, "it is not a ledger of townmeter");
}

/* A damaged file of the same second, and of the same again: each keeps its name. */
static void nothing_is_overwritten(void **state)
{
	struct fixture *f = *state;

	make_before(f, true, false);
	for (int i = 0; i < 4; i++) {
		scribble(db(f), 0, "garbage", 7);
		f->ledger = open_ledger(&f->before, LEDGER_RESTORED);
		ledger_close(f->ledger);
	}
	f->ledger = NULL;
	assert_int_equal(count_files(&f->before, "ledger.db.damaged-2"), 4);
}

static void damage_while_it_runs(void **state)
{
	struct fixture *f = *state;
	char error[LEDGER_ERROR_SIZE] = "";
	struct ledger_save save = {.keep = 3};

	make_before(f, true, false);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	sqlite3_wal_checkpoint_v2(f->ledger->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	struct stat status;
	assert_int_equal(stat(db(f), &status), 0);
	char rubbish[4096];
	memset(rubbish, 0xa5, sizeof rubbish);
	for (off_t at = 4096; at < status.st_size; at += 4096)
		scribble(db(f), at, rubbish, sizeof rubbish);
	sqlite3_db_release_memory(f->ledger->db);
	unsigned char *third = make_sheet(SIZE, 3);
	save.sheets[LEDGER_HOSTS].data = third;
	save.sheets[LEDGER_HOSTS].size = SIZE;
	assert_int_equal(ledger_save(f->ledger, &save, error), -1);
	assert_int_equal(ledger_status(f->ledger), LEDGER_FAILED);
	assert_sheet(f->ledger, LEDGER_HOSTS, f->new, SIZE);
	save_good(f->ledger, &save);
	assert_int_equal(ledger_status(f->ledger), LEDGER_RESTORED);
	assert_false(ledger_was_damaged(f->ledger));
	ledger_close(f->ledger);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	assert_sheet(f->ledger, LEDGER_HOSTS, third, SIZE);
	free(third);
}

/* Rot in the ledger must not get into its copy. */
static void copy_of_a_damaged_ledger(void **state)
{
	struct fixture *f = *state;
	struct stat status, after;
	int result = 0;

	make_before(f, true, false);
	f->ledger = open_ledger(&f->before, LEDGER_OK);
	assert_int_equal(stat(path_in(&f->before, "ledger.db.copy"), &status), 0);
	save_text(f->ledger, LEDGER_AGENT, "saved");
	sqlite3_wal_checkpoint_v2(f->ledger->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	flip_at(db(f), f->new + 3 * LEDGER_PART + 100, 64, 0);
	sqlite3_db_release_memory(f->ledger->db);
	for (int i = 0; i < 1000 && result == 0; i++)
		result = ledger_copy_if_due(f->ledger, 1800000000 + 200000000);
	assert_int_equal(result, -1);
	assert_int_equal(stat(path_in(&f->before, "ledger.db.copy"), &after), 0);
	assert_int_equal(status.st_ino, after.st_ino);
	assert_int_equal(count_files(&f->before, "ledger.db.copy"), 1);
	/* The next save looks closely. */
	save_text(f->ledger, LEDGER_AGENT, "saved again");
	assert_int_equal(ledger_status(f->ledger), LEDGER_RESTORED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(undamaged, setup, teardown),
		cmocka_unit_test_setup_teardown(header, setup, teardown),
		cmocka_unit_test_setup_teardown(header_without_a_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(bit_in_a_part, setup, teardown),
		cmocka_unit_test_setup_teardown(bit_in_a_closed_period, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(any_page, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_page, setup, teardown),
		cmocka_unit_test_setup_teardown(log_with_a_damaged_header, setup, teardown),
		cmocka_unit_test_setup_teardown(log_damaged_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(log_cut_short, setup, teardown),
		cmocka_unit_test_setup_teardown(log_torn, setup, teardown),
		cmocka_unit_test_setup_teardown(log_with_another_salt, setup, teardown),
		cmocka_unit_test_setup_teardown(free_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(file_and_log_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(copy_damaged_too, setup, teardown),
		cmocka_unit_test_setup_teardown(file_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_ledger, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_overwritten, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_while_it_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(copy_of_a_damaged_ledger, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
