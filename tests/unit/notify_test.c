/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told when one view follows another: each type's condition, its objects, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agent/notice.h"
#include "agent/notify.h"
#include "agent/tables.h"
#include "quota.h"

#include <cmocka.h>

/* --- what the notifier asks of others ------------------------------------------ */
static int64_t now;
static struct view *current;
static uint32_t suppressed;

int64_t control_clock(void)
{
	return now;
}

struct view *control_view(struct control *control)
{
	(void)control;
	return view_hold(current);
}

void control_suppressed(struct control *control, uint32_t notifications)
{
	(void)control;
	suppressed += notifications;
}

bool control_may(struct control *control, enum command_kind kind)
{
	(void)control, (void)kind;
	return true;
}

enum { ROOM = 64 };
static netsnmp_variable_list *told[ROOM];
static size_t n_told;
static bool dropped;

void trap_send(struct trap *trap, netsnmp_variable_list *variables)
{
	(void)trap;
	assert_true(n_told < ROOM);
	told[n_told++] = variables;
}

void trap_step(struct trap *trap, uint32_t max_per_minute)
{
	(void)trap, (void)max_per_minute;
}

int64_t trap_due(const struct trap *trap, uint32_t max_per_minute)
{
	(void)trap, (void)max_per_minute;
	return INT64_MAX;
}

void trap_drop(struct trap *trap)
{
	(void)trap;
	dropped = true;
}

static struct closed closed[8];
static size_t n_closed;
static unsigned searches_of_hosts;

bool history_seek(struct history *history, bool is_host, const uint8_t *key, size_t key_size, int64_t number,
		  struct closed *row)
{
	(void)history;
	searches_of_hosts += is_host;
	for (size_t i = 0; i < n_closed; i++) {
		size_t town = strlen(closed[i].town), host = strlen(closed[i].host);
		if (closed[i].is_host != is_host || closed[i].number != number ||
		    key_size != 1 + town + (is_host ? 1 + host : 0) || memcmp(key + 1, closed[i].town, town) != 0 ||
		    (is_host && memcmp(key + 2 + town, closed[i].host, host) != 0))
			continue;
		*row = closed[i];
		return true;
	}
	return false;
}

static void put(char *name, size_t size, const char *text)
{
	assert_true(strlen(text) < size);
	memcpy(name, text, strlen(text) + 1);
}

/* --- views ----------------------------------------------------------------------- */
enum { ALICE, BOB, DAVE };

/* Two towns, three hosts; everything at rest. */
static struct view *make(void)
{
	static uint64_t serial;
	struct view *view = view_new(0, 2, 3, 0, 16);

	assert_non_null(view);
	view->serial = ++serial;
	view->agent.looked = true;
	view->agent.backend = VIEW_BACKEND_LEGACY;
	view->agent.ledger = VIEW_LEDGER_OK;
	view->agent.discontinuity = 17000000000;
	view->agent.notify_enable = true;
	view->agent.notify_min_interval = 60;
	view->agent.notify_max_per_minute = 60;
	put(view_towns(view)[0].name, sizeof view_towns(view)[0].name, "a");
	put(view_towns(view)[1].name, sizeof view_towns(view)[1].name, "b");
	put(view_hosts(view)[ALICE].name, sizeof view_hosts(view)[ALICE].name, "alice");
	put(view_hosts(view)[BOB].name, sizeof view_hosts(view)[BOB].name, "robert");
	put(view_hosts(view)[DAVE].name, sizeof view_hosts(view)[DAVE].name, "dave");
	put(view_text(view, 1), 8, "unpaid");
	view_hosts(view)[DAVE].town = 1;
	for (int i = 0; i < 3; i++) {
		struct view_host *host = &view_hosts(view)[i];
		host->oper = 1;
		host->traffic.period.number = 3;
		host->traffic.period.start = 1000;
		host->traffic.quota = (struct view_quota){.megabytes = 50, .basis = 1, .action = QUOTA_NOTIFY, .state = QUOTA_WITHIN};
	}
	for (int i = 0; i < 2; i++)
		view_towns(view)[i].traffic.period = (struct view_period){.number = 3, .start = 1000};
	return view;
}

static struct notify *notify;

static void show(struct view *view)
{
	view_release(current);
	current = view;
	notify_step(notify);
}

static void forget(void)
{
	while (n_told > 0)
		snmp_free_varbind(told[--n_told]);
}

