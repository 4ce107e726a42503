/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `prefixes:` of towns and hosts. */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

/* ::ffff:0:0/96: IPv4 addresses in the clothes of IPv6, which no packet has. */
static bool is_mapped(const struct prefix *prefix)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return prefix->family == PREFIX_IPV6 && memcmp(prefix->addr, mapped, sizeof mapped) == 0;
}

static void tell_mapped(struct settings_reading *r, const struct settings_node *node, const struct prefix *prefix)
{
	struct prefix inner = {.family = PREFIX_IPV4, .length = 32};
	char address[PREFIX_TEXT_SIZE];

	memcpy(inner.addr, prefix->addr + 12, 4);
	settings_mistake(r, node, "prefixes has '%.80s', which no packet has, expected a prefix of IPv4 such as %s",
			 settings_text(node), prefix_format(&inner, address));
}

/* Tells what is wrong with an address and the length after its '/'. */
static void tell_length(struct settings_reading *r, const struct settings_node *node, const struct prefix *whole,
			const char *length)
{
	const char *text = settings_text(node);
	char address[PREFIX_TEXT_SIZE], proper[PREFIX_TEXT_SIZE], *end = NULL;
	unsigned long bits = length[0] >= '0' && length[0] <= '9' ? strtoul(length, &end, 10) : 0;
	struct prefix cut = *whole;
	uint8_t mask[16];

	if (bits < 1 || bits > whole->length || *end != '\0') {
		settings_mistake(r, node, "prefixes has '%.80s', expected a length from 1 to %u after the '/'", text,
				 whole->length);
		return;
	}
	cut.length = (uint8_t)bits;
	prefix_mask(&cut, mask);
	prefix_from_mask(&cut, cut.family, whole->addr, mask);
	settings_mistake(r, node, "%.80s has bits set beyond /%lu, expected %s or %s", text, bits,
			 prefix_format(&cut, proper), prefix_format(whole, address));
}

/* Reads what stands before the '/', which is more than no prefix at all. */
static bool read_address(struct prefix *address, const char *text, size_t length)
{
	char copy[PREFIX_TEXT_SIZE];

	if (length >= sizeof copy)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return prefix_parse(address, copy) == 0;
}

/* Returns whether the node is a prefix; else a mistake. */
static bool read_prefix(struct settings_reading *r, const struct settings_node *node, struct prefix *prefix)
{
	const char *text = settings_text(node), *slash = strchr(text, '/');
	struct prefix address;

	if (!settings_is_text(node) || !read_address(&address, text, slash ? (size_t)(slash - text) : strlen(text)))
		settings_mistake(r, node, "prefixes has '%.80s', expected an address such as 10.1.0.10, or a prefix "
				 "such as 10.1.0.0/24 or 2001:db8:a::/48", text);
	else if (is_mapped(&address))
		tell_mapped(r, node, &address);
	else if (prefix_parse(prefix, text) < 0)
		tell_length(r, node, &address, slash ? slash + 1 : "");
	else
		return true;
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

void settings_read_prefixes(struct settings_reading *r, const struct settings_node *node, struct settings_draft *draft)
{
	int n = settings_list(r, node, "prefixes", "[10.1.0.0/24]");
	struct prefix prefix;

	if (n == 0)
		settings_mistake(r, node, "prefixes is an empty list, expected at least one such as 10.1.0.0/24");
	draft->bad_prefix = n <= 0;
	for (int i = 0; i < n; i++) {
		const struct settings_node *item = settings_item(r, node, (size_t)i);
		if (!read_prefix(r, item, &prefix))
			draft->bad_prefix = true;
		else
			add_prefix(r, &prefix, settings_at(r, item));
	}
}
