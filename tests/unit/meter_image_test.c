/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model that is kept and loaded goes on as if nothing had happened; after a start of the router, too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "image.h"
#include "make.h"
#include "meter.h"
#include "row.h"

static uint64_t generation = 1;

/* One look at these rules; `received` is what the router has received in all. */
static void look(struct meter *meter, const char *text, uint64_t received, decitime now)
{
	struct made made = make(text);
	struct snapshot snapshot = {.rules = made.rules, .counters = made.counters, .generation = generation++,
				    .received_before = received, .received_after = received};

	assert_int_equal(meter_fold(meter, &snapshot, now, NULL, NULL), 0);
	made_free(&made);
}

/* The article's rules, with these counts of packets of 100 octets. */
static void look_at(struct meter *meter, unsigned down, unsigned up, uint64_t received, decitime now)
{
	char text[1000];

	snprintf(text, sizeof text,
		 ":FORWARD ACCEPT\n:town-a\n[%u:%u] -A FORWARD\n[%u:%u] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
		 "[%u:%u] -A FORWARD -s 10.1.0.0/24 -j town-a\n"
		 "[%u:%u] -A town-a -d 10.1.0.10 --comment alice\n[%u:%u] -A town-a -s 10.1.0.10\n",
		 down + up, (down + up) * 100, down, down * 100, up, up * 100, down, down * 100, up, up * 100);
	look(meter, text, received, now);
}

static struct view *published(const struct meter *meter)
{
	struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(meter, &agent);

	assert_non_null(view);
	return view;
}

static struct view_host alice(const struct meter *meter)
{
	struct view *view = published(meter);
	uint32_t row = view_find_host(view, "town-a", "alice");

	assert_int_not_equal(row, UINT32_MAX);
	struct view_host host = view_hosts(view)[row];
	view_release(view);
	return host;
}

/* Through the ledger and back: the old meter is gone. */
static struct meter *again(struct meter *meter, enum meter_start start, bool lost, decitime now)
{
	struct image image;

	assert_int_equal(meter_image(meter, IMAGE_ALL, &image), 0);
	meter_free(meter);
	meter = meter_load(&image, start, lost, now);
	assert_non_null(meter);
	image_free(&image);
	return meter;
}

static struct meter *begin(void)
{
	struct meter *meter = meter_new(100);

	assert_non_null(meter);
	look_at(meter, 0, 0, 0, 110);
	look_at(meter, 10, 4, 20, 120);
	return meter;
}

static void goes_on(void **state)
{
	struct meter *meter = begin();
	struct view *before = published(meter);

	(void)state;
	meter = again(meter, METER_CONTINUED, false, 200);
	/* What is published before the first look is what was published last. */
	struct view *now = published(meter);
	assert_int_equal(now->n_hosts, 1);
	assert_int_equal(now->n_towns, 1);
	assert_int_equal(now->n_totals, 1);
	assert_memory_equal(&view_hosts(now)->traffic, &view_hosts(before)->traffic, sizeof(struct view_traffic));
	assert_memory_equal(&view_towns(now)->traffic, &view_towns(before)->traffic, sizeof(struct view_traffic));
	assert_memory_equal(view_totals(now), view_totals(before), sizeof(struct view_total));
	assert_int_equal(view_hosts(now)->oper, OPER_ALLOWED);
	view_release(now);
	/* The kernel counted on while nobody looked. */
	look_at(meter, 25, 4, 60, 210);
	now = published(meter);
	assert_int_equal(now->agent.tables_last_change, before->agent.tables_last_change);
	view_release(now);
	view_release(before);
	assert_int_equal(alice(meter).traffic.down.packets, 25);
	assert_int_equal(alice(meter).traffic.down.octets, 2500);
	assert_int_equal(alice(meter).traffic.up.packets, 4);
	assert_int_equal(alice(meter).traffic.discontinuity, 110);
	meter_free(meter);
}

/* Who keeps a list of the rows, or of the addresses, need not ask again, unless they changed. */
static void addresses_changed_meanwhile(void **state)
{
	static const char *const rules[] = {
		"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10\n",
		"-A town-a -d 10.1.0.10 --comment alice\n",
		"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.12 --comment alice\n",
		"-A town-a -d 10.1.0.0/28 --comment alice\n-A town-a -s 10.1.0.10 --comment alice\n", ""};

	(void)state;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct meter *meter = again(begin(), METER_CONTINUED, false, 200);
		char text[1000];
		snprintf(text, sizeof text, ":FORWARD ACCEPT\n:town-a\n-A FORWARD\n-A FORWARD -d 10.1.0.0/24 -j town-a\n"
					    "-A FORWARD -s 10.1.0.0/24 -j town-a\n%s", rules[i]);
		look(meter, text, 60, 210);
		struct view *view = published(meter);
		assert_int_equal(view->agent.tables_last_change, i < 2 ? 110 : 210);
		view_release(view);
		meter_free(meter);
	}
}

