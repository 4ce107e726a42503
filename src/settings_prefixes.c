/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `prefixes:` of towns and hosts. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* ::ffff:0:0/96: IPv4 addresses in the clothes of IPv6, which no packet has. */
static bool is_mapped(const struct prefix *prefix)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return prefix->family == PREFIX_IPV6 && memcmp(prefix->addr, mapped, sizeof mapped) == 0;
}

/* Tells what is wrong with text that is no prefix. */
static void tell_prefix(struct settings_reading *r, const yaml_node_t *node, const char *text)
{
	const char *slash = strchr(text, '/');
	char address[PREFIX_TEXT_SIZE], proper[PREFIX_TEXT_SIZE], *end;
	struct prefix whole, cut;
	uint8_t mask[16];

	if (slash && (size_t)(slash - text) < sizeof address) {
		memcpy(address, text, (size_t)(slash - text));
		address[slash - text] = '\0';
	}
	if (!slash || (size_t)(slash - text) >= sizeof address || prefix_parse(&whole, address) < 0) {
		settings_mistake(r, node, "prefixes has '%.80s', expected an address such as 10.1.0.10, or a prefix "
				 "such as 10.1.0.0/24 or 2001:db8:a::/48", text);
		return;
	}
	unsigned long bits = slash[1] >= '0' && slash[1] <= '9' ? strtoul(slash + 1, &end, 10) : 0;
	if (bits < 1 || bits > whole.length || *end != '\0') {
		settings_mistake(r, node, "prefixes has '%.80s', expected a length from 1 to %u after the '/'", text,
				 whole.length);
		return;
	}
	cut = whole;
	cut.length = (uint8_t)bits;
	prefix_mask(&cut, mask);
	prefix_from_mask(&cut, cut.family, whole.addr, mask);
	settings_mistake(r, node, "%.80s has bits set beyond /%lu, expected %s or %s", text, bits,
			 prefix_format(&cut, proper), prefix_format(&whole, address));
}

/* Returns whether the node is a prefix; else a mistake. */
static bool read_prefix(struct settings_reading *r, const yaml_node_t *node, struct prefix *prefix)
{
	const char *text = settings_text(node);
	struct prefix inner = {.family = PREFIX_IPV4};
	char proper[PREFIX_TEXT_SIZE];

	if (!settings_is_text(node)) {
		settings_mistake(r, node, "prefixes has '%.80s', expected an address such as 10.1.0.10, or a prefix "
				 "such as 10.1.0.0/24 or 2001:db8:a::/48", text);
		return false;
	}
	if (prefix_parse(prefix, text) < 0) {
		tell_prefix(r, node, text);
		return false;
	}
	if (!is_mapped(prefix))
		return true;
	memcpy(inner.addr, prefix->addr + 12, 4);
	inner.length = (uint8_t)(prefix->length - 96);
	if (inner.length == 0)
		settings_mistake(r, node, "prefixes has '%.80s', which no packet has, expected a prefix of IPv4", text);
	else
		settings_mistake(r, node, "prefixes has '%.80s', which no packet has, expected %s", text,
				 prefix_format(&inner, proper));
	return false;
}

static void add_prefix(struct settings_reading *r, const struct prefix *prefix, struct settings_place at)
{
	struct settings_found *found = settings_grow(r, r->found, r->n_found, &r->room_found, sizeof *found);

	if (!found)
		return;
	r->found = found;
	found[r->n_found++] =
		(struct settings_found){.prefix = *prefix, .entry = (uint32_t)r->n_drafts, .at = at};
}

void settings_read_prefixes(struct settings_reading *r, const yaml_node_t *node, struct settings_draft *draft,
			    bool named)
{
	const yaml_node_item_t *items;
	int n = settings_list(r, node, "prefixes", "[10.1.0.0/24]", &items);
	struct prefix prefix;

	if (n == 0)
		settings_mistake(r, node, "prefixes is an empty list, expected at least one such as 10.1.0.0/24");
	draft->bad_prefix = n <= 0;
	for (int i = 0; i < n; i++) {
		const yaml_node_t *item = settings_node(r, items[i]);
		if (!read_prefix(r, item, &prefix))
			draft->bad_prefix = true;
		else if (named)
			add_prefix(r, &prefix, settings_at(r, item));
	}
}
