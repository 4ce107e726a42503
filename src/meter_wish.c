/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows, what is wished for them, and the states that follow from wishes and rules. */
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

static uint32_t lower_bound_town(const struct meter *meter, const char *town)
{
	uint32_t low = 0, high = meter->town_rows;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (name_compare(meter->towns[meter->town_order[middle]].name, town) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t meter_find_town(const struct meter *meter, const char *town)
{
	uint32_t at = lower_bound_town(meter, town);

	if (at == meter->town_rows || strcmp(meter->towns[meter->town_order[at]].name, town) != 0)
		return RULE_NONE;
	return meter->town_order[at];
}

/* Orders a host against a town's name and a host's name, as host_order does. */
static int compare_host(const struct meter *meter, const struct host *row, const char *town, const char *host)
{
	int order = name_compare(meter->towns[row->town].name, town);

	return order ? order : name_compare(row->name, host);
}

static uint32_t lower_bound_host(const struct meter *meter, const char *town, const char *host)
{
	uint32_t low = 0, high = meter->host_rows;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_host(meter, &meter->hosts[meter->host_order[middle]], town, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t meter_find_host(const struct meter *meter, const char *town, const char *host)
{
	uint32_t at = lower_bound_host(meter, town, host);

	if (at == meter->host_rows || compare_host(meter, &meter->hosts[meter->host_order[at]], town, host) != 0)
		return RULE_NONE;
	return meter->host_order[at];
}

static int by_town_name(const void *a, const void *b, void *context)
{
	const struct meter *meter = context;

	return name_compare(meter->towns[*(const uint32_t *)a].name, meter->towns[*(const uint32_t *)b].name);
}

static int by_host_name(const void *a, const void *b, void *context)
{
	const struct meter *meter = context;
	const struct host *host = &meter->hosts[*(const uint32_t *)b];

	return compare_host(meter, &meter->hosts[*(const uint32_t *)a], meter->towns[host->town].name, host->name);
}

void meter_order(struct meter *meter)
{
	meter->disordered = false;
	meter->town_rows = meter->host_rows = 0;
	for (uint32_t i = 0; i < meter->n_towns; i++)
		if (!meter->towns[i].gone)
			meter->town_order[meter->town_rows++] = i;
	for (uint32_t i = 0; i < meter->n_hosts; i++)
		if (!meter->hosts[i].gone && !meter->towns[meter->hosts[i].town].gone)
			meter->host_order[meter->host_rows++] = i;
	qsort_r(meter->town_order, meter->town_rows, sizeof *meter->town_order, by_town_name, meter);
	qsort_r(meter->host_order, meter->host_rows, sizeof *meter->host_order, by_host_name, meter);
}

void meter_each_host(const struct meter *meter, uint32_t town, void (*visit)(void *context, uint32_t host), void *context)
{
	const char *name = meter->towns[town].name;

	for (uint32_t at = lower_bound_host(meter, name, ""); at < meter->host_rows; at++) {
		if (meter->hosts[meter->host_order[at]].town != town)
			break;
		visit(context, meter->host_order[at]);
	}
}

bool meter_has_total(const struct meter *meter, enum view_chain chain)
{
	return meter->totals[chain].seen;
}

uint32_t meter_town_found(const struct meter *meter, uint32_t town)
{
	return meter->towns[town].found;
}

uint32_t meter_host_found(const struct meter *meter, uint32_t host)
{
	return meter->hosts[host].found;
}

static struct wish *wish_of(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	return kind == METER_TOWN ? &meter->towns[id].wish : &meter->hosts[id].wish;
}

static bool is_wished(const struct wish *wish)
{
	return wish->manager || wish->local || wish->quota;
}

bool meter_is_wished(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	return is_wished(wish_of(meter, kind, id));
}

bool meter_is_blocked(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	const struct wish *wish = wish_of(meter, kind, id);

	return wish->manager || wish->local || wish->foreign;
}

/* A host is blocked by its quota for as long as the amount, the quota and the action say so. */
static void judge_quota(struct host *host)
{
	const struct traffic *traffic = &host->traffic;
	const struct counter *base = traffic->period.base;
	uint64_t used = quota_used(&traffic->quota,
				   traffic->flow[DIRECTION_DOWN].amount.octets - base[DIRECTION_DOWN].octets,
				   traffic->flow[DIRECTION_UP].amount.octets - base[DIRECTION_UP].octets);

	host->wish.quota = traffic->quota.action == QUOTA_BLOCK &&
			   quota_state_of(&traffic->quota, used) == QUOTA_EXCEEDED;
}

void meter_judge(struct meter *meter, decitime now)
{
	if (meter->disordered)
		meter_order(meter);
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		struct host *host = &meter->hosts[i];
		if (host->gone)
			continue;
		judge_quota(host);
		uint8_t oper = !meter->found ? host->oper : host->found == RULE_NONE ? OPER_MISSING : meter->found->hosts[host->found].oper;
		uint8_t reason = 0;
		if (meter_is_blocked(meter, METER_HOST, i))
			reason |= VIEW_REASON_MANAGER;
		if (host->wish.quota)
			reason |= VIEW_REASON_QUOTA;
		if (host->wish.local || host->wish.foreign)
			reason |= VIEW_REASON_LOCAL;
		if (meter_is_blocked(meter, METER_TOWN, host->town))
			reason |= VIEW_REASON_TOWN;
		if (oper == host->oper && reason == host->reason)
			continue;
		if (host->before.epoch != meter->epoch || host->oper == 0) {
			host->before.epoch = meter->epoch;
			host->before.oper = host->oper;
			host->before.reason = host->reason;
			host->before.last_change = host->last_change;
		}
		meter->stale |= IMAGE_BIT(IMAGE_HOSTS);
		if (host->oper != 0)
			host->last_change = now;
		host->oper = oper;
		host->reason = reason;
	}
}

uint64_t meter_epoch(struct meter *meter)
{
	return ++meter->epoch;
}

void meter_forget_changes(struct meter *meter, uint64_t epoch)
{
	meter->stale |= IMAGE_BIT(IMAGE_HOSTS);
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		struct host *host = &meter->hosts[i];
		if (host->before.epoch == epoch && host->before.oper == host->oper &&
		    host->before.reason == host->reason)
			host->last_change = host->before.last_change;
	}
}

/* A drop of ours that nobody wishes for, or a wish whose drops are not all there. */
static bool is_unfulfilled(const struct wish *wish, uint32_t found)
{
	if (found == RULE_NONE)
		return false;
	return is_wished(wish) ? wish->drops != DROPS_ALL : wish->ours;
}

void meter_each_unfulfilled(const struct meter *meter,
			    void (*visit)(void *context, enum meter_kind kind, uint32_t id, bool blocked),
			    void *context)
{
	for (uint32_t i = 0; i < meter->n_towns; i++)
		if (is_unfulfilled(&meter->towns[i].wish, meter->towns[i].found))
			visit(context, METER_TOWN, i, is_wished(&meter->towns[i].wish));
	for (uint32_t i = 0; i < meter->n_hosts; i++)
		if (is_unfulfilled(&meter->hosts[i].wish, meter->hosts[i].found))
			visit(context, METER_HOST, i, is_wished(&meter->hosts[i].wish));
}
