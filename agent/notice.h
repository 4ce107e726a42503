/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a notification is about, and how it is written down: its objects and their values. */
#ifndef TOWNMETER_NOTICE_H
#define TOWNMETER_NOTICE_H

#include "value.h"

/* The numbers of the MIB's NOTIFICATION-TYPEs. */
enum notice_type {
	NOTICE_QUOTA_WARNING = 1, NOTICE_QUOTA_EXCEEDED, NOTICE_HOST_BLOCKED, NOTICE_HOST_UNBLOCKED,
	NOTICE_TOWN_ZEROED, NOTICE_HOST_ZEROED, NOTICE_DISCONTINUITY, NOTICE_BACKEND_LOST,
	NOTICE_BACKEND_RESTORED, NOTICE_LEDGER_FAILED,
	NOTICE_TYPES = NOTICE_LEDGER_FAILED,
};

struct notice {
	enum notice_type type;
	/* The row; of the agent's notices both are empty. */
	char town[NAME_TOWN_MAX + 1], host[NAME_HOST_MAX + 1];
	uint32_t number; /* of the closed period */
	uint64_t state;  /* what is told; equal for what is the same */
};

/* Its variables: snmpTrapOID.0, then the objects of its type, read from this view and the closed periods.
 * Freed with snmp_free_varbind(). NULL: no memory, or one of the objects does not exist (any more). */
netsnmp_variable_list *notice_variables(const struct notice *notice, const struct view *view);

#endif
