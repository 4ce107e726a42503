/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic by class: exact, monotone whatever happens to the rules, and the sum of all classes is all traffic. */
#include <errno.h>

#include "divided.h"
#include "image.h"

static struct view *published(const struct divided *d)
{
	struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(d->meter, &agent);

	assert_non_null(view);
	return view;
}

/* A class; town and host NULL: of all towns, host NULL: of a town. */
static struct view_service class(const struct divided *d, const char *town, const char *host, const char *name)
{
	struct view *view = published(d);
	uint32_t found = view_find_service(view, town ? view_find_town(view, town) : UINT32_MAX,
					   host ? view_find_host(view, town, host) : UINT32_MAX, name);

	if (found == UINT32_MAX)
		fail_msg("there is no class %s of %s/%s", name, town ? town : "", host ? host : "");
	struct view_service service = view_services(view)[found];
	view_release(view);
	return service;
}

static void assert_class(const struct divided *d, const char *town, const char *host, const char *name, uint64_t down,
			 uint64_t up)
{
	struct view_service service = class(d, town, host, name);

	assert_int_equal(service.down.packets, down);
	assert_int_equal(service.down.octets, down * 100);
	assert_int_equal(service.up.packets, up);
	assert_int_equal(service.up.octets, up * 100);
}

/* All classes of a town or a host make its traffic, and those of all towns that of the towns. */
static void assert_sums(const struct divided *d)
{
	struct view *view = published(d);
	struct amount all[2] = {{0}}, sum[2];
	uint32_t n;

	for (uint32_t i = 0; i < view->n_towns + view->n_hosts; i++) {
		uint32_t host = i < view->n_towns ? UINT32_MAX : i - view->n_towns;
		uint32_t town = host == UINT32_MAX ? i : view_hosts(view)[host].town;
		const struct view_traffic *traffic =
			host == UINT32_MAX ? &view_towns(view)[town].traffic : &view_hosts(view)[host].traffic;
		uint32_t first = view_services_of(view, town, host, &n);
		memset(sum, 0, sizeof sum);
		for (uint32_t s = first; s < first + n; s++) {
			const struct view_service *service = &view_services(view)[s];
			sum[0].packets += service->down.packets;
			sum[0].octets += service->down.octets;
			sum[1].packets += service->up.packets;
			sum[1].octets += service->up.octets;
		}
		if (n == 0)
			continue;
		assert_memory_equal(&sum[0], &traffic->down, sizeof sum[0]);
		assert_memory_equal(&sum[1], &traffic->up, sizeof sum[1]);
		for (int way = 0; way < 2 && host == UINT32_MAX; way++) {
			all[way].packets += sum[way].packets;
			all[way].octets += sum[way].octets;
		}
	}
	for (uint32_t s = 0; s < view->n_services; s++) {
		all[0].packets -= view_services(view)[s].down.packets;
		all[0].octets -= view_services(view)[s].down.octets;
		all[1].packets -= view_services(view)[s].up.packets;
		all[1].octets -= view_services(view)[s].up.octets;
	}
	static const struct amount nothing[2];
	assert_memory_equal(all, nothing, sizeof all);
	view_release(view);
}

static void passes(struct divided *d)
{
	divided_pass(d, A4, DIRECTION_DOWN, HTTP, 5, 500);
	divided_pass(d, A4, DIRECTION_UP, QUIC, 3, 300);
	divided_pass(d, A6, DIRECTION_DOWN, QUIC, 7, 700);
	divided_pass(d, ALICE, DIRECTION_DOWN, HTTP, 11, 1100);
	divided_pass(d, ALICE_TOO, DIRECTION_DOWN, SMTP, 13, 1300);
	divided_pass(d, ALICE_TOO, DIRECTION_UP, REST, 17, 1700);
	divided_pass(d, B4, DIRECTION_DOWN, SMTP, 19, 1900);
	divided_pass(d, B4, DIRECTION_UP, HTTP, 23, 2300);
}

/* In place: the meter's callbacks have its address. */
static void begin(struct divided *d)
{
	*d = divided_begin();
	divided_configure(d);
	divided_look(d);
	passes(d);
	divided_look(d);
}

