/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value of one object, as AgentX carries it. */
#ifndef TOWNMETER_VALUE_H
#define TOWNMETER_VALUE_H

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include "view.h"

struct value {
	u_char type; /* ASN_... */
	size_t size;
	union {
		long integer;
		u_long number;
		struct counter64 wide;
		u_char octets[256];
	} data;
};

void value_integer(struct value *value, long integer);          /* INTEGER, enumerations, TruthValue */
void value_gauge(struct value *value, uint32_t number);         /* Gauge32, Unsigned32 */
void value_counter(struct value *value, uint32_t number);       /* Counter32 */
void value_wide(struct value *value, uint64_t number);          /* Counter64, CounterBasedGauge64 */
void value_text(struct value *value, const char *text);         /* cut to 255 octets */
void value_bits(struct value *value, uint8_t bits);             /* BITS of up to 8 */
void value_time(struct value *value, decitime when);            /* DateAndTime (RFC 2579), local time */

#endif
