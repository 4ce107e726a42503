/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closed periods as rows: every search ends where counting through all of them does, and few are made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agent/table.h"
#include "agent/tables.h"

#include <cmocka.h>

bool control_may(struct control *control, enum command_kind kind)
{
	(void)control, (void)kind;
	return true;
}

int64_t control_clock(void)
{
	return 0;
}

/* --- a history of a few rows, in the order of its keys ----------------------- */
struct history {
	const struct closed *rows;
	size_t n;
};

static unsigned searches;

static size_t key_of(const struct closed *row, uint8_t *key)
{
	size_t town = strlen(row->town), host = strlen(row->host);

	key[0] = (uint8_t)town;
	memcpy(key + 1, row->town, town);
	if (!row->is_host)
		return 1 + town;
	key[1 + town] = (uint8_t)host;
	memcpy(key + 2 + town, row->host, host);
	return 2 + town + host;
}

bool history_seek(struct history *history, bool is_host, const uint8_t *key, size_t key_size, int64_t number,
		  struct closed *row)
{
	searches++;
	for (size_t i = 0; i < history->n; i++) {
		uint8_t own[80];
		size_t size = key_of(&history->rows[i], own);
		int order = memcmp(own, key, size < key_size ? size : key_size);
		if (order == 0)
			order = (size > key_size) - (size < key_size);
		if (history->rows[i].is_host == is_host && (order > 0 || (order == 0 && history->rows[i].number >= number))) {
			*row = history->rows[i];
			return true;
		}
	}
	return false;
}

static const struct closed rows[] = {
	{.town = "b", .number = 1, .start = 10, .end = 20, .reason = CLOSED_TOWN_ZERO, .complete = true,
	 .down = {3, 5000000000}, .up = {4, 400}, .quota_mb = 7, .quota_basis = 1, .over_mb = 4993},
	{.town = "b", .number = 2},
	{.town = "b", .number = 4294967295},
	{.town = "aa", .number = 1},
	{.is_host = 1, .town = "b", .host = "z", .number = 3, .down = {1, 103}},
	{.is_host = 1, .town = "b", .host = "z", .number = 4, .down = {1, 104}},
	{.is_host = 1, .town = "b", .host = "z", .number = 4294967295, .down = {1, 105}},
	{.is_host = 1, .town = "b", .host = "bb", .number = 1, .down = {1, 106}},
	{.is_host = 1, .town = "b", .host = "\xc3\xa9", .number = 1, .down = {1, 107}},
	{.is_host = 1, .town = "cc", .host = "z", .number = 255, .down = {1, 108}},
	{.is_host = 1, .town = "cc", .host = "z", .number = 256, .down = {1, 109}},
};
enum { TOWN_ROWS = 4, ALL_ROWS = sizeof rows / sizeof rows[0], COLUMNS = 10, ROOT = TABLE_MIB_LENGTH + 3 };

static struct history full = {rows, ALL_ROWS};

static struct view *new_view(void)
{
	static uint64_t serial;
	struct view *view = view_new(0, 0, 0, 0, 1);

	assert_non_null(view);
	view->serial = ++serial;
	return view;
}

/* The name of a column of a row. */
static size_t name_of(size_t row, size_t column, oid *name)
{
	const struct table *table = rows[row].is_host ? &host_period_table : &town_period_table;
	struct instance instance = {.table = table, .column = &table->columns[column], .closed = rows[row]};

	return table_name(NULL, &instance, name);
}

static void expect(const struct instance *found, size_t row, size_t column)
{
	oid want[MAX_OID_LEN], got[MAX_OID_LEN];
	size_t n = name_of(row, column, want);

	assert_int_equal(snmp_oid_compare(got, table_name(NULL, found, got), want, n), 0);
	assert_memory_equal(&found->closed.down, &rows[row].down, sizeof rows[row].down);
}

