/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_rules.h"

#include <errno.h>
#include <stdio.h>

#include "make.h"
#include "nft_decode.h"
#include "nft_message.h"

static uint32_t find(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "town-a") == 0 ? 3 : RULE_NONE;
}

struct read {
	struct ruleset *rules;
	struct rule rule;
	int result, error;
};

/* Whatever the message says, no shorter piece of it may be read beyond its end. */
static void survive_pieces(const struct rule_message *m, uint8_t family)
{
	for (uint32_t size = sizeof(struct nlmsghdr); size < m->head->nlmsg_len; size++) {
		struct ruleset *rules = ruleset_new();
		struct rule rule;
		struct nft_brief brief;
		struct nlmsghdr *piece = malloc(size); /* so that a sanitizer sees its end */
		assert_non_null(piece);
		memcpy(piece, m->head, size);
		piece->nlmsg_len = size;
		nft_rules_read(rules, &rule, family, piece, find, NULL);
		nft_decode_brief(piece, true, &brief);
		free(piece);
		ruleset_free(rules);
	}
}

static struct read read_message(struct rule_message *m, uint8_t family)
{
	struct read r = {.rules = ruleset_new()};

	message_end(m);
	errno = 0;
	r.result = nft_rules_read(r.rules, &r.rule, family, m->head, find, NULL);
	r.error = errno;
	survive_pieces(m, family);
	return r;
}

/* As "-s ... -d ... odd N match M target T verdict V 'comment'". */
static void expect(struct rule_message *m, uint8_t family, const char *wanted)
{
	struct read r = read_message(m, family);
	char text[512], dst[PREFIX_TEXT_SIZE], src[PREFIX_TEXT_SIZE];

	assert_int_equal(r.result, 0);
	snprintf(text, sizeof text, "s=%s d=%s odd=%d match=%s target=%s verdict=%d jump=%d comment=%s",
		 prefix_format(&r.rule.src, src), prefix_format(&r.rule.dst, dst), r.rule.odd,
		 ruleset_text(r.rules, r.rule.match), ruleset_text(r.rules, r.rule.target), r.rule.verdict,
		 (int)r.rule.jump, ruleset_text(r.rules, r.rule.comment));
	assert_string_equal(text, wanted);
	ruleset_free(r.rules);
}

static const uint8_t alice[4] = {10, 1, 0, 10}, zero[16];

static void put_alice(struct rule_message *m, uint32_t offset)
{
	put_payload(m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, offset, 4);
	put_cmp(m, NFT_REG_1, NFT_CMP_EQ, alice, 4);
}

static void a_host(void **state)
{
	struct rule_message m;
	char info[256] = "alice";

	(void)state;
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 16);
	put_extension(&m, "match", "comment", info, sizeof info);
	put_counter(&m, 5, 600);
	expect(&m, 4, "s= d=10.1.0.10 odd=0 match= target= verdict=0 jump=-1 comment=alice");

	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 12);
	put_counter(&m, 5, 600);
	put_verdict(&m, NF_DROP, NULL);
	expect(&m, 4, "s=10.1.0.10 d= odd=0 match= target= verdict=2 jump=-1 comment=");
}

/* A comment without an end in its 256 octets, and one kept beside the rule. */
static void comments(void **state)
{
	struct rule_message m;
	char info[256], wanted[400];
	static const char beside[] = "\0\4bob";

	(void)state;
	memset(info, 'x', sizeof info);
	message_begin(&m, NFPROTO_IPV4, 7);
	put_extension(&m, "match", "comment", info, sizeof info);
	put_counter(&m, 0, 0);
	snprintf(wanted, sizeof wanted, "s= d= odd=0 match= target= verdict=0 jump=-1 comment=%.255s", info);
	expect(&m, 4, wanted);

	message_begin(&m, NFPROTO_IPV4, 7);
	put_counter(&m, 0, 0);
	message_end(&m);
	mnl_attr_put(m.head, NFTA_RULE_USERDATA, sizeof beside, beside);
	struct ruleset *rules = ruleset_new();
	struct rule rule;
	assert_int_equal(nft_rules_read(rules, &rule, 4, m.head, find, NULL), 0);
	assert_string_equal(ruleset_text(rules, rule.comment), "bob");
	ruleset_free(rules);
}

