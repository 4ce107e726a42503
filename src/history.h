/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads closed periods from the ledger's file while the ledger writes it: a connection of its own for the
 * agent thread. Neither waits for the other. A row that is damaged on the disk is left out, and this is logged.
 */
#ifndef TOWNMETER_HISTORY_H
#define TOWNMETER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "closed.h"

enum { HISTORY_KEY_MAX = 2 + NAME_TOWN_MAX + NAME_HOST_MAX };

struct history;

/* The closed periods of the ledger in this directory. Opened at the first use, and again when the file was
 * replaced. NULL: no memory. Freeing NULL is fine. */
struct history *history_new(const char *directory);
void history_free(struct history *history);

/* The key of a town's rows (host: NULL) or a host's: the octets of their index in SNMP. Returns its length. */
size_t history_key(bool is_host, const char *town, const char *host, uint8_t key[HISTORY_KEY_MAX]);

/* One row. false: there is none, or it can not be read now. */
bool history_get(struct history *history, bool is_host, const char *town, const char *host, uint32_t number,
		 struct closed *row);

/* The first row of towns, or of hosts, whose (key, number) is not before the one given. The key may be any
 * octets: a beginning of one, or with 255 behind it, which sorts behind every name. false as above. */
bool history_seek(struct history *history, bool is_host, const uint8_t *key, size_t key_size, int64_t number,
		  struct closed *row);

/* Visits the rows of towns, then those of hosts, in SNMP's order. `town` and `host`: of this name only, NULL: of
 * all (a host's name leaves out the towns' own rows). `periods_back`: 0 all; 1 the last closed of each row, 2 the
 * one before, and so on. Ends when visit returns other than 0, and returns that; 0 at the end; -1: it can not be
 * read. The ledger's file can not shrink while this runs, so visit should be quick. */
int history_list(struct history *history, const char *town, const char *host, uint32_t periods_back,
		 int (*visit)(void *context, const struct closed *row), void *context);

#endif
