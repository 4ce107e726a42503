/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

static void read_duration(struct settings_reading *r, const struct settings_node *node, const char *key, int64_t least,
			  int64_t most, int64_t *value)
{
	static const struct {
		const char *unit;
		int64_t nanoseconds;
	} units[] = {{"ms", 1000000}, {"s", 1000000000}, {"min", 60000000000}, {"h", 3600000000000}};
	const char *text = settings_text(node);
	char *end = NULL;

	errno = 0;
	long number = settings_is_text(node) && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
	for (size_t i = 0; number >= 0 && errno == 0 && i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].unit) == 0 && number <= most / units[i].nanoseconds &&
		    number * units[i].nanoseconds >= least) {
			*value = number * units[i].nanoseconds;
			return;
		}
	settings_mistake(r, node, "%s is '%.80s', expected a time from %lld ms to %lld s with its unit "
			 "(ms, s, min, h), such as 30s", key, text, (long long)(least / 1000000),
			 (long long)(most / 1000000000));
}

static void read_interval(struct settings_reading *r, const struct settings_node *node)
{
	read_duration(r, node, "interval", 100000000, 3600000000000, &r->settings->interval);
}

static void read_max_age(struct settings_reading *r, const struct settings_node *node)
{
	read_duration(r, node, "max-age", 0, 3600000000000, &r->settings->max_age);
}

static void read_rules(struct settings_reading *r, const struct settings_node *node)
{
	r->settings->managed = settings_is(node, "managed");
	r->rules = r->settings->managed ? SETTINGS_MANAGED : SETTINGS_STANDING;
	if (r->settings->managed || settings_is(node, "standing"))
		return;
	r->rules = SETTINGS_RULES_WRONG;
	settings_mistake(r, node, "rules is '%.80s', expected standing or managed", settings_text(node));
}

static void read_totals(struct settings_reading *r, const struct settings_node *node)
{
	static const char *const names[] = {"input", "output"};
	int n = settings_list(r, node, "totals", "[input, output]");

	if (r->rules == SETTINGS_STANDING)
		settings_mistake(r, node, "totals needs 'rules: managed'");
	for (int i = 0; i < n; i++) {
		const struct settings_node *item = settings_item(r, node, (size_t)i);
		uint8_t total = settings_is(item, names[0]) ? SETTINGS_TOTAL_INPUT :
				settings_is(item, names[1]) ? SETTINGS_TOTAL_OUTPUT : 0;
		if (total == 0)
			settings_mistake(r, item, "totals has '%.80s', expected input or output", settings_text(item));
		else if (r->settings->totals & total)
			settings_mistake(r, item, "totals has '%.80s' a second time", settings_text(item));
		r->settings->totals |= total;
	}
}

static void read_set(struct settings_reading *r, const struct settings_node *node)
{
	struct settings *settings = r->settings;
	const struct {
		const char *name;
		bool *may;
	} all[] = {{"zero", &settings->set_zero}, {"block", &settings->set_block}, {"quota", &settings->set_quota}};
	int n;

	settings->set_zero = settings->set_block = settings->set_quota = false;
	n = settings_list(r, node, "set", "[zero, block, quota], or [] for none");
	for (int i = 0; i < n; i++) {
		const struct settings_node *item = settings_item(r, node, (size_t)i);
		bool known = false;
		for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
			if (settings_is(item, all[k].name))
				known = *all[k].may = true;
		if (!known)
			settings_mistake(r, item, "set has '%.80s', expected zero, block or quota",
					 settings_text(item));
	}
}

/* In the order in which they are read: what the rules and the classes are comes before the towns. */
enum { INTERVAL, MAX_AGE, RULES, SET, NAMES, PERIOD, SERVICES, TOTALS, TOWNS, INCLUDE, KEYS };

static const struct settings_key first_keys[KEYS] = {
	[INTERVAL] = {"interval", NULL}, [MAX_AGE] = {"max-age", NULL}, [RULES] = {"rules", NULL},
	[SET] = {"set", NULL}, [NAMES] = {"names", NULL}, [PERIOD] = {"period", NULL},
	[SERVICES] = {"services", NULL}, [TOTALS] = {"totals", NULL}, [TOWNS] = {"towns", NULL},
	[INCLUDE] = {"include", NULL}};