static int set_up(void **state)
{
	(void)state;
	now = 1000000000000;
	suppressed = 0;
	n_closed = 0;
	searches_of_hosts = 0;
	dropped = false;
	current = make();
	notify = notify_new(NULL, current, NULL);
	assert_non_null(notify);
	period_tables_read((struct history *)&now);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	forget();
	notify_free(notify);
	view_release(current);
	current = NULL;
	return 0;
}

static struct view_host *host_of(struct view *view, int which)
{
	return &view_hosts(view)[which];
}

/* The type of the nth that was told: the last sub-identifier of snmpTrapOID.0's value. */
static oid type_of(size_t n)
{
	static const oid trap_oid[] = {1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0}, root[] = {TABLE_MIB, 0};

	assert_true(n < n_told);
	const netsnmp_variable_list *v = told[n];
	assert_int_equal(snmp_oid_compare(v->name, v->name_length, trap_oid, OID_LENGTH(trap_oid)), 0);
	assert_int_equal(v->type, ASN_OBJECT_ID);
	assert_int_equal(v->val_len, (OID_LENGTH(root) + 1) * sizeof(oid));
	assert_int_equal(snmp_oid_compare(v->val.objid, OID_LENGTH(root), root, OID_LENGTH(root)), 0);
	return v->val.objid[OID_LENGTH(root)];
}

/* The one that was told is of this type, with these objects (table.column), all of the row. */
static void expect_objects(enum notice_type type, size_t index_length, const oid *index, const oid (*objects)[2], size_t n)
{
	const netsnmp_variable_list *v;
	size_t i = 0;

	assert_int_equal(n_told, 1);
	assert_int_equal(type_of(0), type);
	for (v = told[0]->next_variable; v; v = v->next_variable, i++) {
		oid name[MAX_OID_LEN] = {TABLE_MIB, 1, objects[i][0], 1};
		size_t length = TABLE_MIB_LENGTH + (objects[i][0] == 1 ? 2 : 3), rest;
		assert_true(i < n);
		name[length++] = objects[i][1];
		rest = objects[i][0] == 1 ? 1 : index_length;
		/* Those of a current row have no number of a period. */
		if (index_length > 0 && (objects[i][0] == 3 || objects[i][0] == 4) && (type == NOTICE_TOWN_ZEROED || type == NOTICE_HOST_ZEROED))
			rest--;
		for (size_t j = 0; j < rest; j++)
			name[length++] = objects[i][0] == 1 ? 0 : index[j];
		assert_int_equal(snmp_oid_compare(v->name, v->name_length, name, length), 0);
	}
	assert_int_equal(i, n);
}
#define EXPECT_OBJECTS(type, index, ...) \
	do { \
		static const oid list[][2] = {__VA_ARGS__}; \
		expect_objects(type, OID_LENGTH(index), index, list, sizeof list / sizeof list[0]); \
	} while (0)

static const oid alice[] = {1, 'a', 5, 'a', 'l', 'i', 'c', 'e'};
static const oid nothing[] = {0};

static void nothing_changed(void **state)
{
	(void)state;
	show(make());
	show(make());
	assert_int_equal(n_told, 0);
	assert_true(notify_due(notify) == INT64_MAX);
}

static void quotas(void **state)
{
	struct view *view = make();

	(void)state;
	host_of(view, ALICE)->traffic.quota.state = QUOTA_WARNED;
	host_of(view, ALICE)->traffic.quota.percent = 81;
	show(view);
	EXPECT_OBJECTS(NOTICE_QUOTA_WARNING, alice, {4, 16}, {4, 15}, {4, 25}, {4, 11}, {4, 12});
	assert_int_equal(*told[0]->next_variable->val.integer, QUOTA_WARNED);
	assert_int_equal(*told[0]->next_variable->next_variable->val.integer, 81);
	forget();
	view = make();
	host_of(view, ALICE)->traffic.quota.state = QUOTA_EXCEEDED;
	show(view);
	EXPECT_OBJECTS(NOTICE_QUOTA_EXCEEDED, alice, {4, 16}, {4, 15}, {4, 25}, {4, 11}, {4, 12}, {4, 28});
	forget();
	/* It falls back to the warning level: that is no warning. */
	now += 100000000000;
	view = make();
	host_of(view, ALICE)->traffic.quota.state = QUOTA_WARNED;
	show(view);
	show(make());
	assert_int_equal(n_told, 0);
	/* All at once is the second only. Without an action there is neither. */
	view = make();
	host_of(view, BOB)->traffic.quota.state = QUOTA_EXCEEDED;
	host_of(view, DAVE)->traffic.quota.state = QUOTA_EXCEEDED;
	host_of(view, DAVE)->traffic.quota.action = QUOTA_IGNORE;
	host_of(view, ALICE)->traffic.quota.state = QUOTA_WARNED;
	host_of(view, ALICE)->traffic.quota.action = QUOTA_IGNORE;
	show(view);
	assert_int_equal(n_told, 1);
	assert_int_equal(type_of(0), NOTICE_QUOTA_EXCEEDED);
	assert_int_equal(suppressed, 0);
}

