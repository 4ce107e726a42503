/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests on the control socket: whatever comes in, it is read or refused in one clear line. */
#include "socket/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char error[QUERY_ERROR_SIZE];

static int read_text(struct query *query, const char *text)
{
	/* A block of its own size: a sanitizer sees what is read beyond the line. */
	size_t length = strlen(text);
	char *line = malloc(length ? length : 1);

	assert_non_null(line);
	for (size_t i = 0; i < length; i++)
		line[i] = text[i];
	error[0] = '\0';
	int result = query_read(query, line, length, error);
	free(line);
	return result;
}

static void good(void **state)
{
	struct query q;

	(void)state;
	assert_int_equal(read_text(&q, "{\"verb\":\"status\"}"), 0);
	assert_int_equal(q.verb, QUERY_STATUS);
	assert_false(query_commands(&q));
	assert_int_equal(read_text(&q, " {\"name\" : \"town-a/alice\", \"verb\":\"block\"} \r"), 0);
	assert_int_equal(q.verb, QUERY_BLOCK);
	assert_true(query_commands(&q));
	assert_string_equal(q.name, "town-a/alice");
	assert_int_equal(read_text(&q, "{\"verb\":\"zero\",\"town\":\"a\",\"host\":\"b \\\"c\\\" /\xc3\xa9\"}"), 0);
	assert_string_equal(q.town, "a");
	assert_string_equal(q.host, "b \"c\" /\xc3\xa9");
	assert_int_equal(read_text(&q, "{\"verb\":\"zero\",\"all\":true}"), 0);
	assert_true(q.all);
	assert_int_equal(read_text(&q, "{\"verb\":\"report\"}"), 0);
	assert_true(!q.all_periods && q.period == 1);
	assert_int_equal(read_text(&q, "{\"verb\":\"report\",\"period\":\"all\"}"), 0);
	assert_true(q.all_periods);
	assert_int_equal(read_text(&q, "{\"verb\":\"quota\",\"name\":\"t\",\"quota_mb\":4294967295,\"quota_basis\":\"up\"}"), 0);
	assert_true(q.has_megabytes && q.megabytes == UINT32_MAX && q.has_basis && q.basis == 3);
	assert_true(!q.has_warn && !q.has_action);
	assert_int_equal(read_text(&q, "{\"verb\":\"quota\",\"name\":\"t/h\",\"quota_warn_percent\":0,\"quota_action\":\"block\"}"), 0);
	assert_true(q.has_warn && q.warn_percent == 0 && q.has_action && q.action == 3 && !q.has_megabytes);
	assert_true(query_commands(&q));
	assert_int_equal(read_text(&q, "{\"verb\":\"apply\"}"), 0);
	assert_true(q.verb == QUERY_APPLY && query_commands(&q) && !q.dry_run);
	assert_int_equal(read_text(&q, "{\"verb\":\"remove\",\"dry_run\":true}"), 0);
	assert_true(q.verb == QUERY_REMOVE && query_commands(&q) && q.dry_run);
	assert_int_equal(read_text(&q, "{\"verb\":\"apply\",\"dry_run\":1}"), -1);
	assert_string_equal(error, "\"dry_run\" is a number, expected true or false");
	assert_int_equal(read_text(&q, "{\"verb\":\"apply\",\"town\":\"a\"}"), -1);
	assert_string_equal(error, "'town' is not a key of \"apply\", expected dry_run");
	/* Nothing is to change: it is shown. */
	assert_int_equal(read_text(&q, "{\"verb\":\"quota\",\"name\":\"t/h\"}"), 0);
	assert_false(query_commands(&q));
}

