/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <stdio.h>
#include <string.h>

#define WORDS(name, ...) \
	static const char *const name##_list[] = {__VA_ARGS__}; \
	const struct words words_##name = {sizeof name##_list / sizeof name##_list[0], name##_list}

WORDS(backend, "none", "legacy", "nftables", "both");
WORDS(chain, "forward", "input", "output");
WORDS(source, "rule", "policy");
WORDS(admin, "allowed", "blocked");
WORDS(oper, "allowed", "blocked", "partial", "missing");
WORDS(ledger, "ok", "restored", "created", "failed");
WORDS(basis, "both", "down", "up");
WORDS(action, "none", "notify", "block");
WORDS(state, "none", "within", "warned", "exceeded");
WORDS(end, "schedule", "hostZero", "townZero", "local", "removed");

const char *words_of(const struct words *words, uint32_t value)
{
	return value >= 1 && value <= words->n ? words->word[value - 1] : "unknown";
}

uint32_t words_find(const struct words *words, const char *word)
{
	for (uint32_t i = 0; i < words->n; i++)
		if (strcmp(words->word[i], word) == 0)
			return i + 1;
	return 0;
}

const char *words_list(const struct words *words, char *text, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < words->n && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s",
					 i == 0 ? "" : i + 1 == words->n ? " or " : ", ", words->word[i]);
	return text;
}
