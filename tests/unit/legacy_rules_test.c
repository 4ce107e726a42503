/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "legacy_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include <linux/netfilter/xt_tcpudp.h>

#include "block.h"

static void index_free(struct legacy_index *index)
{
	free(index->rules);
	free(index->ends);
}

/* Everything that a rule can be. */
static const char all[] =
	"%s"
	":INPUT DROP [1:2]\n:FORWARD ACCEPT [18446744073709551615:4294967296]\n:OUTPUT ACCEPT\n:empty\n:town-a\n:last\n"
	"[3:4] -A INPUT\n"
	"[5:6] -A FORWARD -j town-a\n"
	"-A FORWARD -i eth0 -g town-a\n"
	"-A FORWARD -j last\n"
	"-A FORWARD -j empty\n"
	"-A town-a -d %s --comment alice\n"
	"-A town-a -s %s --comment \"a b/\xc3\xa9\" -j DROP\n"
	"-A town-a -d %s -s %s -j ACCEPT\n"
	"-A town-a -p tcp -j RETURN\n"
	"-A town-a -o eth0 -j QUEUE\n"
	"-A town-a -i eth1 ! -i eth0 -j last\n"
	"-A town-a -d 10.0.0.1/0.0.255.255\n"
	"-A town-a -m conntrack --ctstate NEW --comment both -j LOG\n"
	"-A town-a -m limit -j REJECT\n"
	"-A last -j empty\n";

static struct made make_all(uint8_t family)
{
	char text[4000];
	bool six = family == 6;
	const char *prefix = six ? "2001:db8:a::/48" : "10.1.0.0/24", *host = six ? "2001:db8:a::10" : "10.1.0.10";

	snprintf(text, sizeof text, all, six ? "*6\n" : "", prefix, host, prefix, host);
	return make(text);
}

static void reads_back(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct made made = make_all((uint8_t)family);
		struct legacy_table table = block_of(&made, (uint8_t)family);
		struct ruleset *rules = ruleset_new();
		struct legacy_index index = {NULL, NULL};
		assert_int_equal(legacy_rules_add(rules, &table, &index), 0);
		block_same_rules(rules, made.rules);
		index_free(&index);
		ruleset_free(rules);
		block_free(&table);
		made_free(&made);
	}
}

/* The way back: each rule's entry has the rule's counter, each chain's end is where it ends. */
static void index_leads_back(void **state)
{
	struct made made = make_all(4);
	struct legacy_table table = block_of(&made, 4);
	struct ruleset *rules = ruleset_new();
	struct legacy_index index = {NULL, NULL};
	size_t offset = 0;
	uint32_t seen = 0;

	(void)state;
	assert_int_equal(legacy_rules_add(rules, &table, &index), 0);
	for (uint32_t number = 0; number < table.info.num_entries; number++) {
		for (uint32_t i = 0; i < rules->n_rules; i++) {
			if (index.rules[i].entry != number)
				continue;
			struct legacy_entry entry = legacy_entry_at(4, table.entries, offset);
			assert_int_equal(index.rules[i].offset, offset);
			assert_int_equal(index.rules[i].family, 4);
			assert_int_equal(entry.counters->pcnt, made.counters[i].packets);
			assert_int_equal(entry.counters->bcnt, made.counters[i].octets);
			seen++;
		}
		offset += legacy_entry_at(4, table.entries, offset).next_offset;
	}
	assert_int_equal(seen, rules->n_rules);
	for (uint32_t c = 0; c < rules->n_chains; c++) {
		const struct chain *chain = &rules->chains[c];
		const struct legacy_place *end = &index.ends[c];
		uint32_t last = chain->first + chain->count - 1;
		if (chain->hook != HOOK_NONE) {
			/* The policy is the end. */
			assert_int_equal(end->entry, index.rules[last].entry);
			assert_int_equal(end->offset, index.rules[last].offset);
			continue;
		}
		struct legacy_entry entry = legacy_entry_at(4, table.entries, end->offset);
		assert_int_equal(((struct xt_standard_target *)(void *)entry.target)->verdict, XT_RETURN);
		if (chain->count)
			assert_int_equal(end->entry, index.rules[last].entry + 1);
	}
	index_free(&index);
	ruleset_free(rules);
	block_free(&table);
	made_free(&made);
}

