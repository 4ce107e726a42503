/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"

enum { BITS = 4 }; /* of the address, a level */

int layout_tree_add(struct layout_tree *tree, const struct prefix *prefix, uint32_t id)
{
	if (grow_array(&tree->items, &tree->room_items, tree->n_items, 1, sizeof *tree->items) < 0)
		return -1;
	tree->items[tree->n_items++] = (struct layout_item){.prefix = *prefix, .id = id};
	return 0;
}

void layout_tree_clear(struct layout_tree *tree)
{
	tree->n_items = 0;
	tree->n_nodes = 0;
}

void layout_tree_free(struct layout_tree *tree)
{
	free(tree->items);
	free(tree->nodes);
	memset(tree, 0, sizeof *tree);
}

/* The prefix of this length, which is not longer, that contains it. */
static struct prefix cut(const struct prefix *prefix, unsigned length)
{
	struct prefix shorter = *prefix;
	uint8_t mask[16] = {0};

	shorter.length = (uint8_t)length;
	prefix_mask(&shorter, mask);
	for (size_t i = 0; i < sizeof mask; i++)
		shorter.addr[i] &= mask[i];
	return shorter;
}

/* How many bits the two have in common. */
static unsigned common(const struct prefix *a, const struct prefix *b)
{
	unsigned most = a->length < b->length ? a->length : b->length, n = 0;

	while (n < most && !((a->addr[n / 8] ^ b->addr[n / 8]) & (0x80u >> n % 8)))
		n++;
	return n;
}

static int by_node(const void *a, const void *b)
{
	const struct layout_item *x = a, *y = b;
	int order = prefix_compare(&x->node, &y->node);

	return order ? order : prefix_compare(&x->prefix, &y->prefix);
}

/* The children of a node at the limit may contain one another: the longest come first. No packet for an item of
 * the outer one is in the inner one, as items share no address. */
static int longest_first(const void *a, const void *b)
{
	const struct layout_node *x = a, *y = b;

	if (x->prefix.length != y->prefix.length)
		return y->prefix.length < x->prefix.length ? -1 : 1;
	return prefix_compare(&x->prefix, &y->prefix);
}

/* Adds a child that holds the items from `first` to `end`. */
static int add_node(struct layout_tree *tree, const struct prefix *prefix, uint32_t level, uint32_t first, uint32_t end)
{
	if (grow_array(&tree->nodes, &tree->room_nodes, tree->n_nodes, 1, sizeof *tree->nodes) < 0)
		return -1;
	struct layout_node *node = &tree->nodes[tree->n_nodes++];
	*node = (struct layout_node){.prefix = *prefix, .first_item = first, .end = end, .level = level};
	while (first + node->n_items < end &&
	       prefix_compare(&tree->items[first + node->n_items].node, prefix) == 0)
		node->n_items++;
	return 0;
}

/* Items of the same node, or of nodes that begin with the same bits, follow one another: they become a child. */
static int add_children(struct layout_tree *tree, uint32_t index, uint32_t levels)
{
	const struct layout_node node = tree->nodes[index];
	unsigned next = (node.prefix.length / BITS + 1u) * BITS;
	bool last = node.level + 1 == levels;
	uint32_t first = node.first_item + node.n_items, n = 0;

	tree->nodes[index].first_child = tree->n_nodes;
	while (first < node.end) {
		const struct prefix head = tree->items[first].node;
		struct prefix child = head;
		uint32_t end = first + 1;
		while (end < node.end && (last ? prefix_compare(&tree->items[end].node, &head) == 0
					       : common(&tree->items[end].node, &head) >= next))
			end++;
		if (!last)
			child = cut(&head, common(&head, &tree->items[end - 1].node) / BITS * BITS);
		if (add_node(tree, &child, node.level + 1, first, end) < 0)
			return -1;
		first = end;
		n++;
	}
	struct layout_node *parent = &tree->nodes[index];
	parent->n_children = n;
	if (last && n)
		qsort(&tree->nodes[parent->first_child], n, sizeof *tree->nodes, longest_first);
	return 0;
}

int layout_tree_build(struct layout_tree *tree, const struct prefix *root, uint32_t levels)
{
	bool sorted = true;

	tree->n_nodes = 0;
	for (uint32_t i = 0; i < tree->n_items; i++) {
		struct layout_item *item = &tree->items[i];
		unsigned length = (item->prefix.length - 1u) / BITS * BITS;
		item->node = cut(&item->prefix, length > root->length ? length : root->length);
		sorted = sorted && (i == 0 || by_node(item - 1, item) <= 0);
	}
	if (!sorted)
		qsort(tree->items, tree->n_items, sizeof *tree->items, by_node);
	if (add_node(tree, root, 1, 0, tree->n_items) < 0)
		return -1;
	for (uint32_t i = 0; i < tree->n_nodes; i++)
		if (add_children(tree, i, levels) < 0)
			return -1;
	return 0;
}
