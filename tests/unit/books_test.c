/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ledger keeps of the agent, and of periods that could not be saved at once. */
#include "divided.h"
#include "image.h"
#include "log.h"
#include "scene.h"

static struct directory directory;

static struct closed closed_of(uint32_t number)
{
	struct closed row = {.is_host = 1, .town = "town-a", .host = "alice", .number = number, .start = (decitime)number * 100,
			     .end = (decitime)number * 100 + 100, .reason = CLOSED_LOCAL, .down = {number, (uint64_t)number * 100},
			     .quota_basis = QUOTA_BOTH};

	return row;
}

/* One set of books, with a model that knows nothing. */
struct open {
	struct books books;
	struct view_agent agent;
	struct meter *meter;
	char error[LEDGER_ERROR_SIZE];
};

static void start(struct open *o)
{
	memset(o, 0, sizeof *o);
	assert_int_equal(books_open(&o->books, directory.path, &o->agent, 5000, o->error), 0);
	o->books.keep = 24;
	o->meter = books_meter(&o->books, o->books.lost, 5000);
	assert_non_null(o->meter);
}

static void end(struct open *o)
{
	meter_free(o->meter);
	books_close(&o->books);
}

static void save(struct open *o)
{
	assert_int_equal(books_save(&o->books, o->meter, &o->agent, o->error), 0);
}

static int add(void *context, const struct closed *row)
{
	uint64_t *sum = context;

	*sum = *sum * 10 + row->number;
	return 0;
}

