/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that are killed anywhere: whole or not at all, and every packet in exactly one period. */
#include "log.h"
#include "scene.h"

struct plot {
	struct directory directory;
	const struct command *commands;
	size_t n;
	bool undo;
	unsigned rows;       /* closed when it was done */
	bool blocked, was;   /* bob: what it is to be, and was */
	bool quota;          /* alice is over hers, which blocks */
	unsigned fail_at;    /* the disk is full from this step on */
	bool room;           /* and has room again before the process ends */
	/* found by the process that came after */
	bool done;
};

static void set_up_process(void *context)
{
	struct plot *plot = context;
	struct scene scene;

	scene_open(&scene, &plot->directory);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	if (plot->was) {
		struct command block = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true};
		struct request *request = scene_apply(&scene, &block, 1);
		check(request->result == REQUEST_DONE);
		request_free(request);
	}
	if (plot->quota) {
		struct command quota[] = {
			{.kind = COMMAND_QUOTA, .town = "town-a", .host = "alice", .number = 1},
			{.kind = COMMAND_ACTION, .town = "town-a", .host = "alice", .number = QUOTA_BLOCK}};
		struct request *request = scene_apply(&scene, quota, 2);
		check(request->result == REQUEST_DONE);
		request_free(request);
		fake_pass(0, DIRECTION_DOWN, 10000);
		scene_look(&scene);
		check(workshop_save(&scene.w) == 0 && scene_drops(0) == 2);
	}
	scene_close(&scene);
}

static void act(void *context)
{
	struct plot *plot = context;
	struct scene scene;

	scene_open(&scene, &plot->directory);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	struct request *request = scene_apply(&scene, plot->commands, plot->n);
	check(request->result == REQUEST_DONE);
	fake_step();
	if (plot->undo) {
		request_undo(&scene.w, request);
		check(request->result == REQUEST_DONE);
		fake_step();
	}
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	fake_step();
}

static void look_back(void *context)
{
	struct plot *plot = context;
	struct scene scene;

	scene_never_saved = plot->fail_at && !plot->room;
	scene_open(&scene, &plot->directory);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	unsigned rows = scene_audit(&scene, &plot->directory, fake->nft);
	bool blocked = meter_is_blocked(scene.w.meter, METER_HOST, scene_host(&scene, "town-a", "bob"));
	bool done = plot->rows ? rows == plot->rows : blocked == plot->blocked && plot->blocked != plot->was;
	check(rows == (done ? plot->rows : 0));
	check(blocked == (done ? plot->blocked : plot->was));
	check(scene_drops(1) == (blocked ? 2 : 0));
	check(scene_drops(0) == (plot->quota && !done ? 2 : 0));
	plot->done = done;
	/* And nothing is done to it later. */
	unsigned changes = fake->changes;
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &plot->directory, fake->nft) == rows && fake->changes == changes);
	fake->error[0] = done ? 'd' : 'n';
}

enum mode { LEGACY, NFT, NFT_KEEPS, MODES };

/* Kills it at each step in turn, and processes that find what it left, too. */
static void kill_everywhere(struct plot plot, enum mode mode)
{
	bool ended = false, before = false;

	for (unsigned at = 1; !ended; at++) {
		fake_make(SCENE_RULES, scene_addresses);
		fake->nft = mode != LEGACY;
		fake->keeps = mode == NFT_KEEPS;
		scene_directory(&plot.directory);
		fake_process(set_up_process, &plot, 0);
		ended = fake_process(act, &plot, at);
		for (unsigned again = 1; again < 6 && at % 3 == 0; again++)
			fake_process(look_back, &plot, again);
		assert_true(fake_process(look_back, &plot, 0));
		bool done = fake->error[0] == 'd';
		if (!plot.undo)
			assert_true(done || !before);
		before |= done;
		if (ended)
			assert_true(done == !plot.undo);
		directory_remove(&plot.directory);
		assert_true(at < 200);
	}
}

