/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules in the towns' chains are hosts, and what the hosts are called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recognise_private.h"

/* Why a rule in a town's chain is not a host's; NULL if it is one. */
static const char *why_not_host(const struct rule *rule)
{
	bool dst = rule->dst.family != PREFIX_NONE, src = rule->src.family != PREFIX_NONE;

	if (rule->odd & ODD_NEGATION)
		return "has a negation (!)";
	if (rule->odd & ODD_INTERFACE)
		return "has an interface";
	if (rule->odd & ODD_PROTOCOL)
		return "has a protocol";
	if (rule->odd & ODD_MASK)
		return "has a mask that is not a prefix";
	if (rule->odd & ODD_FRAGMENT)
		return "matches fragments only";
	if (rule->odd == ODD_UNCOUNTED)
		return "has no counter";
	if (rule->odd)
		return "has a further match";
	if (dst == src)
		return dst ? "has both -s and -d" : "has neither -s nor -d";
	if (rule->verdict != VERDICT_NONE && rule->verdict != VERDICT_DROP)
		return "has a target other than DROP";
	return NULL;
}

static bool is_ours(const struct ruleset *rules, const struct rule *rule)
{
	return rule->verdict == VERDICT_DROP &&
	       strcmp(ruleset_text(rules, rule->comment), RULE_COMMENT) == 0;
}

static int collect_sightings(struct work *work)
{
	const struct ruleset *rules = work->rules;
	uint32_t n = work->n_counts;

	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (work->town_of_chain[c] != RULE_NONE)
			n += rules->chains[c].count;
	work->sightings = calloc(n + 1u, sizeof *work->sightings);
	if (!work->sightings)
		return -1;
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		struct role *role = &work->found->roles[i];
		uint32_t town = work->town_of_chain[rule->chain];
		if (town == RULE_NONE || role->layout)
			continue;
		bool in_tree = work->tree[rule->chain].place == TREE_TOWN;
		role->why = why_not_host(rule);
		if (role->why)
			continue;
		bool down = rule->dst.family != PREFIX_NONE;
		role->kind = rule->verdict == VERDICT_DROP ? ROLE_HOST_DROP : ROLE_COUNT;
		role->direction = down ? DIRECTION_DOWN : DIRECTION_UP;
		role->town = town;
		role->ours = is_ours(rules, rule);
		role->layout = in_tree && role->kind == ROLE_HOST_DROP;
		work->sightings[work->n_sightings++] = (struct sighting){
			.town = town, .rule = i, .direction = role->direction,
			.prefix = down ? rule->dst : rule->src, .beside = in_tree};
	}
	recognise_tree_hosts(work);
	recognise_sort(work->sightings, work->n_sightings, sizeof *work->sightings, recognise_order);
	return 0;
}

/* A drop of one of the town's own prefixes blocks the town. */
static bool is_towns_own(const struct work *work, const struct found_town *town, const struct prefix *prefix)
{
	for (uint32_t j = 0; j < town->n_jumps; j++) {
		const struct rule *jump = &work->rules->rules[work->found->jumps[town->first_jump + j]];
		if (prefix_compare(prefix, &jump->dst) == 0 || prefix_compare(prefix, &jump->src) == 0)
			return true;
	}
	return false;
}

/* The comment of a rule if it can be a name; a problem if there is one that can not. */
static const char *comment_name(struct work *work, uint32_t rule)
{
	const char *comment = ruleset_text(work->rules, work->rules->rules[rule].comment);

	if (comment[0] == '\0' || work->found->roles[rule].ours)
		return NULL;
	if (name_valid(comment, NAME_HOST_MAX))
		return comment;
	char text[160];
	recognise_problem(work, "the comment of %s can not be a host's name, which is 1 to %d octets of "
			  "UTF-8 without control characters: its prefix is used",
			  ruleset_describe(work->rules, rule, text, sizeof text), NAME_HOST_MAX);
	return NULL;
}

/* What someone else calls a prefix, or NULL. */
static const char *name_from(const struct recognise_names *names, const char *town, const struct prefix *prefix)
{
	const char *name = names && names->find ? names->find(names->context, town, prefix) : NULL;

	return name && name_valid(name, NAME_HOST_MAX) ? name : NULL;
}

