/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view.h"

#include <stdio.h>

#include "make.h"

/* Rows must not overlap and must lie within the block: a sanitizer sees it when each is filled. */
static void rows_have_room(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 40; n++) {
		const struct view counts = {.n_totals = n % 4, .n_towns = n, .n_hosts = n * 2, .n_addresses = n * 3,
					    .n_services = n, .n_town_services = n % 7, .n_host_services = n % 5};
		const uint32_t n_services = n + n % 7 + n % 5;
		struct view *view = view_new_like(&counts, n * 5 + 1);
		assert_non_null(view);
		assert_int_equal(view->n_services, n);
		assert_int_equal(view->n_town_services, n % 7);
		assert_int_equal(view->n_host_services, n % 5);
		for (uint32_t i = 0; i < view->n_totals; i++)
			memset(&view_totals(view)[i], 1, sizeof(struct view_total));
		for (uint32_t i = 0; i < view->n_towns; i++)
			memset(&view_towns(view)[i], 2, sizeof(struct view_town));
		for (uint32_t i = 0; i < view->n_hosts; i++)
			memset(&view_hosts(view)[i], 3, sizeof(struct view_host));
		for (uint32_t i = 0; i < view->n_addresses; i++)
			memset(&view_addresses(view)[i], 4, sizeof(struct view_address));
		for (uint32_t i = 0; i < n_services; i++)
			memset(&view_services(view)[i], 5, sizeof(struct view_service));
		assert_string_equal(view_text(view, 0), "");
		memset(view_text(view, 0), 6, n * 5 + 1);
		/* All are still what they were filled with. */
		const unsigned char *at[] = {(void *)view_totals(view), (void *)view_towns(view), (void *)view_hosts(view),
					     (void *)view_addresses(view), (void *)view_services(view)};
		const size_t sizes[] = {view->n_totals * sizeof(struct view_total), view->n_towns * sizeof(struct view_town),
					view->n_hosts * sizeof(struct view_host),
					view->n_addresses * sizeof(struct view_address),
					n_services * sizeof(struct view_service)};
		for (unsigned k = 0; k < 5; k++) {
			assert_int_equal((uintptr_t)at[k] % _Alignof(struct view_host), 0);
			for (size_t i = 0; i < sizes[k]; i++)
				assert_int_equal(at[k][i], k + 1);
		}
		view_release(view);
	}
}

static void lives_as_long_as_it_is_held(void **state)
{
	struct view *view = view_new(0, 1, 0, 0, 1);

	(void)state;
	assert_ptr_equal(view_hold(view), view);
	assert_ptr_equal(view_hold(view), view);
	assert_int_equal(atomic_load(&view->references), 3);
	view_release(view);
	view_release(view);
	view_towns(view)[0].hosts = 7; /* a sanitizer sees it if it was freed */
	assert_int_equal(atomic_load(&view->references), 1);
	view_release(view);
	view_release(NULL);
	assert_null(view_hold(NULL));
}

/* Moved as one block, it still means the same: it has no pointers. */
static void has_no_pointers(void **state)
{
	struct view *view = view_new(1, 2, 3, 4, 20), *copy;

	(void)state;
	view_totals(view)[0].chain = VIEW_CHAIN_INPUT;
	memcpy(view_towns(view)[1].name, "town-a", sizeof "town-a");
	memcpy(view_hosts(view)[2].name, "alice", sizeof "alice");
	view_hosts(view)[2].town = 1;
	memcpy(view_text(view, 5), "10.1.0.0/24", sizeof "10.1.0.0/24");
	copy = malloc(view->size);
	assert_non_null(copy);
	memcpy((void *)copy, view, view->size);
	memset((void *)view_towns(view), 0xff, 2 * sizeof(struct view_town));
	assert_string_equal(view_towns(copy)[1].name, "town-a");
	assert_string_equal(view_hosts(copy)[2].name, "alice");
	assert_string_equal(view_text(copy, 5), "10.1.0.0/24");
	assert_int_equal(view_find_total(copy, VIEW_CHAIN_INPUT), 0);
	free(copy);
	view_release(view);
}

