/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds rules and chains to a batch, and takes them away. Rules are put together as iptables-nft does,
 * so that it lists them and finds them again.
 */
#ifndef TOWNMETER_NFT_BUILD_H
#define TOWNMETER_NFT_BUILD_H

#include "nft_batch.h"
#include "snapshot.h"

/* Where a new rule goes. */
struct nft_place {
	uint8_t family;
	const char *chain;
	uint64_t before; /* the handle of the rule that it stands before; 0: at the chain's end */
};

struct nft_new_rule {
	const struct prefix *prefix; /* NULL or PREFIX_NONE: any address, as in `other` */
	const struct prefix *other;  /* of the other direction's side */
	uint8_t direction;     /* of `prefix`: -d (down) or -s (up) */
	uint8_t ports_of;      /* as in struct rule */
	const struct ports *ports; /* NULL or protocol 0: any */
	enum verdict verdict;  /* VERDICT_NONE, _DROP, _RETURN, or _JUMP or _GOTO to `target` */
	const char *target;
	const char *comment;   /* NULL for none */
	struct counter counter; /* what it starts with */
	bool told;             /* the commit tells its handle */
};

/* Returns the sequence number of its message, under which the commit tells the rule's handle
 * (NFT_MSG_NEWRULE) if that is wanted. Errors go to the batch, whose commit then fails. */
uint32_t nft_build_rule(struct nft_batch *batch, const struct nft_place *place, const struct nft_new_rule *rule);

/* The commit tells the rule's last count, by NFT_MSG_DELRULE. */
void nft_build_removal(struct nft_batch *batch, uint8_t family, const char *chain, uint64_t handle);

/* A chain of iptables, as `-N`; away with it when it is empty; and away with it, its rules first, which the commit
 * tells as above. */
void nft_build_chain(struct nft_batch *batch, uint8_t family, const char *name);
void nft_build_chain_end(struct nft_batch *batch, uint8_t family, const char *name);
void nft_build_chain_removal(struct nft_batch *batch, uint8_t family, const char *name);

#endif
