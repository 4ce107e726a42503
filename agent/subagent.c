/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "subagent.h"

#include <net-snmp/net-snmp-config.h>

#include <net-snmp/net-snmp-includes.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include <net-snmp/agent/agent_callbacks.h>
#include <net-snmp/agent/agent_sysORTable.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "axpdu.h"
#include "history.h"
#include "log.h"
#include "notify.h"
#include "reads.h"
#include "set.h"
#include "tables.h"
#include "trap.h"

/* Seconds between attempts to reach a master that is not there. */
enum { RECONNECT = 1 };

static struct {
	struct control *control;
	struct history *history;
	struct reads *reads;
	struct sets *sets;
	struct trap *trap;
	struct notify *notify;
	netsnmp_session *session; /* NULL: no master */
	netsnmp_callback library; /* answers what we do not */
	bool told;                /* that there is no master */
	bool announced;           /* that there is one, and all tables are registered */
	char address[256];
} self;

/* Errors and requests from the master. What is not ours the library handles. */
static int on_packet(int operation, netsnmp_session *session, int request, netsnmp_pdu *pdu, void *magic)
{
	if (operation != NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE || session != self.session)
		return self.library(operation, session, request, pdu, magic);
	switch (pdu->command) {
	case AX_GET:
	case AX_GETNEXT:
		reads_take(self.reads, session, pdu);
		return 1;
	case AX_TESTSET:
	case AX_COMMITSET:
	case AX_UNDOSET:
	case AX_CLEANUPSET:
		sets_take(self.sets, session, pdu);
		return 1;
	default:
		return self.library(operation, session, request, pdu, magic);
	}
}

static int on_connect(int major, int minor, void *session, void *argument)
{
	(void)major, (void)minor, (void)argument;
	self.session = session;
	self.library = self.session->callback;
	self.session->callback = on_packet;
	self.told = self.announced = false;
	return SNMPERR_SUCCESS;
}

static int on_disconnect(int major, int minor, void *session, void *argument)
{
	(void)major, (void)minor, (void)argument;
	if (session != self.session)
		return SNMPERR_SUCCESS;
	self.session = NULL;
	trap_connect(self.trap, NULL);
	reads_disconnected(self.reads);
	sets_disconnected(self.sets);
	if (self.announced)
		log_warning("the master agent at %s is gone: waiting for it", self.address);
	self.announced = false;
	return SNMPERR_SUCCESS;
}

/* While the library registers our tables it answers requests itself, through this. */
static int while_registering(netsnmp_mib_handler *handler, netsnmp_handler_registration *registration,
			     netsnmp_agent_request_info *info, netsnmp_request_info *requests)
{
	struct view *view = control_view(self.control);

	(void)handler, (void)registration;
	for (netsnmp_request_info *r = requests; r; r = r->next) {
		netsnmp_variable_list *v = r->requestvb;
		struct instance found;
		struct value value;
		oid name[MAX_OID_LEN];
		int error;
		if (info->mode == MODE_GET)
			error = table_find(view, v->name, v->name_length, &found);
		else if (info->mode == MODE_GETNEXT)
			error = table_next(view, v->name, v->name_length, r->inclusive != 0, r->range_end,
					   r->range_end_len, &found) ? SNMP_ERR_NOERROR : SNMP_ENDOFMIBVIEW;
		else
			error = SNMP_ERR_RESOURCEUNAVAILABLE;
		if (error == SNMP_ENDOFMIBVIEW)
			continue;
		if (error != SNMP_ERR_NOERROR) {
			netsnmp_set_request_error(info, r, error);
			continue;
		}
		table_get(view, &found, &value);
		snmp_set_var_objid(v, name, table_name(view, &found, name));
		snmp_set_var_typed_value(v, value.type, &value.data, value.size);
	}
	view_release(view);
	return SNMP_ERR_NOERROR;
}

/* net-snmp's own log lines, without its line ends. Its complaint about a missing master comes every
 * second: ours comes once. */
static int on_log(int major, int minor, void *message, void *argument)
{
	const struct snmp_log_message *line = message;
	int length = (int)strcspn(line->msg, "\n");

	(void)major, (void)minor, (void)argument;
	if (strstr(line->msg, "agentx master agent") || strstr(line->msg, "AgentX master") ||
	    strstr(line->msg, "subagent connected"))
		log_debug("net-snmp: %.*s", length, line->msg);
	else if (strstr(line->msg, "registering pdu failed"))
		log_error("the master agent at %s refused our registration: another townmeterd serves it already; "
			  "stop one of the two", self.address);
	else if (line->priority <= LOG_ERR)
		log_error("net-snmp: %.*s", length, line->msg);
	else if (length > 0)
		log_info("net-snmp: %.*s", length, line->msg);
	return 0;
}

