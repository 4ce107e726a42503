/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: YAML 1.1 (JSON is valid input too). Every mistake is told with its file and
 * line, what was found and what was expected; all of them, not only the first.
 */
#ifndef TOWNMETER_SETTINGS_H
#define TOWNMETER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct settings {
	int64_t interval, max_age; /* nanoseconds */
	bool set_zero, set_block;  /* what SNMP may set */
};

/* The values that apply without a file. */
void settings_defaults(struct settings *settings);

/* Reads a file over the defaults. Each mistake is one line to `report`. Returns how many there were; the
 * settings are then not to be used. A file that can not be read is one mistake. */
int settings_read(struct settings *settings, const char *path, void (*report)(const char *line));

#endif
