/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft_decode.h"
#include "nft_drain.h"
#include "nft_ports.h"

/* A comment is an extension that matches everything. Its text has 256 octets at most. */
enum { COMMENT_SIZE = 256 };

struct reading {
	struct ruleset *rules;
	struct rule *rule;
	uint8_t family;
	uint32_t protocol;
	bool counted, decided, acted;
	struct nft_ports ports;
	unsigned n_protocols, n_ports;
	bool more; /* conditions that prefixes, a protocol and ports do not tell */
	nft_chain_index *find;
	void *context;
};

struct nft_header nft_rules_header(uint8_t family)
{
	return family == 6 ? (struct nft_header){.source = 8, .destination = 24, .address_size = 16, .protocol = 6}
			   : (struct nft_header){.source = 12, .destination = 16, .address_size = 4, .protocol = 9};
}

const char *nft_rules_protocol_match(uint32_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmp6";
	default:
		return "transport header";
	}
}

/* The first match names the rule. */
static int name_match(struct reading *r, const char *name)
{
	r->rule->odd |= ODD_MATCH;
	if (r->rule->match != 0)
		return 0;
	r->rule->match = ruleset_add_text(r->rules, name[0] ? name : "unknown");
	return r->rule->match == RULE_NONE ? -1 : 0;
}

/* Makes the rule odd for a further match. */
static int add_match(struct reading *r, const char *name)
{
	r->more = true;
	return name_match(r, name);
}

/* Only `=` makes a prefix. */
static void add_operation(struct reading *r, uint32_t operation)
{
	if (operation == NFT_CMP_NEQ)
		r->rule->odd |= ODD_NEGATION;
	else if (operation != NFT_CMP_EQ)
		r->rule->odd |= ODD_MATCH;
	r->more |= operation != NFT_CMP_EQ;
}

/* An address may be loaded in part: 3 octets are a /24. */
static void add_address(struct reading *r, const struct nft_step *step, struct prefix *prefix)
{
	uint8_t address[16] = {0}, mask[16] = {0};
	struct prefix found;

	add_operation(r, step->operation);
	memcpy(address, step->value, step->length);
	memcpy(mask, step->mask, step->length);
	for (uint32_t i = 0; i < step->length; i++)
		if (address[i] & ~mask[i]) {
			r->rule->odd |= ODD_MASK; /* nothing ever matches that */
			return;
		}
	memset(&found, 0, sizeof found);
	if (prefix_from_mask(&found, r->family, address, mask) < 0) {
		r->rule->odd |= ODD_MASK;
	} else if (prefix->family != PREFIX_NONE) {
		r->rule->odd |= ODD_MATCH;
		r->more = true;
	} else if (step->operation == NFT_CMP_EQ) {
		*prefix = found;
	}
}

static void add_protocol(struct reading *r, const struct nft_step *step)
{
	r->rule->odd |= ODD_PROTOCOL;
	r->protocol = step->value[0];
	r->n_protocols++;
	r->more |= step->masked;
}

/* What a match, or a comparison of the transport header, asks for. */
static int add_transport(struct reading *r, const struct nft_step *step, const char *name)
{
	if (r->n_protocols == 0 || !nft_ports_from_step(&r->ports, (uint8_t)r->protocol, step))
		return add_match(r, name);
	r->n_ports++;
	return name_match(r, name);
}

static int on_field(struct reading *r, const struct nft_step *step)
{
	struct nft_header header = nft_rules_header(r->family);
	bool is_address = step->length <= header.address_size;

	if (step->key == NFT_PAYLOAD_TRANSPORT_HEADER) {
		if (step->operation == NFT_CMP_NEQ)
			r->rule->odd |= ODD_NEGATION;
		return add_transport(r, step, nft_rules_protocol_match(r->protocol));
	}
	if (step->kind == NFT_STEP_RANGE)
		return add_match(r, "range");
	if (step->key != NFT_PAYLOAD_NETWORK_HEADER)
		return add_match(r, "mac");
	if (is_address && step->offset == header.source) {
		add_address(r, step, &r->rule->src);
		return 0;
	}
	if (is_address && step->offset == header.destination) {
		add_address(r, step, &r->rule->dst);
		return 0;
	}
	/* -f: the offset of the fragment is not 0. */
	if (r->family == 4 && step->offset == 6 && step->length == 2) {
		r->rule->odd |= step->operation == NFT_CMP_EQ ? ODD_FRAGMENT | ODD_NEGATION : ODD_FRAGMENT;
		return 0;
	}
	add_operation(r, step->operation);
	if (step->offset == header.protocol && step->length == 1) {
		add_protocol(r, step);
		/* Of IPv6 it is that of the next header, which need not be the last one. */
		r->more |= r->family == PREFIX_IPV6;
		return 0;
	}
	return add_match(r, "payload");
}

