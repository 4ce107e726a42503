/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "nft_decode.h"
#include "nft_rules.h"

enum { CHAIN_TRIES = 20 };

static int dump_chain(struct nft_socket *socket, const struct nft_chain *chain, nft_visit *visit, void *context,
		      bool *interrupted)
{
	char room[NFT_REQUEST_SIZE];
	struct nlmsghdr *request = nft_socket_head(socket, room, NFT_MSG_GETRULE, NLM_F_DUMP, chain->family);

	mnl_attr_put_strz(request, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain->name);
	return nft_socket_dump(socket, request, visit, context, interrupted);
}

static bool is_rule(const struct nlmsghdr *message)
{
	return (message->nlmsg_type & 0xff) == NFT_MSG_NEWRULE;
}

struct comparison {
	const struct nft_expected *expected;
	struct counter *counters;
	uint32_t at;
	bool same;
};

static bool is_ignored(const struct nft_expected *expected, uint64_t handle)
{
	for (size_t i = 0; i < expected->n_ignored; i++)
		if (expected->ignored[i] == handle)
			return true;
	return false;
}

static int compare_rule(void *context, const struct nlmsghdr *message)
{
	struct comparison *c = context;
	const struct nft_expected *expected = c->expected;
	const struct nft_known *next = c->at < expected->n ? &expected->known[c->at] : NULL;
	struct nft_brief brief;

	if (!c->same || !is_rule(message))
		return 0;
	if (nft_decode_brief(message, expected->thorough, &brief) < 0)
		return -1;
	if (next && next->handle == brief.handle && (!expected->thorough || next->fingerprint == brief.fingerprint)) {
		if (c->counters)
			c->counters[c->at] = brief.counter;
		c->at++;
	} else if (!is_ignored(expected, brief.handle)) {
		c->same = false;
	}
	return 0;
}

/*
 * It does not matter whether the dump was interrupted: the kernel goes on by a rule's number, so it
 * leaves one out only when one before it was deleted. Each known rule came, so none was left out; what
 * is new comes with the next look, which another generation asks for.
 */
int nft_dump_compare(struct nft_socket *socket, const struct nft_chain *chain, const struct nft_expected *expected,
		     struct counter *counters)
{
	struct comparison c = {.expected = expected, .counters = counters, .same = true};
	bool interrupted;

	if (dump_chain(socket, chain, compare_rule, &c, &interrupted) < 0)
		return -1;
	return c.same && c.at == expected->n;
}

int nft_gather_begin(struct nft_gathering *g, const struct nft_chains *chains)
{
	*g = (struct nft_gathering){.rules = ruleset_new(), .chains = chains};
	return g->rules ? 0 : -1;
}

void nft_gather_free(struct nft_gathering *g)
{
	ruleset_free(g->rules);
	free(g->known);
	free(g->counters);
	memset(g, 0, sizeof *g);
}

int nft_gather_chain(struct nft_gathering *g, uint32_t number, uint32_t name)
{
	const struct nft_chain *chain = &g->chains->chains[number];
	uint32_t index = ruleset_add_chain(g->rules, chain->family, chain->hook, name ? "" : chain->name);

	if (index == RULE_NONE)
		return -1;
	if (name)
		g->rules->chains[index].name = name;
	g->rules->chains[index].backend = CHAIN_NFT;
	return 0;
}

static int make_room(struct nft_gathering *g)
{
	uint32_t room = g->rules->room_rules;

	if (g->room >= room)
		return 0;
	struct nft_known *known = realloc(g->known, room * sizeof *known);
	if (!known)
		return -1;
	g->known = known;
	struct counter *counters = realloc(g->counters, room * sizeof *counters);
	if (!counters)
		return -1;
	g->counters = counters;
	g->room = room;
	return 0;
}

int nft_gather_rule(struct nft_gathering *g, const struct rule *rule, const struct nft_known *known,
		    const struct counter *counter)
{
	uint32_t index = ruleset_add_rule(g->rules, rule);

	if (index == RULE_NONE || make_room(g) < 0)
		return -1;
	g->known[index] = *known;
	g->counters[index] = *counter;
	return 0;
}

int nft_gather_reserve(struct nft_gathering *g, uint32_t n)
{
	if (n > g->rules->room_rules) {
		struct rule *rules = realloc(g->rules->rules, n * sizeof *rules);
		if (!rules)
			return -1;
		g->rules->rules = rules;
		g->rules->room_rules = n;
	}
	return make_room(g);
}

