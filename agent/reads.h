/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Get and GetNext. A request that finds the view too old waits a little for a fresh one; all variables
 * of one SNMP request (one transaction, however many PDUs) are answered from one view.
 */
#ifndef TOWNMETER_READS_H
#define TOWNMETER_READS_H

#include "axpdu.h"

struct reads;

/* NULL with errno. */
struct reads *reads_new(struct control *control);
void reads_free(struct reads *reads);

/* Takes a Get or GetNext in: answers it, or keeps a copy until the view is there. */
void reads_take(struct reads *reads, netsnmp_session *session, netsnmp_pdu *pdu);

/* Answers what waits, if the view came or time is up. */
void reads_step(struct reads *reads);

/* When reads_step() has to be called at the latest (nanoseconds of CLOCK_MONOTONIC); INT64_MAX: never. */
int64_t reads_due(const struct reads *reads);

/* The session is gone: what waits is dropped. */
void reads_disconnected(struct reads *reads);

#endif
