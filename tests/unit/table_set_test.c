/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be set, and walks over rows that come and go. */
#include "agent/table.h"

#include <stdio.h>

#include "agent/tables.h"
#include "make.h"

static enum command_kind forbidden;

/* table_check() asks this of control; the rest of it is not needed here. */
bool control_may(struct control *control, enum command_kind kind)
{
	(void)control;
	return kind != forbidden;
}

int64_t control_clock(void)
{
	return 0;
}

enum { HOST = 4, TOWN = 3, TOTAL = 2 };

/* A table's Entry is its only child; a group of scalars has none. */
enum { CONTROL = 11 };

/* Checks a SET of table.column.index, the index given as sub-identifiers that end with -1. */
static int set_index(oid table, oid column, const long *index, u_char type, const void *data, size_t size,
		     struct command *command)
{
	oid name[MAX_OID_LEN] = {TABLE_MIB, 1, table, 1};
	size_t length = TABLE_MIB_LENGTH + (table == CONTROL ? 2 : 3);
	netsnmp_variable_list *variable = NULL;

	name[length++] = column;
	for (; *index >= 0; index++)
		name[length++] = (oid)*index;
	assert_non_null(snmp_varlist_add_variable(&variable, name, length, type, data, size));
	int error = table_check(NULL, variable, command);
	snmp_free_varbind(variable);
	return error;
}

static int set_integer(oid table, oid column, const long *index, long value, struct command *command)
{
	return set_index(table, column, index, ASN_INTEGER, &value, sizeof value, command);
}

static int set_unsigned(oid table, oid column, const long *index, u_long value, struct command *command)
{
	return set_index(table, column, index, ASN_UNSIGNED, &value, sizeof value, command);
}

static const long alice[] = {1, 'b', 5, 'a', 'l', 'i', 'c', 'e', -1}, town_b[] = {1, 'b', -1}, forward[] = {1, -1},
		  zero[] = {0, -1};

static void indexes(void **state)
{
	static const struct {
		oid table, column;
		long index[8];
		bool good;
	} cases[] = {
		{HOST, 23, {1, 'b', 1, 'z', -1}, true},
		{HOST, 23, {-1}, false},
		{HOST, 23, {1, -1}, false},
		{HOST, 23, {1, 'b', -1}, false},
		{HOST, 23, {1, 'b', 1, -1}, false},
		{HOST, 23, {1, 'b', 2, 'z', -1}, false},	/* shorter than it says */
		{HOST, 23, {1, 'b', 1, 'z', 'z', -1}, false},	/* longer */
		{HOST, 23, {1, 'b', 0, -1}, false},		/* no name is empty */
		{HOST, 23, {0, 1, 'z', -1}, false},
		{HOST, 23, {1, 256, 1, 'z', -1}, false},	/* no octet */
		{HOST, 23, {1, 'b', 1, 256 + 'z', -1}, false},
		{HOST, 23, {1, 0, 1, 'z', -1}, false},
		{HOST, 23, {4294967295, 'b', 1, 'z', -1}, false},
		{HOST, 23, {1, 'b', 49, 'z', -1}, false},
		{TOWN, 23, {1, 'b', -1}, true},
		{TOWN, 23, {-1}, false},
		{TOWN, 23, {0, -1}, false},
		{TOWN, 23, {1, 'b', 0, -1}, false},
		{TOWN, 23, {1, 'b', 'b', -1}, false},
		{TOWN, 23, {2, 'b', -1}, false},
		{TOTAL, 9, {1, -1}, true},
		{TOTAL, 9, {3, -1}, true},
		{TOTAL, 9, {0, -1}, false},
		{TOTAL, 9, {4, -1}, false},
		{TOTAL, 9, {-1}, false},
		{TOTAL, 9, {1, 1, -1}, false},
		{TOTAL, 9, {4294967297, -1}, false},
	};
	struct command command;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int error = set_integer(cases[i].table, cases[i].column, cases[i].index, 2, &command);
		if (error != (cases[i].good ? SNMP_ERR_NOERROR : SNMP_ERR_NOCREATION))
			fail_msg("case %zu: error %d", i, error);
	}
}

