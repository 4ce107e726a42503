/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_tcpudp.h>


/* The conditions that both versions of IP have, from either head. */
static int read_prefix(struct prefix *prefix, uint8_t family, const void *addr, const void *mask, bool negated)
{
	struct prefix p;

	memset(prefix, 0, sizeof *prefix);
	if (prefix_from_mask(&p, family, addr, mask) < 0)
		return ODD_MASK;
	if (negated)
		return ODD_NEGATION;
	*prefix = p;
	return 0;
}

static void read_head(struct rule *rule, uint8_t family, const unsigned char *head, bool *is_goto)
{
	int odd = 0;

	if (family == 6) {
		const struct ip6t_ip6 *ip = &((const struct ip6t_entry *)(const void *)head)->ipv6;
		odd |= read_prefix(&rule->src, 6, &ip->src, &ip->smsk, ip->invflags & IP6T_INV_SRCIP);
		odd |= read_prefix(&rule->dst, 6, &ip->dst, &ip->dmsk, ip->invflags & IP6T_INV_DSTIP);
		if (ip->iniface_mask[0] || ip->outiface_mask[0])
			odd |= ODD_INTERFACE;
		if (ip->proto || (ip->flags & IP6T_F_PROTO))
			odd |= ODD_PROTOCOL;
		if (ip->flags & IP6T_F_TOS)
			odd |= ODD_MATCH;
		if (ip->invflags)
			odd |= ODD_NEGATION;
		*is_goto = ip->flags & IP6T_F_GOTO;
		if ((ip->flags & IP6T_F_PROTO) && !(ip->flags & IP6T_F_TOS))
			rule->ports.protocol = ports_protocol((uint8_t)ip->proto, true);
	} else {
		const struct ipt_ip *ip = &((const struct ipt_entry *)(const void *)head)->ip;
		odd |= read_prefix(&rule->src, 4, &ip->src, &ip->smsk, ip->invflags & IPT_INV_SRCIP);
		odd |= read_prefix(&rule->dst, 4, &ip->dst, &ip->dmsk, ip->invflags & IPT_INV_DSTIP);
		if (ip->iniface_mask[0] || ip->outiface_mask[0])
			odd |= ODD_INTERFACE;
		if (ip->proto)
			odd |= ODD_PROTOCOL;
		if (ip->flags & IPT_F_FRAG)
			odd |= ODD_FRAGMENT;
		if (ip->invflags)
			odd |= ODD_NEGATION;
		*is_goto = ip->flags & IPT_F_GOTO;
		rule->ports.protocol = ports_protocol((uint8_t)ip->proto, false);
	}
	rule->odd = (uint8_t)odd;
	rule->ports.last = PORTS_LAST;
}

/* The ranges of a match that asks for no more than these. */
static bool find_ranges(const struct rule *rule, const struct xt_entry_match *match, const uint16_t **of_source,
			const uint16_t **of_destination)
{
	size_t size = match->u.match_size - sizeof *match;
	const struct xt_tcp *tcp = (const void *)match->data;
	const struct xt_udp *udp = (const void *)match->data;

	if (match->u.user.revision != 0)
		return false;
	if (strcmp(match->u.user.name, "tcp") == 0 && rule->ports.protocol == IPPROTO_TCP && size >= sizeof *tcp) {
		*of_source = tcp->spts;
		*of_destination = tcp->dpts;
		return !tcp->option && !tcp->flg_mask && !tcp->flg_cmp && !tcp->invflags;
	}
	if (strcmp(match->u.user.name, "udp") == 0 && rule->ports.protocol == IPPROTO_UDP && size >= sizeof *udp) {
		*of_source = udp->spts;
		*of_destination = udp->dpts;
		return !udp->invflags;
	}
	return false;
}

static bool is_any(const uint16_t range[2])
{
	return range[0] == 0 && range[1] == PORTS_LAST;
}

/* The one match beside a comment that a rule with ports may have. Forgets the protocol if it is another one. */
static void read_ports(struct rule *rule, const struct xt_entry_match *match)
{
	const uint16_t *of_source, *of_destination;

	if ((rule->odd & ODD_MATCH) || !find_ranges(rule, match, &of_source, &of_destination) ||
	    (!is_any(of_source) && !is_any(of_destination))) {
		rule->ports.protocol = 0;
		return;
	}
	const uint16_t *range = is_any(of_destination) ? of_source : of_destination;
	rule->ports.first = range[0];
	rule->ports.last = range[1];
	rule->ports_of = is_any(of_destination) ? DIRECTION_DOWN : DIRECTION_UP;
	if (range[0] > range[1])
		rule->ports.protocol = 0;
}

/* Ports and prefixes have to be all that the rule asks for. */
static void judge_ports(struct rule *rule)
{
	if (rule->ports.protocol && !(rule->odd & ~(ODD_PROTOCOL | ODD_MATCH)))
		return;
	rule->ports = (struct ports){0};
	rule->ports_of = 0;
}

