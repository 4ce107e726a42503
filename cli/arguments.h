/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of townmeter, read into plain values. Nothing to free. */
#ifndef TOWNMETER_ARGUMENTS_H
#define TOWNMETER_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARGUMENTS_ERROR_SIZE = 256 };

/* Options that not every subcommand takes. */
enum arguments_option {
	TAKES_JSON = 1, TAKES_EXACT = 2, TAKES_ALL = 4, TAKES_BY = 8, TAKES_COUNT = 16, TAKES_QUOTA = 32,
	TAKES_PERIOD = 64, TAKES_FORMAT = 128, TAKES_DRY_RUN = 256
};

enum arguments_by { BY_BOTH, BY_DOWN, BY_UP };
enum arguments_format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON };

struct arguments;

struct subcommand {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line of help */
	int takes;           /* of enum arguments_option */
	int least, most;     /* operands; with --all there are none */
	int (*run)(const struct arguments *arguments); /* returns the exit status */
};

struct arguments {
	bool help, version;
	const struct subcommand *subcommand;
	const char *socket;
	const char *name;       /* TOWN or TOWN/HOST; NULL: none */
	bool all, exact, dry_run;
	enum arguments_format format;
	enum arguments_by by;
	uint32_t count;
	/* Of a quota: NULL or false where nothing is to change. */
	const char *basis, *on_exceed;
	bool has_megabytes, has_warn;
	uint32_t megabytes, warn_percent;
	bool all_periods;
	uint32_t period;
};

/* Reads them. `subcommands` ends with a name of NULL; `socket` is what applies without -S. Returns 0, or -1 with
 * what was found and expected. */
int arguments_read(struct arguments *arguments, const struct subcommand *subcommands, const char *socket, int argc,
		   char **argv, char error[ARGUMENTS_ERROR_SIZE]);

#endif
