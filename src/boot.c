/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static uint64_t network_identity(void)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof cookie;
	struct stat namespace;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int known = fd < 0 ? -1 : getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);

	if (fd >= 0)
		close(fd);
	if (known == 0 && cookie != 0)
		return cookie;
	return stat("/proc/self/ns/net", &namespace) == 0 ? namespace.st_ino : 0;
}

void boot_identity(char id[BOOT_ID_SIZE], uint64_t *network)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(id, 0, BOOT_ID_SIZE);
	if (file) {
		if (fgets(id, BOOT_ID_SIZE, file))
			id[strcspn(id, "\n")] = '\0';
		fclose(file);
	}
	*network = network_identity();
}
