/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket of nf_tables that is none. A test that includes this plays the kernel: it defines nft_socket_dump() and
 * nft_socket_ask() itself. */
#ifndef TOWNMETER_TESTS_NFT_NO_SOCKET_H
#define TOWNMETER_TESTS_NFT_NO_SOCKET_H

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft_socket.h"

struct nlmsghdr *nft_socket_head(struct nft_socket *socket, void *room, int type, int flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);

	(void)socket;
	(void)family;
	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	message->nlmsg_flags = (uint16_t)flags;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	return message;
}

uint32_t nft_socket_question(const struct nft_socket *socket, const struct nlmsghdr *message, uint32_t n)
{
	(void)socket;
	(void)n;
	return message->nlmsg_seq;
}

int nft_socket_open(struct nft_socket *socket)
{
	(void)socket;
	return 0;
}

void nft_socket_close(struct nft_socket *socket)
{
	(void)socket;
}

#endif
