/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests: a router whose tree (layout_names.h) divides traffic into classes. Town a has IPv4 and IPv6, and a host
 * that is divided, too, with two prefixes, and one that is not; town b has IPv4. What passes is counted here, so that
 * a test can compare.
 */
#ifndef TOWNMETER_TESTS_DIVIDED_H
#define TOWNMETER_TESTS_DIVIDED_H

#include <stdio.h>

#include "make.h"
#include "meter.h"
#include "tree.h"

enum divided_owner { A4, A6, ALICE, ALICE_TOO, B4, OWNERS };
enum divided_match { HTTP, QUIC, SMTP, REST, MATCHES };
enum divided_absent { NO_CLASSES = 1, NO_ALICE = 2, NO_B = 4 };

struct divided {
	struct meter *meter;
	struct counter count[OWNERS][2][MATCHES]; /* by owner, direction, match */
	unsigned absent;     /* what the rules lack */
	bool swapped;        /* the rules of a class in another order */
	bool email;          /* SMTP has rules of its own; else it is of the rest */
	bool unknown;        /* the configuration does not know of that class */
	uint64_t generation, received;
	decitime now;
	uint32_t n_rules;    /* of the last look */
	char text[16384];
	size_t used;
};

static const char *const divided_prefixes[OWNERS] = {
	[A4] = "10.1.0.0/24", [A6] = "2001:db8:a::/48", [ALICE] = "10.1.0.10", [ALICE_TOO] = "10.1.0.11",
	[B4] = "10.2.0.0/24"};

static inline const char *divided_class(void *context, const struct ports *ports)
{
	const struct divided *d = context;

	if ((ports->protocol == 6 && ports->first == 80) || (ports->protocol == 17 && ports->first == 443))
		return "web";
	return !d->unknown && ports->protocol == 6 && ports->first == 25 ? "email" : NULL;
}

static inline const char *divided_hint(void *context, const char *town, const struct prefix *prefix)
{
	struct prefix bob = make_prefix("10.1.0.12"), own = make_prefix("10.2.0.0/24");

	(void)context;
	(void)town;
	if (prefix_compare(prefix, &own) == 0)
		return NULL;
	return prefix_compare(prefix, &bob) == 0 ? "bob" : "alice";
}

static inline void divided_match(void *context, const char *class, char text[METER_MATCH_SIZE])
{
	(void)context;
	snprintf(text, METER_MATCH_SIZE, "%s", strcmp(class, "web") == 0 ? "tcp/80 udp/443" : "tcp/25");
}

static inline void divided_configure(struct divided *d)
{
	meter_set_names(d->meter, &(struct recognise_names){
		.find = divided_hint, .find_class = divided_class, .context = d});
	meter_set_matches(d->meter, divided_match, d);
}

static inline void __attribute__((format(printf, 2, 3)))
divided_write(struct divided *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	d->used += (size_t)vsnprintf(d->text + d->used, sizeof d->text - d->used, format, args);
	va_end(args);
	assert_true(d->used < sizeof d->text);
}

static inline struct counter divided_sum(const struct divided *d, enum divided_owner owner, int direction)
{
	struct counter sum = {0, 0};

	for (int m = 0; m < MATCHES; m++) {
		sum.packets += d->count[owner][direction][m].packets;
		sum.octets += d->count[owner][direction][m].octets;
	}
	return sum;
}

/* The rules of one chain tm-s-...: a class's in one order or the other. */
static inline void divided_services(struct divided *d, enum divided_owner owner, int direction)
{
	static const struct {
		const char *protocol, *port;
	} matches[REST] = {[HTTP] = {"tcp", "80"}, [QUIC] = {"udp", "443"}, [SMTP] = {"tcp", "25"}};
	const struct counter *count = d->count[owner][direction];
	char way = direction == DIRECTION_DOWN ? 'd' : 'u';
	const char *prefix = divided_prefixes[owner];
	struct counter rest = count[REST];

	if (d->absent & NO_CLASSES)
		return;
	divided_write(d, ":tm-s-%c-%s\n", way, prefix);
	for (int i = 0; i < REST; i++) {
		int m = d->swapped ? REST - 1 - i : i;
		if (m != SMTP || d->email) {
			divided_write(d, "[%llu:%llu] -A tm-s-%c-%s -p %s -m %s %s %s -j RETURN\n",
				      (unsigned long long)count[m].packets, (unsigned long long)count[m].octets, way, prefix,
				      matches[m].protocol, matches[m].protocol,
				      direction == DIRECTION_DOWN ? "--sport" : "--dport", matches[m].port);
		} else {
			rest.packets += count[m].packets;
			rest.octets += count[m].octets;
		}
	}
	divided_write(d, "[%llu:%llu] -A tm-s-%c-%s -j RETURN\n", (unsigned long long)rest.packets,
		      (unsigned long long)rest.octets, way, prefix);
}

