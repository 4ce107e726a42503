/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request on the control socket: a line that holds a JSON object, read into plain values. Pure;
 * nothing to free. What may stand in it is in doc/control-socket.md.
 */
#ifndef TOWNMETER_QUERY_H
#define TOWNMETER_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "view.h"

enum { QUERY_ERROR_SIZE = 256, QUERY_NAME_MAX = NAME_TOWN_MAX + 1 + NAME_HOST_MAX };

enum query_verb {
	QUERY_STATUS, QUERY_TOWNS, QUERY_HOSTS, QUERY_SERVICES, QUERY_REPORT,
	QUERY_ZERO, QUERY_BLOCK, QUERY_UNBLOCK, QUERY_QUOTA, QUERY_FORGET,
	QUERY_APPLY, QUERY_REMOVE
};

struct query {
	enum query_verb verb;
	bool all;                      /* QUERY_ZERO: every total, town and host */
	bool dry_run;                  /* QUERY_APPLY, QUERY_REMOVE */
	char name[QUERY_NAME_MAX + 1]; /* TOWN or TOWN/HOST, still to be told apart; "": none */
	char town[NAME_TOWN_MAX + 1];  /* "": none */
	char host[NAME_HOST_MAX + 1];  /* "": the town itself */
	/* QUERY_QUOTA: what is to change; numbers as in struct view_quota. */
	bool has_megabytes, has_basis, has_warn, has_action;
	uint32_t megabytes, basis, warn_percent, action;
	/* QUERY_REPORT */
	bool all_periods;
	uint32_t period;               /* 0: the current one; 1: the last that was closed; and so on */
};

/* Reads a line without its line end. Returns 0, or -1 with one line that says what was found and what was
 * expected. */
int query_read(struct query *query, const char *line, size_t length, char error[QUERY_ERROR_SIZE]);

/* Does it change something? A quota of which nothing is to change is shown. */
bool query_commands(const struct query *query);

/*
 * Fills town and host from the name: the longest part before a '/' that is a town of the view, and has the
 * host, if one follows; since names of chains and hosts may hold a '/'. Returns 0 if there is such a row, or -1
 * with an error; town and host are then what stands before and behind the first '/'.
 */
int query_find(struct query *query, const struct view *view, char error[QUERY_ERROR_SIZE]);

#endif
