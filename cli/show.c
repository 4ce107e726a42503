/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "cells.h"
#include "link.h"

json_t *show_request(const char *verb, const struct arguments *arguments)
{
	json_t *request = json_object();
	int failed = json_object_set_new(request, "verb", json_string(verb));

	if (arguments->name)
		failed |= json_object_set_new(request, "name", json_string(arguments->name));
	if (arguments->all)
		failed |= json_object_set_new(request, "all", json_true());
	if (failed) {
		json_decref(request);
		return NULL;
	}
	return request;
}

int show_keep(void *context, const json_t *part)
{
	if (json_array_extend(context, json_object_get(part, "rows")) == 0)
		return 0;
	link_complain("the answer has no rows, or there is no memory for them");
	return -1;
}

int show_json(void *context, const json_t *part)
{
	int *written = context;
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(part, "rows"), i, row) {
		fputs((*written)++ ? ",\n " : "[\n ", stdout);
		if (json_dumpf(row, stdout, JSON_COMPACT) < 0) {
			link_complain("can not write the rows: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

int show_json_end(int written)
{
	puts(written ? "\n]" : "[]");
	return show_end();
}

int show_end(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	link_complain("can not write: %s", strerror(errno));
	return 1;
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "-";
}

static char *joined(const char *a, const char *between, const char *b, const char *behind)
{
	size_t size = strlen(a) + strlen(between) + strlen(b) + strlen(behind) + 1;
	char *text = malloc(size);

	if (text)
		snprintf(text, size, "%s%s%s%s", a, between, b, behind);
	return text;
}

char *show_name(const json_t *row)
{
	const char *host = json_string_value(json_object_get(row, "host"));

	return joined(text_of(row, "town"), host ? "/" : "", host ? host : "", "");
}

char *show_state(const json_t *row)
{
	const char *oper = json_string_value(json_object_get(row, "oper_status"));
	const json_t *reasons = json_object_get(row, "block_reason");
	char list[64] = "";
	size_t used = 0;

	if (!oper)
		return joined(text_of(row, "admin_status"), "", json_is_true(json_object_get(row, "bypassed")) ? " (bypassed)" : "",
			      "");
	for (size_t i = 0; i < json_array_size(reasons) && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
					 json_string_value(json_array_get(reasons, i)));
	return joined(oper, list[0] ? " (" : "", list, list[0] ? ")" : "");
}

/* A cell that was made for it. */
static void add_made(struct cells *cells, char *text)
{
	cells_add(cells, text ? text : "?");
	free(text);
}

static void add_octets(struct cells *cells, const json_t *row, const char *key, bool exact)
{
	char text[AMOUNT_TEXT_SIZE];

	cells_add(cells, amount_octets(amount_of(row, key), exact, text));
}

static void add_number(struct cells *cells, const json_t *row, const char *key)
{
	char text[AMOUNT_TEXT_SIZE];

	snprintf(text, sizeof text, "%" PRIu64, amount_of(row, key));
	cells_add(cells, text);
}

static void add_time(struct cells *cells, const json_t *row, const char *key)
{
	char text[AMOUNT_TEXT_SIZE];

	cells_add(cells, amount_time(row, key, false, text));
}

static void add_quota(struct cells *cells, const json_t *row, bool exact)
{
	char text[AMOUNT_TEXT_SIZE], used[AMOUNT_TEXT_SIZE] = "-";
	uint64_t megabytes = amount_of(row, "quota_mb");

	cells_add(cells, amount_quota(megabytes, exact, text));
	if (megabytes)
		snprintf(used, sizeof used, "%" PRIu64 "%%", amount_of(row, "quota_used_percent"));
	cells_add(cells, used);
}

/* What the listings of towns and of hosts have alike. */
static void add_period(struct cells *cells, const json_t *row, bool exact)
{
	add_time(cells, row, "period_start");
	add_octets(cells, row, "period_down_octets", exact);
	add_octets(cells, row, "period_up_octets", exact);
	add_octets(cells, row, "dropped_octets", exact);
	add_quota(cells, row, exact);
	add_made(cells, show_state(row));
}

static void add_town(struct cells *cells, const json_t *row, bool exact)
{
	add_made(cells, show_name(row));
	add_number(cells, row, "hosts");
	add_number(cells, row, "blocked_hosts");
	add_period(cells, row, exact);
}

static void add_host(struct cells *cells, const json_t *row, bool exact)
{
	add_made(cells, show_name(row));
	add_period(cells, row, exact);
}

static void add_service(struct cells *cells, const json_t *row, bool exact)
{
	cells_add(cells, text_of(row, "service"));
	add_octets(cells, row, "down_octets", exact);
	add_octets(cells, row, "up_octets", exact);
	cells_add(cells, text_of(row, "match"));
}

/* A listing that is written as it comes, in text as soon as the widths are known. */
struct listing {
	const struct arguments *arguments;
	struct cells *cells;
	void (*add)(struct cells *cells, const json_t *row, bool exact);
};

static int add_rows(void *context, const json_t *part)
{
	const struct listing *listing = context;
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(part, "rows"), i, row)
		listing->add(listing->cells, row, listing->arguments->exact);
	return 0;
}

static int write_cells(struct cells *cells)
{
	int failed = cells_write(cells, stdout);

	cells_free(cells);
	if (failed)
		link_complain("no memory for the listing");
	return failed ? 1 : show_end();
}

static int list(const struct arguments *a, const char *verb, const struct cells_column *columns, size_t n,
		void (*add)(struct cells *cells, const json_t *row, bool exact))
{
	struct listing listing = {.arguments = a, .add = add};
	int written = 0;

	if (a->format == FORMAT_JSON)
		return link_ask(a->socket, show_request(verb, a), show_json, &written) < 0 ? 1 : show_json_end(written);
	listing.cells = cells_new(columns, n);
	if (!listing.cells || link_ask(a->socket, show_request(verb, a), add_rows, &listing) < 0) {
		cells_free(listing.cells);
		return 1;
	}
	return write_cells(listing.cells);
}

int show_towns(const struct arguments *arguments)
{
	static const struct cells_column columns[] = {
		{"TOWN", false}, {"HOSTS", true}, {"BLOCKED", true}, {"PERIOD SINCE", false}, {"DOWN", true}, {"UP", true},
		{"DROPPED", true}, {"QUOTA", true}, {"USED", true}, {"STATUS", false}};

	return list(arguments, "towns", columns, sizeof columns / sizeof columns[0], add_town);
}

int show_hosts(const struct arguments *arguments)
{
	static const struct cells_column columns[] = {
		{"HOST", false}, {"PERIOD SINCE", false}, {"DOWN", true}, {"UP", true}, {"DROPPED", true}, {"QUOTA", true},
		{"USED", true}, {"STATUS", false}};

	return list(arguments, "hosts", columns, sizeof columns / sizeof columns[0], add_host);
}

int show_services(const struct arguments *arguments)
{
	static const struct cells_column columns[] = {{"SERVICE", false}, {"DOWN", true}, {"UP", true}, {"MATCH", false}};

	return list(arguments, "services", columns, sizeof columns / sizeof columns[0], add_service);
}

/* The hosts that used most, of which no more are kept than are shown. */
struct top {
	const struct arguments *arguments;
	json_t *rows; /* the most first */
};

static uint64_t used(const struct arguments *arguments, const json_t *row)
{
	uint64_t down = amount_of(row, "period_down_octets"), up = amount_of(row, "period_up_octets");

	if (arguments->by == BY_DOWN)
		return down;
	if (arguments->by == BY_UP)
		return up;
	return up > UINT64_MAX - down ? UINT64_MAX : down + up;
}

static int rank(void *context, const json_t *part)
{
	struct top *top = context;
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(part, "rows"), i, row) {
		size_t low = 0, high = json_array_size(top->rows);
		/* Behind those that used as much: equals stay in the order of their names. */
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (used(top->arguments, json_array_get(top->rows, middle)) >= used(top->arguments, row))
				low = middle + 1;
			else
				high = middle;
		}
		if (low < top->arguments->count && json_array_insert(top->rows, low, row) < 0) {
			link_complain("no memory for the listing");
			return -1;
		}
		if (json_array_size(top->rows) > top->arguments->count)
			json_array_remove(top->rows, top->arguments->count);
	}
	return 0;
}

