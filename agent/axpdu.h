/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AgentX PDUs (RFC 2741) as net-snmp's session hands them out and takes them. */
#ifndef TOWNMETER_AXPDU_H
#define TOWNMETER_AXPDU_H

#include "table.h"

/* h.type, RFC 2741, 6.1. net-snmp has them in a header that it does not install. */
enum {
	AX_GET = 5,
	AX_GETNEXT = 6,
	AX_TESTSET = 8,
	AX_COMMITSET = 9,
	AX_UNDOSET = 10,
	AX_CLEANUPSET = 11,
	AX_NOTIFY = 12,
	AX_RESPONSE = 18,
};

/* What ties a response to its request. */
struct ax_head {
	long session_id, transaction, packet;
	u_long flags;
};

struct ax_head ax_head_of(const netsnmp_pdu *request);

/* Answers a Get or GetNext from this view. */
void ax_answer_read(netsnmp_session *session, const netsnmp_pdu *request, const struct view *view);

/* Answers a TestSet, CommitSet or UndoSet: res.error and res.index (from 1; 0 with no error). */
void ax_answer_set(netsnmp_session *session, const struct ax_head *head, int error, size_t index);

#endif
