/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `services:`, the classes that traffic is divided into. */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* Each match is a rule of each town and each direction: far more than a router would bear. */
enum { MATCHES_MAX = 1024 };

enum { NAME, MATCH, KEYS };
static const struct settings_key keys[KEYS] = {[NAME] = {"name", NULL}, [MATCH] = {"match", NULL}};

/* The matches that were read, of all classes. */
struct seen {
	struct {
		struct ports ports;
		size_t class, line;
	} list[MATCHES_MAX];
	size_t n;
	bool too_many;
};

/* Returns whether the match shares no packet with one before it. */
static bool is_new(struct settings_reading *r, const struct settings_node *node, const struct ports *ports,
		   const struct seen *seen)
{
	const struct settings *settings = r->settings;
	char text[PORTS_TEXT_SIZE], before[PORTS_TEXT_SIZE];

	for (size_t i = 0; i < seen->n; i++) {
		if (!ports_overlap(&seen->list[i].ports, ports))
			continue;
		bool same = ports_compare(&seen->list[i].ports, ports) == 0;
		settings_mistake(r, node, "match has %s, which %s %s of %s at %s:%zu, expected each packet in one match",
				 ports_format(ports, text), same ? "is" : "overlaps with",
				 ports_format(&seen->list[i].ports, before), settings->services[seen->list[i].class].name,
				 settings->files[0], seen->list[i].line);
		return false;
	}
	return true;
}

static void read_match(struct settings_reading *r, const struct settings_node *node, struct seen *seen, size_t class)
{
	struct settings_service *service = &r->settings->services[class];
	const char *expected = "no NUL in it";
	struct ports ports;

	if (node->kind != SETTINGS_SCALAR || settings_is_text(node))
		expected = ports_parse(&ports, settings_text(node));
	if (expected) {
		settings_mistake(r, node, "match has '%.80s', expected %s", settings_text(node), expected);
		return;
	}
	if (seen->n == MATCHES_MAX) {
		if (!seen->too_many)
			settings_mistake(r, node, "found more than %d matches, expected at most so many: each is a rule "
					 "of each town", MATCHES_MAX);
		seen->too_many = true;
		return;
	}
	if (!is_new(r, node, &ports, seen))
		return;
	seen->list[seen->n].ports = ports;
	seen->list[seen->n].class = class;
	seen->list[seen->n].line = settings_at(r, node).line;
	seen->n++;
	service->matches[service->n_matches++] = ports;
}

static void read_matches(struct settings_reading *r, const struct settings_node *node, struct seen *seen, size_t class)
{
	struct settings_service *service = &r->settings->services[class];
	int n = settings_list(r, node, "match", "[tcp/80, tcp/443]");

	if (n == 0)
		settings_mistake(r, node, "match is an empty list, expected at least one such as tcp/80");
	if (n <= 0)
		return;
	service->matches = calloc((size_t)n, sizeof *service->matches);
	if (!service->matches) {
		settings_no_memory(r);
		return;
	}
	for (int i = 0; i < n; i++)
		read_match(r, settings_item(r, node, (size_t)i), seen, class);
}

/* Without a good name the class is still there, so that its matches are read for their mistakes. */
static void read_class_name(struct settings_reading *r, const struct settings_node *node, struct settings_service *service)
{
	const char *name = settings_good_name(r, node, "a class", NAME_SERVICE_MAX);

	if (!name)
		return;
	if (strcmp(name, "other") == 0) {
		settings_mistake(r, node, "the name of a class is 'other', expected another: it is that of the rest");
		return;
	}
	for (const struct settings_service *other = r->settings->services; other < service; other++)
		if (strcmp(other->name, name) == 0) {
			settings_mistake(r, node, "the class %s stands here a second time, after %s:%zu", name,
					 r->settings->files[0], other->line);
			return;
		}
	memcpy(service->name, name, strlen(name) + 1);
}

static void read_class(struct settings_reading *r, const struct settings_node *node, struct seen *seen)
{
	size_t class = r->settings->n_services++;
	struct settings_service *service = &r->settings->services[class];
	const struct settings_node *values[KEYS];

	service->line = settings_at(r, node).line;
	memcpy(service->name, "?", 2);
	if (!settings_keys(r, node, "a class", "{name: web, match: [tcp/80]}", keys, KEYS, values))
		return;
	if (values[NAME])
		read_class_name(r, values[NAME], service);
	else
		settings_mistake(r, node, "found a class without a name, expected 'name' in it");
	if (values[MATCH])
		read_matches(r, values[MATCH], seen, class);
	else
		settings_mistake(r, node, "found a class without a match, expected 'match' in it, such as [tcp/80]");
}

static void read_classes(struct settings_reading *r, const struct settings_node *node)
{
	int n = settings_list(r, node, "services", "[{name: web, match: [tcp/80]}]");
	struct seen *seen;

	if (n == 0)
		settings_mistake(r, node, "services is an empty list, expected at least one class such as "
				 "{name: web, match: [tcp/80]}");
	if (n <= 0)
		return;
	r->settings->services = calloc((size_t)n, sizeof *r->settings->services);
	seen = calloc(1, sizeof *seen);
	if (r->settings->services && seen)
		for (int i = 0; i < n; i++)
			read_class(r, settings_item(r, node, (size_t)i), seen);
	else
		settings_no_memory(r);
	free(seen);
}

void settings_read_services(struct settings_reading *r, const struct settings_node *node)
{
	int before = r->mistakes;

	if (r->rules == SETTINGS_STANDING)
		settings_mistake(r, node, "services needs 'rules: managed'");
	read_classes(r, node);
	r->services_wrong = r->mistakes > before;
}
