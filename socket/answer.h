/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one request on the control socket to the lines of its answer. Nothing waits: a step says whether a
 * line is there, and commands go their way with the meter thread meanwhile.
 */
#ifndef TOWNMETER_ANSWER_H
#define TOWNMETER_ANSWER_H

#include "service.h"

struct answer;

/* For a request's line without its end; the service is borrowed. NULL with errno. */
struct answer *answer_new(const struct service *service, const char *line, size_t length);

/* The line of an answer that is an error; to be freed. NULL with errno. */
char *answer_refusal(const char *error);

/* Where the answer stands. If a line is there, `line` is it, with its end, to be freed; NULL: no memory. */
enum service_step answer_step(struct answer *answer, char **line);

/* When answer_step() has to be called at the latest (nanoseconds of CLOCK_MONOTONIC). */
int64_t answer_due(const struct answer *answer);

/* Nobody waits for it any more. Frees it and returns true; false while the meter thread works at it: call
 * again after the control's events. A command that has begun stands. */
bool answer_drop(struct answer *answer);

/* Frees an answer whose control is gone already. NULL is allowed. */
void answer_free(struct answer *answer);

#endif
