/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter_private.h"

struct meter *meter_new(decitime now)
{
	struct meter *meter = calloc(1, sizeof *meter);

	if (meter && !(meter->index = meter_index_new())) {
		free(meter);
		return NULL;
	}
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
	meter_index_free(meter->index);
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

	/* What someone wrote counts the same, and is read. When it has just come, what it counts yet is in here, too. */
	if ((track->shadow && !track->hands_over) || track->silent)
		return;
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
		/* One ahead of what counts the town gets packets that nobody was charged for. */
		if (!track->ahead)
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

/* Takes in what a rule counted since it was seen last. Returns whether another program meddled with its
 * counter: what it had counted between our last look and then is lost. */
static bool take_in(struct meter *meter, struct track *track, const struct counter *now, enum meddling meddling)
{
	/* After a start of the router lower counters are no surprise; a backup that came back is. It may be older
	 * than the last time that the kernel's counters were set to zero: then some read more than they did. */
	bool lower = meter_fell(track, now), restored = meddling >= MEDDLING_RESTORED;
	bool changed = now->packets != track->last.packets || now->octets != track->last.octets;
	bool meddled = restored ? track->rebooted || changed : lower && !track->rebooted;

	/* One that outgrew what it had read before does not show it by itself. */
	if (meddling == MEDDLING_EXCHANGED || (meddling == MEDDLING_ZEROED && !lower))
		meddled = !track->is_new;
	if (restored)
		track->last = *now;
	else if (lower || track->was_absent || meddling == MEDDLING_ZEROED)
		track->last = (struct counter){0};
	if (track->rebooted)
		meter->stale |= IMAGE_BIT(IMAGE_RULES);
	meter->stale |= IMAGE_BIT(IMAGE_COUNTS);
	attribute(meter, track, now->packets - track->last.packets, now->octets - track->last.octets);
	meddled &= !track->silent && (!track->shadow || track->hands_over) && track->key.kind != ROLE_CANARY;
	track->last = *now;
	track->was_absent = track->rebooted = track->is_new = track->given = false;
	track->hands_over = track->silent = false;
	return meddled;
}

int meter_fold(struct meter *meter, const struct snapshot *snapshot, decitime now, meter_report *report, void *context)
{
	struct meddled meddled;
	bool reset = false;

	meter->stamp = 0;
	if (snapshot->generation != meter->generation &&
	    meter_adopt(meter, snapshot, now, report, context) < 0)
		return -1;
	if (snapshot->partial) {
		meter_settle(meter);
		return 0;
	}
	meddled = meter_meddled(meter, snapshot);
	for (uint32_t i = 0; i < meter->n_tracks; i++) {
		struct track *track = &meter->tracks[i];
		bool rebooted = track->rebooted;
		if (track->key.kind == ROLE_OTHER ||
		    !take_in(meter, track, &snapshot->counters[i], meter_meddling(&meddled, track)))
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

	take_in(meter, track, taken, MEDDLING_NONE);
	track->last = (struct counter){0};
}

void meter_rule_deleted(struct meter *meter, uint32_t rule, const struct counter *taken)
{
	/* The tree counted the same, and goes on: the next fold takes that in. */
	meter->tracks[rule].silent = meter_has_shadow(meter, &meter->tracks[rule].key);
	meter_rule_zeroed(meter, rule, taken);
	/* The next fold finds it gone, which is no loss; written again, it may go on from there. */
	meter->tracks[rule].present = false;
	meter->tracks[rule].last = *taken;
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
