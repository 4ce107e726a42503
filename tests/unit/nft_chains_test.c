/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of chains, tables and flowtables as the kernel tells them; it is played here. */
#include "make.h"
#include "nft_message.h"
#include "nft_no_socket.h"

#include "nft_chains.h"

struct told {
	const char *table, *name;
	uint64_t handle;
	int hook;       /* -1: none */
	uint32_t flags;
	uint8_t family;
	bool counted;
};

static struct told told[16];
static int n_told, interrupted_dumps, n_dumps;
static bool flowtable;

static size_t write_chain(char *room, const struct told *t)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(room);

	m->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(m, sizeof *head);
	head->nfgen_family = t->family;
	mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, t->table);
	mnl_attr_put_u64(m, NFTA_CHAIN_HANDLE, htobe64(t->handle));
	mnl_attr_put_strz(m, NFTA_CHAIN_NAME, t->name);
	if (t->hook >= 0) {
		struct nlattr *nest = mnl_attr_nest_start(m, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(m, NFTA_HOOK_HOOKNUM, htobe32((uint32_t)t->hook));
		mnl_attr_put_u32(m, NFTA_HOOK_PRIORITY, 0);
		mnl_attr_nest_end(m, nest);
		mnl_attr_put_u32(m, NFTA_CHAIN_POLICY, htobe32(NF_DROP));
		mnl_attr_put_strz(m, NFTA_CHAIN_TYPE, "filter");
	}
	if (t->flags)
		mnl_attr_put_u32(m, NFTA_CHAIN_FLAGS, htobe32(t->flags));
	if (t->counted) {
		struct nlattr *nest = mnl_attr_nest_start(m, NFTA_CHAIN_COUNTERS);
		mnl_attr_put_u64(m, NFTA_COUNTER_PACKETS, htobe64(7));
		mnl_attr_put_u64(m, NFTA_COUNTER_BYTES, htobe64(700));
		mnl_attr_nest_end(m, nest);
	}
	return m->nlmsg_len;
}

static void tell(nft_visit *visit, void *context, const struct told *t)
{
	char room[1024];

	write_chain(room, t);
	assert_int_equal(visit(context, (const struct nlmsghdr *)(const void *)room), 0);
}

int nft_socket_dump(struct nft_socket *socket, const struct nlmsghdr *request, nft_visit *visit, void *context,
		    bool *interrupted)
{
	(void)socket;
	*interrupted = false;
	if ((request->nlmsg_type & 0xff) == NFT_MSG_GETFLOWTABLE)
		return flowtable ? visit(context, request) : 0;
	*interrupted = n_dumps++ < interrupted_dumps;
	for (int i = 0; i < n_told; i++)
		tell(visit, context, &told[i]);
	return 0;
}

/* The tables of both families are there, as number 44. */
int nft_socket_ask(struct nft_socket *socket, const void *requests, size_t size, uint32_t n, nft_visit *visit,
		   nft_refused *refused, void *context)
{
	const struct nlmsghdr *first = requests;
	char room[1024];

	(void)socket;
	(void)size;
	(void)refused;
	if ((first->nlmsg_type & 0xff) == NFT_MSG_GETCHAIN) {
		struct told policy = {"filter", "FORWARD", NFPROTO_IPV4, 2, NF_INET_FORWARD, 0, true};
		write_chain(room, &policy);
		((struct nlmsghdr *)(void *)room)->nlmsg_seq = 0;
		return visit(context, (const struct nlmsghdr *)(const void *)room);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct nlmsghdr *m = mnl_nlmsg_put_header(room);
		mnl_nlmsg_put_extra_header(m, sizeof(struct nfgenmsg));
		m->nlmsg_seq = i;
		mnl_attr_put_u64(m, NFTA_TABLE_HANDLE, htobe64(44));
		if (visit(context, m) < 0)
			return -1;
	}
	return 0;
}

static void add(const char *table, const char *name, uint8_t family, uint64_t handle, int hook)
{
	told[n_told++] = (struct told){.table = table, .name = name, .handle = handle, .hook = hook, .family = family};
}

static int start(void **state)
{
	(void)state;
	n_told = n_dumps = interrupted_dumps = 0;
	flowtable = false;
	add("filter", "town-b", NFPROTO_IPV4, 1, -1);
	add("filter", "OUTPUT", NFPROTO_IPV4, 5, NF_INET_LOCAL_OUT);
	add("filter", "town-a", NFPROTO_IPV6, 6, -1);
	add("filter", "FORWARD", NFPROTO_IPV4, 2, NF_INET_FORWARD);
	add("nat", "FORWARD", NFPROTO_IPV4, 3, NF_INET_FORWARD);
	add("filter", "FORWARD", NFPROTO_INET, 4, NF_INET_FORWARD);
	add("filter", "town-a", NFPROTO_IPV4, 7, -1);
	/* Of nft's own making: neither the name nor the hook alone makes it iptables'. */
	add("filter", "forward", NFPROTO_IPV4, 8, NF_INET_FORWARD);
	add("filter", "INPUT", NFPROTO_IPV6, 9, -1);
	return 0;
}

