/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocols and ports in rules, as iptables-nft writes them, and when they are all that a rule asks for. */
#include <stdio.h>

#include <netinet/in.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "make.h"
#include "nft_message.h"
#include "nft_ports.h"
#include "nft_rules.h"

static uint32_t find(void *context, const char *name)
{
	(void)context;
	(void)name;
	return 3;
}

/* As "6 80-80 of 0 odd 20". */
static void expect(struct rule_message *m, uint8_t family, const char *wanted)
{
	struct ruleset *rules = ruleset_new();
	struct rule rule;
	char text[64];

	message_end(m);
	assert_int_equal(nft_rules_read(rules, &rule, family, m->head, find, NULL), 0);
	snprintf(text, sizeof text, "%d %d-%d of %d odd %d", rule.ports.protocol, rule.ports.first, rule.ports.last,
		 rule.ports_of, rule.odd);
	assert_string_equal(text, wanted);
	ruleset_free(rules);
}

static void begin(struct rule_message *m, uint8_t family, uint8_t protocol)
{
	message_begin(m, family == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4, 7);
	put_meta(m, NFT_REG_1, NFT_META_L4PROTO);
	put_cmp(m, NFT_REG_1, NFT_CMP_EQ, &protocol, 1);
}

static void put_ports(struct rule_message *m, uint32_t offset, uint32_t operation, const char *value)
{
	put_payload(m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
	put_cmp(m, NFT_REG_1, operation, value, 2);
}

static void put_range(struct rule_message *m, uint32_t offset, uint32_t operation, const char *first, const char *last)
{
	put_payload(m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
	message_open(m, "range");
	message_number(m, NFTA_RANGE_SREG, NFT_REG_1);
	message_number(m, NFTA_RANGE_OP, operation);
	message_value(m, NFTA_RANGE_FROM_DATA, first, 2);
	message_value(m, NFTA_RANGE_TO_DATA, last, 2);
	message_close(m);
}

static void in_the_header(void **state)
{
	struct rule_message m;

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		begin(&m, family, IPPROTO_TCP); /* -p tcp --sport 80 */
		put_ports(&m, 0, NFT_CMP_EQ, "\0\x50");
		put_counter(&m, 0, 0);
		put_verdict(&m, NFT_RETURN, NULL);
		expect(&m, family, "6 80-80 of 0 odd 20");
		begin(&m, family, IPPROTO_UDP); /* -p udp --dport 6881:6889 */
		put_range(&m, 2, NFT_RANGE_EQ, "\x1a\xe1", "\x1a\xe9");
		put_counter(&m, 0, 0);
		expect(&m, family, "17 6881-6889 of 1 odd 20");
		begin(&m, family, IPPROTO_TCP); /* --dport 0:1023 */
		put_ports(&m, 2, NFT_CMP_LTE, "\x03\xff");
		put_counter(&m, 0, 0);
		expect(&m, family, "6 0-1023 of 1 odd 20");
		begin(&m, family, IPPROTO_TCP); /* as nft has it */
		put_ports(&m, 2, NFT_CMP_GTE, "\x04\x00");
		put_counter(&m, 0, 0);
		expect(&m, family, "6 1024-65535 of 1 odd 20");
	}
}

static void a_protocol_alone(void **state)
{
	static const struct {
		uint8_t family, number;
		const char *wanted;
	} cases[] = {{4, IPPROTO_TCP, "6 0-65535 of 0 odd 4"}, {6, IPPROTO_UDP, "17 0-65535 of 0 odd 4"},
		     {4, IPPROTO_ICMP, "1 0-65535 of 0 odd 4"}, {6, IPPROTO_ICMPV6, "1 0-65535 of 0 odd 4"},
		     {4, IPPROTO_ICMPV6, "58 0-65535 of 0 odd 4"}, {6, IPPROTO_ICMP, "0 0-0 of 0 odd 4"},
		     {4, IPPROTO_GRE, "47 0-65535 of 0 odd 4"}};
	struct rule_message m;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin(&m, cases[i].family, cases[i].number);
		put_counter(&m, 0, 0);
		expect(&m, cases[i].family, cases[i].wanted);
	}
	/* With prefixes; and as nft has it for IPv4. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 9, 1);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x06", 1);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x0a\x01\x00\x0a", 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "6 0-65535 of 0 odd 4");
}

static void by_an_extension(void **state)
{
	struct xt_tcp tcp = {.spts = {80, 80}, .dpts = {0, 65535}};
	struct xt_udp udp = {.spts = {0, 65535}, .dpts = {0, 65535}};
	struct rule_message m;

	(void)state;
	begin(&m, 4, IPPROTO_TCP);
	put_extension(&m, "match", "tcp", &tcp, sizeof tcp);
	put_counter(&m, 0, 0);
	expect(&m, 4, "6 80-80 of 0 odd 20");
	begin(&m, 4, IPPROTO_UDP);
	put_extension(&m, "match", "udp", &udp, sizeof udp);
	put_counter(&m, 0, 0);
	expect(&m, 4, "17 0-65535 of 0 odd 20");
	udp.dpts[1] = 9;
	begin(&m, 4, IPPROTO_UDP);
	put_extension(&m, "match", "udp", &udp, sizeof udp);
	put_counter(&m, 0, 0);
	expect(&m, 4, "17 0-9 of 1 odd 20");
	/* Flags, another protocol's, both sides, what ends early. */
	struct xt_tcp flags = tcp, option = tcp, negated = tcp, both = tcp;
	flags.flg_mask = 2;
	option.option = 5;
	negated.invflags = XT_TCP_INV_SRCPT;
	both.dpts[0] = 1024;
	const struct {
		const struct xt_tcp *data;
		uint8_t protocol;
		size_t size;
	} bad[] = {{&flags, IPPROTO_TCP, sizeof tcp}, {&option, IPPROTO_TCP, sizeof tcp}, {&negated, IPPROTO_TCP, sizeof tcp},
		   {&tcp, IPPROTO_UDP, sizeof tcp}, {&both, IPPROTO_TCP, sizeof tcp},
		   {&tcp, IPPROTO_TCP, sizeof tcp - 1}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		begin(&m, 4, bad[i].protocol);
		put_extension(&m, "match", "tcp", bad[i].data, bad[i].size);
		put_counter(&m, 0, 0);
		expect(&m, 4, "0 0-0 of 0 odd 20");
	}
	/* Without the protocol. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_extension(&m, "match", "tcp", &tcp, sizeof tcp);
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 16");
}

/* Data that a rule is written with are read as the same; `other` has no extension here. */
static void extensions_there_and_back(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_SCTP, IPPROTO_DCCP};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (uint8_t of = 0; of < 2; of++) {
			const struct nft_ports ports = {.first = 7, .last = 9, .of = of};
			struct nft_step step = {.kind = NFT_STEP_MATCH};
			struct nft_ports back = {0};
			uint8_t info[NFT_PORTS_INFO_SIZE];
			size_t size = 0;
			step.name = nft_ports_extension(protocols[i], &ports, info, &size);
			assert_string_equal(step.name, i ? "dccp" : "sctp");
			step.info = info;
			step.info_size = (uint32_t)size;
			assert_true(nft_ports_from_step(&back, protocols[i], &step));
			assert_int_equal(back.first, ports.first);
			assert_int_equal(back.last, ports.last);
			assert_int_equal(back.of, ports.of);
			step.revision = 1;
			assert_false(nft_ports_from_step(&back, protocols[i], &step));
		}
	struct nft_ports any = {.last = 80};
	uint8_t info[NFT_PORTS_INFO_SIZE];
	size_t size;
	assert_null(nft_ports_extension(IPPROTO_TCP, &any, info, &size));
}

