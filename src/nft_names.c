/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 28 }; /* more than that iptables takes for no chain */

static int compare(const struct edit *a, uint8_t family, const char *name)
{
	return a->family != family ? (int)a->family - (int)family : strcmp(a->name, name);
}

static int by_name(const void *a, const void *b)
{
	const struct edit *x = *(const struct edit *const *)a, *y = *(const struct edit *const *)b;

	return compare(x, y->family, y->name);
}

bool nft_names_makes(const struct nft_names *names, uint8_t family, const char *name)
{
	size_t low = 0, high = names->n_made;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(names->made[middle], family, name);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static const char *tool(uint8_t family)
{
	return family == PREFIX_IPV6 ? "ip6tables-nft" : "iptables-nft";
}

static int refuse(char error[BACKEND_ERROR_SIZE], const char *what, uint8_t family, const char *name, const char *why)
{
	snprintf(error, BACKEND_ERROR_SIZE, "%s: can not %s the chain %s: %s", tool(family), what, name, why);
	return -1;
}

/* What goes, by index: chains, and rules. */
struct gone {
	bool *chains, *rules;
};

static int list_gone(struct nft_names *names, struct gone *gone, const struct nft_reading *r, const struct edit *edits,
		     size_t n, char error[BACKEND_ERROR_SIZE])
{
	for (size_t i = 0; i < n; i++) {
		if (edits[i].kind == EDIT_DELETE)
			gone->rules[edits[i].rule] = true;
		if (edits[i].kind != EDIT_DELETE_CHAIN)
			continue;
		const struct nft_chain *chain = &r->chains.chains[edits[i].chain];
		if (chain->hook != HOOK_NONE)
			return refuse(error, "remove", chain->family, chain->name, "it is one of iptables' own");
		names->n_gone += !gone->chains[edits[i].chain];
		gone->chains[edits[i].chain] = true;
	}
	return 0;
}

/* One that goes with the same change is emptied and goes on. */
static int list_made(struct nft_names *names, const struct gone *gone, const struct nft_reading *r,
		     const struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE])
{
	char why[80];

	for (size_t i = 0; i < n; i++)
		if (edits[i].kind == EDIT_CHAIN)
			names->made[names->n_made++] = &edits[i];
	if (names->n_made)
		qsort(names->made, names->n_made, sizeof *names->made, by_name);
	for (size_t i = 0; i < names->n_made; i++) {
		const struct edit *own = names->made[i];
		uint32_t stands = nft_chains_find(&r->chains, own->family, own->name);
		size_t length = strlen(own->name);
		if (length > NAME_MAX_LENGTH) {
			snprintf(why, sizeof why, "its name has %zu characters, and iptables takes %d", length,
				 NAME_MAX_LENGTH);
			return refuse(error, "make", own->family, own->name, why);
		}
		if (i > 0 && compare(names->made[i - 1], own->family, own->name) == 0)
			return refuse(error, "make", own->family, own->name, "twice in one change");
		if (stands != RULE_NONE && !gone->chains[stands])
			return refuse(error, "make", own->family, own->name, "it is there");
	}
	return 0;
}

/* A rule that stays stands in the way: it is in the chain, or leads there. */
static int refuse_for(char error[BACKEND_ERROR_SIZE], const struct nft_reading *r, uint32_t chain, uint32_t rule,
		      const char *what)
{
	char why[160], text[120];

	snprintf(why, sizeof why, "%s %s", ruleset_describe(r->rules, rule, text, sizeof text), what);
	return refuse(error, "remove", r->chains.chains[chain].family, r->chains.chains[chain].name, why);
}

static int check_staying(const struct nft_names *names, const struct gone *gone, const struct nft_reading *r,
			 char error[BACKEND_ERROR_SIZE])
{
	const struct rule *rules = r->rules->rules;

	for (uint32_t i = 0; names->n_gone && i < r->rules->n_rules; i++)
		if (!gone->rules[i] && gone->chains[rules[i].chain])
			return refuse_for(error, r, rules[i].chain, i, "is still in it");
	for (uint32_t i = 0; names->n_gone && i < r->rules->n_rules; i++)
		if (!gone->rules[i] && (rules[i].verdict == VERDICT_JUMP || rules[i].verdict == VERDICT_GOTO) &&
		    gone->chains[rules[i].jump])
			return refuse_for(error, r, rules[i].jump, i, "leads there");
	return 0;
}

/* A chain that is named: it stands, or is made. */
static int check_name(const struct nft_names *names, const struct gone *gone, const struct nft_reading *r,
		      const char *what, uint8_t family, const char *name, char error[BACKEND_ERROR_SIZE])
{
	uint32_t chain = nft_chains_find(&r->chains, family, name);

	if (nft_names_makes(names, family, name) || (chain != RULE_NONE && !gone->chains[chain]))
		return 0;
	snprintf(error, BACKEND_ERROR_SIZE, "%s: can not put a rule %s %s: %s %s", tool(family), what, name,
		 chain == RULE_NONE ? "there is no chain" : "this very change removes the chain", name);
	return -1;
}

static int check_insert(const struct nft_names *names, const struct gone *gone, const struct nft_reading *r,
			const struct edit *edit, char error[BACKEND_ERROR_SIZE])
{
	uint8_t family = edit->family;

	if (!edit->name) {
		uint32_t chain = edit->rule == RULE_NONE ? edit->chain : r->rules->rules[edit->rule].chain;
		family = r->rules->chains[chain].family;
		if (gone->chains[chain])
			return refuse(error, "put a rule into", family, r->chains.chains[chain].name,
				      "this very change removes it");
	} else if (check_name(names, gone, r, "into", family, edit->name, error) < 0) {
		return -1;
	}
	if (edit->verdict != VERDICT_JUMP && edit->verdict != VERDICT_GOTO)
		return 0;
	return check_name(names, gone, r, "that leads to", family, edit->target, error);
}

int nft_names_check(struct nft_names *names, const struct nft_reading *r, const struct edit *edits, size_t n,
		    char error[BACKEND_ERROR_SIZE])
{
	struct gone gone = {.chains = calloc(r->rules->n_chains + 1u, sizeof *gone.chains),
			    .rules = calloc(r->rules->n_rules + 1u, sizeof *gone.rules)};
	int result = -1;

	*names = (struct nft_names){.made = calloc(n + 1, sizeof *names->made)};
	if (!names->made || !gone.chains || !gone.rules) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the changes");
		goto out;
	}
	if (list_gone(names, &gone, r, edits, n, error) < 0 || list_made(names, &gone, r, edits, n, error) < 0 ||
	    check_staying(names, &gone, r, error) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (edits[i].kind == EDIT_INSERT && check_insert(names, &gone, r, &edits[i], error) < 0)
			goto out;
	result = 0;
out:
	free(gone.chains);
	free(gone.rules);
	return result;
}

void nft_names_free(struct nft_names *names)
{
	free(names->made);
	*names = (struct nft_names){0};
}
