/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From rules to towns and hosts, without any configuration. Pure: the same rules always give the
 * same answer, nothing is read or written elsewhere.
 *
 * A town is a user chain to which FORWARD jumps with exactly `-d PREFIX` or exactly `-s PREFIX`.
 * A host is a rule in a town's chain with exactly `-d PREFIX` or `-s PREFIX`, and no target, or the
 * target DROP alone. A total is a rule of FORWARD, INPUT or OUTPUT without match and target.
 * A comment is never a condition. Whatever else stands there is ROLE_OTHER and says why.
 */
#ifndef TOWNMETER_RECOGNISE_H
#define TOWNMETER_RECOGNISE_H

#include "name.h"
#include "rule.h"

enum role_kind {
	ROLE_OTHER,     /* left alone */
	ROLE_TOTAL,     /* counts a built-in chain */
	ROLE_POLICY,    /* the policy that stands in for a missing total rule */
	ROLE_JUMP,      /* counts a town */
	ROLE_COUNT,     /* counts a host */
	ROLE_HOST_DROP, /* blocks a host */
	ROLE_TOWN_DROP, /* blocks a town: its prefix is one of the town's own */
	ROLE_SERVICE,   /* counts a service class of a town or a host */
	ROLE_CANARY,    /* matches nothing: what it counts tells that someone else zeroed or restored its table */
};

struct role {
	uint8_t kind;      /* enum role_kind */
	uint8_t direction; /* enum direction, of ROLE_JUMP to ROLE_TOWN_DROP */
	bool ours;         /* a drop with our comment */
	bool late;         /* a drop behind its host's counting rule, which counted the packet already */
	bool shadowed;     /* a drop that an earlier rule of its chain can lead packets around */
	bool layout;       /* it stands in the tree of chains that townmeter writes (layout_names.h) */
	bool shadow;       /* it counts what rules that someone wrote count, too: followed, and not added */
	bool ahead;        /* a drop ahead of the jump that counts its town, which does not count what it drops */
	uint8_t ordinal;   /* tells drops with the same prefix apart, in their order */
	uint32_t town;     /* index in recognition.towns, or RULE_NONE */
	uint32_t host;     /* index in recognition.hosts, or RULE_NONE */
	uint32_t service;  /* of ROLE_SERVICE: index in recognition.services */
	const char *why;   /* of ROLE_OTHER: a constant text */
};

/* Values are those of townMeterHostOperStatus. */
enum oper_status { OPER_ALLOWED = 1, OPER_BLOCKED, OPER_PARTIAL, OPER_MISSING };

/* How many of the drop rules that a block puts are there. */
enum drops { DROPS_NONE, DROPS_SOME, DROPS_ALL };

struct found_town {
	uint32_t name;                 /* offset in the ruleset's text */
	uint32_t chain[2];             /* its chain for IPv4 and IPv6, or RULE_NONE */
	uint32_t first_jump, n_jumps;  /* in recognition.jumps: those that count */
	uint32_t first_address, n_addresses;
	uint32_t bypass;               /* the rule of FORWARD ahead of its jumps, or RULE_NONE */
	bool slips[2][2];              /* [IPv6][direction]: such a rule can accept its packets */
	uint8_t drops;                 /* enum drops, of ROLE_TOWN_DROP */
	bool ours, foreign;            /* whose they are */
};

struct found_host {
	uint32_t town;
	char name[NAME_HOST_MAX + 1];
	uint8_t oper;                  /* enum oper_status; never OPER_MISSING */
	uint8_t drops;                 /* enum drops, of ROLE_HOST_DROP */
	bool ours, foreign;
};

/* One prefix of one host; sorted by town, then prefix. */
struct found_address {
	uint32_t town, host;
	struct prefix prefix;
	uint32_t count[2];             /* by direction: the counting rule, or RULE_NONE */
	uint32_t drop[2];              /* the first drop rule, or RULE_NONE */
};

/* A class of a town's or a host's traffic. */
struct found_service {
	uint32_t town, host;           /* host RULE_NONE: the town's own */
	char name[NAME_SERVICE_MAX + 1];
};

struct recognition {
	struct role *roles;            /* one a rule */
	struct found_town *towns;      /* in the order of name_compare() */
	struct found_host *hosts;      /* by town, then name_compare() */
	struct found_address *addresses;
	uint32_t *by_prefix;           /* addresses, one for each prefix, in its order: the first in the
	                                * order of the rules where towns disagree */
	uint32_t *jumps;               /* rules */
	struct found_service *services; /* by town, host (the town's own first), name_compare() */
	char **problems;               /* lines for people: conflicts, bypasses */
	uint32_t n_towns, n_hosts, n_addresses, n_by_prefix, n_jumps, n_services, n_problems;
	uint32_t n_used;               /* rules of totals, towns and hosts; a policy is no rule */
};

/* Finds a name for a prefix of a town, or NULL. It is used before the next is asked for; one that can
 * not be a host's (name.h) is passed over. */
typedef const char *recognise_hint(void *context, const char *town, const struct prefix *prefix);

/* The service class that such a match belongs to, or NULL. Borrowed as above. */
typedef const char *recognise_class(void *context, const struct ports *ports);

struct recognise_names {
	recognise_hint *find;
	recognise_class *find_class; /* NULL: there are no classes */
	void *context;
};

/* Returns a new recognition, or NULL with errno ENOMEM. A host is called as `configured` says, else by
 * the comment of its -d rule, else of its -s rule, else, if the rules lost their comment to a drop, as
 * `remembered` says, else by its prefix. Both may be NULL. The result refers to the ruleset's text. Free
 * with recognition_free(); NULL is allowed there. */
struct recognition *recognise(const struct ruleset *rules, const struct recognise_names *configured,
			      const struct recognise_names *remembered);
void recognition_free(struct recognition *found);

#endif
