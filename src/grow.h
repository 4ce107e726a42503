/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays that grow while they are filled. */
#ifndef TOWNMETER_GROW_H
#define TOWNMETER_GROW_H

#include <stddef.h>
#include <stdint.h>

/* Makes room for `more` elements of `size` octets after `used`; doubles, so that appending is linear. `array` is the
 * address of the pointer to them, `room` for how many there is some. Returns 0, or -1 with errno ENOMEM: nothing was
 * changed. Fewer than 2^32-1 elements. */
int grow_array(void *array, uint32_t *room, uint32_t used, uint32_t more, size_t size);

#endif