static void every_packet_has_one_class(void **state)
{
	struct divided d;

	(void)state;
	begin(&d);
	assert_class(&d, "town-a", NULL, "web", 5 + 7 + 11, 3);
	assert_class(&d, "town-a", NULL, "email", 13, 0);
	assert_class(&d, "town-a", NULL, "other", 0, 17);
	assert_class(&d, "town-b", NULL, "web", 0, 23);
	assert_class(&d, "town-b", NULL, "email", 19, 0);
	assert_class(&d, "town-b", NULL, "other", 0, 0);
	/* One host, two prefixes. */
	assert_class(&d, "town-a", "alice", "web", 11, 0);
	assert_class(&d, "town-a", "alice", "email", 13, 0);
	assert_class(&d, "town-a", "alice", "other", 0, 17);
	/* What is a host's is in its town's once. */
	assert_class(&d, NULL, NULL, "web", 23, 26);
	assert_class(&d, NULL, NULL, "email", 32, 0);
	assert_class(&d, NULL, NULL, "other", 0, 17);
	assert_sums(&d);
	struct view *view = published(&d);
	assert_int_equal(view->n_services, 3);
	assert_int_equal(view->n_town_services, 6);
	assert_int_equal(view->n_host_services, 3); /* bob has none */
	/* In the order of SNMP: shorter names first, then by letters; what matches stands with those of all towns. */
	static const char *const names[] = {"web", "email", "other"};
	static const char *const matches[] = {"tcp/80 udp/443", "tcp/25", ""};
	for (uint32_t i = 0; i < 12; i++) {
		assert_string_equal(view_services(view)[i].name, names[i % 3]);
		assert_string_equal(view_text(view, view_services(view)[i].match), i < 3 ? matches[i] : "");
	}
	view_release(view);
	meter_free(d.meter);
}

/* Rules of one class that change places count on, each from its own counter. */
static void rules_change_places(void **state)
{
	struct divided d;

	(void)state;
	begin(&d);
	for (int i = 0; i < 4; i++) {
		d.swapped = i % 2 == 0;
		passes(&d);
		divided_look(&d);
		assert_class(&d, "town-a", NULL, "web", (uint64_t)(i + 2) * 23, (uint64_t)(i + 2) * 3);
		assert_class(&d, "town-a", "alice", "email", (uint64_t)(i + 2) * 13, 0);
		assert_class(&d, NULL, NULL, "web", (uint64_t)(i + 2) * 23, (uint64_t)(i + 2) * 26);
		assert_sums(&d);
	}
	struct view *view = published(&d);
	assert_int_equal(view->agent.discontinuity, 1000);
	assert_int_equal(view->agent.tables_last_change, 1001);
	view_release(view);
	meter_free(d.meter);
}

static void again(struct divided *d, enum meter_start start)
{
	struct image image;

	assert_int_equal(meter_image(d->meter, IMAGE_ALL, &image), 0);
	meter_free(d->meter);
	d->meter = meter_load(&image, start, false, ++d->now);
	assert_non_null(d->meter);
	image_free(&image);
	if (start == METER_REBOOTED) {
		memset(d->count, 0, sizeof d->count);
		d->received = 0;
	}
	divided_configure(d);
}

static void goes_on_after_a_restart(void **state)
{
	struct divided d;
	struct view *before, *now;

	(void)state;
	begin(&d);
	before = published(&d);
	d.absent = NO_CLASSES;
	divided_look(&d);
	for (int i = 0; i < 3; i++) {
		/* Also of rules that were away when it ended. */
		again(&d, METER_CONTINUED);
		now = published(&d);
		assert_int_equal(now->n_services, 3);
		assert_int_equal(now->n_town_services, 6);
		assert_int_equal(now->n_host_services, 3);
		/* Their texts may lie elsewhere. */
		for (uint32_t s = 0; s < 12; s++) {
			assert_string_equal(view_text(now, view_services(now)[s].match),
					    view_text(before, view_services(before)[s].match));
			view_services(now)[s].match = view_services(before)[s].match;
		}
		assert_memory_equal(view_services(now), view_services(before), 12 * sizeof(struct view_service));
		view_release(now);
		view_release(before);
		d.absent = 0;
		divided_look(&d);
		passes(&d);
		again(&d, METER_CONTINUED);
		divided_look(&d);
		assert_class(&d, "town-a", NULL, "web", (uint64_t)(i + 2) * 23, (uint64_t)(i + 2) * 3);
		assert_sums(&d);
		before = published(&d);
	}
	view_release(before);
	meter_free(d.meter);
}

