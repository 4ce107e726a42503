/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_ports.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "ports.h"
#include "rule.h"

/* Data of extensions are padded to whole longs. */
#define PADDED(type) ((sizeof(type) + 7) / 8 * 8)

_Static_assert(PADDED(struct xt_sctp_info) <= NFT_PORTS_INFO_SIZE, "room for the data of sctp");
_Static_assert(PADDED(struct xt_dccp_info) <= NFT_PORTS_INFO_SIZE, "room for the data of dccp");

/* One side at most may ask for something. */
static bool take(struct nft_ports *ports, const uint16_t source[2], const uint16_t destination[2])
{
	bool any_source = source[0] == 0 && source[1] == PORTS_LAST;
	bool any_destination = destination[0] == 0 && destination[1] == PORTS_LAST;

	if (!any_source && !any_destination)
		return false;
	const uint16_t *own = any_destination ? source : destination;
	*ports = (struct nft_ports){.first = own[0], .last = own[1],
				    .of = any_destination ? DIRECTION_DOWN : DIRECTION_UP};
	return own[0] <= own[1];
}

static bool from_tcp(struct nft_ports *ports, const struct nft_step *step)
{
	struct xt_tcp info;

	if (strcmp(step->name, "tcp") != 0 || step->info_size < sizeof info)
		return false;
	memcpy(&info, step->info, sizeof info);
	return !info.option && !info.flg_mask && !info.flg_cmp && !info.invflags &&
	       take(ports, info.spts, info.dpts);
}

static bool from_udp(struct nft_ports *ports, const struct nft_step *step)
{
	struct xt_udp info;

	if (strcmp(step->name, "udp") != 0 || step->info_size < sizeof info)
		return false;
	memcpy(&info, step->info, sizeof info);
	return !info.invflags && take(ports, info.spts, info.dpts);
}

/* Flags tell which of the conditions are asked for. */
static bool from_sctp(struct nft_ports *ports, const struct nft_step *step)
{
	static const uint16_t any[2] = {0, PORTS_LAST};
	struct xt_sctp_info info;

	if (strcmp(step->name, "sctp") != 0 || step->info_size < sizeof info)
		return false;
	memcpy(&info, step->info, sizeof info);
	return !(info.flags & ~(uint32_t)(XT_SCTP_SRC_PORTS | XT_SCTP_DEST_PORTS)) && !info.invflags &&
	       take(ports, info.flags & XT_SCTP_SRC_PORTS ? info.spts : any,
		    info.flags & XT_SCTP_DEST_PORTS ? info.dpts : any);
}

static bool from_dccp(struct nft_ports *ports, const struct nft_step *step)
{
	static const uint16_t any[2] = {0, PORTS_LAST};
	struct xt_dccp_info info;

	if (strcmp(step->name, "dccp") != 0 || step->info_size < sizeof info)
		return false;
	memcpy(&info, step->info, sizeof info);
	return !(info.flags & ~(XT_DCCP_SRC_PORTS | XT_DCCP_DEST_PORTS)) && !info.invflags &&
	       take(ports, info.flags & XT_DCCP_SRC_PORTS ? info.spts : any,
		    info.flags & XT_DCCP_DEST_PORTS ? info.dpts : any);
}

static uint16_t number(const uint8_t octets[2])
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

/* The first four octets of all these headers are the two ports. */
static bool from_header(struct nft_ports *ports, const struct nft_step *step)
{
	if (step->key != NFT_PAYLOAD_TRANSPORT_HEADER || step->length != 2 || step->masked ||
	    (step->offset != 0 && step->offset != 2))
		return false;
	*ports = (struct nft_ports){.first = number(step->value), .last = number(step->value),
				    .of = step->offset == 0 ? DIRECTION_DOWN : DIRECTION_UP};
	if (step->kind == NFT_STEP_RANGE)
		ports->last = number(step->last);
	else if (step->operation == NFT_CMP_LTE)
		ports->first = 0;
	else if (step->operation == NFT_CMP_GTE)
		ports->last = PORTS_LAST;
	else if (step->operation != NFT_CMP_EQ)
		return false;
	return step->kind != NFT_STEP_RANGE || (step->operation == NFT_CMP_EQ && ports->first <= ports->last);
}

bool nft_ports_from_step(struct nft_ports *ports, uint8_t protocol, const struct nft_step *step)
{
	bool is_match = step->kind == NFT_STEP_MATCH;

	if (is_match && (step->revision != 0 || !step->info))
		return false;
	switch (protocol) {
	case IPPROTO_TCP:
		return is_match ? from_tcp(ports, step) : from_header(ports, step);
	case IPPROTO_UDP:
		return is_match ? from_udp(ports, step) : from_header(ports, step);
	case IPPROTO_SCTP:
		return is_match ? from_sctp(ports, step) : from_header(ports, step);
	case IPPROTO_DCCP:
		return is_match ? from_dccp(ports, step) : from_header(ports, step);
	default:
		return false;
	}
}

static void fill(uint16_t range[2], const struct nft_ports *ports)
{
	range[0] = ports->first;
	range[1] = ports->last;
}

const char *nft_ports_extension(uint8_t protocol, const struct nft_ports *ports, uint8_t info[NFT_PORTS_INFO_SIZE],
				size_t *size)
{
	bool source = ports->of == DIRECTION_DOWN;

	memset(info, 0, NFT_PORTS_INFO_SIZE);
	if (protocol == IPPROTO_SCTP) {
		struct xt_sctp_info own = {.flags = source ? XT_SCTP_SRC_PORTS : XT_SCTP_DEST_PORTS};
		fill(source ? own.spts : own.dpts, ports);
		/* As iptables does, which compares all of it. */
		for (size_t i = 0; i < XT_NUM_SCTP_FLAGS; i++)
			own.flag_info[i].chunktype = UINT8_MAX;
		memcpy(info, &own, sizeof own);
		*size = PADDED(struct xt_sctp_info);
		return "sctp";
	}
	if (protocol == IPPROTO_DCCP) {
		struct xt_dccp_info own = {.flags = source ? XT_DCCP_SRC_PORTS : XT_DCCP_DEST_PORTS};
		fill(source ? own.spts : own.dpts, ports);
		memcpy(info, &own, sizeof own);
		*size = PADDED(struct xt_dccp_info);
		return "dccp";
	}
	return NULL;
}
