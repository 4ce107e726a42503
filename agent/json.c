/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "name.h"

static void put(struct json *json, const char *text, size_t length)
{
	if (json->full || length > json->room - json->used) {
		json->full = true;
		return;
	}
	memcpy(json->text + json->used, text, length);
	json->used += length;
}

static void put_text(struct json *json, const char *text)
{
	put(json, text, strlen(text));
}

static void separate(struct json *json)
{
	if (json->comma)
		put_text(json, ",");
	json->comma = true;
}

void json_begin(struct json *json, char bracket)
{
	separate(json);
	put(json, &bracket, 1);
	json->comma = false;
}

void json_end(struct json *json, char bracket)
{
	put(json, &bracket, 1);
	json->comma = true;
}

/* Writes the character at `at`; returns how many octets it has. */
static size_t put_character(struct json *json, const char *at, size_t left)
{
	unsigned char c = (unsigned char)*at;
	char escape[8];

	if (c == '"' || c == '\\') {
		put_text(json, "\\");
		put(json, at, 1);
		return 1;
	}
	if (c < 0x20 || c == 0x7f) {
		snprintf(escape, sizeof escape, "\\u%04x", c);
		put_text(json, escape);
		return 1;
	}
	size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (length > left || !name_is_text(at, length)) {
		put_text(json, "\\ufffd");
		return 1;
	}
	put(json, at, length);
	return length;
}

void json_string(struct json *json, const char *value)
{
	size_t length = strlen(value);

	separate(json);
	put_text(json, "\"");
	for (size_t i = 0; i < length && !json->full;)
		i += put_character(json, value + i, length - i);
	put_text(json, "\"");
}

void json_key(struct json *json, const char *key)
{
	json_string(json, key);
	put_text(json, ":");
	json->comma = false;
}

void json_number(struct json *json, uint64_t value)
{
	char digits[24];

	separate(json);
	snprintf(digits, sizeof digits, "%" PRIu64, value);
	put_text(json, digits);
}

void json_bool(struct json *json, bool value)
{
	separate(json);
	put_text(json, value ? "true" : "false");
}

void json_null(struct json *json)
{
	separate(json);
	put_text(json, "null");
}

void json_newline(struct json *json)
{
	put_text(json, "\n");
	json->comma = false;
}

void json_member_string(struct json *json, const char *key, const char *value)
{
	json_key(json, key);
	json_string(json, value);
}

void json_member_number(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_number(json, value);
}

void json_member_bool(struct json *json, const char *key, bool value)
{
	json_key(json, key);
	json_bool(json, value);
}
