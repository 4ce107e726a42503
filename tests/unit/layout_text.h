/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings and layouts as text, for tests.
 *
 *   town town-a 10.1.0.0/24 2001:db8:a::/48      `town - town-a`: without classes
 *   host alice 10.1.0.10 10.1.0.11               of the town before; `host + alice`: with classes
 *   service web 6/80 6/443 17/443-450 1          protocols as numbers
 *   totals input output
 *
 * Mistakes in the text fail the test.
 */
#ifndef TOWNMETER_TESTS_LAYOUT_TEXT_H
#define TOWNMETER_TESTS_LAYOUT_TEXT_H

#include <stdio.h>

#include "layout.h"
#include "make.h"

struct layout_text_row {
	struct settings_row row;
	struct prefix prefixes[64];
};

static inline int layout_text_by_prefix(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static inline int layout_text_by_row(const void *a, const void *b)
{
	const struct layout_text_row *x = a, *y = b;
	int order = strcmp(x->row.town, y->row.town);

	return order ? order : strcmp(x->row.host, y->row.host);
}

static inline int layout_text_by_host(const void *a, const void *b)
{
	const struct settings_prefix *x = *(const struct settings_prefix *const *)a;
	const struct settings_prefix *y = *(const struct settings_prefix *const *)b;

	return prefix_compare(&x->prefix, &y->prefix);
}

/* Room for one more than n, which is all zero; doubles. */
static inline void *layout_text_more(void *array, size_t n, size_t size)
{
	void *more = n & (n - 1) ? array : realloc(array, (n ? 2 * n : 1) * size);

	assert_non_null(more);
	memset((char *)more + n * size, 0, size);
	return more;
}

static inline void layout_text_name(char *name, size_t most, const char *word)
{
	size_t n = strlen(word);

	assert_true(n <= most);
	memcpy(name, word, n + 1);
}

static inline void layout_text_row(const char **line, const char *town, struct layout_text_row *made)
{
	char word[512];

	made->row.services = !town;
	assert_true(make_word(line, word));
	if (strcmp(word, "-") == 0 || strcmp(word, "+") == 0) {
		made->row.services = word[0] == '+';
		assert_true(make_word(line, word));
	}
	layout_text_name(made->row.town, NAME_TOWN_MAX, town ? town : word);
	if (town)
		layout_text_name(made->row.host, NAME_HOST_MAX, word);
	while (make_word(line, word)) {
		assert_true(made->row.n_prefixes < 64);
		made->prefixes[made->row.n_prefixes++] = make_prefix(word);
	}
	qsort(made->prefixes, made->row.n_prefixes, sizeof made->prefixes[0], layout_text_by_prefix);
}

static inline void layout_text_service(const char **line, struct settings_service *service)
{
	char word[512];

	assert_true(make_word(line, word));
	layout_text_name(service->name, NAME_SERVICE_MAX, word);
	while (make_word(line, word)) {
		unsigned protocol, first = 0, last = PORTS_LAST;
		int n = sscanf(word, "%u/%u-%u", &protocol, &first, &last); /* NOLINT(cert-err34-c) */
		assert_true(n >= 1);
		service->matches = layout_text_more(service->matches, service->n_matches, sizeof *service->matches);
		service->matches[service->n_matches++] = (struct ports){
			(uint8_t)protocol, (uint16_t)first, (uint16_t)(n == 2 ? first : last)};
	}
}

/* Puts prefixes and what finds them into the settings. */
static inline void layout_text_settle(struct settings *settings, struct layout_text_row *rows)
{
	size_t n = settings->n_rows, n_prefixes = 0;

	if (n)
		qsort(rows, n, sizeof *rows, layout_text_by_row);
	for (size_t r = 0; r < n; r++)
		n_prefixes += rows[r].row.n_prefixes;
	settings->rows = calloc(n + 1, sizeof *settings->rows);
	settings->prefixes = calloc(n_prefixes + 1, sizeof *settings->prefixes);
	settings->by_prefix = calloc(n_prefixes + 1, sizeof *settings->by_prefix);
	const struct settings_prefix **hosts = calloc(n_prefixes + 1, sizeof(void *));
	assert_true(settings->rows && settings->prefixes && settings->by_prefix && hosts);
	for (size_t r = 0; r < n; r++) {
		settings->rows[r] = rows[r].row;
		settings->rows[r].first_prefix = (uint32_t)settings->n_prefixes;
		for (uint32_t i = 0; i < rows[r].row.n_prefixes; i++) {
			struct settings_prefix *prefix = &settings->prefixes[settings->n_prefixes++];
			*prefix = (struct settings_prefix){.prefix = rows[r].prefixes[i], .row = (uint32_t)r};
			if (rows[r].row.host[0])
				hosts[settings->n_by_prefix++] = prefix;
		}
	}
	qsort(hosts, settings->n_by_prefix, sizeof *hosts, layout_text_by_host);
	for (size_t i = 0; i < settings->n_by_prefix; i++)
		settings->by_prefix[i] = (uint32_t)(hosts[i] - settings->prefixes);
	free(hosts);
}

/* Free with layout_text_free(). */
static inline struct settings layout_text_settings(const char *text)
{
	struct settings settings = {.managed = true};
	struct layout_text_row *rows = NULL;
	char word[512], town[NAME_TOWN_MAX + 1] = "";

	for (const char *next = text; *next; next = make_next_line(next)) {
		const char *line = next;
		if (!make_word(&line, word))
			continue;
		bool is_town = strcmp(word, "town") == 0;
		if (is_town || strcmp(word, "host") == 0) {
			rows = layout_text_more(rows, settings.n_rows, sizeof *rows);
			layout_text_row(&line, is_town ? NULL : town, &rows[settings.n_rows]);
			memcpy(town, rows[settings.n_rows++].row.town, sizeof town);
		} else if (strcmp(word, "service") == 0) {
			settings.services = layout_text_more(settings.services, settings.n_services,
							     sizeof *settings.services);
			layout_text_service(&line, &settings.services[settings.n_services++]);
		} else if (strcmp(word, "totals") == 0) {
			while (make_word(&line, word))
				settings.totals |= strcmp(word, "input") == 0 ? SETTINGS_TOTAL_INPUT
									      : SETTINGS_TOTAL_OUTPUT;
		} else {
			fail_msg("not a line of settings: %s", line);
		}
	}
	layout_text_settle(&settings, rows);
	free(rows);
	return settings;
}

static inline void layout_text_free(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_services; i++)
		free(settings->services[i].matches);
	free(settings->services);
	free(settings->rows);
	free(settings->prefixes);
	free(settings->by_prefix);
	memset(settings, 0, sizeof *settings);
}

