/* SPDX-License-Identifier: GPL-2.0-or-later */
/* While new rules are taken in; shared by the files meter_adopt*.c only. */
#ifndef TOWNMETER_METER_ADOPT_H
#define TOWNMETER_METER_ADOPT_H

#include "meter_private.h"

struct adoption {
	struct meter *meter;
	const struct snapshot *snapshot;
	struct recognition *found;
	uint32_t *town_ids, *host_ids;     /* by place in the recognition */
	uint32_t *town_order, *host_order; /* the new ones */
	struct town *towns;                /* the meter's, with room for new ones */
	struct host *hosts;
	struct track *tracks, *known;      /* the new ones; the old ones and the absent, by key */
	uint32_t n_known;
	uint32_t town_rows, host_rows;     /* of the new orders */
	uint32_t *forgotten, n_forgotten;  /* hosts, by town and name */
	bool revived;                      /* a forgotten row came back */
	bool renamed;                      /* the rules may be the same, and other names be configured for them */
	struct services services;          /* the new ones; without any found none, and the meter's stay */
	uint32_t *service_cells;           /* by place in recognition.services: index in services.amounts */
	decitime now;
};

/* meter_adopt_rows.c. Lists forgotten hosts for the search: a town may have been forgotten with all of its hosts,
 * and come back with them. 0, or -1 with errno ENOMEM. */
int meter_adopt_list_forgotten(struct adoption *a);
/* Both lists are in the order of names: one walk finds old rows again and puts new ones in place. Return how many
 * identities there are then; a->town_ids and a->host_ids are filled. Hosts come after towns. */
uint32_t meter_adopt_towns(struct adoption *a);
uint32_t meter_adopt_hosts(struct adoption *a);

/* meter_adopt_rules.c. The identity of a rule, and the rows it counts for. */
struct track meter_adopt_track(const struct adoption *a, uint32_t rule);
/* Every rule that stood before goes on from its last counter. */
void meter_adopt_match(struct adoption *a);
/* meter_adopt_twins.c. Where rules of the tree and rules that someone wrote count the same, one hands over to the other
 * without a gap. */
void meter_adopt_twins(struct adoption *a);
/* What stood once and does not now is kept, so that it goes on when it comes back. A rule that another program
 * took away took with it what it counted since our last look: stamped. */
void meter_adopt_keep_absent(struct adoption *a);

/* meter_services.c, after the towns and hosts. Makes room for what was found: 0, or -1 with errno ENOMEM. Then the
 * meter takes it; returns whether there are classes, or owners of some, that were not there before. */
int meter_services_prepare(struct adoption *a);
bool meter_services_take(struct adoption *a);

#endif
