/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way to the daemon: one request over its control socket. */
#ifndef TOWNMETER_LINK_H
#define TOWNMETER_LINK_H

#include <jansson.h>

/* Asks, and takes the request's reference. Each part of the answer goes to `visit` (NULL: nobody wants it), which
 * returns whether it could be used. Returns 0, or -1 when one line has told on standard error what was wrong. */
int link_ask(const char *socket, json_t *request, int (*visit)(void *context, const json_t *part), void *context);

/* Writes one line "townmeter: ..." to standard error. */
void link_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
