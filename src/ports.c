/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ports.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMPV6 = 58, SCTP = 132 };

/* The first name of a number is the one that is printed. Not from /etc/protocols: what a file of the configuration
 * means is the same on every system. */
static const struct {
	const char *name;
	uint8_t protocol;
} names[] = {{"tcp", TCP}, {"udp", UDP}, {"icmp", ICMP}, {"icmpv6", ICMP}, {"ipv6-icmp", ICMP}, {"sctp", SCTP},
	     {"dccp", DCCP}, {"igmp", 2}, {"ipip", 4}, {"ipv6", 41}, {"gre", 47}, {"esp", 50}, {"ah", 51},
	     {"ospf", 89}, {"pim", 103}, {"ipcomp", 108}, {"vrrp", 112}, {"l2tp", 115}, {"udplite", 136}};

/* Reads digits. Returns what follows them, or NULL: none, or more than PORTS_LAST. */
static const char *read_number(const char *text, unsigned *number)
{
	const char *at = text;

	*number = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		*number = 10 * *number + (unsigned)(*at - '0');
		if (*number > PORTS_LAST)
			return NULL;
	}
	return at == text ? NULL : at;
}

static uint8_t read_protocol(const char *text, size_t length)
{
	unsigned number;
	const char *end = read_number(text, &number);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strlen(names[i].name) == length && memcmp(names[i].name, text, length) == 0)
			return names[i].protocol;
	if (end != text + length || number > UINT8_MAX)
		return 0;
	return (uint8_t)(number == ICMPV6 ? ICMP : number);
}

const char *ports_parse(struct ports *ports, const char *text)
{
	const char *slash = strchr(text, '/'), *at;
	unsigned first, last;
	struct ports p = {.last = PORTS_LAST};

	p.protocol = read_protocol(text, slash ? (size_t)(slash - text) : strlen(text));
	if (p.protocol == 0)
		return "a protocol such as tcp, udp or icmp, or its number from 1 to 255, with ports after a '/': tcp/80";
	if (slash) {
		if (!ports_has(p.protocol))
			return "no ports: only tcp, udp, sctp and dccp have them";
		at = read_number(slash + 1, &first);
		last = first;
		if (at && *at == '-')
			at = read_number(at + 1, &last);
		if (!at || *at != '\0')
			return "a port from 0 to 65535, or a range such as 6881-6889, after the '/'";
		if (last < first)
			return "a range whose first port is not above its last";
		p.first = (uint16_t)first;
		p.last = (uint16_t)last;
	}
	*ports = p;
	return NULL;
}

char *ports_format(const struct ports *ports, char text[PORTS_TEXT_SIZE])
{
	int used = 0;

	for (size_t i = 0; used == 0 && i < sizeof names / sizeof names[0]; i++)
		if (names[i].protocol == ports->protocol)
			used = snprintf(text, PORTS_TEXT_SIZE, "%s", names[i].name);
	if (used == 0)
		used = snprintf(text, PORTS_TEXT_SIZE, "%u", ports->protocol);
	if (ports->first == 0 && ports->last == PORTS_LAST)
		return text;
	if (ports->first == ports->last)
		snprintf(text + used, PORTS_TEXT_SIZE - (size_t)used, "/%u", ports->first);
	else
		snprintf(text + used, PORTS_TEXT_SIZE - (size_t)used, "/%u-%u", ports->first, ports->last);
	return text;
}

bool ports_has(uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP;
}

uint8_t ports_number(uint8_t protocol, bool ipv6)
{
	return ipv6 && protocol == ICMP ? ICMPV6 : protocol;
}

uint8_t ports_protocol(uint8_t number, bool ipv6)
{
	if (!ipv6)
		return number;
	return number == ICMPV6 ? ICMP : number == ICMP ? 0 : number;
}

int ports_compare(const struct ports *a, const struct ports *b)
{
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return (a->last > b->last) - (a->last < b->last);
}

bool ports_overlap(const struct ports *a, const struct ports *b)
{
	return a->protocol != 0 && a->protocol == b->protocol && a->first <= b->last && b->first <= a->last;
}
