/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules that a change takes away: those of its edits, and what removals left that a kill cut off. A drop
 * rule goes with the help of a drain (nft_drain.h), one for all of a chain that drop the same packets.
 *
 * A jump that was left goes with the next change of its table. If the change deletes a drop rule of the same
 * prefix in the same chain, that edit gets what the jump counted. Else a drop rule takes its place, which goes
 * on from its count.
 */
#ifndef TOWNMETER_NFT_REMOVAL_H
#define TOWNMETER_NFT_REMOVAL_H

#include "backend.h"
#include "nft_batch.h"
#include "nft_drain.h"
#include "nft_read.h"

struct nft_removal {
	struct edit *edit;              /* gets the count; NULL: a drop takes the place of a jump that was left */
	uint32_t rule, chain;
	uint8_t family;                 /* handles are those of one table */
	uint64_t handle, jump;          /* the rule's, and that of the jump ahead of it */
	uint32_t jump_sequence;         /* of the message that puts it there */
	const struct prefix *prefix;    /* NULL: it can not be drained */
	uint8_t direction;
	char drain[NFT_DRAIN_NAME_SIZE]; /* "": it needs none */
	bool told;
	struct counter start;           /* what the drop in its place starts with, */
	uint32_t drop_sequence;         /* the message that puts that there, */
	uint64_t drop;                  /* and its handle */
};

struct nft_removals {
	struct nft_reading *reading;
	struct nft_socket *socket;
	struct nft_removal *list;       /* by family and handle */
	size_t n, n_drains, n_succeeded; /* the last: jumps that give way to drops */
	uint64_t *jumps;                /* handles of those that are there now */
	size_t n_jumps;
};

/* Plans for the edits. Returns 0, or -1 with errno. Free in both cases. */
int nft_removal_plan(struct nft_removals *removals, struct nft_reading *reading, struct nft_socket *socket,
		     struct edit *edits, size_t n);
void nft_removal_free(struct nft_removals *removals);

/* Reads what drop rules in the place of jumps start with: just before the commit that puts them there. */
void nft_removal_look(struct nft_removals *removals);

/* Adds to a batch: the drains with their jumps; the removals of rules and jumps; of jumps alone; of drains. */
void nft_removal_build_drains(struct nft_removals *removals, struct nft_batch *batch);
void nft_removal_build(struct nft_removals *removals, struct nft_batch *batch);
void nft_removal_build_withdrawal(const struct nft_removals *removals, struct nft_batch *batch);
void nft_removal_build_ends(const struct nft_removals *removals, struct nft_batch *batch);

/* Takes what a commit tells of these (nft_visit; the context is the struct). */
int nft_removal_told(void *removals, const struct nlmsghdr *message);

/* Says what got lost, once all is done, and takes drain chains away that were left. Returns whether there were
 * any. */
bool nft_removal_finish(struct nft_removals *removals);

/* The rule that stands in this rule's place: a handle. */
uint64_t nft_removal_successor(const struct nft_removals *removals, uint32_t rule);

/* The edit that deletes this rule, or NULL. */
struct edit *nft_removal_of(const struct nft_removals *removals, uint32_t rule);

#endif
