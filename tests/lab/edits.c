/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edits.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* A chain by its name, whether it stands or the file makes it. */
struct known {
	char name[96];
	uint32_t chain; /* RULE_NONE: the file makes it */
};

struct reader {
	const struct ruleset *rules;
	enum chain_backend which;
	void *known; /* tsearch(3) */
	struct edits edits;
	size_t room;
	char *rest;  /* of the line */
	unsigned line;
};

static void __attribute__((noreturn)) bad(const struct reader *r, const char *what, const char *word)
{
	fprintf(stderr, "ruleedit: line %u: %s '%s'\n", r->line, what, word);
	exit(2);
}

static char *word(struct reader *r)
{
	char *found = strtok_r(NULL, " ", &r->rest);

	if (!found)
		bad(r, "the line ends too early", "");
	return found;
}

static uint64_t number(const struct reader *r, const char *text, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end == text || *end || value > most)
		bad(r, "not a number:", text);
	return value;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static void know(struct reader *r, uint8_t which, unsigned family, const char *name, uint32_t chain)
{
	struct known *known = calloc(1, sizeof *known);

	if (!known)
		bad(r, "no memory", "");
	known->chain = chain;
	snprintf(known->name, sizeof known->name, "%u:%u:%s", which, family, name);
	struct known **slot = (struct known **)tsearch(known, &r->known, by_name);
	if (!slot)
		bad(r, "no memory", "");
	if (*slot != known) {
		/* One that goes and comes again: rules are for the new one. */
		(*slot)->chain = chain;
		free(known);
	}
}

/* Takes "4:town-a" apart. Returns the name, which points into the text. */
static const char *take_chain(const struct reader *r, const char *text, struct edit *edit)
{
	edit->backend = (uint8_t)r->which;
	if (strncmp(text, "legacy:", 7) == 0) {
		edit->backend = CHAIN_LEGACY;
		text += 7;
	} else if (strncmp(text, "nft:", 4) == 0) {
		edit->backend = CHAIN_NFT;
		text += 4;
	}
	if ((*text != '4' && *text != '6') || text[1] != ':')
		bad(r, "not a chain:", text);
	edit->family = (uint8_t)(*text - '0');
	return text + 2;
}

/* The chain that an edit is about. */
static void find_chain(struct reader *r, const char *text, struct edit *edit)
{
	struct known wanted;
	const char *name = take_chain(r, text, edit);

	snprintf(wanted.name, sizeof wanted.name, "%u:%u:%s", edit->backend, edit->family, name);
	struct known **found = (struct known **)tfind(&wanted, &r->known, by_name);
	if (!found)
		bad(r, "no such chain:", text);
	edit->chain = (*found)->chain;
	edit->rule = RULE_NONE;
	if (edit->chain == RULE_NONE)
		edit->name = name;
}

/* A rule may be put behind the last one, too. */
static void find_rule(struct reader *r, const char *text, struct edit *edit)
{
	if (edit->chain == RULE_NONE)
		bad(r, "no rule in a chain that is not there:", text);
	const struct chain *chain = &r->rules->chains[edit->chain];
	uint64_t n = number(r, text, chain->count + (edit->kind == EDIT_INSERT));
	if (n == 0)
		bad(r, "rules count from 1, not", text);
	if (n <= chain->count)
		edit->rule = chain->first + (uint32_t)n - 1;
}

static struct edit *add(struct reader *r, enum edit_kind kind)
{
	if (r->edits.n == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		struct edit *more = realloc(r->edits.list, r->room * sizeof *more);
		if (!more)
			bad(r, "no memory", "");
		r->edits.list = more;
	}
	struct edit *edit = &r->edits.list[r->edits.n++];
	memset(edit, 0, sizeof *edit);
	edit->kind = kind;
	return edit;
}

static void read_prefix(struct reader *r, enum direction direction, struct edit *edit)
{
	const char *text = word(r);
	bool second = edit->prefix.family != PREFIX_NONE;

	if (second && edit->direction == direction)
		bad(r, "twice the same side:", text);
	if (!second)
		edit->direction = (uint8_t)direction;
	if (prefix_parse(second ? &edit->other : &edit->prefix, text) < 0)
		bad(r, "not a prefix:", text);
}

static void read_protocol(struct reader *r, struct edit *edit)
{
	const char *text = word(r);

	edit->ports.last = PORTS_LAST;
	edit->ports.protocol = (uint8_t)(strcmp(text, "tcp") == 0    ? 6
					 : strcmp(text, "udp") == 0  ? 17
					 : strcmp(text, "icmp") == 0 ? 1
								     : number(r, text, 255));
}

static void read_ports(struct reader *r, enum direction of, struct edit *edit)
{
	char *first = word(r), *colon = strchr(first, ':');

	if (colon)
		*colon = '\0';
	edit->ports_of = (uint8_t)of;
	edit->ports.first = (uint16_t)number(r, first, PORTS_LAST);
	edit->ports.last = (uint16_t)number(r, colon ? colon + 1 : first, PORTS_LAST);
}

