/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* Another program that changes the rules without the lock makes a try stale. */
enum { WRITE_TRIES = 5 };

static const uint8_t families[2] = {PREFIX_IPV4, PREFIX_IPV6};

static void forget_layouts(struct writing *writing)
{
	for (int i = 0; i < 2; i++) {
		layout_free(writing->layouts[i]);
		writing->layouts[i] = NULL;
	}
	writing->right = 0;
}

void writing_configure(struct writing *writing, const struct settings *settings)
{
	forget_layouts(writing);
	writing->settings = settings;
}

void writing_end(struct writing *writing)
{
	writing_configure(writing, NULL);
}

static bool is_wanted(const struct writing *writing)
{
	return writing->settings && writing->settings->managed && !writing->removed;
}

bool writing_is_due(const struct writing *writing, const struct snapshot *snapshot)
{
	return is_wanted(writing) && writing->right != snapshot->generation;
}

void writing_report_free(struct writing_report *report)
{
	lines_free(&report->commands);
	lines_free(&report->notes);
	memset(report, 0, sizeof *report);
}

/* One try. */
struct attempt {
	struct writing *writing;
	struct workshop *w;
	enum writing_task task;
	struct snapshot snapshot;
	struct layout *nothing[2]; /* of WRITING_REMOVE, and of the backend that is not written to */
	struct ruleset *imagined;  /* of a dry run: what stands, and the tables that would be made */
	struct layout_changes changes;
	struct edit *edits;        /* those of the changes */
	struct rule_key *keys;
};

static int make_layouts(struct attempt *a)
{
	for (int i = 0; i < 2; i++) {
		a->nothing[i] = layout_new(NULL, families[i]);
		if (a->task != WRITING_REMOVE && !a->writing->layouts[i])
			a->writing->layouts[i] = layout_new(a->writing->settings, families[i]);
		if (!a->nothing[i] || (a->task != WRITING_REMOVE && !a->writing->layouts[i]))
			return -1;
	}
	return 0;
}

/* nf_tables is where iptables writes, unless only iptables-legacy is in use. */
static enum chain_backend backend_for(const struct snapshot *snapshot)
{
	return snapshot->found[CHAIN_LEGACY] && !snapshot->found[CHAIN_NFT] ? CHAIN_LEGACY : CHAIN_NFT;
}

static bool has_table(const struct ruleset *rules, enum chain_backend backend, uint8_t family)
{
	for (uint32_t i = 0; i < rules->n_chains; i++)
		if (rules->chains[i].hook != HOOK_NONE && rules->chains[i].backend == backend &&
		    rules->chains[i].family == family)
			return true;
	return false;
}

bool writing_begin(const struct writing *writing, struct workshop *w, char error[BACKEND_ERROR_SIZE])
{
	if (!is_wanted(writing) || w->read_only || w->ops->probe(error) != 0)
		return false;
	return w->ops->make_table(w->backend, CHAIN_NFT, PREFIX_IPV4, error) == 0 ||
	       w->ops->make_table(w->backend, CHAIN_LEGACY, PREFIX_IPV4, error) == 0;
}

/* Makes the tables that the layouts need. Returns how many, or -1 with `error`. */
static int make_tables(struct attempt *a, char *error)
{
	enum chain_backend backend = backend_for(&a->snapshot);
	int made = 0;

	for (int i = 0; a->task != WRITING_REMOVE && i < 2; i++) {
		if (a->writing->layouts[i]->n_chains == 0 || has_table(a->snapshot.rules, backend, families[i]))
			continue;
		if (a->w->ops->make_table(a->w->backend, (uint8_t)backend, families[i], error) < 0)
			return -1;
		made++;
	}
	return made;
}