/* The chains below an entrance of a town. */
static inline void divided_town(struct divided *d, enum divided_owner owner, const char *town)
{
	for (int direction = 0; direction < 2; direction++) {
		const char *prefix = divided_prefixes[owner];
		struct counter sum = divided_sum(d, owner, direction);
		char way = direction == DIRECTION_DOWN ? 'd' : 'u', option = direction == DIRECTION_DOWN ? 'd' : 's';
		divided_write(d, ":tm-%c-%s\n-A tm-%c -%c %s -g %s\n", way, prefix, way, option, prefix, town);
		divided_write(d, "[%llu:%llu] -A %s -%c %s -j tm-%c-%s\n", (unsigned long long)sum.packets,
			      (unsigned long long)sum.octets, town, option, prefix, way, prefix);
		divided_services(d, owner, direction);
		if (!(d->absent & NO_CLASSES))
			divided_write(d, "-A tm-%c-%s -j tm-s-%c-%s\n", way, prefix, way, prefix);
		for (int host = ALICE; owner == A4 && host <= ALICE_TOO && !(d->absent & NO_ALICE); host++) {
			sum = divided_sum(d, (enum divided_owner)host, direction);
			divided_write(d, "[%llu:%llu] -A tm-%c-%s -%c %s", (unsigned long long)sum.packets,
				      (unsigned long long)sum.octets, way, prefix, option, divided_prefixes[host]);
			if (d->absent & NO_CLASSES)
				divided_write(d, "\n");
			else
				divided_write(d, " -j tm-s-%c-%s\n", way, divided_prefixes[host]);
			divided_services(d, (enum divided_owner)host, direction);
		}
		if (owner == A4)
			divided_write(d, "-A tm-%c-%s -%c 10.1.0.12\n", way, prefix, option);
	}
}

static inline void divided_root(struct divided *d)
{
	divided_write(d, ":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm-u\n:town-a\n" TREE_JUMP
		      "-A townmeter -j tm-d\n-A townmeter -j tm-u\n");
}

/* The meter looks at the rules. All that they count came in before. */
static inline void divided_look(struct divided *d)
{
	d->used = 0;
	divided_root(d);
	divided_town(d, A4, "town-a");
	if (!(d->absent & NO_B)) {
		divided_write(d, ":town-b\n");
		divided_town(d, B4, "town-b");
	}
	divided_write(d, "*6\n");
	divided_root(d);
	divided_town(d, A6, "town-a");
	struct made made = make(d->text);
	struct snapshot snapshot = {.rules = made.rules, .counters = made.counters, .generation = ++d->generation,
				    .received_before = d->received, .received_after = d->received};
	assert_int_equal(meter_fold(d->meter, &snapshot, ++d->now, NULL, NULL), 0);
	d->n_rules = made.rules->n_rules;
	made_free(&made);
}

/* So much passes; what passes for a host passes for its town, too. */
static inline void divided_pass(struct divided *d, enum divided_owner owner, enum direction direction,
				enum divided_match match, uint64_t packets, uint64_t octets)
{
	struct counter *count = &d->count[owner][direction][match];

	count->packets += packets;
	count->octets += octets;
	if (owner == ALICE || owner == ALICE_TOO)
		divided_pass(d, A4, direction, match, packets, octets);
	else
		d->received += packets;
}

static inline struct divided divided_begin(void)
{
	struct divided d = {.meter = meter_new(1000), .now = 1000, .email = true};

	assert_non_null(d.meter);
	return d;
}

#endif