/* A comment is kept, any other match makes the rule odd; the first one names it. */
static int read_matches(struct ruleset *rules, struct rule *rule, uint8_t family, const struct legacy_entry *entry)
{
	for (size_t offset = legacy_head_size(family); offset + sizeof(struct xt_entry_match) <= entry->target_offset;) {
		const struct xt_entry_match *match = (const void *)(entry->head + offset);
		size_t size = match->u.match_size;
		char text[XT_MAX_COMMENT_LEN];
		if (size < sizeof *match || size > entry->target_offset - offset) {
			errno = EBADMSG;
			return -1;
		}
		offset += size;
		if (strncmp(match->u.user.name, "comment", sizeof match->u.user.name) == 0 &&
		    size >= sizeof *match + sizeof(struct xt_comment_info)) {
			const struct xt_comment_info *info = (const void *)match->data;
			memcpy(text, info->comment, sizeof text);
			text[sizeof text - 1] = '\0';
			if (rule->comment == 0 && (rule->comment = ruleset_add_text(rules, text)) == RULE_NONE)
				return -1;
			continue;
		}
		memcpy(text, match->u.user.name, sizeof match->u.user.name);
		text[sizeof match->u.user.name - 1] = '\0';
		read_ports(rule, match);
		rule->odd |= ODD_MATCH;
		if (rule->match == 0 && (rule->match = ruleset_add_text(rules, text)) == RULE_NONE)
			return -1;
	}
	return 0;
}

/* A jump's chain is noted by its offset until all chains are known. */
static int read_target(struct ruleset *rules, struct rule *rule, size_t offset, const struct legacy_entry *entry,
		       bool is_goto)
{
	const struct xt_entry_target *target = entry->target;

	rule->jump = RULE_NONE;
	if (target->u.user.name[0] != '\0') {
		char name[XT_EXTENSION_MAXNAMELEN];
		memcpy(name, target->u.user.name, sizeof name);
		name[sizeof name - 1] = '\0';
		rule->verdict = VERDICT_EXTENSION;
		rule->target = ruleset_add_text(rules, name);
		return rule->target == RULE_NONE ? -1 : 0;
	}
	int verdict = ((const struct xt_standard_target *)(const void *)target)->verdict;
	switch (verdict) {
	case -NF_ACCEPT - 1:
		rule->verdict = VERDICT_ACCEPT;
		break;
	case -NF_DROP - 1:
		rule->verdict = VERDICT_DROP;
		break;
	case -NF_QUEUE - 1:
		rule->verdict = VERDICT_QUEUE;
		break;
	case XT_RETURN:
		rule->verdict = VERDICT_RETURN;
		break;
	default:
		if (verdict < 0) {
			errno = EBADMSG;
			return -1;
		}
		rule->verdict = is_goto ? VERDICT_GOTO : VERDICT_JUMP;
		rule->jump = (uint32_t)verdict;
		if ((size_t)verdict == offset + entry->next_offset && !is_goto)
			rule->verdict = VERDICT_NONE;
	}
	return 0;
}

/* The name of the chain that starts behind this entry, or NULL. */
static const char *chain_head(const struct legacy_entry *entry)
{
	if (strcmp(entry->target->u.user.name, XT_ERROR_TARGET) != 0)
		return NULL;
	return ((const struct xt_error_target *)(const void *)entry->target)->errorname;
}

static enum hook hook_of(int number)
{
	return number == NF_INET_FORWARD     ? HOOK_FORWARD
	       : number == NF_INET_LOCAL_IN  ? HOOK_INPUT
	       : number == NF_INET_LOCAL_OUT ? HOOK_OUTPUT
					     : HOOK_NONE;
}

static const char *const hook_names[] = {"?", "FORWARD", "INPUT", "OUTPUT"};

/* The offset at which each chain of this table begins, ascending, to find jumps' chains by. */
struct starts {
	size_t *offset;
	uint32_t *chain;
	size_t n;
};