/*
 * The name of one prefix of one town: what the configuration says, else the comment of the -d rule, else
 * of the -s rule. A configured name settles it, so that no comment is complained of. A drop's comment
 * may be the reason for it, so it names a host only where the drop stands instead of a counting rule, as
 * after `-R ... -j DROP`; where that took the only comment away, the host keeps the name it had.
 */
static void choose_name(struct work *work, const struct sighting *group, uint32_t n, char name[NAME_HOST_MAX + 1])
{
	const char *count_name[2] = {NULL, NULL}, *drop_name[2] = {NULL, NULL};
	bool counts[2] = {false, false}, drops[2] = {false, false};
	const char *town = ruleset_text(work->rules, work->found->towns[group->town].name), *best;
	char prefix[PREFIX_TEXT_SIZE];

	best = name_from(work->configured, town, &group->prefix);
	if (best) {
		memcpy(name, best, strlen(best) + 1);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct role *role = &work->found->roles[group[i].rule];
		uint8_t d = group[i].direction;
		const char **own = role->kind == ROLE_COUNT ? &count_name[d] : &drop_name[d];
		counts[d] |= role->kind == ROLE_COUNT;
		drops[d] |= role->kind != ROLE_COUNT && !role->ours;
		if (!*own)
			*own = comment_name(work, group[i].rule);
	}
	const char *down = count_name[DIRECTION_DOWN], *up = count_name[DIRECTION_UP];
	if (down && up && strcmp(down, up) != 0)
		recognise_problem(work, "%s in %s has two names, '%s' from its -d rule and '%s' from its -s "
				  "rule: the first is used", prefix_format(&group->prefix, prefix), town, down, up);
	best = down ? down : up;
	for (int d = 0; d < 2 && !best; d++)
		if (drops[d] && !counts[d])
			best = drop_name[d];
	/* Rules of the tree have no comments: while nothing is configured, nothing else tells. */
	bool unnamed = work->found->roles[group[0].rule].layout && (!work->configured || !work->configured->find);
	bool replaced = unnamed || (drops[0] && !counts[0]) || (drops[1] && !counts[1]) || (!counts[0] && !counts[1]);
	if (!best && replaced)
		best = name_from(work->remembered, town, &group->prefix);
	if (!best)
		best = prefix_format(&group->prefix, prefix);
	memcpy(name, best, strlen(best) + 1);
}

/* Drops with the same prefix, direction and maker differ by their order alone. New ones of ours come ahead of those
 * that stand, as a removal that was cut off leaves them: counted from the end, the old ones keep their numbers. */
static void number_drops(struct work *work, const struct sighting *group, uint32_t n)
{
	uint8_t next[2][2][2] = {{{0}}};

	for (uint32_t i = 0; i < 2 * n; i++) {
		bool ours = i >= n;
		const struct sighting *sighting = &group[ours ? 2 * n - 1 - i : i];
		struct role *role = &work->found->roles[sighting->rule];
		uint8_t *own = &next[role->layout][ours][sighting->direction];
		if (role->kind == ROLE_COUNT || role->ours != ours)
			continue;
		role->ordinal = *own;
		*own = (uint8_t)(*own < UINT8_MAX ? *own + 1 : *own);
	}
}

/* Does the jump count a packet that gets to the drop, a rule of the tree? */
static bool counts_before(const struct work *work, uint32_t jump, uint32_t drop)
{
	const struct rule *from = &work->rules->rules[jump], *to = &work->rules->rules[drop];
	const struct chain *chain = &work->rules->chains[to->chain];
	uint32_t root = work->root[chain->backend][chain->family == PREFIX_IPV6];

	if (from->chain == to->chain)
		return jump < drop;
	/* A rule of FORWARD that someone wrote. */
	return work->rules->chains[from->chain].backend == chain->backend && jump < root;
}

