/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend reads the kernel's rules and changes them; it knows nothing of towns and hosts. All
 * calls come from one thread. Errors: -1, and one clear line in `error` that says what was found and
 * what to do.
 */
#ifndef TOWNMETER_BACKEND_H
#define TOWNMETER_BACKEND_H

#include <stddef.h>
#include <time.h>

#include "snapshot.h"

enum { BACKEND_ERROR_SIZE = 256 };

struct backend;

/* One change of the rules. Rules are named by their index in the snapshot read last. */
enum edit_kind {
	EDIT_ZERO,   /* set the rule's counter to zero; `counter` gives what it had counted; `kept` tells that
	              * the kernel could not do it, and that the counter goes on as it was read */
	EDIT_ADD,    /* add `counter` to the rule's counter; `counter` gives what was added: nothing at all where
	              * the kernel can not do that */
	EDIT_DELETE, /* remove the rule; `counter` gives its last count, exactly */
	EDIT_INSERT, /* a rule, before rule `rule` */
	EDIT_CHAIN,  /* a new chain `name`, empty */
	EDIT_DELETE_CHAIN, /* remove `chain`, whose rules this very change removes */
};

/*
 * A change is made in steps, each of which the kernel makes as a whole: a kill may come between two of
 * them, and never inside one. arm() gives them numbers, and a witness each that moves in the very step:
 * settle() tells from it, after a crash, what happened.
 */
#define STEP_NONE UINT32_MAX

struct edit {
	const char *name;    /* EDIT_CHAIN, and an EDIT_INSERT into the chain that one makes; borrowed */
	const char *target;  /* VERDICT_JUMP, _GOTO: the chain's name, which stands or is made by this change; borrowed */
	const char *comment; /* EDIT_INSERT: NULL for none; borrowed */
	struct counter counter; /* EDIT_ADD, EDIT_INSERT: given; EDIT_ZERO, EDIT_DELETE, EDIT_ADD: returned */
	struct counter left; /* EDIT_ZERO: returned: what it shows still of `counter`, which came between read and step */
	enum edit_kind kind;
	uint32_t rule;       /* EDIT_INSERT: RULE_NONE puts it at the end of `chain` */
	uint32_t chain;      /* RULE_NONE: the one called `name`, which this very change makes */
	uint32_t step;       /* returned by arm(): the step that takes this edit's counter. STEP_NONE: there is none
	                      * that takes it (a kept zero), or the rules that stand tell whether it happened */
	struct ports ports;  /* EDIT_INSERT: protocol 0: any */
	struct prefix prefix;
	struct prefix other; /* EDIT_INSERT: a prefix of the other direction's side, too; PREFIX_NONE: none, as
	                      * `prefix` may be */
	uint8_t backend, family; /* with `name`: enum chain_backend, and the version of IP */
	uint8_t direction;   /* EDIT_INSERT: -d (down) or -s (up) */
	uint8_t ports_of;    /* as in struct rule */
	uint8_t verdict;     /* EDIT_INSERT: VERDICT_NONE, _DROP, _RETURN, _JUMP or _GOTO */
	bool kept;           /* EDIT_ZERO: returned */
};

/* What settle() has to know: octets without pointers, for this machine, to be kept until it was called. It
 * may be megabytes: 16 octets and more for every rule of a table that is replaced. */
struct intent {
	void *data;          /* malloc()ed, the caller frees it; NULL: there are no steps */
	size_t size;
	uint32_t n_steps;
};

enum step_outcome {
	STEP_NOT_DONE,
	STEP_DONE,
	STEP_RESCUED,  /* done, and counters that the process had taken with it were given back: what rules counted
	                * between the read and the step is lost */
	STEP_UNKNOWN,  /* another program took the witness away */
};

enum change_result {
	CHANGE_DONE,
	CHANGE_STALE,   /* nothing was changed, since the rules are not those of the last read: read again */
	CHANGE_REFUSED, /* nothing was changed */
	CHANGE_BROKEN,  /* something was changed and could not be put back */
};

