/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block of entries that the kernel would give for a ruleset, written without any of the code under
 * test: built-in chains end with their policy, others begin with an ERROR entry and end with RETURN, one
 * more ERROR entry ends the table. Odd conditions get one entry field each that stands for them.
 */
#ifndef TOWNMETER_TESTS_BLOCK_H
#define TOWNMETER_TESTS_BLOCK_H

#include <linux/netfilter/xt_comment.h>

#include "legacy_table.h"
#include "make.h"

/* Sizes of an extension's own data. */
enum { BLOCK_MATCH_DATA = 24, BLOCK_TARGET_DATA = 16 };

static inline size_t block_match_size(size_t data)
{
	return XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(data);
}

static inline size_t block_matches_size(const struct rule *rule)
{
	return (rule->comment ? block_match_size(sizeof(struct xt_comment_info)) : 0) +
	       (rule->odd & ODD_MATCH ? block_match_size(BLOCK_MATCH_DATA) : 0);
}

static inline size_t block_rule_size(uint8_t family, const struct rule *rule)
{
	return legacy_head_size(family) + block_matches_size(rule) +
	       (rule->verdict == VERDICT_EXTENSION ? XT_ALIGN(sizeof(struct xt_entry_target)) + BLOCK_TARGET_DATA
						   : XT_ALIGN(sizeof(struct xt_standard_target)));
}

static inline size_t block_error_size(uint8_t family)
{
	return legacy_head_size(family) + XT_ALIGN(sizeof(struct xt_error_target));
}

static inline size_t block_return_size(uint8_t family)
{
	return legacy_head_size(family) + XT_ALIGN(sizeof(struct xt_standard_target));
}

/* Writes what stands before the matches; addresses and masks are those of the prefixes. */
static inline void block_write_head(uint8_t family, unsigned char *head, const struct rule *rule, size_t target, size_t next)
{
	uint8_t dmask[16] = {0}, smask[16] = {0};
	bool is_goto = rule->verdict == VERDICT_GOTO;

	if (rule->dst.family)
		prefix_mask(&rule->dst, dmask);
	if (rule->src.family)
		prefix_mask(&rule->src, smask);
	if (rule->odd & ODD_MASK)
		dmask[0] = dmask[2] = 255;
	if (family == 6) {
		struct ip6t_entry *e = (void *)head;
		memcpy(&e->ipv6.dst, rule->dst.addr, 16);
		memcpy(&e->ipv6.src, rule->src.addr, 16);
		memcpy(&e->ipv6.dmsk, dmask, 16);
		memcpy(&e->ipv6.smsk, smask, 16);
		e->ipv6.proto = rule->odd & ODD_PROTOCOL ? 6 : 0;
		e->ipv6.iniface_mask[0] = rule->odd & ODD_INTERFACE ? 255 : 0;
		e->ipv6.invflags = rule->odd & ODD_NEGATION ? IP6T_INV_VIA_IN : 0;
		e->ipv6.flags = is_goto ? IP6T_F_GOTO : 0;
		e->target_offset = (uint16_t)target;
		e->next_offset = (uint16_t)next;
	} else {
		struct ipt_entry *e = (void *)head;
		memcpy(&e->ip.dst, rule->dst.addr, 4);
		memcpy(&e->ip.src, rule->src.addr, 4);
		memcpy(&e->ip.dmsk, dmask, 4);
		memcpy(&e->ip.smsk, smask, 4);
		e->ip.proto = rule->odd & ODD_PROTOCOL ? 6 : 0;
		e->ip.outiface_mask[0] = rule->odd & ODD_INTERFACE ? 255 : 0;
		e->ip.invflags = rule->odd & ODD_NEGATION ? IPT_INV_VIA_OUT : 0;
		e->ip.flags = (uint8_t)((is_goto ? IPT_F_GOTO : 0) | (rule->odd & ODD_FRAGMENT ? IPT_F_FRAG : 0));
		e->target_offset = (uint16_t)target;
		e->next_offset = (uint16_t)next;
	}
}

/* Text with its end, into a field that is known to hold it. */
static inline void block_put(void *field, const char *text)
{
	memcpy(field, text, strlen(text) + 1);
}

static inline void block_set_counter(uint8_t family, unsigned char *head, const struct counter *counter)
{
	struct xt_counters *own = legacy_entry_at(family, head, 0).counters;

	if (counter)
		*own = (struct xt_counters){.pcnt = counter->packets, .bcnt = counter->octets};
}

/* Appends an entry; returns the offset behind it. `starts`: where each chain's first entry stands. */
static inline size_t block_write_rule(const struct made *made, uint8_t family, uint32_t index, unsigned char *entries,
				      size_t offset, const size_t *starts)
{
	static const int plain[] = {[VERDICT_ACCEPT] = -NF_ACCEPT - 1, [VERDICT_DROP] = -NF_DROP - 1,
				    [VERDICT_RETURN] = XT_RETURN, [VERDICT_QUEUE] = -NF_QUEUE - 1};
	const struct rule *rule = &made->rules->rules[index];
	unsigned char *head = entries + offset, *at = head + legacy_head_size(family);
	size_t target = legacy_head_size(family) + block_matches_size(rule), next = block_rule_size(family, rule);

	block_write_head(family, head, rule, target, next);
	block_set_counter(family, head, &made->counters[index]);
	if (rule->odd & ODD_MATCH) {
		struct xt_entry_match *match = (void *)at;
		match->u.match_size = (uint16_t)block_match_size(BLOCK_MATCH_DATA);
		block_put(match->u.user.name, ruleset_text(made->rules, rule->match));
		memset(match->data, 0x5a, BLOCK_MATCH_DATA);
		at += match->u.match_size;
	}
	if (rule->comment) {
		struct xt_entry_match *match = (void *)at;
		match->u.match_size = (uint16_t)block_match_size(sizeof(struct xt_comment_info));
		block_put(match->u.user.name, "comment");
		block_put(match->data, ruleset_text(made->rules, rule->comment));
	}
	struct xt_standard_target *t = (void *)(head + target);
	t->target.u.target_size = (uint16_t)(next - target);
	if (rule->verdict == VERDICT_EXTENSION)
		block_put(t->target.u.user.name, ruleset_text(made->rules, rule->target));
	else if (rule->verdict == VERDICT_NONE)
		t->verdict = (int)(offset + next);
	else if (rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO)
		t->verdict = (int)starts[rule->jump];
	else
		t->verdict = plain[rule->verdict];
	return offset + next;
}

