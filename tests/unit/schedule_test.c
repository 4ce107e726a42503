/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boundaries by the clocks of zones: known changes of the clock, and the C library as an oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <glib.h>

#include "schedule.h"

static struct schedule made(enum schedule_every every, unsigned day, unsigned hour, unsigned minute, const char *zone)
{
	struct schedule schedule = {
		.every = every, .day = (uint8_t)day, .hour = (uint8_t)hour, .minute = (uint8_t)minute};

	snprintf(schedule.zone, sizeof schedule.zone, "%s", zone);
	return schedule;
}

/* "2025-03-30 01:00:00", in UTC. */
static int64_t utc(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	assert_true(end && *end == '\0');
	return timegm(&tm);
}

static void expect_instant(int64_t found, const char *expected, const char *what)
{
	if (found != utc(expected))
		fail_msg("%s: expected %s (%lld), found %lld", what, expected, (long long)utc(expected), (long long)found);
}

/* From an instant on, these boundaries follow, and no others. */
static void follow(const struct schedule *schedule, const char *after, const char *const *expected)
{
	int64_t at = utc(after);

	for (; *expected; expected++) {
		int64_t before = schedule_latest(schedule, at), next = schedule_next(schedule, at);
		expect_instant(next, *expected, schedule->zone);
		assert_true(schedule_latest(schedule, next - 1) == before);
		assert_true(schedule_latest(schedule, next) == next);
		at = next;
	}
}

#define FOLLOW(schedule, after, ...) follow(schedule, after, (const char *const[]){__VA_ARGS__, NULL})

static void no_schedule(void **state)
{
	struct schedule never = {.every = SCHEDULE_NEVER}, lost = made(SCHEDULE_DAY, 0, 0, 0, "Europe/Madri");

	(void)state;
	assert_true(schedule_next(&never, 0) == INT64_MAX && schedule_latest(&never, 0) == INT64_MIN);
	assert_true(schedule_next(&lost, 0) == INT64_MAX && schedule_latest(&lost, 0) == INT64_MIN);
	struct schedule daily = made(SCHEDULE_DAY, 0, 0, 0, "Europe/Madrid");
	for (int i = 0; i < 2; i++) {
		int64_t end = i ? INT64_MAX : INT64_MIN;
		assert_true(schedule_next(&daily, end) == INT64_MAX && schedule_latest(&daily, end) == INT64_MIN);
	}
	assert_true(schedule_next(&daily, utc("9999-12-31 23:59:59")) > 0);
	assert_true(schedule_latest(&daily, -62135596800) < -62135596800);
}

static void zones(void **state)
{
	static const char *const good[] = {"", "UTC", "Europe/Madrid", "America/New_York", "Pacific/Apia"};
	static const char *const bad[] = {"Europe/Madri", "Europe", "5", "+05:00", "/etc/passwd", "europe/madrid",
					  "Europe/Madrid ", "Mars/Base", ":UTC", " "};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!schedule_zone_known(good[i]))
			fail_msg("'%s' is not known: is tzdata installed?", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (schedule_zone_known(bad[i]))
			fail_msg("'%s' was taken for a zone", bad[i]);
}

static void text(void **state)
{
	struct schedule s = made(SCHEDULE_MONTH, 1, 0, 0, "");
	char out[SCHEDULE_TEXT_SIZE];

	(void)state;
	assert_string_equal(schedule_text(&s, out), "monthly 1 00:00");
	s = made(SCHEDULE_MONTH, 31, 23, 59, "");
	assert_string_equal(schedule_text(&s, out), "monthly 31 23:59");
	s = made(SCHEDULE_WEEK, 1, 0, 0, "");
	assert_string_equal(schedule_text(&s, out), "weekly monday 00:00");
	s = made(SCHEDULE_WEEK, 3, 6, 5, "");
	assert_string_equal(schedule_text(&s, out), "weekly wednesday 06:05");
	s = made(SCHEDULE_WEEK, 7, 0, 0, "");
	assert_string_equal(schedule_text(&s, out), "weekly sunday 00:00");
	s = made(SCHEDULE_DAY, 0, 0, 0, "");
	assert_string_equal(schedule_text(&s, out), "daily 00:00");
	s.every = SCHEDULE_NEVER;
	assert_string_equal(schedule_text(&s, out), "");
}

