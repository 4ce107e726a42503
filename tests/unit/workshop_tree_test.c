/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks, quotas and periods where the rules are those of the tree: exact, also for a process that is killed. */
#include "log.h"
#include "scene.h"

static struct directory directory;

static void configure(struct meter *meter, void *context)
{
	scene_configure(meter, context);
	meter_set_names(meter, &(struct recognise_names){.find = scene_names});
}

static void open_scene(struct scene *scene)
{
	scene_open(scene, &directory);
	scene->w.configure = configure;
	configure(scene->w.meter, scene);
	scene_look(scene);
	check(workshop_save(&scene->w) == 0);
}

static void apply(struct scene *scene, const struct command *commands, size_t n)
{
	struct request *request = scene_apply(scene, commands, n);

	check(request->result == REQUEST_DONE);
	request_free(request);
}

static const struct command zero_all = {.kind = COMMAND_ZERO, .all = true};
static const struct command block_bob = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob", .blocked = true};
static const struct command allow_bob = {.kind = COMMAND_ADMIN, .town = "town-a", .host = "bob"};
static const struct command block_b = {.kind = COMMAND_ADMIN, .town = "town-b", .blocked = true};
static const struct command allow_b = {.kind = COMMAND_ADMIN, .town = "town-b"};

static void blocks(void *context)
{
	struct scene scene;
	struct snapshot snapshot;
	char error[BACKEND_ERROR_SIZE];

	(void)context;
	open_scene(&scene);
	fake_pass(0, DIRECTION_DOWN, 1000);
	apply(&scene, &block_bob, 1);
	apply(&scene, &block_b, 1);
	scene_look(&scene);
	check(scene_drops(1) == 2);
	/* Drops get what nobody was charged for. */
	uint64_t before = fake->counted[1][DIRECTION_DOWN].packets;
	fake_pass(1, DIRECTION_DOWN, 500);
	fake_pass(2, DIRECTION_UP, 500);
	check(fake->counted[1][DIRECTION_DOWN].packets == before);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 0);
	apply(&scene, &zero_all, 1);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 3);
	/* Every rule that counts a town or a host began again, and the canary did not. */
	check(workshop_look(&scene.w, READ_ALL, &snapshot, error) == 0);
	for (uint32_t i = 0; i < snapshot.rules->n_rules; i++) {
		uint8_t kind = meter_recognition(scene.w.meter)->roles[i].kind;
		if (kind == ROLE_JUMP || kind == ROLE_COUNT || kind == ROLE_TOTAL || kind == ROLE_HOST_DROP)
			check(snapshot.counters[i].packets < 300);
		if (kind == ROLE_CANARY)
			check(snapshot.counters[i].packets == 7);
	}
	apply(&scene, &allow_bob, 1);
	apply(&scene, &allow_b, 1);
	fake_pass(1, DIRECTION_DOWN, 500);
	scene_look(&scene);
	check(scene_drops(1) == 0 && scene_drops(2) == 0);
	check(workshop_save(&scene.w) == 0);
	check(scene_audit(&scene, &directory, false) == 3);
	scene_close(&scene);
}

static void blocks_and_periods(void **state)
{
	(void)state;
	scene_on_both_with(SCENE_TREE, blocks, &directory);
}

/* The drops that a request put into the tree are found again, to be taken back. */
static void undone(void *context)
{
	struct scene scene;

	(void)context;
	open_scene(&scene);
	struct request *request = scene_apply(&scene, &block_bob, 1);
	check(request->result == REQUEST_DONE && scene_drops(1) == 2);
	request_undo(&scene.w, request);
	check(request->result == REQUEST_DONE && scene_drops(1) == 0);
	request_free(request);
	scene_look(&scene);
	check(scene_drops(1) == 0);
	check(!meter_is_blocked(scene.w.meter, METER_HOST, scene_host(&scene, "town-a", "bob")));
	scene_close(&scene);
}

