/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

/* The reading of one object: what is left of it was not asked for by the verb. */
struct reading {
	struct query *query;
	const char *verb;
	char *error;
};

static int __attribute__((format(printf, 2, 3)))
refuse(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, QUERY_ERROR_SIZE, format, args);
	va_end(args);
	return -1;
}

static const char *type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	default:
		return "true or false";
	}
}

static int take_text(struct reading *r, const char *key, const json_t *value, char *text, size_t most)
{
	if (!json_is_string(value))
		return refuse(r->error, "\"%s\" is %s, expected a string", key, type_of(value));
	if (strlen(json_string_value(value)) > most)
		return refuse(r->error, "\"%s\" has %zu octets, expected at most %zu", key,
			      strlen(json_string_value(value)), most);
	if (!name_valid(json_string_value(value), most))
		return refuse(r->error, "\"%s\" is no name: expected 1 to %zu octets without control characters", key,
			      most);
	snprintf(text, most + 1, "%s", json_string_value(value));
	return 0;
}

static int take_true(struct reading *r, const char *key, const json_t *value, bool *flag)
{
	if (!json_is_boolean(value))
		return refuse(r->error, "\"%s\" is %s, expected true or false", key, type_of(value));
	*flag = json_is_true(value);
	return 0;
}

static int take_number(struct reading *r, const char *key, const json_t *value, uint32_t most, uint32_t *number)
{
	if (!json_is_integer(value))
		return refuse(r->error, "\"%s\" is %s, expected a whole number", key, type_of(value));
	json_int_t found = json_integer_value(value);
	if (found < 0 || found > most)
		return refuse(r->error, "\"%s\" is %" JSON_INTEGER_FORMAT ", expected 0 to %u", key, found, most);
	*number = (uint32_t)found;
	return 0;
}

static int take_word(struct reading *r, const char *key, const json_t *value, const struct words *words,
		     uint32_t *number)
{
	char expected[128];

	if (!json_is_string(value))
		return refuse(r->error, "\"%s\" is %s, expected a string", key, type_of(value));
	*number = words_find(words, json_string_value(value));
	if (*number == 0)
		return refuse(r->error, "\"%s\" is '%.60s', expected %s", key, json_string_value(value),
			      words_list(words, expected, sizeof expected));
	return 0;
}

static int take_all(struct reading *r, const char *key, const json_t *value)
{
	return take_true(r, key, value, &r->query->all);
}

static int take_dry_run(struct reading *r, const char *key, const json_t *value)
{
	return take_true(r, key, value, &r->query->dry_run);
}

static int take_name(struct reading *r, const char *key, const json_t *value)
{
	return take_text(r, key, value, r->query->name, QUERY_NAME_MAX);
}

static int take_town(struct reading *r, const char *key, const json_t *value)
{
	return take_text(r, key, value, r->query->town, NAME_TOWN_MAX);
}

static int take_host(struct reading *r, const char *key, const json_t *value)
{
	return take_text(r, key, value, r->query->host, NAME_HOST_MAX);
}

static int take_megabytes(struct reading *r, const char *key, const json_t *value)
{
	r->query->has_megabytes = true;
	return take_number(r, key, value, UINT32_MAX, &r->query->megabytes);
}

static int take_basis(struct reading *r, const char *key, const json_t *value)
{
	r->query->has_basis = true;
	return take_word(r, key, value, &words_basis, &r->query->basis);
}

static int take_warn(struct reading *r, const char *key, const json_t *value)
{
	r->query->has_warn = true;
	return take_number(r, key, value, 100, &r->query->warn_percent);
}

static int take_action(struct reading *r, const char *key, const json_t *value)
{
	r->query->has_action = true;
	return take_word(r, key, value, &words_action, &r->query->action);
}

static int take_period(struct reading *r, const char *key, const json_t *value)
{
	if (json_is_string(value) && strcmp(json_string_value(value), "all") == 0) {
		r->query->all_periods = true;
		return 0;
	}
	if (!json_is_integer(value))
		return refuse(r->error, "\"%s\" is %s, expected a whole number or \"all\"", key, type_of(value));
	return take_number(r, key, value, UINT32_MAX, &r->query->period);
}

enum { ROW = 1, ALL = 2, QUOTA = 4, PERIOD = 8, NEEDS_ROW = 16, COMMANDS = 32, DRY = 64 };

static const char all_verbs[] = "status, towns, hosts, services, report, zero, block, unblock, quota, forget, apply, remove";

static const struct {
	const char *word;
	enum query_verb verb;
	int takes;
} verbs[] = {
	{"status", QUERY_STATUS, 0},
	{"towns", QUERY_TOWNS, ROW},
	{"hosts", QUERY_HOSTS, ROW},
	{"services", QUERY_SERVICES, ROW},
	{"report", QUERY_REPORT, ROW | PERIOD},
	{"zero", QUERY_ZERO, ROW | ALL | NEEDS_ROW | COMMANDS},
	{"block", QUERY_BLOCK, ROW | NEEDS_ROW | COMMANDS},
	{"unblock", QUERY_UNBLOCK, ROW | NEEDS_ROW | COMMANDS},
	{"quota", QUERY_QUOTA, ROW | QUOTA | NEEDS_ROW | COMMANDS},
	{"forget", QUERY_FORGET, ROW | NEEDS_ROW | COMMANDS},
	{"apply", QUERY_APPLY, DRY | COMMANDS},
	{"remove", QUERY_REMOVE, DRY | COMMANDS},
};

