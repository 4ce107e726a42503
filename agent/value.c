/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "value.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void value_integer(struct value *value, long integer)
{
	value->type = ASN_INTEGER;
	value->size = sizeof value->data.integer;
	value->data.integer = integer;
}

static void number(struct value *value, u_char type, uint32_t n)
{
	value->type = type;
	value->size = sizeof value->data.number;
	value->data.number = n;
}

void value_gauge(struct value *value, uint32_t n)
{
	number(value, ASN_GAUGE, n);
}

void value_counter(struct value *value, uint32_t n)
{
	number(value, ASN_COUNTER, n);
}

void value_wide(struct value *value, uint64_t n)
{
	value->type = ASN_COUNTER64;
	value->size = sizeof value->data.wide;
	value->data.wide.high = (u_long)(n >> 32);
	value->data.wide.low = (u_long)(n & 0xffffffffu);
}

void value_text(struct value *value, const char *text)
{
	value->type = ASN_OCTET_STR;
	value->size = strnlen(text, 255);
	memcpy(value->data.octets, text, value->size);
}

void value_bits(struct value *value, uint8_t bits)
{
	value->type = ASN_OCTET_STR;
	value->size = 1;
	value->data.octets[0] = bits;
}

/* "Never" is eight octets: year 0, January 1st, midnight. */
void value_time(struct value *value, decitime when)
{
	static const u_char never[8] = {0, 0, 1, 1, 0, 0, 0, 0};
	time_t seconds = (time_t)(when / 10);
	struct tm tm;

	value->type = ASN_OCTET_STR;
	if (when <= 0 || !localtime_r(&seconds, &tm)) {
		value->size = sizeof never;
		memcpy(value->data.octets, never, sizeof never);
		return;
	}
	long offset = labs(tm.tm_gmtoff) / 60;
	u_char *o = value->data.octets;
	value->size = 11;
	o[0] = (u_char)((tm.tm_year + 1900) >> 8);
	o[1] = (u_char)(tm.tm_year + 1900);
	o[2] = (u_char)(tm.tm_mon + 1);
	o[3] = (u_char)tm.tm_mday;
	o[4] = (u_char)tm.tm_hour;
	o[5] = (u_char)tm.tm_min;
	o[6] = (u_char)tm.tm_sec;
	o[7] = (u_char)(when % 10);
	o[8] = tm.tm_gmtoff < 0 ? '-' : '+';
	o[9] = (u_char)(offset / 60);
	o[10] = (u_char)(offset % 60);
}
