/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

static void read_duration(struct settings_reading *r, const yaml_node_t *node, const char *key, int64_t least,
			  int64_t most, int64_t *value)
{
	static const struct {
		const char *unit;
		int64_t nanoseconds;
	} units[] = {{"ms", 1000000}, {"s", 1000000000}, {"min", 60000000000}, {"h", 3600000000000}};
	const char *text = settings_text(node);
	char *end = NULL;

	errno = 0;
	long number = node->type == YAML_SCALAR_NODE && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
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

static void read_interval(struct settings_reading *r, const yaml_node_t *node)
{
	read_duration(r, node, "interval", 100000000, 3600000000000, &r->settings->interval);
}

static void read_max_age(struct settings_reading *r, const yaml_node_t *node)
{
	read_duration(r, node, "max-age", 0, 3600000000000, &r->settings->max_age);
}

static void read_rules(struct settings_reading *r, const yaml_node_t *node)
{
	if (!settings_is(node, "standing"))
		settings_mistake(r, node, "rules is '%.80s', expected standing: this version writes no rules of "
				 "its own", settings_text(node));
}

static void read_set(struct settings_reading *r, const yaml_node_t *node)
{
	struct settings *settings = r->settings;
	const struct {
		const char *name;
		bool *may;
	} all[] = {{"zero", &settings->set_zero}, {"block", &settings->set_block}, {"quota", &settings->set_quota}};

	settings->set_zero = settings->set_block = settings->set_quota = false;
	if (node->type != YAML_SEQUENCE_NODE) {
		settings_mistake(r, node, "set is '%.80s', expected a list such as [zero, block, quota], or [] "
				 "for none", settings_text(node));
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		const yaml_node_t *item = settings_node(r, *i);
		bool known = false;
		for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
			if (settings_is(item, all[k].name))
				known = *all[k].may = true;
		if (!known)
			settings_mistake(r, item, "set has '%.80s', expected zero, block or quota",
					 settings_text(item));
	}
}

enum { INTERVAL, MAX_AGE, RULES, SET, NAMES, PERIOD, TOWNS, INCLUDE, SERVICES, KEYS };

static const struct settings_key keys[KEYS] = {
	[INTERVAL] = {"interval", NULL},
	[MAX_AGE] = {"max-age", NULL},
	[RULES] = {"rules", NULL},
	[SET] = {"set", NULL},
	[NAMES] = {"names", NULL},
	[PERIOD] = {"period", NULL},
	[TOWNS] = {"towns", NULL},
	[INCLUDE] = {"include", "belongs to a later version: this one reads one file"},
	[SERVICES] = {"services", "belongs to a later version: this one does not divide traffic into classes"}};

static void (*const readers[KEYS])(struct settings_reading *r, const yaml_node_t *node) = {
	[INTERVAL] = read_interval, [MAX_AGE] = read_max_age, [RULES] = read_rules, [SET] = read_set,
	[NAMES] = settings_read_names, [PERIOD] = settings_read_period, [TOWNS] = settings_read_towns};

static void read_document(struct settings_reading *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->document), *values[KEYS];

	/* An empty file, or one of comments only. */
	if (!root || settings_is(root, ""))
		return;
	if (!settings_keys(r, root, "this version", "'interval: 30s'", keys, KEYS, values))
		return;
	for (int i = 0; i < KEYS; i++)
		if (values[i])
			readers[i](r, values[i]);
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
	settings_defaults(settings);
}

/* libyaml gives octets that are no text with their offset alone. */
static size_t line_at(FILE *file, size_t offset)
{
	size_t line = 1;
	int c;

	rewind(file);
	for (size_t at = 0; at < offset && (c = getc(file)) != EOF; at++)
		line += c == '\n';
	return line;
}

/* Reads the next document into r->document; NULL if it is no YAML, which was told. */
static yaml_document_t *next_document(struct settings_reading *r, yaml_parser_t *parser, FILE *file)
{
	if (yaml_parser_load(parser, &r->document))
		return &r->document;
	settings_mistake_at(r, parser->error == YAML_READER_ERROR ? line_at(file, parser->problem_offset)
								  : parser->problem_mark.line + 1,
			    "not YAML: %s", parser->problem ? parser->problem : "unreadable");
	return NULL;
}

/* The file is one document: what stood in a second one would not be heeded. */
static void read_stream(struct settings_reading *r, yaml_parser_t *parser, FILE *file)
{
	if (!next_document(r, parser, file))
		return;
	read_document(r);
	yaml_document_delete(&r->document);
	if (!next_document(r, parser, file))
		return;
	const yaml_node_t *more = yaml_document_get_root_node(&r->document);
	if (more)
		settings_mistake(r, more, "a second document begins here, expected one in the file");
	yaml_document_delete(&r->document);
}

int settings_read(struct settings *settings, const char *path, void (*report)(void *context, const char *line),
		  void *context)
{
	struct settings_reading r = {.settings = settings, .path = path, .report = report, .context = context};
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");

	if (!file) {
		char text[512];
		snprintf(text, sizeof text, "%s: %s", path, strerror(errno));
		report(context, text);
		return 1;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(file);
		settings_no_memory(&r);
		return r.mistakes;
	}
	yaml_parser_set_input_file(&parser, file);
	read_stream(&r, &parser, file);
	yaml_parser_delete(&parser);
	fclose(file);
	return r.mistakes;
}
