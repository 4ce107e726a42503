/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_witness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "TMLW", and the version of the form. */
#define MAGIC UINT64_C(0x544d4c5700000001)

/* The octets of a witness tell what was done under its number of packets. */
enum { MARK_DONE = 1, MARK_RESCUED, MARK_PUT_BACK };

/* A note in the intent: this, its changes, and a counter for each entry of the table that was read. */
struct note_head {
	uint64_t magic, old_print, new_print;
	struct xt_counters before, after;
	uint32_t family, n_entries, n_changes, unused;
};

struct noted_change {
	uint32_t kind, entry;
	struct xt_counters counter; /* EDIT_ADD, EDIT_INSERT */
};

/* The entry that ends the table. iptables writes one form of it, so there is no need to walk over all the entries
 * before it. */
static struct legacy_entry last_entry(const struct legacy_table *table)
{
	size_t size = legacy_head_size(table->family) + XT_ALIGN(sizeof(struct xt_error_target)), offset = 0;

	if (table->info.size >= size) {
		struct legacy_entry last = legacy_entry_at(table->family, table->entries, table->info.size - size);
		if (last.next_offset == size && last.target_offset == legacy_head_size(table->family) &&
		    strcmp(last.target->u.user.name, XT_ERROR_TARGET) == 0)
			return last;
	}
	for (unsigned i = 1; i < table->info.num_entries; i++)
		offset += legacy_entry_at(table->family, table->entries, offset).next_offset;
	return legacy_entry_at(table->family, table->entries, offset);
}

struct xt_counters *legacy_witness_of(const struct legacy_table *table)
{
	return last_entry(table).counters;
}

static unsigned int *mark_of(const struct legacy_table *table)
{
	unsigned char *head = last_entry(table).head;

	return table->family == 6 ? &((struct ip6t_entry *)(void *)head)->nfcache
				  : &((struct ipt_entry *)(void *)head)->nfcache;
}

/* Never 0. */
static unsigned int mark_for(const struct legacy_witness *w, enum legacy_mark mark)
{
	return (unsigned int)(w->after.pcnt << 2) | mark;
}

void legacy_witness_mark(struct legacy_table *table, const struct legacy_witness *w, enum legacy_mark mark)
{
	*mark_of(table) = w ? mark_for(w, mark) : 0;
}

static bool is_zero(const struct xt_counters *c)
{
	return c->pcnt == 0 && c->bcnt == 0;
}

static bool is_same(const struct xt_counters *a, const struct xt_counters *b)
{
	return a->pcnt == b->pcnt && a->bcnt == b->bcnt;
}

/* The time, so that the numbers of two changes differ even if the counter was cleared between them; and
 * never less than before, should the clock be set back. */
void legacy_witness_pick(struct legacy_witness *w, const struct legacy_table *table)
{
	struct timespec now;

	w->before = *legacy_witness_of(table);
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t number = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (is_zero(&w->before))
		w->before = (struct xt_counters){.pcnt = number++, .bcnt = MARK_DONE};
	if (w->before.pcnt >= number && w->before.pcnt < UINT64_MAX / 2)
		number = w->before.pcnt + 1;
	w->after = (struct xt_counters){.pcnt = number, .bcnt = MARK_DONE};
}

/* A walk over the table as it stands after the changes: its entries come from the table before, or are new. */
struct walk {
	const struct legacy_change *changes;
	size_t n, c;
	uint32_t entry, n_entries;
	bool deleted;
};

/* What the walk gives: an entry of the old table that stays (1), one that is inserted (2), or the end (0). */
enum { END, STAYS, INSERTED };

static int walk_next(struct walk *w, uint32_t *old, const struct legacy_change **change)
{
	while (w->entry < w->n_entries) {
		while (w->c < w->n && w->changes[w->c].entry == w->entry) {
			*change = &w->changes[w->c++];
			if (legacy_edit_deletes(*change))
				w->deleted = true;
			if (legacy_edit_inserts(*change))
				return INSERTED;
		}
		bool stays = !w->deleted;
		*old = w->entry++;
		w->deleted = false;
		if (stays)
			return STAYS;
	}
	return END;
}

static const uint64_t first_print = UINT64_C(0xcbf29ce484222325);

