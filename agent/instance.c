/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

int instance_claim(const char *directory)
{
	char path[4096], pid[32] = "?";

	if (mkdir(directory, 0750) < 0 && errno != EEXIST && errno != EROFS) {
		log_error("can not make the state directory %s: %s; run as root, or name another one with -s",
			  directory, strerror(errno));
		return -1;
	}
	if (snprintf(path, sizeof path, "%s/townmeterd.pid", directory) >= (int)sizeof path) {
		log_error("the name of the state directory is too long: found %zu octets", strlen(directory));
		return -1;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	/* A disk that can not be written is no reason not to meter; the lock needs no writing. */
	bool writable = fd >= 0;
	if (fd < 0 && errno == EROFS)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EROFS || errno == ENOSPC || errno == EIO || errno == EDQUOT)) {
		log_warning("can not make %s: %s; a second instance will not be noticed", path, strerror(errno));
		return 0;
	}
	if (fd < 0) {
		log_error("can not open %s: %s; run as root, or name another state directory with -s", path,
			  strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = read(fd, pid, sizeof pid - 1);
		if (n > 0)
			pid[strcspn(pid, "\n")] = '\0';
		log_error("another townmeterd (pid %s) runs with the state directory %s: stop it first, or name "
			  "another directory with -s", pid, directory);
		close(fd);
		return -1;
	}
	int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (writable && (ftruncate(fd, 0) < 0 || write(fd, pid, (size_t)length) != length))
		log_warning("can not write %s: %s", path, strerror(errno));
	/* Stays open: the lock is the claim. */
	return 0;
}
