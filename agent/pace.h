/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often notifications may go out: each type for each row at most once in an interval, and all
 * together at most so many in a minute. Knows nothing of what they say; times are nanoseconds of
 * CLOCK_MONOTONIC.
 */
#ifndef TOWNMETER_PACE_H
#define TOWNMETER_PACE_H

#include "notice.h"

/* So many in a minute. */
struct minute;

/* NULL with errno. */
struct minute *minute_new(void);
void minute_free(struct minute *minute);

/* May there be one more now, if `most` are allowed? */
bool minute_has_room(const struct minute *minute, int64_t now, uint32_t most);
void minute_add(struct minute *minute, int64_t now);

/* When there is room again; now or earlier if there is. */
int64_t minute_due(const struct minute *minute, uint32_t most);

struct pace;

struct pace_limits {
	int64_t interval;        /* nanoseconds */
	uint32_t max_per_minute;
};

enum pace_verdict {
	PACE_SEND,     /* and then pace_sent() */
	PACE_LATER,    /* too early: pace_overdue() gives it back when its time has come */
	PACE_EXCESS,   /* too many in this minute: not at all */
};

/* NULL with errno. */
struct pace *pace_new(void);
void pace_free(struct pace *pace);

enum pace_verdict pace_ask(struct pace *pace, const struct notice *notice, const struct pace_limits *limits, int64_t now);

/* It was handed over. */
void pace_sent(struct pace *pace, const struct notice *notice, int64_t now);

/* One that was too early, and is so no more. `state` is the one told last of this row, by this type or by the
 * one that is its opposite. False: none now. */
bool pace_overdue(struct pace *pace, const struct pace_limits *limits, int64_t now, struct notice *notice);

/* When pace_overdue() will have one; INT64_MAX: never. */
int64_t pace_due(const struct pace *pace, const struct pace_limits *limits);

/* Forgets what was too early. */
void pace_drop(struct pace *pace);

#endif
