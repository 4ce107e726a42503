/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xtlock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* glibc before 2.38 does not name this member of SIGEV_THREAD_ID. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

const char *xtlock_path(void)
{
	const char *path = getenv("XTABLES_LOCKFILE");

	return path && path[0] ? path : "/run/xtables.lock";
}

static void on_alarm(int signal)
{
	(void)signal; /* its only work is to end flock(2) with EINTR */
}

/* The handler stays for good: a signal of a timer that was just deleted may still be on its way. */
int xtlock_open(void)
{
	struct sigaction action = {.sa_handler = on_alarm};

	if (sigaction(SIGRTMIN, &action, NULL) < 0)
		return -1;
	return open(xtlock_path(), O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
}

static int wait_until(int fd, const struct timespec *deadline)
{
	struct timespec now;

	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return -1;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > deadline->tv_sec ||
		    (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return 0;
}

/*
 * flock(2) has no time limit, and asking again and again without waiting loses against programs
 * that wait in the kernel's queue. So we wait there as well and let a timer interrupt us. The timer
 * repeats: a signal that comes just before flock(2) begins must not be the last one.
 */
int xtlock_take(int fd, const struct timespec *deadline)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
	struct itimerspec when = {.it_value = *deadline, .it_interval = {.tv_nsec = 10000000}};
	timer_t timer;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -1;
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		return -1;
	int result = timer_settime(timer, TIMER_ABSTIME, &when, NULL);
	if (result == 0)
		result = wait_until(fd, deadline);
	int saved = errno;
	timer_delete(timer);
	errno = saved;
	return result;
}

void xtlock_release(int fd)
{
	flock(fd, LOCK_UN);
}
