/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rule of the tree and one that someone wrote count the same packets; the second one is read. Each is seen from one
 * fold to the next, so that no packet is missed when one of them goes or comes:
 *
 * - what someone wrote is gone: its twin goes on from its own last counter;
 * - someone wrote it just now: its twin counts until this fold, and the new one from what it reads then.
 */
#include <stdlib.h>

#include "meter_adopt.h"

/* The twins that stand, by what they count. */
struct twins {
	struct track **list;
	uint32_t n;
};

static int compare(const struct rule_key *a, const struct rule_key *b)
{
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->town != b->town)
		return a->town < b->town ? -1 : 1;
	if (a->direction != b->direction)
		return (int)a->direction - (int)b->direction;
	if (a->family != b->family)
		return (int)a->family - (int)b->family;
	return prefix_compare(&a->prefix, &b->prefix);
}

static int by_what(const void *a, const void *b)
{
	return compare(&(*(struct track *const *)a)->key, &(*(struct track *const *)b)->key);
}

static bool is_anew(const struct track *track)
{
	return track->is_new || track->was_absent;
}

static bool has_twin(const struct track *track, bool layout)
{
	return track->key.layout == layout && meter_has_twin(&track->key);
}

/* A rule of the tree that someone wrote a rule beside just now. */
static bool becomes_shadow(const struct track *track)
{
	return has_twin(track, true) && track->shadow && !track->was_shadow && !is_anew(track);
}

/* All of the tree, in the order of what they count; NULL without memory. */
static struct track **list_tree(struct adoption *a, uint32_t *n)
{
	uint32_t n_rules = a->snapshot->rules->n_rules;
	struct track **list = calloc(n_rules + 1u, sizeof *list);

	*n = 0;
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < n_rules; i++)
		if (has_twin(&a->tracks[i], true))
			list[(*n)++] = &a->tracks[i];
	qsort(list, *n, sizeof *list, by_what);
	return list;
}

static struct track *find(const struct twins *twins, const struct track *track)
{
	struct track *const *found = bsearch(&track, twins->list, twins->n, sizeof *found, by_what);

	return found ? *found : NULL;
}

/* What someone wrote went: no gap, if its twin saw all that it did. */
static void hand_over_to_tree(struct adoption *a, const struct twins *twins)
{
	for (uint32_t i = 0; i < a->n_known; i++) {
		struct track *gone = &a->known[i];
		if (gone->matched || !gone->present || !has_twin(gone, false))
			continue;
		const struct track *twin = find(twins, gone);
		gone->silent = twin && !twin->shadow && !is_anew(twin);
	}
}

/* What someone wrote came. */
static void hand_over_by_tree(struct adoption *a, const struct twins *twins)
{
	for (uint32_t i = 0; i < a->snapshot->rules->n_rules; i++) {
		struct track *track = &a->tracks[i];
		if (!has_twin(track, false) || !is_anew(track))
			continue;
		struct track *twin = find(twins, track);
		if (twin && becomes_shadow(twin))
			track->silent = twin->hands_over = true;
	}
	/* Its rule counts something else, so that nobody knows how much of it was counted. */
	for (uint32_t i = 0; i < twins->n; i++)
		if (becomes_shadow(twins->list[i]) && !twins->list[i]->hands_over)
			meter_stamp(a->meter, twins->list[i], a->now);
}

void meter_adopt_twins(struct adoption *a)
{
	struct twins twins = {.list = NULL};
	bool gone = false, come = false;

	for (uint32_t i = 0; i < a->n_known; i++)
		gone |= !a->known[i].matched && a->known[i].present && has_twin(&a->known[i], false);
	for (uint32_t i = 0; i < a->snapshot->rules->n_rules; i++)
		come |= becomes_shadow(&a->tracks[i]);
	if (!gone && !come)
		return;
	twins.list = list_tree(a, &twins.n);
	/* Without memory a gap is told of that there may not be. */
	if (!twins.list)
		return;
	hand_over_to_tree(a, &twins);
	hand_over_by_tree(a, &twins);
	free(twins.list);
}
