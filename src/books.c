/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "books.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Which sheet of the ledger each sheet of the image is. */
static const enum ledger_sheet sheets[IMAGE_SHEETS] = {
	[IMAGE_AGENT] = LEDGER_AGENT, [IMAGE_TOTALS] = LEDGER_TOTALS, [IMAGE_TOWNS] = LEDGER_TOWNS,
	[IMAGE_HOSTS] = LEDGER_HOSTS, [IMAGE_RULES] = LEDGER_RULES, [IMAGE_FLOWS] = LEDGER_FLOWS,
	[IMAGE_COUNTS] = LEDGER_COUNTS, [IMAGE_CLASSES] = LEDGER_CLASSES, [IMAGE_OWNERS] = LEDGER_OWNERS,
	[IMAGE_SERVICES] = LEDGER_SERVICES, [IMAGE_PORTS] = LEDGER_PORTS};

enum { SPIN_LOCK_MAX = 2147483647 };

static const struct record_agent *agent_record(const struct books *books)
{
	size_t size;
	const struct record_agent *record = ledger_sheet(books->ledger, LEDGER_AGENT, &size);

	return size == sizeof *record ? record : NULL;
}

/* What a ledger that was just made says. */
static void begin_agent(struct books *books, struct view_agent *agent, decitime now)
{
	agent->notify_enable = true;
	agent->notify_min_interval = agent->notify_max_per_minute = 60;
	agent->period_start = now;
	books->boundary = INT64_MIN;
}

/* What requests change of the agent. */
static void load_settable(struct books *books, struct view_agent *agent, const struct record_agent *record)
{
	books->boundary = record->boundary;
	/* Whoever holds a value of the last process must not succeed with it. */
	agent->spin_lock = record->spin_lock == SPIN_LOCK_MAX ? 0 : record->spin_lock + 1;
	agent->notify_enable = record->notify_enable != 0;
	agent->notify_min_interval = record->notify_min_interval;
	agent->notify_max_per_minute = record->notify_max_per_minute;
	agent->period_start = record->period_start;
}

static void load_agent(struct books *books, struct view_agent *agent, const struct record_agent *record)
{
	bool same = strcmp(record->boot, books->boot) == 0 && record->network == books->network;

	books->start = same ? METER_CONTINUED : METER_REBOOTED;
	/* An agent that ended well had read all that the last life counted, as far as it lived. */
	books->lost = !same && !record->clean;
	load_settable(books, agent, record);
	memcpy(agent->period_schedule, record->schedule, sizeof agent->period_schedule - 1);
	agent->notify_suppressed = record->notify_suppressed;
	agent->snapshots = record->snapshots;
	agent->snapshot_errors = record->snapshot_errors;
	agent->ledger_errors = record->ledger_errors;
	agent->snapshot_time = record->snapshot_time;
	agent->discontinuity = record->discontinuity;
}

int books_open(struct books *books, const char *directory, struct view_agent *agent, decitime now,
	       char error[LEDGER_ERROR_SIZE])
{
	const void *steps;
	size_t size;

	memset(books, 0, sizeof *books);
	books->keep = 1;
	boot_identity(books->boot, &books->network);
	books->ledger = ledger_open(directory, error);
	if (!books->ledger)
		return -1;
	const struct record_agent *record = agent_record(books);
	if (record && record->format != IMAGE_FORMAT) {
		snprintf(error, LEDGER_ERROR_SIZE, "the ledger in %s has records of form %u, expected %d", directory,
			 (unsigned)record->format, IMAGE_FORMAT);
		return -1;
	}
	if (record)
		load_agent(books, agent, record);
	else
		begin_agent(books, agent, now);
	books->lost |= ledger_was_damaged(books->ledger);
	books->pending = ledger_pending(books->ledger, &steps, &size);
	agent->ledger = ledger_status(books->ledger);
	return 0;
}

void books_close(struct books *books)
{
	ledger_close(books->ledger);
	books->ledger = NULL;
	image_free(&books->now);
	free(books->kept);
	books->kept = NULL;
}

int books_adopt(struct books *books, struct view_agent *agent)
{
	if (ledger_adopt(books->ledger) < 0)
		return -1;
	books->unsaved = true;
	const struct record_agent *record = agent_record(books);
	if (record)
		load_settable(books, agent, record);
	return 0;
}

struct meter *books_meter(const struct books *books, bool lost, decitime now)
{
	struct image image = {.data = {NULL}};

	if (!agent_record(books))
		return meter_new(now);
	for (int i = 0; i < IMAGE_SHEETS; i++)
		/* Only read: the image is not freed. */
		image.data[i] = (void *)(uintptr_t)ledger_sheet(books->ledger, sheets[i], &image.size[i]);
	return meter_load(&image, books->start, lost, now);
}

