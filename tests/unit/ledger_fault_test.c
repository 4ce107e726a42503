/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that fail. The system calls of the ledger and of SQLite come through the functions below: each call in turn
 * fails, once or from then on, and whatever happens, the file is an old state or a new one as a whole, memory is
 * true to it, and a later save works. In the same way the process is "killed" before each call.
 */
/* Its inline functions would have the names of those below. */
#undef _FORTIFY_SOURCE

#include "ledger_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "history.h"
#include "ledger_tools.h"

/* Kinds of calls. */
enum { WRITES = 1, SYNCS = 2, OPENS = 4, NAMES = 8, READS = 16 };

static struct {
	unsigned kinds; /* 0: nothing fails */
	int countdown;  /* calls until it fails; 0 and below: failing */
	bool lasting;   /* fails from then on */
	int error;
	int hits;
	void (*before)(void); /* called in place of a failure */
} fault;

static bool fails(unsigned kind)
{
	if (!(fault.kinds & kind))
		return false;
	fault.countdown--;
	if (fault.countdown > 0 || (fault.countdown < 0 && !fault.lasting))
		return false;
	fault.hits++;
	if (fault.before) {
		unsigned kinds = fault.kinds;
		fault.kinds = 0;
		fault.before();
		fault.kinds = kinds;
		return false;
	}
	errno = fault.error;
	return true;
}

static int open_file(const char *path, int flags, unsigned mode)
{
	/* A disk that can not be written can be read. */
	if ((flags & (O_CREAT | O_RDWR | O_WRONLY)) && fails(OPENS))
		return -1;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* These take the place of the C library's, for SQLite as well. */
int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
	va_end(args);
	return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
	va_end(args);
	return open_file(path, flags, mode);
}

/* Nothing here loses its power, so nothing has to reach a disk. */
int fsync(int fd)
{
	(void)fd;
	return fails(SYNCS) ? -1 : 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return fails(SYNCS) ? -1 : 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
	return fd > STDERR_FILENO && fails(WRITES) ? -1 : (ssize_t)syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	return fails(WRITES) ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
	return pwrite(fd, data, size, at);
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
	return fails(READS) ? -1 : (ssize_t)syscall(SYS_pread64, fd, data, size, at);
}

ssize_t pread64(int fd, void *data, size_t size, off_t at)
{
	return pread(fd, data, size, at);
}