static const char first_only[] = "is a key of the first file alone, expected only 'towns' in one that is included";

static const struct settings_key included_keys[KEYS] = {
	[INTERVAL] = {"interval", first_only}, [MAX_AGE] = {"max-age", first_only}, [RULES] = {"rules", first_only},
	[SET] = {"set", first_only}, [NAMES] = {"names", first_only}, [PERIOD] = {"period", first_only},
	[SERVICES] = {"services", first_only}, [TOTALS] = {"totals", first_only}, [TOWNS] = {"towns", NULL},
	[INCLUDE] = {"include", first_only}};

static void (*const readers[KEYS])(struct settings_reading *r, const struct settings_node *node) = {
	[INTERVAL] = read_interval, [MAX_AGE] = read_max_age, [RULES] = read_rules, [SET] = read_set,
	[NAMES] = settings_read_names, [PERIOD] = settings_read_period, [SERVICES] = settings_read_services,
	[TOTALS] = read_totals, [TOWNS] = settings_read_towns, [INCLUDE] = settings_read_include};

static void read_document(struct settings_reading *r, const struct settings_node *root)
{
	const struct settings_node *values[KEYS];
	bool first = r->file == 0;

	/* An empty file, or one of comments only. */
	if (settings_is(root, ""))
		return;
	if (!settings_keys(r, root, first ? "the configuration" : "an included file",
			   first ? "'interval: 30s'" : "'towns: [{name: town-a}]'", first ? first_keys : included_keys,
			   KEYS, values))
		return;
	for (int i = 0; i < KEYS; i++)
		if (values[i])
			readers[i](r, values[i]);
	if (first)
		r->desktop = values[TOWNS] && !values[TOTALS];
}

void settings_defaults(struct settings *settings)
{
	*settings = (struct settings){
		.interval = 30000000000, .max_age = 2000000000, .keep = 24,
		.set_zero = true, .set_block = true, .set_quota = true};
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	free(settings->names);
	free(settings->rows);
	free(settings->prefixes);
	free(settings->by_prefix);
	for (size_t i = 0; i < settings->n_services; i++)
		free(settings->services[i].matches);
	free(settings->services);
	for (size_t i = 0; i < settings->n_files; i++)
		free(settings->files[i]);
	free(settings->files);
	settings_defaults(settings);
}

/* The file is one document: what stood in a second one would not be heeded. */
static void read_stream(struct settings_reading *r, yaml_parser_t *parser, FILE *file)
{
	const struct settings_node *root = settings_load(r, parser, file);

	if (root)
		read_document(r, root);
	settings_unload(r);
	/* After octets that are no YAML there is nothing to go on with. */
	if (!root)
		return;
	root = settings_load(r, parser, file);
	if (root)
		settings_mistake(r, root, "a second document begins here, expected one in the file");
	settings_unload(r);
}

static void read_file(struct settings_reading *r)
{
	const char *path = r->settings->files[r->file];
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");

	if (!file) {
		settings_mistake_of(r, path, strerror(errno));
		r->unread = true;
		return;
	}
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, file);
		read_stream(r, &parser, file);
		yaml_parser_delete(&parser);
	} else {
		settings_no_memory(r);
	}
	fclose(file);
}

static void settle(struct settings_reading *r)
{
	settings_merge(r);
	if (!r->drafts && r->desktop && r->rules == SETTINGS_MANAGED)
		r->settings->totals = SETTINGS_TOTAL_INPUT | SETTINGS_TOTAL_OUTPUT;
	settings_check_each(r);
	settings_check_prefixes(r);
	if (r->mistakes == 0)
		settings_fill(r);
	if (r->mistakes == 0)
		settings_fill_each(r);
}

int settings_read(struct settings *settings, const char *path, void (*report)(const char *line))
{
	struct settings_reading r = {.settings = settings, .report = report};

	/* The first one adds those that it includes. */
	if (settings_add_file(&r, path)) {
		for (; r.file < settings->n_files; r.file++)
			read_file(&r);
		if (!r.starved)
			settle(&r);
		settings_mistakes_end(&r);
	}
	free(r.drafts);
	free(r.found);
	return r.mistakes;
}
