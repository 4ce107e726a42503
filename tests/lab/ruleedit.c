/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ruleedit: drive a backend without the daemon above it, as fast as it goes, and say exactly what every
 * rule counted. The scenarios compare that with what was sent.
 *
 *   ruleedit BACKEND read N                 N reads; how long they took
 *   ruleedit BACKEND zero N CHAIN...        N times: read, and zero every rule of the chains at once
 *   ruleedit BACKEND each N CHAIN...        the same, one rule at a time
 *   ruleedit BACKEND toggle N CHAIN PREFIX  N times: drops for both directions in, and all of ours out again
 *   ruleedit BACKEND edit N FILE...         N times: makes the change of each file (edits.h) in turn
 *   ruleedit BACKEND make|drop [WHICH:]FAMILY [FILE]  makes the filter table of WHICH backend, or takes it away; then,
 *                                           in the same lock, makes the change of the file
 *   ruleedit BACKEND settle FILE            what came of the change that FILE tells of; what rules count then
 *
 * With a first argument of --intent=FILE a change is armed, and FILE tells of it before it is made, as a ledger
 * does: who kills this program can account for everything. FILE.done has a line for each change that was made.
 *
 * N/MS waits MS milliseconds after each, so that a sender beside it gets on. BACKEND is nft, legacy or both. CHAIN is FAMILY:NAME,
 * such as 4:town-a; 'all' is every chain. One line of JSON on standard output.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "backends.h"
#include "edits.h"
#include "received.h"

enum { STALE_TRIES = 1000, OURS_MAX = 64, NAME_SIZE = 256 };

static const struct backend_ops *ops;
static struct backend *backend;
static struct snapshot snapshot;
static unsigned long stale, kept, retries, changes, reads;
static double reading, changing, slowest, arming, reading_cpu, changing_cpu;
static const char *intent_path;
static uint64_t received;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What this process itself took, and the kernel for it: on a busy machine that tells more. */
static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "ruleedit: %s\n", what);
	exit(1);
}

static void lock(void)
{
	char error[BACKEND_ERROR_SIZE];
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += 10;
	if (ops->lock(backend, &deadline, error) < 0)
		die(error);
}

static void look(void)
{
	char error[BACKEND_ERROR_SIZE];
	double began = now(), began_cpu = cpu();

	received = received_packets();
	if (ops->read(backend, READ_ALL, &snapshot, error) < 0)
		die(error);
	reading += now() - began;
	reading_cpu += cpu() - began_cpu;
	reads++;
	retries += snapshot.retries;
}

/* What a rule is, whatever became of its place: its chain, addresses, verdict. */
static void identify(uint32_t rule, char text[NAME_SIZE])
{
	const struct ruleset *rules = snapshot.rules;
	const struct rule *r = &rules->rules[rule];
	const struct chain *chain = &rules->chains[r->chain];
	char dst[PREFIX_TEXT_SIZE], src[PREFIX_TEXT_SIZE], ports[64] = "";

	if (r->ports.protocol)
		snprintf(ports, sizeof ports, " -p %u --%cport %u:%u", r->ports.protocol,
			 r->ports_of == DIRECTION_DOWN ? 's' : 'd', r->ports.first, r->ports.last);
	snprintf(text, NAME_SIZE, "%s%u:%s%s%s%s%s%s%s", chain->backend == CHAIN_LEGACY ? "legacy:" : "", chain->family,
		 ruleset_chain_name(rules, rule), r->dst.family ? " -d " : "", prefix_format(&r->dst, dst),
		 r->src.family ? " -s " : "", prefix_format(&r->src, src), ports,
		 r->verdict == VERDICT_DROP ? " -j DROP" : r->verdict == VERDICT_JUMP ? " -j"
		 : r->verdict == VERDICT_GOTO ? " -g" : r->verdict == VERDICT_RETURN ? " -j RETURN" : "");
}

/* Sums by identity. */
static struct sum {
	char name[NAME_SIZE];
	struct counter counter;
} *sums;
static size_t n_sums;

