/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a of the family, the address and the length, its bits mixed once more: it is cut nowhere, but prefixes
 * differ in few bits. */
static uint64_t hash(const struct prefix *prefix)
{
	uint64_t print = UINT64_C(0xcbf29ce484222325);
	const uint64_t prime = UINT64_C(0x100000001b3);

	print = (print ^ prefix->family) * prime;
	for (size_t i = 0; i < prefix_octets(prefix->family); i++)
		print = (print ^ prefix->addr[i]) * prime;
	print = (print ^ prefix->length) * prime;
	print ^= print >> 32;
	print *= UINT64_C(0xd6e8feb86659fd93);
	return print ^ print >> 32;
}

char *layout_name(char name[LAYOUT_NAME_SIZE], enum layout_chain_kind kind, enum direction direction,
		  const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];
	size_t room = LAYOUT_NAME_SIZE - 1;
	int n = snprintf(name, LAYOUT_NAME_SIZE, "%s%c", LAYOUT_GENERATED, kind);

	if (kind == LAYOUT_SERVICES) {
		n += snprintf(name + n, LAYOUT_NAME_SIZE - (size_t)n, "-%c",
			      direction == DIRECTION_DOWN ? LAYOUT_DOWN : LAYOUT_UP);
		room -= strlen(LAYOUT_HOST);
	}
	if (!prefix)
		return name;
	prefix_format(prefix, text);
	if ((size_t)n + 1 + strlen(text) <= room) {
		name[n] = '-';
		memcpy(name + n + 1, text, strlen(text) + 1);
	} else if (prefix->length == 8 * prefix_octets(prefix->family)) {
		snprintf(name + n, LAYOUT_NAME_SIZE - (size_t)n, "-%016" PRIx64, hash(prefix));
	} else {
		snprintf(name + n, LAYOUT_NAME_SIZE - (size_t)n, "-%016" PRIx64 "/%u", hash(prefix), prefix->length);
	}
	return name;
}

bool layout_name_is_generated(const char *name)
{
	return strcmp(name, LAYOUT_ROOT) == 0 || strncmp(name, LAYOUT_GENERATED, strlen(LAYOUT_GENERATED)) == 0;
}

bool layout_name_root_jump(const struct ruleset *rules, const struct rule *rule)
{
	return rule->verdict == VERDICT_JUMP && !rule->policy && !rule->odd && rule->dst.family == PREFIX_NONE &&
	       rule->src.family == PREFIX_NONE &&
	       strcmp(ruleset_text(rules, rules->chains[rule->jump].name), LAYOUT_ROOT) == 0;
}

const char *layout_name_town(const char *chain)
{
	size_t n = strlen(LAYOUT_BESIDE);

	return strncmp(chain, LAYOUT_BESIDE, n) == 0 ? chain + n : chain;
}
