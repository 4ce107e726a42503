/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comma-separated values, quoted as RFC 4180 has it; lines end as Unix has them. */
#ifndef TOWNMETER_CSV_H
#define TOWNMETER_CSV_H

#include <stdio.h>

/* Writes one field, quoted if it needs to be, and what follows it: "," or CSV_END behind the last of a line. */
#define CSV_END "\n"
void csv_write(FILE *to, const char *field, const char *behind);

#endif
