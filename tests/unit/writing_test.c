/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When rules are written, what is told of it, and that nothing is half done; the kernel is played here. */
#include "writing.h"

#include "apply.h"
#include "ledger_tools.h"
#include "received.h"
#include "settings_text.h"

#define BUILT_IN ":INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"
#define CONFIG "rules: managed\ntowns:\n  - {name: town-a, prefixes: [10.1.0.0/24], hosts: [{name: alice, prefixes: [10.1.0.10]}]}\n"

/* The packet filter, and what it is to do. */
struct backend {
	struct made made;
	uint64_t generation;
	unsigned reads, changes, dropped_tables;
	unsigned stale;        /* changes that another program gets ahead of */
	bool refuses_tables;
};

/* No rule counts more than that. */
uint64_t received_packets(void)
{
	return UINT64_MAX;
}

static int play_probe(char error[BACKEND_ERROR_SIZE])
{
	(void)error;
	return 1;
}

static int play_read(struct backend *b, enum read_depth depth, struct snapshot *snapshot, char error[BACKEND_ERROR_SIZE])
{
	(void)depth, (void)error;
	b->reads++;
	*snapshot = (struct snapshot){.rules = b->made.rules, .counters = b->made.counters, .generation = b->generation,
				      .found = {[CHAIN_LEGACY] = true}};
	return 0;
}

static int play_arm(struct backend *b, struct edit *edits, size_t n, struct intent *intent, char error[BACKEND_ERROR_SIZE])
{
	(void)b, (void)error;
	for (size_t i = 0; i < n; i++)
		edits[i].step = STEP_NONE;
	*intent = (struct intent){.data = NULL};
	return 0;
}

static void play_become(struct backend *b, struct made made)
{
	made_free(&b->made);
	b->made = made;
	b->generation++;
}

static enum change_result play_change(struct backend *b, struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE])
{
	struct layout_changes changes = {.list = calloc(n, sizeof *changes.list), .n = (uint32_t)n};

	assert_non_null(changes.list);
	if (b->stale) {
		b->stale--;
		snprintf(error, BACKEND_ERROR_SIZE, "another program was faster");
		free(changes.list);
		return CHANGE_STALE;
	}
	b->changes++;
	for (size_t i = 0; i < n; i++) {
		changes.list[i].edit = edits[i];
		if (edits[i].kind == EDIT_DELETE)
			edits[i].counter = b->made.counters[edits[i].rule];
	}
	play_become(b, apply_changes(&b->made, &changes));
	free(changes.list);
	return CHANGE_DONE;
}

static int play_make_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	(void)which, (void)family;
	if (b->refuses_tables) {
		snprintf(error, BACKEND_ERROR_SIZE, "no table for you");
		return -1;
	}
	play_become(b, make(BUILT_IN));
	return 0;
}

static int play_drop_table(struct backend *b, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE])
{
	(void)which, (void)family, (void)error;
	b->dropped_tables++;
	return 0;
}

static const struct backend_ops play_ops = {.name = "play", .probe = play_probe, .read = play_read, .arm = play_arm,
					    .change = play_change, .make_table = play_make_table,
					    .drop_table = play_drop_table};

struct stage {
	struct backend backend;
	struct directory directory;
	struct books books;
	struct view_agent agent;
	struct settings settings;
	struct workshop w;
	struct writing writing;
	struct writing_report report;
	char error[BACKEND_ERROR_SIZE];
};

static void heard(void *context, const char *line)
{
	(void)context, (void)line;
}

static void stage_begin(struct stage *s, const char *rules, const char *config)
{
	char error[LEDGER_ERROR_SIZE];

	memset(s, 0, sizeof *s);
	s->backend = (struct backend){.made = make(rules), .generation = 1};
	directory_make(&s->directory);
	assert_int_equal(books_open(&s->books, s->directory.path, &s->agent, 1000, error), 0);
	read_good(&s->settings, config);
	s->w = (struct workshop){.ops = &play_ops, .backend = &s->backend, .books = &s->books, .agent = &s->agent,
				 .report = heard};
	s->w.meter = books_meter(&s->books, s->books.lost, 1000);
	assert_non_null(s->w.meter);
	writing_configure(&s->writing, &s->settings);
}

static void stage_end(struct stage *s)
{
	writing_report_free(&s->report);
	writing_end(&s->writing);
	meter_free(s->w.meter);
	books_close(&s->books);
	directory_remove(&s->directory);
	settings_free(&s->settings);
	made_free(&s->backend.made);
}

