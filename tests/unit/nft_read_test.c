/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read again after a change of our own, and what is known: the kernel is played here. */
#include "nft_read.h"

#include <stdio.h>

#include "make.h"
#include "nft_attr.h"
#include "nft_message.h"
#include "nft_no_socket.h"

/* A chain of the kernel's: rules by handle, all of which jump to `to`, or count if that is NULL. */
struct told {
	const char *name, *to;
	uint64_t handle, rules[4];
};

static struct told told[8];
static uint32_t generation;
static char dumped[128]; /* the chains whose rules were asked for */
static bool overtake;    /* another program commits once the chains are told */

static void tell_chain(nft_visit *visit, void *context, const struct told *t)
{
	char room[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(room);

	m->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(m, sizeof *head);
	head->nfgen_family = NFPROTO_IPV4;
	mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, "filter");
	mnl_attr_put_u64(m, NFTA_CHAIN_HANDLE, htobe64(t->handle));
	mnl_attr_put_strz(m, NFTA_CHAIN_NAME, t->name);
	assert_int_equal(visit(context, m), 0);
}

static int tell_rules(nft_visit *visit, void *context, const struct told *t)
{
	for (int i = 0; t->rules[i]; i++) {
		struct rule_message m;
		message_begin(&m, NFPROTO_IPV4, t->rules[i]);
		put_counter(&m, t->rules[i] * 10, 0);
		if (t->to)
			put_verdict(&m, NFT_JUMP, t->to);
		message_end(&m);
		if (visit(context, m.head) < 0)
			return -1;
	}
	return 0;
}

int nft_socket_dump(struct nft_socket *socket, const struct nlmsghdr *request, nft_visit *visit, void *context,
		    bool *interrupted)
{
	const int type = request->nlmsg_type & 0xff;

	(void)socket;
	*interrupted = false;
	for (int i = 0; type == NFT_MSG_GETCHAIN && told[i].name; i++)
		tell_chain(visit, context, &told[i]);
	if (type == NFT_MSG_GETCHAIN && overtake)
		generation++;
	if (type == NFT_MSG_GETCHAIN)
		overtake = false;
	const char *name = type == NFT_MSG_GETRULE ? nft_attr_text(nft_attr_find(request, NFTA_RULE_CHAIN)) : NULL;
	if (!name)
		return 0;
	snprintf(dumped + strlen(dumped), sizeof dumped - strlen(dumped), "%s ", name);
	for (int i = 0; told[i].name; i++)
		if (strcmp(told[i].name, name) == 0)
			return tell_rules(visit, context, &told[i]);
	return 0;
}

int nft_socket_ask(struct nft_socket *socket, const void *requests, size_t size, uint32_t n, nft_visit *visit,
		   nft_refused *refused, void *context)
{
	(void)socket;
	(void)requests;
	(void)size;
	(void)n;
	(void)visit;
	(void)refused;
	(void)context;
	return 0;
}

int nft_socket_generation(struct nft_socket *socket, uint32_t *now)
{
	(void)socket;
	*now = generation;
	return 0;
}

/* The rules as "chain: handle>target handle, ...". */
static void expect(const struct nft_reading *r, const char *wanted)
{
	char text[512] = "";

	for (uint32_t c = 0; c < r->rules->n_chains; c++) {
		const struct chain *chain = &r->rules->chains[c];
		assert_string_equal(ruleset_text(r->rules, chain->name), r->chains.chains[c].name);
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s:", r->chains.chains[c].name);
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			const struct rule *rule = &r->rules->rules[i];
			assert_int_equal(rule->chain, c);
			assert_int_equal(r->counters[i].packets, r->known[i].handle * 10);
			snprintf(text + strlen(text), sizeof text - strlen(text), " %d%s%s", (int)r->known[i].handle,
				 rule->jump == RULE_NONE ? "" : ">",
				 rule->jump == RULE_NONE ? "" : ruleset_text(r->rules, r->rules->chains[rule->jump].name));
		}
		snprintf(text + strlen(text), sizeof text - strlen(text), ", ");
	}
	assert_string_equal(text, wanted);
}

