/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is billed from: every closed period that is asked for, once, and never a part of them as the whole. */
#include "socket/report.h"

#include <stdio.h>

#include "socket/rows.h"
#include "ledger_tools.h"

enum { KEEP = 5 };

static struct directory directory;
static struct ledger *ledger;
static struct view *view;
static char error[QUERY_ERROR_SIZE];

static void add(struct ledger_save *save, struct closed *rows, const char *town, const char *host, uint32_t first,
		uint32_t last)
{
	for (uint32_t n = first; n <= last; n++)
		rows[save->n_closed++] = make_closed(town, host, n, (uint64_t)n * 100);
	save->closed = rows;
}

static void set_town(uint32_t i, const char *name, uint32_t number)
{
	snprintf(view_towns(view)[i].name, sizeof view_towns(view)[i].name, "%s", name);
	view_towns(view)[i].traffic.period.number = number;
}

static void set_host(uint32_t i, uint32_t town, const char *name, uint32_t number)
{
	view_hosts(view)[i].town = town;
	snprintf(view_hosts(view)[i].name, sizeof view_hosts(view)[i].name, "%s", name);
	view_hosts(view)[i].traffic.period.number = number;
}

/* a has 7 periods behind it, of which 5 are kept, bob 2, new none; gone and the town x were removed. */
static int setup(void **state)
{
	struct closed *rows = calloc(64, sizeof *rows);
	struct ledger_save save = {.keep = KEEP};

	(void)state;
	assert_non_null(rows);
	directory_make(&directory);
	ledger = open_ledger(&directory, LEDGER_CREATED);
	view = view_new(0, 2, 3, 0, 1);
	assert_non_null(view);
	set_town(0, "a", 8);
	set_town(1, "b", 1);
	set_host(0, 0, "bob", 3);
	set_host(1, 0, "new", 1);
	set_host(2, 0, "alice", 8);
	add(&save, rows, "a", NULL, 1, 7);
	add(&save, rows, "x", NULL, 1, 1);
	add(&save, rows, "a", "bob", 1, 2);
	add(&save, rows, "a", "gone", 1, 3);
	add(&save, rows, "a", "alice", 1, 7);
	add(&save, rows, "x", "y/z", 4, 4);
	save_good(ledger, &save);
	free(rows);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(atomic_load(&view->references), 1);
	view_release(view);
	ledger_close(ledger);
	directory_remove(&directory);
	return 0;
}

static char listed[65536];

/* All of a report as "town[/host]:number ..."; the error, if there is one. */
static const char *list(const char *name, const char *period)
{
	struct query query;
	char line[256];
	enum service_step step;
	size_t used = 0;

	snprintf(line, sizeof line, "{\"verb\":\"report\",\"period\":%s%s%s%s}", period, name ? ",\"name\":\"" : "",
		 name ? name : "", name ? "\"" : "");
	assert_int_equal(query_read(&query, line, strlen(line), error), 0);
	struct report *report = report_new(directory.path, &query, view, error);
	if (!report)
		return error;
	listed[0] = '\0';
	do {
		json_t *part, *row;
		size_t i;
		step = report_step(report, &part, error);
		if (error[0]) {
			assert_null(part);
			report_free(report);
			return error;
		}
		assert_true(json_is_true(json_object_get(part, "more")) == (step == SERVICE_PART));
		json_array_foreach (json_object_get(part, "rows"), i, row) {
			const char *host = json_string_value(json_object_get(row, "host"));
			long long number = json_integer_value(json_object_get(row, "period"));
			used += (size_t)snprintf(listed + used, sizeof listed - used, "%s%s%s%s:%lld", used ? " " : "",
						 json_string_value(json_object_get(row, "town")), host ? "/" : "",
						 host ? host : "", number);
		}
		json_decref(part);
	} while (step != SERVICE_ENDS);
	report_free(report);
	return listed;
}

static void last_periods(void **state)
{
	(void)state;
	assert_string_equal(list(NULL, "1"), "a:7 x:1 a/bob:2 a/gone:3 a/alice:7 x/y/z:4");
	assert_string_equal(list(NULL, "2"), "a:6 a/bob:1 a/gone:2 a/alice:6");
	assert_string_equal(list(NULL, "5"), "a:3 a/alice:3");
	assert_string_equal(list(NULL, "6"), "");
	assert_string_equal(list(NULL, "4294967295"), "");
}

