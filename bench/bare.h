/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that reading the rules can cost: the kernel is asked for IPv4's filter table, and what it
 * answers is thrown away. Errors end the program.
 */
#ifndef TOWNMETER_BENCH_BARE_H
#define TOWNMETER_BENCH_BARE_H

#include <stddef.h>

/* Opens a socket and takes what the questions need beforehand: the names of the chains. */
void bare_nft_open(void);
/* Dumps chain after chain. Returns the octets received. */
size_t bare_nft_dump(void);

void bare_legacy_open(void);
/* GET_INFO and GET_ENTRIES, into a buffer that stays. Returns the octets received. */
size_t bare_legacy_get(void);

#endif
