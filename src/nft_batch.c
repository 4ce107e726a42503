/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_batch.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

/* Makes room for one more message; NULL without memory. */
static char *room_for_one(struct nft_batch *b)
{
	if (b->failed)
		return NULL;
	if (b->room - b->size < NFT_MESSAGE_SIZE) {
		size_t room = b->room ? b->room * 2 : (size_t)16 * NFT_MESSAGE_SIZE;
		char *more = realloc(b->data, room);
		if (!more) {
			b->failed = true;
			return NULL;
		}
		b->data = more;
		b->room = room;
	}
	b->last = b->size;
	return b->data + b->size;
}

/* Begin and end are messages of nfnetlink, not of nf_tables. */
static struct nlmsghdr *put_bracket(struct nft_batch *b, uint16_t type)
{
	char *room = room_for_one(b);

	if (!room)
		return NULL;
	struct nlmsghdr *message = nft_socket_head(b->socket, room, 0, 0, 0);
	struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	message->nlmsg_type = type;
	head->res_id = htobe16(NFNL_SUBSYS_NFTABLES);
	return message;
}

void nft_batch_begin(struct nft_batch *b, struct nft_socket *socket, uint32_t generation)
{
	memset(b, 0, sizeof *b);
	b->socket = socket;
	struct nlmsghdr *message = put_bracket(b, NFNL_MSG_BATCH_BEGIN);
	if (!message)
		return;
	b->first_sequence = message->nlmsg_seq;
	if (generation)
		mnl_attr_put_u32(message, NFNL_BATCH_GENID, htobe32(generation));
	b->size += message->nlmsg_len;
}

struct nlmsghdr *nft_batch_message(struct nft_batch *b, int type, int flags, uint8_t family)
{
	char *room = room_for_one(b);

	return room ? nft_socket_head(b->socket, room, type, flags, family) : NULL;
}

void nft_batch_put(struct nft_batch *b, const struct nlmsghdr *message)
{
	b->last_sequence = message->nlmsg_seq;
	b->n_echoed += (message->nlmsg_flags & NLM_F_ECHO) != 0;
	b->size += message->nlmsg_len;
}

/* What an answer takes of the queue, with all that the kernel keeps beside it: a refusal, which each message may get,
 * and what is echoed. */
enum { REFUSAL_ROOM = 1024, ECHO_ROOM = 4096 };

/* The kernel takes numbers up to this one, and doubles them. */
static int limited(size_t size)
{
	return size < INT_MAX / 2 ? (int)size : INT_MAX / 2;
}

/* The queues of the socket have to hold the batch, and what it answers. They take memory only as they fill. */
static void widen(const struct nft_batch *b)
{
	size_t n = b->last_sequence - b->first_sequence;
	int fd = mnl_socket_get_fd(b->socket->mnl), now = 0;
	int out = limited(b->size + 65536);
	int in = limited(n * REFUSAL_ROOM + (size_t)b->n_echoed * ECHO_ROOM + (1 << 20));
	socklen_t size = sizeof now;

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &size) == 0 && now < out)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &out, sizeof out);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &now, &size) == 0 && now < in)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &in, sizeof in);
}

struct outcome {
	const struct nft_batch *batch;
	nft_visit *visit;
	void *context;
	int error;
	bool acknowledged;
};

static int on_answer(struct outcome *o, const struct nlmsghdr *m)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(m);

	if (m->nlmsg_type != NLMSG_ERROR)
		return o->visit ? o->visit(o->context, m) : 0;
	/* The first error is the reason; those after it may follow from it. */
	if (error->error && !o->error)
		o->error = -error->error;
	if (m->nlmsg_seq == o->batch->last_sequence)
		o->acknowledged = true;
	return 0;
}

/*
 * The kernel has answered when the batch was taken: what is there is read. The last message asks for an
 * acknowledgement, so that silence is no success.
 */
static int read_answers(struct outcome *o)
{
	struct nft_socket *s = o->batch->socket;
	uint32_t span = o->batch->last_sequence - o->batch->first_sequence;

	for (;;) {
		ssize_t size = recv(mnl_socket_get_fd(s->mnl), s->buffer, NFT_SOCKET_BUFFER, MSG_DONTWAIT);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == EAGAIN)
			break;
		if (size < 0)
			return -1;
		int left = (int)size;
		for (const struct nlmsghdr *m = (const void *)s->buffer; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left))
			if (m->nlmsg_seq - o->batch->first_sequence <= span && on_answer(o, m) < 0)
				return -1;
	}
	errno = o->error ? o->error : o->acknowledged ? 0 : ETIMEDOUT;
	return errno ? -1 : 0;
}

int nft_batch_commit(struct nft_batch *b, nft_visit *visit, void *context)
{
	struct outcome outcome = {.batch = b, .visit = visit, .context = context};

	if (b->failed || b->last_sequence == 0) {
		errno = b->failed ? ENOMEM : EINVAL;
		return -1;
	}
	((struct nlmsghdr *)(void *)(b->data + b->last))->nlmsg_flags |= NLM_F_ACK;
	struct nlmsghdr *end = put_bracket(b, NFNL_MSG_BATCH_END);
	if (!end) {
		errno = ENOMEM;
		return -1;
	}
	b->size += end->nlmsg_len;
	if (nft_socket_ready(b->socket) < 0)
		return -1;
	widen(b);
	while (mnl_socket_sendto(b->socket->mnl, b->data, b->size) < 0)
		if (errno != EINTR)
			return -1;
	return read_answers(&outcome);
}

void nft_batch_free(struct nft_batch *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}
