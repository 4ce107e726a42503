/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to the control socket: lines come in, one request is answered at a time, lines go out. No
 * more than one line each way is kept; a client that does not read gets nothing made for it.
 */
#ifndef TOWNMETER_CLIENT_H
#define TOWNMETER_CLIENT_H

#include "service.h"

/* The longest request in octets, its line end included. */
enum { CLIENT_LINE_MAX = 65536 };

struct client;

/* Takes the descriptor over, which must not block; closed if there is no memory (NULL). */
struct client *client_new(const struct service *service, int fd);

/* What it waits for: poll()'s events. The descriptor is -1 once the connection is closed. */
int client_wants(const struct client *client, short *events);

/* What poll() found. */
void client_ready(struct client *client, short events);

/* Work that is due because of time or of the control's events. Returns false when the client is gone and has
 * been freed. */
bool client_step(struct client *client);

/* When client_step() has to be called at the latest (nanoseconds of CLOCK_MONOTONIC). */
int64_t client_due(const struct client *client);

/* Frees a client whose control is gone already. */
void client_free(struct client *client);

#endif
