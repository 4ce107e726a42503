/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules: one round of tools/bench in the network namespace that it runs in, without the daemon.
 *
 *   rules nft|legacy        times of a backend's reads and of bare ones, in ms, and the memory it took
 *
 * A bare read stands beside each of the backend's, so that both meet the same machine. The first of
 * both include getting their memory. The kernel answers in the time of who asks, so CPU time is what an
 * idle machine takes, and others on this one do not count. One line of JSON on standard output.
 */
#include <err.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "bare.h"

/* The second read still compares everything, and iptables-legacy's third still wipes its buffer. */
enum { READS = 5 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t taken(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static double timed_read(const struct backend_ops *ops, struct backend *backend, struct snapshot *snapshot)
{
	char error[BACKEND_ERROR_SIZE];
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += 10;
	double began = now();
	if (ops->lock(backend, &deadline, error) < 0 || ops->read(backend, READ_ALL, snapshot, error) < 0)
		errx(1, "%s", error);
	ops->unlock(backend);
	return now() - began;
}

int main(int argc, char **argv)
{
	char error[BACKEND_ERROR_SIZE];
	double bare[READS], own[READS];
	struct snapshot snapshot;
	size_t received = 0, memory = 0;

	if (argc != 2 || (strcmp(argv[1], "nft") != 0 && strcmp(argv[1], "legacy") != 0))
		errx(2, "usage: rules nft|legacy");
	bool nft = argv[1][0] == 'n';
	const struct backend_ops *ops = nft ? &backend_nft : &backend_legacy;
	if (nft)
		bare_nft_open();
	else
		bare_legacy_open();
	struct backend *backend = ops->open(error);
	if (!backend)
		errx(1, "%s", error);
	for (int i = 0; i < READS; i++) {
		double began = now();
		received = nft ? bare_nft_dump() : bare_legacy_get();
		bare[i] = now() - began;
		size_t before = taken();
		own[i] = timed_read(ops, backend, &snapshot);
		memory += taken() - before;
	}
	printf("{\"rules\": %u, \"octets\": %zu, \"memory\": %zu", snapshot.rules->n_rules, received, memory);
	for (int i = 0; i < READS; i++)
		printf(", \"bare%d\": %.3f, \"read%d\": %.3f", i + 1, bare[i], i + 1, own[i]);
	printf("}\n");
	ops->close(backend, false);
	return 0;
}
