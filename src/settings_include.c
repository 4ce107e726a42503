/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `include:`, further files with towns. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "settings_private.h"

/* A file that was found, and where it is, to tell it from another. */
struct candidate {
	char *path;
	dev_t device;
	ino_t inode;
	const struct settings_node *node; /* the pattern that found it; NULL: the first file */
	size_t order;
	size_t twice;            /* the order of the one that is the same, or its own */
};

struct finding {
	struct candidate *list;
	size_t n, room;
};

bool settings_add_file(struct settings_reading *r, const char *path)
{
	struct settings *settings = r->settings;
	char **files = reallocarray(settings->files, settings->n_files + 1, sizeof *files);
	char *copy = strdup(path);

	if (files)
		settings->files = files;
	if (!files || !copy) {
		free(copy);
		settings_no_memory(r);
		return false;
	}
	settings->files[settings->n_files++] = copy;
	return true;
}

/* Is it a pattern, and not the name of one file? */
static bool has_wildcard(const char *pattern)
{
	for (const char *c = pattern; *c; c++) {
		if (*c == '\\' && c[1])
			c++;
		else if (strchr("*?[", *c))
			return true;
	}
	return false;
}

/* The pattern as seen from the directory of the first file, to be freed; NULL: no memory. */
static char *seen_from(const char *path, const char *pattern)
{
	const char *slash = pattern[0] == '/' ? NULL : strrchr(path, '/');
	char *full = malloc(2 * (slash ? (size_t)(slash - path) + 1 : 0) + strlen(pattern) + 1), *at = full;

	/* The directory is no pattern, whatever it is called. */
	for (; full && slash && path <= slash; path++) {
		if (strchr("*?[]\\", *path))
			*at++ = '\\';
		*at++ = *path;
	}
	if (full)
		memcpy(at, pattern, strlen(pattern) + 1);
	return full;
}

/* Files that can not be listed are customers that would vanish. Directories that are not there have none. */
static int stop_at(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static void add_candidate(struct settings_reading *r, struct finding *finding, const char *path,
			  const struct settings_node *node)
{
	struct candidate *list = settings_grow(r, finding->list, finding->n, &finding->room, sizeof *list);
	struct stat status;

	if (!list)
		return;
	finding->list = list;
	if (stat(path, &status) < 0 || (node && !S_ISREG(status.st_mode))) {
		if (!node)
			return;
		settings_mistake(r, node, "include has '%.80s', but %s is no file that can be read, expected one",
				 settings_text(node), path);
		r->unread = true;
		return;
	}
	struct candidate *candidate = &list[finding->n];
	*candidate = (struct candidate){.path = strdup(path), .device = status.st_dev, .inode = status.st_ino,
					.node = node, .order = finding->n, .twice = finding->n};
	if (candidate->path)
		finding->n++;
	else
		settings_no_memory(r);
}

static void find_files(struct settings_reading *r, struct finding *finding, const struct settings_node *node)
{
	const char *pattern = settings_text(node);
	glob_t found = {0};

	if (!settings_is_text(node) || !pattern[0]) {
		settings_mistake(r, node, "include has '%.80s', expected a file or a pattern such as customers.d/*.yaml",
				 pattern);
		return;
	}
	char *full = seen_from(r->settings->files[0], pattern);
	int fault = full ? glob(full, 0, stop_at, &found) : GLOB_NOSPACE;
	if (fault == GLOB_NOSPACE)
		settings_no_memory(r);
	else if (fault == GLOB_NOMATCH && !has_wildcard(pattern))
		settings_mistake(r, node, "include has '%.80s', which is not there, expected a file", pattern);
	else if (fault == GLOB_ABORTED)
		settings_mistake(r, node, "include has '%.80s', expected a directory that can be read", pattern);
	r->unread |= fault != 0;
	for (size_t i = 0; fault == 0 && i < found.gl_pathc; i++)
		add_candidate(r, finding, found.gl_pathv[i], node);
	globfree(&found);
	free(full);
}

static int by_inode(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* Tells of files that would be read twice. */
static void find_twice(struct finding *finding)
{
	qsort(finding->list, finding->n, sizeof *finding->list, by_inode);
	for (size_t i = 1; i < finding->n; i++) {
		struct candidate *one = &finding->list[i];
		if (one->device == one[-1].device && one->inode == one[-1].inode)
			one->twice = one[-1].twice;
	}
	qsort(finding->list, finding->n, sizeof *finding->list, by_order);
}

static void take_file(struct settings_reading *r, const struct finding *finding, const struct candidate *one)
{
	const struct candidate *first = &finding->list[one->twice];

	if (one == first)
		settings_add_file(r, one->path);
	else if (first->node)
		settings_mistake(r, one->node, "include has '%.80s', which would read %s a second time, after '%.80s' "
				 "at %s:%zu", settings_text(one->node), one->path, settings_text(first->node),
				 r->settings->files[0], settings_at(r, first->node).line);
	else
		settings_mistake(r, one->node, "include has '%.80s', which would read %s itself a second time",
				 settings_text(one->node), r->settings->files[0]);
}

void settings_read_include(struct settings_reading *r, const struct settings_node *node)
{
	int n = settings_list(r, node, "include", "[customers.d/*.yaml]");
	struct finding finding = {0};

	if (n > 0)
		add_candidate(r, &finding, r->settings->files[0], NULL);
	size_t first = finding.n;
	for (int i = 0; i < n; i++)
		find_files(r, &finding, settings_item(r, node, (size_t)i));
	if (finding.n)
		find_twice(&finding);
	for (size_t i = first; i < finding.n; i++)
		take_file(r, &finding, &finding.list[i]);
	for (size_t i = 0; i < finding.n; i++)
		free(finding.list[i].path);
	free(finding.list);
}