static enum change_result run(struct stage *s, enum writing_task task, bool dry)
{
	s->error[0] = '\0';
	return writing_run(&s->writing, &s->w, task, dry, NULL, &s->report, s->error);
}

static bool is_due(struct stage *s)
{
	struct snapshot snapshot;

	assert_int_equal(workshop_look(&s->w, READ_ALL, &snapshot, s->error), 0);
	return writing_is_due(&s->writing, &snapshot);
}

/* How many rules and chains stand, those of iptables itself apart. */
static size_t rules_of(const struct stage *s)
{
	size_t n = 0;

	for (uint32_t r = 0; r < s->backend.made.rules->n_rules; r++)
		n += !s->backend.made.rules->rules[r].policy;
	return n;
}

static uint32_t chains_of(const struct stage *s)
{
	return s->backend.made.rules->n_chains - 3;
}

/* Written when they are due, once for each state of the rules. */
static void written_when_due(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s, BUILT_IN, CONFIG);
	assert_true(is_due(&s));
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	assert_int_equal(s.backend.changes, 1);
	assert_int_equal(s.report.rules_added, rules_of(&s));
	assert_int_equal(s.report.chains_added, chains_of(&s));
	assert_true(rules_of(&s) > 8);
	assert_string_equal(ruleset_text(s.backend.made.rules, s.backend.made.rules->chains[3].name), "townmeter");
	/* These rules were not compared yet. */
	assert_true(is_due(&s));
	assert_int_equal(run(&s, WRITING_MEND, false), CHANGE_DONE);
	assert_int_equal(s.backend.changes, 1);
	assert_int_equal(s.report.rules_added + s.report.rules_removed, 0);
	assert_false(is_due(&s));
	/* Another program commits. */
	s.backend.generation++;
	assert_true(is_due(&s));
	/* Another configuration comes. */
	assert_int_equal(run(&s, WRITING_MEND, false), CHANGE_DONE);
	assert_false(is_due(&s));
	writing_configure(&s.writing, &s.settings);
	assert_true(is_due(&s));
	stage_end(&s);
	/* Rules that stand are nothing to write. */
	stage_begin(&s, BUILT_IN, "rules: standing\ntowns:\n  - {name: town-a, prefixes: [10.1.0.0/24]}\n");
	assert_false(is_due(&s));
	stage_end(&s);
}

/* All is told, and nothing is done. */
static void dry(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s, BUILT_IN, CONFIG);
	assert_int_equal(run(&s, WRITING_APPLY, true), CHANGE_DONE);
	assert_int_equal(s.backend.changes, 0);
	assert_int_equal(rules_of(&s) + chains_of(&s), 0);
	size_t told_rules = s.report.rules_added, told_chains = s.report.chains_added;
	assert_int_equal(s.report.commands.n, told_rules + told_chains);
	assert_string_equal(s.report.commands.line[0], "iptables -N townmeter");
	assert_true(is_due(&s));
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	assert_int_equal(told_rules, rules_of(&s));
	assert_int_equal(told_chains, chains_of(&s));
	assert_int_equal(s.report.commands.n, 0);
	stage_end(&s);
	/* Of a table that would be made first. */
	stage_begin(&s, "", CONFIG);
	assert_int_equal(run(&s, WRITING_APPLY, true), CHANGE_DONE);
	assert_int_equal(s.report.rules_added, told_rules);
	assert_int_equal(s.report.notes.n, 1);
	assert_string_equal(s.report.notes.line[0], "there is no filter table of iptables yet: it is made first");
	assert_int_equal(s.backend.generation, 1);
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	assert_int_equal(rules_of(&s), told_rules);
	stage_end(&s);
	stage_begin(&s, "", CONFIG);
	s.backend.refuses_tables = true;
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_REFUSED);
	assert_string_equal(s.error, "no table for you");
	assert_int_equal(s.backend.changes, 0);
	stage_end(&s);
}

