/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "order.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

/* All of a command's time, and what is left to the meter thread to say itself why it did not begin. */
static const int64_t patience = 10000000000, courtesy = 1000000000;

/* OPER_PARTIAL: of townMeterHostOperStatus. */
enum { COMMANDS_MAX = 4, OPER_PARTIAL = 3 };

/* Commands of a dry run in one part of the answer: what takes the loop a millisecond or two. */
enum { PART = 1024 };

struct order {
	struct control *control;
	struct query query;
	struct request *request;
	enum request_phase phase;
	int64_t deadline;
	size_t told;   /* so many commands of a dry run are in parts that were sent */
	bool given_up; /* the deadline is over, and it has begun */
};

/* The row of a command, and who gives it. */
static struct command command_for(const struct query *query, enum command_kind kind)
{
	struct command command = {.kind = kind, .origin = ORIGIN_LOCAL, .all = query->all};

	memcpy(command.town, query->town, sizeof command.town);
	memcpy(command.host, query->host, sizeof command.host);
	return command;
}

static size_t quota_commands(const struct query *query, struct command commands[COMMANDS_MAX])
{
	const struct {
		bool has;
		enum command_kind kind;
		uint32_t number;
	} all[COMMANDS_MAX] = {
		{query->has_megabytes, COMMAND_QUOTA, query->megabytes},
		{query->has_basis, COMMAND_BASIS, query->basis},
		{query->has_warn, COMMAND_WARN, query->warn_percent},
		{query->has_action, COMMAND_ACTION, query->action}};
	size_t n = 0;

	for (size_t i = 0; i < COMMANDS_MAX; i++) {
		if (!all[i].has)
			continue;
		commands[n] = command_for(query, all[i].kind);
		commands[n++].number = all[i].number;
	}
	return n;
}

static size_t commands_of(const struct query *query, struct command commands[COMMANDS_MAX])
{
	switch (query->verb) {
	case QUERY_ZERO:
		commands[0] = command_for(query, COMMAND_ZERO);
		return 1;
	case QUERY_BLOCK:
	case QUERY_UNBLOCK:
		commands[0] = command_for(query, COMMAND_ADMIN);
		commands[0].blocked = query->verb == QUERY_BLOCK;
		return 1;
	case QUERY_FORGET:
		commands[0] = command_for(query, COMMAND_FORGET);
		return 1;
	case QUERY_QUOTA:
		return quota_commands(query, commands);
	case QUERY_APPLY:
	case QUERY_REMOVE:
		commands[0] = command_for(query, query->verb == QUERY_APPLY ? COMMAND_APPLY : COMMAND_REMOVE);
		commands[0].dry = query->dry_run;
		return 1;
	default:
		return 0;
	}
}

/* About the rules that townmeter writes, and no row. */
static bool is_of_rules(const struct query *query)
{
	return query->verb == QUERY_APPLY || query->verb == QUERY_REMOVE;
}

static void submit(struct order *order, enum request_phase phase)
{
	order->phase = phase;
	control_submit(order->control, order->request, phase, order->deadline);
}

struct order *order_new(struct control *control, const struct query *query, const struct view *view,
			char error[QUERY_ERROR_SIZE])
{
	struct order *order = calloc(1, sizeof *order);
	struct command commands[COMMANDS_MAX];

	if (!order)
		goto no_memory;
	order->control = control;
	order->query = *query;
	order->deadline = control_clock() + patience;
	if (!query->all && !is_of_rules(query) && query_find(&order->query, view, error) < 0)
		goto err;
	if (order->query.town[0] && !order->query.host[0] && (query->has_warn || query->has_action)) {
		snprintf(error, QUERY_ERROR_SIZE, "%s is a town, whose quota has no %s; those of its hosts have",
			 order->query.town, query->has_warn ? "warning level of its own" : "action");
		goto err;
	}
	size_t n = commands_of(&order->query, commands);
	order->request = request_new(commands, n);
	if (!order->request)
		goto no_memory;
	submit(order, is_of_rules(query) ? REQUEST_APPLY : REQUEST_PREPARE);
	return order;
no_memory:
	snprintf(error, QUERY_ERROR_SIZE, "no memory for the command");
err:
	free(order);
	return NULL;
}