/* A dry run makes no tables: it goes by rules with the chains that they would have. */
static int imagine_tables(struct attempt *a, enum chain_backend backend, struct writing_report *report)
{
	static const struct {
		const char *name;
		enum hook hook;
	} chains[] = {{"INPUT", HOOK_INPUT}, {"FORWARD", HOOK_FORWARD}, {"OUTPUT", HOOK_OUTPUT}};

	a->imagined = ruleset_new();
	if (!a->imagined || (a->snapshot.rules && ruleset_append(a->imagined, a->snapshot.rules) < 0))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (a->writing->layouts[i]->n_chains == 0 || has_table(a->imagined, backend, families[i]))
			continue;
		lines_add(&report->notes, "there is no filter table of %s yet: it is made first",
			  families[i] == PREFIX_IPV6 ? "ip6tables" : "iptables");
		for (size_t k = 0; k < sizeof chains / sizeof chains[0]; k++) {
			uint32_t at = ruleset_add_chain(a->imagined, families[i], chains[k].hook, chains[k].name);
			if (at == RULE_NONE)
				return -1;
			a->imagined->chains[at].backend = (uint8_t)backend;
		}
	}
	a->snapshot.rules = a->imagined;
	return 0;
}

/* Takes away tables that nothing is in any more but what we had put there. One that can not be is no harm. */
static void drop_tables(struct attempt *a)
{
	char error[BACKEND_ERROR_SIZE];

	for (int i = 0; i < 2; i++)
		a->w->ops->drop_table(a->w->backend, CHAIN_NFT, families[i], error);
}

/* What differs, in both backends: where the rules are not to be written, those of an earlier time go. */
static int compare(struct attempt *a)
{
	/* No two writings have the same: a backup that comes back shows. */
	uint64_t canary = (uint64_t)clock_time();
	enum chain_backend target = backend_for(&a->snapshot);

	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 2; i++) {
			enum chain_backend b = k == 0 ? CHAIN_LEGACY : CHAIN_NFT;
			bool here = b == target && a->task != WRITING_REMOVE;
			if (!here && !has_table(a->snapshot.rules, b, families[i]))
				continue;
			if (layout_compare(&a->changes, here ? a->writing->layouts[i] : a->nothing[i], a->snapshot.rules,
					   a->snapshot.counters, b, canary, a->task == WRITING_APPLY) < 0)
				return -1;
		}
	return 0;
}

/* The identity of a rule that is to be put in, and so what it had counted: it goes on from there. */
static struct rule_key key_of(const struct attempt *a, const struct layout_change *change)
{
	const struct ruleset *rules = a->snapshot.rules;
	const struct edit *edit = &change->edit;
	uint32_t at = edit->rule != RULE_NONE ? rules->rules[edit->rule].chain : edit->chain;
	struct rule_key key = {.town = RULE_NONE, .kind = change->kind, .direction = edit->direction,
			       .prefix = edit->prefix, .layout = true};

	if (edit->name) {
		key.family = edit->family;
		key.backend = edit->backend;
	} else {
		key.family = rules->chains[at].family;
		key.backend = rules->chains[at].backend;
	}
	if (change->town != RULE_NONE)
		key.town = meter_find_town(a->w->meter, a->writing->settings->rows[change->town].town);
	if (change->kind == ROLE_TOTAL)
		key.town = rules->chains[at].hook;
	return key;
}

static int make_edits(struct attempt *a)
{
	size_t n = a->changes.n;

	a->edits = calloc(n + 1, sizeof *a->edits);
	a->keys = calloc(n + 1, sizeof *a->keys);
	if (!a->edits || !a->keys)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct layout_change *change = &a->changes.list[i];
		a->edits[i] = change->edit;
		if (change->edit.kind != EDIT_INSERT)
			continue;
		a->keys[i] = key_of(a, change);
		if (change->kind == ROLE_TOTAL || change->kind == ROLE_JUMP || change->kind == ROLE_COUNT)
			a->edits[i].counter = meter_rule_last(a->w->meter, &a->keys[i]);
	}
	return 0;
}

