/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void quoting(void **state)
{
	static const char *const fields[] = {"", "town-a", "with space", "a,b", "\"", "say \"no\"", "a\nb", "\xc3\xbc"};
	char *written = NULL;
	size_t size = 0, n = sizeof fields / sizeof fields[0];
	FILE *to = open_memstream(&written, &size);

	(void)state;
	assert_non_null(to);
	for (size_t i = 0; i < n; i++)
		csv_write(to, fields[i], i + 1 < n ? "," : CSV_END);
	fclose(to);
	assert_string_equal(written, ",town-a,with space,\"a,b\",\"\"\"\",\"say \"\"no\"\"\",\"a\nb\",\xc3\xbc\n");
	free(written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(quoting)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