static void lists(void **state)
{
	static const char *const wanted[] = {"FORWARD", "OUTPUT", "forward", "town-a", "town-b", "INPUT", "town-a"};
	static const uint8_t hooks[] = {HOOK_FORWARD, HOOK_OUTPUT, 0, 0, 0, 0, 0};
	struct nft_chains list;
	unsigned retries = 0;

	(void)state;
	assert_int_equal(nft_chains_list(&list, NULL, &retries), 0);
	assert_int_equal(list.n, 7);
	for (uint32_t i = 0; i < list.n; i++) {
		assert_string_equal(list.chains[i].name, wanted[i]);
		assert_int_equal(list.chains[i].hook, hooks[i]);
		assert_int_equal(list.chains[i].family, i < 5 ? 4 : 6);
	}
	assert_int_equal(list.chains[0].policy, VERDICT_DROP);
	assert_true(list.tables[0] == 44 && list.tables[1] == 44);
	assert_false(list.offload);
	assert_int_equal(nft_chains_find(&list, 4, "town-a"), 3);
	assert_int_equal(nft_chains_find(&list, 4, "forward"), 2);
	assert_int_equal(nft_chains_find(&list, 6, "town-a"), 6);
	assert_int_equal(nft_chains_find(&list, 6, "town-b"), RULE_NONE);
	assert_int_equal(nft_chains_find(&list, 4, "aaa"), RULE_NONE);
	nft_chains_free(&list);
	assert_int_equal(nft_chains_exist(), 1);
	n_told = 0;
	assert_int_equal(nft_chains_exist(), 0);
}

static void tells_another_list(void **state)
{
	struct nft_chains one, other;
	unsigned retries = 0;

	(void)state;
	assert_int_equal(nft_chains_list(&one, NULL, &retries), 0);
	/* What each of these changes must be seen; their order must not. */
	for (int change = 0; change < 6; change++) {
		struct told saved[16];
		memcpy(saved, told, sizeof saved);
		if (change == 0) {
			told[0] = saved[6];
			told[6] = saved[0];
		} else if (change == 1) {
			told[0].name = "town-c";
		} else if (change == 2) {
			told[0].handle = 99;
		} else if (change == 3) {
			n_told--;
		} else if (change == 4) {
			told[3].counted = true;
		} else {
			told[6].hook = NF_INET_FORWARD;
			told[6].name = "INPUT";
		}
		assert_int_equal(nft_chains_list(&other, NULL, &retries), 0);
		assert_int_equal(nft_chains_same(&one, &other), change == 0);
		nft_chains_free(&other);
		memcpy(told, saved, sizeof saved);
		n_told = 9;
	}
	assert_int_equal(nft_chains_list(&other, NULL, &retries), 0);
	other.tables[1]++;
	assert_false(nft_chains_same(&one, &other));
	nft_chains_free(&other);
	nft_chains_free(&one);
}

static void interrupted(void **state)
{
	struct nft_chains list;
	unsigned retries = 0;

	(void)state;
	interrupted_dumps = 1000;
	assert_int_equal(nft_chains_list(&list, NULL, &retries), 0);
	assert_int_equal(list.n, 7);
	assert_int_equal(n_dumps, 2);
	assert_int_equal(retries, 1);
	nft_chains_free(&list);
}

static void sees_what_goes_around_the_rules(void **state)
{
	struct nft_chains list;
	unsigned retries = 0;

	(void)state;
	flowtable = true;
	assert_int_equal(nft_chains_list(&list, NULL, &retries), 0);
	assert_true(list.offload);
	nft_chains_free(&list);
	flowtable = false;
	add("t", "c", NFPROTO_NETDEV, 1, 0);
	told[n_told - 1].flags = NFT_CHAIN_BASE | NFT_CHAIN_HW_OFFLOAD;
	assert_int_equal(nft_chains_list(&list, NULL, &retries), 0);
	assert_true(list.offload);
	nft_chains_free(&list);
}

static void policies(void **state)
{
	struct nft_chains list;
	unsigned retries = 0;

	(void)state;
	told[3].counted = true;
	assert_int_equal(nft_chains_list(&list, NULL, &retries), 0);
	assert_true(list.chains[0].counted);
	assert_false(list.chains[1].counted);
	assert_int_equal(nft_chains_count(&list, NULL), 0);
	assert_int_equal(list.chains[0].counter.packets, 7);
	assert_int_equal(list.chains[0].counter.octets, 700);
	nft_chains_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lists, start),
		cmocka_unit_test_setup(tells_another_list, start),
		cmocka_unit_test_setup(interrupted, start),
		cmocka_unit_test_setup(sees_what_goes_around_the_rules, start),
		cmocka_unit_test_setup(policies, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
