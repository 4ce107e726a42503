/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of the ledger: a directory of its own, copies of it as a crash would leave it, and sheets. */
#ifndef TOWNMETER_TESTS_LEDGER_TOOLS_H
#define TOWNMETER_TESTS_LEDGER_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"

struct directory {
	char path[64];
};

static inline void directory_make(struct directory *directory)
{
	/* In memory if possible: thousands of small files are slow on a disk. */
	snprintf(directory->path, sizeof directory->path, "%s/townmeter-ledger-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(directory->path));
}

static inline void directory_remove(const struct directory *directory)
{
	char path[400];
	DIR *listing = opendir(directory->path);

	if (!listing)
		return;
	for (struct dirent *entry; (entry = readdir(listing));) {
		snprintf(path, sizeof path, "%.60s/%.300s", directory->path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	closedir(listing);
	rmdir(directory->path);
}

/* The path of a file in it; good until the fourth call after this one. */
static inline const char *path_in(const struct directory *directory, const char *name)
{
	static char paths[4][400];
	static unsigned which;
	char *path = paths[which++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", directory->path, name);
	return path;
}

static inline void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");

	assert_non_null(in);
	assert_non_null(out);
	for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
		assert_int_equal(fwrite(buffer, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* What is left after a crash: all files as they are now, except empty ones and the index of the WAL
 * (a reboot takes it). */
static inline void crash(const struct directory *from, struct directory *to)
{
	DIR *listing = opendir(from->path);

	directory_make(to);
	assert_non_null(listing);
	for (struct dirent *entry; (entry = readdir(listing));) {
		struct stat status;
		if (entry->d_name[0] != '.' && !strstr(entry->d_name, "-shm") &&
		    stat(path_in(from, entry->d_name), &status) == 0 && status.st_size > 0)
			copy_file(path_in(from, entry->d_name), path_in(to, entry->d_name));
	}
	closedir(listing);
}

/* How many files begin so. */
static inline int count_files(const struct directory *directory, const char *head)
{
	DIR *listing = opendir(directory->path);
	int n = 0;

	assert_non_null(listing);
	for (struct dirent *entry; (entry = readdir(listing));)
		n += strncmp(entry->d_name, head, strlen(head)) == 0;
	closedir(listing);
	return n;
}

/* Overwrites octets of a file. */
static inline void scribble(const char *path, off_t at, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, size, at), size);
	close(fd);
}

/* Flips a bit at the n-th place where these octets are in the file. */
static inline void flip_at(const char *path, const void *octets, size_t size, int nth)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	unsigned char *all = malloc((size_t)status.st_size);
	FILE *file = fopen(path, "rb");
	assert_non_null(all);
	assert_non_null(file);
	assert_int_equal(fread(all, 1, (size_t)status.st_size, file), status.st_size);
	fclose(file);
	for (off_t at = 0; at + (off_t)size <= status.st_size; at++) {
		if (memcmp(all + at, octets, size) != 0 || nth-- > 0)
			continue;
		unsigned char flipped = all[at] ^ 0x10;
		scribble(path, at, &flipped, 1);
		free(all);
		return;
	}
	fail_msg("%s does not hold that", path);
}

/* Octets that depend on the seed and the place. */
static inline unsigned char *make_sheet(size_t size, unsigned seed)
{
	unsigned char *data = malloc(size + 1);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)((i * 2654435761U >> 7) + (size_t)seed * 31 + i / 4000);
	return data;
}

static inline void assert_sheet(const struct ledger *ledger, enum ledger_sheet sheet, const void *data,
				size_t size)
{
	size_t found;
	const void *is = ledger_sheet(ledger, sheet, &found);

	assert_int_equal(found, size);
	if (size > 0)
		assert_memory_equal(is, data, size);
	else
		assert_null(is);
}

static inline struct ledger *open_ledger(const struct directory *directory, enum ledger_status status)
{
	char error[LEDGER_ERROR_SIZE] = "";
	struct ledger *ledger = ledger_open(directory->path, error);

	if (!ledger)
		fail_msg("%s", error);
	if (ledger_status(ledger) != status)
		fail_msg("status %d: %s", (int)ledger_status(ledger), ledger_trouble(ledger));
	return ledger;
}

static inline void save_good(struct ledger *ledger, const struct ledger_save *save)
{
	char error[LEDGER_ERROR_SIZE] = "";

	if (ledger_save(ledger, save, error) < 0)
		fail_msg("%s", error);
}

/* Saves one sheet of text. */
static inline void save_text(struct ledger *ledger, enum ledger_sheet sheet, const char *text)
{
	struct ledger_save save = {.keep = 1};

	save.sheets[sheet].data = text;
	save.sheets[sheet].size = strlen(text);
	save_good(ledger, &save);
}

static inline struct closed make_closed(const char *town, const char *host, uint32_t number, uint64_t octets)
{
	struct closed row = {.is_host = host != NULL,
			     .number = number,
			     .start = 17000000000 + number,
			     .end = 17000000900 + number,
			     .reason = CLOSED_SCHEDULE,
			     .complete = true,
			     .down = {octets / 100, octets},
			     .up = {1, 2},
			     .quota_mb = 4000000000U,
			     .quota_basis = 3,
			     .over_mb = UINT64_MAX};

	snprintf(row.town, sizeof row.town, "%s", town);
	snprintf(row.host, sizeof row.host, "%s", host ? host : "");
	return row;
}

static inline void assert_closed(const struct closed *is, const struct closed *should)
{
	assert_int_equal(is->is_host, should->is_host);
	assert_string_equal(is->town, should->town);
	assert_string_equal(is->host, should->host);
	assert_int_equal(is->number, should->number);
	assert_int_equal(is->start, should->start);
	assert_int_equal(is->end, should->end);
	assert_int_equal(is->reason, should->reason);
	assert_int_equal(is->complete, should->complete);
	assert_int_equal(is->down.octets, should->down.octets);
	assert_int_equal(is->down.packets, should->down.packets);
	assert_int_equal(is->up.octets, should->up.octets);
	assert_int_equal(is->up.packets, should->up.packets);
	assert_int_equal(is->quota_mb, should->quota_mb);
	assert_int_equal(is->quota_basis, should->quota_basis);
	assert_int_equal(is->over_mb, should->over_mb);
}

#endif
