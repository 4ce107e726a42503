/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* The master gives a subagent a second by default (agentXTimeout): the answer is there before. */
static const int64_t patience = 700000000;

/* A transaction whose CleanupSet was lost is forgotten after this time. */
static const int64_t oblivion = 60000000000;

enum stage { STAGE_TEST, STAGE_COMMIT, STAGE_UNDO };

/* An answer that is owed. */
struct owed {
	struct ax_head head;
	enum stage stage;
	size_t first, n; /* the PDU's commands */
	int64_t deadline;
	struct owed *next;
};

struct transaction {
	long id;
	netsnmp_session *session; /* NULL: gone */
	int64_t began;
	struct command *commands;
	size_t n;
	bool refused;            /* a TestSet failed */
	bool closing;            /* CleanupSet came */
	struct request *request; /* NULL: none yet */
	bool busy;               /* a phase of it is with the meter thread */
	enum stage stage;        /* the phase asked for last */
	bool undo_wanted;        /* once the phase at hand has ended */
	struct owed *owed;
	struct transaction *next;
};

struct sets {
	struct control *control;
	struct transaction *first;
};

struct sets *sets_new(struct control *control)
{
	struct sets *sets = calloc(1, sizeof *sets);

	if (sets)
		sets->control = control;
	return sets;
}

static void transaction_free(struct transaction *t)
{
	while (t->owed) {
		struct owed *next = t->owed->next;
		free(t->owed);
		t->owed = next;
	}
	request_free(t->request);
	free(t->commands);
	free(t);
}

void sets_free(struct sets *sets)
{
	while (sets && sets->first) {
		struct transaction *next = sets->first->next;
		transaction_free(sets->first);
		sets->first = next;
	}
	free(sets);
}

static struct transaction *find(struct sets *sets, netsnmp_session *session, long id)
{
	for (struct transaction *t = sets->first; t; t = t->next)
		if (t->session == session && t->id == id)
			return t;
	return NULL;
}

static struct transaction *begin(struct sets *sets, netsnmp_session *session, long id)
{
	struct transaction *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->id = id;
	t->session = session;
	t->began = control_clock();
	t->next = sets->first;
	sets->first = t;
	return t;
}

/* Says why, for the operator: the master passes on no more than a number. */
static void refuse(struct sets *sets, struct transaction *t, const struct ax_head *head, int error, size_t index,
		   const netsnmp_variable_list *variable)
{
	char line[256], name[160] = "";

	if (variable)
		snprint_objid(name, sizeof name, variable->name, variable->name_length);
	snprintf(line, sizeof line, "a SET of %s was refused: %s", name, snmp_errstring(error));
	control_note(sets->control, line);
	t->refused = true;
	ax_answer_set(t->session, head, error, index);
}

static bool owe(struct transaction *t, const struct ax_head *head, enum stage stage, size_t first, size_t n)
{
	struct owed *owed = calloc(1, sizeof *owed), **end = &t->owed;

	if (!owed)
		return false;
	*owed = (struct owed){.head = *head, .stage = stage, .first = first, .n = n,
			      .deadline = control_clock() + patience};
	while (*end)
		end = &(*end)->next;
	*end = owed;
	return true;
}

static void submit(struct sets *sets, struct transaction *t, enum request_phase phase)
{
	t->busy = true;
	control_submit(sets->control, t->request, phase, control_clock() + patience);
}

/* How a command that failed in the meter thread looks to a manager. */
static int error_of(enum stage stage, enum request_result result)
{
	if (result == REQUEST_DONE)
		return SNMP_ERR_NOERROR;
	if (stage == STAGE_UNDO)
		return SNMP_ERR_UNDOFAILED;
	if (stage == STAGE_COMMIT)
		return SNMP_ERR_COMMITFAILED;
	switch (result) {
	case REQUEST_NO_SUCH_ROW:
		return SNMP_ERR_NOCREATION;
	case REQUEST_INCONSISTENT:
		return SNMP_ERR_INCONSISTENTVALUE;
	default:
		return SNMP_ERR_RESOURCEUNAVAILABLE;
	}
}

