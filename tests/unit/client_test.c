/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection to the control socket, and the commands that come on it; the meter thread is played here. */
#include "socket/client.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the control ------------------------------------------------------------ */

struct request {
	size_t n;
	struct command commands[];
};

static struct view *view;
static int64_t now;
static bool stale, busy, stuck; /* a look is due; a phase is under way; it can not be cancelled */
static enum request_result result;
static int phases[8];
static size_t n_phases, alive;
static struct request *last; /* as it was submitted last */

int64_t control_clock(void)
{
	return now;
}

struct view *control_view(struct control *control)
{
	(void)control;
	return view_hold(view);
}

bool control_refresh(struct control *control)
{
	(void)control;
	return stale;
}

void control_late(struct control *control)
{
	(void)control;
	stale = false;
}

struct request *request_new(const struct command *commands, size_t n)
{
	struct request *request = malloc(sizeof *request + n * sizeof *commands);

	if (!request)
		return NULL;
	memcpy(request->commands, commands, n * sizeof *commands);
	request->n = n;
	alive++;
	return request;
}

void request_free(struct request *request)
{
	alive -= request != NULL;
	free(request);
}

void control_submit(struct control *control, struct request *request, enum request_phase phase, int64_t deadline)
{
	(void)control;
	assert_true(n_phases < 8 && (phase != REQUEST_PREPARE || deadline > now));
	phases[n_phases++] = (int)phase;
	free(last);
	last = request_new(request->commands, request->n);
	alive--;
	busy = true;
}

bool request_ended(struct control *control, const struct request *request)
{
	(void)control, (void)request;
	return !busy;
}

bool control_cancel(struct control *control, struct request *request)
{
	(void)control, (void)request;
	if (busy && !stuck)
		busy = false;
	return !busy;
}

void request_written(const struct request *request, struct control_written *written)
{
	(void)request;
	*written = (struct control_written){.n_notes = 0};
}

enum request_result request_result(const struct request *request, size_t *failed, const char **why)
{
	(void)request;
	*failed = 0;
	*why = "the lock is held";
	return result;
}

static bool connected(void)
{
	return true;
}

/* --- a client --------------------------------------------------------------- */

static struct service service;
static struct client *client;
static int end;

static int begin(void **state)
{
	int pair[2], size = 4096;

	(void)state;
	const struct view counts = {.n_towns = 2, .n_hosts = 3, .n_services = 2, .n_town_services = 2, .n_host_services = 2};
	view = view_new_like(&counts, sizeof "?tcp/80 udp/443");
	assert_non_null(view);
	view->serial = 1;
	view->agent.snapshots = 1;
	snprintf(view_towns(view)[0].name, sizeof view_towns(view)[0].name, "town-a");
	snprintf(view_hosts(view)[0].name, sizeof view_hosts(view)[0].name, "bob");
	snprintf(view_hosts(view)[1].name, sizeof view_hosts(view)[1].name, "alice");
	snprintf(view_towns(view)[1].name, sizeof view_towns(view)[1].name, "town-aa");
	snprintf(view_hosts(view)[2].name, sizeof view_hosts(view)[2].name, "carl");
	view_hosts(view)[2].town = 1;
	snprintf(view_text(view, 1), sizeof "tcp/80 udp/443", "tcp/80 udp/443");
	/* Of all towns, of town-a, and of alice. */
	for (uint32_t i = 0; i < 6; i++) {
		struct view_service *row = &view_services(view)[i];
		snprintf(row->name, sizeof row->name, "%s", i % 2 ? "other" : "web");
		row->town = i < 2 ? UINT32_MAX : 0;
		row->host = i < 4 ? UINT32_MAX : 1;
		row->match = i == 0;
		row->down = (struct amount){.packets = 10 + i, .octets = 1000 + i};
		row->up = (struct amount){.packets = 20 + i, .octets = 2000 + i};
	}
	now = 1000000000;
	stale = busy = stuck = false;
	result = REQUEST_DONE;
	n_phases = 0;
	service = (struct service){.connected = connected};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	end = pair[0];
	client = client_new(&service, pair[1]);
	assert_non_null(client);
	return 0;
}

/* One round of the loop. Returns false once the client is gone. */
static bool turn(void)
{
	struct pollfd polls = {.fd = -1};

	if (!client)
		return false;
	polls.fd = client_wants(client, &polls.events);
	if (polls.fd >= 0 && poll(&polls, 1, 0) > 0)
		client_ready(client, polls.revents);
	if (!client_step(client))
		client = NULL;
	return client != NULL;
}

static void turns(void)
{
	for (int i = 0; i < 50 && turn(); i++)
		;
}

