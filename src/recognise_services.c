/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service classes of towns and hosts: the chains tm-s-... of the tree. */
#include <stdlib.h>
#include <string.h>

#include "grow.h"
#include "recognise_private.h"

/* What no other class has. */
static const char rest[] = "other";

/* A rule that counts a class, to be sorted; the class is one of `names`. */
struct counting {
	uint32_t town, host, rule, name;
};

/* Classes are few, and rules many. */
struct names {
	char (*list)[NAME_SERVICE_MAX + 1];
	uint32_t n, room;
};

static uint32_t names_add(struct names *names, const char *name)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (strcmp(names->list[i], name) == 0)
			return i;
	if (grow_array(&names->list, &names->room, names->n, 1, sizeof *names->list) < 0)
		return RULE_NONE;
	memcpy(names->list[names->n], name, strlen(name) + 1);
	return names->n++;
}

/* The class that a rule counts; NULL with *why: none. */
static const char *class_of(const struct work *work, const struct rule *rule, uint8_t direction, const char **why)
{
	const struct recognise_names *names = work->configured;
	bool plain = rule->dst.family == PREFIX_NONE && rule->src.family == PREFIX_NONE &&
		     rule->verdict == VERDICT_RETURN && !rule->policy;
	const struct ports *ports = &rule->ports;

	if (plain && !rule->odd)
		return rest;
	*why = "no rule of townmeter's";
	if (!plain || !ports->protocol || (rule->odd & ~(ODD_PROTOCOL | ODD_MATCH)))
		return NULL;
	if ((ports->first > 0 || ports->last < PORTS_LAST) && rule->ports_of != direction)
		return NULL;
	*why = "belongs to no class of services";
	const char *name = names && names->find_class ? names->find_class(names->context, ports) : NULL;
	return name && name_valid(name, NAME_SERVICE_MAX) ? name : NULL;
}

static uint32_t count_rules(const struct work *work)
{
	uint32_t n = 0;

	for (uint32_t c = 0; c < work->rules->n_chains; c++)
		if (work->tree[c].place == TREE_SERVICES)
			n += work->rules->chains[c].count;
	return n;
}

/* Returns 0, or -1 with errno ENOMEM. */
static int collect_chain(struct work *work, uint32_t c, struct counting *list, uint32_t *n, struct names *names)
{
	const struct chain *chain = &work->rules->chains[c];
	const struct role *owner = &work->found->roles[work->tree[c].from];
	bool counts = owner->kind == ROLE_JUMP || owner->kind == ROLE_COUNT;

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
		struct role *role = &work->found->roles[i];
		if (!counts) {
			role->why = owner->why;
			continue;
		}
		const char *class = class_of(work, &work->rules->rules[i], owner->direction, &role->why);
		if (!class)
			continue;
		uint32_t name = names_add(names, class);
		if (name == RULE_NONE)
			return -1;
		*role = (struct role){.kind = ROLE_SERVICE, .layout = true, .direction = owner->direction,
				      .town = owner->town, .host = owner->host, .owner = work->tree[c].from};
		list[(*n)++] = (struct counting){owner->town, owner->host, i, name};
	}
	return 0;
}

static int by_name(const void *a, const void *b, void *names)
{
	char(*list)[NAME_SERVICE_MAX + 1] = names;

	return name_compare(list[*(const uint32_t *)a], list[*(const uint32_t *)b]);
}

static int by_owner_and_name(const void *a, const void *b, void *ranks)
{
	const struct counting *x = a, *y = b;
	const uint32_t *rank = ranks;

	if (x->town != y->town)
		return x->town < y->town ? -1 : 1;
	/* The town's own, RULE_NONE, comes first. */
	if (x->host != y->host)
		return x->host + 1 < y->host + 1 ? -1 : 1;
	return (rank[x->name] > rank[y->name]) - (rank[x->name] < rank[y->name]);
}

/* Rules of one class lie side by side then. */
static int sort(struct counting *list, uint32_t n, const struct names *names)
{
	uint32_t *order = calloc(names->n + 1u, sizeof *order), *rank = calloc(names->n + 1u, sizeof *rank);
	int result = -1;

	if (order && rank) {
		for (uint32_t i = 0; i < names->n; i++)
			order[i] = i;
		qsort_r(order, names->n, sizeof *order, by_name, names->list);
		for (uint32_t i = 0; i < names->n; i++)
			rank[order[i]] = i;
		qsort_r(list, n, sizeof *list, by_owner_and_name, rank);
		result = 0;
	}
	free(order);
	free(rank);
	return result;
}

static bool same_service(const struct counting *a, const struct counting *b)
{
	return a->town == b->town && a->host == b->host && a->name == b->name;
}

static int make_services(struct recognition *found, const struct counting *list, uint32_t n, const struct names *names)
{
	uint32_t different = 0;

	for (uint32_t i = 0; i < n; i++)
		different += i == 0 || !same_service(&list[i - 1], &list[i]);
	found->services = calloc(different + 1u, sizeof *found->services);
	if (!found->services)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || !same_service(&list[i - 1], &list[i])) {
			struct found_service *service = &found->services[found->n_services++];
			service->town = list[i].town;
			service->host = list[i].host;
			memcpy(service->name, names->list[list[i].name], sizeof service->name);
		}
		found->roles[list[i].rule].service = found->n_services - 1;
	}
	return 0;
}

int recognise_services(struct work *work)
{
	struct names names = {.list = NULL};
	uint32_t n = 0;
	struct counting *list = calloc(count_rules(work) + 1u, sizeof *list);
	int result = list ? 0 : -1;

	for (uint32_t c = 0; c < work->rules->n_chains && result == 0; c++)
		if (work->tree[c].place == TREE_SERVICES)
			result = collect_chain(work, c, list, &n, &names);
	if (result == 0 && n)
		result = sort(list, n, &names);
	if (result == 0)
		result = make_services(work->found, list, n, &names);
	free(names.list);
	free(list);
	return result;
}
