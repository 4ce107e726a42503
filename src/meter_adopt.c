/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules are new: recognise them, find each row and each rule again by its identity, and carry
 * every counter over. All memory is taken before anything of the meter changes.
 */
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

struct adoption {
	struct meter *meter;
	const struct snapshot *snapshot;
	struct recognition *found;
	uint32_t *town_ids, *host_ids;     /* by place in the recognition */
	uint32_t *town_order, *host_order; /* the new ones */
	struct town *towns;                /* the meter's, with room for new ones */
	struct host *hosts;
	struct track *tracks, *known;      /* the new ones; the old ones and the absent, by key */
	uint32_t n_known;
	uint32_t town_rows, host_rows;     /* of the new orders */
	uint32_t *forgotten, n_forgotten;  /* hosts, by town and name */
	bool revived;                      /* a forgotten row came back */
	decitime now;
};

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

/* A town may have been forgotten with all its hosts, and come back with them. */
static int list_forgotten(struct adoption *a)
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
		revive(a->meter, &host->traffic, a->towns[town].name, name, a->now);
	}
	host->last_change = a->now;
	host->wish.manager = blocked;
	return id;
}

/* Both lists are in the order of names: one walk finds old rows again and puts new ones in place. */
static uint32_t merge_towns(struct adoption *a)
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

static uint32_t merge_hosts(struct adoption *a)
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

/* The identity of a rule, and the rows it counts for. */
static struct track make_track(const struct adoption *a, uint32_t rule)
{
	const struct ruleset *rules = a->snapshot->rules;
	const struct role *role = &a->found->roles[rule];
	const struct chain *chain = &rules->chains[rules->rules[rule].chain];
	struct track track;

	memset(&track, 0, sizeof track);
	track.key.kind = role->kind;
	track.key.family = chain->family;
	track.key.backend = chain->backend;
	track.town = track.host = RULE_NONE;
	track.present = true;
	if (role->kind == ROLE_TOTAL || role->kind == ROLE_POLICY) {
		track.key.town = chain->hook;
		return track;
	}
	if (role->kind == ROLE_OTHER)
		return track;
	track.town = track.key.town = a->town_ids[role->town];
	if (role->host != RULE_NONE)
		track.host = a->host_ids[role->host];
	track.key.direction = role->direction;
	track.key.ours = role->ours;
	track.key.ordinal = role->ordinal;
	track.key.prefix = role->direction == DIRECTION_DOWN ? rules->rules[rule].dst : rules->rules[rule].src;
	track.late = role->late;
	return track;
}

static bool is_drop(const struct track *track)
{
	return track->key.kind == ROLE_HOST_DROP || track->key.kind == ROLE_TOWN_DROP;
}

/* As far as it is known of a rule that was put in. */
static int by_place(const void *a, const void *b)
{
	const struct track *x = a, *y = b;

	if (x->key.town != y->key.town)
		return x->key.town < y->key.town ? -1 : 1;
	if (x->key.direction != y->key.direction)
		return (int)x->key.direction - (int)y->key.direction;
	if (is_drop(x) != is_drop(y))
		return (int)is_drop(x) - (int)is_drop(y);
	return prefix_compare(&x->key.prefix, &y->key.prefix);
}

/* A rule that we put in ourselves comes with the count that we gave it. */
static void expect(struct meter *meter, struct track *track)
{
	uint32_t low = 0, high = meter->n_expected;

	if (!is_drop(track) && track->key.kind != ROLE_COUNT)
		return;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (by_place(&meter->expected[middle], track) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t i = low; i < meter->n_expected && by_place(&meter->expected[i], track) == 0; i++) {
		struct track *put = &meter->expected[i];
		if (put->present)
			continue;
		put->present = true;
		track->last = put->last;
		track->was_absent = false;
		return;
	}
}

static bool continue_from(struct track *track, struct track *before)
{
	if (before->matched || meter_by_key(track, before) != 0)
		return false;
	track->last = before->last;
	track->received = before->received;
	track->was_absent = !before->present;
	track->rebooted = before->rebooted;
	before->matched = true;
	return true;
}

/* A rule that came or went shifts those behind it: how far to look for where the lists agree again. */
enum { WINDOW = 64 };

/* Old rules mostly follow one another as the new ones do: finds most of them again in one walk. Those
 * that it misses are looked up by key. */
