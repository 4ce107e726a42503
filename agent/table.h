/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE table engine: sorted rows, column descriptors, exact and next lookup, the checks of a SET that
 * need no kernel. The rows are those of the view, by number, or closed periods, which only a search by
 * their index finds. A group of scalars is a table with one row whose index is 0.
 */
#ifndef TOWNMETER_TABLE_H
#define TOWNMETER_TABLE_H

#include "closed.h"
#include "control.h"
#include "value.h"

enum { TABLE_INDEX_MAX = 3 + NAME_TOWN_MAX + NAME_HOST_MAX + NAME_SERVICE_MAX, TABLE_ROOT_MAX = 14 };

/* How a writable column takes a value. */
struct setting {
	enum command_kind kind; /* what is changed: the configuration may not allow it */
	u_char type;            /* ASN_INTEGER, ASN_UNSIGNED or ASN_OCTET_STR: nothing else is looked into */
	/* The value is of that type. Fills the command; returns SNMP_ERR_NOERROR or what is wrong. NULL: the
	 * command's number is the value, if it lies within these. */
	int (*take)(const netsnmp_variable_list *value, struct command *command);
	uint32_t least, most;
};

struct column {
	oid id;
	/* One of the four: what towns and hosts have alike is read from their traffic, and what all classes have from
	 * theirs. */
	void (*get)(const struct view *view, uint32_t row, struct value *value);
	void (*traffic)(const struct view_traffic *traffic, struct value *value);
	void (*service)(const struct view_service *service, struct value *value);
	void (*closed)(const struct closed *row, struct value *value);
	const struct setting *setting; /* NULL: read-only */
};

struct table {
	const char *name;
	oid root[TABLE_ROOT_MAX];      /* the entry's OID; a column and an index follow */
	size_t root_length;
	const struct column *columns;  /* ascending by id; all that can be read */
	size_t n_columns;
	/* Rows of the view: how many, and the index of each. Writes the index, returns its length: at most
	 * TABLE_INDEX_MAX. */
	uint32_t (*rows)(const struct view *view);
	size_t (*index)(const struct view *view, uint32_t row, oid *index);
	/* Closed periods: the first row at or behind an index of any length; false if there is none. Its index,
	 * as above. NULL: the rows are the view's. */
	bool (*seek)(const struct view *view, const oid *index, size_t length, struct closed *row);
	size_t (*closed_index)(const struct closed *row, oid *index);
	/* The row's traffic, or its class; NULL if no column reads it. */
	const struct view_traffic *(*traffic)(const struct view *view, uint32_t row);
	const struct view_service *(*service)(const struct view *view, uint32_t row);
	/* Names the row in a command; false if no row can have this index. NULL: no settings. */
	bool (*name_row)(const oid *index, size_t length, struct command *command);
};

/* Where an object is found. */
struct instance {
	const struct table *table;
	const struct column *column;
	uint32_t row;         /* of the view */
	struct closed closed; /* or this row */
};

/* The MIB's root, and its length. */
#define TABLE_MIB 1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8696
enum { TABLE_MIB_LENGTH = 10 };

/* All tables, in the order of their OIDs; the list ends with NULL. */
extern const struct table *const tables[];

/* Finds the object with exactly this name. Returns SNMP_ERR_NOERROR, or SNMP_NOSUCHOBJECT or
 * SNMP_NOSUCHINSTANCE. */
int table_find(const struct view *view, const oid *name, size_t length, struct instance *found);

/* Finds the first object behind this name (at it, if `inclusive`) and before `end` (end_length 0: no
 * end). Returns whether there is one. */
bool table_next(const struct view *view, const oid *name, size_t length, bool inclusive, const oid *end,
		size_t end_length, struct instance *found);

/* Writes the object's name, returns its length: at most MAX_OID_LEN. */
size_t table_name(const struct view *view, const struct instance *instance, oid *name);

/* Reads the object. */
void table_get(const struct view *view, const struct instance *instance, struct value *value);

/* Checks one variable of a SET: object, type, value. Fills the command. Returns SNMP_ERR_NOERROR, or
 * the error for this variable. */
int table_check(struct control *control, const netsnmp_variable_list *variable, struct command *command);

/* A group of scalars has one row, whose index is 0, and which a command need not name. */
uint32_t table_one_row(const struct view *view);
size_t table_index_zero(const struct view *view, uint32_t row, oid *index);
bool table_name_zero(const oid *index, size_t length, struct command *command);

/* Appends a name to an index as RFC 2578, 7.7 has it: its length, then its octets. */
size_t table_index_text(oid *index, const char *text);

/* Takes such a name of 1 to `most` octets from an index; returns how many sub-identifiers it took, 0 if
 * it is none. */
size_t table_parse_text(const oid *index, size_t length, char *text, size_t most);

#endif