static void goes_on_after_a_reboot(void **state)
{
	struct divided d;

	(void)state;
	begin(&d);
	again(&d, METER_REBOOTED);
	divided_look(&d);
	assert_class(&d, NULL, NULL, "web", 23, 26);
	passes(&d);
	divided_look(&d);
	assert_class(&d, "town-a", "alice", "email", 26, 0);
	assert_class(&d, NULL, NULL, "web", 46, 52);
	assert_sums(&d);
	struct view *view = published(&d);
	assert_int_equal(view->agent.discontinuity, 1000);
	view_release(view);
	meter_free(d.meter);
}

static void set_gone(struct divided *d, enum meter_kind kind, uint32_t id, bool gone)
{
	struct meter_row row = meter_row(d->meter, kind, id);

	row.gone = gone;
	meter_row_put(d->meter, kind, id, &row);
	meter_judge(d->meter, ++d->now);
}

/* Rows stay while their rules are missing, and go with their town or host; what all towns had is not taken back. */
static void forgotten(void **state)
{
	struct divided d;

	(void)state;
	begin(&d);
	uint32_t town = meter_find_town(d.meter, "town-b"), host = meter_find_host(d.meter, "town-a", "alice");
	d.absent = NO_B | NO_ALICE;
	divided_look(&d);
	assert_class(&d, "town-b", NULL, "email", 19, 0);
	assert_class(&d, "town-a", "alice", "web", 11, 0);
	set_gone(&d, METER_TOWN, town, true);
	struct view *view = published(&d);
	assert_int_equal(view->n_services, 3);
	assert_int_equal(view->n_town_services, 3);
	assert_int_equal(view->n_host_services, 3);
	view_release(view);
	assert_class(&d, NULL, NULL, "web", 23, 26);
	/* It was a mistake. */
	set_gone(&d, METER_TOWN, town, false);
	assert_class(&d, "town-b", NULL, "web", 0, 23);
	set_gone(&d, METER_TOWN, town, true);
	set_gone(&d, METER_HOST, host, true);
	again(&d, METER_CONTINUED);
	view = published(&d);
	assert_int_equal(view->n_town_services, 3);
	assert_int_equal(view->n_host_services, 0);
	view_release(view);
	assert_class(&d, NULL, NULL, "email", 32, 0);
	/* They come back as new rows, with rules that begin at zero. */
	memset(d.count[B4], 0, sizeof d.count[B4]);
	memset(d.count[ALICE], 0, sizeof d.count[ALICE]);
	memset(d.count[ALICE_TOO], 0, sizeof d.count[ALICE_TOO]);
	d.absent = 0;
	divided_look(&d);
	assert_class(&d, "town-b", NULL, "email", 0, 0);
	assert_class(&d, "town-a", "alice", "web", 0, 0);
	assert_class(&d, "town-a", NULL, "web", 23, 3);
	assert_class(&d, NULL, NULL, "email", 32, 0);
	passes(&d);
	divided_look(&d);
	assert_class(&d, "town-b", NULL, "email", 19, 0);
	assert_class(&d, "town-a", "alice", "web", 11, 0);
	assert_class(&d, NULL, NULL, "email", 64, 0);
	meter_free(d.meter);
}

/* Rules that were taken away by us and put in again with the counts that they had. */
static void written_again(void **state)
{
	struct divided d;
	struct rule_key keys[64];
	size_t n = 0;

	(void)state;
	begin(&d);
	for (uint32_t rule = 0; rule < d.n_rules; rule++) {
		struct rule_key key = meter_rule_key(d.meter, rule);
		struct counter last = meter_rule_last(d.meter, &key);
		if (key.kind != ROLE_SERVICE)
			continue;
		assert_true(n < sizeof keys / sizeof keys[0]);
		keys[n++] = key;
		meter_rule_deleted(d.meter, rule, &last);
	}
	assert_int_equal(n, OWNERS * 2 * MATCHES);
	meter_settle(d.meter);
	d.absent = NO_CLASSES;
	divided_look(&d);
	for (size_t i = n; i-- > 0;) {
		struct counter last = meter_rule_last(d.meter, &keys[i]);
		assert_int_equal(meter_rule_inserted(d.meter, &keys[i], &last), 0);
	}
	d.absent = 0;
	divided_look(&d);
	assert_class(&d, "town-a", NULL, "web", 23, 3);
	assert_class(&d, NULL, NULL, "email", 32, 0);
	assert_sums(&d);
	passes(&d);
	divided_look(&d);
	assert_class(&d, "town-a", "alice", "web", 22, 0);
	assert_class(&d, NULL, NULL, "email", 64, 0);
	assert_sums(&d);
	struct view *view = published(&d);
	assert_int_equal(view->agent.discontinuity, 1000);
	view_release(view);
	meter_free(d.meter);
}

