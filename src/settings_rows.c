/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what was read of towns and hosts to the rows of the settings. */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* A town comes before its hosts, as "" comes before their names. */
static int compare_names(const struct settings_row *a, const struct settings_row *b)
{
	int order = strcmp(a->town, b->town);

	return order ? order : strcmp(a->host, b->host);
}

static int by_names(const void *a, const void *b)
{
	const struct settings_draft *x = a, *y = b;
	int order = compare_names(&x->row, &y->row);

	return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static struct settings_place place_of(const struct settings_draft *draft)
{
	return (struct settings_place){draft->row.file, draft->row.line};
}

/* Of those of one name, is this one the same once more, and not more of a town from another file? */
static bool is_twice(const struct settings_draft *draft)
{
	return draft->row.host[0] || draft[-1].row.file == draft->row.file;
}

static void tell_twice(struct settings_reading *r, const struct settings_draft *draft)
{
	const struct settings_row *row = &draft->row;
	struct settings_place before = place_of(draft - 1);

	settings_mistake_at(r, place_of(draft), "the %s %s%s%s stands here a second time, after %s:%zu",
			    row->host[0] ? "host" : "town", row->town, row->host[0] ? "/" : "", row->host,
			    settings_file(r, before), before.line);
}

/* Keys of a town that have a value in two files. `all` are those of the n drafts before it. */
static void tell_keys(struct settings_reading *r, const struct settings_draft *draft, size_t n, unsigned all)
{
	for (unsigned key = ROW_PREFIXES; key < ROW_HOSTS; key++) {
		const struct settings_draft *other = draft - 1;
		if (!(all & draft->keys & 1u << key))
			continue;
		while (other > draft - n && !(other->keys & 1u << key))
			other--;
		struct settings_place before = place_of(other);
		settings_mistake_at(r, place_of(draft), "the town %s has '%s' a second time, after %s:%zu",
				    draft->row.town, settings_town_key(key), settings_file(r, before), before.line);
	}
}

/* Tells what is twice in n drafts of one name. */
static void check_group(struct settings_reading *r, const struct settings_draft *group, size_t n)
{
	unsigned all = group->keys;

	for (size_t i = 1; i < n; i++) {
		if (is_twice(&group[i]))
			tell_twice(r, &group[i]);
		else
			tell_keys(r, &group[i], i, all);
		all |= group[i].keys;
	}
}

/* Takes over what another file says of a town. */
static void merge_town(struct settings_draft *town, const struct settings_draft *more)
{
	const struct quota *quota = &more->row.quota;

	if (more->row.given & SETTINGS_QUOTA)
		town->row.quota.megabytes = quota->megabytes;
	if (more->row.given & SETTINGS_BASIS)
		town->row.quota.basis = quota->basis;
	if (more->row.given & SETTINGS_WARN_PERCENT)
		town->row.quota.warn_percent = quota->warn_percent;
	if (more->keys & 1u << ROW_EACH_ADDRESS) {
		town->each_address = more->each_address;
		town->each_at = more->each_at;
	}
	town->services |= more->services;
	town->host_services |= more->host_services;
	/* A row is where its prefixes are. */
	if (more->keys & 1u << ROW_PREFIXES) {
		town->row.file = more->row.file;
		town->row.line = more->row.line;
	}
	town->row.given |= more->row.given;
	town->keys |= more->keys;
	town->bad_prefix |= more->bad_prefix;
}

/* Gives each prefix its row, and each row its town, the number of its prefixes and the first one. */
static void take_prefixes(struct settings_reading *r, const uint32_t *row_of)
{
	uint32_t town = 0;

	for (uint32_t i = 0; i < r->n_drafts; i++) {
		r->drafts[i].row.n_prefixes = 0;
		town = r->drafts[i].row.host[0] ? town : i;
		r->drafts[i].town = town;
	}
	for (size_t i = 0; i < r->n_found; i++) {
		r->found[i].row = row_of[r->found[i].entry];
		struct settings_row *row = &r->drafts[r->found[i].row].row;
		if (row->n_prefixes++ == 0)
			row->first_prefix = (uint32_t)i;
	}
}

/* Under `rules: managed` it is prefixes that rules are made of. */
static void check_prefixes(struct settings_reading *r)
{
	for (size_t i = 0; i < r->n_drafts; i++) {
		const struct settings_row *row = &r->drafts[i].row;
		if (row->n_prefixes == 0 && !(r->drafts[i].keys & 1u << ROW_PREFIXES))
			settings_mistake_at(r, (struct settings_place){row->file, row->line},
					    "the %s %s%s%s has no prefixes, expected at least one with 'rules: managed'",
					    row->host[0] ? "host" : "town", row->town, row->host[0] ? "/" : "", row->host);
	}
}

/* Makes one draft of each group. Returns how many there are. */
static size_t merge_groups(struct settings_reading *r, uint32_t *row_of)
{
	size_t n = 0, end;

	for (size_t i = 0; i < r->n_drafts; i = end) {
		struct settings_draft one = r->drafts[i];
		for (end = i; end < r->n_drafts && compare_names(&r->drafts[end].row, &one.row) == 0; end++)
			row_of[r->drafts[end].entry] = (uint32_t)n;
		check_group(r, &r->drafts[i], end - i);
		for (size_t k = i + 1; k < end; k++)
			merge_town(&one, &r->drafts[k]);
		r->drafts[n++] = one;
	}
	return n;
}

void settings_merge(struct settings_reading *r)
{
	uint32_t *row_of = calloc(r->n_drafts + 1, sizeof *row_of);

	if (!row_of) {
		settings_no_memory(r);
		return;
	}
	if (r->n_drafts)
		qsort(r->drafts, r->n_drafts, sizeof *r->drafts, by_names);
	r->n_drafts = merge_groups(r, row_of);
	take_prefixes(r, row_of);
	free(row_of);
	if (r->rules == SETTINGS_MANAGED && !r->unread)
		check_prefixes(r);
}

static int by_row(const void *a, const void *b)
{
	const struct settings_prefix *x = a, *y = b;

	return x->row != y->row ? (x->row < y->row ? -1 : 1) : prefix_compare(&x->prefix, &y->prefix);
}

struct indexed {
	struct prefix prefix;
	uint32_t index;
};

static int by_prefix(const void *a, const void *b)
{
	const struct indexed *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static void fill_rows(struct settings_reading *r)
{
	struct settings *settings = r->settings;

	for (size_t i = 0; i < r->n_drafts; i++) {
		const struct settings_draft *draft = &r->drafts[i];
		struct settings_row *row = &settings->rows[settings->n_rows++];
		bool told = draft->keys & 1u << ROW_SERVICES;
		*row = draft->row;
		row->n_prefixes = 0;
		row->first_prefix = 0;
		bool otherwise = !row->host[0] || r->drafts[draft->town].host_services;
		row->services = settings->n_services > 0 && (told ? draft->services : otherwise);
	}
}

static void fill_prefixes(struct settings_reading *r)
{
	struct settings *settings = r->settings;

	for (size_t i = 0; i < r->n_found; i++)
		settings->prefixes[settings->n_prefixes++] = (struct settings_prefix){
			.prefix = r->found[i].prefix, .row = r->found[i].row, .line = r->found[i].at.line};
	if (settings->n_prefixes)
		qsort(settings->prefixes, settings->n_prefixes, sizeof *settings->prefixes, by_row);
	for (size_t i = 0; i < settings->n_prefixes; i++) {
		struct settings_row *row = &settings->rows[settings->prefixes[i].row];
		if (row->n_prefixes++ == 0)
			row->first_prefix = (uint32_t)i;
	}
}

static void fill_by_prefix(struct settings_reading *r, struct indexed *places)
{
	struct settings *settings = r->settings;
	size_t n = 0;

	for (size_t i = 0; i < settings->n_prefixes; i++)
		if (settings->rows[settings->prefixes[i].row].host[0])
			places[n++] = (struct indexed){settings->prefixes[i].prefix, (uint32_t)i};
	if (n)
		qsort(places, n, sizeof *places, by_prefix);
	for (size_t i = 0; i < n; i++)
		settings->by_prefix[i] = places[i].index;
	settings->n_by_prefix = n;
}

void settings_fill(struct settings_reading *r)
{
	struct settings *settings = r->settings;
	struct indexed *places = calloc(r->n_found + 1, sizeof *places);

	free(settings->rows);
	free(settings->prefixes);
	free(settings->by_prefix);
	settings->n_rows = settings->n_prefixes = settings->n_by_prefix = 0;
	settings->rows = calloc(r->n_drafts + 1, sizeof *settings->rows);
	settings->prefixes = calloc(r->n_found + 1, sizeof *settings->prefixes);
	settings->by_prefix = calloc(r->n_found + 1, sizeof *settings->by_prefix);
	if (places && settings->rows && settings->prefixes && settings->by_prefix) {
		fill_rows(r);
		fill_prefixes(r);
		fill_by_prefix(r, places);
	} else {
		settings_no_memory(r);
	}
	free(places);
}
