/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters that never go backwards, whatever the rules and their counters do. */
#include <stdio.h>

#include "make.h"
#include "meter.h"
#include "row.h"

#define JUMPS ":FORWARD ACCEPT\n:town-a\n[%u:%u] -A FORWARD -d 10.1.0.0/24 -j town-a\n" \
	"[0:0] -A FORWARD -s 10.1.0.0/24 -j town-a\n"

struct bench {
	struct meter *meter;
	uint64_t generation, received;
	decitime now;
};

static struct bench bench_new(void)
{
	struct bench bench = {.meter = meter_new(1000), .now = 1000};

	assert_non_null(bench.meter);
	return bench;
}

/* One look at these rules; everything that they count came in before. */
static void look(struct bench *bench, const char *text, uint64_t came_in)
{
	struct made made = make(text);
	struct snapshot snapshot = {.rules = made.rules, .counters = made.counters,
				    .generation = ++bench->generation, .received_before = bench->received,
				    .received_after = bench->received + came_in};

	bench->received += came_in;
	snapshot.received_before = bench->received;
	snapshot.received_after = bench->received;
	assert_int_equal(meter_fold(bench->meter, &snapshot, ++bench->now, NULL, NULL), 0);
	made_free(&made);
}

static struct view *published(const struct bench *bench)
{
	struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(bench->meter, &agent);

	assert_non_null(view);
	return view;
}

static struct view_traffic host(const struct bench *bench, const char *town, const char *name)
{
	struct view *view = published(bench);
	uint32_t row = view_find_host(view, town, name);

	assert_int_not_equal(row, UINT32_MAX);
	struct view_traffic traffic = view_hosts(view)[row].traffic;
	view_release(view);
	return traffic;
}

static struct view_traffic town(const struct bench *bench, const char *name)
{
	struct view *view = published(bench);
	uint32_t row = view_find_town(view, name);

	assert_int_not_equal(row, UINT32_MAX);
	struct view_traffic traffic = view_towns(view)[row].traffic;
	view_release(view);
	return traffic;
}

static void look_at(struct bench *bench, unsigned jump, const char *rest, uint64_t came_in)
{
	char text[1000];

	snprintf(text, sizeof text, JUMPS "%s", jump, jump * 100, rest);
	look(bench, text, came_in);
}

static void starts_with_what_stands(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 9, "[7:700] -A town-a -d 10.1.0.10 --comment alice\n", 9);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 7);
	assert_int_equal(host(&bench, "town-a", "alice").down.octets, 700);
	assert_int_equal(host(&bench, "town-a", "alice").period.down.octets, 700);
	assert_int_equal(town(&bench, "town-a").down.packets, 9);
	look_at(&bench, 12, "[8:900] -A town-a -d 10.1.0.10 --comment alice\n", 3);
	assert_int_equal(host(&bench, "town-a", "alice").down.octets, 900);
	assert_int_equal(town(&bench, "town-a").down.packets, 12);
	meter_free(bench.meter);
}

static void zeroed_by_someone(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 9, "[7:700] -A town-a -d 10.1.0.10 --comment alice\n", 9);
	decitime before = host(&bench, "town-a", "alice").discontinuity;
	look_at(&bench, 2, "[2:200] -A town-a -d 10.1.0.10 --comment alice\n", 5);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 9);
	assert_int_equal(town(&bench, "town-a").down.packets, 11);
	assert_true(host(&bench, "town-a", "alice").discontinuity > before);
	struct view *view = published(&bench);
	assert_int_equal(view->agent.kernel_resets, 1);
	view_release(view);
	meter_free(bench.meter);
}

/* More than came in can not have passed: a backup was restored. */
static void restored_by_someone(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 100, "[90:9000] -A town-a -d 10.1.0.10 --comment alice\n", 100);
	look_at(&bench, 60, "[50:5000] -A town-a -d 10.1.0.10 --comment alice\n", 10);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 90);
	assert_int_equal(town(&bench, "town-a").down.packets, 100);
	look_at(&bench, 61, "[51:5100] -A town-a -d 10.1.0.10 --comment alice\n", 1);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 91);
	meter_free(bench.meter);
}

/* A rule that was away and comes back with what came in since. */
static void comes_and_goes(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 30, "[30:3000] -A town-a -d 10.1.0.10 --comment alice\n", 30);
	look_at(&bench, 30, "", 0);
	struct view *view = published(&bench);
	assert_int_equal(view->n_hosts, 1);
	assert_int_equal(view_hosts(view)[0].oper, OPER_MISSING);
	assert_string_equal(view_text(view, view_hosts(view)[0].prefixes), "");
	assert_int_equal(view->n_addresses, 0);
	view_release(view);
	look_at(&bench, 70, "[40:4000] -A town-a -d 10.1.0.10 --comment alice\n", 40);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 70);
	meter_free(bench.meter);
}

