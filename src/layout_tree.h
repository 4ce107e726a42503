/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree over prefixes that share no address, 4 bits of the address a level: a node has at most 16 children and
 * holds at most 16 items, but for the root and for nodes that the limit of levels merged. Private to the layout.
 *
 * An item stands in the node that its own prefix tells, whatever else is in the tree: 10.1.0.17 in 10.1.0.16/28,
 * 10.1.0.0/24 in 10.1.0.0/20. Other nodes are only where two of their children differ.
 */
#ifndef TOWNMETER_LAYOUT_TREE_H
#define TOWNMETER_LAYOUT_TREE_H

#include "prefix.h"

struct layout_item {
	struct prefix prefix;
	struct prefix node;   /* set by layout_tree_build(): the node that it stands in */
	uint32_t id;          /* the caller's */
};

struct layout_node {
	struct prefix prefix;
	uint32_t first_child, n_children; /* in nodes; a packet that several match belongs to the first */
	uint32_t first_item, n_items;     /* in items: its own */
	uint32_t end;                     /* behind the items below it */
	uint32_t level;                   /* from 1: the root */
};

/* Begin with one that is all zero; it can be built again and again, and is freed once. */
struct layout_tree {
	struct layout_item *items;
	struct layout_node *nodes;        /* the first is the root; the children of one stand together */
	uint32_t n_items, n_nodes, room_items, room_nodes;
};

/* Adds an item. Returns 0, or -1 with errno ENOMEM. */
int layout_tree_add(struct layout_tree *tree, const struct prefix *prefix, uint32_t id);

/* Makes the nodes for the items that were added. `root` contains them all; its length may be 0. No node is deeper
 * than `levels`, which is at least 2: what would be stands side by side. Returns 0, or -1 with errno ENOMEM. */
int layout_tree_build(struct layout_tree *tree, const struct prefix *root, uint32_t levels);

/* Takes all items out, and keeps the memory for more. */
void layout_tree_clear(struct layout_tree *tree);
void layout_tree_free(struct layout_tree *tree);

#endif
