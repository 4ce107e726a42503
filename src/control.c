/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"
#include "request.h"

/* How long a look of its own accord waits for the lock: short, since requests queue behind it. */
static const int64_t look_patience = 400000000;

/* What a request keeps of its time for the work itself: it gives up waiting for the lock earlier, so
 * that the one who asked is told who holds it. */
static const int64_t reserve = 100000000;

struct control {
	struct control_options options;
	struct workshop workshop;
	struct view_agent agent;  /* what is published next */
	bool lost;                /* the last look failed */
	char last_line[256];      /* the last problem logged: a standing one is told once */

	pthread_t thread;
	bool started;
	int event;                /* eventfd */

	pthread_mutex_t mutex;    /* guards what follows */
	pthread_cond_t wake;
	bool stop, look_wanted, looking, late;
	int64_t looked;           /* when the last look ended, well or not; 0: never */
	struct request *first, **last;
	struct view *view;
	uint32_t suppressed;      /* told by control_suppressed() and not counted yet */
	char told[256];           /* what control_note() was told; "": nothing */
};

int64_t control_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

decitime control_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (decitime)now.tv_sec * 10 + now.tv_nsec / 100000000;
}

static struct timespec to_timespec(int64_t clock)
{
	return (struct timespec){.tv_sec = clock / 1000000000, .tv_nsec = clock % 1000000000};
}

static void signal_event(struct control *control)
{
	uint64_t one = 1;

	if (write(control->event, &one, sizeof one) < 0)
		return; /* full: the reader has a reason to look already */
}

/* An error or a problem goes to townMeterLastError and, when it is new, to the log. */
static void note(struct control *control, const char *line, bool is_error)
{
	snprintf(control->agent.last_error, sizeof control->agent.last_error, "%s", line);
	control->agent.last_error_time = control_time();
	if (is_error)
		log_error("%s", line);
	else
		log_warning("%s", line);
}

static void report(void *context, const char *line)
{
	note(context, line, false);
}

/* An error that lasts is logged when it begins, and its end is. */
static void note_failure(struct control *control, const char *line)
{
	bool same = strcmp(control->last_line, line) == 0;

	snprintf(control->last_line, sizeof control->last_line, "%s", line);
	if (!same) {
		note(control, line, true);
		return;
	}
	snprintf(control->agent.last_error, sizeof control->agent.last_error, "%s", line);
	control->agent.last_error_time = control_time();
}

static void publish(struct control *control)
{
	static uint64_t serial;
	struct view *view = meter_publish(control->workshop.meter, &control->agent), *before;

	if (!view) {
		log_error("no memory to publish a view: the last one stays");
		return;
	}
	view->serial = ++serial;
	pthread_mutex_lock(&control->mutex);
	before = control->view;
	control->view = view;
	pthread_mutex_unlock(&control->mutex);
	view_release(before);
	signal_event(control);
}

/* The kernel was read at this time. */
static void note_snapshot(struct control *control, int64_t began)
{
	control->agent.snapshot_time = control_time();
	control->agent.snapshot_clock = control_clock();
	control->agent.snapshot_duration = (uint32_t)((control->agent.snapshot_clock - began) / 1000);
	const bool *found = control->workshop.found;
	control->agent.backend = found[CHAIN_LEGACY] && found[CHAIN_NFT] ? VIEW_BACKEND_BOTH
				 : found[CHAIN_NFT]			   ? VIEW_BACKEND_NFTABLES
									   : VIEW_BACKEND_LEGACY;
	if (control->workshop.offload && !control->agent.offload)
		note(control, "packets may bypass the rules: nf_tables has a flowtable or a chain that the network card "
		     "runs ('nft list flowtables'); what is counted is too low, and blocks may not stop connections",
		     false);
	control->agent.offload = control->workshop.offload;
	if (control->lost)
		log_info("the rules can be read again");
	control->lost = false;
	control->last_line[0] = '\0';
}

static void look(struct control *control, bool may_block)
{
	struct workshop *w = &control->workshop;
	char error[BACKEND_ERROR_SIZE] = "";
	int64_t began = control_clock();
	struct timespec deadline = to_timespec(began + look_patience);
	struct snapshot snapshot;
	bool locked = false, there = false;

	control->agent.snapshots++;
	if (w->ops->lock(w->backend, &deadline, error) == 0) {
		locked = true;
		began = control_clock();
		there = workshop_look(w, READ_ALL, &snapshot, error) == 0;
	}
	if (there) {
		note_snapshot(control, began);
		if (may_block && workshop_enforce(w, &snapshot) &&
		    workshop_look(w, READ_RULES, &snapshot, error) < 0)
			note(control, error, true);
	} else {
		control->agent.snapshot_errors++;
		control->agent.backend = VIEW_BACKEND_NONE;
		control->lost = true;
		note_failure(control, error);
	}
	if (locked)
		w->ops->unlock(w->backend);
	publish(control);
}

