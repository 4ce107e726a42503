/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of cells, written in columns as wide as their widest cell, counted as a terminal shows it. */
#ifndef TOWNMETER_CELLS_H
#define TOWNMETER_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cells;

struct cells_column {
	const char *title;
	bool right; /* numbers */
};

/* The columns are borrowed. NULL with errno. */
struct cells *cells_new(const struct cells_column *columns, size_t n);
void cells_free(struct cells *table);

/* The next cell, row by row; copied. Without memory the table can not be written later. */
void cells_add(struct cells *table, const char *cell);

/* Writes titles and rows. Returns 0, or -1 if memory was missing. */
int cells_write(const struct cells *table, FILE *to);

/* How many columns of a terminal a text takes. */
size_t cells_width(const char *text);

#endif
