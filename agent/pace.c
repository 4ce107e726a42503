/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pace.h"

#include <stdlib.h>
#include <string.h>

static const int64_t a_minute = 60000000000;

/* townMeterNotifyMaxPerMinute is 6000 at most: of more, nobody asks. */
enum { MINUTE_ROOM = 6000 };

struct minute {
	int64_t at[MINUTE_ROOM]; /* a ring of times */
	uint32_t next, n;
};

struct minute *minute_new(void)
{
	return calloc(1, sizeof(struct minute));
}

void minute_free(struct minute *minute)
{
	free(minute);
}

/* When the one that is `most` back was; with that many more, the window is full. */
static int64_t time_back(const struct minute *minute, uint32_t most)
{
	return minute->at[(minute->next + MINUTE_ROOM - most) % MINUTE_ROOM];
}

int64_t minute_due(const struct minute *minute, uint32_t most)
{
	if (most == 0 || most > MINUTE_ROOM)
		most = MINUTE_ROOM;
	return minute->n < most ? INT64_MIN : time_back(minute, most) + a_minute;
}

bool minute_has_room(const struct minute *minute, int64_t now, uint32_t most)
{
	return minute_due(minute, most) <= now;
}

void minute_add(struct minute *minute, int64_t now)
{
	minute->at[minute->next] = now;
	minute->next = (minute->next + 1) % MINUTE_ROOM;
	if (minute->n < MINUTE_ROOM)
		minute->n++;
}

/* Types that tell of one thing becoming this or that share what was told of it last. */
enum { PAIR = 2, BUCKETS = 1024 };

static const struct {
	uint8_t group, slot;
} places[NOTICE_TYPES + 1] = {
	[NOTICE_QUOTA_WARNING] = {1, 0}, [NOTICE_QUOTA_EXCEEDED] = {1, 1},
	[NOTICE_HOST_BLOCKED] = {2, 0}, [NOTICE_HOST_UNBLOCKED] = {2, 1},
	[NOTICE_TOWN_ZEROED] = {3, 0}, [NOTICE_HOST_ZEROED] = {4, 0},
	[NOTICE_DISCONTINUITY] = {5, 0},
	[NOTICE_BACKEND_LOST] = {6, 0}, [NOTICE_BACKEND_RESTORED] = {6, 1},
	[NOTICE_LEDGER_FAILED] = {7, 0},
};

struct told;

/* A type that was sent of a row. */
struct sent {
	struct told *told;
	enum notice_type type;
	int64_t at;
	bool recent;             /* it was, within the last interval */
	bool early;              /* one came too early since then */
	struct sent *before, *after;
};

struct told {
	struct notice notice; /* told last */
	uint8_t group;
	struct sent sent[PAIR];
	struct told *next;
};

struct pace {
	struct minute *minute;
	struct told *buckets[BUCKETS];
	struct sent *oldest, *newest; /* all of the last interval, in the order in which they were sent */
};

struct pace *pace_new(void)
{
	struct pace *pace = calloc(1, sizeof *pace);

	if (!pace)
		return NULL;
	pace->minute = minute_new();
	if (!pace->minute) {
		free(pace);
		return NULL;
	}
	return pace;
}

void pace_free(struct pace *pace)
{
	if (!pace)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (pace->buckets[i]) {
			struct told *next = pace->buckets[i]->next;
			free(pace->buckets[i]);
			pace->buckets[i] = next;
		}
	minute_free(pace->minute);
	free(pace);
}

static struct told **bucket_of(struct pace *pace, const struct notice *notice)
{
	uint32_t hash = 2166136261u + places[notice->type].group; /* FNV-1a */

	for (const char *c = notice->town; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	hash *= 16777619u;
	for (const char *c = notice->host; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return &pace->buckets[(hash ^ hash >> 16) % BUCKETS];
}

static struct told *find(struct pace *pace, const struct notice *notice)
{
	for (struct told *told = *bucket_of(pace, notice); told; told = told->next)
		if (told->group == places[notice->type].group && strcmp(told->notice.town, notice->town) == 0 &&
		    strcmp(told->notice.host, notice->host) == 0)
			return told;
	return NULL;
}

enum pace_verdict pace_ask(struct pace *pace, const struct notice *notice, const struct pace_limits *limits, int64_t now)
{
	struct told *told = find(pace, notice);
	struct sent *sent = told ? &told->sent[places[notice->type].slot] : NULL;

	if (sent && sent->recent && now - sent->at < limits->interval) {
		sent->early = true;
		return PACE_LATER;
	}
	return minute_has_room(pace->minute, now, limits->max_per_minute) ? PACE_SEND : PACE_EXCESS;
}

static void append(struct pace *pace, struct sent *sent)
{
	sent->before = pace->newest;
	sent->after = NULL;
	sent->recent = true;
	*(pace->newest ? &pace->newest->after : &pace->oldest) = sent;
	pace->newest = sent;
}

static void detach(struct pace *pace, struct sent *sent)
{
	*(sent->before ? &sent->before->after : &pace->oldest) = sent->after;
	*(sent->after ? &sent->after->before : &pace->newest) = sent->before;
	sent->recent = sent->early = false;
}

/* Forgets a row of which nothing was sent lately. */
static void forget(struct pace *pace, struct told *told)
{
	struct told **at = bucket_of(pace, &told->notice);

	for (int i = 0; i < PAIR; i++)
		if (told->sent[i].recent)
			return;
	while (*at != told)
		at = &(*at)->next;
	*at = told->next;
	free(told);
}

void pace_sent(struct pace *pace, const struct notice *notice, int64_t now)
{
	struct told *told = find(pace, notice);

	minute_add(pace->minute, now);
	if (!told) {
		struct told **bucket = bucket_of(pace, notice);
		told = calloc(1, sizeof *told);
		if (!told)
			return; /* the next one may come too early: better than none */
		told->group = places[notice->type].group;
		told->next = *bucket;
		*bucket = told;
	}
	struct sent *sent = &told->sent[places[notice->type].slot];
	if (sent->recent)
		detach(pace, sent);
	told->notice = *notice;
	sent->told = told;
	sent->type = notice->type;
	sent->at = now;
	append(pace, sent);
}

bool pace_overdue(struct pace *pace, const struct pace_limits *limits, int64_t now, struct notice *notice)
{
	for (struct sent *sent = pace->oldest, *after; sent && now - sent->at >= limits->interval; sent = after) {
		struct told *told = sent->told;
		bool early = sent->early;
		after = sent->after;
		*notice = told->notice;
		notice->type = sent->type;
		detach(pace, sent);
		forget(pace, told);
		if (early)
			return true;
	}
	return false;
}

int64_t pace_due(const struct pace *pace, const struct pace_limits *limits)
{
	for (const struct sent *sent = pace->oldest; sent; sent = sent->after)
		if (sent->early)
			return sent->at + limits->interval;
	return INT64_MAX;
}

void pace_drop(struct pace *pace)
{
	for (struct sent *sent = pace->oldest; sent; sent = sent->after)
		sent->early = false;
}
