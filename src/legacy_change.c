/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_change.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Between REPLACE and ADD_COUNTERS the table's counters are in this process only: it must not be
 * stopped by a signal there. */
static void hold_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void allow_signals(const sigset_t *before)
{
	int saved = errno;

	pthread_sigmask(SIG_SETMASK, before, NULL);
	errno = saved;
}

static struct counter counter_of(const struct xt_counters *c)
{
	return (struct counter){.packets = c->pcnt, .octets = c->bcnt};
}

static void add_to(struct xt_counters *sum, const struct counter *more)
{
	sum->pcnt += more->packets;
	sum->bcnt += more->octets;
}

static void take_from(struct xt_counters *sum, const struct counter *less)
{
	sum->pcnt -= less->packets;
	sum->bcnt -= less->octets;
}

/* The counters as read, entry by entry: only zeroes ask for them. Returns 0, or -1 with errno. */
static int note_counters(struct legacy_transaction *t)
{
	const struct legacy_table *table = t->table;
	bool zeroes = false;

	for (size_t i = 0; i < t->n; i++)
		zeroes |= t->changes[i].edit->kind == EDIT_ZERO;
	if (!zeroes)
		return 0;
	t->read = calloc(table->info.num_entries, sizeof *t->read);
	if (!t->read)
		return -1;
	for (size_t offset = 0, i = 0; i < table->info.num_entries; i++) {
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
		t->read[i] = *entry.counters;
		offset += entry.next_offset;
	}
	return 0;
}

/* EINVAL: another number of entries than was read. EAGAIN: the kernel found the table changed. */
static enum change_result refused(void)
{
	return errno == EINVAL || errno == EAGAIN ? CHANGE_STALE : CHANGE_REFUSED;
}

/* Reads the table into memory of its own: what was read before stays as it is. */
static int read_witness(const struct legacy_table *table, struct xt_counters *now)
{
	struct legacy_table look = {.family = table->family, .socket = table->socket};
	bool same;
	int result = legacy_table_read(&look, &same);

	if (result == 0 && (!look.present || look.info.num_entries != table->info.num_entries)) {
		errno = EAGAIN;
		result = -1;
	}
	if (result == 0)
		*now = *legacy_witness_of(&look);
	look.socket = -1;
	legacy_table_close(&look);
	return result;
}

int legacy_transaction_move_witness(const struct legacy_table *table, const struct xt_counters *by)
{
	struct xt_counters_info *add = legacy_counters_new(table->info.num_entries);

	if (!add)
		return -1;
	add->counters[table->info.num_entries - 1] = *by;
	int result = legacy_table_add(table, add), saved = errno;
	free(add);
	errno = saved;
	return result;
}

int legacy_transaction_prove(const struct legacy_table *table)
{
	static const struct xt_counters minus = {UINT64_MAX, UINT64_MAX};
	struct xt_counters before = *legacy_witness_of(table), after = {0};

	if (legacy_transaction_move_witness(table, &minus) < 0 || read_witness(table, &after) < 0)
		return -1;
	struct xt_counters back = {before.pcnt - after.pcnt, before.bcnt - after.bcnt};
	if (legacy_transaction_move_witness(table, &back) < 0)
		return -1;
	if (after.pcnt == before.pcnt - 1 && after.bcnt == before.bcnt - 1)
		return 0;
	errno = EOPNOTSUPP;
	return -1;
}

static enum change_result add_only(struct legacy_transaction *t)
{
	unsigned last = t->table->info.num_entries - 1;

	t->add = legacy_counters_new(t->table->info.num_entries);
	if (!t->add || note_counters(t) < 0)
		return CHANGE_REFUSED;
	for (size_t i = 0; i < t->n; i++) {
		struct edit *edit = t->changes[i].edit;
		struct xt_counters *own = &t->add->counters[t->changes[i].entry];
		if (edit->kind == EDIT_ZERO) {
			edit->counter = counter_of(&t->read[t->changes[i].entry]);
			take_from(own, &edit->counter);
		} else {
			add_to(own, &edit->counter);
		}
	}
	if (t->witness) {
		t->add->counters[last].pcnt = t->witness->after.pcnt - t->witness->before.pcnt;
		t->add->counters[last].bcnt = t->witness->after.bcnt - t->witness->before.bcnt;
	}
	if (legacy_table_add(t->table, t->add) < 0)
		return refused();
	t->done = true;
	return CHANGE_DONE;
}

/* What the old table had counted last goes to the entries that stay, but for what was read of those zeroed: a
 * kill from here on must find in them what nobody knows of yet. */
