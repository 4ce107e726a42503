/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What drop rules achieve, and which rules of FORWARD lead packets around a town. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diversion.h"
#include "recognise_private.h"

/* A list of earlier rules that lead packets away; beyond this many every packet is assumed to be. */
enum { DIVERSIONS_MAX = 256 };

struct diversions {
	uint32_t rule[DIVERSIONS_MAX];
	uint8_t what[DIVERSIONS_MAX];
	uint32_t n;
	bool overflow;
};

static void diversions_add(struct diversions *list, uint32_t rule, uint8_t what)
{
	if (list->n == DIVERSIONS_MAX) {
		list->overflow = true;
		return;
	}
	list->rule[list->n] = rule;
	list->what[list->n++] = what;
}

/* The first rule of the list that does `what` to packets of this prefix of a town, or RULE_NONE. A
 * town's own chain does not lead around the town. */
static uint32_t diversions_find(const struct diversions *list, const struct work *work, uint8_t what,
				const struct role *role, const struct prefix *prefix)
{
	for (uint32_t i = 0; i < list->n; i++)
		if ((list->what[i] & what) && work->found->roles[list->rule[i]].town != role->town &&
		    diversion_concerns(&work->rules->rules[list->rule[i]], role->direction, prefix))
			return list->rule[i];
	return list->overflow ? list->rule[DIVERSIONS_MAX - 1] : RULE_NONE;
}

static const struct prefix *rule_prefix(const struct rule *rule, uint8_t direction)
{
	return direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
}

/* A drop that stands behind an ACCEPT in its chain does not drop everything. */
static void find_shadowed(struct work *work, const uint8_t *deciding)
{
	const struct ruleset *rules = work->rules;
	struct diversions before;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		if (work->town_of_chain[c] == RULE_NONE)
			continue;
		before.n = 0;
		before.overflow = false;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			struct role *role = &work->found->roles[i];
			if (role->kind == ROLE_HOST_DROP || role->kind == ROLE_TOWN_DROP) {
				role->shadowed = diversions_find(&before, work, DIVERTS_PASS, role,
								 rule_prefix(&rules->rules[i], role->direction)) !=
						 RULE_NONE;
				continue;
			}
			uint8_t what = diversion_of_rule(rules, deciding, i);
			if (what)
				diversions_add(&before, i, what);
		}
	}
}

/* A jump to a town learns which earlier rules concern it. `anywhere`: they stand ahead of its chain, too. */
static void judge_jump(struct work *work, uint32_t jump, const struct diversions *before, bool anywhere)
{
	const struct rule *rule = &work->rules->rules[jump];
	const struct role *role = &work->found->roles[jump];
	struct found_town *town = &work->found->towns[role->town];
	const struct prefix *prefix = rule_prefix(rule, role->direction);
	uint32_t passes = diversions_find(before, work, DIVERTS_PASS, role, prefix);
	uint32_t drops = anywhere ? diversions_find(before, work, DIVERTS_DROP, role, prefix) : RULE_NONE;

	if (passes != RULE_NONE && anywhere)
		town->slips[prefix->family == PREFIX_IPV6][role->direction] = true;
	if (town->bypass == RULE_NONE)
		town->bypass = passes != RULE_NONE ? passes : drops;
}

/* Those of the tree in this backend and version of IP. */
static void judge_tree(struct work *work, const struct chain *forward, const struct diversions *before)
{
	const struct recognition *found = work->found;

	for (uint32_t j = 0; j < found->n_jumps; j++) {
		const struct chain *chain = &work->rules->chains[work->rules->rules[found->jumps[j]].chain];
		if (found->roles[found->jumps[j]].layout && chain->backend == forward->backend &&
		    chain->family == forward->family)
			judge_jump(work, found->jumps[j], before, true);
	}
}

/* In FORWARD, and in the towns' chains of the tree, whose drops are to stand ahead of what counts the town. */
static void find_bypasses(struct work *work, const uint8_t *deciding)
{
	const struct ruleset *rules = work->rules;
	struct diversions before;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		bool forward = chain->hook == HOOK_FORWARD;
		if (!forward && work->tree[c].place != TREE_TOWN)
			continue;
		before.n = 0;
		before.overflow = false;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			if (work->found->roles[i].kind == ROLE_JUMP && !work->found->roles[i].shadow)
				judge_jump(work, i, &before, forward);
			else if (forward && i == work->root[chain->backend][chain->family == PREFIX_IPV6])
				judge_tree(work, chain, &before);
			uint8_t what = rules->rules[i].policy ? 0 : diversion_of_rule(rules, deciding, i);
			if (what)
				diversions_add(&before, i, what);
		}
	}
}

/* What a rule leads around: jumps of FORWARD, the jump into the tree, or what counts a town in its chain. */
enum bypassed { BYPASSED_JUMPS, BYPASSED_TREE, BYPASSED_ENTRANCES };

