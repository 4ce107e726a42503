/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CRC-32 of IEEE 802.3 (as in zlib), for what is kept on disks. */
#ifndef TOWNMETER_CRC32_H
#define TOWNMETER_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of what `before` is the CRC of (0: of nothing) with these octets behind it. */
uint32_t crc32_of(uint32_t before, const void *data, size_t size);

#endif
