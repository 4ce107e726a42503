/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of one chain: compared with those that are known, or read. */
#ifndef TOWNMETER_NFT_DUMP_H
#define TOWNMETER_NFT_DUMP_H

#include "nft_chains.h"
#include "snapshot.h"

/* A rule that is known. */
struct nft_known {
	uint64_t handle, fingerprint; /* struct nft_brief */
};

/* What a chain should have. */
struct nft_expected {
	const struct nft_known *known;
	uint32_t n;
	bool thorough;           /* compare fingerprints, too: a rule can be replaced in its place */
	const uint64_t *ignored; /* handles of rules that do not matter; may be NULL */
	size_t n_ignored;
};

/* Does the chain have exactly these rules? Then `counters`, if it is not NULL, has what they count.
 * Returns 1, 0, or -1 with errno. */
int nft_dump_compare(struct nft_socket *socket, const struct nft_chain *chain, const struct nft_expected *expected,
		     struct counter *counters);

/* Rules that are read, chain after chain; `known` and `counters` grow along with rules->rules. */
struct nft_gathering {
	struct ruleset *rules;
	struct nft_known *known;
	struct counter *counters;
	uint32_t room;
	const struct nft_chains *chains;
	uint8_t family; /* for inner use */
};

/* Begins an empty one for these chains. Returns 0, or -1 with errno. */
int nft_gather_begin(struct nft_gathering *gathering, const struct nft_chains *chains);
void nft_gather_free(struct nft_gathering *gathering);

/* Adds the list's chain with this number without rules; and a rule to it. `name`: where its name stands in the texts
 * already; 0: it is added. */
int nft_gather_chain(struct nft_gathering *gathering, uint32_t chain, uint32_t name);
int nft_gather_rule(struct nft_gathering *gathering, const struct rule *rule, const struct nft_known *known,
		    const struct counter *counter);

/* Makes room for so many rules at once. Returns 0, or -1 with errno. */
int nft_gather_reserve(struct nft_gathering *gathering, uint32_t n);

/* Adds n rules, which are known, to the chain that was added last. Their texts stand in the new ruleset already; `is` has
 * the new numbers of the chains that they lead to (NULL: they are the old ones). Returns 0, or -1 with errno: ESTALE: one
 * leads to a chain that is there no more (RULE_NONE). */
int nft_gather_known(struct nft_gathering *gathering, const struct rule *rules, const struct nft_known *known,
		     const struct counter *counters, uint32_t n, const uint32_t *is);

/* Reads the rules of the chain that was added last. *retries goes up by the dumps that a change
 * interrupted. Returns 0, or -1 with errno: ESTALE: a rule jumps to a chain that is not in the list;
 * EAGAIN: they change all the time. */
int nft_gather_rules(struct nft_gathering *gathering, struct nft_socket *socket, uint32_t chain, unsigned *retries);

#endif
