/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "notice.h"
#include "pace.h"
#include "quota.h"
#include "tables.h"

/* townMeterHostOperStatus */
enum { OPER_BLOCKED = 2 };

struct notify {
	struct control *control;
	struct trap *trap;
	struct pace *pace;
	struct view *view; /* compared last */
	bool complained;   /* that values can not be read */
};

struct notify *notify_new(struct control *control, struct view *baseline, struct trap *trap)
{
	struct notify *notify = calloc(1, sizeof *notify);

	if (!notify)
		return NULL;
	notify->control = control;
	notify->trap = trap;
	notify->pace = pace_new();
	if (!notify->pace) {
		free(notify);
		return NULL;
	}
	notify->view = view_hold(baseline);
	return notify;
}

void notify_free(struct notify *notify)
{
	if (!notify)
		return;
	view_release(notify->view);
	pace_free(notify->pace);
	free(notify);
}

static struct pace_limits limits_of(const struct view *view)
{
	return (struct pace_limits){.interval = (int64_t)view->agent.notify_min_interval * 1000000000,
				    .max_per_minute = view->agent.notify_max_per_minute};
}

/* --- what a view has to tell --------------------------------------------------
 * Of a pair of types, such as blocked and unblocked, both states come from one number, so that what was
 * told by the one is compared with what the other would tell.
 */

static bool is_lost(const struct view *view)
{
	return view->agent.looked && view->agent.backend == VIEW_BACKEND_NONE;
}

/* Blocked for a reason of its own, not just because the whole town is. */
static bool is_blocked(const struct view_host *host)
{
	return host->oper == OPER_BLOCKED && host->reason != VIEW_REASON_TOWN;
}

/* A state of the quota is another one in another period. */
static uint64_t quota_of(const struct view_host *host)
{
	return (uint64_t)host->traffic.period.number << 8 | host->traffic.quota.state;
}

static bool quota_is(const struct view_host *host, enum quota_state state)
{
	return host->traffic.quota.state == state && host->traffic.quota.action != QUOTA_IGNORE;
}

/* Does the host's row say now what this notice would tell? Brings its state up to date. */
static bool host_holds(const struct view_host *host, struct notice *notice)
{
	switch (notice->type) {
	case NOTICE_QUOTA_WARNING:
	case NOTICE_QUOTA_EXCEEDED:
		notice->state = quota_of(host);
		return quota_is(host, notice->type == NOTICE_QUOTA_WARNING ? QUOTA_WARNED : QUOTA_EXCEEDED);
	case NOTICE_HOST_BLOCKED:
		notice->state = 1;
		return is_blocked(host);
	case NOTICE_HOST_UNBLOCKED:
		notice->state = 0;
		return host->oper != OPER_BLOCKED;
	default: /* its last period ended */
		notice->number = host->traffic.period.number - 1;
		notice->state = notice->number;
		return true;
	}
}

/* The same for what is no host's. */
static bool agent_holds(const struct view *view, struct notice *notice)
{
	switch (notice->type) {
	case NOTICE_DISCONTINUITY:
		notice->state = (uint64_t)view->agent.discontinuity;
		return true;
	case NOTICE_LEDGER_FAILED:
		notice->state = view->agent.ledger;
		return view->agent.ledger == VIEW_LEDGER_FAILED;
	default: /* the backend is lost, or it is not */
		notice->state = is_lost(view);
		return is_lost(view) == (notice->type == NOTICE_BACKEND_LOST);
	}
}

static bool holds(const struct view *view, struct notice *notice)
{
	uint32_t row;

	if (notice->host[0]) {
		row = view_find_host(view, notice->town, notice->host);
		return row != UINT32_MAX && host_holds(&view_hosts(view)[row], notice);
	}
	if (notice->type != NOTICE_TOWN_ZEROED)
		return agent_holds(view, notice);
	row = view_find_town(view, notice->town);
	if (row == UINT32_MAX)
		return false;
	notice->number = view_towns(view)[row].traffic.period.number - 1;
	notice->state = notice->number;
	return true;
}

/* Hands it over, if the pace allows it. */
static void tell(struct notify *notify, const struct notice *notice)
{
	const struct view *view = notify->view;
	const struct pace_limits limits = limits_of(view);
	int64_t now = control_clock();

	if (!view->agent.notify_enable)
		return;
	if (pace_ask(notify->pace, notice, &limits, now) != PACE_SEND) {
		control_suppressed(notify->control, 1);
		return;
	}
	netsnmp_variable_list *variables = notice_variables(notice, view);
	if (!variables) {
		if (!notify->complained)
			log_warning("a notification was not sent: its values can not be read");
		notify->complained = true;
		return;
	}
	notify->complained = false;
	trap_send(notify->trap, variables);
	pace_sent(notify->pace, notice, now);
}

static void tell_row(struct notify *notify, enum notice_type type, const char *town, const char *host)
{
	struct notice notice = {.type = type};

	snprintf(notice.town, sizeof notice.town, "%s", town);
	snprintf(notice.host, sizeof notice.host, "%s", host);
	if (holds(notify->view, &notice))
		tell(notify, &notice);
}

/* One period of the row ended. */
static void tell_period(struct notify *notify, enum notice_type type, const char *town, const char *host, uint32_t number)
{
	struct notice notice = {.type = type, .number = number, .state = number};

	snprintf(notice.town, sizeof notice.town, "%s", town);
	snprintf(notice.host, sizeof notice.host, "%s", host);
	tell(notify, &notice);
}