/* Both tables in one ruleset: jumps lead to chains of their own family. */
static void two_families(void **state)
{
	struct made made = make(":FORWARD ACCEPT\n:town-b\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A town-a -d 10.1.0.10\n"
				"*6\n:FORWARD DROP\n:town-a\n-A FORWARD -d 2001:db8::/48 -j town-a\n-A town-a -j town-a\n");
	struct legacy_table four = block_of(&made, 4), six = block_of(&made, 6);
	struct ruleset *rules = ruleset_new();
	struct legacy_index index = {NULL, NULL};

	(void)state;
	assert_int_equal(legacy_rules_add(rules, &four, &index), 0);
	assert_int_equal(legacy_rules_add(rules, &six, &index), 0);
	block_same_rules(rules, made.rules);
	assert_int_equal(index.rules[made_rule(&made, 4, "town-a", 1)].family, 4);
	assert_int_equal(index.rules[made_rule(&made, 6, "town-a", 1)].family, 6);
	/* Numbers start anew in each table: behind FORWARD's two entries and the chain's head. */
	assert_int_equal(index.rules[made_rule(&made, 6, "town-a", 1)].entry, 3);
	assert_int_equal(index.ends[4].family, 6);
	index_free(&index);
	ruleset_free(rules);
	block_free(&four);
	block_free(&six);
	made_free(&made);
}

/* Reads one changed rule, `-A FORWARD -d PREFIX -s PREFIX`, into *rule. */
static int read_changed(uint8_t family, void (*change)(uint8_t family, unsigned char *head), struct rule *rule)
{
	struct made made = make(family == 6 ? "*6\n:FORWARD ACCEPT\n-A FORWARD -d 2001:db8::/48 -s 2001:db8:1::/48\n"
					    : ":FORWARD ACCEPT\n-A FORWARD -d 10.1.0.0/24 -s 10.2.0.0/24\n");
	struct legacy_table table = block_of(&made, family);
	struct ruleset *rules = ruleset_new();
	struct legacy_index index = {NULL, NULL};

	change(family, table.entries);
	int result = legacy_rules_add(rules, &table, &index);
	if (result == 0)
		*rule = rules->rules[0];
	index_free(&index);
	ruleset_free(rules);
	block_free(&table);
	made_free(&made);
	return result;
}

static void not_dst(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.invflags = IP6T_INV_DSTIP;
	else
		((struct ipt_entry *)(void *)head)->ip.invflags = IPT_INV_DSTIP;
}

static void not_src(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.invflags = IP6T_INV_SRCIP;
	else
		((struct ipt_entry *)(void *)head)->ip.invflags = IPT_INV_SRCIP;
}

static void holes_in_src(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.smsk.s6_addr[15] = 1;
	else
		((struct ipt_entry *)(void *)head)->ip.smsk.s_addr |= htonl(1);
}

static void interface_in(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.iniface_mask[0] = 255;
	else
		((struct ipt_entry *)(void *)head)->ip.iniface_mask[0] = 255;
}

static void interface_out(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.outiface_mask[0] = 255;
	else
		((struct ipt_entry *)(void *)head)->ip.outiface_mask[0] = 255;
}

static void protocol(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.proto = 17;
	else
		((struct ipt_entry *)(void *)head)->ip.proto = 17;
}

/* `-p 0` of IPv6 is hop-by-hop options; of IPv4, the flag means fragments. */
static void flag(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.flags = IP6T_F_PROTO;
	else
		((struct ipt_entry *)(void *)head)->ip.flags = IPT_F_FRAG;
}

static void traffic_class(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.flags = IP6T_F_TOS;
	else
		((struct ipt_entry *)(void *)head)->ip.invflags = IPT_INV_FRAG;
}

