/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SQLite reads its WAL up to the first frame whose checksum is wrong and takes what follows for the remains of
 * a transaction that a crash cut short. That is so at the end of the WAL only: a save begins after the one
 * before it was synced, so two commits behind a wrong frame mean that the frame was good once. The format is
 * that of https://www.sqlite.org/fileformat2.html, 4.
 */
#include "ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 32, FRAME = 24, MAGIC = 0x377f0682, PAGE_MOST = 65536 };

struct chain {
	uint32_t a, b;
	bool big; /* the words that are added up are big-endian */
};

static uint32_t big_endian(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t word(const struct chain *chain, const unsigned char *at)
{
	uint32_t value = big_endian(at);

	return chain->big ? value : __builtin_bswap32(value);
}

static void add(struct chain *chain, const unsigned char *at, size_t size)
{
	for (size_t i = 0; i < size; i += 8) {
		chain->a += word(chain, at + i) + chain->b;
		chain->b += word(chain, at + i + 4) + chain->a;
	}
}

static bool is(const struct chain *chain, const unsigned char *at)
{
	return big_endian(at) == chain->a && big_endian(at + 4) == chain->b;
}

/* Commits in the unbroken run of frames that begins with the first wrong one. What a failed save left behind
 * a later and shorter one is such a run too, but it has one commit at most. */
static unsigned commits_behind_a_fault(int fd, const unsigned char *header, struct chain chain, size_t page,
				       unsigned char *frame)
{
	unsigned commits = 0;
	bool broken = false;

	for (off_t at = HEADER; pread(fd, frame, FRAME + page, at) == (ssize_t)(FRAME + page);
	     at += (off_t)(FRAME + page)) {
		struct chain next = chain;
		if (memcmp(frame + 8, header + 16, 8) != 0)
			break; /* of the WAL's life before it was begun anew */
		add(&next, frame, 8);
		add(&next, frame + FRAME, page);
		bool good = is(&next, frame + 16);
		if (!good && broken)
			break;
		broken = broken || !good;
		if (broken && big_endian(frame + 4) != 0)
			commits++;
		chain.a = big_endian(frame + 16);
		chain.b = big_endian(frame + 20);
	}
	return commits;
}

bool ledger_log_damaged(const char *file, char why[LEDGER_ERROR_SIZE])
{
	static const unsigned char nothing[HEADER];
	char path[PATH_MAX + 8];
	unsigned char header[HEADER];
	bool damaged = false;

	snprintf(path, sizeof path, "%s-wal", file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* none, or SQLite can't open it either and says so */
	if (pread(fd, header, HEADER, 0) == HEADER && memcmp(header, nothing, HEADER) != 0) {
		uint32_t magic = big_endian(header), page = big_endian(header + 8);
		struct chain chain = {.big = magic & 1};
		add(&chain, header, 24);
		if ((magic & ~1U) != MAGIC || page < 512 || page > PAGE_MOST || (page & (page - 1)) != 0 ||
		    !is(&chain, header + 24)) {
			snprintf(why, LEDGER_ERROR_SIZE, "the header of its WAL is damaged");
			damaged = true;
		} else {
			unsigned char *frame = malloc(FRAME + page);
			if (frame && commits_behind_a_fault(fd, header, chain, page, frame) > 1) {
				snprintf(why, LEDGER_ERROR_SIZE, "its WAL is damaged in the middle");
				damaged = true;
			}
			free(frame);
		}
	}
	close(fd);
	return damaged;
}
