/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "amount.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t amount_of(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);
	json_int_t number = json_integer_value(value);

	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	return number < 0 ? 0 : (uint64_t)number;
}

const char *amount_octets(uint64_t octets, bool exact, char text[AMOUNT_TEXT_SIZE])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1000;
	size_t i = 0;

	if (exact || octets < 1000) {
		snprintf(text, AMOUNT_TEXT_SIZE, exact ? "%" PRIu64 : "%" PRIu64 " B", octets);
		return text;
	}
	/* In integers, and downwards: nobody is shown more than was counted. */
	while (i + 1 < sizeof units / sizeof units[0] && octets / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	uint64_t whole = octets / unit, thousandths = octets % unit / (unit / 1000);
	if (whole >= 100)
		snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 " %s", whole, units[i]);
	else if (whole >= 10)
		snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 ".%" PRIu64 " %s", whole, thousandths / 100, units[i]);
	else
		snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 ".%02" PRIu64 " %s", whole, thousandths / 10, units[i]);
	return text;
}

const char *amount_quota(uint64_t megabytes, bool exact, char text[AMOUNT_TEXT_SIZE])
{
	static const char *const units[] = {"MB", "GB", "TB"};
	uint64_t unit = 1;
	size_t i = 0;

	if (megabytes == 0) {
		snprintf(text, AMOUNT_TEXT_SIZE, "-");
	} else if (exact) {
		snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 "000000", megabytes);
	} else {
		while (i < 2 && megabytes / unit >= 1000) {
			unit *= 1000;
			i++;
		}
		snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64 ".%0*" PRIu64, megabytes / unit, (int)(3 * i), megabytes % unit);
		/* "1.500" is 1.5, "50.000" is 50. */
		size_t length = strlen(text);
		while (text[length - 1] == '0' && strchr(text, '.'))
			text[--length] = '\0';
		if (i == 0)
			snprintf(text, AMOUNT_TEXT_SIZE, "%" PRIu64, megabytes);
		else if (text[length - 1] == '.')
			text[length - 1] = '\0';
		length = strlen(text);
		snprintf(text + length, AMOUNT_TEXT_SIZE - length, " %s", units[i]);
	}
	return text;
}

const char *amount_time(const json_t *row, const char *key, bool seconds, char text[AMOUNT_TEXT_SIZE])
{
	const char *value = json_string_value(json_object_get(row, key));
	struct tm utc = {0}, here;
	time_t when = 0;

	snprintf(text, AMOUNT_TEXT_SIZE, "-");
	if (value && strptime(value, "%Y-%m-%dT%H:%M:%S", &utc)) {
		when = timegm(&utc);
		if (localtime_r(&when, &here))
			strftime(text, AMOUNT_TEXT_SIZE, seconds ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &here);
	}
	return text;
}