/* Answers all that is owed of a stage. `failed` counts the transaction's commands. */
static void settle(struct transaction *t, enum stage stage, enum request_result result, size_t failed)
{
	for (struct owed **at = &t->owed; *at;) {
		struct owed *owed = *at;
		if (owed->stage != stage) {
			at = &owed->next;
			continue;
		}
		int error = error_of(stage, result);
		size_t index = failed >= owed->first && failed < owed->first + owed->n ? failed - owed->first + 1 : 1;
		ax_answer_set(t->session, &owed->head, error, error ? index : 0);
		*at = owed->next;
		free(owed);
	}
}

/* The commands of a PDU join those of the transaction, from `start` on. Returns an error for a variable,
 * or SNMP_ERR_NOERROR. */
static int join(struct sets *sets, struct transaction *t, const netsnmp_pdu *pdu, size_t *start, size_t *n,
		const netsnmp_variable_list **bad, size_t *index)
{
	size_t first = t->n;

	*n = 0;
	*start = first;
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable)
		(*n)++;
	struct command *more = realloc(t->commands, (t->n + *n + 1) * sizeof *more);
	if (!more)
		return SNMP_ERR_RESOURCEUNAVAILABLE;
	t->commands = more;
	*index = 1;
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable, (*index)++) {
		*bad = v;
		int error = table_check(sets->control, v, &t->commands[t->n]);
		if (error != SNMP_ERR_NOERROR)
			return error;
		for (const netsnmp_variable_list *u = pdu->variables; u != v; u = u->next_variable)
			if (snmp_oid_compare(u->name, u->name_length, v->name, v->name_length) == 0)
				return SNMP_ERR_INCONSISTENTVALUE;
		t->n++;
	}
	/* A TestSet that comes again adds nothing. */
	for (size_t at = 0; at + *n <= first; at++)
		if (memcmp(&t->commands[at], &t->commands[first], *n * sizeof *t->commands) == 0) {
			t->n = first;
			*start = at;
			break;
		}
	*bad = NULL;
	return SNMP_ERR_NOERROR;
}

static void take_test(struct sets *sets, netsnmp_session *session, const netsnmp_pdu *pdu)
{
	struct ax_head head = ax_head_of(pdu);
	struct transaction *t = find(sets, session, pdu->transid);
	const netsnmp_variable_list *bad = pdu->variables;
	size_t start = 0, n = 0, index = 1;

	if (!t)
		t = begin(sets, session, pdu->transid);
	if (!t || t->stage != STAGE_TEST) {
		ax_answer_set(session, &head, SNMP_ERR_RESOURCEUNAVAILABLE, 1);
		return;
	}
	int error = join(sets, t, pdu, &start, &n, &bad, &index);
	if (error) {
		refuse(sets, t, &head, error, index, bad);
		return;
	}
	if (!owe(t, &head, STAGE_TEST, start, n)) {
		refuse(sets, t, &head, SNMP_ERR_RESOURCEUNAVAILABLE, 1, NULL);
		return;
	}
	/* All that came so far is tried together; what is under way is tried again with more. */
	if (t->busy)
		return;
	request_free(t->request);
	t->request = request_new(t->commands, t->n);
	if (!t->request) {
		settle(t, STAGE_TEST, REQUEST_UNAVAILABLE, start);
		return;
	}
	submit(sets, t, REQUEST_PREPARE);
}

static void take_commit(struct sets *sets, struct transaction *t, const struct ax_head *head)
{
	size_t failed;
	const char *why;

	if (t->stage == STAGE_COMMIT && !t->busy && !t->refused) {
		int error = error_of(STAGE_COMMIT, request_result(t->request, &failed, &why));
		ax_answer_set(t->session, head, error, error ? 1 : 0);
		return;
	}
	if (t->refused || !t->request || t->stage == STAGE_UNDO || !owe(t, head, STAGE_COMMIT, 0, t->n)) {
		ax_answer_set(t->session, head, SNMP_ERR_COMMITFAILED, 1);
		return;
	}
	if (t->stage == STAGE_COMMIT)
		return;
	t->stage = STAGE_COMMIT;
	submit(sets, t, REQUEST_APPLY);
}

static void take_undo(struct sets *sets, struct transaction *t, const struct ax_head *head)
{
	size_t failed;
	const char *why;

	/* Nothing was done: nothing is to be undone. */
	if (t->stage == STAGE_TEST) {
		ax_answer_set(t->session, head, SNMP_ERR_NOERROR, 0);
		return;
	}
	if (t->stage == STAGE_UNDO && !t->busy) {
		int error = error_of(STAGE_UNDO, request_result(t->request, &failed, &why));
		ax_answer_set(t->session, head, error, error ? 1 : 0);
		return;
	}
	if (!owe(t, head, STAGE_UNDO, 0, t->n)) {
		ax_answer_set(t->session, head, SNMP_ERR_UNDOFAILED, 1);
		return;
	}
	if (t->busy) {
		t->undo_wanted |= t->stage == STAGE_COMMIT;
		return;
	}
	t->stage = STAGE_UNDO;
	submit(sets, t, REQUEST_UNDO);
}

