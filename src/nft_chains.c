/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <libnftnl/chain.h>

#include "nft_attr.h"
#include "rule.h"

enum { LIST_TRIES = 20 };

static const uint8_t families[2] = {4, 6};

/* iptables-nft's own chains: the name alone makes none, nor does the hook. */
static enum hook hook_of(const struct nftnl_chain *chain, const char *name)
{
	static const struct {
		const char *name;
		uint32_t number;
		enum hook hook;
	} known[] = {{"FORWARD", NF_INET_FORWARD, HOOK_FORWARD},
		     {"INPUT", NF_INET_LOCAL_IN, HOOK_INPUT},
		     {"OUTPUT", NF_INET_LOCAL_OUT, HOOK_OUTPUT}};

	if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM))
		return HOOK_NONE;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(name, known[i].name) == 0 &&
		    nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM) == known[i].number)
			return known[i].hook;
	return HOOK_NONE;
}

static int add_chain(struct nft_chains *list, const struct nftnl_chain *chain, uint8_t family, const char *name)
{
	if (list->n == list->room) {
		uint32_t room = list->room ? list->room * 2 : 64;
		struct nft_chain *more = realloc(list->chains, room * sizeof *more);
		if (!more)
			return -1;
		list->chains = more;
		list->room = room;
	}
	char *copy = strdup(name);
	if (!copy)
		return -1;
	struct nft_chain *own = &list->chains[list->n++];
	*own = (struct nft_chain){.name = copy,
				  .handle = nftnl_chain_get_u64(chain, NFTNL_CHAIN_HANDLE),
				  .family = family,
				  .hook = (uint8_t)hook_of(chain, name)};
	if (own->hook == HOOK_NONE)
		return 0;
	own->policy = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_DROP ? VERDICT_DROP : VERDICT_ACCEPT;
	own->counted = nftnl_chain_is_set(chain, NFTNL_CHAIN_PACKETS);
	return 0;
}

static int on_chain(void *context, const struct nlmsghdr *message)
{
	struct nft_chains *list = context;
	struct nftnl_chain *chain = nftnl_chain_alloc();
	int result = -1;

	if (!chain || nftnl_chain_nlmsg_parse(message, chain) < 0)
		goto out;
	const char *table = nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE);
	const char *name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);
	uint32_t family = nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
	if (nftnl_chain_is_set(chain, NFTNL_CHAIN_FLAGS) &&
	    (nftnl_chain_get_u32(chain, NFTNL_CHAIN_FLAGS) & NFT_CHAIN_HW_OFFLOAD))
		list->offload = true;
	result = 0;
	if (table && name && strcmp(table, NFT_TABLE_NAME) == 0 &&
	    (family == NFPROTO_IPV4 || family == NFPROTO_IPV6))
		result = add_chain(list, chain, family == NFPROTO_IPV6 ? 6 : 4, name);
out:
	if (chain)
		nftnl_chain_free(chain);
	return result;
}

static int by_family_and_name(const void *a, const void *b)
{
	const struct nft_chain *x = a, *y = b;

	if (x->family != y->family)
		return (int)x->family - (int)y->family;
	if (x->hook != y->hook) {
		if (x->hook == HOOK_NONE || y->hook == HOOK_NONE)
			return x->hook == HOOK_NONE ? 1 : -1;
		return (int)x->hook - (int)y->hook;
	}
	return strcmp(x->name, y->name);
}

static void forget_chains(struct nft_chains *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		free(list->chains[i].name);
	free(list->chains);
	list->chains = NULL;
	list->n = list->room = 0;
}

static bool same_chains(const struct nft_chains *a, const struct nft_chains *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct nft_chain *x = &a->chains[i], *y = &b->chains[i];
		if (x->handle != y->handle || x->family != y->family || x->hook != y->hook ||
		    x->policy != y->policy || x->counted != y->counted || strcmp(x->name, y->name) != 0)
			return false;
	}
	return true;
}

static bool has_duplicates(const struct nft_chains *list)
{
	for (uint32_t i = 1; i < list->n; i++)
		if (by_family_and_name(&list->chains[i - 1], &list->chains[i]) == 0)
			return true;
	return false;
}

/* As with rules: what two interrupted dumps tell alike, each once, is all there is. */
static int list_chains(struct nft_chains *list, struct nft_socket *socket, unsigned *retries)
{
	struct nft_chains before = {0};
	char room[NFT_REQUEST_SIZE];
	int result = -1;

	for (int tries = 0; tries < LIST_TRIES; tries++) {
		struct nlmsghdr *request = nft_socket_head(socket, room, NFT_MSG_GETCHAIN, NLM_F_DUMP, 0);
		bool interrupted;
		if (nft_socket_dump(socket, request, on_chain, list, &interrupted) < 0)
			goto out;
		if (list->n)
			qsort(list->chains, list->n, sizeof *list->chains, by_family_and_name);
		if (!interrupted || (tries > 0 && same_chains(&before, list) && !has_duplicates(list))) {
			result = 0;
			goto out;
		}
		(*retries)++;
		forget_chains(&before);
		before = *list;
		list->chains = NULL;
		list->n = list->room = 0;
	}
	errno = EAGAIN;
out:
	forget_chains(&before);
	return result;
}

/* A table that is not there is no error. */
static void on_no_table(void *context, uint32_t question, int error)
{
	(void)question;
	if (error != ENOENT)
		*(int *)context = error;
}

struct tables {
	int error; /* first: on_no_table() */
	uint64_t *handles;
	const struct nft_socket *socket;
};

static int on_table(void *context, const struct nlmsghdr *message)
{
	struct tables *tables = context;

	tables->handles[nft_socket_question(tables->socket, message, 2)] =
		nft_attr_long(nft_attr_find(message, NFTA_TABLE_HANDLE));
	return 0;
}

