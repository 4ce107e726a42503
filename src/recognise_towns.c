/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chains are towns: those to which FORWARD jumps for exactly one prefix. */
#include <stdlib.h>
#include <string.h>

#include "layout_names.h"
#include "recognise_private.h"

/* Why a rule of FORWARD is not a town's jump; NULL if it is one. */
static const char *why_not_jump(const struct rule *rule)
{
	bool dst = rule->dst.family != PREFIX_NONE, src = rule->src.family != PREFIX_NONE;

	if (rule->verdict == VERDICT_GOTO)
		return "a goto (-g), not a jump (-j)";
	if (rule->verdict != VERDICT_JUMP)
		return "not a jump to a chain";
	if (rule->odd & ODD_NEGATION)
		return "a jump with a negation (!)";
	if (rule->odd & ODD_INTERFACE)
		return "a jump with an interface";
	if (rule->odd & ODD_PROTOCOL)
		return "a jump with a protocol";
	if (rule->odd & ODD_MASK)
		return "a jump with a mask that is not a prefix";
	if (rule->odd == ODD_UNCOUNTED)
		return "a jump without a counter";
	if (rule->odd)
		return "a jump with a further match";
	if (dst == src)
		return dst ? "a jump with both -s and -d" : "a jump without -s or -d";
	return NULL;
}

/* Town names with the chain that has it, to be sorted. */
struct named {
	const char *name;
	uint32_t chain;
	bool in_tree; /* it stands in the tree that townmeter writes */
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = name_compare(x->name, y->name);

	if (order == 0)
		order = (int)x->in_tree - (int)y->in_tree;
	return order ? order : (x->chain > y->chain) - (x->chain < y->chain);
}

/* Packets of the town go through both: it is read once. Blocks are put into both chains. */
static void leave_twin(struct work *work, uint32_t index)
{
	const struct ruleset *rules = work->rules;
	const struct chain *chain = &rules->chains[index];

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
		work->found->roles[i].why = "its town is read from nf_tables";
	recognise_problem(work, "the town %s stands in iptables-legacy and in nf_tables (IPv%u): what nf_tables counts "
			  "is read, blocks are put into both", ruleset_text(rules, chain->name), chain->family);
}

/* The chains jumped to, each once, become towns; those of one name are one town. */
static int make_towns(struct work *work, struct named *named, uint32_t n)
{
	struct recognition *found = work->found;

	recognise_sort(named, n, sizeof *named, by_name);
	found->towns = calloc(n + 1u, sizeof *found->towns);
	if (!found->towns)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		const struct chain *chain = &work->rules->chains[named[i].chain];
		if (i == 0 || name_compare(named[i - 1].name, named[i].name) != 0)
			found->towns[found->n_towns++] =
				(struct found_town){.name = (uint32_t)(named[i].name - ruleset_text(work->rules, 0)),
						    .chain = {RULE_NONE, RULE_NONE},
						    .tree = {RULE_NONE, RULE_NONE},
						    .bypass = RULE_NONE};
		struct found_town *town = &found->towns[found->n_towns - 1];
		bool ipv6 = chain->family == PREFIX_IPV6;
		uint32_t *own = named[i].in_tree ? &town->tree[ipv6] : &town->chain[ipv6];
		/* Both backends may hold a chain of this name: those of nf_tables come first. */
		if (*own != RULE_NONE && work->rules->chains[*own].backend != chain->backend) {
			leave_twin(work, named[i].chain);
			continue;
		}
		if (*own == RULE_NONE)
			*own = named[i].chain;
		/* Chains that someone wrote come before those of the tree. */
		if (town->chain[ipv6] == RULE_NONE)
			town->chain[ipv6] = *own;
		work->town_of_chain[named[i].chain] = found->n_towns - 1;
	}
	return 0;
}

int recognise_order(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	if (x->town != y->town)
		return x->town < y->town ? -1 : 1;
	int order = prefix_compare(&x->prefix, &y->prefix);
	if (order)
		return order;
	if (x->direction != y->direction)
		return (int)x->direction - (int)y->direction;
	if (x->beside != y->beside)
		return (int)x->beside - (int)y->beside;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/* Is it this chain of the town that counts, and not one that someone wrote beside it? */
static bool is_read(const struct work *work, uint32_t town, uint32_t chain)
{
	return work->found->towns[town].chain[work->rules->chains[chain].family == PREFIX_IPV6] == chain;
}

/* The first jump of each town, direction and prefix counts; a second one counts the packet again. */
static int make_jumps(struct work *work, struct sighting *jumps, uint32_t n)
{
	struct recognition *found = work->found;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct rule *rule = &work->rules->rules[jumps[i].rule];
		bool in_tree = work->tree[rule->chain].place == TREE_TOWN;
		jumps[i].town = work->town_of_chain[in_tree ? rule->chain : rule->jump];
		if (jumps[i].town == RULE_NONE) {
			found->roles[jumps[i].rule].why = "its town is read from nf_tables";
			continue;
		}
		jumps[i].beside = in_tree && !is_read(work, jumps[i].town, rule->chain);
		jumps[kept++] = jumps[i];
	}
	n = kept;
	recognise_sort(jumps, n, sizeof *jumps, recognise_order);
	found->jumps = calloc(n + 1u, sizeof *found->jumps);
	if (!found->jumps)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		struct role *role = &found->roles[jumps[i].rule];
		struct found_town *town = &found->towns[jumps[i].town];
		if (jumps[i].beside) {
			role->kind = ROLE_JUMP;
			role->direction = jumps[i].direction;
			role->town = jumps[i].town;
			role->shadow = true;
			continue;
		}
		if (i > 0 && !jumps[i - 1].beside && jumps[i - 1].town == jumps[i].town &&
		    jumps[i - 1].direction == jumps[i].direction &&
		    prefix_compare(&jumps[i - 1].prefix, &jumps[i].prefix) == 0) {
			char text[160];
			role->town = jumps[i].town;
			role->why = "a second jump for the same prefix";
			recognise_problem(work, "%s jumps to the chain of a town a second time for the same "
					  "prefix, so that its hosts count twice: delete it",
					  ruleset_describe(work->rules, jumps[i].rule, text, sizeof text));
			continue;
		}
		role->kind = ROLE_JUMP;
		role->direction = jumps[i].direction;
		role->town = jumps[i].town;
		if (town->n_jumps++ == 0)
			town->first_jump = found->n_jumps;
		found->jumps[found->n_jumps++] = jumps[i].rule;
	}
	return 0;
}

