/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Periods end when they are due, once, whatever stops, fails or is set wrong at that moment. The meter thread runs,
 * with clocks that the test sets. */
#include <poll.h>
#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "control.h"
#include "log.h"
#include "scene.h"
#include "settings.h"

/* What is added to the real clocks. */
static _Atomic int64_t time_offset, steady_offset;

int64_t clock_steady(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + steady_offset;
}

static decitime real_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (decitime)now.tv_sec * 10 + now.tv_nsec / 100000000;
}

decitime clock_time(void)
{
	return real_time() + time_offset;
}

/* Midnight UTC of days of 2026. */
enum { JAN_15 = 1768435200, FEB_1 = 1769904000, FEB_15 = 1771113600, MAR_1 = 1772323200, HOUR = 3600 };

static void set_clock(int64_t seconds)
{
	time_offset = seconds * 10 - real_time();
}

static struct directory directory;
static struct control *control;

static const struct schedule monthly = {.every = SCHEDULE_MONTH, .day = 1, .zone = "Etc/UTC"};

static struct control_options options_of(const struct schedule *schedule, bool read_only)
{
	struct settings *settings = malloc(sizeof *settings);

	assert_non_null(settings);
	settings_defaults(settings);
	settings->schedule = *schedule;
	settings->keep = 24;
	return (struct control_options){.backend = &fake_ops, .interval = INT64_C(7200000000000), .max_age = 0,
					.read_only = read_only, .state_directory = directory.path, .settings = settings};
}

static void start(const struct schedule *schedule, bool read_only)
{
	struct control_options options = options_of(schedule, read_only);

	control = control_new(&options);
	assert_non_null(control);
	assert_int_equal(control_start(control), 0);
}

static void stop(void)
{
	control_free(control);
	control = NULL;
}

static uint32_t looks(void)
{
	struct view *view = control_view(control);
	uint32_t n = view->agent.snapshots;

	view_release(view);
	return n;
}

static int64_t next_end(void)
{
	struct view *view = control_view(control);
	decitime next = view->agent.period_next_end;

	view_release(view);
	return next / 10;
}

/* Two looks that began after now, so that the schedule was kept in between. */
static void look(void)
{
	for (int i = 0; i < 2; i++) {
		uint32_t before = looks();
		for (int tries = 0; looks() == before; tries++) {
			struct pollfd events = {.fd = control_fd(control), .events = POLLIN};
			assert_true(tries < 2000);
			control_refresh(control);
			poll(&events, 1, 10);
			control_events(control);
		}
	}
}

static int count(void *context, const struct closed *row)
{
	(void)row;
	++*(unsigned *)context;
	return 0;
}

/* How often the periods of every host ended. */
static unsigned ends(void)
{
	struct history *history = history_new(directory.path);
	unsigned all = 0;

	for (int i = 0; i < 3; i++) {
		unsigned n = 0;
		history_list(history, scene_towns[i], scene_hosts[i], 0, count, &n);
		assert_true(i == 0 || n == all);
		all = n;
	}
	history_free(history);
	return all;
}

static int set_up(void **state)
{
	(void)state;
	fake_make(SCENE_RULES, scene_addresses);
	scene_directory(&directory);
	steady_offset = 0;
	set_clock(JAN_15);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_disk(false);
	if (control)
		stop();
	directory_remove(&directory);
	return 0;
}

/* Nobody asks for a look; the interval is two hours. */
static void on_time(void **state)
{
	(void)state;
	set_clock(FEB_1 - 2);
	start(&monthly, false);
	for (int tries = 0; ends() == 0; tries++) {
		assert_true(tries < 800);
		poll(NULL, 0, 10);
	}
	for (int tries = 0; next_end() != MAR_1; tries++) {
		assert_true(tries < 800);
		poll(NULL, 0, 10);
	}
	struct view *view = control_view(control);
	assert_true(view->agent.period_start >= FEB_1 * INT64_C(10) && view->agent.period_start < (FEB_1 + 5) * INT64_C(10));
	view_release(view);
	look();
	assert_int_equal(ends(), 1);
}

/* Requests come without a pause. */
static void between_requests(void **state)
{
	struct command nothing = {.kind = COMMAND_NOTHING, .town = "town-a"};
	enum { MANY = 256 };
	struct request *requests[MANY];
	unsigned next = 0;

	(void)state;
	set_clock(FEB_1 - 2);
	start(&monthly, false);
	/* The meter thread reads it. */
	__atomic_store_n(&fake->slow, 1000, __ATOMIC_RELAXED);
	for (int i = 0; i < MANY; i++) {
		requests[i] = request_new(&nothing, 1);
		control_submit(control, requests[i], REQUEST_PREPARE, INT64_MAX);
	}
	for (int64_t began = clock_steady(); next_end() != MAR_1;) {
		assert_true(clock_steady() - began < INT64_C(10000000000));
		/* The queue never is empty. */
		for (int i = 0; i < 10; i++, next = (next + 1) % MANY)
			if (request_ended(control, requests[next]))
				control_submit(control, requests[next], REQUEST_PREPARE, INT64_MAX);
	}
	assert_int_equal(ends(), 1);
	control_stop(control);
	for (int i = 0; i < MANY; i++)
		request_free(requests[i]);
}

