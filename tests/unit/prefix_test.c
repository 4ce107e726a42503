/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prefix.h"

#include <stdio.h>

#include "make.h"

static void reads_what_iptables_prints(void **state)
{
	static const char *const texts[] = {
		"10.1.0.0/24", "10.1.0.10", "0.0.0.0/1", "128.0.0.0/1", "255.255.255.255", "10.1.0.128/25",
		"2001:db8::/48", "2001:db8:a:10::/64", "::1", "8000::/1", "2001:db8::8/125", "fe80::1"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct prefix prefix = make_prefix(texts[i]);
		char text[PREFIX_TEXT_SIZE];
		assert_string_equal(prefix_format(&prefix, text), texts[i]);
	}
}

static void reads_values(void **state)
{
	static const uint8_t four[16] = {10, 1, 0, 0}, six[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x0a};
	struct prefix prefix = make_prefix("10.1.0.0/24");

	(void)state;
	assert_int_equal(prefix.family, PREFIX_IPV4);
	assert_int_equal(prefix.length, 24);
	assert_memory_equal(prefix.addr, four, 16);
	prefix = make_prefix("2001:db8:a::/48");
	assert_int_equal(prefix.family, PREFIX_IPV6);
	assert_int_equal(prefix.length, 48);
	assert_memory_equal(prefix.addr, six, 16);
	assert_int_equal(make_prefix("10.1.0.10").length, 32);
	assert_int_equal(make_prefix("10.1.0.10/32").length, 32);
	assert_int_equal(make_prefix("::1").length, 128);
}

static void refuses_what_is_no_prefix(void **state)
{
	static const char *const texts[] = {
		"", "/", "/24", "10.1.0.0/", "10.1.0.0/0", "10.1.0.0/33", "10.1.0.1/24", "10.1.0.0/24 ",
		" 10.1.0.0/24", "10.1.0.0/-1", "10.1.0.0/+24", "10.1.0.0/ 24", "10.1.0.0/24x", "10.1.0/24", "10.1.0.256",
		"10.1.0.0/255.255.255.0", "10.1.0.0/24/24", "10.1.0.0/4294967320", "10.1.0.0/18446744073709551640",
		"2001:db8::/129", "2001:db8::/0", "2001:db8::1/64", "2001:db8:::/48", "::ffff:10.1.0.10/95", "alice", "0.0.0.0/0", "::/0",
		"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/48"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct prefix prefix = {.family = 77};
		if (prefix_parse(&prefix, texts[i]) != -1)
			fail_msg("'%s' was taken", texts[i]);
		assert_int_equal(prefix.family, 77); /* untouched */
	}
}

static void makes_prefixes_of_masks(void **state)
{
	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		uint8_t addr[16], mask[16];
		memset(addr, 0xff, sizeof addr);
		for (unsigned length = 0; length <= 8 * prefix_octets((uint8_t)family); length++) {
			struct prefix prefix, of = {.family = (uint8_t)family, .length = (uint8_t)length};
			prefix_mask(&of, mask);
			for (unsigned bit = 0; bit < 8 * prefix_octets((uint8_t)family); bit++)
				assert_int_equal(!!(mask[bit / 8] & (0x80u >> (bit % 8))), bit < length);
			assert_int_equal(prefix_from_mask(&prefix, (uint8_t)family, addr, mask), 0);
			if (length == 0) {
				assert_int_equal(prefix.family, PREFIX_NONE);
				continue;
			}
			assert_int_equal(prefix.family, family);
			assert_int_equal(prefix.length, length);
			/* Bits beyond the mask are gone, and so are octets beyond the family's. */
			assert_memory_equal(prefix.addr, mask, prefix_octets((uint8_t)family));
			for (size_t i = prefix_octets((uint8_t)family); i < sizeof prefix.addr; i++)
				assert_int_equal(prefix.addr[i], 0);
		}
	}
}