static void more_than_that(void **state)
{
	struct rule_message m;

	(void)state;
	begin(&m, 4, IPPROTO_TCP); /* both sides */
	put_ports(&m, 0, NFT_CMP_EQ, "\0\x50");
	put_ports(&m, 2, NFT_CMP_EQ, "\0\x50");
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 20");
	begin(&m, 4, IPPROTO_TCP); /* ! --dport */
	put_ports(&m, 2, NFT_CMP_NEQ, "\0\x50");
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 22");
	begin(&m, 4, IPPROTO_TCP);
	put_range(&m, 2, NFT_RANGE_NEQ, "\0\x50", "\0\x51");
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 22");
	message_begin(&m, NFPROTO_IPV4, 7); /* ! -p tcp */
	put_meta(&m, NFT_REG_1, NFT_META_L4PROTO);
	put_cmp(&m, NFT_REG_1, NFT_CMP_NEQ, "\x06", 1);
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 6");
	begin(&m, 4, IPPROTO_ICMP); /* its type */
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x08", 1);
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 20");
	begin(&m, 4, IPPROTO_TCP);
	put_extension(&m, "match", "conntrack", "", 1);
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 20");
	begin(&m, 4, IPPROTO_TCP); /* -i */
	put_meta(&m, NFT_REG_1, NFT_META_IIFNAME);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "eth0", 5);
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 5");
	begin(&m, 4, IPPROTO_TCP); /* two addresses of one side */
	for (int i = 0; i < 2; i++) {
		put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
		put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x0a\x01\x00\x0a", 4);
	}
	put_counter(&m, 0, 0);
	expect(&m, 4, "0 0-0 of 0 odd 20");
	begin(&m, 4, IPPROTO_TCP); /* it counts nothing */
	expect(&m, 4, "0 0-0 of 0 odd 68");
	/* IPv6's next header is not the protocol in each packet. */
	message_begin(&m, NFPROTO_IPV6, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 6, 1);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x06", 1);
	put_counter(&m, 0, 0);
	expect(&m, 6, "0 0-0 of 0 odd 4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_header),
		cmocka_unit_test(a_protocol_alone),
		cmocka_unit_test(by_an_extension),
		cmocka_unit_test(extensions_there_and_back),
		cmocka_unit_test(more_than_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
