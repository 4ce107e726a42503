/* SPDX-License-Identifier: GPL-2.0-or-later */
/* townmeterd: options, privileges, signals; the work is elsewhere. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "backends.h"
#include "check.h"
#include "control.h"
#include "instance.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "recognise.h"
#include "settings.h"
#include "socket/socket.h"
#include "subagent.h"

static struct options options;
static struct control *control;
static struct control_socket *control_socket;

static void log_mistake(void *context, const char *line)
{
	(void)context;
	log_error("%s", line);
}

/* Without -c the default file is read if it is there. */
static int read_settings(struct settings *settings, void (*report)(void *context, const char *line), void *context)
{
	static const char usual[] = SYSCONFDIR "/townmeter/townmeter.yaml";
	const char *path = options.config ? options.config : access(usual, F_OK) == 0 ? usual : NULL;

	settings_defaults(settings);
	if (path && settings_read(settings, path, report, context) > 0) {
		settings_free(settings);
		return -1;
	}
	return 0;
}

/* Used by the meter thread, too. */
static int configure(struct control_options *made, void (*report)(void *context, const char *line), void *context)
{
	struct settings *settings = calloc(1, sizeof *settings);

	if (!settings) {
		report(context, "no memory for the configuration");
		return -1;
	}
	if (read_settings(settings, report, context) < 0) {
		free(settings);
		return -1;
	}
	*made = (struct control_options){
		.backend = &backends,
		.interval = settings->interval,
		.max_age = settings->max_age,
		.may_zero = settings->set_zero && !options.read_only,
		.may_block = settings->set_block && !options.read_only,
		.may_quota = settings->set_quota && !options.read_only,
		.read_only = options.read_only,
		.state_directory = options.state_directory,
		.settings = settings,
		.load = configure};
	return 0;
}

static int check(void)
{
	struct settings settings;
	struct recognise_names names = {.find = settings_hint, .find_class = settings_class, .context = &settings};

	if (read_settings(&settings, log_mistake, NULL) < 0)
		return 1;
	int status = check_run(&backends, &names);
	settings_free(&settings);
	return status;
}

static void reload(void)
{
	control_reload(control);
}

static int serve(const struct control_options *made)
{
	struct view *first = NULL;
	int signals, result = 1;

	if (instance_claim(options.state_directory) < 0) {
		settings_free(made->settings);
		free(made->settings);
		return 1;
	}
	control = control_new(made);
	if (!control)
		return 1;
	/* What the thread's first look finds is a change already. */
	first = control_view(control);
	signals = loop_signals();
	if (signals < 0 || control_start(control) < 0) {
		log_error("can not start: %s", strerror(errno));
		goto out;
	}
	const struct service service = {
		.control = control, .read_only = options.read_only, .state_directory = options.state_directory,
		.connected = subagent_connected};
	control_socket = socket_new(options.control_socket, &service);
	if (!control_socket || subagent_start(control, options.agentx, options.state_directory, first) < 0)
		goto out;
	view_release(first);
	first = NULL;
	sd_notify(0, "READY=1");
	result = loop_run(control, control_socket, signals, reload) < 0;
	if (result)
		log_error("can not wait for requests: %s", strerror(errno));
	sd_notify(0, "STOPPING=1");
	/* First the thread: a request that it works at must outlive the work. */
	control_stop(control);
	subagent_stop();
out:
	view_release(first);
	socket_close(control_socket);
	control_free(control);
	socket_free(control_socket);
	return result;
}

int main(int argc, char **argv)
{
	struct control_options made;
	int status = options_read(&options, argc, argv);

	if (status >= 0)
		return status;
	log_open("townmeterd", 1, options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (options.check)
		return check();
	if (configure(&made, log_mistake, NULL) < 0)
		return 1;
	/* Every look fills and frees the same large blocks: memory that is given back to the kernel each
	 * time costs more in page faults than the look itself. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	if (!options.foreground) {
		if (daemon(0, 0) < 0) {
			log_error("can not go to the background: %s", strerror(errno));
			return 1;
		}
		log_open("townmeterd", 0, options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	}
	return serve(&made);
}
