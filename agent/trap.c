/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trap.h"

#include <stdlib.h>

#include "axpdu.h"
#include "log.h"
#include "pace.h"

/* So many are kept while there is no master, or while it is slow. */
enum { KEPT_MAX = 1000 };

/* So many may be without an answer: far less than a socket holds, so that sending never blocks. */
enum { OPEN_MAX = 8 };

/* Seconds until the library forgets one that is not answered. A master that hangs for shorter gets each
 * once: the library's own attempts to send again would be sent again to the managers, too. */
enum { PATIENCE = 3600 };

struct kept {
	netsnmp_variable_list *variables;
	struct kept *next;
};

struct trap {
	struct control *control;
	netsnmp_session *session; /* NULL: no master */
	struct kept *first, **last;
	unsigned n, n_open;
	struct minute *minute;
	bool told;                /* that the master refuses them */
};

struct trap *trap_new(struct control *control)
{
	struct trap *trap = calloc(1, sizeof *trap);

	if (!trap)
		return NULL;
	trap->control = control;
	trap->last = &trap->first;
	trap->minute = minute_new();
	if (!trap->minute) {
		free(trap);
		return NULL;
	}
	return trap;
}

/* Takes the oldest one out of the queue. */
static netsnmp_variable_list *take(struct trap *trap)
{
	struct kept *kept = trap->first;
	netsnmp_variable_list *variables = kept->variables;

	trap->first = kept->next;
	if (!trap->first)
		trap->last = &trap->first;
	trap->n--;
	free(kept);
	return variables;
}

void trap_drop(struct trap *trap)
{
	while (trap->first)
		snmp_free_varbind(take(trap));
}

void trap_free(struct trap *trap)
{
	if (!trap)
		return;
	trap_drop(trap);
	minute_free(trap->minute);
	free(trap);
}

void trap_connect(struct trap *trap, netsnmp_session *session)
{
	trap->session = session;
	trap->n_open = 0;
}

void trap_send(struct trap *trap, netsnmp_variable_list *variables)
{
	struct kept *kept = calloc(1, sizeof *kept);

	if (!kept) {
		snmp_free_varbind(variables);
		control_suppressed(trap->control, 1);
		return;
	}
	kept->variables = variables;
	*trap->last = kept;
	trap->last = &kept->next;
	trap->n++;
	if (trap->n > KEPT_MAX) {
		snmp_free_varbind(take(trap));
		control_suppressed(trap->control, 1);
	}
}

/* The master's answer, or that there will be none. Of a session that is gone none counts. */
static int on_answer(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
	struct trap *trap = magic;

	(void)request;
	if (session != trap->session || operation == NETSNMP_CALLBACK_OP_RESEND)
		return 1;
	if (trap->n_open > 0)
		trap->n_open--;
	if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu && pdu->errstat != 0 && !trap->told) {
		log_warning("the master agent refused a notification: error %ld of RFC 2741, 7.1", pdu->errstat);
		trap->told = true;
	}
	return 1;
}

static void send_one(struct trap *trap, netsnmp_variable_list *variables)
{
	netsnmp_pdu *pdu = snmp_pdu_create(AX_NOTIFY);

	if (!pdu) {
		snmp_free_varbind(variables);
		log_error("no memory to send a notification");
		return;
	}
	pdu->version = trap->session->version;
	pdu->sessid = trap->session->sessid;
	pdu->variables = variables;
	pdu->flags |= UCD_MSG_FLAG_PDU_TIMEOUT;
	pdu->time = PATIENCE;
	trap->n_open++;
	if (!snmp_async_send(trap->session, pdu, on_answer, trap)) {
		trap->n_open--;
		log_warning("a notification could not be handed to the master agent: %s",
			    snmp_api_errstring(trap->session->s_snmp_errno));
		snmp_free_pdu(pdu);
	}
}

void trap_step(struct trap *trap, uint32_t max_per_minute)
{
	while (trap->session && trap->first && trap->n_open < OPEN_MAX &&
	       minute_has_room(trap->minute, control_clock(), max_per_minute)) {
		minute_add(trap->minute, control_clock());
		send_one(trap, take(trap));
	}
}

int64_t trap_due(const struct trap *trap, uint32_t max_per_minute)
{
	if (!trap->session || !trap->first || trap->n_open >= OPEN_MAX)
		return INT64_MAX;
	return minute_due(trap->minute, max_per_minute);
}
