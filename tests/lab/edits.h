/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Edits as a scenario writes them, a line each, much as one types iptables:
 *
 *   -N CHAIN                 make a chain
 *   -X CHAIN                 remove one, whose rules the same file deletes
 *   -A CHAIN RULE            a rule at the end of a chain that stands or that the file makes
 *   -I CHAIN NUMBER RULE     before the rule with this number, from 1
 *   -D CHAIN NUMBER|all      delete it, or all of the chain's
 *   -Z CHAIN NUMBER          set its counter to zero
 *
 * CHAIN is FAMILY:NAME, such as 4:town-a, after 'legacy:' or 'nft:' if there are both. All numbers are those before
 * the change. RULE is [-d PREFIX] [-s PREFIX] [-p tcp|udp|icmp|NUMBER] [--sport|--dport FIRST[:LAST]]
 * [--comment WORD] [-c PACKETS OCTETS] [-j DROP|RETURN|NAME] [-g NAME]; of two prefixes the first is edit.prefix.
 */
#ifndef TOWNMETER_LAB_EDITS_H
#define TOWNMETER_LAB_EDITS_H

#include <stdio.h>

#include "backend.h"

struct edits {
	struct edit *list;
	size_t n;
	char *text; /* the names in the list point into it */
};

/* Reads all edits of one change. `which`: the backend of chains that do not name one. A mistake ends the program. */
struct edits edits_read(FILE *file, const struct ruleset *rules, enum chain_backend which);
void edits_free(struct edits *edits);

#endif
