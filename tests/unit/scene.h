/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: the whole of kernel (fake.h), model and ledger, as one process of the meter has it; and that what was
 * closed and what is current is exactly what passed. */
#ifndef TOWNMETER_TESTS_SCENE_H
#define TOWNMETER_TESTS_SCENE_H

#include "clock.h"
#include "fake.h"
#include "history.h"
#include "ledger_tools.h"
#include "request.h"

struct scene {
	struct books books;
	struct workshop w;
	struct view_agent agent;
	char told[256];
};

/* Which life of the packet filter it is. */
static uint64_t scene_life = 1;

void boot_identity(char id[BOOT_ID_SIZE], uint64_t *network)
{
	memset(id, 0, BOOT_ID_SIZE);
	snprintf(id, BOOT_ID_SIZE, "life %u", (unsigned)scene_life);
	*network = 1;
}

/* The router starts anew, with the same rules. */
static inline void scene_reboot(void)
{
	scene_life++;
	fake->epoch = fake->done = 0;
	for (uint32_t r = 0; r < fake->n_rules; r++)
		fake->rules[r].counter = (struct counter){0};
}

/* Two towns; alice has a quota. Their traffic is that of the addresses 0 to 2. */
#define SCENE_RULES \
	":FORWARD ACCEPT\n:town-a\n:town-b\n-A FORWARD\n" \
	"-A FORWARD -d 10.1.0.0/24 -j town-a\n-A FORWARD -s 10.1.0.0/24 -j town-a\n" \
	"-A FORWARD -d 10.2.0.0/24 -j town-b\n-A FORWARD -s 10.2.0.0/24 -j town-b\n" \
	"-A town-a -d 10.1.0.10 --comment alice\n-A town-a -s 10.1.0.10 --comment alice\n" \
	"-A town-a -d 10.1.0.11 --comment bob\n-A town-a -s 10.1.0.11 --comment bob\n" \
	"-A town-b -d 10.2.0.10 --comment carol\n-A town-b -s 10.2.0.10 --comment carol\n"

static const char *const scene_addresses[FAKE_ADDRESSES] = {"10.1.0.10", "10.1.0.11", "10.2.0.10", NULL};
static const char *const scene_hosts[] = {"alice", "bob", "carol"};
static const char *const scene_towns[] = {"town-a", "town-a", "town-b"};

/* In memory, where syncs cost nothing: there are hundreds of processes. */
static inline void scene_directory(struct directory *directory)
{
	snprintf(directory->path, sizeof directory->path, "/dev/shm/townmeter-scene-XXXXXX");
	if (!mkdtemp(directory->path))
		directory_make(directory);
}

static inline void scene_told(void *context, const char *line)
{
	struct scene *scene = context;

	snprintf(scene->told, sizeof scene->told, "%s", line);
}

static inline struct quota scene_quota(void *context, const char *town, const char *host)
{
	(void)context, (void)town, (void)host;
	return quota_default;
}

static inline void scene_configure(struct meter *meter, void *context)
{
	meter_configure(meter, scene_quota, context);
}

static inline void scene_open(struct scene *scene, const struct directory *directory)
{
	char error[LEDGER_ERROR_SIZE];

	memset(scene, 0, sizeof *scene);
	check(books_open(&scene->books, directory->path, &scene->agent, clock_time(), error) == 0);
	scene->books.keep = 24;
	scene->w = (struct workshop){.ops = &fake_ops, .backend = fake_open(error), .books = &scene->books,
				     .agent = &scene->agent, .report = scene_told, .context = scene,
				     .configure = scene_configure};
	scene->w.meter = books_meter(&scene->books, scene->books.lost, clock_time());
	check(scene->w.meter != NULL);
	scene_configure(scene->w.meter, scene);
}

static inline void scene_close(struct scene *scene)
{
	fake_close(scene->w.backend, false);
	meter_free(scene->w.meter);
	books_close(&scene->books);
}