static void zeroed_meanwhile(void **state)
{
	struct meter *meter = again(begin(), METER_CONTINUED, false, 200);

	(void)state;
	look_at(meter, 3, 0, 60, 210);
	assert_int_equal(alice(meter).traffic.down.packets, 13);
	assert_int_equal(alice(meter).traffic.discontinuity, 210);
	struct view *view = published(meter);
	assert_int_equal(view->agent.kernel_resets, 1);
	view_release(view);
	meter_free(meter);
}

/* Every counter begins at zero, also one that reads more by now than before. */
static void reboot(void **state)
{
	struct meter *meter = again(begin(), METER_REBOOTED, false, 200);

	(void)state;
	look_at(meter, 12, 1, 40, 210);
	assert_int_equal(alice(meter).traffic.down.packets, 22);
	assert_int_equal(alice(meter).traffic.up.packets, 5);
	struct view *view = published(meter);
	assert_int_equal(view->agent.kernel_resets, 0);
	/* The last process had read everything. */
	assert_int_equal(view->agent.discontinuity, 100);
	view_release(view);
	/* From then on it is an ordinary life. */
	look_at(meter, 13, 1, 50, 220);
	assert_int_equal(alice(meter).traffic.down.packets, 23);
	meter_free(meter);
}

static void reboot_after_a_crash(void **state)
{
	struct meter *meter = again(begin(), METER_REBOOTED, true, 200);

	(void)state;
	assert_int_equal(alice(meter).traffic.discontinuity, 200);
	look_at(meter, 0, 0, 0, 210);
	assert_int_equal(alice(meter).traffic.discontinuity, 200);
	struct view *view = published(meter);
	assert_int_equal(view->agent.discontinuity, 200);
	assert_int_equal(view_totals(view)->discontinuity, 200);
	assert_int_equal(view_towns(view)->traffic.discontinuity, 200);
	view_release(view);
	/* What may be missing is missing from this period. */
	struct closed closed;
	meter_period_end(meter, METER_HOST, meter_find_host(meter, "town-a", "alice"), 300, CLOSED_HOST_ZERO, &closed);
	assert_false(closed.complete);
	look_at(meter, 0, 0, 0, 310);
	meter_period_end(meter, METER_HOST, meter_find_host(meter, "town-a", "alice"), 400, CLOSED_HOST_ZERO, &closed);
	assert_true(closed.complete);
	meter_free(meter);
}

/* A site that restores its counters itself is not counted twice: more than came in since. */
static void restored_after_a_reboot(void **state)
{
	struct meter *meter = again(begin(), METER_REBOOTED, false, 200);

	(void)state;
	look_at(meter, 10, 4, 5, 210);
	assert_int_equal(alice(meter).traffic.down.packets, 10);
	assert_int_equal(alice(meter).traffic.up.packets, 4);
	look_at(meter, 11, 4, 9, 220);
	assert_int_equal(alice(meter).traffic.down.packets, 11);
	/* An older backup. */
	meter = again(meter, METER_REBOOTED, false, 300);
	look_at(meter, 6, 2, 1, 310);
	assert_int_equal(alice(meter).traffic.down.packets, 11);
	assert_int_equal(alice(meter).traffic.discontinuity, 310);
	look_at(meter, 8, 2, 9, 320);
	assert_int_equal(alice(meter).traffic.down.packets, 13);
	meter_free(meter);
}

/* A backup from before the last zeroing has more than the ledger knows of. */
static void restored_after_a_zeroing(void **state)
{
	/* Of the policy, of FORWARD, down and up of the town, and of alice. */
	static const struct counter taken[] = {{0, 0}, {14, 1400}, {10, 1000}, {4, 400}, {10, 1000}, {4, 400}};
	struct meter *meter = begin();

	(void)state;
	for (uint32_t rule = 0; rule < sizeof taken / sizeof *taken; rule++)
		meter_rule_zeroed(meter, rule, &taken[rule]);
	meter_settle(meter);
	meter = again(meter, METER_REBOOTED, false, 200);
	look_at(meter, 10, 4, 5, 210);
	assert_int_equal(alice(meter).traffic.down.packets, 10);
	assert_int_equal(alice(meter).traffic.up.packets, 4);
	assert_int_equal(alice(meter).traffic.discontinuity, 210);
	look_at(meter, 13, 4, 9, 220);
	assert_int_equal(alice(meter).traffic.down.packets, 13);
	meter_free(meter);
}

