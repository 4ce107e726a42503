/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Periods and quotas of rows: how they begin and end, and what commands change of a row. */
#include <stdio.h>
#include <string.h>

#include "meter_private.h"

static struct traffic *traffic_of(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	return kind == METER_TOWN ? &meter->towns[id].traffic : &meter->hosts[id].traffic;
}

static struct meter_period *period_of(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	return kind == METER_TOTAL ? (struct meter_period *)&meter->totals[id].period
				   : &traffic_of(meter, kind, id)->period;
}

static struct quota configured(const struct meter *meter, const char *town, const char *host)
{
	return meter->quotas ? meter->quotas(meter->quotas_context, town, host) : quota_default;
}

void meter_begin_traffic(struct meter *meter, struct traffic *traffic, const char *town, const char *host,
			 decitime now)
{
	traffic->discontinuity = now;
	traffic->period = (struct meter_period){.number = 1, .start = now};
	traffic->quota = traffic->configured = configured(meter, town, host);
}

/* Field by field: each holds until its own configured value changes. */
static void reconfigure(struct traffic *traffic, const struct quota *now)
{
	struct quota *own = &traffic->quota, *before = &traffic->configured;

	if (now->megabytes != before->megabytes)
		own->megabytes = now->megabytes;
	if (now->basis != before->basis)
		own->basis = now->basis;
	if (now->warn_percent != before->warn_percent)
		own->warn_percent = now->warn_percent;
	if (now->action != before->action)
		own->action = now->action;
	*before = *now;
}

void meter_configure(struct meter *meter, meter_quotas *quotas, void *context)
{
	meter->quotas = quotas;
	meter->quotas_context = context;
	meter->stale |= IMAGE_BIT(IMAGE_HOSTS);
	for (uint32_t i = 0; i < meter->n_towns; i++) {
		struct quota now = configured(meter, meter->towns[i].name, "");
		reconfigure(&meter->towns[i].traffic, &now);
	}
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		struct host *host = &meter->hosts[i];
		struct quota now = configured(meter, meter->towns[host->town].name, host->name);
		reconfigure(&host->traffic, &now);
	}
}

struct meter_row meter_row(const struct meter *meter, enum meter_kind kind, uint32_t id)
{
	struct meter_row row;

	memset(&row, 0, sizeof row);
	row.period = *period_of(meter, kind, id);
	if (kind == METER_TOTAL)
		return row;
	const struct wish *wish = kind == METER_TOWN ? &meter->towns[id].wish : &meter->hosts[id].wish;
	row.quota = traffic_of(meter, kind, id)->quota;
	row.manager = wish->manager;
	row.local = wish->local;
	row.gone = kind == METER_TOWN ? meter->towns[id].gone : meter->hosts[id].gone;
	if (kind == METER_HOST)
		memcpy(row.remark, meter->hosts[id].remark, sizeof row.remark);
	return row;
}

void meter_row_put(struct meter *meter, enum meter_kind kind, uint32_t id, const struct meter_row *row)
{
	struct meter_period *period = period_of(meter, kind, id);
	bool incomplete = period->incomplete;

	*period = row->period;
	period->incomplete |= incomplete;
	if (kind == METER_TOTAL)
		return;
	if (kind == METER_HOST)
		meter->stale |= IMAGE_BIT(IMAGE_HOSTS);
	struct wish *wish = kind == METER_TOWN ? &meter->towns[id].wish : &meter->hosts[id].wish;
	bool *gone = kind == METER_TOWN ? &meter->towns[id].gone : &meter->hosts[id].gone;
	meter->disordered |= *gone != row->gone;
	traffic_of(meter, kind, id)->quota = row->quota;
	wish->manager = row->manager;
	wish->local = row->local;
	*gone = row->gone;
	if (kind == METER_HOST)
		memcpy(meter->hosts[id].remark, row->remark, sizeof row->remark);
}

static struct amount grown(const struct counter *now, const struct counter *then)
{
	return (struct amount){.packets = now->packets - then->packets, .octets = now->octets - then->octets};
}

/* What is billed of a town's or a host's period. */
static void close_row(const struct meter *meter, enum meter_kind kind, uint32_t id, struct closed *closed)
{
	const struct traffic *traffic = traffic_of(meter, kind, id);
	const struct meter_period *period = &traffic->period;
	uint32_t town = kind == METER_TOWN ? id : meter->hosts[id].town;

	memset(closed, 0, sizeof *closed);
	closed->is_host = kind == METER_HOST;
	snprintf(closed->town, sizeof closed->town, "%s", meter->towns[town].name);
	if (closed->is_host)
		snprintf(closed->host, sizeof closed->host, "%s", meter->hosts[id].name);
	closed->number = period->number;
	closed->start = period->start;
	closed->complete = !period->incomplete;
	closed->down = grown(&traffic->flow[DIRECTION_DOWN].amount, &period->base[DIRECTION_DOWN]);
	closed->up = grown(&traffic->flow[DIRECTION_UP].amount, &period->base[DIRECTION_UP]);
	closed->quota_mb = traffic->quota.megabytes;
	closed->quota_basis = traffic->quota.basis;
	closed->over_mb = quota_over(&traffic->quota,
				     quota_used(&traffic->quota, closed->down.octets, closed->up.octets));
}

void meter_period_end(struct meter *meter, enum meter_kind kind, uint32_t id, decitime now,
		      enum closed_reason reason, struct closed *closed)
{
	struct meter_period *period = period_of(meter, kind, id);

	if (closed)
		close_row(meter, kind, id, closed);
	if (kind == METER_HOST)
		meter->stale |= IMAGE_BIT(IMAGE_HOSTS);
	period->number++;
	/* A poller tells periods apart by their start. */
	period->start = now > period->start ? now : period->start + 1;
	period->incomplete = false;
	if (closed) {
		closed->end = period->start;
		closed->reason = (uint8_t)reason;
	}
	if (kind == METER_TOTAL) {
		period->base[0] = meter->totals[id].flow.amount;
		return;
	}
	for (int d = 0; d < 2; d++)
		period->base[d] = traffic_of(meter, kind, id)->flow[d].amount;
	if (kind == METER_TOWN)
		memcpy(period->attributed, meter->towns[id].attributed, sizeof period->attributed);
}

void meter_each_row(const struct meter *meter, void (*visit)(void *context, enum meter_kind kind, uint32_t id),
		    void *context)
{
	for (uint32_t i = VIEW_CHAIN_FORWARD; i <= VIEW_CHAIN_OUTPUT; i++)
		if (meter->totals[i].seen)
			visit(context, METER_TOTAL, i);
	for (uint32_t i = 0; i < meter->town_rows; i++)
		visit(context, METER_TOWN, meter->town_order[i]);
	for (uint32_t i = 0; i < meter->host_rows; i++)
		visit(context, METER_HOST, meter->host_order[i]);
}
