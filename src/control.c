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

#include "clock.h"
#include "control_private.h"
#include "log.h"

int64_t control_clock(void)
{
	return clock_steady();
}

decitime control_time(void)
{
	return clock_time();
}

void control_signal(struct control *control)
{
	uint64_t one = 1;

	if (write(control->event, &one, sizeof one) < 0)
		return; /* full: the reader has a reason to look already */
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
	control->next_end = INT64_MAX;
	control->workshop.ops = options->backend;
	control->workshop.backend = options->backend->open(error);
	if (!control->workshop.backend || !may_read(&control->workshop, error)) {
		log_error("%s", error);
		control_free(control);
		return NULL;
	}
	control->agent.backend = VIEW_BACKEND_NONE;
	if (control->event >= 0 && control_open(control, options->state_directory) == 0)
		control_publish(control);
	if (!control->view) {
		control_free(control);
		return NULL;
	}
	/* What the start itself had to stamp is news to whoever compares this view with the next one. */
	if (control->agent.discontinuity)
		control->view->agent.discontinuity = control->agent.discontinuity;
	return control;
}

/* The thread takes no signals but the one that ends its wait for the lock. */
int control_start(struct control *control)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGRTMIN);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&control->thread, NULL, control_work, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	control->started = error == 0;
	errno = error;
	return error ? -1 : 0;
}

void control_configure(struct control *control, const struct control_options *options)
{
	const struct backend_ops *backend = control->options.backend;
	struct settings *unused;

	pthread_mutex_lock(&control->mutex);
	unused = control->options.settings;
	control->options = *options;
	control->options.backend = backend;
	pthread_cond_signal(&control->wake);
	pthread_mutex_unlock(&control->mutex);
	settings_free(unused);
	free(unused);
}

void control_reload(struct control *control)
{
	pthread_mutex_lock(&control->mutex);
	control->reload = true;
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
		control->workshop.ops->close(control->workshop.backend,
					     control->books.unsaved || control->books.pending);
	writing_end(&control->writing);
	meter_free(control->workshop.meter);
	books_close(&control->books);
	settings_free(control->settings);
	free(control->settings);
	settings_free(control->options.settings);
	free(control->options.settings);
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

bool control_may(struct control *control, enum command_kind kind)
{
	bool may;

	pthread_mutex_lock(&control->mutex);
	const struct control_options *options = &control->options;
	switch (kind) {
	case COMMAND_ZERO:
		may = options->may_zero;
		break;
	case COMMAND_ADMIN:
		may = options->may_block;
		break;
	case COMMAND_QUOTA:
	case COMMAND_BASIS:
	case COMMAND_WARN:
	case COMMAND_ACTION:
		may = options->may_quota;
		break;
	default:
		may = options->may_zero || options->may_block || options->may_quota;
	}
	pthread_mutex_unlock(&control->mutex);
	return may;
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
