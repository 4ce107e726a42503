/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_drain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/membarrier.h>

#define PREFIX "townmeter-drain-"

void nft_drain_name(char name[NFT_DRAIN_NAME_SIZE], uint32_t number)
{
	snprintf(name, NFT_DRAIN_NAME_SIZE, PREFIX "%u", number);
}

bool nft_drain_is(const char *name)
{
	return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0;
}

/*
 * Hooks of the packet filter run as readers of RCU, and this call waits for all such readers that have
 * begun. Kernels with nohz_full refuse it: there, time has to do.
 */
void nft_drain_wait(void)
{
	struct timespec left = {.tv_nsec = 50000000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return;
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}
