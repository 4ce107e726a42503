/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel, model and ledger as one: a look, a change, and what the wishes ask for. Used by the meter thread
 * alone, while the backend is locked.
 */
#ifndef TOWNMETER_WORKSHOP_H
#define TOWNMETER_WORKSHOP_H

#include "backend.h"
#include "books.h"
#include "meter.h"

struct workshop {
	const struct backend_ops *ops;
	struct backend *backend;
	struct books *books;
	struct meter *meter;
	struct view_agent *agent; /* what is published of the agent itself */
	meter_report *report;
	void *context;
	/* The configuration, for a meter that is loaded anew. */
	void (*configure)(struct meter *meter, void *context);
	bool read_only;         /* no rule is changed: periods end in the ledger alone, quotas only tell */
	bool found[2], offload; /* of the last look, as in its snapshot */
	bool looked;            /* there was one that read everything */
};

/* Reads the rules and folds them in. Finishes first what the last process had begun. Returns 0, or -1 with
 * `error`. */
int workshop_look(struct workshop *workshop, enum read_depth depth, struct snapshot *snapshot,
		  char error[BACKEND_ERROR_SIZE]);

/* Saves the model. Returns 0, or -1: why is told. */
int workshop_save(struct workshop *workshop);

/* Begins a change: what the model is now is kept, for workshop_change(). With it so many periods end. Returns 0,
 * or -1 with `error`. */
int workshop_begin(struct workshop *workshop, size_t n_closed, char error[BACKEND_ERROR_SIZE]);

/* Carries out edits of the rules just read, and takes into the model what they did. The model's rows are
 * already what they are to be. `keys` are the identities of the rules that edits put in, one an edit, with ROLE_OTHER
 * for what counts nobody; NULL: they are all blocks, and hosts' rules of towns' chains. `closed` are the periods that
 * end with it. *announced tells whether the
 * ledger knows of it whatever happens next; NULL: a ledger that can not be saved is no reason not to do it.
 * Anything but CHANGE_DONE: the caller puts the rows back. */
enum change_result workshop_change(struct workshop *workshop, const struct ruleset *rules, struct edit *edits,
				   const struct rule_key *keys, size_t n, const struct closed *closed,
				   size_t n_closed, bool *announced, char error[BACKEND_ERROR_SIZE]);

/* The witness can tell of one change at a time. One that is in the ledger as an intent only has to be saved
 * before the next one is armed; as long as it can not be, changes that nobody waits for have to. Returns 0, or -1 with
 * `error`. */
int workshop_make_way(struct workshop *workshop, char error[BACKEND_ERROR_SIZE]);

/* Puts blocks in force that are wished for, and takes those away that are not: quotas ask for it, and other
 * programs that change the rules. Rows and rules are of the last look. Returns whether anything was changed:
 * then look again. */
bool workshop_enforce(struct workshop *workshop, const struct snapshot *snapshot);

/* What an unfinished change of the last process came to (recover.c). Returns 0 when nothing is open any
 * more, or -1 with `error`: try again later. */
int workshop_recover(struct workshop *workshop, char error[BACKEND_ERROR_SIZE]);

/* The identity of the rule that an edit puts in, by `keys` as workshop_change() has them, of this edit or NULL. */
struct rule_key workshop_inserted(const struct workshop *workshop, const struct ruleset *rules, const struct edit *edit,
				  const struct rule_key *key);

/* recover.c: describes a change for it. Returns the size of *steps, which the caller frees; 0 with errno. */
size_t workshop_describe(const struct workshop *workshop, const struct ruleset *rules, const struct edit *edits,
			 const struct rule_key *keys, size_t n, const struct intent *intent, void **steps);

#endif
