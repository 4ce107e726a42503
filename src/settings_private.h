/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of settings_read() share with one another, and with nobody else. */
#ifndef TOWNMETER_SETTINGS_PRIVATE_H
#define TOWNMETER_SETTINGS_PRIVATE_H

#include <stdio.h>

#include <yaml.h>

#include "settings.h"

enum settings_kind { SETTINGS_SCALAR, SETTINGS_LIST, SETTINGS_MAPPING };

/* A node of a document. Small: most of the time that a large file takes is that of touching memory first. */
struct settings_node {
	union {
		const char *text; /* of a scalar, with a NUL after it */
		size_t first;     /* the first item, in settings_document.items; a mapping's are key, value, key, value */
	};
	uint32_t n;               /* octets of a scalar, items of a list, keys and values of a mapping */
	uint32_t line : 30, kind : 2;
};

/* Texts, one after the other. */
struct settings_block {
	struct settings_block *next;
	size_t size, used;
	char text[];
};

/* The first node is the root. */
struct settings_document {
	struct settings_node *nodes;
	uint32_t *items; /* in nodes */
	struct settings_block *blocks;
	size_t n_nodes, room_nodes, n_items, room_items;
};

/* Where something stands. */
struct settings_place {
	uint32_t file; /* in settings.files */
	size_t line;
};

/* Keys of towns and hosts. */
enum { ROW_NAME, ROW_PREFIXES, ROW_EACH_ADDRESS, ROW_QUOTA, ROW_BASIS, ROW_WARN_PERCENT, ROW_ON_EXCEED, ROW_SERVICES,
       ROW_HOST_SERVICES, ROW_HOSTS, ROW_KEYS };

/* A row that is not complete: a town may stand in several files. */
struct settings_draft {
	struct settings_row row;      /* the prefixes are those of the reading: how many, and the first one */
	uint32_t entry;               /* the how manieth it was */
	uint32_t town;                /* settings_merge() fills it in: its town, or itself, in the drafts */
	uint16_t keys;                /* bits: which of ROW_NAME and so on it has, right or wrong */
	bool each_address, services, host_services; /* as they were given */
	bool bad_prefix;              /* one of its prefixes was a mistake */
	struct settings_place each_at;
};

/* A prefix as it was read. */
struct settings_found {
	struct prefix prefix;
	uint32_t entry;               /* whose it is: settings_draft.entry */
	uint32_t row;                 /* settings_merge() fills it in: in the drafts */
	struct settings_place at;
};

/* What the rules are for the other keys: one that is wrong is no reason for more mistakes. */
enum settings_rules { SETTINGS_STANDING, SETTINGS_MANAGED, SETTINGS_RULES_WRONG };

struct settings_reading {
	struct settings *settings;
	uint32_t file;                /* the one that is read */
	void (*report)(const char *line);
	int mistakes;
	bool starved;                 /* there was no memory: what was read is not all */
	bool unread;                  /* a file could not be read: what is missing may be in it */
	struct settings_document document; /* the one that is read */
	enum settings_rules rules;
	bool desktop;                 /* there is a list of towns, and none of totals */
	bool services_wrong;          /* there is a list of classes with mistakes */
	struct settings_draft *drafts;
	struct settings_found *found;
	size_t n_drafts, room_drafts, n_found, room_found;
};

