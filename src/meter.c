/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

struct meter *meter_new(decitime now)
{
	struct meter *meter = calloc(1, sizeof *meter);

	if (meter) {
		meter->tables_last_change = now;
		meter->discontinuity = now;
		meter->generation = UINT64_MAX;
		meter->stale = IMAGE_ALL;
	}
	return meter;
}

void meter_free(struct meter *meter)
{
	if (!meter)
		return;
	for (uint32_t i = 0; i < meter->n_problems; i++)
		free(meter->problems[i]);
	recognition_free(meter->found);
	free(meter->problems);
	free(meter->towns);
	free(meter->hosts);
	free(meter->town_order);
	free(meter->host_order);
	free(meter->tracks);
	free(meter->absent);
	free(meter->expected);
	free(meter->memory);
	meter_description_free(meter->described);
	meter_services_free(&meter->services);
	free(meter);
}

/* No snapshot has this generation, nor that of a meter that has seen none. */
static const uint64_t outdated = UINT64_MAX - 1;

void meter_set_names(struct meter *meter, const struct recognise_names *names)
{
	meter->names = names ? *names : (struct recognise_names){.find = NULL};
	if (meter->generation != UINT64_MAX)
		meter->generation = outdated;
}

static void add(struct counter *sum, uint64_t packets, uint64_t octets)
{
	sum->packets += packets;
	sum->octets += octets;
}

/* Where a rule's growth belongs. */
static void attribute(struct meter *meter, const struct track *track, uint64_t packets, uint64_t octets)
{
	uint8_t direction = track->key.direction;

	switch (track->key.kind) {
	case ROLE_TOTAL:
	case ROLE_POLICY:
		add(&meter->totals[track->key.town].flow.plus, packets, octets);
		break;
	case ROLE_JUMP:
		add(&meter->towns[track->town].traffic.flow[direction].plus, packets, octets);
		break;
	case ROLE_COUNT:
		add(&meter->hosts[track->host].traffic.flow[direction].plus, packets, octets);
		break;
	case ROLE_HOST_DROP:
		meter->stale |= IMAGE_BIT(IMAGE_FLOWS);
		add(&meter->hosts[track->host].traffic.dropped, packets, octets);
		/* A drop behind the counting rule gets packets that the host was charged for. */
		if (track->late)
			add(&meter->hosts[track->host].traffic.flow[direction].minus, packets, octets);
		/* fall through */
	case ROLE_TOWN_DROP:
		add(&meter->towns[track->town].traffic.dropped, packets, octets);
		add(&meter->towns[track->town].traffic.flow[direction].minus, packets, octets);
		break;
	case ROLE_SERVICE:
		meter_services_count(meter, track, packets, octets);
		break;
	default:
		break;
	}
}

void meter_stamp(struct meter *meter, const struct track *track, decitime now)
{
	/* Later than all earlier ones, even if the clock was set back. */
	if (meter->stamp == 0)
		meter->stamp = now > meter->discontinuity ? now : meter->discontinuity + 1;
	meter->discontinuity = meter->stamp;
	if (track->key.kind == ROLE_TOTAL || track->key.kind == ROLE_POLICY) {
		meter->totals[track->key.town].discontinuity = meter->stamp;
		meter->totals[track->key.town].period.incomplete = true;
	}
	if (track->town != RULE_NONE) {
		meter->towns[track->town].traffic.discontinuity = meter->stamp;
		meter->towns[track->town].traffic.period.incomplete = true;
	}
	if (track->host != RULE_NONE) {
		meter->stale |= IMAGE_BIT(IMAGE_HOSTS);
		meter->hosts[track->host].traffic.discontinuity = meter->stamp;
		meter->hosts[track->host].traffic.period.incomplete = true;
	}
}

static void advance(uint64_t *amount, uint64_t *debt, uint64_t plus, uint64_t minus)
{
	uint64_t owed = *debt + minus;

	if (plus >= owed) {
		*amount += plus - owed;
		*debt = 0;
	} else {
		*debt = owed - plus;
	}
}

static void flow_advance(struct flow *flow)
{
	advance(&flow->amount.packets, &flow->debt.packets, flow->plus.packets, flow->minus.packets);
	advance(&flow->amount.octets, &flow->debt.octets, flow->plus.octets, flow->minus.octets);
	memset(&flow->plus, 0, sizeof flow->plus);
	memset(&flow->minus, 0, sizeof flow->minus);
}

