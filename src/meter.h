/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model: towns, hosts and totals with counters that never go backwards. Belongs to the meter
 * thread. Folds snapshots in; knows which blocks are wished for and which stand.
 *
 * Every rule folds into an amount of its own, by its growth since the last snapshot. A row's
 * direction advances by what its counting rules grew less what drops behind them grew; a remainder
 * below zero is a debt against what comes, never taken from what was published.
 */
#ifndef TOWNMETER_METER_H
#define TOWNMETER_METER_H

#include "closed.h"
#include "quota.h"
#include "recognise.h"
#include "snapshot.h"
#include "view.h"

struct meter;
struct image;

/* Empty; NULL with errno. `now` is when its counters begin. */
struct meter *meter_new(decitime now);
void meter_free(struct meter *meter);

/* What must outlive the process, as records: those sheets of a set (IMAGE_BIT) that are asked for. The
 * control's part of the agent's record is zero. Free with image_free(). Returns 0, or -1 with errno ENOMEM. */
int meter_image(const struct meter *meter, unsigned sheets, struct image *image);

/* The sheets that may differ from what they were at the last meter_saved(). */
unsigned meter_changed_sheets(const struct meter *meter);
void meter_saved(struct meter *meter);

/* A meter that goes on from there. METER_REBOOTED: the packet filter began anew since. `lost`: traffic may be
 * missing, every row gets a discontinuity. NULL with errno: EBADMSG if the records make no sense. */
enum meter_start { METER_CONTINUED, METER_REBOOTED };
struct meter *meter_load(const struct image *image, enum meter_start start, bool lost, decitime now);

/* Of a loaded meter: an unfinished change of the last process did happen, and the rule's counter begins at
 * zero again. `lost`: what it had counted since it was read last is not known. */
void meter_rule_begins(struct meter *meter, uint32_t rule, bool lost, decitime now);

/* Traffic of this town may be missing, or be there twice, since it was saved; an identity that there is none of is
 * no mistake. */
void meter_town_disturbed(struct meter *meter, uint32_t town, decitime now);

/* Takes a snapshot in. Rules that changed are recognised anew; the ruleset is used during the call
 * only, except by meter_recognition()'s users, who read it before the backend is asked again.
 * Of a partial one only the rules count, and rows stay as they are.
 * Returns 0, or -1 with errno ENOMEM: then nothing was taken in. Problems that were not there before
 * go to `report`. */
typedef void meter_report(void *context, const char *line);
int meter_fold(struct meter *meter, const struct snapshot *snapshot, decitime now, meter_report *report,
	       void *context);

/* Names that come before the comments of rules, and those of service classes, from the next fold on; copied, NULL for
 * none. A prefix that is called otherwise then counts for another row; the old row stays, without rules. The context
 * must last until the next call. */
void meter_set_names(struct meter *meter, const struct recognise_names *names);

/* Writes what belongs to a service class, such as "tcp/80 tcp/443"; nothing if it is not known. Published with the
 * class from the next meter_publish() on. NULL: none is known. `context` as above. */
enum { METER_MATCH_SIZE = 256 };
typedef void meter_match(void *context, const char *class, char text[METER_MATCH_SIZE]);
void meter_set_matches(struct meter *meter, meter_match *match, void *context);

/* What the rules of the last fold were taken for; borrowed until the next fold. */
const struct recognition *meter_recognition(const struct meter *meter);

/* Rows by name: an identity that stays for the meter's life, or RULE_NONE. */
uint32_t meter_find_town(const struct meter *meter, const char *town);
uint32_t meter_find_host(const struct meter *meter, const char *town, const char *host);
bool meter_has_total(const struct meter *meter, enum view_chain chain);

/* A row's place in meter_recognition(), or RULE_NONE while its rules are missing. */
uint32_t meter_town_found(const struct meter *meter, uint32_t town);
uint32_t meter_host_found(const struct meter *meter, uint32_t host);

/* What a command changed in the kernel, rule by rule of the last fold. Each takes in what the rule
 * counted up to then. */
void meter_rule_zeroed(struct meter *meter, uint32_t rule, const struct counter *taken);
void meter_rule_deleted(struct meter *meter, uint32_t rule, const struct counter *taken);
void meter_rule_added(struct meter *meter, uint32_t rule, const struct counter *added);
/* A rule's identity, which outlives its place, and the rules that have such identities after a later
 * fold (RULE_NONE: none). meter_locate() returns 0, or -1 with errno ENOMEM. */
