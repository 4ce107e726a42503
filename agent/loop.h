/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One poll loop: net-snmp's descriptors and timers, the meter thread's events, the control
 * socket, signals.
 */
#ifndef TOWNMETER_LOOP_H
#define TOWNMETER_LOOP_H

#include "control.h"
#include "socket/socket.h"

/* Blocks the signals that the loop takes, in this thread and those it starts. Call before any. Returns
 * a descriptor for loop_run(), or -1 with errno. */
int loop_signals(void);

/* Runs until SIGTERM or SIGINT; SIGHUP calls reload(). Returns 0, or -1 with errno. */
int loop_run(struct control *control, struct control_socket *socket, int signals, void (*reload)(void));

#endif
