/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout_tree.h"

#include "layout_text.h"
#include "make.h"

/* One node a line: its prefix, its items after a ':', and its children after a '>'. */
static char *text_of(const struct layout_tree *tree)
{
	struct layout_lines lines = {0};

	layout_text_add(&lines, "");
	for (uint32_t i = 0; i < tree->n_nodes; i++) {
		const struct layout_node *node = &tree->nodes[i];
		char text[PREFIX_TEXT_SIZE];
		layout_text_add(&lines, node->prefix.length ? prefix_format(&node->prefix, text) : "all");
		if (node->n_items)
			layout_text_add(&lines, " :");
		for (uint32_t k = node->first_item; k < node->first_item + node->n_items; k++)
			layout_text_prefix(&lines, " ", &tree->items[k].prefix);
		if (node->n_children)
			layout_text_add(&lines, " >");
		for (uint32_t c = node->first_child; c < node->first_child + node->n_children; c++)
			layout_text_prefix(&lines, " ", &tree->nodes[c].prefix);
		layout_text_add(&lines, "\n");
	}
	return lines.text;
}

/* `root` NULL: all addresses of IPv4. */
static void expect(const char *root, uint32_t levels, const char *items, const char *expected)
{
	struct layout_tree tree = {0};
	struct prefix all = {.family = PREFIX_IPV4};
	char word[512];
	uint32_t id = 0;

	if (root)
		all = make_prefix(root);
	while (make_word(&items, word)) {
		struct prefix prefix = make_prefix(word);
		assert_int_equal(layout_tree_add(&tree, &prefix, id++), 0);
	}
	assert_int_equal(layout_tree_build(&tree, &all, levels), 0);
	char *text = text_of(&tree);
	assert_string_equal(text, expected);
	free(text);
	layout_tree_free(&tree);
}

static void empty(void **state)
{
	(void)state;
	expect("10.1.0.0/24", 6, "", "10.1.0.0/24\n");
}

/* An item's own length tells its node: 1 to 4 bits behind it. */
static void items_stand_where_their_prefix_says(void **state)
{
	(void)state;
	expect("10.1.0.0/24", 6, "10.1.0.1 10.1.0.15 10.1.0.32/27 10.1.0.64/28 10.1.0.80/29 10.1.0.128/25",
	       "10.1.0.0/24 : 10.1.0.32/27 10.1.0.64/28 10.1.0.128/25 > 10.1.0.0/28 10.1.0.80/28\n"
	       "10.1.0.0/28 : 10.1.0.1 10.1.0.15\n"
	       "10.1.0.80/28 : 10.1.0.80/29\n");
	/* Never shorter than the root, which may be the item itself. */
	expect("10.1.0.0/22", 6, "10.1.0.0/24 10.1.1.0/24", "10.1.0.0/22 : 10.1.0.0/24 10.1.1.0/24\n");
	expect("10.1.0.0/22", 6, "10.1.0.0/22", "10.1.0.0/22 : 10.1.0.0/22\n");
	expect("10.1.0.7", 6, "10.1.0.7", "10.1.0.7 : 10.1.0.7\n");
	expect(NULL, 6, "128.0.0.0/1 64.0.0.0/4 80.0.0.0/5",
	       "all : 64.0.0.0/4 128.0.0.0/1 > 80.0.0.0/4\n80.0.0.0/4 : 80.0.0.0/5\n");
}

/* Levels are only where nodes differ, and the order of the items is no matter. */
static void levels_without_a_choice_are_left_out(void **state)
{
	(void)state;
	expect(NULL, 9, "10.1.0.1", "all > 10.1.0.0/28\n10.1.0.0/28 : 10.1.0.1\n");
	expect(NULL, 9, "10.2.3.4 10.1.0.1 10.1.0.17",
	       "all > 10.0.0.0/12\n"
	       "10.0.0.0/12 > 10.1.0.0/24 10.2.3.0/28\n"
	       "10.1.0.0/24 > 10.1.0.0/28 10.1.0.16/28\n"
	       "10.2.3.0/28 : 10.2.3.4\n"
	       "10.1.0.0/28 : 10.1.0.1\n"
	       "10.1.0.16/28 : 10.1.0.17\n");
	/* A node that holds items is in the way of those below it. */
	expect(NULL, 9, "10.1.0.1 10.1.0.128/25",
	       "all > 10.1.0.0/24\n10.1.0.0/24 : 10.1.0.128/25 > 10.1.0.0/28\n10.1.0.0/28 : 10.1.0.1\n");
}

/* At the limit nodes stand side by side, the inner ones first. */
static void depth_is_limited(void **state)
{
	(void)state;
	expect("10.0.0.0/8", 2, "10.1.0.1 10.1.0.128/25 10.1.1.0/24 10.16.0.1",
	       "10.0.0.0/8 > 10.1.0.0/28 10.16.0.0/28 10.1.0.0/24 10.1.0.0/20\n"
	       "10.1.0.0/28 : 10.1.0.1\n"
	       "10.16.0.0/28 : 10.16.0.1\n"
	       "10.1.0.0/24 : 10.1.0.128/25\n"
	       "10.1.0.0/20 : 10.1.1.0/24\n");
	expect("10.0.0.0/8", 3, "10.1.0.1 10.1.0.128/25 10.1.1.0/24 10.16.0.1",
	       "10.0.0.0/8 > 10.1.0.0/20 10.16.0.0/28\n"
	       "10.1.0.0/20 : 10.1.1.0/24 > 10.1.0.0/28 10.1.0.0/24\n"
	       "10.16.0.0/28 : 10.16.0.1\n"
	       "10.1.0.0/28 : 10.1.0.1\n"
	       "10.1.0.0/24 : 10.1.0.128/25\n");
	expect("10.0.0.0/8", 4, "10.1.0.1 10.1.0.128/25 10.1.1.0/24 10.16.0.1",
	       "10.0.0.0/8 > 10.1.0.0/20 10.16.0.0/28\n"
	       "10.1.0.0/20 : 10.1.1.0/24 > 10.1.0.0/24\n"
	       "10.16.0.0/28 : 10.16.0.1\n"
	       "10.1.0.0/24 : 10.1.0.128/25 > 10.1.0.0/28\n"
	       "10.1.0.0/28 : 10.1.0.1\n");
}

/* A tree is used again, for less than before. */
static void is_built_again(void **state)
{
	struct layout_tree tree = {0};
	struct prefix root = make_prefix("2001:db8::/32"), prefix = make_prefix("2001:db8:a::/64");

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		prefix.addr[6] = (uint8_t)(i >> 8);
		prefix.addr[7] = (uint8_t)i;
		assert_int_equal(layout_tree_add(&tree, &prefix, i), 0);
	}
	assert_int_equal(layout_tree_build(&tree, &root, 6), 0);
	assert_true(tree.n_nodes > 63);
	layout_tree_clear(&tree);
	assert_int_equal(layout_tree_add(&tree, &prefix, 4711), 0);
	assert_int_equal(layout_tree_build(&tree, &root, 6), 0);
	assert_int_equal(tree.n_nodes, 2);
	assert_int_equal(tree.items[tree.nodes[1].first_item].id, 4711);
	layout_tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(empty), cmocka_unit_test(items_stand_where_their_prefix_says),
					   cmocka_unit_test(levels_without_a_choice_are_left_out),
					   cmocka_unit_test(depth_is_limited), cmocka_unit_test(is_built_again)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