/* Commands need the rules; where these can be known without reading all counters, they are faster. */
enum read_depth { READ_RULES, READ_ALL };

struct backend_ops {
	const char *name;

	/* Are there rules of this backend in this network namespace? 1 yes, 0 no (`error` says what was
	 * looked for), -1 it can not be told. Creates nothing. */
	int (*probe)(char error[BACKEND_ERROR_SIZE]);

	/* Opens what is needed; call before privileges are dropped. NULL on error. */
	struct backend *(*open)(char error[BACKEND_ERROR_SIZE]);
	/* `intent_open`: a later settle() has to tell of what arm() prepared last: it stays in the kernel. */
	void (*close)(struct backend *backend, bool intent_open);

	/* Keeps other well-behaved programs from changing the rules until unlock(). Gives up at the
	 * deadline (CLOCK_MONOTONIC). */
	int (*lock)(struct backend *backend, const struct timespec *deadline, char error[BACKEND_ERROR_SIZE]);
	void (*unlock)(struct backend *backend);

	/* Reads while locked: everything, or as much as tells the rules that stand now (snapshot.partial). */
	int (*read)(struct backend *backend, enum read_depth depth, struct snapshot *snapshot,
		    char error[BACKEND_ERROR_SIZE]);

	/* Makes all the edits or none, while locked and after a read. Loses no packet's count. The
	 * snapshot's indexes are stale afterwards. Returns CHANGE_DONE or what went wrong. */
	enum change_result (*change)(struct backend *backend, struct edit *edits, size_t n, char error[BACKEND_ERROR_SIZE]);

	/* While locked, after a read and before change() with the same edits: numbers the steps of the change,
	 * sets edit.step (and edit.kept of zeroes that the kernel can not do), and prepares the witnesses. Steps
	 * that are done took from each rule that is zeroed exactly what was read of it (iptables-legacy), or that and
	 * what it counted until the step (nf_tables: only a change() that returns can tell how much). A change that
	 * is not made, or that fails, leaves steps that are not done. It holds until the next read() or change(); a
	 * change() without it leaves no witness. Returns 0, or -1: nothing is prepared, and change() must not
	 * follow. */
	int (*arm)(struct backend *backend, struct edit *edits, size_t n, struct intent *intent,
		   char error[BACKEND_ERROR_SIZE]);

	/* After a crash, in a new process, while locked and after a read: what came of each step, n_steps
	 * `outcomes` by their numbers (enum step_outcome). Gives back the counters of a table that was replaced
	 * without them, so read again afterwards. Called again with the same intent, even after another crash in
	 * it, it gives the same answer, until the next arm(). Returns 0, or -1 (errno EBADMSG: these are not the
	 * octets of an intent). */
	int (*settle)(struct backend *backend, const void *data, size_t size, uint8_t *outcomes,
		      char error[BACKEND_ERROR_SIZE]);

	/* Makes the filter table of `backend` (enum chain_backend) for a version of IP, as iptables does when the first
	 * rule is put into it: INPUT, FORWARD and OUTPUT, policy ACCEPT. Does nothing if it is there. Read again after
	 * it. Returns 0 or -1. */
	int (*make_table)(struct backend *backend, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE]);

	/* Takes away a table that make_table() made, also in an earlier process, if nothing is in it but what
	 * make_table() put there, and the kernel can do that. Returns 0 or -1. */
	int (*drop_table)(struct backend *backend, uint8_t which, uint8_t family, char error[BACKEND_ERROR_SIZE]);

	/* Prints a rule of the last read on standard output as the backend's own tool does (`iptables -S`),
	 * without a newline. Only for a process that ends soon. Returns 0 or -1. */
	int (*print)(struct backend *backend, uint32_t rule);
};

extern const struct backend_ops backend_legacy, backend_nft;

#endif
