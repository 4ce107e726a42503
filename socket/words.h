/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MIB's enumerations as words, for the control socket. */
#ifndef TOWNMETER_WORDS_H
#define TOWNMETER_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* The words of the values 1 to n. */
struct words {
	uint32_t n;
	const char *const *word;
};

extern const struct words words_backend, words_chain, words_source, words_admin, words_oper, words_ledger, words_basis,
	words_action, words_state, words_end;

/* The word of a value; "unknown" if it has none. */
const char *words_of(const struct words *words, uint32_t value);

/* The value of a word; 0 if there is none. */
uint32_t words_find(const struct words *words, const char *word);

/* Writes "a, b or c". Returns `text`. */
const char *words_list(const struct words *words, char *text, size_t size);

#endif
