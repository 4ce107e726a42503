/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meter thread and the rules that the configuration asks for: written, mended, taken away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_private.h"
#include "log.h"

int control_load(struct control *control, void (*report)(void *context, const char *line), void *context)
{
	struct control_options made = control->options;

	if (!control->options.load || control->options.load(&made, report, context) < 0)
		return -1;
	struct settings *settings = made.settings;
	made.settings = NULL;
	pthread_mutex_lock(&control->mutex);
	made.backend = control->options.backend;
	made.load = control->options.load;
	control->options = made;
	pthread_mutex_unlock(&control->mutex);
	control_take_settings(control, settings);
	return 0;
}

static void summarize(const struct writing_report *report, char *text, size_t size)
{
	snprintf(text, size, "%zu rules and %zu chains written, %zu and %zu taken away", report->rules_added,
		 report->chains_added, report->rules_removed, report->chains_removed);
}

/* A problem that lasts is told when the rules change. */
static void tell_notes(struct control *control, const struct writing_report *report)
{
	for (size_t i = 0; i < report->notes.n; i++)
		control_tell(control, report->notes.line[i], false);
}

bool control_mend(struct control *control, const struct snapshot *snapshot)
{
	struct workshop *w = &control->workshop;
	struct writing_report report = {0};
	char error[BACKEND_ERROR_SIZE] = "", line[BACKEND_ERROR_SIZE], counts[128];
	bool apply = control->apply;

	if (w->read_only || !writing_is_due(&control->writing, snapshot))
		return false;
	enum change_result result = writing_run(&control->writing, w, apply ? WRITING_APPLY : WRITING_MEND, false, snapshot,
						&report, error);
	bool changed = result == CHANGE_DONE && report.rules_added + report.rules_removed + report.chains_removed > 0;
	tell_notes(control, &report);
	if (result == CHANGE_DONE) {
		control->apply = false;
		summarize(&report, counts, sizeof counts);
		if (changed && apply)
			log_info("the rules of the configuration: %s", counts);
		snprintf(line, sizeof line, "another program changed the rules that townmeter wrote, they were put back: %s",
			 counts);
		if (changed && !apply)
			control_tell(control, line, false);
	} else if (strcmp(control->last_line, error) != 0) {
		/* It is tried again at each look, and told once. */
		snprintf(control->last_line, sizeof control->last_line, "%s", error);
		control_tell(control, error, true);
	}
	writing_report_free(&report);
	return changed;
}

static void add_note(void *context, const char *line)
{
	lines_add(context, "%s", line);
}

/* The file as it is now, without taking it. */
static void apply_dry(struct control *control, struct request *request)
{
	struct control_options made = control->options;
	struct writing trial = {.settings = NULL};

	if (control->options.load(&made, add_note, &request->written.notes) < 0) {
		snprintf(request->why, sizeof request->why, "the configuration has mistakes: nothing would be applied");
		return;
	}
	if (!made.settings->managed) {
		snprintf(request->why, sizeof request->why, "the configuration says 'rules: standing', expected 'rules: managed': "
			 "no rules are written");
	} else {
		writing_configure(&trial, made.settings);
		if (writing_run(&trial, &control->workshop, WRITING_APPLY, true, NULL, &request->written, request->why) ==
		    CHANGE_DONE)
			request->result = REQUEST_DONE;
		writing_end(&trial);
	}
	settings_free(made.settings);
	free(made.settings);
}

static bool is_ready_to_apply(struct control *control, struct request *request)
{
	if (!control->options.load || control_load(control, add_note, &request->written.notes) < 0)
		snprintf(request->why, sizeof request->why, "the configuration has mistakes: nothing was applied");
	else if (!control->settings->managed)
		snprintf(request->why, sizeof request->why, "the configuration says 'rules: standing', expected 'rules: managed': "
			 "no rules are written");
	else
		return true;
	return false;
}

void control_write(struct control *control, struct request *request)
{
	const struct command *command = &request->commands[0];
	struct workshop *w = &control->workshop;
	enum writing_task task = command->kind == COMMAND_APPLY ? WRITING_APPLY : WRITING_REMOVE;
	char ignored[BACKEND_ERROR_SIZE];

	request->result = REQUEST_UNAVAILABLE;
	if (request->phase != REQUEST_APPLY) {
		request->result = REQUEST_DONE;
		return;
	}
	if (command->dry && task == WRITING_APPLY) {
		apply_dry(control, request);
		return;
	}
	if (task == WRITING_APPLY && !is_ready_to_apply(control, request))
		return;
	writing_begin(&control->writing, w, ignored);
	if (writing_run(&control->writing, w, task, command->dry, NULL, &request->written, request->why) != CHANGE_DONE)
		return;
	request->result = REQUEST_DONE;
	if (command->dry)
		return;
	control->apply = false;
	if (task == WRITING_REMOVE && control->settings->managed)
		add_note(&request->written.notes, "the configuration says 'rules: managed': the rules are written again by "
			 "'townmeter apply', a reload or a start of townmeterd");
	request_settle(w, "a change of the rules that townmeter writes");
	workshop_save(w);
}