static void add(const char *name, const struct counter *counter)
{
	size_t i = 0;

	while (i < n_sums && strcmp(sums[i].name, name) != 0)
		i++;
	if (i == n_sums) {
		sums = realloc(sums, ++n_sums * sizeof *sums);
		if (!sums)
			die("no memory");
		memset(&sums[i], 0, sizeof sums[i]);
		snprintf(sums[i].name, sizeof sums[i].name, "%s", name);
	}
	sums[i].counter.packets += counter->packets;
	sums[i].counter.octets += counter->octets;
}

static bool is_wanted(uint32_t rule, char **chains, int n)
{
	char name[160];
	const struct rule *r = &snapshot.rules->rules[rule];

	snprintf(name, sizeof name, "%u:%s", snapshot.rules->chains[r->chain].family,
		 ruleset_chain_name(snapshot.rules, rule));
	for (int i = 0; i < n; i++)
		if (strcmp(chains[i], "all") == 0 || strcmp(chains[i], name) == 0)
			return !r->policy;
	return false;
}

static FILE *open_beside(const char *end, const char *how, char path[512])
{
	snprintf(path, 512, "%s%s", intent_path, end);
	FILE *file = fopen(path, how);
	if (!file)
		die("can not write the intent");
	return file;
}

/* Is it about a rule that stands? */
static bool has_rule(const struct edit *edit)
{
	return edit->kind == EDIT_ZERO || edit->kind == EDIT_ADD || edit->kind == EDIT_DELETE;
}

static void write_edit(FILE *file, const struct edit *edit, const struct counter *counter)
{
	static const char *const kinds[] = {"zero", "add", "delete", "insert", "chain", "delete chain"};
	char name[NAME_SIZE] = "";

	if (has_rule(edit))
		identify(edit->rule, name);
	fprintf(file, "{\"kind\": \"%s\", \"name\": \"%s\", \"step\": %d, \"kept\": %s, "
		"\"counter\": [%" PRIu64 ", %" PRIu64 "]}", kinds[edit->kind], name,
		edit->step == STEP_NONE ? -1 : (int)edit->step, edit->kept ? "true" : "false", counter->packets,
		counter->octets);
}

/* In place at once: whoever kills this program finds the last change whole, or the one before it. */
static void save_intent(const struct intent *intent, const struct edit *edits, size_t n)
{
	char path[512];
	FILE *file = open_beside(".new", "w", path);

	fprintf(file, "%lu %u %zu %" PRIu64 "\n", changes, intent->n_steps, intent->size, received);
	for (size_t i = 0; i < intent->size; i++)
		fprintf(file, "%02x", ((const unsigned char *)intent->data)[i]);
	fprintf(file, "\n");
	for (size_t i = 0; i < n; i++) {
		const struct counter none = {0};
		write_edit(file, &edits[i], !has_rule(&edits[i]) ? &none : &snapshot.counters[edits[i].rule]);
		fprintf(file, "\n");
	}
	if (fclose(file) != 0 || rename(path, intent_path) != 0)
		die("can not write the intent");
}

/* One write: a line is there as a whole, or not at all. */
static void save_done(const struct edit *edits, size_t n)
{
	char path[512], *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		die("no memory");
	fprintf(memory, "{\"change\": %lu, \"edits\": [", changes);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : "", memory);
		write_edit(memory, &edits[i], &edits[i].counter);
	}
	fprintf(memory, "]}\n");
	fclose(memory);
	FILE *file = open_beside(".done", "a", path);
	setvbuf(file, NULL, _IONBF, 0);
	if (fwrite(text, 1, size, file) != size || fclose(file) != 0)
		die("can not write what was done");
	free(text);
}

static void arm(struct edit *edits, size_t n)
{
	char error[BACKEND_ERROR_SIZE];
	struct intent intent;
	double began = now();

	if (ops->arm(backend, edits, n, &intent, error) < 0)
		die(error);
	arming += now() - began;
	save_intent(&intent, edits, n);
	free(intent.data);
}

