/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

static const int64_t day_seconds = 86400;
/* The years 1 to 9999, and no sum here overflows. */
static const int64_t earliest = -62135596800, last = 253402300799;

static GTimeZone *open_zone(const char *zone)
{
	if (zone[0] == '\0')
		return g_time_zone_new_local();
	/* GLib also takes numbers, paths and more for zones: names only. */
	if (!g_ascii_isalpha(zone[0]))
		return NULL;
	return g_time_zone_new_identifier(zone);
}

bool schedule_zone_known(const char *zone)
{
	GTimeZone *found = open_zone(zone);

	if (found)
		g_time_zone_unref(found);
	return found != NULL;
}

/*
 * In what follows a date is its number of days since 1970-01-01, and a local time the number of seconds
 * that a clock of the zone shows since then. Between two changes of the clock, in an interval, it runs
 * beside UTC with one offset.
 */
static int interval_at(GTimeZone *zone, int64_t instant)
{
	return g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, instant);
}

static int64_t offset_at(GTimeZone *zone, int64_t instant)
{
	return g_time_zone_get_offset(zone, interval_at(zone, instant));
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The first instant after `low` that is in a later interval than `low`; it is not later than `high`. */
static int64_t next_change(GTimeZone *zone, int64_t low, int64_t high)
{
	int before = interval_at(zone, low);

	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (interval_at(zone, middle) == before)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* The first instant at which the zone's clock shows `local` or later: the one of that time, the first of
 * two, or the first after the gap. */
static int64_t instant_of(GTimeZone *zone, int64_t local)
{
	/* No zone is, or was, as much as two days ahead or behind. */
	int64_t start = local - 2 * day_seconds, end = local + 2 * day_seconds;
	int final = interval_at(zone, end);

	for (;;) {
		int64_t instant = local - offset_at(zone, start);
		if (instant < start)
			instant = start;
		if (interval_at(zone, start) == final)
			return instant;
		int64_t change = next_change(zone, start, end);
		if (instant < change)
			return instant;
		start = change;
	}
}

/* The calendar's arithmetic: years that begin in March put the leap day last, in cycles of 400. */
static int64_t date_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year, cycle = floor_divide(y, 400), in_cycle = y - cycle * 400;
	unsigned months = month > 2 ? month - 3 : month + 9;
	int64_t in_year = (153 * months + 2) / 5 + day - 1;

	return cycle * 146097 + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year - 719468;
}

/* The month that a date is in, counted from January of the year 0. */
static int64_t month_of(int64_t date)
{
	int64_t days = date + 719468, cycle = floor_divide(days, 146097), in_cycle = days - cycle * 146097;
	int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	int64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
	int64_t months = (5 * in_year + 2) / 153; /* since March */

	return (cycle * 400 + year) * 12 + months + 2;
}

static int64_t first_of_month(int64_t month)
{
	int64_t year = floor_divide(month, 12);

	return date_of(year, (unsigned)(month - 12 * year) + 1, 1);
}

/* Days, weeks or months are numbered: the one that a date is in. Weeks begin on Monday, as 1970-01-05. */
static int64_t number_of(const struct schedule *schedule, int64_t date)
{
	if (schedule->every == SCHEDULE_MONTH)
		return month_of(date);
	return schedule->every == SCHEDULE_WEEK ? floor_divide(date + 3, 7) : date;
}

/* The date on which the boundary of that day, week or month is. */
static int64_t date_in(const struct schedule *schedule, int64_t number)
{
	if (schedule->every == SCHEDULE_WEEK)
		return 7 * number - 3 + schedule->day - 1;
	if (schedule->every != SCHEDULE_MONTH)
		return number;
	int64_t date = first_of_month(number) + schedule->day - 1, following = first_of_month(number + 1);
	return date < following ? date : following - 1;
}

/* The boundary of a day, week or month. Returns false if there is none. */
static bool boundary_of(const struct schedule *schedule, GTimeZone *zone, int64_t number, int64_t *boundary)
{
	int64_t midnight = date_in(schedule, number) * day_seconds;

	if (schedule->every == SCHEDULE_DAY) {
		int64_t begins = instant_of(zone, midnight);
		if (begins + offset_at(zone, begins) >= midnight + day_seconds)
			return false;
	}
	*boundary = instant_of(zone, midnight + (schedule->hour * INT64_C(60) + schedule->minute) * 60);
	return true;
}

/* Opens the zone; the number of the day, week or month that it is there. NULL if there are no boundaries. */
static GTimeZone *begin(const struct schedule *schedule, int64_t instant, int64_t *number)
{
	GTimeZone *zone = schedule->every == SCHEDULE_NEVER || instant < earliest || instant > last
				  ? NULL : open_zone(schedule->zone);

	if (zone)
		*number = number_of(schedule, floor_divide(instant + offset_at(zone, instant), day_seconds));
	return zone;
}

int64_t schedule_next(const struct schedule *schedule, int64_t after)
{
	int64_t number = 0, boundary;
	GTimeZone *zone = begin(schedule, after, &number);

	if (!zone)
		return INT64_MAX;
	/* What is numbered before was when the clock first showed its time, which is later now. */
	while (!boundary_of(schedule, zone, number, &boundary) || boundary <= after)
		number++;
	g_time_zone_unref(zone);
	return boundary;
}

int64_t schedule_latest(const struct schedule *schedule, int64_t now)
{
	int64_t number = 0, boundary;
	GTimeZone *zone = begin(schedule, now, &number);

	if (!zone)
		return INT64_MIN;
	/* A clock that was set back over midnight, by a day at most, shows an earlier date than it did. */
	number += 2;
	while (!boundary_of(schedule, zone, number, &boundary) || boundary > now)
		number--;
	g_time_zone_unref(zone);
	return boundary;
}

const char *schedule_weekday(unsigned day)
{
	static const char *const names[] = {
		"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

	return names[(day + 6) % 7];
}

char *schedule_text(const struct schedule *schedule, char text[SCHEDULE_TEXT_SIZE])
{
	unsigned hour = schedule->hour, minute = schedule->minute;

	switch (schedule->every) {
	case SCHEDULE_MONTH:
		snprintf(text, SCHEDULE_TEXT_SIZE, "monthly %u %02u:%02u", schedule->day, hour, minute);
		break;
	case SCHEDULE_WEEK:
		snprintf(text, SCHEDULE_TEXT_SIZE, "weekly %s %02u:%02u", schedule_weekday(schedule->day), hour,
			 minute);
		break;
	case SCHEDULE_DAY:
		snprintf(text, SCHEDULE_TEXT_SIZE, "daily %02u:%02u", hour, minute);
		break;
	default:
		text[0] = '\0';
	}
	return text;
}