void sets_take(struct sets *sets, netsnmp_session *session, const netsnmp_pdu *pdu)
{
	struct ax_head head = ax_head_of(pdu);
	struct transaction *t = find(sets, session, pdu->transid);

	switch (pdu->command) {
	case AX_TESTSET:
		take_test(sets, session, pdu);
		break;
	case AX_COMMITSET:
		if (t)
			take_commit(sets, t, &head);
		else
			ax_answer_set(session, &head, SNMP_ERR_COMMITFAILED, 1);
		break;
	case AX_UNDOSET:
		if (t)
			take_undo(sets, t, &head);
		else
			ax_answer_set(session, &head, SNMP_ERR_NOERROR, 0);
		break;
	case AX_CLEANUPSET: /* has no response (RFC 2741, 7.2.4.4) */
		if (t)
			t->closing = true;
		break;
	}
	sets_step(sets);
}

/* The phase at hand has ended. */
static void advance(struct sets *sets, struct transaction *t)
{
	size_t failed;
	const char *why;
	enum request_result result = request_result(t->request, &failed, &why);
	bool more = t->stage == STAGE_TEST && t->request && result == REQUEST_DONE;

	t->busy = false;
	if (t->undo_wanted) {
		settle(t, STAGE_COMMIT, REQUEST_UNAVAILABLE, failed);
		t->undo_wanted = false;
		t->stage = STAGE_UNDO;
		submit(sets, t, REQUEST_UNDO);
		return;
	}
	/* TestSets that came meanwhile were not part of what was tried. */
	size_t tried = 0;
	for (struct owed *owed = t->owed; owed; owed = owed->next)
		tried = owed->first + owed->n > tried ? owed->first + owed->n : tried;
	if (more && tried > request_size(t->request)) {
		struct request *bigger = request_new(t->commands, t->n);
		if (bigger) {
			request_free(t->request);
			t->request = bigger;
			submit(sets, t, REQUEST_PREPARE);
			return;
		}
		result = REQUEST_UNAVAILABLE;
	}
	if (result != REQUEST_DONE && t->stage == STAGE_TEST)
		t->refused = true;
	if (t->session)
		settle(t, t->stage, result, failed);
}

/* The master's patience would end: answer that it did not work. What was queued never begins; what has
 * begun ends, and is undone by the UndoSet that follows this answer. */
static void give_up(struct sets *sets, struct transaction *t)
{
	if (control_cancel(sets->control, t->request)) {
		t->busy = false;
		control_note(sets->control, "a SET was refused: the meter was busy for too long");
	}
	settle(t, t->stage, REQUEST_UNAVAILABLE, 0);
	t->refused = true;
}

void sets_step(struct sets *sets)
{
	int64_t now = control_clock();

	for (struct transaction **at = &sets->first; *at;) {
		struct transaction *t = *at;
		if (t->busy && request_ended(sets->control, t->request))
			advance(sets, t);
		if (t->busy && t->session && t->owed && t->owed->deadline <= now)
			give_up(sets, t);
		if (!t->busy && (t->closing || !t->session || now - t->began > oblivion)) {
			*at = t->next;
			transaction_free(t);
			continue;
		}
		at = &t->next;
	}
}

int64_t sets_due(const struct sets *sets)
{
	int64_t due = INT64_MAX;

	for (const struct transaction *t = sets->first; t; t = t->next) {
		int64_t own = t->owed ? t->owed->deadline : t->began + oblivion;
		due = own < due ? own : due;
	}
	return due;
}

void sets_disconnected(struct sets *sets)
{
	for (struct transaction *t = sets->first; t; t = t->next) {
		t->session = NULL;
		/* What has not begun never does; what has begun stands. */
		if (t->busy && control_cancel(sets->control, t->request))
			t->busy = false;
		while (t->owed) {
			struct owed *next = t->owed->next;
			free(t->owed);
			t->owed = next;
		}
	}
	sets_step(sets);
}
