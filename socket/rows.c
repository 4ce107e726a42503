/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rows.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "name.h"
#include "quota.h"
#include "words.h"

json_t *rows_amount(uint64_t amount)
{
	char digits[24];

	if (amount <= INT64_MAX)
		return json_integer((json_int_t)amount);
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)amount);
	return json_string(digits);
}

json_t *rows_text(const char *text)
{
	json_t *made = json_string(text);
	char clean[512];
	size_t n = 0;

	if (made)
		return made;
	for (; text[n] && n < sizeof clean - 1; n++)
		clean[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
	return json_stringn(clean, n);
}

json_t *rows_time(decitime when)
{
	time_t seconds = (time_t)(when / 10);
	struct tm tm;
	char text[64], whole[96];

	if (when <= 0 || !gmtime_r(&seconds, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return json_null();
	snprintf(whole, sizeof whole, "%s.%dZ", text, (int)(when % 10));
	return json_string(whole);
}

/* An object that could not be filled as a whole is none. */
static json_t *whole(json_t *object, int failed)
{
	if (failed)
		json_decref(object);
	return failed ? NULL : object;
}

static int set_number(json_t *object, const char *key, int64_t number)
{
	return json_object_set_new(object, key, json_integer(number));
}

static int set_word(json_t *object, const char *key, const struct words *words, uint32_t value)
{
	return json_object_set_new(object, key, json_string(words_of(words, value)));
}

static int set_amount(json_t *object, const char *prefix, const char *way, const struct amount *amount)
{
	char key[64];
	int failed = 0;

	snprintf(key, sizeof key, "%s%soctets", prefix, way);
	failed |= json_object_set_new(object, key, rows_amount(amount->octets));
	snprintf(key, sizeof key, "%s%spackets", prefix, way);
	failed |= json_object_set_new(object, key, rows_amount(amount->packets));
	return failed;
}

static int set_quota(json_t *object, const struct view_quota *quota, bool host)
{
	int failed = 0;

	failed |= set_number(object, "quota_mb", quota->megabytes);
	failed |= set_word(object, "quota_basis", &words_basis, quota->basis);
	if (host) {
		failed |= set_number(object, "quota_warn_percent", quota->warn_percent);
		failed |= set_word(object, "quota_action", &words_action, quota->action);
	}
	failed |= set_number(object, "quota_used_percent", quota->percent);
	failed |= set_word(object, "quota_state", &words_state, quota->state);
	return failed;
}

static int set_traffic(json_t *object, const struct view_traffic *traffic, bool host)
{
	int failed = 0;

	failed |= set_amount(object, "", "down_", &traffic->down);
	failed |= set_amount(object, "", "up_", &traffic->up);
	failed |= set_amount(object, "", "dropped_", &traffic->dropped);
	failed |= json_object_set_new(object, "discontinuity_time", rows_time(traffic->discontinuity));
	failed |= set_number(object, "period_number", traffic->period.number);
	failed |= json_object_set_new(object, "period_start", rows_time(traffic->period.start));
	failed |= set_amount(object, "period_", "down_", &traffic->period.down);
	failed |= set_amount(object, "period_", "up_", &traffic->period.up);
	failed |= set_quota(object, &traffic->quota, host);
	return failed;
}

json_t *rows_town(const struct view *view, uint32_t town)
{
	const struct view_town *row = &view_towns(view)[town];
	json_t *object = json_object();
	int failed = !object;

	failed |= json_object_set_new(object, "town", rows_text(row->name));
	failed |= set_word(object, "admin_status", &words_admin, row->admin);
	failed |= json_object_set_new(object, "bypassed", json_boolean(row->bypassed));
	failed |= set_number(object, "hosts", row->hosts);
	failed |= set_number(object, "blocked_hosts", row->blocked_hosts);
	failed |= set_number(object, "over_quota_hosts", row->over_quota_hosts);
	failed |= json_object_set_new(object, "prefixes", rows_text(view_text(view, row->prefixes)));
	failed |= set_traffic(object, &row->traffic, false);
	failed |= json_object_set_new(object, "unattributed_down_octets", rows_amount(row->unattributed_down));
	failed |= json_object_set_new(object, "unattributed_up_octets", rows_amount(row->unattributed_up));
	return whole(object, failed);
}

static json_t *reasons(uint8_t bits)
{
	static const struct {
		uint8_t bit;
		const char *word;
	} list[] = {
		{VIEW_REASON_MANAGER, "manager"}, {VIEW_REASON_QUOTA, "quota"},
		{VIEW_REASON_LOCAL, "local"}, {VIEW_REASON_TOWN, "town"}};
	json_t *array = json_array();
	int failed = !array;

	for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
		if (bits & list[i].bit)
			failed |= json_array_append_new(array, json_string(list[i].word));
	return whole(array, failed);
}

json_t *rows_host(const struct view *view, uint32_t host)
{
	const struct view_host *row = &view_hosts(view)[host];
	json_t *object = json_object();
	int failed = !object;

	failed |= json_object_set_new(object, "town", rows_text(view_towns(view)[row->town].name));
	failed |= json_object_set_new(object, "host", rows_text(row->name));
	failed |= set_word(object, "admin_status", &words_admin, row->admin);
	failed |= set_word(object, "oper_status", &words_oper, row->oper);
	failed |= json_object_set_new(object, "block_reason", reasons(row->reason));
	failed |= json_object_set_new(object, "last_change", rows_time(row->last_change));
	failed |= json_object_set_new(object, "prefixes", rows_text(view_text(view, row->prefixes)));
	failed |= json_object_set_new(object, "remark", rows_text(view_text(view, row->remark)));
	failed |= set_traffic(object, &row->traffic, true);
	return whole(object, failed);
}

json_t *rows_service(const struct view *view, uint32_t service)
{
	const struct view_service *row = &view_services(view)[service];
	uint32_t all = view_find_service(view, UINT32_MAX, UINT32_MAX, row->name);
	json_t *object = json_object();
	int failed = !object;

	failed |= json_object_set_new(object, "town", row->town == UINT32_MAX ? json_null()
								      : rows_text(view_towns(view)[row->town].name));
	failed |= json_object_set_new(object, "host", row->host == UINT32_MAX ? json_null()
								      : rows_text(view_hosts(view)[row->host].name));
	failed |= json_object_set_new(object, "service", rows_text(row->name));
	/* It stands with the class of all towns. */
	failed |= json_object_set_new(object, "match",
				      rows_text(all == UINT32_MAX ? "" : view_text(view, view_services(view)[all].match)));
	failed |= set_amount(object, "", "down_", &row->down);
	failed |= set_amount(object, "", "up_", &row->up);
	return whole(object, failed);
}

static json_t *total(const struct view_total *row)
{
	json_t *object = json_object();
	int failed = !object;

	failed |= set_word(object, "chain", &words_chain, row->chain);
	failed |= set_word(object, "source", &words_source, row->source);
	failed |= set_amount(object, "", "", &row->amount);
	failed |= json_object_set_new(object, "discontinuity_time", rows_time(row->discontinuity));
	failed |= json_object_set_new(object, "period_start", rows_time(row->period_start));
	failed |= set_amount(object, "period_", "", &row->period);
	return whole(object, failed);
}

static json_t *totals(const struct view *view)
{
	json_t *array = json_array();
	int failed = !array;

	for (uint32_t i = 0; i < view->n_totals; i++)
		failed |= json_array_append_new(array, total(&view_totals(view)[i]));
	return whole(array, failed);
}

json_t *rows_status(const struct view *view, int64_t now)
{
	const struct view_agent *agent = &view->agent;
	json_t *object = json_object();
	int64_t age = (now - agent->snapshot_clock) / 1000000;
	int failed = !object;

	failed |= json_object_set_new(object, "version", json_string(PACKAGE_VERSION));
	failed |= set_word(object, "backend", &words_backend, agent->backend);
	failed |= json_object_set_new(object, "snapshot_time", rows_time(agent->snapshot_time));
	failed |= set_number(object, "snapshot_age_ms", age < 0 ? 0 : age);
	failed |= set_number(object, "snapshot_duration_us", agent->snapshot_duration);
	failed |= set_number(object, "snapshots", agent->snapshots);
	failed |= set_number(object, "snapshot_errors", agent->snapshot_errors);
	failed |= json_object_set_new(object, "last_error", rows_text(agent->last_error));
	failed |= json_object_set_new(object, "last_error_time", rows_time(agent->last_error_time));
	failed |= set_number(object, "rules_read", agent->rules_read);
	failed |= set_number(object, "towns", view->n_towns);
	failed |= set_number(object, "hosts", view->n_hosts);
	failed |= set_number(object, "blocked_hosts", agent->blocked_hosts);
	failed |= set_number(object, "over_quota_hosts", agent->over_quota_hosts);
	failed |= json_object_set_new(object, "tables_last_change", rows_time(agent->tables_last_change));
	failed |= set_word(object, "ledger_status", &words_ledger, agent->ledger);
	failed |= json_object_set_new(object, "ledger_save_time", rows_time(agent->ledger_save_time));
	failed |= set_number(object, "ledger_errors", agent->ledger_errors);
	failed |= set_number(object, "kernel_resets", agent->kernel_resets);
	failed |= json_object_set_new(object, "discontinuity_time", rows_time(agent->discontinuity));
	failed |= json_object_set_new(object, "offload_detected", json_boolean(agent->offload));
	failed |= json_object_set_new(object, "period_schedule", rows_text(agent->period_schedule));
	failed |= json_object_set_new(object, "period_start", rows_time(agent->period_start));
	failed |= json_object_set_new(object, "period_next_end", rows_time(agent->period_next_end));
	failed |= json_object_set_new(object, "totals", totals(view));
	return whole(object, failed);
}

/* More than can be counted is that. */
static uint64_t add(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

json_t *rows_closed(const struct closed *closed)
{
	struct amount sum = {add(closed->down.packets, closed->up.packets), add(closed->down.octets, closed->up.octets)};
	json_t *object = json_object();
	int failed = !object;

	failed |= json_object_set_new(object, "town", rows_text(closed->town));
	failed |= json_object_set_new(object, "host", closed->is_host ? rows_text(closed->host) : json_null());
	failed |= set_number(object, "period", closed->number);
	failed |= json_object_set_new(object, "start", rows_time(closed->start));
	failed |= json_object_set_new(object, "end", rows_time(closed->end));
	failed |= json_object_set_new(object, "reason",
				      closed->reason ? json_string(words_of(&words_end, closed->reason)) : json_null());
	failed |= json_object_set_new(object, "complete", json_boolean(closed->complete));
	failed |= set_amount(object, "", "down_", &closed->down);
	failed |= set_amount(object, "", "up_", &closed->up);
	failed |= set_amount(object, "", "total_", &sum);
	failed |= set_number(object, "quota_mb", closed->quota_mb);
	failed |= json_object_set_new(object, "over_mb", rows_amount(closed->over_mb));
	return whole(object, failed);
}

json_t *rows_current(const struct view *view, uint32_t town, uint32_t host)
{
	const struct view_traffic *traffic = host == UINT32_MAX ? &view_towns(view)[town].traffic
								: &view_hosts(view)[host].traffic;
	const struct view_period *period = &traffic->period;
	const struct quota quota = {.megabytes = traffic->quota.megabytes, .basis = traffic->quota.basis};
	struct closed closed = {
		.is_host = host != UINT32_MAX,
		.number = period->number,
		.start = period->start,
		.complete = traffic->discontinuity <= period->start,
		.down = period->down,
		.up = period->up,
		.quota_mb = quota.megabytes,
		.over_mb = quota_over(&quota, quota_used(&quota, period->down.octets, period->up.octets))};

	memcpy(closed.town, view_towns(view)[town].name, sizeof closed.town);
	if (closed.is_host)
		memcpy(closed.host, view_hosts(view)[host].name, sizeof closed.host);
	return rows_closed(&closed);
}