static void odd_conditions(void **state)
{
	static const struct {
		void (*change)(uint8_t family, unsigned char *head);
		uint8_t odd[2];
		bool keeps_dst, keeps_src;
	} cases[] = {
		{not_dst, {ODD_NEGATION, ODD_NEGATION}, false, true},
		{not_src, {ODD_NEGATION, ODD_NEGATION}, true, false},
		{holes_in_src, {ODD_MASK, ODD_MASK}, true, false},
		{interface_in, {ODD_INTERFACE, ODD_INTERFACE}, true, true},
		{interface_out, {ODD_INTERFACE, ODD_INTERFACE}, true, true},
		{protocol, {ODD_PROTOCOL, ODD_PROTOCOL}, true, true},
		{flag, {ODD_FRAGMENT, ODD_PROTOCOL}, true, true},
		{traffic_class, {ODD_NEGATION, ODD_MATCH}, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int six = 0; six < 2; six++) {
			struct rule rule = {0};
			assert_int_equal(read_changed(six ? 6 : 4, cases[i].change, &rule), 0);
			assert_int_equal(rule.odd, cases[i].odd[six]);
			assert_int_equal(rule.dst.family != PREFIX_NONE, cases[i].keeps_dst);
			assert_int_equal(rule.src.family != PREFIX_NONE, cases[i].keeps_src);
		}
}

/* A rule with a protocol and, if it has a name, one match. */
struct sample { /* NOLINT(clang-analyzer-optin.performance.Padding) */
	uint8_t protocol;
	const char *match;
	uint16_t spts[2], dpts[2];
	uint8_t option, mask, compare, inverted, revision;
	struct ports ports; /* what it has to be read as */
	uint8_t of;
};

static void write_sample(uint8_t family, unsigned char *head, const struct sample *sample)
{
	if (family == 6) {
		((struct ip6t_entry *)(void *)head)->ipv6.proto = sample->protocol == 1 ? IPPROTO_ICMPV6 : sample->protocol;
		((struct ip6t_entry *)(void *)head)->ipv6.flags |= IP6T_F_PROTO;
	} else {
		((struct ipt_entry *)(void *)head)->ip.proto = sample->protocol;
	}
	if (!sample->match)
		return;
	struct xt_entry_match *match = (void *)(head + legacy_head_size(family));
	struct xt_tcp tcp = {.spts = {sample->spts[0], sample->spts[1]}, .dpts = {sample->dpts[0], sample->dpts[1]},
			     .option = sample->option, .flg_mask = sample->mask, .flg_cmp = sample->compare,
			     .invflags = sample->inverted};
	struct xt_udp udp = {.spts = {sample->spts[0], sample->spts[1]}, .dpts = {sample->dpts[0], sample->dpts[1]},
			     .invflags = sample->inverted};
	match->u.user.revision = sample->revision;
	if (strcmp(sample->match, "tcp") == 0)
		memcpy(match->data, &tcp, sizeof tcp);
	else
		memcpy(match->data, &udp, sizeof udp);
}

/* FORWARD's only rule, with these options beside the sample's. */
static struct rule read_sample(uint8_t family, const struct sample *sample, const char *options,
			       void (*change)(uint8_t family, unsigned char *head))
{
	char text[300];
	struct rule rule;
	struct ruleset *rules = ruleset_new();
	struct legacy_index index = {NULL, NULL};

	snprintf(text, sizeof text, "%s:FORWARD ACCEPT\n-A FORWARD%s%s%s\n", family == 6 ? "*6\n" : "", options,
		 sample->match ? " -m " : "", sample->match ? sample->match : "");
	struct made made = make(text);
	struct legacy_table table = block_of(&made, family);
	write_sample(family, table.entries, sample);
	if (change)
		change(family, table.entries);
	assert_int_equal(legacy_rules_add(rules, &table, &index), 0);
	rule = rules->rules[0];
	index_free(&index);
	ruleset_free(rules);
	block_free(&table);
	made_free(&made);
	return rule;
}

static const struct sample samples[] = {
	{6, NULL, {0}, {0}, 0, 0, 0, 0, 0, {6, 0, PORTS_LAST}, 0},
	{1, NULL, {0}, {0}, 0, 0, 0, 0, 0, {1, 0, PORTS_LAST}, 0},
	{47, NULL, {0}, {0}, 0, 0, 0, 0, 0, {47, 0, PORTS_LAST}, 0},
	{6, "tcp", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {6, 80, 80}, DIRECTION_DOWN},
	{6, "tcp", {0, PORTS_LAST}, {80, 443}, 0, 0, 0, 0, 0, {6, 80, 443}, DIRECTION_UP},
	{6, "tcp", {0, PORTS_LAST}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {6, 0, PORTS_LAST}, DIRECTION_DOWN},
	{17, "udp", {0, PORTS_LAST}, {6881, 6889}, 0, 0, 0, 0, 0, {17, 6881, 6889}, DIRECTION_UP},
	{17, "udp", {0, 53}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {17, 0, 53}, DIRECTION_DOWN},
	/* More than ports of one side. */
	{6, "tcp", {80, 80}, {80, 80}, 0, 0, 0, 0, 0, {0}, 0},
	{6, "tcp", {80, 80}, {0, PORTS_LAST}, 7, 0, 0, 0, 0, {0}, 0},
	{6, "tcp", {80, 80}, {0, PORTS_LAST}, 0, 2, 2, 0, 0, {0}, 0},
	{6, "tcp", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, XT_TCP_INV_SRCPT, 0, {0}, 0},
	{6, "tcp", {81, 80}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {0}, 0},
	{6, "tcp", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, 0, 1, {0}, 0},
	{17, "udp", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, XT_UDP_INV_DSTPT, 0, {0}, 0},
	/* Another protocol's match, and others. */
	{17, "tcp", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {0}, 0},
	{136, "udp", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {0}, 0},
	{6, "multiport", {80, 80}, {0, PORTS_LAST}, 0, 0, 0, 0, 0, {0}, 0},
};

static void same_ports(const struct rule *rule, const struct ports *ports, uint8_t of)
{
	assert_int_equal(rule->ports.protocol, ports->protocol);
	assert_int_equal(rule->ports.first, ports->first);
	assert_int_equal(rule->ports.last, ports->last);
	assert_int_equal(rule->ports_of, of);
}

/* Ports are told, beside prefixes and a comment; and the rule stays odd. */
static void ports(void **state)
{
	static const char *const options[2][3] = {
		{"", " -d 10.1.0.0/24 -s 192.0.2.0/24", " -s 10.1.0.10 --comment web -j RETURN"},
		{"", " -d 2001:db8::/48 -s 2001:db8:ff::/48", " -s 2001:db8::10 --comment web -j RETURN"}};

	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
		for (int six = 0; six < 2; six++)
			for (int o = 0; o < 3; o++) {
				struct rule rule = read_sample(six ? 6 : 4, &samples[i], options[six][o], NULL);
				same_ports(&rule, &samples[i].ports, samples[i].of);
				assert_int_equal(rule.odd, ODD_PROTOCOL | (samples[i].match ? ODD_MATCH : 0));
				assert_int_equal(rule.dst.family != PREFIX_NONE, o == 1);
				assert_int_equal(rule.src.family != PREFIX_NONE, o != 0);
			}
}

/* IPv6 asks for the protocol only with its flag; and ICMPv4 is nothing that it has. */
static void no_flag(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.flags = 0;
	else
		((struct ipt_entry *)(void *)head)->ip.proto = 0;
}

static void icmp_of_4(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.proto = IPPROTO_ICMP;
	else
		((struct ipt_entry *)(void *)head)->ip.invflags = XT_INV_PROTO;
}

static void traffic_class_too(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->ipv6.flags |= IP6T_F_TOS;
	else
		((struct ipt_entry *)(void *)head)->ip.flags = IPT_F_FRAG;
}

/* Two matches, each of which could be told. */
static void comment_is_another(uint8_t family, unsigned char *head)
{
	const struct xt_tcp tcp = {.spts = {0, PORTS_LAST}, .dpts = {80, 80}};
	struct xt_entry_match *match = (void *)(head + legacy_head_size(family));

	match = (void *)((unsigned char *)match + match->u.match_size);
	assert_string_equal(match->u.user.name, "comment");
	memcpy(match->u.user.name, "tcp", sizeof "tcp");
	memcpy(match->data, &tcp, sizeof tcp);
}

static void more_than_ports(void **state)
{
	static void (*const changes[])(uint8_t family, unsigned char *head) = {
		not_dst, not_src, holes_in_src, interface_in, interface_out, no_flag, icmp_of_4, traffic_class_too};
	const struct ports none = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (int family = 4; family <= 6; family += 2) {
			struct rule rule;
			for (size_t c = 0; c < sizeof changes / sizeof changes[0]; c++) {
				rule = read_sample((uint8_t)family, &samples[i], "", changes[c]);
				same_ports(&rule, &none, 0);
			}
		}
	for (int family = 4; family <= 6; family += 2) {
		struct rule rule = read_sample((uint8_t)family, &samples[3], " --comment x", comment_is_another);
		same_ports(&rule, &none, 0);
	}
}

/* How the kernel can not have given it. */
static void bad_verdict(uint8_t family, unsigned char *head)
{
	((struct xt_standard_target *)(void *)legacy_entry_at(family, head, 0).target)->verdict = -77;
}

static void jump_into_nowhere(uint8_t family, unsigned char *head)
{
	((struct xt_standard_target *)(void *)legacy_entry_at(family, head, 0).target)->verdict = 8;
}

static void match_too_long(uint8_t family, unsigned char *head)
{
	/* The target's bytes are taken for a match of more octets than there are. */
	struct legacy_entry entry = legacy_entry_at(family, head, 0);
	uint16_t target = (uint16_t)(entry.target_offset + XT_ALIGN(sizeof(struct xt_entry_match)));
	entry.target->u.target_size = 4000;
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->target_offset = target;
	else
		((struct ipt_entry *)(void *)head)->target_offset = target;
}

static void match_without_end(uint8_t family, unsigned char *head)
{
	match_too_long(family, head);
	((struct xt_entry_match *)(void *)(head + legacy_head_size(family)))->u.match_size = 0;
}

static void entry_too_long(uint8_t family, unsigned char *head)
{
	if (family == 6)
		((struct ip6t_entry *)(void *)head)->next_offset = 60000;
	else
		((struct ipt_entry *)(void *)head)->next_offset = 60000;
}

static void not_a_table(void **state)
{
	static void (*const changes[])(uint8_t family, unsigned char *head) = {
		bad_verdict, jump_into_nowhere, match_too_long, match_without_end};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
		for (int family = 4; family <= 6; family += 2) {
			struct rule rule = {0};
			errno = 0;
			assert_int_equal(read_changed((uint8_t)family, changes[i], &rule), -1);
			assert_int_equal(errno, EBADMSG);
		}
}

static void entry_beyond_the_end(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct rule rule;
		assert_int_equal(read_changed((uint8_t)family, entry_too_long, &rule), -1);
		assert_int_equal(errno, EBADMSG);
	}
}

