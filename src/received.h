/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many packets this network namespace has received: the bound of what a FORWARD rule can count. */
#ifndef TOWNMETER_RECEIVED_H
#define TOWNMETER_RECEIVED_H

#include <stdint.h>

/* Returns InReceives of /proc/net/snmp plus Ip6InReceives of /proc/net/snmp6; UINT64_MAX if neither can
 * be read. Packets that the network card or GRO joined count as one, as they do for a rule. */
uint64_t received_packets(void);

#endif