int ftruncate(int fd, off_t size)
{
	return fails(WRITES) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

int rename(const char *from, const char *to)
{
	return fails(NAMES) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	return fails(NAMES) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* --- states ---------------------------------------------------------------------------------------------- */

/* State k: everything in it says k. State 0 is a ledger without any. */
enum { SIZE = 12 * LEDGER_PART, STATES = 6, LAST = STATES - 1 };
static unsigned char *sheets[STATES];
static const char *const agents[STATES] = {"", "one", "second", "the third", "the fourth", "the fifth one"};

static struct ledger_save state_save(int k, struct closed *row)
{
	struct ledger_save save = {.closed = row, .n_closed = 1, .keep = 2};

	*row = make_closed("town", "host", (uint32_t)k, (uint64_t)k);
	save.sheets[LEDGER_HOSTS].data = sheets[k];
	save.sheets[LEDGER_HOSTS].size = SIZE;
	save.sheets[LEDGER_AGENT].data = agents[k];
	save.sheets[LEDGER_AGENT].size = strlen(agents[k]);
	return save;
}

static int save_state(struct ledger *ledger, int k)
{
	struct closed row;
	struct ledger_save save = state_save(k, &row);
	char error[LEDGER_ERROR_SIZE] = "";
	int result = ledger_save(ledger, &save, error);

	assert_int_equal(result < 0, error[0] != '\0');
	return result;
}

/* Which state the memory of a ledger is; fails if it is a mixture. */
static int state_of(const struct ledger *ledger)
{
	size_t size;
	const void *agent = ledger_sheet(ledger, LEDGER_AGENT, &size);
	int k = 0;

	for (k = 0; k < STATES; k++)
		if (size == strlen(agents[k]) && (size == 0 || memcmp(agent, agents[k], size) == 0))
			break;
	assert_in_range(k, 0, LAST);
	assert_sheet(ledger, LEDGER_HOSTS, sheets[k], k ? SIZE : 0);
	return k;
}

/* The same of files as a crash would leave them, with the closed periods. */
static int state_after_crash(const struct directory *directory)
{
	char error[LEDGER_ERROR_SIZE] = "";
	struct directory after;
	uint32_t number;

	crash(directory, &after);
	struct ledger *ledger = ledger_open(after.path, error);
	if (!ledger)
		fail_msg("%s", error);
	assert_int_not_equal(ledger_status(ledger), LEDGER_FAILED);
	int k = state_of(ledger);
	assert_int_equal(ledger_number_after(ledger, true, "town", "host", &number), 0);
	if (k > 0)
		assert_int_equal(number, k + 1);
	ledger_close(ledger);
	directory_remove(&after);
	return k;
}

static void assert_saves_again(struct ledger *ledger, struct directory *directory)
{
	assert_int_equal(save_state(ledger, LAST), 0);
	assert_int_not_equal(ledger_status(ledger), LEDGER_FAILED);
	assert_int_equal(state_of(ledger), LAST);
	assert_int_equal(state_after_crash(directory), LAST);
}

/* --- what is done while it fails --------------------------------------------------------------------------- */

/* Bases: nothing; state 2 in the file, and its newer parts in the WAL, and state 1 in the copy; the same with a
 * damaged file. */
static struct directory bases[3];
enum base { NOTHING, SAVED, DAMAGED };

static void make_bases(void)
{
	struct directory live;

	directory_make(&live);
	directory_make(&bases[NOTHING]);
	struct ledger *ledger = open_ledger(&live, LEDGER_CREATED);
	assert_int_equal(save_state(ledger, 1), 0);
	while (ledger_copy_if_due(ledger, 1800000000) == 0)
		;
	sqlite3_wal_checkpoint_v2(ledger->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	assert_int_equal(save_state(ledger, 2), 0);
	crash(&live, &bases[SAVED]);
	crash(&live, &bases[DAMAGED]);
	scribble(path_in(&bases[DAMAGED], "ledger.db"), 0, "garbage", 7);
	unlink(path_in(&bases[DAMAGED], "ledger.db-wal"));
	ledger_close(ledger);
	directory_remove(&live);
}

struct run {
	struct directory directory;
	struct ledger *ledger;
};

static void arm(unsigned kinds, int countdown, bool lasting, int error)
{
	fault.countdown = countdown;
	fault.lasting = lasting;
	fault.error = error;
	fault.hits = 0;
	fault.kinds = kinds;
}

/* Opening: values are there while the disk can be read, and the status says whether it can be written. */
static void do_open(struct run *run, enum base base)
{
	static const int states[] = {[NOTHING] = 0, [SAVED] = 2, [DAMAGED] = 1};
	char error[LEDGER_ERROR_SIZE] = "";

	run->ledger = ledger_open(run->directory.path, error);
	bool read_failed = fault.hits > 0 && fault.kinds & READS;
	fault.kinds = 0;
	assert_non_null(run->ledger);
	int k = state_of(run->ledger);
	if (!read_failed)
		assert_int_equal(k, states[base]);
	else if (k != states[base])
		assert_true(ledger_was_damaged(run->ledger));
	if (ledger_status(run->ledger) == LEDGER_FAILED) {
		assert_true(fault.hits > 0);
		assert_true(strlen(ledger_trouble(run->ledger)) > 0);
	}
	if (base == DAMAGED)
		assert_true(ledger_was_damaged(run->ledger));
}

static void open_nothing(struct run *run)
{
	do_open(run, NOTHING);
}

static void open_saved(struct run *run)
{
	do_open(run, SAVED);
}

static void open_damaged(struct run *run)
{
	do_open(run, DAMAGED);
}

/* Saves, with the ledger opened before anything fails. */
static void saves(struct run *run)
{
	int before = state_of(run->ledger);
	int result = save_state(run->ledger, 3);

	fault.kinds = 0;
	assert_int_equal(result < 0, ledger_status(run->ledger) == LEDGER_FAILED);
	assert_int_equal(state_of(run->ledger), result < 0 ? before : 3);
	int k = state_after_crash(&run->directory);
	if (result == 0)
		assert_int_equal(k, 3);
	else
		assert_true(k == before || k == 3);
}

static void intends(struct run *run)
{
	struct closed now_row, then_row;
	struct ledger_save now = state_save(3, &now_row), then = state_save(4, &then_row);
	char error[LEDGER_ERROR_SIZE] = "";
	struct directory after;
	int before = state_of(run->ledger);
	int result = ledger_intend(run->ledger, &now, &then, "steps", 5, error);

	fault.kinds = 0;
	assert_int_equal(state_of(run->ledger), result < 0 ? before : 3);
	crash(&run->directory, &after);
	struct ledger *ledger = ledger_open(after.path, error);
	const void *steps;
	size_t size;
	int k = state_of(ledger);
	bool pending = ledger_pending(ledger, &steps, &size);
	if (result == 0)
		assert_int_equal(k, 3);
	assert_int_equal(pending, k == 3);
	if (pending) {
		assert_memory_equal(steps, "steps", 5);
		assert_int_equal(ledger_adopt(ledger), 0);
		assert_int_equal(state_of(ledger), 4);
		/* Nothing is written yet. */
		assert_int_equal(state_after_crash(&after), 3);
	}
	assert_saves_again(ledger, &after);
	ledger_close(ledger);
	directory_remove(&after);
}

/* A copy that fails does not touch the one that is there, nor the ledger. */
static void copies(struct run *run)
{
	int result = 0;

	for (int i = 0; i < 1000 && result == 0; i++)
		result = ledger_copy_if_due(run->ledger, INT64_C(4000000000));
	int hits = fault.hits;
	fault.kinds = 0;
	if (result < 0)
		assert_true(hits > 0);
	assert_int_not_equal(result, 0);
	assert_int_equal(state_after_crash(&run->directory), 2);
	copy_file(path_in(&run->directory, "ledger.db.copy"), path_in(&run->directory, "other"));
	char why[LEDGER_ERROR_SIZE];
	struct ledger_contents contents = {0};
	sqlite3 *db;
	assert_int_equal(
		ledger_connect(path_in(&run->directory, "other"), LEDGER_IMMUTABLE, 0, &db, why, sizeof why),
		SQLITE_OK);
	assert_int_equal(ledger_read(db, true, &contents, why), LEDGER_FOUND_GOOD);
	size_t size = contents.sheets[LEDGER_AGENT].size;
	assert_true(size == strlen(agents[2]) || (result < 0 && size == strlen(agents[1])));
	ledger_contents_free(&contents);
	sqlite3_close(db);
}

static void closes(struct run *run)
{
	ledger_close(run->ledger);
	run->ledger = NULL;
	fault.kinds = 0;
	assert_int_equal(state_after_crash(&run->directory), 2);
	run->ledger = open_ledger(&run->directory, LEDGER_OK);
}

struct deed {
	const char *name;
	enum base base;
	bool opened; /* before it begins to fail */
	void (*run)(struct run *run);
};

static const struct deed deeds[] = {
	{"open nothing", NOTHING, false, open_nothing},
	{"open saved", SAVED, false, open_saved},
	{"open damaged", DAMAGED, false, open_damaged},
	{"save", SAVED, true, saves},
	{"first save", NOTHING, true, saves},
	{"intend", SAVED, true, intends},
	{"copy", SAVED, true, copies},
	{"close", SAVED, true, closes},
};
enum { DEEDS = sizeof deeds / sizeof *deeds };

/* Runs a deed whose n-th call of these kinds fails. Did it come to that? */
static bool run_deed(const struct deed *deed, unsigned kinds, int n, bool lasting, int error)
{
	struct run run = {0};

	crash(&bases[deed->base], &run.directory);
	if (deed->opened) {
		run.ledger = ledger_open(run.directory.path, (char[LEDGER_ERROR_SIZE]){0});
		assert_non_null(run.ledger);
	}
	arm(kinds, n, lasting, error);
	deed->run(&run);
	bool hit = fault.hits > 0;
	assert_saves_again(run.ledger, &run.directory);
	ledger_close(run.ledger);
	assert_int_equal(state_after_crash(&run.directory), LAST);
	directory_remove(&run.directory);
	return hit;
}

/* Lasting: from that call on, as on a disk that is full; else only once. */
static void every_call_fails(unsigned kinds, bool lasting, int error)
{
	for (int d = 0; d < DEEDS; d++) {
		int n = 1;
		while (run_deed(&deeds[d], kinds, n, lasting, error))
			assert_in_range(++n, 1, 2000);
	}
}

static void writes_fail(void **state)
{
	(void)state;
	every_call_fails(WRITES, false, EIO);
	every_call_fails(WRITES, true, ENOSPC);
}

static void syncs_fail(void **state)
{
	(void)state;
	every_call_fails(SYNCS, false, EIO);
	every_call_fails(SYNCS, true, EIO);
}

static void opens_fail(void **state)
{
	(void)state;
	every_call_fails(OPENS, false, ENOSPC);
	every_call_fails(OPENS | NAMES | WRITES, true, EROFS);
}

static void names_fail(void **state)
{
	(void)state;
	every_call_fails(NAMES, false, EIO);
	every_call_fails(NAMES, true, EACCES);
}

static void reads_fail(void **state)
{
	(void)state;
	every_call_fails(READS, false, EIO);
	every_call_fails(READS, true, EIO);
}

/* Killed before each call that changes something: what is left is a state, and not one of long ago. */
enum { DEATHS = 400 };
static const struct directory *watched;
static struct directory deaths[DEATHS];
static int n_deaths;

/* SQLite may hold locks of its own here, so that what is left is looked at later. */
static void killed_here(void)
{
	assert_in_range(n_deaths, 0, DEATHS - 1);
	crash(watched, &deaths[n_deaths++]);
}

static void killed_before_every_call(void **state)
{
	static const int first[] = {0, 2, 1, 2, 0, 2, 2, 2}, last[] = {0, 2, 1, 3, 3, 3, 2, 2};

	(void)state;
	for (int d = 0; d < DEEDS; d++) {
		struct run run = {0};
		crash(&bases[deeds[d].base], &run.directory);
		if (deeds[d].opened)
			run.ledger = ledger_open(run.directory.path, (char[LEDGER_ERROR_SIZE]){0});
		watched = &run.directory;
		fault.before = killed_here;
		arm(WRITES | SYNCS | NAMES, 1, true, 0);
		deeds[d].run(&run);
		fault.before = NULL;
		ledger_close(run.ledger);
		directory_remove(&run.directory);
		assert_true(n_deaths > 0);
		int oldest = first[d];
		for (int i = 0; i < n_deaths; i++) {
			int k = state_after_crash(&deaths[i]);
			assert_in_range(k, oldest, last[d]);
			oldest = k; /* time does not go backwards */
			directory_remove(&deaths[i]);
		}
		n_deaths = 0;
	}
}

/* All of the disk is read-only, for as long as it takes: what is in the WAL only is read as well. */
static void read_only_disk(void **state)
{
	struct directory directory;
	char error[LEDGER_ERROR_SIZE] = "";
	uint32_t number;
	struct closed row;

	(void)state;
	crash(&bases[SAVED], &directory);
	arm(OPENS | NAMES | WRITES, 1, true, EROFS);
	struct ledger *ledger = ledger_open(directory.path, error);
	assert_non_null(ledger);
	assert_int_equal(ledger_status(ledger), LEDGER_FAILED);
	if (!strstr(ledger_trouble(ledger), "ead-only"))
		fail_msg("%s", ledger_trouble(ledger));
	assert_false(ledger_was_damaged(ledger));
	assert_int_equal(state_of(ledger), 2);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(save_state(ledger, 3), -1);
		assert_int_equal(state_of(ledger), 2);
		assert_int_equal(ledger_number_after(ledger, true, "town", "host", &number), 0);
		assert_int_equal(number, 3);
	}
	struct history *history = history_new(directory.path);
	assert_true(history_get(history, true, "town", "host", 2, &row));
	fault.kinds = 0;
	assert_int_equal(save_state(ledger, 3), 0);
	assert_int_equal(ledger_status(ledger), LEDGER_OK);
	assert_true(history_get(history, true, "town", "host", 3, &row));
	history_free(history);
	ledger_close(ledger);
	directory_remove(&directory);
}

/* The file can not be opened at the start, and turns up later: it is not overwritten. */
static void unread_file(void **state)
{
	struct directory directory;
	char error[LEDGER_ERROR_SIZE] = "";

	(void)state;
	crash(&bases[SAVED], &directory);
	arm(READS, 1, true, ENXIO);
	fault.kinds = READS;
	struct ledger *ledger = ledger_open(directory.path, error);
	fault.kinds = 0;
	assert_non_null(ledger);
	assert_int_equal(state_of(ledger), 0);
	assert_true(ledger_was_damaged(ledger));
	assert_saves_again(ledger, &directory);
	assert_int_equal(count_files(&directory, "ledger.db.unread-2") +
					 count_files(&directory, "ledger.db.damaged-2") >
				 0,
			 1);
	ledger_close(ledger);
	directory_remove(&directory);
}

static int setup(void **state)
{
	(void)state;
	for (int k = 0; k < STATES; k++)
		sheets[k] = make_sheet(SIZE, (unsigned)k);
	make_bases();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int k = 0; k < STATES; k++)
		free(sheets[k]);
	for (int i = 0; i < 3; i++)
		directory_remove(&bases[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_fail),    cmocka_unit_test(syncs_fail),
		cmocka_unit_test(opens_fail),     cmocka_unit_test(names_fail),
		cmocka_unit_test(reads_fail),     cmocka_unit_test(killed_before_every_call),
		cmocka_unit_test(read_only_disk), cmocka_unit_test(unread_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
