/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cells.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct cells {
	const struct cells_column *columns;
	size_t n;
	char **cell;
	size_t n_cells, room;
	bool failed;
};

struct cells *cells_new(const struct cells_column *columns, size_t n)
{
	struct cells *cells = calloc(1, sizeof *cells);

	if (cells) {
		cells->columns = columns;
		cells->n = n;
	}
	return cells;
}

void cells_free(struct cells *cells)
{
	if (!cells)
		return;
	for (size_t i = 0; i < cells->n_cells; i++)
		free(cells->cell[i]);
	free(cells->cell);
	free(cells);
}

void cells_add(struct cells *cells, const char *text)
{
	if (cells->n_cells == cells->room) {
		size_t room = cells->room ? cells->room * 2 : 64;
		char **more = realloc(cells->cell, room * sizeof *more);
		if (!more) {
			cells->failed = true;
			return;
		}
		cells->cell = more;
		cells->room = room;
	}
	char *copy = strdup(text);
	if (!copy) {
		cells->failed = true;
		return;
	}
	cells->cell[cells->n_cells++] = copy;
}

size_t cells_width(const char *text)
{
	mbstate_t state;
	size_t width = 0, left = strlen(text);
	wchar_t wide;

	memset(&state, 0, sizeof state);
	while (left > 0) {
		size_t took = mbrtowc(&wide, text, left, &state);
		if (took == (size_t)-1 || took == (size_t)-2 || took == 0)
			return width + left; /* not of this locale: an octet is a column */
		int own = wcwidth(wide);
		width += own > 0 ? (size_t)own : 0;
		text += took;
		left -= took;
	}
	return width;
}

static void write_row(const struct cells *cells, const size_t *widths, char *const *row, FILE *to)
{
	for (size_t c = 0; c < cells->n; c++) {
		const char *text = row ? row[c] : cells->columns[c].title;
		int pad = (int)(widths[c] - cells_width(text));
		bool last = c + 1 == cells->n;
		if (cells->columns[c].right)
			fprintf(to, "%*s%s", pad, "", text);
		else
			fprintf(to, "%s%*s", text, last ? 0 : pad, "");
		fputs(last ? "\n" : "  ", to);
	}
}

int cells_write(const struct cells *cells, FILE *to)
{
	size_t *widths = calloc(cells->n, sizeof *widths);

	if (!widths || cells->failed) {
		free(widths);
		return -1;
	}
	for (size_t c = 0; c < cells->n; c++)
		widths[c] = cells_width(cells->columns[c].title);
	for (size_t i = 0; i < cells->n_cells; i++) {
		size_t width = cells_width(cells->cell[i]);
		widths[i % cells->n] = width > widths[i % cells->n] ? width : widths[i % cells->n];
	}
	write_row(cells, widths, NULL, to);
	for (size_t i = 0; i + cells->n <= cells->n_cells; i += cells->n)
		write_row(cells, widths, cells->cell + i, to);
	free(widths);
	return 0;
}
