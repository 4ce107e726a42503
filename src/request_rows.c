/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request changes in the model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "request.h"

enum { SPIN_LOCK_MAX = 2147483647 };

/* While rows are collected: for each identity the place in request->rows and one more, 0 for none. */
struct collecting {
	struct workshop *w;
	struct request *request;
	uint32_t *places[METER_HOST + 1], n_places[METER_HOST + 1];
	uint8_t reason;
	bool failed;
};

/* The request's row for this one; NULL without memory. */
static struct request_row *row_of(struct collecting *c, enum meter_kind kind, uint32_t id)
{
	struct request *request = c->request;

	if (id >= c->n_places[kind]) {
		uint32_t room = c->n_places[kind] * 2 > id ? c->n_places[kind] * 2 : id + 64;
		uint32_t *more = realloc(c->places[kind], room * sizeof *more);
		if (!more)
			goto failed;
		memset(more + c->n_places[kind], 0, (room - c->n_places[kind]) * sizeof *more);
		c->places[kind] = more;
		c->n_places[kind] = room;
	}
	if (c->places[kind][id])
		return &request->rows[c->places[kind][id] - 1];
	if (request->n_rows == request->room_rows) {
		size_t room = request->room_rows ? request->room_rows * 2 : 16;
		struct request_row *more = realloc(request->rows, room * sizeof *more);
		if (!more)
			goto failed;
		request->rows = more;
		request->room_rows = room;
	}
	struct request_row *row = &request->rows[request->n_rows++];
	*row = (struct request_row){.kind = kind, .id = id};
	c->places[kind][id] = (uint32_t)request->n_rows;
	return row;
failed:
	c->failed = true;
	return NULL;
}

static void end_row(void *context, enum meter_kind kind, uint32_t id)
{
	struct collecting *c = context;
	struct request_row *row = row_of(c, kind, id);

	/* Its town's period ends as well: that is why. A row that goes, goes whatever else is asked for. */
	if (row && row->reason != CLOSED_REMOVED && (row->reason != CLOSED_TOWN_ZERO || c->reason == CLOSED_REMOVED))
		row->reason = c->reason;
}

static void end_host(void *context, uint32_t host)
{
	end_row(context, METER_HOST, host);
}

static uint8_t reason_of(const struct command *command)
{
	if (command->kind == COMMAND_FORGET)
		return CLOSED_REMOVED;
	if (command->origin == ORIGIN_SCHEDULE)
		return CLOSED_SCHEDULE;
	if (command->origin == ORIGIN_LOCAL)
		return CLOSED_LOCAL;
	return command->host[0] ? CLOSED_HOST_ZERO : CLOSED_TOWN_ZERO;
}

static void collect_command(struct collecting *c, const struct command *command)
{
	struct target target;

	c->reason = reason_of(command);
	if (command->all) {
		meter_each_row(c->w->meter, end_row, c);
		return;
	}
	if (request_is_agents(command) || request_target(c->w, command, &target) < 0)
		return;
	if (command->kind != COMMAND_ZERO && command->kind != COMMAND_FORGET) {
		row_of(c, target.kind, target.id);
		return;
	}
	end_row(c, target.kind, target.id);
	if (target.kind == METER_TOWN)
		meter_each_host(c->w->meter, target.id, end_host, c);
}

int request_collect(struct workshop *w, struct request *request)
{
	struct collecting c = {.w = w, .request = request};

	request->n_rows = request->n_closed = 0;
	for (size_t i = 0; i < request->n; i++)
		collect_command(&c, &request->commands[i]);
	for (int i = 0; i <= METER_HOST; i++)
		free(c.places[i]);
	free(request->closed);
	request->closed = calloc(request->n_rows + 1, sizeof *request->closed);
	if (!c.failed && request->closed)
		return 0;
	errno = ENOMEM;
	return -1;
}

static void apply_block(struct meter_row *row, const struct command *command)
{
	/* Whoever lets it pass lifts what managers and commands asked for. */
	if (!command->blocked)
		row->manager = row->local = false;
	else if (command->origin == ORIGIN_LOCAL)
		row->local = true;
	else
		row->manager = true;
}

static void apply_to_row(struct meter_row *row, const struct command *command)
{
	switch (command->kind) {
	case COMMAND_ADMIN:
		apply_block(row, command);
		break;
	case COMMAND_REMARK:
		memcpy(row->remark, command->remark, sizeof row->remark);
		break;
	case COMMAND_QUOTA:
		row->quota.megabytes = command->number;
		break;
	case COMMAND_BASIS:
		row->quota.basis = (uint8_t)command->number;
		break;
	case COMMAND_WARN:
		row->quota.warn_percent = (uint8_t)command->number;
		break;
	case COMMAND_ACTION:
		row->quota.action = (uint8_t)command->number;
		break;
	default:
		break;
	}
}

static void apply_to_agent(struct view_agent *agent, const struct command *command)
{
	switch (command->kind) {
	case COMMAND_SPIN:
		agent->spin_lock = agent->spin_lock == SPIN_LOCK_MAX ? 0 : agent->spin_lock + 1;
		break;
	case COMMAND_NOTIFY_ENABLE:
		agent->notify_enable = command->number != 0;
		break;
	case COMMAND_NOTIFY_INTERVAL:
		agent->notify_min_interval = command->number;
		break;
	case COMMAND_NOTIFY_MAX:
		agent->notify_max_per_minute = command->number;
		break;
	default:
		break;
	}
}

