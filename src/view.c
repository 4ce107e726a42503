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

struct view *view_new_like(const struct view *counts, uint64_t text)
{
	uint64_t size = sizeof *counts, totals = place(&size, counts->n_totals, sizeof(struct view_total)),
		 towns = place(&size, counts->n_towns, sizeof(struct view_town)),
		 hosts = place(&size, counts->n_hosts, sizeof(struct view_host)),
		 addresses = place(&size, counts->n_addresses, sizeof(struct view_address)),
		 services = place(&size, (uint64_t)counts->n_services + counts->n_town_services +
						 counts->n_host_services, sizeof(struct view_service)),
		 texts = place(&size, text, 1);
	struct view *view = calloc(1, size);

	if (!view)
		return NULL;
	view->n_totals = counts->n_totals;
	view->n_towns = counts->n_towns;
	view->n_hosts = counts->n_hosts;
	view->n_addresses = counts->n_addresses;
	view->n_services = counts->n_services;
	view->n_town_services = counts->n_town_services;
	view->n_host_services = counts->n_host_services;
	view->totals = totals;
	view->towns = towns;
	view->hosts = hosts;
	view->addresses = addresses;
	view->services = services;
	view->text = texts;
	view->size = size;
	atomic_init(&view->references, 1);
	return view;
}

struct view *view_new(uint32_t n_totals, uint32_t n_towns, uint32_t n_hosts, uint32_t n_addresses, uint64_t text)
{
	const struct view counts = {
		.n_totals = n_totals, .n_towns = n_towns, .n_hosts = n_hosts, .n_addresses = n_addresses};

	return view_new_like(&counts, text);
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

struct view_service *view_services(const struct view *view)
{
	return at(view, view->services);
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

/* Which of the three runs it belongs to. */
static int run_of(uint32_t town, uint32_t host)
{
	return town == UINT32_MAX ? 0 : host == UINT32_MAX ? 1 : 2;
}

/* The first class that is not ahead of this one, which need not be there. */
static uint32_t service_bound(const struct view *view, uint32_t town, uint32_t host, const char *name)
{
	uint32_t low = 0, high = view->n_services + view->n_town_services + view->n_host_services;
	int run = run_of(town, host);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct view_service *row = &view_services(view)[middle];
		int order = run_of(row->town, row->host) - run;
		if (order == 0)
			order = (row->town > town) - (row->town < town);
		if (order == 0)
			order = (row->host > host) - (row->host < host);
		if (order == 0)
			order = name_compare(row->name, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_of(const struct view *view, uint32_t service, uint32_t town, uint32_t host)
{
	return service < view->n_services + view->n_town_services + view->n_host_services &&
	       view_services(view)[service].town == town && view_services(view)[service].host == host;
}

uint32_t view_find_service(const struct view *view, uint32_t town, uint32_t host, const char *name)
{
	uint32_t found = service_bound(view, town, host, name);

	return is_of(view, found, town, host) && name_compare(view_services(view)[found].name, name) == 0 ? found : UINT32_MAX;
}

uint32_t view_services_of(const struct view *view, uint32_t town, uint32_t host, uint32_t *n)
{
	uint32_t first = service_bound(view, town, host, "");

	for (*n = 0; is_of(view, first + *n, town, host); ++*n)
		;
	return first;
}
