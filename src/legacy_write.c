/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_write.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_tcpudp.h>

static_assert(LEGACY_WRITE_MOST >= sizeof(struct ip6t_entry) + 2 * sizeof(struct xt_entry_match) +
	      sizeof(struct xt_comment_info) + sizeof(struct xt_tcp) + sizeof(struct xt_error_target) + 64,
	      "room for any entry");

static bool has_range(const struct edit *edit)
{
	return edit->ports.protocol && (edit->ports.first != 0 || edit->ports.last != PORTS_LAST);
}

/* The size of a match with that much of its own. */
static size_t match_size(size_t data)
{
	return XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(data);
}

static size_t ports_size(const struct edit *edit)
{
	if (!has_range(edit))
		return 0;
	return match_size(edit->ports.protocol == IPPROTO_TCP ? sizeof(struct xt_tcp) : sizeof(struct xt_udp));
}

static size_t comment_size(const struct edit *edit)
{
	return edit->comment ? match_size(sizeof(struct xt_comment_info)) : 0;
}

static size_t matches_size(const struct edit *edit)
{
	return ports_size(edit) + comment_size(edit);
}

size_t legacy_write_rule_size(uint8_t family, const struct edit *edit)
{
	return legacy_head_size(family) + matches_size(edit) + XT_ALIGN(sizeof(struct xt_standard_target));
}

static void write_conditions(uint8_t family, const struct edit *edit, unsigned char *head)
{
	const struct prefix *dst = edit->direction == DIRECTION_DOWN ? &edit->prefix : &edit->other;
	const struct prefix *src = edit->direction == DIRECTION_DOWN ? &edit->other : &edit->prefix;
	uint8_t protocol = ports_number(edit->ports.protocol, family == 6);
	uint8_t to[16] = {0}, from[16] = {0};

	prefix_mask(dst, to);
	prefix_mask(src, from);
	if (family == 6) {
		struct ip6t_ip6 *ip = &((struct ip6t_entry *)(void *)head)->ipv6;
		memcpy(&ip->dst, dst->addr, 16);
		memcpy(&ip->src, src->addr, 16);
		memcpy(&ip->dmsk, to, 16);
		memcpy(&ip->smsk, from, 16);
		ip->proto = protocol;
		ip->flags = (uint8_t)((protocol ? IP6T_F_PROTO : 0) | (edit->verdict == VERDICT_GOTO ? IP6T_F_GOTO : 0));
	} else {
		struct ipt_ip *ip = &((struct ipt_entry *)(void *)head)->ip;
		memcpy(&ip->dst, dst->addr, 4);
		memcpy(&ip->src, src->addr, 4);
		memcpy(&ip->dmsk, to, 4);
		memcpy(&ip->smsk, from, 4);
		ip->proto = protocol;
		ip->flags = edit->verdict == VERDICT_GOTO ? IPT_F_GOTO : 0;
	}
}

static void write_sizes(uint8_t family, unsigned char *head, size_t target, size_t next)
{
	if (family == 6) {
		struct ip6t_entry *e = (void *)head;
		e->target_offset = (uint16_t)target;
		e->next_offset = (uint16_t)next;
	} else {
		struct ipt_entry *e = (void *)head;
		e->target_offset = (uint16_t)target;
		e->next_offset = (uint16_t)next;
	}
}

static void write_range(uint16_t to[2], const struct edit *edit, bool wanted)
{
	to[0] = wanted ? edit->ports.first : 0;
	to[1] = wanted ? edit->ports.last : PORTS_LAST;
}

static void write_ports(const struct edit *edit, unsigned char *at)
{
	struct xt_entry_match *match = (void *)at;
	bool down = edit->ports_of == DIRECTION_DOWN, tcp = edit->ports.protocol == IPPROTO_TCP;

	match->u.user.match_size = (uint16_t)ports_size(edit);
	memcpy(match->u.user.name, tcp ? "tcp" : "udp", sizeof "tcp");
	if (tcp) {
		struct xt_tcp *info = (void *)match->data;
		write_range(info->spts, edit, down);
		write_range(info->dpts, edit, !down);
	} else {
		struct xt_udp *info = (void *)match->data;
		write_range(info->spts, edit, down);
		write_range(info->dpts, edit, !down);
	}
}

