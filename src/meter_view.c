/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the model to what is published. */
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

static struct amount amount_of(const struct counter *counter)
{
	return (struct amount){.packets = counter->packets, .octets = counter->octets};
}

static struct amount since(const struct counter *now, const struct counter *then)
{
	return (struct amount){.packets = now->packets - then->packets, .octets = now->octets - then->octets};
}

static void publish_traffic(struct view_traffic *to, const struct traffic *from)
{
	const struct counter *down = &from->flow[DIRECTION_DOWN].amount, *up = &from->flow[DIRECTION_UP].amount;

	to->down = amount_of(down);
	to->up = amount_of(up);
	to->dropped = amount_of(&from->dropped);
	to->discontinuity = from->discontinuity;
	to->period = (struct view_period){
		.number = from->period.number,
		.start = from->period.start,
		.down = since(down, &from->period.base[DIRECTION_DOWN]),
		.up = since(up, &from->period.base[DIRECTION_UP])};
	uint64_t used = quota_used(&from->quota, to->period.down.octets, to->period.up.octets);
	to->quota = (struct view_quota){
		.megabytes = from->quota.megabytes,
		.percent = quota_percent(&from->quota, used),
		.basis = from->quota.basis,
		.warn_percent = from->quota.warn_percent,
		.action = from->quota.action,
		.state = (uint8_t)quota_state_of(&from->quota, used)};
}

/* What the town's rules counted in this period and none of its hosts' did. */
static uint64_t unattributed(const struct town *town, enum direction direction, uint64_t period)
{
	uint64_t hosts = town->attributed[direction] - town->traffic.period.attributed[direction];

	return period > hosts ? period - hosts : 0;
}

static uint32_t publish_totals(const struct meter *meter, struct view_total *rows)
{
	uint32_t n = 0;

	for (uint32_t i = VIEW_CHAIN_FORWARD; i <= VIEW_CHAIN_OUTPUT; i++) {
		const struct total *total = &meter->totals[i];
		if (!total->seen)
			continue;
		rows[n++] = (struct view_total){
			.chain = i,
			.source = total->source,
			.amount = amount_of(&total->flow.amount),
			.period = since(&total->flow.amount, &total->period.base[0]),
			.discontinuity = total->discontinuity,
			.period_start = total->period.start};
	}
	return n;
}

static void publish_towns(const struct meter *meter, struct view *view)
{
	for (uint32_t i = 0; i < meter->town_rows; i++) {
		uint32_t id = meter->town_order[i];
		const struct town *town = &meter->towns[id];
		struct view_town *row = &view_towns(view)[i];
		memcpy(row->name, town->name, sizeof row->name);
		row->admin = meter_is_blocked(meter, METER_TOWN, id) ? VIEW_BLOCKED : VIEW_ALLOWED;
		row->bypassed = meter->found && town->found != RULE_NONE &&
				meter->found->towns[town->found].bypass != RULE_NONE;
		row->prefixes = meter->described->town_text[id];
		publish_traffic(&row->traffic, &town->traffic);
		row->unattributed_down = unattributed(town, DIRECTION_DOWN, row->traffic.period.down.octets);
		row->unattributed_up = unattributed(town, DIRECTION_UP, row->traffic.period.up.octets);
	}
}

/* Hosts come town by town in both orders, so the town's row is found by going on. */
static void publish_hosts(const struct meter *meter, struct view *view, uint64_t remarks)
{
	uint32_t town = 0;

	for (uint32_t i = 0; i < meter->host_rows; i++) {
		uint32_t id = meter->host_order[i];
		const struct host *host = &meter->hosts[id];
		struct view_host *row = &view_hosts(view)[i];
		while (meter->town_order[town] != host->town)
			town++;
		row->town = town;
		memcpy(row->name, host->name, sizeof row->name);
		row->admin = meter_is_blocked(meter, METER_HOST, id) ? VIEW_BLOCKED : VIEW_ALLOWED;
		row->oper = host->oper;
		row->reason = host->reason;
		row->last_change = host->last_change;
		row->prefixes = meter->described->host_text[id];
		if (host->remark[0]) {
			size_t size = strlen(host->remark) + 1;
			memcpy(view_text(view, remarks), host->remark, size);
			row->remark = (uint32_t)remarks;
			remarks += size;
		}
		publish_traffic(&row->traffic, &host->traffic);
		view_towns(view)[town].hosts++;
		view_towns(view)[town].blocked_hosts += host->oper == OPER_BLOCKED;
		view->agent.blocked_hosts += host->oper == OPER_BLOCKED;
		bool over = row->traffic.quota.state == QUOTA_EXCEEDED;
		view_towns(view)[town].over_quota_hosts += over;
		view->agent.over_quota_hosts += over;
	}
}

static int publish_addresses(const struct meter *meter, struct view *view)
{
	uint32_t *row_of = calloc(meter->n_hosts + 1u, sizeof *row_of);

	if (!row_of)
		return -1;
	for (uint32_t i = 0; i < meter->host_rows; i++)
		row_of[meter->host_order[i]] = i;
	for (uint32_t i = 0; i < view->n_addresses; i++) {
		view_addresses(view)[i] = meter->described->addresses[i];
		view_addresses(view)[i].host = row_of[meter->described->addresses[i].host];
	}
	free(row_of);
	return 0;
}

struct view *meter_publish(const struct meter *meter, const struct view_agent *agent)
{
	const struct description *described = meter->described;
	uint64_t text = described ? described->text_size : 1, remarks = 0;
	struct view_total totals[VIEW_CHAIN_OUTPUT];
	struct view counts = {
		.n_totals = publish_totals(meter, totals), .n_towns = meter->town_rows, .n_hosts = meter->host_rows,
		.n_addresses = described ? described->n_addresses : 0};
	uint64_t matches = meter_services_measure(meter, &counts);

	for (uint32_t i = 0; i < meter->host_rows; i++) {
		size_t length = strlen(meter->hosts[meter->host_order[i]].remark);
		remarks += length ? length + 1 : 0;
	}
	struct view *view = view_new_like(&counts, text + remarks + matches);
	if (!view)
		return NULL;
	view->agent = *agent;
	view->agent.blocked_hosts = view->agent.over_quota_hosts = 0;
	view->agent.kernel_resets = meter->resets;
	view->agent.tables_last_change = meter->tables_last_change;
	view->agent.discontinuity = meter->discontinuity;
	view->agent.rules_read = meter->found ? meter->found->n_used : 0;
	if (view->n_totals)
		memcpy(view_totals(view), totals, view->n_totals * sizeof totals[0]);
	if (!described)
		return view;
	memcpy(view_text(view, 0), described->text, described->text_size);
	publish_towns(meter, view);
	publish_hosts(meter, view, text);
	meter_services_publish(meter, view, text + remarks);
	if (publish_addresses(meter, view) < 0) {
		view_release(view);
		return NULL;
	}
	return view;
}
