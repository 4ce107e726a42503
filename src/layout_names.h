/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chains that townmeter writes, and how they are told from all others.
 *
 *     FORWARD      -j townmeter                        the first rule
 *     townmeter    -s 0.0.0.0 -d 0.0.0.0               the canary: matches nothing
 *                  -j tm-d, -j tm-u                    to towns by destination, by source
 *     tm-d         -d 10.0.0.0/12 -g tm-d-10.0.0.0/12  a tree over the towns' prefixes; its last rules are
 *                  -d 10.1.0.0/24 -g town-a
 *     tm-u         -s 10.1.0.0/24 -g tm-x-10.1.0.0/24
 *     tm-x-...     -d 10.1.0.0/24 -j RETURN            what stays in the town met town-a in the other tree
 *                  -g town-a                           one chain for all prefixes of a town, called after its first
 *     town-a       the drops of blocks, then for each prefix of the town
 *                  -d 10.1.0.0/24 -j tm-d-10.1.0.0/24  counts the town, down
 *                  -s 10.1.0.0/24 -j tm-u-10.1.0.0/24  and up
 *     tm-d-10.1.0.0/24   [-j tm-s-d-10.1.0.0/24]       service classes, if there are any; then a tree of -g over the
 *                  -d 10.1.0.16/28 -g tm-d-10.1.0.16/28  town's hosts, whose last chains count them:
 *                  -d 10.1.0.10 [-j tm-s-d-10.1.0.10]
 *     tm-s-...     -p tcp --sport 80 -j RETURN         one rule a match; ports are those of the remote side
 *                  -j RETURN                           the rest: the class 'other'
 *                                                      one chain for all prefixes of a town or host, as above
 *     INPUT, OUTPUT  a total with the comment 'townmeter'
 *
 * A packet meets each town once, and is counted once down and once up.
 */
#ifndef TOWNMETER_LAYOUT_NAMES_H
#define TOWNMETER_LAYOUT_NAMES_H

#include <stdbool.h>

#include "prefix.h"
#include "rule.h"

/* The longest name that both backends take, with its NUL. */
enum { LAYOUT_NAME_SIZE = 29 };

#define LAYOUT_ROOT "townmeter" /* where FORWARD jumps to */
#define LAYOUT_GENERATED "tm-"  /* generated chains begin with it, no town does */
#define LAYOUT_BESIDE "tm."     /* before a town's name, where someone else has a chain of that name */
#define LAYOUT_HOST "+"         /* behind tm-s-d-PREFIX: the classes of a host that has its town's very prefix */

enum layout_chain_kind {
	LAYOUT_DOWN = 'd',         /* tm-d, tm-d-PREFIX */
	LAYOUT_UP = 'u',           /* tm-u, tm-u-PREFIX */
	LAYOUT_OUTSIDE = 'x',      /* tm-x-PREFIX: from a town to elsewhere */
	LAYOUT_SERVICES = 's',     /* tm-s-d-PREFIX, tm-s-u-PREFIX */
};

/* Writes the name of a generated chain: "tm-d-10.1.0.16/28". A prefix whose text is too long for a name is written
 * as 16 hexadecimal digits of a hash of it, and its length: "tm-s-d-0123456789abcdef/64". There is room for LAYOUT_HOST
 * behind those of LAYOUT_SERVICES. `prefix` NULL: a tree's root, "tm-d". `direction` tells
 * the two of LAYOUT_SERVICES apart. Returns `name`. */
char *layout_name(char name[LAYOUT_NAME_SIZE], enum layout_chain_kind kind, enum direction direction,
		  const struct prefix *prefix);

/* Is it a name of LAYOUT_ROOT's or LAYOUT_GENERATED's kind? */
bool layout_name_is_generated(const char *name);

/* Is it the jump to LAYOUT_ROOT that everything hangs below, if it stands in FORWARD? */
bool layout_name_root_jump(const struct ruleset *rules, const struct rule *rule);

/* The town whose chain in the tree is called so: without LAYOUT_BESIDE. Points into `chain`. */
const char *layout_name_town(const char *chain);

#endif