/* An image with the agent's part. */
static int make_image(const struct books *books, const struct meter *meter, unsigned which,
		      const struct view_agent *agent, struct image *image)
{
	if (meter_image(meter, which, image) < 0)
		return -1;
	struct record_agent *record = image->data[IMAGE_AGENT];
	memcpy(record->boot, books->boot, sizeof record->boot);
	record->network = books->network;
	record->clean = books->clean;
	record->boundary = books->boundary;
	memcpy(record->schedule, agent->period_schedule, sizeof record->schedule);
	record->spin_lock = agent->spin_lock;
	record->notify_enable = agent->notify_enable;
	record->notify_min_interval = agent->notify_min_interval;
	record->notify_max_per_minute = agent->notify_max_per_minute;
	record->notify_suppressed = agent->notify_suppressed;
	record->snapshots = agent->snapshots;
	record->snapshot_errors = agent->snapshot_errors;
	record->ledger_errors = agent->ledger_errors;
	record->snapshot_time = agent->snapshot_time;
	record->period_start = agent->period_start;
	return 0;
}

static struct ledger_save saved(const struct books *books, const struct image *image, const struct closed *closed,
				size_t n_closed)
{
	struct ledger_save save = {.closed = closed, .n_closed = n_closed, .keep = books->keep};

	for (int i = 0; i < IMAGE_SHEETS; i++) {
		if (!image->there[i])
			continue;
		/* An empty sheet is one, and not none. */
		save.sheets[sheets[i]].data = image->data[i] ? image->data[i] : "";
		save.sheets[sheets[i]].size = image->size[i];
	}
	return save;
}

/* The sheets that a save has to have. */
static unsigned to_save(const struct books *books, const struct meter *meter)
{
	return ledger_is_sound(books->ledger) ? meter_changed_sheets(meter) : IMAGE_ALL;
}

static int no_memory(char error[LEDGER_ERROR_SIZE])
{
	snprintf(error, LEDGER_ERROR_SIZE, "no memory to save the ledger");
	return -1;
}

/* The ledger has all that was kept for it. */
static void all_saved(struct books *books)
{
	books->n_kept = 0;
	books->unsaved = false;
}

/* A sheet that changed and was not told of would go unnoticed until the next start: the builds that tests run
 * look after every save. */
static void check_saved(const struct books *books, const struct meter *meter, const struct view_agent *agent)
{
#ifdef __SANITIZE_ADDRESS__
	struct image image;

	if (make_image(books, meter, IMAGE_ALL, agent, &image) < 0)
		return;
	for (int i = 0; i < IMAGE_SHEETS; i++) {
		size_t size;
		const void *kept = ledger_sheet(books->ledger, sheets[i], &size);
		if (size != image.size[i] || (size && memcmp(kept, image.data[i], size) != 0)) {
			log_error("assertion failed: sheet %d of the ledger is not what it should be", i);
			abort();
		}
	}
	image_free(&image);
#else
	(void)books, (void)meter, (void)agent;
#endif
}

int books_save(struct books *books, struct meter *meter, struct view_agent *agent, char error[LEDGER_ERROR_SIZE])
{
	struct image image;

	if (books->pending)
		return 0;
	if (make_image(books, meter, to_save(books, meter), agent, &image) < 0)
		return no_memory(error);
	struct ledger_save save = saved(books, &image, books->kept, books->n_kept);
	int result = ledger_save(books->ledger, &save, error);
	image_free(&image);
	if (result == 0) {
		all_saved(books);
		meter_saved(meter);
		check_saved(books, meter, agent);
	}
	agent->ledger = ledger_status(books->ledger);
	return result;
}

int books_begin(struct books *books, const struct meter *meter, const struct view_agent *agent, size_t n_closed,
		char error[LEDGER_ERROR_SIZE])
{
	if (books->n_kept + n_closed > books->room) {
		struct closed *more = realloc(books->kept, (books->n_kept + n_closed) * sizeof *more);
		if (!more)
			return no_memory(error);
		books->kept = more;
		books->room = books->n_kept + n_closed;
	}
	image_free(&books->now);
	return make_image(books, meter, to_save(books, meter), agent, &books->now) < 0 ? no_memory(error) : 0;
}

int books_intend(struct books *books, const struct meter *meter, const struct view_agent *agent,
		 const struct closed *closed, size_t n_closed, const void *steps, size_t size,
		 char error[LEDGER_ERROR_SIZE])
{
	struct image then;

	/* Until the step is made it changes no counter of a rule, of a host or of a class. */
	if (make_image(books, meter, IMAGE_ALL & ~(IMAGE_BIT(IMAGE_RULES) | IMAGE_BIT(IMAGE_FLOWS) | IMAGE_BIT(IMAGE_COUNTS) |
						   IMAGE_BIT(IMAGE_SERVICES) | IMAGE_BIT(IMAGE_PORTS)),
		       agent, &then) < 0)
		return no_memory(error);
	struct ledger_save now_save = saved(books, &books->now, books->kept, books->n_kept);
	struct ledger_save then_save = saved(books, &then, closed, n_closed);
	int result = ledger_intend(books->ledger, &now_save, &then_save, steps, size, error);
	image_free(&then);
	image_free(&books->now);
	if (result == 0)
		all_saved(books);
	return result;
}

void books_keep(struct books *books, const struct closed *closed, size_t n_closed)
{
	if (n_closed)
		memcpy(books->kept + books->n_kept, closed, n_closed * sizeof *closed);
	books->n_kept += n_closed;
}
