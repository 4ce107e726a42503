/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend of iptables-legacy: both versions of IP, under the lock that iptables takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "legacy_change.h"
#include "legacy_print.h"
#include "legacy_rules.h"
#include "legacy_sort.h"
#include "legacy_table.h"
#include "log.h"
#include "xtlock.h"

struct backend {
	struct legacy_table tables[2]; /* IPv4, IPv6 */
	int lock;
	struct ruleset *rules;
	struct legacy_index index;
	struct counter *counters;
	uint64_t generation;
	bool wraps[2];                 /* adding a negative was proved to be exact */
	bool armed[2];                 /* the next change moves these */
	struct legacy_witness witnesses[2];
	size_t n_armed;                /* so many edits were armed */
	struct xt_counters seen[2];    /* the counter of the last entry, as it was read last */
};

static const uint8_t families[2] = {4, 6};
static const char *const commands[2] = {"iptables-legacy", "ip6tables-legacy"};

static int fail(char error[BACKEND_ERROR_SIZE], const char *what, const char *remedy)
{
	int saved = errno;

	snprintf(error, BACKEND_ERROR_SIZE, "%s: %s%s%s", what, strerror(saved), remedy[0] ? "; " : "", remedy);
	errno = saved;
	return -1;
}

static int legacy_probe(char error[BACKEND_ERROR_SIZE])
{
	int found = 0;

	for (int i = 0; i < 2; i++) {
		int listed = legacy_table_listed(families[i]);
		if (listed < 0)
			return fail(error, "can not read the names of the iptables tables in /proc/net",
				    "run as root");
		found |= listed;
	}
	if (!found)
		snprintf(error, BACKEND_ERROR_SIZE, "there is no filter table of iptables-legacy in this network "
			 "namespace: add the rules of a town first, such as "
			 "'iptables-legacy -N town-a; iptables-legacy -A FORWARD -d 10.1.0.0/24 -j town-a'");
	return found;
}

static void legacy_close(struct backend *b, bool intent_open)
{
	/* The witnesses stand in the tables themselves. */
	(void)intent_open;
	if (!b)
		return;
	for (int i = 0; i < 2; i++)
		legacy_table_close(&b->tables[i]);
	if (b->lock >= 0)
		close(b->lock);
	ruleset_free(b->rules);
	free(b->index.rules);
	free(b->index.ends);
	free(b->counters);
	free(b);
}

static struct backend *legacy_open(char error[BACKEND_ERROR_SIZE])
{
	struct backend *b = calloc(1, sizeof *b);

	if (!b) {
		fail(error, "no memory", "");
		return NULL;
	}
	b->tables[0].socket = b->tables[1].socket = b->lock = -1;
	for (int i = 0; i < 2; i++)
		if (legacy_table_open(&b->tables[i], families[i]) < 0) {
			fail(error, "can not open a socket to the packet filter", "");
			goto err;
		}
	b->lock = xtlock_open();
	if (b->lock < 0) {
		char what[160];
		snprintf(what, sizeof what, "can not open the lock file %s", xtlock_path());
		fail(error, what, "run as root, or let XTABLES_LOCKFILE name a file that can be opened");
		goto err;
	}
	return b;
err:
	legacy_close(b, false);
	return NULL;
}

static int legacy_lock(struct backend *b, const struct timespec *deadline, char error[BACKEND_ERROR_SIZE])
{
	if (xtlock_take(b->lock, deadline) == 0)
		return 0;
	if (errno == ETIMEDOUT) {
		snprintf(error, BACKEND_ERROR_SIZE, "another program holds the lock %s, as a running iptables "
			 "does: 'fuser -v %s' names it", xtlock_path(), xtlock_path());
		return -1;
	}
	return fail(error, "can not take the xtables lock", "");
}

static void legacy_unlock(struct backend *b)
{
	xtlock_release(b->lock);
}

static void disarm(struct backend *b)
{
	b->armed[0] = b->armed[1] = false;
	b->n_armed = 0;
}

static int rebuild(struct backend *b)
{
	struct ruleset *rules = ruleset_new();
	struct legacy_index index = {NULL, NULL};
	struct counter *counters = NULL;

	if (!rules)
		return -1;
	for (int i = 0; i < 2; i++)
		if (b->tables[i].present && legacy_rules_add(rules, &b->tables[i], &index) < 0)
			goto err;
	counters = calloc(rules->n_rules + 1u, sizeof *counters);
	if (!counters)
		goto err;
	ruleset_free(b->rules);
	free(b->index.rules);
	free(b->index.ends);
	free(b->counters);
	b->rules = rules;
	b->index = index;
	b->counters = counters;
	b->generation++;
	return 0;
err:
	ruleset_free(rules);
	free(index.rules);
	free(index.ends);
	return -1;
}

