/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the rules that the configuration asks for into the kernel, keeps them there, and takes them away again. Used
 * by the meter thread alone, while the backend is locked.
 *
 * Every way leads over layout_compare(): what stands as it should is not touched, and what is written again goes on
 * from what it had counted.
 */
#ifndef TOWNMETER_WRITING_H
#define TOWNMETER_WRITING_H

#include "layout.h"
#include "lines.h"
#include "settings.h"
#include "workshop.h"

enum writing_task {
	WRITING_MEND,   /* another program took rules away: put them back, wherever the jump of FORWARD stands */
	WRITING_APPLY,  /* all as configured, the jump of FORWARD at its top */
	WRITING_REMOVE, /* everything that townmeter wrote goes */
};

struct writing {
	const struct settings *settings; /* in force; borrowed */
	struct layout *layouts[2];       /* what they ask for, of IPv4 and IPv6; NULL: not made yet */
	uint64_t right;                  /* the generation of rules (struct snapshot) that had nothing to change; 0: none */
	bool removed;                    /* taken away by command: nothing is written until the next WRITING_APPLY */
};

/* What came of it. */
struct writing_report {
	size_t chains_added, chains_removed, rules_added, rules_removed;
	struct lines commands; /* of a dry run: as commands of iptables */
	struct lines notes;    /* what stands in the way, and stays */
};

/* Takes other settings, which must outlive it or the next call; NULL: none. */
void writing_configure(struct writing *writing, const struct settings *settings);

/* Is there something that the rules may lack, by this snapshot? */
bool writing_is_due(const struct writing *writing, const struct snapshot *snapshot);

/* There are no tables of iptables at all: makes them if rules are to be written. Returns whether it did. */
bool writing_begin(const struct writing *writing, struct workshop *workshop, char error[BACKEND_ERROR_SIZE]);

/* Does it, all or nothing, in one transaction a backend; `dry`: only tells. `looked` is what a look at everything just
 * gave, in the same lock; NULL: it looks itself. Look again after it: blocks that are wished for may be missing in
 * new chains. `report` is the caller's, all zero, to be freed with
 * writing_report_free() in any case. CHANGE_DONE, also if there was nothing to do; else why not in `error`. */
enum change_result writing_run(struct writing *writing, struct workshop *workshop, enum writing_task task, bool dry,
			       const struct snapshot *looked, struct writing_report *report, char error[BACKEND_ERROR_SIZE]);

void writing_report_free(struct writing_report *report);

/* Frees what it made of the settings. */
void writing_end(struct writing *writing);

#endif