static int __attribute__((format(printf, 2, 3)))
add_note(json_t *notes, const char *format, ...)
{
	char line[QUERY_ERROR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	return json_array_append_new(notes, rows_text(line));
}

/* What still stands after a block was lifted, or does not stand as asked for. */
static int note_host(json_t *notes, const struct view *view, const struct query *query)
{
	uint32_t found = view_find_host(view, query->town, query->host);
	int failed = 0;

	if (found == UINT32_MAX)
		return 0;
	const struct view_host *row = &view_hosts(view)[found];
	if (query->verb == QUERY_UNBLOCK && (row->reason & VIEW_REASON_QUOTA))
		failed |= add_note(notes, "its quota of %u MB, of which %u%% are used, still blocks it: raise the quota, "
				   "end its period with zero, or let its quota not block", row->traffic.quota.megabytes,
				   row->traffic.quota.percent);
	if (query->verb == QUERY_UNBLOCK && (row->reason & VIEW_REASON_TOWN))
		failed |= add_note(notes, "the block of its town still drops its traffic: unblock %s", query->town);
	if (query->verb == QUERY_BLOCK && row->oper == OPER_PARTIAL)
		failed |= add_note(notes, "its packets can bypass the block: another rule stands ahead of its town's; "
				   "'townmeterd --check' names it");
	return failed;
}

static json_t *done(const struct order *order)
{
	struct view *view = control_view(order->control);
	const struct query *query = &order->query;
	json_t *object = json_object(), *notes = json_array();
	int failed = json_object_set_new(object, "ok", json_true());

	if (query->all)
		failed |= json_object_set_new(object, "all", json_true());
	if (query->town[0])
		failed |= json_object_set_new(object, "town", rows_text(query->town));
	if (query->host[0]) {
		failed |= json_object_set_new(object, "host", rows_text(query->host));
		failed |= note_host(notes, view, query);
	}
	failed |= json_object_set_new(object, "notes", notes);
	view_release(view);
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* The next part. One that was not carried out has its reasons in notes: all mistakes of the configuration. */
static json_t *written(struct order *order, const char *why, bool *more)
{
	struct control_written own;
	json_t *object = json_object(), *notes = json_array(), *commands = json_array();
	int failed = 0;

	request_written(order->request, &own);
	for (size_t i = 0; i < own.n_notes; i++)
		failed |= json_array_append_new(notes, rows_text(own.notes[i]));
	for (size_t n = 0; n < PART && order->told < own.n_commands; n++)
		failed |= json_array_append_new(commands, rows_text(own.commands[order->told++]));
	*more = order->told < own.n_commands;
	failed |= json_object_set_new(object, "ok", json_boolean(why == NULL));
	failed |= json_object_set_new(object, "more", json_boolean(*more));
	if (why)
		failed |= json_object_set_new(object, "error", rows_text(why));
	failed |= json_object_set_new(object, "dry_run", json_boolean(order->query.dry_run));
	failed |= json_object_set_new(object, "chains_added", json_integer((json_int_t)own.chains_added));
	failed |= json_object_set_new(object, "rules_added", json_integer((json_int_t)own.rules_added));
	failed |= json_object_set_new(object, "rules_removed", json_integer((json_int_t)own.rules_removed));
	failed |= json_object_set_new(object, "chains_removed", json_integer((json_int_t)own.chains_removed));
	failed |= json_object_set_new(object, "notes", notes);
	failed |= json_object_set_new(object, "commands", commands);
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}

int order_step(struct order *order, json_t **answer, char error[QUERY_ERROR_SIZE])
{
	size_t failed;
	const char *why;

	if (!request_ended(order->control, order->request)) {
		if (control_clock() < order->deadline + courtesy)
			return 0;
		if (!control_cancel(order->control, order->request)) {
			order->given_up = true;
			return 0;
		}
		snprintf(error, QUERY_ERROR_SIZE, "the meter was busy for %d seconds: nothing was changed",
			 (int)((patience + courtesy) / 1000000000));
		return -1;
	}
	enum request_result result = request_result(order->request, &failed, &why);
	if (is_of_rules(&order->query)) {
		bool more;
		*answer = written(order, result == REQUEST_DONE ? NULL : why, &more);
		return more ? 2 : 1;
	}
	if (result != REQUEST_DONE) {
		if (result == REQUEST_NO_SUCH_ROW && !order->query.all)
			snprintf(error, QUERY_ERROR_SIZE, "%s%s%s is not there any more", order->query.town,
				 order->query.host[0] ? "/" : "", order->query.host);
		else
			snprintf(error, QUERY_ERROR_SIZE, "%s", why);
		return -1;
	}
	if (order->phase == REQUEST_PREPARE) {
		submit(order, REQUEST_APPLY);
		return 0;
	}
	*answer = done(order);
	return 1;
}

int64_t order_due(const struct order *order)
{
	return order->given_up ? INT64_MAX : order->deadline + courtesy;
}

bool order_drop(struct order *order)
{
	return request_ended(order->control, order->request) || control_cancel(order->control, order->request);
}

void order_free(struct order *order)
{
	if (!order)
		return;
	request_free(order->request);
	free(order);
}
