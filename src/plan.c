/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_ZERO = 1, MARK_DELETE = 2 };

int plan_begin(struct plan *plan, const struct ruleset *rules, const struct recognition *found)
{
	*plan = (struct plan){.rules = rules, .found = found};
	plan->marks = calloc(rules->n_rules + 1u, 1);
	return plan->marks ? 0 : -1;
}

void plan_free(struct plan *plan)
{
	free(plan->edits);
	free(plan->marks);
}

static struct edit *add(struct plan *plan, enum edit_kind kind, uint32_t rule, uint32_t chain)
{
	if (plan->n == plan->room) {
		size_t room = plan->room ? plan->room * 2 : 16;
		struct edit *more = realloc(plan->edits, room * sizeof *more);
		if (!more) {
			plan->failed = true;
			return NULL;
		}
		plan->edits = more;
		plan->room = room;
	}
	struct edit *edit = &plan->edits[plan->n++];
	memset(edit, 0, sizeof *edit);
	edit->kind = kind;
	edit->rule = rule;
	edit->chain = chain;
	return edit;
}

static void insert(struct plan *plan, uint32_t rule, uint32_t chain, const struct prefix *prefix, uint8_t direction,
		   enum verdict verdict, const char *comment)
{
	struct edit *edit = add(plan, EDIT_INSERT, rule, chain);

	if (!edit)
		return;
	edit->prefix = *prefix;
	edit->direction = direction;
	edit->verdict = (uint8_t)verdict;
	edit->comment = comment[0] ? comment : NULL;
}

static void zero(struct plan *plan, uint32_t rule)
{
	/* A rule that goes takes its count with it: that is settled then. */
	if (plan->marks[rule])
		return;
	plan->marks[rule] = MARK_ZERO;
	add(plan, EDIT_ZERO, rule, plan->rules->rules[rule].chain);
}

static void delete(struct plan *plan, uint32_t rule)
{
	if (plan->marks[rule] & MARK_DELETE)
		return;
	plan->marks[rule] |= MARK_DELETE;
	add(plan, EDIT_DELETE, rule, plan->rules->rules[rule].chain);
}

/* The rules of a town's chains, one after another: RULE_NONE ends. */
struct walk {
	const struct ruleset *rules;
	uint32_t chains[4], next, end;
	int chain;
};

static struct walk walk_town(const struct plan *plan, uint32_t town)
{
	const struct found_town *own = &plan->found->towns[town];

	struct walk walk = {.rules = plan->rules, .chains = {own->chain[0], own->chain[1], RULE_NONE, RULE_NONE},
			    .chain = -1};

	/* Where someone wrote rules for it, too, drops may be left in its chain of the tree. */
	for (int f = 0; f < 2; f++)
		if (own->tree[f] != own->chain[f])
			walk.chains[2 + f] = own->tree[f];
	return walk;
}

static uint32_t walk_next(struct walk *walk)
{
	while (walk->next == walk->end) {
		if (++walk->chain == 4)
			return RULE_NONE;
		if (walk->chains[walk->chain] == RULE_NONE)
			continue;
		const struct chain *chain = &walk->rules->chains[walk->chains[walk->chain]];
		walk->next = chain->first;
		walk->end = chain->first + chain->count;
	}
	return walk->next++;
}

static const struct prefix *prefix_of(const struct rule *rule, uint8_t direction)
{
	return direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
}

/* The first rule of a chain that is not the town's own drop; RULE_NONE: the chain's end. */
static uint32_t behind_town_drops(const struct plan *plan, uint32_t chain)
{
	const struct chain *own = &plan->rules->chains[chain];

	for (uint32_t i = own->first; i < own->first + own->count; i++)
		if (plan->found->roles[i].kind != ROLE_TOWN_DROP)
			return i;
	return RULE_NONE;
}

