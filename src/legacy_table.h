/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter table of one version of IP, by the socket options below libiptc
 * (net/ipv4/netfilter/ip_tables.c, net/ipv6/netfilter/ip6_tables.c). The two versions differ in the
 * head of an entry only; struct ipt_getinfo, ipt_get_entries and ipt_replace have one layout.
 *
 * Why not libiptc here: it copies every rule into lists of its own, it throws away the counters that
 * a replaced table returns (the last count of a removed DROP rule), and it asks for CAP_NET_RAW.
 */
#ifndef TOWNMETER_LEGACY_TABLE_H
#define TOWNMETER_LEGACY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

struct legacy_table {
	uint8_t family;             /* 4 or 6 */
	int socket;                 /* -1: this version of IP is not there */
	struct ipt_getinfo info;    /* of the last read */
	unsigned char *entries;     /* info.size octets: entry after entry; NULL before the first read */
	void *buffer, *spare;       /* what the last read and the one before it filled */
	size_t buffer_size, spare_size;
	unsigned wipe;              /* so many reads to come start from zeroed memory */
	bool present;               /* the last look found the table */
};

/* The parts of an entry that both versions have. */
struct legacy_entry {
	uint16_t target_offset, next_offset;
	unsigned char *head;               /* start of the entry */
	struct xt_entry_target *target;
	struct xt_counters *counters;
};

/* The size of an entry's head: what stands before its matches. */
size_t legacy_head_size(uint8_t family);

/* The entry at an offset of table->entries (or of another block of the same form); borrowed. Inline,
 * since every walk of a table calls it for every entry. */
static inline struct legacy_entry legacy_entry_at(uint8_t family, unsigned char *entries, size_t offset)
{
	unsigned char *head = entries + offset;
	struct legacy_entry entry = {.head = head};

	if (family == 6) {
		struct ip6t_entry *e = (void *)head;
		entry.target_offset = e->target_offset;
		entry.next_offset = e->next_offset;
		entry.counters = &e->counters;
	} else {
		struct ipt_entry *e = (void *)head;
		entry.target_offset = e->target_offset;
		entry.next_offset = e->next_offset;
		entry.counters = &e->counters;
	}
	entry.target = (void *)(head + entry.target_offset);
	return entry;
}

/* Is "filter" in /proc/net/ip_tables_names (ip6_tables_names)? 1, 0, or -1 with errno. Asking the
 * kernel for a table that is not listed would create it. */
int legacy_table_listed(uint8_t family);

/* Returns 0, or -1 with errno. A version of IP that the kernel lacks is no error. */
int legacy_table_open(struct legacy_table *table, uint8_t family);
void legacy_table_close(struct legacy_table *table);

/* Makes the table if there is none, as asking for it does: empty, all policies ACCEPT. Returns 0, or -1 with errno
 * (EAFNOSUPPORT: the kernel lacks this version of IP). */
int legacy_table_create(const struct legacy_table *table);

/* Reads the table if it is listed; else table->present is false. Returns 0, or -1 with errno.
 * *same: nothing but counters differs from the read before. */
int legacy_table_read(struct legacy_table *table, bool *same);

/* Room for the counters of n entries, all zero: what to give to legacy_table_add(). NULL with errno;
 * free() it. */
struct xt_counters_info *legacy_counters_new(unsigned n);

/* Adds to every entry's counter, modulo 2^64. Returns 0, or -1 with errno (EINVAL: the table has
 * another number of entries by now). */
int legacy_table_add(const struct legacy_table *table, const struct xt_counters_info *add);

/* Memory for a table to replace this one, with as many octets of entries behind struct ipt_replace: what the read
 * before the last one filled, since fresh memory costs more than the work in it. The table's, until the next read.
 * NULL with errno. */
struct ipt_replace *legacy_table_room(struct legacy_table *table, size_t size);

/* Replaces the table in one step by the entries in `room` (legacy_table_room()); every counter of the new one is zero,
 * `old` gets the last counters of the replaced one (as many as it has entries: n_old). Returns 0, or -1 with errno. */
int legacy_table_replace(const struct legacy_table *table, const struct ipt_getinfo *info, struct ipt_replace *room,
			 struct xt_counters *old, unsigned n_old);

#endif