/* The columns of one table after another, and each row once in each. */
static void walks_are_whole(void **state)
{
	struct view *view = new_view();
	oid name[MAX_OID_LEN] = {TABLE_MIB, 1, 8, 1};
	size_t length = ROOT;
	struct instance found;

	(void)state;
	period_tables_read(&full);
	for (int is_host = 0; is_host < 2; is_host++)
		for (size_t column = 0; column < COLUMNS; column++)
			for (size_t row = is_host ? TOWN_ROWS : 0; row < (is_host ? ALL_ROWS : TOWN_ROWS); row++) {
				assert_true(table_next(view, name, length, false, NULL, 0, &found));
				expect(&found, row, column);
				length = table_name(view, &found, name);
				/* It is there, and inclusively it is what follows; neither asks again. */
				unsigned before = searches;
				assert_int_equal(table_find(view, name, length, &found), SNMP_ERR_NOERROR);
				expect(&found, row, column);
				assert_true(table_next(view, name, length, true, NULL, 0, &found));
				expect(&found, row, column);
				assert_int_equal(searches, before);
			}
	assert_true(table_next(view, name, length, false, NULL, 0, &found));
	assert_ptr_equal(found.table, &control_scalars);
	view_release(view);
}

/* Any index: short, long, with sub-identifiers that are no octets. */
static void indexes_in_between(void **state)
{
	static const oid likely[] = {0, 1, 2, 3, 4, 97, 98, 99, 122, 195, 169, 200, 254, 255, 256, 257, 300, 4294967294u,
				     4294967295u};
	enum { LIKELY = sizeof likely / sizeof likely[0] };
	struct view *view = new_view();
	struct instance found;
	uint32_t seed = 5;

	(void)state;
	period_tables_read(&full);
	for (int i = 0; i < 60000; i++) {
		oid name[MAX_OID_LEN];
		seed = seed * 1664525u + 1013904223u;
		/* A row's own name, cut somewhere, with one sub-identifier changed and some more behind. */
		size_t length = name_of((seed >> 8) % ALL_ROWS, (seed >> 16) % COLUMNS, name);
		seed = seed * 1664525u + 1013904223u;
		length = ROOT + (seed >> 8) % (length - ROOT + 1);
		if (length > ROOT + 1 && seed >> 20 & 1)
			name[ROOT + 1 + (seed >> 21) % (length - ROOT - 1)] = likely[(seed >> 12) % LIKELY];
		seed = seed * 1664525u + 1013904223u;
		for (unsigned more = (seed >> 8) % 3; more > 0; more--) {
			seed = seed * 1664525u + 1013904223u;
			name[length++] = likely[(seed >> 8) % LIKELY];
		}
		bool inclusive = seed >> 30 & 1, any = false, exact = false;
		for (int is_host = 0; is_host < 2 && !any; is_host++)
			for (size_t column = 0; column < COLUMNS && !any; column++)
				for (size_t row = is_host ? TOWN_ROWS : 0; row < (is_host ? ALL_ROWS : TOWN_ROWS) && !any; row++) {
					oid own[MAX_OID_LEN];
					int order = snmp_oid_compare(own, name_of(row, column, own), name, length);
					exact |= order == 0;
					any = order > 0 || (inclusive && exact);
					if (!any)
						continue;
					assert_true(table_next(view, name, length, inclusive, NULL, 0, &found));
					expect(&found, row, column);
				}
		if (!any) {
			assert_true(table_next(view, name, length, inclusive, NULL, 0, &found));
			assert_ptr_equal(found.table, &control_scalars);
		}
		bool is_column = length > ROOT && name[ROOT] >= 2 && name[ROOT] < 2 + COLUMNS;
		int missing = is_column ? SNMP_NOSUCHINSTANCE : SNMP_NOSUCHOBJECT;
		assert_int_equal(table_find(view, name, length, &found), exact ? SNMP_ERR_NOERROR : missing);
	}
	view_release(view);
}

/* A request for all columns of a row, and one of each further row. */
static void columns_side_by_side(void **state)
{
	struct view *view = new_view();
	oid names[COLUMNS][MAX_OID_LEN];
	size_t lengths[COLUMNS];
	struct instance found;

	(void)state;
	period_tables_read(&full);
	searches = 0;
	for (size_t c = 0; c < COLUMNS; c++) {
		name_of(TOWN_ROWS, c, names[c]);
		lengths[c] = ROOT + 1;
	}
	for (size_t row = TOWN_ROWS; row < ALL_ROWS; row++)
		for (size_t c = 0; c < COLUMNS; c++) {
			assert_true(table_next(view, names[c], lengths[c], false, NULL, 0, &found));
			expect(&found, row, c);
			lengths[c] = table_name(view, &found, names[c]);
		}
	assert_int_equal(searches, ALL_ROWS - TOWN_ROWS);
	view_release(view);
}

