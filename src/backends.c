/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends_private.h"

const struct backend_ops *const backends_parts[2] = {[CHAIN_LEGACY] = &backend_legacy, [CHAIN_NFT] = &backend_nft};

static int both_probe(char error[BACKEND_ERROR_SIZE])
{
	char errors[2][BACKEND_ERROR_SIZE] = {"", ""};
	int there[2];

	for (int i = 0; i < 2; i++)
		there[i] = backends_parts[i]->probe(errors[i]);
	if (there[0] > 0 || there[1] > 0)
		return 1;
	if (there[0] < 0 && there[1] < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "%s", errors[CHAIN_NFT]);
		return -1;
	}
	snprintf(error, BACKEND_ERROR_SIZE, "there is no filter table of iptables in this network namespace, neither "
		 "of iptables-nft nor of iptables-legacy: add the rules of a town first, such as "
		 "'iptables -N town-a; iptables -A FORWARD -d 10.1.0.0/24 -j town-a'");
	return 0;
}

static void both_close(struct backend *b, bool intent_open)
{
	if (!b)
		return;
	for (int i = 0; i < 2; i++)
		if (b->parts[i])
			backends_parts[i]->close(b->parts[i], intent_open);
	ruleset_free(b->merged);
	free(b->counters);
	free(b);
}

/* One that can not be opened, as on a kernel that lacks it, matters when it has rules. */
static struct backend *both_open(char error[BACKEND_ERROR_SIZE])
{
	struct backend *b = calloc(1, sizeof *b);

	if (!b) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory");
		return NULL;
	}
	for (int i = 0; i < 2; i++)
		b->parts[i] = backends_parts[i]->open(b->closed[i]);
	if (b->parts[0] || b->parts[1])
		return b;
	snprintf(error, BACKEND_ERROR_SIZE, "%s", b->closed[CHAIN_LEGACY]);
	both_close(b, false);
	return NULL;
}

static void both_unlock(struct backend *b)
{
	for (int i = 0; i < 2; i++) {
		if (b->locked[i])
			backends_parts[i]->unlock(b->parts[i]);
		b->locked[i] = false;
	}
	b->in_lock = false;
}

/* The lock of iptables-legacy does not matter where it has no table. */
static int both_lock(struct backend *b, const struct timespec *deadline, char error[BACKEND_ERROR_SIZE])
{
	for (int i = 0; i < 2; i++) {
		char ignored[BACKEND_ERROR_SIZE];
		if (!b->parts[i] || (i == CHAIN_LEGACY && backends_parts[i]->probe(ignored) <= 0))
			continue;
		if (backends_parts[i]->lock(b->parts[i], deadline, error) < 0) {
			int saved = errno;
			both_unlock(b);
			errno = saved;
			return -1;
		}
		b->locked[i] = true;
	}
	b->in_lock = true;
	return 0;
}

static bool has_rules(const struct ruleset *rules)
{
	for (uint32_t i = 0; i < rules->n_rules; i++)
		if (!rules->rules[i].policy)
			return true;
	return false;
}

/* New rules in one of them, or one of them came or went. */
static int merge(struct backend *b, const struct snapshot parts[2])
{
	struct ruleset *merged = ruleset_new();
	struct counter *counters = NULL;

	if (!merged)
		return -1;
	for (int k = 0; k < 2; k++) {
		int i = k == 0 ? CHAIN_NFT : CHAIN_LEGACY;
		b->first_chain[i] = merged->n_chains;
		b->first_rule[i] = merged->n_rules;
		if (b->used[i] && ruleset_append(merged, parts[i].rules) < 0)
			goto err;
	}
	counters = calloc(merged->n_rules + 1u, sizeof *counters);
	if (!counters)
		goto err;
	ruleset_free(b->merged);
	free(b->counters);
	b->merged = merged;
	b->counters = counters;
	return 0;
err:
	ruleset_free(merged);
	return -1;
}

/* To read a table of iptables-legacy makes it, so the kernel is asked first. One that came after the lock
 * was taken waits for the next one. */
static int read_legacy(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
		       char error[BACKEND_ERROR_SIZE])
{
	char ignored[BACKEND_ERROR_SIZE];

	b->there[CHAIN_LEGACY] = b->in_lock && b->parts[CHAIN_LEGACY] ? b->locked[CHAIN_LEGACY]
								     : backend_legacy.probe(ignored) > 0;
	if (!b->there[CHAIN_LEGACY])
		return 0;
	if (b->parts[CHAIN_LEGACY])
		return backend_legacy.read(b->parts[CHAIN_LEGACY], depth, snapshot, error);
	snprintf(error, BACKEND_ERROR_SIZE, "%s", b->closed[CHAIN_LEGACY]);
	errno = EPERM;
	return -1;
}