static void months(void **state)
{
	struct schedule first = made(SCHEDULE_MONTH, 1, 0, 0, "Europe/Madrid");
	struct schedule last = made(SCHEDULE_MONTH, 31, 0, 0, "UTC");
	struct schedule late = made(SCHEDULE_MONTH, 29, 12, 30, "UTC");

	(void)state;
	FOLLOW(&first, "2025-02-15 00:00:00", "2025-02-28 23:00:00", "2025-03-31 22:00:00", "2025-04-30 22:00:00");
	FOLLOW(&first, "2024-10-01 00:00:00", "2024-10-31 23:00:00", "2024-11-30 23:00:00", "2024-12-31 23:00:00");
	/* The last days of a leap year and of a common one. */
	FOLLOW(&last, "2024-01-31 00:00:00", "2024-02-29 00:00:00", "2024-03-31 00:00:00", "2024-04-30 00:00:00",
	       "2024-05-31 00:00:00", "2024-06-30 00:00:00", "2024-07-31 00:00:00", "2024-08-31 00:00:00",
	       "2024-09-30 00:00:00", "2024-10-31 00:00:00", "2024-11-30 00:00:00", "2024-12-31 00:00:00",
	       "2025-01-31 00:00:00", "2025-02-28 00:00:00", "2025-03-31 00:00:00");
	FOLLOW(&late, "2027-12-30 00:00:00", "2028-01-29 12:30:00", "2028-02-29 12:30:00", "2028-03-29 12:30:00");
	FOLLOW(&late, "2099-12-30 00:00:00", "2100-01-29 12:30:00", "2100-02-28 12:30:00", "2100-03-29 12:30:00");
	FOLLOW(&late, "2000-02-01 00:00:00", "2000-02-29 12:30:00");
	FOLLOW(&late, "1969-12-01 00:00:00", "1969-12-29 12:30:00", "1970-01-29 12:30:00");
}

static void weeks(void **state)
{
	struct schedule monday = made(SCHEDULE_WEEK, 1, 0, 0, "Europe/Madrid");
	struct schedule sunday = made(SCHEDULE_WEEK, 7, 2, 30, "Europe/Madrid");

	(void)state;
	/* 2025-03-24 was a Monday. */
	FOLLOW(&monday, "2025-03-23 22:59:59", "2025-03-23 23:00:00", "2025-03-30 22:00:00", "2025-04-06 22:00:00");
	/* On Sunday the 30th the clock goes from 02:00 to 03:00, on 2025-10-26 from 03:00 to 02:00. */
	FOLLOW(&sunday, "2025-03-21 00:00:00", "2025-03-23 01:30:00", "2025-03-30 01:00:00", "2025-04-06 00:30:00");
	FOLLOW(&sunday, "2025-10-20 00:00:00", "2025-10-26 00:30:00", "2025-11-02 01:30:00");
}

/* Years that are over: laws about later ones may change. */
static void changes_of_the_clock(void **state)
{
	struct schedule madrid = made(SCHEDULE_DAY, 0, 2, 30, "Europe/Madrid");
	struct schedule york = made(SCHEDULE_DAY, 0, 2, 0, "America/New_York");
	struct schedule york_back = made(SCHEDULE_DAY, 0, 1, 59, "America/New_York");
	struct schedule howe = made(SCHEDULE_DAY, 0, 2, 15, "Australia/Lord_Howe");
	struct schedule howe_back = made(SCHEDULE_DAY, 0, 1, 45, "Australia/Lord_Howe");
	struct schedule nuuk = made(SCHEDULE_DAY, 0, 23, 30, "America/Nuuk");
	struct schedule havana = made(SCHEDULE_DAY, 0, 0, 0, "America/Havana");
	struct schedule azores = made(SCHEDULE_DAY, 0, 0, 0, "Atlantic/Azores");

	(void)state;
	FOLLOW(&madrid, "2025-03-29 01:29:59", "2025-03-29 01:30:00", "2025-03-30 01:00:00", "2025-03-31 00:30:00");
	FOLLOW(&madrid, "2025-10-25 00:30:00", "2025-10-26 00:30:00", "2025-10-27 01:30:00");
	FOLLOW(&york, "2025-03-08 07:00:00", "2025-03-09 07:00:00", "2025-03-10 06:00:00");
	FOLLOW(&york_back, "2025-11-01 05:59:00", "2025-11-02 05:59:00", "2025-11-03 06:59:00");
	/* By half an hour: 02:00 to 02:30 on 2025-10-05, 02:00 to 01:30 on 2025-04-06. */
	FOLLOW(&howe, "2025-10-03 16:00:00", "2025-10-04 15:30:00", "2025-10-05 15:15:00");
	FOLLOW(&howe_back, "2025-04-04 15:00:00", "2025-04-05 14:45:00", "2025-04-06 15:15:00");
	/* The last hour of a date is skipped: its boundary is at the first instant of the next one. */
	FOLLOW(&nuuk, "2024-03-29 12:00:00", "2024-03-30 01:30:00", "2024-03-31 01:00:00", "2024-04-01 00:30:00");
	/* Midnight does not exist on one day, and comes twice on another. */
	FOLLOW(&havana, "2025-03-08 12:00:00", "2025-03-09 05:00:00", "2025-03-10 04:00:00");
	FOLLOW(&havana, "2025-11-01 12:00:00", "2025-11-02 04:00:00", "2025-11-03 05:00:00");
	FOLLOW(&azores, "2025-10-25 12:00:00", "2025-10-26 00:00:00", "2025-10-27 01:00:00");
}