/* Counters that someone else zeroed count from zero; it shows with the town and the host. */
static void zeroed_by_someone(void **state)
{
	struct divided d;

	(void)state;
	begin(&d);
	memset(d.count, 0, sizeof d.count);
	divided_pass(&d, ALICE, DIRECTION_DOWN, HTTP, 2, 200);
	divided_look(&d);
	assert_class(&d, "town-a", "alice", "web", 13, 0);
	assert_class(&d, NULL, NULL, "web", 25, 26);
	struct view *view = published(&d);
	assert_int_equal(view->agent.discontinuity, d.now);
	assert_int_equal(view_towns(view)[view_find_town(view, "town-a")].traffic.discontinuity, d.now);
	assert_int_equal(view_hosts(view)[view_find_host(view, "town-a", "alice")].traffic.discontinuity, d.now);
	view_release(view);
	meter_free(d.meter);
}

/* A class more: every town that has classes has it, and all others count on. */
static void another_class(void **state)
{
	struct divided d = divided_begin();

	(void)state;
	d.email = false;
	divided_configure(&d);
	divided_look(&d);
	passes(&d);
	divided_look(&d);
	assert_class(&d, "town-a", NULL, "other", 13, 17);
	assert_class(&d, NULL, NULL, "other", 32, 17);
	struct view *view = published(&d);
	assert_int_equal(view->n_services, 2);
	view_release(view);
	/* The rules of the rest lose what the new ones get, as if they began anew: only what passes from now on. */
	d.email = true;
	for (int owner = 0; owner < OWNERS; owner++)
		for (int way = 0; way < 2; way++) {
			struct counter *count = d.count[owner][way];
			count[REST].packets += count[SMTP].packets;
			count[REST].octets += count[SMTP].octets;
			count[SMTP] = (struct counter){0, 0};
		}
	divided_configure(&d);
	d.absent = NO_B;
	divided_look(&d);
	view = published(&d);
	assert_int_equal(view->agent.tables_last_change, d.now);
	assert_int_equal(view->n_services, 3);
	assert_int_equal(view->n_town_services, 6);
	assert_int_equal(view->n_host_services, 3);
	view_release(view);
	assert_class(&d, "town-b", NULL, "email", 0, 0);
	assert_class(&d, "town-b", NULL, "other", 19, 0);
	d.absent = 0;
	divided_look(&d);
	passes(&d);
	divided_look(&d);
	assert_class(&d, "town-a", NULL, "email", 13, 0);
	assert_class(&d, "town-a", NULL, "other", 13, 34);
	assert_class(&d, "town-a", "alice", "web", 22, 0);
	assert_class(&d, "town-b", NULL, "web", 0, 46);
	assert_class(&d, NULL, NULL, "email", 32, 0);
	assert_sums(&d);
	meter_free(d.meter);
}

/* A class that is not configured any more has no rules: its rows stay, and nobody's bill is called incomplete. */
static void a_class_less(void **state)
{
	struct divided d;
	struct closed closed;

	(void)state;
	begin(&d);
	/* Its rules still stand. */
	d.unknown = true;
	divided_configure(&d);
	d.generation--;
	struct view *before = published(&d);
	divided_look(&d);
	struct view *view = published(&d);
	assert_int_equal(view->agent.discontinuity, before->agent.discontinuity);
	view_release(view);
	view_release(before);
	assert_class(&d, "town-a", NULL, "email", 13, 0);
	assert_class(&d, NULL, NULL, "email", 32, 0);
	meter_period_end(d.meter, METER_TOWN, meter_find_town(d.meter, "town-a"), ++d.now, CLOSED_TOWN_ZERO, &closed);
	assert_true(closed.complete);
	meter_free(d.meter);
}

