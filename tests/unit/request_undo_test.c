/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request changed is taken back, and what others changed meanwhile is not. */
#include "log.h"
#include "scene.h"

static struct directory directory;

static struct request *apply(struct scene *scene, const struct command *command)
{
	struct request *request = scene_apply(scene, command, 1);

	check(request->result == REQUEST_DONE);
	return request;
}

/* The second zero ended the period that an undo would reopen. */
static void zero_twice(void *context)
{
	static const struct command zero = {.kind = COMMAND_ZERO, .town = "town-a", .host = "alice"};
	static const struct command all = {.kind = COMMAND_ZERO, .all = true};
	struct scene scene;

	(void)context;
	scene_begin(&scene, &directory);
	struct request *first = apply(&scene, &zero), *second = apply(&scene, &all);
	request_undo(&scene.w, first);
	check(first->result == REQUEST_UNDO_FAILED && first->why[0]);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 4);
	request_undo(&scene.w, second);
	check(second->result == REQUEST_DONE);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 1);
	/* Now it is the last again. */
	request_undo(&scene.w, first);
	check(first->result == REQUEST_DONE);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 0);
	request_free(first);
	request_free(second);
	scene_close(&scene);
}

static void a_zero_behind_a_zero(void **state)
{
	(void)state;
	scene_on_both(zero_twice, &directory);
}

/* A block is taken back; a zero and a remark of the same row, and a setting, stay. */
static void block_and_others(void *context)
{
	static const struct command block = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true};
	static const struct command zero = {.kind = COMMAND_ZERO, .town = "town-a", .host = "bob"};
	static const struct command remark = {.kind = COMMAND_REMARK, .town = "town-a", .host = "bob", .remark = "paid"};
	static const struct command most = {.kind = COMMAND_NOTIFY_MAX, .number = 9};
	struct scene scene;

	(void)context;
	scene_begin(&scene, &directory);
	struct request *first = apply(&scene, &block);
	check(scene_drops(1) == 2);
	request_free(apply(&scene, &zero));
	request_free(apply(&scene, &remark));
	request_free(apply(&scene, &most));
	request_undo(&scene.w, first);
	check(first->result == REQUEST_DONE);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_drops(1) == 0);
	struct meter_row row = scene_row(&scene, "town-a", "bob");
	check(row.period.number == 2 && strcmp(row.remark, "paid") == 0 && !row.manager);
	check(scene.agent.notify_max_per_minute == 9);
	check(scene_audit(&scene, &directory, false) == 1);
	request_free(first);
	scene_close(&scene);
}

static void changes_of_others(void **state)
{
	(void)state;
	scene_on_both(block_and_others, &directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zero_behind_a_zero),
		cmocka_unit_test(changes_of_others),
	};

	log_open("test", 1, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
