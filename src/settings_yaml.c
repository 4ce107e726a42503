/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes of the configuration, and the mistakes in them. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* More lines than anyone reads, such as those of a file that a program wrote with one mistake in each host. */
enum { SHOWN_MAX = 100 };

static void tell(struct settings_reading *r, char *text)
{
	/* What was found may hold anything: one mistake stays one line. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (r->mistakes++ < SHOWN_MAX)
		r->report(text);
}

void settings_mistake_of(struct settings_reading *r, const char *path, const char *what)
{
	char text[PATH_MAX + 512];

	snprintf(text, sizeof text, "%s: %s", path, what);
	tell(r, text);
}

static void tell_at(struct settings_reading *r, struct settings_place at, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void tell_at(struct settings_reading *r, struct settings_place at, const char *format, va_list args)
{
	char text[3 * PATH_MAX + 1024];
	int used = snprintf(text, sizeof text, "%s:%zu: ", settings_file(r, at), at.line);

	if (used > 0 && (size_t)used < sizeof text)
		vsnprintf(text + used, sizeof text - (size_t)used, format, args);
	tell(r, text);
}

void settings_mistake_at(struct settings_reading *r, struct settings_place at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_at(r, at, format, args);
	va_end(args);
}

void settings_mistake(struct settings_reading *r, const struct settings_node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_at(r, settings_at(r, node), format, args);
	va_end(args);
}

void settings_no_memory(struct settings_reading *r)
{
	char text[] = "no memory to read the configuration";

	r->starved = true;
	tell(r, text);
}

void settings_mistakes_end(struct settings_reading *r)
{
	char text[PATH_MAX + 512];

	if (r->mistakes <= SHOWN_MAX)
		return;
	snprintf(text, sizeof text, "%s: mistakes that are not shown: %d", r->settings->files[0],
		 r->mistakes - SHOWN_MAX);
	r->report(text);
}

void *settings_grow(struct settings_reading *r, void *array, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return array;
	size_t more = *room ? 2 * *room : 64;
	void *grown = reallocarray(array, more, size);
	if (!grown) {
		settings_no_memory(r);
		return NULL;
	}
	*room = more;
	return grown;
}

struct settings_place settings_at(const struct settings_reading *r, const struct settings_node *node)
{
	return (struct settings_place){.file = r->file, .line = node->line};
}

const char *settings_file(const struct settings_reading *r, struct settings_place at)
{
	return r->settings->files[at.file];
}

const struct settings_node *settings_item(const struct settings_reading *r, const struct settings_node *node, size_t i)
{
	return &r->document.nodes[r->document.items[node->first + i]];
}

const char *settings_text(const struct settings_node *node)
{
	if (node->kind == SETTINGS_SCALAR)
		return node->text;
	return node->kind == SETTINGS_LIST ? "a list" : "a mapping";
}

bool settings_is(const struct settings_node *node, const char *text)
{
	return node->kind == SETTINGS_SCALAR && node->n == strlen(text) &&
	       memcmp(node->text, text, node->n) == 0;
}

bool settings_is_text(const struct settings_node *node)
{
	return node->kind == SETTINGS_SCALAR && strlen(settings_text(node)) == node->n;
}

const char *settings_good_name(struct settings_reading *r, const struct settings_node *node, const char *what, size_t most)
{
	const char *text = settings_text(node);

	/* Text in quotes may hold a NUL: its length counts. */
	if (node->kind == SETTINGS_SCALAR && node->n >= 1 && node->n <= most &&
	    name_is_text(text, node->n))
		return text;
	settings_mistake(r, node, "the name of %s is '%.80s', expected 1 to %zu octets of UTF-8 without "
			 "control characters", what, text, most);
	return NULL;
}

bool settings_number(struct settings_reading *r, const struct settings_node *node, const char *key, unsigned least,
		     unsigned most, unsigned *number)
{
	const char *text = settings_text(node);
	char *end = NULL;

	errno = 0;
	bool digits = node->kind == SETTINGS_SCALAR && text[0] >= '0' && text[0] <= '9';
	unsigned long found = digits ? strtoul(text, &end, 10) : 0;
	if (digits && end == text + node->n && errno == 0 && found >= least && found <= most) {
		*number = (unsigned)found;
		return true;
	}
	settings_mistake(r, node, "%s is '%.80s', expected a number from %u to %u", key, text, least, most);
	return false;
}

bool settings_flag(struct settings_reading *r, const struct settings_node *node, const char *key)
{
	bool yes = settings_is(node, "true");

	if (!yes && !settings_is(node, "false"))
		settings_mistake(r, node, "%s is '%.80s', expected true or false", key, settings_text(node));
	return yes;
}

int settings_list(struct settings_reading *r, const struct settings_node *node, const char *key, const char *example)
{
	if (node->kind != SETTINGS_LIST) {
		settings_mistake(r, node, "%s is '%.80s', expected a list such as %s", key, settings_text(node), example);
		return -1;
	}
	return (int)node->n;
}

/* "interval, max-age or set": the keys that are not refused. */
static void list_keys(char *text, size_t size, const struct settings_key *keys, size_t n)
{
	size_t used = 0, left = 0;

	for (size_t i = 0; i < n; i++)
		left += keys[i].refused == NULL;
	for (size_t i = 0; i < n && used < size; i++) {
		if (keys[i].refused)
			continue;
		left--;
		used += (size_t)snprintf(text + used, size - used, "%s%s", keys[i].name,
					 left > 1 ? ", " : left == 1 ? " or " : "");
	}
}

static void read_key(struct settings_reading *r, const struct settings_node *mapping, size_t i, const char *of,
		     const struct settings_key *keys, size_t n, const struct settings_node **values)
{
	const struct settings_node *key = settings_item(r, mapping, i);
	char expected[256];

	for (size_t k = 0; k < n; k++) {
		if (!settings_is(key, keys[k].name))
			continue;
		if (values[k])
			settings_mistake(r, key, "'%.80s' stands here a second time", keys[k].name);
		else if (keys[k].refused)
			settings_mistake(r, key, "'%s' %s", keys[k].name, keys[k].refused);
		else
			values[k] = settings_item(r, mapping, i + 1);
		return;
	}
	list_keys(expected, sizeof expected, keys, n);
	settings_mistake(r, key, "'%.80s' is not a key of %s, expected %s", settings_text(key), of, expected);
}

bool settings_keys(struct settings_reading *r, const struct settings_node *node, const char *of, const char *example,
		   const struct settings_key *keys, size_t n, const struct settings_node **values)
{
	memset(values, 0, n * sizeof *values);
	if (node->kind != SETTINGS_MAPPING) {
		settings_mistake(r, node, "found '%.80s', expected keys with values, such as %s",
				 settings_text(node), example);
		return false;
	}
	for (size_t i = 0; i < node->n; i += 2)
		read_key(r, node, i, of, keys, n, values);
	return true;
}
