/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "legacy_write.h"

static size_t insert_size(uint8_t family, const struct legacy_change *change)
{
	if (change->edit->kind == EDIT_INSERT)
		return legacy_write_rule_size(family, change->edit);
	return change->part == LEGACY_HEAD ? legacy_write_head_size(family) : legacy_write_end_size(family);
}

/* Writes the entry at `offset` of the new block. */
static void write_insert(uint8_t family, const struct legacy_change *change, unsigned char *entries, size_t offset)
{
	if (change->edit->kind == EDIT_INSERT)
		legacy_write_rule(family, change->edit, entries, offset);
	else if (change->part == LEGACY_HEAD)
		legacy_write_head(family, change->edit->name, entries, offset);
	else
		legacy_write_end(family, entries, offset);
}

/* FNV-1a, eight octets at a time. */
static uint64_t mix(uint64_t print, const unsigned char *octets, size_t n)
{
	const uint64_t prime = UINT64_C(0x100000001b3);
	uint64_t word;

	for (; n >= sizeof word; n -= sizeof word, octets += sizeof word) {
		memcpy(&word, octets, sizeof word);
		print = (print ^ word) * prime;
		print ^= print >> 29;
	}
	word = 0;
	memcpy(&word, octets, n);
	return (print ^ word) * prime;
}

/* What tells entries of one form apart: the ports of a rule, the name of a chain. */
static uint64_t mix_own(uint64_t print, uint8_t family, const struct legacy_entry *entry)
{
	const struct xt_entry_match *match = (const void *)(entry->head + legacy_head_size(family));
	const struct xt_error_target *error = (const void *)entry->target;

	if (entry->target_offset > legacy_head_size(family)) {
		if (strcmp(match->u.user.name, "tcp") == 0)
			return mix(print, match->data, sizeof(struct xt_tcp));
		if (strcmp(match->u.user.name, "udp") == 0)
			return mix(print, match->data, sizeof(struct xt_udp));
	}
	if (strcmp(entry->target->u.user.name, XT_ERROR_TARGET) == 0)
		return mix(print, (const unsigned char *)error->errorname,
			   strnlen(error->errorname, sizeof error->errorname));
	return print;
}

/* The kernel gives the head back as it was written, but for the field in which it notes something. Another
 * field has no meaning: legacy_witness.h uses it. */
uint64_t legacy_edit_print(uint64_t print, uint8_t family, unsigned char *entries, size_t offset)
{
	struct legacy_entry entry = legacy_entry_at(family, entries, offset);
	const struct xt_standard_target *target = (void *)entry.target;
	size_t conditions = family == 6 ? offsetof(struct ip6t_entry, nfcache) : offsetof(struct ipt_entry, nfcache);
	int form[3] = {entry.target_offset, entry.next_offset, 0};

	if (entry.target->u.user.name[0] == '\0')
		form[2] = target->verdict < 0 ? target->verdict
					      : 1 + ((size_t)target->verdict == offset + entry.next_offset);
	print = mix(print, entry.head, conditions);
	print = mix(print, (const unsigned char *)form, sizeof form);
	return mix_own(print, family, &entry);
}

uint64_t legacy_edit_print_insert(uint64_t print, uint8_t family, const struct legacy_change *change)
{
	/* Offsets are aligned as in a table. */
	uint64_t room[LEGACY_WRITE_MOST / sizeof(uint64_t)];

	write_insert(family, change, (unsigned char *)room, 0);
	return legacy_edit_print(print, family, (unsigned char *)room, 0);
}

/* Where old offsets went. `begin`: where the first insert before the entry stands; `at`: the entry. `made`: where the
 * first entries of chains stand that are made, by their numbers. */
struct moves {
	size_t *old, *begin, *at, *made;
	unsigned n;
};

