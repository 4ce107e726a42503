/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"

struct ruleset *ruleset_new(void)
{
	struct ruleset *rules = calloc(1, sizeof *rules);

	if (rules && ruleset_add_text(rules, "") == RULE_NONE) {
		ruleset_free(rules);
		return NULL;
	}
	return rules;
}

void ruleset_free(struct ruleset *rules)
{
	if (!rules)
		return;
	free(rules->chains);
	free(rules->rules);
	free(rules->text);
	free(rules);
}

uint32_t ruleset_add_text(struct ruleset *rules, const char *text)
{
	uint32_t size = (uint32_t)strlen(text) + 1;

	if (size == 1 && rules->text_size > 0)
		return 0;
	if (grow_array(&rules->text, &rules->room_text, rules->text_size, size, 1) < 0)
		return RULE_NONE;
	uint32_t offset = rules->text_size;
	memcpy(rules->text + offset, text, size);
	rules->text_size += size;
	return offset;
}

uint32_t ruleset_add_chain(struct ruleset *rules, uint8_t family, enum hook hook, const char *name)
{
	uint32_t text = ruleset_add_text(rules, name);

	if (text == RULE_NONE ||
	    grow_array(&rules->chains, &rules->room_chains, rules->n_chains, 1, sizeof *rules->chains) < 0)
		return RULE_NONE;
	rules->chains[rules->n_chains] = (struct chain){
		.name = text, .first = rules->n_rules, .family = family, .hook = (uint8_t)hook};
	return rules->n_chains++;
}

uint32_t ruleset_add_rule(struct ruleset *rules, const struct rule *rule)
{
	if (grow_array(&rules->rules, &rules->room_rules, rules->n_rules, 1, sizeof *rules->rules) < 0)
		return RULE_NONE;
	struct chain *chain = &rules->chains[rules->n_chains - 1];
	struct rule *added = &rules->rules[rules->n_rules];
	*added = *rule;
	added->chain = rules->n_chains - 1;
	added->number = ++chain->count;
	return rules->n_rules++;
}

/* A text keeps its place among those of its own ruleset. */
static uint32_t moved(uint32_t text, uint32_t base)
{
	return text ? text + base : 0;
}

int ruleset_append(struct ruleset *rules, const struct ruleset *more)
{
	uint32_t text = rules->text_size, chain = rules->n_chains, rule = rules->n_rules;

	if (grow_array(&rules->text, &rules->room_text, text, more->text_size, 1) < 0 ||
	    grow_array(&rules->chains, &rules->room_chains, chain, more->n_chains, sizeof *rules->chains) < 0 ||
	    grow_array(&rules->rules, &rules->room_rules, rule, more->n_rules, sizeof *rules->rules) < 0)
		return -1;
	memcpy(rules->text + text, more->text, more->text_size);
	rules->text_size += more->text_size;
	for (uint32_t i = 0; i < more->n_chains; i++) {
		struct chain *added = &rules->chains[rules->n_chains++];
		*added = more->chains[i];
		added->name = moved(added->name, text);
		added->first += rule;
	}
	for (uint32_t i = 0; i < more->n_rules; i++) {
		struct rule *added = &rules->rules[rules->n_rules++];
		*added = more->rules[i];
		added->chain += chain;
		if (added->jump != RULE_NONE)
			added->jump += chain;
		added->comment = moved(added->comment, text);
		added->target = moved(added->target, text);
		added->match = moved(added->match, text);
	}
	return 0;
}

const char *ruleset_text(const struct ruleset *rules, uint32_t offset)
{
	return rules->text + offset;
}

const char *ruleset_chain_name(const struct ruleset *rules, uint32_t rule)
{
	return ruleset_text(rules, rules->chains[rules->rules[rule].chain].name);
}

static const char *target_name(const struct ruleset *rules, const struct rule *rule)
{
	static const char *const plain[] = {
		[VERDICT_ACCEPT] = "ACCEPT", [VERDICT_DROP] = "DROP",
		[VERDICT_RETURN] = "RETURN", [VERDICT_QUEUE] = "QUEUE"};

	switch (rule->verdict) {
	case VERDICT_NONE:
		return "none";
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		return ruleset_text(rules, rules->chains[rule->jump].name);
	case VERDICT_EXTENSION:
		return ruleset_text(rules, rule->target);
	default:
		return plain[rule->verdict];
	}
}

bool ruleset_counts_all(const struct rule *rule)
{
	return !rule->policy && !rule->odd && rule->verdict == VERDICT_NONE &&
	       rule->dst.family == PREFIX_NONE && rule->src.family == PREFIX_NONE;
}

char *ruleset_describe(const struct ruleset *rules, uint32_t index, char *text, size_t size)
{
	const struct rule *rule = &rules->rules[index];
	const char *match = ruleset_text(rules, rule->match);
	const char *family = rules->chains[rule->chain].family == PREFIX_IPV6 ? "IPv6 " : "";
	char dst[PREFIX_TEXT_SIZE], src[PREFIX_TEXT_SIZE];

	prefix_format(&rule->dst, dst);
	prefix_format(&rule->src, src);
	snprintf(text, size, "%srule %u of %s (%s%s%s%s%s%s%s%s%starget %s)", family, rule->number,
		 ruleset_chain_name(rules, index),
		 src[0] ? "source " : "", src, src[0] ? ", " : "",
		 dst[0] ? "destination " : "", dst, dst[0] ? ", " : "",
		 match[0] ? "match " : "", match, match[0] ? ", " : "", target_name(rules, rule));
	return text;
}
