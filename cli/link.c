/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* The daemon itself gives a command up after 11 seconds. */
enum { PATIENCE = 30 };

void link_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("townmeter: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void complain_of_connect(const char *path, int why)
{
	if (why == EACCES || why == EPERM)
		link_complain("you may not use the control socket %s: be root, or a member of its group", path);
	else if (why == ENOENT || why == ECONNREFUSED)
		link_complain("no townmeterd answers at %s: start it ('systemctl start townmeterd'), or name its control "
			      "socket with -S", path);
	else
		link_complain("can not connect to %s: %s", path, strerror(why));
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE};

	if (strlen(path) >= sizeof address.sun_path) {
		link_complain("the control socket's name has %zu octets, expected at most %zu", strlen(path),
			      sizeof address.sun_path - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		complain_of_connect(path, errno);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* A daemon that turns us away has said so before it closed: what can not be sent is no reason not to read. */
static int send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0, sent = 0;

	if (!text) {
		link_complain("no memory for the request");
		return -1;
	}
	text[length++] = '\n'; /* in place of its end */
	while (sent < length) {
		ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	free(text);
	return 0;
}

/* One part. Returns 1 if more follow, 0 if not, -1 after a complaint. */
static int take(const char *path, const char *line, size_t length, int (*visit)(void *context, const json_t *part),
		void *context)
{
	json_error_t why;
	json_t *part = json_loadb(line, length, 0, &why);
	const char *refused = json_string_value(json_object_get(part, "error"));
	int result = -1;

	if (refused) {
		size_t i;
		json_t *note;
		json_array_foreach (json_object_get(part, "notes"), i, note)
			link_complain("%s", json_string_value(note));
		link_complain("%s", refused);
	} else if (!json_is_true(json_object_get(part, "ok"))) {
		link_complain("what answers at %s is no townmeterd of this version", path);
	} else if (!visit || visit(context, part) == 0) {
		result = json_is_true(json_object_get(part, "more"));
	}
	json_decref(part);
	return result;
}

int link_ask(const char *path, json_t *request, int (*visit)(void *context, const json_t *part), void *context)
{
	int fd = connect_to(path), result = -1;
	FILE *answer = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *line = NULL;
	size_t room = 0;

	if (fd >= 0 && !answer)
		close(fd);
	if (!answer || send_request(fd, request) < 0)
		goto out;
	do {
		errno = 0;
		ssize_t length = getline(&line, &room, answer);
		if (length <= 0) {
			result = -1;
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				link_complain("townmeterd at %s did not answer for %d seconds", path, PATIENCE);
			else
				link_complain("townmeterd at %s went away before it had answered", path);
			break;
		}
		result = take(path, line, (size_t)length, visit, context);
	} while (result > 0);
out:
	free(line);
	if (answer)
		fclose(answer);
	json_decref(request);
	return result;
}
