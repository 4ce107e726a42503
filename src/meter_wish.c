/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows, what is wished for them, and the states that follow from wishes and rules. */
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

static uint32_t lower_bound_town(const struct meter *meter, const char *town)
{
	uint32_t low = 0, high = meter->n_towns;

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

	if (at == meter->n_towns || strcmp(meter->towns[meter->town_order[at]].name, town) != 0)
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
	uint32_t low = 0, high = meter->n_hosts;

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

	if (at == meter->n_hosts || compare_host(meter, &meter->hosts[meter->host_order[at]], town, host) != 0)
		return RULE_NONE;
	return meter->host_order[at];
}

void meter_each_host(const struct meter *meter, uint32_t town, void (*visit)(void *context, uint32_t host), void *context)
{
	const char *name = meter->towns[town].name;

	for (uint32_t at = lower_bound_host(meter, name, ""); at < meter->n_hosts; at++) {
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

bool meter_is_wished(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	return wish_of(meter, kind, id)->manager;
}

bool meter_is_blocked(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	const struct wish *wish = wish_of(meter, kind, id);

	return wish->manager || wish->foreign;
}

void meter_wish(struct meter *meter, enum meter_kind kind, uint32_t id, bool blocked)
{
	wish_of(meter, kind, id)->manager = blocked;
}

const char *meter_remark(const struct meter *meter, uint32_t host)
{
	return meter->hosts[host].remark ? meter->hosts[host].remark : "";
}

int meter_set_remark(struct meter *meter, uint32_t host, const char *remark)
{
	char *copy = remark[0] ? strdup(remark) : NULL;

	if (remark[0] && !copy)
		return -1;
	free(meter->hosts[host].remark);
	meter->hosts[host].remark = copy;
	return 0;
}

void meter_judge(struct meter *meter, decitime now)
{
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		struct host *host = &meter->hosts[i];
		uint8_t oper = host->found == RULE_NONE ? OPER_MISSING : meter->found->hosts[host->found].oper;
		uint8_t reason = 0;
		if (host->wish.manager || host->wish.foreign)
			reason |= VIEW_REASON_MANAGER;
		if (host->wish.foreign)
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
	return wish->manager ? wish->drops != DROPS_ALL : wish->ours;
}

void meter_each_unfulfilled(const struct meter *meter,
			    void (*visit)(void *context, enum meter_kind kind, uint32_t id, bool blocked),
			    void *context)
{
	for (uint32_t i = 0; i < meter->n_towns; i++)
		if (is_unfulfilled(&meter->towns[i].wish, meter->towns[i].found))
			visit(context, METER_TOWN, i, meter->towns[i].wish.manager);
	for (uint32_t i = 0; i < meter->n_hosts; i++)
		if (is_unfulfilled(&meter->hosts[i].wish, meter->hosts[i].found))
			visit(context, METER_HOST, i, meter->hosts[i].wish.manager);
}
