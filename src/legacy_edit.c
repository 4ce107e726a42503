/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_edit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/xt_comment.h>

/* The size of the match that carries a comment, and of a standard target. */
static size_t comment_size(const struct edit *edit)
{
	return edit->comment[0] ? XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(sizeof(struct xt_comment_info))
				: 0;
}

static size_t insert_size(uint8_t family, const struct edit *edit)
{
	return legacy_head_size(family) + comment_size(edit) + XT_ALIGN(sizeof(struct xt_standard_target));
}

/* Writes the entry at `offset` of the new block; its verdict refers to the entry after it. */
static void write_insert(uint8_t family, const struct edit *edit, unsigned char *entries, size_t offset)
{
	unsigned char *head = entries + offset;
	size_t head_size = legacy_head_size(family), size = insert_size(family, edit);
	uint8_t mask[16];

	memset(head, 0, size);
	prefix_mask(&edit->prefix, mask);
	if (family == 6) {
		struct ip6t_entry *e = (void *)head;
		bool down = edit->direction == DIRECTION_DOWN;
		memcpy(down ? &e->ipv6.dst : &e->ipv6.src, edit->prefix.addr, 16);
		memcpy(down ? &e->ipv6.dmsk : &e->ipv6.smsk, mask, 16);
		e->target_offset = (uint16_t)(head_size + comment_size(edit));
		e->next_offset = (uint16_t)size;
	} else {
		struct ipt_entry *e = (void *)head;
		bool down = edit->direction == DIRECTION_DOWN;
		memcpy(down ? &e->ip.dst : &e->ip.src, edit->prefix.addr, 4);
		memcpy(down ? &e->ip.dmsk : &e->ip.smsk, mask, 4);
		e->target_offset = (uint16_t)(head_size + comment_size(edit));
		e->next_offset = (uint16_t)size;
	}
	if (edit->comment[0]) {
		struct xt_entry_match *match = (void *)(head + head_size);
		struct xt_comment_info *info = (void *)match->data;
		match->u.user.match_size = (uint16_t)comment_size(edit);
		memcpy(match->u.user.name, "comment", sizeof "comment");
		memcpy(info->comment, edit->comment, strnlen(edit->comment, sizeof info->comment - 1));
	}
	struct xt_standard_target *target = (void *)(head + head_size + comment_size(edit));
	target->target.u.user.target_size = (uint16_t)XT_ALIGN(sizeof *target);
	target->verdict = edit->verdict == VERDICT_DROP ? -NF_DROP - 1 : (int)(offset + size);
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
	return mix(print, (const unsigned char *)form, sizeof form);
}

uint64_t legacy_edit_print_insert(uint64_t print, uint8_t family, const struct edit *edit)
{
	/* Offsets are aligned as in a table. */
	uint64_t room[128];

	static_assert(sizeof room >= sizeof(struct ip6t_entry) + sizeof(struct xt_entry_match) +
		      sizeof(struct xt_comment_info) + sizeof(struct xt_standard_target) + 64, "room for any insert");
	write_insert(family, edit, (unsigned char *)room, 0);
	return legacy_edit_print(print, family, (unsigned char *)room, 0);
}

/* Where old offsets went. `begin`: where the first insert before the entry stands; `at`: the entry. */
struct moves {
	size_t *old, *begin, *at;
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
			if (changes[c].edit->kind == EDIT_DELETE) {
				deleted = true;
				continue;
			}
			write_insert(table->family, changes[c].edit, edition->entries, offset);
			edition->origin[entry] = RULE_NONE;
			edition->inserted[entry++] = changes[c].edit;
			offset += insert_size(table->family, changes[c].edit);
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

int legacy_edition_make(struct legacy_edition *edition, const struct legacy_table *table,
			const struct legacy_change *changes, size_t n)
{
	unsigned old = table->info.num_entries;
	struct moves moves = {.n = old};
	size_t room = table->info.size;
	int result = -1;

	memset(edition, 0, sizeof *edition);
	for (size_t i = 0; i < n; i++)
		if (changes[i].edit->kind == EDIT_INSERT)
			room += insert_size(table->family, changes[i].edit);
	edition->info = table->info;
	edition->entries = malloc(room);
	edition->origin = calloc(old + n, sizeof *edition->origin);
	edition->inserted = calloc(old + n, sizeof *edition->inserted);
	moves.old = calloc(old, sizeof *moves.old);
	moves.begin = calloc(old, sizeof *moves.begin);
	moves.at = calloc(old, sizeof *moves.at);
	if (!edition->entries || !edition->origin || !edition->inserted || !moves.old || !moves.begin || !moves.at)
		goto out;
	if (lay_out(edition, table, changes, n, &moves) < 0) {
		errno = EINVAL;
		goto out;
	}
	for (unsigned i = 0; i < edition->info.num_entries; i++)
		if (edition->origin[i] != RULE_NONE)
			move_verdict(table->family, &moves, edition->origin[i], edition->entries);
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
	return result;
}

void legacy_edition_free(struct legacy_edition *edition)
{
	free(edition->entries);
	free(edition->origin);
	free(edition->inserted);
	memset(edition, 0, sizeof *edition);
}
