/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `towns:`, who is metered and what they may use. */
#include <stdio.h>
#include <string.h>

#include "settings_private.h"

static const struct settings_key town_keys[ROW_KEYS] = {
	[ROW_NAME] = {"name", NULL},
	[ROW_PREFIXES] = {"prefixes", NULL},
	[ROW_EACH_ADDRESS] = {"each-address", NULL},
	[ROW_QUOTA] = {"quota", NULL},
	[ROW_BASIS] = {"basis", NULL},
	[ROW_WARN_PERCENT] = {"warn-percent", NULL},
	[ROW_ON_EXCEED] = {"on-exceed", "is a key of hosts alone: nothing follows from the quota of a town"},
	[ROW_SERVICES] = {"services", NULL},
	[ROW_HOST_SERVICES] = {"host-services", NULL},
	[ROW_HOSTS] = {"hosts", NULL}};

static const struct settings_key host_keys[ROW_KEYS] = {
	[ROW_NAME] = {"name", NULL},
	[ROW_PREFIXES] = {"prefixes", NULL},
	[ROW_EACH_ADDRESS] = {"each-address", "is a key of towns alone"},
	[ROW_QUOTA] = {"quota", NULL},
	[ROW_BASIS] = {"basis", NULL},
	[ROW_WARN_PERCENT] = {"warn-percent", NULL},
	[ROW_ON_EXCEED] = {"on-exceed", NULL},
	[ROW_SERVICES] = {"services", NULL},
	[ROW_HOST_SERVICES] = {"host-services", "is a key of towns alone: that of a host is 'services'"},
	[ROW_HOSTS] = {"hosts", "is a key of towns alone"}};

struct choice {
	const char *name;
	uint8_t value;
};

