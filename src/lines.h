/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines for people, as many as come. */
#ifndef TOWNMETER_LINES_H
#define TOWNMETER_LINES_H

#include <stdint.h>

struct lines {
	char **line;
	uint32_t n, room;
};

/* Appends a line, of any length. Returns 0, or -1 with errno ENOMEM: then it is not there. */
int lines_add(struct lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees them all; the struct is empty then. */
void lines_free(struct lines *lines);

#endif
