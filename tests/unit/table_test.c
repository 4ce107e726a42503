/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table engine: every instance once and in order, from wherever a walk begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agent/table.h"
#include "agent/tables.h"

#include <cmocka.h>

bool allow_all = true;

/* table_check() asks this of control; the rest of it is not needed here. */
bool control_may(struct control *control, enum command_kind kind)
{
	(void)control, (void)kind;
	return allow_all;
}

int64_t control_clock(void)
{
	return 0;
}

static void put(char *name, const char *text)
{
	memcpy(name, text, strlen(text) + 1);
}

/* Two towns with n hosts each, named so that SNMP's order is not that of the alphabet. */
static struct view *make_view(uint32_t n)
{
	static const char *const names[] = {"z", "bb", "ccc", "aaaa"};
	static const char *const classes[] = {"web", "other"};
	const struct view counts = {.n_totals = 1, .n_towns = 2, .n_hosts = 2 * n, .n_addresses = 1, .n_services = 2,
				    .n_town_services = 2, .n_host_services = 4};
	struct view *view = view_new_like(&counts, sizeof "?tcp/80");

	assert_non_null(view);
	view_totals(view)[0].chain = VIEW_CHAIN_INPUT;
	put(view_towns(view)[0].name, "b");
	put(view_towns(view)[1].name, "aa");
	for (uint32_t i = 0; i < 2 * n; i++) {
		view_hosts(view)[i].town = i / n;
		put(view_hosts(view)[i].name, names[i % n]);
		view_hosts(view)[i].traffic.down.octets = 100 + i;
	}
	view_addresses(view)[0].host = 0;
	assert_int_equal(prefix_parse(&view_addresses(view)[0].prefix, "10.1.0.10"), 0);
	put(view_text(view, 1), "tcp/80");
	/* Those of all towns, of the second town, and of the first host of each. */
	for (uint32_t i = 0; i < 8; i++) {
		struct view_service *service = &view_services(view)[i];
		put(service->name, classes[i % 2]);
		service->town = i < 2 ? UINT32_MAX : i < 4 ? 1 : i < 6 ? 0 : 1;
		service->host = i < 4 ? UINT32_MAX : i < 6 ? 0 : n;
		service->match = i == 0;
		service->down = (struct amount){.packets = 10 + i, .octets = 1000 + i};
		service->up = (struct amount){.packets = 20 + i, .octets = 2000 + i};
	}
	return view;
}

static const oid mib[] = {TABLE_MIB};

static void walks_are_whole(void **state)
{
	struct view *view = make_view(4);
	oid name[MAX_OID_LEN], next[MAX_OID_LEN];
	size_t length = TABLE_MIB_LENGTH, expected = 0, seen = 0;
	struct instance found, exact;

	(void)state;
	for (const struct table *const *t = tables; *t; t++)
		expected += (*t)->rows ? (*t)->n_columns * (*t)->rows(view) : 0;
	memcpy(name, mib, sizeof mib);
	while (table_next(view, name, length, false, NULL, 0, &found)) {
		size_t n = table_name(view, &found, next);
		assert_true(snmp_oid_compare(next, n, name, length) > 0);
		assert_int_equal(table_find(view, next, n, &exact), SNMP_ERR_NOERROR);
		assert_true(exact.column == found.column && exact.row == found.row);
		/* At its own name, inclusively, it is found again. */
		assert_true(table_next(view, next, n, true, NULL, 0, &exact));
		assert_true(exact.column == found.column && exact.row == found.row);
		memcpy(name, next, n * sizeof *name);
		length = n;
		seen++;
	}
	assert_int_equal(seen, expected);
	view_release(view);
}

/* Any name in between leads to the same instance as counting through all of them. */
static void names_in_between(void **state)
{
	struct view *view = make_view(3);
	struct instance found, other;
	unsigned seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		oid name[MAX_OID_LEN] = {TABLE_MIB, 1};
		size_t length = TABLE_MIB_LENGTH + 1;
		for (unsigned more = (seed = seed * 1103515245u + 12345u) >> 16; more % 9 && length < 24; more /= 2) {
			static const oid likely[] = {0, 1, 2, 3, 4, 97, 98, 122, 4294967295u};
			seed = seed * 1103515245u + 12345u;
			name[length++] = likely[(seed >> 16) % 9];
		}
		bool any = table_next(view, name, length, false, NULL, 0, &found);
		/* By brute force. */
		bool brute = false;
		for (const struct table *const *t = tables; *t && !brute; t++)
			for (size_t c = 0; c < (*t)->n_columns && !brute; c++)
				for (uint32_t r = 0; (*t)->rows && r < (*t)->rows(view) && !brute; r++) {
					oid own[MAX_OID_LEN];
					other = (struct instance){.table = *t, .column = &(*t)->columns[c], .row = r};
					brute = snmp_oid_compare(own, table_name(view, &other, own), name, length) > 0;
				}
		assert_int_equal(any, brute);
		if (any)
			assert_true(found.column == other.column && found.row == other.row);
	}
	view_release(view);
}

