/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes something. Each function is a subcommand's; it returns the exit status. */
#ifndef TOWNMETER_COMMAND_H
#define TOWNMETER_COMMAND_H

#include "arguments.h"

int command_zero(const struct arguments *arguments);
int command_block(const struct arguments *arguments);
int command_unblock(const struct arguments *arguments);
int command_forget(const struct arguments *arguments);

/* Shows the quota if nothing is to change. */
int command_quota(const struct arguments *arguments);

#endif
