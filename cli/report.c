/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "cells.h"
#include "csv.h"
#include "link.h"
#include "show.h"

/* The fields of a line of CSV, under the names that JSON has. */
static const char *const fields[] = {
	"town", "host", "period", "start", "end", "reason", "complete", "down_octets", "up_octets", "total_octets",
	"down_packets", "up_packets", "total_packets", "quota_mb", "over_mb"};

enum { FIELDS = sizeof fields / sizeof fields[0] };

static const char *behind(size_t field)
{
	return field + 1 == FIELDS ? CSV_END : ",";
}

static void write_field(const json_t *row, size_t field)
{
	const json_t *value = json_object_get(row, fields[field]);
	char number[AMOUNT_TEXT_SIZE];

	if (json_is_integer(value)) {
		snprintf(number, sizeof number, "%" PRIu64, amount_of(row, fields[field]));
		csv_write(stdout, number, behind(field));
	} else if (json_is_boolean(value)) {
		csv_write(stdout, json_is_true(value) ? "true" : "false", behind(field));
	} else {
		csv_write(stdout, json_is_string(value) ? json_string_value(value) : "", behind(field));
	}
}

static int write_lines(void *context, const json_t *part)
{
	int *written = context;
	size_t i;
	json_t *row;

	if ((*written)++ == 0)
		for (size_t field = 0; field < FIELDS; field++)
			csv_write(stdout, fields[field], behind(field));
	json_array_foreach (json_object_get(part, "rows"), i, row)
		for (size_t field = 0; field < FIELDS; field++)
			write_field(row, field);
	return 0;
}

static const struct cells_column columns[] = {
	{"NAME", false}, {"PERIOD", true}, {"START", false}, {"END", false}, {"REASON", false}, {"DOWN", true},
	{"UP", true}, {"TOTAL", true}, {"QUOTA", true}, {"OVER", true}, {"COMPLETE", false}};

struct listing {
	const struct arguments *arguments;
	struct cells *cells;
};

static void add_row(struct cells *cells, const json_t *row, bool exact)
{
	static const char *const octets[] = {"down_octets", "up_octets", "total_octets"};
	char text[AMOUNT_TEXT_SIZE], *name = show_name(row);
	const char *reason = json_string_value(json_object_get(row, "reason"));

	cells_add(cells, name ? name : "?");
	free(name);
	snprintf(text, sizeof text, "%" PRIu64, amount_of(row, "period"));
	cells_add(cells, text);
	cells_add(cells, amount_time(row, "start", false, text));
	cells_add(cells, amount_time(row, "end", false, text));
	cells_add(cells, reason ? reason : "-");
	for (size_t i = 0; i < sizeof octets / sizeof octets[0]; i++)
		cells_add(cells, amount_octets(amount_of(row, octets[i]), exact, text));
	cells_add(cells, amount_quota(amount_of(row, "quota_mb"), exact, text));
	cells_add(cells, amount_quota(amount_of(row, "over_mb"), exact, text));
	cells_add(cells, json_is_true(json_object_get(row, "complete")) ? "yes" : "no");
}

static int add_rows(void *context, const json_t *part)
{
	const struct listing *listing = context;
	size_t i;
	json_t *row;

	json_array_foreach (json_object_get(part, "rows"), i, row)
		add_row(listing->cells, row, listing->arguments->exact);
	return 0;
}

static int write_text(const struct arguments *arguments, json_t *request)
{
	struct listing listing = {arguments, cells_new(columns, sizeof columns / sizeof columns[0])};
	int result = -1;

	if (!listing.cells)
		json_decref(request);
	else if (link_ask(arguments->socket, request, add_rows, &listing) == 0)
		result = cells_write(listing.cells, stdout);
	cells_free(listing.cells);
	return result < 0 ? 1 : show_end();
}

int report_show(const struct arguments *arguments)
{
	json_t *request = show_request("report", arguments);
	json_t *period = arguments->all_periods ? json_string("all") : json_integer(arguments->period);
	int written = 0;

	if (json_object_set_new(request, "period", period) < 0) {
		link_complain("no memory for the request");
		json_decref(request);
		return 1;
	}
	if (arguments->format == FORMAT_JSON)
		return link_ask(arguments->socket, request, show_json, &written) < 0 ? 1 : show_json_end(written);
	if (arguments->format == FORMAT_TEXT)
		return write_text(arguments, request);
	return link_ask(arguments->socket, request, write_lines, &written) < 0 ? 1 : show_end();
}