/* The numbers of alice's closed periods, as digits. */
static uint64_t closed_numbers(void)
{
	struct history *history = history_new(directory.path);
	uint64_t numbers = 0;

	assert_int_equal(history_list(history, "town-a", "alice", 0, add, &numbers), 0);
	history_free(history);
	return numbers;
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	scene_directory(&directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_disk(false);
	directory_remove(&directory);
	return 0;
}

static void a_first_start(void **state)
{
	struct open o;

	(void)state;
	start(&o);
	assert_false(o.books.lost || o.books.pending);
	assert_true(o.books.boundary == INT64_MIN);
	assert_int_equal(o.agent.period_start, 5000);
	assert_int_equal(o.agent.notify_max_per_minute, 60);
	assert_true(o.agent.notify_enable);
	assert_int_equal(o.agent.ledger, VIEW_LEDGER_CREATED);
	save(&o);
	end(&o);
	start(&o);
	assert_int_equal(o.agent.ledger, VIEW_LEDGER_OK);
	end(&o);
}

static void the_agent_goes_on(void **state)
{
	struct open o;

	(void)state;
	start(&o);
	o.agent.spin_lock = 2147483647;
	o.agent.snapshots = 11;
	o.agent.snapshot_errors = 12;
	o.agent.ledger_errors = 13;
	o.agent.notify_suppressed = 14;
	o.agent.notify_enable = false;
	o.agent.notify_min_interval = 15;
	o.agent.notify_max_per_minute = 16;
	o.agent.snapshot_time = 17;
	o.agent.period_start = 18;
	o.books.boundary = 19;
	snprintf(o.agent.period_schedule, sizeof o.agent.period_schedule, "daily 00:00");
	save(&o);
	end(&o);
	start(&o);
	assert_int_equal(o.agent.spin_lock, 0); /* it wraps */
	assert_int_equal(o.agent.snapshots, 11);
	assert_int_equal(o.agent.snapshot_errors, 12);
	assert_int_equal(o.agent.ledger_errors, 13);
	assert_int_equal(o.agent.notify_suppressed, 14);
	assert_false(o.agent.notify_enable);
	assert_int_equal(o.agent.notify_min_interval, 15);
	assert_int_equal(o.agent.notify_max_per_minute, 16);
	assert_int_equal(o.agent.snapshot_time, 17);
	assert_int_equal(o.agent.period_start, 18);
	assert_int_equal(o.books.boundary, 19);
	assert_string_equal(o.agent.period_schedule, "daily 00:00");
	assert_int_equal(o.books.start, METER_CONTINUED);
	end(&o);
}

/* Traffic is missing after a start of the router, unless the agent had ended well. */
static void lives(void **state)
{
	struct open o;

	(void)state;
	for (int clean = 0; clean < 2; clean++) {
		start(&o);
		o.books.clean = clean != 0;
		save(&o);
		end(&o);
		start(&o);
		assert_int_equal(o.books.start, METER_CONTINUED);
		assert_false(o.books.lost);
		end(&o);
		scene_life++;
		start(&o);
		assert_int_equal(o.books.start, METER_REBOOTED);
		assert_int_equal(o.books.lost, !clean);
		assert_false(o.books.clean);
		end(&o);
	}
}

/* They wait for the next save that succeeds, in their order; one that was withdrawn never comes. */
static void periods_wait_for_the_disk(void **state)
{
	struct closed rows[] = {closed_of(1), closed_of(2), closed_of(2), closed_of(3)};
	struct open o;

	(void)state;
	rows[2].withdrawn = true;
	start(&o);
	save(&o);
	fake_disk(true);
	for (int i = 0; i < 3; i++) {
		o.agent.snapshots++;
		assert_int_equal(books_begin(&o.books, o.meter, &o.agent, 1, o.error), 0);
		books_keep(&o.books, &rows[i], 1);
		assert_int_equal(books_save(&o.books, o.meter, &o.agent, o.error), -1);
		assert_true(o.error[0] != '\0');
		assert_int_equal(o.agent.ledger, VIEW_LEDGER_FAILED);
	}
	fake_disk(false);
	assert_int_equal(closed_numbers(), 0);
	save(&o);
	assert_int_equal(closed_numbers(), 1);
	/* Or for an intent. */
	assert_int_equal(books_begin(&o.books, o.meter, &o.agent, 1, o.error), 0);
	books_keep(&o.books, &rows[1], 1);
	assert_int_equal(books_begin(&o.books, o.meter, &o.agent, 1, o.error), 0);
	assert_int_equal(books_intend(&o.books, o.meter, &o.agent, &rows[3], 1, "steps", 5, o.error), 0);
	assert_int_equal(closed_numbers(), 12);
	end(&o);
	/* What was only intended is there once it is adopted. */
	start(&o);
	assert_true(o.books.pending);
	save(&o);
	assert_int_equal(closed_numbers(), 12);
	assert_int_equal(books_adopt(&o.books, &o.agent), 0);
	assert_true(o.books.unsaved);
	o.books.pending = false;
	save(&o);
	assert_false(o.books.unsaved);
	assert_int_equal(closed_numbers(), 123);
	end(&o);
}

/* An intent has the agent as it was, and as it is to be. */
static void an_intent_has_the_agent(void **state)
{
	struct open o;

	(void)state;
	for (int adopted = 0; adopted < 2; adopted++) {
		start(&o);
		o.books.boundary = 100;
		o.agent.period_start = 7;
		save(&o);
		assert_int_equal(books_begin(&o.books, o.meter, &o.agent, 0, o.error), 0);
		o.books.boundary = 200;
		o.agent.period_start = 8;
		assert_int_equal(books_intend(&o.books, o.meter, &o.agent, NULL, 0, "steps", 5, o.error), 0);
		end(&o);
		start(&o);
		assert_int_equal(o.books.boundary, 100);
		uint32_t spin_lock = o.agent.spin_lock;
		if (adopted) {
			assert_int_equal(books_adopt(&o.books, &o.agent), 0);
			assert_int_equal(o.books.boundary, 200);
			assert_int_equal(o.agent.period_start, 8);
			assert_true(o.agent.spin_lock >= spin_lock);
		}
		o.books.pending = false;
		save(&o);
		end(&o);
		start(&o);
		assert_int_equal(o.books.boundary, adopted ? 200 : 100);
		assert_false(o.books.pending);
		end(&o);
	}
}

/* Each save has what the classes count, whether the rules are new or the same: with AddressSanitizer books_save() itself
 * looks whether it has. */
static void classes_go_on(void **state)
{
	struct divided d = {.now = 1000, .email = true};
	struct open o;

	(void)state;
	start(&o);
	d.meter = o.meter;
	divided_configure(&d);
	divided_look(&d);
	save(&o);
	for (int i = 0; i < 3; i++) {
		divided_pass(&d, ALICE, DIRECTION_DOWN, HTTP, 5, 500);
		/* The same rules, others, and without some. */
		d.generation -= i == 0;
		d.absent = i == 2 ? NO_B : 0;
		divided_look(&d);
		save(&o);
	}
	struct view *before = meter_publish(o.meter, &o.agent);
	end(&o);
	start(&o);
	d.meter = o.meter;
	divided_configure(&d);
	struct view *now = meter_publish(o.meter, &o.agent);
	assert_non_null(before);
	assert_non_null(now);
	uint32_t web = view_find_service(now, view_find_town(now, "town-a"), view_find_host(now, "town-a", "alice"), "web");
	assert_int_equal(view_services(now)[web].down.octets, 1500);
	assert_int_equal(now->n_services, 3);
	assert_int_equal(now->n_town_services, before->n_town_services);
	assert_int_equal(now->n_host_services, before->n_host_services);
	for (uint32_t i = 0; i < 3 + now->n_town_services + now->n_host_services; i++) {
		const struct view_service *x = &view_services(before)[i], *y = &view_services(now)[i];
		assert_string_equal(x->name, y->name);
		assert_true(x->town == y->town && x->host == y->host);
		assert_memory_equal(&x->down, &y->down, sizeof x->down);
		assert_memory_equal(&x->up, &y->up, sizeof x->up);
	}
	view_release(before);
	view_release(now);
	end(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_first_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_agent_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(classes_go_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(periods_wait_for_the_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_intent_has_the_agent, set_up, tear_down),
	};

	log_open("test", 1, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