static void a_quota_that_comes(void **state)
{
	struct view *view = make();

	(void)state;
	host_of(view, ALICE)->traffic.quota.state = QUOTA_NONE;
	show(view);
	view = make();
	host_of(view, ALICE)->traffic.quota.state = QUOTA_WARNED;
	show(view);
	assert_int_equal(n_told, 1);
	assert_int_equal(type_of(0), NOTICE_QUOTA_WARNING);
}

static struct view *with_oper(int oper, uint8_t reason)
{
	struct view *view = make();

	host_of(view, ALICE)->oper = (uint8_t)oper;
	host_of(view, ALICE)->reason = reason;
	host_of(view, ALICE)->remark = 1;
	return view;
}

static void blocks(void **state)
{
	(void)state;
	show(with_oper(2, VIEW_REASON_MANAGER));
	EXPECT_OBJECTS(NOTICE_HOST_BLOCKED, alice, {4, 17}, {4, 18}, {4, 29});
	const netsnmp_variable_list *v = told[0]->next_variable;
	assert_int_equal(*v->val.integer, 2);
	assert_int_equal(v->next_variable->val.string[0], VIEW_REASON_MANAGER);
	assert_memory_equal(v->next_variable->next_variable->val.string, "unpaid", 6);
	forget();
	/* More reasons are no new block. */
	show(with_oper(2, VIEW_REASON_MANAGER | VIEW_REASON_TOWN));
	assert_int_equal(n_told, 0);
	show(with_oper(1, 0));
	EXPECT_OBJECTS(NOTICE_HOST_UNBLOCKED, alice, {4, 17}, {4, 18}, {4, 29});
}

static void half_a_block(void **state)
{
	(void)state;
	show(with_oper(3, VIEW_REASON_MANAGER));
	assert_int_equal(n_told, 0);
	show(with_oper(2, VIEW_REASON_MANAGER));
	assert_int_equal(n_told, 1);
	assert_int_equal(type_of(0), NOTICE_HOST_BLOCKED);
	/* Another program took a part of the rules away. */
	show(with_oper(3, VIEW_REASON_MANAGER));
	assert_int_equal(n_told, 2);
	assert_int_equal(type_of(1), NOTICE_HOST_UNBLOCKED);
}

static void a_blocked_town_is_not_told_for_each_host(void **state)
{
	(void)state;
	show(with_oper(2, VIEW_REASON_TOWN));
	show(with_oper(1, 0));
	assert_int_equal(n_told, 0);
	/* With a reason of its own, it is. */
	show(with_oper(2, VIEW_REASON_TOWN | VIEW_REASON_QUOTA));
	assert_int_equal(n_told, 1);
	show(with_oper(2, VIEW_REASON_TOWN));
	show(with_oper(1, 0));
	assert_int_equal(n_told, 1);
}

static void add_closed(bool is_host, const char *town, const char *host, uint32_t number, uint8_t reason, decitime end)
{
	struct closed *row = &closed[n_closed++];

	memset(row, 0, sizeof *row);
	row->is_host = is_host;
	put(row->town, sizeof row->town, town);
	put(row->host, sizeof row->host, host);
	row->number = number;
	row->reason = reason;
	row->end = end;
	row->down.octets = 1000 + number;
}

static void a_host_is_zeroed(void **state)
{
	static const oid index[] = {1, 'a', 5, 'a', 'l', 'i', 'c', 'e', 3};
	struct view *view = make();

	(void)state;
	add_closed(true, "a", "alice", 3, CLOSED_HOST_ZERO, 2000);
	host_of(view, ALICE)->traffic.period = (struct view_period){.number = 4, .start = 2000};
	show(view);
	EXPECT_OBJECTS(NOTICE_HOST_ZEROED, index, {9, 4}, {9, 6}, {9, 7}, {9, 11}, {4, 29});
	const netsnmp_variable_list *v = told[0]->next_variable;
	assert_int_equal(*v->val.integer, CLOSED_HOST_ZERO);
	assert_int_equal(v->next_variable->val.counter64->low, 1003);
}

