/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet filter in shared memory, and a backend for it: it outlives processes that are killed at any of the
 * backend's steps, and knows exactly what every rule has counted in all. Each call lets traffic pass.
 *
 *   fake_make("...")           the rules, as in make.h (IPv4)
 *   fake_process(work, at)     runs work() in a process that is killed at the backend's step `at`; 0: never
 *   fake_ops                   the backend
 *
 * fake->nft chooses how it behaves: as iptables-legacy, one step for everything, in which zeroes take what was
 * read; or as nf_tables, a step for each zero, which takes all that there is, and none for other edits. fake->keeps:
 * as nf_tables on a kernel that can not set counters to zero.
 */
#ifndef TOWNMETER_TESTS_FAKE_H
#define TOWNMETER_TESTS_FAKE_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "make.h"
#include "received.h"

enum { FAKE_RULES = 96, FAKE_CHAINS = 12, FAKE_ADDRESSES = 4, FAKE_KILLED = 99 };

struct fake_rule {
	struct rule rule; /* its texts are not used */
	char comment[64];
	struct counter counter, read; /* read: at the last read */
};

struct fake {
	char chains[FAKE_CHAINS][32];
	uint8_t hooks[FAKE_CHAINS];
	uint32_t n_chains, n_rules;
	struct fake_rule rules[FAKE_RULES]; /* chain by chain */
	uint64_t generation;
	uint64_t epoch;  /* of the last arm() */
	uint32_t done;   /* steps since */

	bool nft, keeps;
	bool unreadable, refuses, forgets; /* reads fail; changes are refused; the witness is taken away by each change */
	unsigned steps, kill_at;           /* of the process */
	unsigned fail_at, fail_until;      /* files can not be written from the one step to the other */
	unsigned reads, changes, slow; /* slow: microseconds that a read takes */

	/* What passes at each step, and has passed in all; by direction. */
	struct prefix addresses[FAKE_ADDRESSES];
	struct counter counted[FAKE_ADDRESSES][2];
	bool quiet;
	char error[512]; /* of check() in a process */
};

static struct fake *fake;

/* No restored rule sets here. */
uint64_t received_packets(void)
{
	return UINT64_MAX;
}

static inline bool fake_matches(const struct rule *rule, const struct prefix *address, int direction)
{
	const struct prefix *own = direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
	const struct prefix *other = direction == DIRECTION_DOWN ? &rule->src : &rule->dst;

	return other->family == PREFIX_NONE && (own->family == PREFIX_NONE || prefix_contains(own, address));
}

/* Returns whether the packets were dropped. */
static inline bool fake_walk(uint32_t chain, unsigned address, int direction, uint64_t packets)
{
	for (uint32_t i = 0; i < fake->n_rules; i++) {
		struct fake_rule *own = &fake->rules[i];
		if (own->rule.chain != chain || !fake_matches(&own->rule, &fake->addresses[address], direction))
			continue;
		own->counter.packets += packets;
		own->counter.octets += packets * 100;
		if (own->rule.verdict == VERDICT_DROP)
			return true;
		if (own->rule.verdict == VERDICT_RETURN)
			return false;
		if (own->rule.verdict == VERDICT_GOTO)
			return fake_walk(own->rule.jump, address, direction, packets);
		if (own->rule.verdict == VERDICT_JUMP && fake_walk(own->rule.jump, address, direction, packets))
			return true;
		if (own->rule.verdict == VERDICT_NONE && fake->hooks[chain] == HOOK_NONE)
			fake->counted[address][direction].packets += packets;
	}
	return false;
}

static inline void fake_pass(unsigned address, int direction, uint64_t packets)
{
	fake_walk(0, address, direction, packets);
}

static inline void fake_disk(bool full)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = full ? 1 : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* A process may be killed between any two of these. */
static inline void fake_step(void)
{
	fake->steps++;
	for (unsigned a = 0; !fake->quiet && a < FAKE_ADDRESSES; a++)
		for (int d = 0; d < 2; d++)
			if (fake->addresses[a].family != PREFIX_NONE)
				fake_pass(a, d, 1);
	if (fake->steps == fake->kill_at)
		_exit(FAKE_KILLED);
	if (fake->fail_at)
		fake_disk(fake->steps >= fake->fail_at && fake->steps < fake->fail_until);
}

struct backend {
	struct ruleset *rules;
	struct counter *counters;
	uint64_t generation;
	bool armed;
};

static inline int fake_probe(char error[BACKEND_ERROR_SIZE])
{
	error[0] = '\0';
	return 1;
}

static inline struct backend *fake_open(char error[BACKEND_ERROR_SIZE])
{
	error[0] = '\0';
	return calloc(1, sizeof(struct backend));
}

static inline void fake_close(struct backend *backend, bool intent_open)
{
	(void)intent_open;
	ruleset_free(backend->rules);
	free(backend->counters);
	free(backend);
}

