/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "layout.h"

struct line {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3)))
static void put(struct line *line, const char *format, ...)
{
	va_list args;

	if (line->used >= line->size)
		return;
	va_start(args, format);
	int n = vsnprintf(line->text + line->used, line->size - line->used, format, args);
	va_end(args);
	line->used = n < 0 ? line->size : line->used + (size_t)n;
}

static void put_prefix(struct line *line, const char *option, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	if (prefix->family == PREFIX_NONE)
		return;
	put(line, " %s %s", option, prefix_format(prefix, text));
	if (prefix->length == 8 * prefix_octets(prefix->family))
		put(line, "/%u", prefix->length);
}

/* iptables names the protocols that have ports, and takes all others as numbers. */
static void put_ports(struct line *line, const struct ports *ports, uint8_t ports_of, bool ipv6)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} names[] = {{IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_SCTP, "sctp"}, {IPPROTO_DCCP, "dccp"},
		     {IPPROTO_ICMP, "icmp"}, {IPPROTO_ICMPV6, "icmpv6"}};
	uint8_t number = ports_number(ports->protocol, ipv6);
	const char *name = NULL;

	if (!ports->protocol)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].protocol == number)
			name = names[i].name;
	if (name)
		put(line, " -p %s", name);
	else
		put(line, " -p %u", number);
	if (ports->first == 0 && ports->last == PORTS_LAST)
		return;
	put(line, " %s %u", ports_of == DIRECTION_DOWN ? "--sport" : "--dport", ports->first);
	if (ports->first != ports->last)
		put(line, ":%u", ports->last);
}

static void put_verdict(struct line *line, uint8_t verdict, const char *target)
{
	switch (verdict) {
	case VERDICT_DROP:
		put(line, " -j DROP");
		break;
	case VERDICT_RETURN:
		put(line, " -j RETURN");
		break;
	case VERDICT_JUMP:
		put(line, " -j %s", target);
		break;
	case VERDICT_GOTO:
		put(line, " -g %s", target);
		break;
	default:
		break;
	}
}

/* As iptables-save orders them. */
static void put_rule(struct line *line, const struct edit *edit, bool ipv6)
{
	bool down = edit->direction == DIRECTION_DOWN;

	put_prefix(line, "-s", down ? &edit->other : &edit->prefix);
	put_prefix(line, "-d", down ? &edit->prefix : &edit->other);
	put_ports(line, &edit->ports, edit->ports_of, ipv6);
	if (edit->comment)
		put(line, " -m comment --comment %s", edit->comment);
	put_verdict(line, edit->verdict, edit->target);
	if (edit->counter.packets || edit->counter.octets)
		put(line, " -c %" PRIu64 " %" PRIu64, edit->counter.packets, edit->counter.octets);
}

/* The edit that would put a rule that stands, which is one of ours: it has no other conditions. */
static struct edit edit_of(const struct ruleset *rules, uint32_t index)
{
	const struct rule *rule = &rules->rules[index];
	struct edit edit = {.prefix = rule->dst, .other = rule->src, .direction = DIRECTION_DOWN, .ports = rule->ports,
			    .ports_of = rule->ports_of, .verdict = rule->verdict};

	if (rule->verdict == VERDICT_JUMP || rule->verdict == VERDICT_GOTO)
		edit.target = ruleset_text(rules, rules->chains[rule->jump].name);
	if (rule->comment)
		edit.comment = ruleset_text(rules, rule->comment);
	return edit;
}

char *layout_print(const struct layout_change *change, const struct ruleset *rules, char *text, size_t size)
{
	const struct edit *edit = &change->edit;
	const char *chain = edit->chain == RULE_NONE ? edit->name
						     : ruleset_text(rules, rules->chains[edit->chain].name);
	struct line line = {text, size, 0};
	bool ipv6 = edit->family == PREFIX_IPV6;
	struct edit gone;

	put(&line, "%s", ipv6 ? "ip6tables" : "iptables");
	switch (edit->kind) {
	case EDIT_CHAIN:
		put(&line, " -N %s", chain);
		break;
	case EDIT_DELETE_CHAIN:
		put(&line, " -X %s", chain);
		break;
	case EDIT_INSERT:
		if (edit->rule == RULE_NONE)
			put(&line, " -A %s", chain);
		else
			put(&line, " -I %s %" PRIu32, chain, rules->rules[edit->rule].number);
		put_rule(&line, edit, ipv6);
		break;
	case EDIT_DELETE:
		put(&line, " -D %s", chain);
		gone = edit_of(rules, edit->rule);
		put_rule(&line, &gone, ipv6);
		break;
	default: /* layout_compare() gives no others */
		break;
	}
	return text;
}
