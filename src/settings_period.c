/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `period:`, when periods end by themselves and how many closed ones are kept. */
#include <string.h>
#include <strings.h>

#include "settings_private.h"

enum { KEEP_MAX = 1000 };

enum { EVERY, DAY, AT, TIMEZONE, KEEP, KEYS };
static const struct settings_key keys[KEYS] = {
	[EVERY] = {"every", NULL}, [DAY] = {"day", NULL}, [AT] = {"at", NULL}, [TIMEZONE] = {"timezone", NULL},
	[KEEP] = {"keep", NULL}};

static enum schedule_every read_every(struct settings_reading *r, const struct settings_node *node)
{
	if (settings_is(node, "month"))
		return SCHEDULE_MONTH;
	if (settings_is(node, "week"))
		return SCHEDULE_WEEK;
	if (settings_is(node, "day"))
		return SCHEDULE_DAY;
	settings_mistake(r, node, "every is '%.80s', expected month, week or day", settings_text(node));
	return SCHEDULE_NEVER;
}

static void read_day(struct settings_reading *r, const struct settings_node *node, struct schedule *schedule)
{
	unsigned day;

	if (schedule->every == SCHEDULE_DAY) {
		settings_mistake(r, node, "day is '%.80s', expected none with 'every: day'", settings_text(node));
		return;
	}
	if (schedule->every == SCHEDULE_MONTH) {
		if (settings_number(r, node, "day", 1, 31, &day))
			schedule->day = (uint8_t)day;
		return;
	}
	for (day = 1; day <= 7; day++) {
		char digit[2] = {(char)('0' + day), '\0'};
		if (settings_is(node, digit) ||
		    (settings_is_text(node) && strcasecmp(settings_text(node), schedule_weekday(day)) == 0)) {
			schedule->day = (uint8_t)day;
			return;
		}
	}
	settings_mistake(r, node, "day is '%.80s', expected a day of the week such as monday, or 1 (monday) to 7",
			 settings_text(node));
}

/* Two digits. Returns the number, or more than any if it is none. */
static unsigned two_digits(const char *text)
{
	return text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9'
		       ? 10 * (unsigned)(text[0] - '0') + (unsigned)(text[1] - '0') : 100;
}

static void read_at(struct settings_reading *r, const struct settings_node *node, struct schedule *schedule)
{
	const char *text = settings_text(node);
	bool time = node->kind == SETTINGS_SCALAR && node->n == 5 && text[2] == ':' &&
		    two_digits(text) < 24 && two_digits(text + 3) < 60;

	if (!time) {
		settings_mistake(r, node, "at is '%.80s', expected a time from \"00:00\" to \"23:59\"", text);
		return;
	}
	schedule->hour = (uint8_t)two_digits(text);
	schedule->minute = (uint8_t)two_digits(text + 3);
}

static void read_timezone(struct settings_reading *r, const struct settings_node *node, struct schedule *schedule)
{
	const char *text = settings_text(node);
	size_t length = strlen(text);

	if (node->kind != SETTINGS_SCALAR || length == 0 || length != node->n ||
	    length >= sizeof schedule->zone || !schedule_zone_known(text)) {
		settings_mistake(r, node, "timezone is '%.80s', expected a name that this system has below "
				 "/usr/share/zoneinfo, such as Europe/Madrid", text);
		return;
	}
	memcpy(schedule->zone, text, length + 1);
}

void settings_read_period(struct settings_reading *r, const struct settings_node *node)
{
	struct schedule *schedule = &r->settings->schedule;
	const struct settings_node *values[KEYS];

	if (!settings_keys(r, node, "period", "{every: month}", keys, KEYS, values))
		return;
	if (values[KEEP])
		settings_number(r, values[KEEP], "keep", 1, KEEP_MAX, &r->settings->keep);
	if (values[TIMEZONE])
		read_timezone(r, values[TIMEZONE], schedule);
	if (values[AT])
		read_at(r, values[AT], schedule);
	if (values[EVERY]) {
		schedule->every = read_every(r, values[EVERY]);
		schedule->day = 1;
		if (values[DAY] && schedule->every != SCHEDULE_NEVER)
			read_day(r, values[DAY], schedule);
		return;
	}
	for (int i = DAY; i <= TIMEZONE; i++)
		if (values[i])
			settings_mistake(r, values[i], "period has '%.80s' alone, expected 'every' with it: "
					 "month, week or day", keys[i].name);
}
