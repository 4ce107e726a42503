/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every mistake in the configuration is told with its line; nothing of such a file is used. */
#include "settings_text.h"

static void good_files(void **state)
{
	struct settings s;

	(void)state;
	read_good(&s, "");
	assert_true(s.interval == 30000000000 && s.max_age == 2000000000 && s.set_zero && s.set_block && s.set_quota);
	assert_true(s.schedule.every == SCHEDULE_NEVER && s.keep == 24 && s.n_names == 0 && s.n_rows == 0);
	assert_true(!s.managed && s.totals == 0 && s.n_services == 0 && s.n_prefixes == 0 && s.n_files == 1);
	settings_free(&s);
	read_good(&s, "# nothing\n");
	settings_free(&s);
	read_good(&s, "interval: 1min\nmax-age: 500ms\nrules: standing\nset: [block]\n");
	assert_true(s.interval == 60000000000 && s.max_age == 500000000 && !s.set_zero && s.set_block && !s.set_quota);
	settings_free(&s);
	read_good(&s, "set: [quota, zero]\n");
	assert_true(s.set_zero && !s.set_block && s.set_quota);
	settings_free(&s);
	read_good(&s, "{\"set\": [], \"max-age\": \"0s\"}");
	assert_true(s.max_age == 0 && !s.set_zero && !s.set_block);
	settings_free(&s);
}

/* The example holds the defaults, and what is commented out in it is right, too. */
static void the_example(void **state)
{
	const char *source = getenv("srcdir");
	char path[512], line[512], good[8192] = "";
	struct settings s;
	FILE *file;

	(void)state;
	snprintf(path, sizeof path, "%s/packaging/townmeter.yaml.example", source ? source : "..");
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		/* "#names:" and "#  10.1.0.10: alice", and not "# The meter looks". */
		bool key = line[0] == '#' && (line[1] != ' ' || line[2] == ' ');
		/* What needs them has them. */
		if (strcmp(line, "rules: standing\n") == 0)
			snprintf(line, sizeof line, "rules: managed\n");
		strncat(good, key ? line + 1 : line, sizeof good - strlen(good) - 1);
	}
	fclose(file);
	told[0] = '\0';
	settings_defaults(&s);
	assert_int_equal(settings_read(&s, path, tell), 0);
	assert_true(s.interval == 30000000000 && s.max_age == 2000000000 && s.set_zero && s.set_block && s.set_quota);
	assert_true(s.schedule.every == SCHEDULE_NEVER && s.keep == 24 && s.n_names == 0 && s.n_rows == 0);
	settings_free(&s);
	read_good(&s, good);
	assert_true(s.schedule.every == SCHEDULE_MONTH && s.n_names == 2 && s.n_rows == 4 + 256);
	assert_true(s.managed && s.n_services == 2 && s.totals == (SETTINGS_TOTAL_INPUT | SETTINGS_TOTAL_OUTPUT));
	settings_free(&s);
}

static void owned_memory(void **state)
{
	struct settings s;

	(void)state;
	settings_defaults(&s);
	settings_free(&s);
	read_good(&s, "names: {10.1.0.10: alice}\ntowns: [{name: town-a, quota: 2TB}]\nset: []\nperiod: {keep: 3}\n");
	assert_true(s.n_names == 1 && s.n_rows == 1 && s.keep == 3 && !s.set_zero && !s.set_block && !s.set_quota);
	settings_free(&s);
	/* As before, and once more. */
	assert_true(s.n_names == 0 && s.n_rows == 0 && s.keep == 24 && s.set_quota && s.interval == 30000000000);
	settings_free(&s);
}

static void mistakes(void **state)
{
	static const struct bad cases[] = {
		{"interval: soon\n", ":1: ", "interval is 'soon', expected a time"},
		{"interval: 30\n", ":1: ", "interval is '30', expected a time"},
		{"interval: -3s\n", ":1: ", "expected a time"},
		{"interval: 99999999999999999999s\n", ":1: ", "expected a time"},
		{"interval: 0s\n", ":1: ", "expected a time"},
		{"interval: [1s]\n", ":1: ", "interval is 'a list'"},
		{"\n\nmax-age: 2h30\n", ":3: ", "max-age is '2h30'"},
		{"rules: written\n", ":1: ", "rules is 'written', expected standing or managed"},
		{"rules: [managed]\n", ":1: ", "rules is 'a list', expected standing or managed"},
		{"set: all\n", ":1: ", "set is 'all', expected a list"},
		{"set: [zero, reboot]\n", ":1: ", "set has 'reboot', expected zero, block or quota"},
		{"set: [[zero]]\n", ":1: ", "set has 'a list'"},
		{"intervall: 3s\n", ":1: ",
		 "'intervall' is not a key of the configuration, expected interval, max-age, rules, set, names, period, "
		 "services, totals, towns or include"},
		{"[interval]: 3s\n", ":1: ", "'a list' is not a key"},
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
	expect_bad(cases, sizeof cases / sizeof cases[0]);
	/* All of them, not only the first. */
	assert_int_equal(read_text(&s, "interval: soon\nset: [a, b]\ncolour: red\n"), 4);
	settings_free(&s);
	assert_int_equal(settings_read(&s, "/nonexistent/townmeter.yaml", tell), 1);
	assert_non_null(strstr(told, "/nonexistent/townmeter.yaml: No such file"));
	settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good_files), cmocka_unit_test(the_example),
					   cmocka_unit_test(owned_memory),
					   cmocka_unit_test(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