static void prefixes(void **state)
{
	struct rule_message m;
	uint8_t mask[16], address[16] = {0x20, 1, 0x0d, 0xb8};

	(void)state;
	/* Whole octets are a shorter load. */
	for (uint32_t octets = 1; octets < 4; octets++) {
		char wanted[128];
		static const char *const texts[] = {"", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/24"};
		message_begin(&m, NFPROTO_IPV4, 7);
		put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, octets);
		put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, alice, octets);
		put_counter(&m, 0, 0);
		put_verdict(&m, NFT_JUMP, "town-a");
		snprintf(wanted, sizeof wanted, "s= d=%s odd=0 match= target= verdict=5 jump=3 comment=",
			 texts[octets]);
		expect(&m, 4, wanted);
	}
	/* Others have a mask. Both registers' ways of counting mean the same. */
	for (int k = 0; k < 2; k++) {
		uint32_t reg = k ? NFT_REG32_00 : NFT_REG_1;
		message_begin(&m, NFPROTO_IPV4, 7);
		put_payload(&m, reg, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
		put_bitwise(&m, reg, "\xff\xff\xff\xf0", zero, 4);
		put_cmp(&m, k ? NFT_REG_1 : NFT_REG32_00, NFT_CMP_EQ, "\x0a\x01\x00\x10", 4);
		put_counter(&m, 0, 0);
		expect(&m, 4, "s=10.1.0.16/28 d= odd=0 match= target= verdict=0 jump=-1 comment=");
	}
	memset(mask, 0xff, 7);
	memset(mask + 7, 0, 9);
	mask[7] = 0xf8;
	message_begin(&m, NFPROTO_IPV6, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 24, 16);
	put_bitwise(&m, NFT_REG_1, mask, zero, 16);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, address, 16);
	put_counter(&m, 0, 0);
	expect(&m, 6, "s= d=2001:db8::/61 odd=0 match= target= verdict=0 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV6, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 8, 8);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, address, 8);
	put_counter(&m, 0, 0);
	expect(&m, 6, "s=2001:db8::/64 d= odd=0 match= target= verdict=0 jump=-1 comment=");
}

static void not_a_prefix(void **state)
{
	struct rule_message m;

	(void)state;
	/* 255.0.255.0 */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_bitwise(&m, NFT_REG_1, "\xff\x00\xff\x00", zero, 4);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x0a\x00\x00\x00", 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=8 match= target= verdict=0 jump=-1 comment=");
	/* It compares what the mask took away. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_bitwise(&m, NFT_REG_1, "\xff\xff\xff\x00", zero, 4);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, alice, 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=8 match= target= verdict=0 jump=-1 comment=");
	/* ! -d */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_cmp(&m, NFT_REG_1, NFT_CMP_NEQ, alice, 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=2 match= target= verdict=0 jump=-1 comment=");
	/* An xor, a comparison of other octets than were loaded, the middle of an address. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_bitwise(&m, NFT_REG_1, "\xff\xff\xff\xff", "\x01\x00\x00\x00", 4);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, alice, 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=16 match=cmp target= verdict=0 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_cmp(&m, NFT_REG_2, NFT_CMP_EQ, alice, 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=16 match=cmp target= verdict=0 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 17, 1);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, alice, 1);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=16 match=payload target= verdict=0 jump=-1 comment=");
	/* Both addresses in one load of eight octets, as nft does. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 12, 8);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x0a\x01\x00\x0a\x0a\x01\x00\x0b", 8);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=16 match=payload target= verdict=0 jump=-1 comment=");
	/* A register that something else was written over. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_payload(&m, NFT_REG32_01, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_meta(&m, NFT_REG_1, NFT_META_IIFNAME);
	put_cmp(&m, NFT_REG32_01, NFT_CMP_EQ, alice, 4);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d= odd=16 match=cmp target= verdict=0 jump=-1 comment=");
}

static void further_conditions(void **state)
{
	struct rule_message m;

	(void)state;
	message_begin(&m, NFPROTO_IPV4, 7);
	put_meta(&m, NFT_REG_1, NFT_META_IIFNAME);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "eth0\0\0\0\0\0\0\0\0\0\0\0", 16);
	put_meta(&m, NFT_REG_1, NFT_META_L4PROTO);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x06", 1);
	put_alice(&m, 12);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, "\x00\x50", 2);
	put_counter(&m, 0, 0);
	put_verdict(&m, NF_ACCEPT, NULL);
	expect(&m, 4, "s=10.1.0.10 d= odd=21 match=tcp target= verdict=1 jump=-1 comment=");
	/* -f, and ! -f */
	for (int k = 0; k < 2; k++) {
		message_begin(&m, NFPROTO_IPV4, 7);
		put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 6, 2);
		put_bitwise(&m, NFT_REG_1, "\x1f\xff", zero, 2);
		put_cmp(&m, NFT_REG_1, k ? NFT_CMP_EQ : NFT_CMP_NEQ, zero, 2);
		put_counter(&m, 0, 0);
		expect(&m, 4, k ? "s= d= odd=34 match= target= verdict=0 jump=-1 comment="
				: "s= d= odd=32 match= target= verdict=0 jump=-1 comment=");
	}
	message_begin(&m, NFPROTO_IPV4, 7);
	put_extension(&m, "match", "conntrack", zero, 16);
	put_counter(&m, 0, 0);
	put_extension(&m, "target", "REJECT", zero, 4);
	expect(&m, 4, "s= d= odd=16 match=conntrack target=REJECT verdict=7 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 12);
	put_plain(&m, "something-new");
	put_counter(&m, 0, 0);
	expect(&m, 4, "s=10.1.0.10 d= odd=16 match=something-new target=something-new verdict=7 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 12);
	put_plain(&m, "lookup");
	put_counter(&m, 0, 0);
	expect(&m, 4, "s=10.1.0.10 d= odd=16 match=set target= verdict=0 jump=-1 comment=");
}

/* What only nft writes may count something else than it looks like. */
static void counters_in_odd_places(void **state)
{
	struct rule_message m;

	(void)state;
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 16);
	expect(&m, 4, "s= d=10.1.0.10 odd=64 match= target= verdict=0 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_counter(&m, 0, 0);
	put_alice(&m, 16);
	expect(&m, 4, "s= d=10.1.0.10 odd=16 match=condition behind the counter target= verdict=0 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 16);
	put_counter(&m, 0, 0);
	put_counter(&m, 0, 0);
	expect(&m, 4, "s= d=10.1.0.10 odd=16 match=second counter target= verdict=0 jump=-1 comment=");
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 16);
	put_counter(&m, 0, 0);
	put_plain(&m, "log");
	put_verdict(&m, NF_DROP, NULL);
	expect(&m, 4, "s= d=10.1.0.10 odd=16 match=LOG target=LOG verdict=2 jump=-1 comment=");
}

static void verdicts(void **state)
{
	static const struct {
		int code;
		const char *wanted;
	} cases[] = {{NFT_RETURN, "3"}, {NF_QUEUE | 5 << 16, "4"}, {NFT_CONTINUE, "0"}, {NF_ACCEPT, "1"}};
	struct rule_message m;
	char wanted[128];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		message_begin(&m, NFPROTO_IPV4, 7);
		put_counter(&m, 0, 0);
		put_verdict(&m, cases[i].code, NULL);
		snprintf(wanted, sizeof wanted, "s= d= odd=0 match= target= verdict=%s jump=-1 comment=", cases[i].wanted);
		expect(&m, 4, wanted);
	}
	message_begin(&m, NFPROTO_IPV4, 7);
	put_counter(&m, 0, 0);
	put_verdict(&m, NFT_GOTO, "town-a");
	expect(&m, 4, "s= d= odd=0 match= target= verdict=6 jump=3 comment=");
	/* The rest of a removal that was cut off drops. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_alice(&m, 16);
	put_counter(&m, 0, 0);
	put_verdict(&m, NFT_JUMP, "townmeter-drain-4");
	expect(&m, 4, "s= d=10.1.0.10 odd=0 match= target=townmeter-drain-4 verdict=2 jump=-1 comment=townmeter");
	/* A chain that came after the list of chains. */
	message_begin(&m, NFPROTO_IPV4, 7);
	put_counter(&m, 0, 0);
	put_verdict(&m, NFT_JUMP, "new");
	struct read r = read_message(&m, 4);
	assert_int_equal(r.result, -1);
	assert_int_equal(r.error, ESTALE);
	ruleset_free(r.rules);
}