static bool change(struct edit *edits, size_t n)
{
	char error[BACKEND_ERROR_SIZE];
	double began_cpu = cpu();

	if (intent_path)
		arm(edits, n);
	double began = now();
	enum change_result result = ops->change(backend, edits, n, error);

	double took = now() - began;
	changing += took;
	changing_cpu += cpu() - began_cpu;
	slowest = took > slowest ? took : slowest;
	if (result == CHANGE_STALE) {
		stale++;
		changes++;
		return false;
	}
	if (result != CHANGE_DONE)
		die(error);
	if (intent_path)
		save_done(edits, n);
	changes++;
	for (size_t i = 0; i < n; i++)
		kept += edits[i].kept;
	return true;
}

static void zero(bool each, char **chains, int n)
{
	for (int tries = 0; tries < STALE_TRIES; tries++) {
		lock();
		look();
		struct edit *edits = calloc(snapshot.rules->n_rules + 1u, sizeof *edits);
		size_t count = 0;
		bool done = true;
		if (!edits)
			die("no memory");
		for (uint32_t i = 0; i < snapshot.rules->n_rules; i++)
			if (is_wanted(i, chains, n))
				edits[count++] = (struct edit){.kind = EDIT_ZERO, .rule = i,
							       .chain = snapshot.rules->rules[i].chain};
		for (size_t i = 0; done && i < count; i += each ? 1 : count)
			done = change(edits + i, each ? 1 : count);
		for (size_t i = 0; i < count; i++) {
			char name[NAME_SIZE];
			identify(edits[i].rule, name);
			const struct counter taken = {edits[i].counter.packets - edits[i].left.packets,
						      edits[i].counter.octets - edits[i].left.octets};
			if (!edits[i].kept)
				add(name, &taken);
		}
		free(edits);
		ops->unlock(backend);
		if (done)
			return;
	}
	die("the rules change all the time");
}

static uint32_t find_chain(const char *wanted)
{
	for (uint32_t c = 0; c < snapshot.rules->n_chains; c++) {
		char name[160];
		snprintf(name, sizeof name, "%u:%s", snapshot.rules->chains[c].family,
			 ruleset_text(snapshot.rules, snapshot.rules->chains[c].name));
		if (strcmp(name, wanted) == 0)
			return c;
	}
	die("no such chain");
}

static bool try_toggle(bool in, const char *wanted, const struct prefix *prefix)
{
	struct edit edits[OURS_MAX];
	size_t n = 0;

	lock();
	look();
	uint32_t chain = find_chain(wanted);
	const struct chain *own = &snapshot.rules->chains[chain];
	memset(edits, 0, sizeof edits);
	for (uint32_t i = own->first; !in && i < own->first + own->count && n < OURS_MAX; i++)
		if (snapshot.rules->rules[i].verdict == VERDICT_DROP &&
		    strcmp(ruleset_text(snapshot.rules, snapshot.rules->rules[i].comment), RULE_COMMENT) == 0) {
			edits[n].kind = EDIT_DELETE;
			edits[n].chain = chain;
			edits[n++].rule = i;
		}
	for (; in && n < 2; n++) {
		edits[n] = (struct edit){.kind = EDIT_INSERT, .chain = chain, .prefix = *prefix,
					 .rule = own->count ? own->first : RULE_NONE,
					 .direction = n ? DIRECTION_UP : DIRECTION_DOWN, .verdict = VERDICT_DROP,
					 .comment = RULE_COMMENT};
	}
	bool done = n >= 2 && change(edits, n);
	for (size_t i = 0; done && !in && i < n; i++) {
		char name[NAME_SIZE];
		identify(edits[i].rule, name);
		add(name, &edits[i].counter);
	}
	ops->unlock(backend);
	return done;
}

static void toggle(bool in, const char *chain, const struct prefix *prefix)
{
	for (int tries = 0; tries < STALE_TRIES; tries++)
		if (try_toggle(in, chain, prefix))
			return;
	die("the rules change all the time");
}