static int write_top(const struct top *top)
{
	static const struct cells_column columns[] = {
		{"HOST", false}, {"DOWN", true}, {"UP", true}, {"BOTH", true}, {"QUOTA", true}, {"USED", true},
		{"STATUS", false}};
	struct arguments both = {.by = BY_BOTH};
	struct cells *cells = cells_new(columns, sizeof columns / sizeof columns[0]);
	bool exact = top->arguments->exact;
	char text[AMOUNT_TEXT_SIZE];
	size_t i;
	json_t *row;

	if (!cells) {
		link_complain("no memory for the listing");
		return 1;
	}
	json_array_foreach (top->rows, i, row) {
		add_made(cells, show_name(row));
		add_octets(cells, row, "period_down_octets", exact);
		add_octets(cells, row, "period_up_octets", exact);
		cells_add(cells, amount_octets(used(&both, row), exact, text));
		add_quota(cells, row, exact);
		add_made(cells, show_state(row));
	}
	return write_cells(cells);
}

int show_top(const struct arguments *arguments)
{
	struct top top = {.arguments = arguments, .rows = json_array()};
	int written = 0, result = 1;

	if (link_ask(arguments->socket, show_request("hosts", arguments), rank, &top) == 0) {
		json_t *part = json_pack("{s:O}", "rows", top.rows);
		if (arguments->format != FORMAT_JSON)
			result = write_top(&top);
		else if (show_json(&written, part) == 0)
			result = show_json_end(written);
		json_decref(part);
	}
	json_decref(top.rows);
	return result;
}

