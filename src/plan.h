/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From commands to edits of the rules that stand now. Pure: nothing is touched.
 *
 * Blocking a host puts drops for both directions at the head of its town's chain, behind the town's
 * own drops; blocking a town puts one drop a jump ahead of everything. Lifting takes away every drop
 * of the row, also foreign ones, and puts a counting rule where a foreign drop had replaced it.
 */
#ifndef TOWNMETER_PLAN_H
#define TOWNMETER_PLAN_H

#include "backend.h"
#include "recognise.h"

struct plan {
	const struct ruleset *rules;
	const struct recognition *found;
	struct edit *edits;
	size_t n, room;
	uint8_t *marks; /* one a rule: what the plan does with it already */
	bool failed;    /* no memory */
};

/* Begins an empty plan. Returns 0, or -1 with errno ENOMEM. plan_free() in both cases. */
int plan_begin(struct plan *plan, const struct ruleset *rules, const struct recognition *found);
void plan_free(struct plan *plan);

/* Add to the plan; towns and hosts by their place in the recognition. plan.failed tells of errors.
 * ours_only: leave foreign drops alone. */
void plan_block_host(struct plan *plan, uint32_t host);
void plan_unblock_host(struct plan *plan, uint32_t host, bool ours_only);
void plan_block_town(struct plan *plan, uint32_t town);
void plan_unblock_town(struct plan *plan, uint32_t town, bool ours_only);
void plan_zero_host(struct plan *plan, uint32_t host);
void plan_zero_town(struct plan *plan, uint32_t town);
void plan_zero_total(struct plan *plan, enum hook hook);

/* A host with the very prefix of its town can only be blocked with the town. */
bool plan_can_block_host(const struct ruleset *rules, const struct recognition *found, uint32_t host);

#endif