static void run(struct control *control, struct request *request)
{
	struct workshop *w = &control->workshop;
	struct timespec deadline = to_timespec(request->deadline - reserve);
	int64_t began;

	request->failed = 0;
	request->result = request->phase == REQUEST_UNDO ? REQUEST_UNDO_FAILED : REQUEST_UNAVAILABLE;
	request->why[0] = '\0';
	if (control_clock() >= request->deadline) {
		snprintf(request->why, sizeof request->why, "the meter was busy: the request waited too long to be begun");
	} else if (w->ops->lock(w->backend, &deadline, request->why) == 0) {
		began = control_clock();
		w->looked = false;
		if (request->phase == REQUEST_PREPARE)
			request_prepare(w, request);
		else if (request->phase == REQUEST_APPLY)
			request_apply(w, request);
		else
			request_undo(w, request);
		w->ops->unlock(w->backend);
		if (request->result == REQUEST_DONE && request->phase != REQUEST_PREPARE && w->looked) {
			control->agent.snapshots++;
			note_snapshot(control, began);
		}
	}
	if (request->result != REQUEST_DONE)
		note(control, request->why, false);
	if (request->result != REQUEST_DONE || request->phase != REQUEST_PREPARE)
		publish(control);
}

/* Takes the first request out of the queue; the mutex is held. */
static struct request *take(struct control *control)
{
	struct request *request = control->first;

	if (request) {
		control->first = request->next;
		if (!control->first)
			control->last = &control->first;
		request->queued = false;
		request->running = true;
	}
	return request;
}

static void *work(void *context)
{
	struct control *control = context;

	pthread_mutex_lock(&control->mutex);
	while (!control->stop) {
		struct request *request = take(control);
		int64_t due = control->looked + control->options.interval, now = control_clock();
		if (request) {
			pthread_mutex_unlock(&control->mutex);
			run(control, request);
			pthread_mutex_lock(&control->mutex);
			request->running = false;
			/* What it did was published as it was read. */
			if (request->result == REQUEST_DONE && request->phase != REQUEST_PREPARE &&
			    control->workshop.looked)
				control->looked = control_clock();
			signal_event(control);
		} else if (control->told[0]) {
			char line[sizeof control->told];
			memcpy(line, control->told, sizeof line);
			control->told[0] = '\0';
			pthread_mutex_unlock(&control->mutex);
			note(control, line, false);
			publish(control);
			pthread_mutex_lock(&control->mutex);
		} else if (control->look_wanted || control->looked == 0 || now >= due) {
			control->look_wanted = false;
			control->looking = true;
			bool may_block = control->options.may_block;
			pthread_mutex_unlock(&control->mutex);
			look(control, may_block);
			pthread_mutex_lock(&control->mutex);
			control->looked = control_clock();
			control->looking = control->late = false;
		} else {
			struct timespec until = to_timespec(due);
			pthread_cond_timedwait(&control->wake, &control->mutex, &until);
		}
	}
	pthread_mutex_unlock(&control->mutex);
	return NULL;
}

/* Without the permission to read there is nothing that waiting could mend. */
static bool may_read(const struct workshop *w, char error[BACKEND_ERROR_SIZE])
{
	struct snapshot snapshot;
	int there = w->ops->probe(error);

	return there == 0 || (there > 0 && (w->ops->read(w->backend, READ_ALL, &snapshot, error) == 0 || errno != EPERM));
}

struct control *control_new(const struct control_options *options)
{
	struct control *control = calloc(1, sizeof *control);
	char error[BACKEND_ERROR_SIZE];
	pthread_condattr_t attributes;

