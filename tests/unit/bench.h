/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A meter that looks at rules which the test writes as iptables-save does. */
#ifndef TOWNMETER_TESTS_BENCH_H
#define TOWNMETER_TESTS_BENCH_H

#include <stdio.h>

#include "image.h"
#include "make.h"
#include "meter.h"

struct bench {
	struct meter *meter;
	struct made made; /* of the last look */
	uint64_t generation, received;
	decitime now;
	char told[2000];  /* problems that the last look told */
};

static inline struct bench bench_begin(void)
{
	struct bench b = {.meter = meter_new(1000), .made = make(""), .now = 1000, .received = UINT64_MAX};

	assert_non_null(b.meter);
	return b;
}

static inline void bench_finish(struct bench *b)
{
	made_free(&b->made);
	meter_free(b->meter);
}

static inline void bench_tell(void *context, const char *line)
{
	struct bench *b = context;

	snprintf(b->told + strlen(b->told), sizeof b->told - strlen(b->told), "%s\n", line);
}

/* `partial`: without counters. */
static inline void bench_look_partly(struct bench *b, const char *text, bool partial)
{
	struct made made = make(text);
	struct snapshot snapshot = {.rules = made.rules, .counters = made.counters, .generation = ++b->generation,
				    .received_before = b->received, .received_after = b->received, .partial = partial};

	b->told[0] = '\0';
	assert_int_equal(meter_fold(b->meter, &snapshot, ++b->now, bench_tell, b), 0);
	made_free(&b->made);
	b->made = made;
}

static inline void bench_look(struct bench *b, const char *text)
{
	bench_look_partly(b, text, false);
}

/* To be given to view_release(). */
static inline struct view *bench_published(const struct bench *b)
{
	static const struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(b->meter, &agent);

	assert_non_null(view);
	return view;
}

/* The process ends, and the next one goes on; perhaps the router was started meanwhile. */
static inline void bench_next_process(struct bench *b, enum meter_start start)
{
	struct image image;

	assert_int_equal(meter_image(b->meter, IMAGE_ALL, &image), 0);
	struct meter *next = meter_load(&image, start, false, b->now);
	assert_non_null(next);
	image_free(&image);
	meter_free(b->meter);
	b->meter = next;
}

struct bench_numbers {
	uint64_t total, town, host, dropped;
	decitime town_stamp, host_stamp;
	uint32_t resets;
};

/* All packets; that octets are a hundred times as many is seen to here. */
static inline struct bench_numbers bench_read_all(const struct bench *b)
{
	struct view *view = bench_published(b);
	struct bench_numbers numbers = {0};

	uint32_t town = view_find_town(view, "town-a"), host = view_find_host(view, "town-a", "10.1.0.10");
	assert_int_not_equal(town, UINT32_MAX);
	const struct view_traffic *traffic = &view_towns(view)[town].traffic;
	numbers.town = traffic->down.packets;
	numbers.town_stamp = traffic->discontinuity;
	assert_int_equal(traffic->down.octets, 100 * traffic->down.packets);
	if (host != UINT32_MAX) {
		traffic = &view_hosts(view)[host].traffic;
		numbers.host = traffic->down.packets;
		numbers.dropped = traffic->dropped.packets;
		numbers.host_stamp = traffic->discontinuity;
		assert_int_equal(traffic->down.octets, 100 * traffic->down.packets);
	}
	for (uint32_t i = 0; i < view->n_totals; i++)
		if (view_totals(view)[i].chain == VIEW_CHAIN_FORWARD)
			numbers.total = view_totals(view)[i].amount.packets;
	numbers.resets = view->agent.kernel_resets;
	view_release(view);
	return numbers;
}

static inline void bench_assert_amounts(const struct bench *b, uint64_t total, uint64_t town, uint64_t host)
{
	struct bench_numbers numbers = bench_read_all(b);

	assert_int_equal(numbers.total, total);
	assert_int_equal(numbers.town, town);
	assert_int_equal(numbers.host, host);
}

static inline bool bench_is_stamped(const struct bench *b)
{
	struct bench_numbers numbers = bench_read_all(b);

	return numbers.town_stamp == b->now || numbers.host_stamp == b->now;
}

#endif