/* The clock that showed 00:00 is set back to 23:00: that date has begun, and does not begin again. */
static void back_over_midnight(void **state)
{
	struct schedule paulo = made(SCHEDULE_DAY, 0, 0, 0, "America/Sao_Paulo");
	struct schedule john = made(SCHEDULE_DAY, 0, 0, 0, "America/St_Johns");
	struct schedule month = made(SCHEDULE_MONTH, 6, 0, 0, "America/St_Johns");

	(void)state;
	FOLLOW(&paulo, "2018-02-16 12:00:00", "2018-02-17 02:00:00", "2018-02-18 03:00:00", "2018-02-19 03:00:00");
	/* Until 2011 Newfoundland's clocks went back at 00:01. */
	FOLLOW(&john, "2010-11-06 12:00:00", "2010-11-07 02:30:00", "2010-11-08 03:30:00");
	assert_true(schedule_latest(&john, utc("2010-11-07 02:45:00")) == utc("2010-11-07 02:30:00"));
	month.day = 7;
	assert_true(schedule_latest(&month, utc("2010-11-07 02:45:00")) == utc("2010-11-07 02:30:00"));
	assert_true(schedule_next(&month, utc("2010-11-07 02:45:00")) == utc("2010-12-07 03:30:00"));
}

/* Samoa went from 2011-12-29 to 2011-12-31, a Saturday. */
static void a_date_that_never_was(void **state)
{
	struct schedule midnight = made(SCHEDULE_DAY, 0, 0, 0, "Pacific/Apia");
	struct schedule noon = made(SCHEDULE_DAY, 0, 12, 0, "Pacific/Apia");
	struct schedule friday = made(SCHEDULE_WEEK, 5, 12, 0, "Pacific/Apia");
	struct schedule month = made(SCHEDULE_MONTH, 30, 12, 0, "Pacific/Apia");

	(void)state;
	FOLLOW(&midnight, "2011-12-28 12:00:00", "2011-12-29 10:00:00", "2011-12-30 10:00:00", "2011-12-31 10:00:00");
	FOLLOW(&noon, "2011-12-29 00:00:00", "2011-12-29 22:00:00", "2011-12-30 22:00:00");
	FOLLOW(&friday, "2011-12-23 22:00:00", "2011-12-30 10:00:00", "2012-01-05 22:00:00");
	FOLLOW(&month, "2011-12-01 00:00:00", "2011-12-30 10:00:00", "2012-01-29 22:00:00");
}

static const char *const tried[] = {"Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
				    "America/Nuuk", "America/Havana", "America/St_Johns", "Asia/Kathmandu",
				    "Africa/Casablanca", "UTC", ""};

/* GLib reads a zone once while someone holds it, which makes these tests ten times faster. */
static GTimeZone *held[sizeof tried / sizeof tried[0]];

static int hold_zones(void **state)
{
	(void)state;
	for (size_t z = 0; z < sizeof tried / sizeof tried[0]; z++)
		if (tried[z][0])
			held[z] = g_time_zone_new_identifier(tried[z]);
	return 0;
}

static int release_zones(void **state)
{
	(void)state;
	for (size_t z = 0; z < sizeof tried / sizeof tried[0]; z++)
		if (held[z])
			g_time_zone_unref(held[z]);
	return 0;
}

static int64_t local(int64_t instant)
{
	time_t t = (time_t)instant;
	struct tm tm;

	assert_non_null(localtime_r(&t, &tm));
	return instant + tm.tm_gmtoff;
}

/* A daily schedule beside what the C library says. */
struct watch {
	struct schedule schedule;
	int64_t at; /* seconds since midnight */
	int64_t date, latest, next, n;
};

enum { DAY = 86400 };

static struct watch begin_watch(unsigned minute, const char *zone, int64_t from)
{
	struct watch watch = {.schedule = made(SCHEDULE_DAY, 0, minute / 60, minute % 60, zone), .at = minute * INT64_C(60)};

