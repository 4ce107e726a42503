/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request's work on the kernel and the model; used by the meter thread alone.
 */
#ifndef TOWNMETER_REQUEST_H
#define TOWNMETER_REQUEST_H

#include "backend.h"
#include "control.h"
#include "meter.h"

/* What the work is done with. */
struct workshop {
	const struct backend_ops *ops;
	struct backend *backend;
	struct meter *meter;
	meter_report *report;
	void *context;
	bool found[2], offload; /* of the last look, as in its snapshot */
	bool looked;            /* there was one that read everything */
};

/* What takes an edit back. */
struct undo_edit {
	struct edit edit;
	struct rule_key key;
	char chain[32];
	uint8_t family;
	uint32_t number; /* of EDIT_DELETE: where the rule is to stand again */
};

struct undo_row {
	enum meter_kind kind;
	uint32_t id;
	bool ended, wished, remarked; /* what was changed */
	bool wish;
	struct meter_period period;
	char remark[NAME_REMARK_MAX + 1];
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
	struct undo_edit *undo;
	size_t n_undo;
	struct undo_row *rows;
	size_t n_rows, room_rows;
	uint64_t epoch;       /* of the states that it changed */
};

/* Reads the rules and folds them in, while the backend is locked. Returns 0, or -1 with `error`. */
int workshop_look(struct workshop *workshop, enum read_depth depth, struct snapshot *snapshot,
		  char error[BACKEND_ERROR_SIZE]);

/* Carries out edits of the rules just read, and takes into the model what they did. */
enum change_result workshop_change(struct workshop *workshop, const struct ruleset *rules, struct edit *edits,
				   size_t n, char error[BACKEND_ERROR_SIZE]);

/* The phases, while the backend is locked. They set the request's result. */
void request_prepare(struct workshop *workshop, struct request *request);
void request_apply(struct workshop *workshop, struct request *request);
void request_undo(struct workshop *workshop, struct request *request);

/* Puts blocks in force that were asked for and that another program took away, and takes those away
 * that another program brought back. Returns whether anything was changed. */
bool workshop_enforce(struct workshop *workshop, const struct snapshot *snapshot);

#endif