/* Reads one of some words. Returns whether it is one. */
static bool read_choice(struct settings_reading *r, const struct settings_node *node, const char *key,
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

static bool read_size(struct settings_reading *r, const struct settings_node *node, uint32_t *megabytes)
{
	const char *text = settings_text(node), *expected;

	expected = quota_parse(megabytes, text);
	if (!expected && strlen(text) != node->n)
		expected = "no NUL in it";
	if (expected)
		settings_mistake(r, node, "quota is '%.80s', expected %s", text, expected);
	return !expected;
}

static void read_quota(struct settings_reading *r, const struct settings_node *const values[ROW_KEYS], struct settings_row *row)
{
	static const struct choice bases[] = {{"both", QUOTA_BOTH}, {"down", QUOTA_DOWN}, {"up", QUOTA_UP}};
	static const struct choice actions[] = {
		{"none", QUOTA_IGNORE}, {"notify", QUOTA_NOTIFY}, {"block", QUOTA_BLOCK}};
	unsigned percent;

	row->quota = quota_default;
	if (values[ROW_QUOTA] && read_size(r, values[ROW_QUOTA], &row->quota.megabytes))
		row->given |= SETTINGS_QUOTA;
	if (values[ROW_BASIS] && read_choice(r, values[ROW_BASIS], "basis", bases, &row->quota.basis))
		row->given |= SETTINGS_BASIS;
	if (values[ROW_WARN_PERCENT] &&
	    settings_number(r, values[ROW_WARN_PERCENT], "warn-percent", 0, QUOTA_WARN_MAX, &percent)) {
		row->quota.warn_percent = (uint8_t)percent;
		row->given |= SETTINGS_WARN_PERCENT;
	}
	if (values[ROW_ON_EXCEED] && read_choice(r, values[ROW_ON_EXCEED], "on-exceed", actions, &row->quota.action))
		row->given |= SETTINGS_ON_EXCEED;
}

/* One of the keys that divide traffic into classes. */
static bool read_services(struct settings_reading *r, const struct settings_node *node, const char *key)
{
	bool yes = settings_flag(r, node, key);

	if (r->rules == SETTINGS_STANDING)
		settings_mistake(r, node, "%s needs 'rules: managed'", key);
	else if (yes && r->settings->n_services == 0 && !r->services_wrong)
		settings_mistake(r, node, "%s is true, expected classes in the 'services' of the first file, too", key);
	return yes;
}

static void read_row(struct settings_reading *r, const struct settings_node *const values[ROW_KEYS],
		     struct settings_draft *draft)
{
	for (unsigned key = 0; key < ROW_KEYS; key++)
		if (values[key])
			draft->keys |= (uint16_t)(1u << key);
	read_quota(r, values, &draft->row);
	if (values[ROW_PREFIXES])
		settings_read_prefixes(r, values[ROW_PREFIXES], draft);
	if (values[ROW_SERVICES])
		draft->services = read_services(r, values[ROW_SERVICES], "services");
}

/* Adds a copy. */
static void add_draft(struct settings_reading *r, const struct settings_draft *draft)
{
	struct settings_draft *drafts =
		settings_grow(r, r->drafts, r->n_drafts, &r->room_drafts, sizeof *drafts);

	if (!drafts)
		return;
	r->drafts = drafts;
	drafts[r->n_drafts] = *draft;
	drafts[r->n_drafts].entry = (uint32_t)r->n_drafts;
	r->n_drafts++;
}

/* Reads the name of a town or a host into `name`. Without a good one, which is a mistake, it is called something, so
 * that its prefixes are held to all others. */
static bool read_name(struct settings_reading *r, const struct settings_node *node, const struct settings_node *value, const char *what,
		      char *name, size_t most)
{
	const char *text = value ? settings_good_name(r, value, what, most) : NULL;

	if (!value)
		settings_mistake(r, node, "found %s without a name, expected 'name' in it", what);
	if (text)
		memcpy(name, text, strlen(text) + 1);
	else
		snprintf(name, most + 1, "(unnamed %zu)", r->n_drafts);
	return text != NULL;
}

static void read_host(struct settings_reading *r, const struct settings_node *node, const char *town)
{
	struct settings_place at = settings_at(r, node);
	struct settings_draft draft = {.row = {.line = at.line, .file = at.file}};
	const struct settings_node *values[ROW_KEYS];

	if (!settings_keys(r, node, "a host", "{name: alice, quota: 50GB}", host_keys, ROW_KEYS, values))
		return;
	memcpy(draft.row.town, town, strlen(town) + 1);
	read_name(r, node, values[ROW_NAME], "a host", draft.row.host, NAME_HOST_MAX);
	read_row(r, values, &draft);
	add_draft(r, &draft);
}

static void read_hosts(struct settings_reading *r, const struct settings_node *node, const char *town)
{
	int n = settings_list(r, node, "hosts", "[{name: alice, quota: 50GB}]");

	for (int i = 0; i < n; i++)
		read_host(r, settings_item(r, node, (size_t)i), town);
}

/* Under `rules: managed` a chain gets the name. */
static void read_town_name(struct settings_reading *r, const struct settings_node *node, const struct settings_node *value, char *name)
{
	if (!read_name(r, node, value, "a town", name, NAME_TOWN_MAX) || r->rules != SETTINGS_MANAGED)
		return;
	const char *fault = settings_chain_fault(name);
	if (fault)
		settings_mistake(r, value, "the name of a town is '%s', %s", name, fault);
}

static void read_town(struct settings_reading *r, const struct settings_node *node)
{
	struct settings_place at = settings_at(r, node);
	struct settings_draft draft = {.row = {.line = at.line, .file = at.file}};
	const struct settings_node *values[ROW_KEYS];

	if (!settings_keys(r, node, "a town", "{name: town-a, quota: 2TB}", town_keys, ROW_KEYS, values))
		return;
	read_town_name(r, node, values[ROW_NAME], draft.row.town);
	read_row(r, values, &draft);
	if (values[ROW_EACH_ADDRESS]) {
		draft.each_address = settings_flag(r, values[ROW_EACH_ADDRESS], "each-address");
		draft.each_at = settings_at(r, values[ROW_EACH_ADDRESS]);
	}
	if (values[ROW_HOST_SERVICES])
		draft.host_services = read_services(r, values[ROW_HOST_SERVICES], "host-services");
	add_draft(r, &draft);
	if (values[ROW_HOSTS])
		read_hosts(r, values[ROW_HOSTS], draft.row.town);
}

void settings_read_towns(struct settings_reading *r, const struct settings_node *node)
{
	int n = settings_list(r, node, "towns", "[{name: town-a, quota: 2TB}]");

	for (int i = 0; i < n; i++)
		read_town(r, settings_item(r, node, (size_t)i));
}

const char *settings_town_key(unsigned key)
{
	return town_keys[key].name;
}
