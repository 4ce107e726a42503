/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the parts of a rule on standard output as `iptables -S` does, extensions with libxtables. That
 * library ends the process on errors and keeps global state: only for a process that ends soon, never
 * in the daemon.
 */
#ifndef TOWNMETER_XT_PRINT_H
#define TOWNMETER_XT_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xt_entry_match;
struct xt_entry_target;

/* Before the others, for each rule. Returns 0, or -1 if libxtables can not be set up. */
int xt_print_begin(uint8_t family);

/* Each prints a blank first, and nothing at all for what matches every packet: a mask of zero, an empty
 * name, protocol 0. */
void xt_print_address(const char *option, uint8_t family, const void *addr, const void *mask, bool negated);
void xt_print_interface(const char *option, const char *name, bool wildcard, bool negated);
void xt_print_protocol(unsigned number, bool negated);

/* `ip` is the head of the rule as iptables-legacy has it (struct ipt_ip, ip6t_ip6). */
void xt_print_match(const void *ip, const struct xt_entry_match *entry);
void xt_print_target(const void *ip, const struct xt_entry_target *entry);

/* The same from the data alone, for rules that are kept in another form. */
struct xt_print_data {
	uint8_t family;
	unsigned protocol;
	const char *name;
	uint32_t revision;
	const void *data;
	size_t size;
};
void xt_print_match_data(const struct xt_print_data *match);
void xt_print_target_data(const struct xt_print_data *target);

#endif
