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

static void legacy_close(struct backend *b)
{
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
	legacy_close(b);
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

/* The kernel gives all or nothing. */
static int legacy_read(struct backend *b, enum read_depth depth, struct snapshot *snapshot,
		       char error[BACKEND_ERROR_SIZE])
{
	(void)depth;
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
	return 0;
}

/*
 * Adding a negative number relies on the kernel's addition being modulo 2^64. It is tried once, on
 * the entry that ends the table: no packet gets there and iptables does not show it.
 */
static int prove_wrap(struct backend *b, int i)
{
	struct legacy_table *table = &b->tables[i];
	unsigned last = table->info.num_entries - 1;
	struct xt_counters_info *add = legacy_counters_new(table->info.num_entries);
	size_t end = 0;
	bool same;
	int result = -1;

	if (!add)
		return -1;
	for (unsigned n = 0; n < last; n++)
		end += legacy_entry_at(table->family, table->entries, end).next_offset;
	struct xt_counters before = *legacy_entry_at(table->family, table->entries, end).counters;
	add->counters[last] = (struct xt_counters){UINT64_MAX, UINT64_MAX};
	if (legacy_table_add(table, add) < 0 || legacy_table_read(table, &same) < 0)
		goto out;
	struct xt_counters after = *legacy_entry_at(table->family, table->entries, end).counters;
	add->counters[last] = (struct xt_counters){before.pcnt - after.pcnt, before.bcnt - after.bcnt};
	if (legacy_table_add(table, add) < 0 || legacy_table_read(table, &same) < 0)
		goto out;
	b->wraps[i] = after.pcnt == before.pcnt - 1 && after.bcnt == before.bcnt - 1;
	result = 0;
	if (!b->wraps[i]) {
		errno = EOPNOTSUPP;
		result = -1;
	}
out:
	free(add);
	return result;
}

static int by_entry(const void *a, const void *b)
{
	const struct legacy_change *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	/* Edits lie in one array: their addresses tell which came first. */
	return (x->edit > y->edit) - (x->edit < y->edit);
}

/* The entry that an edit deletes, changes, or puts a rule before. */
static const struct legacy_place *place_of(const struct backend *b, const struct edit *edit)
{
	return edit->rule == RULE_NONE ? &b->index.ends[edit->chain] : &b->index.rules[edit->rule];
}

static enum change_result run_table(struct backend *b, int i, struct legacy_transaction *t, char *error)
{
	bool zeroes = false;

	qsort(t->changes, t->n, sizeof *t->changes, by_entry);
	for (size_t k = 0; k < t->n; k++)
		zeroes |= t->changes[k].edit->kind == EDIT_ZERO;
	if (zeroes && !b->wraps[i] && prove_wrap(b, i) < 0) {
		fail(error, "can not set counters to zero", "");
		return CHANGE_REFUSED;
	}
	enum change_result result = legacy_transaction_run(t);
	if (result != CHANGE_DONE) {
		char what[64];
		snprintf(what, sizeof what, "can not change the rules of %s", commands[i]);
		fail(error, what, errno == EPERM ? "run as root, or with CAP_NET_ADMIN" : "");
	}
	return result;
}

static enum change_result legacy_change(struct backend *b, struct edit *edits, size_t n,
					char error[BACKEND_ERROR_SIZE])
{
	struct legacy_transaction t[2] = {{.table = &b->tables[0]}, {.table = &b->tables[1]}};
	enum change_result result = CHANGE_REFUSED;

	for (int i = 0; i < 2; i++)
		t[i].changes = calloc(n + 1, sizeof *t[i].changes);
	if (!t[0].changes || !t[1].changes) {
		fail(error, "no memory", "");
		goto out;
	}
	for (size_t k = 0; k < n; k++) {
		const struct legacy_place *place = place_of(b, &edits[k]);
		struct legacy_transaction *own = &t[place->family == 6];
		own->changes[own->n++] = (struct legacy_change){.edit = &edits[k], .entry = place->entry};
	}
	result = CHANGE_DONE;
	for (int i = 0; i < 2 && result == CHANGE_DONE; i++)
		if (t[i].n)
			result = run_table(b, i, &t[i], error);
	/* The other version's table was changed already: all or nothing. */
	if (result != CHANGE_DONE && (legacy_transaction_revert(&t[0]) < 0 || legacy_transaction_revert(&t[1]) < 0)) {
		log_error("a change of the rules could not be taken back: %s", strerror(errno));
		result = CHANGE_BROKEN;
	}
out:
	for (int i = 0; i < 2; i++) {
		legacy_transaction_free(&t[i]);
		free(t[i].changes);
	}
	return result;
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
	.print = legacy_print_rule,
};
