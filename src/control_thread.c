/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meter thread: looks, requests, the schedule; each is saved, then published. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "control_private.h"
#include "log.h"

/* How long a look of its own accord waits for the lock: short, since requests queue behind it. */
static const int64_t look_patience = 400000000;

/* What a request keeps of its time for the work itself: it gives up waiting for the lock earlier, so
 * that the one who asked is told who holds it. */
static const int64_t reserve = 100000000;

/* A look that is so late comes before requests, however many there are. */
static const int64_t late_patience = 1000000000;

static struct timespec to_timespec(int64_t clock)
{
	return (struct timespec){.tv_sec = clock / 1000000000, .tv_nsec = clock % 1000000000};
}

/* An error or a problem goes to townMeterLastError and, when it is new, to the log. */
void control_tell(struct control *control, const char *line, bool is_error)
{
	snprintf(control->agent.last_error, sizeof control->agent.last_error, "%s", line);
	control->agent.last_error_time = clock_time();
	if (is_error)
		log_error("%s", line);
	else
		log_warning("%s", line);
}

static void report(void *context, const char *line)
{
	control_tell(context, line, false);
}

/* An error that lasts is logged when it begins, and its end is. */
static void note_failure(struct control *control, const char *line)
{
	bool same = strcmp(control->last_line, line) == 0;

	snprintf(control->last_line, sizeof control->last_line, "%s", line);
	if (!same) {
		control_tell(control, line, true);
		return;
	}
	snprintf(control->agent.last_error, sizeof control->agent.last_error, "%s", line);
	control->agent.last_error_time = clock_time();
}

void control_publish(struct control *control)
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
	control_signal(control);
}

/* Nobody sees what the ledger does not have, but for a ledger that can not be saved. */
static void save_and_publish(struct control *control)
{
	workshop_save(&control->workshop);
	control_publish(control);
	ledger_copy_if_due(control->books.ledger, clock_time() / 10);
}

/* The kernel was read at this time. */
static void note_snapshot(struct control *control, int64_t began)
{
	control->agent.snapshot_time = clock_time();
	control->agent.snapshot_clock = clock_steady();
	control->agent.snapshot_duration = (uint32_t)((control->agent.snapshot_clock - began) / 1000);
	const bool *found = control->workshop.found;
	control->agent.backend = found[CHAIN_LEGACY] && found[CHAIN_NFT] ? VIEW_BACKEND_BOTH
				 : found[CHAIN_NFT]			   ? VIEW_BACKEND_NFTABLES
									   : VIEW_BACKEND_LEGACY;
	if (control->workshop.offload && !control->agent.offload)
		control_tell(control, "packets may bypass the rules: nf_tables has a flowtable or a chain that the network card "
		     "runs ('nft list flowtables'); what is counted is too low, and blocks may not stop connections",
		     false);
	control->agent.offload = control->workshop.offload;
	if (control->lost)
		log_info("the rules can be read again");
	control->lost = false;
	control->last_line[0] = '\0';
}

/* What stands and what should: rules that another program took away, and blocks that are wished for. Returns 0, or -1
 * with `error`: it is not known what stands now. */
static int put_right(struct control *control, struct snapshot *snapshot, char error[BACKEND_ERROR_SIZE])
{
	struct workshop *w = &control->workshop;

	if (control_mend(control, snapshot) && workshop_look(w, READ_RULES, snapshot, error) < 0)
		return -1;
	return workshop_enforce(w, snapshot) ? workshop_look(w, READ_RULES, snapshot, error) : 0;
}

static void look(struct control *control)
{
	struct workshop *w = &control->workshop;
	char error[BACKEND_ERROR_SIZE] = "";
	int64_t began = clock_steady();
	struct timespec deadline = to_timespec(began + look_patience);
	struct snapshot snapshot;
	bool locked = false, there = false;

	control->agent.snapshots++;
	control->agent.looked = true;
	if (w->ops->lock(w->backend, &deadline, error) == 0) {
		locked = true;
		began = clock_steady();
		there = workshop_look(w, READ_ALL, &snapshot, error) == 0 ||
			(!control->ending && writing_begin(&control->writing, w, error) &&
			 workshop_look(w, READ_ALL, &snapshot, error) == 0);
	}
	if (there) {
		note_snapshot(control, began);
		if (!control->ending && put_right(control, &snapshot, error) < 0)
			control_tell(control, error, true);
	} else {
		control->agent.snapshot_errors++;
		control->agent.backend = VIEW_BACKEND_NONE;
		control->lost = true;
		note_failure(control, error);
	}
	if (locked)
		w->ops->unlock(w->backend);
	control->books.clean = control->ending && there;
	if (there)
		control_take_schedule(control);
	save_and_publish(control);
}

