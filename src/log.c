/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static const char *program = "townmeter";
static int use_stderr = 1;
static enum log_level most = LOG_LEVEL_INFO;

void log_open(const char *name, int to_stderr, enum log_level level)
{
	program = name;
	use_stderr = to_stderr;
	most = level;
	if (!to_stderr)
		openlog(name, LOG_PID, LOG_DAEMON);
}

static void __attribute__((format(printf, 2, 0)))
write_line(enum log_level level, const char *format, va_list args)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	static const char *const mark[] = {"error: ", "warning: ", "", "debug: "};
	char line[1024];

	if (level > most)
		return;
	if (!use_stderr) {
		vsyslog(priority[level], format, args);
		return;
	}
	int head = snprintf(line, sizeof line, "%s: %s", program, mark[level]);
	if (head < 0)
		return;
	int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, args);
	if (body < 0)
		return;
	size_t length = strlen(line);
	/* A control character from a rule's comment must not forge a line of its own. */
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	/* One write(2) a line, so that threads do not mix theirs. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

#define LOG_FUNCTION(name, level) \
	void name(const char *format, ...) \
	{ \
		va_list args; \
		va_start(args, format); \
		write_line(level, format, args); \
		va_end(args); \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
