/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of settings_read() share with one another, and with nobody else. */
#ifndef TOWNMETER_SETTINGS_PRIVATE_H
#define TOWNMETER_SETTINGS_PRIVATE_H

#include <yaml.h>

#include "settings.h"

struct settings_reading {
	struct settings *settings;
	const char *path;
	void (*report)(void *context, const char *line);
	void *context;
	int mistakes;
	yaml_document_t document;
	size_t room; /* of settings.rows */
};

/* One mistake, one line: with the line of a node, or with this line. */
void settings_mistake(struct settings_reading *r, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void settings_mistake_at(struct settings_reading *r, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void settings_no_memory(struct settings_reading *r);

/* Nodes of the document. */
size_t settings_line(const yaml_node_t *node);
const yaml_node_t *settings_node(struct settings_reading *r, int index);
/* A scalar as text; anything else by its kind, for messages. */
const char *settings_text(const yaml_node_t *node);
/* Is it a scalar of this text? */
bool settings_is(const yaml_node_t *node, const char *text);

/* A name of at most `most` octets, or NULL: a mistake, in which `what` says whose name it is. */
const char *settings_good_name(struct settings_reading *r, const yaml_node_t *node, const char *what, size_t most);

/* Reads a number in decimal digits. Returns whether it is one from `least` to `most`; else a mistake. */
bool settings_number(struct settings_reading *r, const yaml_node_t *node, const char *key, unsigned least,
		     unsigned most, unsigned *number);

/* A key that a mapping may have. One that is refused is a mistake of its own: 'KEY' and that text. */
struct settings_key {
	const char *name, *refused;
};

/* Finds the values of a mapping's keys, NULL for one that is not there. A node that is no mapping, a key that
 * is not one of these and a second one are mistakes; `of` says what has such keys, as in "a town", and
 * `example` is one. Returns whether it is a mapping. */
bool settings_keys(struct settings_reading *r, const yaml_node_t *node, const char *of, const char *example,
		   const struct settings_key *keys, size_t n, const yaml_node_t **values);

/* The parts of the file. */
void settings_read_names(struct settings_reading *r, const yaml_node_t *node);
void settings_read_period(struct settings_reading *r, const yaml_node_t *node);
void settings_read_towns(struct settings_reading *r, const yaml_node_t *node);

#endif
