/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one read of the kernel's rules gave: rules and their counters. Plain arrays, no behaviour.
 */
#ifndef TOWNMETER_SNAPSHOT_H
#define TOWNMETER_SNAPSHOT_H

#include <stdint.h>

#include "rule.h"

/* Octets are those of IP packets, header included, as the packet filter counts them. */
struct counter {
	uint64_t packets, octets;
};

struct snapshot {
	const struct ruleset *rules; /* borrowed from the backend until its next read that finds the
	                              * rules changed: `generation` then differs */
	struct counter *counters;    /* one a rule; borrowed from the backend until its next call */
	uint64_t generation;
	/* What the network namespace's IPv4 and IPv6 had received (InReceives, RFC 4293's ipSystemStats)
	 * just before and just after the counters were read. No rule of FORWARD can count more. */
	uint64_t received_before, received_after;
	bool partial;                /* counters are of earlier reads: these are the present rules, and no more */
	unsigned retries;            /* reads that a change of the rules interrupted */
	bool found[2];               /* by enum chain_backend: rules were read there */
	bool replaced[2];            /* by enum chain_backend: another program committed there since the last read,
	                              * as far as that can be told: it may have brought counters of its own */
	bool offload;                /* packets may bypass the rules: there is a flowtable, or hardware runs them */
};

#endif