	watch.latest = schedule_latest(&watch.schedule, from);
	watch.next = schedule_next(&watch.schedule, from);
	watch.date = local(from) / DAY;
	if (local(from) >= watch.date * DAY + watch.at)
		watch.date++;
	return watch;
}

/* The clock showed `before` at most, and `shown` now. */
static void look(struct watch *watch, int64_t now, int64_t before, int64_t shown)
{
	/* A date that the clock jumped over as a whole. */
	if (before < watch->date * DAY && shown >= (watch->date + 1) * DAY)
		watch->date++;
	if (shown < watch->date * DAY + watch->at)
		return;
	if (watch->next != now)
		fail_msg("%s, second %lld: expected %lld, found %lld", watch->schedule.zone, (long long)watch->at,
			 (long long)now, (long long)watch->next);
	assert_true(schedule_latest(&watch->schedule, now) == now);
	assert_true(schedule_latest(&watch->schedule, now - 1) == watch->latest);
	watch->latest = now;
	watch->next = schedule_next(&watch->schedule, now);
	watch->date++;
	watch->n++;
}

/* Stretches of time with both changes of the clock, beside the C library's own reading of the zones. */
static void as_the_c_library_has_it(void **state)
{
	static const unsigned minutes[] = {0, 15, 90, 135, 150, 180, 720, 1410, 1425};
	static const char *const begins[] = {"2010-10-01 00:00:00", "2011-10-01 00:00:00", "2023-10-01 00:00:00"};
	enum { WATCHES = sizeof minutes / sizeof minutes[0], DAYS = 200 };

	(void)state;
	for (size_t z = 0; z < sizeof tried / sizeof tried[0]; z++) {
		/* Newfoundland's clocks changed at 00:01. */
		int64_t step = strcmp(tried[z], "America/St_Johns") == 0 ? 60 : 15 * 60;
		if (tried[z][0])
			setenv("TZ", tried[z], 1);
		else
			unsetenv("TZ");
		tzset();
		for (size_t b = 0; b < sizeof begins / sizeof begins[0]; b++) {
			struct watch watches[WATCHES];
			int64_t from = utc(begins[b]), shown = local(from);
			for (size_t i = 0; i < WATCHES; i++)
				watches[i] = begin_watch(minutes[i], tried[z], from);
			for (int64_t t = from; t < from + (int64_t)DAYS * DAY; t += step) {
				int64_t before = shown;
				if (local(t) > shown)
					shown = local(t);
				for (size_t i = 0; i < WATCHES; i++)
					look(&watches[i], t, before, shown);
			}
			for (size_t i = 0; i < WATCHES; i++)
				assert_in_range(watches[i].n, DAYS - 1, DAYS + 1);
		}
	}
	unsetenv("TZ");
	tzset();
}

static uint64_t random_state = 8696;

static uint64_t random_number(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state >> 33;
}

static void next_and_latest_agree(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		enum schedule_every every = (enum schedule_every)(1 + random_number() % 3);
		unsigned day = 1 + (unsigned)random_number() % (every == SCHEDULE_MONTH ? 31 : 7);
		struct schedule s = made(every, day, (unsigned)random_number() % 24, (unsigned)random_number() % 60,
					 tried[random_number() % (sizeof tried / sizeof tried[0])]);
		int64_t t = (int64_t)(random_number() % 3000000000) - 500000000;
		int64_t latest = schedule_latest(&s, t), next = schedule_next(&s, t);
		int64_t most = (every == SCHEDULE_MONTH ? 32 : every == SCHEDULE_WEEK ? 8 : 2) * 86400 + 7200;
		if (latest > t || next <= t || next - latest > most || schedule_latest(&s, next) != next ||
		    schedule_latest(&s, next - 1) != latest || schedule_next(&s, latest) != next ||
		    schedule_next(&s, next - 1) != next || schedule_next(&s, next) <= next)
			fail_msg("every %d, day %u, %u:%u, %s, at %lld: latest %lld, next %lld", (int)every, day, s.hour,
				 s.minute, s.zone, (long long)t, (long long)latest, (long long)next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_schedule), cmocka_unit_test(zones), cmocka_unit_test(text), cmocka_unit_test(months),
		cmocka_unit_test(weeks), cmocka_unit_test(changes_of_the_clock), cmocka_unit_test(back_over_midnight),
		cmocka_unit_test(a_date_that_never_was), cmocka_unit_test(as_the_c_library_has_it),
		cmocka_unit_test(next_and_latest_agree)};

	return cmocka_run_group_tests(tests, hold_zones, release_zones);
}