/* What the meter thread does at each look. */
static inline void scene_look(struct scene *scene)
{
	char error[BACKEND_ERROR_SIZE];
	struct snapshot snapshot;

	check(workshop_look(&scene->w, READ_ALL, &snapshot, error) == 0);
	if (workshop_enforce(&scene->w, &snapshot))
		check(workshop_look(&scene->w, READ_ALL, &snapshot, error) == 0);
}

static inline struct request *scene_apply(struct scene *scene, const struct command *commands, size_t n)
{
	struct request *request = request_new(commands, n);

	check(request != NULL);
	request->phase = REQUEST_APPLY;
	request_apply(&scene->w, request);
	return request;
}

/* Opens it in a process of its own, and saves what the first look finds. */
static inline void scene_begin(struct scene *scene, const struct directory *directory)
{
	scene_open(scene, directory);
	scene_look(scene);
	check(workshop_save(&scene->w) == 0);
}

/* The same towns and hosts in the tree that townmeter writes, one of them beside someone's chain of its name. Their names
 * are scene_names(). */
#define SCENE_TREE \
	":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm-u\n:tm.town-a\n:town-b\n:tm-d-10.1.0.0/24\n:tm-u-10.1.0.0/24\n" \
	":tm-d-10.2.0.0/24\n:tm-u-10.2.0.0/24\n:town-a\n-A FORWARD -j townmeter\n" \
	"[7:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n-A townmeter -j tm-d\n-A townmeter -j tm-u\n" \
	"-A tm-d -d 10.1.0.0/24 -g tm.town-a\n-A tm-d -d 10.2.0.0/24 -g town-b\n" \
	"-A tm-u -s 10.1.0.0/24 -g tm.town-a\n-A tm-u -s 10.2.0.0/24 -g town-b\n" \
	"-A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n-A tm.town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n" \
	"-A town-b -d 10.2.0.0/24 -j tm-d-10.2.0.0/24\n-A town-b -s 10.2.0.0/24 -j tm-u-10.2.0.0/24\n" \
	"-A tm-d-10.1.0.0/24 -d 10.1.0.10\n-A tm-d-10.1.0.0/24 -d 10.1.0.11\n-A tm-u-10.1.0.0/24 -s 10.1.0.10\n" \
	"-A tm-u-10.1.0.0/24 -s 10.1.0.11\n-A tm-d-10.2.0.0/24 -d 10.2.0.10\n-A tm-u-10.2.0.0/24 -s 10.2.0.10\n"

static inline const char *scene_names(void *context, const char *town, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	(void)context, (void)town;
	prefix_format(prefix, text);
	for (int i = 0; i < 3; i++)
		if (strcmp(text, scene_addresses[i]) == 0)
			return scene_hosts[i];
	return NULL;
}

/* Lets a process work on each backend, with a packet filter and a ledger of its own, kept in `directory`. */
static inline void scene_on_both_with(const char *rules, void (*work)(void *context), struct directory *directory)
{
	for (int nft = 0; nft < 2; nft++) {
		fake_make(rules, scene_addresses);
		fake->nft = nft != 0;
		scene_directory(directory);
		assert_true(fake_process(work, NULL, 0));
		directory_remove(directory);
	}
}

static inline void scene_on_both(void (*work)(void *context), struct directory *directory)
{
	scene_on_both_with(SCENE_RULES, work, directory);
}

static inline uint32_t scene_host(const struct scene *scene, const char *town, const char *host)
{
	uint32_t id = meter_find_host(scene->w.meter, town, host);

	check(id != RULE_NONE);
	return id;
}

static inline struct meter_row scene_row(const struct scene *scene, const char *town, const char *host)
{
	return meter_row(scene->w.meter, METER_HOST, scene_host(scene, town, host));
}

