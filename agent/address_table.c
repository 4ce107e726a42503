/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

/* InetAddressType (RFC 4001). */
enum { INET_IPV4 = 1, INET_IPV6 = 2 };

static const struct view_host *owner(const struct view *view, uint32_t row)
{
	return &view_hosts(view)[view_addresses(view)[row].host];
}

static void get_town(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, view_towns(view)[owner(view, row)->town].name);
}

static void get_host(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, owner(view, row)->name);
}

static const struct column columns[] = {
	{.id = 4, .get = get_town},
	{.id = 5, .get = get_host},
};

static uint32_t rows(const struct view *view)
{
	return view->n_addresses;
}

/* Type, then the address with its length, then the prefix length: the order of prefix_compare(). */
static size_t make_index(const struct view *view, uint32_t row, oid *index)
{
	const struct prefix *prefix = &view_addresses(view)[row].prefix;
	size_t octets = prefix_octets(prefix->family), used = 0;

	index[used++] = prefix->family == PREFIX_IPV6 ? INET_IPV6 : INET_IPV4;
	index[used++] = octets;
	for (size_t i = 0; i < octets; i++)
		index[used++] = prefix->addr[i];
	index[used++] = prefix->length;
	return used;
}

const struct table address_table = {
	.name = "townMeterAddressTable",
	.root = {TABLE_MIB, 1, 10, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = rows,
	.index = make_index,
};
