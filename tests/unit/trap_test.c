/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is handed to the master: in order, few at a time, so many in a minute, and what happens without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/axpdu.h"
#include "agent/trap.h"

#include <cmocka.h>

static int64_t now;
static uint32_t suppressed;

int64_t control_clock(void)
{
	return now;
}

void control_suppressed(struct control *control, uint32_t notifications)
{
	(void)control;
	suppressed += notifications;
}

/* The library: what it was given, until it answers. */
enum { ROOM = 4000, MOST = 6000 };
static netsnmp_pdu *given[ROOM];
static snmp_callback callbacks[ROOM];
static void *magics[ROOM];
static size_t n_given, n_answered;
static bool fails;

int snmp_async_send(netsnmp_session *session, netsnmp_pdu *pdu, snmp_callback callback, void *magic)
{
	(void)session;
	if (fails)
		return 0;
	assert_true(n_given < ROOM);
	assert_int_equal(pdu->command, AX_NOTIFY);
	assert_int_equal(pdu->sessid, 77);
	given[n_given] = pdu;
	callbacks[n_given] = callback;
	magics[n_given++] = magic;
	return 1;
}

static netsnmp_session session = {.sessid = 77};

/* The oldest one that is open ends so. */
static void answer(netsnmp_session *of, int operation, long error)
{
	netsnmp_pdu response = {.command = AX_RESPONSE, .errstat = error};
	size_t i = n_answered++;

	assert_true(i < n_given);
	callbacks[i](operation, of, 0, &response, magics[i]);
	snmp_free_pdu(given[i]);
}

static struct trap *trap;

static void send_number(long number)
{
	static const oid name[] = {1, 2, 3};
	netsnmp_variable_list *list = NULL;

	assert_non_null(snmp_varlist_add_variable(&list, name, 3, ASN_INTEGER, &number, sizeof number));
	trap_send(trap, list);
}

static int set_up(void **state)
{
	(void)state;
	now = 1000000000000;
	suppressed = 0;
	n_given = n_answered = 0;
	fails = false;
	trap = trap_new(NULL);
	return trap ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	while (n_answered < n_given)
		answer(&session, NETSNMP_CALLBACK_OP_TIMED_OUT, 0);
	trap_free(trap);
	return 0;
}

static void in_order_and_few_at_a_time(void **state)
{
	(void)state;
	trap_connect(trap, &session);
	for (long i = 0; i < 100; i++)
		send_number(i);
	trap_step(trap, MOST);
	trap_step(trap, MOST);
	assert_true(n_given > 0 && n_given < 20); /* a hanging master is given no more */
	assert_true(trap_due(trap, MOST) == INT64_MAX);
	while (n_answered < n_given) {
		answer(&session, NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, n_answered % 2);
		trap_step(trap, MOST);
	}
	assert_int_equal(n_given, 100);
	assert_int_equal(suppressed, 0);
}

static void what_the_managers_get(void **state)
{
	(void)state;
	trap_connect(trap, &session);
	for (long i = 0; i < 5; i++)
		send_number(i);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 5);
	for (long i = 0; i < 5; i++)
		assert_int_equal(*given[i]->variables->val.integer, i);
	/* The library does not send it again, or not before the master is given up for long. */
	assert_true(given[0]->flags & UCD_MSG_FLAG_PDU_TIMEOUT);
	assert_true(given[0]->time >= 600);
}

static void without_a_master(void **state)
{
	(void)state;
	for (long i = 0; i < 1500; i++)
		send_number(i);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 0);
	assert_true(trap_due(trap, MOST) == INT64_MAX);
	assert_int_equal(suppressed, 500);
	trap_connect(trap, &session);
	assert_true(trap_due(trap, MOST) <= now);
	trap_step(trap, MOST);
	while (n_answered < n_given) {
		answer(&session, NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, 0);
		trap_step(trap, MOST);
	}
	/* The oldest gave way. */
	assert_int_equal(n_given, 1000);
}

static void a_session_that_ends(void **state)
{
	netsnmp_session next = {.sessid = 77};

	(void)state;
	trap_connect(trap, &session);
	for (long i = 0; i < 30; i++)
		send_number(i);
	trap_step(trap, MOST);
	size_t few = n_given;
	trap_connect(trap, NULL);
	trap_step(trap, MOST);
	assert_int_equal(n_given, few);
	trap_connect(trap, &next);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 2 * few);
	/* What the old session owed is no answer in the new one. */
	for (size_t i = 0; i < few; i++)
		answer(&session, NETSNMP_CALLBACK_OP_TIMED_OUT, 0);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 2 * few);
	answer(&next, NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, 0);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 2 * few + 1);
}

static void so_many_in_a_minute(void **state)
{
	(void)state;
	trap_connect(trap, &session);
	for (long i = 0; i < 7; i++)
		send_number(i);
	trap_step(trap, 3);
	assert_int_equal(n_given, 3);
	assert_true(trap_due(trap, 3) == now + 60000000000);
	now += 60000000000;
	trap_step(trap, 3);
	assert_int_equal(n_given, 6);
	assert_int_equal(suppressed, 0);
}

static void what_can_not_be_sent_or_is_not_wanted(void **state)
{
	(void)state;
	trap_connect(trap, &session);
	fails = true;
	for (long i = 0; i < 20; i++)
		send_number(i);
	trap_step(trap, MOST);
	fails = false;
	send_number(1);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 1);
	trap_connect(trap, NULL);
	send_number(2);
	trap_drop(trap);
	trap_connect(trap, &session);
	trap_step(trap, MOST);
	assert_int_equal(n_given, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(in_order_and_few_at_a_time),
		CASE(what_the_managers_get),
		CASE(without_a_master),
		CASE(a_session_that_ends),
		CASE(so_many_in_a_minute),
		CASE(what_can_not_be_sent_or_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
