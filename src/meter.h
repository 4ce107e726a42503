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

#include "recognise.h"
#include "snapshot.h"
#include "view.h"

struct meter;

/* Empty; NULL with errno. `now` is when its counters begin. */
struct meter *meter_new(decitime now);
void meter_free(struct meter *meter);

/* Takes a snapshot in. Rules that changed are recognised anew; the ruleset is used during the call
 * only, except by meter_recognition()'s users, who read it before the backend is asked again.
 * Of a partial one only the rules count, and rows stay as they are.
 * Returns 0, or -1 with errno ENOMEM: then nothing was taken in. Problems that were not there before
 * go to `report`. */
typedef void meter_report(void *context, const char *line);
int meter_fold(struct meter *meter, const struct snapshot *snapshot, decitime now, meter_report *report,
	       void *context);

/* Names that come before the comments of rules, from the next fold on; NULL for none. A prefix that is
 * called otherwise then counts for another row; the old row stays, without rules. `context` must last
 * until the next call. */
void meter_set_names(struct meter *meter, recognise_hint *find, void *context);

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
/* A rule that was put in with this count, which is no traffic, comes with the next fold. */
int meter_rule_inserted(struct meter *meter, uint32_t town, const struct prefix *prefix,
			enum direction direction, bool drop, const struct counter *count);

/* A rule's identity, which outlives its place, and the rules that have such identities after a later
 * fold (RULE_NONE: none). meter_locate() returns 0, or -1 with errno ENOMEM. */
struct rule_key {
	uint32_t town; /* identity, or for totals the hook */
	uint8_t family, kind, direction, ours, ordinal, backend;
	struct prefix prefix;
};
struct rule_key meter_rule_key(const struct meter *meter, uint32_t rule);
int meter_locate(const struct meter *meter, const struct rule_key *keys, uint32_t *rules, size_t n);

/* Closes what the meter_rule_* calls took in: rows advance. */
void meter_settle(struct meter *meter);

/* Periods. Ending one saves what is needed to reopen it, which the caller may free(). */
struct meter_period {
	uint32_t number;
	decitime start;
	struct counter base[2];
};
enum meter_kind { METER_TOTAL, METER_TOWN, METER_HOST };
struct meter_period meter_period_end(struct meter *meter, enum meter_kind kind, uint32_t id, decitime now);
void meter_period_reopen(struct meter *meter, enum meter_kind kind, uint32_t id, const struct meter_period *period);

/* Hosts of a town, present or not: calls back for each. */
void meter_each_host(const struct meter *meter, uint32_t town, void (*visit)(void *context, uint32_t host),
		     void *context);

/* Settings. Remarks are NAME_REMARK_MAX octets at most. */
bool meter_is_wished(const struct meter *meter, enum meter_kind kind, uint32_t id);
void meter_wish(struct meter *meter, enum meter_kind kind, uint32_t id, bool blocked);
bool meter_is_blocked(const struct meter *meter, enum meter_kind kind, uint32_t id);
const char *meter_remark(const struct meter *meter, uint32_t host);
int meter_set_remark(struct meter *meter, uint32_t host, const char *remark);

/* Brings the states that follow from wishes and rules up to date; meter_fold() of changed rules does
 * so by itself. */
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
