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

/* Every jump to a town learns which earlier rules of its chain concern it. */
static void find_bypasses(struct work *work, const uint8_t *deciding)
{
	const struct ruleset *rules = work->rules;
	struct diversions before;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		if (chain->hook != HOOK_FORWARD)
			continue;
		before.n = 0;
		before.overflow = false;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			const struct role *role = &work->found->roles[i];
			if (role->kind == ROLE_JUMP) {
				struct found_town *town = &work->found->towns[role->town];
				const struct prefix *prefix = rule_prefix(&rules->rules[i], role->direction);
				uint32_t passes = diversions_find(&before, work, DIVERTS_PASS, role, prefix);
				uint32_t drops = diversions_find(&before, work, DIVERTS_DROP, role, prefix);
				if (passes != RULE_NONE)
					town->slips[chain->family == PREFIX_IPV6][role->direction] = true;
				if (town->bypass == RULE_NONE)
					town->bypass = passes != RULE_NONE ? passes : drops;
			}
			uint8_t what = rules->rules[i].policy ? 0 : diversion_of_rule(rules, deciding, i);
			if (what)
				diversions_add(&before, i, what);
		}
	}
}

/* One line for each rule that leads around towns, however many they are. */
static void report_bypasses(struct work *work)
{
	const struct ruleset *rules = work->rules;
	const struct recognition *found = work->found;

	for (uint32_t t = 0; t < found->n_towns; t++) {
		uint32_t rule = found->towns[t].bypass, more = 0;
		bool first = true;
		if (rule == RULE_NONE)
			continue;
		for (uint32_t u = 0; u < found->n_towns; u++) {
			if (found->towns[u].bypass != rule)
				continue;
			if (u < t)
				first = false;
			more += u > t;
		}
		if (!first)
			continue;
		char text[128], others[32] = "";
		bool passes = false;
		for (int k = 0; k < 4; k++)
			passes |= found->towns[t].slips[k / 2][k % 2];
		if (more)
			snprintf(others, sizeof others, " and %u more", more);
		recognise_problem(work, "%s ahead of the jumps to %s%s can %s its packets uncounted%s: move those "
				  "jumps ahead of it (%s -I FORWARD %u -d PREFIX -j %s, also -s; then -D "
				  "the old ones by number)",
				  ruleset_describe(rules, rule, text, sizeof text),
				  ruleset_text(rules, found->towns[t].name), others,
				  passes ? "accept" : "drop", passes ? " and unblocked" : "",
				  rules->chains[rules->rules[rule].chain].family == PREFIX_IPV6 ? "ip6tables"
											      : "iptables",
				  rules->rules[rule].number, ruleset_text(rules, found->towns[t].name));
	}
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
			char text[128];
			if (work->found->roles[i].kind == ROLE_TOTAL && first != RULE_NONE)
				recognise_problem(work, "%s ahead of the total rule of %s can decide on packets, which the "
						  "total then misses: move the total rule to the top",
						  ruleset_describe(rules, first, text, sizeof text),
						  ruleset_text(rules, chain->name));
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
