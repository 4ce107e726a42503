/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic by service class. A town or a host has a counter for every class or for none, so that they make a matrix:
 * a column for each class, a row for each town or host whose traffic is divided. Row 0 is that of all towns, which
 * goes on when a town is forgotten.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter_adopt.h"

/* What no other class has. */
static const char rest[] = "other";

void meter_services_free(struct services *services)
{
	free(services->names);
	free(services->owners);
	free(services->amounts);
	memset(services, 0, sizeof *services);
}

static uint32_t column_of(const struct services *services, const char *name)
{
	for (uint32_t i = 0; i < services->n; i++)
		if (strcmp(services->names[i], name) == 0)
			return i;
	return RULE_NONE;
}

/* There are few of them, and what is found names the same ones again and again. */
static int add_name(struct services *services, const char *name)
{
	if (column_of(services, name) != RULE_NONE)
		return 0;
	char(*more)[NAME_SERVICE_MAX + 1] = realloc(services->names, (services->n + 1u) * sizeof *more);
	if (!more)
		return -1;
	services->names = more;
	memset(more[services->n], 0, sizeof *more);
	memcpy(more[services->n++], name, strlen(name) + 1);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return name_compare(a, b);
}

/* Those that were there stay, and there is always a rest. */
static int collect_names(const struct adoption *a, struct services *next)
{
	const struct services *before = &a->meter->services;
	int failed = add_name(next, rest);

	for (uint32_t i = 0; i < before->n; i++)
		failed |= add_name(next, before->names[i]);
	for (uint32_t i = 0; i < a->found->n_services; i++)
		failed |= add_name(next, a->found->services[i].name);
	if (failed)
		return -1;
	qsort(next->names, next->n, sizeof *next->names, by_name);
	return 0;
}

/* The row of the town or host that a class was found of; 0: none yet. */
static uint32_t row_of(const struct adoption *a, const struct found_service *service)
{
	return service->host == RULE_NONE ? a->towns[a->town_ids[service->town]].services
					  : a->hosts[a->host_ids[service->host]].services;
}

static bool begins_owner(const struct recognition *found, uint32_t i)
{
	const struct found_service *service = &found->services[i];

	return i == 0 || service->town != service[-1].town || service->host != service[-1].host;
}

static int collect_owners(const struct adoption *a, struct services *next)
{
	const struct services *before = &a->meter->services;
	const struct recognition *found = a->found;
	uint32_t rows = before->rows ? before->rows : 1;

	for (uint32_t i = 0; i < found->n_services; i++)
		rows += begins_owner(found, i) && row_of(a, &found->services[i]) == 0;
	next->owners = calloc(rows, sizeof *next->owners);
	if (!next->owners)
		return -1;
	next->owners[0] = (struct service_owner){RULE_NONE, RULE_NONE};
	for (next->rows = 1; next->rows < before->rows; next->rows++)
		next->owners[next->rows] = before->owners[next->rows];
	for (uint32_t i = 0; i < found->n_services; i++) {
		const struct found_service *service = &found->services[i];
		if (begins_owner(found, i) && row_of(a, service) == 0)
			next->owners[next->rows++] = (struct service_owner){
				a->town_ids[service->town],
				service->host == RULE_NONE ? RULE_NONE : a->host_ids[service->host]};
	}
	return 0;
}

/* Every counter of the old matrix, in its place in the new one. */
static int carry_amounts(const struct services *before, struct services *next)
{
	uint64_t cells = (uint64_t)next->rows * next->n;

	next->amounts = cells < RULE_NONE ? calloc(cells, sizeof *next->amounts) : NULL;
	if (!next->amounts) {
		errno = ENOMEM;
		return -1;
	}
	for (uint32_t c = 0; c < before->n; c++) {
		uint32_t to = column_of(next, before->names[c]);
		for (uint32_t row = 0; row < before->rows; row++)
			next->amounts[row * next->n + to] = before->amounts[row * before->n + c];
	}
	return 0;
}

/* The cells of what was found: new owners get the rows that follow, in their order. */
static int find_cells(struct adoption *a)
{
	const struct recognition *found = a->found;
	uint32_t made = a->meter->services.rows ? a->meter->services.rows : 1, row = 0;

	a->service_cells = calloc(found->n_services + 1u, sizeof *a->service_cells);
	if (!a->service_cells)
		return -1;
	for (uint32_t i = 0; i < found->n_services; i++) {
		if (begins_owner(found, i)) {
			row = row_of(a, &found->services[i]);
			row = row ? row : made++;
		}
		a->service_cells[i] = row * a->services.n + column_of(&a->services, found->services[i].name);
	}
	return 0;
}