/* A town's chain that is also entered elsewhere counts more than the town's packets. */
static void find_other_entrances(struct work *work)
{
	const struct ruleset *rules = work->rules;

	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		const struct role *role = &work->found->roles[i];
		char text[160];
		if ((rule->verdict != VERDICT_JUMP && rule->verdict != VERDICT_GOTO) || role->layout ||
		    role->town != RULE_NONE || work->town_of_chain[rule->jump] == RULE_NONE)
			continue;
		recognise_problem(work, "%s also leads into the chain of a town: the town's hosts count "
				  "what comes through it, the town does not",
				  ruleset_describe(rules, i, text, sizeof text));
	}
}

/* The towns of the tree, and what leads into them. */
static void collect_tree(const struct work *work, struct named *named, uint32_t *n_named, struct sighting *jumps,
			 uint32_t *n_jumps)
{
	const struct ruleset *rules = work->rules;

	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		const char *name = layout_name_town(ruleset_text(rules, chain->name));
		if (work->tree[c].place != TREE_TOWN || !name_valid(name, NAME_TOWN_MAX))
			continue;
		named[(*n_named)++] = (struct named){name, c, true};
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			uint8_t way = recognise_way(&rules->rules[i]);
			if (work->found->roles[i].layout)
				jumps[(*n_jumps)++] = (struct sighting){
					.rule = i, .direction = way,
					.prefix = way == DIRECTION_DOWN ? rules->rules[i].dst : rules->rules[i].src};
		}
	}
}

int recognise_towns(struct work *work)
{
	const struct ruleset *rules = work->rules;
	struct named *named = NULL;
	struct sighting *jumps = NULL;
	uint32_t n_jumps = 0, n_named = 0;
	int result = -1;

	/* FORWARD is the only chain whose rules may be jumps to towns. */
	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].hook == HOOK_FORWARD)
			n_jumps += rules->chains[c].count;
	/* And the tree's. */
	jumps = calloc(n_jumps + work->n_entrances + 1u, sizeof *jumps);
	named = calloc((size_t)n_jumps + rules->n_chains + 1u, sizeof *named);
	uint8_t *seen = calloc(rules->n_chains + 1u, 1);
	if (!jumps || !named || !seen)
		goto out;
	n_jumps = 0;
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct rule *rule = &rules->rules[i];
		struct role *role = &work->found->roles[i];
		uint8_t hook = rules->chains[rule->chain].hook;
		if (hook == HOOK_NONE || rule->policy || role->kind != ROLE_OTHER || role->layout)
			continue;
		const char *why = why_not_jump(rule);
		role->why = hook == HOOK_FORWARD ? why : why ? why : "a jump from a chain other than FORWARD";
		if (why || hook != HOOK_FORWARD)
			continue;
		if (work->tree[rule->jump].place != TREE_OUTSIDE) {
			role->why = "a jump into the chains of townmeter";
			continue;
		}
		const char *name = ruleset_text(rules, rules->chains[rule->jump].name);
		if (!name_valid(name, NAME_TOWN_MAX)) {
			role->why = "a jump to a chain whose name can not be a town's";
			recognise_problem(work, "the chain '%s' is not metered: the name of a town is 1 to %d "
					  "octets of UTF-8 without control characters", name, NAME_TOWN_MAX);
			continue;
		}
		bool down = rule->dst.family != PREFIX_NONE;
		jumps[n_jumps++] = (struct sighting){
			.rule = i, .prefix = down ? rule->dst : rule->src,
			.direction = down ? DIRECTION_DOWN : DIRECTION_UP};
		if (!seen[rule->jump]) {
			seen[rule->jump] = 1;
			named[n_named++] = (struct named){name, rule->jump, false};
		}
	}
	collect_tree(work, named, &n_named, jumps, &n_jumps);
	result = make_towns(work, named, n_named);
	if (result == 0)
		result = make_jumps(work, jumps, n_jumps);
	if (result == 0)
		find_other_entrances(work);
out:
	free(seen);
	free(named);
	free(jumps);
	return result;
}
