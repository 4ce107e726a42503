/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon publishes, for people or as JSON. Each function is a subcommand's; it returns the exit status. */
#ifndef TOWNMETER_SHOW_H
#define TOWNMETER_SHOW_H

#include <jansson.h>

#include "arguments.h"

int show_status(const struct arguments *arguments);
int show_towns(const struct arguments *arguments);
int show_hosts(const struct arguments *arguments);
int show_services(const struct arguments *arguments);
int show_top(const struct arguments *arguments);

/* A request for a verb, about the row that is named in the arguments, if any. NULL: no memory. */
json_t *show_request(const char *verb, const struct arguments *arguments);

/* For link_ask(): appends the rows of a part to the array that `context` is. */
int show_keep(void *context, const json_t *part);

/* Writes rows as a JSON array, one a line: a part at a time, then show_json_end().
 * `context` is an int that starts as 0 and counts the rows. */
int show_json(void *context, const json_t *part);
int show_json_end(int written);

/* "town" or "town/host" of a row; to be freed. */
char *show_name(const json_t *row);

/* "allowed", "blocked (quota, town)" and so on; to be freed. */
char *show_state(const json_t *row);

/* Everything is written: 0, or 1 after a complaint. */
int show_end(void);

#endif