static void copy_counters(struct backend *b)
{
	uint32_t rule = 0;

	for (int i = 0; i < 2; i++) {
		struct legacy_table *table = &b->tables[i];
		if (!table->present)
			continue;
		for (uint32_t entry = 0, offset = 0; entry < table->info.num_entries; entry++) {
			struct legacy_entry e = legacy_entry_at(table->family, table->entries, offset);
			if (rule < b->rules->n_rules && b->index.rules[rule].family == table->family &&
			    b->index.rules[rule].entry == entry)
				b->counters[rule++] = (struct counter){e.counters->pcnt, e.counters->bcnt};
			offset += e.next_offset;
		}
	}
}

/* The last entry counts what our own changes put there; a table of anybody else begins at zero. */
static bool is_replaced(struct backend *b, int i)
{
	const struct xt_counters none = {0}, *now = b->tables[i].present ? legacy_witness_of(&b->tables[i]) : &none;
	bool was_ours = b->seen[i].pcnt || b->seen[i].bcnt;

	b->seen[i] = *now;
	return was_ours && !now->pcnt && !now->bcnt;
}

/* The kernel gives all or nothing. */
static int legacy_read(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
		       char error[BACKEND_ERROR_SIZE])
{
	(void)depth;
	disarm(b);
	bool all_same = b->rules != NULL, any = false;

	for (int i = 0; i < 2; i++) {
		bool same;
		if (legacy_table_read(&b->tables[i], &same) < 0) {
			char what[64];
			snprintf(what, sizeof what, "can not read the rules of %s", commands[i]);
			/* Half of the new and half of the old is worth nothing. */
			b->generation++;
			ruleset_free(b->rules);
			b->rules = NULL;
			return fail(error, what, errno == EPERM ? "run as root, or with CAP_NET_ADMIN" : "");
		}
		all_same &= same;
		any |= b->tables[i].present;
	}
	if (!any) {
		legacy_probe(error);
		return -1;
	}
	if (!all_same && rebuild(b) < 0)
		return fail(error, "can not understand the rules of iptables-legacy", "");
	copy_counters(b);
	*snapshot = (struct snapshot){.rules = b->rules, .counters = b->counters, .generation = b->generation};
	snapshot->found[CHAIN_LEGACY] = true;
	for (int i = 0; i < 2; i++)
		snapshot->replaced[CHAIN_LEGACY] |= is_replaced(b, i);
	return 0;
}

static int prepare_table(struct backend *b, int i, const struct legacy_transaction *t, char *error)
{
	bool zeroes = false;

	for (size_t k = 0; k < t->n; k++)
		zeroes |= t->changes[k].edit->kind == EDIT_ZERO;
	if (!zeroes || b->wraps[i])
		return 0;
	if (legacy_transaction_prove(&b->tables[i]) < 0)
		return fail(error, "can not set counters to zero", "");
	b->wraps[i] = true;
	return 0;
}

static enum change_result run_table(struct backend *b, int i, struct legacy_transaction *t, char *error)
{
	if (prepare_table(b, i, t, error) < 0)
		return CHANGE_REFUSED;
	enum change_result result = legacy_transaction_run(t);
	if (result != CHANGE_DONE) {
		char what[64];
		snprintf(what, sizeof what, "can not change the rules of %s", commands[i]);
		fail(error, what,
		     errno == EPERM   ? "run as root, or with CAP_NET_ADMIN"
		     : errno == ELOOP ? "the jumps would lead in a circle"
				      : "");
	}
	return result;
}

/* Each table's own edits, in the order of its entries. Free with free_changes() in both cases. */
static int sort_changes(struct backend *b, struct legacy_changes changes[2], struct legacy_transaction t[2],
			struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE])
{
	const struct legacy_scope scope = {.tables = b->tables, .rules = b->rules, .index = &b->index};
	int result = legacy_sort(changes, &scope, edits, n, error);

	for (int i = 0; i < 2; i++)
		t[i] = (struct legacy_transaction){
			.table = &b->tables[i], .changes = changes[i].list, .n = changes[i].n};
	return result;
}

static void free_changes(struct legacy_changes changes[2], struct legacy_transaction t[2])
{
	for (int i = 0; i < 2; i++)
		legacy_transaction_free(&t[i]);
	legacy_sort_free(changes);
}

/* A witness of 0 would look like that of a table that lacks its counters. */
static int arm_table(struct backend *b, int i, const struct legacy_transaction *t, struct intent *intent,
		     char error[BACKEND_ERROR_SIZE])
{
	struct legacy_witness *witness = &b->witnesses[i];
	struct xt_counters *now = legacy_witness_of(&b->tables[i]);

	if (prepare_table(b, i, t, error) < 0)
		return -1;
	legacy_witness_pick(witness, &b->tables[i]);
	if (now->pcnt == 0 && now->bcnt == 0) {
		if (legacy_transaction_move_witness(&b->tables[i], &witness->before) < 0)
			return fail(error, "can not prepare the counters for a change", "");
		*now = witness->before;
	}
	if (legacy_witness_note(intent, &b->tables[i], witness, t->changes, t->n) < 0)
		return fail(error, "no memory", "");
	for (size_t k = 0; k < t->n; k++)
		t->changes[k].edit->step = intent->n_steps - 1;
	b->armed[i] = true;
	return 0;
}