/* Rules are not read at one instant: a drop may show before the jump that led to it. */
static void debts(void **state)
{
	struct bench bench = bench_new();
	static const char drops[] = "[%u:%u] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
				    "[0:0] -A town-a -d 10.1.0.10 --comment alice\n";
	char text[300];

	(void)state;
	snprintf(text, sizeof text, drops, 5, 500);
	look_at(&bench, 10, text, 10);
	assert_int_equal(town(&bench, "town-a").down.packets, 5);
	assert_int_equal(town(&bench, "town-a").dropped.packets, 5);
	snprintf(text, sizeof text, drops, 9, 900);
	look_at(&bench, 12, text, 4);
	assert_int_equal(town(&bench, "town-a").down.packets, 5); /* not 3: two are owed */
	look_at(&bench, 15, text, 3);
	assert_int_equal(town(&bench, "town-a").down.packets, 6);
	assert_int_equal(host(&bench, "town-a", "alice").dropped.packets, 9);
	meter_free(bench.meter);
}

/* Behind the counting rule a drop gets packets that were charged. */
static void late_drop(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 10, "[10:1000] -A town-a -d 10.1.0.10 --comment alice\n"
			    "[4:400] -A town-a -d 10.1.0.10 -j DROP\n", 10);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 6);
	assert_int_equal(host(&bench, "town-a", "alice").dropped.packets, 4);
	assert_int_equal(town(&bench, "town-a").down.packets, 6);
	meter_free(bench.meter);
}

/* Amounts belong to names, baselines to rules: nothing is billed twice. */
static void a_new_name(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 10, "[10:1000] -A town-a -d 10.1.0.10 --comment alice\n", 10);
	look_at(&bench, 13, "[13:1300] -A town-a -d 10.1.0.10 --comment bob\n", 3);
	assert_int_equal(host(&bench, "town-a", "alice").down.packets, 10);
	assert_int_equal(host(&bench, "town-a", "bob").down.packets, 3);
	meter_free(bench.meter);
}

static void periods(void **state)
{
	struct bench bench = bench_new();

	(void)state;
	look_at(&bench, 10, "[10:1000] -A town-a -d 10.1.0.10 --comment alice\n", 10);
	uint32_t id = meter_find_host(bench.meter, "town-a", "alice");
	struct counter taken = {12, 1200};
	/* What passed between the look and the zeroing belongs to the old period. */
	meter_rule_zeroed(bench.meter, 3, &taken);
	meter_settle(bench.meter);
	struct meter_row before = meter_row(bench.meter, METER_HOST, id);
	struct closed closed;
	meter_period_end(bench.meter, METER_HOST, id, 5000, CLOSED_HOST_ZERO, &closed);
	assert_string_equal(closed.town, "town-a");
	assert_string_equal(closed.host, "alice");
	assert_int_equal(closed.down.packets, 12);
	assert_int_equal(closed.down.octets, 1200);
	assert_int_equal(closed.number, 1);
	assert_int_equal(closed.end, 5000);
	assert_int_equal(closed.reason, CLOSED_HOST_ZERO);
	assert_true(closed.complete);
	look_at(&bench, 15, "[3:300] -A town-a -d 10.1.0.10 --comment alice\n", 5);
	struct view_traffic alice = host(&bench, "town-a", "alice");
	assert_int_equal(alice.down.packets, 15);
	assert_int_equal(alice.period.down.packets, 3);
	assert_int_equal(alice.period.number, 2);
	assert_int_equal(alice.period.start, 5000);
	meter_row_put(bench.meter, METER_HOST, id, &before);
	alice = host(&bench, "town-a", "alice");
	assert_int_equal(alice.period.down.packets, 15);
	assert_int_equal(alice.period.number, 1);
	meter_free(bench.meter);
}

/* A backup from before a zeroing makes counters rise: what did not come in was counted before. Only if another
 * program has put its rules there: bridges forward what never came in. */
