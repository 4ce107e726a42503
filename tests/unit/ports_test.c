/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocols and ports as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ports.h"

static struct ports good(const char *text)
{
	struct ports ports;
	const char *expected = ports_parse(&ports, text);

	if (expected)
		fail_msg("of %s it expected %s", text, expected);
	return ports;
}

static void texts(void **state)
{
	static const struct {
		const char *text;
		int protocol, first, last;
		const char *printed;
	} cases[] = {
		{"tcp/80", 6, 80, 80, "tcp/80"},
		{"udp/6881-6889", 17, 6881, 6889, "udp/6881-6889"},
		{"tcp", 6, 0, 65535, "tcp"},
		{"tcp/0-65535", 6, 0, 65535, "tcp"},
		{"tcp/0", 6, 0, 0, "tcp/0"},
		{"tcp/65535", 6, 65535, 65535, "tcp/65535"},
		{"udp/53-53", 17, 53, 53, "udp/53"},
		{"6/80", 6, 80, 80, "tcp/80"},
		{"sctp/1-2", 132, 1, 2, "sctp/1-2"},
		{"dccp/65534-65535", 33, 65534, 65535, "dccp/65534-65535"},
		{"icmp", 1, 0, 65535, "icmp"},
		/* One class for both versions of IP. */
		{"icmpv6", 1, 0, 65535, "icmp"},
		{"ipv6-icmp", 1, 0, 65535, "icmp"},
		{"58", 1, 0, 65535, "icmp"},
		{"esp", 50, 0, 65535, "esp"},
		{"gre", 47, 0, 65535, "gre"},
		{"50", 50, 0, 65535, "esp"},
		{"253", 253, 0, 65535, "253"},
		{"255", 255, 0, 65535, "255"},
	};
	char text[PORTS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ports p = good(cases[i].text), again;
		assert_int_equal(p.protocol, cases[i].protocol);
		assert_int_equal(p.first, cases[i].first);
		assert_int_equal(p.last, cases[i].last);
		assert_string_equal(ports_format(&p, text), cases[i].printed);
		again = good(text);
		assert_int_equal(ports_compare(&p, &again), 0);
	}
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", "a protocol"}, {"http", "a protocol"}, {"TCP/80", "a protocol"}, {"/80", "a protocol"}, {"80", NULL},
		{"0", "a protocol"}, {"256", "a protocol"}, {"-1", "a protocol"}, {"6x", "a protocol"},
		{"tcp ", "a protocol"}, {" tcp", "a protocol"}, {"4294967302", "a protocol"},
		{"icmp/8", "no ports"}, {"esp/1", "no ports"}, {"icmp/", "no ports"},
		{"tcp/", "a port from 0"}, {"tcp/http", "a port from 0"}, {"tcp/65536", "a port from 0"},
		{"tcp/4294967376", "a port from 0"}, {"tcp/80-", "a port from 0"}, {"tcp/-80", "a port from 0"},
		{"tcp/80-90-100", "a port from 0"}, {"tcp/80,443", "a port from 0"}, {"tcp/80:90", "a port from 0"},
		{"tcp/80 ", "a port from 0"}, {"tcp/+80", "a port from 0"}, {"tcp/80/80", "a port from 0"},
		{"tcp/1-65536", "a port from 0"}, {"udp/90-80", "a range whose first"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ports p = {.protocol = 77, .first = 7, .last = 8};
		const char *expected = ports_parse(&p, cases[i].text);
		if (!expected != !cases[i].expected || (expected && strncmp(expected, cases[i].expected,
									   strlen(cases[i].expected)) != 0))
			fail_msg("of \"%s\" it expected %s", cases[i].text, expected ? expected : "nothing else");
		/* What is wrong changes nothing. */
		if (expected)
			assert_true(p.protocol == 77 && p.first == 7 && p.last == 8);
	}
}

static void protocols_with_ports(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= 255; i++)
		assert_int_equal(ports_has((uint8_t)i), i == 6 || i == 17 || i == 33 || i == 132);
}

static void order(void **state)
{
	static const char *const sorted[] = {"icmp", "tcp/0", "tcp", "tcp/80", "tcp/80-90", "tcp/81", "udp/1", "esp"};

	(void)state;
	for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++)
		for (size_t k = 0; k < sizeof sorted / sizeof sorted[0]; k++) {
			struct ports a = good(sorted[i]), b = good(sorted[k]);
			int found = ports_compare(&a, &b);
			assert_int_equal((found > 0) - (found < 0), (i > k) - (i < k));
		}
}

static void overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{"tcp/80", "tcp/80", true}, {"tcp/80", "udp/80", false}, {"tcp", "tcp/80", true}, {"tcp/80", "tcp/81", false},
		{"tcp/80-90", "tcp/90-100", true}, {"tcp/80-90", "tcp/91-100", false}, {"tcp/1-100", "tcp/50-60", true},
		{"icmp", "icmpv6", true}, {"esp", "ah", false}, {"tcp", "udp", false},
	};
	struct ports none = {0}, all = good("tcp");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ports a = good(cases[i].a), b = good(cases[i].b);
		assert_int_equal(ports_overlap(&a, &b), cases[i].overlap);
		assert_int_equal(ports_overlap(&b, &a), cases[i].overlap);
	}
	assert_false(ports_overlap(&none, &none));
	assert_false(ports_overlap(&none, &all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(mistakes),
					   cmocka_unit_test(protocols_with_ports), cmocka_unit_test(order),
					   cmocka_unit_test(overlaps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
