/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOWNMETER_NFT_PRINT_H
#define TOWNMETER_NFT_PRINT_H

#include "nft_read.h"

/* Prints a rule that was read on standard output as `iptables-nft -S` does, without a newline; what only
 * nft writes is named in brackets. Asks the kernel for the rule. For a process that ends soon (see
 * xt_print.h). Returns 0, or -1 if it can not be printed. */
int nft_print(const struct nft_reading *reading, struct nft_socket *socket, uint32_t rule);

#endif
