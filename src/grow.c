/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int grow_array(void *array, uint32_t *room, uint32_t used, uint32_t more, size_t size)
{
	uint64_t want = *room ? (uint64_t)*room * 2 : 64;
	void *before;

	if (*room - used >= more)
		return 0;
	while (want < (uint64_t)used + more)
		want *= 2;
	if (want >= UINT32_MAX) {
		errno = ENOMEM;
		return -1;
	}
	memcpy(&before, array, sizeof before);
	void *bigger = realloc(before, (size_t)want * size);
	if (!bigger)
		return -1;
	memcpy(array, &bigger, sizeof bigger);
	*room = (uint32_t)want;
	return 0;
}
