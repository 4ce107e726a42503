/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both backends as one: rules of both are read, those of nf_tables first, and edits go where their rule
 * stands. A backend without rules is left out while the other one has some.
 *
 * A chain that stands in both for the same version of IP is read from nf_tables (recognise.h), and a drop
 * that is put into it or taken out of it is so in iptables-legacy, too.
 */
#ifndef TOWNMETER_BACKENDS_H
#define TOWNMETER_BACKENDS_H

#include "backend.h"

extern const struct backend_ops backends;

#endif
