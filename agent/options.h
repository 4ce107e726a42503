/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. */
#ifndef TOWNMETER_OPTIONS_H
#define TOWNMETER_OPTIONS_H

#include <stdbool.h>

struct options {
	bool foreground, verbose, check, read_only;
	const char *config;         /* NULL: the default, if it exists */
	const char *agentx;         /* NULL: the usual places */
	const char *state_directory;
	const char *control_socket;
};

/* Exit status of a wrong command line. */
enum { OPTIONS_USAGE = 2 };

/* Reads the command line. Returns -1 to go on, else the exit status: what there was to say was said. */
int options_read(struct options *options, int argc, char **argv);

#endif
