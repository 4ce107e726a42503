/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request asks for, and why it can not have it. */
#include <stdio.h>
#include <string.h>

#include "request.h"

void request_fail(struct request *request, enum request_result result, size_t command, const char *why)
{
	request->result = result;
	request->failed = command;
	if (why != request->why)
		snprintf(request->why, sizeof request->why, "%s", why);
}

bool request_is_agents(const struct command *command)
{
	return command->all || (command->kind >= COMMAND_SPIN && command->kind <= COMMAND_NOTIFY_MAX) ||
	       (command->kind == COMMAND_NOTHING && !command->chain && !command->town[0]);
}

int request_target(const struct workshop *w, const struct command *command, struct target *target)
{
	if (command->chain) {
		*target = (struct target){METER_TOTAL, command->chain, RULE_NONE};
		return meter_has_total(w->meter, command->chain) ? 0 : -1;
	}
	if (command->host[0]) {
		uint32_t id = meter_find_host(w->meter, command->town, command->host);
		if (id == RULE_NONE)
			return -1;
		*target = (struct target){METER_HOST, id, meter_host_found(w->meter, id)};
		return 0;
	}
	uint32_t id = meter_find_town(w->meter, command->town);
	if (id == RULE_NONE)
		return -1;
	*target = (struct target){METER_TOWN, id, meter_town_found(w->meter, id)};
	return 0;
}

static int check_block(struct workshop *w, struct request *request, size_t i, const struct target *target,
		       const struct ruleset *rules)
{
	const struct command *command = &request->commands[i];

	if (w->read_only) {
		request_fail(request, REQUEST_UNAVAILABLE, i, "the packet filter is only read: nothing can be blocked or let pass");
		return -1;
	}
	if (!command->blocked || meter_is_blocked(w->meter, target->kind, target->id))
		return 0;
	if (target->found == RULE_NONE) {
		snprintf(request->why, sizeof request->why, "%s%s%s can not be blocked while it has no rules in the "
			 "packet filter", command->town, command->host[0] ? "/" : "", command->host);
		request_fail(request, REQUEST_UNAVAILABLE, i, request->why);
		return -1;
	}
	if (target->kind == METER_HOST && !plan_can_block_host(rules, meter_recognition(w->meter), target->found)) {
		snprintf(request->why, sizeof request->why, "%s/%s has the same prefix as its town, whose drop would "
			 "block it: block the town %s", command->town, command->host, command->town);
		request_fail(request, REQUEST_UNAVAILABLE, i, request->why);
		return -1;
	}
	return 0;
}

/* A row whose rules stand would come back at the next look. */
static int check_forget(struct request *request, size_t i, const struct target *target)
{
	const struct command *command = &request->commands[i];

	if (target->found == RULE_NONE)
		return 0;
	snprintf(request->why, sizeof request->why, "%s%s%s has rules in the packet filter: remove them first",
		 command->town, command->host[0] ? "/" : "", command->host);
	request_fail(request, REQUEST_INCONSISTENT, i, request->why);
	return -1;
}

static int check_spin(struct workshop *w, struct request *request, size_t i)
{
	const struct command *command = &request->commands[i];

	if (command->number == w->agent->spin_lock)
		return 0;
	snprintf(request->why, sizeof request->why, "townMeterSpinLock is %u, found %u: another request came first",
		 (unsigned)w->agent->spin_lock, (unsigned)command->number);
	request_fail(request, REQUEST_INCONSISTENT, i, request->why);
	return -1;
}

static int check(struct workshop *w, struct request *request, size_t i, const struct ruleset *rules)
{
	const struct command *command = &request->commands[i];
	struct target target;

	if (command->kind == COMMAND_SPIN)
		return check_spin(w, request, i);
	if (request_is_agents(command))
		return 0;
	if (request_target(w, command, &target) < 0) {
		request_fail(request, REQUEST_NO_SUCH_ROW, i, "there is no such row");
		return -1;
	}
	if (command->kind == COMMAND_ADMIN)
		return check_block(w, request, i, &target, rules);
	if (command->kind == COMMAND_FORGET)
		return check_forget(request, i, &target);
	return 0;
}

int request_check(struct workshop *w, struct request *request, const struct ruleset *rules)
{
	for (size_t i = 0; i < request->n; i++)
		if (check(w, request, i, rules) < 0)
			return -1;
	return 0;
}
