/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Amounts and times as people read them. */
#ifndef TOWNMETER_AMOUNT_H
#define TOWNMETER_AMOUNT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { AMOUNT_TEXT_SIZE = 32 };

/* A number of an answer: an integer, or the digits of one that is too large for many programs. 0 if it is none. */
uint64_t amount_of(const json_t *row, const char *key);

/* Octets: with a unit of thousands and three digits ("1.23 GB"), or all of them. Returns `text`. */
const char *amount_octets(uint64_t octets, bool exact, char text[AMOUNT_TEXT_SIZE]);

/* Megabytes of a quota ("50 GB"), exactly; "-" for none. Returns `text`. */
const char *amount_quota(uint64_t megabytes, bool exact, char text[AMOUNT_TEXT_SIZE]);

/* A time of an answer in this machine's zone, to the minute or the second; "-" for none. Returns `text`. */
const char *amount_time(const json_t *row, const char *key, bool seconds, char text[AMOUNT_TEXT_SIZE]);

#endif