static int by_offset(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

/* The number of the entry at an old offset. */
static size_t find(const struct moves *moves, size_t offset)
{
	const size_t *found = bsearch(&offset, moves->old, moves->n, sizeof *moves->old, by_offset);

	return found ? (size_t)(found - moves->old) : 0;
}

/* Jumps to a chain and `next rule` verdicts of the entries that stay. */
static void move_verdict(uint8_t family, const struct moves *moves, size_t number, unsigned char *entries)
{
	struct legacy_entry entry = legacy_entry_at(family, entries, moves->at[number]);
	struct xt_standard_target *target = (void *)entry.target;

	if (entry.target->u.user.name[0] != '\0' || target->verdict < 0)
		return;
	if ((size_t)target->verdict == moves->old[number] + entry.next_offset)
		target->verdict = (int)(moves->at[number] + entry.next_offset);
	else
		target->verdict = (int)moves->begin[find(moves, (size_t)target->verdict)];
}

/* Jumps of the rules that were put in. */
static void set_target(uint8_t family, const struct moves *moves, const struct legacy_change *change,
		       unsigned char *entries, size_t offset)
{
	struct legacy_entry entry = legacy_entry_at(family, entries, offset);

	if (change->edit->kind == EDIT_INSERT &&
	    (change->edit->verdict == VERDICT_JUMP || change->edit->verdict == VERDICT_GOTO))
		((struct xt_standard_target *)(void *)entry.target)->verdict =
			(int)(change->to_made ? moves->made[change->target] : moves->begin[change->target]);
}

/* All verdicts, now that every chain has its place. */
static void set_verdicts(struct legacy_edition *edition, uint8_t family, const struct moves *moves)
{
	for (size_t i = 0, offset = 0; i < edition->info.num_entries; i++) {
		if (edition->inserted[i])
			set_target(family, moves, edition->inserted[i], edition->entries, offset);
		else
			move_verdict(family, moves, edition->origin[i], edition->entries);
		offset += legacy_entry_at(family, edition->entries, offset).next_offset;
	}
}

static int lay_out(struct legacy_edition *edition, const struct legacy_table *table,
		   const struct legacy_change *changes, size_t n, struct moves *moves)
{
	size_t offset = 0, from = 0, c = 0;
	uint32_t entry = 0;

	for (unsigned i = 0; i < table->info.num_entries; i++) {
		size_t size = legacy_entry_at(table->family, table->entries, from).next_offset;
		bool deleted = false;
		moves->old[i] = from;
		moves->begin[i] = offset;
		for (; c < n && changes[c].entry == i; c++) {
			if (legacy_edit_deletes(&changes[c])) {
				deleted = true;
				continue;
			}
			write_insert(table->family, &changes[c], edition->entries, offset);
			edition->origin[entry] = RULE_NONE;
			edition->inserted[entry++] = &changes[c];
			offset += insert_size(table->family, &changes[c]);
			if (changes[c].edit->kind == EDIT_CHAIN && changes[c].part == LEGACY_HEAD)
				moves->made[changes[c].made] = offset;
		}
		moves->at[i] = offset;
		if (!deleted) {
			memcpy(edition->entries + offset, table->entries + from, size);
			edition->origin[entry++] = i;
			offset += size;
		}
		from += size;
	}
	edition->info.num_entries = entry;
	edition->info.size = (unsigned)offset;
	return c == n ? 0 : -1;
}

size_t legacy_edition_size(const struct legacy_table *table, const struct legacy_change *changes, size_t n)
{
	size_t size = table->info.size;

	for (size_t i = 0; i < n; i++)
		if (legacy_edit_inserts(&changes[i]))
			size += insert_size(table->family, &changes[i]);
	return size;
}

int legacy_edition_make(struct legacy_edition *edition, unsigned char *entries, const struct legacy_table *table,
			const struct legacy_change *changes, size_t n)
{
	unsigned old = table->info.num_entries;
	struct moves moves = {.n = old};
	size_t made = 0;
	int result = -1;

	memset(edition, 0, sizeof *edition);
	for (size_t i = 0; i < n; i++)
		made = changes[i].made > made ? changes[i].made : made;
	edition->info = table->info;
	edition->entries = entries;
	edition->origin = calloc(old + n, sizeof *edition->origin);
	edition->inserted = calloc(old + n, sizeof *edition->inserted);
	moves.old = calloc(old, sizeof *moves.old);
	moves.begin = calloc(old, sizeof *moves.begin);
	moves.at = calloc(old, sizeof *moves.at);
	moves.made = calloc(made + 1, sizeof *moves.made);
	if (!edition->origin || !edition->inserted || !moves.old || !moves.begin || !moves.at || !moves.made)
		goto out;
	if (lay_out(edition, table, changes, n, &moves) < 0) {
		errno = EINVAL;
		goto out;
	}
	set_verdicts(edition, table->family, &moves);
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++) {
		if (!(table->info.valid_hooks & 1u << hook))
			continue;
		edition->info.hook_entry[hook] = (unsigned)moves.begin[find(&moves, table->info.hook_entry[hook])];
		edition->info.underflow[hook] = (unsigned)moves.at[find(&moves, table->info.underflow[hook])];
	}
	result = 0;
out:
	free(moves.old);
	free(moves.begin);
	free(moves.at);
	free(moves.made);
	return result;
}

void legacy_edition_free(struct legacy_edition *edition)
{
	free(edition->origin);
	free((void *)edition->inserted);
	memset(edition, 0, sizeof *edition);
}
