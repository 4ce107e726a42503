/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "adopt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "link.h"
#include "show.h"

struct adoption {
	json_t *towns, *hosts; /* rows */
	size_t host;           /* the next one: hosts come town by town, as the towns do */
	int skipped;
};

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* A string of JSON is one of YAML, whatever is in it. */
static void write_string(const char *text)
{
	json_t *string = json_string(text);

	json_dumpf(string, stdout, JSON_ENCODE_ANY);
	json_decref(string);
}

/* "10.1.0.0/24 2001:db8::/48" as a list. */
static void write_prefixes(const char *text)
{
	printf("[");
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, " ");
		printf("%s\"%.*s\"", at == text ? "" : ", ", (int)length, at);
		at += length;
		at += *at == ' ';
	}
	printf("]");
}

/* A row whose rules are gone has no prefix, one with very many shows not all of them: then it is told, and left out. */
static bool is_adoptable(struct adoption *a, const json_t *row)
{
	const char *prefixes = text_of(row, "prefixes");
	bool cut = strstr(prefixes, "...") != NULL;

	if (prefixes[0] && !cut)
		return true;
	char *name = show_name(row);
	link_complain("%s is left out: %s", name ? name : "?",
		      cut ? "it has more prefixes than are listed, add it by hand" : "its rules are gone");
	free(name);
	a->skipped++;
	return false;
}

static void write_quota(const json_t *row)
{
	char quota[AMOUNT_TEXT_SIZE];
	uint64_t megabytes = amount_of(row, "quota_mb");
	const char *basis = text_of(row, "quota_basis"), *action = text_of(row, "quota_action");

	if (megabytes)
		printf(", quota: \"%s\"", amount_quota(megabytes, true, quota));
	if (strcmp(basis, "both") != 0 && basis[0])
		printf(", basis: %s", basis);
	if (action[0] && amount_of(row, "quota_warn_percent") != 80)
		printf(", warn-percent: %" PRIu64, amount_of(row, "quota_warn_percent"));
	if (action[0] && strcmp(action, "notify") != 0)
		printf(", on-exceed: %s", action);
}

static void write_hosts(struct adoption *a, const char *town)
{
	const json_t *row;
	bool any = false;

	for (; (row = json_array_get(a->hosts, a->host)) != NULL; a->host++) {
		if (strcmp(text_of(row, "town"), town) != 0)
			break;
		if (!is_adoptable(a, row))
			continue;
		if (!any)
			puts("    hosts:");
		any = true;
		printf("      - {name: ");
		write_string(text_of(row, "host"));
		printf(", prefixes: ");
		write_prefixes(text_of(row, "prefixes"));
		write_quota(row);
		puts("}");
	}
}

/* Town's keys stand in lines of their own. */
static void write_town(struct adoption *a, const json_t *row)
{
	char quota[AMOUNT_TEXT_SIZE];
	uint64_t megabytes = amount_of(row, "quota_mb");
	const char *basis = text_of(row, "quota_basis");

	printf("  - name: ");
	write_string(text_of(row, "town"));
	printf("\n    prefixes: ");
	write_prefixes(text_of(row, "prefixes"));
	putchar('\n');
	if (megabytes)
		printf("    quota: \"%s\"\n", amount_quota(megabytes, true, quota));
	if (basis[0] && strcmp(basis, "both") != 0)
		printf("    basis: %s\n", basis);
	write_hosts(a, text_of(row, "town"));
}

static int fetch(const struct arguments *arguments, const char *verb, json_t *rows)
{
	return link_ask(arguments->socket, show_request(verb, arguments), show_keep, rows);
}

static int write_all(struct adoption *a)
{
	size_t i;
	json_t *row;

	puts("# The towns and hosts that townmeter metered when 'townmeter adopt' was run. Once it is applied, townmeter writes\n"
	     "# rules of its own beside those that stand, and goes on counting without a gap when those are taken away.\n"
	     "rules: managed\ntowns:");
	json_array_foreach (a->towns, i, row) {
		const char *town = text_of(row, "town");
		if (is_adoptable(a, row)) {
			write_town(a, row);
			continue;
		}
		while (strcmp(text_of(json_array_get(a->hosts, a->host), "town"), town) == 0)
			a->host++;
	}
	int status = show_end();
	return status ? status : a->skipped > 0;
}

int adopt_print(const struct arguments *arguments)
{
	struct adoption a = {.towns = json_array(), .hosts = json_array()};
	int status = 1;

	if (fetch(arguments, "towns", a.towns) == 0 && fetch(arguments, "hosts", a.hosts) == 0) {
		if (json_array_size(a.towns) > 0)
			status = write_all(&a);
		else
			link_complain("there is no town to adopt: none is metered");
	}
	json_decref(a.towns);
	json_decref(a.hosts);
	return status;
}
