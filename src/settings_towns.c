/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `towns:`, what towns and hosts may use. */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

enum { NAME, QUOTA, BASIS, WARN_PERCENT, ON_EXCEED, HOSTS, PREFIXES, EACH_ADDRESS, KEYS };

static const char later[] = "belongs to a later version: in this one the rules that stand say whose a prefix is";

static const struct settings_key town_keys[KEYS] = {
	[NAME] = {"name", NULL},
	[QUOTA] = {"quota", NULL},
	[BASIS] = {"basis", NULL},
	[WARN_PERCENT] = {"warn-percent", NULL},
	[ON_EXCEED] = {"on-exceed", "is a key of hosts alone: nothing follows from the quota of a town"},
	[HOSTS] = {"hosts", NULL},
	[PREFIXES] = {"prefixes", later},
	[EACH_ADDRESS] = {"each-address", later}};

static const struct settings_key host_keys[KEYS] = {
	[NAME] = {"name", NULL},
	[QUOTA] = {"quota", NULL},
	[BASIS] = {"basis", NULL},
	[WARN_PERCENT] = {"warn-percent", NULL},
	[ON_EXCEED] = {"on-exceed", NULL},
	[HOSTS] = {"hosts", "is a key of towns alone"},
	[PREFIXES] = {"prefixes", later},
	[EACH_ADDRESS] = {"each-address", later}};

struct choice {
	const char *name;
	uint8_t value;
};

/* Reads one of some words. Returns whether it is one. */
static bool read_choice(struct settings_reading *r, const yaml_node_t *node, const char *key,
			const struct choice choices[3], uint8_t *value)
{
	for (int i = 0; i < 3; i++)
		if (settings_is(node, choices[i].name)) {
			*value = choices[i].value;
			return true;
		}
	settings_mistake(r, node, "%s is '%.80s', expected %s, %s or %s", key, settings_text(node),
			 choices[0].name, choices[1].name, choices[2].name);
	return false;
}

static bool read_size(struct settings_reading *r, const yaml_node_t *node, uint32_t *megabytes)
{
	const char *text = settings_text(node), *expected;

	expected = quota_parse(megabytes, text);
	if (!expected && strlen(text) != node->data.scalar.length)
		expected = "no NUL in it";
	if (expected)
		settings_mistake(r, node, "quota is '%.80s', expected %s", text, expected);
	return !expected;
}

static void read_quota(struct settings_reading *r, const yaml_node_t *const values[KEYS], struct settings_row *row)
{
	static const struct choice bases[] = {{"both", QUOTA_BOTH}, {"down", QUOTA_DOWN}, {"up", QUOTA_UP}};
	static const struct choice actions[] = {
		{"none", QUOTA_IGNORE}, {"notify", QUOTA_NOTIFY}, {"block", QUOTA_BLOCK}};
	unsigned percent;

	row->quota = quota_default;
	if (values[QUOTA] && read_size(r, values[QUOTA], &row->quota.megabytes))
		row->given |= SETTINGS_QUOTA;
	if (values[BASIS] && read_choice(r, values[BASIS], "basis", bases, &row->quota.basis))
		row->given |= SETTINGS_BASIS;
	if (values[WARN_PERCENT] &&
	    settings_number(r, values[WARN_PERCENT], "warn-percent", 0, QUOTA_WARN_MAX, &percent)) {
		row->quota.warn_percent = (uint8_t)percent;
		row->given |= SETTINGS_WARN_PERCENT;
	}
	if (values[ON_EXCEED] && read_choice(r, values[ON_EXCEED], "on-exceed", actions, &row->quota.action))
		row->given |= SETTINGS_ON_EXCEED;
}

/* Adds a row whose names are good; a copy. */
static void add_row(struct settings_reading *r, const struct settings_row *row)
{
	struct settings *settings = r->settings;

	if (settings->n_rows == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct settings_row *more = realloc(settings->rows, room * sizeof *more);
		if (!more) {
			settings_no_memory(r);
			return;
		}
		settings->rows = more;
		r->room = room;
	}
	settings->rows[settings->n_rows++] = *row;
}