void meter_settle(struct meter *meter)
{
	for (int i = VIEW_CHAIN_FORWARD; i <= VIEW_CHAIN_OUTPUT; i++)
		flow_advance(&meter->totals[i].flow);
	for (uint32_t i = 0; i < meter->n_towns; i++)
		for (int d = 0; d < 2; d++)
			flow_advance(&meter->towns[i].traffic.flow[d]);
	for (uint32_t i = 0; i < meter->n_hosts; i++)
		for (int d = 0; d < 2; d++) {
			struct flow *flow = &meter->hosts[i].traffic.flow[d];
			if (!flow->plus.packets && !flow->plus.octets && !flow->minus.packets && !flow->minus.octets)
				continue;
			meter->stale |= IMAGE_BIT(IMAGE_FLOWS);
			uint64_t before = flow->amount.octets;
			flow_advance(flow);
			meter->towns[meter->hosts[i].town].attributed[d] += flow->amount.octets - before;
		}
}

static bool fell(const struct track *track, const struct counter *now)
{
	return now->packets < track->last.packets || now->octets < track->last.octets;
}

/* The total is among them: where all towns were zeroed it alone tells of a backup. */
static bool is_forward(const struct track *track)
{
	return track->key.kind >= ROLE_JUMP || (track->key.kind == ROLE_TOTAL && track->key.town == HOOK_FORWARD);
}

/* The table that a rule stands in, as a bit: each of them is restored as a whole, and alone. */
static unsigned table_of(const struct track *track)
{
	return 1u << (2 * track->key.backend + (track->key.family == PREFIX_IPV6));
}

/*
 * A counter that is lower than it was, or whose rule was away, was either set to zero by someone (what
 * it reads now came since) or restored from a backup (what it reads now was counted already). What can
 * have passed tells: no rule of FORWARD counts more packets than came in. One rule that reads more than
 * that gives all of its table away. Returns the tables that were restored.
 *
 * A backup from before a zeroing makes counters rise. Where packets are bridged more may pass than came in, so that
 * this counts only if another program put its rules there just now.
 */
static unsigned restored_tables(const struct meter *meter, const struct snapshot *snapshot)
{
	unsigned restored = 0;

	for (uint32_t i = 0; i < meter->n_tracks; i++) {
		const struct track *track = &meter->tracks[i];
		const struct counter *now = &snapshot->counters[i];
		uint64_t then = track->was_absent ? track->received : meter->received;
		if (track->key.kind == ROLE_OTHER || !is_forward(track) || snapshot->received_after == UINT64_MAX)
			continue;
		bool anew = track->was_absent || fell(track, now);
		if (!anew && !snapshot->replaced[track->key.backend])
			continue;
		if (now->packets - (anew ? 0 : track->last.packets) > snapshot->received_after - then)
			restored |= table_of(track);
	}
	return restored;
}

/* Takes in what a rule counted since it was seen last. Returns whether another program meddled with its
 * counter: what it had counted between our last look and then is lost. */
static bool take_in(struct meter *meter, struct track *track, const struct counter *now, bool restored)
{
	/* After a start of the router lower counters are no surprise; a backup that came back is. It may be older
	 * than the last time that the kernel's counters were set to zero: then some read more than they did. */
	bool lower = fell(track, now);
	bool changed = now->packets != track->last.packets || now->octets != track->last.octets;
	bool meddled = restored ? track->rebooted || changed : lower && !track->rebooted;

	if (restored)
		track->last = *now;
	else if (lower || track->was_absent)
		track->last = (struct counter){0};
	if (track->rebooted)
		meter->stale |= IMAGE_BIT(IMAGE_RULES);
	meter->stale |= IMAGE_BIT(IMAGE_COUNTS);
	attribute(meter, track, now->packets - track->last.packets, now->octets - track->last.octets);
	track->last = *now;
	track->was_absent = track->rebooted = false;
	return meddled;
}

int meter_fold(struct meter *meter, const struct snapshot *snapshot, decitime now, meter_report *report, void *context)
{
	bool reset = false;
	unsigned restored;

	meter->stamp = 0;
	if (snapshot->generation != meter->generation &&
	    meter_adopt(meter, snapshot, now, report, context) < 0)
		return -1;
	if (snapshot->partial) {
		meter_settle(meter);
		return 0;
	}
	restored = meter->folded ? restored_tables(meter, snapshot) : 0;
	for (uint32_t i = 0; i < meter->n_tracks; i++) {
		struct track *track = &meter->tracks[i];
		bool rebooted = track->rebooted;
		if (track->key.kind == ROLE_OTHER ||
		    !take_in(meter, track, &snapshot->counters[i], (restored & table_of(track)) != 0))
			continue;
		meter_stamp(meter, track, now);
		/* Every commit of iptables-legacy clears the counters of policies: no reset. */
		reset |= track->key.kind != ROLE_POLICY && !rebooted;
	}
	meter->resets += reset;
	meter->received = snapshot->received_before;
	meter->folded = true;
	meter_settle(meter);
	meter_judge(meter, now);
	return 0;
}

