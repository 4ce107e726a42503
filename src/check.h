/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `townmeterd --check`: every rule, and what it is taken for and why. */
#ifndef TOWNMETER_CHECK_H
#define TOWNMETER_CHECK_H

struct backend_ops;
struct recognise_names;

/* Prints to standard output. `configured` is that of recognise(), or NULL. Nothing is written to the kernel. Returns the exit status: 0, or 1 with one
 * line in the log. Only for a process that ends then. */
int check_run(const struct backend_ops *ops, const struct recognise_names *configured);

#endif
