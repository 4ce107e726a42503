/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prefix.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t prefix_octets(uint8_t family)
{
	return family == PREFIX_IPV6 ? 16 : 4;
}

/* The first `bits` bits of a and b are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	unsigned mask = (0xff00u >> rest) & 0xffu;
	return ((a[whole] ^ b[whole]) & mask) == 0;
}

void prefix_mask(const struct prefix *prefix, void *mask)
{
	uint8_t *octet = mask;

	for (unsigned i = 0; i < prefix_octets(prefix->family); i++) {
		unsigned bits = prefix->length > 8 * i ? prefix->length - 8 * i : 0;
		octet[i] = (uint8_t)(bits >= 8 ? 0xffu : (0xff00u >> bits) & 0xffu);
	}
}

int prefix_parse(struct prefix *prefix, const char *text)
{
	char addr[INET6_ADDRSTRLEN];
	struct prefix p = {0};
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);

	if (length >= sizeof addr)
		return -1;
	memcpy(addr, text, length);
	addr[length] = '\0';
	if (inet_pton(AF_INET, addr, p.addr) == 1)
		p.family = PREFIX_IPV4;
	else if (inet_pton(AF_INET6, addr, p.addr) == 1)
		p.family = PREFIX_IPV6;
	else
		return -1;
	unsigned most = (unsigned)(8 * prefix_octets(p.family));
	p.length = (uint8_t)most;
	if (slash) {
		char *end;
		if (slash[1] < '0' || slash[1] > '9')
			return -1;
		unsigned long bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits < 1 || bits > most)
			return -1;
		p.length = (uint8_t)bits;
	}
	uint8_t mask[16];
	prefix_mask(&p, mask);
	for (size_t i = 0; i < prefix_octets(p.family); i++)
		if (p.addr[i] & (uint8_t)~mask[i])
			return -1;
	*prefix = p;
	return 0;
}

int prefix_from_mask(struct prefix *prefix, uint8_t family, const void *addr, const void *mask)
{
	const uint8_t *a = addr, *m = mask;
	struct prefix p = {0};
	size_t octets = prefix_octets(family), whole = 0;

	while (whole < octets && m[whole] == 0xff)
		whole++;
	unsigned bits = 8 * (unsigned)whole;
	if (whole < octets) {
		uint8_t rest = m[whole];
		for (; rest & 0x80u; rest = (uint8_t)(rest << 1))
			bits++;
		for (size_t i = whole + 1; i < octets; i++)
			rest |= m[i];
		if (rest)
			return -1;
	}
	p.family = family;
	p.length = (uint8_t)bits;
	for (size_t i = 0; i < octets; i++)
		p.addr[i] = (uint8_t)(a[i] & m[i]);
	if (bits == 0)
		memset(&p, 0, sizeof p);
	*prefix = p;
	return 0;
}

char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
	int af = prefix->family == PREFIX_IPV6 ? AF_INET6 : AF_INET;

	if (prefix->family == PREFIX_NONE || !inet_ntop(af, prefix->addr, text, PREFIX_TEXT_SIZE)) {
		text[0] = '\0';
		return text;
	}
	if (prefix->length != 8 * prefix_octets(prefix->family)) {
		size_t used = strlen(text);
		snprintf(text + used, PREFIX_TEXT_SIZE - used, "/%u", prefix->length);
	}
	return text;
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = memcmp(a->addr, b->addr, sizeof a->addr);
	return order ? order : (int)a->length - (int)b->length;
}

bool prefix_contains(const struct prefix *outer, const struct prefix *inner)
{
	return outer->family == inner->family && outer->family != PREFIX_NONE &&
	       outer->length <= inner->length && same_bits(outer->addr, inner->addr, outer->length);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, b) || prefix_contains(b, a);
}
