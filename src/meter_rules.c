/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules by their identities, which outlive their places. */
#include <stdlib.h>
#include <string.h>

#include "layout_names.h"
#include "meter_private.h"

/* The order of the tracks by their keys, made when it is asked for. */
struct rule_index {
	uint32_t *order;
	uint32_t n;
	bool fresh;
};

struct rule_index *meter_index_new(void)
{
	return calloc(1, sizeof(struct rule_index));
}

void meter_index_free(struct rule_index *index)
{
	if (!index)
		return;
	free(index->order);
	free(index);
}

void meter_index_outdated(const struct meter *meter)
{
	meter->index->fresh = false;
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
	if (a->layout != b->layout)
		return (int)a->layout - (int)b->layout;
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

static int by_track_key(const void *a, const void *b, void *tracks)
{
	const struct track *all = tracks;

	return meter_by_key(&all[*(const uint32_t *)a], &all[*(const uint32_t *)b]);
}

/* Returns 0, or -1 with errno ENOMEM. */
static int freshen(const struct meter *meter)
{
	struct rule_index *index = meter->index;

	if (index->fresh)
		return 0;
	uint32_t *order = realloc(index->order, (meter->n_tracks + 1u) * sizeof *order);
	if (!order)
		return -1;
	index->order = order;
	index->n = meter->n_tracks;
	for (uint32_t i = 0; i < index->n; i++)
		order[i] = i;
	qsort_r(order, index->n, sizeof *order, by_track_key, meter->tracks);
	index->fresh = true;
	return 0;
}

/* The first rule of the last fold with this identity, or RULE_NONE; without memory for the index one after the other. */
static uint32_t find_rule(const struct meter *meter, const struct rule_key *key)
{
	uint32_t low = 0, high = meter->n_tracks;

	if (freshen(meter) < 0) {
		for (uint32_t i = 0; i < meter->n_tracks; i++)
			if (compare_keys(&meter->tracks[i].key, key) == 0)
				return i;
		return RULE_NONE;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_keys(&meter->tracks[meter->index->order[middle]].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == meter->n_tracks || compare_keys(&meter->tracks[meter->index->order[low]].key, key) != 0)
		return RULE_NONE;
	return meter->index->order[low];
}

int meter_locate(const struct meter *meter, const struct rule_key *keys, uint32_t *rules, size_t n)
{
	if (freshen(meter) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		rules[i] = keys[i].kind == ROLE_OTHER ? RULE_NONE : find_rule(meter, &keys[i]);
	return 0;
}

struct counter meter_rule_last(const struct meter *meter, const struct rule_key *key)
{
	uint32_t rule = find_rule(meter, key);
	const struct track wanted = {.key = *key}, *absent = NULL;

	if (rule != RULE_NONE)
		return meter->tracks[rule].last;
	if (meter->n_absent)
		absent = bsearch(&wanted, meter->absent, meter->n_absent, sizeof *meter->absent, meter_by_key);
	return absent ? absent->last : (struct counter){0};
}

bool meter_has_twin(const struct rule_key *key)
{
	return key->kind == ROLE_TOTAL || key->kind == ROLE_JUMP || key->kind == ROLE_COUNT;
}

bool meter_has_shadow(const struct meter *meter, const struct rule_key *key)
{
	struct rule_key twin = *key;

	if (meter->n_shadows == 0 || key->layout || !meter_has_twin(key))
		return false;
	twin.layout = true;
	for (twin.backend = CHAIN_LEGACY; twin.backend <= CHAIN_NFT; twin.backend++) {
		uint32_t rule = find_rule(meter, &twin);
		if (rule != RULE_NONE && meter->tracks[rule].shadow && meter->tracks[rule].present)
			return true;
	}
	return false;
}

int meter_rule_inserted(struct meter *meter, const struct rule_key *key, const struct counter *count)
{
	/* It is asked for what was written, and not where it stands. */
	if (key->kind == ROLE_CANARY) {
		meter->written[key->backend][key->family == PREFIX_IPV6] = count->packets;
		return 0;
	}
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
	track->key = *key;
	track->last = *count;
	return 0;
}

void meter_expect_nothing(struct meter *meter)
{
	meter->n_expected = 0;
}

/* Is it the chain of this town, as someone wrote it or as the tree has it? */
static bool is_chain_of(const struct meter *meter, uint32_t town, uint32_t chain, bool *in_tree)
{
	uint32_t found = town == RULE_NONE ? RULE_NONE : meter->towns[town].found;

	for (int f = 0; found != RULE_NONE && f < 2; f++) {
		const struct found_town *own = &meter->found->towns[found];
		if (own->chain[f] != chain && own->tree[f] != chain)
			continue;
		*in_tree = own->tree[f] == chain;
		return true;
	}
	return false;
}

struct rule_key meter_chain_key(const struct meter *meter, const struct ruleset *rules, uint32_t chain)
{
	const char *name = ruleset_text(rules, rules->chains[chain].name);
	struct rule_key key = {.town = meter_find_town(meter, name), .family = rules->chains[chain].family,
			       .backend = rules->chains[chain].backend};

	if (!is_chain_of(meter, key.town, chain, &key.layout)) {
		uint32_t beside = meter_find_town(meter, layout_name_town(name));
		if (is_chain_of(meter, beside, chain, &key.layout))
			key.town = beside;
	}
	return key;
}
