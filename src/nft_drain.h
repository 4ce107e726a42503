/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removing a drop rule without losing what it counts last.
 *
 * When the kernel tells a deleted rule's last count, packets on other processors may still be on their
 * way through it: 1 in some 1,000 removals lost a packet (at 60,000 packets/s), which then was charged
 * to the town. So first a jump with the same prefix is put ahead of the rule, to a chain of its own that
 * drops everything. When no packet can be left that passed the jump's place before, the rule's count is
 * final, and rule and jump go together. What the chain dropped is final when no packet can be in it any
 * more; then it goes, too.
 *
 * A jump to such a chain drops, and counts what is dropped, so it is read as the drop rule that it
 * stands for, should a crash leave one behind.
 */
#ifndef TOWNMETER_NFT_DRAIN_H
#define TOWNMETER_NFT_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NFT_DRAIN_NAME_SIZE = 29 }; /* the most that iptables takes for the name of a chain */

/* Names the chain with this number; is this the name of one? */
void nft_drain_name(char name[NFT_DRAIN_NAME_SIZE], uint32_t number);
bool nft_drain_is(const char *name);

/* Returns when every packet that a processor was working on has left the packet filter: 10 to 50 ms. */
void nft_drain_wait(void);

#endif
