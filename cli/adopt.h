/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From rules that someone wrote by hand to a configuration. */
#ifndef TOWNMETER_ADOPT_H
#define TOWNMETER_ADOPT_H

#include "arguments.h"

/* A subcommand: prints the towns and hosts that are metered now as a configuration that, once applied, counts for the
 * same rows. Returns the exit status. */
int adopt_print(const struct arguments *arguments);

#endif
