/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clock.h"

#include <time.h>

int64_t clock_steady(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

decitime clock_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (decitime)now.tv_sec * 10 + now.tv_nsec / 100000000;
}
