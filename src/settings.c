/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct reading {
	struct settings *settings;
	const char *path;
	void (*report)(const char *line);
	int mistakes;
	yaml_document_t document;
};

static void __attribute__((format(printf, 3, 4)))
mistake(struct reading *r, size_t line, const char *format, ...)
{
	char what[256], text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	/* What was found may hold anything: one mistake stays one line. */
	for (char *c = what; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	snprintf(text, sizeof text, "%s:%zu: %s", r->path, line, what);
	r->report(text);
	r->mistakes++;
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

/* A scalar as text; anything else by its kind, for messages. */
static const char *text_of(const yaml_node_t *node)
{
	if (node->type == YAML_SCALAR_NODE)
		return (const char *)node->data.scalar.value;
	return node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
}

static void read_duration(struct reading *r, const yaml_node_t *node, const char *key, int64_t least, int64_t most,
			  int64_t *value)
{
	static const struct {
		const char *unit;
		int64_t nanoseconds;
	} units[] = {{"ms", 1000000}, {"s", 1000000000}, {"min", 60000000000}, {"h", 3600000000000}};
	const char *text = text_of(node);
	char *end = NULL;

	errno = 0;
	long number = node->type == YAML_SCALAR_NODE && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
	for (size_t i = 0; number >= 0 && errno == 0 && i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].unit) == 0 && number <= most / units[i].nanoseconds &&
		    number * units[i].nanoseconds >= least) {
			*value = number * units[i].nanoseconds;
			return;
		}
	mistake(r, line_of(node), "%s is '%s', expected a time from %lld ms to %lld s with its unit (ms, s, min, h), "
		"such as 30s", key, text, (long long)(least / 1000000), (long long)(most / 1000000000));
}

static void read_interval(struct reading *r, const yaml_node_t *node)
{
	read_duration(r, node, "interval", 100000000, 3600000000000, &r->settings->interval);
}

static void read_max_age(struct reading *r, const yaml_node_t *node)
{
	read_duration(r, node, "max-age", 0, 3600000000000, &r->settings->max_age);
}

static void read_rules(struct reading *r, const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || strcmp(text_of(node), "standing") != 0)
		mistake(r, line_of(node), "rules is '%s', expected standing: this version writes no rules of its own",
			text_of(node));
}

static void read_set(struct reading *r, const yaml_node_t *node)
{
	r->settings->set_zero = r->settings->set_block = false;
	if (node->type != YAML_SEQUENCE_NODE) {
		mistake(r, line_of(node), "set is '%s', expected a list such as [zero, block], or [] for none",
			text_of(node));
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(&r->document, *i);
		const char *text = text_of(item);
		if (item->type == YAML_SCALAR_NODE && strcmp(text, "zero") == 0)
			r->settings->set_zero = true;
		else if (item->type == YAML_SCALAR_NODE && strcmp(text, "block") == 0)
			r->settings->set_block = true;
		else
			mistake(r, line_of(item), "set has '%s', expected zero or block", text);
	}
}

static const struct {
	const char *key;
	void (*read)(struct reading *r, const yaml_node_t *node);
} keys[] = {
	{"interval", read_interval}, {"max-age", read_max_age}, {"rules", read_rules}, {"set", read_set}};

static void read_key(struct reading *r, const yaml_node_t *key, const yaml_node_t *value)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (key->type == YAML_SCALAR_NODE && strcmp(text_of(key), keys[i].key) == 0) {
			keys[i].read(r, value);
			return;
		}
	mistake(r, line_of(key), "'%s' is not a key of this version, expected interval, max-age, rules or set",
		text_of(key));
}

static void read_document(struct reading *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->document);

	/* An empty file, or one of comments only. */
	if (!root || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
		return;
	if (root->type != YAML_MAPPING_NODE) {
		mistake(r, line_of(root), "found '%s', expected keys with values, such as 'interval: 30s'", text_of(root));
		return;
	}
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
		bool again = false;
		for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < pair; p++)
			again |= strcmp(text_of(yaml_document_get_node(&r->document, p->key)), text_of(key)) == 0;
		if (again)
			mistake(r, line_of(key), "'%s' stands here a second time", text_of(key));
		else
			read_key(r, key, yaml_document_get_node(&r->document, pair->value));
	}
}

void settings_defaults(struct settings *settings)
{
	*settings = (struct settings){
		.interval = 30000000000, .max_age = 2000000000, .set_zero = true, .set_block = true};
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
static yaml_document_t *next_document(struct reading *r, yaml_parser_t *parser, FILE *file)
{
	if (yaml_parser_load(parser, &r->document))
		return &r->document;
	mistake(r, parser->error == YAML_READER_ERROR ? line_at(file, parser->problem_offset)
						      : parser->problem_mark.line + 1,
		"not YAML: %s", parser->problem ? parser->problem : "unreadable");
	return NULL;
}

/* The file is one document: what stood in a second one would not be heeded. */
static void read_stream(struct reading *r, yaml_parser_t *parser, FILE *file)
{
	if (!next_document(r, parser, file))
		return;
	read_document(r);
	yaml_document_delete(&r->document);
	if (!next_document(r, parser, file))
		return;
	const yaml_node_t *more = yaml_document_get_root_node(&r->document);
	if (more)
		mistake(r, line_of(more), "a second document begins here, expected one in the file");
	yaml_document_delete(&r->document);
}

int settings_read(struct settings *settings, const char *path, void (*report)(const char *line))
{
	struct reading r = {.settings = settings, .path = path, .report = report};
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");

	if (!file) {
		char text[512];
		snprintf(text, sizeof text, "%s: %s", path, strerror(errno));
		report(text);
		return 1;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(file);
		report("no memory to read the configuration");
		return 1;
	}
	yaml_parser_set_input_file(&parser, file);
	read_stream(&r, &parser, file);
	yaml_parser_delete(&parser);
	fclose(file);
	return r.mistakes;
}