static void ends_and_strangers(void **state)
{
	struct view *view = make_view(2);
	static const oid hosts[] = {TABLE_MIB, 1, 4, 1}, addresses[] = {TABLE_MIB, 1, 10, 1};
	oid name[] = {TABLE_MIB, 1, 4, 1, 2, 1, 'b', 1, 'z'};
	struct instance found;

	(void)state;
	/* The end of a range is not part of it. */
	assert_true(table_next(view, hosts, 13, false, addresses, 13, &found));
	assert_false(table_next(view, hosts, 13, false, name, 18, &found));
	assert_true(table_next(view, hosts, 13, true, name, 17, &found) == false);
	assert_int_equal(table_find(view, name, 18, &found), SNMP_ERR_NOERROR);
	assert_int_equal(found.row, 0);
	assert_int_equal(table_find(view, name, 17, &found), SNMP_NOSUCHINSTANCE);
	name[13] = 1; /* an index is not readable */
	assert_int_equal(table_find(view, name, 18, &found), SNMP_NOSUCHOBJECT);
	view_release(view);
	/* A row that is gone: the walk goes on behind it. */
	view = make_view(1);
	oid gone[] = {TABLE_MIB, 1, 4, 1, 2, 1, 'b', 2, 'b', 'b'};
	assert_true(table_next(view, gone, 19, false, NULL, 0, &found));
	assert_int_equal(found.row, 1);
	view_release(view);
}

/* The three tables of classes read one run each of the view. */
static void classes(void **state)
{
	struct view *view = make_view(2);
	static const struct {
		oid name[32];
		size_t length;
		uint64_t value;
	} cases[] = {
		{{TABLE_MIB, 1, 5, 1, 2, 3, 'w', 'e', 'b'}, 18, 1000},
		{{TABLE_MIB, 1, 5, 1, 3, 3, 'w', 'e', 'b'}, 18, 2000},
		{{TABLE_MIB, 1, 5, 1, 4, 5, 'o', 't', 'h', 'e', 'r'}, 20, 11},
		{{TABLE_MIB, 1, 5, 1, 5, 5, 'o', 't', 'h', 'e', 'r'}, 20, 21},
		{{TABLE_MIB, 1, 6, 1, 1, 2, 'a', 'a', 3, 'w', 'e', 'b'}, 21, 1002},
		{{TABLE_MIB, 1, 6, 1, 2, 2, 'a', 'a', 3, 'w', 'e', 'b'}, 21, 2002},
		{{TABLE_MIB, 1, 6, 1, 3, 2, 'a', 'a', 5, 'o', 't', 'h', 'e', 'r'}, 23, 13},
		{{TABLE_MIB, 1, 6, 1, 4, 2, 'a', 'a', 5, 'o', 't', 'h', 'e', 'r'}, 23, 23},
		{{TABLE_MIB, 1, 7, 1, 1, 1, 'b', 1, 'z', 3, 'w', 'e', 'b'}, 22, 1004},
		{{TABLE_MIB, 1, 7, 1, 4, 2, 'a', 'a', 1, 'z', 5, 'o', 't', 'h', 'e', 'r'}, 25, 27}};
	static const oid no_row[] = {TABLE_MIB, 1, 6, 1, 1, 1, 'b', 3, 'w', 'e', 'b'},
			 match[] = {TABLE_MIB, 1, 5, 1, 6, 3, 'w', 'e', 'b'},
			 rest[] = {TABLE_MIB, 1, 5, 1, 6, 5, 'o', 't', 'h', 'e', 'r'};
	struct instance found;
	struct value value;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(table_find(view, cases[i].name, cases[i].length, &found), SNMP_ERR_NOERROR);
		table_get(view, &found, &value);
		assert_int_equal(value.type, ASN_COUNTER64);
		assert_int_equal((uint64_t)value.data.wide.high << 32 | value.data.wide.low, cases[i].value);
	}
	assert_int_equal(table_find(view, no_row, 20, &found), SNMP_NOSUCHINSTANCE);
	assert_int_equal(table_find(view, match, 18, &found), SNMP_ERR_NOERROR);
	table_get(view, &found, &value);
	assert_int_equal(value.type, ASN_OCTET_STR);
	assert_int_equal(value.size, strlen("tcp/80"));
	assert_memory_equal(value.data.octets, "tcp/80", value.size);
	assert_int_equal(table_find(view, rest, 20, &found), SNMP_ERR_NOERROR);
	table_get(view, &found, &value);
	assert_int_equal(value.size, 0);
	view_release(view);
}