static int on_meta(struct reading *r, const struct nft_step *step)
{
	add_operation(r, step->operation);
	switch (step->key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
	case NFT_META_IIF:
	case NFT_META_OIF:
	case NFT_META_IIFTYPE:
	case NFT_META_OIFTYPE:
	case NFT_META_IIFGROUP:
	case NFT_META_OIFGROUP:
		r->rule->odd |= ODD_INTERFACE;
		return 0;
	case NFT_META_L4PROTO:
		add_protocol(r, step);
		return 0;
	case NFT_META_MARK:
		return add_match(r, "mark");
	case NFT_META_PKTTYPE:
		return add_match(r, "pkttype");
	case NFT_META_SKUID:
	case NFT_META_SKGID:
		return add_match(r, "owner");
	default:
		return add_match(r, "meta");
	}
}

static int set_comment(struct reading *r, const char *text)
{
	if (r->rule->comment == 0)
		r->rule->comment = ruleset_add_text(r->rules, text);
	return r->rule->comment == RULE_NONE ? -1 : 0;
}

static int on_extension_match(struct reading *r, const struct nft_step *step)
{
	char text[COMMENT_SIZE];

	if (strcmp(step->name, "comment") != 0)
		return add_transport(r, step, step->name);
	size_t size = step->info_size < sizeof text ? step->info_size : sizeof text - 1;
	memset(text, 0, sizeof text);
	if (step->info)
		memcpy(text, step->info, size);
	return set_comment(r, text);
}

/* A target that is no verdict. With a verdict after it, it is a match that acts. */
static int set_target(struct reading *r, const char *name)
{
	if (r->acted || r->decided)
		return add_match(r, name);
	r->acted = true;
	r->rule->verdict = VERDICT_EXTENSION;
	r->rule->target = ruleset_add_text(r->rules, name);
	return r->rule->target == RULE_NONE ? -1 : 0;
}

static int on_verdict(struct reading *r, const struct nft_step *step)
{
	if (r->decided)
		return add_match(r, "second verdict");
	if (r->acted && add_match(r, ruleset_text(r->rules, r->rule->target)) < 0)
		return -1;
	r->decided = true;
	switch (step->verdict) {
	case NF_ACCEPT:
		r->rule->verdict = VERDICT_ACCEPT;
		return 0;
	case NF_DROP:
		r->rule->verdict = VERDICT_DROP;
		return 0;
	case NFT_RETURN:
		r->rule->verdict = VERDICT_RETURN;
		return 0;
	case NFT_CONTINUE:
		r->rule->verdict = VERDICT_NONE;
		return 0;
	case NFT_JUMP:
	case NFT_GOTO:
		/* The rest of a removal that was cut off: it drops, and is ours. */
		if (step->chain && nft_drain_is(step->chain)) {
			r->rule->verdict = VERDICT_DROP;
			r->rule->target = ruleset_add_text(r->rules, step->chain);
			return r->rule->target == RULE_NONE ? -1 : set_comment(r, RULE_COMMENT);
		}
		r->rule->verdict = step->verdict == NFT_JUMP ? VERDICT_JUMP : VERDICT_GOTO;
		r->rule->jump = step->chain ? r->find(r->context, step->chain) : RULE_NONE;
		if (r->rule->jump == RULE_NONE) {
			errno = ESTALE;
			return -1;
		}
		return 0;
	default:
		if ((step->verdict & NF_VERDICT_MASK) != NF_QUEUE) {
			errno = EBADMSG;
			return -1;
		}
		r->rule->verdict = VERDICT_QUEUE;
		return 0;
	}
}

/* What expressions without an extension behind them are in iptables' words. Those that only compare
 * are matches; those that only look or mark are harmless targets; what is not listed may do anything. */
