/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A transaction of nf_tables: messages that the kernel carries out all at once, or none of them. */
#ifndef TOWNMETER_NFT_BATCH_H
#define TOWNMETER_NFT_BATCH_H

#include "nft_socket.h"

/* The most that one message of ours takes. */
enum { NFT_MESSAGE_SIZE = 4096 };

struct nft_batch {
	struct nft_socket *socket;
	char *data;
	size_t size, room;
	size_t last;        /* where the last message starts */
	uint32_t first_sequence, last_sequence, n_echoed;
	bool failed;        /* no memory */
};

/* Begins one. With a generation other than 0 it fails (ERESTART) if that is not the present one. */
void nft_batch_begin(struct nft_batch *batch, struct nft_socket *socket, uint32_t generation);

/* The heads of the next message, to which attributes can be added; then nft_batch_put(). `flags` without
 * NLM_F_REQUEST; NLM_F_ECHO makes the commit tell what became of it. NULL: no memory, and the commit
 * fails. */
struct nlmsghdr *nft_batch_message(struct nft_batch *batch, int type, int flags, uint8_t family);
void nft_batch_put(struct nft_batch *batch, const struct nlmsghdr *message);

/* Carries it out, and visits what NLM_F_ECHO asked for. Returns 0, or -1 with errno: then nothing
 * was changed. ERESTART: another generation; ENOENT: a rule or a chain is not there any more. A lost
 * answer (ETIMEDOUT, ENOBUFS) leaves it open what happened. */
int nft_batch_commit(struct nft_batch *batch, nft_visit *visit, void *context);
void nft_batch_free(struct nft_batch *batch);

#endif