static void read_target(struct reader *r, bool is_goto, struct edit *edit)
{
	const char *name = word(r);

	if (!is_goto && strcmp(name, "DROP") == 0) {
		edit->verdict = VERDICT_DROP;
	} else if (!is_goto && strcmp(name, "RETURN") == 0) {
		edit->verdict = VERDICT_RETURN;
	} else {
		edit->verdict = is_goto ? VERDICT_GOTO : VERDICT_JUMP;
		edit->target = name;
	}
}

static void read_rule(struct reader *r, struct edit *edit)
{
	for (char *option; (option = strtok_r(NULL, " ", &r->rest));) {
		if (strcmp(option, "-d") == 0) {
			read_prefix(r, DIRECTION_DOWN, edit);
		} else if (strcmp(option, "-s") == 0) {
			read_prefix(r, DIRECTION_UP, edit);
		} else if (strcmp(option, "-p") == 0) {
			read_protocol(r, edit);
		} else if (strcmp(option, "--sport") == 0) {
			read_ports(r, DIRECTION_DOWN, edit);
		} else if (strcmp(option, "--dport") == 0) {
			read_ports(r, DIRECTION_UP, edit);
		} else if (strcmp(option, "--comment") == 0) {
			edit->comment = word(r);
		} else if (strcmp(option, "-c") == 0) {
			edit->counter.packets = number(r, word(r), UINT64_MAX);
			edit->counter.octets = number(r, word(r), UINT64_MAX);
		} else if (strcmp(option, "-j") == 0 || strcmp(option, "-g") == 0) {
			read_target(r, option[1] == 'g', edit);
		} else {
			bad(r, "what is", option);
		}
	}
}

static void delete_all(struct reader *r, const struct edit *like)
{
	const struct chain *chain = &r->rules->chains[like->chain];

	for (uint32_t i = chain->first; i < chain->first + chain->count; i++) {
		struct edit one = {.kind = EDIT_DELETE, .chain = like->chain, .rule = i, .family = like->family,
				   .backend = like->backend};
		if (!r->rules->rules[i].policy)
			*add(r, EDIT_DELETE) = one;
	}
}

static void read_line(struct reader *r, const char *command)
{
	struct edit edit = {0};

	if (strcmp(command, "-N") == 0) {
		edit.kind = EDIT_CHAIN;
		edit.rule = edit.chain = RULE_NONE;
		edit.name = take_chain(r, word(r), &edit);
		know(r, edit.backend, edit.family, edit.name, RULE_NONE);
	} else if (strcmp(command, "-X") == 0) {
		edit.kind = EDIT_DELETE_CHAIN;
		find_chain(r, word(r), &edit);
	} else if (strcmp(command, "-A") == 0 || strcmp(command, "-I") == 0) {
		edit.kind = EDIT_INSERT;
		find_chain(r, word(r), &edit);
		if (command[1] == 'I')
			find_rule(r, word(r), &edit);
		read_rule(r, &edit);
	} else if (strcmp(command, "-D") == 0 || strcmp(command, "-Z") == 0) {
		edit.kind = command[1] == 'D' ? EDIT_DELETE : EDIT_ZERO;
		find_chain(r, word(r), &edit);
		const char *which = word(r);
		if (edit.kind == EDIT_DELETE && edit.chain != RULE_NONE && strcmp(which, "all") == 0) {
			delete_all(r, &edit);
			return;
		}
		find_rule(r, which, &edit);
	} else {
		bad(r, "what is", command);
	}
	*add(r, edit.kind) = edit;
}

static char *read_all(FILE *file)
{
	size_t size = 0;
	char *text = NULL;

	/* Up to a NUL, which no text has. */
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		return calloc(1, 1);
	}
	return text;
}

struct edits edits_read(FILE *file, const struct ruleset *rules, enum chain_backend which)
{
	struct reader r = {.rules = rules, .which = which, .edits = {.text = read_all(file)}};
	char *lines = r.edits.text;

	for (uint32_t c = 0; c < rules->n_chains; c++)
		know(&r, rules->chains[c].backend, rules->chains[c].family, ruleset_text(rules, rules->chains[c].name), c);
	for (char *line; (line = strsep(&lines, "\n"));) {
		r.line++;
		char *command = strtok_r(line, " ", &r.rest);
		if (command)
			read_line(&r, command);
	}
	while (r.known) {
		struct known *known = *(struct known **)r.known;
		tdelete(known, &r.known, by_name);
		free(known);
	}
	return r.edits;
}

void edits_free(struct edits *edits)
{
	free(edits->list);
	free(edits->text);
	memset(edits, 0, sizeof *edits);
}
