/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"
#include "traffic.h"

static const struct view_total *total(const struct view *view, uint32_t row)
{
	return &view_totals(view)[row];
}

static void get_octets(const struct view *view, uint32_t row, struct value *value)
{
	value_wide(value, total(view, row)->amount.octets);
}

static void get_packets(const struct view *view, uint32_t row, struct value *value)
{
	value_wide(value, total(view, row)->amount.packets);
}

static void get_discontinuity(const struct view *view, uint32_t row, struct value *value)
{
	value_time(value, total(view, row)->discontinuity);
}

static void get_period_start(const struct view *view, uint32_t row, struct value *value)
{
	value_time(value, total(view, row)->period_start);
}

static void get_period_octets(const struct view *view, uint32_t row, struct value *value)
{
	value_wide(value, total(view, row)->period.octets);
}

static void get_period_packets(const struct view *view, uint32_t row, struct value *value)
{
	value_wide(value, total(view, row)->period.packets);
}

static void get_source(const struct view *view, uint32_t row, struct value *value)
{
	value_integer(value, (long)total(view, row)->source);
}

static const struct column columns[] = {
	{.id = 2, .get = get_octets},
	{.id = 3, .get = get_packets},
	{.id = 4, .get = get_discontinuity},
	{.id = 5, .get = get_period_start},
	{.id = 6, .get = get_period_octets},
	{.id = 7, .get = get_period_packets},
	{.id = 8, .get = get_source},
	{.id = 9, .get = get_ready, .setting = &setting_zero},
};

static uint32_t rows(const struct view *view)
{
	return view->n_totals;
}

static size_t make_index(const struct view *view, uint32_t row, oid *index)
{
	index[0] = total(view, row)->chain;
	return 1;
}

static bool name_row(const oid *index, size_t length, struct command *command)
{
	if (length != 1 || index[0] < VIEW_CHAIN_FORWARD || index[0] > VIEW_CHAIN_OUTPUT)
		return false;
	command->chain = (uint32_t)index[0];
	return true;
}

const struct table total_table = {
	.name = "townMeterTotalTable",
	.root = {TABLE_MIB, 1, 2, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = rows,
	.index = make_index,
	.name_row = name_row,
};