static void a_town_is_zeroed(void **state)
{
	static const oid index[] = {1, 'a', 3};
	struct view *view = make();

	(void)state;
	add_closed(false, "a", "", 3, CLOSED_TOWN_ZERO, 2000);
	view_towns(view)[0].traffic.period = (struct view_period){.number = 4, .start = 2000};
	for (int i = ALICE; i <= BOB; i++)
		host_of(view, i)->traffic.period = (struct view_period){.number = 4, .start = 2000};
	show(view);
	EXPECT_OBJECTS(NOTICE_TOWN_ZEROED, index, {8, 4}, {8, 6}, {8, 7}, {8, 11}, {3, 19});
	assert_int_equal(suppressed, 0);
	/* Not one row of its hosts was read: there may be very many. */
	assert_int_equal(searches_of_hosts, 0);
}

/* Of periods that ended with the town's, all but the last are known by their reason. */
static void a_town_is_zeroed_twice(void **state)
{
	static const uint8_t reasons[] = {CLOSED_TOWN_ZERO, CLOSED_SCHEDULE};

	for (size_t i = 0; i < sizeof reasons; i++) {
		struct view *view = make();
		add_closed(true, "a", "alice", 3, reasons[i], 2000);
		add_closed(true, "a", "alice", 4, CLOSED_TOWN_ZERO, 2010);
		add_closed(false, "a", "", 3, reasons[i], 2000);
		add_closed(false, "a", "", 4, CLOSED_TOWN_ZERO, 2010);
		view_towns(view)[0].traffic.period = (struct view_period){.number = 5, .start = 2010};
		host_of(view, ALICE)->traffic.period = (struct view_period){.number = 5, .start = 2010};
		show(view);
		assert_int_equal(n_told, 1);
		assert_int_equal(type_of(0), NOTICE_TOWN_ZEROED);
		assert_int_equal(suppressed, 1);
		tear_down(state);
		set_up(state);
	}
}

/* Alice alone, and then with her town: one of each. */
static void a_host_and_then_its_town(void **state)
{
	struct view *view = make();

	(void)state;
	add_closed(true, "a", "alice", 3, CLOSED_HOST_ZERO, 2000);
	add_closed(true, "a", "alice", 4, CLOSED_TOWN_ZERO, 2010);
	add_closed(false, "a", "", 3, CLOSED_TOWN_ZERO, 2010);
	view_towns(view)[0].traffic.period = (struct view_period){.number = 4, .start = 2010};
	host_of(view, ALICE)->traffic.period = (struct view_period){.number = 5, .start = 2010};
	host_of(view, BOB)->traffic.period = (struct view_period){.number = 4, .start = 2010};
	show(view);
	assert_int_equal(n_told, 2);
	assert_int_equal(type_of(0), NOTICE_TOWN_ZEROED);
	assert_int_equal(type_of(1), NOTICE_HOST_ZEROED);
}

/* Its town, and then alice alone, before the next look at the views. */
static void a_town_and_then_a_host(void **state)
{
	struct view *view = make();

	(void)state;
	add_closed(true, "a", "alice", 3, CLOSED_LOCAL, 2000);
	add_closed(true, "a", "alice", 4, CLOSED_HOST_ZERO, 2010);
	add_closed(false, "a", "", 3, CLOSED_LOCAL, 2000);
	view_towns(view)[0].traffic.period = (struct view_period){.number = 4, .start = 2000};
	host_of(view, ALICE)->traffic.period = (struct view_period){.number = 5, .start = 2010};
	host_of(view, BOB)->traffic.period = (struct view_period){.number = 4, .start = 2000};
	show(view);
	assert_int_equal(n_told, 2);
	assert_int_equal(type_of(0), NOTICE_TOWN_ZEROED);
	assert_int_equal(type_of(1), NOTICE_HOST_ZEROED);
	assert_int_equal(told[1]->next_variable->next_variable->val.counter64->low, 1004);
}

static void a_period_that_can_not_be_read(void **state)
{
	struct view *view = make();

	(void)state;
	host_of(view, ALICE)->traffic.period = (struct view_period){.number = 4, .start = 2000};
	show(view);
	assert_int_equal(n_told, 0);
	assert_int_equal(suppressed, 0);
}