int nft_gather_known(struct nft_gathering *g, const struct rule *rules, const struct nft_known *known,
		     const struct counter *counters, uint32_t n, const uint32_t *is)
{
	uint32_t chain = g->rules->n_chains - 1, first = g->rules->n_rules;

	if (n == 0)
		return 0;
	if (g->rules->room_rules - first < n && nft_gather_reserve(g, 2 * first + n) < 0)
		return -1;
	memcpy(g->known + first, known, n * sizeof *known);
	memcpy(g->counters + first, counters, n * sizeof *counters);
	memcpy(g->rules->rules + first, rules, n * sizeof *rules);
	for (uint32_t i = first; i < first + n; i++) {
		struct rule *own = &g->rules->rules[i];
		own->chain = chain;
		if (!is || own->jump == RULE_NONE)
			continue;
		own->jump = is[own->jump];
		if (own->jump == RULE_NONE) {
			errno = ESTALE;
			return -1;
		}
	}
	g->rules->n_rules += n;
	g->rules->chains[chain].count += n;
	return 0;
}

static uint32_t find_chain(void *context, const char *name)
{
	const struct nft_gathering *g = context;

	return nft_chains_find(g->chains, g->family, name);
}

static int gather_rule(void *context, const struct nlmsghdr *message)
{
	struct nft_gathering *g = context;
	struct nft_brief brief;
	struct rule rule;

	if (!is_rule(message))
		return 0;
	if (nft_decode_brief(message, true, &brief) < 0 ||
	    nft_rules_read(g->rules, &rule, g->family, message, find_chain, g) < 0)
		return -1;
	struct nft_known known = {.handle = brief.handle, .fingerprint = brief.fingerprint};
	return nft_gather_rule(g, &rule, &known, &brief.counter);
}

static int by_handle(const void *a, const void *b)
{
	const struct nft_known *x = a, *y = b;

	return (x->handle > y->handle) - (x->handle < y->handle);
}

/* 1 if a handle is in the list twice; -1 with errno. */
static int has_duplicates(const struct nft_known *known, uint32_t n)
{
	struct nft_known *sorted = calloc(n + 1u, sizeof *sorted);
	int found = 0;

	if (!sorted)
		return -1;
	if (n)
		memcpy(sorted, known, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_handle);
	for (uint32_t i = 1; i < n; i++)
		found |= sorted[i - 1].handle == sorted[i].handle;
	free(sorted);
	return found;
}

/*
 * Is an interrupted dump whole all the same? A rule is left out only when one before it was deleted,
 * and told twice when one was put in before it. What was deleted never comes back under its handle: so
 * what two dumps told alike, with nothing in it twice, is whole.
 */
static int is_whole(const struct nft_known *before, uint32_t n_before, const struct nft_known *now, uint32_t n)
{
	if (!before || n_before != n || (n && memcmp(before, now, n * sizeof *now) != 0))
		return 0;
	int twice = has_duplicates(now, n);
	return twice < 0 ? -1 : !twice;
}

int nft_gather_rules(struct nft_gathering *g, struct nft_socket *socket, uint32_t number, unsigned *retries)
{
	const struct nft_chain *chain = &g->chains->chains[number];
	uint32_t first = g->rules->n_rules, text = g->rules->text_size, n_before = 0;
	struct nft_known *before = NULL;
	int result = -1;

	g->family = chain->family;
	for (int tries = 0; tries < CHAIN_TRIES; tries++) {
		bool interrupted;
		/* What an interrupted try left. */
		g->rules->n_rules = first;
		g->rules->text_size = text;
		g->rules->chains[g->rules->n_chains - 1].count = 0;
		if (dump_chain(socket, chain, gather_rule, g, &interrupted) < 0)
			goto out;
		uint32_t n = g->rules->n_rules - first;
		int whole = interrupted ? is_whole(before, n_before, g->known + first, n) : 1;
		if (whole != 0) {
			result = whole < 0 ? -1 : 0;
			goto out;
		}
		(*retries)++;
		free(before);
		before = calloc(n + 1u, sizeof *before);
		if (!before)
			goto out;
		if (n)
			memcpy(before, g->known + first, n * sizeof *before);
		n_before = n;
	}
	errno = EAGAIN;
out:
	free(before);
	return result;
}
