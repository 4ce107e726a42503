/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of a chain that changes meanwhile: the kernel is played here, one dump after the other. */
#include "make.h"
#include "nft_message.h"

#include "nft_dump.h"

/* What one dump tells: handles, and whether it was interrupted. The last one repeats. */
struct told {
	uint64_t handles[8];
	bool interrupted;
};

static const struct told *script;
static int n_script, at;
static uint32_t addresses[64]; /* by handle: what the rule there matches */

int nft_socket_dump(struct nft_socket *socket, const struct nlmsghdr *request, nft_visit *visit, void *context,
		    bool *interrupted)
{
	const struct told *told = &script[at < n_script ? at : n_script - 1];

	(void)socket;
	(void)request;
	at++;
	for (int i = 0; told->handles[i]; i++) {
		struct rule_message m;
		message_begin(&m, NFPROTO_IPV4, told->handles[i]);
		put_payload(&m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
		put_cmp(&m, NFT_REG_1, NFT_CMP_EQ, &addresses[told->handles[i]], 4);
		put_counter(&m, told->handles[i] * 10, told->handles[i] * 1000);
		message_end(&m);
		if (visit(context, m.head) < 0)
			return -1;
	}
	*interrupted = told->interrupted;
	return 0;
}

struct nlmsghdr *nft_socket_head(struct nft_socket *socket, void *room, int type, int flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);

	(void)socket;
	(void)family;
	message->nlmsg_type = (uint16_t)type;
	message->nlmsg_flags = (uint16_t)flags;
	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	return message;
}

uint32_t nft_chains_find(const struct nft_chains *list, uint8_t family, const char *name)
{
	(void)list;
	(void)family;
	(void)name;
	return RULE_NONE;
}

static struct nft_chain chain = {.name = (char[]){"town-a"}, .handle = 1, .family = 4};
static const struct nft_chains chains = {.chains = &chain, .n = 1};

static int start(void **state)
{
	(void)state;
	at = 0;
	for (uint32_t i = 0; i < 64; i++)
		addresses[i] = htobe32(0x0a010000 + i);
	return 0;
}

#define PLAY(...) (script = (const struct told[]){__VA_ARGS__}, \
		   n_script = (int)(sizeof((const struct told[]){__VA_ARGS__}) / sizeof(struct told)))

/* Reads the chain as the script has it. Returns the result; handles as text. */
static int gather(char *text, unsigned *retries)
{
	struct nft_gathering g;

	*text = '\0';
	*retries = 0;
	assert_int_equal(nft_gather_begin(&g, &chains), 0);
	assert_int_equal(nft_gather_chain(&g, 0, 0), 0);
	int result = nft_gather_rules(&g, NULL, 0, retries);
	for (uint32_t i = 0; result == 0 && i < g.rules->n_rules; i++)
		text += sprintf(text, "%u ", (unsigned)g.known[i].handle);
	if (result == 0)
		assert_int_equal(g.rules->chains[0].count, g.rules->n_rules);
	nft_gather_free(&g);
	return result;
}

static void quiet(void **state)
{
	char text[128];
	unsigned retries;

	(void)state;
	PLAY({{4, 5, 6}, false});
	assert_int_equal(gather(text, &retries), 0);
	assert_string_equal(text, "4 5 6 ");
	assert_int_equal(retries, 0);
	assert_int_equal(at, 1);
}

static void interrupted_once(void **state)
{
	char text[128];
	unsigned retries;

	(void)state;
	PLAY({{4, 6}, true}, {{4, 5, 6}, false});
	assert_int_equal(gather(text, &retries), 0);
	assert_string_equal(text, "4 5 6 ");
	assert_int_equal(retries, 1);
}

/* Other chains change all the time: two dumps that tell alike are enough. */
static void interrupted_always_but_alike(void **state)
{
	char text[128];
	unsigned retries;

	(void)state;
	PLAY({{4, 5, 6}, true}, {{4, 5, 6}, true});
	assert_int_equal(gather(text, &retries), 0);
	assert_string_equal(text, "4 5 6 ");
	assert_int_equal(at, 2);
}

/* A rule put in before the place where the dump goes on comes twice: alike, and still wrong. */
static void alike_but_twice(void **state)
{
	char text[128];
	unsigned retries;

	(void)state;
	PLAY({{4, 5, 5, 6}, true}, {{4, 5, 5, 6}, true}, {{4, 5, 6}, true}, {{4, 5, 6}, true});
	assert_int_equal(gather(text, &retries), 0);
	assert_string_equal(text, "4 5 6 ");
	assert_int_equal(at, 4);
}

/* It goes on for as long as it takes to see that it does not end. */
static void changes_all_the_time(void **state)
{
	char text[128];
	unsigned retries;
	static struct told all[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		all[i] = (struct told){{4, 10 + (uint64_t)i % 2, 6}, true};
	script = all;
	n_script = 100;
	assert_int_equal(gather(text, &retries), -1);
	assert_true(at > 5 && at < 50);
}

static int compare(const struct nft_known *known, uint32_t n, bool thorough, uint64_t ignored, struct counter *counters)
{
	struct nft_expected expected = {.known = known, .n = n, .thorough = thorough, .ignored = &ignored, .n_ignored = 1};

	at = 0;
	return nft_dump_compare(NULL, &chain, &expected, counters);
}

static void compares(void **state)
{
	struct nft_gathering g;
	struct counter counters[3];
	unsigned retries = 0;

	(void)state;
	PLAY({{4, 5, 6}, false});
	assert_int_equal(nft_gather_begin(&g, &chains), 0);
	assert_int_equal(nft_gather_chain(&g, 0, 0), 0);
	assert_int_equal(nft_gather_rules(&g, NULL, 0, &retries), 0);
	assert_int_equal(compare(g.known, 3, true, 0, counters), 1);
	assert_int_equal(counters[2].packets, 60);
	assert_int_equal(counters[2].octets, 6000);
	/* One more, one less, others in their order. */
	PLAY({{4, 5, 6, 7}, false});
	assert_int_equal(compare(g.known, 3, true, 0, counters), 0);
	assert_int_equal(compare(g.known, 3, true, 7, counters), 1);
	PLAY({{4, 6}, false});
	assert_int_equal(compare(g.known, 3, true, 0, counters), 0);
	PLAY({{4, 5}, false});
	assert_int_equal(compare(g.known, 3, true, 0, counters), 0);
	PLAY({{5, 4, 6}, false});
	assert_int_equal(compare(g.known, 3, true, 0, counters), 0);
	/* An interrupted dump that told every one of them is as good. */
	PLAY({{4, 5, 6}, true});
	assert_int_equal(compare(g.known, 3, true, 0, counters), 1);
	/* Replaced in its place. */
	addresses[5] = htobe32(0x0a010063);
	assert_int_equal(compare(g.known, 3, false, 0, counters), 1);
	assert_int_equal(compare(g.known, 3, true, 0, counters), 0);
	nft_gather_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quiet, start),
		cmocka_unit_test_setup(interrupted_once, start),
		cmocka_unit_test_setup(interrupted_always_but_alike, start),
		cmocka_unit_test_setup(alike_but_twice, start),
		cmocka_unit_test_setup(changes_all_the_time, start),
		cmocka_unit_test_setup(compares, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
