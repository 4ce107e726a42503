/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that were forgotten and come back, and rules that were put in: one, and very many. */
#include <arpa/inet.h>
#include <stdio.h>

#include "make.h"
#include "meter.h"
#include "plan.h"

enum { HOSTS = 49152 };

static uint64_t generation = 1;

static void add_rule(struct ruleset *rules, int direction, const struct prefix *prefix, uint8_t verdict, uint32_t jump,
		     const char *comment)
{
	struct rule rule = {.verdict = verdict, .jump = jump};

	*(direction == DIRECTION_DOWN ? &rule.dst : &rule.src) = *prefix;
	rule.comment = ruleset_add_text(rules, comment);
	assert_int_not_equal(ruleset_add_rule(rules, &rule), RULE_NONE);
}

static struct prefix host_prefix(unsigned host)
{
	struct prefix prefix = {.family = PREFIX_IPV4, .length = 32};
	uint32_t address = htonl(0x0a010000 + host);

	memcpy(prefix.addr, &address, sizeof address);
	return prefix;
}

/* A look at a town of so many hosts, which are dropped or not. */
static void look(struct meter *meter, unsigned hosts, bool drops, uint64_t packets)
{
	struct ruleset *rules = ruleset_new();
	struct prefix net = make_prefix("10.1.0.0/16");
	char name[32];

	assert_non_null(rules);
	assert_int_equal(ruleset_add_chain(rules, PREFIX_IPV4, HOOK_FORWARD, "FORWARD"), 0);
	for (int d = 0; d < 2 && hosts; d++)
		add_rule(rules, d, &net, VERDICT_JUMP, 1, "");
	ruleset_add_chain(rules, PREFIX_IPV4, HOOK_NONE, "town-a");
	for (unsigned i = 0; i < hosts && drops; i++)
		for (int d = 0; d < 2; d++) {
			struct prefix prefix = host_prefix(i);
			add_rule(rules, d, &prefix, VERDICT_DROP, RULE_NONE, RULE_COMMENT);
		}
	for (unsigned i = 0; i < hosts; i++)
		for (int d = 0; d < 2; d++) {
			struct prefix prefix = host_prefix(i);
			snprintf(name, sizeof name, "host-%05u", i);
			add_rule(rules, d, &prefix, VERDICT_NONE, RULE_NONE, name);
		}
	struct counter *counters = calloc(rules->n_rules + 1u, sizeof *counters);
	assert_non_null(counters);
	for (uint32_t r = 0; r < rules->n_rules; r++)
		counters[r] = (struct counter){packets, packets * 100};
	struct snapshot snapshot = {.rules = rules, .counters = counters, .generation = generation++,
				    .received_before = UINT64_MAX, .received_after = UINT64_MAX};
	assert_int_equal(meter_fold(meter, &snapshot, (decitime)generation * 10, NULL, NULL), 0);
	free(counters);
	ruleset_free(rules);
}

static void forget(void *context, enum meter_kind kind, uint32_t id)
{
	struct meter *meter = context;
	struct closed closed;

	if (kind == METER_TOTAL)
		return;
	meter_period_end(meter, kind, id, 1000, CLOSED_REMOVED, &closed);
	struct meter_row row = meter_row(meter, kind, id);
	row.gone = true;
	meter_row_put(meter, kind, id, &row);
}

static void forgotten_rows_come_back(void **state)
{
	struct meter *meter = meter_new(0);
	char name[32];

	(void)state;
	assert_non_null(meter);
	look(meter, HOSTS, false, 5);
	look(meter, 0, false, 0);
	meter_each_row(meter, forget, meter);
	meter_judge(meter, 1000);
	assert_int_equal(meter_find_town(meter, "town-a"), RULE_NONE);
	look(meter, HOSTS, false, 7);
	for (unsigned i = 0; i < HOSTS; i++) {
		snprintf(name, sizeof name, "host-%05u", i);
		uint32_t id = meter_find_host(meter, "town-a", name);
		assert_int_equal(id, i); /* the same identity */
		assert_int_equal(meter_row(meter, METER_HOST, id).period.number, 2);
	}
	struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(meter, &agent);
	assert_int_equal(view->n_hosts, HOSTS);
	assert_int_equal(view_hosts(view)[HOSTS - 1].traffic.down.packets, 7);
	view_release(view);
	meter_free(meter);
}

/* What drops start with is no traffic: here each begins at 3. */
static void very_many_drops(void **state)
{
	const struct counter three = {3, 300};
	struct meter *meter = meter_new(0);

	(void)state;
	assert_non_null(meter);
	look(meter, HOSTS, false, 3);
	uint32_t town = meter_find_town(meter, "town-a");
	for (unsigned i = HOSTS; i-- > 0;)
		for (int d = 0; d < 2; d++) {
			struct rule_key key = {.town = town, .family = PREFIX_IPV4, .kind = ROLE_HOST_DROP,
					       .direction = (uint8_t)d, .ours = true, .prefix = host_prefix(i)};
			assert_int_equal(meter_rule_inserted(meter, &key, &three), 0);
		}
	look(meter, HOSTS, true, 3);
	struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(meter, &agent);
	for (unsigned i = 0; i < HOSTS; i++)
		assert_int_equal(view_hosts(view)[i].traffic.dropped.packets, 0);
	assert_int_equal(view_towns(view)[0].traffic.dropped.packets, 0);
	view_release(view);
	meter_free(meter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgotten_rows_come_back),
		cmocka_unit_test(very_many_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