static int list_tables(struct nft_chains *list, struct nft_socket *socket)
{
	struct tables tables = {.handles = list->tables, .socket = socket};
	char room[2 * NFT_REQUEST_SIZE];
	size_t size = 0;

	for (int i = 0; i < 2; i++) {
		struct nlmsghdr *request = nft_socket_head(socket, room + size, NFT_MSG_GETTABLE, 0, families[i]);
		mnl_attr_put_strz(request, NFTA_TABLE_NAME, NFT_TABLE_NAME);
		size += request->nlmsg_len;
	}
	if (nft_socket_ask(socket, room, size, 2, on_table, on_no_table, &tables) < 0)
		return -1;
	errno = tables.error;
	return tables.error ? -1 : 0;
}

static int on_flowtable(void *context, const struct nlmsghdr *message)
{
	(void)message;
	*(bool *)context = true;
	return 0;
}

/* A kernel without flowtables (before 4.16) has none. */
static int look_for_flowtables(struct nft_chains *list, struct nft_socket *socket)
{
	char room[NFT_REQUEST_SIZE];
	struct nlmsghdr *request = nft_socket_head(socket, room, NFT_MSG_GETFLOWTABLE, NLM_F_DUMP, 0);
	bool interrupted;

	if (nft_socket_dump(socket, request, on_flowtable, &list->offload, &interrupted) < 0)
		return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -1;
	return 0;
}

int nft_chains_list(struct nft_chains *list, struct nft_socket *socket, unsigned *retries)
{
	memset(list, 0, sizeof *list);
	if (list_tables(list, socket) < 0 || list_chains(list, socket, retries) < 0 ||
	    look_for_flowtables(list, socket) < 0)
		return -1;
	return 0;
}

void nft_chains_free(struct nft_chains *list)
{
	forget_chains(list);
	memset(list, 0, sizeof *list);
}

bool nft_chains_same(const struct nft_chains *a, const struct nft_chains *b)
{
	return memcmp(a->tables, b->tables, sizeof a->tables) == 0 && same_chains(a, b);
}

/* The chains with counters, in their order: iptables' own ones at most. */
enum { COUNTED_MAX = 6 };

struct policies {
	const struct nft_socket *socket;
	struct nft_chain *chains[COUNTED_MAX];
	uint32_t n;
};

static int on_policy(void *context, const struct nlmsghdr *message)
{
	struct policies *policies = context;
	struct nft_chain *own = policies->chains[nft_socket_question(policies->socket, message, policies->n)];
	const struct nlattr *counters = nft_attr_find(message, NFTA_CHAIN_COUNTERS), *one;

	if (!counters)
		return 0;
	struct nft_attrs attrs = nft_attr_of_nest(counters);
	while ((one = nft_attr_next(&attrs))) {
		if (nft_attr_type(one) == NFTA_COUNTER_PACKETS)
			own->counter.packets = nft_attr_long(one);
		else if (nft_attr_type(one) == NFTA_COUNTER_BYTES)
			own->counter.octets = nft_attr_long(one);
	}
	return 0;
}

/* The look that notices that the chain went is another one. */
static void on_no_policy(void *context, uint32_t question, int error)
{
	(void)context;
	(void)question;
	(void)error;
}

int nft_chains_count(struct nft_chains *list, struct nft_socket *socket)
{
	struct policies policies = {.socket = socket};
	char room[COUNTED_MAX * NFT_REQUEST_SIZE];
	size_t size = 0;

	for (uint32_t i = 0; i < list->n && policies.n < COUNTED_MAX; i++) {
		struct nft_chain *chain = &list->chains[i];
		if (!chain->counted)
			continue;
		policies.chains[policies.n++] = chain;
		struct nlmsghdr *request = nft_socket_head(socket, room + size, NFT_MSG_GETCHAIN, 0, chain->family);
		mnl_attr_put_strz(request, NFTA_CHAIN_TABLE, NFT_TABLE_NAME);
		mnl_attr_put_strz(request, NFTA_CHAIN_NAME, chain->name);
		size += request->nlmsg_len;
	}
	if (policies.n == 0)
		return 0;
	return nft_socket_ask(socket, room, size, policies.n, on_policy, on_no_policy, &policies);
}

uint32_t nft_chains_find(const struct nft_chains *list, uint8_t family, const char *name)
{
	uint32_t low = 0, high = list->n;

	/* iptables' own chains stand first, out of the order of names; nothing can jump to them. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct nft_chain *chain = &list->chains[middle];
		int order = chain->family != family	 ? (int)chain->family - (int)family
			    : chain->hook != HOOK_NONE ? -1 : strcmp(chain->name, name);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return RULE_NONE;
}

uint32_t nft_chains_again(const struct nft_chains *list, const struct nft_chain *chain)
{
	uint32_t found = chain->hook == HOOK_NONE ? nft_chains_find(list, chain->family, chain->name) : RULE_NONE;

	/* These are few. */
	for (uint32_t i = 0; chain->hook != HOOK_NONE && found == RULE_NONE && i < list->n; i++)
		if (list->chains[i].hook == chain->hook && list->chains[i].family == chain->family)
			found = i;
	return found != RULE_NONE && list->chains[found].handle == chain->handle ? found : RULE_NONE;
}

int nft_chains_exist(void)
{
	struct nft_socket socket;
	struct nft_chains list = {0};
	unsigned retries = 0;
	int result = -1;

	if (nft_socket_open(&socket) < 0)
		return -1;
	if (list_chains(&list, &socket, &retries) == 0)
		result = list.n > 0;
	forget_chains(&list);
	nft_socket_close(&socket);
	return result;
}
