/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the answers on the control socket are made with, and how they come. */
#ifndef TOWNMETER_SERVICE_H
#define TOWNMETER_SERVICE_H

#include <stdbool.h>

#include "control.h"

struct service {
	struct control *control;
	bool read_only;              /* every command is refused */
	const char *state_directory; /* where the ledger is */
	bool (*connected)(void);     /* to the master agent? */
};

enum service_step {
	SERVICE_WAITS, /* for the control's events, or a time that is due */
	SERVICE_PART,  /* a line of the answer is there; more follow */
	SERVICE_ENDS,  /* the answer's last line is there */
};

#endif
