/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_print.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft_attr.h"
#include "nft_decode.h"
#include "nft_ports.h"
#include "nft_rules.h"
#include "xt_print.h"

/* iptables prints the head of a rule, then its matches, then its target, however they are mixed. */
enum part { PART_SOURCE, PART_DESTINATION, PART_IN, PART_OUT, PART_PROTOCOL, PART_FRAGMENT, PART_MATCHES, PART_TARGET };

struct printing {
	const struct ruleset *rules;
	uint32_t rule;
	uint8_t family;
	enum part part;
	uint32_t protocol;
	const char *open_match; /* whose options are being printed */
};

static bool is_negated(const struct nft_step *step)
{
	return step->operation == NFT_CMP_NEQ;
}

static void print_prefix(const struct printing *p, const char *option, const struct nft_step *step)
{
	uint8_t address[16] = {0}, mask[16] = {0};

	memcpy(address, step->value, step->length);
	memcpy(mask, step->mask, step->length);
	xt_print_address(option, p->family, address, mask, is_negated(step));
}

static void print_interface(const char *option, const struct nft_step *step)
{
	char name[NFT_VALUE_MAX + 1] = "";
	bool wildcard = step->length > 0 && step->value[step->length - 1] != '\0';

	memcpy(name, step->value, step->length);
	xt_print_interface(option, name, wildcard, is_negated(step));
}

/* Options of one match follow one another. */
static void start_match(struct printing *p, const char *name)
{
	if (!p->open_match || strcmp(p->open_match, name) != 0)
		printf(" -m %s", name);
	p->open_match = name;
}

/* Ports, as iptables-nft writes the matches tcp and udp. */
static void print_transport(struct printing *p, const struct nft_step *step)
{
	struct nft_step asked = *step;
	struct nft_ports ports;

	start_match(p, nft_rules_protocol_match(p->protocol));
	if (is_negated(step))
		asked.operation = NFT_CMP_EQ;
	if (nft_ports_from_step(&ports, (uint8_t)p->protocol, &asked))
		printf(ports.first == ports.last ? "%s --%s %u" : "%s --%s %u:%u", is_negated(step) ? " !" : "",
		       ports.of == DIRECTION_DOWN ? "sport" : "dport", ports.first, ports.last);
	else
		printf(" [octets %u to %u of the header]", step->offset, step->offset + step->length - 1);
}

static void print_field(struct printing *p, const struct nft_step *step)
{
	struct nft_header header = nft_rules_header(p->family);
	bool is_address = step->kind == NFT_STEP_FIELD && step->key == NFT_PAYLOAD_NETWORK_HEADER &&
			  step->length <= header.address_size;

	if (step->key == NFT_PAYLOAD_TRANSPORT_HEADER) {
		if (p->part == PART_MATCHES)
			print_transport(p, step);
	} else if (is_address && step->offset == header.source) {
		if (p->part == PART_SOURCE)
			print_prefix(p, "-s", step);
	} else if (is_address && step->offset == header.destination) {
		if (p->part == PART_DESTINATION)
			print_prefix(p, "-d", step);
	} else if (step->key == NFT_PAYLOAD_NETWORK_HEADER && step->offset == header.protocol && step->length == 1) {
		p->protocol = step->value[0];
		if (p->part == PART_PROTOCOL)
			xt_print_protocol(p->protocol, is_negated(step));
	} else if (step->key == NFT_PAYLOAD_NETWORK_HEADER && p->family == 4 && step->offset == 6) {
		if (p->part == PART_FRAGMENT)
			printf("%s -f", is_negated(step) ? "" : " !");
	} else if (p->part == PART_MATCHES) {
		printf(" [octets %u to %u of the packet]", step->offset, step->offset + step->length - 1);
	}
}

static void print_meta(struct printing *p, const struct nft_step *step)
{
	uint32_t number = 0;

	memcpy(&number, step->value, step->length < sizeof number ? step->length : sizeof number);
	switch (step->key) {
	case NFT_META_IIFNAME:
		if (p->part == PART_IN)
			print_interface("-i", step);
		return;
	case NFT_META_OIFNAME:
		if (p->part == PART_OUT)
			print_interface("-o", step);
		return;
	case NFT_META_L4PROTO:
		p->protocol = step->value[0];
		if (p->part == PART_PROTOCOL)
			xt_print_protocol(p->protocol, is_negated(step));
		return;
	case NFT_META_MARK:
		if (p->part == PART_MATCHES) {
			start_match(p, "mark");
			printf("%s --mark 0x%x", is_negated(step) ? " !" : "", number);
		}
		return;
	default:
		if (p->part == PART_MATCHES)
			printf(" [meta key %u]", step->key);
	}
}

