/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_names.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static size_t hash_of(uint8_t family, const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ family;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)(hash ^ hash >> 32);
}

/* Where the name is, or would be. */
static struct legacy_name *slot_of(const struct legacy_names *names, uint8_t family, const char *name)
{
	size_t at = hash_of(family, name) & names->mask;

	while (names->slots[at].name &&
	       (names->slots[at].family != family || strcmp(names->slots[at].name, name) != 0))
		at = (at + 1) & names->mask;
	return &names->slots[at];
}

int legacy_names_make(struct legacy_names *names, const struct ruleset *rules, size_t n)
{
	size_t size = 16;

	/* At most half full. */
	while (size < 2 * (rules->n_chains + n + 1))
		size *= 2;
	names->mask = size - 1;
	names->slots = calloc(size, sizeof *names->slots);
	if (!names->slots)
		return -1;
	for (uint32_t c = 0; c < rules->n_chains; c++)
		legacy_names_add(names, rules->chains[c].family, ruleset_text(rules, rules->chains[c].name))->chain = c;
	return 0;
}

void legacy_names_free(struct legacy_names *names)
{
	free(names->slots);
	memset(names, 0, sizeof *names);
}

const struct legacy_name *legacy_names_find(const struct legacy_names *names, uint8_t family, const char *name)
{
	const struct legacy_name *slot = slot_of(names, family, name);

	return slot->name ? slot : NULL;
}

struct legacy_name *legacy_names_add(struct legacy_names *names, uint8_t family, const char *name)
{
	struct legacy_name *slot = slot_of(names, family, name);

	if (!slot->name)
		*slot = (struct legacy_name){.name = name, .family = family, .chain = RULE_NONE};
	return slot;
}
