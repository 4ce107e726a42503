/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tells after a crash which rules were set to zero. Rules are zeroed a batch at a time, and the kernel
 * carries out a batch before a kill reaches the process that sent it. So each batch also resets a rule of our
 * own, the witness: it counted 1 packet before, and 0 after.
 *
 * Witnesses stand in a table of our own, in a chain that no packet gets to. Its name has a number that only one
 * change has, so that those of another change are not taken for them.
 */
#ifndef TOWNMETER_NFT_WITNESS_H
#define TOWNMETER_NFT_WITNESS_H

#include "backend.h"
#include "nft_read.h"

#define NFT_WITNESS_TABLE "townmeter"
enum { NFT_WITNESS_FAMILY = 4, NFT_WITNESS_CHAIN_SIZE = 32 };

struct nft_witness {
	uint64_t number; /* of the change; 0: none was made */
	char chain[NFT_WITNESS_CHAIN_SIZE];
	uint64_t *handles;
	uint32_t n;
};

/* Makes n of them, in the place of those of an earlier change, and lets the reading know of the new generation.
 * Returns 0, or -1 with errno. Free with nft_witness_free() in both cases. */
int nft_witness_make(struct nft_witness *witness, struct nft_reading *reading, struct nft_socket *socket, uint32_t n);
void nft_witness_free(struct nft_witness *witness);

/* Takes the table away if these are still the ones in it. */
void nft_witness_remove(const struct nft_witness *witness, struct nft_socket *socket);

/* Writes what settling needs to know. Returns 0, or -1 with errno. */
int nft_witness_note(const struct nft_witness *witness, struct intent *intent);

/* The other way round. Returns 0, or -1 with errno (EBADMSG). Free in both cases. */
int nft_witness_from(struct nft_witness *witness, const void *data, size_t size);

/* What came of each step: n outcomes. Returns 0, or -1 with errno. */
int nft_witness_judge(const struct nft_witness *witness, struct nft_socket *socket, uint8_t *outcomes);

#endif