/* While locked. */
static bool change_from(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		die("can not read the file of edits");
	look();
	struct edits edits = edits_read(file, snapshot.rules, ops == &backend_nft ? CHAIN_NFT : CHAIN_LEGACY);
	fclose(file);
	bool done = change(edits.list, edits.n);
	for (size_t i = 0; done && i < edits.n; i++) {
		const struct edit *edit = &edits.list[i];
		char name[NAME_SIZE];
		if ((edit->kind != EDIT_DELETE && edit->kind != EDIT_ZERO) || edit->kept || !edit->counter.packets)
			continue;
		identify(edit->rule, name);
		const struct counter taken = {edit->counter.packets - edit->left.packets,
					      edit->counter.octets - edit->left.octets};
		add(name, &taken);
	}
	edits_free(&edits);
	return done;
}

static bool try_file(const char *path)
{
	lock();
	bool done = change_from(path);
	ops->unlock(backend);
	return done;
}

static void edit(char **files, int n)
{
	for (int i = 0; i < n; i++) {
		int tries = 0;
		while (!try_file(files[i]))
			if (++tries == STALE_TRIES)
				die("the rules change all the time");
	}
}

/* `text`: 4, 6, nft:4 and so on. */
static void make_or_drop(bool make, const char *text, const char *file)
{
	char error[BACKEND_ERROR_SIZE];
	bool nft = strncmp(text, "nft:", 4) == 0 || (ops == &backend_nft && !strchr(text, ':'));
	uint8_t version = text[strlen(text) - 1] == '6' ? 6 : 4;

	lock();
	/* Where there is no table yet, this is refused. */
	(void)ops->read(backend, READ_ALL, &snapshot, error);
	if ((make ? ops->make_table : ops->drop_table)(backend, nft ? CHAIN_NFT : CHAIN_LEGACY, version, error) < 0)
		die(error);
	if (file && !change_from(file))
		die("the rules changed");
	ops->unlock(backend);
	printf("{}\n");
}

