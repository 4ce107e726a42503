/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listing.h"

#include <stdio.h>
#include <stdlib.h>

#include "rows.h"

/* Rows of a part: what takes the loop a millisecond or two. */
enum { PART = 128 };

struct listing {
	const struct service *service;
	enum query_verb verb;
	struct view *view;
	bool wants_towns, wants_hosts;
	uint32_t town, host, end_town, end_host; /* what is still to come */
	uint32_t class, end_class; /* of services */
};

static uint32_t first_host(const struct view *view, uint32_t town)
{
	uint32_t low = 0, high = view->n_hosts;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (view_hosts(view)[middle].town < town)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of one town, or one host, only. */
static int narrow(struct listing *l, const struct query *query, char *error)
{
	struct query found = *query;

	if (!query->name[0] && !query->town[0])
		return 0;
	if (query_find(&found, l->view, error) < 0)
		return -1;
	if (found.host[0] && !l->wants_hosts) {
		snprintf(error, QUERY_ERROR_SIZE, "found the host %s/%s, expected a town", found.town, found.host);
		return -1;
	}
	if (l->verb == QUERY_QUOTA && !found.host[0])
		l->wants_hosts = false;
	l->town = view_find_town(l->view, found.town);
	l->end_town = l->town + 1;
	l->host = first_host(l->view, l->town);
	l->end_host = first_host(l->view, l->end_town);
	if (found.host[0]) {
		l->wants_towns = false;
		l->host = view_find_host(l->view, found.town, found.host);
		l->end_host = l->host + 1;
	}
	return 0;
}

/* The classes of all towns, of one town or of one host. */
static int choose_services(struct listing *l, const struct query *query, char *error)
{
	struct query found = *query;
	uint32_t town = UINT32_MAX, host = UINT32_MAX, n;

	if (query->name[0] || query->town[0]) {
		if (query_find(&found, l->view, error) < 0)
			return -1;
		town = view_find_town(l->view, found.town);
		if (found.host[0])
			host = view_find_host(l->view, found.town, found.host);
	}
	l->class = view_services_of(l->view, town, host, &n);
	l->end_class = l->class + n;
	return 0;
}

struct listing *listing_new(const struct service *service, const struct query *query, struct view *view,
			    char error[QUERY_ERROR_SIZE])
{
	struct listing *l = calloc(1, sizeof *l);

	if (!l) {
		snprintf(error, QUERY_ERROR_SIZE, "no memory for the answer");
		return NULL;
	}
	l->service = service;
	l->verb = query->verb;
	l->view = view_hold(view);
	l->wants_towns = query->verb != QUERY_HOSTS;
	l->wants_hosts = query->verb != QUERY_TOWNS;
	l->end_town = view->n_towns;
	l->end_host = view->n_hosts;
	if ((l->verb == QUERY_SERVICES ? choose_services(l, query, error) : narrow(l, query, error)) < 0) {
		listing_free(l);
		return NULL;
	}
	return l;
}

/* The next town or host, towns first as SNMP walks them; *host is UINT32_MAX for a town's own. False at the end. */
static bool next(struct listing *l, uint32_t *town, uint32_t *host)
{
	*host = UINT32_MAX;
	if (l->wants_towns && l->town < l->end_town) {
		*town = l->town++;
		return true;
	}
	if (!l->wants_hosts || l->host >= l->end_host)
		return false;
	*host = l->host++;
	*town = view_hosts(l->view)[*host].town;
	return true;
}

/* The next row of the answer. False at the end. */
static bool next_row(struct listing *l, json_t **row)
{
	uint32_t town, host;

	if (l->verb == QUERY_SERVICES) {
		if (l->class == l->end_class)
			return false;
		*row = rows_service(l->view, l->class++);
		return true;
	}
	if (!next(l, &town, &host))
		return false;
	if (l->verb == QUERY_REPORT)
		*row = rows_current(l->view, town, host);
	else
		*row = host == UINT32_MAX ? rows_town(l->view, town) : rows_host(l->view, host);
	return true;
}

static enum service_step rows_step(struct listing *l, json_t **part)
{
	json_t *rows = json_array(), *row;
	uint32_t n = 0;
	int failed = 0;

	while (n < PART && next_row(l, &row)) {
		failed |= json_array_append_new(rows, row);
		n++;
	}
	*part = json_object();
	failed |= json_object_set_new(*part, "ok", json_true());
	failed |= json_object_set_new(*part, "more", json_boolean(n == PART));
	failed |= json_object_set_new(*part, "rows", rows);
	if (failed) {
		json_decref(*part);
		*part = NULL;
	}
	return n == PART ? SERVICE_PART : SERVICE_ENDS;
}

static json_t *status(const struct listing *l)
{
	json_t *status = rows_status(l->view, control_clock()), *part = json_object();
	int failed = json_object_set_new(status, "read_only", json_boolean(l->service->read_only));

	failed |= json_object_set_new(status, "master_connected", json_boolean(l->service->connected()));
	failed |= json_object_set_new(part, "ok", json_true());
	failed |= json_object_set_new(part, "status", status);
	if (failed) {
		json_decref(part);
		return NULL;
	}
	return part;
}

enum service_step listing_step(struct listing *l, json_t **part)
{
	if (l->verb != QUERY_STATUS)
		return rows_step(l, part);
	*part = status(l);
	return SERVICE_ENDS;
}

void listing_free(struct listing *l)
{
	if (!l)
		return;
	view_release(l->view);
	free(l);
}