static void the_agent(void **state)
{
	struct view *view = make();

	(void)state;
	view->agent.discontinuity++;
	show(view);
	EXPECT_OBJECTS(NOTICE_DISCONTINUITY, nothing, {1, 20}, {1, 19}, {1, 16});
	forget();
	view = make();
	view->agent.discontinuity++;
	view->agent.ledger = VIEW_LEDGER_FAILED;
	show(view);
	EXPECT_OBJECTS(NOTICE_LEDGER_FAILED, nothing, {1, 16}, {1, 17}, {1, 8});
	forget();
	view = make();
	view->agent.discontinuity++;
	view->agent.ledger = VIEW_LEDGER_FAILED;
	show(view); /* still */
	assert_int_equal(suppressed, 0);
	view = make();
	view->agent.discontinuity++;
	view->agent.backend = VIEW_BACKEND_NONE;
	show(view);
	EXPECT_OBJECTS(NOTICE_BACKEND_LOST, nothing, {1, 2}, {1, 3}, {1, 8});
	forget();
	view = make();
	view->agent.discontinuity++;
	view->agent.backend = VIEW_BACKEND_NFTABLES;
	show(view);
	EXPECT_OBJECTS(NOTICE_BACKEND_RESTORED, nothing, {1, 2}, {1, 3}, {1, 19});
}

/* The first view comes before any look; that the first look fails is a change. */
static void the_first_look(void **state)
{
	struct view *view = make();

	(void)state;
	notify_free(notify);
	view->agent.backend = VIEW_BACKEND_NONE;
	view->agent.looked = false;
	view_release(current);
	current = view;
	notify = notify_new(NULL, view, NULL);
	notify_step(notify);
	assert_int_equal(n_told, 0);
	view = make();
	view->agent.backend = VIEW_BACKEND_NONE;
	view->agent.discontinuity++;
	show(view);
	assert_int_equal(n_told, 2);
	assert_int_equal(type_of(0), NOTICE_BACKEND_LOST);
	assert_int_equal(type_of(1), NOTICE_DISCONTINUITY);
}

/* A row that is new, and one that went, however they are: no change of theirs. */
static void rows_that_come_and_go(void **state)
{
	struct view *view = view_new(0, 1, 1, 0, 1);

	(void)state;
	view->serial = 1000000;
	view->agent = current->agent;
	put(view_towns(view)[0].name, sizeof view_towns(view)[0].name, "b");
	view_towns(view)[0].traffic.period.number = 3;
	*host_of(view, 0) = *host_of(current, DAVE);
	host_of(view, 0)->town = 0;
	host_of(view, 0)->oper = 2;
	host_of(view, 0)->reason = VIEW_REASON_LOCAL;
	show(view);
	assert_int_equal(n_told, 1); /* dave, in another place than before */
	assert_int_equal(type_of(0), NOTICE_HOST_BLOCKED);
	forget();
	view = make();
	host_of(view, ALICE)->oper = 2;
	host_of(view, ALICE)->reason = VIEW_REASON_LOCAL;
	host_of(view, ALICE)->traffic.period.number = 9;
	host_of(view, BOB)->traffic.quota.state = QUOTA_EXCEEDED;
	view_towns(view)[0].traffic.period.number = 9;
	show(view);
	assert_int_equal(n_told, 1); /* dave, behind rows that are new */
	assert_int_equal(type_of(0), NOTICE_HOST_UNBLOCKED);
}

/* Blocked, allowed and blocked again within the interval: the state at its end is told, if it differs. */
static void back_and_forth(void **state)
{
	const int64_t start = now;

	(void)state;
	show(with_oper(2, VIEW_REASON_MANAGER)); /* told */
	now += 1000000000;
	show(with_oper(1, 0));                   /* told: another type */
	show(with_oper(2, VIEW_REASON_MANAGER)); /* too early */
	assert_int_equal(n_told, 2);
	assert_int_equal(suppressed, 1);
	assert_true(notify_due(notify) == start + 60000000000);
	now = start + 59000000000;
	notify_step(notify);
	assert_int_equal(n_told, 2);
	now = start + 60000000000;
	notify_step(notify);
	assert_int_equal(n_told, 3);
	assert_int_equal(type_of(2), NOTICE_HOST_BLOCKED);
	/* And once more each way, so that in the end all is as it was told: nothing follows. */
	now += 500000000;
	show(with_oper(1, 0));
	show(with_oper(2, VIEW_REASON_MANAGER));
	assert_int_equal(suppressed, 3);
	now += 100000000000;
	notify_step(notify);
	assert_int_equal(n_told, 3);
	assert_true(notify_due(notify) == INT64_MAX);
}

