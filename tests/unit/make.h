/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rulesets by hand, for tests: text as `iptables-save -c` writes it, line by line.
 *
 *   *6                                        IPv6 from here on; before it, IPv4
 *   :FORWARD ACCEPT [1:60]                    a chain; a policy if it is a built-in one
 *   [3:300] -A FORWARD -d 10.1.0.0/24 -j town-a   a rule; the counter may be left out
 *
 * -d, -s, -i, -o, -p, -f, -m, !, -j, -g, --comment, --sport and --dport are understood, other options of matches pass.
 * Rules come chain by chain, in the order of the chains. Mistakes in the text fail the test.
 */
#ifndef TOWNMETER_TESTS_MAKE_H
#define TOWNMETER_TESTS_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule.h"
#include "snapshot.h"

struct made {
	struct ruleset *rules;
	struct counter *counters; /* one a rule */
};

static inline struct prefix make_prefix(const char *text)
{
	struct prefix prefix;

	if (prefix_parse(&prefix, text) < 0)
		fail_msg("'%s' is not a prefix", text);
	return prefix;
}

/* The next word of the line; "..." is one word. Returns false at the end. */
static inline bool make_word(const char **at, char word[512])
{
	size_t n = 0;

	while (**at == ' ')
		++*at;
	if (**at == '\n' || **at == '\0')
		return false;
	char end = **at == '"' ? '"' : ' ';
	if (end == '"')
		++*at;
	while (**at != end && **at != '\n' && **at != '\0') {
		assert_true(n < 511);
		word[n++] = *(*at)++;
	}
	if (end == '"' && **at == '"')
		++*at;
	word[n] = '\0';
	return true;
}

static inline const char *make_next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

static inline struct counter make_counter(const char *word)
{
	struct counter counter = {0};
	char *end;

	counter.packets = strtoull(word + 1, &end, 10);
	assert_int_equal(*end, ':');
	counter.octets = strtoull(end + 1, &end, 10);
	assert_string_equal(end, "]");
	return counter;
}

/* The index that the chain of this name and family has or will have, or RULE_NONE. */
static inline uint32_t make_chain_index(const char *text, uint8_t family, const char *name)
{
	uint8_t own = 4;
	uint32_t index = 0;
	char word[512];

	for (const char *line = text; *line; line = make_next_line(line)) {
		const char *at = line + 1;
		if (*line == '*')
			own = line[1] == '6' ? 6 : 4;
		if (*line != ':')
			continue;
		make_word(&at, word);
		if (own == family && strcmp(word, name) == 0)
			return index;
		index++;
	}
	return RULE_NONE;
}

static inline void make_target(const char *text, uint8_t family, const char *word, bool is_goto, struct made *made,
			       struct rule *rule)
{
	static const char *const plain[] = {[VERDICT_ACCEPT] = "ACCEPT", [VERDICT_DROP] = "DROP",
					    [VERDICT_RETURN] = "RETURN", [VERDICT_QUEUE] = "QUEUE"};

	for (unsigned v = VERDICT_ACCEPT; v <= VERDICT_QUEUE; v++)
		if (strcmp(word, plain[v]) == 0) {
			rule->verdict = (uint8_t)v;
			return;
		}
	rule->jump = make_chain_index(text, family, word);
	rule->verdict = is_goto ? VERDICT_GOTO : VERDICT_JUMP;
	if (rule->jump == RULE_NONE) {
		assert_false(is_goto);
		rule->verdict = VERDICT_EXTENSION;
		rule->target = ruleset_add_text(made->rules, word);
	}
}

/* An address that is no prefix has a mask that is not contiguous. */
static inline void make_address(const char *word, bool negated, struct prefix *prefix, struct rule *rule)
{
	struct prefix p;

	if (prefix_parse(&p, word) < 0)
		rule->odd |= ODD_MASK;
	else if (!negated)
		*prefix = p;
}

/* Protocols that have ports in the tests, and ICMP, which is one protocol to readers (ports.h). */
static inline uint8_t make_protocol(const char *word)
{
	static const struct {
		const char *name;
		uint8_t number;
	} known[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"ipv6-icmp", 1}};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].name, word) == 0)
			return known[i].number;
	return 0;
}

/* "80" or "6881:6889". */
static inline void make_ports(const char *word, uint8_t of, struct rule *rule)
{
	char *end;

	rule->ports.first = rule->ports.last = (uint16_t)strtoul(word, &end, 10);
	if (*end == ':')
		rule->ports.last = (uint16_t)strtoul(end + 1, &end, 10);
	assert_int_equal(*end, '\0');
	rule->ports_of = of;
}

static inline void make_add(struct made *made, const struct rule *rule, struct counter counter)
{
	uint32_t index = ruleset_add_rule(made->rules, rule);
	struct counter *more = realloc(made->counters, (index + 1u) * sizeof *more);

	assert_non_null(more);
	made->counters = more;
	more[index] = counter;
}

