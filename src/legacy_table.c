/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A foreign writer between GET_INFO and GET_ENTRIES, which the lock keeps off, gives EAGAIN. */
enum { READ_TRIES = 10 };

static const char table_name[] = "filter";

size_t legacy_head_size(uint8_t family)
{
	return family == 6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
}

int legacy_table_listed(uint8_t family)
{
	FILE *file = fopen(family == 6 ? "/proc/thread-self/net/ip6_tables_names"
				       : "/proc/thread-self/net/ip_tables_names", "re");
	char line[64];
	int found = 0;

	if (!file)
		return errno == ENOENT ? 0 : -1;
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		found |= strcmp(line, table_name) == 0;
	}
	fclose(file);
	return found;
}

int legacy_table_open(struct legacy_table *table, uint8_t family)
{
	memset(table, 0, sizeof *table);
	table->family = family;
	table->socket = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return table->socket < 0 && errno != EAFNOSUPPORT ? -1 : 0;
}

void legacy_table_close(struct legacy_table *table)
{
	if (table->socket >= 0)
		close(table->socket);
	free(table->buffer);
	free(table->spare);
}

static int level(const struct legacy_table *table)
{
	return table->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static bool same_frame(const struct ipt_getinfo *a, const struct ipt_getinfo *b)
{
	return a->size == b->size && a->num_entries == b->num_entries &&
	       memcmp(a->hook_entry, b->hook_entry, sizeof a->hook_entry) == 0 &&
	       memcmp(a->underflow, b->underflow, sizeof a->underflow) == 0;
}

static int get_info(const struct legacy_table *table, struct ipt_getinfo *info)
{
	socklen_t size = sizeof *info;

	memset(info, 0, sizeof *info);
	memcpy(info->name, table_name, sizeof table_name);
	return getsockopt(table->socket, level(table), IPT_SO_GET_INFO, info, &size);
}

int legacy_table_create(const struct legacy_table *table)
{
	struct ipt_getinfo info;

	if (table->socket < 0) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return get_info(table, &info);
}

/* At least so large; *fresh: it is all zero. */
static int make_room(struct legacy_table *table, size_t want, bool *fresh)
{
	*fresh = want > table->spare_size;
	if (!*fresh)
		return 0;
	void *bigger = calloc(1, want);
	if (!bigger)
		return -1;
	free(table->spare);
	table->spare = bigger;
	table->spare_size = want;
	return 0;
}

/*
 * The kernel leaves out what is no user's business: the octets behind a name's end, the inner state of
 * matches. What stood there before would look like a change of the rules. As long as the rules stay,
 * that is the same in both buffers; when they changed, both are wiped once.
 */
static int ask(struct legacy_table *table, struct ipt_getinfo *info)
{
	socklen_t size;
	bool fresh;

	if (get_info(table, info) < 0)
		return -1;
	size_t want = sizeof(struct ipt_get_entries) + info->size;
	if (make_room(table, want, &fresh) < 0)
		return -1;
	struct ipt_get_entries *get = table->spare;
	if (!same_frame(info, &table->info))
		table->wipe = 2;
	memset(get, 0, table->wipe && !fresh ? want : sizeof *get);
	memcpy(get->name, table_name, sizeof table_name);
	get->size = info->size;
	size = (socklen_t)want;
	return getsockopt(table->socket, level(table), IPT_SO_GET_ENTRIES, get, &size);
}

/* All but the counters, and what the kernel notes for itself in the field before them. */
static bool same_rules(uint8_t family, unsigned char *a, unsigned char *b, size_t size)
{
	size_t noted = family == 6 ? offsetof(struct ip6t_entry, comefrom) : offsetof(struct ipt_entry, comefrom);
	size_t head = legacy_head_size(family);

	for (size_t offset = 0; offset < size;) {
		size_t next = legacy_entry_at(family, a, offset).next_offset;
		if (memcmp(a + offset, b + offset, noted) != 0 ||
		    memcmp(a + offset + head, b + offset + head, next - head) != 0)
			return false;
		offset += next;
	}
	return true;
}

int legacy_table_read(struct legacy_table *table, bool *same)
{
	struct ipt_getinfo info;
	int listed = table->socket < 0 ? 0 : legacy_table_listed(table->family);

	*same = !listed && !table->present;
	if (listed <= 0) {
		table->present = false;
		table->entries = NULL;
		return listed;
	}
	for (int tries = 0; ask(table, &info) < 0; tries++)
		if (errno != EAGAIN || tries == READ_TRIES)
			return -1;
	unsigned char *entries = (unsigned char *)table->spare + sizeof(struct ipt_get_entries);
	*same = table->present && table->entries && same_frame(&info, &table->info) &&
		same_rules(table->family, entries, table->entries, info.size);
	if (!*same)
		table->wipe = 2;
	else if (table->wipe)
		table->wipe--;
	void *filled = table->spare;
	size_t filled_size = table->spare_size;
	table->spare = table->buffer;
	table->spare_size = table->buffer_size;
	table->buffer = filled;
	table->buffer_size = filled_size;
	table->entries = entries;
	table->info = info;
	table->present = true;
	return 0;
}

struct xt_counters_info *legacy_counters_new(unsigned n)
{
	struct xt_counters_info *info = calloc(1, sizeof *info + n * sizeof info->counters[0]);

	if (info) {
		memcpy(info->name, table_name, sizeof table_name);
		info->num_counters = n;
	}
	return info;
}

int legacy_table_add(const struct legacy_table *table, const struct xt_counters_info *add)
{
	size_t size = sizeof *add + add->num_counters * sizeof add->counters[0];

	return setsockopt(table->socket, level(table), IPT_SO_SET_ADD_COUNTERS, add, (socklen_t)size);
}

struct ipt_replace *legacy_table_room(struct legacy_table *table, size_t size)
{
	bool fresh;

	/* The next read must not find there what another one did not leave. */
	table->wipe = 2;
	return make_room(table, sizeof(struct ipt_replace) + size, &fresh) < 0 ? NULL : table->spare;
}

int legacy_table_replace(const struct legacy_table *table, const struct ipt_getinfo *info, struct ipt_replace *room,
			 struct xt_counters *old, unsigned n_old)
{
	memset(room, 0, sizeof *room);
	memcpy(room->name, table_name, sizeof table_name);
	room->valid_hooks = info->valid_hooks;
	room->num_entries = info->num_entries;
	room->size = info->size;
	memcpy(room->hook_entry, info->hook_entry, sizeof info->hook_entry);
	memcpy(room->underflow, info->underflow, sizeof info->underflow);
	room->num_counters = n_old;
	room->counters = old;
	return setsockopt(table->socket, level(table), IPT_SO_SET_REPLACE, room, (socklen_t)(sizeof *room + info->size));
}