static void a_block_taken_back(void **state)
{
	(void)state;
	scene_on_both_with(SCENE_TREE, undone, &directory);
}

/* On both backends, until it is not killed any more; the next process sees what is left. */
static void killed_at_every_step(void (*process)(void *context), void (*next)(void *context))
{
	for (int nft = 0; nft < 2; nft++) {
		bool ended = false;
		for (unsigned at = 1; !ended; at++) {
			fake_make(SCENE_TREE, scene_addresses);
			fake->nft = nft != 0;
			scene_directory(&directory);
			ended = fake_process(process, NULL, at);
			assert_true(fake_process(next, NULL, 0));
			directory_remove(&directory);
		}
	}
}

static void killed_process(void *context)
{
	struct scene scene;
	struct command both[] = {zero_all, block_bob};

	(void)context;
	open_scene(&scene);
	apply(&scene, both, 2);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	scene_close(&scene);
}

static void next_process(void *context)
{
	struct scene scene;

	(void)context;
	open_scene(&scene);
	unsigned rows = scene_audit(&scene, &directory, fake->nft);
	check(rows == 0 || rows == 3);
	check(scene_drops(1) == (rows ? 2 : 0));
	scene_close(&scene);
}

static void a_process_that_is_killed(void **state)
{
	(void)state;
	killed_at_every_step(killed_process, next_process);
}

/* Another program takes alice's rule away. */
static void take_a_rule_away(void)
{
	const struct prefix alice = make_prefix("10.1.0.10");
	uint32_t n = 0;

	for (uint32_t r = 0; r < fake->n_rules; r++)
		if (prefix_compare(&fake->rules[r].rule.dst, &alice) != 0)
			fake->rules[n++] = fake->rules[r];
	check(n == fake->n_rules - 1);
	fake->n_rules = n;
	fake->generation++;
}

/* It is written again, with what it had counted. */
static void writing_process(void *context)
{
	struct scene scene;
	struct snapshot snapshot;
	char error[BACKEND_ERROR_SIZE];
	struct edit edit = {.kind = EDIT_INSERT, .prefix = make_prefix("10.1.0.10"), .verdict = VERDICT_NONE};

	(void)context;
	open_scene(&scene);
	fake_pass(0, DIRECTION_DOWN, 1000);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	take_a_rule_away();
	check(workshop_look(&scene.w, READ_ALL, &snapshot, error) == 0);
	struct rule_key key = {.town = meter_find_town(scene.w.meter, "town-a"), .family = PREFIX_IPV4, .kind = ROLE_COUNT,
			       .backend = fake->nft ? CHAIN_NFT : CHAIN_LEGACY, .layout = true, .prefix = edit.prefix};
	edit.counter = meter_rule_last(scene.w.meter, &key);
	check(edit.counter.packets > 1000);
	while (strcmp(fake->chains[edit.chain], "tm-d-10.1.0.0/24") != 0)
		edit.chain++;
	edit.rule = snapshot.rules->chains[edit.chain].first;
	check(workshop_begin(&scene.w, 0, error) == 0);
	check(workshop_change(&scene.w, snapshot.rules, &edit, &key, 1, NULL, 0, NULL, error) == CHANGE_DONE);
	scene_look(&scene);
	check(workshop_save(&scene.w) == 0);
	scene_close(&scene);
}

/* Never twice, and told where something is missing. */
static void after_writing(void *context)
{
	struct scene scene;

	(void)context;
	open_scene(&scene);
	check(scene_audit(&scene, &directory, true) == 0);
	scene_close(&scene);
}

static void written_again(void **state)
{
	(void)state;
	killed_at_every_step(writing_process, after_writing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_and_periods),
		cmocka_unit_test(a_block_taken_back),
		cmocka_unit_test(a_process_that_is_killed),
		cmocka_unit_test(written_again),
	};

	log_open("test", 1, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