static void write_totals(const json_t *totals, bool exact)
{
	char octets[AMOUNT_TEXT_SIZE], since[AMOUNT_TEXT_SIZE];
	size_t i;
	json_t *row;

	json_array_foreach (totals, i, row)
		printf("total %-8s %s in %" PRIu64 " packets since %s\n", text_of(row, "chain"),
		       amount_octets(amount_of(row, "period_octets"), exact, octets), amount_of(row, "period_packets"),
		       amount_time(row, "period_start", true, since));
}

static void write_status(const json_t *s, bool exact)
{
	char when[AMOUNT_TEXT_SIZE];
	uint64_t age = amount_of(s, "snapshot_age_ms"), took = amount_of(s, "snapshot_duration_us");
	const char *error = text_of(s, "last_error"), *schedule = text_of(s, "period_schedule");

	printf("townmeterd     %s%s\n", text_of(s, "version"),
	       json_is_true(json_object_get(s, "read_only")) ? ", read-only" : "");
	printf("master agent   %s\n", json_is_true(json_object_get(s, "master_connected")) ? "connected" : "not connected");
	printf("rules          %" PRIu64 " of backend %s%s\n", amount_of(s, "rules_read"), text_of(s, "backend"),
	       json_is_true(json_object_get(s, "offload_detected")) ? ", packets may bypass them (offload)" : "");
	printf("snapshot       %" PRIu64 ".%" PRIu64 " s ago, in %" PRIu64 ".%" PRIu64 " ms; %" PRIu64 " so far, %" PRIu64
	       " failed\n", age / 1000, age % 1000 / 100, took / 1000, took % 1000 / 100, amount_of(s, "snapshots"),
	       amount_of(s, "snapshot_errors"));
	printf("towns          %" PRIu64 "\n", amount_of(s, "towns"));
	printf("hosts          %" PRIu64 ", %" PRIu64 " blocked, %" PRIu64 " over their quota\n", amount_of(s, "hosts"),
	       amount_of(s, "blocked_hosts"), amount_of(s, "over_quota_hosts"));
	printf("ledger         %s, saved %s, %" PRIu64 " errors\n", text_of(s, "ledger_status"),
	       amount_time(s, "ledger_save_time", true, when), amount_of(s, "ledger_errors"));
	printf("periods        %s", schedule[0] && schedule[0] != '-' ? schedule : "end by command");
	if (!json_is_null(json_object_get(s, "period_next_end")))
		printf(", next end %s", amount_time(s, "period_next_end", true, when));
	printf("\nlast error     ");
	if (error[0] && !json_is_null(json_object_get(s, "last_error_time")))
		printf("%s: %s\n", amount_time(s, "last_error_time", true, when), error);
	else
		puts("none");
	write_totals(json_object_get(s, "totals"), exact);
}

static int take_status(void *context, const json_t *part)
{
	const struct arguments *arguments = context;
	const json_t *status = json_object_get(part, "status");

	if (arguments->format != FORMAT_JSON) {
		write_status(status, arguments->exact);
	} else {
		json_dumpf(status, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return 0;
}

int show_status(const struct arguments *arguments)
{
	struct arguments copy = *arguments;

	return link_ask(arguments->socket, show_request("status", arguments), take_status, &copy) < 0 ? 1 : show_end();
}
