/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model as it is kept in the ledger: sheets of records of a fixed size, in the machine's own byte
 * order. A change of any record is a new IMAGE_FORMAT, and needs a migration.
 *
 * What every look changes (flows of hosts, counts of rules) lies apart from what stays, so that little
 * is written: records of one index belong together.
 */
#ifndef TOWNMETER_IMAGE_H
#define TOWNMETER_IMAGE_H

#include "quota.h"
#include "snapshot.h"
#include "view.h"

enum { IMAGE_FORMAT = 1 };

enum image_sheet {
	IMAGE_AGENT,  /* one record_agent */
	IMAGE_TOTALS, /* record_total by enum view_chain */
	IMAGE_TOWNS,  /* record_town by identity */
	IMAGE_HOSTS,  /* record_host by identity */
	IMAGE_RULES,  /* record_rule: those of the last look, then those that stood once */
	IMAGE_FLOWS,  /* record_flows, one a host */
	IMAGE_COUNTS, /* struct counter, one a rule: what it read last */
	IMAGE_CLASSES, /* record_class: the service classes, in their order */
	IMAGE_OWNERS, /* record_owner: whose traffic is divided into classes; not the first row, that of all towns */
	IMAGE_SERVICES, /* record_service, one a class of each row */
	IMAGE_PORTS,  /* record_ports, one a rule of ROLE_SERVICE */
	IMAGE_SHEETS
};

/* Sets of sheets. */
#define IMAGE_BIT(sheet) (1u << (sheet))
#define IMAGE_ALL (IMAGE_BIT(IMAGE_SHEETS) - 1)

struct image {
	bool there[IMAGE_SHEETS]; /* false: not looked at */
	void *data[IMAGE_SHEETS]; /* one block each; NULL: empty */
	size_t size[IMAGE_SHEETS];
};

struct record_flow {
	struct counter amount, debt;
};

struct record_flows {
	struct record_flow flow[2];
	struct counter dropped;
};

struct record_quota {
	uint32_t megabytes;
	uint8_t basis, warn_percent, action, unused;
};

/* Who wants a row blocked. */
enum { RECORD_MANAGER = 1, RECORD_LOCAL = 2, RECORD_FOREIGN = 4 };

struct record_traffic {
	int64_t discontinuity, period_start;
	struct counter base[2];
	uint32_t period_number;
	uint8_t incomplete, gone;
	uint8_t blocked; /* RECORD_MANAGER and so on */
	uint8_t unused;
	struct record_quota quota, configured;
};

struct record_total {
	struct record_flow flow;
	int64_t discontinuity, period_start;
	struct counter base;
	uint32_t period_number;
	uint8_t seen, source, incomplete, unused;
};

struct record_town {
	char name[32];
	struct record_traffic traffic;
	struct record_flows flows;
	uint64_t attributed[2], attributed_base[2];
};

struct record_host {
	uint32_t town;
	uint8_t oper, reason, unused[2];
	int64_t last_change;
	struct record_traffic traffic;
	char name[56], remark[64];
};

/* role.layout, role.ahead, role.shadow. */
enum { RECORD_LAYOUT = 1, RECORD_AHEAD = 2, RECORD_SHADOW = 4 };

struct record_rule {
	uint32_t key_town;
	uint8_t family, kind, direction, ours, ordinal, backend;
	uint8_t prefix_family, prefix_length, prefix[16];
	uint8_t present, rebooted, late;
	uint8_t flags; /* RECORD_LAYOUT and so on; 0 in ledgers from before the layout */
	uint32_t town, host;
	uint64_t received;
};

struct record_class {
	char name[40];
};

struct record_owner {
	uint32_t town, host;
};

struct record_service {
	struct counter way[2];
};

struct record_ports {
	uint16_t first, last;
	uint8_t protocol, unused[3];
};

/* The first part is the meter's, the second the control's. */
struct record_agent {
	uint32_t format;
	uint32_t listed;   /* so many rules are those of the last look */
	uint64_t received; /* what the router had received at the last look */
	int64_t tables_last_change, discontinuity;
	uint32_t resets;

	uint32_t spin_lock;
	char boot[40];     /* the kernel's boot_id, and which network namespace */
	uint64_t network;
	uint8_t clean;     /* nothing was metered since: the agent ended */
	uint8_t notify_enable, unused[2];
	uint32_t notify_min_interval, notify_max_per_minute, notify_suppressed;
	uint32_t snapshots, snapshot_errors, ledger_errors;
	int64_t snapshot_time, period_start;
	int64_t boundary;  /* when the schedule last was to end the periods, in seconds */
	char schedule[64]; /* that schedule */
};

/* Room for n records of a sheet, which the caller fills; NULL without memory, or if n is 0. */
void *image_room(struct image *image, enum image_sheet sheet, size_t n, size_t record);

/* The same if the sheet is one of a set (IMAGE_BIT); else NULL. Without memory *failed becomes true. */
void *image_wanted(struct image *image, unsigned sheets, enum image_sheet sheet, size_t n, size_t record, bool *failed);

/* The records of a sheet, and how many; borrowed. *n is 0 if they are not whole records. */
const void *image_records(const struct image *image, enum image_sheet sheet, size_t record, uint32_t *n);

/* Frees the blocks. */
void image_free(struct image *image);

#endif