/* The name of a town or a host, or NULL: a mistake. */
static const char *read_name(struct settings_reading *r, const yaml_node_t *node, const yaml_node_t *name,
			     const char *what, size_t most)
{
	if (name)
		return settings_good_name(r, name, what, most);
	settings_mistake(r, node, "found %s without a name, expected 'name' in it", what);
	return NULL;
}

/* Without a town's name, which is a mistake already, its hosts are read for theirs. */
static void read_host(struct settings_reading *r, const yaml_node_t *node, const char *town)
{
	struct settings_row row = {.line = settings_line(node)};
	const yaml_node_t *values[KEYS];

	if (!settings_keys(r, node, "a host", "{name: alice, quota: 50GB}", host_keys, KEYS, values))
		return;
	const char *name = read_name(r, node, values[NAME], "a host", NAME_HOST_MAX);
	read_quota(r, values, &row);
	if (!name || !town)
		return;
	memcpy(row.town, town, strlen(town) + 1);
	memcpy(row.host, name, strlen(name) + 1);
	add_row(r, &row);
}

static void read_town(struct settings_reading *r, const yaml_node_t *node)
{
	struct settings_row row = {.line = settings_line(node)};
	const yaml_node_t *values[KEYS];

	if (!settings_keys(r, node, "a town", "{name: town-a, quota: 2TB}", town_keys, KEYS, values))
		return;
	const char *name = read_name(r, node, values[NAME], "a town", NAME_TOWN_MAX);
	read_quota(r, values, &row);
	if (name) {
		memcpy(row.town, name, strlen(name) + 1);
		add_row(r, &row);
	}
	const yaml_node_t *hosts = values[HOSTS];
	if (hosts && hosts->type != YAML_SEQUENCE_NODE) {
		settings_mistake(r, hosts, "hosts is '%.80s', expected a list such as [{name: alice, quota: 50GB}]",
				 settings_text(hosts));
		return;
	}
	for (yaml_node_item_t *i = hosts ? hosts->data.sequence.items.start : NULL;
	     hosts && i < hosts->data.sequence.items.top; i++)
		read_host(r, settings_node(r, *i), name);
}

/* A town comes before its hosts, as "" comes before their names. */
static int compare_row(const struct settings_row *row, const char *town, const char *host)
{
	int order = strcmp(row->town, town);

	return order ? order : strcmp(row->host, host);
}

static int by_names(const void *a, const void *b)
{
	const struct settings_row *x = a, *y = b;
	int order = compare_row(x, y->town, y->host);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

void settings_read_towns(struct settings_reading *r, const yaml_node_t *node)
{
	struct settings *settings = r->settings;

	if (node->type != YAML_SEQUENCE_NODE) {
		settings_mistake(r, node, "towns is '%.80s', expected a list such as [{name: town-a, quota: 2TB}]",
				 settings_text(node));
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
		read_town(r, settings_node(r, *i));
	if (settings->n_rows)
		qsort(settings->rows, settings->n_rows, sizeof *settings->rows, by_names);
	for (size_t i = 1; i < settings->n_rows; i++) {
		const struct settings_row *row = &settings->rows[i];
		if (compare_row(&row[-1], row->town, row->host) == 0)
			settings_mistake_at(r, row->line, "the %s %s%s%s stands here a second time, after line %zu",
					 row->host[0] ? "host" : "town", row->town, row->host[0] ? "/" : "", row->host,
					 row[-1].line);
	}
}

const struct settings_row *settings_find(const struct settings *settings, const char *town, const char *host)
{
	size_t low = 0, high = settings->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_row(&settings->rows[middle], town, host ? host : "");
		if (order == 0)
			return &settings->rows[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool settings_quota(const struct settings *settings, const char *town, const char *host, struct quota *quota)
{
	const struct settings_row *row = settings_find(settings, town, host);

	*quota = row ? row->quota : quota_default;
	return row != NULL;
}