static inline size_t block_write_error(uint8_t family, unsigned char *entries, size_t offset, const char *name)
{
	static const struct rule none = {.verdict = VERDICT_NONE};
	size_t head = legacy_head_size(family), next = block_error_size(family);
	struct xt_error_target *t = (void *)(entries + offset + head);

	block_write_head(family, entries + offset, &none, head, next);
	t->target.u.target_size = (uint16_t)(next - head);
	block_put(t->target.u.user.name, XT_ERROR_TARGET);
	block_put(t->errorname, name);
	return offset + next;
}

static inline size_t block_write_return(uint8_t family, unsigned char *entries, size_t offset)
{
	static const struct rule none = {.verdict = VERDICT_NONE};
	size_t head = legacy_head_size(family), next = block_return_size(family);
	struct xt_standard_target *t = (void *)(entries + offset + head);

	block_write_head(family, entries + offset, &none, head, next);
	t->target.u.target_size = (uint16_t)(next - head);
	t->verdict = XT_RETURN;
	return offset + next;
}

/* The table of one family; built-in chains come first in the text. Free with block_free(). */
static inline struct legacy_table block_of(const struct made *made, uint8_t family)
{
	static const int numbers[] = {[HOOK_FORWARD] = NF_INET_FORWARD, [HOOK_INPUT] = NF_INET_LOCAL_IN,
				      [HOOK_OUTPUT] = NF_INET_LOCAL_OUT};
	const struct ruleset *rules = made->rules;
	struct legacy_table table = {.family = family, .socket = -1, .present = true};
	size_t *starts = calloc(rules->n_chains + 1u, sizeof *starts), size = 0;

	/* Where all chains will stand. */
	assert_non_null(starts);
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		if (chain->family != family)
			continue;
		if (chain->hook == HOOK_NONE)
			size += block_error_size(family);
		starts[c] = size;
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
			size += block_rule_size(family, &rules->rules[i]);
		if (chain->hook == HOOK_NONE)
			size += block_return_size(family);
		table.info.num_entries += chain->count + (chain->hook == HOOK_NONE ? 2 : 0);
	}
	table.info.num_entries++;
	table.info.size = (unsigned)(size + block_error_size(family));
	table.entries = table.buffer = calloc(1, table.info.size);
	assert_non_null(table.entries);
	size_t offset = 0;
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		size_t last = offset;
		if (chain->family != family)
			continue;
		if (chain->hook == HOOK_NONE)
			offset = block_write_error(family, table.entries, offset, ruleset_text(rules, chain->name));
		assert_int_equal(offset, starts[c]);
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
			last = offset;
			offset = block_write_rule(made, family, i, table.entries, offset, starts);
		}
		if (chain->hook == HOOK_NONE) {
			offset = block_write_return(family, table.entries, offset);
			continue;
		}
		table.info.valid_hooks |= 1u << numbers[chain->hook];
		table.info.hook_entry[numbers[chain->hook]] = (unsigned)starts[c];
		table.info.underflow[numbers[chain->hook]] = (unsigned)last;
	}
	offset = block_write_error(family, table.entries, offset, XT_ERROR_TARGET);
	assert_int_equal(offset, table.info.size);
	free(starts);
	return table;
}

static inline void block_free(struct legacy_table *table)
{
	free(table->buffer);
}

/* Both rulesets say the same, chain by chain and rule by rule. */
static inline void block_same_rules(const struct ruleset *a, const struct ruleset *b)
{
	assert_int_equal(a->n_chains, b->n_chains);
	for (uint32_t c = 0; c < a->n_chains; c++) {
		const struct chain *x = &a->chains[c], *y = &b->chains[c];
		assert_string_equal(ruleset_text(a, x->name), ruleset_text(b, y->name));
		assert_int_equal(x->family, y->family);
		assert_int_equal(x->hook, y->hook);
		assert_int_equal(x->first, y->first);
		assert_int_equal(x->count, y->count);
	}
	assert_int_equal(a->n_rules, b->n_rules);
	for (uint32_t i = 0; i < a->n_rules; i++) {
		const struct rule *x = &a->rules[i], *y = &b->rules[i];
		assert_int_equal(x->chain, y->chain);
		assert_int_equal(x->number, y->number);
		assert_int_equal(x->verdict, y->verdict);
		assert_int_equal(x->jump, y->jump);
		assert_int_equal(x->odd, y->odd);
		assert_int_equal(x->policy, y->policy);
		assert_int_equal(prefix_compare(&x->dst, &y->dst), 0);
		assert_int_equal(prefix_compare(&x->src, &y->src), 0);
		assert_string_equal(ruleset_text(a, x->comment), ruleset_text(b, y->comment));
		assert_string_equal(ruleset_text(a, x->match), ruleset_text(b, y->match));
		assert_string_equal(ruleset_text(a, x->target), ruleset_text(b, y->target));
	}
}

#endif
