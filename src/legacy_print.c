/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_print.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xtables.h>

static void __attribute__((noreturn, format(printf, 2, 3)))
give_up(enum xtables_exittype status, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	vfprintf(stderr, message, args);
	va_end(args);
	exit((int)status);
}

static struct xtables_globals globals = {
	.program_name = "townmeterd",
	.program_version = XTABLES_VERSION,
	.exit_err = give_up,
	.compat_rev = xtables_compatible_revision,
};

static int set_up(uint8_t family)
{
	static bool done;
	uint8_t number = family == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	if (!done && xtables_init_all(&globals, number) < 0)
		return -1;
	done = true;
	xtables_set_nfproto(number);
	return 0;
}

/* An address with its mask; nothing for one that any packet has. */
static void print_address(const char *option, uint8_t family, const void *addr, const void *mask, bool negated)
{
	char a[INET6_ADDRSTRLEN], m[INET6_ADDRSTRLEN];
	static const uint8_t zero[16];
	struct prefix prefix;
	int af = family == 6 ? AF_INET6 : AF_INET;

	if (!negated && memcmp(mask, zero, prefix_octets(family)) == 0)
		return;
	inet_ntop(af, addr, a, sizeof a);
	printf("%s %s %s", negated ? " !" : "", option, a);
	if (prefix_from_mask(&prefix, family, addr, mask) == 0)
		printf("/%u", prefix.length);
	else
		printf("/%s", inet_ntop(af, mask, m, sizeof m));
}

static void print_interface(const char *option, const char *name, const unsigned char *mask, bool negated)
{
	if (name[0] == '\0')
		return;
	printf("%s %s %s%s", negated ? " !" : "", option, name,
	       mask[strnlen(name, IFNAMSIZ - 1)] == 0 && name[strnlen(name, IFNAMSIZ) - 1] != '+' ? "+" : "");
}

static void print_protocol(unsigned number, bool negated)
{
	const struct protoent *known = getprotobynumber((int)number);

	if (number == 0)
		return;
	if (known)
		printf("%s -p %s", negated ? " !" : "", known->p_name);
	else
		printf("%s -p %u", negated ? " !" : "", number);
}

/* As iptables/xshared.c, print_match_save(). */
static void print_match(const void *ip, const struct xt_entry_match *entry)
{
	const char *name = entry->u.user.name;
	struct xtables_match *match = xtables_find_match(name, XTF_TRY_LOAD, NULL);

	if (match) {
		struct xtables_match *exact =
			xtables_find_match_revision(name, XTF_TRY_LOAD, match, entry->u.user.revision);
		if (exact)
			match = exact;
		printf(" -m %s", match->alias ? match->alias(entry) : name);
		if (exact && match->save)
			match->save(ip, entry);
	} else {
		printf(" -m %s [this program has no library to print it]", name);
	}
}

static void print_target(const void *ip, const struct xt_entry_target *entry)
{
	const char *name = entry->u.user.name;
	struct xtables_target *target = xtables_find_target(name, XTF_TRY_LOAD);

	if (target) {
		struct xtables_target *exact =
			xtables_find_target_revision(name, XTF_TRY_LOAD, target, entry->u.user.revision);
		if (exact)
			target = exact;
		printf(" -j %s", target->alias ? target->alias(entry) : name);
		if (exact && target->save)
			target->save(ip, entry);
	} else {
		printf(" -j %s", name);
	}
}

static void print_head(uint8_t family, const unsigned char *head)
{
	if (family == 6) {
		const struct ip6t_ip6 *ip = &((const struct ip6t_entry *)(const void *)head)->ipv6;
		print_address("-s", 6, &ip->src, &ip->smsk, ip->invflags & IP6T_INV_SRCIP);
		print_address("-d", 6, &ip->dst, &ip->dmsk, ip->invflags & IP6T_INV_DSTIP);
		print_interface("-i", ip->iniface, ip->iniface_mask, ip->invflags & IP6T_INV_VIA_IN);
		print_interface("-o", ip->outiface, ip->outiface_mask, ip->invflags & IP6T_INV_VIA_OUT);
		print_protocol(ip->proto, ip->invflags & XT_INV_PROTO);
		return;
	}
	const struct ipt_ip *ip = &((const struct ipt_entry *)(const void *)head)->ip;
	print_address("-s", 4, &ip->src, &ip->smsk, ip->invflags & IPT_INV_SRCIP);
	print_address("-d", 4, &ip->dst, &ip->dmsk, ip->invflags & IPT_INV_DSTIP);
	print_interface("-i", ip->iniface, ip->iniface_mask, ip->invflags & IPT_INV_VIA_IN);
	print_interface("-o", ip->outiface, ip->outiface_mask, ip->invflags & IPT_INV_VIA_OUT);
	print_protocol(ip->proto, ip->invflags & XT_INV_PROTO);
	if (ip->flags & IPT_F_FRAG)
		printf("%s -f", ip->invflags & IPT_INV_FRAG ? " !" : "");
}

int legacy_print(const struct legacy_table *table, const struct ruleset *rules, uint32_t index, size_t offset)
{
	const struct rule *rule = &rules->rules[index];
	static const char *const plain[] = {[VERDICT_ACCEPT] = "ACCEPT", [VERDICT_DROP] = "DROP",
					    [VERDICT_RETURN] = "RETURN", [VERDICT_QUEUE] = "QUEUE"};

	if (set_up(table->family) < 0)
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
		print_match(entry.head, match);
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
		print_target(entry.head, entry.target);
		break;
	default:
		printf(" -j %s", plain[rule->verdict]);
	}
	return 0;
}
