/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which rules can take packets off their way before a later rule sees them, and how.
 */
#ifndef TOWNMETER_DIVERSION_H
#define TOWNMETER_DIVERSION_H

#include "recognise.h"

enum { DIVERTS_PASS = 1, DIVERTS_DROP = 2 };

/* What each chain can decide, following its jumps; drop rules of towns and hosts do not count.
 * One octet a chain (DIVERTS_* bits). Returns NULL with errno ENOMEM; free() it. */
uint8_t *diversion_of_chains(const struct ruleset *rules, const struct role *roles);

/* What this rule does to a packet that it matches: DIVERTS_* bits, 0 if the next rule always follows.
 * `deciding` is what diversion_of_chains() gave. */
uint8_t diversion_of_rule(const struct ruleset *rules, const uint8_t *deciding, uint32_t rule);

/* Can the rule match a packet towards (down) or from (up) an address of the prefix? Errs on yes. */
bool diversion_concerns(const struct rule *rule, enum direction direction, const struct prefix *prefix);

#endif
