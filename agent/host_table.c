/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

#include <stdio.h>

#include "quota.h"
#include "traffic.h"

static const struct view_host *host(const struct view *view, uint32_t row)
{
	return &view_hosts(view)[row];
}

static const char *town_name(const struct view *view, uint32_t row)
{
	return view_towns(view)[host(view, row)->town].name;
}

static void get_oper(const struct view *view, uint32_t row, struct value *value)
{
	value_integer(value, host(view, row)->oper);
}

static void get_reason(const struct view *view, uint32_t row, struct value *value)
{
	value_bits(value, host(view, row)->reason);
}

static void get_last_change(const struct view *view, uint32_t row, struct value *value)
{
	value_time(value, host(view, row)->last_change);
}

static void get_label(const struct view *view, uint32_t row, struct value *value)
{
	char text[NAME_TOWN_MAX + NAME_HOST_MAX + 2];

	snprintf(text, sizeof text, "%s/%s", town_name(view, row), host(view, row)->name);
	value_text(value, text);
}

static void get_prefixes(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, view_text(view, host(view, row)->prefixes));
}

static void get_admin(const struct view *view, uint32_t row, struct value *value)
{
	value_integer(value, host(view, row)->admin);
}

static void get_warn_percent(const struct view *view, uint32_t row, struct value *value)
{
	value_gauge(value, host(view, row)->traffic.quota.warn_percent);
}

static void get_action(const struct view *view, uint32_t row, struct value *value)
{
	value_integer(value, host(view, row)->traffic.quota.action);
}

static const struct setting warn = {.kind = COMMAND_WARN, .type = ASN_UNSIGNED, .most = QUOTA_WARN_MAX};
static const struct setting action = {
	.kind = COMMAND_ACTION, .type = ASN_INTEGER, .least = QUOTA_IGNORE, .most = QUOTA_BLOCK};

static void get_remark(const struct view *view, uint32_t row, struct value *value)
{
	value_text(value, view_text(view, host(view, row)->remark));
}

static const struct column columns[] = {
	TRAFFIC_COLUMNS,
	{.id = 17, .get = get_oper},
	{.id = 18, .get = get_reason},
	{.id = 19, .get = get_last_change},
	{.id = 20, .get = get_label},
	{.id = 22, .get = get_prefixes},
	{.id = 23, .get = get_admin, .setting = &setting_admin},
	{.id = 24, .get = get_ready, .setting = &setting_zero},
	QUOTA_COLUMNS,
	{.id = 27, .get = get_warn_percent, .setting = &warn},
	{.id = 28, .get = get_action, .setting = &action},
	{.id = 29, .get = get_remark, .setting = &setting_remark},
};

static uint32_t rows(const struct view *view)
{
	return view->n_hosts;
}

static size_t make_index(const struct view *view, uint32_t row, oid *index)
{
	size_t used = table_index_text(index, town_name(view, row));

	return used + table_index_text(index + used, host(view, row)->name);
}

static bool name_row(const oid *index, size_t length, struct command *command)
{
	size_t used = table_parse_text(index, length, command->town, NAME_TOWN_MAX);

	if (used == 0)
		return false;
	size_t more = table_parse_text(index + used, length - used, command->host, NAME_HOST_MAX);
	return more != 0 && used + more == length;
}

static const struct view_traffic *traffic(const struct view *view, uint32_t row)
{
	return &host(view, row)->traffic;
}

const struct table host_table = {
	.name = "townMeterHostTable",
	.root = {TABLE_MIB, 1, 4, 1},
	.root_length = TABLE_MIB_LENGTH + 3,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = rows,
	.index = make_index,
	.traffic = traffic,
	.name_row = name_row,
};
