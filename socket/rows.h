/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is published, as JSON objects for the control socket: one object a row, under the names of the MIB's
 * columns. Each function returns a new reference, or NULL if there is no memory.
 */
#ifndef TOWNMETER_ROWS_H
#define TOWNMETER_ROWS_H

#include <jansson.h>
#include <stdbool.h>

#include "closed.h"
#include "view.h"

/* Numbers that do not fit a signed 64-bit integer, as which many programs read one, are strings of digits. */
json_t *rows_amount(uint64_t amount);

/* A text; octets that are no UTF-8, of which there are none in names, become '?'. */
json_t *rows_text(const char *text);

/* A time as "2026-01-31T23:59:59.9Z"; null for "never". */
json_t *rows_time(decitime when);

/* The scalars, and the totals. `now`: nanoseconds of CLOCK_MONOTONIC. */
json_t *rows_status(const struct view *view, int64_t now);

/* One row of the view. */
json_t *rows_town(const struct view *view, uint32_t town);
json_t *rows_host(const struct view *view, uint32_t host);
json_t *rows_service(const struct view *view, uint32_t service);

/* A closed period, or one that goes on: `end` and `reason` are 0. */
json_t *rows_closed(const struct closed *closed);

/* The current period of a row in the form of a closed one; `host`: UINT32_MAX for the town itself. */
json_t *rows_current(const struct view *view, uint32_t town, uint32_t host);

#endif
