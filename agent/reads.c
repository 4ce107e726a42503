/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reads.h"

#include <stdlib.h>

#include "log.h"

/* How long a request waits for a fresh view before it gets the old one. */
static const int64_t patience = 200000000;

struct waiting {
	netsnmp_session *session;
	netsnmp_pdu *pdu;
	uint64_t stale; /* the view that was too old */
	int64_t deadline;
	struct waiting *next;
};

struct reads {
	struct control *control;
	struct waiting *first, **last;
	/* The view of the transaction answered last. */
	struct view *view;
	netsnmp_session *session;
	long transaction;
};

struct reads *reads_new(struct control *control)
{
	struct reads *reads = calloc(1, sizeof *reads);

	if (reads) {
		reads->control = control;
		reads->last = &reads->first;
	}
	return reads;
}

static void drop(struct reads *reads)
{
	while (reads->first) {
		struct waiting *next = reads->first->next;
		snmp_free_pdu(reads->first->pdu);
		free(reads->first);
		reads->first = next;
	}
	reads->last = &reads->first;
	view_release(reads->view);
	reads->view = NULL;
	reads->session = NULL;
}

void reads_free(struct reads *reads)
{
	if (reads)
		drop(reads);
	free(reads);
}

static bool is_pinned(const struct reads *reads, const netsnmp_session *session, const netsnmp_pdu *pdu)
{
	return reads->view && reads->session == session && reads->transaction == pdu->transid;
}

static void answer(struct reads *reads, netsnmp_session *session, const netsnmp_pdu *pdu)
{
	if (!is_pinned(reads, session, pdu)) {
		view_release(reads->view);
		reads->view = control_view(reads->control);
		reads->session = session;
		reads->transaction = pdu->transid;
	}
	ax_answer_read(session, pdu, reads->view);
}

void reads_take(struct reads *reads, netsnmp_session *session, netsnmp_pdu *pdu)
{
	if (is_pinned(reads, session, pdu) || !control_refresh(reads->control)) {
		answer(reads, session, pdu);
		return;
	}
	struct waiting *waiting = calloc(1, sizeof *waiting);
	netsnmp_pdu *copy = waiting ? snmp_clone_pdu(pdu) : NULL;
	if (!copy) {
		free(waiting);
		answer(reads, session, pdu);
		return;
	}
	struct view *view = control_view(reads->control);
	*waiting = (struct waiting){.session = session, .pdu = copy, .stale = view->serial,
				    .deadline = control_clock() + patience};
	view_release(view);
	*reads->last = waiting;
	reads->last = &waiting->next;
}

void reads_step(struct reads *reads)
{
	while (reads->first) {
		struct waiting *waiting = reads->first;
		struct view *view = control_view(reads->control);
		bool fresh = view->serial != waiting->stale;
		view_release(view);
		if (!fresh) {
			if (control_clock() < waiting->deadline)
				return;
			control_late(reads->control);
		}
		answer(reads, waiting->session, waiting->pdu);
		reads->first = waiting->next;
		if (!reads->first)
			reads->last = &reads->first;
		snmp_free_pdu(waiting->pdu);
		free(waiting);
	}
}

int64_t reads_due(const struct reads *reads)
{
	return reads->first ? reads->first->deadline : INT64_MAX;
}

void reads_disconnected(struct reads *reads)
{
	drop(reads);
}
