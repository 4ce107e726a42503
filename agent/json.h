/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON into a buffer of fixed size, row by row and without allocating. The numbers of a library
 * are signed: a counter's 64 bits do not fit into them.
 *
 * What does not fit sets `full`: the caller then goes back to a copy of the struct that it made before.
 */
#ifndef TOWNMETER_JSON_H
#define TOWNMETER_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text;
	size_t room, used;
	bool full;
	bool comma; /* the next value follows another one */
};

/* '{', '[' and their ends. */
void json_begin(struct json *json, char bracket);
void json_end(struct json *json, char bracket);

/* The name of the member that follows. */
void json_key(struct json *json, const char *key);

/* Any octets: those that are no UTF-8, and control characters that are not ASCII, become U+FFFD. */
void json_string(struct json *json, const char *value);
void json_number(struct json *json, uint64_t value);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* What ends a line. */
void json_newline(struct json *json);

/* A member: its name and its value. */
void json_member_string(struct json *json, const char *key, const char *value);
void json_member_number(struct json *json, const char *key, uint64_t value);
void json_member_bool(struct json *json, const char *key, bool value);

#endif
