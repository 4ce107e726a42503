/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notice.h"

#include "tables.h"

/* The objects of each type in the order of the MIB; the lists end with no table. */
struct object {
	const struct table *table;
	oid column;
};

enum { OBJECTS_MAX = 7 };

static const struct object objects[NOTICE_TYPES + 1][OBJECTS_MAX] = {
	[NOTICE_QUOTA_WARNING] = {{&host_table, 16}, {&host_table, 15}, {&host_table, 25}, {&host_table, 11},
				  {&host_table, 12}},
	[NOTICE_QUOTA_EXCEEDED] = {{&host_table, 16}, {&host_table, 15}, {&host_table, 25}, {&host_table, 11},
				   {&host_table, 12}, {&host_table, 28}},
	[NOTICE_HOST_BLOCKED] = {{&host_table, 17}, {&host_table, 18}, {&host_table, 29}},
	[NOTICE_HOST_UNBLOCKED] = {{&host_table, 17}, {&host_table, 18}, {&host_table, 29}},
	[NOTICE_TOWN_ZEROED] = {{&town_period_table, 4}, {&town_period_table, 6}, {&town_period_table, 7},
				{&town_period_table, 11}, {&town_table, 19}},
	[NOTICE_HOST_ZEROED] = {{&host_period_table, 4}, {&host_period_table, 6}, {&host_period_table, 7},
				{&host_period_table, 11}, {&host_table, 29}},
	[NOTICE_DISCONTINUITY] = {{&scalars, 20}, {&scalars, 19}, {&scalars, 16}},
	[NOTICE_BACKEND_LOST] = {{&scalars, 2}, {&scalars, 3}, {&scalars, 8}},
	[NOTICE_BACKEND_RESTORED] = {{&scalars, 2}, {&scalars, 3}, {&scalars, 19}},
	[NOTICE_LEDGER_FAILED] = {{&scalars, 16}, {&scalars, 17}, {&scalars, 8}},
};

/* The name of an object of the notice's row. */
static size_t name_of(const struct notice *notice, const struct object *object, oid *name)
{
	const struct table *table = object->table;
	size_t length = table->root_length;

	memcpy(name, table->root, length * sizeof *name);
	name[length++] = object->column;
	if (table == &scalars) {
		name[length++] = 0;
		return length;
	}
	length += table_index_text(name + length, notice->town);
	if (table == &host_table || table == &host_period_table)
		length += table_index_text(name + length, notice->host);
	if (table == &town_period_table || table == &host_period_table)
		name[length++] = notice->number;
	return length;
}

static netsnmp_variable_list *append(netsnmp_variable_list **list, const struct notice *notice,
				     const struct object *object, const struct view *view)
{
	oid name[MAX_OID_LEN];
	size_t length = name_of(notice, object, name);
	struct instance found;
	struct value value;

	if (table_find(view, name, length, &found) != SNMP_ERR_NOERROR)
		return NULL;
	table_get(view, &found, &value);
	return snmp_varlist_add_variable(list, name, length, value.type, &value.data, value.size);
}

netsnmp_variable_list *notice_variables(const struct notice *notice, const struct view *view)
{
	static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}; /* snmpTrapOID.0 */
	const oid type[] = {TABLE_MIB, 0, notice->type};
	netsnmp_variable_list *list = NULL;

	if (!snmp_varlist_add_variable(&list, trap_oid, OID_LENGTH(trap_oid), ASN_OBJECT_ID, type, sizeof type))
		return NULL;
	for (const struct object *object = objects[notice->type]; object->table; object++)
		if (!append(&list, notice, object, view)) {
			snmp_free_varbind(list);
			return NULL;
		}
	return list;
}
