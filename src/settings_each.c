/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `each-address:`, hosts made of addresses. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

enum { TOWN_MAX = 65536, ALL_MAX = 131072 };

static uint32_t address_of(const struct prefix *prefix)
{
	return (uint32_t)prefix->addr[0] << 24 | (uint32_t)prefix->addr[1] << 16 | (uint32_t)prefix->addr[2] << 8 |
	       prefix->addr[3];
}

static uint64_t count_of(const struct prefix *prefix)
{
	return prefix->family == PREFIX_IPV4 ? UINT64_C(1) << (32 - prefix->length) : 0;
}

/* How many addresses the prefixes of each row have; NULL: no memory, which was told. */
static uint64_t *count_addresses(struct settings_reading *r)
{
	uint64_t *counts = calloc(r->n_drafts + 1, sizeof *counts);

	if (!counts)
		settings_no_memory(r);
	for (size_t i = 0; counts && i < r->n_found; i++)
		counts[r->found[i].row] += count_of(&r->found[i].prefix);
	return counts;
}

void settings_check_each(struct settings_reading *r)
{
	uint64_t *counts = count_addresses(r), all = 0;

	for (size_t i = 0; counts && i < r->n_drafts; i++) {
		const struct settings_draft *town = &r->drafts[i];
		if (!town->each_address)
			continue;
		if (counts[i] == 0 && !town->bad_prefix && !r->unread)
			settings_mistake_at(r, town->each_at, "each-address is true, expected a prefix of IPv4 in the "
					    "'prefixes' of the town %s, too", town->row.town);
		if (counts[i] > TOWN_MAX)
			settings_mistake_at(r, town->each_at, "each-address makes %" PRIu64 " hosts of the town %s, expected "
					    "at most %d", counts[i], town->row.town, TOWN_MAX);
		else if (all <= ALL_MAX && all + counts[i] > ALL_MAX)
			settings_mistake_at(r, town->each_at, "each-address makes %" PRIu64 " hosts with those of the town "
					    "%s, expected at most %d in all towns", all + counts[i], town->row.town,
					    ALL_MAX);
		all += counts[i] > TOWN_MAX ? 0 : counts[i];
	}
	free(counts);
}

/* A host of one address, as if it stood where its town's prefix does. There is room for it. */
static void add_host(struct settings_reading *r, const struct settings_draft *town, uint32_t address, size_t line)
{
	struct settings_draft *draft = &r->drafts[r->n_drafts];
	struct settings_found *found = &r->found[r->n_found++];
	struct prefix prefix = {.family = PREFIX_IPV4, .length = 32};
	char text[PREFIX_TEXT_SIZE];

	for (int i = 0; i < 4; i++)
		prefix.addr[i] = (uint8_t)(address >> (24 - 8 * i));
	prefix_format(&prefix, text);
	*draft = (struct settings_draft){.row = {.quota = quota_default, .file = town->row.file, .line = line},
					 .entry = (uint32_t)r->n_drafts, .keys = 1u << ROW_PREFIXES};
	memcpy(draft->row.town, town->row.town, sizeof draft->row.town);
	memcpy(draft->row.host, text, strlen(text) + 1);
	*found = (struct settings_found){.prefix = prefix, .entry = draft->entry, .at = {draft->row.file, line}};
	r->n_drafts++;
}

/* Hosts of all addresses that are not in the prefixes of named ones, which lie in it. */
static void add_hosts(struct settings_reading *r, const struct settings_draft *town,
		      const struct settings_prefix *outer)
{
	const struct settings *settings = r->settings;
	uint64_t address = address_of(&outer->prefix), end = address + count_of(&outer->prefix);

	for (size_t i = settings_first_host(settings, &outer->prefix); address < end; i++) {
		const struct prefix *named =
			i < settings->n_by_prefix ? &settings->prefixes[settings->by_prefix[i]].prefix : NULL;
		bool inside = named && prefix_contains(&outer->prefix, named);
		for (uint64_t stop = inside ? address_of(named) : end; address < stop; address++)
			add_host(r, town, (uint32_t)address, outer->line);
		if (inside)
			address += count_of(named);
	}
}

static bool make_room(struct settings_reading *r, size_t more)
{
	struct settings_draft *drafts = reallocarray(r->drafts, r->n_drafts + more, sizeof *drafts);
	struct settings_found *found = reallocarray(r->found, r->n_found + more, sizeof *found);

	r->drafts = drafts ? drafts : r->drafts;
	r->found = found ? found : r->found;
	if (!drafts || !found)
		settings_no_memory(r);
	return drafts && found;
}

void settings_fill_each(struct settings_reading *r)
{
	const struct settings *settings = r->settings;
	uint64_t *counts = count_addresses(r), all = 0;
	size_t n = r->n_drafts;

	for (size_t i = 0; counts && i < n; i++)
		all += r->drafts[i].each_address ? counts[i] : 0;
	free(counts);
	if (all == 0 || !make_room(r, (size_t)all))
		return;
	/* The drafts are in the order of the rows now. */
	for (size_t i = 0; i < n; i++)
		r->drafts[i].entry = (uint32_t)i;
	for (size_t i = 0; i < r->n_found; i++)
		r->found[i].entry = r->found[i].row;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; r->drafts[i].each_address && k < settings->rows[i].n_prefixes; k++)
			add_hosts(r, &r->drafts[i], &settings->prefixes[settings->rows[i].first_prefix + k]);
	settings_merge(r);
	settings_fill(r);
}