void control_run(struct control *control, struct request *request)
{
	struct workshop *w = &control->workshop;
	struct timespec deadline = to_timespec(request->deadline - reserve);
	int64_t began;

	request->failed = 0;
	request->result = request->phase == REQUEST_UNDO ? REQUEST_UNDO_FAILED : REQUEST_UNAVAILABLE;
	request->why[0] = '\0';
	if (clock_steady() >= request->deadline) {
		snprintf(request->why, sizeof request->why, "the meter was busy: the request waited too long to be begun");
	} else if (w->ops->lock(w->backend, &deadline, request->why) == 0) {
		began = clock_steady();
		w->looked = false;
		if (request->n && (request->commands[0].kind == COMMAND_APPLY || request->commands[0].kind == COMMAND_REMOVE)) {
			control_write(control, request);
		} else if (request->phase == REQUEST_PREPARE) {
			request_prepare(w, request);
		} else {
			/* Before it is saved; what was not applied is not taken back, and nothing is saved. */
			control->agent.snapshots += request->phase == REQUEST_APPLY || request->applied;
			(request->phase == REQUEST_APPLY ? request_apply : request_undo)(w, request);
		}
		w->ops->unlock(w->backend);
		if (request->result == REQUEST_DONE && request->phase != REQUEST_PREPARE && w->looked)
			note_snapshot(control, began);
	}
	if (request->result != REQUEST_DONE) {
		control_tell(control, request->why, false);
		save_and_publish(control);
	} else if (request->phase != REQUEST_PREPARE) {
		control_publish(control);
	}
}

/* --- the configuration ------------------------------------------------------ */

static struct quota configured_quota(void *context, const char *town, const char *host)
{
	struct quota quota;

	settings_quota(context, town, host, &quota);
	return quota;
}

/* "tcp/80 tcp/443 udp/443": as many of a class's matches as there is room for. */
static void configured_match(void *context, const char *class, char text[METER_MATCH_SIZE])
{
	const struct settings *settings = context;
	size_t used = 0;

	for (size_t i = 0; i < settings->n_services; i++) {
		const struct settings_service *service = &settings->services[i];
		for (size_t m = 0; strcmp(service->name, class) == 0 && m < service->n_matches; m++) {
			char ports[PORTS_TEXT_SIZE];
			size_t more = strlen(ports_format(&service->matches[m], ports));
			if (used + more + 2 > METER_MATCH_SIZE)
				return;
			used += (size_t)snprintf(text + used, METER_MATCH_SIZE - used, "%s%s", used ? " " : "", ports);
		}
	}
}

static void configure(struct meter *meter, void *context)
{
	struct control *control = context;
	const struct recognise_names names = {
		.find = settings_hint, .find_class = settings_class, .context = control->settings};

	meter_configure(meter, configured_quota, control->settings);
	meter_set_names(meter, &names);
	meter_set_matches(meter, configured_match, control->settings);
}

void control_take_settings(struct control *control, struct settings *settings)
{
	struct settings *before = control->settings;

	control->settings = settings;
	control->writing.removed = false;
	control->apply = true;
	writing_configure(&control->writing, settings);
	control->books.keep = settings->keep;
	configure(control->workshop.meter, control);
	control->schedule_taken = false;
	control_take_schedule(control);
	control_tell_next_end(control);
	settings_free(before);
	free(before);
}

