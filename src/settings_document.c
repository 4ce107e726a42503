/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A document of YAML as a tree. libyaml's own takes most of the time that a file of 65,536 hosts does: some
 * allocations for each node, where few for all are enough.
 */
#include <stdlib.h>
#include <string.h>

#include "settings_private.h"

enum { BLOCK_SIZE = 65536 };
/* What a node has room for: no file is so long. */
enum { NODE_LINE_MAX = (1 << 30) - 1 };

/* A collection that is not complete: its items so far are the last ones that are pending. */
struct open {
	uint32_t node;
	size_t first;
};

struct anchor {
	char *name;
	uint32_t node;
};

struct loading {
	struct settings_reading *r;
	struct open *open;
	uint32_t *pending;
	struct anchor *anchors;
	size_t n_open, room_open, n_pending, room_pending, n_anchors, room_anchors;
};

/* libyaml gives octets that are no text with their offset alone. */
static size_t line_at(FILE *file, size_t offset)
{
	size_t line = 1;
	int c;

	rewind(file);
	for (size_t at = 0; at < offset && (c = getc(file)) != EOF; at++)
		line += c == '\n';
	return line;
}

static void tell_no_yaml(struct settings_reading *r, const yaml_parser_t *parser, FILE *file)
{
	struct settings_place at = {r->file, parser->problem_mark.line + 1};

	r->unread = true;
	if (parser->error == YAML_MEMORY_ERROR) {
		settings_no_memory(r);
		return;
	}
	if (parser->error == YAML_READER_ERROR)
		at.line = line_at(file, parser->problem_offset);
	settings_mistake_at(r, at, "not YAML: %s", parser->problem ? parser->problem : "unreadable");
}

/* The next item of the collection that is open, if one is. */
static bool add_item(struct loading *loading, uint32_t node)
{
	uint32_t *pending = settings_grow(loading->r, loading->pending, loading->n_pending, &loading->room_pending,
					  sizeof *pending);

	if (!pending)
		return false;
	loading->pending = pending;
	pending[loading->n_pending++] = node;
	return true;
}

static bool add_anchor(struct loading *loading, const yaml_char_t *name, uint32_t node)
{
	struct anchor *anchors = settings_grow(loading->r, loading->anchors, loading->n_anchors, &loading->room_anchors,
					       sizeof *anchors);

	if (!anchors)
		return false;
	loading->anchors = anchors;
	anchors[loading->n_anchors].name = strdup((const char *)name);
	anchors[loading->n_anchors].node = node;
	if (!anchors[loading->n_anchors].name) {
		settings_no_memory(loading->r);
		return false;
	}
	loading->n_anchors++;
	return true;
}

static bool add_node(struct loading *loading, const yaml_event_t *event, enum settings_kind kind,
		     const yaml_char_t *anchor)
{
	struct settings_document *document = &loading->r->document;
	struct settings_node *nodes = settings_grow(loading->r, document->nodes, document->n_nodes,
						    &document->room_nodes, sizeof *nodes);
	uint32_t node = (uint32_t)document->n_nodes;

	if (!nodes)
		return false;
	document->nodes = nodes;
	nodes[node] = (struct settings_node){.kind = kind & 3u, .line = (event->start_mark.line + 1) & NODE_LINE_MAX};
	document->n_nodes++;
	return add_item(loading, node) && (!anchor || add_anchor(loading, anchor, node));
}

/* A copy that goes with the document, or NULL: no memory, which was told. */
static const char *keep_text(struct settings_reading *r, const yaml_char_t *text, size_t length)
{
	struct settings_block *block = r->document.blocks;

	if (!block || block->size - block->used <= length) {
		size_t size = length < BLOCK_SIZE ? BLOCK_SIZE : length + 1;
		block = malloc(sizeof *block + size);
		if (!block) {
			settings_no_memory(r);
			return NULL;
		}
		*block = (struct settings_block){.next = r->document.blocks, .size = size};
		r->document.blocks = block;
	}
	char *copy = block->text + block->used;
	memcpy(copy, text, length);
	copy[length] = '\0';
	block->used += length + 1;
	return copy;
}

