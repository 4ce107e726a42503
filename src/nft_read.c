/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READ_TRIES = 8 };

/* Positive results: begin again, with nothing, or with the rules that are known. */
enum { AGAIN = 1, LOOK_CLOSELY };

static const struct nft_known policy_known = {0};

/* A chain's rules without its policy, which is no rule for the kernel. */
static struct nft_expected expected_of(const struct nft_reading *r, uint32_t chain, bool thorough)
{
	const struct chain *own = &r->rules->chains[chain];

	return (struct nft_expected){.known = r->known + own->first,
				     .n = own->count - r->chains.chains[chain].counted,
				     .thorough = thorough};
}

static void adopt(struct nft_reading *r, const struct nft_gathering *g)
{
	struct nft_gathering before = {.rules = r->rules, .known = r->known, .counters = r->counters};

	nft_gather_free(&before);
	r->rules = g->rules;
	r->known = g->known;
	r->counters = g->counters;
	r->generation++;
}

/* iptables-nft makes some of its chains with a counter for the policy. Its count comes later. */
static int add_policy(struct nft_gathering *g, const struct nft_chain *chain)
{
	struct rule rule = {.jump = RULE_NONE, .verdict = chain->policy, .policy = true};
	struct counter none = {0};

	return chain->counted ? nft_gather_rule(g, &rule, &policy_known, &none) : 0;
}

/* What goes on from the rules that are known. `changed`: chains that are read anew, by their old numbers. The list of
 * chains may be a new one: then `was` has the old numbers of its chains, `is` the new ones of the old chains (RULE_NONE:
 * there is none), else they are NULL. */
struct kept {
	const bool *changed;
	const uint32_t *was, *is;
};

/* A chain's old number, or RULE_NONE. */
static uint32_t old_number(const struct kept *kept, uint32_t chain)
{
	return !kept ? RULE_NONE : kept->was ? kept->was[chain] : chain;
}

/* A chain as it stands in the old ruleset, without its policy. */
static int copy_rules(struct nft_gathering *g, const struct nft_reading *r, uint32_t old, const uint32_t *is)
{
	const struct chain *chain = &r->rules->chains[old];
	uint32_t n = chain->count;

	if (n > 0 && r->rules->rules[chain->first + n - 1].policy)
		n--;
	return nft_gather_known(g, r->rules->rules + chain->first, r->known + chain->first, r->counters + chain->first,
				n, is);
}

/* Texts keep their places; what is not used any more goes with the next complete read. */
static int copy_texts(struct nft_gathering *g, const struct ruleset *rules)
{
	char *text = realloc(g->rules->text, rules->text_size);

	if (!text)
		return -1;
	memcpy(text, rules->text, rules->text_size);
	g->rules->text = text;
	g->rules->text_size = g->rules->room_text = rules->text_size;
	return nft_gather_reserve(g, rules->room_rules);
}

/* Reads the chains; `kept` NULL: all of them. */
static int read_rules(struct nft_reading *r, struct nft_socket *socket, const struct kept *kept)
{
	struct nft_gathering g;
	int result = -1;

	if (nft_gather_begin(&g, &r->chains) < 0)
		return -1;
	if (kept && copy_texts(&g, r->rules) < 0)
		goto out;
	for (uint32_t i = 0; i < r->chains.n; i++) {
		uint32_t old = old_number(kept, i);
		if (nft_gather_chain(&g, i, old == RULE_NONE ? 0 : r->rules->chains[old].name) < 0)
			goto out;
		bool copies = old != RULE_NONE && !kept->changed[old];
		if ((copies ? copy_rules(&g, r, old, kept->is) : nft_gather_rules(&g, socket, i, &r->retries)) < 0) {
			result = errno == ESTALE ? AGAIN : -1;
			goto out;
		}
		if (add_policy(&g, &r->chains.chains[i]) < 0)
			goto out;
	}
	adopt(r, &g);
	return 0;
out:
	nft_gather_free(&g);
	return result;
}