static void tell(const struct attempt *a, bool dry, struct writing_report *report)
{
	char text[512];

	for (size_t i = 0; i < a->changes.n; i++) {
		enum edit_kind kind = a->changes.list[i].edit.kind;
		report->chains_added += kind == EDIT_CHAIN;
		report->chains_removed += kind == EDIT_DELETE_CHAIN;
		report->rules_added += kind == EDIT_INSERT;
		report->rules_removed += kind == EDIT_DELETE;
		if (dry)
			lines_add(&report->commands, "%s",
				  layout_print(&a->changes.list[i], a->snapshot.rules, text, sizeof text));
	}
	for (uint32_t i = 0; i < a->changes.problems.n; i++)
		lines_add(&report->notes, "%s", a->changes.problems.line[i]);
}

static enum change_result change(struct attempt *a, char *error)
{
	if (make_edits(a) < 0) {
		snprintf(error, BACKEND_ERROR_SIZE, "no memory for the rules to write");
		return CHANGE_REFUSED;
	}
	if (workshop_make_way(a->w, error) < 0 || workshop_begin(a->w, 0, error) < 0)
		return CHANGE_REFUSED;
	return workshop_change(a->w, a->snapshot.rules, a->edits, a->keys, a->changes.n, NULL, 0, NULL, error);
}

/* A router without any table of iptables has nothing to look at, which is no mistake of a dry run. */
static int look(struct attempt *a, bool dry, const struct snapshot *looked, char *error)
{
	if (looked) {
		a->snapshot = *looked;
		return 0;
	}
	if (dry && a->w->ops->probe(error) == 0)
		return 0;
	return workshop_look(a->w, READ_ALL, &a->snapshot, error);
}

static enum change_result attempt(struct attempt *a, bool dry, const struct snapshot *looked,
				  struct writing_report *report, char *error)
{
	if (look(a, dry, looked, error) < 0)
		return CHANGE_REFUSED;
	if (make_layouts(a) < 0)
		goto no_memory;
	if (dry && a->task != WRITING_REMOVE && imagine_tables(a, backend_for(&a->snapshot), report) < 0)
		goto no_memory;
	int made = dry ? 0 : make_tables(a, error);
	if (made < 0 || (made && workshop_look(a->w, READ_ALL, &a->snapshot, error) < 0))
		return CHANGE_REFUSED;
	if (compare(a) < 0)
		goto no_memory;
	tell(a, dry, report);
	if (a->changes.blocked) {
		snprintf(error, BACKEND_ERROR_SIZE, "%.*s", BACKEND_ERROR_SIZE - 1,
			 a->changes.problems.n ? a->changes.problems.line[0] : "something stands in the way of the rules");
		return CHANGE_REFUSED;
	}
	enum change_result result = dry || a->changes.n == 0 ? CHANGE_DONE : change(a, error);
	if (result == CHANGE_DONE && !dry) {
		a->writing->removed = a->task == WRITING_REMOVE;
		a->writing->right = a->changes.n == 0 ? a->snapshot.generation : 0;
		if (a->task == WRITING_REMOVE)
			drop_tables(a);
	}
	return result;
no_memory:
	snprintf(error, BACKEND_ERROR_SIZE, "no memory for the rules to write");
	return CHANGE_REFUSED;
}

enum change_result writing_run(struct writing *writing, struct workshop *w, enum writing_task task, bool dry,
			       const struct snapshot *looked, struct writing_report *report,
			       char error[BACKEND_ERROR_SIZE])
{
	enum change_result result = CHANGE_STALE;

	for (int tries = 0; tries < WRITE_TRIES && result == CHANGE_STALE; tries++) {
		struct attempt a = {.writing = writing, .w = w, .task = task};
		writing_report_free(report);
		result = attempt(&a, dry, tries == 0 ? looked : NULL, report, error);
		layout_changes_free(&a.changes);
		layout_free(a.nothing[0]);
		layout_free(a.nothing[1]);
		ruleset_free(a.imagined);
		free(a.edits);
		free(a.keys);
	}
	return result;
}
