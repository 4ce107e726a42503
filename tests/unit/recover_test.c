/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an unfinished change came to: kernel, ledger and the agent's own values agree on it. */
#include "log.h"
#include "scene.h"

static struct directory directory;
static bool may_be_stamped;

/* All that a request can change at once: periods end, a block, the agent, and the schedule is done. */
static struct request *everything(void)
{
	static const struct command commands[] = {
		{.kind = COMMAND_ZERO, .all = true, .origin = ORIGIN_SCHEDULE},
		{.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true},
		{.kind = COMMAND_SPIN, .number = 7},
		{.kind = COMMAND_NOTIFY_MAX, .number = 5}};
	struct request *request = request_new(commands, 4);

	check(request != NULL);
	request->phase = REQUEST_APPLY;
	request->scheduled = true;
	request->boundary = 2000;
	return request;
}

static void first_process(void *context)
{
	struct scene scene;

	(void)context;
	scene_open(&scene, &directory);
	scene.books.boundary = 1000;
	scene.agent.spin_lock = 6;
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	scene_close(&scene);
}

static void killed_process(void *context)
{
	struct scene scene;
	struct request *request = everything();

	(void)context;
	scene_open(&scene, &directory);
	check(scene.agent.spin_lock == 7);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	request_apply(&scene.w, request);
	check(request->result == REQUEST_DONE);
	fake_step();
}

/* Is this the whole of it, or nothing? */
static void judge(struct scene *scene)
{
	unsigned rows = scene_audit(scene, &directory, may_be_stamped);
	bool done = rows > 0;

	check(rows == (done ? 3 : 0));
	check(scene->books.boundary == (done ? 2000 : 1000));
	check(scene->agent.spin_lock >= (done ? 9 : 7));
	check(scene->agent.notify_max_per_minute == (done ? 5 : 60));
	check(meter_is_blocked(scene->w.meter, METER_HOST, scene_host(scene, "town-a", "bob")) == done);
	check(scene_drops(1) == (done ? 2 : 0));
	fake->error[1] = done ? 'd' : 'n';
}

static void next_process(void *context)
{
	struct scene scene;

	(void)context;
	scene_open(&scene, &directory);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	judge(&scene);
	scene_close(&scene);
}

/* The packet filter can not be read for a while. */
static void patient_process(void *context)
{
	struct scene scene;
	struct snapshot snapshot;
	char error[BACKEND_ERROR_SIZE];
	struct request *request = everything();

	(void)context;
	scene_open(&scene, &directory);
	bool pending = scene.books.pending;
	fake->unreadable = true;
	for (int i = 0; i < 3; i++) {
		check(workshop_look(&scene.w, READ_ALL, &snapshot, error) < 0);
		check(workshop_save(&scene.w) == 0);
	}
	request_apply(&scene.w, request);
	check(request->result == REQUEST_UNAVAILABLE);
	check(scene.books.pending == pending);
	fake->unreadable = false;
	scene_look(&scene);
	check(!scene.books.pending && workshop_save(&scene.w) == 0);
	judge(&scene);
	scene_close(&scene);
}

/* Kills a process at each step; `between` happens before the next one. */
static void each(bool nft, bool forgets, bool stamped, void (*between)(void), void (*next)(void *context))
{
	bool ended = false, done = false;

	may_be_stamped = stamped;
	for (unsigned at = 1; !ended; at++) {
		fake_make(SCENE_RULES, scene_addresses);
		fake->nft = nft;
		scene_directory(&directory);
		assert_true(fake_process(first_process, NULL, 0));
		fake->forgets = forgets;
		ended = fake_process(killed_process, NULL, at);
		if (between)
			between();
		assert_true(fake_process(next, NULL, 0));
		done = fake->error[1] == 'd';
		/* And nothing is open any more. */
		assert_true(fake_process(next_process, NULL, 0));
		assert_int_equal(fake->error[1] == 'd', done);
		directory_remove(&directory);
	}
	assert_true(done);
}

static void whole_or_nothing(void **state)
{
	(void)state;
	each(false, false, false, NULL, next_process);
	each(true, false, true, NULL, next_process);
}

static void a_packet_filter_that_can_not_be_read(void **state)
{
	(void)state;
	each(false, false, false, NULL, patient_process);
	each(true, false, true, NULL, patient_process);
}

static void a_start_of_the_router(void **state)
{
	(void)state;
	each(false, false, true, scene_reboot, next_process);
	each(true, false, true, scene_reboot, next_process);
}

static void a_witness_that_is_gone(void **state)
{
	(void)state;
	each(false, true, true, NULL, next_process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_or_nothing), cmocka_unit_test(a_packet_filter_that_can_not_be_read),
		cmocka_unit_test(a_start_of_the_router), cmocka_unit_test(a_witness_that_is_gone),
	};

	log_open("test", 1, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