static enum bypassed bypassed_by(const struct work *work, const struct found_town *town)
{
	uint32_t chain = work->rules->rules[town->bypass].chain;
	bool ipv6 = work->rules->chains[chain].family == PREFIX_IPV6;

	if (work->tree[chain].place == TREE_TOWN)
		return BYPASSED_ENTRANCES;
	return town->chain[ipv6] == town->tree[ipv6] ? BYPASSED_TREE : BYPASSED_JUMPS;
}

static void report_bypass(struct work *work, const struct found_town *town, uint32_t more)
{
	const struct ruleset *rules = work->rules;
	const struct rule *rule = &rules->rules[town->bypass];
	const char *name = ruleset_text(rules, town->name);
	char text[128], others[32] = "";
	bool passes = false;

	ruleset_describe(rules, town->bypass, text, sizeof text);
	for (int k = 0; k < 4; k++)
		passes |= town->slips[k / 2][k % 2];
	const char *how = passes ? "accept" : "drop", *blocks = passes ? " and unblocked" : "";
	if (more)
		snprintf(others, sizeof others, " and %u more", more);
	switch (bypassed_by(work, town)) {
	case BYPASSED_TREE:
		recognise_problem(work, "%s ahead of the jump to townmeter can %s packets of %s%s uncounted%s: "
				  "'townmeter apply' moves the jump to the top", text, how, name, others, blocks);
		return;
	case BYPASSED_ENTRANCES:
		recognise_problem(work, "%s ahead of the rules that count %s can accept its packets uncounted: "
				  "move it behind them", text, name);
		return;
	default:
		recognise_problem(work, "%s ahead of the jumps to %s%s can %s its packets uncounted%s: move those "
				  "jumps ahead of it (%s -I FORWARD %u -d PREFIX -j %s, also -s; then -D "
				  "the old ones by number)", text, name, others, how, blocks,
				  rules->chains[rule->chain].family == PREFIX_IPV6 ? "ip6tables" : "iptables",
				  rule->number, name);
	}
}

/* One line for each rule that leads around towns, however many they are. */
static void report_bypasses(struct work *work)
{
	const struct recognition *found = work->found;

	for (uint32_t t = 0; t < found->n_towns; t++) {
		uint32_t rule = found->towns[t].bypass, more = 0;
		bool first = true;
		if (rule == RULE_NONE)
			continue;
		for (uint32_t u = 0; u < found->n_towns; u++) {
			if (found->towns[u].bypass != rule ||
			    bypassed_by(work, &found->towns[u]) != bypassed_by(work, &found->towns[t]))
				continue;
			if (u < t)
				first = false;
			more += u > t;
		}
		if (first)
			report_bypass(work, &found->towns[t], more);
	}
}

static bool is_told_of(const struct work *work, uint32_t rule)
{
	for (uint32_t t = 0; t < work->found->n_towns; t++)
		if (work->found->towns[t].bypass == rule)
			return true;
	return false;
}

static void report_partial_total(struct work *work, uint32_t total, uint32_t first)
{
	const struct chain *chain = &work->rules->chains[work->rules->rules[total].chain];
	char text[128];

	ruleset_describe(work->rules, first, text, sizeof text);
	if (work->rules->rules[total].verdict != VERDICT_JUMP)
		recognise_problem(work, "%s ahead of the total rule of %s can decide on packets, which the "
				  "total then misses: move the total rule to the top", text,
				  ruleset_text(work->rules, chain->name));
	else if (!is_told_of(work, first))
		recognise_problem(work, "%s ahead of the jump to townmeter can decide on packets, which the total "
				  "of FORWARD then misses: 'townmeter apply' moves the jump to the top", text);
}

/* A total rule counts what gets to it. */
static void find_partial_totals(struct work *work, const uint8_t *deciding)
{
	const struct ruleset *rules = work->rules;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		uint32_t first = RULE_NONE;
		if (chain->hook == HOOK_NONE)
			continue;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			const struct role *role = &work->found->roles[i];
			if (role->kind == ROLE_TOTAL && !role->shadow && first != RULE_NONE)
				report_partial_total(work, i, first);
			if (first == RULE_NONE && !rules->rules[i].policy && diversion_of_rule(rules, deciding, i))
				first = i;
		}
	}
}

/* Whose the drops are. */
static void find_owners(struct work *work)
{
	struct recognition *found = work->found;

	for (uint32_t i = 0; i < work->n_sightings; i++) {
		const struct role *role = &found->roles[work->sightings[i].rule];
		if (role->kind == ROLE_HOST_DROP) {
			found->hosts[role->host].ours |= role->ours;
			found->hosts[role->host].foreign |= !role->ours;
		} else if (role->kind == ROLE_TOWN_DROP) {
			found->towns[role->town].ours |= role->ours;
			found->towns[role->town].foreign |= !role->ours;
		}
	}
}

