/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be a name or a remark: the rules of the MIB's textual conventions. */
#ifndef TOWNMETER_NAME_H
#define TOWNMETER_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Longest names in octets, from TOWNMETER-MIB. */
enum { NAME_TOWN_MAX = 28, NAME_HOST_MAX = 48, NAME_REMARK_MAX = 63, NAME_SERVICE_MAX = 32 };

/* Is it UTF-8 (RFC 3629: shortest forms, no surrogates) without control characters (C0, DEL, C1)? */
bool name_is_text(const char *text, size_t length);

/* Is it 1 to `most` octets of such text? */
bool name_valid(const char *text, size_t most);

/* Orders names as SNMP orders them as an index (RFC 2578, 7.7): shorter first, then octet by octet. */
int name_compare(const char *a, const char *b);

#endif
