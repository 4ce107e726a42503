/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meter's inside, shared by the files meter*.c only. */
#ifndef TOWNMETER_METER_PRIVATE_H
#define TOWNMETER_METER_PRIVATE_H

#include "image.h"
#include "meter.h"

/* A counter that never goes backwards. plus and minus gather during a fold. */
struct flow {
	struct counter amount, debt, plus, minus;
};

struct traffic {
	struct flow flow[2]; /* by direction */
	struct counter dropped;
	decitime discontinuity;
	struct meter_period period;
	struct quota quota, configured; /* in force; as the configuration had it last */
};

struct wish {
	bool manager; /* someone asked us by SNMP to block it */
	bool local;   /* a command on the router did */
	bool quota;   /* its quota is exceeded, and says so */
	bool foreign; /* a drop that we did not make stands */
	bool ours;    /* a drop of ours stands */
	uint8_t drops; /* enum drops */
};

struct total {
	bool present, seen;
	enum view_source source;
	struct flow flow;
	decitime discontinuity;
	struct meter_period period;
};

struct town {
	char name[NAME_TOWN_MAX + 1];
	struct traffic traffic;
	struct wish wish;
	uint32_t found; /* in the recognition, or RULE_NONE */
	uint64_t attributed[2]; /* octets that its hosts' rules counted, by direction */
	bool gone;      /* forgotten: kept for its numbers only */
	uint32_t services; /* its row in meter.services; 0: its traffic is not divided */
};

struct host {
	uint32_t town;
	char name[NAME_HOST_MAX + 1];
	struct traffic traffic;
	struct wish wish;
	uint32_t found;
	uint8_t oper, reason;
	decitime last_change;
	/* The same before the epoch that changed them last. */
	struct {
		uint64_t epoch;
		uint8_t oper, reason;
		decitime last_change;
	} before;
	bool gone;
	uint32_t services; /* as the town's */
	char remark[NAME_REMARK_MAX + 1];
};

/* Whose classes a row has. */
struct service_owner {
	uint32_t town, host; /* identities; the host is RULE_NONE of a town, and of all towns both are */
};

/* Traffic by class: meter_services.c. */
struct services {
	char (*names)[NAME_SERVICE_MAX + 1]; /* of columns, in the order of name_compare() */
	struct service_owner *owners;        /* of rows; the first is that of all towns */
	struct service_amount {
		struct counter way[2];       /* by direction */
	} *amounts;                          /* row by row */
	uint32_t n, rows;                    /* of columns and rows; both 0: there are no classes */
};

/* A rule's counter as last seen. */
struct track {
	struct rule_key key;
	struct counter last;
	uint32_t town, host; /* identities, or RULE_NONE */
	uint32_t service;       /* of ROLE_SERVICE in tracks: index in meter.services.amounts */
	bool present;           /* it stood in the last snapshot, and we have not deleted it */
	bool late;              /* role.late */
	bool ahead, shadow;     /* role.ahead, role.shadow */
	bool was_absent;        /* it comes back after a snapshot without it */
	bool rebooted;          /* what it counted last was before the router started */
	uint64_t received;      /* of an absent one: snapshot.received_before when it was there last */
	bool matched;           /* while rules are adopted: found again */
	/* Until it is taken in for the first time: */
	bool is_new;            /* no rule of its identity was known before */
	bool given;             /* it came with a count that we gave it */
	bool was_shadow;        /* in the fold before these rules */
	bool hands_over;        /* a shadow since now: counts for the last time, for its twin, too, */
	bool silent;            /* which therefore begins at what it reads */
};

/* Which name a prefix had. */
struct memory {
	uint32_t town, host;
	struct prefix prefix;
};

/* What the last recognition says of rows, for publishing without its ruleset. */
struct description {
	char *text;               /* prefixes of towns and hosts; offset 0 is "" */
	uint64_t text_size, room;
	uint32_t *town_text, *host_text; /* by identity: offsets */
	struct view_address *addresses;  /* in SNMP's order; host: identity */
	uint32_t n_addresses;
};

struct meter {
	struct recognition *found;
	uint64_t generation, epoch;
	struct recognise_names names; /* of the configuration */
	uint64_t received;        /* snapshot.received_before of the last fold */
	decitime tables_last_change, discontinuity;
	decitime stamp;           /* of this fold's discontinuities; 0: none yet */
	uint32_t resets;
	bool folded;              /* there was a fold */
	bool disordered;          /* rows went or came: to be listed anew */
	unsigned stale;           /* large sheets of the image that may have changed since it was saved */

	struct total totals[VIEW_CHAIN_OUTPUT + 1];
	struct town *towns;  /* by identity; identities are never removed */
	struct host *hosts;
	uint32_t n_towns, n_hosts;
	uint32_t *town_order, *host_order; /* identities that have rows, as SNMP orders them */
	uint32_t town_rows, host_rows;
	meter_quotas *quotas; /* NULL: none are configured */
	void *quotas_context;
	struct services services;
	meter_match *match;   /* NULL: no class has a text */
	void *match_context;

