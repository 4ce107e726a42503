/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "axpdu.h"

#include "log.h"

/* h.flags: the byte order is that of the request; agentx/protocol.h, AGENTX_FLAGS_NETWORK_BYTE_ORDER. */
enum { NETWORK_BYTE_ORDER = 0x10 };

struct ax_head ax_head_of(const netsnmp_pdu *request)
{
	return (struct ax_head){
		.session_id = request->sessid,
		.transaction = request->transid,
		.packet = request->reqid,
		.flags = request->flags & NETWORK_BYTE_ORDER};
}

static netsnmp_pdu *response_to(const netsnmp_session *session, const struct ax_head *head)
{
	netsnmp_pdu *response = snmp_pdu_create(AX_RESPONSE);

	if (!response) {
		log_error("no memory to answer the master agent");
		return NULL;
	}
	response->version = session->version;
	response->sessid = head->session_id;
	response->transid = head->transaction;
	response->reqid = head->packet;
	response->flags |= head->flags;
	response->errstat = 0;
	response->errindex = 0;
	return response;
}

static void send_response(netsnmp_session *session, netsnmp_pdu *response)
{
	if (response && !snmp_send(session, response))
		snmp_free_pdu(response);
}

/* Appends behind the last variable, so that a wide response costs no more for each. */
static netsnmp_variable_list *append(netsnmp_variable_list **end, const oid *name, size_t length, u_char type,
				     const void *data, size_t size)
{
	return snmp_varlist_add_variable(end, name, length, type, data, size);
}

static netsnmp_variable_list *answer_one(netsnmp_variable_list **end, const netsnmp_variable_list *asked, bool next,
					 const struct view *view)
{
	struct instance found;
	struct value value;
	oid name[MAX_OID_LEN];
	int error = SNMP_ENDOFMIBVIEW;

	if (next) {
		/* The value of a search range is its end; a lone null sub-identifier stands for none. */
		size_t n_end = asked->val_len / sizeof(oid);
		if (table_next(view, asked->name, asked->name_length, asked->type == ASN_PRIV_INCL_RANGE,
			       asked->val.objid, n_end > 1 ? n_end : 0, &found))
			error = SNMP_ERR_NOERROR;
	} else {
		error = table_find(view, asked->name, asked->name_length, &found);
	}
	if (error != SNMP_ERR_NOERROR)
		return append(end, asked->name, asked->name_length, (u_char)error, NULL, 0);
	table_get(view, &found, &value);
	return append(end, name, table_name(view, &found, name), value.type, &value.data, value.size);
}

void ax_answer_read(netsnmp_session *session, const netsnmp_pdu *request, const struct view *view)
{
	struct ax_head head = ax_head_of(request);
	netsnmp_pdu *response = response_to(session, &head);
	netsnmp_variable_list **end = response ? &response->variables : NULL;

	for (const netsnmp_variable_list *v = request->variables; response && v; v = v->next_variable) {
		netsnmp_variable_list *added = answer_one(end, v, request->command == AX_GETNEXT, view);
		if (!added) {
			log_error("no memory to answer the master agent");
			snmp_free_pdu(response);
			return;
		}
		end = &added->next_variable;
	}
	send_response(session, response);
}

void ax_answer_set(netsnmp_session *session, const struct ax_head *head, int error, size_t index)
{
	netsnmp_pdu *response = response_to(session, head);

	if (!response)
		return;
	response->errstat = error;
	response->errindex = (long)index;
	send_response(session, response);
}