/* Text that grows. */
struct layout_lines {
	char *text;
	size_t n, room;
};

static inline void layout_text_add(struct layout_lines *lines, const char *text)
{
	size_t n = strlen(text);

	if (lines->n + n + 1 > lines->room) {
		lines->room = 2 * (lines->n + n + 1);
		lines->text = realloc(lines->text, lines->room);
		assert_non_null(lines->text);
	}
	memcpy(lines->text + lines->n, text, n + 1);
	lines->n += n;
}

static inline void layout_text_prefix(struct layout_lines *lines, const char *option, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	if (prefix->family == PREFIX_NONE)
		return;
	layout_text_add(lines, option);
	layout_text_add(lines, prefix_format(prefix, text));
}

static inline void layout_text_rule(struct layout_lines *lines, const struct layout *layout,
				    const struct layout_rule *rule)
{
	char text[64];

	layout_text_add(lines, " ");
	layout_text_prefix(lines, " -s ", &rule->src);
	layout_text_prefix(lines, " -d ", &rule->dst);
	if (rule->ports.protocol) {
		snprintf(text, sizeof text, " -p %u %s %u:%u", rule->ports.protocol,
			 rule->ports_of == DIRECTION_DOWN ? "--sport" : "--dport", rule->ports.first, rule->ports.last);
		layout_text_add(lines, text);
	}
	if (rule->verdict == VERDICT_RETURN)
		layout_text_add(lines, " -j RETURN");
	if (rule->target == RULE_NONE)
		return;
	layout_text_add(lines, rule->verdict == VERDICT_GOTO ? " -g " : " -j ");
	layout_text_add(lines, layout->chains[rule->target].name);
}

/* Chain by chain, one a line, in their order; free() it. Rules begin with "  ": "tm-d  -d 10.1.0.0/24 -g town-a". */
static inline char *layout_text(const struct layout *layout)
{
	struct layout_lines lines = {0};

	layout_text_add(&lines, "");
	for (uint32_t c = 0; c < layout->n_chains; c++) {
		const struct layout_chain *chain = &layout->chains[c];
		layout_text_add(&lines, chain->name);
		for (uint32_t i = chain->first; i < chain->first + chain->count; i++)
			layout_text_rule(&lines, layout, &layout->rules[i]);
		layout_text_add(&lines, "\n");
	}
	return lines.text;
}

#endif
