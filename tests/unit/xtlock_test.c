/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock against a second process, which stands for iptables. */
#include "xtlock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "make.h"

static char directory[64], path[96];

/* A process that holds the lock until it is told to let go. */
struct holder {
	pid_t pid;
	int tell;
};

static struct holder hold(void)
{
	int said[2], told[2];
	char c;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(told), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(path, O_CREAT | O_RDONLY, 0600);
		close(told[1]);
		/* When the test has ended, read() ends as well. */
		if (fd < 0 || flock(fd, LOCK_EX) < 0 || write(said[1], "x", 1) != 1 || read(told[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(said[1]);
	close(told[0]);
	assert_int_equal(read(said[0], &c, 1), 1);
	close(said[0]);
	return (struct holder){pid, told[1]};
}

static void let_go(struct holder *holder)
{
	int status;

	close(holder->tell);
	assert_int_equal(waitpid(holder->pid, &status, 0), holder->pid);
	assert_int_equal(status, 0);
}

static struct timespec in(int64_t milliseconds)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	int64_t nanoseconds = when.tv_sec * 1000000000 + when.tv_nsec + milliseconds * 1000000;
	return (struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
}

/* Milliseconds since then. */
static int64_t since(const struct timespec *then)
{
	struct timespec now = in(0);

	return (now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000;
}

static bool is_free(void)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	bool free_now = flock(fd, LOCK_EX | LOCK_NB) == 0;
	assert_true(free_now || errno == EWOULDBLOCK);
	close(fd);
	return free_now;
}

static void the_path_that_applies(void **state)
{
	(void)state;
	assert_string_equal(xtlock_path(), path);
	setenv("XTABLES_LOCKFILE", "", 1);
	assert_string_equal(xtlock_path(), "/run/xtables.lock");
	unsetenv("XTABLES_LOCKFILE");
	assert_string_equal(xtlock_path(), "/run/xtables.lock");
	setenv("XTABLES_LOCKFILE", path, 1);
}

static void makes_the_file(void **state)
{
	struct stat file;

	(void)state;
	unlink(path);
	int fd = xtlock_open();
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 077, 0); /* nobody else may lock iptables out */
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	setenv("XTABLES_LOCKFILE", "/nonexistent/directory/lock", 1);
	assert_int_equal(xtlock_open(), -1);
	assert_int_equal(errno, ENOENT);
	setenv("XTABLES_LOCKFILE", path, 1);
}

static void takes_and_releases(void **state)
{
	int fd = xtlock_open();
	struct timespec deadline = in(10000);

	(void)state;
	assert_true(is_free());
	assert_int_equal(xtlock_take(fd, &deadline), 0);
	assert_false(is_free());
	xtlock_release(fd);
	assert_true(is_free());
	/* A free lock is taken even when it is late. */
	deadline = in(-1000);
	assert_int_equal(xtlock_take(fd, &deadline), 0);
	assert_false(is_free());
	close(fd);
	assert_true(is_free());
}

static void gives_up_at_the_deadline(void **state)
{
	static const int64_t waits[] = {-1000, 0, 150};
	struct holder holder = hold();
	int fd = xtlock_open();

	(void)state;
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		struct timespec began = in(0), deadline = in(waits[i]);
		errno = 0;
		assert_int_equal(xtlock_take(fd, &deadline), -1);
		assert_int_equal(errno, ETIMEDOUT);
		assert_true(since(&began) >= waits[i]);
		assert_true(since(&began) < waits[i] + 10000);
	}
	let_go(&holder);
	assert_true(is_free()); /* nothing was left in the queue */
	close(fd);
}

/* Does this process wait for a flock(2)? The kernel lists waiters behind an arrow. */
static bool is_waiting(pid_t pid)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256];
	bool found = false;

	while (file && fgets(line, sizeof line, file)) {
		char *arrow = strstr(line, "-> FLOCK"), *write = arrow ? strstr(arrow, "WRITE") : NULL;
		found |= write && strtol(write + 5, NULL, 10) == pid;
	}
	if (file)
		fclose(file);
	return found;
}

static void waits_its_turn(void **state)
{
	struct holder holder = hold();
	int fd = xtlock_open(), status;
	pid_t self = getpid(), releaser = fork();

	(void)state;
	assert_true(releaser >= 0);
	if (releaser == 0) {
		struct timespec give_up = in(20000);
		while (!is_waiting(self) && since(&give_up) < 0)
			poll(NULL, 0, 5);
		_exit(is_waiting(self) ? 0 : 1); /* which closes the last end of the pipe */
	}
	close(holder.tell);
	struct timespec deadline = in(30000);
	assert_int_equal(xtlock_take(fd, &deadline), 0);
	assert_true(since(&deadline) < 0);
	assert_false(is_free());
	assert_int_equal(waitpid(releaser, &status, 0), releaser);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(holder.pid, &status, 0), holder.pid);
	assert_int_equal(status, 0);
	xtlock_release(fd);
	close(fd);
}

/* Signals that have nothing to do with it do not end the wait, and no timer is left behind. */
static void on_signal(int signal)
{
	(void)signal;
}

static void other_signals_do_not_matter(void **state)
{
	struct sigaction action = {.sa_handler = on_signal}, before;
	struct holder holder = hold();
	int fd = xtlock_open();

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	pid_t self = getpid(), pest = fork();
	assert_true(pest >= 0);
	if (pest == 0) {
		for (int i = 0; i < 20; i++) {
			kill(self, SIGUSR1);
			poll(NULL, 0, 5);
		}
		_exit(0);
	}
	struct timespec began = in(0), deadline = in(200);
	assert_int_equal(xtlock_take(fd, &deadline), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(since(&began) >= 200);
	assert_int_equal(waitpid(pest, NULL, 0), pest);
	assert_int_equal(poll(NULL, 0, 50), 0); /* EINTR: a timer still runs */
	let_go(&holder);
	close(fd);
	sigaction(SIGUSR1, &before, NULL);
}

static int make_directory(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof directory, "%s/xtlock.XXXXXX", base && strlen(base) < 40 ? base : "/tmp");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof path, "%s/lock", directory);
	/* A test that fails may leave the lock taken: the next one must not wait for ever. */
	alarm(120);
	return setenv("XTABLES_LOCKFILE", path, 1);
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_that_applies),
		cmocka_unit_test(makes_the_file),
		cmocka_unit_test(takes_and_releases),
		cmocka_unit_test(gives_up_at_the_deadline),
		cmocka_unit_test(waits_its_turn),
		cmocka_unit_test(other_signals_do_not_matter),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
