/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes of towns and hosts held to one another. */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* Prefixes in each other have growing lengths: so many at most. */
enum { DEPTH_MAX = 129 };

/* In order of prefixes: what contains others comes before them. */
enum kind { TOWN, HOST, NAME };

struct item {
	struct prefix prefix;
	uint8_t kind;   /* NAME: an address that is a host's name, in a town of each-address */
	uint32_t index; /* of r->found; NAME: of r->drafts */
};

struct sweep {
	struct item *items;
	size_t n;
	const struct item *stack[2][DEPTH_MAX]; /* those that contain the one looked at, of towns and of hosts */
	bool shared[DEPTH_MAX]; /* of towns: it is the prefix of another town, too */
	size_t depth[2];
};

static int by_prefix(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	if (order == 0)
		order = (int)x->kind - (int)y->kind;
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static const struct settings_row *row_of(const struct settings_reading *r, const struct settings_found *found)
{
	return &r->drafts[found->row].row;
}

/* A host's name that is an address which each-address might make a host of. */
static bool is_address(const struct settings_row *row, struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	return prefix_parse(prefix, row->host) == 0 && prefix->family == PREFIX_IPV4 && prefix->length == 32 &&
	       strcmp(prefix_format(prefix, text), row->host) == 0;
}

static bool collect(struct settings_reading *r, struct sweep *sweep)
{
	bool each = false;

	sweep->items = calloc(r->n_found + r->n_drafts + 1, sizeof *sweep->items);
	if (!sweep->items) {
		settings_no_memory(r);
		return false;
	}
	for (size_t i = 0; i < r->n_found; i++)
		sweep->items[sweep->n++] = (struct item){.prefix = r->found[i].prefix, .index = (uint32_t)i,
							 .kind = row_of(r, &r->found[i])->host[0] ? HOST : TOWN};
	for (size_t i = 0; i < r->n_drafts; i++) {
		struct item item = {.kind = NAME, .index = (uint32_t)i};
		if (!r->drafts[i].row.host[0])
			each = r->drafts[i].each_address;
		else if (each && is_address(&r->drafts[i].row, &item.prefix))
			sweep->items[sweep->n++] = item;
	}
	if (sweep->n)
		qsort(sweep->items, sweep->n, sizeof *sweep->items, by_prefix);
	return true;
}

/* Tells it at the one that stands later. */
static void tell_overlap(struct settings_reading *r, const struct item *a, const struct item *b)
{
	const struct settings_found *later = &r->found[a->index > b->index ? a->index : b->index];
	const struct settings_found *first = &r->found[a->index > b->index ? b->index : a->index];
	const struct settings_row *row = row_of(r, later), *other = row_of(r, first);
	char text[PREFIX_TEXT_SIZE], before[PREFIX_TEXT_SIZE];

	/* Of two rows of one name, which were told. */
	if (row == other && later->entry != first->entry)
		return;
	settings_mistake_at(r, later->at, "%s of %s%s%s %s %s of %s%s%s at %s:%zu, expected each address %s",
			    prefix_format(&later->prefix, text), row->town, row->host[0] ? "/" : "", row->host,
			    prefix_compare(&later->prefix, &first->prefix) == 0 ? "is" : "overlaps with",
			    prefix_format(&first->prefix, before), other->town, other->host[0] ? "/" : "", other->host,
			    settings_file(r, first->at), first->at.line,
			    row == other ? "once" : row->host[0] ? "in one host" : "in one town");
}

/* Is the item looked at in a prefix of this town? */
static bool in_town(const struct settings_reading *r, const struct sweep *sweep, uint32_t town)
{
	for (size_t i = 0; i < sweep->depth[TOWN]; i++)
		if (sweep->shared[i] || r->found[sweep->stack[TOWN][i]->index].row == town)
			return true;
	return false;
}

static void check_inside(struct settings_reading *r, const struct sweep *sweep, const struct item *item)
{
	const struct settings_found *found = &r->found[item->index], *first;
	const struct settings_row *row = row_of(r, found);
	char text[PREFIX_TEXT_SIZE], outer[PREFIX_TEXT_SIZE];

	const struct settings_draft *town = &r->drafts[r->drafts[found->row].town];

	if (in_town(r, sweep, r->drafts[found->row].town))
		return;
	/* One that has none, which is well under standing rules, or one that was not to be read. */
	if (town->row.n_prefixes == 0 || town->bad_prefix)
		return;
	first = &r->found[town->row.first_prefix];
	settings_mistake_at(r, found->at, "%s of %s/%s is not in its town, expected it in %s%s at %s:%zu",
			    prefix_format(&found->prefix, text), row->town, row->host, prefix_format(&first->prefix, outer),
			    town->row.n_prefixes > 1 ? " or another of its prefixes" : "", settings_file(r, first->at),
			    first->at.line);
}

static void check_name(struct settings_reading *r, const struct sweep *sweep, const struct item *item)
{
	const struct settings_draft *draft = &r->drafts[item->index];
	const struct settings_row *row = &draft->row;
	struct settings_place each = r->drafts[draft->town].each_at;

	if (sweep->depth[HOST] > 0 || !in_town(r, sweep, draft->town))
		return;
	settings_mistake_at(r, (struct settings_place){row->file, row->line},
			    "the host %s/%s is called as the one that each-address makes of this address at %s:%zu, "
			    "expected another name, or the address in its prefixes", row->town, row->host,
			    settings_file(r, each), each.line);
}

static void check_item(struct settings_reading *r, struct sweep *sweep, const struct item *item)
{
	for (int kind = TOWN; kind <= HOST; kind++)
		while (sweep->depth[kind] > 0 &&
		       !prefix_contains(&sweep->stack[kind][sweep->depth[kind] - 1]->prefix, &item->prefix))
			sweep->depth[kind]--;
	if (item->kind == NAME) {
		check_name(r, sweep, item);
		return;
	}
	if (item->kind == HOST)
		check_inside(r, sweep, item);
	const struct item **stack = sweep->stack[item->kind];
	size_t *depth = &sweep->depth[item->kind];
	if (*depth > 0)
		tell_overlap(r, stack[*depth - 1], item);
	/* The same prefix once more is no deeper. */
	if (*depth > 0 && prefix_compare(&stack[*depth - 1]->prefix, &item->prefix) == 0) {
		sweep->shared[*depth - 1] |= item->kind == TOWN;
		return;
	}
	if (item->kind == TOWN)
		sweep->shared[*depth] = false;
	stack[(*depth)++] = item;
}

void settings_check_prefixes(struct settings_reading *r)
{
	struct sweep sweep = {0};

	if (!collect(r, &sweep))
		return;
	for (size_t i = 0; i < sweep.n; i++)
		check_item(r, &sweep, &sweep.items[i]);
	free(sweep.items);
}
