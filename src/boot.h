/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which life of the packet filter this is: its counters begin anew with the kernel, and with the network
 * namespace. */
#ifndef TOWNMETER_BOOT_H
#define TOWNMETER_BOOT_H

#include <stdint.h>

enum { BOOT_ID_SIZE = 40 };

/* The kernel's boot_id (random(4)) and the network namespace's cookie (SO_NETNS_COOKIE, Linux 5.14; older
 * kernels: the inode number of /proc/self/ns/net). What can not be told is "" or 0. */
void boot_identity(char id[BOOT_ID_SIZE], uint64_t *network);

#endif
