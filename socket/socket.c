/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "log.h"

/* Who connects while the loop is busy elsewhere waits; more than can be connected are told so. */
enum { BACKLOG = 64 };

/* So long may a place become free before those who wait for one are turned away. */
static const int64_t patience = 1000000000;

struct control_socket {
	struct service service;
	struct sockaddr_un address;
	int listener;
	dev_t device; /* of the file that we made */
	ino_t inode;
	struct client *clients[SOCKET_CLIENTS];
	size_t n;
	int64_t full;         /* since when no more can be connected; 0: they can */
	/* What the polls of socket_wants() were for, in their order: NULL for the first. */
	struct client *polled[SOCKET_POLLS];
};

static int make_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *end = strrchr(path, '/');
	size_t length = end ? (size_t)(end - path) : 0;

	if (length == 0)
		return 0;
	memcpy(directory, path, length);
	directory[length] = '\0';
	if (mkdir(directory, 0750) == 0 || errno == EEXIST)
		return 0;
	log_error("can not make %s for the control socket: %s; run as root, or name another socket with -S", directory,
		  strerror(errno));
	return -1;
}

/* May this path be ours? What a dead daemon left is removed. */
static int make_free(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat found;

	if (lstat(path, &found) < 0) {
		if (errno == ENOENT)
			return 0;
		log_error("can not use %s as control socket: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISSOCK(found.st_mode)) {
		log_error("%s is there and is not a socket: remove it, or name another control socket with -S", path);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof *address), why = errno;
	if (fd >= 0)
		close(fd);
	if (result < 0 && why == ECONNREFUSED && unlink(path) == 0)
		return 0;
	if (result == 0 || why == EAGAIN)
		log_error("another townmeterd answers at %s: stop it first, or name another control socket with -S", path);
	else
		log_error("can not use %s as control socket: %s", path, strerror(why == ECONNREFUSED ? errno : why));
	return -1;
}

static int listen_at(struct control_socket *s)
{
	const char *path = s->address.sun_path;
	struct stat made;

	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0 || bind(s->listener, (const struct sockaddr *)&s->address, sizeof s->address) < 0) {
		log_error("can not make the control socket %s: %s; run as root, or name another one with -S", path,
			  strerror(errno));
		return -1;
	}
	/* Nobody can connect before it listens, so the mode is in time. */
	if (chmod(path, 0660) < 0 || lstat(path, &made) < 0 || listen(s->listener, BACKLOG) < 0) {
		log_error("can not open the control socket %s: %s", path, strerror(errno));
		unlink(path);
		return -1;
	}
	s->device = made.st_dev;
	s->inode = made.st_ino;
	return 0;
}

struct control_socket *socket_new(const char *path, const struct service *service)
{
	struct control_socket *s = calloc(1, sizeof *s);

	if (!s) {
		log_error("no memory");
		return NULL;
	}
	s->service = *service;
	s->listener = -1;
	s->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof s->address.sun_path) {
		log_error("the control socket's name has %zu octets, expected at most %zu: name a shorter one with -S",
			  strlen(path), sizeof s->address.sun_path - 1);
		goto err;
	}
	memcpy(s->address.sun_path, path, strlen(path) + 1);
	if (make_directory(path) < 0 || make_free(&s->address) < 0 || listen_at(s) < 0)
		goto err;
	return s;
err:
	socket_close(s);
	socket_free(s);
	return NULL;
}

/* Is there a place, or is it time to say that there is none? */
static bool may_accept(const struct control_socket *s)
{
	return !s->full || control_clock() - s->full >= patience;
}

nfds_t socket_wants(struct control_socket *s, struct pollfd polls[SOCKET_POLLS])
{
	nfds_t n = 1;

	polls[0] = (struct pollfd){.fd = may_accept(s) ? s->listener : -1, .events = POLLIN};
	for (size_t i = 0; i < s->n; i++, n++) {
		polls[n] = (struct pollfd){.fd = -1};
		polls[n].fd = client_wants(s->clients[i], &polls[n].events);
		s->polled[n] = s->clients[i];
	}
	return n;
}

static void turn_away(int fd)
{
	char *line = answer_refusal("16 programs are connected already, the most there can be: try again");

	if (line && send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("a client that was one too many did not wait to be told");
	free(line);
	close(fd);
}

static void take_clients(struct control_socket *s)
{
	/* Not all of a flood at once: the loop has other work. */
	for (int i = 0; i < SOCKET_CLIENTS && (s->n < SOCKET_CLIENTS || (s->full && may_accept(s))); i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (s->n == SOCKET_CLIENTS) {
			turn_away(fd);
			continue;
		}
		s->clients[s->n] = client_new(&s->service, fd);
		s->n += s->clients[s->n] != NULL;
	}
}

void socket_ready(struct control_socket *s, const struct pollfd *polls, nfds_t n)
{
	for (nfds_t i = 1; i < n; i++)
		if (polls[i].fd >= 0 && polls[i].revents)
			client_ready(s->polled[i], polls[i].revents);
	if (polls[0].revents)
		take_clients(s);
}

void socket_step(struct control_socket *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (client_step(s->clients[i]))
			s->clients[kept++] = s->clients[i];
	s->n = kept;
	if (s->n < SOCKET_CLIENTS)
		s->full = 0;
	else if (!s->full)
		s->full = control_clock();
}

int64_t socket_due(const struct control_socket *s)
{
	int64_t due = may_accept(s) ? INT64_MAX : s->full + patience;

	for (size_t i = 0; i < s->n; i++) {
		int64_t own = client_due(s->clients[i]);
		due = own < due ? own : due;
	}
	return due;
}

void socket_close(struct control_socket *s)
{
	struct stat now;

	if (!s || s->listener < 0)
		return;
	if (s->inode && lstat(s->address.sun_path, &now) == 0 && now.st_dev == s->device && now.st_ino == s->inode)
		unlink(s->address.sun_path);
	close(s->listener);
	s->listener = -1;
}

void socket_free(struct control_socket *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		client_free(s->clients[i]);
	free(s);
}
