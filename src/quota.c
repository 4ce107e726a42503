/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quota.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The largest quota has less than 2^52 octets: no product here overflows. */
static const uint64_t megabyte = 1000000, percent_of_megabyte = 10000;

const struct quota quota_default = {.basis = QUOTA_BOTH, .warn_percent = 80, .action = QUOTA_NOTIFY};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *quota_parse(uint32_t *megabytes, const char *text)
{
	static const struct {
		const char *name;
		uint64_t megabytes;
	} units[] = {{"MB", 1}, {"GB", 1000}, {"TB", 1000000}};
	static const char expected[] = "a size such as 50GB, 500MB or 1.5TB, or none";
	uint64_t whole = 0, scale = 0, part = 0, parts = 1;
	const char *at = text, *point, *unit;

	if (strcmp(text, "none") == 0 || strcmp(text, "0") == 0) {
		*megabytes = 0;
		return NULL;
	}
	/* More than this is too much in every unit. */
	for (; is_digit(*at); at++)
		whole = whole > UINT32_MAX ? whole : 10 * whole + (uint64_t)(*at - '0');
	point = *at == '.' ? at : NULL;
	unit = point ? point + 1 : at;
	while (point && is_digit(*unit))
		unit++;
	if (at == text || (point && unit == point + 1))
		return expected;
	if (strlen(unit) == 3 && strchr("KMGT", unit[0]) && strcmp(unit + 1, "iB") == 0)
		return "a unit of thousands: MB, GB or TB (1GiB is 1073.741824MB)";
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(unit, units[i].name) == 0)
			scale = units[i].megabytes;
	if (scale == 0)
		return expected;
	for (at = point ? point + 1 : unit; at < unit; at++) {
		if (parts < scale) {
			part = 10 * part + (uint64_t)(*at - '0');
			parts *= 10;
		} else if (*at != '0') {
			return "whole megabytes (MB)";
		}
	}
	if (whole * scale + part * (scale / parts) > UINT32_MAX)
		return "at most 4294967295MB";
	*megabytes = (uint32_t)(whole * scale + part * (scale / parts));
	return NULL;
}

uint64_t quota_used(const struct quota *quota, uint64_t down_octets, uint64_t up_octets)
{
	if (quota->basis == QUOTA_DOWN)
		return down_octets;
	if (quota->basis == QUOTA_UP)
		return up_octets;
	return up_octets > UINT64_MAX - down_octets ? UINT64_MAX : down_octets + up_octets;
}

enum quota_state quota_state_of(const struct quota *quota, uint64_t used)
{
	if (quota->megabytes == 0)
		return QUOTA_NONE;
	if (used >= quota->megabytes * megabyte)
		return QUOTA_EXCEEDED;
	if (quota->warn_percent > 0 && used >= quota->megabytes * percent_of_megabyte * quota->warn_percent)
		return QUOTA_WARNED;
	return QUOTA_WITHIN;
}

uint32_t quota_percent(const struct quota *quota, uint64_t used)
{
	if (quota->megabytes == 0)
		return 0;
	uint64_t percent = used / (quota->megabytes * percent_of_megabyte);
	return percent > UINT32_MAX ? UINT32_MAX : (uint32_t)percent;
}

uint64_t quota_over(const struct quota *quota, uint64_t used)
{
	uint64_t allowed = quota->megabytes * megabyte;

	return quota->megabytes == 0 || used < allowed ? 0 : (used - allowed) / megabyte;
}
