/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every mistake in the configuration is told with its line; nothing of such a file is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings.h"

static char told[4096];

static void tell(const char *line)
{
	size_t used = strlen(told);

	snprintf(told + used, sizeof told - used, "%s\n", line);
}

static int read_text(struct settings *settings, const char *text)
{
	char path[] = "/tmp/settings_test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	told[0] = '\0';
	settings_defaults(settings);
	int mistakes = settings_read(settings, path, tell);
	unlink(path);
	return mistakes;
}

static void good_files(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(read_text(&s, ""), 0);
	assert_true(s.interval == 30000000000 && s.max_age == 2000000000 && s.set_zero && s.set_block);
	assert_int_equal(read_text(&s, "# nothing\n"), 0);
	assert_int_equal(read_text(&s, "interval: 1min\nmax-age: 500ms\nrules: standing\nset: [block]\n"), 0);
	assert_true(s.interval == 60000000000 && s.max_age == 500000000 && !s.set_zero && s.set_block);
	assert_int_equal(read_text(&s, "{\"set\": [], \"max-age\": \"0s\"}"), 0);
	assert_true(s.max_age == 0 && !s.set_zero && !s.set_block);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *line, *said;
	} cases[] = {
		{"interval: soon\n", ":1: ", "interval is 'soon', expected a time"},
		{"interval: 30\n", ":1: ", "interval is '30', expected a time"},
		{"interval: -3s\n", ":1: ", "expected a time"},
		{"interval: 99999999999999999999s\n", ":1: ", "expected a time"},
		{"interval: 0s\n", ":1: ", "expected a time"},
		{"interval: [1s]\n", ":1: ", "interval is 'a list'"},
		{"\n\nmax-age: 2h30\n", ":3: ", "max-age is '2h30'"},
		{"rules: managed\n", ":1: ", "expected standing"},
		{"set: all\n", ":1: ", "set is 'all', expected a list"},
		{"set: [zero, reboot]\n", ":1: ", "set has 'reboot', expected zero or block"},
		{"set: [[zero]]\n", ":1: ", "set has 'a list'"},
		{"intervall: 3s\n", ":1: ", "'intervall' is not a key"},
		{"interval: 3s\ninterval: 4s\n", ":2: ", "a second time"},
		{"- interval\n", ":1: ", "expected keys with values"},
		{"just words\n", ":1: ", "expected keys with values"},
		{"interval: [\n", ":2: ", "not YAML"},
		{"interval: 9223372036854775807h\n", ":1: ", "expected a time"},
		/* A second document would not be heeded, whatever it forbids. */
		{"interval: 30s\n---\nset: []\n", ":3: ", "a second document"},
		{"interval: 30s\n...\n]]]\n", ":3: ", "not YAML"},
		{"interval: 30s\n# a\n# \xff\n", ":3: ", "not YAML"},
		/* One mistake is one line, whatever was found. */
		{"interval: \"a\\nb\"\n", ":1: ", "interval is 'a?b'"},
	};
	struct settings s;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_text(&s, cases[i].text), 1);
		if (!strstr(told, cases[i].line) || !strstr(told, cases[i].said))
			fail_msg("of \"%s\" it said: %s", cases[i].text, told);
	}
	/* All of them, not only the first. */
	assert_int_equal(read_text(&s, "interval: soon\nset: [a, b]\ncolour: red\n"), 4);
	assert_int_equal(settings_read(&s, "/nonexistent/townmeter.yaml", tell), 1);
	assert_non_null(strstr(told, "/nonexistent/townmeter.yaml: No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good_files), cmocka_unit_test(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
