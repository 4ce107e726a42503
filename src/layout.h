/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the configuration to the rules that should stand (layout_names.h shows them), and from those and the rules
 * that stand to the edits that make one of the other. Pure: nothing is read or touched.
 *
 * Names of chains and the chain of each host follow from prefixes alone: a host that comes or goes moves no other
 * host's rules. The cost of a packet grows with the depth of the trees.
 */
#ifndef TOWNMETER_LAYOUT_H
#define TOWNMETER_LAYOUT_H

#include "backend.h"
#include "layout_names.h"
#include "lines.h"
#include "recognise.h"
#include "settings.h"

struct layout_rule {
	struct prefix dst, src;
	struct ports ports;
	uint8_t ports_of;
	uint8_t verdict;      /* VERDICT_NONE, _RETURN, _JUMP or _GOTO */
	uint8_t kind;         /* enum role_kind: what it counts; ROLE_OTHER: it only leads on. The jump of FORWARD is its
	                       * total */
	uint8_t direction;    /* of ROLE_JUMP, ROLE_COUNT */
	uint32_t target;      /* in layout.chains, or RULE_NONE */
	uint32_t town;        /* in settings.rows, of ROLE_JUMP, ROLE_COUNT; or RULE_NONE */
};

struct layout_chain {
	char name[LAYOUT_NAME_SIZE];
	uint32_t town;        /* the chain that is a town's: its row in the settings, or RULE_NONE */
	uint32_t first, count; /* its rules */
	uint8_t hook;         /* enum hook: a built-in chain, of which only these rules are ours: the jump to LAYOUT_ROOT
	                       * or a total */
};

/* For one version of IP. */
struct layout {
	uint8_t family;
	struct layout_chain *chains;
	struct layout_rule *rules;  /* chain by chain */
	uint32_t n_chains, n_rules, room_chains, room_rules;
};

/* What should stand; without `rules: managed`, or with settings NULL, nothing. NULL with errno ENOMEM. Free with
 * layout_free(); NULL is allowed there. */
struct layout *layout_new(const struct settings *settings, uint8_t family);
void layout_free(struct layout *layout);

/* One change on the way there, and whose counter it is. */
struct layout_change {
	struct edit edit;
	uint8_t kind;         /* EDIT_INSERT: as layout_rule.kind */
	uint32_t town;        /* as layout_rule.town */
};

struct layout_changes {
	struct layout_change *list;
	uint32_t n, room;
	struct lines problems; /* for people: what stands in the way and stays, such as a rule that someone else put
	                       * into a chain that is to go */
	struct lines names;   /* of chains that got LAYOUT_BESIDE, for the edits */
	bool blocked;         /* a problem that lets nothing be written */
};

/*
 * Compares with what stands in one backend (enum chain_backend) for the layout's version of IP, and appends the
 * edits that lead there: chains that are missing first, then rules, then chains that go. Rules that stand as they
 * should are not touched, nor are drops in towns' chains, which the blocks care for, nor anything that townmeter did
 * not write. `counters` are the snapshot's, for the canary: one that reads 0 is renewed with `canary`, which is not
 * 0. `top`: the jump of FORWARD, where it stands but not as the first rule, is moved there.
 * A town's chain that someone else made stays: ours gets LAYOUT_BESIDE before its name.
 * Strings in the edits are borrowed from the layout and the ruleset, and from the changes. Returns 0, or -1 with errno
 * ENOMEM. layout_changes_free() in both cases.
 */
int layout_compare(struct layout_changes *changes, const struct layout *layout, const struct ruleset *rules,
		   const struct counter *counters, enum chain_backend backend, uint64_t canary, bool top);
void layout_changes_free(struct layout_changes *changes);

/* Writes a change as the command of iptables that makes it: "iptables -A tm-d-10.1.0.16/28 -d 10.1.0.17/32". Numbers
 * of rules are those before any change. `rules` are those compared with. Returns `text`, cut to `size`. */
char *layout_print(const struct layout_change *change, const struct ruleset *rules, char *text, size_t size);

#endif
