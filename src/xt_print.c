/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xt_print.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xtables.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "prefix.h"

static void __attribute__((noreturn, format(printf, 2, 3)))
give_up(enum xtables_exittype status, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	vfprintf(stderr, message, args);
	va_end(args);
	exit((int)status);
}

/* The rules are in the kernel already: it took these revisions. */
static int any_revision(const char *name, uint8_t revision, int option)
{
	(void)name;
	(void)revision;
	(void)option;
	return 1;
}

static struct xtables_globals globals = {
	.program_name = "townmeterd",
	.program_version = XTABLES_VERSION,
	.exit_err = give_up,
	.compat_rev = any_revision,
};

int xt_print_begin(uint8_t family)
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
void xt_print_address(const char *option, uint8_t family, const void *addr, const void *mask, bool negated)
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

void xt_print_interface(const char *option, const char *name, bool wildcard, bool negated)
{
	if (name[0] != '\0')
		printf("%s %s %s%s", negated ? " !" : "", option, name, wildcard ? "+" : "");
}

void xt_print_protocol(unsigned number, bool negated)
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
void xt_print_match(const void *ip, const struct xt_entry_match *entry)
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

void xt_print_target(const void *ip, const struct xt_entry_target *entry)
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

/* Extensions look at the protocol of the head, and at nothing else of it. */
union head {
	struct ipt_ip ipv4;
	struct ip6t_ip6 ipv6;
};

static union head head_of(const struct xt_print_data *data)
{
	union head head;

	memset(&head, 0, sizeof head);
	if (data->family == 6)
		head.ipv6.proto = (uint16_t)data->protocol;
	else
		head.ipv4.proto = (uint16_t)data->protocol;
	return head;
}

/* Matches and targets have heads of one form. */
static struct xt_entry_match *entry_of(const struct xt_print_data *data)
{
	size_t size = XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(data->size);
	struct xt_entry_match *entry = calloc(1, size);

	if (!entry)
		return NULL;
	entry->u.user.match_size = (uint16_t)size;
	entry->u.user.revision = (uint8_t)data->revision;
	snprintf(entry->u.user.name, sizeof entry->u.user.name, "%s", data->name);
	if (data->size)
		memcpy(entry->data, data->data, data->size);
	return entry;
}

void xt_print_match_data(const struct xt_print_data *match)
{
	union head head = head_of(match);
	struct xt_entry_match *entry = entry_of(match);

	if (entry)
		xt_print_match(&head, entry);
	free(entry);
}

void xt_print_target_data(const struct xt_print_data *target)
{
	union head head = head_of(target);
	struct xt_entry_match *entry = entry_of(target);

	_Static_assert(sizeof(struct xt_entry_match) == sizeof(struct xt_entry_target), "one form");
	if (entry)
		xt_print_target(&head, (const struct xt_entry_target *)(const void *)entry);
	free(entry);
}