static void backup_from_before_a_zeroing(void **state)
{
	static const char rules[] = ":FORWARD ACCEPT\n:town-a\n[%u:%u] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
				    "[0:0] -A FORWARD -s 10.1.0.0/24 -j town-a\n"
				    "[%u:%u] -A town-a -d 10.1.0.10 --comment alice\n";
	const struct {
		uint64_t received;
		unsigned packets, counted;
		bool replaced, stamped;
	} looks[] = {{0, 0, 0, false, false},   {10, 5, 5, false, false},    {12, 500, 5, true, true},
		     {20, 503, 8, false, false}, {22, 900, 405, false, false}, {40, 901, 406, true, false}};

	(void)state;
	for (int backend = CHAIN_LEGACY; backend <= CHAIN_NFT; backend++) {
		struct meter *meter = meter_new(100);
		decitime stamp = 0;
		for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
			char text[600];
			unsigned n = looks[i].packets;
			snprintf(text, sizeof text, rules, n, n * 100, n, n * 100);
			struct made made = make(text);
			for (uint32_t c = 0; c < made.rules->n_chains; c++)
				made.rules->chains[c].backend = (uint8_t)backend;
			struct snapshot snapshot = {.rules = made.rules, .counters = made.counters, .generation = 7,
						    .received_before = looks[i].received,
						    .received_after = looks[i].received};
			snapshot.replaced[backend] = looks[i].replaced;
			assert_int_equal(meter_fold(meter, &snapshot, 200 + (decitime)i, NULL, NULL), 0);
			struct bench bench = {.meter = meter};
			struct view_traffic alice = host(&bench, "town-a", "alice");
			assert_int_equal(alice.down.packets, looks[i].counted);
			assert_int_equal(i > 0 && alice.discontinuity != stamp, looks[i].stamped);
			stamp = alice.discontinuity;
			made_free(&made);
		}
		meter_free(meter);
	}
}

static void count_visit(void *context, enum meter_kind kind, uint32_t id, bool blocked)
{
	(void)kind, (void)id;
	((unsigned *)context)[blocked]++;
}

/* A wish without its drops, and drops without a wish, are to be put right. */
static void wishes(void **state)
{
	struct bench bench = bench_new();
	unsigned visits[2] = {0, 0};

	(void)state;
	look_at(&bench, 0, "-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n", 0);
	uint32_t id = meter_find_host(bench.meter, "town-a", "alice");
	assert_false(meter_is_blocked(bench.meter, METER_HOST, id));
	row_block(bench.meter, METER_HOST, id, true);
	meter_each_unfulfilled(bench.meter, count_visit, visits);
	assert_int_equal(visits[1], 1);
	assert_int_equal(visits[0], 0);
	look_at(&bench, 0, "-A town-a -d 10.1.0.10 --comment townmeter -j DROP\n"
			   "-A town-a -s 10.1.0.10 --comment townmeter -j DROP\n"
			   "-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n", 0);
	meter_each_unfulfilled(bench.meter, count_visit, visits);
	assert_int_equal(visits[1], 1);
	row_block(bench.meter, METER_HOST, id, false);
	meter_each_unfulfilled(bench.meter, count_visit, visits);
	assert_int_equal(visits[0], 1);
	meter_free(bench.meter);
}

/* Whatever the counters do, no published one decreases. */
static void never_backwards(void **state)
{
	struct bench bench = bench_new();
	uint64_t town_down = 0, alice_down = 0, dropped = 0;
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char text[400];
		unsigned c[3];
		for (int k = 0; k < 3; k++) {
			seed = seed * 1103515245u + 12345u;
			c[k] = (seed >> 16) % 50;
		}
		snprintf(text, sizeof text, "%s[%u:%u] -A town-a -d 10.1.0.10 --comment alice\n",
			 c[2] % 3 ? "[9:900] -A town-a -d 10.1.0.10 -j DROP\n" : "", c[1], c[1] * 100);
		look_at(&bench, c[0], text, c[2] % 7);
		struct view_traffic alice = host(&bench, "town-a", "alice"), whole = town(&bench, "town-a");
		assert_true(whole.down.packets >= town_down && alice.down.packets >= alice_down);
		assert_true(whole.dropped.packets >= dropped);
		town_down = whole.down.packets;
		alice_down = alice.down.packets;
		dropped = whole.dropped.packets;
	}
	assert_true(town_down > 0 && alice_down > 0 && dropped > 0);
	meter_free(bench.meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_what_stands), cmocka_unit_test(zeroed_by_someone),
		cmocka_unit_test(restored_by_someone),     cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(debts),                   cmocka_unit_test(late_drop),
		cmocka_unit_test(a_new_name),              cmocka_unit_test(periods),
		cmocka_unit_test(backup_from_before_a_zeroing),
		cmocka_unit_test(wishes),                  cmocka_unit_test(never_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
