/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view.h"

#include <stdio.h>

#include "make.h"

/* Rows must not overlap and must lie within the block: a sanitizer sees it when each is filled. */
static void rows_have_room(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 40; n++) {
		struct view *view = view_new(n % 4, n, n * 2, n * 3, n * 5 + 1);
		assert_non_null(view);
		for (uint32_t i = 0; i < view->n_totals; i++)
			memset(&view_totals(view)[i], 1, sizeof(struct view_total));
		for (uint32_t i = 0; i < view->n_towns; i++)
			memset(&view_towns(view)[i], 2, sizeof(struct view_town));
		for (uint32_t i = 0; i < view->n_hosts; i++)
			memset(&view_hosts(view)[i], 3, sizeof(struct view_host));
		for (uint32_t i = 0; i < view->n_addresses; i++)
			memset(&view_addresses(view)[i], 4, sizeof(struct view_address));
		assert_string_equal(view_text(view, 0), "");
		memset(view_text(view, 0), 5, n * 5 + 1);
		/* All are still what they were filled with. */
		const unsigned char *at[] = {(void *)view_totals(view), (void *)view_towns(view), (void *)view_hosts(view),
					     (void *)view_addresses(view)};
		const size_t sizes[] = {view->n_totals * sizeof(struct view_total), view->n_towns * sizeof(struct view_town),
					view->n_hosts * sizeof(struct view_host),
					view->n_addresses * sizeof(struct view_address)};
		for (unsigned k = 0; k < 4; k++) {
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_have_room),
		cmocka_unit_test(lives_as_long_as_it_is_held),
		cmocka_unit_test(has_no_pointers),
		cmocka_unit_test(finds_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
