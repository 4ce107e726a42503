/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bare.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter_ipv4/ip_tables.h>

static int fd;
static struct ipt_get_entries *entries;
static size_t room;

void bare_legacy_open(void)
{
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
}

size_t bare_legacy_get(void)
{
	struct ipt_getinfo info;
	socklen_t size = sizeof info;

	memset(&info, 0, sizeof info);
	memcpy(info.name, "filter", sizeof "filter");
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) < 0)
		err(1, "GET_INFO");
	size = (socklen_t)(sizeof *entries + info.size);
	if (size > room) {
		entries = realloc(entries, size);
		if (!entries)
			err(1, "entries");
		room = size;
	}
	memset(entries, 0, sizeof *entries);
	memcpy(entries->name, "filter", sizeof "filter");
	entries->size = info.size;
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, entries, &size) < 0)
		err(1, "GET_ENTRIES");
	return size;
}
