/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <string.h>

/* Is the name within this table? */
static bool is_within(const struct table *table, const oid *name, size_t length)
{
	return length >= table->root_length &&
	       snmp_oid_compare(name, table->root_length, table->root, table->root_length) == 0;
}

static const struct column *find_column(const struct table *table, oid id)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].id == id)
			return &table->columns[i];
	return NULL;
}

static int compare_row(const struct table *table, const struct view *view, uint32_t row, const oid *index,
		       size_t length)
{
	oid own[TABLE_INDEX_MAX];

	return snmp_oid_compare(own, table->index(view, row, own), index, length);
}

/* The first row at or behind this index. Walks ask for one row after the other: the row answered last
 * and the next one are tried before the search. */
static uint32_t lower_bound(const struct table *table, const struct view *view, const oid *index, size_t length)
{
	static uint32_t hint;
	uint32_t low = 0, high = table->rows(view);

	if (hint < high && compare_row(table, view, hint, index, length) == 0)
		return hint;
	if (hint + 1 < high && compare_row(table, view, hint + 1, index, length) == 0)
		return ++hint;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_row(table, view, middle, index, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	hint = low;
	return low;
}

/* The first row at this index or behind it; only behind it, unless `inclusive`. */
static bool seek(const struct table *table, const struct view *view, const oid *index, size_t length, bool inclusive,
		 struct instance *found)
{
	oid behind[MAX_OID_LEN + 1];

	found->table = table;
	if (table->seek) {
		/* No index lies between this one and this one with a 0 behind it. */
		if (!inclusive && length < sizeof behind / sizeof *behind) {
			memcpy(behind, index, length * sizeof *behind);
			behind[length++] = 0;
			index = behind;
		}
		return table->seek(view, index, length, &found->closed);
	}
	found->row = lower_bound(table, view, index, length);
	if (!inclusive && found->row < table->rows(view) && compare_row(table, view, found->row, index, length) == 0)
		found->row++;
	return found->row < table->rows(view);
}

static size_t index_of(const struct view *view, const struct instance *instance, oid *index)
{
	const struct table *table = instance->table;

	return table->seek ? table->closed_index(&instance->closed, index) : table->index(view, instance->row, index);
}

int table_find(const struct view *view, const oid *name, size_t length, struct instance *found)
{
	for (const struct table *const *t = tables; *t; t++) {
		const struct table *table = *t;
		if (!is_within(table, name, length))
			continue;
		size_t at = table->root_length;
		const struct column *column = length > at ? find_column(table, name[at]) : NULL;
		if (!column)
			return SNMP_NOSUCHOBJECT;
		oid own[TABLE_INDEX_MAX];
		const oid *index = name + at + 1;
		if (!seek(table, view, index, length - at - 1, true, found) ||
		    snmp_oid_compare(own, index_of(view, found, own), index, length - at - 1) != 0)
			return SNMP_NOSUCHINSTANCE;
		found->column = column;
		return SNMP_ERR_NOERROR;
	}
	return SNMP_NOSUCHOBJECT;
}

/* The first object of one table behind the name. */
static bool next_in(const struct table *table, const struct view *view, const oid *name, size_t length,
		    bool inclusive, struct instance *found)
{
	size_t c = 0, at = table->root_length;

	if (is_within(table, name, length)) {
		if (length > at)
			while (c < table->n_columns && table->columns[c].id < name[at])
				c++;
		if (c < table->n_columns && length > at && table->columns[c].id == name[at]) {
			found->column = &table->columns[c++];
			if (seek(table, view, name + at + 1, length - at - 1, inclusive, found))
				return true;
		}
	} else if (snmp_oid_compare(name, length, table->root, at) > 0) {
		return false;
	}
	if (c >= table->n_columns)
		return false;
	found->column = &table->columns[c];
	return seek(table, view, NULL, 0, true, found);
}

bool table_next(const struct view *view, const oid *name, size_t length, bool inclusive, const oid *end,
		size_t end_length, struct instance *found)
{
	oid own[MAX_OID_LEN];

	for (const struct table *const *t = tables; *t; t++) {
		if (!next_in(*t, view, name, length, inclusive, found))
			continue;
		return end_length == 0 ||
		       snmp_oid_compare(own, table_name(view, found, own), end, end_length) < 0;
	}
	return false;
}

size_t table_name(const struct view *view, const struct instance *instance, oid *name)
{
	const struct table *table = instance->table;

	memcpy(name, table->root, table->root_length * sizeof *name);
	name[table->root_length] = instance->column->id;
	return table->root_length + 1 + index_of(view, instance, name + table->root_length + 1);
}

void table_get(const struct view *view, const struct instance *instance, struct value *value)
{
	const struct column *column = instance->column;

	if (column->closed)
		column->closed(&instance->closed, value);
	else if (column->traffic)
		column->traffic(instance->table->traffic(view, instance->row), value);
	else if (column->service)
		column->service(instance->table->service(view, instance->row), value);
	else
		column->get(view, instance->row, value);
}

/* An object whose value is a number. */
static int take_number(const struct setting *setting, const netsnmp_variable_list *value, struct command *command)
{
	long number = *value->val.integer;

	if (setting->type == ASN_UNSIGNED)
		number &= UINT32_MAX;
	if (number < (long)setting->least || number > (long)setting->most)
		return SNMP_ERR_WRONGVALUE;
	command->number = (uint32_t)number;
	return SNMP_ERR_NOERROR;
}

/* The order of these checks is that of RFC 3416, 4.2.5. */
int table_check(struct control *control, const netsnmp_variable_list *variable, struct command *command)
{
	memset(command, 0, sizeof *command);
	for (const struct table *const *t = tables; *t; t++) {
		const struct table *table = *t;
		if (!is_within(table, variable->name, variable->name_length))
			continue;
		size_t at = table->root_length;
		const struct column *column =
			variable->name_length > at ? find_column(table, variable->name[at]) : NULL;
		const struct setting *setting = column ? column->setting : NULL;
		if (!setting || !control_may(control, setting->kind))
			return SNMP_ERR_NOTWRITABLE;
		if (variable->type != setting->type)
			return SNMP_ERR_WRONGTYPE;
		command->kind = setting->kind;
		int error = setting->take ? setting->take(variable, command) : take_number(setting, variable, command);
		if (error != SNMP_ERR_NOERROR)
			return error;
		if (!table->name_row(variable->name + at + 1, variable->name_length - at - 1, command))
			return SNMP_ERR_NOCREATION;
		return SNMP_ERR_NOERROR;
	}
	return SNMP_ERR_NOTWRITABLE;
}

uint32_t table_one_row(const struct view *view)
{
	(void)view;
	return 1;
}

size_t table_index_zero(const struct view *view, uint32_t row, oid *index)
{
	(void)view;
	(void)row;
	index[0] = 0;
	return 1;
}

bool table_name_zero(const oid *index, size_t length, struct command *command)
{
	(void)command;
	return length == 1 && index[0] == 0;
}

size_t table_index_text(oid *index, const char *text)
{
	size_t length = strlen(text);

	index[0] = length;
	for (size_t i = 0; i < length; i++)
		index[i + 1] = (u_char)text[i];
	return length + 1;
}

size_t table_parse_text(const oid *index, size_t length, char *text, size_t most)
{
	if (length < 1 || index[0] < 1 || index[0] > most || index[0] > length - 1)
		return 0;
	for (size_t i = 0; i < index[0]; i++) {
		/* No name has a NUL: it would end the text here and be another's name. */
		if (index[i + 1] < 1 || index[i + 1] > 255)
			return 0;
		text[i] = (char)index[i + 1];
	}
	text[index[0]] = '\0';
	return index[0] + 1;
}
