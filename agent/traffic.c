/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "traffic.h"

#include <string.h>

#include "quota.h"

void traffic_down_octets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->down.octets);
}

void traffic_up_octets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->up.octets);
}

void traffic_down_packets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->down.packets);
}

void traffic_up_packets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->up.packets);
}

void traffic_dropped_octets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->dropped.octets);
}

void traffic_dropped_packets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->dropped.packets);
}

void traffic_discontinuity(const struct view_traffic *traffic, struct value *value)
{
	value_time(value, traffic->discontinuity);
}

void traffic_period_number(const struct view_traffic *traffic, struct value *value)
{
	value_gauge(value, traffic->period.number);
}

void traffic_period_start(const struct view_traffic *traffic, struct value *value)
{
	value_time(value, traffic->period.start);
}

void traffic_period_down_octets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->period.down.octets);
}

void traffic_period_up_octets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->period.up.octets);
}

void traffic_period_down_packets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->period.down.packets);
}

void traffic_period_up_packets(const struct view_traffic *traffic, struct value *value)
{
	value_wide(value, traffic->period.up.packets);
}

void traffic_quota_percent(const struct view_traffic *traffic, struct value *value)
{
	value_gauge(value, traffic->quota.percent);
}

void traffic_quota_state(const struct view_traffic *traffic, struct value *value)
{
	value_integer(value, traffic->quota.state);
}

void traffic_quota(const struct view_traffic *traffic, struct value *value)
{
	value_gauge(value, traffic->quota.megabytes);
}

void traffic_quota_basis(const struct view_traffic *traffic, struct value *value)
{
	value_integer(value, traffic->quota.basis);
}

enum { ZERO_READY = 1, ZERO_ZERO = 2 };

void get_ready(const struct view *view, uint32_t row, struct value *value)
{
	(void)view;
	(void)row;
	value_integer(value, ZERO_READY);
}

static int take_zero(const netsnmp_variable_list *value, struct command *command)
{
	if (*value->val.integer == ZERO_READY)
		command->kind = COMMAND_NOTHING;
	else if (*value->val.integer != ZERO_ZERO)
		return SNMP_ERR_WRONGVALUE;
	return SNMP_ERR_NOERROR;
}

static int take_admin(const netsnmp_variable_list *value, struct command *command)
{
	if (*value->val.integer != VIEW_ALLOWED && *value->val.integer != VIEW_BLOCKED)
		return SNMP_ERR_WRONGVALUE;
	command->blocked = *value->val.integer == VIEW_BLOCKED;
	return SNMP_ERR_NOERROR;
}

static int take_remark(const netsnmp_variable_list *value, struct command *command)
{
	const char *text = (const char *)value->val.string;

	if (value->val_len > NAME_REMARK_MAX)
		return SNMP_ERR_WRONGLENGTH;
	if (!name_is_text(text, value->val_len))
		return SNMP_ERR_WRONGVALUE;
	memcpy(command->remark, text, value->val_len);
	command->remark[value->val_len] = '\0';
	return SNMP_ERR_NOERROR;
}

const struct setting setting_zero = {.kind = COMMAND_ZERO, .type = ASN_INTEGER, .take = take_zero};
const struct setting setting_admin = {.kind = COMMAND_ADMIN, .type = ASN_INTEGER, .take = take_admin};
const struct setting setting_remark = {.kind = COMMAND_REMARK, .type = ASN_OCTET_STR, .take = take_remark};
const struct setting setting_quota = {.kind = COMMAND_QUOTA, .type = ASN_UNSIGNED, .most = UINT32_MAX};
const struct setting setting_basis = {.kind = COMMAND_BASIS, .type = ASN_INTEGER, .least = QUOTA_BOTH, .most = QUOTA_UP};
