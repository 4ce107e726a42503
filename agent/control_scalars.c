/* SPDX-License-Identifier: GPL-2.0-or-later */
/* townMeterControl: a table of one row. */
#include "tables.h"

enum { TRUTH_TRUE = 1, TRUTH_FALSE = 2 };

static void get_spin_lock(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_integer(value, (long)view->agent.spin_lock);
}

static void get_enable(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_integer(value, view->agent.notify_enable ? TRUTH_TRUE : TRUTH_FALSE);
}

static void get_min_interval(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->agent.notify_min_interval);
}

static void get_max_per_minute(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->agent.notify_max_per_minute);
}

static void get_suppressed(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_counter(value, view->agent.notify_suppressed);
}

static int take_enable(const netsnmp_variable_list *value, struct command *command)
{
	if (*value->val.integer != TRUTH_TRUE && *value->val.integer != TRUTH_FALSE)
		return SNMP_ERR_WRONGVALUE;
	command->number = *value->val.integer == TRUTH_TRUE;
	return SNMP_ERR_NOERROR;
}

static const struct setting spin_lock = {.kind = COMMAND_SPIN, .type = ASN_INTEGER, .most = INT32_MAX};
static const struct setting enable = {.kind = COMMAND_NOTIFY_ENABLE, .type = ASN_INTEGER, .take = take_enable};
static const struct setting min_interval = {
	.kind = COMMAND_NOTIFY_INTERVAL, .type = ASN_UNSIGNED, .least = 1, .most = 86400};
static const struct setting max_per_minute = {
	.kind = COMMAND_NOTIFY_MAX, .type = ASN_UNSIGNED, .least = 1, .most = 6000};

static const struct column columns[] = {
	{.id = 1, .get = get_spin_lock, .setting = &spin_lock},
	{.id = 2, .get = get_enable, .setting = &enable},
	{.id = 3, .get = get_min_interval, .setting = &min_interval},
	{.id = 4, .get = get_max_per_minute, .setting = &max_per_minute},
	{.id = 5, .get = get_suppressed},
};

const struct table control_scalars = {
	.name = "townMeterControl",
	.root = {TABLE_MIB, 1, 11},
	.root_length = TABLE_MIB_LENGTH + 2,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = table_one_row,
	.index = table_index_zero,
	.name_row = table_name_zero,
};
