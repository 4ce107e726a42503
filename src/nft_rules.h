/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a rule of nf_tables, as iptables-nft and nft write them, to a rule as this project sees it. Pure. */
#ifndef TOWNMETER_NFT_RULES_H
#define TOWNMETER_NFT_RULES_H

#include <libmnl/libmnl.h>

#include "rule.h"

/* Finds the index of the chain that a jump names, or RULE_NONE. */
typedef uint32_t nft_chain_index(void *context, const char *name);

/* Reads a NEWRULE message of the family's table into `rule`; its texts go to `rules`. Whatever is not
 * known makes the rule odd, and is named. Returns 0, or -1 with errno: ENOMEM, EBADMSG (not a rule),
 * ESTALE (it jumps to a chain that is not known). */
int nft_rules_read(struct ruleset *rules, struct rule *rule, uint8_t family, const struct nlmsghdr *message,
		   nft_chain_index *find, void *context);

/* Where the addresses and other fields stand in the header of IP. */
struct nft_header {
	uint32_t source, destination, address_size, protocol;
};
struct nft_header nft_rules_header(uint8_t family);

/* How iptables calls the match for a protocol's ports, types and flags. */
const char *nft_rules_protocol_match(uint32_t protocol);

#endif