static void finds_rows(void **state)
{
	enum { TOWNS = 13, HOSTS = 7 };
	struct view *view = view_new(2, TOWNS, TOWNS * HOSTS, 0, 1);
	char town[32], host[32];

	(void)state;
	view_totals(view)[0].chain = VIEW_CHAIN_FORWARD;
	view_totals(view)[1].chain = VIEW_CHAIN_OUTPUT;
	/* 0 to 9 come before 10 to 12: shorter names first. */
	for (uint32_t t = 0; t < TOWNS; t++) {
		sprintf(view_towns(view)[t].name, "town-%u", t);
		for (uint32_t h = 0; h < HOSTS; h++) {
			struct view_host *row = &view_hosts(view)[t * HOSTS + h];
			row->town = t;
			sprintf(row->name, "host-%u", h * 2);
		}
	}
	for (uint32_t t = 0; t < TOWNS + 2; t++) {
		sprintf(town, "town-%u", t);
		assert_int_equal(view_find_town(view, town), t < TOWNS ? t : UINT32_MAX);
		for (uint32_t h = 0; h < 2 * HOSTS + 2; h++) {
			sprintf(host, "host-%u", h);
			assert_int_equal(view_find_host(view, town, host),
					 t < TOWNS && h < 2 * HOSTS && h % 2 == 0 ? t * HOSTS + h / 2 : UINT32_MAX);
		}
	}
	assert_int_equal(view_find_town(view, ""), UINT32_MAX);
	assert_int_equal(view_find_town(view, "Town-1"), UINT32_MAX);
	assert_int_equal(view_find_host(view, "town-1", ""), UINT32_MAX);
	assert_int_equal(view_find_total(view, VIEW_CHAIN_FORWARD), 0);
	assert_int_equal(view_find_total(view, VIEW_CHAIN_INPUT), UINT32_MAX);
	assert_int_equal(view_find_total(view, VIEW_CHAIN_OUTPUT), 1);
	view_release(view);
	view = view_new(0, 0, 0, 0, 1);
	assert_int_equal(view_find_town(view, "town-1"), UINT32_MAX);
	assert_int_equal(view_find_host(view, "town-1", "host-1"), UINT32_MAX);
	assert_int_equal(view_find_total(view, VIEW_CHAIN_FORWARD), UINT32_MAX);
	view_release(view);
}

/* All towns' classes, those of every second town, and those of every third host. */
static void finds_classes(void **state)
{
	enum { TOWNS = 6, HOSTS = 4, CLASSES = 3 };
	static const char *const names[CLASSES] = {"p2p", "web", "other"};
	const struct view counts = {.n_towns = TOWNS, .n_hosts = TOWNS * HOSTS, .n_services = CLASSES,
				    .n_town_services = TOWNS / 2 * CLASSES,
				    .n_host_services = TOWNS * HOSTS / 3 * CLASSES};
	struct view *view = view_new_like(&counts, 1);
	uint32_t at = 0, n;

	(void)state;
	for (uint32_t run = 0; run < 3; run++)
		for (uint32_t row = 0; row < (run == 0 ? 1 : run == 1 ? TOWNS : TOWNS * HOSTS); row += run + 1)
			for (uint32_t c = 0; c < CLASSES; c++, at++) {
				struct view_service *service = &view_services(view)[at];
				memcpy(service->name, names[c], strlen(names[c]) + 1);
				service->town = run == 0 ? UINT32_MAX : run == 1 ? row : row / HOSTS;
				service->host = run == 2 ? row : UINT32_MAX;
			}
	assert_int_equal(at, CLASSES + counts.n_town_services + counts.n_host_services);
	for (uint32_t town = UINT32_MAX; town != TOWNS; town++)
		for (uint32_t host = UINT32_MAX; host != (town == UINT32_MAX ? 0 : TOWNS * HOSTS); host++) {
			bool is_town = host == UINT32_MAX && town != UINT32_MAX && town % 2 == 0;
			bool is_host = host != UINT32_MAX && host / HOSTS == town && host % 3 == 0;
			uint32_t first = town == UINT32_MAX ? 0
					 : is_town	    ? CLASSES + town / 2 * CLASSES
					 : is_host	    ? CLASSES + counts.n_town_services + host / 3 * CLASSES
							    : UINT32_MAX;
			bool is = first != UINT32_MAX;
			for (uint32_t c = 0; c < CLASSES; c++)
				assert_int_equal(view_find_service(view, town, host, names[c]), is ? first + c : UINT32_MAX);
			assert_int_equal(view_find_service(view, town, host, "we"), UINT32_MAX);
			assert_int_equal(view_find_service(view, town, host, "zzzzzz"), UINT32_MAX);
			uint32_t of = view_services_of(view, town, host, &n);
			assert_int_equal(n, is ? CLASSES : 0);
			assert_true(!is || of == first);
		}
	view_release(view);
	view = view_new(0, 1, 1, 0, 1);
	assert_int_equal(view_find_service(view, UINT32_MAX, UINT32_MAX, "web"), UINT32_MAX);
	view_services_of(view, 0, 0, &n);
	assert_int_equal(n, 0);
	view_release(view);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_room),
		cmocka_unit_test(lives_as_long_as_it_is_held),
		cmocka_unit_test(has_no_pointers),
		cmocka_unit_test(finds_rows),
		cmocka_unit_test(finds_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