const struct recognition *meter_recognition(const struct meter *meter)
{
	return meter->found;
}

void meter_rule_zeroed(struct meter *meter, uint32_t rule, const struct counter *taken)
{
	struct track *track = &meter->tracks[rule];

	take_in(meter, track, taken, false);
	track->last = (struct counter){0};
}

void meter_rule_deleted(struct meter *meter, uint32_t rule, const struct counter *taken)
{
	meter_rule_zeroed(meter, rule, taken);
	/* The next fold finds it gone, which is no loss. */
	meter->tracks[rule].present = false;
	meter->stale |= IMAGE_BIT(IMAGE_RULES);
}

void meter_rule_added(struct meter *meter, uint32_t rule, const struct counter *added)
{
	struct track *track = &meter->tracks[rule];

	add(&track->last, added->packets, added->octets);
	meter->stale |= IMAGE_BIT(IMAGE_COUNTS);
}

void meter_rule_begins(struct meter *meter, uint32_t rule, bool lost, decitime now)
{
	meter->tracks[rule].last = (struct counter){0};
	meter->stale |= IMAGE_BIT(IMAGE_COUNTS);
	if (lost)
		meter_stamp(meter, &meter->tracks[rule], now);
}

void meter_town_disturbed(struct meter *meter, uint32_t town, decitime now)
{
	struct track track = {.town = town, .host = RULE_NONE};

	track.key.kind = ROLE_JUMP;
	if (town < meter->n_towns)
		meter_stamp(meter, &track, now);
}

int meter_rule_inserted(struct meter *meter, uint32_t town, const struct prefix *prefix, enum direction direction,
			bool drop, const struct counter *count)
{
	if (meter->n_expected == meter->room_expected) {
		uint32_t room = meter->room_expected ? 2 * meter->room_expected : 16;
		struct track *more = realloc(meter->expected, room * sizeof *more);
		if (!more)
			return -1;
		meter->expected = more;
		meter->room_expected = room;
	}
	struct track *track = &meter->expected[meter->n_expected++];
	memset(track, 0, sizeof *track);
	track->key.town = town;
	track->key.family = prefix->family;
	track->key.direction = (uint8_t)direction;
	track->key.kind = drop ? ROLE_HOST_DROP : ROLE_COUNT;
	track->key.prefix = *prefix;
	track->last = *count;
	return 0;
}

static int compare_keys(const struct rule_key *a, const struct rule_key *b)
{
	if (a->town != b->town)
		return a->town < b->town ? -1 : 1;
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->direction != b->direction)
		return (int)a->direction - (int)b->direction;
	if (a->ours != b->ours)
		return (int)a->ours - (int)b->ours;
	if (a->ordinal != b->ordinal)
		return (int)a->ordinal - (int)b->ordinal;
	if (a->family != b->family)
		return (int)a->family - (int)b->family;
	if (a->backend != b->backend)
		return (int)a->backend - (int)b->backend;
	int order = prefix_compare(&a->prefix, &b->prefix);
	return order ? order : ports_compare(&a->ports, &b->ports);
}

int meter_by_key(const void *a, const void *b)
{
	return compare_keys(&((const struct track *)a)->key, &((const struct track *)b)->key);
}

struct rule_key meter_rule_key(const struct meter *meter, uint32_t rule)
{
	return meter->tracks[rule].key;
}

struct keyed {
	struct rule_key key;
	uint32_t rule;
};

static int by_keyed(const void *a, const void *b)
{
	return compare_keys(&((const struct keyed *)a)->key, &((const struct keyed *)b)->key);
}

int meter_locate(const struct meter *meter, const struct rule_key *keys, uint32_t *rules, size_t n)
{
	struct keyed *all = calloc(meter->n_tracks + 1u, sizeof *all);

	if (!all)
		return -1;
	for (uint32_t i = 0; i < meter->n_tracks; i++)
		all[i] = (struct keyed){.key = meter->tracks[i].key, .rule = i};
	qsort(all, meter->n_tracks, sizeof *all, by_keyed);
	for (size_t i = 0; i < n; i++) {
		struct keyed wanted = {.key = keys[i]};
		const struct keyed *found = bsearch(&wanted, all, meter->n_tracks, sizeof *all, by_keyed);
		rules[i] = found ? found->rule : RULE_NONE;
	}
	free(all);
	return 0;
}
