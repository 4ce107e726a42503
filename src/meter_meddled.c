/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether another program set counters to zero, or brought them back from a backup. */
#include "meter_private.h"

bool meter_fell(const struct track *track, const struct counter *now)
{
	return now->packets < track->last.packets || now->octets < track->last.octets;
}

/* The total is among them: where all towns were zeroed it alone tells of a backup. */
static bool is_forward(const struct track *track)
{
	return (track->key.kind >= ROLE_JUMP && track->key.kind <= ROLE_TOWN_DROP) || track->key.kind == ROLE_SERVICE ||
	       (track->key.kind == ROLE_TOTAL && track->key.town == HOOK_FORWARD);
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
		bool anew = track->was_absent || meter_fell(track, now);
		if (!anew && !snapshot->replaced[track->key.backend])
			continue;
		if (now->packets - (anew ? 0 : track->last.packets) > snapshot->received_after - then)
			restored |= table_of(track);
	}
	return restored;
}

static bool same_count(const struct counter *a, const struct counter *b)
{
	return a->packets == b->packets && a->octets == b->octets;
}

/* What a canary tells of its table: nothing is counted there, so that whatever it reads was written. */
static enum meddling ask_canary(struct meter *meter, const struct track *canary, const struct counter *now)
{
	uint64_t *written = &meter->written[canary->key.backend][canary->key.family == PREFIX_IPV6];
	bool zero = now->packets == 0 && now->octets == 0;

	if (*written && now->packets == *written) {
		*written = 0;
		return MEDDLING_NONE;
	}
	if (canary->is_new || (canary->was_absent && zero))
		return MEDDLING_NONE;
	if (!canary->was_absent && same_count(now, &canary->last))
		return MEDDLING_NONE;
	return zero ? MEDDLING_ZEROED : MEDDLING_RESTORED;
}

/* Who zeroes the canary's chain alone left all others as they are: one that reads more than what can have passed since
 * the last look was not zeroed. */
static unsigned tables_that_go_on(const struct meter *meter, const struct snapshot *snapshot)
{
	unsigned go_on = 0;

	for (uint32_t i = 0; i < meter->n_tracks; i++) {
		const struct track *track = &meter->tracks[i];
		const struct counter *now = &snapshot->counters[i];
		if (!track->key.layout || !is_forward(track) || track->is_new || track->was_absent || track->given ||
		    meter_fell(track, now) || snapshot->received_after == UINT64_MAX)
			continue;
		if (now->packets > snapshot->received_after - meter->received)
			go_on |= table_of(track);
	}
	return go_on;
}

struct meddled meter_meddled(struct meter *meter, const struct snapshot *snapshot)
{
	struct meddled meddled = {.restored = meter->folded ? restored_tables(meter, snapshot) : 0};

	for (uint32_t i = 0; i < meter->n_tracks; i++) {
		const struct track *track = &meter->tracks[i];
		if (track->key.kind != ROLE_CANARY)
			continue;
		enum meddling told = ask_canary(meter, track, &snapshot->counters[i]);
		if (told == MEDDLING_ZEROED)
			meddled.tree_zeroed |= table_of(track);
		else if (told == MEDDLING_RESTORED)
			meddled.tree_restored |= table_of(track);
	}
	if (meddled.tree_zeroed)
		meddled.tree_zeroed &= ~tables_that_go_on(meter, snapshot);
	return meddled;
}

enum meddling meter_meddling(const struct meddled *meddled, const struct track *track)
{
	unsigned table = table_of(track);

	if (track->key.kind == ROLE_CANARY)
		return MEDDLING_RESTORED;
	if (track->key.layout && (meddled->tree_restored & table))
		return MEDDLING_EXCHANGED;
	if (track->key.layout && (meddled->tree_zeroed & table))
		return track->is_new || track->given ? MEDDLING_NONE : MEDDLING_ZEROED;
	return meddled->restored & table ? MEDDLING_RESTORED : MEDDLING_NONE;
}