static uint64_t print_of(const struct legacy_table *table)
{
	uint64_t print = first_print;

	for (size_t i = 0, offset = 0; i < table->info.num_entries; i++) {
		print = legacy_edit_print(print, table->family, table->entries, offset);
		offset += legacy_entry_at(table->family, table->entries, offset).next_offset;
	}
	return print;
}

static uint64_t print_after(const struct legacy_table *table, const struct legacy_change *changes, size_t n)
{
	struct walk walk = {.changes = changes, .n = n, .n_entries = table->info.num_entries};
	const struct legacy_change *change;
	uint64_t print = first_print;
	size_t offset = 0;
	uint32_t at = 0, old;
	int what;

	while ((what = walk_next(&walk, &old, &change)) != END) {
		if (what == INSERTED) {
			print = legacy_edit_print_insert(print, table->family, change);
			continue;
		}
		for (; at < old; at++)
			offset += legacy_entry_at(table->family, table->entries, offset).next_offset;
		print = legacy_edit_print(print, table->family, table->entries, offset);
	}
	return print;
}

static bool is_structural(const struct legacy_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (legacy_edit_inserts(&changes[i]) || legacy_edit_deletes(&changes[i]))
			return true;
	return false;
}

static void write_changes(unsigned char *at, const struct legacy_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++, at += sizeof(struct noted_change)) {
		const struct edit *edit = changes[i].edit;
		/* A chain's head and end are entries that come or go, as rules are. */
		struct noted_change noted = {.kind = legacy_edit_inserts(&changes[i])   ? EDIT_INSERT
						     : legacy_edit_deletes(&changes[i]) ? EDIT_DELETE
											: edit->kind,
					     .entry = changes[i].entry};
		if (edit->kind == EDIT_ADD || edit->kind == EDIT_INSERT)
			noted.counter = (struct xt_counters){edit->counter.packets, edit->counter.octets};
		memcpy(at, &noted, sizeof noted);
	}
}

static void write_counters(unsigned char *at, const struct legacy_table *table)
{
	for (size_t i = 0, offset = 0; i < table->info.num_entries; i++, at += sizeof(struct xt_counters)) {
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
		memcpy(at, entry.counters, sizeof *entry.counters);
		offset += entry.next_offset;
	}
}

int legacy_witness_note(struct intent *intent, const struct legacy_table *table, const struct legacy_witness *witness,
			const struct legacy_change *changes, size_t n)
{
	struct note_head head = {.magic = MAGIC, .before = witness->before, .after = witness->after,
				 .family = table->family};
	size_t more = sizeof head;

	/* Counters alone leave nothing to rescue. */
	if (is_structural(changes, n)) {
		head.n_entries = table->info.num_entries;
		head.n_changes = (uint32_t)n;
		head.old_print = print_of(table);
		head.new_print = print_after(table, changes, n);
		more += n * sizeof(struct noted_change) + head.n_entries * sizeof(struct xt_counters);
	}
	unsigned char *data = realloc(intent->data, intent->size + more);
	if (!data)
		return -1;
	unsigned char *at = data + intent->size;
	memcpy(at, &head, sizeof head);
	if (head.n_entries) {
		write_changes(at + sizeof head, changes, n);
		write_counters(at + sizeof head + n * sizeof(struct noted_change), table);
	}
	intent->data = data;
	intent->size += more;
	intent->n_steps++;
	return 0;
}

static int check_changes(const struct note_head *head, const unsigned char *at)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < head->n_changes; i++, at += sizeof(struct noted_change)) {
		struct noted_change noted;
		memcpy(&noted, at, sizeof noted);
		if (noted.entry < last || noted.entry >= head->n_entries || noted.kind > EDIT_INSERT)
			return -1;
		last = noted.entry;
	}
	return 0;
}

int legacy_witness_next(struct legacy_note *note, const void *data, size_t size, size_t *offset)
{
	struct note_head head;
	size_t left = size - *offset;

	if (left == 0)
		return 0;
	const unsigned char *at = (const unsigned char *)data + *offset;
	if (left < sizeof head)
		goto bad;
	memcpy(&head, at, sizeof head);
	size_t changes = head.n_changes * sizeof(struct noted_change);
	size_t counters = head.n_entries * sizeof(struct xt_counters);
	if (head.magic != MAGIC || (head.family != 4 && head.family != 6) || left - sizeof head < changes + counters ||
	    check_changes(&head, at + sizeof head) < 0)
		goto bad;
	*note = (struct legacy_note){.family = (uint8_t)head.family,
				     .witness = {.before = head.before, .after = head.after},
				     .n_entries = head.n_entries,
				     .n_changes = head.n_changes,
				     .old_print = head.old_print,
				     .new_print = head.new_print,
				     .changes = at + sizeof head,
				     .counters = at + sizeof head + changes};
	*offset += sizeof head + changes + counters;
	return 1;
bad:
	errno = EBADMSG;
	return -1;
}

