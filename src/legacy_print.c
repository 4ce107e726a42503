/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_print.h"

#include <stdio.h>
#include <string.h>

#include "xt_print.h"

/* `eth+` is the name without its end in the mask. */
static void print_interface(const char *option, const char *name, const unsigned char *mask, bool negated)
{
	bool wildcard = name[0] != '\0' && mask[strnlen(name, IFNAMSIZ - 1)] == 0 &&
			name[strnlen(name, IFNAMSIZ) - 1] != '+';

	xt_print_interface(option, name, wildcard, negated);
}

static void print_head(uint8_t family, const unsigned char *head)
{
	if (family == 6) {
		const struct ip6t_ip6 *ip = &((const struct ip6t_entry *)(const void *)head)->ipv6;
		xt_print_address("-s", 6, &ip->src, &ip->smsk, ip->invflags & IP6T_INV_SRCIP);
		xt_print_address("-d", 6, &ip->dst, &ip->dmsk, ip->invflags & IP6T_INV_DSTIP);
		print_interface("-i", ip->iniface, ip->iniface_mask, ip->invflags & IP6T_INV_VIA_IN);
		print_interface("-o", ip->outiface, ip->outiface_mask, ip->invflags & IP6T_INV_VIA_OUT);
		xt_print_protocol(ip->proto, ip->invflags & XT_INV_PROTO);
		return;
	}
	const struct ipt_ip *ip = &((const struct ipt_entry *)(const void *)head)->ip;
	xt_print_address("-s", 4, &ip->src, &ip->smsk, ip->invflags & IPT_INV_SRCIP);
	xt_print_address("-d", 4, &ip->dst, &ip->dmsk, ip->invflags & IPT_INV_DSTIP);
	print_interface("-i", ip->iniface, ip->iniface_mask, ip->invflags & IPT_INV_VIA_IN);
	print_interface("-o", ip->outiface, ip->outiface_mask, ip->invflags & IPT_INV_VIA_OUT);
	xt_print_protocol(ip->proto, ip->invflags & XT_INV_PROTO);
	if (ip->flags & IPT_F_FRAG)
		printf("%s -f", ip->invflags & IPT_INV_FRAG ? " !" : "");
}

int legacy_print(const struct legacy_table *table, const struct ruleset *rules, uint32_t index, size_t offset)
{
	const struct rule *rule = &rules->rules[index];
	static const char *const plain[] = {[VERDICT_ACCEPT] = "ACCEPT", [VERDICT_DROP] = "DROP",
					    [VERDICT_RETURN] = "RETURN", [VERDICT_QUEUE] = "QUEUE"};

	if (xt_print_begin(table->family) < 0)
		return -1;
	struct legacy_entry entry = legacy_entry_at(table->family, table->entries, offset);
	if (rule->policy) {
		printf("-P %s %s", ruleset_chain_name(rules, index), plain[rule->verdict]);
		return 0;
	}
	printf("-A %s", ruleset_chain_name(rules, index));
	print_head(table->family, entry.head);
	for (size_t at = legacy_head_size(table->family); at < entry.target_offset;) {
		const struct xt_entry_match *match = (const void *)(entry.head + at);
		xt_print_match(entry.head, match);
		at += match->u.match_size;
	}
	switch (rule->verdict) {
	case VERDICT_NONE:
		break;
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		printf(" -%c %s", rule->verdict == VERDICT_JUMP ? 'j' : 'g',
		       ruleset_text(rules, rules->chains[rule->jump].name));
		break;
	case VERDICT_EXTENSION:
		xt_print_target(entry.head, entry.target);
		break;
	default:
		printf(" -j %s", plain[rule->verdict]);
	}
	return 0;
}