static const struct {
	const char *key;
	int of;
	int (*take)(struct reading *r, const char *key, const json_t *value);
} keys[] = {
	{"name", ROW, take_name},
	{"town", ROW, take_town},
	{"host", ROW, take_host},
	{"all", ALL, take_all},
	{"quota_mb", QUOTA, take_megabytes},
	{"quota_basis", QUOTA, take_basis},
	{"quota_warn_percent", QUOTA, take_warn},
	{"quota_action", QUOTA, take_action},
	{"period", PERIOD, take_period},
	{"dry_run", DRY, take_dry_run},
};

static size_t index_of(enum query_verb verb)
{
	size_t i = 0;

	while (verbs[i].verb != verb)
		i++;
	return i;
}

bool query_commands(const struct query *query)
{
	if (query->verb == QUERY_QUOTA && !query->has_megabytes && !query->has_basis && !query->has_warn &&
	    !query->has_action)
		return false;
	return (verbs[index_of(query->verb)].takes & COMMANDS) != 0;
}

static int take_verb(struct query *query, const json_t *object, int *takes, char *error)
{
	const json_t *value = json_object_get(object, "verb");

	if (!value)
		return refuse(error, "found no \"verb\", expected one of %s", all_verbs);
	if (!json_is_string(value))
		return refuse(error, "\"verb\" is %s, expected a string", type_of(value));
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(json_string_value(value), verbs[i].word) == 0) {
			query->verb = verbs[i].verb;
			*takes = verbs[i].takes;
			return 0;
		}
	return refuse(error, "\"verb\" is '%.60s', expected one of %s", json_string_value(value), all_verbs);
}

static int take_key(struct reading *r, int takes, const char *key, const json_t *value)
{
	char expected[160] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(key, keys[i].key) == 0 && (keys[i].of & takes))
			return keys[i].take(r, key, value);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if ((keys[i].of & takes) && used < sizeof expected)
			used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", used ? ", " : "", keys[i].key);
	return refuse(r->error, "'%.40s' is not a key of \"%s\", expected %s", key, r->verb,
		      used ? expected : "nothing but \"verb\"");
}

/* Keys that do not go together. */
static int check_row(const struct query *query, const char *verb, int takes, char *error)
{
	if (query->name[0] && (query->town[0] || query->host[0]))
		return refuse(error, "found \"name\" and \"%s\", expected one of them", query->town[0] ? "town" : "host");
	if (query->host[0] && !query->town[0])
		return refuse(error, "found \"host\" without \"town\", expected both");
	bool row = query->name[0] || query->town[0];
	if (query->all && row)
		return refuse(error, "found \"all\" and the name of a row, expected one of them");
	if ((takes & NEEDS_ROW) && !row && !query->all)
		return refuse(error, "\"%s\" names no row, expected \"name\" or \"town\"%s", verb,
			      takes & ALL ? " or \"all\": true" : "");
	return 0;
}

int query_read(struct query *query, const char *line, size_t length, char error[QUERY_ERROR_SIZE])
{
	json_error_t why;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why), *value;
	struct reading r = {.query = query, .error = error};
	const char *key;
	int takes = 0, result = -1;

	*query = (struct query){.period = 1};
	if (!object) {
		refuse(error, "found no JSON object in the line: %.100s (column %d)", why.text, why.column);
		goto out;
	}
	if (!json_is_object(object)) {
		refuse(error, "found %s, expected an object", type_of(object));
		goto out;
	}
	if (take_verb(query, object, &takes, error) < 0)
		goto out;
	r.verb = json_string_value(json_object_get(object, "verb"));
	json_object_foreach (object, key, value)
		if (strcmp(key, "verb") != 0 && take_key(&r, takes, key, value) < 0)
			goto out;
	result = check_row(query, r.verb, takes, error);
out:
	/* Keys and values are the client's own text: one line stays one line. */
	for (char *c = error; result < 0 && *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	json_decref(object);
	return result;
}

static bool is_row(const struct view *view, const char *town, const char *host)
{
	return host[0] ? view_find_host(view, town, host) != UINT32_MAX : view_find_town(view, town) != UINT32_MAX;
}

/* Splits the name at this octet (at its end: no host). False if the parts can not be names. */
static bool split(struct query *query, size_t at)
{
	size_t length = strlen(query->name), rest = at < length ? length - at - 1 : 0;

	if (at == 0 || at > NAME_TOWN_MAX || rest > NAME_HOST_MAX || (at < length && rest == 0))
		return false;
	memcpy(query->town, query->name, at);
	query->town[at] = '\0';
	memcpy(query->host, query->name + length - rest, rest + 1);
	return true;
}

static int no_such_row(const struct query *query, const struct view *view, char *error)
{
	if (!query->host[0])
		return refuse(error, "there is no town %s", query->town);
	if (view_find_town(view, query->town) == UINT32_MAX)
		return refuse(error, "there is no host %s/%s: no town %s", query->town, query->host, query->town);
	return refuse(error, "there is no host %s/%s", query->town, query->host);
}

int query_find(struct query *query, const struct view *view, char error[QUERY_ERROR_SIZE])
{
	if (!query->name[0])
		return is_row(view, query->town, query->host) ? 0 : no_such_row(query, view, error);
	for (size_t at = strlen(query->name); at > 0; at--)
		if ((query->name[at] == '/' || query->name[at] == '\0') && split(query, at) &&
		    is_row(view, query->town, query->host))
			return 0;
	size_t first = strcspn(query->name, "/");
	if (split(query, first))
		return no_such_row(query, view, error);
	query->town[0] = query->host[0] = '\0';
	return refuse(error, "'%s' is no name, expected TOWN (1 to %d octets) or TOWN/HOST (host: 1 to %d octets)",
		      query->name, NAME_TOWN_MAX, NAME_HOST_MAX);
}
