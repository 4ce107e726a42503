/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "grow.h"

int lines_add(struct lines *lines, const char *format, ...)
{
	char *line = NULL;
	va_list args;

	if (grow_array(&lines->line, &lines->room, lines->n, 1, sizeof *lines->line) < 0)
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
	for (uint32_t i = 0; i < lines->n; i++)
		free(lines->line[i]);
	free(lines->line);
	*lines = (struct lines){.n = 0};
}
