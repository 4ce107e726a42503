/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_probe.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

/* One rule is enough: what comes after it is not looked at. */
static int on_rule(const struct nlmsghdr *message, void *found)
{
	(void)message;
	*(int *)found = 1;
	return MNL_CB_OK;
}

static int has_rules(struct mnl_socket *socket, unsigned char family)
{
	char buffer[32768];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	int found = 0;

	message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof *head);
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, "filter");
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -1;
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
		if (size < 0)
			return -1;
		int more = mnl_cb_run(buffer, (size_t)size, 0, 0, on_rule, &found);
		if (more <= MNL_CB_STOP)
			return more < MNL_CB_STOP ? -1 : found;
	}
}

int nft_probe_rules(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int result = -1;

	if (!socket)
		return -1;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0) {
		int ip = has_rules(socket, NFPROTO_IPV4), ip6 = has_rules(socket, NFPROTO_IPV6);
		result = ip > 0 || ip6 > 0 ? 1 : ip < 0 ? -1 : 0;
	}
	mnl_socket_close(socket);
	return result;
}