/* Periods that end too soon after another: the last of them is told, when its time has come. */
static void many_periods(void **state)
{
	(void)state;
	for (uint32_t number = 3; number < 6; number++) {
		struct view *view = make();
		add_closed(true, "a", "alice", number, CLOSED_HOST_ZERO, 2000 + number);
		host_of(view, ALICE)->traffic.period = (struct view_period){.number = number + 1, .start = 2000 + number};
		show(view);
		now += 1000000000;
	}
	assert_int_equal(n_told, 1);
	assert_int_equal(suppressed, 2);
	now += 60000000000;
	notify_step(notify);
	assert_int_equal(n_told, 2);
	assert_int_equal(told[1]->next_variable->next_variable->val.counter64->low, 1005);
	notify_step(notify);
	assert_int_equal(n_told, 2);
}

/* A warning in a new period is another one. */
static void warned_again(void **state)
{
	(void)state;
	for (uint32_t number = 3; number < 5; number++) {
		struct view *view = make();
		host_of(view, ALICE)->traffic.period = (struct view_period){.number = number, .start = 1000};
		host_of(view, ALICE)->traffic.quota.state = QUOTA_WARNED;
		show(view);
		view = make();
		host_of(view, ALICE)->traffic.period = (struct view_period){.number = number + 1, .start = 1000};
		show(view);
	}
	assert_int_equal(n_told, 1);
	assert_int_equal(suppressed, 1);
	struct view *view = make();
	host_of(view, ALICE)->traffic.period = (struct view_period){.number = 5, .start = 1000};
	host_of(view, ALICE)->traffic.quota.state = QUOTA_WARNED;
	show(view);
	now += 60000000000;
	notify_step(notify);
	assert_int_equal(n_told, 2);
	assert_int_equal(type_of(1), NOTICE_QUOTA_WARNING);
}

static void at_most_so_many(void **state)
{
	struct view *view = make();

	(void)state;
	view->agent.notify_max_per_minute = 2;
	for (int i = ALICE; i <= DAVE; i++)
		host_of(view, i)->traffic.quota.state = QUOTA_WARNED;
	show(view);
	assert_int_equal(n_told, 2);
	assert_int_equal(suppressed, 1);
	/* What was in excess does not follow. */
	now += 100000000000;
	notify_step(notify);
	assert_int_equal(n_told, 2);
}

static void switched_off(void **state)
{
	struct view *view = with_oper(2, VIEW_REASON_MANAGER);

	(void)state;
	for (uint32_t number = 3; number < 5; number++) {
		struct view *early = make();
		add_closed(true, "b", "dave", number, CLOSED_HOST_ZERO, 2000 + number);
		host_of(early, DAVE)->traffic.period = (struct view_period){.number = number + 1, .start = 2000 + number};
		show(early);
	}
	assert_int_equal(suppressed, 1);
	assert_true(notify_due(notify) != INT64_MAX);
	suppressed = 0;
	forget();
	view->agent.notify_enable = false;
	view->agent.discontinuity++;
	show(view);
	assert_int_equal(n_told, 0);
	assert_int_equal(suppressed, 0);
	assert_true(dropped);
	assert_true(notify_due(notify) == INT64_MAX);
	/* What happened meanwhile is not made up for, nor what was too early before. */
	show(with_oper(2, VIEW_REASON_MANAGER));
	assert_int_equal(n_told, 1);
	assert_int_equal(type_of(0), NOTICE_DISCONTINUITY);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(nothing_changed),
		CASE(quotas),
		CASE(a_quota_that_comes),
		CASE(blocks),
		CASE(half_a_block),
		CASE(a_blocked_town_is_not_told_for_each_host),
		CASE(a_host_is_zeroed),
		CASE(a_town_is_zeroed),
		CASE(a_town_is_zeroed_twice),
		CASE(a_host_and_then_its_town),
		CASE(a_town_and_then_a_host),
		CASE(a_period_that_can_not_be_read),
		CASE(the_agent),
		CASE(the_first_look),
		CASE(rows_that_come_and_go),
		CASE(back_and_forth),
		CASE(many_periods),
		CASE(warned_again),
		CASE(at_most_so_many),
		CASE(switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
