/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often notifications go out, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/pace.h"

#include <cmocka.h>

#define SECONDS(n) ((int64_t)(n) * 1000000000)

static const struct pace_limits usual = {.interval = SECONDS(60), .max_per_minute = 60};

static struct notice about(enum notice_type type, const char *town, const char *host)
{
	struct notice notice = {.type = type};

	snprintf(notice.town, sizeof notice.town, "%s", town);
	snprintf(notice.host, sizeof notice.host, "%s", host);
	return notice;
}

static bool sent(struct pace *pace, struct notice notice, const struct pace_limits *limits, int64_t now)
{
	if (pace_ask(pace, &notice, limits, now) != PACE_SEND)
		return false;
	pace_sent(pace, &notice, now);
	return true;
}

/* Each type for each row by itself; what is early comes back once, when its time is over. */
static void once_in_an_interval(void **state)
{
	struct pace *pace = pace_new();
	struct notice alice = about(NOTICE_HOST_BLOCKED, "a", "alice"), back;

	(void)state;
	alice.state = 5;
	assert_true(sent(pace, alice, &usual, SECONDS(100)));
	assert_true(pace_due(pace, &usual) == INT64_MAX);
	assert_int_equal(pace_ask(pace, &alice, &usual, SECONDS(100)), PACE_LATER);
	assert_int_equal(pace_ask(pace, &alice, &usual, SECONDS(160) - 1), PACE_LATER);
	assert_true(sent(pace, about(NOTICE_HOST_BLOCKED, "a", "bob"), &usual, SECONDS(101)));
	assert_true(sent(pace, about(NOTICE_HOST_BLOCKED, "b", "alice"), &usual, SECONDS(101)));
	assert_true(sent(pace, about(NOTICE_HOST_UNBLOCKED, "a", "alice"), &usual, SECONDS(101)));
	assert_true(sent(pace, about(NOTICE_HOST_ZEROED, "a", "alice"), &usual, SECONDS(101)));
	assert_true(sent(pace, about(NOTICE_TOWN_ZEROED, "a", ""), &usual, SECONDS(101)));
	assert_true(pace_due(pace, &usual) == SECONDS(160));
	assert_false(pace_overdue(pace, &usual, SECONDS(160) - 1, &back));
	assert_true(pace_overdue(pace, &usual, SECONDS(160), &back));
	assert_int_equal(back.type, NOTICE_HOST_BLOCKED);
	assert_string_equal(back.host, "alice");
	assert_int_equal(back.state, 0); /* of the unblocking, which came later */
	assert_false(pace_overdue(pace, &usual, SECONDS(1000), &back));
	assert_true(pace_due(pace, &usual) == INT64_MAX);
	assert_true(sent(pace, alice, &usual, SECONDS(160)));
	pace_free(pace);
}

static void an_interval_that_changes(void **state)
{
	const struct pace_limits brief = {.interval = SECONDS(1), .max_per_minute = 60};
	struct pace *pace = pace_new();
	struct notice town = about(NOTICE_TOWN_ZEROED, "a", ""), back;

	(void)state;
	assert_true(sent(pace, town, &usual, SECONDS(1)));
	assert_int_equal(pace_ask(pace, &town, &usual, SECONDS(3)), PACE_LATER);
	assert_true(pace_due(pace, &brief) == SECONDS(2));
	assert_true(pace_overdue(pace, &brief, SECONDS(3), &back));
	assert_true(sent(pace, town, &brief, SECONDS(3)));
	pace_free(pace);
}

static void too_many_in_a_minute(void **state)
{
	const struct pace_limits few = {.interval = SECONDS(1), .max_per_minute = 3};
	struct pace *pace = pace_new();
	char name[8];
	int got = 0;

	(void)state;
	/* One every second: three in each minute, whichever minute one looks at. */
	for (int second = 0; second < 180; second++) {
		snprintf(name, sizeof name, "h%d", second);
		got += sent(pace, about(NOTICE_HOST_BLOCKED, "a", name), &few, SECONDS(second));
		assert_int_equal(got, second < 60 ? (second < 3 ? second + 1 : 3)
				      : second < 120 ? (second < 63 ? second - 56 : 6)
						     : (second < 123 ? second - 113 : 9));
	}
	pace_free(pace);
}

static void a_full_window(void **state)
{
	struct minute *minute = minute_new();

	(void)state;
	for (int i = 0; i < 6000; i++) {
		assert_true(minute_has_room(minute, i, 6000));
		minute_add(minute, i);
	}
	assert_false(minute_has_room(minute, 6000, 6000));
	assert_false(minute_has_room(minute, SECONDS(60) - 1, 6000));
	assert_true(minute_due(minute, 6000) == SECONDS(60));
	assert_true(minute_has_room(minute, SECONDS(60), 6000));
	assert_true(minute_due(minute, 1) == SECONDS(60) + 5999);
	minute_add(minute, SECONDS(60));
	assert_false(minute_has_room(minute, SECONDS(60), 6000));
	minute_free(minute);
}

static void many_rows(void **state)
{
	const struct pace_limits wide = {.interval = SECONDS(60), .max_per_minute = 6000};
	struct pace *pace = pace_new();
	struct notice back;
	char name[16];

	(void)state;
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 5000; i++) {
			snprintf(name, sizeof name, "h%d", i);
			assert_true(sent(pace, about(NOTICE_QUOTA_WARNING, "a", name), &wide, SECONDS(100 * round)));
			assert_false(sent(pace, about(NOTICE_QUOTA_WARNING, "a", name), &wide, SECONDS(100 * round + 1)));
		}
	/* The oldest comes first. */
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "h%d", i);
		assert_true(pace_overdue(pace, &wide, SECONDS(300), &back));
		assert_string_equal(back.host, name);
	}
	assert_false(pace_overdue(pace, &wide, SECONDS(300), &back));
	pace_free(pace);
}

static void what_is_dropped_does_not_come_back(void **state)
{
	struct pace *pace = pace_new();
	struct notice agent = about(NOTICE_DISCONTINUITY, "", ""), back;

	(void)state;
	assert_true(sent(pace, agent, &usual, 0));
	assert_false(sent(pace, agent, &usual, 1));
	pace_drop(pace);
	assert_true(pace_due(pace, &usual) == INT64_MAX);
	assert_false(pace_overdue(pace, &usual, SECONDS(100), &back));
	pace_free(pace);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_in_an_interval),
		cmocka_unit_test(an_interval_that_changes),
		cmocka_unit_test(too_many_in_a_minute),
		cmocka_unit_test(a_full_window),
		cmocka_unit_test(many_rows),
		cmocka_unit_test(what_is_dropped_does_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
