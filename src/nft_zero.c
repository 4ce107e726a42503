/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_zero.h"

#include <endian.h>
#include <errno.h>

#include <linux/netfilter/nf_tables.h>

#include "nft_attr.h"
#include "nft_decode.h"

/* The kernel's number; headers before Linux 6.2 do not have it. */
enum { GETRULE_RESET = 25 };

/* Questions in one go, with one for the witness: enough to be fast, and their answers always fit into the
 * socket's queue. */
enum { AT_ONCE = NFT_ZERO_BATCH + 1 };

static size_t put_question(struct nft_socket *socket, char *room, const struct nft_zeroing *rule, const char *table)
{
	struct nlmsghdr *request = nft_socket_head(socket, room, GETRULE_RESET, 0, rule->family);

	mnl_attr_put_strz(request, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, rule->chain);
	mnl_attr_put_u64(request, NFTA_RULE_HANDLE, htobe64(rule->handle));
	return request->nlmsg_len;
}

struct round {
	const struct nft_socket *socket;
	struct nft_zeroing *list, *witness; /* its question comes first; NULL: there is none */
	uint32_t n;                         /* of the list */
};

static struct nft_zeroing *asked(const struct round *round, uint32_t question)
{
	if (!round->witness)
		return &round->list[question];
	return question == 0 ? round->witness : &round->list[question - 1];
}

static int on_rule(void *context, const struct nlmsghdr *message)
{
	struct round *round = context;
	uint32_t n = round->n + (round->witness ? 1 : 0);
	struct nft_zeroing *own = asked(round, nft_socket_question(round->socket, message, n));
	struct nft_brief brief;

	if (nft_decode_brief(message, false, &brief) < 0)
		return -1;
	own->taken = brief.counter;
	own->error = brief.handle == own->handle ? 0 : EBADMSG;
	return 0;
}

static void on_refused(void *context, uint32_t question, int error)
{
	struct round *round = context;

	asked(round, question)->error = error ? error : EBADMSG;
}

int nft_zero_possible(struct nft_socket *socket)
{
	/* Of a table that nobody makes: a kernel that knows the question says that there is none. */
	struct nft_zeroing none = {.family = 4, .chain = "none", .handle = 1};
	struct round round = {.socket = socket, .list = &none, .n = 1};
	char room[NFT_REQUEST_SIZE];
	size_t size = put_question(socket, room, &none, "townmeter-asks-whether-this-kernel-can-reset");

	if (nft_socket_ask(socket, room, size, 1, on_rule, on_refused, &round) < 0)
		return -1;
	if (none.error == ENOENT)
		return 1;
	/* One that does not know it says EINVAL. */
	if (none.error == EINVAL || none.error == EOPNOTSUPP)
		return 0;
	errno = none.error;
	return -1;
}

/* The kernel carries out all that one call sends, whatever becomes of us. */
static void zero_batch(struct nft_socket *socket, struct round *round)
{
	char room[AT_ONCE * NFT_REQUEST_SIZE];
	uint32_t n = round->n;
	size_t size = 0;

	if (round->witness) {
		size += put_question(socket, room, round->witness, NFT_WITNESS_TABLE);
		n++;
	}
	for (uint32_t i = 0; i < round->n; i++) {
		/* Until the answer comes. */
		round->list[i].error = ETIMEDOUT;
		size += put_question(socket, room + size, &round->list[i], NFT_TABLE_NAME);
	}
	/* Those without an answer keep their error. That a witness is gone matters after a crash alone. */
	(void)nft_socket_ask(socket, room, size, n, on_rule, on_refused, round);
}

void nft_zero(struct nft_socket *socket, struct nft_zeroing *list, size_t n, const struct nft_witness *witness)
{
	for (size_t first = 0; first < n; first += NFT_ZERO_BATCH) {
		struct nft_zeroing own;
		struct round round = {.socket = socket, .list = list + first,
				      .n = n - first < NFT_ZERO_BATCH ? (uint32_t)(n - first) : NFT_ZERO_BATCH};
		if (witness && first / NFT_ZERO_BATCH < witness->n) {
			own = (struct nft_zeroing){.family = NFT_WITNESS_FAMILY, .chain = witness->chain,
						   .handle = witness->handles[first / NFT_ZERO_BATCH]};
			round.witness = &own;
		}
		zero_batch(socket, &round);
	}
}
