/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/library/large_fd_set.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "log.h"
#include "subagent.h"

/* Our own descriptors: signals, the control's events, the control socket's; then the library's. */
enum { SIGNALS, EVENTS, SOCKET, OWN = SOCKET + SOCKET_POLLS, ROOM = 64 };

int loop_signals(void)
{
	sigset_t taken;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&taken);
	sigaddset(&taken, SIGTERM);
	sigaddset(&taken, SIGINT);
	sigaddset(&taken, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &taken, NULL) < 0)
		return -1;
	return signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns whether to stop. */
static bool take_signals(int signals, void (*reload)(void))
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo != SIGHUP)
			return true;
		reload();
	}
	return false;
}

/* What the library wants to wait for. Returns how many descriptors; lowers *wait (milliseconds). */
static nfds_t library_wants(struct pollfd *polls, int *wait)
{
	netsnmp_large_fd_set set;
	struct timeval timeout = {.tv_sec = 3600};
	int highest = 0, block = 0;
	nfds_t n = 0;

	netsnmp_large_fd_set_init(&set, FD_SETSIZE);
	NETSNMP_LARGE_FD_ZERO(&set);
	snmp_select_info2(&highest, &set, &timeout, &block);
	for (int fd = 0; fd < highest && n < ROOM; fd++)
		if (NETSNMP_LARGE_FD_ISSET(fd, &set))
			polls[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
	netsnmp_large_fd_set_cleanup(&set);
	if (!block) {
		int64_t milliseconds = (int64_t)timeout.tv_sec * 1000 + timeout.tv_usec / 1000 + 1;
		if (milliseconds < *wait)
			*wait = (int)milliseconds;
	}
	return n;
}

static void library_reads(const struct pollfd *polls, nfds_t n)
{
	netsnmp_large_fd_set set;

	netsnmp_large_fd_set_init(&set, FD_SETSIZE);
	NETSNMP_LARGE_FD_ZERO(&set);
	for (nfds_t i = 0; i < n; i++)
		if (polls[i].revents)
			NETSNMP_LARGE_FD_SET(polls[i].fd, &set);
	snmp_read2(&set);
	netsnmp_large_fd_set_cleanup(&set);
	/* A request whose time is up would be due for ever, and the wait be over at once each time. */
	snmp_timeout();
}

/* Until the next thing that is due: at most a minute, at least not negative. */
static int milliseconds_until(int64_t due)
{
	int64_t now = control_clock();

	if (due == INT64_MAX || due - now > 60000000000)
		return 60000;
	return due <= now ? 0 : (int)((due - now) / 1000000) + 1;
}

int loop_run(struct control *control, struct control_socket *socket, int signals, void (*reload)(void))
{
	struct pollfd polls[OWN + ROOM];

	for (;;) {
		subagent_step();
		socket_step(socket);
		int64_t due = subagent_due() < socket_due(socket) ? subagent_due() : socket_due(socket);
		int wait = milliseconds_until(due);
		polls[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
		polls[EVENTS] = (struct pollfd){.fd = control_fd(control), .events = POLLIN};
		nfds_t clients = socket_wants(socket, polls + SOCKET), own = SOCKET + clients;
		nfds_t n = library_wants(polls + own, &wait);
		if (poll(polls, own + n, wait) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (polls[SIGNALS].revents && take_signals(signals, reload))
			return 0;
		library_reads(polls + own, n);
		socket_ready(socket, polls + SOCKET, clients);
	}
}