/* One end for all the months that nobody was there. */
static void while_nobody_was_there(void **state)
{
	(void)state;
	start(&monthly, false);
	look();
	stop();
	set_clock(MAR_1 + HOUR);
	for (int i = 0; i < 2; i++) {
		start(&monthly, false);
		look();
		assert_int_equal(ends(), 1);
		stop();
	}
}

static void with_another_schedule(void **state)
{
	struct schedule other = {.every = SCHEDULE_MONTH, .day = 10, .zone = "Etc/UTC"}, daily = {.every = SCHEDULE_DAY};

	(void)state;
	start(&monthly, false);
	look();
	/* Its end is past, and no end is due. */
	struct control_options options = options_of(&other, false);
	control_configure(control, &options);
	look();
	assert_int_equal(ends(), 0);
	assert_int_equal(next_end(), FEB_1 + 9 * 24 * HOUR);
	stop();
	/* Due by the one that was in force: nobody was there, and the configuration changed as well. */
	set_clock(FEB_15);
	start(&monthly, false);
	look();
	assert_int_equal(ends(), 1);
	assert_int_equal(next_end(), MAR_1);
	options = options_of(&daily, false);
	control_configure(control, &options);
	look();
	assert_int_equal(ends(), 1);
}

static void in_another_zone(void **state)
{
	struct schedule east = monthly, west = monthly;

	(void)state;
	snprintf(east.zone, sizeof east.zone, "Asia/Tokyo");
	snprintf(west.zone, sizeof west.zone, "America/New_York");
	start(&east, false);
	look();
	set_clock(FEB_1);
	look();
	assert_int_equal(ends(), 1);
	stop();
	/* There it was the first of the month an hour ago. */
	set_clock(FEB_1 + 6 * HOUR);
	start(&west, false);
	look();
	assert_int_equal(ends(), 1);
	assert_int_equal(next_end(), MAR_1 + 5 * HOUR);
}

static void with_a_full_disk(void **state)
{
	(void)state;
	start(&monthly, false);
	look();
	fake_disk(true);
	set_clock(FEB_1 + 1);
	look();
	set_clock(FEB_1 + 60 * HOUR);
	look();
	fake_disk(false);
	assert_int_equal(ends(), 0);
	look();
	assert_int_equal(ends(), 1);
	look();
	assert_int_equal(ends(), 1);
}

static void with_rules_that_can_not_be_read_or_changed(void **state)
{
	(void)state;
	start(&monthly, false);
	look();
	fake->unreadable = true;
	set_clock(FEB_1 + 1);
	look();
	fake->refuses = true;
	fake->unreadable = false;
	look();
	assert_int_equal(ends(), 0);
	/* What was not done is not in the ledger either. */
	stop();
	fake->refuses = false;
	start(&monthly, false);
	look();
	assert_int_equal(ends(), 1);
}

static void with_a_clock_that_is_set_back(void **state)
{
	(void)state;
	start(&monthly, false);
	look();
	/* A month ahead by mistake: that end can't be told from a real one. */
	set_clock(FEB_1 + 1);
	look();
	assert_int_equal(ends(), 1);
	set_clock(FEB_1 - HOUR / 2);
	look();
	set_clock(FEB_1 + 2);
	look();
	assert_int_equal(ends(), 1);
	/* Back for long: what is due meanwhile is made up for. */
	set_clock(FEB_15);
	look();
	set_clock(JAN_15);
	look();
	set_clock(MAR_1 + 1);
	look();
	assert_int_equal(ends(), 2);
	set_clock(FEB_1 - HOUR / 2);
	look();
	steady_offset += INT64_C(3700000000000);
	set_clock(FEB_1 + HOUR / 2);
	look();
	look();
	assert_int_equal(ends(), 3);
	assert_int_equal(next_end(), MAR_1);
}

static void without_a_write(void **state)
{
	(void)state;
	start(&monthly, true);
	look();
	set_clock(FEB_1 + 1);
	look();
	assert_int_equal(ends(), 1);
	assert_int_equal(fake->changes, 0);
	struct view *view = control_view(control);
	assert_true(view_hosts(view)[0].traffic.period.down.packets < view_hosts(view)[0].traffic.down.packets);
	view_release(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(on_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(between_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(while_nobody_was_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_another_schedule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_another_zone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_a_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_rules_that_can_not_be_read_or_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(with_a_clock_that_is_set_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_write, set_up, tear_down),
	};

	log_open("test", 1, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