/* Every town was zeroed before: what they count is little, and the total alone tells of the backup. */
static void restored_total(void **state)
{
	static const char rules[] = ":FORWARD ACCEPT\n:town-a\n[%u:%u] -A FORWARD\n"
				    "[%u:%u] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
				    "[%u:%u] -A town-a -d 10.1.0.10 --comment alice\n";
	struct meter *meter = meter_new(100);
	char text[400];

	(void)state;
	snprintf(text, sizeof text, rules, 500, 50000, 2, 200, 2, 200);
	look(meter, text, 500, 110);
	meter = again(meter, METER_REBOOTED, false, 200);
	look(meter, text, 20, 210);
	assert_int_equal(alice(meter).traffic.down.packets, 2);
	meter_free(meter);
}

/* Rules that are away while the router starts come back at zero. */
static void rules_come_late(void **state)
{
	struct meter *meter = again(begin(), METER_REBOOTED, false, 200);

	(void)state;
	look(meter, ":FORWARD ACCEPT\n", 10, 210);
	assert_int_equal(alice(meter).oper, OPER_MISSING);
	assert_int_equal(alice(meter).traffic.down.packets, 10);
	look_at(meter, 11, 0, 50, 220);
	assert_int_equal(alice(meter).traffic.down.packets, 21);
	assert_int_equal(alice(meter).traffic.discontinuity, 110);
	meter_free(meter);
}

static void settings_stay(void **state)
{
	const struct quota quota = {.megabytes = 7, .basis = QUOTA_UP, .warn_percent = 50, .action = QUOTA_BLOCK};
	struct meter *meter = begin();
	uint32_t id = meter_find_host(meter, "town-a", "alice");
	struct closed closed;

	(void)state;
	row_quota(meter, METER_HOST, id, quota);
	row_remark(meter, id, "unpaid since May");
	row_block(meter, METER_HOST, id, true);
	meter_period_end(meter, METER_HOST, id, 150, CLOSED_HOST_ZERO, &closed);
	meter_judge(meter, 151);
	meter = again(meter, METER_CONTINUED, false, 200);
	struct view_host host = alice(meter);
	assert_int_equal(host.admin, VIEW_BLOCKED);
	assert_int_equal(host.reason, VIEW_REASON_MANAGER);
	assert_int_equal(host.last_change, 151);
	assert_int_equal(host.traffic.quota.megabytes, 7);
	assert_int_equal(host.traffic.quota.basis, QUOTA_UP);
	assert_int_equal(host.traffic.quota.warn_percent, 50);
	assert_int_equal(host.traffic.quota.action, QUOTA_BLOCK);
	assert_int_equal(host.traffic.period.number, 2);
	assert_int_equal(host.traffic.period.start, 150);
	assert_int_equal(host.traffic.period.down.packets, 0);
	assert_string_equal(meter_row(meter, METER_HOST, id).remark, "unpaid since May");
	meter_free(meter);
}

/* Without its comment a host keeps the name that its prefix had, over a restart as well. */
static void names_are_remembered(void **state)
{
	struct meter *meter = again(begin(), METER_CONTINUED, false, 200);

	(void)state;
	look(meter, ":FORWARD ACCEPT\n:town-a\n[10:1000] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
		    "[0:0] -A town-a -d 10.1.0.10 -j DROP\n", 50, 210);
	assert_int_equal(alice(meter).oper, OPER_PARTIAL);
	meter_free(meter);
}

