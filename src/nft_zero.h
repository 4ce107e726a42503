/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets counters of rules to zero, one rule at a time: the kernel takes away exactly what it tells
 * (NFT_MSG_GETRULE_RESET, Linux 6.2). Its reset of a whole chain loses what does not fit into the answer
 * any more, and replacing rules loses what other processors count meanwhile: neither is used.
 */
#ifndef TOWNMETER_NFT_ZERO_H
#define TOWNMETER_NFT_ZERO_H

#include "nft_socket.h"
#include "nft_witness.h"
#include "snapshot.h"

struct nft_zeroing {
	uint8_t family;
	const char *chain;
	uint64_t handle;
	struct counter taken; /* returned: what the counter had */
	int error;            /* returned: 0; ENOENT: there is no such rule; else an errno */
};

/* Can this kernel do that? 1, 0, or -1 with errno. Changes nothing. */
int nft_zero_possible(struct nft_socket *socket);

/* So many rules go into one batch with a witness. */
enum { NFT_ZERO_BATCH = 31 };

/* Does it for all n. Each has its own result: this one returns nothing. Each NFT_ZERO_BATCH of them take one of
 * the witnesses along; NULL: there are none. */
void nft_zero(struct nft_socket *socket, struct nft_zeroing *list, size_t n, const struct nft_witness *witness);

#endif
