/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is published: flat, sorted, immutable. Made by the meter thread, read by the agent thread, each
 * reader holding a reference. One block of memory without pointers, so that it could live in shared
 * memory one day: rows are found by offsets, through the functions below.
 */
#ifndef TOWNMETER_VIEW_H
#define TOWNMETER_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "name.h"
#include "prefix.h"

/* A time of day in tenths of a second since 1970, as DateAndTime can carry it; 0 is "never". */
typedef int64_t decitime;

struct amount {
	uint64_t packets, octets;
};

/* Values are those of the MIB's enumerations throughout. */
enum view_backend { VIEW_BACKEND_NONE = 1, VIEW_BACKEND_LEGACY, VIEW_BACKEND_NFTABLES, VIEW_BACKEND_BOTH };
enum view_source { VIEW_SOURCE_RULE = 1, VIEW_SOURCE_POLICY };
enum view_chain { VIEW_CHAIN_FORWARD = 1, VIEW_CHAIN_INPUT, VIEW_CHAIN_OUTPUT };
enum view_admin { VIEW_ALLOWED = 1, VIEW_BLOCKED };
/* Bits of townMeterHostBlockReason, the first being the highest of the octet (RFC 3417, 8). */
enum view_reason { VIEW_REASON_MANAGER = 0x80, VIEW_REASON_QUOTA = 0x40, VIEW_REASON_LOCAL = 0x20, VIEW_REASON_TOWN = 0x10 };
enum view_ledger { VIEW_LEDGER_OK = 1, VIEW_LEDGER_RESTORED, VIEW_LEDGER_CREATED, VIEW_LEDGER_FAILED };

struct view_period {
	uint32_t number;
	decitime start;
	struct amount down, up;
};

/* A quota and where the current period's amount stands with it; enumerations are those of quota.h. */
struct view_quota {
	uint32_t megabytes; /* of 10^6 octets; 0: none */
	uint32_t percent;   /* used, rounded down */
	uint8_t basis, warn_percent, action, state;
};

struct view_traffic {
	struct amount down, up, dropped;
	decitime discontinuity;
	struct view_period period;
	struct view_quota quota;
};

struct view_total {
	uint32_t chain; /* enum view_chain */
	uint32_t source; /* enum view_source */
	struct amount amount, period;
	decitime discontinuity, period_start;
};

struct view_town {
	char name[NAME_TOWN_MAX + 1];
	uint8_t admin;
	bool bypassed;
	struct view_traffic traffic;
	uint64_t unattributed_down, unattributed_up; /* octets of this period that no host's rule counted */
	uint32_t hosts, blocked_hosts, over_quota_hosts;
	uint32_t prefixes; /* offset of a text */
};

struct view_host {
	uint32_t town;     /* index of its town's row */
	char name[NAME_HOST_MAX + 1];
	uint8_t admin, oper, reason;
	struct view_traffic traffic;
	decitime last_change;
	uint32_t prefixes, remark; /* offsets of texts */
};

/* A class of traffic: of all towns, of a town or of a host. */
struct view_service {
	char name[NAME_SERVICE_MAX + 1];
	uint32_t town, host; /* indexes of rows, or UINT32_MAX */
	uint32_t match;      /* of all towns: offset of a text */
	struct amount down, up;
};

struct view_address {
	struct prefix prefix;
	uint32_t host;     /* index of its host's row */
};

/* The scalars of townMeterAgent. */
struct view_agent {
	uint32_t backend;
	decitime snapshot_time;
	int64_t snapshot_clock;    /* the same, in nanoseconds of CLOCK_MONOTONIC; 0: none yet */
	uint32_t snapshot_duration; /* microseconds */
	uint32_t snapshots, snapshot_errors;
	char last_error[256];
	decitime last_error_time;
	uint32_t rules_read, blocked_hosts, kernel_resets;
	bool offload;              /* packets may bypass the rules */
	bool looked;               /* since the start of the agent the kernel was asked, well or not */
	decitime tables_last_change, discontinuity;
	uint32_t over_quota_hosts;
	uint32_t ledger;           /* enum view_ledger */
	decitime ledger_save_time;
	uint32_t ledger_errors;
	char period_schedule[64];  /* "": none */
	decitime period_start, period_next_end;
	uint32_t spin_lock;        /* 0 to 2^31 - 1 */
	bool notify_enable;
	uint32_t notify_min_interval, notify_max_per_minute; /* seconds; notifications */
	uint32_t notify_suppressed;
};

struct view {
	atomic_uint references;
	uint64_t serial;           /* differs between any two views */
	struct view_agent agent;
	uint32_t n_totals, n_towns, n_hosts, n_addresses;
	uint32_t n_services, n_town_services, n_host_services;
	/* Offsets from the start of the view. */
	uint64_t totals, towns, hosts, addresses, services, text;
	uint64_t size;
};

/* Room for a view with so many rows and octets of text (offset 0 of the text is the empty string).
 * One reference is the caller's. NULL with errno. */
struct view *view_new(uint32_t n_totals, uint32_t n_towns, uint32_t n_hosts, uint32_t n_addresses, uint64_t text);

/* One more reference; one less, freed with the last. NULL is allowed. */
struct view *view_hold(struct view *view);
void view_release(struct view *view);

/* Rows, in the order in which SNMP walks them; borrowed for as long as the view is held. */
struct view_total *view_totals(const struct view *view);
struct view_town *view_towns(const struct view *view);
struct view_host *view_hosts(const struct view *view);
struct view_address *view_addresses(const struct view *view);
char *view_text(const struct view *view, uint64_t offset);

/* Rows by name; UINT32_MAX if there is none. */
uint32_t view_find_town(const struct view *view, const char *town);
uint32_t view_find_host(const struct view *view, const char *town, const char *host);
uint32_t view_find_total(const struct view *view, uint32_t chain);

#endif
