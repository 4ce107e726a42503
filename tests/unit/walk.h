/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of a packet through the rules of FORWARD, as the packet filter leads it, for tests. */
#ifndef TOWNMETER_TESTS_WALK_H
#define TOWNMETER_TESTS_WALK_H

#include "make.h"

struct packet {
	struct prefix src, dst; /* whole addresses */
	uint8_t protocol;
	uint16_t sport, dport;
};

static inline bool walk_has_ports(const struct rule *rule, const struct packet *packet)
{
	uint16_t port = rule->ports_of == DIRECTION_DOWN ? packet->sport : packet->dport;

	if (!rule->ports.protocol)
		return true;
	if (ports_number(rule->ports.protocol, packet->dst.family == PREFIX_IPV6) != packet->protocol)
		return false;
	return (rule->ports.first == 0 && rule->ports.last == PORTS_LAST) ||
	       (port >= rule->ports.first && port <= rule->ports.last);
}

static inline bool walk_matches(const struct rule *rule, const struct packet *packet)
{
	return (rule->dst.family == PREFIX_NONE || prefix_contains(&rule->dst, &packet->dst)) &&
	       (rule->src.family == PREFIX_NONE || prefix_contains(&rule->src, &packet->src)) && walk_has_ports(rule, packet);
}

/* iptables keeps, for each jump, the rule to return to; a goto keeps none. nf_tables takes 16 of either. */
static inline void walk(struct made *made, const struct packet *packet)
{
	const struct ruleset *rules = made->rules;
	struct {
		uint32_t at, end;
	} stack[16];
	uint32_t depth = 0, at = 0, end = 0;

	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].hook == HOOK_FORWARD && rules->chains[c].family == packet->dst.family) {
			at = rules->chains[c].first;
			end = at + rules->chains[c].count;
		}
	for (;;) {
		if (at == end) {
			assert_true(depth > 0);
			depth--;
			at = stack[depth].at; /* NOLINT(clang-analyzer-core.uninitialized.Assign): it was put there */
			end = stack[depth].end;
			continue;
		}
		const struct rule *rule = &rules->rules[at];
		if (rule->policy)
			return;
		if (!walk_matches(rule, packet)) {
			at++;
			continue;
		}
		made->counters[at++].packets++; /* NOLINT(clang-analyzer-core.NullDereference) */
		if (rule->verdict == VERDICT_RETURN)
			at = end;
		if (rule->verdict != VERDICT_JUMP && rule->verdict != VERDICT_GOTO)
			continue;
		if (rule->verdict == VERDICT_JUMP) {
			assert_true(depth < 16);
			stack[depth].at = at;
			stack[depth++].end = end;
		}
		at = rules->chains[rule->jump].first;
		end = at + rules->chains[rule->jump].count;
	}
}

/* The longest way from a chain, in chains: what nf_tables checks when rules are loaded. */
static inline unsigned walk_depth_from(const struct ruleset *rules, uint32_t chain, unsigned *known)
{
	unsigned most = 0;

	if (known[chain])
		return known[chain];
	for (uint32_t r = rules->chains[chain].first; r < rules->chains[chain].first + rules->chains[chain].count; r++) {
		const struct rule *rule = &rules->rules[r];
		if (rule->verdict != VERDICT_JUMP && rule->verdict != VERDICT_GOTO)
			continue;
		unsigned depth = walk_depth_from(rules, rule->jump, known);
		most = depth > most ? depth : most;
	}
	return known[chain] = most + 1;
}

static inline unsigned walk_deepest(const struct ruleset *rules)
{
	unsigned *known = calloc(rules->n_chains + 1, sizeof *known), most = 0;

	assert_non_null(known);
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		unsigned depth = walk_depth_from(rules, c, known);
		most = depth > most ? depth : most;
	}
	free(known);
	assert_true(most <= 16);
	return most;
}

#endif
