/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of nf_tables by hand, for tests: a rule, expression by expression. */
#ifndef TOWNMETER_TESTS_NFT_MESSAGE_H
#define TOWNMETER_TESTS_NFT_MESSAGE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

struct rule_message {
	char data[4096];
	struct nlmsghdr *head;
	struct nlattr *list, *element, *inner; /* what is open */
};

static inline void message_begin(struct rule_message *m, uint8_t family, uint64_t handle)
{
	memset(m, 0, sizeof *m);
	m->head = mnl_nlmsg_put_header(m->data);
	m->head->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(m->head, sizeof *head);
	head->nfgen_family = family;
	mnl_attr_put_strz(m->head, NFTA_RULE_TABLE, "filter");
	mnl_attr_put_strz(m->head, NFTA_RULE_CHAIN, "town-a");
	mnl_attr_put_u64(m->head, NFTA_RULE_HANDLE, htobe64(handle));
	m->list = mnl_attr_nest_start(m->head, NFTA_RULE_EXPRESSIONS);
}

static inline void message_end(struct rule_message *m)
{
	mnl_attr_nest_end(m->head, m->list);
}

static inline void message_open(struct rule_message *m, const char *name)
{
	m->element = mnl_attr_nest_start(m->head, NFTA_LIST_ELEM);
	mnl_attr_put_strz(m->head, NFTA_EXPR_NAME, name);
	m->inner = mnl_attr_nest_start(m->head, NFTA_EXPR_DATA);
}

static inline void message_close(struct rule_message *m)
{
	mnl_attr_nest_end(m->head, m->inner);
	mnl_attr_nest_end(m->head, m->element);
}

static inline void message_number(struct rule_message *m, uint16_t type, uint32_t number)
{
	mnl_attr_put_u32(m->head, type, htobe32(number));
}

static inline void message_value(struct rule_message *m, uint16_t type, const void *value, size_t size)
{
	struct nlattr *nest = mnl_attr_nest_start(m->head, type);

	mnl_attr_put(m->head, NFTA_DATA_VALUE, size, value);
	mnl_attr_nest_end(m->head, nest);
}

static inline void put_payload(struct rule_message *m, uint32_t reg, uint32_t base, uint32_t offset, uint32_t length)
{
	message_open(m, "payload");
	message_number(m, NFTA_PAYLOAD_DREG, reg);
	message_number(m, NFTA_PAYLOAD_BASE, base);
	message_number(m, NFTA_PAYLOAD_OFFSET, offset);
	message_number(m, NFTA_PAYLOAD_LEN, length);
	message_close(m);
}

static inline void put_meta(struct rule_message *m, uint32_t reg, uint32_t key)
{
	message_open(m, "meta");
	message_number(m, NFTA_META_DREG, reg);
	message_number(m, NFTA_META_KEY, key);
	message_close(m);
}

static inline void put_bitwise(struct rule_message *m, uint32_t reg, const void *mask, const void *flip, size_t size)
{
	message_open(m, "bitwise");
	message_number(m, NFTA_BITWISE_SREG, reg);
	message_number(m, NFTA_BITWISE_DREG, reg);
	message_number(m, NFTA_BITWISE_LEN, (uint32_t)size);
	message_value(m, NFTA_BITWISE_MASK, mask, size);
	message_value(m, NFTA_BITWISE_XOR, flip, size);
	message_close(m);
}

static inline void put_cmp(struct rule_message *m, uint32_t reg, uint32_t operation, const void *value, size_t size)
{
	message_open(m, "cmp");
	message_number(m, NFTA_CMP_SREG, reg);
	message_number(m, NFTA_CMP_OP, operation);
	message_value(m, NFTA_CMP_DATA, value, size);
	message_close(m);
}

static inline void put_counter(struct rule_message *m, uint64_t packets, uint64_t octets)
{
	message_open(m, "counter");
	mnl_attr_put_u64(m->head, NFTA_COUNTER_BYTES, htobe64(octets));
	mnl_attr_put_u64(m->head, NFTA_COUNTER_PACKETS, htobe64(packets));
	message_close(m);
}

static inline void put_verdict(struct rule_message *m, int verdict, const char *chain)
{
	message_open(m, "immediate");
	message_number(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = mnl_attr_nest_start(m->head, NFTA_IMMEDIATE_DATA);
	struct nlattr *nest = mnl_attr_nest_start(m->head, NFTA_DATA_VERDICT);
	message_number(m, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		mnl_attr_put_strz(m->head, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(m->head, nest);
	mnl_attr_nest_end(m->head, data);
	message_close(m);
}

/* "match" or "target" */
static inline void put_extension(struct rule_message *m, const char *kind, const char *name, const void *info,
				 size_t size)
{
	message_open(m, kind);
	mnl_attr_put_strz(m->head, NFTA_MATCH_NAME, name);
	message_number(m, NFTA_MATCH_REV, 0);
	mnl_attr_put(m->head, NFTA_MATCH_INFO, size, info);
	message_close(m);
}

static inline void put_plain(struct rule_message *m, const char *name)
{
	message_open(m, name);
	message_close(m);
}

#endif
