/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a table's entries to rules, and the way back from a rule to its entry. */
#ifndef TOWNMETER_LEGACY_RULES_H
#define TOWNMETER_LEGACY_RULES_H

#include "legacy_table.h"
#include "rule.h"

/* Where a rule stands: the number and the offset of its entry in the table of its family. */
struct legacy_place {
	uint32_t entry, offset;
	uint8_t family;
};

/* By rule: its place; by chain: that of the entry that ends it. */
struct legacy_index {
	struct legacy_place *rules, *ends;
};

/* Appends the table's chains and rules. The index grows along with realloc(); its arrays are the
 * caller's to free. Returns 0, or -1 with errno (ENOMEM; EBADMSG: the kernel gave something that is
 * not a table). */
int legacy_rules_add(struct ruleset *rules, const struct legacy_table *table, struct legacy_index *index);

#endif
