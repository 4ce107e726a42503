/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends notifications through the master: agentx-Notify-PDUs (RFC 2741, 6.2.10). Nothing waits for the
 * master's answers, and few are open at a time; what can not be sent now is kept, the oldest gives way.
 */
#ifndef TOWNMETER_TRAP_H
#define TOWNMETER_TRAP_H

#include "control.h"
#include "value.h"

struct trap;

/* NULL with errno. */
struct trap *trap_new(struct control *control);
void trap_free(struct trap *trap);

/* There is a session, and all that it needs is registered; or there is none any more (NULL). */
void trap_connect(struct trap *trap, netsnmp_session *session);

/* Takes over the variables of a notification, snmpTrapOID.0 first. */
void trap_send(struct trap *trap, netsnmp_variable_list *variables);

/* Sends what can be sent now, at most so many in a minute. */
void trap_step(struct trap *trap, uint32_t max_per_minute);

/* When trap_step() is due at the latest (nanoseconds of CLOCK_MONOTONIC); INT64_MAX: not by time. */
int64_t trap_due(const struct trap *trap, uint32_t max_per_minute);

/* Forgets what is kept. */
void trap_drop(struct trap *trap);

#endif
