/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An answer that lists rows, in parts of bounded size; all of one view. */
#ifndef TOWNMETER_LISTING_H
#define TOWNMETER_LISTING_H

#include <jansson.h>

#include "query.h"
#include "service.h"

struct listing;

/* Holds the view as long as it lives. NULL with an error in words. */
struct listing *listing_new(const struct service *service, const struct query *query, struct view *view,
			    char error[QUERY_ERROR_SIZE]);

/* Makes the next part: a new reference, NULL if there is no memory. */
enum service_step listing_step(struct listing *listing, json_t **part);

/* NULL is allowed. */
void listing_free(struct listing *listing);

#endif