static void match_in_order(struct adoption *a)
{
	struct meter *meter = a->meter;
	uint32_t old = 0;

	for (uint32_t i = 0; i < a->snapshot->rules->n_rules; i++) {
		struct track *track = &a->tracks[i];
		if (track->key.kind == ROLE_OTHER)
			continue;
		for (uint32_t at = old; at < meter->n_tracks && at < old + WINDOW; at++)
			if (meter->tracks[at].key.kind != ROLE_OTHER && continue_from(track, &meter->tracks[at])) {
				track->matched = true;
				old = at + 1;
				break;
			}
	}
}

/* A policy that takes over from a total rule has counted all the while, where nf_tables keeps it: what
 * it reads is in the total already. A commit of iptables-legacy clears it. */
static void take_over(struct adoption *a, uint32_t rule, const struct track *before)
{
	struct track *track = &a->tracks[rule];

	if (track->key.kind != ROLE_POLICY || track->key.backend != CHAIN_NFT || (before && before->present) ||
	    !a->meter->totals[track->key.town].seen)
		return;
	track->last = a->snapshot->counters[rule];
	track->was_absent = false;
}

/* Every rule that stood before goes on from its last counter. */
static void match_tracks(struct adoption *a)
{
	struct meter *meter = a->meter;

	if (meter->n_expected)
		qsort(meter->expected, meter->n_expected, sizeof *meter->expected, by_place);
	match_in_order(a);
	for (uint32_t i = 0; i < meter->n_tracks; i++)
		if (meter->tracks[i].key.kind != ROLE_OTHER && !meter->tracks[i].matched)
			a->known[a->n_known++] = meter->tracks[i];
	if (meter->n_absent)
		memcpy(a->known + a->n_known, meter->absent, meter->n_absent * sizeof *a->known);
	a->n_known += meter->n_absent;
	qsort(a->known, a->n_known, sizeof *a->known, meter_by_key);
	for (uint32_t i = 0; i < a->snapshot->rules->n_rules; i++) {
		struct track *track = &a->tracks[i];
		if (track->key.kind == ROLE_OTHER)
			continue;
		struct track *before = track->matched || a->n_known == 0
					       ? NULL
					       : bsearch(track, a->known, a->n_known, sizeof *a->known, meter_by_key);
		bool goes_on = track->matched;
		if (before)
			continue_from(track, before);
		if (!goes_on)
			take_over(a, i, before);
		track->matched = false;
		if (meter->n_expected)
			expect(meter, track);
	}
}

/* What stood once and does not now is kept, so that it goes on when it comes back. A rule that
 * another program took away took with it what it counted since our last look: stamped. */
static void keep_absent(struct adoption *a)
{
	struct meter *meter = a->meter;
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->n_known; i++) {
		struct track *track = &a->known[i];
		if (track->matched)
			continue;
		if (track->present) {
			meter_stamp(meter, track, a->now);
			track->received = meter->received;
		}
		track->present = false;
		a->known[n++] = *track;
	}
	free(meter->absent);
	meter->absent = a->known;
	meter->n_absent = n;
	a->known = NULL;
	meter->n_expected = 0;
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
	return list_forgotten(a);
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
	struct adoption a = {.meter = meter, .snapshot = snapshot, .now = now};
	struct memory *memory = NULL;
	struct description *described = NULL;
	int result = -1;

	a.found = recognise(snapshot->rules, &meter->names,
			    &(struct recognise_names){.find = remembered, .context = meter});
	if (!a.found || prepare(&a, &memory) < 0)
		goto out;
	uint32_t n_towns = merge_towns(&a), n_hosts = merge_hosts(&a);
	described = meter_describe(snapshot->rules, a.found, a.town_ids, n_towns, a.host_ids, n_hosts);
	if (!described)
		goto out;

	/* From here on nothing fails. */
	meter->stale = IMAGE_ALL;
	fill_memory(&a, memory);
	bool first = meter->generation == UINT64_MAX, loaded = meter->generation == UINT64_MAX - 1;
	bool same = loaded ? same_memory(meter, memory, a.found->n_addresses)
			   : same_addresses(meter->described, described);
	if (first || a.revived || n_towns != meter->n_towns || n_hosts != meter->n_hosts || !same)
		meter->tables_last_change = now;
	meter->n_towns = n_towns;
	meter->n_hosts = n_hosts;
	meter->town_rows = a.town_rows;
	meter->host_rows = a.host_rows;
	for (uint32_t i = 0; i < snapshot->rules->n_rules; i++)
		a.tracks[i] = make_track(&a, i);
	match_tracks(&a);
	keep_absent(&a);
	free(meter->tracks);
	meter->tracks = a.tracks;
	meter->n_tracks = snapshot->rules->n_rules;
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
	free(memory);
	return result;
}
