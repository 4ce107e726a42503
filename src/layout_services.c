/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains that divide traffic into classes: one a direction for a town or a host, whatever prefixes it has. */
#include <stdlib.h>
#include <string.h>

#include "layout_private.h"

int layout_services_begin(struct layout_writing *w)
{
	w->classes = malloc((w->settings->n_rows + 1) * sizeof *w->classes);
	if (!w->classes)
		return -1;
	for (size_t r = 0; r < w->settings->n_rows; r++)
		w->classes[r] = RULE_NONE;
	return 0;
}

/* The first prefix of the family. Hosts and towns that are asked for have one. */
static const struct prefix *first_prefix(const struct layout_writing *w, const struct settings_row *row)
{
	const struct settings_prefix *prefix = &w->settings->prefixes[row->first_prefix];

	while (prefix->prefix.family != w->layout->family)
		prefix++;
	return &prefix->prefix;
}

uint32_t layout_services_chain(struct layout_writing *w, uint32_t index, enum direction direction)
{
	const struct settings_row *row = &w->settings->rows[index];

	if (!row->services || !w->settings->n_services)
		return RULE_NONE;
	if (w->classes[index] == RULE_NONE) {
		const struct prefix *prefix = first_prefix(w, row);
		bool twin = row->host[0] &&
			    prefix_compare(prefix, &w->settings->prefixes[w->town->first].prefix) == 0;
		w->classes[index] = w->layout->n_chains;
		for (int d = 0; d < 2; d++) {
			char name[LAYOUT_NAME_SIZE];
			layout_name(name, LAYOUT_SERVICES, (enum direction)d, prefix);
			/* layout_name() leaves room for it. */
			if (twin)
				memcpy(name + strlen(name), LAYOUT_HOST, sizeof LAYOUT_HOST);
			layout_write_chain(w, HOOK_NONE, name);
		}
	}
	return w->classes[index] + (direction == DIRECTION_UP);
}

/* A packet is in one class at most, and counted by one rule. */
static void write_classes(struct layout_writing *w, uint32_t chain, enum direction direction)
{
	struct layout_rule rule = layout_write_nothing;

	rule.kind = ROLE_SERVICE;
	rule.verdict = VERDICT_RETURN;
	layout_write_begin(w, chain);
	for (size_t s = 0; s < w->settings->n_services; s++) {
		const struct settings_service *service = &w->settings->services[s];
		for (size_t m = 0; m < service->n_matches; m++) {
			rule.ports = service->matches[m];
			bool all = rule.ports.first == 0 && rule.ports.last == PORTS_LAST;
			rule.ports_of = (uint8_t)(all ? DIRECTION_DOWN : direction);
			layout_write_rule(w, &rule);
		}
	}
	rule.ports = (struct ports){0};
	rule.ports_of = DIRECTION_DOWN;
	layout_write_rule(w, &rule);
	layout_write_end(w, chain);
}

void layout_services_write(struct layout_writing *w)
{
	for (size_t r = 0; r < w->settings->n_rows; r++)
		for (uint32_t d = 0; d < 2 && w->classes[r] != RULE_NONE; d++)
			write_classes(w, w->classes[r] + d, (enum direction)d);
}
