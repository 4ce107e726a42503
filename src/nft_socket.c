/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft_attr.h"

/* The kernel answers while it is asked; only a lost answer takes longer. A dump goes on for as long as
 * rules are added faster than it reads them. */
enum { ANSWER_SECONDS = 2, DUMP_SECONDS = 20 };
/* Answers to a whole batch of questions have to fit into the queue. */
enum { QUEUE_SIZE = 4 << 20 };

static int connect_socket(struct nft_socket *s)
{
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int size = QUEUE_SIZE, on = 1;

	s->mnl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!s->mnl)
		return -1;
	int fd = mnl_socket_get_fd(s->mnl);
	if (mnl_socket_bind(s->mnl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
		return -1;
	/* More room needs CAP_NET_ADMIN, as all the rest does; without it the limit is the system's. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0)
		return -1;
	/* What the kernel says of an error beyond its number is not read; without a copy of the request
	 * errors are small. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	return 0;
}

int nft_socket_open(struct nft_socket *s)
{
	memset(s, 0, sizeof *s);
	s->sequence = (uint32_t)time(NULL);
	s->buffer = malloc(NFT_SOCKET_BUFFER);
	if (!s->buffer || connect_socket(s) < 0) {
		int saved = errno;
		nft_socket_close(s);
		errno = saved;
		return -1;
	}
	return 0;
}

void nft_socket_close(struct nft_socket *s)
{
	if (s->mnl)
		mnl_socket_close(s->mnl);
	free(s->buffer);
	s->mnl = NULL;
	s->buffer = NULL;
}

/* After an error answers may still be under way: they go with the socket. */
static int start_over(struct nft_socket *s)
{
	if (s->mnl)
		mnl_socket_close(s->mnl);
	s->mnl = NULL;
	if (connect_socket(s) == 0)
		return 0;
	int saved = errno;
	if (s->mnl)
		mnl_socket_close(s->mnl);
	s->mnl = NULL;
	errno = saved;
	return -1;
}

static int give_up(struct nft_socket *s)
{
	int saved = errno;

	(void)start_over(s);
	errno = saved;
	return -1;
}

struct nlmsghdr *nft_socket_head(struct nft_socket *s, void *room, int type, int flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	message->nlmsg_seq = ++s->sequence;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof *head);
	head->nfgen_family = family == 4 ? NFPROTO_IPV4 : family == 6 ? NFPROTO_IPV6 : NFPROTO_UNSPEC;
	head->version = NFNETLINK_V0;
	return message;
}

uint32_t nft_socket_question(const struct nft_socket *s, const struct nlmsghdr *message, uint32_t n)
{
	return message->nlmsg_seq - (s->sequence - n + 1);
}

int nft_socket_ready(struct nft_socket *s)
{
	return s->mnl ? 0 : start_over(s);
}

static int send_all(struct nft_socket *s, const void *data, size_t size)
{
	if (nft_socket_ready(s) < 0)
		return -1;
	while (mnl_socket_sendto(s->mnl, data, size) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* The next piece of the answer; its size, or -1 with errno. */
static ssize_t receive(struct nft_socket *s)
{
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(s->mnl, s->buffer, NFT_SOCKET_BUFFER);
		if (size >= 0)
			return size;
		if (errno == EAGAIN)
			errno = ETIMEDOUT;
		if (errno != EINTR)
			return -1;
	}
}

static int64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* What an error message says: an errno, 0 for a plain acknowledgement. */
static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) < sizeof *error ? EBADMSG : -error->error;
}

int nft_socket_dump(struct nft_socket *s, const struct nlmsghdr *request, nft_visit *visit, void *context,
		    bool *interrupted)
{
	uint32_t own = request->nlmsg_seq;
	int64_t began = seconds();

	*interrupted = false;
	if (send_all(s, request, request->nlmsg_len) < 0)
		goto err;
	for (;;) {
		ssize_t size = receive(s);
		if (size < 0)
			goto err;
		int left = (int)size;
		for (const struct nlmsghdr *m = (const void *)s->buffer; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != own)
				continue;
			*interrupted |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (m->nlmsg_type == NLMSG_DONE)
				return 0;
			if (m->nlmsg_type == NLMSG_ERROR) {
				errno = error_of(m);
				goto err;
			}
			if (m->nlmsg_type >= NLMSG_MIN_TYPE && visit(context, m) < 0)
				goto err;
		}
		if (seconds() - began > DUMP_SECONDS) {
			errno = ETIMEDOUT;
			goto err;
		}
	}
err:
	return give_up(s);
}

int nft_socket_ask(struct nft_socket *s, const void *requests, size_t size, uint32_t n, nft_visit *visit,
		   nft_refused *refused, void *context)
{
	uint32_t answered = 0;
	int first = 0;

	if (send_all(s, requests, size) < 0)
		goto err;
	while (answered < n) {
		ssize_t got = receive(s);
		if (got < 0)
			goto err;
		int left = (int)got;
		for (const struct nlmsghdr *m = (const void *)s->buffer; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			if (nft_socket_question(s, m, n) >= n)
				continue;
			answered++;
			if (m->nlmsg_type != NLMSG_ERROR) {
				if (visit(context, m) < 0)
					goto err;
				continue;
			}
			int error = error_of(m);
			if (refused)
				refused(context, nft_socket_question(s, m, n), error);
			else if (!first)
				first = error;
		}
	}
	errno = first;
	return first ? -1 : 0;
err:
	return give_up(s);
}

static int take_generation(void *context, const struct nlmsghdr *message)
{
	*(uint32_t *)context = nft_attr_number(nft_attr_find(message, NFTA_GEN_ID));
	return 0;
}

int nft_socket_generation(struct nft_socket *s, uint32_t *generation)
{
	char room[NFT_REQUEST_SIZE];
	struct nlmsghdr *request = nft_socket_head(s, room, NFT_MSG_GETGEN, 0, 0);

	*generation = 0;
	if (nft_socket_ask(s, request, request->nlmsg_len, 1, take_generation, NULL, generation) < 0)
		return -1;
	if (*generation != 0)
		return 0;
	errno = EBADMSG;
	return -1;
}
