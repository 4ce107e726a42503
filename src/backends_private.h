/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files backends*.c share. */
#ifndef TOWNMETER_BACKENDS_PRIVATE_H
#define TOWNMETER_BACKENDS_PRIVATE_H

#include "backends.h"

/* Arrays are by enum chain_backend. */
struct backend {
	struct backend *parts[2];              /* NULL: could not be opened, */
	char closed[2][BACKEND_ERROR_SIZE];    /* and why */
	bool there[2], locked[2], in_lock;
	bool wanted[2];                        /* we made its table: it is read without rules, too */
	/* The last read. */
	bool used[2];
	uint64_t generations[2], generation;
	struct ruleset *merged;                /* of both, while both are used */
	struct counter *counters;
	uint32_t first_chain[2], first_rule[2]; /* where each begins in it */
};

/* Their operations. */
extern const struct backend_ops *const backends_parts[2];

/* Operations of both as one (backend.h). */
int backends_make_table(struct backend *backend, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE]);
int backends_drop_table(struct backend *backend, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE]);

/* In which of them a rule stands; an edit's rule, or what it makes. */
int backends_part_of_rule(const struct backend *backend, uint32_t rule);
int backends_part(const struct backend *backend, const struct edit *edit);

/* The edits of one part, with its own indexes. */
struct backends_share {
	struct edit *edits;
	size_t *from; /* for each: the number of the edit that it is, or SIZE_MAX: only mirrored */
	size_t n, room;
};

/* Returns 0, or -1 with errno ENOMEM. Free in both cases. */
int backends_share_make(struct backends_share *share, const struct backend *backend, int part,
			const struct edit *edits, size_t n);
void backends_share_free(struct backends_share *share);

/* What arm() or a change returned, to the edits that it came from. */
void backends_share_return(const struct backends_share *share, struct edit *edits);

#endif
