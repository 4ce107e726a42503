/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations as text, and what is told of their mistakes. */
#ifndef TOWNMETER_TESTS_SETTINGS_TEXT_H
#define TOWNMETER_TESTS_SETTINGS_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings.h"

static char told[16384];
/* What the lines call the file that is read: F. */
static char told_path[512];

static inline void tell(const char *line)
{
	size_t used = strlen(told), length = strlen(told_path);

	while (*line && used < sizeof told - 2) {
		bool path = length > 0 && strncmp(line, told_path, length) == 0;
		told[used++] = *line;
		if (path)
			told[used - 1] = 'F';
		line += path ? length : 1;
	}
	told[used] = '\n';
	told[used + 1] = '\0';
}

/* Reads a configuration of `length` octets. Returns how many mistakes there were. */
static inline int read_octets(struct settings *settings, const char *text, size_t length)
{
	char path[] = "/tmp/settings_test.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
	told[0] = '\0';
	snprintf(told_path, sizeof told_path, "%s", path);
	settings_defaults(settings);
	int mistakes = settings_read(settings, path, tell);
	unlink(path);
	told_path[0] = '\0';
	return mistakes;
}

static inline int read_text(struct settings *settings, const char *text)
{
	return read_octets(settings, text, strlen(text));
}

/* One without a mistake. */
static inline void read_good(struct settings *settings, const char *text)
{
	if (read_text(settings, text) > 0)
		fail_msg("of \"%s\" it said: %s", text, told);
}

/* A mistake is one line with its place, what was found and what was expected. */
struct bad {
	const char *text, *line, *said;
};

static inline void expect_bad(const struct bad *cases, size_t n)
{
	struct settings s;

	for (size_t i = 0; i < n; i++) {
		int mistakes = read_text(&s, cases[i].text);
		if (mistakes != 1 || !strstr(told, cases[i].line) || !strstr(told, cases[i].said))
			fail_msg("of \"%s\" it said, in %d lines: %s", cases[i].text, mistakes, told);
		assert_ptr_equal(strchr(told, '\n'), told + strlen(told) - 1);
		settings_free(&s);
	}
}

/* All that is said of a text: lines that end with a newline, or "" of one without a mistake. */
struct told {
	const char *text, *said;
};

static inline void expect_told(const struct told *cases, size_t n)
{
	struct settings s;

	for (size_t i = 0; i < n; i++) {
		int mistakes = read_text(&s, cases[i].text), lines = 0;
		if (strcmp(told, cases[i].said) != 0)
			fail_msg("of \"%s\"\nit said: %swhich is not: %s", cases[i].text, told, cases[i].said);
		for (const char *c = told; *c; c++)
			lines += *c == '\n';
		assert_int_equal(mistakes, lines);
		settings_free(&s);
	}
}

#endif