static struct nft_brief brief_of(uint64_t packets, const uint8_t *address, int verdict, bool with_fingerprint)
{
	struct rule_message m;
	struct nft_brief brief;

	message_begin(&m, NFPROTO_IPV4, 0x123456789a);
	put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, address, 4);
	put_counter(&m, packets, packets << 33);
	put_verdict(&m, verdict, NULL);
	message_end(&m);
	assert_int_equal(nft_decode_brief(m.head, with_fingerprint, &brief), 0);
	return brief;
}

/* `iptables -R` keeps the handle: the fingerprint tells. */
static void fingerprints(void **state)
{
	static const uint8_t bob[4] = {10, 1, 0, 11};
	struct nft_brief one = brief_of(5, alice, NF_DROP, true), same = brief_of(77, alice, NF_DROP, true),
			 other = brief_of(5, bob, NF_DROP, true), verdict = brief_of(5, alice, NF_ACCEPT, true),
			 plain = brief_of(5, alice, NF_DROP, false);

	(void)state;
	assert_true(one.counted && one.handle == 0x123456789a);
	assert_int_equal(one.counter.packets, 5);
	assert_int_equal(one.counter.octets, 5ull << 33);
	assert_int_equal(same.counter.packets, 77);
	assert_true(one.fingerprint == same.fingerprint);
	assert_true(one.fingerprint != other.fingerprint);
	assert_true(one.fingerprint != verdict.fingerprint);
	assert_int_equal(plain.fingerprint, 0);
	assert_int_equal(plain.counter.octets, 5ull << 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host),
		cmocka_unit_test(comments),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(not_a_prefix),
		cmocka_unit_test(further_conditions),
		cmocka_unit_test(counters_in_odd_places),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