	struct track *tracks;     /* one a rule of the last fold, in their order */
	struct track *absent;     /* sorted by key: rules that stood once */
	struct track *expected;   /* rules that we put in and have not seen yet */
	struct memory *memory;    /* sorted by town, prefix */
	uint32_t n_tracks, n_absent, n_expected, n_memory, room_expected;
	uint32_t n_shadows;       /* of the tracks */
	struct rule_index *index; /* of the tracks, by key; what it holds may be made in a const meter */
	uint64_t written[2][2];   /* [enum chain_backend][IPv6]: the packets of a canary that we wrote and have not seen
	                           * yet, or 0 */

	struct description *described;
	char **problems;          /* of the last recognition, which were reported */
	uint32_t n_problems;
};

/* meter_adopt.c: the rules are new; carries every counter over. */
int meter_adopt(struct meter *meter, const struct snapshot *snapshot, decitime now, meter_report *report,
		void *context);

/* meter_text.c: returns a new description, or NULL with errno ENOMEM. Ids are those of the
 * recognition's rows; n_towns and n_hosts count all identities. */
struct description *meter_describe(const struct ruleset *rules, const struct recognition *found,
				   const uint32_t *town_ids, uint32_t n_towns, const uint32_t *host_ids,
				   uint32_t n_hosts);
/* The same while nothing was recognised yet. */
struct description *meter_describe_nothing(uint32_t n_towns, uint32_t n_hosts);
void meter_description_free(struct description *description);

/* meter_meddled.c: is the counter lower than it was? */
bool meter_fell(const struct track *track, const struct counter *now);

/* What another program did to counters: tables as bits. */
struct meddled {
	unsigned restored;      /* counters are those of a backup */
	unsigned tree_zeroed, tree_restored; /* the canary says so of the tree's rules */
};
enum meddling {
	MEDDLING_NONE,
	MEDDLING_ZEROED,
	MEDDLING_RESTORED,  /* a counter that is what it was, may be the old one */
	MEDDLING_EXCHANGED, /* restored, and none is */
};

/* After rules were adopted, before their counters are taken in. */
struct meddled meter_meddled(struct meter *meter, const struct snapshot *snapshot);
/* What of it happened to a rule. */
enum meddling meter_meddling(const struct meddled *meddled, const struct track *track);

/* meter_rules.c. NULL with errno ENOMEM. */
struct rule_index *meter_index_new(void);
void meter_index_free(struct rule_index *index);
/* The tracks are others. */
void meter_index_outdated(const struct meter *meter);
/* Is there a rule of this kind in the tree for every one that someone may write? */
bool meter_has_twin(const struct rule_key *key);
/* Is there a shadow of a rule that someone wrote? */
bool meter_has_shadow(const struct meter *meter, const struct rule_key *key);

/* For qsort() and bsearch(): tracks by key. */
int meter_by_key(const void *a, const void *b);
/* Memories by town and prefix. */
int meter_by_town_and_prefix(const void *a, const void *b);

/* meter_period.c: a new row's traffic begins, with the quota that is configured for it. */
void meter_begin_traffic(struct meter *meter, struct traffic *traffic, const char *town, const char *host,
			 decitime now);

/* meter_services.c: what a rule of ROLE_SERVICE counted goes to its class, and to that of all towns. */
void meter_services_count(struct meter *meter, const struct track *track, uint64_t packets, uint64_t octets);
/* The classes of a town or a host that was forgotten begin anew; row 0 is none. */
void meter_services_begin(struct meter *meter, uint32_t row);
/* Where an owner of a row keeps which one it is. */
uint32_t *meter_services_row(struct meter *meter, const struct service_owner *owner);
/* How many rows of services are to be published, and the room that their texts need; then the rows, when those of
 * towns and hosts are there, with their texts from offset `text` on. */
uint64_t meter_services_measure(const struct meter *meter, struct view *counts);
void meter_services_publish(const struct meter *meter, struct view *view, uint64_t text);
void meter_services_free(struct services *services);

/* meter_services_image.c: the same as meter_image() and meter_load() for the sheets of classes. The rules and their
 * owners are there when they are loaded. 0, or -1 with errno. */
int meter_services_image(const struct meter *meter, unsigned sheets, struct image *image);
int meter_services_load(struct meter *meter, const struct image *image);

/* meter_wish.c: lists the rows anew, after some were forgotten or came back. */
void meter_order(struct meter *meter);

/* A discontinuity of the rows that a rule counts for, at a time that no earlier fold's had. */
void meter_stamp(struct meter *meter, const struct track *track, decitime now);

#endif
