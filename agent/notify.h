/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications: what became of the last view is found by comparing it with the next one, and is told
 * as often as townMeterControl says.
 */
#ifndef TOWNMETER_NOTIFY_H
#define TOWNMETER_NOTIFY_H

#include "control.h"
#include "trap.h"

struct notify;

/* Changes against this view are told; it is held. `trap` is borrowed. NULL with errno. */
struct notify *notify_new(struct control *control, struct view *baseline, struct trap *trap);
void notify_free(struct notify *notify);

/* Compares if there is a new view, and tells what was too early before. */
void notify_step(struct notify *notify);

/* When notify_step() is due at the latest (nanoseconds of CLOCK_MONOTONIC); INT64_MAX: never. */
int64_t notify_due(const struct notify *notify);

#endif
