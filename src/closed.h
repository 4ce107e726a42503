/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A closed period of a town or a host: what the ledger keeps of it and history gives back. */
#ifndef TOWNMETER_CLOSED_H
#define TOWNMETER_CLOSED_H

#include <stdbool.h>
#include <stdint.h>

#include "name.h"
#include "view.h"

/* Why a period ended: values of the MIB. */
enum closed_reason { CLOSED_SCHEDULE = 1, CLOSED_HOST_ZERO, CLOSED_TOWN_ZERO, CLOSED_LOCAL, CLOSED_REMOVED };

struct closed {
	uint8_t is_host;            /* 0: of a town, and `host` is empty */
	char town[NAME_TOWN_MAX + 1], host[NAME_HOST_MAX + 1];
	uint32_t number;            /* counts the periods of this row, from 1 */
	decitime start, end;
	uint8_t reason;             /* enum closed_reason */
	bool complete;              /* nothing of this period was missed */
	struct amount down, up;
	uint32_t quota_mb;          /* the quota that held at the end, 0: none */
	uint8_t quota_basis;
	uint64_t over_mb;
};

#endif
