/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets on their way through layouts, as the packet filter leads them: whatever the configuration and however it
 * came about, each counts once a direction for each town, host and class that it is of, and for nobody else.
 */
#include "apply.h"
#include "walk.h"

/* SplitMix64. */
static uint64_t next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(next(seed) % n);
}

/* --- what the rules count, and what they should ---------------------------- */

static uint32_t find_chain(const struct ruleset *rules, uint8_t family, const char *name)
{
	for (uint32_t c = 0; c < rules->n_chains; c++)
		if (rules->chains[c].family == family && strcmp(ruleset_text(rules, rules->chains[c].name), name) == 0)
			return c;
	fail_msg("there is no chain %s", name);
	return RULE_NONE;
}

/* Does a rule count this prefix of a host or a town? A host's rule is in one of the generated chains. */
static bool counts(const struct ruleset *rules, uint32_t index, const struct prefix *prefix, enum direction direction,
		   const char *town)
{
	const struct rule *rule = &rules->rules[index];
	const struct prefix *own = direction == DIRECTION_DOWN ? &rule->dst : &rule->src;
	const struct prefix *other = direction == DIRECTION_DOWN ? &rule->src : &rule->dst;

	if (own->length != prefix->length || prefix_compare(own, prefix) != 0 || other->family != PREFIX_NONE)
		return false;
	const char *chain = ruleset_chain_name(rules, index);
	bool services = rule->verdict == VERDICT_JUMP &&
			strncmp(ruleset_text(rules, rules->chains[rule->jump].name), "tm-s-", 5) == 0;
	if (town)
		return strcmp(chain, town) == 0 && rule->verdict == VERDICT_JUMP;
	return layout_name_is_generated(chain) && (rule->verdict == VERDICT_NONE || services);
}

/* The packets of one row of the settings in one direction. */
static uint64_t counted(const struct made *made, const struct settings *settings, const struct settings_row *row,
			uint8_t family, enum direction direction)
{
	uint64_t packets = 0;

	for (uint32_t i = row->first_prefix; i < row->first_prefix + row->n_prefixes; i++) {
		const struct prefix *prefix = &settings->prefixes[i].prefix;
		unsigned found = 0;
		if (prefix->family != family)
			continue;
		for (uint32_t r = 0; r < made->rules->n_rules; r++)
			if (counts(made->rules, r, prefix, direction, row->host[0] ? NULL : row->town)) {
				packets += made->counters[r].packets;
				found++;
			}
		assert_int_equal(found, 1);
	}
	return packets;
}

static bool is_of(const struct settings *settings, const struct settings_row *row, const struct prefix *address)
{
	for (uint32_t i = row->first_prefix; i < row->first_prefix + row->n_prefixes; i++)
		if (prefix_contains(&settings->prefixes[i].prefix, address))
			return true;
	return false;
}

/* The class of a packet, or n_services: other. */
static size_t class_of(const struct settings *settings, const struct packet *packet, enum direction direction)
{
	uint16_t port = direction == DIRECTION_DOWN ? packet->sport : packet->dport;
	uint8_t protocol = packet->protocol == 58 ? 1 : packet->protocol;
	size_t s = 0;

	for (; s < settings->n_services; s++)
		for (size_t m = 0; m < settings->services[s].n_matches; m++) {
			const struct ports *ports = &settings->services[s].matches[m];
			if (ports->protocol == protocol &&
			    ((ports->first == 0 && ports->last == PORTS_LAST) ||
			     (port >= ports->first && port <= ports->last)))
				return s;
		}
	return s;
}

