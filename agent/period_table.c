/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * townMeterTownPeriodTable and townMeterHostPeriodTable: the closed periods, read from the ledger's file.
 * They are far too many to be part of every view.
 */
#include "tables.h"

#include <string.h>

/* A place in the order of the rows: an index in the form that the history has. */
struct place {
	uint8_t key[TABLE_INDEX_MAX];
	size_t size;
	int64_t number; /* one more than the last one is behind it */
};

/* The search made last: wherever from `from` to `at` another one begins, it ends here. A request that asks
 * for several columns, or for a row that was just walked to, asks the file once. */
struct search {
	uint64_t serial; /* of the view: with the next one there may be other rows */
	bool made, found;
	struct place from, at;
	struct closed row;
};

static struct history *history;
static struct search last[2]; /* of towns, and of hosts */

void period_tables_read(struct history *readable)
{
	history = readable;
	memset(last, 0, sizeof last);
}

static int compare(const struct place *a, const struct place *b)
{
	int order = memcmp(a->key, b->key, a->size < b->size ? a->size : b->size);

	if (order == 0)
		order = (a->size > b->size) - (a->size < b->size);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* Appends a sub-identifier to the key. False: no row has it, so that what follows it does not matter. */
static bool append(struct place *place, oid part, size_t most)
{
	/* No name has the octet 255: behind it there is nothing that begins like this. */
	bool is_octet = part < 255;

	place->key[place->size++] = is_octet ? (uint8_t)part : 255;
	return is_octet && part <= most;
}

/* The same for a name: its length, then its octets. */
static bool append_name(struct place *place, const oid **index, size_t *length, size_t most)
{
	if (*length == 0 || !append(place, **index, most))
		return false;
	size_t octets = **index;
	for (++*index, --*length; octets > 0; octets--, ++*index, --*length)
		if (*length == 0 || !append(place, **index, 255))
			return false;
	return true;
}

/* The first place that is not ahead of an index, which may be cut short, or be none at all. */
static void to_place(bool is_host, const oid *index, size_t length, struct place *place)
{
	*place = (struct place){.size = 0};
	if (!append_name(place, &index, &length, NAME_TOWN_MAX) ||
	    (is_host && !append_name(place, &index, &length, NAME_HOST_MAX)) || length == 0)
		return;
	/* The library extends a sub-identifier of 2^31 and more by its sign. If more follows, it is behind this
	 * number. */
	place->number = (int64_t)(index[0] & UINT32_MAX) + (length > 1);
}

static size_t make_index(const struct closed *row, oid *index)
{
	size_t used = table_index_text(index, row->town);

	if (row->is_host)
		used += table_index_text(index + used, row->host);
	index[used] = row->number;
	return used + 1;
}

static bool seek(bool is_host, const struct view *view, const oid *index, size_t length, struct closed *row)
{
	struct search *search = &last[is_host];
	struct place wanted;
	oid own[TABLE_INDEX_MAX];

	to_place(is_host, index, length, &wanted);
	if (!search->made || search->serial != view->serial || compare(&wanted, &search->from) < 0 ||
	    (search->found && compare(&wanted, &search->at) > 0)) {
		search->made = true;
		search->serial = view->serial;
		search->from = wanted;
		search->found = history && history_seek(history, is_host, wanted.key, wanted.size, wanted.number, &search->row);
		if (search->found)
			to_place(is_host, own, make_index(&search->row, own), &search->at);
	}
	if (search->found)
		*row = search->row;
	return search->found;
}

static bool seek_town(const struct view *view, const oid *index, size_t length, struct closed *row)
{
	return seek(false, view, index, length, row);
}

static bool seek_host(const struct view *view, const oid *index, size_t length, struct closed *row)
{
	return seek(true, view, index, length, row);
}

static void get_start(const struct closed *row, struct value *value)
{
	value_time(value, row->start);
}

static void get_end(const struct closed *row, struct value *value)
{
	value_time(value, row->end);
}

static void get_reason(const struct closed *row, struct value *value)
{
	value_integer(value, row->reason);
}

static void get_complete(const struct closed *row, struct value *value)
{
	value_integer(value, row->complete ? 1 : 2); /* TruthValue */
}

static void get_down_octets(const struct closed *row, struct value *value)
{
	value_wide(value, row->down.octets);
}

static void get_up_octets(const struct closed *row, struct value *value)
{
	value_wide(value, row->up.octets);
}

static void get_down_packets(const struct closed *row, struct value *value)
{
	value_wide(value, row->down.packets);
}

static void get_up_packets(const struct closed *row, struct value *value)
{
	value_wide(value, row->up.packets);
}

static void get_quota(const struct closed *row, struct value *value)
{
	value_gauge(value, row->quota_mb);
}

static void get_over(const struct closed *row, struct value *value)
{
	value_wide(value, row->over_mb);
}

static const struct column columns[] = {
	{.id = 2, .closed = get_start},
	{.id = 3, .closed = get_end},
	{.id = 4, .closed = get_reason},
	{.id = 5, .closed = get_complete},
	{.id = 6, .closed = get_down_octets},
	{.id = 7, .closed = get_up_octets},
	{.id = 8, .closed = get_down_packets},
	{.id = 9, .closed = get_up_packets},
	{.id = 10, .closed = get_quota},
	{.id = 11, .closed = get_over},
};

const struct table town_period_table = {
	.name = "townMeterTownPeriodTable",
	.root = {TABLE_MIB, 1, 8, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.seek = seek_town,
	.closed_index = make_index,
};

const struct table host_period_table = {
	.name = "townMeterHostPeriodTable",
	.root = {TABLE_MIB, 1, 9, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.seek = seek_host,
	.closed_index = make_index,
};
