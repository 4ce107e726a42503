/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out edits of the rules read last. A transaction is bound to the generation that they were read
 * in, or one in which the chains concerned were compared with them: nothing happens to other rules.
 */
#ifndef TOWNMETER_NFT_CHANGE_H
#define TOWNMETER_NFT_CHANGE_H

#include "backend.h"
#include "nft_read.h"

/* Inserts and deletes in one transaction, zeroes after it (nft_zero; `can_zero` false: they are left
 * as they are, and say so). errno tells why it was not done. */
enum change_result nft_change(struct nft_reading *reading, struct nft_socket *socket, bool can_zero,
			      struct edit *edits, size_t n);

#endif