int meter_services_prepare(struct adoption *a)
{
	if (a->found->n_services == 0)
		return 0;
	if (collect_names(a, &a->services) < 0 || collect_owners(a, &a->services) < 0 ||
	    carry_amounts(&a->meter->services, &a->services) < 0)
		return -1;
	return find_cells(a);
}

bool meter_services_take(struct adoption *a)
{
	struct services *own = &a->meter->services, before = *own;

	if (a->services.n == 0)
		return false;
	*own = a->services;
	a->services = before;
	for (uint32_t row = 1; row < own->rows; row++)
		*meter_services_row(a->meter, &own->owners[row]) = row;
	return own->n != before.n || own->rows != before.rows;
}

uint32_t *meter_services_row(struct meter *meter, const struct service_owner *owner)
{
	return owner->host == RULE_NONE ? &meter->towns[owner->town].services : &meter->hosts[owner->host].services;
}

void meter_services_begin(struct meter *meter, uint32_t row)
{
	const struct services *services = &meter->services;

	if (row)
		memset(services->amounts + (size_t)row * services->n, 0, services->n * sizeof *services->amounts);
}

static void add(struct counter *sum, uint64_t packets, uint64_t octets)
{
	sum->packets += packets;
	sum->octets += octets;
}

void meter_services_count(struct meter *meter, const struct track *track, uint64_t packets, uint64_t octets)
{
	struct services *services = &meter->services;
	uint8_t direction = track->key.direction;

	if (packets == 0 && octets == 0)
		return;
	meter->stale |= IMAGE_BIT(IMAGE_SERVICES);
	add(&services->amounts[track->service].way[direction], packets, octets);
	/* A host's packets are its town's already. */
	if (track->host == RULE_NONE)
		add(&services->amounts[track->service % services->n].way[direction], packets, octets);
}

void meter_set_matches(struct meter *meter, meter_match *match, void *context)
{
	meter->match = match;
	meter->match_context = context;
}

static struct amount amount_of(const struct counter *counter)
{
	return (struct amount){.packets = counter->packets, .octets = counter->octets};
}

/* The text of a column; "" for the rest, and for what is not configured any more. */
static const char *match_of(const struct meter *meter, uint32_t column, char text[METER_MATCH_SIZE])
{
	const char *name = meter->services.names[column];

	text[0] = '\0';
	if (meter->match && strcmp(name, rest) != 0)
		meter->match(meter->match_context, name, text);
	return text;
}

uint64_t meter_services_measure(const struct meter *meter, struct view *counts)
{
	const struct services *services = &meter->services;
	char text[METER_MATCH_SIZE];
	uint64_t size = 0;

	counts->n_services = services->n;
	for (uint32_t i = 0; i < services->n; i++)
		size += strlen(match_of(meter, i, text)) + 1;
	for (uint32_t i = 0; i < meter->town_rows; i++)
		counts->n_town_services += meter->towns[meter->town_order[i]].services ? services->n : 0;
	for (uint32_t i = 0; i < meter->host_rows; i++)
		counts->n_host_services += meter->hosts[meter->host_order[i]].services ? services->n : 0;
	return size;
}

static void publish_row(const struct meter *meter, struct view_service **to, uint32_t row, uint32_t town, uint32_t host)
{
	const struct services *services = &meter->services;

	for (uint32_t c = 0; c < services->n; c++) {
		const struct counter *way = services->amounts[(size_t)row * services->n + c].way;
		struct view_service *service = (*to)++;
		memcpy(service->name, services->names[c], sizeof service->name);
		service->town = town;
		service->host = host;
		service->down = amount_of(&way[DIRECTION_DOWN]);
		service->up = amount_of(&way[DIRECTION_UP]);
	}
}

void meter_services_publish(const struct meter *meter, struct view *view, uint64_t text)
{
	struct view_service *to = view_services(view);

	publish_row(meter, &to, 0, UINT32_MAX, UINT32_MAX);
	for (uint32_t i = 0; i < meter->services.n; i++) {
		char match[METER_MATCH_SIZE];
		size_t size = strlen(match_of(meter, i, match)) + 1;
		memcpy(view_text(view, text), match, size);
		view_services(view)[i].match = (uint32_t)text;
		text += size;
	}
	for (uint32_t i = 0; i < meter->town_rows; i++) {
		uint32_t row = meter->towns[meter->town_order[i]].services;
		if (row)
			publish_row(meter, &to, row, i, UINT32_MAX);
	}
	for (uint32_t i = 0; i < meter->host_rows; i++) {
		uint32_t row = meter->hosts[meter->host_order[i]].services;
		if (row)
			publish_row(meter, &to, row, view_hosts(view)[i].town, i);
	}
}