/* What stands behind the index's end is not looked at, though it would fit. */
static void names_within_their_index(void **state)
{
	static const oid index[] = {2, 'a', 'b', 1, 'c'};
	char text[4];

	(void)state;
	for (size_t length = 0; length <= 5; length++)
		assert_int_equal(table_parse_text(index, length, text, 3), length < 3 ? 0 : 3);
	assert_string_equal(text, "ab");
	assert_int_equal(table_parse_text(index, 5, text, 2), 3);
	assert_int_equal(table_parse_text(index, 5, text, 1), 0);
	assert_int_equal(table_parse_text(index + 3, 2, text, 3), 2);
	assert_string_equal(text, "c");
}

/* Names of the greatest length, and of one octet more. */
static void longest_names(void **state)
{
	struct command command;

	(void)state;
	for (int more = 0; more < 2; more++) {
		long index[TABLE_INDEX_MAX + 3], n = 0;
		index[n++] = NAME_TOWN_MAX + more;
		for (int i = 0; i < NAME_TOWN_MAX + more; i++)
			index[n++] = 't';
		index[n] = -1;
		assert_int_equal(set_integer(TOWN, 23, index, 2, &command), more ? SNMP_ERR_NOCREATION : SNMP_ERR_NOERROR);
		if (!more)
			assert_int_equal(strlen(command.town), NAME_TOWN_MAX);
		n = 0;
		index[n++] = 1;
		index[n++] = 255;
		index[n++] = NAME_HOST_MAX + more;
		for (int i = 0; i < NAME_HOST_MAX + more; i++)
			index[n++] = 'h';
		index[n] = -1;
		assert_int_equal(set_integer(HOST, 23, index, 2, &command), more ? SNMP_ERR_NOCREATION : SNMP_ERR_NOERROR);
		if (!more)
			assert_int_equal(strlen(command.host), NAME_HOST_MAX);
	}
}

