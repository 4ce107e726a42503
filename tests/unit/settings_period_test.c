/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schedules as the file has them. */
#include "settings_text.h"

static void schedules(void **state)
{
	static const struct {
		const char *text, *schedule, *zone;
		unsigned keep;
	} cases[] = {
		{"period: {every: month}", "monthly 1 00:00", "", 24},
		{"period: {every: month, day: 31, at: \"23:59\", timezone: Europe/Madrid, keep: 12}", "monthly 31 23:59",
		 "Europe/Madrid", 12},
		{"period:\n  at: 06:05\n  timezone: America/New_York\n  every: month\n  day: 15\n", "monthly 15 06:05",
		 "America/New_York", 24},
		{"period: {every: week}", "weekly monday 00:00", "", 24},
		{"period: {every: week, day: sunday}", "weekly sunday 00:00", "", 24},
		{"period: {every: week, day: Wednesday}", "weekly wednesday 00:00", "", 24},
		{"period: {every: week, day: 1}", "weekly monday 00:00", "", 24},
		{"period: {every: week, day: 7, at: '12:30'}", "weekly sunday 12:30", "", 24},
		{"period: {every: day, at: \"04:00\", timezone: UTC, keep: 1000}", "daily 04:00", "UTC", 1000},
		/* A history without a schedule. */
		{"period: {keep: 1}", "", "", 1},
		{"period: {}", "", "", 24},
		{"{\"period\": {\"every\": \"month\", \"day\": 2, \"at\": \"00:00\", \"keep\": 3}}", "monthly 2 00:00", "", 3},
	};
	struct settings s;
	char text[SCHEDULE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		read_good(&s, cases[i].text);
		assert_string_equal(schedule_text(&s.schedule, text), cases[i].schedule);
		assert_string_equal(s.schedule.zone, cases[i].zone);
		assert_int_equal(s.keep, cases[i].keep);
		settings_free(&s);
	}
}

static void mistakes(void **state)
{
	static const struct bad cases[] = {
		{"period: monthly\n", ":1: ", "found 'monthly', expected keys with values, such as {every: month}"},
		{"period: {evry: month}\n", ":1: ", "'evry' is not a key of period, expected every, day, at, timezone or keep"},
		{"period:\n  every: month\n  every: week\n", ":3: ", "'every' stands here a second time"},
		{"period: {every: year}\n", ":1: ", "every is 'year', expected month, week or day"},
		{"period: {every: [month]}\n", ":1: ", "every is 'a list'"},
		{"period: {every: month, day: 0}\n", ":1: ", "day is '0', expected a number from 1 to 31"},
		{"period: {every: month, day: 32}\n", ":1: ", "day is '32', expected a number from 1 to 31"},
		{"period: {every: month, day: monday}\n", ":1: ", "day is 'monday', expected a number"},
		{"period: {every: month, day: -1}\n", ":1: ", "day is '-1'"},
		{"period: {every: month, day: 1.5}\n", ":1: ", "day is '1.5'"},
		{"period: {every: month, day: \"1\\0\"}\n", ":1: ", "day is '1'"},
		{"period: {every: month, day: 18446744073709551617}\n", ":1: ", "expected a number from 1 to 31"},
		{"period: {every: month, day: 4294967297}\n", ":1: ", "expected a number from 1 to 31"},
		{"period: {every: week, day: 8}\n", ":1: ", "day is '8', expected a day of the week such as monday"},
		{"period: {every: week, day: 0}\n", ":1: ", "day is '0', expected a day of the week"},
		{"period: {every: week, day: mon}\n", ":1: ", "day is 'mon'"},
		{"period: {every: day, day: 1}\n", ":1: ", "day is '1', expected none with 'every: day'"},
		{"period: {every: day, at: \"24:00\"}\n", ":1: ", "at is '24:00', expected a time from"},
		{"period: {every: day, at: \"12:60\"}\n", ":1: ", "at is '12:60'"},
		{"period: {every: day, at: 7:30}\n", ":1: ", "at is '7:30'"},
		{"period: {every: day, at: \"07:30:00\"}\n", ":1: ", "at is '07:30:00'"},
		{"period: {every: day, at: \"07:30\\0\"}\n", ":1: ", "at is '07:30'"},
		{"period: {every: day, at: \"-7:30\"}\n", ":1: ", "at is '-7:30'"},
		{"period: {every: day, at: \"+7:30\"}\n", ":1: ", "at is '+7:30'"},
		{"period: {every: day, at: noon}\n", ":1: ", "at is 'noon'"},
		{"period: {every: day, at: [7]}\n", ":1: ", "at is 'a list'"},
		{"period: {every: day, timezone: Europe/Madri}\n", ":1: ", "timezone is 'Europe/Madri', expected a name"},
		{"period: {every: day, timezone: +02:00}\n", ":1: ", "timezone is '+02:00'"},
		{"period: {every: day, timezone: ''}\n", ":1: ", "timezone is ''"},
		{"period: {every: day, timezone: \"UTC\\0\"}\n", ":1: ", "timezone is 'UTC'"},
		{"period: {every: day, timezone: \"EST5EDT,M3.2.0/02:00:00,M11.1.0/02:00:00000000000000000000000000\"}\n", ":1: ",
		 "timezone is 'EST5EDT"},
		{"period: {keep: 0}\n", ":1: ", "keep is '0', expected a number from 1 to 1000"},
		{"period: {keep: 1001}\n", ":1: ", "keep is '1001'"},
		{"period: {keep: all}\n", ":1: ", "keep is 'all'"},
		{"period:\n  keep: 3\n  day: 1\n", ":3: ", "period has 'day' alone, expected 'every' with it"},
		{"period: {timezone: UTC}\n", ":1: ", "period has 'timezone' alone"},
		{"period: {at: \"00:00\"}\n", ":1: ", "period has 'at' alone"},
	};
	struct settings s;

	(void)state;
	expect_bad(cases, sizeof cases / sizeof cases[0]);
	assert_int_equal(read_text(&s, "period: {every: year, day: 77, at: never, timezone: Moon, keep: -1, foo: bar}\n"), 5);
	settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(schedules), cmocka_unit_test(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