/* Another view, and what was found before counts no more. */
static void a_period_closes_meanwhile(void **state)
{
	struct history growing = {rows, 2};
	struct view *view = new_view();
	struct instance found;
	oid name[MAX_OID_LEN];
	size_t length = name_of(2, 0, name);

	(void)state;
	period_tables_read(&growing);
	assert_int_equal(table_find(view, name, length, &found), SNMP_NOSUCHINSTANCE);
	view_release(view);
	growing.n = ALL_ROWS;
	view = new_view();
	assert_int_equal(table_find(view, name, length, &found), SNMP_ERR_NOERROR);
	view_release(view);
	growing.n = 0;
	view = new_view();
	assert_int_equal(table_find(view, name, length, &found), SNMP_NOSUCHINSTANCE);
	assert_true(table_next(view, name, length, true, NULL, 0, &found));
	assert_ptr_equal(found.table, &control_scalars);
	view_release(view);
}

/* As AgentX's decoder gives a sub-identifier of 2^31 and more: with ones ahead of it. */
static void numbers_with_a_sign(void **state)
{
	struct view *view = new_view();
	struct instance found;
	oid name[MAX_OID_LEN];
	size_t length = name_of(0, 0, name);

	(void)state;
	period_tables_read(&full);
	name[length - 1] = (oid)INT64_C(-2);
	assert_true(table_next(view, name, length, false, NULL, 0, &found));
	expect(&found, 2, 0);
	name[length - 1] = (oid)INT64_C(-1);
	assert_true(table_next(view, name, length, false, NULL, 0, &found));
	expect(&found, 3, 0);
	view_release(view);
}

static void without_a_history(void **state)
{
	struct view *view = new_view();
	struct instance found;
	oid name[MAX_OID_LEN];
	size_t length = name_of(0, 0, name);

	(void)state;
	period_tables_read(NULL);
	assert_int_equal(table_find(view, name, length, &found), SNMP_NOSUCHINSTANCE);
	assert_true(table_next(view, name, length, false, NULL, 0, &found));
	assert_ptr_equal(found.table, &control_scalars);
	view_release(view);
}

static void values_of_a_row(void **state)
{
	static const u_char types[COLUMNS] = {ASN_OCTET_STR, ASN_OCTET_STR, ASN_INTEGER, ASN_INTEGER, ASN_COUNTER64,
					      ASN_COUNTER64, ASN_COUNTER64, ASN_COUNTER64, ASN_UNSIGNED, ASN_COUNTER64};
	static const uint64_t numbers[COLUMNS] = {0, 0, 3, 1, 5000000000, 400, 3, 4, 7, 4993};
	struct view *view = new_view();
	struct instance found;
	struct value value, date;
	struct command command;

	(void)state;
	period_tables_read(&full);
	for (size_t c = 0; c < COLUMNS; c++) {
		oid name[MAX_OID_LEN];
		size_t length = name_of(0, c, name);
		netsnmp_variable_list *variable = NULL;
		assert_int_equal(name[ROOT], c + 2);
		assert_int_equal(table_find(view, name, length, &found), SNMP_ERR_NOERROR);
		table_get(view, &found, &value);
		assert_int_equal(value.type, types[c]);
		if (types[c] == ASN_COUNTER64)
			assert_true(((uint64_t)value.data.wide.high << 32 | value.data.wide.low) == numbers[c]);
		else if (types[c] != ASN_OCTET_STR)
			assert_int_equal(value.data.integer, numbers[c]);
		value_time(&date, c == 0 ? rows[0].start : rows[0].end);
		if (types[c] == ASN_OCTET_STR)
			assert_memory_equal(value.data.octets, date.data.octets, date.size);
		assert_non_null(snmp_varlist_add_variable(&variable, name, length, value.type, &value.data, value.size));
		assert_int_equal(table_check(NULL, variable, &command), SNMP_ERR_NOTWRITABLE);
		snmp_free_varbind(variable);
	}
	view_release(view);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_are_whole),
		cmocka_unit_test(indexes_in_between),
		cmocka_unit_test(columns_side_by_side),
		cmocka_unit_test(a_period_closes_meanwhile),
		cmocka_unit_test(numbers_with_a_sign),
		cmocka_unit_test(without_a_history),
		cmocka_unit_test(values_of_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