/* The longest index of all fits. */
static void long_names(void **state)
{
	const struct view counts = {.n_towns = 1, .n_hosts = 1, .n_host_services = 1};
	struct view *view = view_new_like(&counts, 1);
	const oid above[] = {TABLE_MIB, 1, 7};
	oid name[MAX_OID_LEN];
	struct instance found, exact;

	(void)state;
	assert_non_null(view);
	memset(view_towns(view)[0].name, 't', NAME_TOWN_MAX);
	memset(view_hosts(view)[0].name, 'h', NAME_HOST_MAX);
	memset(view_services(view)[0].name, 's', NAME_SERVICE_MAX);
	assert_true(table_next(view, above, TABLE_MIB_LENGTH + 2, false, NULL, 0, &found));
	size_t length = table_name(view, &found, name);
	assert_int_equal(length, 125);
	assert_int_equal(table_find(view, name, length, &exact), SNMP_ERR_NOERROR);
	assert_ptr_equal(exact.table, &host_service_table);
	view_release(view);
}

static int check(const oid *name, size_t length, u_char type, const void *data, size_t size, struct command *command)
{
	netsnmp_variable_list *variable = NULL;

	assert_non_null(snmp_varlist_add_variable(&variable, name, length, type, data, size));
	int error = table_check(NULL, variable, command);
	snmp_free_varbind(variable);
	return error;
}

static void sets_are_checked(void **state)
{
	oid name[] = {TABLE_MIB, 1, 4, 1, 23, 1, 'b', 1, 'z'};
	const long blocked = 2, seven = 7;
	char text[65];
	struct command command;

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(check(name, 18, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOERROR);
	assert_int_equal(command.kind, COMMAND_ADMIN);
	assert_true(command.blocked);
	assert_string_equal(command.town, "b");
	assert_string_equal(command.host, "z");
	/* The type comes first: no value is looked at before. */
	assert_int_equal(check(name, 18, ASN_NULL, NULL, 0, &command), SNMP_ERR_WRONGTYPE);
	assert_int_equal(check(name, 18, ASN_OCTET_STR, "2", 1, &command), SNMP_ERR_WRONGTYPE);
	assert_int_equal(check(name, 18, ASN_INTEGER, &seven, sizeof seven, &command), SNMP_ERR_WRONGVALUE);
	assert_int_equal(check(name, 17, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOCREATION);
	allow_all = false;
	assert_int_equal(check(name, 18, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOTWRITABLE);
	allow_all = true;
	name[13] = 2;
	assert_int_equal(check(name, 18, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOTWRITABLE);
	name[13] = 99;
	assert_int_equal(check(name, 18, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOTWRITABLE);
	name[13] = 29;
	assert_int_equal(check(name, 18, ASN_OCTET_STR, text, 63, &command), SNMP_ERR_NOERROR);
	assert_int_equal(strlen(command.remark), 63);
	assert_int_equal(check(name, 18, ASN_OCTET_STR, text, 64, &command), SNMP_ERR_WRONGLENGTH);
	assert_int_equal(check(name, 18, ASN_OCTET_STR, "a\nb", 3, &command), SNMP_ERR_WRONGVALUE);
	assert_int_equal(check(name, 18, ASN_OCTET_STR, "a\0b", 3, &command), SNMP_ERR_WRONGVALUE);
	/* A name with a NUL would be another row's. */
	oid odd[] = {TABLE_MIB, 1, 4, 1, 23, 1, 'b', 2, 'z', 0};
	assert_int_equal(check(odd, 19, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOCREATION);
	oid zero[] = {TABLE_MIB, 1, 2, 1, 9, 2};
	assert_int_equal(check(zero, 15, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOERROR);
	assert_int_equal(command.kind, COMMAND_ZERO);
	assert_int_equal(command.chain, VIEW_CHAIN_INPUT);
	zero[14] = 4;
	assert_int_equal(check(zero, 15, ASN_INTEGER, &blocked, sizeof blocked, &command), SNMP_ERR_NOCREATION);
}

/* RFC 2579, DateAndTime: local time with its offset; "never" is the year 0. */
static void dates(void **state)
{
	static const u_char west[] = {0x07, 0xea, 11, 22, 20, 30, 5, 7, '-', 3, 30};
	static const u_char east[] = {0x07, 0xea, 11, 23, 5, 45, 5, 7, '+', 5, 45};
	static const u_char never[] = {0, 0, 1, 1, 0, 0, 0, 0};
	const decitime midnight = 17953920000 + 57; /* 2026-11-23 00:00:05.7 UTC */
	struct value value;

	(void)state;
	setenv("TZ", "WEST3:30", 1);
	tzset();
	value_time(&value, midnight);
	assert_int_equal(value.size, sizeof west);
	assert_memory_equal(value.data.octets, west, sizeof west);
	setenv("TZ", "EAST-5:45", 1);
	tzset();
	value_time(&value, midnight);
	assert_memory_equal(value.data.octets, east, sizeof east);
	value_time(&value, 0);
	assert_int_equal(value.size, sizeof never);
	assert_memory_equal(value.data.octets, never, sizeof never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_are_whole), cmocka_unit_test(names_in_between),
		cmocka_unit_test(ends_and_strangers),
		cmocka_unit_test(classes), cmocka_unit_test(long_names),
		cmocka_unit_test(sets_are_checked), cmocka_unit_test(dates)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
