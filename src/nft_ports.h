/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports in rules of nf_tables: iptables-nft compares those of TCP and UDP in the header itself, and leaves those of
 * SCTP and DCCP, as older versions leave all, to the extension that iptables-legacy has for it. Pure.
 */
#ifndef TOWNMETER_NFT_PORTS_H
#define TOWNMETER_NFT_PORTS_H

#include "nft_decode.h"

/* A condition on the ports of one side. */
struct nft_ports {
	uint16_t first, last;
	uint8_t of; /* as in struct rule; where all ports match, DIRECTION_DOWN */
};

/* The most that the extension's data of one protocol take. */
enum { NFT_PORTS_INFO_SIZE = 320 };

/* Is this comparison of the transport header one range of ports, or data of the protocol's extension (MATCH) that ask
 * for at most that? */
bool nft_ports_from_step(struct nft_ports *ports, uint8_t protocol, const struct nft_step *step);

/* The name of the extension for the ports of a protocol that iptables-nft leaves to it, and its data, zeroes beyond
 * `*size`. NULL: it compares them in the header. */
const char *nft_ports_extension(uint8_t protocol, const struct nft_ports *ports, uint8_t info[NFT_PORTS_INFO_SIZE],
				size_t *size);

#endif
