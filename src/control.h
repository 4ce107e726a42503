/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The meter thread and what others may ask of it: a view, a fresh look, and requests of commands that
 * are checked, applied and taken back as a whole. SNMP and the command line both call only this.
 *
 * The thread owns the kernel and the model. Between the threads stand two things: an immutable view,
 * and a queue of jobs with deadlines. Nothing here blocks its caller.
 */
#ifndef TOWNMETER_CONTROL_H
#define TOWNMETER_CONTROL_H

#include <stddef.h>

#include "name.h"
#include "view.h"

struct control;
struct backend_ops;
struct settings;

struct control_options {
	const struct backend_ops *backend;
	int64_t interval;  /* nanoseconds: the meter looks at least this often */
	int64_t max_age;   /* nanoseconds: a request that finds older values asks for a fresh look */
	bool may_zero, may_block, may_quota; /* what SNMP may set */
	bool read_only;    /* not one write to the kernel */
	const char *state_directory; /* where the ledger is */
	struct settings *settings; /* what the file says; on the heap, and taken over */
	/* Reads the file anew, in the meter thread: fills in options as these. Each mistake is one line to `report`.
	 * Returns 0, or -1: there were mistakes, and nothing is filled in. */
	int (*load)(struct control_options *options, void (*report)(void *context, const char *line), void *context);
};

/* One object of a row, set to one value. */
enum command_kind {
	COMMAND_NOTHING, /* the row must exist, that is all */
	COMMAND_ZERO, COMMAND_ADMIN, COMMAND_REMARK,
	COMMAND_QUOTA, COMMAND_BASIS, COMMAND_WARN, COMMAND_ACTION, /* of a quota */
	COMMAND_FORGET,  /* removes a row whose rules are gone, after closing its period */
	COMMAND_SPIN,    /* townMeterSpinLock: inconsistent unless `number` is its value, which is incremented */
	COMMAND_NOTIFY_ENABLE, COMMAND_NOTIFY_INTERVAL, COMMAND_NOTIFY_MAX,
	/* Alone in their request: the rules of the configuration, which is read anew, are written; all rules that
	 * townmeter wrote are taken away. */
	COMMAND_APPLY, COMMAND_REMOVE
};

/* Who commands: the reasons of blocks and of closed periods say so. */
enum command_origin { ORIGIN_SNMP, ORIGIN_LOCAL, ORIGIN_SCHEDULE };

struct command {
	enum command_kind kind;
	enum command_origin origin;
	bool all;                        /* COMMAND_ZERO: every total, town and host */
	uint32_t chain;                  /* enum view_chain; 0: a town, or a host if one is named, or the agent */
	char town[NAME_TOWN_MAX + 1];
	char host[NAME_HOST_MAX + 1];
	bool blocked;                    /* COMMAND_ADMIN */
	uint32_t number;                 /* COMMAND_QUOTA (megabytes) and on: the value; TruthValue as 1 or 0 */
	char remark[NAME_REMARK_MAX + 1]; /* COMMAND_REMARK */
	bool dry;                        /* COMMAND_APPLY, COMMAND_REMOVE: only tells what it would do */
};

enum request_phase {
	REQUEST_PREPARE, /* would it work? Nothing is changed */
	REQUEST_APPLY,
	REQUEST_UNDO,    /* does nothing if APPLY did nothing */
};

enum request_result {
	REQUEST_DONE,
	REQUEST_NO_SUCH_ROW,
	REQUEST_INCONSISTENT, /* the spin lock has another value; a row to forget has rules that stand */
	REQUEST_UNAVAILABLE, /* the packet filter can not be read or changed; nothing was changed */
	REQUEST_UNDO_FAILED, /* something was changed and could not be put back */
};

struct request;

/* Opens the backend and makes the first, empty view. NULL: one line went to the log. */
struct control *control_new(const struct control_options *options);

/* Starts the meter thread, which looks at once. Returns 0, or -1 with errno. */
int control_start(struct control *control);

/* Other options from now on; the backend stays. */
void control_configure(struct control *control, const struct control_options *options);

/* Reads the configuration again, soon, and writes its rules if it says so. Mistakes go to the log, and leave all as it
 * was. */
void control_reload(struct control *control);

/* Ends the thread after the job at hand. What is queued never begins, and requests may be freed from now
 * on; everything else here still works. */
void control_stop(struct control *control);

/* Stops, and frees everything but the requests. NULL is allowed. */
void control_free(struct control *control);

/* Readable when a view was published or a job ended since the last control_events(). */
int control_fd(const struct control *control);
void control_events(struct control *control);

/* The current view, held for the caller; never NULL. */
struct view *control_view(struct control *control);

/* Is the last look so long ago that a fresh one is due? Asks for one then. Returns whether one is under
 * way that is worth waiting for: not one that someone gave up waiting for already. */
bool control_refresh(struct control *control);

/* The caller did not wait any longer for the fresh look: nobody waits again until it has come. */
void control_late(struct control *control);

/* Adds to townMeterNotifySuppressed, which the next view shows. */
void control_suppressed(struct control *control, uint32_t notifications);

/* Makes a line townMeterLastError and publishes it: why a request was refused before it came here. */
void control_note(struct control *control, const char *line);

/* Is this object one that the configuration lets be set? */
bool control_may(struct control *control, enum command_kind kind);

/* A request of `n` commands, copied. NULL with errno. Freed by request_free() when none of its jobs is
 * queued or running. */
struct request *request_new(const struct command *commands, size_t n);
void request_free(struct request *request);

/* How many commands it has. */
size_t request_size(const struct request *request);

/* Queues a phase, which does not start after the deadline (nanoseconds of CLOCK_MONOTONIC). */
void control_submit(struct control *control, struct request *request, enum request_phase phase, int64_t deadline);

/* Has the phase ended? */
bool request_ended(struct control *control, const struct request *request);

/* Takes a phase that has not started out of the queue; false if it runs or has ended. */
bool control_cancel(struct control *control, struct request *request);

/* Of a phase that ended: what came of it, which command failed (its index), and why in one line. */
enum request_result request_result(const struct request *request, size_t *failed, const char **why);

/* What a COMMAND_APPLY or COMMAND_REMOVE that ended did, or would do. Lines are borrowed from the request. */
struct control_written {
	size_t chains_added, chains_removed, rules_added, rules_removed;
	char *const *commands; /* of a dry run, as commands of iptables */
	size_t n_commands;
	char *const *notes;    /* what is to be known about it; of one that failed: every mistake */
	size_t n_notes;
};
void request_written(const struct request *request, struct control_written *written);

/* Nanoseconds of CLOCK_MONOTONIC; the time of day. */
int64_t control_clock(void);
decitime control_time(void);

#endif