/* A ledger of before there were classes: they begin. */
static void an_old_ledger(void **state)
{
	static const enum image_sheet sheets[] = {IMAGE_CLASSES, IMAGE_OWNERS, IMAGE_SERVICES, IMAGE_PORTS};
	struct divided d = divided_begin();
	struct image image;

	(void)state;
	d.absent = NO_CLASSES;
	divided_look(&d);
	passes(&d);
	divided_look(&d);
	assert_int_equal(meter_image(d.meter, IMAGE_ALL, &image), 0);
	meter_free(d.meter);
	for (size_t i = 0; i < sizeof sheets / sizeof sheets[0]; i++) {
		assert_null(image.data[sheets[i]]);
		assert_int_equal(image.size[sheets[i]], 0);
	}
	d.meter = meter_load(&image, METER_CONTINUED, false, ++d.now);
	image_free(&image);
	assert_non_null(d.meter);
	struct view *view = published(&d);
	assert_int_equal(view->n_services + view->n_town_services + view->n_host_services, 0);
	view_release(view);
	memset(d.count, 0, sizeof d.count);
	divided_configure(&d);
	d.absent = 0;
	divided_look(&d);
	divided_pass(&d, ALICE, DIRECTION_DOWN, HTTP, 2, 200);
	divided_look(&d);
	assert_class(&d, "town-a", "alice", "web", 2, 0);
	meter_free(d.meter);
}

/* What makes no sense is refused. */
static void nonsense(void **state)
{
	struct divided d;
	struct image image;

	(void)state;
	begin(&d);
	assert_int_equal(meter_image(d.meter, IMAGE_ALL, &image), 0);
	meter_free(d.meter);
	struct record_class *classes = image.data[IMAGE_CLASSES];
	struct record_owner *owners = image.data[IMAGE_OWNERS];
	struct {
		void *at;
		size_t size;
		unsigned char octet;
	} damage[] = {
		{classes[0].name, sizeof classes[0].name, 'x'}, /* no end */
		{classes[0].name, 1, '\n'},
		{classes[0].name, 1, '\0'},
		{classes[0].name, 5, 'z'},                      /* behind the next one */
		{&owners[0].town, sizeof owners[0].town, 0x7f},
		{&owners[0].host, sizeof owners[0].host, 0x7f}};
	for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
		unsigned char before[64];
		memcpy(before, damage[i].at, damage[i].size);
		memset(damage[i].at, damage[i].octet, damage[i].size);
		errno = 0;
		if (meter_load(&image, METER_CONTINUED, false, 200))
			fail_msg("damage %zu was taken", i);
		assert_int_equal(errno, EBADMSG);
		memcpy(damage[i].at, before, damage[i].size);
	}
	/* Two rows of one town. */
	struct record_owner first = owners[0];
	owners[0] = owners[1];
	assert_null(meter_load(&image, METER_CONTINUED, false, 200));
	owners[0] = first;
	/* A host of another town. */
	assert_int_equal(image.size[IMAGE_OWNERS], 3 * sizeof *owners);
	for (int i = 0; i < 3; i++) {
		if (owners[i].host == RULE_NONE)
			continue;
		owners[i].town ^= 1;
		assert_null(meter_load(&image, METER_CONTINUED, false, 200));
		owners[i].town ^= 1;
	}
	static const struct {
		enum image_sheet sheet;
		size_t size;
	} sheets[] = {{IMAGE_CLASSES, sizeof *classes}, {IMAGE_OWNERS, sizeof *owners},
		      {IMAGE_SERVICES, sizeof(struct record_service)}, {IMAGE_PORTS, sizeof(struct record_ports)}};
	for (size_t i = 0; i < sizeof sheets / sizeof sheets[0]; i++)
		for (size_t less = 1; less <= sheets[i].size; less += sheets[i].size - 1) {
			image.size[sheets[i].sheet] -= less;
			errno = 0;
			assert_null(meter_load(&image, METER_CONTINUED, false, 200));
			assert_int_equal(errno, EBADMSG);
			image.size[sheets[i].sheet] += less;
		}
	d.meter = meter_load(&image, METER_CONTINUED, false, 200);
	assert_non_null(d.meter);
	meter_free(d.meter);
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_has_one_class), cmocka_unit_test(rules_change_places),
		cmocka_unit_test(goes_on_after_a_restart), cmocka_unit_test(goes_on_after_a_reboot),
		cmocka_unit_test(forgotten), cmocka_unit_test(written_again), cmocka_unit_test(zeroed_by_someone), cmocka_unit_test(another_class),
		cmocka_unit_test(a_class_less), cmocka_unit_test(an_old_ledger), cmocka_unit_test(nonsense)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
