/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "quota.h"

static int __attribute__((format(printf, 2, 3)))
refuse(char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, ARGUMENTS_ERROR_SIZE, format, args);
	va_end(args);
	/* What was typed does not make a second line. */
	for (char *c = error; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return -1;
}

static int take_number(const char *option, const char *text, uint32_t least, uint32_t most, uint32_t *number,
		       char *error)
{
	char *end;

	errno = 0;
	unsigned long found = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || found < least || found > most)
		return refuse(error, "%s is '%s', expected a number from %u to %u", option, text, least, most);
	*number = (uint32_t)found;
	return 0;
}

/* The place of the text in the words, of which there are three. */
static int take_word(const char *option, const char *text, const char *const words[3], char *error)
{
	for (int i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return refuse(error, "%s is '%s', expected %s, %s or %s", option, text, words[0], words[1], words[2]);
}

static int take_by(struct arguments *a, const char *text, char *error)
{
	static const char *const words[] = {"both", "down", "up"};
	int found = take_word("--by", text, words, error);

	a->by = found < 0 ? BY_BOTH : (enum arguments_by)found;
	return found < 0 ? -1 : 0;
}

static int take_format(struct arguments *a, const char *text, char *error)
{
	static const char *const words[] = {"text", "csv", "json"};
	int found = take_word("--format", text, words, error);

	a->format = found < 0 ? FORMAT_TEXT : (enum arguments_format)found;
	return found < 0 ? -1 : 0;
}

static int take_basis(struct arguments *a, const char *text, char *error)
{
	static const char *const words[] = {"both", "down", "up"};

	a->basis = text;
	return take_word("--basis", text, words, error) < 0 ? -1 : 0;
}

static int take_on_exceed(struct arguments *a, const char *text, char *error)
{
	static const char *const words[] = {"none", "notify", "block"};

	a->on_exceed = text;
	return take_word("--on-exceed", text, words, error) < 0 ? -1 : 0;
}

static int take_warn(struct arguments *a, const char *text, char *error)
{
	a->has_warn = true;
	return take_number("--warn", text, 0, QUOTA_WARN_MAX, &a->warn_percent, error);
}

static int take_count(struct arguments *a, const char *text, char *error)
{
	return take_number("-n", text, 1, UINT32_MAX, &a->count, error);
}

static int take_period(struct arguments *a, const char *text, char *error)
{
	a->all_periods = strcmp(text, "all") == 0;
	if (a->all_periods)
		return 0;
	if (take_number("--period", text, 0, UINT32_MAX, &a->period, error) < 0)
		return refuse(error, "--period is '%s', expected all, 0 for the current period, 1 for the last closed one, "
			      "and so on", text);
	return 0;
}

static int take_socket(struct arguments *a, const char *text, char *error)
{
	(void)error;
	a->socket = text;
	return 0;
}

static int take_json(struct arguments *a, const char *text, char *error)
{
	(void)text, (void)error;
	a->format = FORMAT_JSON;
	return 0;
}

static int take_exact(struct arguments *a, const char *text, char *error)
{
	(void)text, (void)error;
	a->exact = true;
	return 0;
}

static int take_all(struct arguments *a, const char *text, char *error)
{
	(void)text, (void)error;
	a->all = true;
	return 0;
}

static int take_dry_run(struct arguments *a, const char *text, char *error)
{
	(void)text, (void)error;
	a->dry_run = true;
	return 0;
}

static int take_help(struct arguments *a, const char *text, char *error)
{
	(void)text, (void)error;
	a->help = true;
	return 0;
}

static int take_version(struct arguments *a, const char *text, char *error)
{
	(void)text, (void)error;
	a->version = true;
	return 0;
}

static const struct option {
	const char *word, *letter; /* NULL: has none */
	bool value;
	int needs;                 /* 0: every subcommand takes it */
	int (*take)(struct arguments *arguments, const char *text, char *error);
} options[] = {
	{"--socket", "-S", true, 0, take_socket},
	{"--help", "-h", false, 0, take_help},
	{"--version", NULL, false, 0, take_version},
	{"--json", NULL, false, TAKES_JSON, take_json},
	{"--exact", NULL, false, TAKES_EXACT, take_exact},
	{"--all", NULL, false, TAKES_ALL, take_all},
	{"--dry-run", NULL, false, TAKES_DRY_RUN, take_dry_run},
	{"--by", NULL, true, TAKES_BY, take_by},
	{NULL, "-n", true, TAKES_COUNT, take_count},
	{"--basis", NULL, true, TAKES_QUOTA, take_basis},
	{"--warn", NULL, true, TAKES_QUOTA, take_warn},
	{"--on-exceed", NULL, true, TAKES_QUOTA, take_on_exceed},
	{"--period", NULL, true, TAKES_PERIOD, take_period},
	{"--format", NULL, true, TAKES_FORMAT, take_format},
};

/* Is it this option, and is its value in the same word? */
static bool is_option(const struct option *option, const char *text, const char **value)
{
	size_t length = option->word ? strlen(option->word) : 0;

	*value = NULL;
	if (option->letter && strncmp(text, option->letter, 2) == 0) {
		*value = text[2] ? text + 2 : NULL;
		return option->value || !text[2];
	}
	if (length == 0 || strncmp(text, option->word, length) != 0)
		return false;
	*value = text[length] == '=' ? text + length + 1 : NULL;
	return text[length] == '\0' || text[length] == '=';
}

/* Takes the option at *i, and its value. */
static int take_option(struct arguments *a, int argc, char **argv, int *i, char *error)
{
	const char *text = argv[*i], *value;

	for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
		const struct option *option = &options[k];
		if (!is_option(option, text, &value))
			continue;
		if (option->needs && !(a->subcommand && (a->subcommand->takes & option->needs)))
			break;
		if (!option->value && value)
			return refuse(error, "found '%s', expected no value behind %s", text, option->word);
		if (option->value && !value && *i + 1 == argc)
			return refuse(error, "found nothing behind %s, expected its value", text);
		if (option->value && !value)
			value = argv[++*i];
		return option->take(a, value, error);
	}
	if (!a->subcommand)
		return refuse(error, "found '%s', expected a subcommand first", text);
	return refuse(error, "'%s' is not an option of %s", text, a->subcommand->name);
}