static void bad(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"", "found no JSON object"},
		{"status", "found no JSON object"},
		{"{", "found no JSON object"},
		{"[]", "found a list, expected an object"},
		{"{\"verb\":\"status\"} {}", "found no JSON object"},
		{"{\"verb\":\"status\",\"verb\":\"status\"}", "duplicate"},
		{"{}", "found no \"verb\""},
		{"{\"verb\":7}", "\"verb\" is a number, expected a string"},
		{"{\"verb\":\"reboot\"}", "\"verb\" is 'reboot', expected one of status"},
		{"{\"verb\":\"status\",\"town\":\"a\"}", "'town' is not a key of \"status\", expected nothing but"},
		{"{\"verb\":\"zero\",\"colour\":1}", "'colour' is not a key of \"zero\", expected name, town, host, all"},
		{"{\"verb\":\"zero\"}", "names no row"},
		{"{\"verb\":\"zero\",\"all\":false}", "names no row"},
		{"{\"verb\":\"zero\",\"all\":1}", "\"all\" is a number, expected true or false"},
		{"{\"verb\":\"zero\",\"all\":true,\"town\":\"a\"}", "found \"all\" and the name"},
		{"{\"verb\":\"block\",\"all\":true}", "'all' is not a key of \"block\""},
		{"{\"verb\":\"block\",\"name\":null}", "\"name\" is null, expected a string"},
		{"{\"verb\":\"block\",\"name\":\"\"}", "\"name\" is no name"},
		{"{\"verb\":\"block\",\"name\":\"a\\nb\"}", "\"name\" is no name"},
		{"{\"verb\":\"block\",\"name\":\"a\\u0000b\"}", "found no JSON object"},
		{"{\"verb\":\"block\",\"name\":\"a\\u009bb\"}", "\"name\" is no name"},
		{"{\"verb\":\"block\",\"name\":\"\xff\"}", "found no JSON object"},
		{"{\"verb\":\"block\",\"town\":\"12345678901234567890123456789\"}", "has 29 octets, expected at most 28"},
		{"{\"verb\":\"block\",\"host\":\"a\"}", "found \"host\" without \"town\""},
		{"{\"verb\":\"block\",\"name\":\"a\",\"host\":\"a\"}", "found \"name\" and \"host\""},
		{"{\"verb\":\"quota\",\"quota_mb\":1}", "names no row"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_mb\":1.5}", "\"quota_mb\" is a number, expected a whole"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_mb\":-1}", "\"quota_mb\" is -1, expected 0 to 4294967295"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_mb\":4294967296}", "expected 0 to 4294967295"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_mb\":99999999999999999999}", "found no JSON object"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_warn_percent\":101}", "is 101, expected 0 to 100"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_basis\":\"none\"}", "is 'none', expected both, down or up"},
		{"{\"verb\":\"quota\",\"name\":\"a\",\"quota_action\":2}", "is a number, expected a string"},
		{"{\"verb\":\"report\",\"period\":\"last\"}", "\"period\" is a string, expected a whole number or \"all\""},
		{"{\"verb\":\"report\",\"period\":-1}", "is -1, expected 0 to"},
		/* What a client sent does not make a second line. */
		{"{\"verb\":\"a\\nb\"}", "is 'a?b'"},
	};
	struct query q;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_text(&q, cases[i].text), -1);
		if (!strstr(error, cases[i].said) || strchr(error, '\n'))
			fail_msg("of %s it said: %s", cases[i].text, error);
	}
}

/* Octets changed, cut and repeated at random, but the same at every run: nothing crashes, and what is read is
 * within its bounds. */