bool plan_can_block_host(const struct ruleset *rules, const struct recognition *found, uint32_t host)
{
	const struct found_town *town = &found->towns[found->hosts[host].town];

	for (uint32_t a = town->first_address; a < town->first_address + town->n_addresses; a++) {
		if (found->addresses[a].host != host)
			continue;
		for (uint32_t j = 0; j < town->n_jumps; j++) {
			const struct rule *jump = &rules->rules[found->jumps[town->first_jump + j]];
			if (prefix_compare(&jump->dst, &found->addresses[a].prefix) == 0 ||
			    prefix_compare(&jump->src, &found->addresses[a].prefix) == 0)
				return false;
		}
	}
	return true;
}

void plan_block_host(struct plan *plan, uint32_t host)
{
	const struct recognition *found = plan->found;
	const struct found_town *town = &found->towns[found->hosts[host].town];

	for (uint32_t a = town->first_address; a < town->first_address + town->n_addresses; a++) {
		const struct found_address *address = &found->addresses[a];
		if (address->host != host)
			continue;
		uint32_t chain = town->chain[address->prefix.family == PREFIX_IPV6];
		for (uint8_t d = 0; d < 2; d++)
			if (address->drop[d] == RULE_NONE || found->roles[address->drop[d]].shadowed)
				insert(plan, behind_town_drops(plan, chain), chain, &address->prefix, d,
				       VERDICT_DROP, RULE_COMMENT);
	}
}