	if (!control) {
		log_error("no memory");
		return NULL;
	}
	control->options = *options;
	control->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	control->last = &control->first;
	pthread_mutex_init(&control->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&control->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	control->workshop = (struct workshop){.ops = options->backend, .report = report, .context = control};
	control->workshop.meter = meter_new(control_time());
	control->workshop.backend = options->backend->open(error);
	if (!control->workshop.backend || !may_read(&control->workshop, error)) {
		log_error("%s", error);
		control_free(control);
		return NULL;
	}
	control->agent.backend = VIEW_BACKEND_NONE;
	control->agent.snapshot_clock = control_clock();
	if (control->workshop.meter && control->event >= 0)
		publish(control);
	if (!control->view) {
		control_free(control);
		return NULL;
	}
	return control;
}

/* The thread takes no signals but the one that ends its wait for the lock. */
int control_start(struct control *control)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGRTMIN);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&control->thread, NULL, work, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	control->started = error == 0;
	errno = error;
	return error ? -1 : 0;
}

void control_configure(struct control *control, const struct control_options *options)
{
	const struct backend_ops *backend = control->options.backend;

	pthread_mutex_lock(&control->mutex);
	control->options = *options;
	control->options.backend = backend;
	pthread_cond_signal(&control->wake);
	pthread_mutex_unlock(&control->mutex);
}

void control_stop(struct control *control)
{
	if (!control->started)
		return;
	pthread_mutex_lock(&control->mutex);
	control->stop = true;
	pthread_cond_signal(&control->wake);
	pthread_mutex_unlock(&control->mutex);
	pthread_join(control->thread, NULL);
	control->started = false;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	control_stop(control);
	if (control->workshop.backend)
		control->workshop.ops->close(control->workshop.backend);
	meter_free(control->workshop.meter);
	view_release(control->view);
	if (control->event >= 0)
		close(control->event);
	pthread_cond_destroy(&control->wake);
	pthread_mutex_destroy(&control->mutex);
	free(control);
}

int control_fd(const struct control *control)
{
	return control->event;
}

void control_events(struct control *control)
{
	uint64_t count;

	if (read(control->event, &count, sizeof count) < 0)
		return;
}

struct view *control_view(struct control *control)
{
	pthread_mutex_lock(&control->mutex);
	struct view *view = view_hold(control->view);
	pthread_mutex_unlock(&control->mutex);
	return view;
}

bool control_refresh(struct control *control)
{
	bool worth;

	pthread_mutex_lock(&control->mutex);
	worth = control->looking || control->look_wanted;
	if (!worth && control_clock() - control->looked >= control->options.max_age) {
		control->look_wanted = worth = true;
		pthread_cond_signal(&control->wake);
	}
	worth &= !control->late;
	pthread_mutex_unlock(&control->mutex);
	return worth;
}

void control_late(struct control *control)
{
	pthread_mutex_lock(&control->mutex);
	control->late = control->looking || control->look_wanted;
	pthread_mutex_unlock(&control->mutex);
}

void control_note(struct control *control, const char *line)
{
	pthread_mutex_lock(&control->mutex);
	snprintf(control->told, sizeof control->told, "%s", line);
	pthread_cond_signal(&control->wake);
	pthread_mutex_unlock(&control->mutex);
}

bool control_may(const struct control *control, enum command_kind kind)
{
	switch (kind) {
	case COMMAND_ZERO:
		return control->options.may_zero;
	case COMMAND_ADMIN:
		return control->options.may_block;
	case COMMAND_QUOTA:
	case COMMAND_BASIS:
	case COMMAND_WARN:
	case COMMAND_ACTION:
		return control->options.may_quota;
	default:
		return control->options.may_zero || control->options.may_block || control->options.may_quota;
	}
}

void control_suppressed(struct control *control, uint32_t notifications)
{
	pthread_mutex_lock(&control->mutex);
	control->suppressed += notifications;
	pthread_mutex_unlock(&control->mutex);
}

void control_submit(struct control *control, struct request *request, enum request_phase phase, int64_t deadline)
{
	pthread_mutex_lock(&control->mutex);
	request->phase = phase;
	request->deadline = deadline;
	request->queued = true;
	request->next = NULL;
	*control->last = request;
	control->last = &request->next;
	pthread_cond_signal(&control->wake);
	pthread_mutex_unlock(&control->mutex);
}

bool request_ended(struct control *control, const struct request *request)
{
	pthread_mutex_lock(&control->mutex);
	bool ended = !request->queued && !request->running;
	pthread_mutex_unlock(&control->mutex);
	return ended;
}

bool control_cancel(struct control *control, struct request *request)
{
	bool found = false;

	pthread_mutex_lock(&control->mutex);
	for (struct request **at = &control->first; *at; at = &(*at)->next) {
		if (*at != request)
			continue;
		*at = request->next;
		if (!*at)
			control->last = at;
		request->queued = false;
		found = true;
		break;
	}
	pthread_mutex_unlock(&control->mutex);
	return found;
}