static int finish(void **state)
{
	(void)state;
	if (end >= 0)
		close(end);
	busy = false;
	turns();
	assert_null(client);
	assert_int_equal(alive, 0);
	assert_int_equal(atomic_load(&view->references), 1);
	view_release(view);
	free(last);
	last = NULL;
	return 0;
}

static void tell(const char *text)
{
	assert_int_equal(send(end, text, strlen(text), 0), strlen(text));
}

static char heard[1 << 20];

/* All that has come. */
static const char *hear(void)
{
	size_t n = 0;

	for (;;) {
		turns();
		ssize_t got = recv(end, heard + n, sizeof heard - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	heard[n] = '\0';
	return heard;
}

static void expect(const char *request, const char *answer)
{
	tell(request);
	if (!strstr(hear(), answer))
		fail_msg("to %s it said %s", request, heard);
}

/* --- the tests -------------------------------------------------------------- */

static void lists(void **state)
{
	(void)state;
	expect("{\"verb\":\"status\"}\n", "{\"ok\":true,\"status\":{\"version\":");
	expect("{\"verb\":\"towns\"}\n", "{\"ok\":true,\"more\":false,\"rows\":[{\"town\":\"town-a\",");
	expect("{\"verb\":\"hosts\"}\n", "\"host\":\"alice\"");
	expect("{\"verb\":\"hosts\",\"name\":\"town-a/bob\"}\n", "\"host\":\"bob\"");
	assert_null(strstr(heard, "alice"));
	expect("{\"verb\":\"hosts\",\"name\":\"town-a\"}\n", "\"host\":\"alice\"");
	assert_null(strstr(heard, "carl"));
	expect("{\"verb\":\"hosts\",\"name\":\"town-aa\"}\n", "\"host\":\"carl\"");
	assert_null(strstr(heard, "alice"));
	expect("{\"verb\":\"hosts\",\"name\":\"town-b\"}\n", "\"error\":\"there is no town town-b\"");
	expect("{\"verb\":\"towns\",\"name\":\"town-a/bob\"}\n", "expected a town");
	expect("{\"verb\":\"quota\",\"name\":\"town-a/bob\"}\n", "\"quota_action\"");
	expect("{\"verb\":\"quota\",\"name\":\"town-a\"}\n", "\"town\":\"town-a\"");
	assert_null(strstr(heard, "\"host\""));
	expect("{\"verb\":\"report\",\"period\":0}\n", "\"host\":null");
	assert_non_null(strstr(heard, "\"host\":\"alice\""));
}

static void lists_services(void **state)
{
	(void)state;
	expect("{\"verb\":\"services\"}\n",
	       "\"rows\":[{\"town\":null,\"host\":null,\"service\":\"web\",\"match\":\"tcp/80 udp/443\",\"down_octets\":1000,"
	       "\"down_packets\":10,\"up_octets\":2000,\"up_packets\":20},"
	       "{\"town\":null,\"host\":null,\"service\":\"other\",\"match\":\"\",\"down_octets\":1001,");
	assert_null(strstr(heard, "1002"));
	expect("{\"verb\":\"services\",\"name\":\"town-a\"}\n",
	       "\"rows\":[{\"town\":\"town-a\",\"host\":null,\"service\":\"web\",\"match\":\"tcp/80 udp/443\",\"down_octets\":1002,");
	assert_non_null(strstr(heard, "1003"));
	assert_null(strstr(heard, "1004"));
	expect("{\"verb\":\"services\",\"name\":\"town-a/alice\"}\n",
	       "\"rows\":[{\"town\":\"town-a\",\"host\":\"alice\",\"service\":\"web\",\"match\":\"tcp/80 udp/443\",\"down_octets\":1004,");
	assert_non_null(strstr(heard, "1005"));
	/* They are not divided. */
	expect("{\"verb\":\"services\",\"name\":\"town-aa\"}\n", "{\"ok\":true,\"more\":false,\"rows\":[]}");
	expect("{\"verb\":\"services\",\"town\":\"town-a\",\"host\":\"bob\"}\n", "{\"ok\":true,\"more\":false,\"rows\":[]}");
	expect("{\"verb\":\"services\",\"name\":\"town-b\"}\n", "\"error\":\"there is no town town-b\"");
	expect("{\"verb\":\"services\",\"name\":\"town-a/eve\"}\n", "\"error\":\"there is no host town-a/eve\"");
}

static void garbage_is_answered(void **state)
{
	(void)state;
	expect("hello\n", "{\"ok\":false,\"error\":\"found no JSON object");
	expect("\n", "\"ok\":false");
	expect("\xff\xfe\n", "\"ok\":false");
	/* And the connection goes on. */
	expect("{\"verb\":\"towns\"}\n", "\"ok\":true");
}

/* Requests that come together, and in pieces. */
static void lines(void **state)
{
	int answers = 0;

	(void)state;
	tell("{\"verb\":\"towns\"}\n{\"verb\":\"hosts\"}\n{\"verb\":");
	for (const char *at = hear(); (at = strstr(at, "\"ok\":true")); at++)
		answers++;
	assert_int_equal(answers, 2);
	expect("\"towns\"}\n", "\"ok\":true");
	/* What was asked for is answered after the last request. */
	tell("{\"verb\":\"towns\"}\n{\"verb\":\"zz\"}\n");
	shutdown(end, SHUT_WR);
	assert_non_null(strstr(hear(), "\"verb\\\" is 'zz'"));
	assert_non_null(strstr(heard, "\"ok\":true"));
	assert_null(client);
}

static void unfinished_line(void **state)
{
	(void)state;
	tell("{\"verb\":\"zero\",\"all\":true}");
	shutdown(end, SHUT_WR);
	assert_non_null(strstr(hear(), "found no line end"));
	assert_null(client);
	assert_int_equal(n_phases, 0);
}

static void too_long_a_line(void **state)
{
	char part[1001];

	(void)state;
	memset(part, 'x', 1000);
	part[1000] = '\0';
	for (int i = 0; i < 70 && client; i++) {
		if (send(end, part, 1000, MSG_NOSIGNAL) < 0)
			break;
		turns();
	}
	assert_non_null(strstr(hear(), "more than 65535 octets"));
	assert_null(client);
}

static struct view *many(uint32_t n)
{
	struct view *big = view_new(0, 1, n, 0, 1);

	assert_non_null(big);
	big->serial = 7;
	big->agent.snapshots = 1;
	snprintf(view_towns(big)[0].name, sizeof view_towns(big)[0].name, "town-a");
	for (uint32_t i = 0; i < n; i++)
		snprintf(view_hosts(big)[i].name, sizeof view_hosts(big)[i].name, "h%u", i);
	return big;
}

/* Parts of bounded size, all of one view though another one came. */
static void parts(void **state)
{
	struct view *small = view, *big = many(300);
	size_t rows = 0, n = 0, longest = 0;

	(void)state;
	view = big;
	tell("{\"verb\":\"hosts\"}\n");
	turn();
	view = small;
	hear();
	for (char *line = strtok(heard, "\n"); line; line = strtok(NULL, "\n"), n++) {
		longest = strlen(line) > longest ? strlen(line) : longest;
		for (const char *at = line; (at = strstr(at, "\"host\":")); at++)
			rows++;
		assert_true((strstr(line, "\"more\":true") != NULL) == (n < 2));
	}
	assert_int_equal(n, 3);
	assert_int_equal(rows, 300);
	assert_true(longest < 256000);
	assert_int_equal(atomic_load(&big->references), 1);
	view_release(big);
}

/* Who asks and does not read is given up in the end; nothing is made for him meanwhile. */
static void never_reads(void **state)
{
	struct view *small = view, *big = many(5000);

	(void)state;
	view = big;
	tell("{\"verb\":\"hosts\"}\n{\"verb\":\"hosts\"}\n");
	turns();
	view = small;
	assert_int_equal(atomic_load(&big->references), 2);
	assert_true(client_due(client) <= now + 60000000000);
	now += 59000000000;
	turns();
	assert_non_null(client);
	now += 1000000000;
	turns();
	assert_null(client);
	assert_int_equal(atomic_load(&big->references), 1);
	view_release(big);
}

static void idle(void **state)
{
	(void)state;
	tell("{\"verb\"");
	turns();
	now = client_due(client) - 1;
	assert_true(turn());
	now++;
	assert_false(turn());
}

static void leaves_in_the_middle(void **state)
{
	struct view *small = view, *big = many(5000);

	(void)state;
	view = big;
	tell("{\"verb\":\"hosts\"}\n");
	turns();
	view = small;
	close(end);
	end = -1;
	turns();
	assert_null(client);
	assert_int_equal(atomic_load(&big->references), 1);
	view_release(big);
}

static void waits_for_a_fresh_view(void **state)
{
	struct view *before = view;

	(void)state;
	stale = true;
	expect("{\"verb\":\"hosts\",\"name\":\"town-a/h2\"}\n", "");
	assert_string_equal(heard, "");
	assert_true(client_due(client) > now && client_due(client) <= now + 1000000000);
	view = many(3);
	assert_non_null(strstr(hear(), "\"host\":\"h2\""));
	view_release(view);
	view = before;
	/* Not for ever. */
	stale = true;
	expect("{\"verb\":\"towns\"}\n", "");
	assert_string_equal(heard, "");
	now = client_due(client);
	assert_non_null(strstr(hear(), "town-a"));
	assert_false(stale);
}

static void commands(void **state)
{
	(void)state;
	expect("{\"verb\":\"block\",\"name\":\"town-a/alice\"}\n", "");
	assert_string_equal(heard, "");
	assert_int_equal(n_phases, 1);
	assert_int_equal(phases[0], REQUEST_PREPARE);
	assert_true(last->n == 1 && last->commands[0].kind == COMMAND_ADMIN && last->commands[0].origin == ORIGIN_LOCAL && last->commands[0].blocked);
	assert_string_equal(last->commands[0].town, "town-a");
	assert_string_equal(last->commands[0].host, "alice");
	busy = false;
	turns();
	assert_int_equal(n_phases, 2);
	assert_int_equal(phases[1], REQUEST_APPLY);
	busy = false;
	assert_string_equal(hear(), "{\"ok\":true,\"town\":\"town-a\",\"host\":\"alice\",\"notes\":[]}\n");
	/* Several settings are one request. */
	tell("{\"verb\":\"quota\",\"name\":\"town-a/bob\",\"quota_mb\":5,\"quota_warn_percent\":50,\"quota_action\":\"block\"}\n");
	turns();
	assert_int_equal(last->n, 3);
	assert_true(last->commands[0].kind == COMMAND_QUOTA && last->commands[0].number == 5);
	assert_true(last->commands[1].kind == COMMAND_WARN && last->commands[1].number == 50);
	assert_true(last->commands[2].kind == COMMAND_ACTION && last->commands[2].number == 3);
	result = REQUEST_UNAVAILABLE;
	busy = false;
	assert_string_equal(hear(), "{\"ok\":false,\"error\":\"the lock is held\"}\n");
	assert_int_equal(n_phases, 3);
	result = REQUEST_DONE;
	expect("{\"verb\":\"quota\",\"name\":\"town-a\",\"quota_warn_percent\":5}\n", "is a town");
	expect("{\"verb\":\"zero\",\"name\":\"town-a/carol\"}\n", "there is no host town-a/carol");
	assert_int_equal(n_phases, 3);
}

static void notes(void **state)
{
	struct view_host *alice = &view_hosts(view)[1];

	(void)state;
	alice->reason = VIEW_REASON_QUOTA | VIEW_REASON_TOWN;
	alice->traffic.quota = (struct view_quota){.megabytes = 500, .percent = 120};
	tell("{\"verb\":\"unblock\",\"name\":\"town-a/alice\"}\n");
	turns();
	busy = false;
	turns();
	busy = false;
	hear();
	assert_non_null(strstr(heard, "{\"ok\":true,"));
	assert_non_null(strstr(heard, "its quota of 500 MB, of which 120% are used, still blocks it"));
	assert_non_null(strstr(heard, "unblock town-a"));
	assert_false(last->commands[0].blocked);
}

static void read_only(void **state)
{
	(void)state;
	service.read_only = true;
	expect("{\"verb\":\"block\",\"name\":\"town-a/alice\"}\n", "runs with --read-only");
	expect("{\"verb\":\"zero\",\"all\":true}\n", "runs with --read-only");
	expect("{\"verb\":\"status\"}\n", "\"read_only\":true");
	assert_int_equal(n_phases, 0);
}

/* What has not begun in time never does; what has begun is waited for. */
static void a_busy_meter(void **state)
{
	(void)state;
	tell("{\"verb\":\"zero\",\"all\":true}\n");
	turns();
	assert_true(last->commands[0].kind == COMMAND_ZERO && last->commands[0].all);
	now = client_due(client);
	assert_non_null(strstr(hear(), "the meter was busy"));
	assert_false(busy);
	stuck = true;
	tell("{\"verb\":\"zero\",\"all\":true}\n");
	turns();
	now = client_due(client);
	assert_string_equal(hear(), "");
	assert_int_equal(client_due(client), INT64_MAX);
	busy = false;
	turns();
	busy = false;
	assert_string_equal(hear(), "{\"ok\":true,\"all\":true,\"notes\":[]}\n");
}

/* A client that is gone leaves its command to end by itself. */
static void leaves_its_command(void **state)
{
	(void)state;
	tell("{\"verb\":\"zero\",\"all\":true}\n");
	turns();
	stuck = true;
	close(end);
	end = -1;
	turns();
	assert_non_null(client);
	assert_int_equal(alive, 1);
	busy = false;
	turns();
	assert_null(client);
	assert_int_equal(alive, 0);
	assert_int_equal(n_phases, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists), TEST(lists_services), TEST(garbage_is_answered), TEST(lines), TEST(unfinished_line), TEST(too_long_a_line),
		TEST(parts), TEST(never_reads), TEST(idle), TEST(leaves_in_the_middle), TEST(waits_for_a_fresh_view),
		TEST(commands), TEST(notes), TEST(read_only), TEST(a_busy_meter), TEST(leaves_its_command)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