static int legacy_arm(struct backend *b, struct edit *edits, size_t n, struct intent *intent,
		      char error[BACKEND_ERROR_SIZE])
{
	struct legacy_changes changes[2];
	struct legacy_transaction t[2];
	int result = -1;

	disarm(b);
	*intent = (struct intent){0};
	if (sort_changes(b, changes, t, edits, n, error) < 0)
		goto out;
	result = 0;
	for (int i = 0; i < 2 && result == 0; i++)
		if (t[i].n)
			result = arm_table(b, i, &t[i], intent, error);
	b->n_armed = n;
out:
	if (result < 0) {
		disarm(b);
		free(intent->data);
		*intent = (struct intent){0};
	}
	free_changes(changes, t);
	return result;
}

static enum change_result legacy_change(struct backend *b, struct edit *edits, size_t n,
					char error[BACKEND_ERROR_SIZE])
{
	struct legacy_changes changes[2];
	struct legacy_transaction t[2];
	enum change_result result = CHANGE_REFUSED;

	if (sort_changes(b, changes, t, edits, n, error) < 0)
		goto out;
	if (b->n_armed && b->n_armed != n) {
		errno = EINVAL;
		fail(error, "these are not the changes that were prepared", "");
		goto out;
	}
	result = CHANGE_DONE;
	for (int i = 0; i < 2 && result == CHANGE_DONE; i++) {
		t[i].witness = b->armed[i] ? &b->witnesses[i] : NULL;
		if (t[i].n)
			result = run_table(b, i, &t[i], error);
	}
	/* The other version's table was changed already: all or nothing. */
	if (result != CHANGE_DONE && (legacy_transaction_revert(&t[0]) < 0 || legacy_transaction_revert(&t[1]) < 0)) {
		log_error("a change of the rules could not be taken back: %s", strerror(errno));
		result = CHANGE_BROKEN;
	}
out:
	disarm(b);
	free_changes(changes, t);
	return result;
}

static int settle_table(struct backend *b, const struct legacy_note *note, char error[BACKEND_ERROR_SIZE])
{
	const struct legacy_table *table = &b->tables[note->family == 6];
	struct xt_counters_info *rescue;
	int outcome = legacy_witness_judge(note, table, &rescue);

	if (outcome < 0)
		return fail(error, "no memory", "");
	if (rescue && legacy_table_add(table, rescue) < 0) {
		fail(error, "can not give the rules' counters back", errno == EINVAL ? "another program changes them" : "");
		outcome = -1;
	} else if (rescue) {
		log_warning("%s: a change was cut off before the rules had their counters back: they have them now",
			    commands[note->family == 6]);
	}
	free(rescue);
	return outcome;
}

static int legacy_settle(struct backend *b, const void *data, size_t size, uint8_t *outcomes,
			 char error[BACKEND_ERROR_SIZE])
{
	struct legacy_note note;
	size_t offset = 0;
	int more;

	while ((more = legacy_witness_next(&note, data, size, &offset)) > 0) {
		int outcome = settle_table(b, &note, error);
		if (outcome < 0)
			return -1;
		*outcomes++ = (uint8_t)outcome;
	}
	if (more < 0)
		snprintf(error, BACKEND_ERROR_SIZE, "can not understand the intent of %zu octets: at octet %zu it is not "
			 "one of iptables-legacy", size, offset);
	return more;
}

static int legacy_make_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	int i = family == 6;
	char what[64];

	(void)which;
	if (legacy_table_create(&b->tables[i]) == 0)
		return 0;
	snprintf(what, sizeof what, "can not make the filter table of %s", commands[i]);
	return fail(error, what, errno == EPERM ? "run as root, or with CAP_NET_ADMIN"
						: "the kernel's module for it may be missing");
}

/* The kernel keeps a table that was made as long as the network namespace. */
static int legacy_drop_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	(void)b;
	(void)which;
	(void)family;
	(void)error;
	return 0;
}

static int legacy_print_rule(struct backend *b, uint32_t rule)
{
	const struct legacy_table *table = &b->tables[b->index.rules[rule].family == 6];

	return legacy_print(table, b->rules, rule, b->index.rules[rule].offset);
}

const struct backend_ops backend_legacy = {
	.name = "iptables-legacy",
	.probe = legacy_probe,
	.open = legacy_open,
	.close = legacy_close,
	.lock = legacy_lock,
	.unlock = legacy_unlock,
	.read = legacy_read,
	.change = legacy_change,
	.arm = legacy_arm,
	.settle = legacy_settle,
	.make_table = legacy_make_table,
	.drop_table = legacy_drop_table,
	.print = legacy_print_rule,
};
