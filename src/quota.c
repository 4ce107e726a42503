/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quota.h"

/* The largest quota has less than 2^52 octets: no product here overflows. */
static const uint64_t megabyte = 1000000, percent_of_megabyte = 10000;

const struct quota quota_default = {.basis = QUOTA_BOTH, .warn_percent = 80, .action = QUOTA_NOTIFY};

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
