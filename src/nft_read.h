/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the rules and counters of both tables, chain by chain: a dump of a whole table takes a time
 * that grows with the square of its chains. Within one generation only counters are read; in another
 * one, chains whose rules are the known ones give counters, and only those that changed are read anew.
 * What we change ourselves is known, so that a command has to read no more than the chains it changed.
 */
#ifndef TOWNMETER_NFT_READ_H
#define TOWNMETER_NFT_READ_H

#include "nft_dump.h"

struct nft_reading {
	struct nft_chains chains; /* in the order of rules->chains */
	struct ruleset *rules;    /* NULL before the first read, and after one that failed */
	struct nft_known *known;  /* one a rule; a policy has handle 0 */
	struct counter *counters;
	uint64_t generation;      /* differs when rules differ */
	uint32_t read_in;         /* the kernel's generation that all was read in, or 0: in more than one */
	uint32_t confirmed;       /* the kernel's generation whose rules these are for certain, or 0 */
	bool *changed;            /* chains that we changed in `confirmed`, by their number; NULL: none */
	bool regrouped;           /* we made or removed chains in `confirmed`, too */
	bool overtaken;           /* others have committed since the read before the last one */
	bool partial;             /* the last read was one of the rules alone, which were known */
	unsigned retries;         /* dumps of the last read that a change interrupted */
};

/* Returns 0, or -1 with errno (EAGAIN: the rules change all the time). */
int nft_read(struct nft_reading *reading, struct nft_socket *socket, bool rules_alone);
void nft_read_free(struct nft_reading *reading);

/* Commits of ours, and no others, led from one generation to another, and changed these n chains. `regrouped`: chains
 * were made or removed, too. */
void nft_read_changed(struct nft_reading *reading, uint32_t from, uint32_t to, const uint32_t *chains, uint32_t n,
		      bool regrouped);

/* A commit of ours that changed nothing of what is read followed this generation, with no other between. */
void nft_read_passed(struct nft_reading *reading, uint32_t from);

/* The generation that a commit makes: one more, and never 0. */
uint32_t nft_read_next(uint32_t generation);

/* Do these n chains still have the rules that were read last, but for those with the ignored handles?
 * Returns 1, 0, or -1 with errno. */
int nft_read_unchanged(const struct nft_reading *reading, struct nft_socket *socket, const uint32_t *chains,
		       uint32_t n, const uint64_t *ignored, size_t n_ignored);

#endif
