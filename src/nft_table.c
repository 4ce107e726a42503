/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_table.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft_attr.h"
#include "nft_batch.h"
#include "nft_chains.h"
#include "nft_dump.h"

/* Another program may commit between a look and a change. */
enum { TABLE_TRIES = 32 };

/* A comment as nft writes it: type 0, the length of the text, the text. */
static const uint8_t mark[] = {0, 10, 't', 'o', 'w', 'n', 'm', 'e', 't', 'e', 'r', '\0'};

static const struct {
	const char *name;
	uint32_t number;
	enum hook hook;
} own_chains[] = {{"INPUT", NF_INET_LOCAL_IN, HOOK_INPUT},
		  {"FORWARD", NF_INET_FORWARD, HOOK_FORWARD},
		  {"OUTPUT", NF_INET_LOCAL_OUT, HOOK_OUTPUT}};
enum { OWN_CHAINS = sizeof own_chains / sizeof own_chains[0] };

static void put_table(struct nft_batch *batch, int type, int flags, uint8_t family)
{
	struct nlmsghdr *message = nft_batch_message(batch, type, flags, family);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, NFT_TABLE_NAME);
	if (type == NFT_MSG_NEWTABLE)
		mnl_attr_put(message, NFTA_TABLE_USERDATA, sizeof mark, mark);
	nft_batch_put(batch, message);
}

static void put_chain(struct nft_batch *batch, uint8_t family, size_t own)
{
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, family);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, own_chains[own].name);
	struct nlattr *hook = mnl_attr_nest_start(message, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(message, NFTA_HOOK_HOOKNUM, htobe32(own_chains[own].number));
	mnl_attr_put_u32(message, NFTA_HOOK_PRIORITY, 0);
	mnl_attr_nest_end(message, hook);
	mnl_attr_put_u32(message, NFTA_CHAIN_POLICY, htobe32(NF_ACCEPT));
	mnl_attr_put_strz(message, NFTA_CHAIN_TYPE, "filter");
	nft_batch_put(batch, message);
}

static bool has_chain(const struct nft_chains *list, uint8_t family, enum hook hook)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (list->chains[i].family == family && list->chains[i].hook == hook)
			return true;
	return false;
}

/* Does what `plan` puts into a batch, if anything, in the generation that it looked at. */
typedef int planner(struct nft_batch *batch, struct nft_socket *socket, const struct nft_chains *list, uint8_t family);

static int carry_out(struct nft_socket *socket, uint8_t family, planner *plan)
{
	for (int tries = 0; tries < TABLE_TRIES; tries++) {
		struct nft_chains list = {0};
		struct nft_batch batch = {0};
		uint32_t generation;
		unsigned retries = 0;
		int result = -1;
		if (nft_socket_generation(socket, &generation) < 0)
			return -1;
		if (nft_chains_list(&list, socket, &retries) == 0) {
			nft_batch_begin(&batch, socket, generation);
			result = plan(&batch, socket, &list, family);
			if (result > 0)
				result = nft_batch_commit(&batch, NULL, NULL);
		}
		int saved = errno;
		nft_batch_free(&batch);
		nft_chains_free(&list);
		errno = saved;
		if (result == 0 || errno != ERESTART)
			return result;
	}
	errno = EAGAIN;
	return -1;
}

static int plan_make(struct nft_batch *batch, struct nft_socket *socket, const struct nft_chains *list, uint8_t family)
{
	int n = 0;

	(void)socket;
	if (!list->tables[family == PREFIX_IPV6])
		put_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family);
	for (size_t i = 0; i < OWN_CHAINS; i++) {
		if (has_chain(list, family, own_chains[i].hook))
			continue;
		put_chain(batch, family, i);
		n++;
	}
	return n > 0;
}

int nft_table_make(struct nft_socket *socket, uint8_t family)
{
	int result = carry_out(socket, family, plan_make);

	if (result < 0 && errno == EINVAL)
		errno = EOPNOTSUPP;
	return result;
}

struct found {
	bool marked;
	uint32_t use; /* chains, sets and other objects in it */
};

static int on_table(void *context, const struct nlmsghdr *message)
{
	struct found *found = context;
	const struct nlattr *data = nft_attr_find(message, NFTA_TABLE_USERDATA);

	found->marked = data && nft_attr_size(data) == sizeof mark && memcmp(nft_attr_data(data), mark, sizeof mark) == 0;
	found->use = nft_attr_number(nft_attr_find(message, NFTA_TABLE_USE));
	return 0;
}

static int look(struct nft_socket *socket, uint8_t family, struct found *found)
{
	char room[NFT_REQUEST_SIZE];
	struct nlmsghdr *request = nft_socket_head(socket, room, NFT_MSG_GETTABLE, 0, family);

	*found = (struct found){0};
	mnl_attr_put_strz(request, NFTA_TABLE_NAME, NFT_TABLE_NAME);
	return nft_socket_ask(socket, request, request->nlmsg_len, 1, on_table, NULL, found);
}

static int plan_drop(struct nft_batch *batch, struct nft_socket *socket, const struct nft_chains *list, uint8_t family)
{
	static const struct nft_expected empty = {.thorough = false};
	struct found found;
	uint32_t n = 0;

	if (!list->tables[family == PREFIX_IPV6])
		return 0;
	if (look(socket, family, &found) < 0)
		return -1;
	for (uint32_t i = 0; found.marked && i < list->n; i++) {
		const struct nft_chain *chain = &list->chains[i];
		if (chain->family != family)
			continue;
		int same = chain->hook != HOOK_NONE && chain->policy == VERDICT_ACCEPT
				   ? nft_dump_compare(socket, chain, &empty, NULL) : 0;
		if (same <= 0)
			return same;
		n++;
	}
	if (!found.marked || found.use != n)
		return 0;
	put_table(batch, NFT_MSG_DELTABLE, 0, family);
	return 1;
}

int nft_table_drop(struct nft_socket *socket, uint8_t family)
{
	int result = carry_out(socket, family, plan_drop);

	/* Who took it away meanwhile did the same. */
	return result < 0 && errno == ENOENT ? 0 : result;
}
