/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int make_room(struct lines *lines)
{
	size_t room = lines->room ? 2 * lines->room : 16;

	if (lines->n < lines->room)
		return 0;
	char **more = realloc(lines->line, room * sizeof *more);
	if (!more)
		return -1;
	lines->line = more;
	lines->room = room;
	return 0;
}

int lines_add(struct lines *lines, const char *format, ...)
{
	char *line = NULL;
	va_list args;

	if (make_room(lines) < 0)
		return -1;
	va_start(args, format);
	int length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0)
		return -1;
	lines->line[lines->n++] = line;
	return 0;
}

void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->line[i]);
	free(lines->line);
	*lines = (struct lines){.n = 0};
}
