/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_witness.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <linux/netfilter/nf_tables.h>

#include "nft_attr.h"
#include "nft_batch.h"
#include "nft_decode.h"

/* "TMNW", and the version of the form. */
#define MAGIC UINT64_C(0x544d4e5700000001)

struct note {
	uint64_t magic, number;
	uint32_t n, unused;
};

static void set_number(struct nft_witness *w, uint64_t number)
{
	w->number = number;
	snprintf(w->chain, sizeof w->chain, "witness-%016" PRIx64, number);
}

static void put_table(struct nft_batch *batch, int type, int flags)
{
	struct nlmsghdr *message = nft_batch_message(batch, type, flags, NFT_WITNESS_FAMILY);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, NFT_WITNESS_TABLE);
	nft_batch_put(batch, message);
}

static void put_chain(struct nft_batch *batch, int type, int flags, const char *name)
{
	struct nlmsghdr *message = nft_batch_message(batch, type, flags, NFT_WITNESS_FAMILY);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, NFT_WITNESS_TABLE);
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, name);
	nft_batch_put(batch, message);
}

/* A counter that begins with 1 packet, and nothing else. */
static void put_rule(struct nft_batch *batch, const char *chain)
{
	struct nlmsghdr *message = nft_batch_message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ECHO,
						     NFT_WITNESS_FAMILY);

	if (!message)
		return;
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, NFT_WITNESS_TABLE);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain);
	struct nlattr *list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
	struct nlattr *element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	mnl_attr_put_strz(message, NFTA_EXPR_NAME, "counter");
	struct nlattr *data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	mnl_attr_put_u64(message, NFTA_COUNTER_BYTES, htobe64(1));
	mnl_attr_put_u64(message, NFTA_COUNTER_PACKETS, htobe64(1));
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, element);
	mnl_attr_nest_end(message, list);
	nft_batch_put(batch, message);
}

struct making {
	struct nft_witness *witness;
	uint32_t n; /* told by now */
};

/* The commit tells the handles, in the order of the rules. */
static int on_made(void *context, const struct nlmsghdr *message)
{
	struct making *making = context;
	struct nft_brief brief;

	if ((message->nlmsg_type & 0xff) != NFT_MSG_NEWRULE || making->n == making->witness->n)
		return 0;
	if (nft_decode_brief(message, false, &brief) < 0)
		return -1;
	making->witness->handles[making->n++] = brief.handle;
	return 0;
}

/* A table that is there goes with all that is in it; one that is not is made for that. */
static int commit(struct nft_witness *w, struct nft_socket *socket, uint32_t generation)
{
	struct making making = {.witness = w};
	struct nft_batch batch;

	nft_batch_begin(&batch, socket, generation);
	put_table(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_table(&batch, NFT_MSG_DELTABLE, 0);
	put_table(&batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_chain(&batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, w->chain);
	for (uint32_t i = 0; i < w->n; i++)
		put_rule(&batch, w->chain);
	int result = nft_batch_commit(&batch, on_made, &making), saved = errno;
	nft_batch_free(&batch);
	if (result == 0 && making.n != w->n) {
		saved = EBADMSG;
		result = -1;
	}
	errno = saved;
	return result;
}

int nft_witness_make(struct nft_witness *w, struct nft_reading *reading, struct nft_socket *socket, uint32_t n)
{
	uint32_t from = reading->read_in;
	uint64_t number = 0;

	*w = (struct nft_witness){.n = n};
	w->handles = calloc(n + 1u, sizeof *w->handles);
	if (!w->handles)
		return -1;
	while (number == 0)
		if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
			number = 0;
	set_number(w, number);
	int result = commit(w, socket, from);
	if (result == 0 && from) {
		nft_read_passed(reading, from);
		return 0;
	}
	/* Another program was faster; it does not matter here what it changed. */
	if (result < 0 && errno == ERESTART)
		result = commit(w, socket, 0);
	return result;
}

void nft_witness_free(struct nft_witness *w)
{
	free(w->handles);
	*w = (struct nft_witness){0};
}

/* All or nothing: without our chain the table is another program's by now. */
void nft_witness_remove(const struct nft_witness *w, struct nft_socket *socket)
{
	struct nft_batch batch;

	nft_batch_begin(&batch, socket, 0);
	put_chain(&batch, NFT_MSG_DELCHAIN, 0, w->chain);
	put_table(&batch, NFT_MSG_DELTABLE, 0);
	(void)nft_batch_commit(&batch, NULL, NULL);
	nft_batch_free(&batch);
}

int nft_witness_note(const struct nft_witness *w, struct intent *intent)
{
	struct note note = {.magic = MAGIC, .number = w->number, .n = w->n};
	size_t handles = w->n * sizeof *w->handles;

	*intent = (struct intent){.size = sizeof note + handles, .n_steps = w->n};
	intent->data = malloc(intent->size);
	if (!intent->data)
		return -1;
	memcpy(intent->data, &note, sizeof note);
	memcpy((unsigned char *)intent->data + sizeof note, w->handles, handles);
	return 0;
}

int nft_witness_from(struct nft_witness *w, const void *data, size_t size)
{
	struct note note;

	*w = (struct nft_witness){0};
	if (size < sizeof note)
		goto bad;
	memcpy(&note, data, sizeof note);
	if (note.magic != MAGIC || size - sizeof note != note.n * sizeof *w->handles)
		goto bad;
	w->handles = calloc(note.n + 1u, sizeof *w->handles);
	if (!w->handles)
		return -1;
	memcpy(w->handles, (const unsigned char *)data + sizeof note, note.n * sizeof *w->handles);
	w->n = note.n;
	set_number(w, note.number);
	return 0;
bad:
	errno = EBADMSG;
	return -1;
}

struct judging {
	const struct nft_witness *witness;
	uint8_t *outcomes;
	uint32_t next; /* rules come in the order in which they were made */
};

static int on_witness(void *context, const struct nlmsghdr *message)
{
	struct judging *j = context;
	struct nft_brief brief;

	if ((message->nlmsg_type & 0xff) != NFT_MSG_NEWRULE)
		return 0;
	if (nft_decode_brief(message, false, &brief) < 0)
		return -1;
	for (uint32_t i = 0; i < j->witness->n; i++) {
		uint32_t step = (j->next + i) % j->witness->n;
		if (j->witness->handles[step] != brief.handle)
			continue;
		j->outcomes[step] = !brief.counted ? STEP_UNKNOWN : brief.counter.packets ? STEP_NOT_DONE : STEP_DONE;
		j->next = step + 1;
		break;
	}
	return 0;
}

int nft_witness_judge(const struct nft_witness *w, struct nft_socket *socket, uint8_t *outcomes)
{
	struct judging judging = {.witness = w, .outcomes = outcomes};
	char room[NFT_REQUEST_SIZE];
	struct nlmsghdr *request = nft_socket_head(socket, room, NFT_MSG_GETRULE, NLM_F_DUMP, NFT_WITNESS_FAMILY);
	bool interrupted;

	memset(outcomes, STEP_UNKNOWN, w->n);
	mnl_attr_put_strz(request, NFTA_RULE_TABLE, NFT_WITNESS_TABLE);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, w->chain);
	if (nft_socket_dump(socket, request, on_witness, &judging, &interrupted) == 0)
		return 0;
	return errno == ENOENT ? 0 : -1;
}
