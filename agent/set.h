/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The phases of SET requests, as AgentX has them. The master sends one TestSet, CommitSet and so on
 * for each table that a request touches; those of one transaction are one request to the meter thread,
 * carried out as a whole at the first CommitSet. net-snmp's own subagent code mixes them up
 * (agentx/subagent.c, restore_set_vars(): the second CommitSet gets "wrong mode"), so the PDUs are
 * answered here.
 *
 * Nothing waits: an answer that needs the meter thread is sent when set_step() finds it there, or is
 * an error when its time is up. A phase that comes again is the same phase. After CommitSet succeeded
 * only an UndoSet reverts: if the session is lost then, the change stands.
 */
#ifndef TOWNMETER_SET_H
#define TOWNMETER_SET_H

#include "axpdu.h"

struct sets;

/* NULL with errno. sets_free() waits for nothing: the control must have been stopped before. */
struct sets *sets_new(struct control *control);
void sets_free(struct sets *sets);

/* Takes a TestSet, CommitSet, UndoSet or CleanupSet in. */
void sets_take(struct sets *sets, netsnmp_session *session, const netsnmp_pdu *pdu);

/* Sends the answers that are there or late. Call when the control has events, and at sets_due(). */
void sets_step(struct sets *sets);

/* When sets_step() has to be called at the latest (nanoseconds of CLOCK_MONOTONIC); INT64_MAX: never. */
int64_t sets_due(const struct sets *sets);

/* The session is gone: nobody waits for answers any more. */
void sets_disconnected(struct sets *sets);

#endif
