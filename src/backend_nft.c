/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend of iptables-nft: the tables `ip filter` and `ip6 filter` of nf_tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "log.h"
#include "nft_change.h"
#include "nft_print.h"
#include "nft_read.h"
#include "nft_table.h"
#include "nft_witness.h"
#include "nft_zero.h"

struct backend {
	struct nft_socket socket;
	struct nft_reading reading;
	int can_zero;               /* 1, 0; -1: not asked yet */
	struct nft_witness witness; /* of the change that was armed last */
	size_t n_armed;             /* so many edits are armed */
};

static int fail(char error[BACKEND_ERROR_SIZE], const char *what)
{
	int saved = errno;
	const char *remedy = saved == EPERM ? "; run as root, or with CAP_NET_ADMIN" : "";

	snprintf(error, BACKEND_ERROR_SIZE, "%s: %s%s", what, strerror(saved), remedy);
	errno = saved;
	return -1;
}

static int nft_probe(char error[BACKEND_ERROR_SIZE])
{
	int found = nft_chains_exist();

	if (found < 0)
		return fail(error, "can not ask the kernel for the chains of nf_tables");
	if (!found)
		snprintf(error, BACKEND_ERROR_SIZE, "there is no filter table of iptables-nft in this network "
			 "namespace: add the rules of a town first, such as "
			 "'iptables-nft -N town-a; iptables-nft -A FORWARD -d 10.1.0.0/24 -j town-a'");
	return found;
}

static struct backend *nft_open(char error[BACKEND_ERROR_SIZE])
{
	struct backend *b = calloc(1, sizeof *b);

	if (!b || nft_socket_open(&b->socket) < 0) {
		fail(error, "can not open a socket to nf_tables");
		free(b);
		return NULL;
	}
	b->can_zero = -1;
	return b;
}

static void nft_close(struct backend *b, bool intent_open)
{
	if (!b)
		return;
	if (b->witness.number && !intent_open)
		nft_witness_remove(&b->witness, &b->socket);
	nft_witness_free(&b->witness);
	nft_read_free(&b->reading);
	nft_socket_close(&b->socket);
	free(b);
}

/* iptables-nft takes no lock, and needs none: a change is bound to what was read. */
static int nft_lock(struct backend *b, const struct timespec *deadline, char error[BACKEND_ERROR_SIZE])
{
	(void)b;
	(void)deadline;
	(void)error;
	return 0;
}

static void nft_unlock(struct backend *b)
{
	(void)b;
}

/* Without chains it is an empty ruleset: to ask makes no table, other than with iptables-legacy. */
static int nft_read_rules(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
			  char error[BACKEND_ERROR_SIZE])
{
	b->n_armed = 0;
	if (nft_read(&b->reading, &b->socket, depth == READ_RULES) < 0) {
		if (errno == EAGAIN) {
			snprintf(error, BACKEND_ERROR_SIZE, "can not read the rules of iptables-nft: another program "
				 "changes them all the time ('nft monitor' shows what)");
			return -1;
		}
		return fail(error, "can not read the rules of iptables-nft");
	}
	*snapshot = (struct snapshot){.rules = b->reading.rules,
				      .counters = b->reading.counters,
				      .generation = b->reading.generation,
				      .partial = b->reading.partial,
				      .retries = b->reading.retries,
				      .offload = b->reading.chains.offload};
	snapshot->found[CHAIN_NFT] = b->reading.chains.n > 0;
	snapshot->replaced[CHAIN_NFT] = b->reading.overtaken;
	return 0;
}

/* Told once. TOWNMETER_NFT_NO_RESET makes a kernel look older than it is: for tests. */
static int find_out(struct backend *b)
{
	b->can_zero = getenv("TOWNMETER_NFT_NO_RESET") ? 0 : nft_zero_possible(&b->socket);
	if (b->can_zero == 0)
		log_warning("this kernel can not set counters of nf_tables to zero without losing packets (Linux 6.2 "
			    "can): a zeroing ends the period here alone, and iptables-nft goes on showing the sum");
	return b->can_zero;
}

static int prepare(struct backend *b, const struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE])
{
	bool zeroes = false;

	for (size_t i = 0; i < n; i++)
		zeroes |= edits[i].kind == EDIT_ZERO;
	return zeroes && b->can_zero < 0 && find_out(b) < 0 ? fail(error, "can not set counters to zero") : 0;
}