static void garbage(void **state)
{
	static const char *const seeds[] = {
		"{\"verb\":\"quota\",\"name\":\"town-a/alice\",\"quota_mb\":50000,\"quota_basis\":\"down\",\"quota_action\":\"block\"}",
		"{\"verb\":\"report\",\"town\":\"\xc3\xa9\",\"host\":\"b\",\"period\":\"all\"}",
		"{\"verb\":\"zero\",\"all\":true}"};
	uint32_t random = 1;
	struct query q;
	char text[1024];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		snprintf(text, sizeof text, "%s", seeds[i % 3]);
		size_t length = strlen(text);
		for (int k = 0; k <= i % 4; k++) {
			random = random * 1664525u + 1013904223u;
			size_t at = (random >> 8) % length;
			if (random >> 30 == 0)
				length = at + 1;
			else if (random >> 30 == 1)
				memmove(text + at, text, length - at);
			else
				text[at] = (char)(random >> 20);
		}
		text[length] = '\0';
		if (read_text(&q, text) < 0) {
			assert_true(error[0] != '\0' && !strchr(error, '\n'));
			continue;
		}
		assert_true(strlen(q.town) <= NAME_TOWN_MAX && strlen(q.host) <= NAME_HOST_MAX);
		assert_true(strlen(q.name) <= QUERY_NAME_MAX && q.warn_percent <= 100 && q.basis <= 3 && q.action <= 3);
	}
	/* As deep as a line can be. */
	char *deep = malloc(60001);
	assert_non_null(deep);
	memset(deep, '[', 60000);
	deep[60000] = '\0';
	assert_int_equal(read_text(&q, deep), -1);
	free(deep);
}

static struct view *make_view(void)
{
	static const char *const towns[] = {"a", "b", "a/b", "a/b/c"};
	static const struct {
		uint32_t town;
		const char *name;
	} hosts[] = {{0, "h"}, {0, "b/h"}, {0, "b/c/x"}, {1, "h"}, {2, "h"}, {2, "c/y"}, {3, "z"}};
	struct view *view = view_new(0, 4, 7, 0, 1);

	assert_non_null(view);
	for (size_t i = 0; i < 4; i++)
		snprintf(view_towns(view)[i].name, sizeof view_towns(view)[i].name, "%s", towns[i]);
	for (size_t i = 0; i < 7; i++) {
		view_hosts(view)[i].town = hosts[i].town;
		snprintf(view_hosts(view)[i].name, sizeof view_hosts(view)[i].name, "%s", hosts[i].name);
	}
	return view;
}

static void names(void **state)
{
	static const struct {
		const char *name, *town, *host, *said; /* said: NULL if there is such a row */
	} cases[] = {
		{"a", "a", "", NULL},
		{"a/h", "a", "h", NULL},
		{"a/b", "a/b", "", NULL},
		{"a/b/h", "a/b", "h", NULL},      /* the longer town, though a has b/h */
		{"a/b/c", "a/b/c", "", NULL},
		{"a/b/c/x", "a", "b/c/x", NULL},  /* the longest one that has the host */
		{"a/b/c/y", "a/b", "c/y", NULL},
		{"a/b/c/z", "a/b/c", "z", NULL},
		{"c", "c", "", "there is no town c"},
		{"c/h", "c", "h", "there is no host c/h: no town c"},
		{"a/x", "a", "x", "there is no host a/x"},
		{"a/", "", "", "'a/' is no name"},
		{"/h", "", "", "'/h' is no name"},
		{"/", "", "", "'/' is no name"},
		{"1234567890123456789012345678901234567890", "", "", "is no name"},
	};
	struct view *view = make_view();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct query q = {.verb = QUERY_ZERO};
		snprintf(q.name, sizeof q.name, "%s", cases[i].name);
		error[0] = '\0';
		int result = query_find(&q, view, error);
		assert_int_equal(result, cases[i].said ? -1 : 0);
		assert_string_equal(q.town, cases[i].town);
		assert_string_equal(q.host, cases[i].host);
		if (cases[i].said && !strstr(error, cases[i].said))
			fail_msg("of %s it said: %s", cases[i].name, error);
	}
	/* Named apart, nothing is guessed. */
	struct query q = {.verb = QUERY_ZERO, .town = "a", .host = "b/h"};
	assert_int_equal(query_find(&q, view, error), 0);
	struct query none = {.verb = QUERY_ZERO, .town = "b", .host = "x"};
	assert_int_equal(query_find(&none, view, error), -1);
	view_release(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(garbage), cmocka_unit_test(names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
