/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New rules: each is found again by its identity, and goes on from its last counter. */
#include <stdlib.h>
#include <string.h>

#include "meter_adopt.h"

struct track meter_adopt_track(const struct adoption *a, uint32_t rule)
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
	track.is_new = true;
	track.key.layout = role->layout;
	track.shadow = role->shadow;
	track.ahead = role->ahead;
	if (role->kind == ROLE_TOTAL || role->kind == ROLE_POLICY) {
		track.key.town = chain->hook;
		return track;
	}
	if (role->kind == ROLE_CANARY)
		track.key.town = RULE_NONE;
	if (role->kind == ROLE_OTHER || role->kind == ROLE_CANARY)
		return track;
	track.town = track.key.town = a->town_ids[role->town];
	if (role->host != RULE_NONE)
		track.host = a->host_ids[role->host];
	track.key.direction = role->direction;
	track.key.ours = role->ours;
	track.key.ordinal = role->ordinal;
	/* A rule of a class has no prefix of its own. */
	const struct rule *own = &rules->rules[role->kind == ROLE_SERVICE ? role->owner : rule];
	track.key.prefix = role->direction == DIRECTION_DOWN ? own->dst : own->src;
	if (role->kind == ROLE_SERVICE) {
		track.key.ports = rules->rules[rule].ports;
		track.key.ordinal = role->host != RULE_NONE;
		track.service = a->service_cells[role->service];
	}
	track.late = role->late;
	return track;
}

static bool is_drop(const struct track *track)
{
	return track->key.kind == ROLE_HOST_DROP || track->key.kind == ROLE_TOWN_DROP;
}

/* Drops are a host's or a town's: nobody who puts one in has to know. */
static int class_of(const struct track *track)
{
	return is_drop(track) ? ROLE_HOST_DROP : track->key.kind;
}

/* As far as it is known of a rule that was put in. */
static int by_place(const void *a, const void *b)
{
	const struct track *x = a, *y = b;

	if (x->key.town != y->key.town)
		return x->key.town < y->key.town ? -1 : 1;
	if (x->key.direction != y->key.direction)
		return (int)x->key.direction - (int)y->key.direction;
	if (class_of(x) != class_of(y))
		return class_of(x) - class_of(y);
	if (x->key.layout != y->key.layout)
		return (int)x->key.layout - (int)y->key.layout;
	if (x->key.family != y->key.family)
		return (int)x->key.family - (int)y->key.family;
	if (x->key.backend != y->key.backend)
		return (int)x->key.backend - (int)y->key.backend;
	int order = prefix_compare(&x->key.prefix, &y->key.prefix);
	if (order || x->key.kind != ROLE_SERVICE)
		return order;
	order = (int)x->key.ordinal - (int)y->key.ordinal;
	return order ? order : ports_compare(&x->key.ports, &y->key.ports);
}

/* A rule that we put in ourselves comes with the count that we gave it. */
static void expect(struct meter *meter, struct track *track)
{
	uint32_t low = 0, high = meter->n_expected;

	if (!is_drop(track) && !meter_has_twin(&track->key) && track->key.kind != ROLE_SERVICE)
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
		track->was_absent = track->rebooted = track->is_new = false;
		track->given = true;
		return;
	}
}

static bool continue_from(struct track *track, struct track *before)
{
	if (before->matched || meter_by_key(track, before) != 0)
		return false;
	track->last = before->last;
	track->received = before->received;
	/* What was not taken in yet is to be still. */
	track->was_absent = !before->present || before->was_absent;
	track->rebooted = before->rebooted;
	track->is_new = before->is_new;
	track->given = before->given && before->present;
	track->hands_over = before->hands_over && before->present;
	track->silent = before->silent && before->present;
	track->was_shadow = before->shadow;
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

void meter_adopt_match(struct adoption *a)
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

void meter_adopt_keep_absent(struct adoption *a)
{
	struct meter *meter = a->meter;
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->n_known; i++) {
		struct track *track = &a->known[i];
		if (track->matched)
			continue;
		/* A class that is not configured any more has no rules, though they stand. */
		if (track->present && !track->shadow && !track->silent &&
		    (track->key.kind != ROLE_SERVICE || !a->renamed))
			meter_stamp(meter, track, a->now);
		if (track->present)
			track->received = meter->received;
		track->present = track->silent = track->hands_over = false;
		a->known[n++] = *track;
	}
	free(meter->absent);
	meter->absent = a->known;
	meter->n_absent = n;
	a->known = NULL;
	meter->n_expected = 0;
}
