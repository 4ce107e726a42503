/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meter thread's schedule: when it ends all periods, over stops of the agent and steps of the clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "control_private.h"
#include "log.h"

/* The schedule has no one who waits. */
static const int64_t schedule_patience = 5000000000;

/* A clock that stays behind what the schedule did last for so long was ahead then, and is right now. */
static const int64_t behind_patience = 3600000000000;

/* Two zones' clocks are never further apart, in seconds. */
static const int64_t zones_apart = 26LL * 3600;

/* The schedule that schedule_text() wrote, in the zone of another one. Returns false if it is none. */
static bool read_text(const char *text, const struct schedule *like, struct schedule *schedule)
{
	char words[64], *rest = NULL;

	snprintf(words, sizeof words, "%s", text);
	const char *every = strtok_r(words, " ", &rest), *day = "1";
	*schedule = *like;
	if (!every)
		return false;
	if (strcmp(every, "daily") != 0)
		day = strtok_r(NULL, " ", &rest);
	const char *hour = strtok_r(NULL, ":", &rest), *minute = strtok_r(NULL, ":", &rest);
	if (!day || !hour || !minute)
		return false;
	schedule->every = strcmp(every, "monthly") == 0 ? SCHEDULE_MONTH
			  : strcmp(every, "weekly") == 0 ? SCHEDULE_WEEK : SCHEDULE_DAY;
	schedule->day = (uint8_t)strtoul(day, NULL, 10);
	if (schedule->every == SCHEDULE_WEEK)
		for (schedule->day = 1; schedule->day < 7 && strcmp(schedule_weekday(schedule->day), day) != 0;)
			schedule->day++;
	schedule->hour = (uint8_t)strtoul(hour, NULL, 10);
	schedule->minute = (uint8_t)strtoul(minute, NULL, 10);
	return true;
}

/* Was an end due by the schedule before this one, which nobody was there to make? */
static bool was_due(const struct control *control, int64_t now)
{
	int64_t boundary = control->books.boundary;
	struct schedule before;

	if (boundary == INT64_MIN || !read_text(control->agent.period_schedule, &control->settings->schedule, &before))
		return false;
	/* The ledger does not say in which zone it was. */
	int64_t margin = schedule_latest(&before, boundary) == boundary ? 0 : zones_apart;
	return schedule_latest(&before, now) > boundary + margin;
}

void control_take_schedule(struct control *control)
{
	const struct schedule *schedule = &control->settings->schedule;
	struct books *books = &control->books;
	int64_t now = clock_time() / 10, latest = schedule_latest(schedule, now);
	char text[SCHEDULE_TEXT_SIZE];

	/* A clock that is behind tells nothing of what is past; an open intent may have ended the periods. */
	if (control->schedule_taken || books->pending || now < books->boundary)
		return;
	schedule_text(schedule, text);
	/* Another schedule, or another zone, does not end a period at once whose end by it is past. */
	if (strcmp(text, control->agent.period_schedule) != 0 || books->boundary == INT64_MIN ||
	    schedule_latest(schedule, books->boundary) != books->boundary)
		books->boundary = latest != INT64_MIN && was_due(control, now) ? latest - 1 : latest;
	snprintf(control->agent.period_schedule, sizeof control->agent.period_schedule, "%s", text);
	control->schedule_taken = true;
}

/* Is it time to end the periods? *boundary is when it was. */
static bool is_due(struct control *control, int64_t now, int64_t *boundary)
{
	struct books *books = &control->books;
	int64_t latest = schedule_latest(&control->settings->schedule, now);

	*boundary = latest;
	if (latest == INT64_MIN)
		return false;
	if (now >= books->boundary) {
		control->behind_since = 0;
		return latest > books->boundary;
	}
	/* The clock was set back, or has not been set yet after a start of the router. */
	if (control->behind_since == 0) {
		control->behind_since = clock_steady();
		control->behind_latest = latest;
	}
	/* What was due since it is behind is due, should it turn out to be right. */
	if (latest < control->behind_latest)
		control->behind_latest = latest;
	if (clock_steady() - control->behind_since <= behind_patience)
		return false;
	control->behind_since = 0;
	books->boundary = control->behind_latest;
	control_take_schedule(control);
	return latest > books->boundary;
}

/* Ends all periods, as the Zero objects would. What fails is tried again at the next look. */
static void end_periods(struct control *control, int64_t boundary)
{
	struct command command = {.kind = COMMAND_ZERO, .origin = ORIGIN_SCHEDULE, .all = true};
	struct request *request = request_new(&command, 1);

	if (!request)
		return;
	request->phase = REQUEST_APPLY;
	request->deadline = clock_steady() + schedule_patience;
	/* With the periods, or not at all. */
	request->scheduled = true;
	request->boundary = boundary;
	control_run(control, request);
	if (request->result == REQUEST_DONE)
		log_info("the schedule '%s' ended the periods", control->agent.period_schedule);
	request_free(request);
}

void control_tell_next_end(struct control *control)
{
	int64_t now = clock_time() / 10, from = now > control->books.boundary ? now : control->books.boundary;
	int64_t next = schedule_next(&control->settings->schedule, from);

	control->agent.period_next_end = next == INT64_MAX ? 0 : next * 10;
	pthread_mutex_lock(&control->mutex);
	control->next_end = next;
	pthread_mutex_unlock(&control->mutex);
}

void control_keep_schedule(struct control *control)
{
	decitime told = control->agent.period_next_end;
	int64_t boundary;

	/* The look that was just made tried to save, and to read: as long as that fails it is due, and no more. */
	if (!control->lost && !control->books.pending && control->agent.ledger != VIEW_LEDGER_FAILED &&
	    is_due(control, clock_time() / 10, &boundary))
		end_periods(control, boundary);
	control_tell_next_end(control);
	if (control->agent.period_next_end != told)
		control_publish(control);
}