/* Another program commits between the look and the change, again and again. */
static void overtaken(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s, BUILT_IN, CONFIG);
	s.backend.stale = 5;
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_STALE);
	assert_string_equal(s.error, "another program was faster");
	assert_int_equal(s.backend.changes, 0);
	s.backend.stale = 4;
	s.backend.reads = 0;
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	assert_int_equal(s.backend.reads, 5);
	assert_int_equal(s.report.rules_added, rules_of(&s));
	/* A look that is there already is not made again, but if it is too old. */
	struct snapshot snapshot;
	made_free(&s.backend.made);
	s.backend.made = make(BUILT_IN);
	s.backend.generation++;
	assert_int_equal(workshop_look(&s.w, READ_ALL, &snapshot, s.error), 0);
	s.backend.reads = 0;
	s.backend.stale = 1;
	assert_int_equal(writing_run(&s.writing, &s.w, WRITING_MEND, false, &snapshot, &s.report, s.error), CHANGE_DONE);
	assert_int_equal(s.backend.reads, 1);
	stage_end(&s);
}

static uint32_t alice(const struct stage *s)
{
	const struct ruleset *rules = s->backend.made.rules;
	const struct prefix address = make_prefix("10.1.0.10");

	for (uint32_t r = 0; r < rules->n_rules; r++)
		if (prefix_compare(&rules->rules[r].dst, &address) == 0)
			return r;
	return RULE_NONE;
}

/* What comes back has what it had, and none of it counts twice. */
static void counters_go_on(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s, BUILT_IN, CONFIG);
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	assert_true(is_due(&s));
	s.backend.made.counters[alice(&s)] = (struct counter){30, 3000};
	assert_true(is_due(&s));
	uint32_t host = meter_find_host(s.w.meter, "town-a", "10.1.0.10");
	assert_int_not_equal(host, RULE_NONE);
	play_become(&s.backend, make(BUILT_IN));
	assert_true(is_due(&s));
	assert_int_equal(run(&s, WRITING_MEND, false), CHANGE_DONE);
	assert_int_equal(s.backend.made.counters[alice(&s)].packets, 30);
	assert_int_equal(s.backend.made.counters[alice(&s)].octets, 3000);
	s.backend.made.counters[alice(&s)] = (struct counter){37, 3700};
	assert_true(is_due(&s));
	struct view *view = meter_publish(s.w.meter, &s.agent);
	assert_non_null(view);
	uint32_t row = view_find_host(view, "town-a", "10.1.0.10");
	assert_int_not_equal(row, UINT32_MAX);
	assert_int_equal(view_hosts(view)[row].traffic.down.packets, 37);
	assert_int_equal(view_hosts(view)[row].traffic.down.octets, 3700);
	view_release(view);
	stage_end(&s);
}

/* Nothing of ours is left, nor written until it is asked for; a foreign rule stays. */
static void taken_away(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s, BUILT_IN "-A FORWARD -i eth0 -j DROP\n", CONFIG);
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	size_t all = rules_of(&s), chains = chains_of(&s);
	assert_int_equal(run(&s, WRITING_REMOVE, true), CHANGE_DONE);
	assert_int_equal(rules_of(&s), all);
	assert_int_equal(s.backend.dropped_tables, 0);
	assert_true(is_due(&s));
	assert_int_equal(run(&s, WRITING_REMOVE, false), CHANGE_DONE);
	assert_int_equal(s.report.rules_removed, all - 1);
	assert_int_equal(s.report.chains_removed, chains);
	assert_int_equal(rules_of(&s), 1);
	assert_int_equal(chains_of(&s), 0);
	assert_int_equal(s.backend.dropped_tables, 2);
	assert_false(is_due(&s));
	s.backend.generation++;
	assert_false(is_due(&s));
	assert_int_equal(run(&s, WRITING_APPLY, false), CHANGE_DONE);
	assert_int_equal(rules_of(&s), all);
	assert_true(is_due(&s));
	stage_end(&s);
}

/* What stands in the way is said, and nothing else is written either. */
static void blocked(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s, BUILT_IN ":town-a\n:tm.town-a\n-A town-a -i eth0\n-A tm.town-a -i eth0\n", CONFIG);
	for (int dry = 0; dry < 2; dry++) {
		assert_int_equal(run(&s, WRITING_APPLY, dry), CHANGE_REFUSED);
		assert_string_equal(s.error, "neither the chain town-a of IPv4 nor the chain tm.town-a is townmeter's: nothing is "
					     "written; rename or delete one of them");
		assert_int_equal(s.report.notes.n, 1);
		assert_string_equal(s.report.notes.line[0], s.error);
	}
	assert_int_equal(s.backend.changes, 0);
	assert_true(is_due(&s));
	stage_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(written_when_due), cmocka_unit_test(dry),
					   cmocka_unit_test(overtaken), cmocka_unit_test(counters_go_on),
					   cmocka_unit_test(taken_away), cmocka_unit_test(blocked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