static void write_comment(const struct edit *edit, unsigned char *at)
{
	struct xt_entry_match *match = (void *)at;
	struct xt_comment_info *info = (void *)match->data;

	match->u.user.match_size = (uint16_t)comment_size(edit);
	memcpy(match->u.user.name, "comment", sizeof "comment");
	memcpy(info->comment, edit->comment, strnlen(edit->comment, sizeof info->comment - 1));
}

static void write_standard(unsigned char *at, int verdict)
{
	struct xt_standard_target *target = (void *)at;

	target->target.u.user.target_size = (uint16_t)XT_ALIGN(sizeof *target);
	target->verdict = verdict;
}

void legacy_write_rule(uint8_t family, const struct edit *edit, unsigned char *entries, size_t offset)
{
	unsigned char *head = entries + offset, *at = head + legacy_head_size(family);
	size_t size = legacy_write_rule_size(family, edit);

	memset(head, 0, size);
	write_conditions(family, edit, head);
	write_sizes(family, head, legacy_head_size(family) + matches_size(edit), size);
	if (has_range(edit))
		write_ports(edit, at);
	if (edit->comment)
		write_comment(edit, at + ports_size(edit));
	write_standard(at + matches_size(edit), edit->verdict == VERDICT_DROP     ? -NF_DROP - 1
						: edit->verdict == VERDICT_RETURN ? XT_RETURN
						: edit->verdict == VERDICT_NONE   ? (int)(offset + size)
										  : 0);
}

size_t legacy_write_head_size(uint8_t family)
{
	return legacy_head_size(family) + XT_ALIGN(sizeof(struct xt_error_target));
}

void legacy_write_head(uint8_t family, const char *chain, unsigned char *entries, size_t offset)
{
	unsigned char *head = entries + offset;
	size_t size = legacy_write_head_size(family);
	struct xt_error_target *target = (void *)(head + legacy_head_size(family));

	memset(head, 0, size);
	write_sizes(family, head, legacy_head_size(family), size);
	target->target.u.user.target_size = (uint16_t)XT_ALIGN(sizeof *target);
	memcpy(target->target.u.user.name, XT_ERROR_TARGET, sizeof XT_ERROR_TARGET);
	memcpy(target->errorname, chain, strnlen(chain, sizeof target->errorname - 1));
}

size_t legacy_write_end_size(uint8_t family)
{
	return legacy_head_size(family) + XT_ALIGN(sizeof(struct xt_standard_target));
}

void legacy_write_end(uint8_t family, unsigned char *entries, size_t offset)
{
	unsigned char *head = entries + offset;
	size_t size = legacy_write_end_size(family);

	memset(head, 0, size);
	write_sizes(family, head, legacy_head_size(family), size);
	write_standard(head + legacy_head_size(family), XT_RETURN);
}

const char *legacy_write_obstacle(uint8_t family, const struct edit *edit)
{
	if ((edit->prefix.family != PREFIX_NONE && edit->prefix.family != family) ||
	    (edit->other.family != PREFIX_NONE && edit->other.family != family))
		return "its prefix is of the other version of IP";
	if (has_range(edit) && edit->ports.protocol != IPPROTO_TCP && edit->ports.protocol != IPPROTO_UDP)
		return "only TCP and UDP can be told by ports there";
	if (has_range(edit) && edit->ports.first > edit->ports.last)
		return "its range of ports is empty";
	return edit->verdict == VERDICT_NONE || edit->verdict == VERDICT_DROP || edit->verdict == VERDICT_RETURN ||
		       ((edit->verdict == VERDICT_JUMP || edit->verdict == VERDICT_GOTO) && edit->target)
		       ? NULL
		       : "it has no verdict that could be written";
}