/* The drops of ours that stand for an address. */
static inline unsigned scene_drops(unsigned address)
{
	unsigned n = 0;

	for (uint32_t r = 0; r < fake->n_rules; r++)
		n += fake->rules[r].rule.verdict == VERDICT_DROP &&
		     (prefix_compare(&fake->rules[r].rule.dst, &fake->addresses[address]) == 0 ||
		      prefix_compare(&fake->rules[r].rule.src, &fake->addresses[address]) == 0);
	return n;
}

struct scene_sum {
	uint64_t down, up;
	unsigned rows;
	uint32_t last;
	bool incomplete;
};

static inline int scene_add(void *context, const struct closed *row)
{
	struct scene_sum *sum = context;

	check(row->number == sum->last + 1);
	sum->last = row->number;
	sum->down += row->down.packets;
	sum->up += row->up.packets;
	sum->rows++;
	sum->incomplete |= !row->complete;
	return 0;
}

static inline int scene_add_town(void *context, const struct closed *row)
{
	return row->is_host ? 0 : scene_add(context, row);
}

/* A process ended that could not save at all: drops that came and went took counts along that nobody knows of. */
static bool scene_never_saved;

/* A town: its hosts' traffic is all that it has. Only a drop that went may have taken a count along, and says so. */
static inline void scene_audit_town(const struct scene *scene, struct history *history, const struct view *view,
				    const char *town)
{
	struct scene_sum sum = {0};
	uint64_t down = 0, up = 0;
	uint32_t id = meter_find_town(scene->w.meter, town), row = view_find_town(view, town);

	check(id != RULE_NONE && row != UINT32_MAX);
	const struct view_traffic *traffic = &view_towns(view)[row].traffic;
	check(history_list(history, town, NULL, 0, scene_add_town, &sum) == 0);
	check(traffic->period.number == sum.last + 1);
	check(sum.down + traffic->period.down.packets == traffic->down.packets);
	check(sum.up + traffic->period.up.packets == traffic->up.packets);
	for (int i = 0; i < 3; i++)
		if (strcmp(scene_towns[i], town) == 0) {
			down += fake->counted[i][DIRECTION_DOWN].packets;
			up += fake->counted[i][DIRECTION_UP].packets;
		}
	check((traffic->down.packets == down && traffic->up.packets == up) || sum.incomplete || scene_never_saved ||
	      meter_row(scene->w.meter, METER_TOWN, id).period.incomplete);
}

/* After a look and a save: the periods of every host, closed and current, are all that passed; `stamped`: less
 * only where the period says so, never more. Returns how many periods were closed in all. */
static inline unsigned scene_audit(const struct scene *scene, const struct directory *directory, bool stamped)
{
	struct history *history = history_new(directory->path);
	struct view *view = meter_publish(scene->w.meter, &scene->agent);
	unsigned rows = 0;

	check(history && view);
	for (int i = 0; i < 3; i++) {
		struct scene_sum sum = {0};
		uint32_t row = view_find_host(view, scene_towns[i], scene_hosts[i]);
		check(row != UINT32_MAX);
		const struct view_traffic *traffic = &view_hosts(view)[row].traffic;
		check(history_list(history, scene_towns[i], scene_hosts[i], 0, scene_add, &sum) == 0);
		rows += sum.rows;
		check(traffic->period.number == sum.last + 1);
		check(sum.down + traffic->period.down.packets == traffic->down.packets);
		check(sum.up + traffic->period.up.packets == traffic->up.packets);
		check(traffic->down.packets <= fake->counted[i][DIRECTION_DOWN].packets);
		check(traffic->up.packets <= fake->counted[i][DIRECTION_UP].packets);
		bool exact = traffic->down.packets == fake->counted[i][DIRECTION_DOWN].packets &&
			     traffic->up.packets == fake->counted[i][DIRECTION_UP].packets;
		check(exact || (stamped && (sum.incomplete ||
					    scene_row(scene, scene_towns[i], scene_hosts[i]).period.incomplete)));
	}
	scene_audit_town(scene, history, view, "town-a");
	scene_audit_town(scene, history, view, "town-b");
	view_release(view);
	history_free(history);
	return rows;
}

#endif