static void compare_agent(struct notify *notify, const struct view_agent *before, const struct view_agent *now, bool was_lost)
{
	bool lost = is_lost(notify->view);

	if (lost != was_lost)
		tell_row(notify, lost ? NOTICE_BACKEND_LOST : NOTICE_BACKEND_RESTORED, "", "");
	if (now->discontinuity != before->discontinuity)
		tell_row(notify, NOTICE_DISCONTINUITY, "", "");
	if (now->ledger == VIEW_LEDGER_FAILED && before->ledger != VIEW_LEDGER_FAILED)
		tell_row(notify, NOTICE_LEDGER_FAILED, "", "");
}

static void compare_town(struct notify *notify, const struct view_town *before, const struct view_town *now)
{
	for (uint32_t number = before->traffic.period.number; number < now->traffic.period.number; number++)
		tell_period(notify, NOTICE_TOWN_ZEROED, now->name, "", number);
}

/* A closed period of a host, from the history. */
static bool find_closed(const struct view *view, const char *town, const char *host, uint32_t number, struct closed *row)
{
	oid name[MAX_OID_LEN];
	size_t length = host_period_table.root_length;
	struct instance found;

	memcpy(name, host_period_table.root, length * sizeof *name);
	name[length++] = host_period_table.columns[0].id;
	length += table_index_text(name + length, town);
	length += table_index_text(name + length, host);
	name[length++] = number;
	if (table_find(view, name, length, &found) != SNMP_ERR_NOERROR)
		return false;
	*row = found.closed;
	return true;
}

/* The periods of a host that ended alone; those that ended with the town's are told with the town. */
static void compare_periods(struct notify *notify, const struct view_host *before, const struct view_host *now)
{
	const struct view_town *town = &view_towns(notify->view)[now->town];
	uint32_t last = now->traffic.period.number - 1;

	for (uint32_t number = before->traffic.period.number; number <= last; number++) {
		struct closed row;
		/* The last one without a look into the file: a town may have very many hosts. */
		if (number == last && now->traffic.period.start == town->traffic.period.start)
			continue;
		if (find_closed(notify->view, town->name, now->name, number, &row) &&
		    (row.reason == CLOSED_TOWN_ZERO || row.reason == CLOSED_SCHEDULE ||
		     row.end == town->traffic.period.start))
			continue;
		tell_period(notify, NOTICE_HOST_ZEROED, town->name, now->name, number);
	}
}

static void compare_host(struct notify *notify, const struct view_host *before, const struct view_host *now)
{
	const char *town = view_towns(notify->view)[now->town].name;
	const struct view_traffic *traffic = &now->traffic;

	if (traffic->period.number > before->traffic.period.number)
		compare_periods(notify, before, now);
	if (traffic->quota.state != before->traffic.quota.state) {
		if (traffic->quota.state == QUOTA_WARNED && before->traffic.quota.state != QUOTA_EXCEEDED)
			tell_row(notify, NOTICE_QUOTA_WARNING, town, now->name);
		if (traffic->quota.state == QUOTA_EXCEEDED)
			tell_row(notify, NOTICE_QUOTA_EXCEEDED, town, now->name);
	}
	if (now->oper != before->oper) {
		if (now->oper == OPER_BLOCKED)
			tell_row(notify, NOTICE_HOST_BLOCKED, town, now->name);
		else if (is_blocked(before))
			tell_row(notify, NOTICE_HOST_UNBLOCKED, town, now->name);
	}
}

static void compare_towns(struct notify *notify, const struct view *before, const struct view *now)
{
	const struct view_town *old = view_towns(before), *new = view_towns(now);

	for (uint32_t i = 0, j = 0; i < before->n_towns && j < now->n_towns;) {
		int order = name_compare(old[i].name, new[j].name);
		if (order == 0)
			compare_town(notify, &old[i], &new[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Rows are in the order of their names: one walk over both views meets each name once. A row that is new
 * has nothing that it could have been before. */
static void compare_hosts(struct notify *notify, const struct view *before, const struct view *now)
{
	const struct view_host *old = view_hosts(before), *new = view_hosts(now);
	const struct view_town *old_towns = view_towns(before), *new_towns = view_towns(now);

	for (uint32_t i = 0, j = 0; i < before->n_hosts && j < now->n_hosts;) {
		int order = name_compare(old_towns[old[i].town].name, new_towns[new[j].town].name);
		if (order == 0)
			order = name_compare(old[i].name, new[j].name);
		if (order == 0)
			compare_host(notify, &old[i], &new[j]);
		i += order <= 0;
		j += order >= 0;
	}
}

static void compare(struct notify *notify, struct view *view)
{
	struct view *before = notify->view;

	notify->view = view;
	if (!view->agent.notify_enable && before->agent.notify_enable) {
		pace_drop(notify->pace);
		trap_drop(notify->trap);
	}
	compare_agent(notify, &before->agent, &view->agent, is_lost(before));
	compare_towns(notify, before, view);
	compare_hosts(notify, before, view);
	view_release(before);
}

/* What was too early is told once its time has come, if it is then something else than what was told. */
static void tell_overdue(struct notify *notify)
{
	const struct pace_limits limits = limits_of(notify->view);
	struct notice notice;

	while (pace_overdue(notify->pace, &limits, control_clock(), &notice)) {
		uint64_t told = notice.state;
		if (holds(notify->view, &notice) && notice.state != told)
			tell(notify, &notice);
	}
}

void notify_step(struct notify *notify)
{
	struct view *view = control_view(notify->control);

	if (view->serial != notify->view->serial)
		compare(notify, view);
	else
		view_release(view);
	tell_overdue(notify);
	trap_step(notify->trap, notify->view->agent.notify_max_per_minute);
}

int64_t notify_due(const struct notify *notify)
{
	const struct pace_limits limits = limits_of(notify->view);
	int64_t pace = pace_due(notify->pace, &limits);
	int64_t trap = trap_due(notify->trap, notify->view->agent.notify_max_per_minute);

	return pace < trap ? pace : trap;
}

