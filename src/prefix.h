/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address prefixes, IPv4 and IPv6: parse, print, compare. Plain values; nothing to free.
 */
#ifndef TOWNMETER_PREFIX_H
#define TOWNMETER_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Family numbers are those of the IP header's version field; 0 is "no prefix". */
enum { PREFIX_NONE = 0, PREFIX_IPV4 = 4, PREFIX_IPV6 = 6 };
/* 39 for an IPv6 address, 4 for its length, and what the compiler can not know is never written. */
enum { PREFIX_TEXT_SIZE = 48 };

struct prefix {
	uint8_t family;
	uint8_t length;   /* 1 to 32 or 128 */
	uint8_t addr[16]; /* network order; bits beyond the prefix are zero; IPv4 uses the first 4 */
};

/* Octets of an address: 4 or 16. */
size_t prefix_octets(uint8_t family);

/* Reads "10.1.0.0/24", "10.1.0.10" or "2001:db8::/48". Returns 0, or -1 if it is none of these or
 * has bits set beyond its length. */
int prefix_parse(struct prefix *prefix, const char *text);

/* Makes a prefix of an address and a netmask, both in network order and of the family's size.
 * Returns 0, or -1 if the mask is not contiguous. A mask of all zero gives family PREFIX_NONE. */
int prefix_from_mask(struct prefix *prefix, uint8_t family, const void *addr, const void *mask);

/* Writes the netmask of the prefix in network order: 4 or 16 octets. */
void prefix_mask(const struct prefix *prefix, void *mask);

/* Prints as iptables users write it: a whole address without its length. Returns `text`. */
char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE]);

/* Orders by family, address, length: <0, 0, >0. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/* Is every address of `inner` in `outer`? */
bool prefix_contains(const struct prefix *outer, const struct prefix *inner);

/* Is there an address in both? Prefixes of different families share none. */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

#endif