/* The counters of chains that are as known, and the rules of those that are not. */
static int refresh(struct nft_reading *r, struct nft_socket *socket, bool thorough)
{
	bool *changed = calloc(r->chains.n + 1u, sizeof *changed), any = false;
	int result = -1;

	if (!changed)
		return -1;
	for (uint32_t i = 0; i < r->chains.n; i++) {
		struct nft_expected expected = expected_of(r, i, thorough);
		int same = nft_dump_compare(socket, &r->chains.chains[i], &expected,
					    r->counters + r->rules->chains[i].first);
		if (same < 0)
			goto out;
		changed[i] = !same;
		any |= !same;
	}
	result = any ? read_rules(r, socket, &(struct kept){.changed = changed}) : 0;
out:
	free(changed);
	return result;
}

/* What policies count stands behind the rules of their chains. */
static int read_policies(struct nft_reading *r, struct nft_socket *socket)
{
	if (nft_chains_count(&r->chains, socket) < 0)
		return -1;
	for (uint32_t i = 0; i < r->chains.n; i++) {
		const struct chain *chain = &r->rules->chains[i];
		if (r->chains.chains[i].counted)
			r->counters[chain->first + chain->count - 1] = r->chains.chains[i].counter;
	}
	return 0;
}

/* Text that no rule refers to any more is not kept for ever. */
static bool is_untidy(const struct ruleset *rules)
{
	return rules->text_size > (1u << 20) && rules->text_size / 64 > rules->n_rules + rules->n_chains;
}

/* Takes the present list of chains. Returns whether it is the one that was read last, or -1. `before`, if it is not
 * NULL, gets that one. */
static int list_chains(struct nft_reading *r, struct nft_socket *socket, struct nft_chains *before)
{
	struct nft_chains chains;

	if (nft_chains_list(&chains, socket, &r->retries) < 0) {
		nft_chains_free(&chains);
		return -1;
	}
	bool same = nft_chains_same(&chains, &r->chains);
	if (before)
		*before = r->chains;
	else
		nft_chains_free(&r->chains);
	r->chains = chains;
	return same;
}

void nft_read_changed(struct nft_reading *r, uint32_t from, uint32_t to, const uint32_t *chains, uint32_t n,
		      bool regrouped)
{
	if (from == 0 || from != r->confirmed)
		return;
	r->confirmed = 0;
	if (!r->changed)
		r->changed = calloc(r->chains.n + 1u, sizeof *r->changed);
	if (!r->changed)
		return;
	for (uint32_t i = 0; i < n; i++)
		r->changed[chains[i]] = true;
	r->regrouped |= regrouped;
	r->confirmed = r->read_in = to;
}

uint32_t nft_read_next(uint32_t generation)
{
	return generation == UINT32_MAX ? 1 : generation + 1;
}

void nft_read_passed(struct nft_reading *r, uint32_t from)
{
	if (r->read_in == from)
		r->read_in = nft_read_next(from);
	if (r->confirmed == from)
		r->confirmed = nft_read_next(from);
}

/* Chains came and went with a change of ours: those that stayed have other numbers now. */
static int read_regrouped(struct nft_reading *r, struct nft_socket *socket, const bool *changed)
{
	struct nft_chains before = {0};
	uint32_t *was = NULL, *is = NULL;
	int result = -1;

	if (list_chains(r, socket, &before) < 0)
		goto out;
	was = calloc(r->chains.n + 1u, sizeof *was);
	is = calloc(before.n + 1u, sizeof *is);
	if (!was || !is)
		goto out;
	for (uint32_t i = 0; i < before.n; i++)
		is[i] = RULE_NONE;
	for (uint32_t i = 0; i < r->chains.n; i++) {
		was[i] = nft_chains_again(&before, &r->chains.chains[i]);
		if (was[i] != RULE_NONE)
			is[was[i]] = i;
	}
	result = read_rules(r, socket, &(struct kept){.changed = changed, .was = was, .is = is});
out:
	free(was);
	free(is);
	nft_chains_free(&before);
	return result;
}

