/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New rules: rows are found again by their names, new ones put in place, forgotten ones revived. */
#include <stdlib.h>
#include <string.h>

#include "meter_adopt.h"

/* A row that was forgotten comes back: its periods' numbers go on, all else begins. */
static void revive(struct meter *meter, struct traffic *traffic, const char *town, const char *host, decitime now)
{
	uint32_t number = traffic->period.number;

	memset(traffic, 0, sizeof *traffic);
	meter_begin_traffic(meter, traffic, town, host, now);
	traffic->period.number = number;
}

static uint32_t forgotten_town(const struct meter *meter, const char *name)
{
	for (uint32_t i = 0; i < meter->n_towns; i++)
		if (meter->towns[i].gone && strcmp(meter->towns[i].name, name) == 0)
			return i;
	return RULE_NONE;
}

static int compare_forgotten(const struct host *host, uint32_t town, const char *name)
{
	if (host->town != town)
		return host->town < town ? -1 : 1;
	return strcmp(host->name, name);
}

static int by_town_and_name(const void *a, const void *b, void *hosts)
{
	const struct host *x = (const struct host *)hosts + *(const uint32_t *)a;
	const struct host *y = (const struct host *)hosts + *(const uint32_t *)b;

	return compare_forgotten(x, y->town, y->name);
}

int meter_adopt_list_forgotten(struct adoption *a)
{
	struct meter *meter = a->meter;
	uint32_t n = 0;

	for (uint32_t i = 0; i < meter->n_hosts; i++)
		n += meter->hosts[i].gone;
	a->forgotten = n ? calloc(n, sizeof *a->forgotten) : NULL;
	if (n == 0)
		return 0;
	if (!a->forgotten)
		return -1;
	for (uint32_t i = 0; i < meter->n_hosts; i++)
		if (meter->hosts[i].gone)
			a->forgotten[a->n_forgotten++] = i;
	qsort_r(a->forgotten, a->n_forgotten, sizeof *a->forgotten, by_town_and_name, meter->hosts);
	return 0;
}

static uint32_t forgotten_host(const struct adoption *a, uint32_t town, const char *name)
{
	uint32_t low = 0, high = a->n_forgotten;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare_forgotten(&a->hosts[a->forgotten[middle]], town, name);
		if (order == 0)
			return a->forgotten[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return RULE_NONE;
}

/* A row for a name that has none. Without a memory of what was asked for, a drop of ours says that it was. */
static uint32_t make_town(struct adoption *a, uint32_t *total, const char *name, bool blocked)
{
	uint32_t id = a->meter->town_rows < a->meter->n_towns ? forgotten_town(a->meter, name) : RULE_NONE;
	bool is_new = id == RULE_NONE;

	if (is_new)
		id = (*total)++;
	struct town *town = &a->towns[id];
	if (is_new) {
		memset(town, 0, sizeof *town);
		memcpy(town->name, name, strlen(name) + 1);
		meter_begin_traffic(a->meter, &town->traffic, name, "", a->now);
	} else {
		a->revived = true;
		town->gone = false;
		memset(&town->wish, 0, sizeof town->wish);
		meter_services_begin(a->meter, town->services);
		revive(a->meter, &town->traffic, name, "", a->now);
		memcpy(town->traffic.period.attributed, town->attributed, sizeof town->attributed);
	}
	town->wish.manager = blocked;
	return id;
}

static uint32_t make_host(struct adoption *a, uint32_t *total, uint32_t town, const char *name, bool blocked)
{
	uint32_t id = forgotten_host(a, town, name);
	bool is_new = id == RULE_NONE;

	if (is_new)
		id = (*total)++;
	struct host *host = &a->hosts[id];
	if (is_new) {
		memset(host, 0, sizeof *host);
		host->town = town;
		memcpy(host->name, name, strlen(name) + 1);
		meter_begin_traffic(a->meter, &host->traffic, a->towns[town].name, name, a->now);
	} else {
		a->revived = true;
		host->gone = false;
		host->oper = host->reason = 0;
		host->remark[0] = '\0';
		memset(&host->wish, 0, sizeof host->wish);
		meter_services_begin(a->meter, host->services);
		revive(a->meter, &host->traffic, a->towns[town].name, name, a->now);
	}
	host->last_change = a->now;
	host->wish.manager = blocked;
	return id;
}

uint32_t meter_adopt_towns(struct adoption *a)
{
	const struct meter *meter = a->meter;
	uint32_t old = 0, n = 0, total = meter->n_towns;

	for (uint32_t f = 0; f <= a->found->n_towns; f++) {
		const char *name = f < a->found->n_towns
					   ? ruleset_text(a->snapshot->rules, a->found->towns[f].name) : NULL;
		while (old < meter->town_rows &&
		       (!name || name_compare(a->towns[meter->town_order[old]].name, name) < 0))
			a->town_order[n++] = meter->town_order[old++];
		if (!name)
			break;
		if (old < meter->town_rows && strcmp(a->towns[meter->town_order[old]].name, name) == 0)
			a->town_ids[f] = meter->town_order[old++];
		else
			a->town_ids[f] = make_town(a, &total, name, a->found->towns[f].ours);
		a->town_order[n++] = a->town_ids[f];
	}
	a->town_rows = n;
	return total;
}

static int compare_hosts(const struct adoption *a, const struct host *row, const struct found_host *found)
{
	int order = name_compare(a->towns[row->town].name, a->towns[a->town_ids[found->town]].name);

	return order ? order : name_compare(row->name, found->name);
}

uint32_t meter_adopt_hosts(struct adoption *a)
{
	const struct meter *meter = a->meter;
	uint32_t old = 0, n = 0, total = meter->n_hosts;

	for (uint32_t f = 0; f <= a->found->n_hosts; f++) {
		const struct found_host *found = f < a->found->n_hosts ? &a->found->hosts[f] : NULL;
		while (old < meter->host_rows &&
		       (!found || compare_hosts(a, &a->hosts[meter->host_order[old]], found) < 0))
			a->host_order[n++] = meter->host_order[old++];
		if (!found)
			break;
		if (old < meter->host_rows && compare_hosts(a, &a->hosts[meter->host_order[old]], found) == 0)
			a->host_ids[f] = meter->host_order[old++];
		else
			a->host_ids[f] = make_host(a, &total, a->town_ids[found->town], found->name, found->ours);
		a->host_order[n++] = a->host_ids[f];
	}
	a->host_rows = n;
	return total;
}
