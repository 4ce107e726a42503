/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"

/* A client that neither asks nor reads for so long is closed. */
static const int64_t idle_limit = 60000000000;

struct client {
	const struct service *service;
	int fd;
	bool ended;            /* nothing more comes */
	bool closing;          /* once all is written */
	char *in;
	size_t n_in, room;
	char *out;             /* NULL: nothing to write */
	size_t n_out, written;
	struct answer *answer; /* NULL: none under way */
	bool waits;            /* the answer has nothing to say now */
	int64_t active;        /* when something last came or went */
};

struct client *client_new(const struct service *service, int fd)
{
	struct client *client = calloc(1, sizeof *client);

	if (!client) {
		close(fd);
		return NULL;
	}
	client->service = service;
	client->fd = fd;
	client->active = control_clock();
	return client;
}

static void hang_up(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

void client_free(struct client *client)
{
	hang_up(client);
	answer_free(client->answer);
	free(client->in);
	free(client->out);
	free(client);
}

int client_wants(const struct client *client, short *events)
{
	*events = 0;
	if (client->out || (client->answer && !client->waits))
		*events = POLLOUT;
	else if (!client->answer && !client->ended && !client->closing)
		*events = POLLIN;
	return client->fd;
}

static void say(struct client *client, char *line)
{
	if (!line) { /* no memory: the client sees that its answer breaks off */
		hang_up(client);
		return;
	}
	client->out = line;
	client->n_out = strlen(line);
	client->written = 0;
}

static void flush(struct client *client)
{
	while (client->fd >= 0 && client->out) {
		ssize_t n = send(client->fd, client->out + client->written, client->n_out - client->written,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			hang_up(client);
			return;
		}
		client->active = control_clock();
		client->written += (size_t)n;
		if (client->written == client->n_out) {
			free(client->out);
			client->out = NULL;
		}
	}
}

/* Takes the first line out of what came in, and begins to answer it. Returns whether there was one. */
static bool take_line(struct client *client)
{
	char *end = client->n_in ? memchr(client->in, '\n', client->n_in) : NULL;

	if (!end)
		return false;
	size_t length = (size_t)(end - client->in);
	client->answer = answer_new(client->service, client->in, length);
	client->waits = false;
	if (!client->answer)
		hang_up(client);
	client->n_in -= length + 1;
	memmove(client->in, end + 1, client->n_in);
	return true;
}

static bool make_room(struct client *client)
{
	size_t room = client->room ? client->room * 2 : 1024;

	if (client->n_in < client->room)
		return true;
	char *more = client->room < CLIENT_LINE_MAX ? realloc(client->in, room) : NULL;
	if (!more)
		return false;
	client->in = more;
	client->room = room;
	return true;
}

static void receive(struct client *client)
{
	if (!make_room(client)) {
		hang_up(client);
		return;
	}
	ssize_t n = recv(client->fd, client->in + client->n_in, client->room - client->n_in, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n < 0) {
		hang_up(client);
		return;
	}
	client->ended |= n == 0;
	client->n_in += (size_t)n;
	client->active = control_clock();
	if (client->n_in == CLIENT_LINE_MAX && !memchr(client->in, '\n', client->n_in)) {
		client->closing = true;
		say(client, answer_refusal("found a line of more than 65535 octets, expected a request"));
	} else if (client->ended && client->n_in > 0 && !memchr(client->in, '\n', client->n_in)) {
		client->closing = true;
		say(client, answer_refusal("found no line end behind the request, expected one"));
	}
}

void client_ready(struct client *client, short events)
{
	if (events & (POLLERR | POLLHUP | POLLNVAL)) {
		/* What it asked before it left may still be there to read; nobody reads the answer. */
		hang_up(client);
		return;
	}
	if (events & POLLOUT)
		flush(client);
	if (client->fd >= 0 && (events & POLLIN))
		receive(client);
}

/* One line of the answer at a time, once the last has been written. */
static void answer(struct client *client)
{
	char *line;
	enum service_step step = answer_step(client->answer, &line);

	client->waits = step == SERVICE_WAITS;
	if (client->waits)
		return;
	client->active = control_clock();
	say(client, line);
	if (step == SERVICE_ENDS && answer_drop(client->answer))
		client->answer = NULL;
}

bool client_step(struct client *client)
{
	if (client->fd >= 0 && !client->answer && !client->out && !client->closing)
		take_line(client);
	if (client->fd >= 0 && client->answer && !client->out)
		answer(client);
	flush(client);
	bool done = client->closing || (client->ended && client->n_in == 0);
	if (done && !client->answer && !client->out)
		hang_up(client);
	if (!(client->answer && client->waits) && control_clock() - client->active >= idle_limit)
		hang_up(client);
	if (client->fd >= 0)
		return true;
	if (client->answer && !answer_drop(client->answer))
		return true;
	client->answer = NULL;
	client_free(client);
	return false;
}

int64_t client_due(const struct client *client)
{
	if (client->answer && client->waits)
		return client->fd >= 0 ? answer_due(client->answer) : INT64_MAX;
	/* Another request is there already. */
	if (!client->answer && !client->out && client->n_in && memchr(client->in, '\n', client->n_in))
		return 0;
	return client->active + idle_limit;
}
