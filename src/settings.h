/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: YAML 1.1 (JSON is valid input too). Every mistake is told with its file and
 * line, what was found and what was expected; all of them, not only the first.
 */
#ifndef TOWNMETER_SETTINGS_H
#define TOWNMETER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "prefix.h"
#include "quota.h"
#include "schedule.h"

/* What the file calls a prefix. */
struct settings_name {
	struct prefix prefix;
	char name[NAME_HOST_MAX + 1];
	size_t line;
};

/* Which fields of a row the file has. */
enum { SETTINGS_QUOTA = 1, SETTINGS_BASIS = 2, SETTINGS_WARN_PERCENT = 4, SETTINGS_ON_EXCEED = 8 };

/* A town or a host that the file names. */
struct settings_row {
	char town[NAME_TOWN_MAX + 1];
	char host[NAME_HOST_MAX + 1]; /* "": the town itself */
	struct quota quota;           /* fields that were not given are the defaults */
	uint8_t given;
	size_t line;
};

struct settings {
	int64_t interval, max_age;           /* nanoseconds */
	bool set_zero, set_block, set_quota; /* what SNMP may set */
	struct schedule schedule;            /* when periods end by themselves */
	unsigned keep;                       /* how many closed periods a row keeps */
	struct settings_name *names;         /* sorted by prefix */
	size_t n_names;
	struct settings_row *rows;           /* sorted by town, host */
	size_t n_rows;
};

/* The values that apply without a file. They own nothing yet. */
void settings_defaults(struct settings *settings);

/* Reads a file over the defaults. Each mistake is one line to `report`. Returns how many there were; the
 * settings are then not to be used. A file that can not be read is one mistake. Free with settings_free(),
 * also after mistakes. */
int settings_read(struct settings *settings, const char *path, void (*report)(const char *line));

/* Frees what the settings own, and makes them the defaults. */
void settings_free(struct settings *settings);

/* What the file calls this prefix, or NULL. Borrowed until settings_free(). */
const char *settings_name(const struct settings *settings, const struct prefix *prefix);

/* The same as a recognise_hint, for which all towns are alike; the context is the settings. */
const char *settings_hint(void *context, const char *town, const struct prefix *prefix);

/* The row of a town (`host` NULL or "") or a host, or NULL. Borrowed until settings_free(). */
const struct settings_row *settings_find(const struct settings *settings, const char *town, const char *host);

/* Fills in the quota of a town (`host` NULL or "") or a host: what the file says, over the defaults. Returns
 * whether the file names it. */
bool settings_quota(const struct settings *settings, const char *town, const char *host, struct quota *quota);

#endif
