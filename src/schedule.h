/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When periods end by themselves: once a day, a week or a month, at a time of a zone's clock. Plain
 * values; nothing to free. Safe in any thread: neither the environment nor the process's own zone is
 * changed.
 *
 * There is one boundary for each day, week or month of the zone's calendar:
 * - where a month has no such day, at its last day;
 * - where the clock skips the time, at the first instant after the gap;
 * - where the clock shows the time twice, at the first of the two.
 * A date that a zone skipped as a whole, as Samoa did with 2011-12-30, has no boundary of `daily`; that of
 * a week or a month is not lost, it is at the first instant after the gap.
 */
#ifndef TOWNMETER_SCHEDULE_H
#define TOWNMETER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum schedule_every { SCHEDULE_NEVER = 0, SCHEDULE_DAY, SCHEDULE_WEEK, SCHEDULE_MONTH };

enum { SCHEDULE_ZONE_SIZE = 64, SCHEDULE_TEXT_SIZE = 32 };

struct schedule {
	enum schedule_every every;
	uint8_t day; /* of the month: 1 to 31; of the week: 1 is Monday, 7 is Sunday; not used for days */
	uint8_t hour, minute;
	char zone[SCHEDULE_ZONE_SIZE]; /* a name such as Europe/Madrid; "" for the system's own zone */
};

/* Are there rules for this zone on the system? "" is known always. */
bool schedule_zone_known(const char *zone);

/* The first boundary later than `after`, in Unix seconds; INT64_MAX if there is none: without a schedule,
 * without the rules of its zone, and for times outside the years 1 to 9999. */
int64_t schedule_next(const struct schedule *schedule, int64_t after);

/* The last boundary that is not later than `now`; INT64_MIN if there is none. */
int64_t schedule_latest(const struct schedule *schedule, int64_t now);

/* Writes it as townMeterPeriodSchedule has it: "monthly 1 00:00", "weekly monday 00:00", "daily 00:00", or
 * "" for none. Returns `text`. */
char *schedule_text(const struct schedule *schedule, char text[SCHEDULE_TEXT_SIZE]);

/* The name of a day of the week, 1 to 7, in lower case. */
const char *schedule_weekday(unsigned day);

#endif
