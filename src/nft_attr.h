/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the attributes of a netlink message and reads what is in them; never beyond their end. libmnl
 * does the same by calls that can not be inlined, and 131,072 rules have 3 million attributes.
 */
#ifndef TOWNMETER_NFT_ATTR_H
#define TOWNMETER_NFT_ATTR_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>

struct nft_attrs {
	const struct nlattr *at;
	const char *end;
};

static inline int nft_attr_type(const struct nlattr *attribute)
{
	return attribute->nla_type & NLA_TYPE_MASK;
}

/* What is in it, and how many octets that are. */
static inline const void *nft_attr_data(const struct nlattr *attribute)
{
	return attribute + 1;
}

static inline uint32_t nft_attr_size(const struct nlattr *attribute)
{
	return (uint32_t)(attribute->nla_len - sizeof *attribute);
}

/* The attributes behind the two heads of a message of nf_tables. */
static inline struct nft_attrs nft_attr_of_message(const struct nlmsghdr *message)
{
	struct nft_attrs attrs = {NULL, (const char *)message + message->nlmsg_len};

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(struct nfgenmsg))
		attrs.at = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
	return attrs;
}

/* Those inside another one. */
static inline struct nft_attrs nft_attr_of_nest(const struct nlattr *nest)
{
	return (struct nft_attrs){nft_attr_data(nest), (const char *)nft_attr_data(nest) + nft_attr_size(nest)};
}

/* The next attribute, or NULL behind the last. */
static inline const struct nlattr *nft_attr_next(struct nft_attrs *attrs)
{
	const struct nlattr *attribute = attrs->at;

	if (!attribute)
		return NULL;
	ptrdiff_t left = attrs->end - (const char *)attribute;
	if (left < (ptrdiff_t)sizeof *attribute || attribute->nla_len < sizeof *attribute ||
	    attribute->nla_len > left)
		return NULL;
	/* The last one may lack the octets that align the next. */
	attrs->at = NLA_ALIGN(attribute->nla_len) < left
			    ? (const void *)((const char *)attribute + NLA_ALIGN(attribute->nla_len)) : NULL;
	return attribute;
}

/* Numbers in network order; 0 if it is NULL or too short. */
static inline uint32_t nft_attr_number(const struct nlattr *attribute)
{
	uint32_t number = 0;

	if (attribute && nft_attr_size(attribute) >= sizeof number)
		memcpy(&number, nft_attr_data(attribute), sizeof number);
	return be32toh(number);
}

static inline uint64_t nft_attr_long(const struct nlattr *attribute)
{
	uint64_t number = 0;

	if (attribute && nft_attr_size(attribute) >= sizeof number)
		memcpy(&number, nft_attr_data(attribute), sizeof number);
	return be64toh(number);
}

/* A string that ends inside the attribute, or NULL. */
static inline const char *nft_attr_text(const struct nlattr *attribute)
{
	if (!attribute || !memchr(nft_attr_data(attribute), '\0', nft_attr_size(attribute)))
		return NULL;
	return nft_attr_data(attribute);
}

/* The last attribute of this type, or NULL: later ones win, as in the kernel. */
static inline const struct nlattr *nft_attr_find_in(struct nft_attrs attrs, int type)
{
	const struct nlattr *attribute, *found = NULL;

	while ((attribute = nft_attr_next(&attrs)))
		if (nft_attr_type(attribute) == type)
			found = attribute;
	return found;
}

static inline const struct nlattr *nft_attr_find(const struct nlmsghdr *message, int type)
{
	return nft_attr_find_in(nft_attr_of_message(message), type);
}

#endif
