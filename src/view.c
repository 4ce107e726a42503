/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view.h"

#include <stdlib.h>

/* Rows begin where any of their members may stand. */
static uint64_t place(uint64_t *size, uint64_t n, size_t row)
{
	uint64_t start = (*size + 15) & ~(uint64_t)15;

	*size = start + n * row;
	return start;
}

struct view *view_new(uint32_t n_totals, uint32_t n_towns, uint32_t n_hosts, uint32_t n_addresses, uint64_t text)
{
	struct view head = {.n_totals = n_totals, .n_towns = n_towns, .n_hosts = n_hosts, .n_addresses = n_addresses};

	head.size = sizeof head;
	head.totals = place(&head.size, n_totals, sizeof(struct view_total));
	head.towns = place(&head.size, n_towns, sizeof(struct view_town));
	head.hosts = place(&head.size, n_hosts, sizeof(struct view_host));
	head.addresses = place(&head.size, n_addresses, sizeof(struct view_address));
	head.text = place(&head.size, text, 1);
	struct view *view = calloc(1, head.size);
	if (!view)
		return NULL;
	view->n_totals = n_totals;
	view->n_towns = n_towns;
	view->n_hosts = n_hosts;
	view->n_addresses = n_addresses;
	view->totals = head.totals;
	view->towns = head.towns;
	view->hosts = head.hosts;
	view->addresses = head.addresses;
	view->text = head.text;
	view->size = head.size;
	atomic_init(&view->references, 1);
	return view;
}

struct view *view_hold(struct view *view)
{
	if (view)
		atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
	return view;
}

void view_release(struct view *view)
{
	if (view && atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) == 1)
		free(view);
}

static void *at(const struct view *view, uint64_t offset)
{
	return (char *)(uintptr_t)view + offset;
}

struct view_total *view_totals(const struct view *view)
{
	return at(view, view->totals);
}

struct view_town *view_towns(const struct view *view)
{
	return at(view, view->towns);
}

struct view_host *view_hosts(const struct view *view)
{
	return at(view, view->hosts);
}

struct view_address *view_addresses(const struct view *view)
{
	return at(view, view->addresses);
}

char *view_text(const struct view *view, uint64_t offset)
{
	return at(view, view->text + offset);
}

uint32_t view_find_town(const struct view *view, const char *town)
{
	uint32_t low = 0, high = view->n_towns;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = name_compare(view_towns(view)[middle].name, town);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

uint32_t view_find_host(const struct view *view, const char *town, const char *host)
{
	uint32_t own = view_find_town(view, town), low = 0, high = view->n_hosts;

	if (own == UINT32_MAX)
		return UINT32_MAX;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct view_host *row = &view_hosts(view)[middle];
		int order = row->town != own ? (row->town < own ? -1 : 1) : name_compare(row->name, host);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

uint32_t view_find_total(const struct view *view, uint32_t chain)
{
	for (uint32_t i = 0; i < view->n_totals; i++)
		if (view_totals(view)[i].chain == chain)
			return i;
	return UINT32_MAX;
}