static uint32_t chain_at(const struct starts *starts, size_t offset)
{
	size_t low = 0, high = starts->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (starts->offset[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < starts->n && starts->offset[low] == offset ? starts->chain[low] : RULE_NONE;
}

static int start_chain(struct ruleset *rules, const struct legacy_table *table, struct starts *starts,
		       size_t offset, enum hook hook, const char *name)
{
	uint32_t chain = ruleset_add_chain(rules, table->family, hook, name);

	starts->offset[starts->n] = offset;
	starts->chain[starts->n++] = chain;
	return chain == RULE_NONE ? -1 : 0;
}

/* The entry that ends a chain: a built-in one's policy, or the RETURN that ends every other one. */
static bool ends_chain(const struct legacy_table *table, size_t offset, size_t next)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if ((table->info.valid_hooks & 1u << hook) && table->info.underflow[hook] == offset)
			return true;
	if (next >= table->info.size)
		return false;
	struct legacy_entry after = legacy_entry_at(table->family, table->entries, next);
	return chain_head(&after) != NULL;
}

static int add_rule(struct ruleset *rules, const struct legacy_table *table, size_t offset, uint32_t number,
		    const struct legacy_entry *entry, struct legacy_index *index, bool policy)
{
	struct rule rule = {.jump = RULE_NONE, .policy = policy};
	bool is_goto = false;

	read_head(&rule, table->family, entry->head, &is_goto);
	if (read_matches(rules, &rule, table->family, entry) < 0 ||
	    read_target(rules, &rule, offset, entry, is_goto) < 0)
		return -1;
	judge_ports(&rule);
	uint32_t added = ruleset_add_rule(rules, &rule);
	if (added == RULE_NONE)
		return -1;
	struct legacy_place *more = realloc(index->rules, rules->room_rules * sizeof *more);
	if (!more)
		return -1;
	index->rules = more;
	more[added] = (struct legacy_place){
		.entry = number, .offset = (uint32_t)offset, .family = table->family};
	return 0;
}

/* The chain added last ends with this entry. */
static int end_chain(const struct ruleset *rules, const struct legacy_table *table, size_t offset, uint32_t number,
		     struct legacy_index *index)
{
	struct legacy_place *more = realloc(index->ends, rules->room_chains * sizeof *more);

	if (!more)
		return -1;
	index->ends = more;
	more[rules->n_chains - 1] = (struct legacy_place){
		.entry = number, .offset = (uint32_t)offset, .family = table->family};
	return 0;
}

/* What a target of this name has at least: the verdict, the name of a chain, or nothing of its own. */
static size_t least_target(const struct xt_entry_target *target)
{
	if (target->u.user.name[0] == '\0')
		return sizeof(struct xt_standard_target);
	if (strncmp(target->u.user.name, XT_ERROR_TARGET, sizeof target->u.user.name) == 0)
		return sizeof(struct xt_error_target);
	return sizeof *target;
}

/* Does every entry lie within the table, with its target within the entry? What follows relies on it. */
static bool is_whole(const struct legacy_table *table)
{
	size_t offset = 0, head = legacy_head_size(table->family);

	for (uint32_t number = 0; number < table->info.num_entries; number++) {
		if (table->info.size - offset < head + sizeof(struct xt_entry_target))
			return false;
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
		if (entry.target_offset < head || entry.next_offset > table->info.size - offset ||
		    entry.next_offset < entry.target_offset + sizeof(struct xt_entry_target) ||
		    entry.next_offset < entry.target_offset + least_target(entry.target))
			return false;
		offset += entry.next_offset;
	}
	return offset == table->info.size;
}

static int add_entries(struct ruleset *rules, const struct legacy_table *table, struct legacy_index *index,
		       struct starts *starts)
{
	size_t offset = 0;

	if (!is_whole(table)) {
		errno = EBADMSG;
		return -1;
	}
	for (uint32_t number = 0; number < table->info.num_entries; number++) {
		struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
		size_t next = offset + entry.next_offset;
		for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
			if ((table->info.valid_hooks & 1u << hook) && table->info.hook_entry[hook] == offset &&
			    start_chain(rules, table, starts, offset, hook_of(hook), hook_names[hook_of(hook)]) < 0)
				return -1;
		const char *name = chain_head(&entry);
		if (name) {
			/* The last of these heads no chain, it ends the table. */
			if (number + 1 < table->info.num_entries &&
			    start_chain(rules, table, starts, next, HOOK_NONE, name) < 0)
				return -1;
		} else {
			bool last = ends_chain(table, offset, next);
			bool builtin = rules->n_chains && rules->chains[rules->n_chains - 1].hook != HOOK_NONE;
			if (rules->n_chains == 0) {
				errno = EBADMSG;
				return -1;
			}
			if ((!last || builtin) &&
			    add_rule(rules, table, offset, number, &entry, index, last) < 0)
				return -1;
			if (last && end_chain(rules, table, offset, number, index) < 0)
				return -1;
		}
		offset = next;
	}
	return 0;
}

int legacy_rules_add(struct ruleset *rules, const struct legacy_table *table, struct legacy_index *index)
{
	uint32_t first = rules->n_rules;
	struct starts starts = {0};
	int result = -1;

	starts.offset = calloc(table->info.num_entries + 1u, sizeof *starts.offset);
	starts.chain = calloc(table->info.num_entries + 1u, sizeof *starts.chain);
	if (!starts.offset || !starts.chain || add_entries(rules, table, index, &starts) < 0)
		goto out;
	for (uint32_t i = first; i < rules->n_rules; i++) {
		struct rule *rule = &rules->rules[i];
		if (rule->verdict == VERDICT_NONE)
			rule->jump = RULE_NONE;
		if (rule->verdict != VERDICT_JUMP && rule->verdict != VERDICT_GOTO)
			continue;
		rule->jump = chain_at(&starts, rule->jump);
		if (rule->jump == RULE_NONE) {
			errno = EBADMSG;
			goto out;
		}
	}
	result = 0;
out:
	free(starts.offset);
	free(starts.chain);
	return result;
}
