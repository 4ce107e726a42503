/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock that iptables-legacy takes while it reads and writes (iptables/xshared.c, xtables_lock()):
 * flock(2) on XTABLES_LOCKFILE, else /run/xtables.lock. Shared between network namespaces.
 */
#ifndef TOWNMETER_XTLOCK_H
#define TOWNMETER_XTLOCK_H

#include <time.h>

/* The path that applies. */
const char *xtlock_path(void);

/* Opens the lock file, making it if need be. Returns a descriptor to close(), or -1 with errno. */
int xtlock_open(void);

/* Waits for the lock, in the kernel's queue, until the deadline (CLOCK_MONOTONIC). Returns 0, or -1
 * with errno (ETIMEDOUT: someone else holds it). Uses SIGRTMIN, directed at the calling thread. */
int xtlock_take(int fd, const struct timespec *deadline);

/* Releases it. */
void xtlock_release(int fd);

#endif