/* The chains that we changed ourselves. In another generation all are compared anyway. */
static int read_changed(struct nft_reading *r, struct nft_socket *socket, uint32_t generation)
{
	bool *changed = r->changed, regrouped = r->regrouped;
	uint32_t now = generation;
	int result = 0;

	r->regrouped = false;
	if (changed && r->rules && generation == r->confirmed) {
		if (regrouped)
			result = read_regrouped(r, socket, changed);
		else
			result = read_rules(r, socket, is_untidy(r->rules) ? NULL : &(struct kept){.changed = changed});
		/* The list may be another program's by now. */
		if (result == 0 && regrouped)
			result = nft_socket_generation(socket, &now) < 0 ? -1 : now == generation ? 0 : LOOK_CLOSELY;
	}
	free(changed);
	r->changed = NULL;
	return result;
}

static int read_once(struct nft_reading *r, struct nft_socket *socket, bool rules_alone)
{
	uint32_t began, ended;
	int known = r->rules != NULL;

	if (nft_socket_generation(socket, &began) < 0)
		return -1;
	r->overtaken |= known && began != r->read_in;
	int ours = read_changed(r, socket, began);
	if (ours != 0)
		return ours;
	bool thorough = !known || began != r->confirmed;
	r->partial = rules_alone && !thorough;
	if (r->partial)
		return 0;
	if (thorough) {
		int same = list_chains(r, socket, NULL);
		if (same < 0)
			return -1;
		known = known && same && !is_untidy(r->rules);
	}
	int result = known ? refresh(r, socket, thorough) : read_rules(r, socket, NULL);
	if (result != 0)
		return result;
	if (read_policies(r, socket) < 0 || nft_socket_generation(socket, &ended) < 0)
		return -1;
	/* A change sets the new id a moment before its rules are there. What the next read finds in the same
	 * generation is its rules for certain. */
	r->confirmed = began == ended && began == r->read_in ? began : 0;
	r->read_in = began == ended ? began : 0;
	if (began == ended)
		return 0;
	/* Chains that came or went meanwhile: what was read may be half of this and half of that. So may be
	 * what was not compared thoroughly. */
	int same = list_chains(r, socket, NULL);
	if (same <= 0)
		return same < 0 ? -1 : AGAIN;
	return thorough ? 0 : LOOK_CLOSELY;
}

int nft_read(struct nft_reading *r, struct nft_socket *socket, bool rules_alone)
{
	r->retries = 0;
	r->overtaken = false;
	for (int tries = 0; tries < READ_TRIES; tries++) {
		int result = read_once(r, socket, rules_alone);
		if (result == 0)
			return 0;
		r->retries += result > 0;
		if (result == LOOK_CLOSELY)
			continue;
		/* Half of the new and half of the old is worth nothing. */
		int saved = errno;
		ruleset_free(r->rules);
		r->rules = NULL;
		r->read_in = r->confirmed = 0;
		r->generation++;
		errno = saved;
		if (result < 0)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

void nft_read_free(struct nft_reading *r)
{
	nft_chains_free(&r->chains);
	ruleset_free(r->rules);
	free(r->known);
	free(r->counters);
	free(r->changed);
	memset(r, 0, sizeof *r);
}

int nft_read_unchanged(const struct nft_reading *r, struct nft_socket *socket, const uint32_t *chains, uint32_t n,
		       const uint64_t *ignored, size_t n_ignored)
{
	for (uint32_t i = 0; i < n; i++) {
		struct nft_expected expected = expected_of(r, chains[i], true);
		expected.ignored = ignored;
		expected.n_ignored = n_ignored;
		int same = nft_dump_compare(socket, &r->chains.chains[chains[i]], &expected, NULL);
		if (same <= 0)
			return same;
	}
	return 1;
}
