/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains of one change by their names, in constant time: those that stand and those that it makes. */
#ifndef TOWNMETER_LEGACY_NAMES_H
#define TOWNMETER_LEGACY_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "rule.h"

struct legacy_name {
	const char *name;   /* borrowed; NULL: none in this slot */
	uint32_t chain;     /* index of the chain that stands, or RULE_NONE */
	uint32_t made;      /* one more than the index among those that are made; 0: it is not */
	uint8_t family;
};

struct legacy_names {
	struct legacy_name *slots;
	size_t mask;
};

/* All chains of the rules, with room for n more. Returns 0, or -1 with errno ENOMEM. Free with
 * legacy_names_free() in both cases. */
int legacy_names_make(struct legacy_names *names, const struct ruleset *rules, size_t n);
void legacy_names_free(struct legacy_names *names);

/* The chain of that name, or NULL. */
const struct legacy_name *legacy_names_find(const struct legacy_names *names, uint8_t family, const char *name);

/* The slot of that name; if there was none of it, it is taken now, with no chain. Borrows `name`. */
struct legacy_name *legacy_names_add(struct legacy_names *names, uint8_t family, const char *name);

#endif