static int start(void **state)
{
	struct nft_reading *r = calloc(1, sizeof *r);

	assert_non_null(r);
	memset(told, 0, sizeof told);
	told[0] = (struct told){"c", NULL, 3, {31, 32}};
	told[1] = (struct told){"f", "c", 1, {11, 12}};
	told[2] = (struct told){"m", "f", 2, {21}};
	generation = 7;
	overtake = false;
	/* The second look makes it certain. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(nft_read(r, NULL, false), 0);
	assert_int_equal(r->confirmed, 7);
	expect(r, "c: 31 32, f: 11>c 12>c, m: 21>f, ");
	dumped[0] = '\0';
	*state = r;
	return 0;
}

static int stop(void **state)
{
	nft_read_free(*state);
	free(*state);
	return 0;
}

static void a_rule_more(void **state)
{
	struct nft_reading *r = *state;
	const uint32_t changed = 0;

	told[0].rules[2] = 33;
	generation = 8;
	nft_read_changed(r, 7, 8, &changed, 1, false);
	assert_int_equal(nft_read(r, NULL, true), 0);
	assert_true(r->partial);
	assert_string_equal(dumped, "c ");
	expect(r, "c: 31 32 33, f: 11>c 12>c, m: 21>f, ");
	assert_false(r->overtaken);
}

/* A chain before all others, one that goes, one that goes and comes again. */
static void chains_come_and_go(void **state)
{
	struct nft_reading *r = *state;
	const uint32_t changed[] = {0, 2};

	told[0] = (struct told){"c", NULL, 9, {91}};
	told[2] = (struct told){"b", "f", 8, {81}};
	told[1].to = "c";
	generation = 8;
	/* Rules of f that lead to the c that went were changed as well. */
	nft_read_changed(r, 7, 8, changed, 2, true);
	assert_int_equal(nft_read(r, NULL, true), 0);
	/* f leads to a chain that is not the one it was: all is read again. */
	expect(r, "b: 81>f, c: 91, f: 11>c 12>c, ");
}

static void new_chains_alone_are_read(void **state)
{
	struct nft_reading *r = *state;
	const uint32_t changed = 2;

	told[3] = (struct told){"a", "m", 8, {81}};
	told[4] = (struct told){"z", NULL, 9, {0}};
	told[2].rules[1] = 22;
	generation = 8;
	nft_read_changed(r, 7, 8, &changed, 1, true);
	assert_int_equal(nft_read(r, NULL, true), 0);
	assert_true(r->partial);
	assert_string_equal(dumped, "a m z ");
	expect(r, "a: 81>m, c: 31 32, f: 11>c 12>c, m: 21>f 22>f, z:, ");
	/* And away again. */
	const uint32_t back[] = {0, 3, 4};
	memset(&told[3], 0, 2 * sizeof told[3]);
	told[2].rules[1] = 0;
	generation = 9;
	dumped[0] = '\0';
	nft_read_changed(r, 8, 9, back, 3, true);
	assert_int_equal(nft_read(r, NULL, true), 0);
	assert_string_equal(dumped, "m ");
	expect(r, "c: 31 32, f: 11>c 12>c, m: 21>f, ");
}

/* The list of chains is another program's by the time it is told. */
static void another_program_comes_between(void **state)
{
	struct nft_reading *r = *state;
	const uint32_t changed = 2;

	told[3] = (struct told){"a", "m", 8, {81}};
	told[0].rules[2] = 33; /* the other program's */
	generation = 8;
	overtake = true;
	nft_read_changed(r, 7, 8, &changed, 1, true);
	assert_int_equal(nft_read(r, NULL, true), 0);
	assert_false(r->partial);
	expect(r, "a: 81>m, c: 31 32 33, f: 11>c 12>c, m: 21>f, ");
	assert_int_equal(r->read_in, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rule_more, start, stop),
		cmocka_unit_test_setup_teardown(chains_come_and_go, start, stop),
		cmocka_unit_test_setup_teardown(new_chains_alone_are_read, start, stop),
		cmocka_unit_test_setup_teardown(another_program_comes_between, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