/* Asserts what the chain of a row's classes counted. */
static void expect_classes(const struct made *made, const struct settings *settings, const struct settings_row *row,
			   uint8_t family, enum direction direction, const uint64_t *expected)
{
	const struct ruleset *rules = made->rules;
	const struct settings_row *town = settings_find(settings, row->town, "");
	const struct prefix *first = NULL, *first_of_town = NULL;
	char name[LAYOUT_NAME_SIZE];

	for (uint32_t i = row->first_prefix + row->n_prefixes; i-- > row->first_prefix;)
		if (settings->prefixes[i].prefix.family == family)
			first = &settings->prefixes[i].prefix;
	for (uint32_t i = town->first_prefix + town->n_prefixes; i-- > town->first_prefix;)
		if (settings->prefixes[i].prefix.family == family)
			first_of_town = &settings->prefixes[i].prefix;
	if (!first)
		return;
	layout_name(name, LAYOUT_SERVICES, direction, first);
	if (row->host[0] && prefix_compare(first, first_of_town) == 0)
		memcpy(name + strlen(name), "+", sizeof "+");
	uint32_t r = rules->chains[find_chain(rules, family, name)].first;
	for (size_t s = 0; s < settings->n_services; s++) {
		uint64_t packets = 0;
		for (size_t m = 0; m < settings->services[s].n_matches; m++)
			packets += made->counters[r++].packets;
		assert_int_equal(packets, expected[s]);
	}
	assert_int_equal(made->counters[r].packets, expected[settings->n_services]);
}

static void expect_row(const struct made *made, const struct settings *settings, const struct settings_row *row,
		       uint8_t family, const struct packet *packets, size_t n)
{
	for (int d = 0; d < 2; d++) {
		uint64_t expected[17] = {0}, all = 0;
		for (size_t i = 0; i < n; i++)
			if (is_of(settings, row, d == DIRECTION_DOWN ? &packets[i].dst : &packets[i].src)) {
				expected[class_of(settings, &packets[i], (enum direction)d)]++;
				all++;
			}
		uint64_t found = counted(made, settings, row, family, (enum direction)d);
		if (found != all)
			fail_msg("%s/%s %s: %llu packets were counted, not %llu", row->town, row->host, d ? "up" : "down",
				 (unsigned long long)found, (unsigned long long)all);
		if (row->services && settings->n_services)
			expect_classes(made, settings, row, family, (enum direction)d, expected);
	}
}

/* --- configurations by chance ---------------------------------------------- */

static unsigned bits_of(uint8_t family)
{
	return 8 * (unsigned)prefix_octets(family);
}

/* A prefix of this length in `within`, by chance. */
static struct prefix chance_prefix(uint64_t *seed, const struct prefix *within, unsigned length)
{
	struct prefix prefix = *within;