/* What was forgotten has no row; its periods' numbers go on if it comes back. */
static void forgotten(void **state)
{
	struct meter *meter = begin();
	uint32_t id = meter_find_host(meter, "town-a", "alice");
	struct closed closed;

	(void)state;
	look(meter, ":FORWARD ACCEPT\n:town-a\n[10:1000] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
		    "[4:400] -A FORWARD -s 10.1.0.0/24 -j town-a\n", 60, 130);
	meter_period_end(meter, METER_HOST, id, 150, CLOSED_REMOVED, &closed);
	struct meter_row row = meter_row(meter, METER_HOST, id);
	row.gone = true;
	meter_row_put(meter, METER_HOST, id, &row);
	meter_judge(meter, 150);
	assert_int_equal(meter_find_host(meter, "town-a", "alice"), RULE_NONE);
	struct view *view = published(meter);
	assert_int_equal(view->n_hosts, 0);
	assert_int_equal(view->n_towns, 1);
	view_release(view);
	meter = again(meter, METER_CONTINUED, false, 200);
	assert_int_equal(meter_find_host(meter, "town-a", "alice"), RULE_NONE);
	look_at(meter, 10, 4, 60, 210);
	struct view_host host = alice(meter);
	assert_int_equal(host.traffic.period.number, 2);
	assert_int_equal(host.traffic.period.start, 210);
	assert_int_equal(host.traffic.discontinuity, 210);
	meter_free(meter);
}

/* What no host's rule counted shows with the town, in its period. */
static void unattributed(void **state)
{
	static const char rules[] = ":FORWARD ACCEPT\n:town-a\n[%u:%u] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
				    "[%u:%u] -A town-a -d 10.1.0.10 --comment alice\n";
	struct meter *meter = meter_new(100);
	struct closed closed;
	char text[400];

	(void)state;
	snprintf(text, sizeof text, rules, 30, 3000, 10, 1000);
	look(meter, text, 50, 110);
	struct view *view = published(meter);
	assert_int_equal(view_towns(view)->unattributed_down, 2000);
	assert_int_equal(view_towns(view)->unattributed_up, 0);
	view_release(view);
	meter = again(meter, METER_CONTINUED, false, 200);
	meter_period_end(meter, METER_TOWN, 0, 210, CLOSED_TOWN_ZERO, &closed);
	assert_int_equal(closed.down.octets, 3000);
	snprintf(text, sizeof text, rules, 37, 3700, 15, 1500);
	look(meter, text, 90, 220);
	view = published(meter);
	assert_int_equal(view_towns(view)->unattributed_down, 200);
	view_release(view);
	meter_free(meter);
}

/* A record that makes no sense is refused, whatever it is: nothing begins at zero silently. */
static void nonsense(void **state)
{
	struct meter *meter = begin();
	struct image image;

	(void)state;
	assert_int_equal(meter_image(meter, IMAGE_ALL, &image), 0);
	meter_free(meter);
	struct record_host *host = image.data[IMAGE_HOSTS];
	struct record_rule *rule = image.data[IMAGE_RULES];
	struct record_agent *agent = image.data[IMAGE_AGENT];
	struct {
		void *at;
		size_t size;
		unsigned char octet;
	} damage[] = {
		{&host->town, sizeof host->town, 0xff},
		{host->name, sizeof host->name, 'x'},
		{host->name, 1, '\n'},
		{host->remark, sizeof host->remark, 'x'},
		{&rule->kind, 1, 0},
		{&rule->kind, 1, 99},
		{&rule->direction, 1, 2},
		{&rule->key_town, sizeof rule->key_town, 0x7f},
		{&rule->host, sizeof rule->host, 0x7f},
		{&agent->listed, sizeof agent->listed, 0x7f},
		{&agent->format, sizeof agent->format, 0x7f}};
	for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
		unsigned char before[64];
		memcpy(before, damage[i].at, damage[i].size);
		memset(damage[i].at, damage[i].octet, damage[i].size);
		errno = 0;
		assert_null(meter_load(&image, METER_CONTINUED, false, 200));
		assert_int_equal(errno, EBADMSG);
		memcpy(damage[i].at, before, damage[i].size);
	}
	for (int sheet = 0; sheet < IMAGE_SHEETS; sheet++) {
		image.size[sheet]--;
		assert_null(meter_load(&image, METER_CONTINUED, false, 200));
		image.size[sheet]++;
	}
	meter = meter_load(&image, METER_CONTINUED, false, 200);
	assert_non_null(meter);
	meter_free(meter);
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on),
		cmocka_unit_test(addresses_changed_meanwhile),
		cmocka_unit_test(zeroed_meanwhile),
		cmocka_unit_test(reboot),
		cmocka_unit_test(reboot_after_a_crash),
		cmocka_unit_test(restored_after_a_reboot),
		cmocka_unit_test(restored_after_a_zeroing),
		cmocka_unit_test(restored_total),
		cmocka_unit_test(rules_come_late),
		cmocka_unit_test(settings_stay),
		cmocka_unit_test(names_are_remembered),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(unattributed),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