/* The drops of towns alone, in the order of the sightings: by town. */
static struct sighting *town_drops(const struct work *work, uint32_t *n)
{
	struct sighting *drops;

	*n = 0;
	for (uint32_t i = 0; i < work->n_sightings; i++)
		*n += work->found->roles[work->sightings[i].rule].kind == ROLE_TOWN_DROP;
	drops = calloc(*n + 1u, sizeof *drops);
	*n = 0;
	for (uint32_t i = 0; drops && i < work->n_sightings; i++)
		if (work->found->roles[work->sightings[i].rule].kind == ROLE_TOWN_DROP)
			drops[(*n)++] = work->sightings[i];
	return drops;
}

/* Does some jump of the town lead this address's packets of this direction into its chain? */
static bool is_covered(const struct work *work, const struct found_town *town, const struct prefix *prefix,
		       uint8_t direction)
{
	for (uint32_t j = 0; j < town->n_jumps; j++) {
		uint32_t rule = work->found->jumps[town->first_jump + j];
		if (work->found->roles[rule].direction == direction &&
		    prefix_contains(rule_prefix(&work->rules->rules[rule], direction), prefix))
			return true;
	}
	return false;
}

/* Is there a drop of the town for this prefix and direction? */
static bool is_dropped_by_town(const struct work *work, const struct sighting *drops, uint32_t n,
			       const struct prefix *prefix, uint8_t direction, bool effective)
{
	for (uint32_t i = 0; i < n; i++)
		if (drops[i].direction == direction && prefix_contains(&drops[i].prefix, prefix) &&
		    !(effective && work->found->roles[drops[i].rule].shadowed))
			return true;
	return false;
}

static uint8_t how_many(uint32_t there, uint32_t wanted)
{
	return there == 0 ? DROPS_NONE : there < wanted ? DROPS_SOME : DROPS_ALL;
}

/* Counts, for each host, what is dropped of what could be. */
struct tally {
	uint32_t ways, host_drops, any_drops, closed;
};

static void judge_town(struct work *work, struct found_town *town, const struct sighting *drops, uint32_t n,
		       struct tally *tallies)
{
	const struct recognition *found = work->found;
	uint32_t wanted = 0, there = 0;

	for (uint32_t j = 0; j < town->n_jumps; j++) {
		uint32_t rule = found->jumps[town->first_jump + j];
		uint8_t direction = found->roles[rule].direction;
		wanted++;
		there += is_dropped_by_town(work, drops, n, rule_prefix(&work->rules->rules[rule], direction),
					    direction, false);
	}
	town->drops = n > 0 && there == 0 ? DROPS_SOME : how_many(there, wanted);
	for (uint32_t a = town->first_address; a < town->first_address + town->n_addresses; a++) {
		const struct found_address *address = &found->addresses[a];
		struct tally *tally = &tallies[address->host];
		for (uint8_t d = 0; d < 2; d++) {
			uint32_t own = address->drop[d];
			bool by_host = own != RULE_NONE;
			bool by_town = is_dropped_by_town(work, drops, n, &address->prefix, d, false);
			bool effective =
				(by_host && !found->roles[own].shadowed) ||
				is_dropped_by_town(work, drops, n, &address->prefix, d, true);
			tally->ways++;
			tally->host_drops += by_host;
			tally->any_drops += by_host || by_town;
			tally->closed += effective && is_covered(work, town, &address->prefix, d) &&
					 !town->slips[address->prefix.family == PREFIX_IPV6][d];
		}
	}
}

int recognise_blocks(struct work *work)
{
	struct recognition *found = work->found;
	uint32_t n_drops = 0;
	uint8_t *deciding = diversion_of_chains(work->rules, found->roles);
	struct sighting *drops = town_drops(work, &n_drops);
	struct tally *tallies = calloc(found->n_hosts + 1u, sizeof *tallies);
	int result = -1;

	if (!deciding || !drops || !tallies)
		goto out;
	find_shadowed(work, deciding);
	find_bypasses(work, deciding);
	find_owners(work);
	for (uint32_t t = 0, first = 0, next; t < found->n_towns; t++, first = next) {
		for (next = first; next < n_drops && drops[next].town == t; next++)
			;
		judge_town(work, &found->towns[t], drops + first, next - first, tallies);
	}
	for (uint32_t h = 0; h < found->n_hosts; h++) {
		const struct tally *tally = &tallies[h];
		found->hosts[h].drops = how_many(tally->host_drops, tally->ways);
		found->hosts[h].oper = tally->any_drops == 0 ? OPER_ALLOWED
				       : tally->closed == tally->ways ? OPER_BLOCKED
								      : OPER_PARTIAL;
	}
	find_partial_totals(work, deciding);
	report_bypasses(work);
	result = 0;
out:
	free(tallies);
	free(drops);
	free(deciding);
	return result;
}