static struct xt_counters noted_counter(const struct legacy_note *note, uint32_t entry)
{
	struct xt_counters counter;

	memcpy(&counter, note->counters + entry * sizeof counter, sizeof counter);
	return counter;
}

/* What the entries of the changed table should have counted, at the least: as legacy_change hands it over. */
static uint32_t counters_after(const struct legacy_note *note, struct xt_counters *list, uint32_t room)
{
	struct noted_change change;
	uint32_t n = 0, c = 0;

	for (uint32_t entry = 0; entry < note->n_entries; entry++) {
		struct xt_counters own = noted_counter(note, entry);
		bool deleted = false;
		for (; c < note->n_changes; c++) {
			memcpy(&change, note->changes + c * sizeof change, sizeof change);
			if (change.entry != entry)
				break;
			if (change.kind == EDIT_INSERT && n < room)
				list[n++] = change.counter;
			if (change.kind == EDIT_ZERO)
				own = (struct xt_counters){0};
			if (change.kind == EDIT_ADD) {
				own.pcnt += change.counter.pcnt;
				own.bcnt += change.counter.bcnt;
			}
			deleted |= change.kind == EDIT_DELETE;
		}
		if (!deleted && n < room)
			list[n++] = own;
	}
	return n;
}

static uint32_t counters_before(const struct legacy_note *note, struct xt_counters *list, uint32_t room)
{
	uint32_t n = note->n_entries < room ? note->n_entries : room;

	for (uint32_t i = 0; i < n; i++)
		list[i] = noted_counter(note, i);
	return n;
}

/* What to give back to the table after the change, or to the one before it. */
static struct xt_counters_info *rescue_of(const struct legacy_note *note, const struct legacy_table *table, bool after)
{
	unsigned n = table->info.num_entries;
	struct xt_counters_info *add = legacy_counters_new(n);

	if (!add)
		return NULL;
	if ((after ? counters_after : counters_before)(note, add->counters, n) != n)
		memset(add->counters, 0, n * sizeof add->counters[0]);
	add->counters[n - 1] = (struct xt_counters){.pcnt = note->witness.after.pcnt,
						    .bcnt = after ? MARK_RESCUED : MARK_PUT_BACK};
	return add;
}

int legacy_witness_judge(const struct legacy_note *note, const struct legacy_table *table,
			 struct xt_counters_info **rescue)
{
	*rescue = NULL;
	if (!table->present)
		return STEP_UNKNOWN;
	const struct xt_counters *now = legacy_witness_of(table);
	if (is_same(now, &note->witness.before))
		return STEP_NOT_DONE;
	if (now->pcnt == note->witness.after.pcnt && now->bcnt >= MARK_DONE && now->bcnt <= MARK_PUT_BACK)
		return now->bcnt == MARK_DONE ? STEP_DONE : now->bcnt == MARK_RESCUED ? STEP_RESCUED : STEP_UNKNOWN;
	if (note->n_entries == 0)
		return STEP_UNKNOWN;
	unsigned int mark = *mark_of(table);
	uint64_t print = print_of(table);
	if (is_zero(now) && mark == mark_for(&note->witness, LEGACY_MARK_CHANGE) && print == note->new_print) {
		*rescue = rescue_of(note, table, true);
		return *rescue ? STEP_RESCUED : -1;
	}
	/* It was being taken back: what passed meanwhile is lost, and nothing was done. */
	if (is_zero(now) && mark == mark_for(&note->witness, LEGACY_MARK_REVERT) && print == note->old_print) {
		*rescue = rescue_of(note, table, false);
		return *rescue ? STEP_UNKNOWN : -1;
	}
	/* Another program replaced the table since: the rules themselves may tell. */
	if (note->new_print == note->old_print)
		return STEP_UNKNOWN;
	return print == note->new_print ? STEP_DONE : print == note->old_print ? STEP_NOT_DONE : STEP_UNKNOWN;
}
