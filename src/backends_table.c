/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes and removes the table of one of the backends. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "backends_private.h"

enum { LOCK_SECONDS = 5 };

/* The lock of iptables-legacy was not taken while it had no table. */
static int lock_part(struct backend *b, uint8_t which, char error[BACKEND_ERROR_SIZE])
{
	struct timespec deadline;

	if (!b->in_lock || b->locked[which])
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += LOCK_SECONDS;
	if (backends_parts[which]->lock(b->parts[which], &deadline, error) < 0)
		return -1;
	b->locked[which] = true;
	return 0;
}

int backends_make_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	if (!b->parts[which]) {
		snprintf(error, BACKEND_ERROR_SIZE, "%s", b->closed[which]);
		errno = EOPNOTSUPP;
		return -1;
	}
	if (lock_part(b, which, error) < 0 ||
	    backends_parts[which]->make_table(b->parts[which], which, family, error) < 0)
		return -1;
	b->wanted[which] = true;
	return 0;
}

int backends_drop_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	b->wanted[which] = false;
	if (!b->parts[which])
		return 0;
	return backends_parts[which]->drop_table(b->parts[which], which, family, error);
}