/* A kernel without nf_tables refuses the question. */
static int read_nft(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
		    char error[BACKEND_ERROR_SIZE])
{
	b->there[CHAIN_NFT] = false;
	if (!b->parts[CHAIN_NFT])
		return 0;
	if (backend_nft.read(b->parts[CHAIN_NFT], depth, snapshot, error) < 0)
		return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -1;
	b->there[CHAIN_NFT] = snapshot->found[CHAIN_NFT];
	return 0;
}

static int both_read(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
		     char error[BACKEND_ERROR_SIZE])
{
	struct snapshot parts[2];
	bool used[2];

	memset(parts, 0, sizeof parts);
	if (read_nft(b, depth, &parts[CHAIN_NFT], error) < 0 ||
	    read_legacy(b, depth, &parts[CHAIN_LEGACY], error) < 0)
		return -1;
	if (!b->there[0] && !b->there[1]) {
		if (both_probe(error) > 0)
			snprintf(error, BACKEND_ERROR_SIZE, "the rules of iptables came this very moment: look again");
		errno = ENOENT;
		return -1;
	}
	used[CHAIN_NFT] = b->there[CHAIN_NFT] && (b->wanted[CHAIN_NFT] || !b->there[CHAIN_LEGACY] ||
						  has_rules(parts[CHAIN_NFT].rules));
	used[CHAIN_LEGACY] = b->there[CHAIN_LEGACY] && (b->wanted[CHAIN_LEGACY] || !used[CHAIN_NFT] ||
							has_rules(parts[CHAIN_LEGACY].rules));
	bool changed = b->generation == 0;
	for (int i = 0; i < 2; i++) {
		changed |= used[i] != b->used[i] || (used[i] && parts[i].generation != b->generations[i]);
		b->used[i] = used[i];
		b->generations[i] = parts[i].generation;
	}
	if (changed)
		b->generation++;
	*snapshot = (struct snapshot){.generation = b->generation,
				      .partial = (used[0] && parts[0].partial) || (used[1] && parts[1].partial),
				      .retries = parts[0].retries + parts[1].retries,
				      .offload = parts[0].offload || parts[1].offload};
	memcpy(snapshot->found, used, sizeof used);
	for (int i = 0; i < 2; i++)
		snapshot->replaced[i] = used[i] && parts[i].replaced[i];
	if (!used[0] || !used[1]) {
		const struct snapshot *only = &parts[used[CHAIN_NFT] ? CHAIN_NFT : CHAIN_LEGACY];
		snapshot->rules = only->rules;
		snapshot->counters = only->counters;
		memset(b->first_chain, 0, sizeof b->first_chain);
		memset(b->first_rule, 0, sizeof b->first_rule);
		return 0;
	}
	if (changed && merge(b, parts) < 0) {
		b->generation++;
		b->used[0] = b->used[1] = false;
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the rules that were read");
		return -1;
	}
	for (int i = 0; i < 2; i++)
		if (parts[i].rules->n_rules)
			memcpy(b->counters + b->first_rule[i], parts[i].counters,
			       parts[i].rules->n_rules * sizeof *b->counters);
	snapshot->rules = b->merged;
	snapshot->counters = b->counters;
	return 0;
}

