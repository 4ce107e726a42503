/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a rule of nf_tables consists of, step by step: conditions, a counter, a verdict. Registers are
 * followed, so that a load, a mask and a comparison come as one condition. Pure: reads one message.
 */
#ifndef TOWNMETER_NFT_DECODE_H
#define TOWNMETER_NFT_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "snapshot.h"

enum nft_step_kind {
	NFT_STEP_FIELD,   /* a comparison of octets of the packet */
	NFT_STEP_RANGE,   /* octets of the packet between two values */
	NFT_STEP_META,    /* a comparison of what the kernel knows of the packet: the key is NFT_META_* */
	NFT_STEP_MATCH,   /* an extension of iptables */
	NFT_STEP_TARGET,  /* a target extension of iptables */
	NFT_STEP_COUNTER,
	NFT_STEP_VERDICT, /* NF_ACCEPT, NF_DROP, NFT_JUMP, ... */
	NFT_STEP_OTHER,   /* any other expression, by its name */
};

enum { NFT_VALUE_MAX = 16 };

struct nft_step {
	enum nft_step_kind kind;
	/* FIELD, RANGE: where; `key` is the base (NFT_PAYLOAD_*). META: key. */
	uint32_t key, offset, length;
	uint32_t operation; /* NFT_CMP_*; of a range NFT_CMP_EQ: inside, or NFT_CMP_NEQ */
	uint8_t value[NFT_VALUE_MAX], mask[NFT_VALUE_MAX];
	uint8_t last[NFT_VALUE_MAX]; /* RANGE: to this one, from `value` */
	bool masked;        /* else the mask is all ones */
	const char *name;   /* MATCH, TARGET, OTHER: borrowed from the message */
	uint32_t revision;  /* MATCH, TARGET */
	const void *info;
	uint32_t info_size;
	int verdict;
	const char *chain;  /* of a jump or goto: its chain, or NULL */
	bool stores;        /* OTHER: writes something (meta set, payload set), compares nothing */
	const struct nlattr *data; /* OTHER: its attributes, or NULL */
	struct counter counter;
};

/* Returns 0 to go on, or -1 with errno. */
typedef int nft_step_visit(void *context, const struct nft_step *step);

/* Visits each step of a NEWRULE or DELRULE message in order. Returns 0, or -1 with errno (EBADMSG: not
 * a rule). */
int nft_decode(const struct nlmsghdr *message, nft_step_visit *visit, void *context);

/* What a rule is recognised by, and what it counted. */
struct nft_brief {
	uint64_t handle;      /* its place: a rule that replaces it (`iptables -R`, `-Z`) gets it, too */
	uint64_t fingerprint; /* of all that it consists of but its counter; 0 if it was not wanted */
	struct counter counter;
	bool counted;         /* there is a counter */
};

/* Reads that alone, which is much faster. Returns 0, or -1 with errno EBADMSG. */
int nft_decode_brief(const struct nlmsghdr *message, bool with_fingerprint, struct nft_brief *brief);

/* Copies the comment that is kept beside the rule (as nft does, and iptables-nft before 1.8.3) into
 * `text`, cut to `size`. Returns whether there is one. */
bool nft_decode_comment(const struct nlmsghdr *message, char *text, size_t size);

#endif
