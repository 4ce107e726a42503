/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables `ip filter` and `ip6 filter`, as iptables-nft makes them when the first rule of FORWARD is put there. One that
 * was made here carries a mark, so that it goes again when nothing is left in it.
 */
#ifndef TOWNMETER_NFT_TABLE_H
#define TOWNMETER_NFT_TABLE_H

#include "nft_socket.h"

/* Makes what is not there of the table and INPUT, FORWARD and OUTPUT. Returns 0, or -1 with errno (EOPNOTSUPP: this
 * kernel has no nf_tables). */
int nft_table_make(struct nft_socket *socket, uint8_t family);

/* Removes a table that has the mark, if there is no more in it than those chains, without rules and with the policy
 * ACCEPT. Returns 0, also if it stays, or -1 with errno. */
int nft_table_drop(struct nft_socket *socket, uint8_t family);

#endif
