/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prefixes of towns and hosts as text, and whose each address is. */
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

/* SnmpAdminString (SIZE (0..255)); what does not fit is told by " ...". */
enum { TEXT_MAX = 255 };

static int append(struct description *d, const char *text, size_t length)
{
	if (d->text_size + length > d->room) {
		uint64_t room = d->room ? d->room * 2 : 4096;
		char *more = realloc(d->text, room);
		if (!more)
			return -1;
		d->text = more;
		d->room = room;
	}
	memcpy(d->text + d->text_size, text, length);
	d->text_size += length;
	return 0;
}

/* Joins prefixes one by one; finished with the NUL. */
struct joiner {
	char text[TEXT_MAX + 1];
	size_t length;
	bool full;
	struct prefix last;
};

static void join(struct joiner *j, const struct prefix *prefix)
{
	static const char more[] = " ...";
	char text[PREFIX_TEXT_SIZE];

	if (j->full || prefix_compare(&j->last, prefix) == 0)
		return;
	j->last = *prefix;
	size_t length = strlen(prefix_format(prefix, text)), space = j->length ? 1 : 0;
	if (j->length + space + length + sizeof more - 1 > TEXT_MAX) {
		memcpy(j->text + j->length, more, sizeof more - 1);
		j->length += sizeof more - 1;
		j->full = true;
		return;
	}
	if (space)
		j->text[j->length++] = ' ';
	memcpy(j->text + j->length, text, length);
	j->length += length;
}

static int finish(struct description *d, struct joiner *j, uint32_t *offset)
{
	j->text[j->length] = '\0';
	*offset = (uint32_t)d->text_size;
	return append(d, j->text, j->length + 1);
}

/* Jumps lie in the order of prefixes; addresses of a town as well, so that picking those of one host
 * keeps it. */
static int describe_towns(struct description *d, const struct ruleset *rules, const struct recognition *found,
			  const uint32_t *town_ids)
{
	for (uint32_t t = 0; t < found->n_towns; t++) {
		struct joiner joiner = {.length = 0};
		for (uint32_t j = 0; j < found->towns[t].n_jumps; j++) {
			const struct rule *rule = &rules->rules[found->jumps[found->towns[t].first_jump + j]];
			join(&joiner, rule->dst.family ? &rule->dst : &rule->src);
		}
		if (finish(d, &joiner, &d->town_text[town_ids[t]]) < 0)
			return -1;
	}
	return 0;
}

/* Addresses sorted by host, keeping their order: a counting sort. */
static uint32_t *group_by_host(const struct recognition *found, uint32_t **starts)
{
	uint32_t *start = calloc(found->n_hosts + 2u, sizeof *start);
	uint32_t *grouped = calloc(found->n_addresses + 1u, sizeof *grouped);

	if (!start || !grouped) {
		free(start);
		free(grouped);
		return NULL;
	}
	for (uint32_t i = 0; i < found->n_addresses; i++)
		start[found->addresses[i].host + 1]++;
	for (uint32_t h = 0; h < found->n_hosts; h++)
		start[h + 1] += start[h];
	for (uint32_t i = 0; i < found->n_addresses; i++)
		grouped[start[found->addresses[i].host]++] = i;
	/* Every start moved to the next host's: give back one place. */
	memmove(start + 1, start, found->n_hosts * sizeof *start);
	start[0] = 0;
	*starts = start;
	return grouped;
}

static int describe_hosts(struct description *d, const struct recognition *found, const uint32_t *host_ids)
{
	uint32_t *starts = NULL;
	uint32_t *grouped = group_by_host(found, &starts);
	int result = grouped ? 0 : -1;

	for (uint32_t h = 0; result == 0 && h < found->n_hosts; h++) {
		struct joiner joiner = {.length = 0};
		for (uint32_t i = starts[h]; i < starts[h + 1]; i++)
			join(&joiner, &found->addresses[grouped[i]].prefix);
		result = finish(d, &joiner, &d->host_text[host_ids[h]]);
	}
	free(grouped);
	free(starts);
	return result;
}

struct description *meter_describe(const struct ruleset *rules, const struct recognition *found,
				   const uint32_t *town_ids, uint32_t n_towns, const uint32_t *host_ids,
				   uint32_t n_hosts)
{
	struct description *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->town_text = calloc(n_towns + 1u, sizeof *d->town_text);
	d->host_text = calloc(n_hosts + 1u, sizeof *d->host_text);
	d->addresses = calloc(found->n_by_prefix + 1u, sizeof *d->addresses);
	if (!d->town_text || !d->host_text || !d->addresses || append(d, "", 1) < 0 ||
	    describe_towns(d, rules, found, town_ids) < 0 || describe_hosts(d, found, host_ids) < 0) {
		meter_description_free(d);
		return NULL;
	}
	for (uint32_t i = 0; i < found->n_by_prefix; i++) {
		const struct found_address *address = &found->addresses[found->by_prefix[i]];
		d->addresses[d->n_addresses++] = (struct view_address){
			.prefix = address->prefix, .host = host_ids[address->host]};
	}
	return d;
}

struct description *meter_describe_nothing(uint32_t n_towns, uint32_t n_hosts)
{
	struct description *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->town_text = calloc(n_towns + 1u, sizeof *d->town_text);
	d->host_text = calloc(n_hosts + 1u, sizeof *d->host_text);
	if (!d->town_text || !d->host_text || append(d, "", 1) < 0) {
		meter_description_free(d);
		return NULL;
	}
	return d;
}

void meter_description_free(struct description *description)
{
	if (!description)
		return;
	free(description->text);
	free(description->town_text);
	free(description->host_text);
	free(description->addresses);
	free(description);
}