static inline int fake_lock(struct backend *backend, const struct timespec *deadline, char error[BACKEND_ERROR_SIZE])
{
	(void)backend, (void)deadline, (void)error;
	return 0;
}

static inline void fake_unlock(struct backend *backend)
{
	(void)backend;
}

static inline int fake_read(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
			    char error[BACKEND_ERROR_SIZE])
{
	(void)depth;
	fake_step();
	fake->reads++;
	unsigned slow = __atomic_load_n(&fake->slow, __ATOMIC_RELAXED);
	if (slow)
		usleep(slow);
	b->armed = false;
	if (fake->unreadable) {
		snprintf(error, BACKEND_ERROR_SIZE, "the fake packet filter can not be read");
		errno = EIO;
		return -1;
	}
	if (b->generation != fake->generation) {
		ruleset_free(b->rules);
		free(b->counters);
		b->rules = ruleset_new();
		b->counters = calloc(FAKE_RULES, sizeof *b->counters);
		for (uint32_t c = 0, r = 0; c < fake->n_chains; c++) {
			uint32_t number = 0;
			ruleset_add_chain(b->rules, PREFIX_IPV4, fake->hooks[c], fake->chains[c]);
			b->rules->chains[c].backend = fake->nft ? CHAIN_NFT : CHAIN_LEGACY;
			for (; r < fake->n_rules && fake->rules[r].rule.chain == c; r++) {
				struct rule rule = fake->rules[r].rule;
				rule.comment = ruleset_add_text(b->rules, fake->rules[r].comment);
				rule.number = ++number;
				ruleset_add_rule(b->rules, &rule);
			}
		}
		b->generation = fake->generation;
	}
	for (uint32_t r = 0; r < fake->n_rules; r++)
		b->counters[r] = fake->rules[r].read = fake->rules[r].counter;
	memset(snapshot, 0, sizeof *snapshot);
	snapshot->rules = b->rules;
	snapshot->counters = b->counters;
	snapshot->generation = b->generation;
	snapshot->found[fake->nft ? CHAIN_NFT : CHAIN_LEGACY] = true;
	return 0;
}

static inline struct counter fake_minus(struct counter a, struct counter b)
{
	return (struct counter){a.packets - b.packets, a.octets - b.octets};
}

static inline void fake_zero(struct edit *edit)
{
	struct fake_rule *own = &fake->rules[edit->rule];

	edit->counter = own->counter;
	edit->kept = fake->keeps;
	if (fake->keeps)
		return;
	edit->left = fake->nft ? (struct counter){0} : fake_minus(own->counter, own->read);
	own->counter = edit->left;
}

static inline void fake_add(struct edit *edit)
{
	struct fake_rule *own = &fake->rules[edit->rule];

	if (fake->nft)
		edit->counter = (struct counter){0};
	own->counter.packets += edit->counter.packets;
	own->counter.octets += edit->counter.octets;
}

/* Rules that come and go, from the last one on, so that the places of the others hold. */
static inline void fake_reorder(struct edit *edits, size_t n)
{
	struct fake_rule before[FAKE_RULES];
	uint32_t n_before = fake->n_rules, n_now = 0;

	memcpy(before, fake->rules, sizeof before);
	for (uint32_t c = 0; c < fake->n_chains; c++) {
		for (uint32_t r = 0; r <= n_before; r++) {
			bool last = r == n_before, gone = false;
			if (!last && before[r].rule.chain != c)
				continue;
			for (size_t i = 0; i < n; i++) {
				struct edit *edit = &edits[i];
				if (edit->kind == EDIT_INSERT && edit->chain == c && edit->rule == (last ? RULE_NONE : r)) {
					struct fake_rule *own = &fake->rules[n_now++];
					memset(own, 0, sizeof *own);
					own->rule = (struct rule){.chain = c, .verdict = edit->verdict, .jump = RULE_NONE};
					*(edit->direction == DIRECTION_DOWN ? &own->rule.dst : &own->rule.src) = edit->prefix;
					snprintf(own->comment, sizeof own->comment, "%.63s", edit->comment ? edit->comment : "");
					own->counter = edit->counter;
				}
				if (edit->kind == EDIT_DELETE && edit->rule == r) {
					edit->counter = before[r].counter;
					gone = true;
				}
			}
			if (!last && !gone)
				fake->rules[n_now++] = before[r];
		}
	}
	fake->n_rules = n_now;
	fake->generation++;
}

