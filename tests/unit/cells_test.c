/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cells.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cells_column columns[] = {{"NAME", false}, {"OCTETS", true}, {"STATUS", false}};

static void expect(const char *const *texts, size_t n, const char *expected)
{
	struct cells *cells = cells_new(columns, 3);
	char *written = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&written, &size);

	assert_true(cells && to);
	for (size_t i = 0; i < n; i++)
		cells_add(cells, texts[i]);
	assert_int_equal(cells_write(cells, to), 0);
	fclose(to);
	assert_string_equal(written, expected);
	free(written);
	cells_free(cells);
}

static void aligned(void **state)
{
	static const char *const texts[] = {"a", "1", "blocked", "a longer name", "12345678", "ok"};

	(void)state;
	expect(texts, 0, "NAME  OCTETS  STATUS\n");
	expect(texts, 6, "NAME             OCTETS  STATUS\n"
			 "a                     1  blocked\n"
			 "a longer name  12345678  ok\n");
}

/* As wide as the terminal shows it: two columns for some, none for accents that stand above a letter. */
static void widths(void **state)
{
	static const char *const texts[] = {"\xc3\xbcn\xc3\xaf", "1", "-", "\xe8\xaa\x9e", "2", "-", "e\xcc\x81", "3", "-"};

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	assert_int_equal(cells_width(""), 0);
	assert_int_equal(cells_width("\xc3\xbcn\xc3\xaf"), 3);
	assert_int_equal(cells_width("\xe8\xaa\x9e"), 2);
	assert_int_equal(cells_width("e\xcc\x81"), 1);
	assert_int_equal(cells_width("a\xff"), 2);
	expect(texts, 9, "NAME  OCTETS  STATUS\n"
			 "\xc3\xbcn\xc3\xaf        1  -\n"
			 "\xe8\xaa\x9e         2  -\n"
			 "e\xcc\x81          3  -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(aligned), cmocka_unit_test(widths)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