/* One mistake, one line: with the place of a node in the file that is read, or with this place. */
void settings_mistake(struct settings_reading *r, const struct settings_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void settings_mistake_at(struct settings_reading *r, struct settings_place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* One that has no line. */
void settings_mistake_of(struct settings_reading *r, const char *path, const char *what);
void settings_no_memory(struct settings_reading *r);
/* A flood of mistakes is not shown: says how many more there were. */
void settings_mistakes_end(struct settings_reading *r);

/* Makes room for one more element in an array that grows. Returns the array, or NULL: no memory, which was told; it
 * is as it was then. */
void *settings_grow(struct settings_reading *r, void *array, size_t n, size_t *room, size_t size);

/* Reads the next document of a file. Returns its root, or NULL: there is none, or it is no YAML, which was told.
 * settings_unload() in both cases. */
const struct settings_node *settings_load(struct settings_reading *r, yaml_parser_t *parser, FILE *file);
void settings_unload(struct settings_reading *r);

/* Nodes of the document; the i-th of a list, or of the keys and values of a mapping. */
struct settings_place settings_at(const struct settings_reading *r, const struct settings_node *node);
const char *settings_file(const struct settings_reading *r, struct settings_place at);
const struct settings_node *settings_item(const struct settings_reading *r, const struct settings_node *node, size_t i);
/* A scalar as text; anything else by its kind, for messages. */
const char *settings_text(const struct settings_node *node);
/* Is it a scalar of this text? */
bool settings_is(const struct settings_node *node, const char *text);
/* Is it a scalar without a NUL, so that its text is all of it? */
bool settings_is_text(const struct settings_node *node);

/* A name of at most `most` octets, or NULL: a mistake, in which `what` says whose name it is. */
const char *settings_good_name(struct settings_reading *r, const struct settings_node *node, const char *what, size_t most);

/* Reads a number in decimal digits. Returns whether it is one from `least` to `most`; else a mistake. */
bool settings_number(struct settings_reading *r, const struct settings_node *node, const char *key, unsigned least,
		     unsigned most, unsigned *number);

/* Reads true or false, else a mistake and false. */
bool settings_flag(struct settings_reading *r, const struct settings_node *node, const char *key);

/* How many items a list has, or -1: it is none, which is a mistake; `example` is one. */
int settings_list(struct settings_reading *r, const struct settings_node *node, const char *key, const char *example);

/* A key that a mapping may have. One that is refused is a mistake of its own: 'KEY' and that text. */
struct settings_key {
	const char *name, *refused;
};

/* Finds the values of a mapping's keys, NULL for one that is not there. A node that is no mapping, a key that
 * is not one of these and a second one are mistakes; `of` says what has such keys, as in "a town", and
 * `example` is one. Returns whether it is a mapping. */
bool settings_keys(struct settings_reading *r, const struct settings_node *node, const char *of, const char *example,
		   const struct settings_key *keys, size_t n, const struct settings_node **values);

/* The parts of the file. */
void settings_read_names(struct settings_reading *r, const struct settings_node *node);
void settings_read_period(struct settings_reading *r, const struct settings_node *node);
void settings_read_services(struct settings_reading *r, const struct settings_node *node);
void settings_read_towns(struct settings_reading *r, const struct settings_node *node);
/* Adds to settings.files. */
void settings_read_include(struct settings_reading *r, const struct settings_node *node);
/* Adds one file: a copy. Returns whether it did: else there is no memory, which was told. */
bool settings_add_file(struct settings_reading *r, const char *path);

/* Reads `prefixes` of the draft that will be the next one. */
void settings_read_prefixes(struct settings_reading *r, const struct settings_node *node, struct settings_draft *draft);

/* Why no chain of iptables can be called so, with what was expected instead, or NULL. */
const char *settings_chain_fault(const char *name);

/* A key of a town, by its number. */
const char *settings_town_key(unsigned key);

/* When all files were read: sorts the drafts and makes one of those that are of one town. */
void settings_merge(struct settings_reading *r);
/* Then: holds prefixes to one another. */
void settings_check_prefixes(struct settings_reading *r);
/* And tells of towns with too many addresses for each-address. */
void settings_check_each(struct settings_reading *r);
/* Then, if all is right: fills in the rows and the prefixes of the settings, over what they have. */
void settings_fill(struct settings_reading *r);
/* Then: makes hosts of the addresses of towns with each-address. */
void settings_fill_each(struct settings_reading *r);

#endif