static void hand_over(struct legacy_transaction *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct edit *edit = t->changes[i].edit;
		struct xt_counters *own = &t->old[t->changes[i].entry];
		if (edit->kind == EDIT_DELETE)
			edit->counter = counter_of(own);
		if (edit->kind == EDIT_ZERO) {
			const struct counter read = counter_of(&t->read[t->changes[i].entry]);
			edit->counter = counter_of(own);
			take_from(own, &read);
			edit->left = counter_of(own);
		}
		if (edit->kind == EDIT_ADD)
			add_to(own, &edit->counter);
	}
	for (unsigned i = 0; i < t->edition.info.num_entries; i++) {
		if (t->edition.origin[i] != RULE_NONE)
			t->add->counters[i] = t->old[t->edition.origin[i]];
		else if (t->edition.inserted[i]->edit->kind == EDIT_INSERT)
			add_to(&t->add->counters[i], &t->edition.inserted[i]->edit->counter);
	}
	if (t->witness)
		t->add->counters[t->edition.info.num_entries - 1] = t->witness->after;
}

/* No memory is taken between the two calls: the second must not fail for want of it. */
static enum change_result replace(struct legacy_transaction *t, size_t n)
{
	struct ipt_replace *room = legacy_table_room(t->table, legacy_edition_size(t->table, t->structural, n));
	sigset_t before;

	if (!room || legacy_edition_make(&t->edition, (unsigned char *)room->entries, t->table, t->structural, n) < 0)
		return CHANGE_REFUSED;
	struct legacy_table after = {.family = t->table->family, .info = t->edition.info,
				     .entries = t->edition.entries};
	legacy_witness_mark(&after, t->witness, LEGACY_MARK_CHANGE);
	t->add = legacy_counters_new(t->edition.info.num_entries);
	t->old = calloc(t->table->info.num_entries, sizeof *t->old);
	if (!t->add || !t->old || note_counters(t) < 0)
		return CHANGE_REFUSED;
	hold_signals(&before);
	if (legacy_table_replace(t->table, &t->edition.info, room, t->old, t->table->info.num_entries) < 0) {
		allow_signals(&before);
		return errno == EAGAIN ? CHANGE_STALE : CHANGE_REFUSED;
	}
	t->replaced = true;
	hand_over(t);
	int result = legacy_table_add(t->table, t->add);
	allow_signals(&before);
	if (result < 0)
		return CHANGE_BROKEN;
	t->done = true;
	return CHANGE_DONE;
}

enum change_result legacy_transaction_run(struct legacy_transaction *t)
{
	size_t n = 0;

	t->structural = calloc(t->n + 1, sizeof *t->structural);
	if (!t->structural)
		return CHANGE_REFUSED;
	for (size_t i = 0; i < t->n; i++)
		if (legacy_edit_inserts(&t->changes[i]) || legacy_edit_deletes(&t->changes[i]))
			t->structural[n++] = t->changes[i];
	return n ? replace(t, n) : add_only(t);
}

/* The counters of the table that comes back: those of the one that goes, where an entry was in both,
 * with what the edits had taken out. */
static int revert_replace(struct legacy_transaction *t)
{
	unsigned n_old = t->table->info.num_entries, n_new = t->edition.info.num_entries;
	struct xt_counters_info *back = legacy_counters_new(n_old);
	struct xt_counters *last = calloc(n_new, sizeof *last);
	struct ipt_replace *room = legacy_table_room(t->table, t->table->info.size);
	sigset_t before;
	int result = -1;

	if (!back || !last || !room)
		goto out;
	legacy_witness_mark(t->table, t->witness, LEGACY_MARK_REVERT);
	memcpy(room->entries, t->table->entries, t->table->info.size);
	hold_signals(&before);
	if (legacy_table_replace(t->table, &t->table->info, room, last, n_new) == 0) {
		for (unsigned i = 0; i < n_new; i++)
			if (t->edition.origin[i] != RULE_NONE)
				back->counters[t->edition.origin[i]] = last[i];
		for (size_t i = 0; i < t->n; i++) {
			struct edit *edit = t->changes[i].edit;
			if (edit->kind == EDIT_DELETE || edit->kind == EDIT_ZERO)
				add_to(&back->counters[t->changes[i].entry], &edit->counter);
			if (edit->kind == EDIT_ZERO)
				take_from(&back->counters[t->changes[i].entry], &edit->left);
			if (edit->kind == EDIT_ADD)
				take_from(&back->counters[t->changes[i].entry], &edit->counter);
		}
		if (t->witness)
			back->counters[n_old - 1] = t->witness->before;
		result = legacy_table_add(t->table, back);
	}
	allow_signals(&before);
out:
	free(back);
	free(last);
	return result;
}

int legacy_transaction_revert(struct legacy_transaction *t)
{
	if (!t->done)
		return 0;
	t->done = false;
	if (t->replaced)
		return revert_replace(t);
	for (unsigned i = 0; i < t->add->num_counters; i++) {
		t->add->counters[i].pcnt = 0 - t->add->counters[i].pcnt;
		t->add->counters[i].bcnt = 0 - t->add->counters[i].bcnt;
	}
	return legacy_table_add(t->table, t->add);
}

void legacy_transaction_free(struct legacy_transaction *t)
{
	legacy_edition_free(&t->edition);
	free(t->structural);
	free(t->add);
	free(t->read);
	free(t->old);
}
