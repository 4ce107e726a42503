/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quotas: how an amount stands to what a customer may use in a period. Plain values and exact integers;
 * nothing to free. A megabyte is 1000000 octets.
 */
#ifndef TOWNMETER_QUOTA_H
#define TOWNMETER_QUOTA_H

#include <stdint.h>

/* Values are those of TownMeterQuotaBasis, TownMeterQuotaState and townMeterHostQuotaAction. */
enum quota_basis { QUOTA_BOTH = 1, QUOTA_DOWN, QUOTA_UP };
enum quota_state { QUOTA_NONE = 1, QUOTA_WITHIN, QUOTA_WARNED, QUOTA_EXCEEDED };
enum quota_action { QUOTA_IGNORE = 1, QUOTA_NOTIFY, QUOTA_BLOCK };

enum { QUOTA_WARN_MAX = 100 };

struct quota {
	uint32_t megabytes;   /* 0: no quota */
	uint8_t basis;        /* enum quota_basis: what counts */
	uint8_t warn_percent; /* 0 to QUOTA_WARN_MAX; 0: no warning */
	uint8_t action;       /* enum quota_action: what follows */
};

/* What a new row has unless something else is asked for. */
extern const struct quota quota_default;

/* Reads a size as people write it: "50GB", "500MB", "1.5TB", and "0" or "none" for no quota. Returns NULL,
 * or what was expected instead, for people. */
const char *quota_parse(uint32_t *megabytes, const char *text);

/* The octets that count. A sum beyond 2^64-1 is that. */
uint64_t quota_used(const struct quota *quota, uint64_t down_octets, uint64_t up_octets);

/* Where `used` octets stand. A level is reached by exactly its amount. */
enum quota_state quota_state_of(const struct quota *quota, uint64_t used);

/* How many percent of the quota `used` octets are, rounded down. More than 2^32-1 is that; 0 without a quota. */
uint32_t quota_percent(const struct quota *quota, uint64_t used);

/* How many megabytes `used` octets are beyond the quota, rounded down; 0 without a quota or below it. */
uint64_t quota_over(const struct quota *quota, uint64_t used);

#endif
