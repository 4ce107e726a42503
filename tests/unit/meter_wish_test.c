/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States, reasons and remarks: what follows from wishes and from rules. */
#include <stdio.h>

#include "make.h"
#include "meter.h"
#include "row.h"

#define JUMPS ":FORWARD ACCEPT\n:town-a\n-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -j town-a\n"
#define ALICE "-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n"
#define OURS "-A town-a -d 10.1.0.10 --comment townmeter -j DROP\n-A town-a -s 10.1.0.10 --comment townmeter -j DROP\n"
#define FOREIGN "-A town-a -d 10.1.0.10 -j DROP\n-A town-a -s 10.1.0.10 -j DROP\n"
#define TOWNS "-A town-a -d 10.1.0.0/24 --comment townmeter -j DROP\n-A town-a -s 10.1.0.0/24 --comment townmeter -j DROP\n"

static uint64_t generation;

static struct meter *begin(void)
{
	struct meter *meter = meter_new(100);

	assert_non_null(meter);
	return meter;
}

static void look(struct meter *meter, const char *rules, decitime now)
{
	char text[2000];

	snprintf(text, sizeof text, JUMPS "%s", rules);
	struct made made = make(text);
	struct snapshot snapshot = {.rules = made.rules, .counters = made.counters, .generation = ++generation};
	assert_int_equal(meter_fold(meter, &snapshot, now, NULL, NULL), 0);
	made_free(&made);
}

static struct view_host alice(const struct meter *meter)
{
	static const struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(meter, &agent);

	assert_non_null(view);
	uint32_t row = view_find_host(view, "town-a", "alice");
	assert_int_not_equal(row, UINT32_MAX);
	struct view_host copy = view_hosts(view)[row];
	/* The numbers of blocked hosts go with it: alice is the only one. */
	assert_int_equal(view->agent.blocked_hosts, copy.oper == OPER_BLOCKED);
	assert_int_equal(view_towns(view)[copy.town].blocked_hosts, copy.oper == OPER_BLOCKED);
	view_release(view);
	return copy;
}

static void reasons(void **state)
{
	static const struct {
		const char *rules;
		bool host_wish, town_wish;
		uint8_t oper, admin, reason;
	} cases[] = {
		{ALICE, false, false, OPER_ALLOWED, VIEW_ALLOWED, 0},
		/* Drops of ours that were there at first were asked for once. */
		{OURS ALICE, false, false, OPER_BLOCKED, VIEW_BLOCKED, VIEW_REASON_MANAGER},
		{FOREIGN ALICE, false, false, OPER_BLOCKED, VIEW_BLOCKED, VIEW_REASON_MANAGER | VIEW_REASON_LOCAL},
		{TOWNS ALICE, false, false, OPER_BLOCKED, VIEW_ALLOWED, VIEW_REASON_TOWN},
		{TOWNS FOREIGN ALICE, false, false, OPER_BLOCKED, VIEW_BLOCKED,
		 VIEW_REASON_MANAGER | VIEW_REASON_LOCAL | VIEW_REASON_TOWN},
		/* A wish that is not fulfilled yet. */
		{ALICE, true, false, OPER_ALLOWED, VIEW_BLOCKED, VIEW_REASON_MANAGER},
		{ALICE, false, true, OPER_ALLOWED, VIEW_ALLOWED, VIEW_REASON_TOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct meter *meter = begin();
		look(meter, cases[i].rules, 200);
		if (cases[i].host_wish)
			row_block(meter, METER_HOST, meter_find_host(meter, "town-a", "alice"), true);
		if (cases[i].town_wish)
			row_block(meter, METER_TOWN, meter_find_town(meter, "town-a"), true);
		meter_judge(meter, 300);
		struct view_host row = alice(meter);
		if (row.oper != cases[i].oper || row.admin != cases[i].admin || row.reason != cases[i].reason)
			fail_msg("case %zu: oper %u, admin %u, reason %02x", i, row.oper, row.admin, row.reason);
		meter_free(meter);
	}
}

/* Our own drops follow the wish, also those that someone brings back; foreign ones make a row blocked. */
static void wishes_outlive_rules(void **state)
{
	struct meter *meter = begin();

	(void)state;
	look(meter, OURS ALICE, 200);
	uint32_t id = meter_find_host(meter, "town-a", "alice");
	assert_true(meter_is_wished(meter, METER_HOST, id));
	look(meter, ALICE, 300); /* someone flushed */
	assert_true(meter_is_blocked(meter, METER_HOST, id));
	row_block(meter, METER_HOST, id, false);
	look(meter, OURS ALICE, 400); /* someone restored */
	assert_false(meter_is_wished(meter, METER_HOST, id));
	assert_false(meter_is_blocked(meter, METER_HOST, id));
	assert_int_equal(alice(meter).admin, VIEW_ALLOWED);
	look(meter, FOREIGN ALICE, 500);
	assert_false(meter_is_wished(meter, METER_HOST, id));
	assert_true(meter_is_blocked(meter, METER_HOST, id));
	meter_free(meter);
}

static void last_change(void **state)
{
	struct meter *meter = begin();

	(void)state;
	look(meter, ALICE, 200);
	assert_int_equal(alice(meter).last_change, 200);
	look(meter, ALICE, 300);
	assert_int_equal(alice(meter).last_change, 200);
	look(meter, FOREIGN ALICE, 400);
	assert_int_equal(alice(meter).last_change, 400);
	look(meter, OURS ALICE, 500); /* still blocked, for another reason */
	assert_int_equal(alice(meter).last_change, 500);
	look(meter, "", 600);
	assert_int_equal(alice(meter).last_change, 600);
	assert_int_equal(alice(meter).oper, OPER_MISSING);
	look(meter, "", 700);
	assert_int_equal(alice(meter).last_change, 600);
	meter_free(meter);
}

/* What was taken back as a whole did not happen. */
static void forgotten_changes(void **state)
{
	struct meter *meter = begin();

	(void)state;
	look(meter, ALICE, 200);
	uint64_t epoch = meter_epoch(meter);
	look(meter, OURS ALICE, 300);
	look(meter, ALICE, 400);
	assert_int_equal(alice(meter).last_change, 400);
	meter_forget_changes(meter, epoch);
	assert_int_equal(alice(meter).last_change, 200);
	/* What did not come back to what it was stays changed; another epoch's changes are not its. */
	epoch = meter_epoch(meter);
	look(meter, OURS ALICE, 500);
	meter_forget_changes(meter, epoch);
	assert_int_equal(alice(meter).last_change, 500);
	uint64_t next = meter_epoch(meter);
	look(meter, ALICE, 600);
	look(meter, OURS ALICE, 700);
	meter_forget_changes(meter, epoch);
	assert_int_equal(alice(meter).last_change, 700);
	meter_forget_changes(meter, next);
	assert_int_equal(alice(meter).last_change, 500);
	meter_free(meter);
}

static void remarks(void **state)
{
	struct meter *meter = begin();
	const struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};

	(void)state;
	look(meter, ALICE "-A town-a -d 10.1.0.11 --comment bob\n", 200);
	uint32_t id = meter_find_host(meter, "town-a", "alice"), bob = meter_find_host(meter, "town-a", "bob");
	assert_string_equal(meter_row(meter, METER_HOST, id).remark, "");
	row_remark(meter, id, "pays late");
	row_remark(meter, id, "pays in time");
	row_remark(meter, bob, "new");
	struct view *view = meter_publish(meter, &agent);
	assert_string_equal(view_text(view, view_hosts(view)[view_find_host(view, "town-a", "alice")].remark), "pays in time");
	assert_string_equal(view_text(view, view_hosts(view)[view_find_host(view, "town-a", "bob")].remark), "new");
	assert_string_equal(view_text(view, view_hosts(view)[view_find_host(view, "town-a", "alice")].prefixes), "10.1.0.10");
	view_release(view);
	/* It outlives the rules, and an empty one is none. */
	look(meter, "", 300);
	assert_string_equal(meter_row(meter, METER_HOST, id).remark, "pays in time");
	row_remark(meter, id, "");
	assert_string_equal(meter_row(meter, METER_HOST, id).remark, "");
	meter_free(meter);
}