static void values(void **state)
{
	static const struct {
		oid table, column;
		const long *index;
		long value;
		int error;
		enum command_kind kind;
	} cases[] = {
		{HOST, 24, alice, 2, SNMP_ERR_NOERROR, COMMAND_ZERO},
		{HOST, 24, alice, 1, SNMP_ERR_NOERROR, COMMAND_NOTHING}, /* what it reads may be written back */
		{HOST, 24, alice, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 24, alice, 3, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 24, alice, -2, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 23, alice, 1, SNMP_ERR_NOERROR, COMMAND_ADMIN},
		{HOST, 23, alice, 2, SNMP_ERR_NOERROR, COMMAND_ADMIN},
		{HOST, 23, alice, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 23, alice, 3, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{TOWN, 24, town_b, 2, SNMP_ERR_NOERROR, COMMAND_ZERO},
		{TOWN, 24, town_b, 9, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{TOWN, 23, town_b, 2, SNMP_ERR_NOERROR, COMMAND_ADMIN},
		{TOTAL, 9, forward, 2, SNMP_ERR_NOERROR, COMMAND_ZERO},
		{TOTAL, 9, forward, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
	};
	struct command command;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int error = set_integer(cases[i].table, cases[i].column, cases[i].index, cases[i].value, &command);
		if (error != cases[i].error)
			fail_msg("case %zu: error %d", i, error);
		if (error != SNMP_ERR_NOERROR)
			continue;
		assert_int_equal(command.kind, cases[i].kind);
		assert_int_equal(command.blocked, cases[i].column == 23 && cases[i].value == VIEW_BLOCKED);
		assert_string_equal(command.town, cases[i].table == TOTAL ? "" : "b");
		assert_string_equal(command.host, cases[i].table == HOST ? "alice" : "");
		assert_int_equal(command.chain, cases[i].table == TOTAL ? VIEW_CHAIN_FORWARD : 0);
	}
	assert_int_equal(set_index(HOST, 29, alice, ASN_OCTET_STR, "caf\xc3\xa9", 5, &command), SNMP_ERR_NOERROR);
	assert_string_equal(command.remark, "caf\xc3\xa9");
	assert_int_equal(set_index(HOST, 29, alice, ASN_OCTET_STR, "caf\xe9", 4, &command), SNMP_ERR_WRONGVALUE);
	assert_int_equal(set_index(HOST, 29, alice, ASN_OCTET_STR, "", 0, &command), SNMP_ERR_NOERROR);
	assert_string_equal(command.remark, "");
	assert_int_equal(command.kind, COMMAND_REMARK);
}

/* Values that are numbers: both ends of each range, and what is beyond. */
static void numbers(void **state)
{
	static const struct {
		oid table, column;
		const long *index;
		bool is_unsigned;
		long value;
		int error;
		enum command_kind kind;
	} cases[] = {
		{HOST, 25, alice, true, 0, SNMP_ERR_NOERROR, COMMAND_QUOTA},
		{HOST, 25, alice, true, 4294967295, SNMP_ERR_NOERROR, COMMAND_QUOTA},
		{TOWN, 25, town_b, true, 50000, SNMP_ERR_NOERROR, COMMAND_QUOTA},
		{HOST, 26, alice, false, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 26, alice, false, 1, SNMP_ERR_NOERROR, COMMAND_BASIS},
		{HOST, 26, alice, false, 3, SNMP_ERR_NOERROR, COMMAND_BASIS},
		{HOST, 26, alice, false, 4, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 26, alice, false, -1, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{TOWN, 26, town_b, false, 2, SNMP_ERR_NOERROR, COMMAND_BASIS},
		{HOST, 27, alice, true, 0, SNMP_ERR_NOERROR, COMMAND_WARN},
		{HOST, 27, alice, true, 100, SNMP_ERR_NOERROR, COMMAND_WARN},
		{HOST, 27, alice, true, 101, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 27, alice, true, 4294967295, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 28, alice, false, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{HOST, 28, alice, false, 1, SNMP_ERR_NOERROR, COMMAND_ACTION},
		{HOST, 28, alice, false, 3, SNMP_ERR_NOERROR, COMMAND_ACTION},
		{HOST, 28, alice, false, 4, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{CONTROL, 1, zero, false, 0, SNMP_ERR_NOERROR, COMMAND_SPIN},
		{CONTROL, 1, zero, false, 2147483647, SNMP_ERR_NOERROR, COMMAND_SPIN},
		{CONTROL, 1, zero, false, -1, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{CONTROL, 3, zero, true, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{CONTROL, 3, zero, true, 1, SNMP_ERR_NOERROR, COMMAND_NOTIFY_INTERVAL},
		{CONTROL, 3, zero, true, 86400, SNMP_ERR_NOERROR, COMMAND_NOTIFY_INTERVAL},
		{CONTROL, 3, zero, true, 86401, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{CONTROL, 4, zero, true, 0, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
		{CONTROL, 4, zero, true, 6000, SNMP_ERR_NOERROR, COMMAND_NOTIFY_MAX},
		{CONTROL, 4, zero, true, 6001, SNMP_ERR_WRONGVALUE, COMMAND_NOTHING},
	};
	struct command command;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int error = cases[i].is_unsigned
				    ? set_unsigned(cases[i].table, cases[i].column, cases[i].index, (u_long)cases[i].value, &command)
				    : set_integer(cases[i].table, cases[i].column, cases[i].index, cases[i].value, &command);
		if (error != cases[i].error)
			fail_msg("case %zu: error %d", i, error);
		if (error != SNMP_ERR_NOERROR)
			continue;
		assert_int_equal(command.kind, cases[i].kind);
		assert_int_equal(command.number, cases[i].value);
		assert_string_equal(command.town, cases[i].table == CONTROL ? "" : "b");
		assert_string_equal(command.host, cases[i].table == HOST ? "alice" : "");
	}
	/* A TruthValue. */
	for (long value = -1; value <= 3; value++) {
		bool good = value == 1 || value == 2;
		assert_int_equal(set_integer(CONTROL, 2, zero, value, &command), good ? SNMP_ERR_NOERROR : SNMP_ERR_WRONGVALUE);
		assert_true(!good || command.number == (value == 1));
	}
	/* There is one instance, and it is 0. */
	assert_int_equal(set_integer(CONTROL, 1, forward, 0, &command), SNMP_ERR_NOCREATION);
	assert_int_equal(set_integer(CONTROL, 1, zero + 1, 0, &command), SNMP_ERR_NOCREATION);
	assert_int_equal(set_integer(CONTROL, 1, alice, 0, &command), SNMP_ERR_NOCREATION);
}

/* RFC 3416, 4.2.5: of several errors, the first in its order. */
static void order_of_errors(void **state)
{
	static const long nobody[] = {0, -1};
	struct command command;
	char text[100];

	(void)state;
	memset(text, '\n', sizeof text);
	forbidden = COMMAND_ADMIN;
	assert_int_equal(set_index(HOST, 23, nobody, ASN_OCTET_STR, "x", 1, &command), SNMP_ERR_NOTWRITABLE);
	/* One command that is not allowed does not forbid another. */
	assert_int_equal(set_integer(HOST, 24, alice, 2, &command), SNMP_ERR_NOERROR);
	forbidden = COMMAND_NOTHING;
	assert_int_equal(set_index(HOST, 23, nobody, ASN_OCTET_STR, "x", 1, &command), SNMP_ERR_WRONGTYPE);
	assert_int_equal(set_index(HOST, 29, nobody, ASN_OCTET_STR, text, 64, &command), SNMP_ERR_WRONGLENGTH);
	assert_int_equal(set_index(HOST, 29, nobody, ASN_OCTET_STR, text, 63, &command), SNMP_ERR_WRONGVALUE);
	assert_int_equal(set_integer(HOST, 23, nobody, 7, &command), SNMP_ERR_WRONGVALUE);
	assert_int_equal(set_integer(HOST, 23, nobody, 2, &command), SNMP_ERR_NOCREATION);
}

/* Everything but these columns is read-only; other types than the column's are wrong. */
static void only_some_columns(void **state)
{
	static const u_char types[] = {ASN_INTEGER, ASN_OCTET_STR, ASN_NULL, ASN_OBJECT_ID, ASN_IPADDRESS, ASN_COUNTER,
				       ASN_GAUGE, ASN_TIMETICKS, ASN_OPAQUE, ASN_COUNTER64};
	const u_char data[sizeof(struct counter64)] = {0};
	struct command command;
	unsigned writable = 0;

	(void)state;
	forbidden = COMMAND_NOTHING;
	for (oid table = 0; table <= 12; table++)
		for (oid column = 0; column <= 40; column++)
			for (size_t i = 0; i < sizeof types; i++) {
				size_t size = types[i] == ASN_NULL ? 0 : types[i] == ASN_IPADDRESS ? 4 : types[i] == ASN_COUNTER64 ? sizeof data : 8;
				int error = set_index(table, column, alice, types[i], data, size, &command);
				bool integer = (table == TOTAL && column == 9) || (table == HOST && column == 28) ||
					       ((table == TOWN || table == HOST) &&
						(column == 23 || column == 24 || column == 26)) ||
					       (table == CONTROL && (column == 1 || column == 2));
				bool number = ((table == TOWN || table == HOST) && column == 25) ||
					      (table == HOST && column == 27) ||
					      (table == CONTROL && (column == 3 || column == 4));
				bool text = table == HOST && column == 29;
				u_char own = integer ? ASN_INTEGER : number ? ASN_UNSIGNED : ASN_OCTET_STR;
				if (!integer && !number && !text) {
					assert_int_equal(error, SNMP_ERR_NOTWRITABLE);
					continue;
				}
				writable++;
				/* A quota and the spin lock may be 0; where other values may not, that is told first. */
				bool any = column == 25 || column == 27 || (table == CONTROL && column == 1);
				bool there = table == TOTAL ? false : column == 25 ? table == HOST : true;
				int good = table == CONTROL || !there ? SNMP_ERR_NOCREATION : SNMP_ERR_NOERROR;
				assert_int_equal(error, types[i] != own ? SNMP_ERR_WRONGTYPE
							: any		? good
									: SNMP_ERR_WRONGVALUE);
			}
	assert_int_equal(writable, 16 * sizeof types);
}

/* A view with the hosts 0 to 15 of town "b" that are in the set. */
static struct view *hosts_of(unsigned set)
{
	struct view *view = view_new(0, 1, (uint32_t)__builtin_popcount(set), 0, 1);
	uint32_t row = 0;

	assert_non_null(view);
	strncpy(view_towns(view)[0].name, "b", 2);
	for (int i = 0; i < 16; i++)
		if (set & 1u << i) {
			view_hosts(view)[row].name[0] = (char)('a' + i);
			view_hosts(view)[row++].traffic.down.octets = (uint64_t)i;
		}
	return view;
}

/* Each step of a walk finds another view: names only grow, and rows that stay are met once a column. */
static void rows_that_come_and_go(void **state)
{
	static const oid hosts[] = {TABLE_MIB, 1, HOST, 1};
	enum { ROOT = TABLE_MIB_LENGTH + 3 };
	uint32_t seed = 11;

	(void)state;
	for (int round = 0; round < 300; round++) {
		oid name[MAX_OID_LEN], next[MAX_OID_LEN];
		size_t length = ROOT;
		unsigned stay = seed >> 8 & 0xffff, met[16] = {0}, columns = (unsigned)host_table.n_columns;
		memcpy(name, hosts, sizeof hosts);
		for (;;) {
			struct instance found;
			struct value value;
			seed = seed * 1664525u + 1013904223u;
			struct view *view = hosts_of(stay | (seed >> 9 & 0xffff));
			bool any = table_next(view, name, length, false, NULL, 0, &found) && found.table == &host_table;
			if (any) {
				size_t more = table_name(view, &found, next);
				assert_true(snmp_oid_compare(next, more, name, length) > 0);
				assert_int_equal(more, ROOT + 5);
				met[next[more - 1] - 'a']++;
				table_get(view, &found, &value);
				if (found.column->id == 2)
					assert_int_equal(value.data.wide.low, next[more - 1] - 'a');
				memcpy(name, next, more * sizeof *name);
				length = more;
			}
			view_release(view);
			if (!any)
				break;
		}
		for (int i = 0; i < 16; i++) {
			assert_true(met[i] <= columns);
			if (stay & 1u << i)
				assert_int_equal(met[i], columns);
		}
	}
}

/* Tables without rows are passed over; names may be as long as they like. */
static void empty_tables_and_long_names(void **state)
{
	struct view *view = view_new(0, 0, 0, 0, 1);
	struct instance found;
	oid name[MAX_OID_LEN] = {TABLE_MIB, 1, 11, 5}; /* the last of the scalars */

	(void)state;
	assert_true(table_next(view, name, TABLE_MIB_LENGTH + 3, false, NULL, 0, &found));
	assert_int_equal(found.column->id, 5);
	assert_false(table_next(view, name, TABLE_MIB_LENGTH + 4, false, NULL, 0, &found));
	assert_true(table_next(view, name, TABLE_MIB_LENGTH + 4, true, NULL, 0, &found));
	view_release(view);
	view = hosts_of(3);
	const oid first[] = {TABLE_MIB, 1, HOST, 1, 2, 1, 'b', 1, 'a'};
	memcpy(name, first, sizeof first);
	for (size_t length = 18; length <= MAX_OID_LEN; length++) {
		bool whole = length == 18;
		assert_int_equal(table_find(view, name, length, &found), whole ? SNMP_ERR_NOERROR : SNMP_NOSUCHINSTANCE);
		assert_true(table_next(view, name, length, true, NULL, 0, &found));
		assert_int_equal(found.row, whole ? 0 : 1);
		assert_true(table_next(view, name, length, false, NULL, 0, &found));
		assert_int_equal(found.row, 1);
	}
	view_release(view);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes),
		cmocka_unit_test(names_within_their_index),
		cmocka_unit_test(longest_names),
		cmocka_unit_test(values),
		cmocka_unit_test(numbers),
		cmocka_unit_test(order_of_errors),
		cmocka_unit_test(only_some_columns),
		cmocka_unit_test(rows_that_come_and_go),
		cmocka_unit_test(empty_tables_and_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
