/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out edits of the rules read last. A transaction is bound to the generation that they were read
 * in, or one in which the chains concerned were compared with them: nothing happens to other rules.
 */
#ifndef TOWNMETER_NFT_CHANGE_H
#define TOWNMETER_NFT_CHANGE_H

#include "backend.h"
#include "nft_read.h"
#include "nft_witness.h"

/* Chains and rules that come and go in one transaction, zeroes after it (nft_zero; `can_zero` false: they are left
 * as they are, and say so; `witness`, which may be NULL: that of these edits). `error` tells what an edit
 * names that is not there; if it is "", errno tells why it was not done. */
enum change_result nft_change(struct nft_reading *reading, struct nft_socket *socket, bool can_zero,
			      const struct nft_witness *witness, struct edit *edits, size_t n,
			      char error[BACKEND_ERROR_SIZE]);

/* Is this a zero that a kernel can do which can set rules to zero? It has no way to take what a policy counted. */
bool nft_change_zeroes(const struct nft_reading *reading, const struct edit *edit);

#endif
