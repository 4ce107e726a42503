/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One log for the whole program: levels, and a sink that is stderr or syslog.
 * Usable from anywhere and from any thread; a line is written whole.
 */
#ifndef TOWNMETER_LOG_H
#define TOWNMETER_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines go to stderr (to_stderr) or to syslog's daemon facility; those above `level` are left out.
 * Without this call: stderr, LOG_LEVEL_INFO. Call before a second thread exists. */
void log_open(const char *name, int to_stderr, enum log_level level);

/* Write one line; no newline in the format is needed. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
