/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * townMeterServiceTable, townMeterTownServiceTable and townMeterHostServiceTable: classes of traffic, one run of the
 * view's each.
 */
#include "tables.h"

static uint32_t rows(const struct view *view)
{
	return view->n_services;
}

static uint32_t town_rows(const struct view *view)
{
	return view->n_town_services;
}

static uint32_t host_rows(const struct view *view)
{
	return view->n_host_services;
}

static const struct view_service *service(const struct view *view, uint32_t row)
{
	return &view_services(view)[row];
}

static const struct view_service *town_service(const struct view *view, uint32_t row)
{
	return service(view, view->n_services + row);
}

static const struct view_service *host_service(const struct view *view, uint32_t row)
{
	return service(view, view->n_services + view->n_town_services + row);
}

/* Of a class: the names of whose it is, if it is not that of all towns, then its own. */
static size_t write_index(const struct view *view, const struct view_service *row, oid *index)
{
	size_t used = 0;

	if (row->town != UINT32_MAX)
		used += table_index_text(index + used, view_towns(view)[row->town].name);
	if (row->host != UINT32_MAX)
		used += table_index_text(index + used, view_hosts(view)[row->host].name);
	return used + table_index_text(index + used, row->name);
}

static size_t make_index(const struct view *view, uint32_t row, oid *index)
{
	return write_index(view, service(view, row), index);
}

static size_t make_town_index(const struct view *view, uint32_t row, oid *index)
{
	return write_index(view, town_service(view, row), index);
}

static size_t make_host_index(const struct view *view, uint32_t row, oid *index)
{
	return write_index(view, host_service(view, row), index);
}

static void get_down_octets(const struct view_service *row, struct value *value)
{
	value_wide(value, row->down.octets);
}

static void get_up_octets(const struct view_service *row, struct value *value)
{
	value_wide(value, row->up.octets);
}

static void get_down_packets(const struct view_service *row, struct value *value)
{
	value_wide(value, row->down.packets);
}

static void get_up_packets(const struct view_service *row, struct value *value)
{
	value_wide(value, row->up.packets);
}

static void get_match(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, view_text(view, service(view, row)->match));
}

/* The first table's first column is its index, which can not be read: those of the others are in their indexes. */
static const struct column columns[] = {
	{.id = 2, .service = get_down_octets},
	{.id = 3, .service = get_up_octets},
	{.id = 4, .service = get_down_packets},
	{.id = 5, .service = get_up_packets},
	{.id = 6, .get = get_match},
};

static const struct column owned_columns[] = {
	{.id = 1, .service = get_down_octets},
	{.id = 2, .service = get_up_octets},
	{.id = 3, .service = get_down_packets},
	{.id = 4, .service = get_up_packets},
};

const struct table service_table = {
	.name = "townMeterServiceTable",
	.root = {TABLE_MIB, 1, 5, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = rows,
	.index = make_index,
	.service = service,
};

const struct table town_service_table = {
	.name = "townMeterTownServiceTable",
	.root = {TABLE_MIB, 1, 6, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = owned_columns,
	.n_columns = sizeof owned_columns / sizeof owned_columns[0],
	.rows = town_rows,
	.index = make_town_index,
	.service = town_service,
};

const struct table host_service_table = {
	.name = "townMeterHostServiceTable",
	.root = {TABLE_MIB, 1, 7, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = owned_columns,
	.n_columns = sizeof owned_columns / sizeof owned_columns[0],
	.rows = host_rows,
	.index = make_host_index,
	.service = host_service,
};
