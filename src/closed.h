/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A closed period of a town or of a host: what is billed. A plain value that never changes. */
#ifndef TOWNMETER_CLOSED_H
#define TOWNMETER_CLOSED_H

#include "view.h"

/* Values are those of TownMeterPeriodEnd. */
enum closed_reason { CLOSED_SCHEDULE = 1, CLOSED_HOST_ZERO, CLOSED_TOWN_ZERO, CLOSED_LOCAL, CLOSED_REMOVED };

struct closed {
	uint8_t is_host;     /* else a town, and `host` is "" */
	char town[NAME_TOWN_MAX + 1], host[NAME_HOST_MAX + 1];
	uint8_t reason;      /* enum closed_reason */
	uint8_t quota_basis; /* enum quota_basis */
	bool complete;       /* there was no discontinuity in it */
	bool withdrawn;      /* the period goes on after all: given to the ledger, the row is removed */
	uint32_t number;     /* from 1, in the row's order */
	uint32_t quota_mb;   /* megabytes of 10^6 octets; 0: none */
	decitime start, end;
	struct amount down, up;
	uint64_t over_mb;    /* what was used beyond the quota, rounded down */
};

#endif