/* The disk is full from the one step to the other; the process goes on, and ends well. */
static void act_without_room(void *context)
{
	struct plot *plot = context;
	struct scene scene;
	char result = 'n';

	fake->fail_at = 0;
	scene_open(&scene, &plot->directory);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	fake->fail_at = fake->steps + plot->fail_at;
	fake->fail_until = 1000000;
	struct request *request = scene_apply(&scene, plot->commands, plot->n);
	if (request->result == REQUEST_DONE)
		result = 'd';
	else
		check(request->result == REQUEST_UNAVAILABLE);
	/* Looks go on, for days. */
	for (int i = 0; i < 3; i++) {
		scene_look(&scene);
		workshop_save(&scene.w);
	}
	/* Nothing is begun that the ledger can not have. */
	struct request *another = scene_apply(&scene, plot->commands, plot->n);
	check(fake->steps < fake->fail_at || another->result == REQUEST_UNAVAILABLE);
	result = another->result == REQUEST_DONE ? 'D' : result;
	if (plot->room) {
		fake->fail_until = 0;
		scene_look(&scene);
		check(workshop_save(&scene.w) == 0);
	}
	fake->fail_at = 0;
	fake->error[1] = result;
}

static void fill_the_disk(struct plot plot, enum mode mode)
{
	for (plot.fail_at = 1; plot.fail_at < 12; plot.fail_at++) {
		fake_make(SCENE_RULES, scene_addresses);
		fake->nft = mode != LEGACY;
		fake->keeps = mode == NFT_KEEPS;
		scene_directory(&plot.directory);
		assert_true(fake_process(set_up_process, &plot, 0));
		assert_true(fake_process(act_without_room, &plot, 0));
		char result = fake->error[1];
		if (result != 'D') {
			assert_true(fake_process(look_back, &plot, 0));
			assert_int_equal(fake->error[0], result);
		}
		directory_remove(&plot.directory);
	}
}

static void a_disk_that_is_full(void **state)
{
	static const struct command zero = {.kind = COMMAND_ZERO, .all = true};
	static const struct command block = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true};

	(void)state;
	for (enum mode mode = LEGACY; mode < MODES; mode++)
		for (int room = 0; room < 2; room++) {
			fill_the_disk((struct plot){.commands = &zero, .n = 1, .rows = 3, .room = room}, mode);
			fill_the_disk((struct plot){.commands = &zero, .n = 1, .rows = 3, .room = room, .quota = true},
				      mode);
			fill_the_disk((struct plot){.commands = &block, .n = 1, .blocked = true, .room = room}, mode);
		}
}

static void on_both(const struct command *commands, size_t n, unsigned rows, bool was, bool blocked)
{
	for (enum mode mode = LEGACY; mode < MODES; mode++)
		for (int undo = 0; undo < 2; undo++)
			kill_everywhere((struct plot){.commands = commands, .n = n, .rows = rows, .was = was,
						      .blocked = blocked, .undo = undo != 0}, mode);
}

static void zero_of_a_host(void **state)
{
	static const struct command command = {.kind = COMMAND_ZERO, .town = "town-a", .host = "alice"};

	(void)state;
	on_both(&command, 1, 1, false, false);
}

static void zero_of_a_town(void **state)
{
	static const struct command command = {.kind = COMMAND_ZERO, .town = "town-a"};

	(void)state;
	on_both(&command, 1, 2, true, true);
}

static void zero_of_everything(void **state)
{
	static const struct command command = {.kind = COMMAND_ZERO, .all = true};

	(void)state;
	on_both(&command, 1, 3, false, false);
}

static void a_block(void **state)
{
	static const struct command command = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true};

	(void)state;
	on_both(&command, 1, 0, false, true);
}

static void an_unblock(void **state)
{
	static const struct command command = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob"};

	(void)state;
	on_both(&command, 1, 0, true, false);
}

/* Lifting it is a change of its own, which follows at once. */
static void a_zero_that_lifts_the_block_of_a_quota(void **state)
{
	static const struct command command = {.kind = COMMAND_ZERO, .all = true};

	(void)state;
	for (enum mode mode = LEGACY; mode < MODES; mode++)
		kill_everywhere((struct plot){.commands = &command, .n = 1, .rows = 3, .quota = true}, mode);
}

static void a_block_and_a_zero(void **state)
{
	static const struct command commands[] = {
		{.kind = COMMAND_ZERO, .town = "town-a"},
		{.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true}};

	(void)state;
	on_both(commands, 2, 2, false, true);
}

int main(void)
{
	log_open("test", 1, LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_of_a_host), cmocka_unit_test(zero_of_a_town), cmocka_unit_test(zero_of_everything),
		cmocka_unit_test(a_disk_that_is_full), cmocka_unit_test(a_block), cmocka_unit_test(an_unblock), cmocka_unit_test(a_block_and_a_zero),
		cmocka_unit_test(a_zero_that_lifts_the_block_of_a_quota),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
