/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of prefixes: `names: {10.1.0.10: alice}`. */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

static int by_prefix(const void *a, const void *b)
{
	const struct settings_name *x = a, *y = b;
	int order = prefix_compare(&x->prefix, &y->prefix);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static void read_name(struct settings_reading *r, const struct settings_node *key, const struct settings_node *value)
{
	struct settings_name *name = &r->settings->names[r->settings->n_names];
	const char *text;

	if (!settings_is_text(key) || prefix_parse(&name->prefix, settings_text(key)) < 0) {
		settings_mistake(r, key, "names has '%.80s', expected an address such as 10.1.0.10, or a prefix "
				 "such as 2001:db8:a::/48 without bits beyond its length", settings_text(key));
		return;
	}
	text = settings_good_name(r, value, settings_text(key), NAME_HOST_MAX);
	if (!text)
		return;
	memcpy(name->name, text, strlen(text) + 1);
	name->line = settings_at(r, key).line;
	r->settings->n_names++;
}

void settings_read_names(struct settings_reading *r, const struct settings_node *node)
{
	struct settings *settings = r->settings;

	if (node->kind != SETTINGS_MAPPING) {
		settings_mistake(r, node, "names is '%.80s', expected addresses with names, such as "
				 "{10.1.0.10: alice}", settings_text(node));
		return;
	}
	settings->names = calloc(node->n + 1, sizeof *settings->names);
	if (!settings->names) {
		settings_no_memory(r);
		return;
	}
	for (size_t i = 0; i < node->n; i += 2)
		read_name(r, settings_item(r, node, i), settings_item(r, node, i + 1));
	qsort(settings->names, settings->n_names, sizeof *settings->names, by_prefix);
	for (size_t i = 1; i < settings->n_names; i++) {
		const struct settings_name *name = &settings->names[i];
		char text[PREFIX_TEXT_SIZE];
		if (prefix_compare(&name[-1].prefix, &name->prefix) == 0)
			settings_mistake_at(r, (struct settings_place){0, name->line},
					    "names has %s a second time, after %s:%zu",
					    prefix_format(&name->prefix, text), settings->files[0], name[-1].line);
	}
}

const char *settings_name(const struct settings *settings, const struct prefix *prefix)
{
	size_t low = 0, high = settings->n_names;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = prefix_compare(&settings->names[middle].prefix, prefix);
		if (order == 0)
			return settings->names[middle].name;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
