/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filter rules as this project sees them, whatever backend they were read from. Plain arrays:
 * rules stand chain by chain, in the order in which packets meet them.
 */
#ifndef TOWNMETER_RULE_H
#define TOWNMETER_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "ports.h"
#include "prefix.h"

#define RULE_NONE UINT32_MAX /* no rule, no chain */
#define RULE_COMMENT "townmeter" /* the comment of every DROP rule that we make */

/* As the customer sees it: down is towards it (-d), up is from it (-s). */
enum direction { DIRECTION_DOWN, DIRECTION_UP };

enum verdict {
	VERDICT_NONE, /* no target: the next rule follows */
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_RETURN,
	VERDICT_QUEUE,
	VERDICT_JUMP,
	VERDICT_GOTO,
	VERDICT_EXTENSION /* a target of its own, named by rule.target */
};

/* Conditions of a rule other than one plain source or destination prefix and a comment. */
enum {
	ODD_INTERFACE = 1,
	ODD_NEGATION = 2,
	ODD_PROTOCOL = 4,
	ODD_MASK = 8,
	ODD_MATCH = 16, /* an extension, named by rule.match */
	ODD_FRAGMENT = 32,
	ODD_UNCOUNTED = 64, /* counts nothing, as rules that nft itself wrote may */
};

/* The packet filter that a chain stands in. */
enum chain_backend { CHAIN_LEGACY, CHAIN_NFT };

enum hook { HOOK_NONE, HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT };

struct rule {
	uint32_t chain;       /* index in ruleset.chains */
	uint32_t number;      /* position in the chain, from 1, as `iptables -L --line-numbers` has it */
	uint32_t jump;        /* VERDICT_JUMP, VERDICT_GOTO: the chain's index */
	uint32_t comment;     /* offsets in ruleset.text; 0 is the empty string */
	uint32_t target;      /* VERDICT_EXTENSION; VERDICT_DROP: a chain that does it for the rule (nft_drain.h) */
	uint32_t match;
	uint8_t verdict;
	uint8_t odd;
	bool policy;          /* not a rule but a built-in chain's policy, after its rules */
	struct prefix dst, src; /* PREFIX_NONE: any address, or not a plain prefix (then odd says so) */
	struct ports ports;   /* protocol 0: none; else these, and the prefixes, are all that it asks for (odd is
	                       * ODD_PROTOCOL, or that and ODD_MATCH) */
	uint8_t ports_of;     /* enum direction, if not all ports match: DIRECTION_DOWN: those of the source, as the
	                       * remote side is for what goes down; DIRECTION_UP: of the destination */
};

struct chain {
	uint32_t name;        /* offset in ruleset.text */
	uint32_t first, count; /* its rules, the policy included */
	uint8_t family;
	uint8_t hook;         /* enum hook for FORWARD, INPUT, OUTPUT */
	uint8_t backend;      /* enum chain_backend; CHAIN_LEGACY unless the backend says otherwise */
};

struct ruleset {
	struct chain *chains;
	struct rule *rules;
	char *text;
	uint32_t n_chains, n_rules, text_size;
	uint32_t room_chains, room_rules, room_text;
};

/* An empty one, or NULL with errno. Free with ruleset_free(); NULL is allowed there. */
struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset *rules);

/* Append. Each returns the new index (for text: its offset, 0 for the empty string), or RULE_NONE
 * with errno ENOMEM. Rules belong to the chain added last. */
uint32_t ruleset_add_chain(struct ruleset *rules, uint8_t family, enum hook hook, const char *name);
uint32_t ruleset_add_rule(struct ruleset *rules, const struct rule *rule);
uint32_t ruleset_add_text(struct ruleset *rules, const char *text);

/* Appends all chains and rules of another one. Returns 0, or -1 with errno ENOMEM: then only
 * ruleset_free() may follow. */
int ruleset_append(struct ruleset *rules, const struct ruleset *more);

/* The string at an offset; borrowed. */
const char *ruleset_text(const struct ruleset *rules, uint32_t offset);

/* The name of the rule's chain; borrowed. */
const char *ruleset_chain_name(const struct ruleset *rules, uint32_t rule);

/* Does it count everything in its chain? No condition and no target; a comment is none. */
bool ruleset_counts_all(const struct rule *rule);

/* Describes a rule for a log line: "rule 1 of FORWARD (match conntrack, target ACCEPT)".
 * Returns `text`, cut to `size`. */
char *ruleset_describe(const struct ruleset *rules, uint32_t rule, char *text, size_t size);

#endif
