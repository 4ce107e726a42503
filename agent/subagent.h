/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AgentX session: opened and kept by net-snmp's library, which encodes, registers and reconnects.
 * The PDUs are answered by us, in the session's callback, without the library's detour over a second
 * session inside the process.
 */
#ifndef TOWNMETER_SUBAGENT_H
#define TOWNMETER_SUBAGENT_H

#include "control.h"

/* Sets the library up and registers the tables. `address`: where the master listens, NULL for the usual
 * places. `state_directory`: where the ledger is. Changes against `baseline` are notified: it should be
 * control's first view. There is one subagent a process. Returns 0, or -1: one line went to the log. */
int subagent_start(struct control *control, const char *address, const char *state_directory, struct view *baseline);

/* Work that is due because of time or of the control's events; call after every wait. */
void subagent_step(void);

/* When subagent_step() is due at the latest (nanoseconds of CLOCK_MONOTONIC). */
int64_t subagent_due(void);

/* Is there a session with the master? */
bool subagent_connected(void);

/* Closes the session. */
void subagent_stop(void);

#endif
