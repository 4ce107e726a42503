/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request's work on the kernel, the model and the ledger; used by the meter thread alone.
 *
 * request.c has the phases, request_check.c what can not be carried out, request_rows.c what changes in the
 * model, request_undo.c the way back.
 */
#ifndef TOWNMETER_REQUEST_H
#define TOWNMETER_REQUEST_H

#include "control.h"
#include "plan.h"
#include "workshop.h"
#include "writing.h"

/* What takes an edit back. */
struct undo_edit {
	struct edit edit;
	struct rule_key key;
	char chain[32];
	char comment[256]; /* of EDIT_DELETE: the rule's; the edit's own is NULL */
	uint8_t family;
	uint32_t number; /* of EDIT_DELETE: where the rule is to stand again */
};

/* A row that the request changes. */
struct request_row {
	enum meter_kind kind;
	uint32_t id;
	uint8_t reason; /* enum closed_reason: its period ends; 0: it does not */
	struct meter_row other; /* what it was before, and while that is in force what it is to be */
	struct meter_row left;  /* as the request left it last: what differs now is someone else's */
};

/* What commands change of the agent itself. */
struct request_agent {
	uint32_t spin_lock, notify_min_interval, notify_max_per_minute;
	bool notify_enable;
	int64_t boundary;     /* books.boundary */
	decitime period_start;
};

struct request {
	struct command *commands;
	size_t n;
	enum request_phase phase;
	enum request_result result;
	size_t failed;
	char why[BACKEND_ERROR_SIZE];
	int64_t deadline;
	struct request *next; /* in the queue */
	bool queued, running, applied;
	bool announced;        /* the ledger knows of the change, even if the process ends now */
	struct undo_edit *undo;
	size_t n_undo;
	struct request_row *rows;
	size_t n_rows, room_rows;
	struct closed *closed; /* the periods that it ended */
	size_t n_closed;
	struct request_agent agent, left; /* as request_row.other and request_row.left */
	bool scheduled;       /* by the schedule, which is done then with what was due at `boundary` */
	int64_t boundary;     /* seconds */
	uint64_t epoch;       /* of the states that it changed */
	decitime when;        /* periods end then */
	struct writing_report written; /* of COMMAND_APPLY, COMMAND_REMOVE */
};

/* The phases, while the backend is locked. They set the request's result. What was applied, or taken back,
 * is in the ledger when they return. */
void request_prepare(struct workshop *workshop, struct request *request);
void request_apply(struct workshop *workshop, struct request *request);
void request_undo(struct workshop *workshop, struct request *request);

/* After a change of rows or rules: brings the model up to date with what stands, and puts in force what
 * follows from it. `what` is for the log. */
void request_settle(struct workshop *workshop, const char *what);

/* What a command is about. */
struct target {
	enum meter_kind kind;
	uint32_t id, found;
};

/* For the files request*.c. Sets the result; `why` may be the request's own. */
void request_fail(struct request *request, enum request_result result, size_t command, const char *why);

/* The row of a command that has one. Returns 0, or -1: there is none. */
int request_target(const struct workshop *workshop, const struct command *command, struct target *target);

/* Is this a command to the agent itself, and not to a row? */
bool request_is_agents(const struct command *command);

/* Can all commands be carried out now, after a look? Returns 0, or -1 with the request's result. */
int request_check(struct workshop *workshop, struct request *request, const struct ruleset *rules);

/* Every row that the request changes, with room for what it was: before anything is changed. Returns 0, or -1
 * with errno ENOMEM. */
int request_collect(struct workshop *workshop, struct request *request);

/* Changes the collected rows and the agent, as of request->when. */
void request_change_rows(struct workshop *workshop, struct request *request);

/* What is in force and what was before change places: takes a change of rows back, and that back again. What
 * others changed meanwhile stays. */
void request_swap_rows(struct workshop *workshop, struct request *request);

/* Did others end a period after this request did, or bring back what it removed? It can not be taken back then. */
bool request_is_overtaken(const struct workshop *workshop, const struct request *request);

#endif
