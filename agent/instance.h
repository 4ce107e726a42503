/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One daemon a state directory. */
#ifndef TOWNMETER_INSTANCE_H
#define TOWNMETER_INSTANCE_H

/* Makes the directory if need be and claims it for this process; the claim ends with the process.
 * Returns 0, or -1: one line went to the log. */
int instance_claim(const char *directory);

#endif