/* The address of a host's rule. */
static const struct found_address *address_of(const struct plan *plan, uint32_t rule)
{
	const struct role *role = &plan->found->roles[rule];
	const struct found_town *town = &plan->found->towns[role->town];
	const struct prefix *prefix = prefix_of(&plan->rules->rules[rule], role->direction);
	uint32_t low = town->first_address, high = low + town->n_addresses;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (prefix_compare(&plan->found->addresses[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return &plan->found->addresses[low];
}

/* `-R CHAIN N -d HOST -j DROP` left no counting rule: put one there, with the name the host has. */
static void put_counting_rule(struct plan *plan, uint32_t drop)
{
	const struct role *role = &plan->found->roles[drop];
	const struct rule *rule = &plan->rules->rules[drop];
	const struct prefix *prefix = prefix_of(rule, role->direction);
	const char *comment = ruleset_text(plan->rules, rule->comment);
	char text[PREFIX_TEXT_SIZE];

	if (comment[0] == '\0') {
		comment = plan->found->hosts[role->host].name;
		if (strcmp(comment, prefix_format(prefix, text)) == 0)
			comment = "";
	}
	insert(plan, drop, rule->chain, prefix, role->direction, VERDICT_NONE, comment);
}

void plan_unblock_host(struct plan *plan, uint32_t host, bool ours_only)
{
	struct walk walk = walk_town(plan, plan->found->hosts[host].town);
	uint32_t rule;

	while ((rule = walk_next(&walk)) != RULE_NONE) {
		const struct role *role = &plan->found->roles[rule];
		if (role->kind != ROLE_HOST_DROP || role->host != host || (ours_only && !role->ours))
			continue;
		const struct found_address *address = address_of(plan, rule);
		if (!role->ours && !role->layout && role->ordinal == 0 && address->count[role->direction] == RULE_NONE)
			put_counting_rule(plan, rule);
		delete(plan, rule);
	}
}

void plan_block_town(struct plan *plan, uint32_t town)
{
	const struct recognition *found = plan->found;
	const struct found_town *own = &found->towns[town];

	for (uint32_t j = 0; j < own->n_jumps; j++) {
		uint32_t jump = found->jumps[own->first_jump + j];
		uint8_t direction = found->roles[jump].direction;
		const struct prefix *prefix = prefix_of(&plan->rules->rules[jump], direction);
		uint32_t chain = own->chain[prefix->family == PREFIX_IPV6], rule;
		bool there = false;
		struct walk walk = walk_town(plan, town);
		while ((rule = walk_next(&walk)) != RULE_NONE)
			there |= found->roles[rule].kind == ROLE_TOWN_DROP && !found->roles[rule].shadowed &&
				 found->roles[rule].direction == direction &&
				 prefix_compare(prefix_of(&plan->rules->rules[rule], direction), prefix) == 0;
		const struct chain *c = &plan->rules->chains[chain];
		if (!there)
			insert(plan, c->count ? c->first : RULE_NONE, chain, prefix, direction, VERDICT_DROP,
			       RULE_COMMENT);
	}
}

void plan_unblock_town(struct plan *plan, uint32_t town, bool ours_only)
{
	struct walk walk = walk_town(plan, town);
	uint32_t rule;

	while ((rule = walk_next(&walk)) != RULE_NONE)
		if (plan->found->roles[rule].kind == ROLE_TOWN_DROP && (plan->found->roles[rule].ours || !ours_only))
			delete(plan, rule);
}

/* The classes of what a rule counts, which stand in the chain that it jumps to. */
static void zero_services(struct plan *plan, uint32_t chain, uint32_t owner)
{
	const struct chain *own = &plan->rules->chains[chain];

	for (uint32_t i = own->first; i < own->first + own->count; i++)
		if (plan->found->roles[i].kind == ROLE_SERVICE && plan->found->roles[i].owner == owner)
			zero(plan, i);
}

/* A rule of the tree that counts a host stands elsewhere than in its town's chain. */
static void zero_address(struct plan *plan, const struct found_address *address)
{
	for (int d = 0; d < 2; d++) {
		uint32_t count = address->count[d];
		if (count == RULE_NONE)
			continue;
		zero(plan, count);
		if (plan->rules->rules[count].verdict == VERDICT_JUMP)
			zero_services(plan, plan->rules->rules[count].jump, count);
	}
}

/* The town's own classes come before its hosts. */
static void zero_entrance(struct plan *plan, uint32_t jump)
{
	const struct chain *chain = &plan->rules->chains[plan->rules->rules[jump].jump];

	zero(plan, jump);
	for (uint32_t i = chain->first; plan->found->roles[jump].layout && i < chain->first + chain->count; i++) {
		const struct rule *rule = &plan->rules->rules[i];
		if (rule->verdict == VERDICT_JUMP && plan->found->roles[i].kind == ROLE_OTHER)
			zero_services(plan, rule->jump, jump);
	}
}

void plan_zero_host(struct plan *plan, uint32_t host)
{
	const struct found_town *town = &plan->found->towns[plan->found->hosts[host].town];
	struct walk walk = walk_town(plan, plan->found->hosts[host].town);
	uint32_t rule;

	while ((rule = walk_next(&walk)) != RULE_NONE)
		if (plan->found->roles[rule].host == host)
			zero(plan, rule);
	for (uint32_t a = town->first_address; a < town->first_address + town->n_addresses; a++)
		if (plan->found->addresses[a].host == host)
			zero_address(plan, &plan->found->addresses[a]);
}

void plan_zero_town(struct plan *plan, uint32_t town)
{
	const struct found_town *own = &plan->found->towns[town];
	struct walk walk = walk_town(plan, town);
	uint32_t rule;

	for (uint32_t j = 0; j < own->n_jumps; j++)
		zero_entrance(plan, plan->found->jumps[own->first_jump + j]);
	while ((rule = walk_next(&walk)) != RULE_NONE)
		if (plan->found->roles[rule].kind != ROLE_OTHER)
			zero(plan, rule);
	for (uint32_t a = own->first_address; a < own->first_address + own->n_addresses; a++)
		zero_address(plan, &plan->found->addresses[a]);
}

void plan_zero_total(struct plan *plan, enum hook hook)
{
	for (uint32_t c = 0; c < plan->rules->n_chains; c++) {
		const struct chain *chain = &plan->rules->chains[c];
		if (chain->hook != hook)
			continue;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
			if (plan->found->roles[i].kind == ROLE_TOTAL || plan->found->roles[i].kind == ROLE_POLICY)
				zero(plan, i);
	}
}