/* The longest name and comment that fit; a comment without its NUL ends with its field. */
static void long_texts(void **state)
{
	char text[600], comment[257];

	(void)state;
	memset(comment, 'c', sizeof comment);
	comment[255] = '\0';
	snprintf(text, sizeof text, ":FORWARD ACCEPT\n:abcdefghijklmnopqrstuvwxyz012\n"
				    "-A FORWARD --comment %s -j abcdefghijklmnopqrstuvwxyz012\n", comment);
	struct made made = make(text);
	struct legacy_table table = block_of(&made, 4);
	for (int round = 0; round < 2; round++) {
		struct ruleset *rules = ruleset_new();
		struct legacy_index index = {NULL, NULL};
		assert_int_equal(legacy_rules_add(rules, &table, &index), 0);
		block_same_rules(rules, made.rules);
		index_free(&index);
		ruleset_free(rules);
		/* Once more with all 256 octets set. */
		struct xt_entry_match *match = (void *)(table.entries + legacy_head_size(4));
		((struct xt_comment_info *)(void *)match->data)->comment[255] = 'c';
	}
	block_free(&table);
	made_free(&made);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back),
		cmocka_unit_test(index_leads_back),
		cmocka_unit_test(two_families),
		cmocka_unit_test(odd_conditions),
		cmocka_unit_test(ports),
		cmocka_unit_test(more_than_ports),
		cmocka_unit_test(not_a_table),
		cmocka_unit_test(entry_beyond_the_end),
		cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
