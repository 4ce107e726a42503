/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both backends as one: rules of both are read, those of nf_tables first, and edits go where their rule
 * stands. A backend without rules is left out while the other one has some.
 *
 * Who writes rules of its own puts them into the backend that the last read found (snapshot.found): nf_tables if it is
 * one of them, else iptables-legacy. Where read() found neither (errno ENOENT), make_table() makes the table of
 * nf_tables, or, if that says EOPNOTSUPP, that of iptables-legacy, and read() follows, in the same lock. A backend whose
 * table this process made with make_table() is read from then on, also while it has no rules and the other one has.
 *
 * A chain that stands in both for the same version of IP is read from nf_tables (recognise.h), and a drop
 * that is put into it or taken out of it is so in iptables-legacy, too.
 */
#ifndef TOWNMETER_BACKENDS_H
#define TOWNMETER_BACKENDS_H

#include "backend.h"

extern const struct backend_ops backends;

#endif
