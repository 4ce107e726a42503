/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_build.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "nft_rules.h"

/* The comment match of iptables: its data, and how much of that is text. */
enum { COMMENT_INFO_SIZE = 256 };

static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *expression = nftnl_expr_alloc(name);

	if (expression)
		nftnl_rule_add_expr(rule, expression);
	return expression;
}

/* Whole octets of the mask are a shorter load; any other mask is applied. */
static int add_prefix(struct nftnl_rule *rule, const struct prefix *prefix, uint8_t direction)
{
	static const uint8_t zero[16];
	struct nft_header header = nft_rules_header(prefix->family);
	bool whole = prefix->length % 8 == 0;
	uint32_t size = whole ? prefix->length / 8u : header.address_size;
	uint8_t mask[16];
	struct nftnl_expr *e = add(rule, "payload");

	if (!e)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET,
			   direction == DIRECTION_DOWN ? header.destination : header.source);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, size);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	if (!whole) {
		prefix_mask(prefix, mask);
		e = add(rule, "bitwise");
		if (!e)
			return -1;
		nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
		nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
		nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, size);
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, size);
		nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, size);
	}
	e = add(rule, "cmp");
	if (!e)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, prefix->addr, size);
	return 0;
}

static int add_comment(struct nftnl_rule *rule, const char *comment)
{
	struct nftnl_expr *e = add(rule, "match");
	char *info = calloc(1, COMMENT_INFO_SIZE);

	if (!e || !info) {
		free(info);
		return -1;
	}
	memcpy(info, comment, strnlen(comment, COMMENT_INFO_SIZE - 1));
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, "comment");
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, 0);
	/* The expression keeps the data, and frees it. */
	nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, COMMENT_INFO_SIZE);
	return 0; /* NOLINT(clang-analyzer-unix.Malloc) */
}

static int add_counter(struct nftnl_rule *rule, const struct counter *counter)
{
	struct nftnl_expr *e = add(rule, "counter");

	if (!e)
		return -1;
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_PACKETS, counter->packets);
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_BYTES, counter->octets);
	return 0;
}

static int add_verdict(struct nftnl_rule *rule, enum verdict verdict, const char *target)
{
	if (verdict == VERDICT_NONE)
		return 0;
	struct nftnl_expr *e = add(rule, "immediate");
	if (!e)
		return -1;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict == VERDICT_JUMP ? (uint32_t)NFT_JUMP : NF_DROP);
	if (verdict == VERDICT_JUMP)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, target);
	return 0;
}

uint32_t nft_build_rule(struct nft_batch *batch, const struct nft_place *place, const struct nft_new_rule *new)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *message;

	if (!rule)
		goto err;
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFT_TABLE_NAME);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, place->chain);
	if (place->before)
		nftnl_rule_set_u64(rule, NFTNL_RULE_POSITION, place->before);
	if (add_prefix(rule, new->prefix, new->direction) < 0 ||
	    (new->comment[0] && add_comment(rule, new->comment) < 0) || add_counter(rule, &new->counter) < 0 ||
	    add_verdict(rule, new->verdict, new->target) < 0)
		goto err;
	/* Without NLM_F_APPEND a position is one to stand before. */
	message = nft_batch_message(batch, NFT_MSG_NEWRULE,
				    NLM_F_CREATE | (place->before ? 0 : NLM_F_APPEND) |
					    (new->told ? NLM_F_ECHO : 0),
				    place->family);
	if (!message)
		goto err;
	nftnl_rule_nlmsg_build_payload(message, rule);
	nft_batch_put(batch, message);
	nftnl_rule_free(rule);
	return message->nlmsg_seq;
err:
	if (rule)
		nftnl_rule_free(rule);
	batch->failed = true;
	return 0;
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

void nft_build_chain_removal(struct nft_batch *batch, uint8_t family, const char *name)
{
	/* Without a handle it is every rule of the chain. */
	nft_build_removal(batch, family, name, 0);
	put_chain(batch, NFT_MSG_DELCHAIN, 0, family, name);
}
