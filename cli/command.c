/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "link.h"
#include "show.h"

/* Says what was done, and what there is to know about it. `context` is the word for it. */
static int confirm(void *context, const json_t *part)
{
	const char *done = context;
	size_t i;
	json_t *note;
	char *name = json_object_get(part, "all") ? strdup("all towns, hosts and totals") : show_name(part);

	printf("%s: %s\n", name ? name : "?", done);
	json_array_foreach (json_object_get(part, "notes"), i, note)
		printf("note: %s\n", json_string_value(note));
	free(name);
	return 0;
}

static int command(const struct arguments *arguments, const char *verb, const char *done)
{
	char word[32];

	snprintf(word, sizeof word, "%s", done);
	return link_ask(arguments->socket, show_request(verb, arguments), confirm, word) < 0 ? 1 : show_end();
}

int command_zero(const struct arguments *arguments)
{
	return command(arguments, "zero", "a new period begins");
}

int command_block(const struct arguments *arguments)
{
	return command(arguments, "block", "blocked");
}

int command_unblock(const struct arguments *arguments)
{
	return command(arguments, "unblock", "unblocked");
}

int command_forget(const struct arguments *arguments)
{
	return command(arguments, "forget", "forgotten");
}

static void write_quota(const json_t *row)
{
	char quota[AMOUNT_TEXT_SIZE];
	char *name = show_name(row);
	uint64_t megabytes = amount_of(row, "quota_mb");
	const char *basis = json_string_value(json_object_get(row, "quota_basis"));
	const char *action = json_string_value(json_object_get(row, "quota_action"));

	printf("%s: ", name ? name : "?");
	free(name);
	if (megabytes == 0) {
		puts("no quota");
		return;
	}
	printf("quota %s %s, %" PRIu64 "%% used (%s)", amount_quota(megabytes, false, quota),
	       basis && strcmp(basis, "both") == 0 ? "down and up" : basis ? basis : "?",
	       amount_of(row, "quota_used_percent"), json_string_value(json_object_get(row, "quota_state")));
	if (action)
		printf(", warning at %" PRIu64 "%%, on exceed: %s", amount_of(row, "quota_warn_percent"), action);
	putchar('\n');
}

static int take_quota(void *context, const json_t *part)
{
	const struct arguments *arguments = context;
	const json_t *row = json_array_get(json_object_get(part, "rows"), 0);

	if (arguments->format != FORMAT_JSON) {
		write_quota(row);
	} else {
		json_dumpf(row, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	return 0;
}

static int ask_quota(const struct arguments *arguments)
{
	struct arguments copy = *arguments;

	return link_ask(arguments->socket, show_request("quota", arguments), take_quota, &copy) < 0 ? 1 : show_end();
}

int command_quota(const struct arguments *arguments)
{
	json_t *request;
	int failed = 0;

	if (!arguments->has_megabytes && !arguments->has_warn && !arguments->basis && !arguments->on_exceed)
		return ask_quota(arguments);
	request = show_request("quota", arguments);
	if (arguments->has_megabytes)
		failed |= json_object_set_new(request, "quota_mb", json_integer(arguments->megabytes));
	if (arguments->has_warn)
		failed |= json_object_set_new(request, "quota_warn_percent", json_integer(arguments->warn_percent));
	if (arguments->basis)
		failed |= json_object_set_new(request, "quota_basis", json_string(arguments->basis));
	if (arguments->on_exceed)
		failed |= json_object_set_new(request, "quota_action", json_string(arguments->on_exceed));
	if (failed) {
		link_complain("no memory for the request");
		json_decref(request);
		return 1;
	}
	/* What holds now is said by the daemon. */
	return link_ask(arguments->socket, request, NULL, NULL) < 0 ? 1 : ask_quota(arguments);
}
