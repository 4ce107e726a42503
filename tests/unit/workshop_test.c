/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wishes and quotas ask of the packet filter, and what is counted meanwhile. */
#include "log.h"
#include "scene.h"

static struct directory directory;

static void apply(struct scene *scene, const struct command *commands, size_t n)
{
	struct request *request = scene_apply(scene, commands, n);

	check(request->result == REQUEST_DONE);
	request_free(request);
}

/* A quota of a megabyte that blocks. */
static void limit(struct scene *scene, const char *host)
{
	struct command commands[] = {
		{.kind = COMMAND_QUOTA, .town = "town-a", .number = 1},
		{.kind = COMMAND_ACTION, .town = "town-a", .number = QUOTA_BLOCK}};

	for (int i = 0; i < 2; i++)
		snprintf(commands[i].host, sizeof commands[i].host, "%s", host);
	apply(scene, commands, 2);
}

static const struct command zero_all = {.kind = COMMAND_ZERO, .all = true};
static const struct command block_bob = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true};

/* Another program takes every drop away. */
static void take_drops_away(void)
{
	uint32_t n = 0;

	for (uint32_t r = 0; r < fake->n_rules; r++)
		if (fake->rules[r].rule.verdict != VERDICT_DROP)
			fake->rules[n++] = fake->rules[r];
	fake->n_rules = n;
	fake->generation++;
}

static void quotas(void *context)
{
	struct scene scene;

	(void)context;
	scene_begin(&scene, &directory);
	limit(&scene, "alice");
	limit(&scene, "bob");
	apply(&scene, &block_bob, 1);
	fake_pass(0, DIRECTION_DOWN, 10000);
	scene_look(&scene);
	check(scene_drops(0) == 2 && scene_drops(1) == 2);
	/* A quota's block is no manager's. */
	check(!meter_is_blocked(scene.w.meter, METER_HOST, scene_host(&scene, "town-a", "alice")));
	/* The period's end lifts it, and a manager's stays. */
	apply(&scene, &zero_all, 1);
	check(scene_drops(0) == 0 && scene_drops(1) == 2);
	check(scene_audit(&scene, &directory, false) == 3);
	/* Exceeded again, and taken away by another program: it is put back. */
	fake_pass(0, DIRECTION_DOWN, 10000);
	scene_look(&scene);
	check(scene_drops(0) == 2);
	take_drops_away();
	scene_look(&scene);
	check(scene_drops(0) == 2 && scene_drops(1) == 2);
	/* A larger quota lifts it, too. */
	struct command more = {.kind = COMMAND_QUOTA, .town = "town-a", .host = "alice", .number = 1000};
	apply(&scene, &more, 1);
	check(scene_drops(0) == 0 && scene_drops(1) == 2);
	check(workshop_save(&scene.w) == 0);
	scene_close(&scene);
	/* The next process thinks the same, and a drop of ours that nobody asks for goes. */
	fake->rules[fake->n_rules] = fake->rules[fake->n_rules - 1];
	struct fake_rule *drop = &fake->rules[fake->n_rules++];
	drop->rule.verdict = VERDICT_DROP;
	snprintf(drop->comment, sizeof drop->comment, "%s", RULE_COMMENT);
	fake->generation++;
	check(scene_drops(2) == 1);
	scene_open(&scene, &directory);
	scene_look(&scene);
	check(scene_drops(0) == 0 && scene_drops(1) == 2 && scene_drops(2) == 0);
	scene_close(&scene);
}

static void quotas_block_and_let_pass(void **state)
{
	(void)state;
	scene_on_both(quotas, &directory);
}

static void only_reads(void *context)
{
	struct scene scene;

	(void)context;
	scene_begin(&scene, &directory);
	limit(&scene, "alice");
	scene.w.read_only = true;
	fake_pass(0, DIRECTION_DOWN, 10000);
	scene_look(&scene);
	check(scene_drops(0) == 0);
	/* It is told all the same. */
	check(meter_is_wished(scene.w.meter, METER_HOST, scene_host(&scene, "town-a", "alice")));
	apply(&scene, &zero_all, 1);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 3);
	struct request *request = scene_apply(&scene, &block_bob, 1);
	check(request->result == REQUEST_UNAVAILABLE && request->why[0]);
	check(fake->changes == 0);
	request_free(request);
	scene_close(&scene);
}

static void not_one_write(void **state)
{
	(void)state;
	scene_on_both(only_reads, &directory);
}

/* Blocks that quotas ask for do not wait for the disk; but for a change that only its witness knows of. */
static void without_room(void *context)
{
	struct scene scene;

	(void)context;
	scene_begin(&scene, &directory);
	limit(&scene, "alice");
	fake_disk(true);
	fake_pass(0, DIRECTION_DOWN, 10000);
	scene_look(&scene);
	check(scene_drops(0) == 2);
	check(workshop_save(&scene.w) < 0 && scene.told[0] && scene.agent.ledger == VIEW_LEDGER_FAILED);
	struct request *request = scene_apply(&scene, &zero_all, 1);
	check(request->result == REQUEST_UNAVAILABLE && strstr(request->why, "ledger") != NULL);
	request_free(request);
	fake_disk(false);
	/* It is full again as soon as the change is announced. */
	fake->fail_at = fake->steps + 4;
	fake->fail_until = 1000000;
	apply(&scene, &zero_all, 1);
	check(scene.books.unsaved && scene.books.n_kept == 5);
	scene_look(&scene);
	check(scene_drops(0) == 2);
	fake->fail_at = 0;
	fake_disk(false);
	scene_look(&scene);
	check(scene_drops(0) == 0 && workshop_save(&scene.w) == 0);
	check(!scene.books.unsaved && scene.books.n_kept == 0);
	check(scene_audit(&scene, &directory, false) == 3);
	scene_close(&scene);
}

static void a_full_disk(void **state)
{
	(void)state;
	scene_on_both(without_room, &directory);
}

/* A change that is refused changes nothing. */
static void refused(void *context)
{
	struct scene scene;

	(void)context;
	scene_begin(&scene, &directory);
	fake->refuses = true;
	struct command both[] = {zero_all, block_bob, {.kind = COMMAND_NOTIFY_MAX, .number = 5}};
	struct request *request = scene_apply(&scene, both, 3);
	check(request->result == REQUEST_UNAVAILABLE && request->why[0]);
	check(scene.agent.notify_max_per_minute == 60 && scene_drops(1) == 0);
	check(scene_row(&scene, "town-a", "bob").period.number == 1);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 0);
	scene_close(&scene);
}

static void a_refusal(void **state)
{
	(void)state;
	scene_on_both(refused, &directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotas_block_and_let_pass),
		cmocka_unit_test(not_one_write),
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(a_refusal),
	};

	log_open("test", 1, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