int control_open(struct control *control, const char *state_directory)
{
	char error[LEDGER_ERROR_SIZE];
	struct workshop *w = &control->workshop;

	w->books = &control->books;
	w->agent = &control->agent;
	w->report = report;
	w->context = control;
	w->configure = configure;
	if (books_open(&control->books, state_directory, &control->agent, clock_time(), error) < 0) {
		log_error("%s", error);
		return -1;
	}
	if (ledger_trouble(control->books.ledger)[0])
		control_tell(control, ledger_trouble(control->books.ledger), true);
	w->meter = books_meter(&control->books, control->books.lost, clock_time());
	if (!w->meter) {
		log_error("the ledger in %s can not be used: %s; move it away to start with an empty one", state_directory,
			  strerror(errno));
		return -1;
	}
	control_take_settings(control, control->options.settings);
	control->options.settings = NULL;
	control->agent.snapshot_clock = clock_steady();
	if (control->agent.snapshot_time && clock_time() > control->agent.snapshot_time)
		control->agent.snapshot_clock -= (clock_time() - control->agent.snapshot_time) * 100000000;
	return 0;
}

/* --- the thread ------------------------------------------------------------- */

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

static void log_mistake(void *context, const char *line)
{
	(void)context;
	log_error("%s", line);
}

static void load_again(struct control *control)
{
	if (control_load(control, log_mistake, NULL) < 0)
		log_error("the configuration stays as it was");
	else
		log_info("the configuration was read again");
}

/* What was left for the thread by others; the mutex is held. Returns whether the configuration is to be read again. */
static bool take_messages(struct control *control, char *line, size_t size, struct settings **settings)
{
	snprintf(line, size, "%s", control->told);
	control->told[0] = '\0';
	control->agent.notify_suppressed += control->suppressed;
	control->suppressed = 0;
	*settings = control->options.settings;
	control->options.settings = NULL;
	bool reload = control->reload;
	control->reload = false;
	return reload;
}

static void serve(struct control *control, struct request *request)
{
	pthread_mutex_unlock(&control->mutex);
	control_run(control, request);
	pthread_mutex_lock(&control->mutex);
	request->running = false;
	/* What it did was published as it was read. */
	if (request->result == REQUEST_DONE && request->phase != REQUEST_PREPARE && control->workshop.looked)
		control->looked = clock_steady();
	control_signal(control);
}

static void refresh(struct control *control)
{
	control->look_wanted = false;
	control->looking = true;
	pthread_mutex_unlock(&control->mutex);
	look(control);
	control_keep_schedule(control);
	pthread_mutex_lock(&control->mutex);
	control->looked = clock_steady();
	control->looking = control->late = false;
}

/* Until the next look: the interval's, or one at the end of the periods. */
static int64_t next_look(const struct control *control)
{
	int64_t due = control->looked + control->options.interval, steady = clock_steady();
	int64_t now = clock_time();

	if (control->next_end == INT64_MAX || control->looked == 0 || control->next_end - now / 10 > 3600)
		return due;
	/* Each look tells the next end anew: one that is past came since. A clock may step by years. */
	int64_t left = control->next_end - now / 10 > -3600 ? control->next_end * 10 - now : -36000;
	left *= 100000000;
	return left < due - steady ? steady + left : due;
}

void *control_work(void *context)
{
	struct control *control = context;
	char line[sizeof control->told];
	struct settings *settings;

	pthread_mutex_lock(&control->mutex);
	while (!control->stop) {
		bool reload = take_messages(control, line, sizeof line, &settings);
		if (settings || line[0] || reload) {
			pthread_mutex_unlock(&control->mutex);
			if (settings)
				control_take_settings(control, settings);
			if (reload)
				load_again(control);
			if (line[0])
				control_tell(control, line, false);
			save_and_publish(control);
			pthread_mutex_lock(&control->mutex);
			control->look_wanted |= settings != NULL || reload;
			continue;
		}
		int64_t due = next_look(control);
		bool late = control->looked == 0 || clock_steady() - due >= late_patience;
		struct request *request = late ? NULL : take(control);
		control->workshop.read_only = control->options.read_only;
		if (request) {
			serve(control, request);
		} else if (control->look_wanted || control->looked == 0 || clock_steady() >= due) {
			refresh(control);
		} else {
			struct timespec until = to_timespec(due);
			pthread_cond_timedwait(&control->wake, &control->mutex, &until);
		}
	}
	pthread_mutex_unlock(&control->mutex);
	/* What was counted until now, and that nothing is missing. */
	control->ending = true;
	look(control);
	return NULL;
}
