/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two clocks. */
#ifndef TOWNMETER_CLOCK_H
#define TOWNMETER_CLOCK_H

#include "view.h"

/* Nanoseconds of CLOCK_MONOTONIC: for how long. */
int64_t clock_steady(void);

/* The time of day, which may be set back and forth. */
decitime clock_time(void);

#endif
