/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints an entry on standard output as `iptables -S` does (xt_print.h): for a process that ends soon. */
#ifndef TOWNMETER_LEGACY_PRINT_H
#define TOWNMETER_LEGACY_PRINT_H

#include "legacy_table.h"
#include "rule.h"

/* Prints the rule, whose entry stands at `offset` in the table, without a newline. Returns 0, or -1 if
 * libxtables can not be set up. */
int legacy_print(const struct legacy_table *table, const struct ruleset *rules, uint32_t rule, size_t offset);

#endif
