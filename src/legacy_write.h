/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entries that edits put into a table, in the form in which iptables writes them. Pure. The structures
 * of matches are the kernel's own, so that no libxtables is needed.
 */
#ifndef TOWNMETER_LEGACY_WRITE_H
#define TOWNMETER_LEGACY_WRITE_H

#include "backend.h"
#include "legacy_table.h"

/* The most octets that one entry takes. */
enum { LEGACY_WRITE_MOST = 768 };

/* An EDIT_INSERT's rule. Jumps refer to no chain yet, and rules without a verdict to the entry after it. */
size_t legacy_write_rule_size(uint8_t family, const struct edit *edit);
void legacy_write_rule(uint8_t family, const struct edit *edit, unsigned char *entries, size_t offset);

/* What stands before the rules of a chain, and behind them. */
size_t legacy_write_head_size(uint8_t family);
void legacy_write_head(uint8_t family, const char *chain, unsigned char *entries, size_t offset);
size_t legacy_write_end_size(uint8_t family);
void legacy_write_end(uint8_t family, unsigned char *entries, size_t offset);

/* Why an EDIT_INSERT can not be a rule of a table, for people; NULL: it can. */
const char *legacy_write_obstacle(uint8_t family, const struct edit *edit);

#endif
