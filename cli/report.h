/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Periods, closed or current: what is billed from. */
#ifndef TOWNMETER_REPORT_H
#define TOWNMETER_REPORT_H

#include "arguments.h"

/* The subcommand; returns the exit status. */
int report_show(const struct arguments *arguments);

#endif