/* Nothing counts the town ahead of this drop. */
static bool is_ahead(const struct work *work, const struct sighting *drop)
{
	const struct found_town *town = &work->found->towns[drop->town];

	for (uint32_t j = 0; j < town->n_jumps; j++) {
		uint32_t jump = work->found->jumps[town->first_jump + j];
		const struct rule *rule = &work->rules->rules[jump];
		if (work->found->roles[jump].direction == drop->direction &&
		    prefix_overlaps(drop->direction == DIRECTION_DOWN ? &rule->dst : &rule->src, &drop->prefix) &&
		    counts_before(work, jump, drop->rule))
			return false;
	}
	return true;
}

/* Does the host's counting rule see packets before the drop does? */
static bool is_late(const struct work *work, uint32_t count, uint32_t drop)
{
	if (count == RULE_NONE)
		return false;
	if (work->rules->rules[count].chain == work->rules->rules[drop].chain)
		return count < drop;
	/* One of them stands in the tree: below an entrance, or ahead of it. */
	return !work->found->roles[drop].layout || !work->found->roles[drop].ahead;
}

/* The first counting rule counts, others of the same prefix and direction see the packet again. */
static void settle_group(struct work *work, struct found_address *address, const struct sighting *group,
			 uint32_t n)
{
	const struct ruleset *rules = work->rules;

	for (uint32_t i = 0; i < n; i++) {
		struct role *role = &work->found->roles[group[i].rule];
		uint32_t *own = role->kind == ROLE_COUNT ? &address->count[group[i].direction]
							 : &address->drop[group[i].direction];
		if (role->kind == ROLE_TOWN_DROP)
			continue;
		if (role->kind == ROLE_COUNT && *own != RULE_NONE) {
			char text[160];
			if (role->layout && group[i].beside) {
				role->shadow = true;
				continue;
			}
			role->kind = ROLE_OTHER;
			role->why = "a second rule for the same prefix and direction";
			recognise_problem(work, "%s is a second rule for the same prefix and is not used",
					  ruleset_describe(rules, group[i].rule, text, sizeof text));
			continue;
		}
		if (*own == RULE_NONE)
			*own = group[i].rule;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct role *role = &work->found->roles[group[i].rule];
		role->late = role->kind == ROLE_HOST_DROP &&
			     is_late(work, address->count[group[i].direction], group[i].rule);
	}
}

/* Names while hosts are being made of addresses. */
struct naming {
	uint32_t town, address;
	char name[NAME_HOST_MAX + 1];
};

static int by_town_and_name(const void *a, const void *b)
{
	const struct naming *x = a, *y = b;

	if (x->town != y->town)
		return x->town < y->town ? -1 : 1;
	int order = name_compare(x->name, y->name);
	return order ? order : (x->address > y->address) - (x->address < y->address);
}

static int make_hosts(struct work *work, struct naming *naming)
{
	struct recognition *found = work->found;

	recognise_sort(naming, found->n_addresses, sizeof *naming, by_town_and_name);
	found->hosts = calloc(found->n_addresses + 1u, sizeof *found->hosts);
	if (!found->hosts)
		return -1;
	for (uint32_t i = 0; i < found->n_addresses; i++) {
		if (i == 0 || naming[i - 1].town != naming[i].town ||
		    strcmp(naming[i - 1].name, naming[i].name) != 0) {
			struct found_host *host = &found->hosts[found->n_hosts++];
			host->town = naming[i].town;
			memcpy(host->name, naming[i].name, sizeof host->name);
		}
		found->addresses[naming[i].address].host = found->n_hosts - 1;
	}
	return 0;
}

static uint32_t first_rule(const struct found_address *address)
{
	uint32_t first = RULE_NONE;

	for (int d = 0; d < 2; d++) {
		if (address->count[d] < first)
			first = address->count[d];
		if (address->drop[d] < first)
			first = address->drop[d];
	}
	return first;
}

static int by_prefix_and_rule(const void *a, const void *b, void *context)
{
	const struct found_address *all = context;
	const struct found_address *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];
	int order = prefix_compare(&x->prefix, &y->prefix);
	uint32_t i = first_rule(x), j = first_rule(y);

	return order ? order : (i > j) - (i < j);
}