/* Adds the rule of this line if it belongs to the chain. */
static inline void make_rule(const char *text, uint8_t family, const char *chain, const char *line, struct made *made)
{
	struct rule rule = {.jump = RULE_NONE};
	struct counter counter = {0};
	bool negated = false, other = false;
	char word[512];

	if (*line == '[' && make_word(&line, word))
		counter = make_counter(word);
	if (!make_word(&line, word) || strcmp(word, "-A") != 0 || !make_word(&line, word) || strcmp(word, chain) != 0)
		return;
	while (make_word(&line, word)) {
		char option[512];
		memcpy(option, word, sizeof option);
		if (strcmp(option, "!") == 0) {
			rule.odd |= ODD_NEGATION;
			negated = true;
			continue;
		}
		if (strcmp(option, "-f") == 0) {
			rule.odd |= ODD_FRAGMENT;
			continue;
		}
		if (option[0] != '-' || !make_word(&line, word))
			fail_msg("'%s' has no place in a rule", option);
		if (strcmp(option, "-d") == 0)
			make_address(word, negated, &rule.dst, &rule);
		else if (strcmp(option, "-s") == 0)
			make_address(word, negated, &rule.src, &rule);
		else if (strcmp(option, "-i") == 0 || strcmp(option, "-o") == 0)
			rule.odd |= ODD_INTERFACE;
		else if (strcmp(option, "-p") == 0) {
			rule.odd |= ODD_PROTOCOL;
			rule.ports = (struct ports){.protocol = make_protocol(word), .last = PORTS_LAST};
		} else if (strcmp(option, "--sport") == 0)
			make_ports(word, DIRECTION_DOWN, &rule);
		else if (strcmp(option, "--dport") == 0)
			make_ports(word, DIRECTION_UP, &rule);
		else if (strcmp(option, "--comment") == 0)
			rule.comment = ruleset_add_text(made->rules, word);
		else if (strcmp(option, "-j") == 0 || strcmp(option, "-g") == 0)
			make_target(text, family, word, option[1] == 'g', made, &rule);
		else if (strcmp(option, "-m") == 0 && strcmp(word, "comment") != 0) {
			rule.odd |= ODD_MATCH;
			rule.match = ruleset_add_text(made->rules, word);
			other |= strcmp(word, "tcp") != 0 && strcmp(word, "udp") != 0;
		}
		negated = false;
	}
	/* What asks for more is not told by its ports. */
	if (other || (rule.odd & ~(ODD_PROTOCOL | ODD_MATCH)))
		rule.ports = (struct ports){.protocol = 0};
	make_add(made, &rule, counter);
}

static inline void make_chain(const char *text, uint8_t family, const char *line, struct made *made)
{
	char name[512], word[512];
	struct counter counter = {0};
	uint8_t own = 4;

	line++;
	assert_true(make_word(&line, name));
	enum hook hook = strcmp(name, "FORWARD") == 0  ? HOOK_FORWARD
			 : strcmp(name, "INPUT") == 0  ? HOOK_INPUT
			 : strcmp(name, "OUTPUT") == 0 ? HOOK_OUTPUT
						       : HOOK_NONE;
	assert_int_not_equal(ruleset_add_chain(made->rules, family, hook, name), RULE_NONE);
	for (const char *other = text; *other; other = make_next_line(other)) {
		if (*other == '*')
			own = other[1] == '6' ? 6 : 4;
		else if (own == family && (*other == '-' || *other == '['))
			make_rule(text, family, name, other, made);
	}
	if (!make_word(&line, word))
		return;
	struct rule policy = {.jump = RULE_NONE, .policy = true};
	make_target(text, family, word, false, made, &policy);
	if (make_word(&line, word))
		counter = make_counter(word);
	make_add(made, &policy, counter);
}

/* Free with made_free(). */
static inline struct made make(const char *text)
{
	struct made made = {.rules = ruleset_new()};
	uint8_t family = 4;

	assert_non_null(made.rules);
	for (const char *line = text; *line; line = make_next_line(line)) {
		if (*line == '*')
			family = line[1] == '6' ? 6 : 4;
		else if (*line == ':')
			make_chain(text, family, line, &made);
		else if (*line != '-' && *line != '[')
			fail_msg("not a line of rules: %s", line);
	}
	return made;
}

static inline void made_free(struct made *made)
{
	ruleset_free(made->rules);
	free(made->counters);
}

/* The index of the rule with this number (from 1) in a chain. */
static inline uint32_t made_rule(const struct made *made, uint8_t family, const char *chain, uint32_t number)
{
	const struct ruleset *rules = made->rules;

	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].family == family &&
		    strcmp(ruleset_text(rules, rules->chains[c].name), chain) == 0 && number <= rules->chains[c].count)
			return rules->chains[c].first + number - 1;
	fail_msg("there is no rule %u in %s", number, chain);
	return RULE_NONE;
}

#endif
