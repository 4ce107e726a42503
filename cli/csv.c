/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csv.h"

#include <string.h>

void csv_write(FILE *to, const char *field, const char *behind)
{
	if (!strpbrk(field, "\",\r\n")) {
		fputs(field, to);
	} else {
		fputc('"', to);
		for (; *field; field++) {
			if (*field == '"')
				fputc('"', to);
			fputc(*field, to);
		}
		fputc('"', to);
	}
	fputs(behind, to);
}
