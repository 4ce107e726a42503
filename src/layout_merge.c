/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the rules of a chain that stands to those that should. */
#include <stdlib.h>
#include <string.h>

#include "layout_diff.h"

/* What a rule is told by, in a chain. `target`: in layout.chains. */
struct shape {
	struct prefix dst, src;
	struct ports ports;
	uint8_t ports_of, verdict;
	uint32_t target;
	uint32_t at;             /* its place among the wanted ones, or among those of ours that stand */
};

struct merge {
	struct layout_diff *diff;
	const struct layout_chain *wanted;
	const struct chain *chain;
	uint32_t *ours;          /* the rules of ours that stand */
	uint32_t *match;         /* of each wanted rule: in `ours`, or RULE_NONE */
	uint8_t *deleted;        /* of each rule of the chain */
	uint32_t n_ours;
};

static int compare_ports(const struct shape *a, const struct shape *b)
{
	int order = ports_compare(&a->ports, &b->ports);

	if (order)
		return order;
	/* All ports are those of either side. */
	if (a->ports.protocol && (a->ports.first || a->ports.last != PORTS_LAST))
		return (int)a->ports_of - (int)b->ports_of;
	return 0;
}

static int compare(const struct shape *a, const struct shape *b)
{
	int order = prefix_compare(&a->dst, &b->dst);

	if (!order)
		order = prefix_compare(&a->src, &b->src);
	if (!order)
		order = compare_ports(a, b);
	if (!order)
		order = (int)a->verdict - (int)b->verdict;
	return order ? order : (a->target > b->target) - (a->target < b->target);
}

