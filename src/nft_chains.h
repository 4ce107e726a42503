/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chains the tables `ip filter` and `ip6 filter` have, and whether packets go around the rules. */
#ifndef TOWNMETER_NFT_CHAINS_H
#define TOWNMETER_NFT_CHAINS_H

#include "nft_socket.h"
#include "snapshot.h"

struct nft_chain {
	char *name;
	uint64_t handle; /* the table never gives it a second time */
	uint8_t family;  /* 4 or 6 */
	uint8_t hook;    /* enum hook, of iptables' own chains alone */
	uint8_t policy;  /* of those: VERDICT_ACCEPT or VERDICT_DROP */
	bool counted;    /* the policy has a counter: chains made by `-P` or iptables-nft-restore, not by `-A` */
	struct counter counter;
};

struct nft_chains {
	struct nft_chain *chains; /* by family, then iptables' own ones first, then by name */
	uint32_t n, room;
	uint64_t tables[2];       /* of IPv4 and IPv6: the handles of their tables, 0 for none */
	bool offload;             /* there is a flowtable, or a chain that the network card runs */
};

/* Makes the list. *retries goes up by the dumps that a change interrupted. Returns 0, or -1 with errno
 * (EAGAIN: the chains change all the time). Free with nft_chains_free() in both cases. */
int nft_chains_list(struct nft_chains *list, struct nft_socket *socket, unsigned *retries);
void nft_chains_free(struct nft_chains *list);

/* Reads what policies count now. A chain that went is passed over. Returns 0, or -1 with errno. */
int nft_chains_count(struct nft_chains *list, struct nft_socket *socket);

/* Are these the very same tables and chains? Offload and counters are not compared. */
bool nft_chains_same(const struct nft_chains *a, const struct nft_chains *b);

/* The chain's place in the list, or RULE_NONE. */
uint32_t nft_chains_find(const struct nft_chains *list, uint8_t family, const char *name);

/* The place of the very same chain in another list, or RULE_NONE. */
uint32_t nft_chains_again(const struct nft_chains *list, const struct nft_chain *chain);

/* Are there chains in one of the two tables? 1, 0, or -1 with errno. */
int nft_chains_exist(void);

#endif