/* What is closed while a report is made is no part of it. */
static void of_one_time(void **state)
{
	struct closed row = make_closed("a", "alice", 8, 800);
	struct ledger_save save = {.closed = &row, .n_closed = 1, .keep = KEEP};

	(void)state;
	save_good(ledger, &save);
	assert_string_equal(list("a/alice", "1"), "a/alice:7");
	assert_string_equal(list("a/alice", "4"), "a/alice:4");
}

static void all_periods(void **state)
{
	(void)state;
	assert_string_equal(list("a/bob", "\"all\""), "a/bob:1 a/bob:2");
	assert_string_equal(list("x", "\"all\""), "x:1 x/y/z:4");
	assert_string_equal(list(NULL, "\"all\""),
			    "a:3 a:4 a:5 a:6 a:7 x:1 a/bob:1 a/bob:2 a/gone:1 a/gone:2 a/gone:3 a/alice:3 a/alice:4 "
			    "a/alice:5 a/alice:6 a/alice:7 x/y/z:4");
}

static void rows_by_name(void **state)
{
	(void)state;
	assert_string_equal(list("a", "1"), "a:7 a/bob:2 a/gone:3 a/alice:7");
	assert_string_equal(list("a/gone", "1"), "a/gone:3");
	assert_string_equal(list("a/gone", "3"), "a/gone:1");
	assert_string_equal(list("a/gone", "4"), "");
	assert_string_equal(list("x/y/z", "1"), "x/y/z:4");
	/* It is there and has none: no mistake. */
	assert_string_equal(list("a/new", "1"), "");
	assert_string_equal(list("b", "1"), "");
	assert_string_equal(list("a/nobody", "1"), "there is no host a/nobody");
	assert_string_equal(list("c", "\"all\""), "there is no town c");
	assert_non_null(strstr(list("a/", "1"), "is no name"));
}

/* More than a step looks at. */
static void fill(const char *town, size_t n)
{
	struct closed *rows = calloc(n, sizeof *rows);
	struct ledger_save save = {.keep = KEEP, .closed = rows};

	assert_non_null(rows);
	for (size_t i = 0; i < n; i++) {
		char name[24];
		snprintf(name, sizeof name, "h%zu", i);
		rows[save.n_closed++] = make_closed(town, name, 1, 1);
	}
	save_good(ledger, &save);
	free(rows);
}

static void many(void **state)
{
	size_t n = 1;

	(void)state;
	fill("m", 1000);
	list("m", "1");
	for (const char *at = listed; (at = strchr(at, ' ')); at++)
		n++;
	assert_int_equal(n, 1000);
	assert_string_equal(list("m", "2"), "");
}

static void a_row(void **state)
{
	struct closed row = {.is_host = 1, .town = "a", .host = "b\"c", .number = 3, .start = 17697312001, .end = 17697312019,
			     .reason = CLOSED_TOWN_ZERO, .complete = true, .down = {2, UINT64_MAX}, .up = {3, 0},
			     .quota_mb = 5, .over_mb = 7};
	json_t *made = rows_closed(&row);
	char *text = json_dumps(made, JSON_COMPACT);

	(void)state;
	assert_string_equal(text, "{\"town\":\"a\",\"host\":\"b\\\"c\",\"period\":3,\"start\":\"2026-01-30T00:00:00.1Z\","
				  "\"end\":\"2026-01-30T00:00:01.9Z\",\"reason\":\"townZero\",\"complete\":true,"
				  "\"down_octets\":\"18446744073709551615\",\"down_packets\":2,\"up_octets\":0,"
				  "\"up_packets\":3,\"total_octets\":\"18446744073709551615\",\"total_packets\":5,"
				  "\"quota_mb\":5,\"over_mb\":7}");
	free(text);
	json_decref(made);
}

/* An end that is none is told, not taken for one. */
static void no_ledger(void **state)
{
	char path[4096];

	(void)state;
	snprintf(path, sizeof path, "%s/ledger.db", directory.path);
	/* Also in the middle. */
	struct query query = {.verb = QUERY_REPORT, .all_periods = true};
	json_t *part;
	fill("m", 1000);
	struct report *report = report_new(directory.path, &query, view, error);
	assert_non_null(report);
	assert_int_equal(report_step(report, &part, error), SERVICE_PART);
	assert_non_null(part);
	json_decref(part);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(report_step(report, &part, error), SERVICE_ENDS);
	assert_null(part);
	assert_non_null(strstr(error, "can not be read"));
	report_free(report);
	assert_non_null(strstr(list(NULL, "1"), "can not be read"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(last_periods), TEST(of_one_time), TEST(all_periods), TEST(rows_by_name),
					   TEST(many), TEST(a_row), TEST(no_ledger)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
