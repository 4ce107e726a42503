/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the steps of recognise() share with one another, and with nobody else. */
#ifndef TOWNMETER_RECOGNISE_PRIVATE_H
#define TOWNMETER_RECOGNISE_PRIVATE_H

#include "recognise.h"

/* A counting or drop rule in a town's chain. */
struct sighting {
	uint32_t town;
	struct prefix prefix;
	uint32_t rule;
	uint8_t direction;
	bool beside; /* another one of the same prefix, if there is one, is read instead */
};

/* Where a chain stands among those that townmeter writes. */
enum tree_place {
	TREE_OUTSIDE,
	TREE_DISPATCH, /* from the root to the towns */
	TREE_TOWN,
	TREE_HOSTS,    /* below an entrance of a town */
	TREE_SERVICES,
};

struct tree_chain {
	uint8_t place; /* enum tree_place */
	uint32_t from; /* of TREE_HOSTS: the entrance; of TREE_SERVICES: the rule whose packets it divides */
};

struct work {
	const struct ruleset *rules;
	struct recognition *found;
	uint32_t *town_of_chain;    /* RULE_NONE: not a town's */
	struct tree_chain *tree;    /* one a chain */
	uint32_t root[2][2];        /* [enum chain_backend][IPv6]: FORWARD's jump into the tree, or RULE_NONE */
	uint32_t n_entrances, n_counts; /* rules of the tree that count towns and hosts */
	struct sighting *sightings; /* of hosts; in the order of town, prefix, rule */
	uint32_t n_sightings;
	const struct recognise_names *configured, *remembered; /* or NULL */
	int failed;                 /* no memory: found.problems is incomplete */
};

/* Adds a line to found.problems. */
void recognise_problem(struct work *work, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* For qsort(): sightings by town, prefix, direction, rule. */
int recognise_order(const void *a, const void *b);

/* qsort(), but not of what is sorted already, as rules made by a program are. */
void recognise_sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *));

/* The direction of a rule that has one prefix. */
uint8_t recognise_way(const struct rule *rule);

/* Adds the sightings of the hosts below the towns' entrances. */
void recognise_tree_hosts(struct work *work);

/* The steps, in this order. Each returns 0, or -1 with errno ENOMEM. */
int recognise_tree(struct work *work);    /* tree, root, dispatch, canaries */
int recognise_towns(struct work *work);   /* towns, jumps, town_of_chain */
int recognise_totals(struct work *work);
int recognise_hosts(struct work *work);   /* sightings, addresses, hosts */
int recognise_services(struct work *work);
int recognise_blocks(struct work *work);  /* bypasses, what drops achieve */

#endif
