/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crc32.h"

#include <pthread.h>
#include <string.h>

/* Eight octets a step: a sheet of 30 MB is read at every start. */
static uint32_t tables[8][256];

static void make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		tables[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
}

static uint32_t four(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t crc32_of(uint32_t before, const void *data, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *at = data;
	uint32_t c = ~before;

	pthread_once(&once, make_tables);
	for (; size >= 8; size -= 8, at += 8) {
		uint32_t a = c ^ four(at), b = four(at + 4);
		c = tables[7][a & 0xff] ^ tables[6][a >> 8 & 0xff] ^ tables[5][a >> 16 & 0xff] ^ tables[4][a >> 24] ^
		    tables[3][b & 0xff] ^ tables[2][b >> 8 & 0xff] ^ tables[1][b >> 16 & 0xff] ^ tables[0][b >> 24];
	}
	for (; size > 0; size--, at++)
		c = c >> 8 ^ tables[0][(c ^ *at) & 0xff];
	return ~c;
}
