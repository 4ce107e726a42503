/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: YAML 1.1 (JSON is valid input too). Every mistake is told with its file and
 * line, what was found and what was expected; all of them, not only the first, up to 100. For two that do not go
 * together it is told at the one that stands later, with the place of the other.
 */
#ifndef TOWNMETER_SETTINGS_H
#define TOWNMETER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "ports.h"
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
	bool services;                /* its traffic is divided into classes: towns unless told otherwise, hosts if told */
	uint32_t first_prefix, n_prefixes; /* in settings.prefixes, in their order (prefix_compare()) */
	uint32_t file;                /* in settings.files */
	size_t line;
};

/* A prefix of a town or of a host. Towns' prefixes share no address, nor do hosts'; those of a host are in one of
 * its town's, unless the town has none, as it may under `rules: standing`. */
struct settings_prefix {
	struct prefix prefix;
	uint32_t row;                 /* in settings.rows */
	size_t line;
};

/* A class of traffic. Classes share no packet. */
struct settings_service {
	char name[NAME_SERVICE_MAX + 1]; /* never "other" */
	struct ports *matches;
	size_t n_matches, line;
};

/* Built-in chains whose total `rules: managed` counts. */
enum { SETTINGS_TOTAL_INPUT = 1, SETTINGS_TOTAL_OUTPUT = 2 };

struct settings {
	int64_t interval, max_age;           /* nanoseconds */
	bool set_zero, set_block, set_quota; /* what SNMP may set */
	struct schedule schedule;            /* when periods end by themselves */
	unsigned keep;                       /* how many closed periods a row keeps */
	struct settings_name *names;         /* sorted by prefix */
	size_t n_names;
	struct settings_row *rows;           /* sorted by town, host */
	size_t n_rows;
	bool managed;                        /* rules: managed: townmeter writes the rules */
	uint8_t totals;                      /* of SETTINGS_TOTAL_INPUT and so on */
	struct settings_prefix *prefixes;    /* by row */
	uint32_t *by_prefix;                 /* the hosts' ones among them, sorted by prefix */
	size_t n_prefixes, n_by_prefix;
	struct settings_service *services;   /* in the order of the file */
	size_t n_services;
	char **files;                        /* those that were read; the first is the one that was asked for */
	size_t n_files;
};

/* The values that apply without a file. They own nothing yet. */
void settings_defaults(struct settings *settings);

/* Reads a file over the defaults. Each mistake is one line to `report`. Returns how many there were; the
 * settings are then not to be used. A file that can not be read is one mistake. Free with settings_free(),
 * also after mistakes. */
int settings_read(struct settings *settings, const char *path, void (*report)(void *context, const char *line),
		  void *context);

/* Frees what the settings own, and makes them the defaults. */
void settings_free(struct settings *settings);

/* What the file calls this prefix, or NULL. Borrowed until settings_free(). */
const char *settings_name(const struct settings *settings, const struct prefix *prefix);

/* In settings.by_prefix: the first host's prefix that is not before this one; n_by_prefix if there is none. */
size_t settings_first_host(const struct settings *settings, const struct prefix *prefix);

/* The same as a recognise_hint: `names` first, for which all towns are alike, then the prefixes of the town's hosts;
 * the context is the settings. */
const char *settings_hint(void *context, const char *town, const struct prefix *prefix);

/* The service class that has exactly this match, or NULL; borrowed as above. A recognise_class; the context is the
 * settings. */
const char *settings_class(void *context, const struct ports *ports);

/* The row of a town (`host` NULL or "") or a host, or NULL. Borrowed until settings_free(). */
const struct settings_row *settings_find(const struct settings *settings, const char *town, const char *host);

/* Fills in the quota of a town (`host` NULL or "") or a host: what the file says, over the defaults. Returns
 * whether the file names it. */
bool settings_quota(const struct settings *settings, const char *town, const char *host, struct quota *quota);

#endif
