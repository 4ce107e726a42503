/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A protocol and a range of its ports, as service classes are told by: "tcp/80", "udp/6881-6889", "icmp".
 * Plain values; nothing to free.
 */
#ifndef TOWNMETER_PORTS_H
#define TOWNMETER_PORTS_H

#include <stdbool.h>
#include <stdint.h>

enum { PORTS_LAST = 65535, PORTS_TEXT_SIZE = 32 };

struct ports {
	uint8_t protocol;     /* as in the IP header: 6 is TCP; 0: none */
	uint16_t first, last; /* 0 to PORTS_LAST: any, the only range of protocols without ports */
};

/* Reads a protocol, by name (tcp, udp, sctp, icmp, esp, gre and so on) or number (1 to 255), for TCP, UDP, SCTP and
 * DCCP also with a port or a range after a '/'. ICMP is 1 for both versions of IP. Returns NULL, or what was
 * expected instead, for people. */
const char *ports_parse(struct ports *ports, const char *text);

/* Prints as ports_parse() reads it. Returns `text`. */
char *ports_format(const struct ports *ports, char text[PORTS_TEXT_SIZE]);

/* Has the protocol ports? */
bool ports_has(uint8_t protocol);

/* The protocol's number in packets of this version of IP, and back: ICMP is one protocol to us, ICMPv6 in IPv6. That
 * of IPv4 in IPv6 is none: 0. */
uint8_t ports_number(uint8_t protocol, bool ipv6);
uint8_t ports_protocol(uint8_t number, bool ipv6);

/* Orders by protocol, first, last: <0, 0, >0. */
int ports_compare(const struct ports *a, const struct ports *b);

/* Is there a packet that both match? */
bool ports_overlap(const struct ports *a, const struct ports *b);

#endif
