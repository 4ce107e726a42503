/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What recognise() makes of rules given as text, and short ways to ask for it. */
#ifndef TOWNMETER_TESTS_SEEN_H
#define TOWNMETER_TESTS_SEEN_H

#include "make.h"
#include "recognise.h"

struct seen {
	struct made made;
	struct recognition *found;
};

static inline struct seen see_with(const char *text, const struct recognise_names *configured,
				   const struct recognise_names *remembered)
{
	struct seen seen = {.made = make(text)};

	seen.found = recognise(seen.made.rules, configured, remembered);
	assert_non_null(seen.found);
	return seen;
}

static inline struct seen see(const char *text)
{
	return see_with(text, NULL, NULL);
}

static inline void unsee(struct seen *seen)
{
	recognition_free(seen->found);
	made_free(&seen->made);
}

static inline const struct role *seen_role(const struct seen *seen, uint8_t family, const char *chain, uint32_t number)
{
	return &seen->found->roles[made_rule(&seen->made, family, chain, number)];
}

/* The rule is none of ours, for this reason. */
static inline void seen_other(const struct seen *seen, const char *chain, uint32_t number, const char *why)
{
	const struct role *role = seen_role(seen, 4, chain, number);

	assert_int_equal(role->kind, ROLE_OTHER);
	assert_string_equal(role->why, why);
}

static inline const char *seen_town_name(const struct seen *seen, uint32_t town)
{
	return ruleset_text(seen->made.rules, seen->found->towns[town].name);
}

/* Places by name, or RULE_NONE. */
static inline uint32_t seen_town(const struct seen *seen, const char *name)
{
	for (uint32_t t = 0; t < seen->found->n_towns; t++)
		if (strcmp(seen_town_name(seen, t), name) == 0)
			return t;
	return RULE_NONE;
}

static inline uint32_t seen_host(const struct seen *seen, const char *town, const char *name)
{
	for (uint32_t h = 0; h < seen->found->n_hosts; h++)
		if (strcmp(seen->found->hosts[h].name, name) == 0 &&
		    strcmp(seen_town_name(seen, seen->found->hosts[h].town), town) == 0)
			return h;
	return RULE_NONE;
}

/* The same, where there must be one. */
static inline const struct found_town *seen_the_town(const struct seen *seen, const char *name)
{
	uint32_t town = seen_town(seen, name);

	if (town == RULE_NONE)
		fail_msg("there is no town %s", name);
	return &seen->found->towns[town];
}

static inline const struct found_host *seen_the_host(const struct seen *seen, const char *town, const char *name)
{
	uint32_t host = seen_host(seen, town, name);

	if (host == RULE_NONE)
		fail_msg("there is no host %s in %s", name, town);
	return &seen->found->hosts[host];
}

static inline const struct found_address *seen_address(const struct seen *seen, const char *prefix)
{
	struct prefix wanted = make_prefix(prefix);

	for (uint32_t i = 0; i < seen->found->n_addresses; i++)
		if (prefix_compare(&seen->found->addresses[i].prefix, &wanted) == 0)
			return &seen->found->addresses[i];
	fail_msg("there is no address %s", prefix);
	return NULL;
}

/* How many problems have all of this text in their line? */
static inline unsigned seen_problems(const struct seen *seen, const char *part)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < seen->found->n_problems; i++)
		n += strstr(seen->found->problems[i], part) != NULL;
	return n;
}

static inline void seen_no_problem(const struct seen *seen)
{
	if (seen->found->n_problems)
		fail_msg("an unexpected problem: %s", seen->found->problems[0]);
}

#endif
