/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command that came on the control socket, on its way through the meter thread. */
#ifndef TOWNMETER_ORDER_H
#define TOWNMETER_ORDER_H

#include <jansson.h>

#include "control.h"
#include "query.h"

struct order;

/* Submits what the query commands; its row is looked for in the view. NULL with an error in words. */
struct order *order_new(struct control *control, const struct query *query, const struct view *view,
			char error[QUERY_ERROR_SIZE]);

/* Returns 0 while it goes on; 1 when it is done, with a new reference to the answer (NULL: no memory), or 2 with one to
 * a part of it, after which more follow; -1 when
 * it was not carried out, with the reason. */
int order_step(struct order *order, json_t **answer, char error[QUERY_ERROR_SIZE]);

/* When order_step() has to be called at the latest (nanoseconds of CLOCK_MONOTONIC). */
int64_t order_due(const struct order *order);

/* Gives it up: what has not begun never does. Returns whether it can be freed now. */
bool order_drop(struct order *order);

/* NULL is allowed. */
void order_free(struct order *order);

#endif