	for (unsigned bit = within->length; bit < length; bit++)
		if (next(seed) & 1)
			prefix.addr[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	prefix.length = (uint8_t)length;
	return prefix;
}

/* One that shares no address with those that are there, or none. */
static bool add_chance(uint64_t *seed, const struct prefix *within, unsigned length, struct prefix *list, size_t *n)
{
	list[*n] = chance_prefix(seed, within, length);
	for (size_t i = 0; i < *n; i++)
		if (prefix_overlaps(&list[i], &list[*n]))
			return false;
	++*n;
	return true;
}

static void add_word(struct layout_lines *lines, const struct prefix *prefix)
{
	layout_text_prefix(lines, " ", prefix);
}

/* Towns of 1 to 3 prefixes, hosts of 1 or 2: near one another, so that trees have levels. */
static char *chance_settings(uint64_t *seed, uint8_t family)
{
	struct layout_lines lines = {0};
	struct prefix towns[64], hosts[512], all = make_prefix(family == 4 ? "10.0.0.0/8" : "2001:db8::/32");
	size_t n_towns = 0, n_hosts = 0;
	unsigned bits = bits_of(family), n = 1 + below(seed, 8);
	char text[64];

	layout_text_add(&lines, below(seed, 3) ? "service web 6/80 6/443 17/443\nservice ping 1\nservice p2p 6/6881-6889\n"
						 "service tunnel 47\n" : "");
	for (unsigned t = 0; t < n; t++) {
		size_t first = n_towns, own = 0;
		for (unsigned i = 1 + below(seed, 3); i > 0; i--) {
			unsigned length = below(seed, 8) ? all.length + 4 + below(seed, 16) : bits;
			add_chance(seed, &all, length, towns, &n_towns);
		}
		if (n_towns == first)
			continue;
		snprintf(text, sizeof text, "town %stown-%u", below(seed, 4) ? "" : "- ", t);
		layout_text_add(&lines, text);
		for (size_t i = first; i < n_towns; i++)
			add_word(&lines, &towns[i]);
		layout_text_add(&lines, "\n");
		for (unsigned h = below(seed, 30); h > 0 && n_hosts < 500; h--) {
			size_t before = n_hosts;
			for (unsigned i = 1 + below(seed, 2); i > 0; i--) {
				/* Near the last one, in some cases. */
				const struct prefix *town = &towns[first + below(seed, (uint32_t)(n_towns - first))];
				struct prefix within = *town;
				unsigned length = bits;
				if (own && below(seed, 2) && prefix_contains(town, &hosts[n_hosts - 1])) {
					within = hosts[n_hosts - 1];
					within.length = (uint8_t)(town->length +
								  below(seed, within.length - town->length + 1u));
					for (unsigned bit = within.length; bit < bits; bit++)
						within.addr[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
				}
				if (below(seed, 2))
					length = within.length + below(seed, bits - within.length + 1);
				own += add_chance(seed, &within, length, hosts, &n_hosts);
			}
			if (n_hosts == before)
				continue;
			snprintf(text, sizeof text, "host %shost-%u", below(seed, 3) ? "" : "+ ", h);
			layout_text_add(&lines, text);
			for (size_t i = before; i < n_hosts; i++)
				add_word(&lines, &hosts[i]);
			layout_text_add(&lines, "\n");
		}
	}
	return lines.text;
}

static struct prefix chance_address(uint64_t *seed, const struct settings *settings, uint8_t family)
{
	struct prefix within = make_prefix(family == 4 ? "10.0.0.0/8" : "2001:db8::/32");

	if (settings->n_prefixes && below(seed, 5)) {
		const struct prefix *prefix = &settings->prefixes[below(seed, (uint32_t)settings->n_prefixes)].prefix;
		if (prefix->family == family)
			within = *prefix;
	}
	return chance_prefix(seed, &within, bits_of(family));
}

static void chance_packets(uint64_t *seed, const struct settings *settings, uint8_t family, struct packet *packets,
			   size_t n)
{
	static const uint16_t ports[] = {80, 443, 6880, 6881, 6889, 6890, 50000};
	const uint8_t protocols[] = {6, 17, family == 6 ? 58 : 1, 47, 132};

	for (size_t i = 0; i < n; i++)
		packets[i] = (struct packet){.src = chance_address(seed, settings, family),
					     .dst = chance_address(seed, settings, family),
					     .protocol = protocols[below(seed, 5)],
					     .sport = ports[below(seed, 7)], .dport = ports[below(seed, 7)]};
}

/* Sends packets by chance through what stands, and asserts every row. */
static void send_packets(struct made *made, const struct settings *settings, uint8_t family, uint64_t *seed)
{
	enum { N = 300 };
	struct packet packets[N];

	walk_deepest(made->rules);
	for (uint32_t i = 0; i < made->rules->n_rules; i++)
		made->counters[i] = (struct counter){0}; /* NOLINT(clang-analyzer-core.NullDereference): one a rule */
	chance_packets(seed, settings, family, packets, N);
	for (size_t i = 0; i < N; i++)
		walk(made, &packets[i]);
	for (size_t r = 0; r < settings->n_rows; r++)
		expect_row(made, settings, &settings->rows[r], family, packets, N);
}

/* Each configuration stands in for the one before, and leads to the same rules as it does from nothing. */
static void by_chance(uint8_t family)
{
	static const char rules[] = ":FORWARD ACCEPT [0:0]\n*6\n:FORWARD ACCEPT [0:0]\n";
	struct made made = make(rules);
	uint64_t seed = family;
	char *before = apply_dump(&made);

	for (int round = 0; round < 25; round++) {
		char *text = chance_settings(&seed, family);
		struct settings settings = layout_text_settings(text);
		struct made fresh = make(rules);
		free(apply_settings(&made, &settings, family, 0));
		free(apply_settings(&fresh, &settings, family, 0));
		memset(made.counters, 0, made.rules->n_rules * sizeof *made.counters);
		memset(fresh.counters, 0, fresh.rules->n_rules * sizeof *fresh.counters);
		char *dump = apply_dump(&made), *dump_fresh = apply_dump(&fresh);
		assert_string_equal(dump, dump_fresh);
		send_packets(&made, &settings, family, &seed);
		free(dump);
		free(dump_fresh);
		made_free(&fresh);
		layout_text_free(&settings);
		free(text);
	}
	memset(made.counters, 0, made.rules->n_rules * sizeof *made.counters);
	apply(&made, NULL, family, 0);
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(before);
	free(after);
	made_free(&made);
}

static void ipv4_by_chance(void **state)
{
	(void)state;
	by_chance(4);
}

static void ipv6_by_chance(void **state)
{
	(void)state;
	by_chance(6);
}

/* At each 4 bits something turns off the way, in the dispatch as in the town at its end. */
static char *deep_settings(void)
{
	struct layout_lines lines = {0};
	struct prefix way = make_prefix("2111:1111:1111:1111:1111:1111:1111:1111"), town = way;
	char text[64];

	layout_text_add(&lines, "service web 6/80\nservice ping 1\n");
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned length = pass ? 64 : 4; length < (pass ? 128u : 64u); length += 4) {
			struct prefix prefix = way;
			prefix.length = (uint8_t)(length + (length % 8 ? 4 : 3));
			for (unsigned bit = prefix.length; bit < 128; bit++)
				prefix.addr[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
			prefix.addr[length / 8] ^= (uint8_t)(length % 8 ? 0x02 : 0x20);
			snprintf(text, sizeof text, pass ? "host + turn-%u" : "town turn-%u", length);
			layout_text_add(&lines, text);
			add_word(&lines, &prefix);
			layout_text_add(&lines, "\n");
			if (pass || length != 60)
				continue;
			memset(town.addr + 8, 0, 8);
			town.length = 64;
			layout_text_add(&lines, "town deep");
			add_word(&lines, &town);
			layout_text_add(&lines, "\n");
		}
	return lines.text;
}

/* nf_tables takes 16 chains after one another. */
static void depth_is_what_nf_tables_takes(void **state)
{
	struct made made = make("*6\n:FORWARD ACCEPT [0:0]\n");
	char *text = deep_settings();
	struct settings settings = layout_text_settings(text);
	uint64_t seed = 1;

	(void)state;
	assert_int_equal(settings.n_rows, 15 + 1 + 16);
	free(apply_settings(&made, &settings, 6, 0));
	assert_int_equal(walk_deepest(made.rules), 16);
	for (int round = 0; round < 10; round++)
		send_packets(&made, &settings, 6, &seed);
	free(text);
	layout_text_free(&settings);
	made_free(&made);
}

/* One more host among many is a handful of edits, and none of them is of another host's rule. */
static void one_host_among_many(void **state)
{
	struct layout_lines lines = {0};
	struct made made = make(":FORWARD ACCEPT [0:0]\n");
	char text[64];

	(void)state;
	layout_text_add(&lines, "town t 10.0.0.0/12\n");
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof text, "host h%u 10.%u.%u.%u\n", i, i % 16, i / 16 * 37 % 256, i * 101 % 256);
		layout_text_add(&lines, text);
	}
	apply(&made, lines.text, 4, 0);
	char *before = apply_dump(&made);
	size_t n = lines.n;
	layout_text_add(&lines, "host new 10.7.250.77\n");
	char *changes = apply_text(&made, lines.text, 4, 0);
	unsigned edits = 0;
	for (const char *line = changes; *line; line = make_next_line(line)) {
		bool leads = strstr(line, " -g ") && strstr(line, " -g ") < make_next_line(line);
		assert_true(leads || strncmp(line, "iptables -N ", 12) == 0 || strstr(line, "10.7.250.77/32"));
		edits++;
	}
	assert_in_range(edits, 2, 2 * 8);
	lines.text[n] = '\0';
	apply(&made, lines.text, 4, 0);
	char *after = apply_dump(&made);
	assert_string_equal(after, before);
	free(changes);
	free(before);
	free(after);
	free(lines.text);
	made_free(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ipv4_by_chance), cmocka_unit_test(ipv6_by_chance),
					   cmocka_unit_test(depth_is_what_nf_tables_takes),
					   cmocka_unit_test(one_host_among_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