/* Whose is an address? One prefix may stand in the chains of two towns. */
static int index_prefixes(struct work *work)
{
	struct recognition *found = work->found;
	uint32_t n = found->n_addresses, kept = 0;

	found->by_prefix = calloc(n + 1u, sizeof *found->by_prefix);
	if (!found->by_prefix)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		found->by_prefix[i] = i;
	qsort_r(found->by_prefix, n, sizeof *found->by_prefix, by_prefix_and_rule, found->addresses);
	for (uint32_t i = 0; i < n; i++) {
		const struct found_address *next = &found->addresses[found->by_prefix[i]];
		const struct found_address *last = kept ? &found->addresses[found->by_prefix[kept - 1]] : NULL;
		if (last && prefix_compare(&last->prefix, &next->prefix) == 0) {
			char prefix[PREFIX_TEXT_SIZE];
			recognise_problem(work, "%s belongs to %s in %s and to %s in %s: the address table names "
					  "the first", prefix_format(&next->prefix, prefix),
					  found->hosts[last->host].name,
					  ruleset_text(work->rules, found->towns[last->town].name),
					  found->hosts[next->host].name,
					  ruleset_text(work->rules, found->towns[next->town].name));
			continue;
		}
		found->by_prefix[kept++] = found->by_prefix[i];
	}
	found->n_by_prefix = kept;
	return 0;
}

/* Sightings of one town and prefix lie side by side: each group is an address, or the town's own. */
static void make_addresses(struct work *work, struct naming *naming)
{
	struct recognition *found = work->found;

	for (uint32_t i = 0, next; i < work->n_sightings; i = next) {
		const struct sighting *group = &work->sightings[i];
		struct found_town *town = &found->towns[group->town];
		bool counted = false;
		for (next = i; next < work->n_sightings && work->sightings[next].town == group->town &&
			       prefix_compare(&work->sightings[next].prefix, &group->prefix) == 0; next++)
			counted |= found->roles[work->sightings[next].rule].kind == ROLE_COUNT;
		uint32_t n = next - i;
		number_drops(work, group, n);
		for (uint32_t k = i; k < next; k++) {
			struct role *role = &found->roles[work->sightings[k].rule];
			role->ahead = role->kind == ROLE_HOST_DROP && role->layout &&
				      is_ahead(work, &work->sightings[k]);
		}
		if (is_towns_own(work, town, &group->prefix)) {
			for (uint32_t k = 0; k < n; k++) {
				struct role *role = &found->roles[group[k].rule];
				if (role->kind == ROLE_HOST_DROP)
					role->kind = ROLE_TOWN_DROP;
			}
			if (!counted)
				continue;
		}
		struct found_address *address = &found->addresses[found->n_addresses];
		*address = (struct found_address){
			.town = group->town, .prefix = group->prefix,
			.count = {RULE_NONE, RULE_NONE}, .drop = {RULE_NONE, RULE_NONE}};
		struct naming *own = &naming[found->n_addresses];
		own->town = group->town;
		own->address = found->n_addresses;
		choose_name(work, group, n, own->name);
		settle_group(work, address, group, n);
		if (town->n_addresses++ == 0)
			town->first_address = found->n_addresses;
		found->n_addresses++;
	}
}

static void give_roles_their_hosts(struct work *work)
{
	struct recognition *found = work->found;
	const struct found_address *address = found->addresses;

	for (uint32_t i = 0; i < work->n_sightings; i++) {
		const struct sighting *seen = &work->sightings[i];
		struct role *role = &found->roles[seen->rule];
		if (role->kind != ROLE_COUNT && role->kind != ROLE_HOST_DROP)
			continue;
		while (address->town != seen->town || prefix_compare(&address->prefix, &seen->prefix) != 0)
			address++;
		role->host = address->host;
	}
}

int recognise_hosts(struct work *work)
{
	struct recognition *found = work->found;
	struct naming *naming = NULL;
	int result = -1;

	if (collect_sightings(work) < 0)
		return -1;
	found->addresses = calloc(work->n_sightings + 1u, sizeof *found->addresses);
	naming = calloc(work->n_sightings + 1u, sizeof *naming);
	if (!found->addresses || !naming)
		goto out;
	make_addresses(work, naming);
	result = make_hosts(work, naming);
	if (result == 0)
		give_roles_their_hosts(work);
	if (result == 0)
		result = index_prefixes(work);
out:
	free(naming);
	return result;
}