struct rule_key {
	uint32_t town; /* identity; for totals the hook; for canaries RULE_NONE */
	uint8_t family, kind, direction, ours, ordinal, backend; /* ordinal: of ROLE_SERVICE 1 if it is a host's */
	bool layout;   /* role.layout: townmeter's own rules are others than those that someone wrote */
	struct prefix prefix; /* of ROLE_SERVICE: of the rule whose packets it divides */
	struct ports ports;   /* of ROLE_SERVICE */
};
struct rule_key meter_rule_key(const struct meter *meter, uint32_t rule);
int meter_locate(const struct meter *meter, const struct rule_key *keys, uint32_t *rules, size_t n);

/* What a rule of this identity read last, also one that does not stand any more; zero if it is not known. A rule that
 * is written again begins with it, so that `iptables -L` goes on. */
struct counter meter_rule_last(const struct meter *meter, const struct rule_key *key);

/* The identity that rules of this chain of the last fold have, if it is a town's: its town (RULE_NONE: it is none),
 * version of IP, backend and layout. */
struct rule_key meter_chain_key(const struct meter *meter, const struct ruleset *rules, uint32_t chain);

/* A rule that was put in with this count, which is no traffic, comes with the next fold that finds other rules. A drop
 * is ROLE_HOST_DROP, whosever it is; rules that count nothing are not waited for. Of a canary it is the packets that
 * tell that it is ours. Returns 0, or -1 with errno ENOMEM. */
int meter_rule_inserted(struct meter *meter, const struct rule_key *key, const struct counter *count);
/* They were not put in after all. */
void meter_expect_nothing(struct meter *meter);

/* Closes what the meter_rule_* calls took in: rows advance. */
void meter_settle(struct meter *meter);

enum meter_kind { METER_TOTAL, METER_TOWN, METER_HOST };

/* The current period of a row: its amounts are what its counters grew by since `base`. */
struct meter_period {
	uint32_t number;
	decitime start;
	struct counter base[2];  /* by direction */
	uint64_t attributed[2];  /* of a town: octets that its hosts' rules had counted */
	bool incomplete;         /* there was a discontinuity in it */
};

/* All that commands change of a row: taken before, given back to undo. */
struct meter_row {
	struct meter_period period;
	struct quota quota;
	bool manager, local; /* who wants it blocked */
	bool gone;           /* it was forgotten: no row, but its numbers go on if it comes back */
	char remark[NAME_REMARK_MAX + 1];
};
struct meter_row meter_row(const struct meter *meter, enum meter_kind kind, uint32_t id);
/* What became incomplete meanwhile stays so. Call meter_judge() after the last one. */
void meter_row_put(struct meter *meter, enum meter_kind kind, uint32_t id, const struct meter_row *row);

/* Ends the row's period, and begins the next one. Fills `closed`, which is NULL for totals. */
void meter_period_end(struct meter *meter, enum meter_kind kind, uint32_t id, decitime now,
		      enum closed_reason reason, struct closed *closed);

/* All rows, totals that were never seen and forgotten rows left out: calls back for each. */
void meter_each_row(const struct meter *meter, void (*visit)(void *context, enum meter_kind kind, uint32_t id),
		    void *context);

/* Hosts of a town, present or not: calls back for each. */
void meter_each_host(const struct meter *meter, uint32_t town, void (*visit)(void *context, uint32_t host),
		     void *context);

/* What the configuration says of a row's quota. `host` is "" for the town itself. */
typedef struct quota meter_quotas(void *context, const char *town, const char *host);

/* Takes the configured quotas in, now and for rows to come. A field changes only if its configured value
 * is another one than before: what a SET changed holds until then. The context is used from then on. */
void meter_configure(struct meter *meter, meter_quotas *quotas, void *context);

/* Is the row wished to be blocked by a manager, a command or its quota? Does it read as blocked
 * (AdminStatus), by any of these but the quota, or by someone else's drop? */
bool meter_is_wished(const struct meter *meter, enum meter_kind kind, uint32_t id);
bool meter_is_blocked(const struct meter *meter, enum meter_kind kind, uint32_t id);

/* Brings the states that follow from wishes, amounts and rules up to date; meter_fold() does so by
 * itself. */
void meter_judge(struct meter *meter, decitime now);

/* Changes of states from now on belong together. Those of such an epoch can be forgotten: where a state
 * is again what it was before the epoch, the time of its last change is, too. */
uint64_t meter_epoch(struct meter *meter);
void meter_forget_changes(struct meter *meter, uint64_t epoch);

/* Rows whose wish and rules disagree, after a reload by another program: calls back for each with
 * what is wished. */
void meter_each_unfulfilled(const struct meter *meter,
			    void (*visit)(void *context, enum meter_kind kind, uint32_t id, bool blocked),
			    void *context);

/* Makes what is published; `agent` gives the scalars that the meter does not know. NULL with errno. */
struct view *meter_publish(const struct meter *meter, const struct view_agent *agent);

#endif