static bool add_scalar(struct loading *loading, const yaml_event_t *event)
{
	struct settings_document *document = &loading->r->document;
	const char *text = keep_text(loading->r, event->data.scalar.value, event->data.scalar.length);

	if (!text || !add_node(loading, event, SETTINGS_SCALAR, event->data.scalar.anchor))
		return false;
	document->nodes[document->n_nodes - 1].text = text;
	document->nodes[document->n_nodes - 1].n = (uint32_t)event->data.scalar.length;
	return true;
}

static bool begin(struct loading *loading, const yaml_event_t *event, enum settings_kind kind,
		  const yaml_char_t *anchor)
{
	struct open *open = settings_grow(loading->r, loading->open, loading->n_open, &loading->room_open, sizeof *open);

	if (!open)
		return false;
	loading->open = open;
	if (!add_node(loading, event, kind, anchor))
		return false;
	open[loading->n_open++] =
		(struct open){(uint32_t)loading->r->document.n_nodes - 1, loading->n_pending};
	return true;
}

static bool end(struct loading *loading)
{
	struct settings_document *document = &loading->r->document;
	if (loading->n_open == 0)
		return false;
	const struct open *open = &loading->open[--loading->n_open];
	struct settings_node *node = &document->nodes[open->node];

	node->first = document->n_items;
	node->n = (uint32_t)(loading->n_pending - open->first);
	for (size_t i = open->first; i < loading->n_pending; i++) {
		uint32_t *items = settings_grow(loading->r, document->items, document->n_items, &document->room_items,
						sizeof *items);
		if (!items) {
			node->n = 0;
			return false;
		}
		document->items = items;
		items[document->n_items++] = loading->pending[i];
	}
	loading->n_pending = open->first;
	return true;
}

/* The node of this name that was the last one. */
static bool add_alias(struct loading *loading, const yaml_event_t *event)
{
	for (size_t i = loading->n_anchors; i-- > 0;)
		if (strcmp(loading->anchors[i].name, (const char *)event->data.alias.anchor) == 0)
			return add_item(loading, loading->anchors[i].node);
	loading->r->unread = true;
	settings_mistake_at(loading->r, (struct settings_place){loading->r->file, event->start_mark.line + 1},
			    "not YAML: *%.80s stands for nothing, expected &%.80s before it",
			    (const char *)event->data.alias.anchor, (const char *)event->data.alias.anchor);
	return false;
}

/* Returns whether there is more to come; `whole` says whether all of the document is there. */
static bool take_event(struct loading *loading, const yaml_event_t *event, bool *whole)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return add_alias(loading, event);
	case YAML_SCALAR_EVENT:
		return add_scalar(loading, event);
	case YAML_SEQUENCE_START_EVENT:
		return begin(loading, event, SETTINGS_LIST, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return begin(loading, event, SETTINGS_MAPPING, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return end(loading);
	case YAML_DOCUMENT_END_EVENT:
		*whole = true;
		return false;
	case YAML_NO_EVENT:
	case YAML_STREAM_END_EVENT:
		return false;
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		break;
	}
	return true;
}

const struct settings_node *settings_load(struct settings_reading *r, yaml_parser_t *parser, FILE *file)
{
	struct loading loading = {.r = r};
	bool more = true, whole = false;
	yaml_event_t event;

	while (more) {
		if (!yaml_parser_parse(parser, &event)) {
			tell_no_yaml(r, parser, file);
			break;
		}
		more = take_event(&loading, &event, &whole);
		yaml_event_delete(&event);
	}
	for (size_t i = 0; i < loading.n_anchors; i++)
		free(loading.anchors[i].name);
	free(loading.anchors);
	free(loading.pending);
	free(loading.open);
	return whole && r->document.n_nodes ? &r->document.nodes[0] : NULL;
}

void settings_unload(struct settings_reading *r)
{
	struct settings_document *document = &r->document;

	while (document->blocks) {
		struct settings_block *block = document->blocks;
		document->blocks = block->next;
		free(block);
	}
	free(document->nodes);
	free(document->items);
	*document = (struct settings_document){0};
}