static int by_shape(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;
	int order = compare(x, y);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static struct shape shape_wanted(const struct merge *m, uint32_t i)
{
	const struct layout_rule *rule = &m->diff->layout->rules[m->wanted->first + i];

	return (struct shape){rule->dst, rule->src, rule->ports, rule->ports_of, rule->verdict, rule->target, i};
}

static struct shape shape_standing(const struct merge *m, uint32_t index, uint32_t at)
{
	const struct rule *rule = &m->diff->rules->rules[index];
	bool leads = rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO;
	uint32_t target = leads ? m->diff->wanted[rule->jump] : RULE_NONE;

	return (struct shape){rule->dst, rule->src, rule->ports, rule->ports_of, rule->verdict, target, at};
}

static bool same(const struct merge *m, uint32_t wanted, uint32_t standing)
{
	const struct shape a = shape_wanted(m, wanted), b = shape_standing(m, standing, 0);

	return compare(&a, &b) == 0;
}

/* A canary that was zeroed has told what it was there for. */
static bool is_spent(const struct merge *m, uint32_t wanted, uint32_t standing)
{
	return m->diff->layout->rules[m->wanted->first + wanted].kind == ROLE_CANARY &&
	       m->diff->counters[standing].packets == 0;
}

/* Do exactly the wanted rules stand, in their order, whatever else is between them? */
static bool stands(const struct merge *m)
{
	uint32_t i = 0;

	for (uint32_t r = m->chain->first; r < m->chain->first + m->chain->count; r++) {
		if (!layout_stand_is_ours(m->diff, r, false))
			continue;
		if (i == m->wanted->count || !same(m, i, r) || is_spent(m, i, r))
			return false;
		i++;
	}
	return i == m->wanted->count;
}

/* Keeps as many matches as are in the same order on both sides: the longest increasing subsequence. */
static int keep_order(struct merge *m, uint32_t first, uint32_t end)
{
	uint32_t n = end - first, length = 0;
	uint32_t *tails = malloc((n + 1u) * sizeof *tails); /* of each length: the wanted rule that ends one best */
	uint32_t *before = malloc((n + 1u) * sizeof *before);

	if (!tails || !before) {
		free(tails);
		free(before);
		return -1;
	}
	for (uint32_t i = first; i < end; i++) {
		uint32_t low = 0, high = length;
		if (m->match[i] == RULE_NONE)
			continue;
		while (low < high) {
			uint32_t middle = low + (high - low) / 2;
			if (m->match[tails[middle]] < m->match[i])
				low = middle + 1;
			else
				high = middle;
		}
		before[i - first] = low ? tails[low - 1] : RULE_NONE;
		tails[low] = i;
		length += low == length;
	}
	uint32_t next = length ? tails[length - 1] : RULE_NONE;
	for (uint32_t i = end; i-- > first;) {
		if (i == next)
			next = before[i - first];
		else
			m->match[i] = RULE_NONE;
	}
	free(tails);
	free(before);
	return 0;
}

/* Rules that are alike are matched one by one, in their order. */
static int match_between(struct merge *m, uint32_t first, uint32_t end, uint32_t first_ours, uint32_t end_ours)
{
	uint32_t n = end - first, n_ours = end_ours - first_ours, j = 0;
	struct shape *a = malloc((n + 1u) * sizeof *a), *b = malloc((n_ours + 1u) * sizeof *b);
	int result = -1;

	if (!a || !b)
		goto out;
	for (uint32_t i = 0; i < n; i++)
		a[i] = shape_wanted(m, first + i);
	for (uint32_t i = 0; i < n_ours; i++)
		b[i] = shape_standing(m, m->ours[first_ours + i], first_ours + i);
	qsort(a, n, sizeof *a, by_shape);
	qsort(b, n_ours, sizeof *b, by_shape);
	for (uint32_t i = 0; i < n; i++) {
		while (j < n_ours && compare(&b[j], &a[i]) < 0)
			j++;
		if (j < n_ours && compare(&b[j], &a[i]) == 0)
			m->match[a[i].at] = b[j++].at;
	}
	result = keep_order(m, first, end);
out:
	free(a);
	free(b);
	return result;
}

/* What both begin and end with is most of them, as a rule. */
static int match(struct merge *m)
{
	uint32_t first = 0, end = m->wanted->count, end_ours = m->n_ours;

	while (first < end && first < end_ours && same(m, first, m->ours[first])) {
		m->match[first] = first;
		first++;
	}
	while (end > first && end_ours > first && same(m, end - 1, m->ours[end_ours - 1]))
		m->match[--end] = --end_ours;
	if (first == end && first == end_ours)
		return 0;
	return match_between(m, first, end, first, end_ours);
}

/* The rule before which those go that stand nowhere yet, behind the rule `after` of the chain: never one that is
 * deleted itself. The drops of blocks stay at the head of a town's chain. */
static uint32_t place(const struct merge *m, uint32_t after)
{
	uint32_t end = m->chain->first + m->chain->count;
	uint32_t r = after == RULE_NONE ? m->chain->first : after + 1;

	while (r < end && (m->deleted[r - m->chain->first] ||
			   (after == RULE_NONE && m->wanted->town != RULE_NONE &&
			    m->diff->rules->rules[r].verdict == VERDICT_DROP)))
		r++;
	return r < end ? r : RULE_NONE;
}

static void emit(struct merge *m, uint32_t chain)
{
	uint32_t after = RULE_NONE, next = 0;

	for (uint32_t i = 0; i < m->n_ours; i++)
		m->deleted[m->ours[i] - m->chain->first] = 1;
	for (uint32_t w = 0; w < m->wanted->count; w++) {
		uint32_t *own = &m->match[w];
		if (*own != RULE_NONE && is_spent(m, w, m->ours[*own]))
			*own = RULE_NONE;
		if (*own != RULE_NONE)
			m->deleted[m->ours[*own] - m->chain->first] = 0;
	}
	for (uint32_t w = 0; w < m->wanted->count; w++) {
		if (m->match[w] != RULE_NONE) {
			after = m->ours[m->match[w]];
			continue;
		}
		for (next = next > w ? next : w + 1; next < m->wanted->count && m->match[next] == RULE_NONE;)
			next++;
		layout_diff_insert(m->diff, chain, w,
				   next < m->wanted->count ? m->ours[m->match[next]] : place(m, after));
	}
	for (uint32_t i = 0; i < m->n_ours; i++)
		if (m->deleted[m->ours[i] - m->chain->first])
			layout_diff_delete(m->diff, m->ours[i]);
}

void layout_merge(struct layout_diff *diff, uint32_t chain)
{
	const struct layout_chain *wanted = &diff->layout->chains[chain];
	struct merge m = {.diff = diff, .wanted = wanted};

	if (diff->standing[chain] == RULE_NONE) {
		for (uint32_t w = 0; w < wanted->count; w++)
			layout_diff_insert(diff, chain, w, RULE_NONE);
		return;
	}
	m.chain = &diff->rules->chains[diff->standing[chain]];
	if (stands(&m))
		return;
	m.ours = malloc((m.chain->count + 1u) * sizeof *m.ours);
	m.match = malloc((wanted->count + 1u) * sizeof *m.match);
	m.deleted = calloc(m.chain->count + 1u, 1);
	if (!m.ours || !m.match || !m.deleted) {
		diff->failed = true;
		goto out;
	}
	for (uint32_t r = m.chain->first; r < m.chain->first + m.chain->count; r++)
		if (layout_stand_is_ours(diff, r, false))
			m.ours[m.n_ours++] = r;
	for (uint32_t w = 0; w < wanted->count; w++)
		m.match[w] = RULE_NONE;
	if (match(&m) < 0)
		diff->failed = true;
	else
		emit(&m, chain);
out:
	free(m.ours);
	free(m.match);
	free(m.deleted);
}
