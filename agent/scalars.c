/* SPDX-License-Identifier: GPL-2.0-or-later */
/* townMeterAgent: a table of one row. */
#include "tables.h"

static void get_version(const struct view *view, uint32_t row, struct value *value)
{
	(void)view;
	(void)row;
	value_text(value, "townmeter " PACKAGE_VERSION);
}

static void get_backend(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_integer(value, (long)view->agent.backend);
}

static void get_snapshot_time(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.snapshot_time);
}

static void get_snapshot_age(const struct view *view, uint32_t row, struct value *value)
{
	int64_t age = (control_clock() - view->agent.snapshot_clock) / 1000000;

	(void)row;
	value_gauge(value, age < 0 ? 0 : age > UINT32_MAX ? UINT32_MAX : (uint32_t)age);
}

static void get_snapshot_duration(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->agent.snapshot_duration);
}

static void get_snapshots(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_counter(value, view->agent.snapshots);
}

static void get_snapshot_errors(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_counter(value, view->agent.snapshot_errors);
}

static void get_last_error(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_text(value, view->agent.last_error);
}

static void get_last_error_time(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.last_error_time);
}

static void get_rules_read(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->agent.rules_read);
}

static void get_towns(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->n_towns);
}

static void get_hosts(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->n_hosts);
}

static void get_blocked_hosts(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->agent.blocked_hosts);
}

static void get_over_quota_hosts(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_gauge(value, view->agent.over_quota_hosts);
}

static void get_tables_last_change(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.tables_last_change);
}

static void get_ledger(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_integer(value, (long)view->agent.ledger);
}

static void get_ledger_save_time(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.ledger_save_time);
}

static void get_ledger_errors(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_counter(value, view->agent.ledger_errors);
}

static void get_kernel_resets(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_counter(value, view->agent.kernel_resets);
}

static void get_discontinuity(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.discontinuity);
}

static void get_offload(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_integer(value, view->agent.offload ? 1 : 2); /* TruthValue */
}

static void get_period_schedule(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_text(value, view->agent.period_schedule);
}

static void get_period_start(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.period_start);
}

static void get_period_next_end(const struct view *view, uint32_t row, struct value *value)
{
	(void)row;
	value_time(value, view->agent.period_next_end);
}

static const struct column columns[] = {
	{.id = 1, .get = get_version},
	{.id = 2, .get = get_backend},
	{.id = 3, .get = get_snapshot_time},
	{.id = 4, .get = get_snapshot_age},
	{.id = 5, .get = get_snapshot_duration},
	{.id = 6, .get = get_snapshots},
	{.id = 7, .get = get_snapshot_errors},
	{.id = 8, .get = get_last_error},
	{.id = 9, .get = get_last_error_time},
	{.id = 10, .get = get_rules_read},
	{.id = 11, .get = get_towns},
	{.id = 12, .get = get_hosts},
	{.id = 13, .get = get_blocked_hosts},
	{.id = 14, .get = get_over_quota_hosts},
	{.id = 15, .get = get_tables_last_change},
	{.id = 16, .get = get_ledger},
	{.id = 17, .get = get_ledger_save_time},
	{.id = 18, .get = get_ledger_errors},
	{.id = 19, .get = get_kernel_resets},
	{.id = 20, .get = get_discontinuity},
	{.id = 21, .get = get_offload},
	{.id = 22, .get = get_period_schedule},
	{.id = 23, .get = get_period_start},
	{.id = 24, .get = get_period_next_end},
};

const struct table scalars = {
	.name = "townMeterAgent",
	.root = {TABLE_MIB, 1, 1},
	.root_length = TABLE_MIB_LENGTH + 2,
	.columns = columns,
	.n_columns = sizeof columns / sizeof columns[0],
	.rows = table_one_row,
	.index = table_index_zero,
};
