/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bare.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

enum { BUFFER_SIZE = 65536, REQUEST_SIZE = 512 };

static struct mnl_socket *nl;
static unsigned sequence;
static char *buffer, **chains;
static size_t n_chains;

static size_t dump(int type, const char *chain, mnl_cb_t visit)
{
	char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	size_t received = 0;

	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = ++sequence;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(request, sizeof *head);
	head->nfgen_family = NFPROTO_IPV4;
	if (chain) {
		mnl_attr_put_strz(request, NFTA_RULE_TABLE, "filter");
		mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain);
	}
	if (mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		err(1, "netlink");
	for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
		ssize_t size = mnl_socket_recvfrom(nl, buffer, BUFFER_SIZE);
		if (size < 0)
			err(1, "netlink");
		received += (size_t)size;
		more = mnl_cb_run(buffer, (size_t)size, sequence, mnl_socket_get_portid(nl), visit, NULL);
		if (more < 0)
			err(1, "dump of %s", chain ? chain : "the chains");
	}
	return received;
}

static int ignore(const struct nlmsghdr *message, void *context)
{
	(void)message;
	(void)context;
	return MNL_CB_OK;
}

static int take_name(const struct nlattr *attribute, void *context)
{
	(void)context;
	if (mnl_attr_get_type(attribute) != NFTA_CHAIN_NAME)
		return MNL_CB_OK;
	chains = realloc(chains, (n_chains + 1) * sizeof *chains);
	if (!chains || !(chains[n_chains++] = strdup(mnl_attr_get_str(attribute))))
		err(1, "chains");
	return MNL_CB_OK;
}

static int take_chain(const struct nlmsghdr *message, void *context)
{
	return mnl_attr_parse(message, sizeof(struct nfgenmsg), take_name, context);
}

void bare_nft_open(void)
{
	sequence = (unsigned)time(NULL);
	buffer = malloc(BUFFER_SIZE);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!buffer || !nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		err(1, "netlink");
	dump(NFT_MSG_GETCHAIN, NULL, take_chain);
}

size_t bare_nft_dump(void)
{
	size_t received = 0;

	for (size_t i = 0; i < n_chains; i++)
		received += dump(NFT_MSG_GETRULE, chains[i], ignore);
	return received;
}
