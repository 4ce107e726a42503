/*
 * failset: an AgentX subagent with one read-write integer whose commit fails.
 *
 * Setting .1.3.6.1.4.1.8072.9999.9999.8697.1.0 works like any other SET, except
 * that 99 passes every check and fails only when it is applied.  In one request
 * with objects of townmeterd this makes the master undo what townmeterd has
 * applied already.
 *
 * usage: failset AGENTX-ADDRESS
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define FAILS 99

static volatile sig_atomic_t stop;
static long value;
static long before;

static void
on_signal(int sig)
{

	(void)sig;
	stop = 1;
}

static int
handler(netsnmp_mib_handler * h, netsnmp_handler_registration * reginfo,
    netsnmp_agent_request_info * info, netsnmp_request_info * request)
{
	netsnmp_variable_list * vb = request->requestvb;

	(void)h;
	(void)reginfo;
	switch (info->mode) {
	case MODE_GET:
		snmp_set_var_typed_integer(vb, ASN_INTEGER, value);
		break;
	case MODE_SET_RESERVE1:
		if (vb->type != ASN_INTEGER)
			netsnmp_set_request_error(info, request,
			    SNMP_ERR_WRONGTYPE);
		break;
	case MODE_SET_ACTION:
		before = value;
		if (*vb->val.integer == FAILS)
			netsnmp_set_request_error(info, request,
			    SNMP_ERR_COMMITFAILED);
		else
			value = *vb->val.integer;
		break;
	case MODE_SET_UNDO:
		value = before;
		break;
	default: /* RESERVE2, COMMIT and FREE have nothing to do */
		break;
	}
	return (SNMP_ERR_NOERROR);
}

int
main(int argc, char * argv[])
{
	static const oid where[] = {1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8697, 1};
	netsnmp_handler_registration * reg;
	struct sigaction sa = {.sa_handler = on_signal};

	if (argc != 2) {
		fprintf(stderr, "usage: failset AGENTX-ADDRESS\n");
		return (2);
	}
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);

	/* Neither the MIBs nor the configuration of the machine matter here. */
	setenv("MIBS", "", 1);
	snmp_enable_stderrlog();
	netsnmp_enable_subagent();
	netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID,
	    NETSNMP_DS_AGENT_X_SOCKET, argv[1]);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID,
	    NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID,
	    NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	if (init_agent("failset") != 0)
		return (1);
	reg = netsnmp_create_handler_registration("failset", handler, where,
	    OID_LENGTH(where), HANDLER_CAN_RWRITE);
	if (reg == NULL || netsnmp_register_scalar(reg) != MIB_REGISTERED_OK)
		return (1);
	init_snmp("failset");
	while (!stop)
		agent_check_and_process(1);
	snmp_shutdown("failset");
	return (0);
}