/* Rules that come or go need no witness: those that stand tell. */
static int nft_arm(struct backend *b, struct edit *edits, size_t n, struct intent *intent,
		   char error[BACKEND_ERROR_SIZE])
{
	struct nft_witness made = {0};
	uint32_t zeroes = 0;

	*intent = (struct intent){0};
	b->n_armed = 0;
	if (prepare(b, edits, n, error) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		edits[i].step = STEP_NONE;
		if (edits[i].kind != EDIT_ZERO)
			continue;
		edits[i].kept = b->can_zero == 0 || !nft_change_zeroes(&b->reading, &edits[i]);
		if (!edits[i].kept)
			edits[i].step = zeroes++ / NFT_ZERO_BATCH;
	}
	if (zeroes && (nft_witness_make(&made, &b->reading, &b->socket, (zeroes - 1) / NFT_ZERO_BATCH + 1) < 0 ||
		       nft_witness_note(&made, intent) < 0)) {
		fail(error, "can not prepare a change of the counters");
		nft_witness_free(&made);
		*intent = (struct intent){0};
		return -1;
	}
	if (zeroes) {
		nft_witness_free(&b->witness);
		b->witness = made;
	}
	b->n_armed = n;
	return 0;
}

static enum change_result nft_change_rules(struct backend *b, struct edit *edits, size_t n,
					   char error[BACKEND_ERROR_SIZE])
{
	size_t armed = b->n_armed;

	b->n_armed = 0;
	if (armed && armed != n) {
		errno = EINVAL;
		fail(error, "these are not the changes that were prepared");
		return CHANGE_REFUSED;
	}
	if (prepare(b, edits, n, error) < 0)
		return CHANGE_REFUSED;
	enum change_result result = nft_change(&b->reading, &b->socket, b->can_zero > 0,
					       armed ? &b->witness : NULL, edits, n, error);
	if (result == CHANGE_STALE)
		snprintf(error, BACKEND_ERROR_SIZE, "can not change the rules of iptables-nft: another program changes "
			 "them all the time ('nft monitor' shows what)");
	else if (result != CHANGE_DONE && !error[0])
		fail(error, "can not change the rules of iptables-nft");
	return result;
}

static int nft_settle(struct backend *b, const void *data, size_t size, uint8_t *outcomes,
		      char error[BACKEND_ERROR_SIZE])
{
	struct nft_witness witness;

	if (size == 0)
		return 0;
	int result = nft_witness_from(&witness, data, size);
	if (result < 0 && errno == EBADMSG)
		snprintf(error, BACKEND_ERROR_SIZE, "can not understand the intent of %zu octets: it is not one of "
			 "iptables-nft", size);
	else if (result < 0 || (result = nft_witness_judge(&witness, &b->socket, outcomes)) < 0)
		fail(error, "can not tell what a change did");
	int saved = errno;
	nft_witness_free(&witness);
	errno = saved;
	return result;
}

static const char *name_of(uint8_t family)
{
	return family == PREFIX_IPV6 ? "ip6 filter" : "ip filter";
}

static int nft_make_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	char what[64];

	(void)which;
	snprintf(what, sizeof what, "can not make the table '%s' of iptables-nft", name_of(family));
	return nft_table_make(&b->socket, family) < 0 ? fail(error, what) : 0;
}

static int nft_drop_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	char what[64];

	(void)which;
	snprintf(what, sizeof what, "can not remove the table '%s' of iptables-nft", name_of(family));
	return nft_table_drop(&b->socket, family) < 0 ? fail(error, what) : 0;
}

static int nft_print_rule(struct backend *b, uint32_t rule)
{
	return nft_print(&b->reading, &b->socket, rule);
}

const struct backend_ops backend_nft = {
	.name = "iptables-nft",
	.probe = nft_probe,
	.open = nft_open,
	.close = nft_close,
	.lock = nft_lock,
	.unlock = nft_unlock,
	.read = nft_read_rules,
	.change = nft_change_rules,
	.arm = nft_arm,
	.settle = nft_settle,
	.make_table = nft_make_table,
	.drop_table = nft_drop_table,
	.print = nft_print_rule,
};
