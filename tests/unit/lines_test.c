/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines are kept as they came, however many and however long. */
#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void many(void **state)
{
	struct lines lines = {.n = 0};
	char expected[32];

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(lines_add(&lines, "line %d of %s", i, "many"), 0);
	assert_int_equal(lines.n, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(expected, sizeof expected, "line %d of many", i);
		assert_string_equal(lines.line[i], expected);
	}
	lines_free(&lines);
	assert_int_equal(lines.n, 0);
	assert_null(lines.line);
	lines_free(&lines);
}

static void a_long_one(void **state)
{
	struct lines lines = {.n = 0};
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(lines_add(&lines, "%s%s", text, text), 0);
	assert_int_equal(strlen(lines.line[0]), 2 * (sizeof text - 1));
	lines_free(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(many), cmocka_unit_test(a_long_one)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
