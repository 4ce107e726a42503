/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules are new: recognise them, find each row and each rule again by its identity, and carry
 * every counter over. All memory is taken before anything of the meter changes.
 */
#include <stdlib.h>
#include <string.h>

#include "meter_adopt.h"

/* The name that a prefix of a town had in the last recognition. */
static const char *remembered(void *context, const char *town, const struct prefix *prefix)
{
	const struct meter *meter = context;
	uint32_t id = meter_find_town(meter, town), low = 0, high = meter->n_memory;

	if (id == RULE_NONE)
		return NULL;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct memory *memory = &meter->memory[middle];
		int order = memory->town != id ? (memory->town < id ? -1 : 1) : prefix_compare(&memory->prefix, prefix);
		if (order == 0)
			return meter->hosts[memory->host].name;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void adopt_totals(struct adoption *a)
{
	struct meter *meter = a->meter;

	for (int i = VIEW_CHAIN_FORWARD; i <= VIEW_CHAIN_OUTPUT; i++)
		meter->totals[i].present = false;
	for (uint32_t i = 0; i < a->snapshot->rules->n_rules; i++) {
		const struct rule_key *key = &a->tracks[i].key;
		if (key->kind != ROLE_TOTAL && key->kind != ROLE_POLICY)
			continue;
		struct total *total = &meter->totals[key->town];
		if (!total->seen) {
			total->discontinuity = a->now;
			total->period = (struct meter_period){.number = 1, .start = a->now};
		}
		total->present = total->seen = true;
		total->source = key->kind == ROLE_TOTAL ? VIEW_SOURCE_RULE : VIEW_SOURCE_POLICY;
	}
}

/* Rows learn what stands for them now. */
static void adopt_rows(struct adoption *a)
{
	struct meter *meter = a->meter;

	for (uint32_t i = 0; i < meter->n_towns; i++) {
		struct town *town = &meter->towns[i];
		town->found = RULE_NONE;
		town->wish.foreign = town->wish.ours = false;
		town->wish.drops = DROPS_NONE;
	}
	for (uint32_t i = 0; i < meter->n_hosts; i++) {
		struct host *host = &meter->hosts[i];
		host->found = RULE_NONE;
		host->wish.foreign = host->wish.ours = false;
		host->wish.drops = DROPS_NONE;
	}
	for (uint32_t f = 0; f < a->found->n_towns; f++) {
		struct town *town = &meter->towns[a->town_ids[f]];
		town->found = f;
		town->wish.foreign = a->found->towns[f].foreign;
		town->wish.ours = a->found->towns[f].ours;
		town->wish.drops = a->found->towns[f].drops;
	}
	for (uint32_t f = 0; f < a->found->n_hosts; f++) {
		struct host *host = &meter->hosts[a->host_ids[f]];
		host->found = f;
		host->wish.foreign = a->found->hosts[f].foreign;
		host->wish.ours = a->found->hosts[f].ours;
		host->wish.drops = a->found->hosts[f].drops;
	}
}

/* Problems are told once, when they come up. */
static void report_problems(struct adoption *a, meter_report *report, void *context)
{
	struct meter *meter = a->meter;

	for (uint32_t i = 0; report && i < a->found->n_problems; i++) {
		bool known = false;
		for (uint32_t k = 0; k < meter->n_problems; k++)
			known |= strcmp(meter->problems[k], a->found->problems[i]) == 0;
		if (!known)
			report(context, a->found->problems[i]);
	}
	for (uint32_t i = 0; i < meter->n_problems; i++)
		free(meter->problems[i]);
	free(meter->problems);
	meter->problems = a->found->problems;
	meter->n_problems = a->found->n_problems;
	a->found->problems = NULL;
	a->found->n_problems = 0;
}

static int prepare(struct adoption *a, struct memory **memory)
{
	struct meter *meter = a->meter;
	const struct recognition *found = a->found;
	uint32_t n_rules = a->snapshot->rules->n_rules;

	a->town_ids = calloc(found->n_towns + 1u, sizeof *a->town_ids);
	a->host_ids = calloc(found->n_hosts + 1u, sizeof *a->host_ids);
	a->town_order = calloc((size_t)meter->n_towns + found->n_towns + 1, sizeof *a->town_order);
	a->host_order = calloc((size_t)meter->n_hosts + found->n_hosts + 1, sizeof *a->host_order);
	a->tracks = calloc(n_rules + 1u, sizeof *a->tracks);
	a->known = calloc((size_t)meter->n_tracks + meter->n_absent + 1, sizeof *a->known);
	*memory = calloc(found->n_addresses + 1u, sizeof **memory);
	/* Growing these changes nothing that anyone can see. */
	a->towns = realloc(meter->towns, ((size_t)meter->n_towns + found->n_towns + 1) * sizeof *a->towns);
	if (a->towns)
		meter->towns = a->towns;
	a->hosts = realloc(meter->hosts, ((size_t)meter->n_hosts + found->n_hosts + 1) * sizeof *a->hosts);
	if (a->hosts)
		meter->hosts = a->hosts;
	if (!a->town_ids || !a->host_ids || !a->town_order || !a->host_order || !a->tracks || !a->known ||
	    !*memory || !a->towns || !a->hosts)
		return -1;
	return meter_adopt_list_forgotten(a);
}

int meter_by_town_and_prefix(const void *a, const void *b)
{
	const struct memory *x = a, *y = b;

	if (x->town != y->town)
		return x->town < y->town ? -1 : 1;
	return prefix_compare(&x->prefix, &y->prefix);
}

static void fill_memory(struct adoption *a, struct memory *memory)
{
	for (uint32_t i = 0; i < a->found->n_addresses; i++) {
		const struct found_address *address = &a->found->addresses[i];
		memory[i] = (struct memory){.town = a->town_ids[address->town],
					    .host = a->host_ids[address->host],
					    .prefix = address->prefix};
	}
	qsort(memory, a->found->n_addresses, sizeof *memory, meter_by_town_and_prefix);
}

/* Nothing is described yet of a model that was loaded: are these the addresses that the ledger has? It has one
 * for each rule, and so most of them twice. */
static bool same_memory(const struct meter *meter, const struct memory *memory, uint32_t n)
{
	uint32_t i = 0, k = 0;

	while (i < n && k < meter->n_memory) {
		const struct memory *now = &memory[i], *before = &meter->memory[k];
		if (now->host != before->host || meter_by_town_and_prefix(now, before) != 0)
			return false;
		while (i < n && meter_by_town_and_prefix(&memory[i], before) == 0)
			i++;
		while (k < meter->n_memory && meter_by_town_and_prefix(&meter->memory[k], now) == 0)
			k++;
	}
	return i == n && k == meter->n_memory;
}

static bool same_addresses(const struct description *a, const struct description *b)
{
	if (!a || a->n_addresses != b->n_addresses)
		return false;
	for (uint32_t i = 0; i < a->n_addresses; i++)
		if (a->addresses[i].host != b->addresses[i].host ||
		    prefix_compare(&a->addresses[i].prefix, &b->addresses[i].prefix) != 0)
			return false;
	return true;
}

int meter_adopt(struct meter *meter, const struct snapshot *snapshot, decitime now, meter_report *report, void *context)
{
	struct adoption a = {.meter = meter, .snapshot = snapshot, .now = now,
			     .renamed = meter->generation == UINT64_MAX - 1};
	struct memory *memory = NULL;
	struct description *described = NULL;
	int result = -1;

	a.found = recognise(snapshot->rules, &meter->names,
			    &(struct recognise_names){.find = remembered, .context = meter});
	if (!a.found || prepare(&a, &memory) < 0)
		goto out;
	uint32_t n_towns = meter_adopt_towns(&a), n_hosts = meter_adopt_hosts(&a);
	described = meter_describe(snapshot->rules, a.found, a.town_ids, n_towns, a.host_ids, n_hosts);
	if (!described || meter_services_prepare(&a) < 0)
		goto out;

	/* From here on nothing fails. */
	meter->stale = IMAGE_ALL;
	fill_memory(&a, memory);
	bool first = meter->generation == UINT64_MAX, loaded = meter->generation == UINT64_MAX - 1;
	bool same = loaded ? same_memory(meter, memory, a.found->n_addresses)
			   : same_addresses(meter->described, described);
	bool divided = meter_services_take(&a);
	if (first || a.revived || divided || n_towns != meter->n_towns || n_hosts != meter->n_hosts || !same)
		meter->tables_last_change = now;
	meter->n_towns = n_towns;
	meter->n_hosts = n_hosts;
	meter->town_rows = a.town_rows;
	meter->host_rows = a.host_rows;
	for (uint32_t i = 0; i < snapshot->rules->n_rules; i++)
		a.tracks[i] = meter_adopt_track(&a, i);
	meter_adopt_match(&a);
	meter_adopt_twins(&a);
	meter_adopt_keep_absent(&a);
	free(meter->tracks);
	meter->tracks = a.tracks;
	meter->n_tracks = snapshot->rules->n_rules;
	meter_index_outdated(meter);
	meter->n_shadows = 0;
	for (uint32_t i = 0; i < meter->n_tracks; i++)
		meter->n_shadows += meter->tracks[i].shadow;
	adopt_totals(&a);
	adopt_rows(&a);
	free(meter->memory);
	meter->memory = memory;
	meter->n_memory = a.found->n_addresses;
	report_problems(&a, report, context);
	recognition_free(meter->found);
	meter->found = a.found;
	meter->generation = snapshot->generation;
	meter_description_free(meter->described);
	meter->described = described;
	uint32_t *before = meter->town_order;
	meter->town_order = a.town_order;
	a.town_order = before;
	before = meter->host_order;
	meter->host_order = a.host_order;
	a.host_order = before;
	a.found = NULL;
	a.tracks = NULL;
	memory = NULL;
	meter_judge(meter, now);
	result = 0;
out:
	if (result < 0 && a.revived)
		meter_order(meter);
	recognition_free(a.found);
	free(a.town_ids);
	free(a.host_ids);
	free(a.town_order);
	free(a.host_order);
	free(a.tracks);
	free(a.known);
	free(a.forgotten);
	free(a.service_cells);
	meter_services_free(&a.services);
	free(memory);
	return result;
}
