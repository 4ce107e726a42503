/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chains that a change makes and takes away, and whether all that its edits name is there: the kernel would say
 * no more than ENOENT or EBUSY, for one of 100,000 edits. Pure.
 */
#ifndef TOWNMETER_NFT_NAMES_H
#define TOWNMETER_NFT_NAMES_H

#include "backend.h"
#include "nft_read.h"

struct nft_names {
	const struct edit **made; /* the EDIT_CHAINs, by family and name; borrowed */
	size_t n_made, n_gone;    /* the last: chains that go */
};

/* Looks through the edits. Returns 0, or -1: `error` says what they name that is not there, or is in the way. Free
 * with nft_names_free() in both cases. */
int nft_names_check(struct nft_names *names, const struct nft_reading *reading, const struct edit *edits, size_t n,
		    char error[BACKEND_ERROR_SIZE]);
void nft_names_free(struct nft_names *names);

/* Is this the name of a chain that the change makes? */
bool nft_names_makes(const struct nft_names *names, uint8_t family, const char *name);

#endif