/* A chain can be made only where the last read was. */
static int check_parts(const struct backend *b, const struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE])
{
	for (size_t i = 0; i < n; i++) {
		int part = backends_part(b, &edits[i]);
		if (b->used[part])
			continue;
		snprintf(error, BACKEND_ERROR_SIZE, "can not put rules into %s, whose tables were not read: make its "
			 "table first", backends_parts[part]->name);
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* The changes of both, one after the other: nf_tables first, where a transaction may find that another
 * program was faster. The other one is locked. */
static enum change_result both_change(struct backend *b, struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE])
{
	enum change_result result = CHANGE_DONE;
	bool changed = false;

	if (check_parts(b, edits, n, error) < 0)
		return CHANGE_REFUSED;
	if (!b->used[0] || !b->used[1]) {
		int only = backends_part_of_rule(b, 0);
		return backends_parts[only]->change(b->parts[only], edits, n, error);
	}
	for (int k = 0; k < 2 && result == CHANGE_DONE; k++) {
		int i = k == 0 ? CHAIN_NFT : CHAIN_LEGACY;
		struct backends_share share;
		if (backends_share_make(&share, b, i, edits, n) < 0) {
			snprintf(error, BACKEND_ERROR_SIZE, "no memory for the changes");
			result = CHANGE_REFUSED;
		} else if (share.n) {
			result = backends_parts[i]->change(b->parts[i], share.edits, share.n, error);
			if (result == CHANGE_DONE)
				backends_share_return(&share, edits);
		}
		backends_share_free(&share);
		if (result != CHANGE_DONE && changed)
			return CHANGE_BROKEN;
		changed |= share.n > 0;
	}
	return result;
}

/* The parts' intents, one behind the other, each behind its head. */
struct part_head {
	uint64_t magic;
	uint32_t part, n_steps;
	uint64_t size;
};

/* "TMBI", and the version of the form. */
static const uint64_t part_magic = UINT64_C(0x544d424900000001);

static int append_intent(struct intent *intent, int part, const struct intent *own)
{
	struct part_head head = {.magic = part_magic, .part = (uint32_t)part, .n_steps = own->n_steps,
				 .size = own->size};

	if (own->n_steps == 0)
		return 0;
	unsigned char *data = realloc(intent->data, intent->size + sizeof head + own->size);
	if (!data)
		return -1;
	memcpy(data + intent->size, &head, sizeof head);
	memcpy(data + intent->size + sizeof head, own->data, own->size);
	intent->data = data;
	intent->size += sizeof head + own->size;
	intent->n_steps += own->n_steps;
	return 0;
}

/* One part's edits; its steps follow those that the intent has. */
static int arm_part(struct backend *b, int i, struct edit *edits, size_t n, struct intent *intent,
		    char error[BACKEND_ERROR_SIZE])
{
	struct backends_share share;
	struct intent own = {0};
	int result = -1;

	if (backends_share_make(&share, b, i, edits, n) < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the changes");
		goto out;
	}
	if (share.n && backends_parts[i]->arm(b->parts[i], share.edits, share.n, &own, error) < 0)
		goto out;
	for (size_t k = 0; k < share.n; k++)
		if (share.edits[k].step != STEP_NONE)
			share.edits[k].step += intent->n_steps;
	backends_share_return(&share, edits);
	result = append_intent(intent, i, &own);
	if (result < 0)
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the changes");
out:
	free(own.data);
	backends_share_free(&share);
	return result;
}

static int both_arm(struct backend *b, struct edit *edits, size_t n, struct intent *intent,
		    char error[BACKEND_ERROR_SIZE])
{
	*intent = (struct intent){0};
	if (check_parts(b, edits, n, error) < 0)
		return -1;
	for (int k = 0; k < 2; k++) {
		int i = k == 0 ? CHAIN_NFT : CHAIN_LEGACY;
		if (!b->used[i] || arm_part(b, i, edits, n, intent, error) == 0)
			continue;
		free(intent->data);
		*intent = (struct intent){0};
		return -1;
	}
	return 0;
}

/* A part that is gone took its witnesses along. */
static int settle_part(struct backend *b, const struct part_head *head, const unsigned char *data, uint8_t *outcomes,
		       char error[BACKEND_ERROR_SIZE])
{
	memset(outcomes, STEP_UNKNOWN, head->n_steps);
	if (!b->parts[head->part] || !b->there[head->part])
		return 0;
	return backends_parts[head->part]->settle(b->parts[head->part], data, head->size, outcomes, error);
}

static int both_settle(struct backend *b, const void *data, size_t size, uint8_t *outcomes,
		       char error[BACKEND_ERROR_SIZE])
{
	const unsigned char *at = data;
	struct part_head head;

	for (size_t left = size; left; left -= head.size, at += head.size) {
		if (left >= sizeof head)
			memcpy(&head, at, sizeof head);
		if (left < sizeof head || head.magic != part_magic || head.part > CHAIN_NFT ||
		    left - sizeof head < head.size) {
			snprintf(error, BACKEND_ERROR_SIZE, "can not understand the intent of %zu octets: at octet %zu "
				 "no backend's part begins", size, size - left);
			errno = EBADMSG;
			return -1;
		}
		left -= sizeof head;
		at += sizeof head;
		if (settle_part(b, &head, at, outcomes, error) < 0)
			return -1;
		outcomes += head.n_steps;
	}
	return 0;
}

static int both_print(struct backend *b, uint32_t rule)
{
	int i = backends_part_of_rule(b, rule);

	return backends_parts[i]->print(b->parts[i], rule - b->first_rule[i]);
}

const struct backend_ops backends = {
	.name = "iptables",
	.probe = both_probe,
	.open = both_open,
	.close = both_close,
	.lock = both_lock,
	.unlock = both_unlock,
	.read = both_read,
	.change = both_change,
	.arm = both_arm,
	.settle = both_settle,
	.make_table = backends_make_table,
	.drop_table = backends_drop_table,
	.print = both_print,
};
