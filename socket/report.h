/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An answer of closed periods, out of the ledger. There can be more than a million of them, so they are read
 * by their keys, some dozens a step: the loop serves SNMP in between, and the ledger's writer is never held up.
 */
#ifndef TOWNMETER_REPORT_H
#define TOWNMETER_REPORT_H

#include <jansson.h>

#include "query.h"
#include "service.h"

struct report;

/*
 * The periods that the query asks for: all that are kept, or of each row the one so many back. That is counted
 * from the current period in the view, which is held: whatever is closed meanwhile, all rows are of one time. A row
 * that was removed is in it as well; of these it is counted from the last one. NULL with an error in words.
 */
struct report *report_new(const char *state_directory, const struct query *query, struct view *view,
			  char error[QUERY_ERROR_SIZE]);

/* Makes the next part: a new reference, NULL if there is no memory. If something is wrong, `error` says what and
 * there is no part. */
enum service_step report_step(struct report *report, json_t **part, char error[QUERY_ERROR_SIZE]);

/* NULL is allowed. */
void report_free(struct report *report);

#endif
