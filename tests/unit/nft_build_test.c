/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages that put rules into the kernel: read back, each is the rule that was wanted. */
#include "nft_build.h"

#include <stdio.h>

#include <netinet/in.h>

#include "make.h"
#include "nft_attr.h"
#include "nft_decode.h"
#include "nft_message.h"
#include "nft_rules.h"

struct built {
	struct nft_batch batch;
	struct nft_socket socket;
	char data[NFT_MESSAGE_SIZE];
	struct nlmsghdr *message; /* the last one of the batch */
};

/* As the kernel tells of it, with a handle. */
static void build(struct built *b, uint8_t family, uint64_t before, const struct nft_new_rule *rule)
{
	memset(b, 0, sizeof *b);
	nft_batch_begin(&b->batch, &b->socket, 0);
	const struct nft_place place = {.family = family, .chain = "town-a", .before = before};
	assert_int_not_equal(nft_build_rule(&b->batch, &place, rule), 0);
	const char *last = b->batch.data + b->batch.last;
	memcpy(b->data, last, ((const struct nlmsghdr *)(const void *)last)->nlmsg_len);
	b->message = (void *)b->data;
	mnl_attr_put_u64(b->message, NFTA_RULE_HANDLE, htobe64(7));
}

static uint32_t find(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "town-b") == 0 ? 5 : RULE_NONE;
}

static void prefix_is(const struct prefix *found, const struct prefix *wanted)
{
	static const struct prefix none;

	assert_int_equal(prefix_compare(found, wanted ? wanted : &none), 0);
}

static void there_and_back(uint8_t family, const struct nft_new_rule *new)
{
	static const struct ports none;
	struct ruleset *rules = ruleset_new();
	struct built b;
	struct rule rule;
	struct nft_brief brief;
	bool down = new->direction == DIRECTION_DOWN, jumps = new->verdict == VERDICT_JUMP || new->verdict == VERDICT_GOTO;

	build(&b, family, 0, new);
	assert_int_equal(nft_rules_read(rules, &rule, family, b.message, find, NULL), 0);
	prefix_is(&rule.dst, down ? new->prefix : new->other);
	prefix_is(&rule.src, down ? new->other : new->prefix);
	const struct ports *ports = new->ports ? new->ports : &none;
	assert_int_equal(rule.ports.protocol, ports->protocol);
	assert_int_equal(rule.ports.first, ports->first);
	assert_int_equal(rule.ports.last, ports->last);
	assert_int_equal(rule.ports_of, new->ports_of);
	assert_int_equal(rule.odd & ~(ODD_PROTOCOL | ODD_MATCH), 0);
	assert_int_equal(rule.odd != 0, new->ports && new->ports->protocol);
	assert_int_equal(rule.verdict, new->verdict);
	assert_int_equal(rule.jump, jumps ? 5 : RULE_NONE);
	assert_string_equal(ruleset_text(rules, rule.comment), new->comment ? new->comment : "");
	assert_int_equal(nft_decode_brief(b.message, false, &brief), 0);
	assert_int_equal(brief.counter.packets, new->counter.packets);
	assert_int_equal(brief.counter.octets, new->counter.octets);
	ruleset_free(rules);
	nft_batch_free(&b.batch);
}

static void verdicts(void **state)
{
	static const enum verdict all[] = {VERDICT_NONE, VERDICT_DROP, VERDICT_RETURN, VERDICT_JUMP, VERDICT_GOTO};
	struct prefix host = make_prefix("10.1.0.10"), host6 = make_prefix("2001:db8::1");

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		for (uint8_t d = 0; d < 2; d++) {
			struct nft_new_rule rule = {.prefix = &host, .direction = d, .verdict = all[i],
						    .target = "town-b", .comment = i % 2 ? NULL : "alice",
						    .counter = {7, UINT64_C(1) << 40}};
			there_and_back(4, &rule);
			rule.prefix = &host6;
			there_and_back(6, &rule);
		}
}

