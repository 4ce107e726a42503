/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: where the command townmeter, and other programs on the router, ask and command. Part
 * of the one poll loop; nothing here blocks. Who may connect is up to the mode of the socket, 0660.
 */
#ifndef TOWNMETER_SOCKET_H
#define TOWNMETER_SOCKET_H

#include <poll.h>

#include "service.h"

enum { SOCKET_CLIENTS = 16, SOCKET_POLLS = SOCKET_CLIENTS + 1 };

struct control_socket;

/* Listens at `path`; its directory is made if it is missing (0750), a socket that a dead daemon left is
 * replaced. The service is copied. NULL: one line went to the log. */
struct control_socket *socket_new(const char *path, const struct service *service);

/* Fills in what to poll() for; returns how many, at most SOCKET_POLLS. */
nfds_t socket_wants(struct control_socket *socket, struct pollfd polls[SOCKET_POLLS]);

/* What poll() found, in the order of socket_wants(). */
void socket_ready(struct control_socket *socket, const struct pollfd *polls, nfds_t n);

/* Work that is due because of time or of the control's events; call after every wait. */
void socket_step(struct control_socket *socket);

/* When socket_step() is due at the latest (nanoseconds of CLOCK_MONOTONIC). */
int64_t socket_due(const struct control_socket *socket);

/* Removes the socket's file, unless it is another daemon's by now. */
void socket_close(struct control_socket *socket);

/* Frees it, once the control has been freed. NULL is allowed for both. */
void socket_free(struct control_socket *socket);

#endif