/* A socket that exists wins: the library's default, or where Debian's unit makes one. */
static const char *find_master(const char *address)
{
	static const char *const usual[] = {NETSNMP_AGENTX_SOCKET, "/run/agentx/master"};

	if (address)
		return address;
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (access(usual[i], F_OK) == 0)
			return usual[i];
	return usual[0];
}

static void set_library_up(void)
{
	/* No MIB files, no snmp.conf of others, no persistent store: none of them is ours. */
	setenv("MIBS", "", 1);
	setenv("SNMPCONFPATH", "/nonexistent", 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE, 1);
	snmp_disable_log();
	netsnmp_register_loghandler(NETSNMP_LOGHANDLER_CALLBACK, LOG_DEBUG);
	snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, on_log, NULL);
	netsnmp_enable_subagent();
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET, self.address);
}

static int register_tables(void)
{
	static oid mib[] = {TABLE_MIB};

	for (const struct table *const *t = tables; *t; t++) {
		oid root[TABLE_ROOT_MAX];
		memcpy(root, (*t)->root, sizeof root);
		netsnmp_handler_registration *registration = netsnmp_create_handler_registration(
			(*t)->name, while_registering, root, (*t)->root_length, HANDLER_CAN_RWRITE);
		if (!registration || netsnmp_register_handler(registration) != MIB_REGISTERED_OK) {
			log_error("can not register %s with net-snmp's library", (*t)->name);
			return -1;
		}
	}
	register_sysORTable(mib, TABLE_MIB_LENGTH, "TOWNMETER-MIB: traffic of towns and hosts, metered and commanded");
	return 0;
}

int subagent_start(struct control *control, const char *address, const char *state_directory, struct view *baseline)
{
	self.control = control;
	snprintf(self.address, sizeof self.address, "%s", find_master(address));
	self.reads = reads_new(control);
	self.sets = sets_new(control);
	self.history = history_new(state_directory);
	self.trap = trap_new(control);
	self.notify = self.trap ? notify_new(control, baseline, self.trap) : NULL;
	if (!self.reads || !self.sets || !self.history || !self.notify) {
		log_error("no memory");
		return -1;
	}
	period_tables_read(self.history);
	set_library_up();
	if (init_agent("townmeterd") != 0) {
		log_error("net-snmp's library can not be set up");
		return -1;
	}
	netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, RECONNECT);
	snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START, on_connect, NULL);
	snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP, on_disconnect, NULL);
	if (register_tables() < 0)
		return -1;
	init_snmp("townmeterd");
	return 0;
}

/*
 * The library pings the master of an open session and waits for the answer; requests that come
 * meanwhile go past our callback, and a master that hangs would hold us. A unix socket tells at once
 * when the master is gone, so the alarm, which the library keeps in a field of the session that AgentX
 * does not use, is taken away.
 */
static void stop_pings(void)
{
	if (!self.session || self.session->securityModel == SNMP_DEFAULT_SECMODEL)
		return;
	snmp_alarm_unregister((unsigned)self.session->securityModel);
	self.session->securityModel = SNMP_DEFAULT_SECMODEL;
}

void subagent_step(void)
{
	run_alarms();
	netsnmp_check_outstanding_agent_requests();
	stop_pings();
	/* The library opens the session and registers the tables in one go, and answers every SET meanwhile
	 * with resourceUnavailable: whoever waits for this line finds everything in place. */
	if (self.session && !self.announced) {
		log_info("connected to the master agent at %s", self.address);
		self.announced = true;
		/* On a stream what was sent arrives, or the session ends: once more would be twice. */
		self.session->retries = 0;
		trap_connect(self.trap, self.session);
	}
	if (!self.session && !self.told) {
		log_warning("no master agent answers at %s: is snmpd running, with 'master agentx' in snmpd.conf and "
			    "its agentXSocket there? Trying again every %d s", self.address, RECONNECT);
		self.told = true;
	}
	control_events(self.control);
	sets_step(self.sets);
	reads_step(self.reads);
	notify_step(self.notify);
}

int64_t subagent_due(void)
{
	const int64_t due[] = {reads_due(self.reads), sets_due(self.sets), notify_due(self.notify)};
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < sizeof due / sizeof due[0]; i++)
		first = due[i] < first ? due[i] : first;
	return first;
}

bool subagent_connected(void)
{
	return self.session != NULL;
}

void subagent_stop(void)
{
	snmp_shutdown("townmeterd");
	shutdown_agent();
	self.session = NULL;
	sets_free(self.sets);
	reads_free(self.reads);
	notify_free(self.notify);
	trap_free(self.trap);
	period_tables_read(NULL);
	history_free(self.history);
	self.sets = NULL;
	self.reads = NULL;
	self.notify = NULL;
	self.trap = NULL;
	self.history = NULL;
}