static long peak_kilobytes(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

static void report(unsigned long n)
{
	printf("{\"n\": %lu, \"stale\": %lu, \"kept\": %lu, \"retries\": %lu, \"read_ms\": %.3f, \"change_ms\": %.3f, "
	       "\"arm_ms\": %.3f, \"slowest_ms\": %.3f, \"read_cpu_ms\": %.3f, \"change_cpu_ms\": %.3f, "
	       "\"peak_kb\": %ld, \"rules\": %u, \"generation\": %" PRIu64 ", \"taken\": {",
	       n, stale, kept, retries, reading * 1e3 / (double)n, changes ? changing * 1e3 / (double)changes : 0,
	       changes ? arming * 1e3 / (double)changes : 0, slowest * 1e3,
	       reads ? reading_cpu * 1e3 / (double)reads : 0, changes ? changing_cpu * 1e3 / (double)changes : 0,
	       peak_kilobytes(), snapshot.rules->n_rules, snapshot.generation);
	for (size_t i = 0; i < n_sums; i++)
		printf("%s\"%s\": [%" PRIu64 ", %" PRIu64 "]", i ? ", " : "", sums[i].name, sums[i].counter.packets,
		       sums[i].counter.octets);
	printf("}}\n");
}

static int hex(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void *read_intent(const char *path, uint32_t *n_steps, size_t *size)
{
	FILE *file = fopen(path, "r");
	char head[128], *end = head;

	if (!file || !fgets(head, sizeof head, file))
		die("no intent in the file");
	/* Its number, steps, size, and what was counted before. */
	(void)strtoul(end, &end, 10);
	*n_steps = (uint32_t)strtoul(end, &end, 10);
	*size = strtoul(end, &end, 10);
	(void)strtoul(end, &end, 10);
	if (*end != '\n')
		die("no intent in the file");
	unsigned char *data = malloc(*size + 1);
	for (size_t i = 0; data && i < *size; i++) {
		int high = hex(fgetc(file)), low = hex(fgetc(file));
		if (high < 0 || low < 0)
			die("the intent in the file is cut off");
		data[i] = (unsigned char)(high << 4 | low);
	}
	fclose(file);
	return data;
}

/* Twice: the second answer has to be the first. */
static void settle(const char *path)
{
	static const char *const names[] = {"not done", "done", "rescued", "unknown"};
	char error[BACKEND_ERROR_SIZE];
	uint32_t n_steps;
	size_t size;
	void *data = read_intent(path, &n_steps, &size);
	uint8_t *outcomes = malloc(n_steps + 1u), *again = malloc(n_steps + 1u);

	if (!data || !outcomes || !again)
		die("no memory");
	lock();
	look();
	if (ops->settle(backend, data, size, outcomes, error) < 0)
		die(error);
	look();
	if (ops->settle(backend, data, size, again, error) < 0)
		die(error);
	look();
	ops->unlock(backend);
	if (memcmp(outcomes, again, n_steps) != 0)
		die("settled twice, with different outcomes");
	printf("{\"outcomes\": [");
	for (uint32_t i = 0; i < n_steps; i++)
		printf("%s\"%s\"", i ? ", " : "", names[outcomes[i]]);
	printf("], \"counters\": {");
	for (uint32_t i = 0; i < snapshot.rules->n_rules; i++) {
		char name[NAME_SIZE];
		identify(i, name);
		if (!snapshot.rules->rules[i].policy)
			add(name, &snapshot.counters[i]);
	}
	for (size_t i = 0; i < n_sums; i++)
		printf("%s\"%s\": [%" PRIu64 ", %" PRIu64 "]", i ? ", " : "", sums[i].name, sums[i].counter.packets,
		       sums[i].counter.octets);
	printf("}}\n");
	free(data);
	free(outcomes);
	free(again);
}

int main(int argc, char **argv)
{
	char error[BACKEND_ERROR_SIZE];
	struct prefix prefix;

	if (argc > 1 && strncmp(argv[1], "--intent=", 9) == 0) {
		intent_path = argv[1] + 9;
		argv++;
		argc--;
	}
	if (argc < 4)
		die("usage: ruleedit [--intent=FILE] nft|legacy|both read|zero|each|toggle|edit|make|drop|settle "
		    "N|FAMILY|FILE [CHAIN...] [PREFIX]");
	ops = strcmp(argv[1], "nft") == 0 ? &backend_nft : strcmp(argv[1], "legacy") == 0 ? &backend_legacy : &backends;
	backend = ops->open(error);
	if (!backend)
		die(error);
	if (strcmp(argv[2], "settle") == 0 || strcmp(argv[2], "make") == 0 || strcmp(argv[2], "drop") == 0) {
		if (argv[2][0] == 's')
			settle(argv[3]);
		else
			make_or_drop(argv[2][0] == 'm', argv[3], argc > 4 ? argv[4] : NULL);
		ops->close(backend, false);
		free(sums);
		return 0;
	}
	char *rest;
	unsigned long n = strtoul(argv[3], &rest, 10), pause = *rest == '/' ? strtoul(rest + 1, NULL, 10) : 0;
	struct timespec nap = {.tv_sec = (time_t)(pause / 1000), .tv_nsec = (long)(pause % 1000) * 1000000};
	for (unsigned long i = 0; i < n; i++) {
		if (strcmp(argv[2], "read") == 0) {
			lock();
			look();
			ops->unlock(backend);
		} else if (strcmp(argv[2], "toggle") == 0 && argc == 6 && prefix_parse(&prefix, argv[5]) == 0) {
			toggle(true, argv[4], &prefix);
			toggle(false, argv[4], &prefix);
		} else if (strcmp(argv[2], "edit") == 0) {
			edit(argv + 4, argc - 4);
		} else if (strcmp(argv[2], "zero") == 0 || strcmp(argv[2], "each") == 0) {
			zero(argv[2][0] == 'e', argv + 4, argc - 4);
		} else {
			die("what?");
		}
		nanosleep(&nap, NULL);
	}
	lock();
	look();
	ops->unlock(backend);
	report(n);
	ops->close(backend, false);
	free(sums);
	return 0;
}