/* Lists of prefixes are cut to 255 octets, between two of them, and say so. */
static void many_prefixes(void **state)
{
	struct meter *meter = begin();
	const struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	char rules[1900] = "", *at = rules;

	(void)state;
	for (int i = 100; i < 140; i++)
		at += sprintf(at, "-A town-a -d 10.1.0.%d --comment alice\n", i);
	look(meter, rules, 200);
	struct view *view = meter_publish(meter, &agent);
	const char *text = view_text(view, view_hosts(view)[0].prefixes);
	assert_true(strlen(text) <= 255 && strlen(text) > 235);
	assert_string_equal(text + strlen(text) - 8, ".121 ...");
	assert_memory_equal(text, "10.1.0.100 10.1.0.101 ", 22);
	assert_string_equal(view_text(view, view_towns(view)[0].prefixes), "10.1.0.0/24");
	assert_int_equal(view->n_addresses, 40);
	view_release(view);
	meter_free(meter);
}

struct visit {
	enum meter_kind kind;
	uint32_t id, n;
	bool blocked;
};

static void note(void *context, enum meter_kind kind, uint32_t id, bool blocked)
{
	struct visit *visit = context;

	*visit = (struct visit){kind, id, visit->n + 1, blocked};
}

static void is_unfulfilled(const struct meter *meter, uint32_t n, enum meter_kind kind, bool blocked)
{
	struct visit visit = {.n = 0};

	meter_each_unfulfilled(meter, note, &visit);
	assert_int_equal(visit.n, n);
	if (n) {
		assert_int_equal(visit.kind, kind);
		assert_int_equal(visit.blocked, blocked);
	}
}

static void what_is_to_be_put_right(void **state)
{
	struct meter *meter = begin();

	(void)state;
	look(meter, TOWNS ALICE, 200);
	uint32_t id = meter_find_town(meter, "town-a");
	is_unfulfilled(meter, 0, METER_TOWN, false);
	look(meter, "-A town-a -d 10.1.0.0/24 --comment townmeter -j DROP\n" ALICE, 300); /* one is gone */
	is_unfulfilled(meter, 1, METER_TOWN, true);
	row_block(meter, METER_TOWN, id, false);
	is_unfulfilled(meter, 1, METER_TOWN, false);
	look(meter, FOREIGN ALICE, 400); /* nobody's business but who put it there */
	is_unfulfilled(meter, 0, METER_TOWN, false);
	row_block(meter, METER_HOST, meter_find_host(meter, "town-a", "alice"), true);
	is_unfulfilled(meter, 0, METER_HOST, true);
	look(meter, ALICE, 500);
	is_unfulfilled(meter, 1, METER_HOST, true);
	look(meter, "", 600); /* nothing can be done while it has no rules */
	is_unfulfilled(meter, 0, METER_HOST, true);
	meter_free(meter);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons),
		cmocka_unit_test(wishes_outlive_rules),
		cmocka_unit_test(last_change),
		cmocka_unit_test(forgotten_changes),
		cmocka_unit_test(remarks),
		cmocka_unit_test(many_prefixes),
		cmocka_unit_test(what_is_to_be_put_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
