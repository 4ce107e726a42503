/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that townmeter writes itself. Each function is a subcommand's; it returns the exit status. */
#ifndef TOWNMETER_APPLY_H
#define TOWNMETER_APPLY_H

#include "arguments.h"

int apply_rules(const struct arguments *arguments);
int apply_remove(const struct arguments *arguments);

#endif