static int take_operand(struct arguments *a, const char *text, int *operands, char *error)
{
	const char *expected;

	if (++*operands > a->subcommand->most)
		return refuse(error, "found '%s', expected no further words", text);
	if (*operands == 2) {
		expected = quota_parse(&a->megabytes, text);
		a->has_megabytes = true;
		return expected ? refuse(error, "found the size '%s', expected %s", text, expected) : 0;
	}
	if (!name_valid(text, NAME_TOWN_MAX + 1 + NAME_HOST_MAX))
		return refuse(error, "'%s' is no name, expected TOWN or TOWN/HOST in UTF-8", text);
	a->name = text;
	return 0;
}

static int take_subcommand(struct arguments *a, const struct subcommand *subcommands, const char *text, char *error)
{
	char expected[160] = "";
	size_t used = 0;

	for (const struct subcommand *s = subcommands; s->name; s++)
		if (strcmp(s->name, text) == 0) {
			a->subcommand = s;
			return 0;
		}
	for (const struct subcommand *s = subcommands; s->name && used < sizeof expected; s++)
		used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", used ? ", " : "", s->name);
	return refuse(error, "'%.40s' is not a subcommand, expected one of %s", text, expected);
}

/* What belongs together. */
static int check(const struct arguments *a, int operands, char *error)
{
	if (!a->subcommand)
		return refuse(error, "found no subcommand; 'townmeter --help' lists them");
	if (a->all && operands > 0)
		return refuse(error, "found --all and '%s', expected one of them", a->name);
	if (!a->all && operands < a->subcommand->least)
		return refuse(error, "found no name, expected: townmeter %s %s", a->subcommand->name, a->subcommand->usage);
	return 0;
}

int arguments_read(struct arguments *a, const struct subcommand *subcommands, const char *socket, int argc, char **argv,
		   char error[ARGUMENTS_ERROR_SIZE])
{
	bool only_operands = false;
	int operands = 0;

	*a = (struct arguments){.socket = socket, .count = 10, .period = 1};
	for (int i = 1; i < argc; i++) {
		int result;
		if (!only_operands && strcmp(argv[i], "--") == 0) {
			only_operands = true;
			continue;
		}
		if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0')
			result = take_option(a, argc, argv, &i, error);
		else if (!a->subcommand)
			result = take_subcommand(a, subcommands, argv[i], error);
		else
			result = take_operand(a, argv[i], &operands, error);
		if (result < 0)
			return -1;
	}
	return a->help || a->version ? 0 : check(a, operands, error);
}
