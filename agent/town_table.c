/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"
#include "traffic.h"

static const struct view_town *town(const struct view *view, uint32_t row)
{
	return &view_towns(view)[row];
}

static void get_unattributed_down(const struct view *view, uint32_t row, struct value *value)
{
	value_wide(value, town(view, row)->unattributed_down);
}

static void get_unattributed_up(const struct view *view, uint32_t row, struct value *value)
{
	value_wide(value, town(view, row)->unattributed_up);
}

static void get_hosts(const struct view *view, uint32_t row, struct value *value)
{
	value_gauge(value, town(view, row)->hosts);
}

static void get_blocked_hosts(const struct view *view, uint32_t row, struct value *value)
{
	value_gauge(value, town(view, row)->blocked_hosts);
}

static void get_over_quota_hosts(const struct view *view, uint32_t row, struct value *value)
{
	value_gauge(value, town(view, row)->over_quota_hosts);
}

static void get_prefixes(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, view_text(view, town(view, row)->prefixes));
}

static void get_admin(const struct view *view, uint32_t row, struct value *value)
{
	value_integer(value, town(view, row)->admin);
}

static void get_label(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, town(view, row)->name);
}

static void get_bypassed(const struct view *view, uint32_t row, struct value *value)
{
	value_integer(value, town(view, row)->bypassed ? 1 : 2); /* TruthValue */
}

static const struct column columns[] = {
	TRAFFIC_COLUMNS,
	{.id = 17, .get = get_unattributed_down},
	{.id = 18, .get = get_unattributed_up},
	{.id = 19, .get = get_hosts},
	{.id = 20, .get = get_blocked_hosts},
	{.id = 21, .get = get_over_quota_hosts},
	{.id = 22, .get = get_prefixes},
	{.id = 23, .get = get_admin, .setting = &setting_admin},
	{.id = 24, .get = get_ready, .setting = &setting_zero},
	QUOTA_COLUMNS,
	{.id = 27, .get = get_label},
	{.id = 28, .get = get_bypassed},
};

static uint32_t rows(const struct view *view)
{
	return view->n_towns;
}

static size_t make_index(const struct view *view, uint32_t row, oid *index)
{
	return table_index_text(index, town(view, row)->name);
}

static bool name_row(const oid *index, size_t length, struct command *command)
{
	size_t used = table_parse_text(index, length, command->town, NAME_TOWN_MAX);

	return used != 0 && used == length;
}

static const struct view_traffic *traffic(const struct view *view, uint32_t row)
{
	return &town(view, row)->traffic;
}

const struct table town_table = {
	.name = "townMeterTownTable",
	.root = {TABLE_MIB, 1, 3, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = rows,
	.index = make_index,
	.traffic = traffic,
	.name_row = name_row,
};