static void print_verdict(const struct printing *p, const struct nft_step *step)
{
	const char *const jumps[] = {"j", "g"};

	switch (step->verdict) {
	case NF_ACCEPT:
		printf(" -j ACCEPT");
		break;
	case NF_DROP:
		printf(" -j DROP");
		break;
	case NFT_RETURN:
		printf(" -j RETURN");
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		printf(" -%s %s", jumps[step->verdict == NFT_GOTO], step->chain ? step->chain : "");
		break;
	default:
		if (p->rules->rules[p->rule].verdict == VERDICT_QUEUE)
			printf(" -j QUEUE");
	}
}

static void print_limit(struct printing *p, const struct nlattr *data)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {{1, "sec"}, {60, "min"}, {3600, "hour"}, {86400, "day"}};
	struct nft_attrs attrs = nft_attr_of_nest(data);
	const struct nlattr *one;
	uint64_t rate = 0, unit = 0;
	uint32_t burst = 0;

	while ((one = nft_attr_next(&attrs))) {
		if (nft_attr_type(one) == NFTA_LIMIT_RATE)
			rate = nft_attr_long(one);
		else if (nft_attr_type(one) == NFTA_LIMIT_UNIT)
			unit = nft_attr_long(one);
		else if (nft_attr_type(one) == NFTA_LIMIT_BURST)
			burst = nft_attr_number(one);
	}
	start_match(p, "limit");
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (unit == units[i].seconds)
			printf(" --limit %llu/%s", (unsigned long long)rate, units[i].name);
	if (burst != 5)
		printf(" --limit-burst %u", burst);
}

static void print_other(struct printing *p, const struct nft_step *step)
{
	if (strcmp(step->name, "limit") == 0 && step->data)
		print_limit(p, step->data);
	else
		printf(" [nft %s]", step->name);
}

static int print_step(void *context, const struct nft_step *step)
{
	struct printing *p = context;
	struct xt_print_data extension = {.family = p->family, .protocol = p->protocol, .name = step->name,
					  .revision = step->revision, .data = step->info, .size = step->info_size};

	switch (step->kind) {
	case NFT_STEP_FIELD:
	case NFT_STEP_RANGE:
		print_field(p, step);
		break;
	case NFT_STEP_META:
		print_meta(p, step);
		break;
	case NFT_STEP_MATCH:
		if (p->part == PART_MATCHES)
			xt_print_match_data(&extension);
		break;
	case NFT_STEP_TARGET:
		if (p->part == PART_TARGET)
			xt_print_target_data(&extension);
		break;
	case NFT_STEP_VERDICT:
		if (p->part == PART_TARGET)
			print_verdict(p, step);
		break;
	case NFT_STEP_OTHER:
		if (p->part == PART_MATCHES)
			print_other(p, step);
		break;
	case NFT_STEP_COUNTER:
		break;
	}
	return 0;
}

static int print_rule(void *context, const struct nlmsghdr *message)
{
	struct printing *p = context;
	char text[256];

	printf("-A %s", ruleset_chain_name(p->rules, p->rule));
	for (p->part = PART_SOURCE; p->part <= PART_TARGET; p->part++) {
		if (p->part == PART_TARGET && nft_decode_comment(message, text, sizeof text))
			printf(" -m comment --comment \"%s\"", text);
		if (nft_decode(message, print_step, p) < 0)
			return -1;
	}
	return 0;
}

int nft_print(const struct nft_reading *reading, struct nft_socket *socket, uint32_t rule)
{
	const struct nft_chain *chain = &reading->chains.chains[reading->rules->rules[rule].chain];
	struct printing printing = {.rules = reading->rules, .rule = rule, .family = chain->family};
	char room[NFT_REQUEST_SIZE];

	if (reading->rules->rules[rule].policy) {
		printf("-P %s %s", chain->name, chain->policy == VERDICT_DROP ? "DROP" : "ACCEPT");
		return 0;
	}
	if (xt_print_begin(chain->family) < 0)
		return -1;
	struct nlmsghdr *request = nft_socket_head(socket, room, NFT_MSG_GETRULE, 0, chain->family);
	mnl_attr_put_strz(request, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain->name);
	mnl_attr_put_u64(request, NFTA_RULE_HANDLE, htobe64(reading->known[rule].handle));
	return nft_socket_ask(socket, request, request->nlmsg_len, 1, print_rule, NULL, &printing);
}