static void refuses_masks_with_holes(void **state)
{
	static const uint8_t addr[16] = {10, 1, 0, 10};
	static const uint8_t masks[][4] = {
		{255, 0, 255, 0}, {0, 255, 255, 255}, {255, 255, 255, 1}, {0, 0, 0, 1}, {127, 0, 0, 0}, {255, 255, 254, 128}};
	uint8_t six[16] = {255, 255, 0, 1};
	struct prefix prefix;

	(void)state;
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
		assert_int_equal(prefix_from_mask(&prefix, 4, addr, masks[i]), -1);
	assert_int_equal(prefix_from_mask(&prefix, 6, addr, six), -1);
	memset(six, 255, sizeof six);
	six[14] = 0;
	assert_int_equal(prefix_from_mask(&prefix, 6, addr, six), -1);
	/* A mask of IPv4 has 4 octets: what stands behind them is not looked at. */
	uint8_t four[5] = {255, 255, 255, 0, 1};
	assert_int_equal(prefix_from_mask(&prefix, 4, addr, four), 0);
	assert_int_equal(prefix.length, 24);
}

static void orders_by_family_address_length(void **state)
{
	static const char *const sorted[] = {"10.0.0.0/8", "10.0.0.0/24", "10.0.0.0", "10.0.0.1", "10.1.0.0/16",
					     "192.168.0.0/16", "::/1", "::1", "2001:db8::/32", "2001:db8::/48"};
	size_t n = sizeof sorted / sizeof sorted[0];

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			struct prefix a = make_prefix(sorted[i]), b = make_prefix(sorted[k]);
			int order = prefix_compare(&a, &b);
			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
}

static void contains_and_overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool contains, overlaps;
	} cases[] = {
		{"10.1.0.0/24", "10.1.0.10", true, true},	{"10.1.0.10", "10.1.0.0/24", false, true},
		{"10.1.0.0/24", "10.1.0.0/24", true, true},	{"10.1.0.0/24", "10.1.1.0", false, false},
		{"10.1.0.0/25", "10.1.0.128/25", false, false}, {"10.1.0.0/23", "10.1.1.128/25", true, true},
		{"10.1.0.0/31", "10.1.0.1", true, true},	{"10.1.0.0/31", "10.1.0.2", false, false},
		{"0.0.0.0/1", "::/1", false, false},		{"2001:db8::/47", "2001:db8:1::/48", true, true},
		{"2001:db8::/48", "2001:db8:1::/48", false, false}};
	struct prefix none = {.family = PREFIX_NONE}, any = make_prefix("10.1.0.0/24");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct prefix a = make_prefix(cases[i].a), b = make_prefix(cases[i].b);
		assert_int_equal(prefix_contains(&a, &b), cases[i].contains);
		assert_int_equal(prefix_overlaps(&a, &b), cases[i].overlaps);
		assert_int_equal(prefix_overlaps(&b, &a), cases[i].overlaps);
	}
	assert_false(prefix_contains(&none, &none));
	assert_false(prefix_contains(&none, &any));
	assert_false(prefix_overlaps(&any, &none));
}

static void agrees_with_bits(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t address[2], length[2];
		struct prefix p[2];
		for (int k = 0; k < 2; k++) {
			seed = seed * 1664525u + 1013904223u;
			length[k] = 1 + (seed >> 8) % 32;
			/* Few addresses, so that many share their first bits. */
			address[k] = (0x0a000000u | (seed >> 16 & 0x3u) << 30 | (seed >> 20 & 0x3u)) &
				     (uint32_t)(0xffffffff00000000u >> length[k]);
			char text[32];
			snprintf(text, sizeof text, "%u.%u.%u.%u/%u", address[k] >> 24, address[k] >> 16 & 255u,
				 address[k] >> 8 & 255u, address[k] & 255u, length[k]);
			p[k] = make_prefix(text);
		}
		uint32_t mask = (uint32_t)(0xffffffff00000000u >> length[0]);
		bool contains = length[0] <= length[1] && ((address[0] ^ address[1]) & mask) == 0;
		assert_int_equal(prefix_contains(&p[0], &p[1]), contains);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_iptables_prints),
		cmocka_unit_test(reads_values),
		cmocka_unit_test(refuses_what_is_no_prefix),
		cmocka_unit_test(makes_prefixes_of_masks),
		cmocka_unit_test(refuses_masks_with_holes),
		cmocka_unit_test(orders_by_family_address_length),
		cmocka_unit_test(contains_and_overlaps),
		cmocka_unit_test(agrees_with_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
