/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "order.h"
#include "query.h"
#include "report.h"
#include "rows.h"

/* How long a fresh look is waited for. */
static const int64_t patience = 1000000000;

enum stage { STAGE_REFUSED, STAGE_FRESH, STAGE_LISTING, STAGE_REPORT, STAGE_ORDER };

struct answer {
	const struct service *service;
	enum stage stage;
	struct query query;
	char error[QUERY_ERROR_SIZE];
	uint64_t stale;          /* STAGE_FRESH: the view that was too old */
	int64_t deadline;
	struct listing *listing;
	struct report *report;
	struct order *order;
};

struct answer *answer_new(const struct service *service, const char *line, size_t length)
{
	struct answer *answer = calloc(1, sizeof *answer);

	if (!answer)
		return NULL;
	answer->service = service;
	if (query_read(&answer->query, line, length, answer->error) < 0)
		return answer;
	if (query_commands(&answer->query) && service->read_only) {
		snprintf(answer->error, sizeof answer->error, "townmeterd runs with --read-only: no command is carried out");
		return answer;
	}
	/* The names of a command are those of the rules that stand now, too. */
	struct view *view = control_view(service->control);
	answer->stage = STAGE_FRESH;
	answer->stale = control_refresh(service->control) || view->agent.snapshots == 0 ? view->serial : 0;
	answer->deadline = control_clock() + patience;
	view_release(view);
	return answer;
}

static char *line_of(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : 0;
	char *line = text ? realloc(text, length + 2) : NULL;

	json_decref(object);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + length, "\n", 2);
	return line;
}

char *answer_refusal(const char *error)
{
	json_t *object = json_object();

	if (json_object_set_new(object, "ok", json_false()) || json_object_set_new(object, "error", rows_text(error))) {
		json_decref(object);
		return NULL;
	}
	return line_of(object);
}

static enum service_step refuse(char **line, const char *error)
{
	*line = answer_refusal(error);
	return SERVICE_ENDS;
}

/* The view is there: begin with what was asked for. Returns the next stage. */
static enum stage begin(struct answer *answer, struct view *view)
{
	if (query_commands(&answer->query)) {
		answer->order = order_new(answer->service->control, &answer->query, view, answer->error);
		return answer->order ? STAGE_ORDER : STAGE_REFUSED;
	}
	if (answer->query.verb == QUERY_REPORT && (answer->query.all_periods || answer->query.period > 0)) {
		answer->report = report_new(answer->service->state_directory, &answer->query, view, answer->error);
		return answer->report ? STAGE_REPORT : STAGE_REFUSED;
	}
	answer->listing = listing_new(answer->service, &answer->query, view, answer->error);
	return answer->listing ? STAGE_LISTING : STAGE_REFUSED;
}

static bool is_fresh(struct answer *answer)
{
	struct view *view = control_view(answer->service->control);
	bool fresh = view->serial != answer->stale;

	if (!fresh && control_clock() >= answer->deadline) {
		control_late(answer->service->control);
		fresh = true;
	}
	if (fresh)
		answer->stage = begin(answer, view);
	view_release(view);
	return fresh;
}

enum service_step answer_step(struct answer *answer, char **line)
{
	json_t *object;

	*line = NULL;
	if (answer->stage == STAGE_FRESH && !is_fresh(answer))
		return SERVICE_WAITS;
	if (answer->stage == STAGE_REFUSED)
		return refuse(line, answer->error);
	if (answer->stage == STAGE_LISTING) {
		enum service_step step = listing_step(answer->listing, &object);
		if (step != SERVICE_WAITS)
			*line = line_of(object);
		return step;
	}
	if (answer->stage == STAGE_REPORT) {
		enum service_step step = report_step(answer->report, &object, answer->error);
		if (answer->error[0])
			return refuse(line, answer->error);
		*line = line_of(object);
		return step;
	}
	int ended = order_step(answer->order, &object, answer->error);
	if (ended == 0)
		return SERVICE_WAITS;
	if (ended < 0)
		return refuse(line, answer->error);
	*line = line_of(object);
	return ended == 2 ? SERVICE_PART : SERVICE_ENDS;
}

int64_t answer_due(const struct answer *answer)
{
	if (answer->stage == STAGE_ORDER)
		return order_due(answer->order);
	return answer->stage == STAGE_FRESH ? answer->deadline : INT64_MAX;
}

void answer_free(struct answer *answer)
{
	if (!answer)
		return;
	listing_free(answer->listing);
	report_free(answer->report);
	order_free(answer->order);
	free(answer);
}

bool answer_drop(struct answer *answer)
{
	if (answer->order && !order_drop(answer->order))
		return false;
	answer_free(answer);
	return true;
}