static inline enum change_result fake_change(struct backend *b, struct edit *edits, size_t n,
					     char error[BACKEND_ERROR_SIZE])
{
	bool moves = false;
	size_t at = 0;

	(void)b;
	fake_step();
	fake->changes++;
	if (fake->refuses) {
		snprintf(error, BACKEND_ERROR_SIZE, "the fake packet filter refuses changes");
		return CHANGE_REFUSED;
	}
	for (size_t i = 0; i < n; i++) {
		struct edit *edit = &edits[i];
		moves |= edit->kind == EDIT_INSERT || edit->kind == EDIT_DELETE;
		if (edit->kind != EDIT_ZERO && edit->kind != EDIT_ADD)
			continue;
		(edit->kind == EDIT_ZERO ? fake_zero : fake_add)(edit);
		at++;
		if (fake->nft) {
			fake->done += b->armed && edit->step != STEP_NONE;
			fake_step();
		}
	}
	if (moves)
		fake_reorder(edits, n);
	if (!fake->nft)
		fake->done = b->armed;
	if (fake->forgets)
		fake->epoch++;
	b->armed = false;
	fake_step();
	return CHANGE_DONE;
}

struct fake_intent {
	uint64_t epoch;
};

static inline int fake_arm(struct backend *b, struct edit *edits, size_t n, struct intent *intent,
			   char error[BACKEND_ERROR_SIZE])
{
	(void)error;
	fake_step();
	memset(intent, 0, sizeof *intent);
	for (size_t i = 0; i < n; i++) {
		edits[i].step = STEP_NONE;
		edits[i].kept = edits[i].kind == EDIT_ZERO && fake->keeps;
		if (!fake->nft)
			edits[i].step = 0;
		else if (edits[i].kind == EDIT_ZERO && !fake->keeps)
			edits[i].step = intent->n_steps++;
	}
	if (!fake->nft)
		intent->n_steps = n > 0;
	fake->epoch++;
	fake->done = 0;
	b->armed = true;
	fake_step();
	if (intent->n_steps == 0)
		return 0;
	struct fake_intent *own = calloc(1, sizeof *own);
	own->epoch = fake->epoch;
	intent->data = own;
	intent->size = sizeof *own;
	return 0;
}

static inline int fake_settle(struct backend *b, const void *data, size_t size, uint8_t *outcomes,
			      char error[BACKEND_ERROR_SIZE])
{
	struct fake_intent own;

	(void)b;
	fake_step();
	if (size != sizeof own) {
		snprintf(error, BACKEND_ERROR_SIZE, "not an intent of the fake packet filter");
		errno = EBADMSG;
		return -1;
	}
	memcpy(&own, data, sizeof own);
	if (own.epoch != fake->epoch) {
		outcomes[0] = STEP_UNKNOWN;
		return 0;
	}
	for (uint32_t i = 0; i < fake->done; i++)
		outcomes[i] = STEP_DONE;
	return 0;
}

static const struct backend_ops fake_ops = {
	.name = "fake", .probe = fake_probe, .open = fake_open, .close = fake_close, .lock = fake_lock,
	.unlock = fake_unlock, .read = fake_read, .change = fake_change, .arm = fake_arm, .settle = fake_settle};

/* Rules without comments of matches; addresses whose traffic passes. */
static inline void fake_make(const char *text, const char *const addresses[FAKE_ADDRESSES])
{
	struct made made = make(text);

	if (!fake)
		fake = mmap(NULL, sizeof *fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fake != MAP_FAILED);
	memset(fake, 0, sizeof *fake);
	signal(SIGXFSZ, SIG_IGN);
	assert_true(made.rules->n_chains <= FAKE_CHAINS && made.rules->n_rules <= FAKE_RULES / 2);
	fake->n_chains = made.rules->n_chains;
	fake->n_rules = made.rules->n_rules;
	fake->generation = 1;
	for (uint32_t c = 0; c < fake->n_chains; c++) {
		snprintf(fake->chains[c], sizeof fake->chains[c], "%s", ruleset_text(made.rules, made.rules->chains[c].name));
		fake->hooks[c] = made.rules->chains[c].hook;
	}
	for (uint32_t r = 0; r < fake->n_rules; r++) {
		fake->rules[r].rule = made.rules->rules[r];
		fake->rules[r].rule.comment = 0;
		snprintf(fake->rules[r].comment, sizeof fake->rules[r].comment, "%s",
			 ruleset_text(made.rules, made.rules->rules[r].comment));
		fake->rules[r].counter = made.counters[r];
	}
	for (unsigned a = 0; a < FAKE_ADDRESSES && addresses[a]; a++)
		fake->addresses[a] = make_prefix(addresses[a]);
	made_free(&made);
}

/* A check in a process of its own: the first that fails is what the test fails with. */
#define check(condition) \
	((condition) ? (void)0 : fake_failed(__FILE__, __LINE__, #condition))

static inline void fake_failed(const char *file, int line, const char *condition)
{
	snprintf(fake->error, sizeof fake->error, "%s:%d: not true: %s", file, line, condition);
	_exit(1);
}

/* Returns whether the process came to its end, and was not killed on the way. */
static inline bool fake_process(void (*work)(void *context), void *context, unsigned kill_at)
{
	int status;

	fake->steps = 0;
	fake->kill_at = kill_at;
	fake->error[0] = '\0';
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		work(context);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	fake->kill_at = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == FAKE_KILLED)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("killed at step %u: status %d: %s", kill_at, status, fake->error);
	return true;
}

#endif