static struct request_agent agent_of(const struct workshop *w)
{
	const struct view_agent *agent = w->agent;

	return (struct request_agent){.spin_lock = agent->spin_lock,
				      .notify_min_interval = agent->notify_min_interval,
				      .notify_max_per_minute = agent->notify_max_per_minute,
				      .notify_enable = agent->notify_enable, .boundary = w->books->boundary,
				      .period_start = agent->period_start};
}

void request_change_rows(struct workshop *w, struct request *request)
{
	decitime now = request->when;
	struct target target;

	request->n_closed = 0;
	request->agent = agent_of(w);
	for (size_t i = 0; i < request->n_rows; i++)
		request->rows[i].other = meter_row(w->meter, request->rows[i].kind, request->rows[i].id);
	/* A period ends with the quota that it had. */
	for (size_t i = 0; i < request->n_rows; i++) {
		const struct request_row *row = &request->rows[i];
		if (row->reason)
			meter_period_end(w->meter, row->kind, row->id, now, row->reason,
					 row->kind == METER_TOTAL ? NULL : &request->closed[request->n_closed++]);
	}
	for (size_t i = 0; i < request->n; i++) {
		const struct command *command = &request->commands[i];
		apply_to_agent(w->agent, command);
		if (request_is_agents(command) || request_target(w, command, &target) < 0)
			continue;
		struct meter_row row = meter_row(w->meter, target.kind, target.id);
		apply_to_row(&row, command);
		meter_row_put(w->meter, target.kind, target.id, &row);
	}
	if (request->scheduled) {
		w->books->boundary = request->boundary;
		w->agent->period_start = now;
	}
	/* Last: a row that is gone can not be found any more. */
	for (size_t i = 0; i < request->n_rows; i++) {
		const struct request_row *own = &request->rows[i];
		if (own->reason != CLOSED_REMOVED)
			continue;
		struct meter_row row = meter_row(w->meter, own->kind, own->id);
		row.gone = true;
		meter_row_put(w->meter, own->kind, own->id, &row);
	}
	for (size_t i = 0; i < request->n_rows; i++)
		request->rows[i].left = meter_row(w->meter, request->rows[i].kind, request->rows[i].id);
	request->left = agent_of(w);
	meter_judge(w->meter, now);
}

/* What a value goes back to: someone else's change of it stays. */
static uint32_t back(uint32_t now, uint32_t left, uint32_t other)
{
	return now == left ? other : now;
}

static struct quota quota_back(const struct quota *now, const struct quota *left, const struct quota *other)
{
	return (struct quota){
		.megabytes = back(now->megabytes, left->megabytes, other->megabytes),
		.basis = (uint8_t)back(now->basis, left->basis, other->basis),
		.warn_percent = (uint8_t)back(now->warn_percent, left->warn_percent, other->warn_percent),
		.action = (uint8_t)back(now->action, left->action, other->action)};
}

static void swap_row(struct workshop *w, struct request_row *row)
{
	const struct meter_row now = meter_row(w->meter, row->kind, row->id), *left = &row->left, *other = &row->other;
	struct meter_row to = now;

	if (now.period.number == left->period.number)
		to.period = other->period;
	to.quota = quota_back(&now.quota, &left->quota, &other->quota);
	to.manager = back(now.manager, left->manager, other->manager) != 0;
	to.local = back(now.local, left->local, other->local) != 0;
	to.gone = back(now.gone, left->gone, other->gone) != 0;
	if (strcmp(now.remark, left->remark) == 0)
		memcpy(to.remark, other->remark, sizeof to.remark);
	meter_row_put(w->meter, row->kind, row->id, &to);
	row->other = now;
	row->left = to;
}

static void swap_agent(struct workshop *w, struct request *request)
{
	const struct request_agent now = agent_of(w), *left = &request->left, *other = &request->agent;
	struct view_agent *agent = w->agent;

	agent->spin_lock = back(now.spin_lock, left->spin_lock, other->spin_lock);
	agent->notify_min_interval =
		back(now.notify_min_interval, left->notify_min_interval, other->notify_min_interval);
	agent->notify_max_per_minute =
		back(now.notify_max_per_minute, left->notify_max_per_minute, other->notify_max_per_minute);
	agent->notify_enable = back(now.notify_enable, left->notify_enable, other->notify_enable) != 0;
	if (now.boundary == left->boundary)
		w->books->boundary = other->boundary;
	if (now.period_start == left->period_start)
		agent->period_start = other->period_start;
	request->agent = now;
	request->left = agent_of(w);
}

void request_swap_rows(struct workshop *w, struct request *request)
{
	for (size_t i = 0; i < request->n_rows; i++)
		swap_row(w, &request->rows[i]);
	swap_agent(w, request);
	for (size_t i = 0; i < request->n_closed; i++)
		request->closed[i].withdrawn = !request->closed[i].withdrawn;
	meter_judge(w->meter, clock_time());
}

bool request_is_overtaken(const struct workshop *w, const struct request *request)
{
	for (size_t i = 0; i < request->n_rows; i++) {
		const struct request_row *row = &request->rows[i];
		struct meter_row now = meter_row(w->meter, row->kind, row->id);
		if (row->reason && (now.period.number != row->left.period.number || now.gone != row->left.gone))
			return true;
	}
	return false;
}
