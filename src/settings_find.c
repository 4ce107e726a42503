/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the settings say of a row, a prefix or a match. */
#include <string.h>

#include "settings.h"

/* A town comes before its hosts, as "" comes before their names. */
static int compare_row(const struct settings_row *row, const char *town, const char *host)
{
	int order = strcmp(row->town, town);

	return order ? order : strcmp(row->host, host);
}

const struct settings_row *settings_find(const struct settings *settings, const char *town, const char *host)
{
	size_t low = 0, high = settings->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_row(&settings->rows[middle], town, host ? host : "");
		if (order == 0)
			return &settings->rows[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool settings_quota(const struct settings *settings, const char *town, const char *host, struct quota *quota)
{
	const struct settings_row *row = settings_find(settings, town, host);

	*quota = row ? row->quota : quota_default;
	return row != NULL;
}

size_t settings_first_host(const struct settings *settings, const struct prefix *prefix)
{
	size_t low = 0, high = settings->n_by_prefix;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (prefix_compare(&settings->prefixes[settings->by_prefix[middle]].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The host that has exactly this prefix, or NULL. */
static const struct settings_row *host_of(const struct settings *settings, const struct prefix *prefix)
{
	size_t at = settings_first_host(settings, prefix);
	const struct settings_prefix *found =
		at < settings->n_by_prefix ? &settings->prefixes[settings->by_prefix[at]] : NULL;

	return found && prefix_compare(&found->prefix, prefix) == 0 ? &settings->rows[found->row] : NULL;
}

const char *settings_hint(void *context, const char *town, const struct prefix *prefix)
{
	const struct settings *settings = context;
	const char *name = settings_name(settings, prefix);
	const struct settings_row *host = name ? NULL : host_of(settings, prefix);

	return host && strcmp(host->town, town) == 0 ? host->host : name;
}

const char *settings_class(void *context, const struct ports *ports)
{
	const struct settings *settings = context;

	for (size_t i = 0; i < settings->n_services; i++)
		for (size_t k = 0; k < settings->services[i].n_matches; k++)
			if (ports_compare(&settings->services[i].matches[k], ports) == 0)
				return settings->services[i].name;
	return NULL;
}
