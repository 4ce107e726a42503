/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Columns 2 to 16, 25 and 26, which townMeterTownTable and townMeterHostTable have alike. */
#ifndef TOWNMETER_TRAFFIC_H
#define TOWNMETER_TRAFFIC_H

#include "table.h"

void traffic_down_octets(const struct view_traffic *traffic, struct value *value);
void traffic_up_octets(const struct view_traffic *traffic, struct value *value);
void traffic_down_packets(const struct view_traffic *traffic, struct value *value);
void traffic_up_packets(const struct view_traffic *traffic, struct value *value);
void traffic_dropped_octets(const struct view_traffic *traffic, struct value *value);
void traffic_dropped_packets(const struct view_traffic *traffic, struct value *value);
void traffic_discontinuity(const struct view_traffic *traffic, struct value *value);
void traffic_period_number(const struct view_traffic *traffic, struct value *value);
void traffic_period_start(const struct view_traffic *traffic, struct value *value);
void traffic_period_down_octets(const struct view_traffic *traffic, struct value *value);
void traffic_period_up_octets(const struct view_traffic *traffic, struct value *value);
void traffic_period_down_packets(const struct view_traffic *traffic, struct value *value);
void traffic_period_up_packets(const struct view_traffic *traffic, struct value *value);
void traffic_quota_percent(const struct view_traffic *traffic, struct value *value);
void traffic_quota_state(const struct view_traffic *traffic, struct value *value);
void traffic_quota(const struct view_traffic *traffic, struct value *value);
void traffic_quota_basis(const struct view_traffic *traffic, struct value *value);

/* The columns' entries, for both tables' lists. */
#define TRAFFIC_COLUMNS \
	{.id = 2, .traffic = traffic_down_octets}, {.id = 3, .traffic = traffic_up_octets}, \
	{.id = 4, .traffic = traffic_down_packets}, {.id = 5, .traffic = traffic_up_packets}, \
	{.id = 6, .traffic = traffic_dropped_octets}, {.id = 7, .traffic = traffic_dropped_packets}, \
	{.id = 8, .traffic = traffic_discontinuity}, {.id = 9, .traffic = traffic_period_number}, \
	{.id = 10, .traffic = traffic_period_start}, {.id = 11, .traffic = traffic_period_down_octets}, \
	{.id = 12, .traffic = traffic_period_up_octets}, {.id = 13, .traffic = traffic_period_down_packets}, \
	{.id = 14, .traffic = traffic_period_up_packets}, {.id = 15, .traffic = traffic_quota_percent}, \
	{.id = 16, .traffic = traffic_quota_state}
#define QUOTA_COLUMNS \
	{.id = 25, .traffic = traffic_quota, .setting = &setting_quota}, \
	{.id = 26, .traffic = traffic_quota_basis, .setting = &setting_basis}

/* What a writable column of totals, towns and hosts takes. */
extern const struct setting setting_zero, setting_admin, setting_remark, setting_quota, setting_basis;

/* An action always reads as ready(1). */
void get_ready(const struct view *view, uint32_t row, struct value *value);

#endif