static void two_prefixes(void **state)
{
	static const char *const texts[] = {"10.1.0.10", "10.1.0.0/24", "10.1.2.0/23", "10.0.0.0/12", "10.1.0.0/16",
					    "10.0.0.0/8", "128.0.0.0/1", "10.1.0.16/28", "0.0.0.0/32"};
	static const char *const texts6[] = {"2001:db8::1", "2001:db8::/48", "2001:db8::/64", "2001:db8::/32",
					     "2001:d00::/24", "2001:d80::/26", "8000::/1", "2001:db8::/61", "::/128"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
			struct prefix a = make_prefix(texts[i]), b = make_prefix(texts[k]);
			struct nft_new_rule rule = {.prefix = &a, .other = &b,
						    .direction = k % 2 ? DIRECTION_UP : DIRECTION_DOWN};
			there_and_back(4, &rule);
			a = make_prefix(texts6[i]);
			b = make_prefix(texts6[k]);
			there_and_back(6, &rule);
		}
	/* None at all: `-j town-b`. */
	there_and_back(4, &(struct nft_new_rule){.verdict = VERDICT_JUMP, .target = "town-b"});
	struct prefix none = {0};
	there_and_back(4, &(struct nft_new_rule){.prefix = &none, .other = &none});
}

static void services(void **state)
{
	static const struct ports all[] = {{IPPROTO_TCP, 80, 80}, {IPPROTO_UDP, 6881, 6889}, {IPPROTO_TCP, 0, 1023},
					   {IPPROTO_TCP, 1024, 65535}, {IPPROTO_UDP, 0, 0}, {IPPROTO_SCTP, 5, 6},
					   {IPPROTO_DCCP, 5, 5}, {IPPROTO_TCP, 65535, 65535}};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE, IPPROTO_SCTP};
	struct prefix net = make_prefix("10.1.0.0/24"), net6 = make_prefix("2001:db8::/64");

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		for (uint8_t of = 0; of < 2; of++) {
			struct nft_new_rule rule = {.ports = &all[i], .ports_of = of, .verdict = VERDICT_RETURN,
						    .comment = of ? "web" : NULL, .prefix = &net};
			there_and_back(4, &rule);
			rule.prefix = &net6;
			there_and_back(6, &rule);
		}
	for (size_t i = 0; i < sizeof protocols; i++) {
		const struct ports ports = {.protocol = protocols[i], .last = PORTS_LAST};
		there_and_back(4, &(struct nft_new_rule){.ports = &ports});
		there_and_back(6, &(struct nft_new_rule){.ports = &ports});
	}
}

/* The kernel's fast loads are those of 1, 2 and 4 octets. */
struct load {
	uint32_t length;
	bool masked;
};

static int on_step(void *context, const struct nft_step *step)
{
	if (step->kind == NFT_STEP_FIELD)
		*(struct load *)context = (struct load){step->length, step->masked};
	return 0;
}

static void loads(void **state)
{
	static const struct {
		const char *prefix;
		struct load wanted;
	} cases[] = {{"10.1.0.10", {4, false}}, {"10.1.0.0/24", {4, true}}, {"10.1.0.0/16", {2, false}},
		     {"10.0.0.0/8", {1, false}}, {"10.1.0.0/28", {4, true}}, {"2001:d00::/24", {3, false}},
		     {"2001:db8::/32", {4, false}}, {"2001:db0::/28", {16, true}}, {"2001:db8::/64", {8, false}},
		     {"2001:db8::/60", {16, true}}, {"2001:db8::1", {16, false}}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct load found = {0};
		struct built b;
		struct prefix prefix = make_prefix(cases[i].prefix);
		build(&b, prefix.family, 0, &(struct nft_new_rule){.prefix = &prefix});
		assert_int_equal(nft_decode(b.message, on_step, &found), 0);
		if (found.length != cases[i].wanted.length || found.masked != cases[i].wanted.masked)
			fail_msg("%s: %u octets, %s", cases[i].prefix, found.length, found.masked ? "masked" : "whole");
		nft_batch_free(&b.batch);
	}
}

static void places(void **state)
{
	const struct nft_new_rule rule = {.told = true};
	struct built b;

	(void)state;
	build(&b, 4, 0, &rule);
	assert_true(b.message->nlmsg_flags & NLM_F_APPEND);
	assert_true(b.message->nlmsg_flags & NLM_F_ECHO);
	assert_int_equal(b.batch.n_echoed, 1);
	nft_batch_free(&b.batch);
	build(&b, 4, 77, &rule);
	assert_false(b.message->nlmsg_flags & NLM_F_APPEND);
	assert_int_equal(nft_attr_long(nft_attr_find(b.message, NFTA_RULE_POSITION)), 77);
	nft_batch_free(&b.batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(two_prefixes),
		cmocka_unit_test(services),
		cmocka_unit_test(loads),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