static int on_other(struct reading *r, const struct nft_step *step)
{
	static const struct {
		const char *name, *match, *target;
	} known[] = {
		{"limit", "limit", NULL}, {"lookup", "set", NULL}, {"range", "range", NULL},
		{"ct", "conntrack", NULL}, {"connlimit", "connlimit", NULL}, {"quota", "quota", NULL},
		{"fib", "addrtype", NULL}, {"socket", "socket", NULL}, {"rt", "rt", NULL},
		{"exthdr", "exthdr", NULL}, {"numgen", "statistic", NULL}, {"hash", "hash", NULL},
		{"osf", "osf", NULL}, {"xfrm", "policy", NULL}, {"byteorder", "byteorder", NULL},
		{"cmp", "cmp", NULL}, {"inner", "inner", NULL}, {"last", "last", NULL}, {"match", "match", NULL},
		{"log", NULL, "LOG"}, {"reject", NULL, "REJECT"}, {"notrack", NULL, "CT"},
		{"meta", NULL, "MARK"}, {"payload", NULL, "MARK"}, {"dup", NULL, "TEE"}, {"objref", NULL, "ACCOUNT"}};

	if (strcmp(step->name, "queue") == 0) {
		struct nft_step verdict = {.kind = NFT_STEP_VERDICT, .verdict = NF_QUEUE};
		return on_verdict(r, &verdict);
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(step->name, known[i].name) == 0)
			return known[i].match ? add_match(r, known[i].match) : set_target(r, known[i].target);
	return add_match(r, step->name) < 0 ? -1 : set_target(r, step->name[0] ? step->name : "unknown");
}

/* A condition behind the counter or the verdict is not one of what was counted: iptables never writes
 * that. */
static int on_step(void *context, const struct nft_step *step)
{
	struct reading *r = context;
	bool is_condition = step->kind == NFT_STEP_FIELD || step->kind == NFT_STEP_RANGE ||
			    step->kind == NFT_STEP_META || step->kind == NFT_STEP_MATCH;

	if (is_condition && (r->counted || r->decided) && add_match(r, "condition behind the counter") < 0)
		return -1;
	switch (step->kind) {
	case NFT_STEP_FIELD:
	case NFT_STEP_RANGE:
		return on_field(r, step);
	case NFT_STEP_META:
		return on_meta(r, step);
	case NFT_STEP_MATCH:
		return on_extension_match(r, step);
	case NFT_STEP_TARGET:
		return set_target(r, step->name);
	case NFT_STEP_VERDICT:
		return on_verdict(r, step);
	case NFT_STEP_COUNTER:
		if (r->counted || r->decided)
			return add_match(r, "second counter");
		r->counted = true;
		return 0;
	default:
		return on_other(r, step);
	}
}

/* If they, and prefixes, are all that the rule asks for. */
static void set_ports(const struct reading *r)
{
	struct ports ports = {.protocol = ports_protocol((uint8_t)r->protocol, r->family == PREFIX_IPV6), .last = PORTS_LAST};

	if (r->n_protocols != 1 || r->n_ports > 1 || r->more || (r->rule->odd & ~(ODD_PROTOCOL | ODD_MATCH)))
		return;
	if (r->n_ports && (r->ports.first != 0 || r->ports.last != PORTS_LAST)) {
		ports.first = r->ports.first;
		ports.last = r->ports.last;
		r->rule->ports_of = r->ports.of;
	}
	if (ports.protocol)
		r->rule->ports = ports;
	else
		r->rule->ports_of = 0;
}

int nft_rules_read(struct ruleset *rules, struct rule *rule, uint8_t family, const struct nlmsghdr *message,
		   nft_chain_index *find, void *context)
{
	struct reading r = {.rules = rules, .rule = rule, .family = family, .find = find, .context = context};
	char text[COMMENT_SIZE];

	*rule = (struct rule){.jump = RULE_NONE};
	if (nft_decode(message, on_step, &r) < 0)
		return -1;
	if (!r.counted)
		rule->odd |= ODD_UNCOUNTED;
	set_ports(&r);
	if (nft_decode_comment(message, text, sizeof text))
		return set_comment(&r, text);
	return 0;
}
