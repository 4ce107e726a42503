/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: what is typed is taken for what it means, or refused in one clear line. */
#include "cli/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int nothing(const struct arguments *arguments)
{
	(void)arguments;
	return 0;
}

static const struct subcommand subcommands[] = {
	{"hosts", "[NAME]", "", TAKES_JSON | TAKES_EXACT, 0, 1, nothing},
	{"top", "", "", TAKES_BY | TAKES_COUNT, 0, 0, nothing},
	{"zero", "NAME | --all", "", TAKES_ALL, 1, 1, nothing},
	{"quota", "NAME [SIZE]", "", TAKES_QUOTA, 1, 2, nothing},
	{"report", "[NAME]", "", TAKES_PERIOD | TAKES_FORMAT | TAKES_JSON, 0, 1, nothing},
	{"apply", "", "", TAKES_DRY_RUN, 0, 0, nothing},
	{.name = NULL}};

static struct arguments a;
static char error[ARGUMENTS_ERROR_SIZE];

/* Words are divided by '|'. */
static int read_line(const char *line)
{
	static char text[512];
	char *argv[16] = {(char *)(uintptr_t)"townmeter"};
	int argc = 1;

	snprintf(text, sizeof text, "%s", line);
	error[0] = '\0';
	for (char *at = text; at && line[0]; argc++) {
		assert_true(argc < 16);
		argv[argc] = strsep(&at, "|");
	}
	return arguments_read(&a, subcommands, "/default", argc, argv, error);
}

static void good(void **state)
{
	(void)state;
	assert_int_equal(read_line("hosts"), 0);
	assert_string_equal(a.subcommand->name, "hosts");
	assert_string_equal(a.socket, "/default");
	assert_null(a.name);
	assert_int_equal(read_line("-S|/x y|hosts|town-a/al ice|--json|--exact"), 0);
	assert_string_equal(a.socket, "/x y");
	assert_string_equal(a.name, "town-a/al ice");
	assert_true(a.format == FORMAT_JSON && a.exact);
	assert_int_equal(read_line("hosts|-S/z|--|--json"), 0);
	assert_string_equal(a.socket, "/z");
	assert_string_equal(a.name, "--json");
	assert_true(a.format == FORMAT_TEXT);
	assert_int_equal(read_line("hosts|--socket=/y|-"), 0);
	assert_string_equal(a.socket, "/y");
	assert_string_equal(a.name, "-");
	assert_int_equal(read_line("top|--by=up|-n5"), 0);
	assert_true(a.by == BY_UP && a.count == 5);
	assert_int_equal(read_line("top|-n|4294967295"), 0);
	assert_true(a.by == BY_BOTH && a.count == UINT32_MAX);
	assert_int_equal(read_line("apply"), 0);
	assert_false(a.dry_run);
	assert_int_equal(read_line("apply|--dry-run"), 0);
	assert_true(a.dry_run);
	assert_int_equal(read_line("hosts|--dry-run"), -1);
	assert_int_equal(read_line("zero|--all"), 0);
	assert_true(a.all && !a.name);
	assert_int_equal(read_line("quota|t/h|1.5TB|--basis|down|--warn|0|--on-exceed|block"), 0);
	assert_true(a.has_megabytes && a.megabytes == 1500000 && a.has_warn && a.warn_percent == 0);
	assert_string_equal(a.basis, "down");
	assert_string_equal(a.on_exceed, "block");
	assert_int_equal(read_line("quota|t/h|none"), 0);
	assert_true(a.has_megabytes && a.megabytes == 0 && !a.has_warn && !a.basis && !a.on_exceed);
	assert_int_equal(read_line("quota|t/h"), 0);
	assert_false(a.has_megabytes);
	assert_int_equal(read_line("report"), 0);
	assert_true(a.period == 1 && !a.all_periods && a.format == FORMAT_TEXT);
	assert_int_equal(read_line("report|--period|all|--format|csv"), 0);
	assert_true(a.all_periods && a.format == FORMAT_CSV);
	assert_int_equal(read_line("--help"), 0);
	assert_true(a.help && !a.subcommand);
	assert_int_equal(read_line("zero|-h"), 0);
	assert_true(a.help && a.subcommand);
	assert_int_equal(read_line("--version"), 0);
	assert_true(a.version);
}

static void bad(void **state)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
		{"", "found no subcommand"},
		{"reboot", "'reboot' is not a subcommand, expected one of hosts, top, zero, quota, report"},
		{"--json|hosts", "found '--json', expected a subcommand first"},
		{"hosts|--colour", "'--colour' is not an option of hosts"},
		{"hosts|--all", "'--all' is not an option of hosts"},
		{"hosts|--jsonx", "is not an option"},
		{"hosts|--json=yes", "expected no value behind --json"},
		{"hosts|-x", "'-x' is not an option of hosts"},
		{"hosts|a|b", "found 'b', expected no further words"},
		{"hosts|", "is no name"},
		{"hosts|a\nb", "'a?b' is no name"},
		{"hosts|\xff", "is no name"},
		{"hosts|-S", "found nothing behind -S"},
		{"top|-n", "found nothing behind -n"},
		{"top|-n|0", "-n is '0', expected a number from 1"},
		{"top|-n|-1", "-n is '-1', expected a number from 1"},
		{"top|-n|4294967296", "expected a number from 1 to 4294967295"},
		{"top|-n|99999999999999999999999", "expected a number from 1"},
		{"top|-n|5x", "-n is '5x'"},
		{"top|--by|sideways", "--by is 'sideways', expected both, down or up"},
		{"zero", "expected: townmeter zero NAME | --all"},
		{"zero|a|--all", "found --all and 'a'"},
		{"quota", "expected: townmeter quota"},
		{"quota|a|5", "found the size '5', expected a size such as"},
		{"quota|a|5GiB", "expected a unit of thousands"},
		{"quota|a|-5GB", "'-5GB' is not an option"},
		{"quota|a|--warn|101", "--warn is '101', expected a number from 0 to 100"},
		{"quota|a|--basis|none", "--basis is 'none', expected both, down or up"},
		{"quota|a|--on-exceed|drop", "--on-exceed is 'drop', expected none, notify or block"},
		{"report|--period|last", "--period is 'last', expected all, 0 for the current"},
		{"report|--format|xml", "--format is 'xml', expected text, csv or json"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_line(cases[i].line), -1);
		if (!strstr(error, cases[i].said) || strchr(error, '\n'))
			fail_msg("of %s it said: %s", cases[i].line, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
