/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_build.h"

#include <endian.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "nft_ports.h"
#include "nft_rules.h"

/* The comment match of iptables: its data, and how much of that is text. */
enum { COMMENT_INFO_SIZE = 256 };

/* An expression of the rule, while its attributes are put. */
struct element {
	struct nlmsghdr *message;
	struct nlattr *outer, *inner;
};

static struct element begin(struct nlmsghdr *message, const char *name)
{
	struct element e = {.message = message, .outer = mnl_attr_nest_start(message, NFTA_LIST_ELEM)};

	mnl_attr_put_strz(message, NFTA_EXPR_NAME, name);
	e.inner = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	return e;
}

static void end(const struct element *e)
{
	mnl_attr_nest_end(e->message, e->inner);
	mnl_attr_nest_end(e->message, e->outer);
}

static void put_number(const struct element *e, uint16_t type, uint32_t number)
{
	mnl_attr_put_u32(e->message, type, htobe32(number));
}

static void put_value(const struct element *e, uint16_t type, const void *value, size_t size)
{
	struct nlattr *nest = mnl_attr_nest_start(e->message, type);

	mnl_attr_put(e->message, NFTA_DATA_VALUE, size, value);
	mnl_attr_nest_end(e->message, nest);
}

static void add_load(struct nlmsghdr *message, uint32_t base, uint32_t offset, uint32_t size)
{
	struct element e = begin(message, "payload");

	put_number(&e, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_number(&e, NFTA_PAYLOAD_BASE, base);
	put_number(&e, NFTA_PAYLOAD_OFFSET, offset);
	put_number(&e, NFTA_PAYLOAD_LEN, size);
	end(&e);
}

static void add_mask(struct nlmsghdr *message, const void *mask, uint32_t size)
{
	static const uint8_t zero[16];
	struct element e = begin(message, "bitwise");

	put_number(&e, NFTA_BITWISE_SREG, NFT_REG_1);
	put_number(&e, NFTA_BITWISE_DREG, NFT_REG_1);
	put_number(&e, NFTA_BITWISE_LEN, size);
	put_value(&e, NFTA_BITWISE_MASK, mask, size);
	put_value(&e, NFTA_BITWISE_XOR, zero, size);
	end(&e);
}

static void add_comparison(struct nlmsghdr *message, uint32_t operation, const void *value, size_t size)
{
	struct element e = begin(message, "cmp");

	put_number(&e, NFTA_CMP_SREG, NFT_REG_1);
	put_number(&e, NFTA_CMP_OP, operation);
	put_value(&e, NFTA_CMP_DATA, value, size);
	end(&e);
}

/*
 * iptables-nft loads only the octets of a mask that has whole ones. But the kernel's fast loads are those of 1, 2 and 4
 * octets, so 3 are loaded as 4, and masked: iptables-nft and nft read that the same. (A part of IPv6's address with a
 * mask would be a prefix for iptables-nft, but none for nft.)
 */
static void add_prefix(struct nlmsghdr *message, const struct prefix *prefix, uint8_t direction)
{
	uint8_t mask[16];

	if (!prefix || prefix->family == PREFIX_NONE)
		return;
	struct nft_header header = nft_rules_header(prefix->family);
	uint32_t length = prefix->length, size = header.address_size;
	if (length % 8 == 0 && (length != 24 || prefix->family == PREFIX_IPV6))
		size = length / 8;
	add_load(message, NFT_PAYLOAD_NETWORK_HEADER,
		 direction == DIRECTION_DOWN ? header.destination : header.source, size);
	if (length != size * 8) {
		prefix_mask(prefix, mask);
		add_mask(message, mask, size);
	}
	add_comparison(message, NFT_CMP_EQ, prefix->addr, size);
}

static void add_extension(struct nlmsghdr *message, const char *name, const void *info, size_t size)
{
	struct element e = begin(message, "match");

	mnl_attr_put_strz(message, NFTA_MATCH_NAME, name);
	put_number(&e, NFTA_MATCH_REV, 0);
	mnl_attr_put(message, NFTA_MATCH_INFO, size, info);
	end(&e);
}

static void add_protocol(struct nlmsghdr *message, uint8_t number)
{
	struct element e = begin(message, "meta");

	put_number(&e, NFTA_META_KEY, NFT_META_L4PROTO);
	put_number(&e, NFTA_META_DREG, NFT_REG_1);
	end(&e);
	add_comparison(message, NFT_CMP_EQ, &number, sizeof number);
}

static void add_range(struct nlmsghdr *message, const uint16_t first, const uint16_t last)
{
	uint16_t from = htobe16(first), to = htobe16(last);

	if (first == last || first == 0) {
		add_comparison(message, first == last ? NFT_CMP_EQ : NFT_CMP_LTE, &to, sizeof to);
		return;
	}
	struct element e = begin(message, "range");
	put_number(&e, NFTA_RANGE_SREG, NFT_REG_1);
	put_number(&e, NFTA_RANGE_OP, NFT_RANGE_EQ);
	put_value(&e, NFTA_RANGE_FROM_DATA, &from, sizeof from);
	put_value(&e, NFTA_RANGE_TO_DATA, &to, sizeof to);
	end(&e);
}

static bool has_ports(const struct nft_new_rule *new)
{
	return new->ports && new->ports->protocol && (new->ports->first != 0 || new->ports->last != PORTS_LAST);
}

static void add_ports(struct nlmsghdr *message, const struct nft_new_rule *new)
{
	const struct nft_ports ports = {.first = new->ports->first, .last = new->ports->last, .of = new->ports_of};
	uint8_t info[NFT_PORTS_INFO_SIZE];
	size_t size;
	const char *extension = nft_ports_extension(new->ports->protocol, &ports, info, &size);

	if (extension) {
		add_extension(message, extension, info, size);
		return;
	}
	add_load(message, NFT_PAYLOAD_TRANSPORT_HEADER, ports.of == DIRECTION_DOWN ? 0 : 2, 2);
	add_range(message, ports.first, ports.last);
}

static void add_comment(struct nlmsghdr *message, const char *comment)
{
	char info[COMMENT_INFO_SIZE] = "";

	memcpy(info, comment, strnlen(comment, sizeof info - 1));
	add_extension(message, "comment", info, sizeof info);
}

static void add_counter(struct nlmsghdr *message, const struct counter *counter)
{
	struct element e = begin(message, "counter");

	mnl_attr_put_u64(message, NFTA_COUNTER_BYTES, htobe64(counter->octets));
	mnl_attr_put_u64(message, NFTA_COUNTER_PACKETS, htobe64(counter->packets));
	end(&e);
}

static void add_verdict(struct nlmsghdr *message, enum verdict verdict, const char *target)
{
	int code = verdict == VERDICT_JUMP ? NFT_JUMP : verdict == VERDICT_GOTO ? NFT_GOTO
		   : verdict == VERDICT_RETURN ? NFT_RETURN : NF_DROP;

	if (verdict == VERDICT_NONE)
		return;
	struct element e = begin(message, "immediate");
	put_number(&e, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = mnl_attr_nest_start(message, NFTA_IMMEDIATE_DATA);
	struct nlattr *nest = mnl_attr_nest_start(message, NFTA_DATA_VERDICT);
	put_number(&e, NFTA_VERDICT_CODE, (uint32_t)code);
	if (verdict == VERDICT_JUMP || verdict == VERDICT_GOTO)
		mnl_attr_put_strz(message, NFTA_VERDICT_CHAIN, target);
	mnl_attr_nest_end(message, nest);
	mnl_attr_nest_end(message, data);
	end(&e);
}

/* The kernel's extensions look at which protocol the rule is for. */
static void put_compatibility(struct nlmsghdr *message, uint8_t number)
{
	struct nlattr *nest = mnl_attr_nest_start(message, NFTA_RULE_COMPAT);

	mnl_attr_put_u32(message, NFTA_RULE_COMPAT_PROTO, htobe32(number));
	mnl_attr_put_u32(message, NFTA_RULE_COMPAT_FLAGS, 0);
	mnl_attr_nest_end(message, nest);
}

static void put_expressions(struct nlmsghdr *message, const struct nft_new_rule *new, uint8_t number)
{
	bool down = new->direction == DIRECTION_DOWN;
	struct nlattr *list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);

	if (number)
		add_protocol(message, number);
	add_prefix(message, down ? new->other : new->prefix, DIRECTION_UP);
	add_prefix(message, down ? new->prefix : new->other, DIRECTION_DOWN);
	if (has_ports(new))
		add_ports(message, new);
	if (new->comment)
		add_comment(message, new->comment);
	add_counter(message, &new->counter);
	add_verdict(message, new->verdict, new->target);
	mnl_attr_nest_end(message, list);
}

uint32_t nft_build_rule(struct nft_batch *batch, const struct nft_place *place, const struct nft_new_rule *new)
{
	/* Without NLM_F_APPEND a position is one to stand before. */
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_NEWRULE,
						     NLM_F_CREATE | (place->before ? 0 : NLM_F_APPEND) |
							     (new->told ? NLM_F_ECHO : 0),
						     place->family);
	uint8_t number = new->ports ? ports_number(new->ports->protocol, place->family == PREFIX_IPV6) : 0;

	if (!message)
		return 0;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, place->chain);
	put_expressions(message, new, number);
	if (place->before)
		mnl_attr_put_u64(message, NFTA_RULE_POSITION, htobe64(place->before));
	if (number && has_ports(new))
		put_compatibility(message, number);
	nft_batch_put(batch, message);
	return message->nlmsg_seq;
}

void nft_build_removal(struct nft_batch *batch, uint8_t family, const char *chain, uint64_t handle)
{
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_DELRULE, NLM_F_ECHO, family);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
	if (handle)
		mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(handle));
	nft_batch_put(batch, message);
}

static void put_chain(struct nft_batch *batch, int type, int flags, uint8_t family, const char *name)
{
	struct nlmsghdr *message = nft_batch_message(batch, type, flags, family);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
	nft_batch_put(batch, message);
}

void nft_build_chain(struct nft_batch *batch, uint8_t family, const char *name)
{
	put_chain(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, family, name);
}

void nft_build_chain_end(struct nft_batch *batch, uint8_t family, const char *name)
{
	put_chain(batch, NFT_MSG_DELCHAIN, 0, family, name);
}

void nft_build_chain_removal(struct nft_batch *batch, uint8_t family, const char *name)
{
	/* Without a handle it is every rule of the chain. */
	nft_build_removal(batch, family, name, 0);
	nft_build_chain_end(batch, family, name);
}
