/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files control*.c share: control.c is what other threads call, control_thread.c the meter thread,
 * control_schedule.c its schedule. */
#ifndef TOWNMETER_CONTROL_PRIVATE_H
#define TOWNMETER_CONTROL_PRIVATE_H

#include <pthread.h>

#include "books.h"
#include "control.h"
#include "request.h"
#include "settings.h"

struct control {
	/* The meter thread's own. */
	struct workshop workshop;
	struct books books;
	struct view_agent agent;  /* what is published next */
	struct settings *settings; /* in force */
	struct writing writing;   /* of their rules */
	bool apply;               /* they are new: their rules are to be written as by COMMAND_APPLY */
	bool lost;                /* the last look failed */
	bool ending;              /* the last look is due */
	int64_t behind_since;     /* the clock is behind what the schedule did last, since when (clock_steady()); 0 */
	int64_t behind_latest;    /* what was due last when that began, in seconds */
	bool schedule_taken;      /* the schedule of `settings` is in force */
	char last_line[256];      /* the last problem logged: a standing one is told once */

	pthread_t thread;
	bool started;
	int event;                /* eventfd */

	pthread_mutex_t mutex;    /* guards what follows */
	pthread_cond_t wake;
	struct control_options options;
	bool stop, look_wanted, looking, late, reload;
	int64_t looked;           /* when the last look ended, well or not; 0: never */
	int64_t next_end;         /* when the schedule ends the periods next, in seconds; INT64_MAX: never */
	struct request *first, **last;
	struct view *view;
	uint32_t suppressed;      /* told by control_suppressed() and not counted yet */
	char told[256];           /* what control_note() was told; "": nothing */
};

/* The thread: works until control->stop. */
void *control_work(void *control);

/* For control_new(), before there is a thread. Opens the ledger and loads the model. Returns 0, or -1: one
 * line went to the log. */
int control_open(struct control *control, const char *state_directory);

/* Carries out a request's phase under the lock, saves and publishes. */
void control_run(struct control *control, struct request *request);

/* control_rules.c: after a look: writes rules that are missing. Returns whether anything was changed: then look
 * again. */
bool control_mend(struct control *control, const struct snapshot *snapshot);

/* Carries out COMMAND_APPLY or COMMAND_REMOVE, while the backend is locked. */
void control_write(struct control *control, struct request *request);

/* Reads the configuration again, and takes it. Each mistake goes to `report`. Returns 0, or -1. */
int control_load(struct control *control, void (*report)(void *context, const char *line), void *context);

/* Puts other settings in force, and frees those before; on the heap. */
void control_take_settings(struct control *control, struct settings *settings);

/* An error or a problem goes to townmeterLastError and to the log. */
void control_tell(struct control *control, const char *line, bool is_error);

/* After a look: ends the periods if that is due, and tells when it is due next. */
void control_keep_schedule(struct control *control);

/* Puts the schedule of new settings in force, as soon as it is clear what the one before it has done. */
void control_take_schedule(struct control *control);

/* When the periods end next, for those who read it and for the thread's own clock. */
void control_tell_next_end(struct control *control);

/* Makes the view of what is known now the current one. */
void control_publish(struct control *control);

/* Makes the other side of control_fd() look. */
void control_signal(struct control *control);

#endif
