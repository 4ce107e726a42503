/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apply.h"

#include <inttypes.h>
#include <stdio.h>

#include "amount.h"
#include "link.h"
#include "show.h"

static void write_counts(const json_t *part)
{
	bool dry = json_is_true(json_object_get(part, "dry_run"));
	uint64_t added = amount_of(part, "rules_added"), chains = amount_of(part, "chains_added");
	uint64_t removed = amount_of(part, "rules_removed"), gone = amount_of(part, "chains_removed");

	if (added + chains + removed + gone == 0)
		puts(dry ? "nothing would change" : "nothing to change");
	else
		printf("rules: %" PRIu64 " %s, %" PRIu64 " taken away; chains: %" PRIu64 " %s, %" PRIu64 " taken away%s\n", added,
		       "written", removed, chains, "written", gone, dry ? " (dry run: nothing was changed)" : "");
}

/* Commands of a dry run come in parts; what they add up to stands in each. */
static int write_part(void *context, const json_t *part)
{
	size_t i;
	json_t *line;

	(void)context;
	json_array_foreach (json_object_get(part, "commands"), i, line)
		puts(json_string_value(line));
	if (json_is_true(json_object_get(part, "more")))
		return 0;
	write_counts(part);
	json_array_foreach (json_object_get(part, "notes"), i, line)
		printf("note: %s\n", json_string_value(line));
	return 0;
}

/* One object, whatever parts it came in. */
static int keep_part(void *context, const json_t *part)
{
	json_t **kept = context;

	if (!*kept) {
		*kept = json_deep_copy(part);
		return *kept && json_object_del(*kept, "more") == 0 && json_object_del(*kept, "ok") == 0 ? 0 : -1;
	}
	return json_array_extend(json_object_get(*kept, "commands"), json_object_get(part, "commands"));
}

static int ask(const struct arguments *arguments, const char *verb)
{
	json_t *request = show_request(verb, arguments), *kept = NULL;
	bool json = arguments->format == FORMAT_JSON;

	if (json_object_set_new(request, "dry_run", json_boolean(arguments->dry_run))) {
		link_complain("no memory for the request");
		json_decref(request);
		return 1;
	}
	int result = json ? link_ask(arguments->socket, request, keep_part, (void *)&kept)
			  : link_ask(arguments->socket, request, write_part, NULL);
	if (result == 0 && json) {
		json_dumpf(kept, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(kept);
	return result < 0 ? 1 : show_end();
}

int apply_rules(const struct arguments *arguments)
{
	return ask(arguments, "apply");
}

int apply_remove(const struct arguments *arguments)
{
	return ask(arguments, "remove");
}
