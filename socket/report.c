/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "rows.h"

/* Rows of the ledger that a step looks at: a millisecond or two. */
enum { STEP = 64 };

struct report {
	struct history *history;
	struct view *view;
	struct query query;      /* its town and host are what is asked for; "": all */
	char missing[QUERY_ERROR_SIZE]; /* there is no such row in the view: unless the ledger has one, this is said */
	bool found;
	/* The next row of the ledger is the first that is not before this. */
	bool is_host;
	uint8_t key[HISTORY_KEY_MAX + 1];
	size_t size;
	int64_t number;
};

static int stop(void *context, const struct closed *row)
{
	(void)context, (void)row;
	return 1;
}

static bool is_readable(struct report *r, char *error)
{
	if (history_list(r->history, NULL, NULL, 0, stop, NULL) >= 0)
		return true;
	snprintf(error, QUERY_ERROR_SIZE, "the closed periods can not be read from the ledger now; the log may say why");
	return false;
}

/* The first row of the towns, or of the hosts, that can be meant. */
static void begin(struct report *r, bool is_host)
{
	const struct query *q = &r->query;

	r->is_host = is_host;
	r->number = 0;
	r->size = 0;
	if (q->town[0])
		r->size = history_key(is_host && q->host[0], q->town, q->host[0] ? q->host : NULL, r->key);
}

struct report *report_new(const char *state_directory, const struct query *query, struct view *view,
			  char error[QUERY_ERROR_SIZE])
{
	struct report *r = calloc(1, sizeof *r);

	if (!r)
		goto no_memory;
	r->view = view_hold(view);
	r->query = *query;
	r->history = history_new(state_directory);
	if (!r->history)
		goto no_memory;
	if ((query->name[0] || query->town[0]) && query_find(&r->query, view, r->missing) < 0 && !r->query.town[0]) {
		memcpy(error, r->missing, QUERY_ERROR_SIZE);
		goto err;
	}
	if (!is_readable(r, error))
		goto err;
	begin(r, r->query.host[0] != '\0');
	return r;
no_memory:
	snprintf(error, QUERY_ERROR_SIZE, "no memory for the answer");
err:
	report_free(r);
	return NULL;
}

static bool is_meant(const struct query *query, const struct closed *row)
{
	return !query->town[0] || (strcmp(query->town, row->town) == 0 &&
				   (!query->host[0] || strcmp(query->host, row->host) == 0));
}

static bool is_of_one_row(const struct closed *a, const struct closed *b)
{
	return strcmp(a->town, b->town) == 0 && strcmp(a->host, b->host) == 0;
}

static void go_behind(struct report *r, const struct closed *row)
{
	r->size = history_key(row->is_host, row->town, row->is_host ? row->host : NULL, r->key);
	r->number = (int64_t)row->number + 1;
}

/* The number of a row's current period; 0 if the view has no such row. */
static uint32_t current(const struct view *view, const struct closed *row)
{
	uint32_t found = row->is_host ? view_find_host(view, row->town, row->host) : view_find_town(view, row->town);

	if (found == UINT32_MAX)
		return 0;
	return row->is_host ? view_hosts(view)[found].traffic.period.number : view_towns(view)[found].traffic.period.number;
}

/* Of a row that was removed: the period that is so many from the last. `row` is its first one, and there are no more
 * of them than a row keeps. */
static bool take_removed(struct report *r, struct closed *row)
{
	struct closed first = *row, next;
	uint32_t n = 1;

	for (go_behind(r, row); history_seek(r->history, r->is_host, r->key, r->size, r->number, &next) &&
				is_of_one_row(&next, &first);
	     go_behind(r, &next))
		n++;
	if (n < r->query.period)
		return false;
	go_behind(r, row);
	for (uint32_t k = n - r->query.period; k > 0; k--) {
		if (!history_seek(r->history, r->is_host, r->key, r->size, r->number, row))
			return false;
		go_behind(r, row);
	}
	return true;
}

/* Takes from the row at hand, whose first period this is, the one that is asked for. */
static bool take(struct report *r, struct closed *row)
{
	uint32_t now = current(r->view, row), back = r->query.period;
	char town[NAME_TOWN_MAX + 1], host[NAME_HOST_MAX + 1];

	memcpy(town, row->town, sizeof town);
	memcpy(host, row->host, sizeof host);
	if (now == 0)
		return take_removed(r, row);
	return now > back && history_get(r->history, r->is_host, town, r->is_host ? host : NULL, now - back, row);
}

/* Looks at the next row of the ledger. Returns 1 if there is a period to show, 0 if not, -1 at the end. */
static int look(struct report *r, struct closed *row)
{
	struct closed first;

	if (!history_seek(r->history, r->is_host, r->key, r->size, r->number, row) || !is_meant(&r->query, row)) {
		if (r->is_host)
			return -1;
		begin(r, true);
		return 0;
	}
	r->found = true;
	if (r->query.all_periods) {
		go_behind(r, row);
		return 1;
	}
	first = *row;
	bool taken = take(r, row);
	/* On behind all of its periods: 255 sorts behind every number and every longer name. */
	go_behind(r, &first);
	r->key[r->size++] = 255;
	r->number = 0;
	return taken;
}

enum service_step report_step(struct report *r, json_t **part, char error[QUERY_ERROR_SIZE])
{
	json_t *rows = json_array();
	struct closed row;
	int failed = 0, looked = 0;

	error[0] = '\0';
	*part = NULL;
	for (int i = 0; i < STEP && looked >= 0; i++) {
		looked = look(r, &row);
		if (looked > 0)
			failed |= json_array_append_new(rows, rows_closed(&row));
	}
	/* The end may be that the ledger can not be read any more, which is no end of a bill. */
	if (looked < 0 && is_readable(r, error) && !r->found && r->missing[0])
		memcpy(error, r->missing, QUERY_ERROR_SIZE);
	if (error[0]) {
		json_decref(rows);
		return SERVICE_ENDS;
	}
	*part = json_object();
	failed |= json_object_set_new(*part, "ok", json_true());
	failed |= json_object_set_new(*part, "more", json_boolean(looked >= 0));
	failed |= json_object_set_new(*part, "rows", rows);
	if (failed) {
		json_decref(*part);
		*part = NULL;
	}
	return looked >= 0 ? SERVICE_PART : SERVICE_ENDS;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	history_free(r->history);
	view_release(r->view);
	free(r);
}
