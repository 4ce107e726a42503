/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tree of townmeter counts: over flushes, zeroing, backups, and beside rules that someone wrote. */
#include <stdio.h>

#include "image.h"
#include "make.h"
#include "meter.h"

struct bench {
	struct meter *meter;
	struct made made; /* of the last look */
	uint64_t generation, received;
	decitime now;
};

static struct bench begin(void)
{
	struct bench b = {.meter = meter_new(1000), .made = make(""), .now = 1000, .received = UINT64_MAX};

	assert_non_null(b.meter);
	return b;
}

static void finish(struct bench *b)
{
	made_free(&b->made);
	meter_free(b->meter);
}

static void look_partly(struct bench *b, const char *text, bool partial)
{
	struct made made = make(text);
	struct snapshot snapshot = {.rules = made.rules, .counters = made.counters, .generation = ++b->generation,
				    .received_before = b->received, .received_after = b->received, .partial = partial};

	b->now += 10;
	assert_int_equal(meter_fold(b->meter, &snapshot, b->now, NULL, NULL), 0);
	made_free(&b->made);
	b->made = made;
}

static void look(struct bench *b, const char *text)
{
	look_partly(b, text, false);
}

/* The process ends, and the next one goes on; perhaps the router was started meanwhile. */
static void next_process(struct bench *b, enum meter_start start)
{
	struct image image;

	assert_int_equal(meter_image(b->meter, IMAGE_ALL, &image), 0);
	struct meter *next = meter_load(&image, start, false, b->now);
	assert_non_null(next);
	image_free(&image);
	meter_free(b->meter);
	b->meter = next;
}

struct numbers {
	uint64_t total, town, host, dropped;
	decitime town_stamp, host_stamp;
	uint32_t resets;
};

/* All packets; that octets are a hundred times as many is seen to here. */
static struct numbers read_all(const struct bench *b)
{
	static const struct view_agent agent = {.backend = VIEW_BACKEND_LEGACY};
	struct view *view = meter_publish(b->meter, &agent);
	struct numbers numbers = {0};

	assert_non_null(view);
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

static void assert_amounts(const struct bench *b, uint64_t total, uint64_t town, uint64_t host)
{
	struct numbers numbers = read_all(b);

	assert_int_equal(numbers.total, total);
	assert_int_equal(numbers.town, town);
	assert_int_equal(numbers.host, host);
}

static bool is_stamped(const struct bench *b)
{
	struct numbers numbers = read_all(b);

	return numbers.town_stamp == b->now || numbers.host_stamp == b->now;
}

#define CHAINS ":FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-10.1.0.0/24\n"

#define ONLY_HAND(total, town, host) \
	":FORWARD ACCEPT\n:town-a\n[" total ":" total "00] -A FORWARD\n" \
	"[" town ":" town "00] -A FORWARD -d 10.1.0.0/24 -j town-a\n[" host ":" host "00] -A town-a -d 10.1.0.10\n"

/* The tree, with what its canary, the total, the town and the host read; what else stands is put into FORWARD, the
 * town's chain ahead of its entrance, and behind it. */
static const char *tree_with(unsigned canary, unsigned total, unsigned town, unsigned host, const char *forward,
			     const char *head, const char *tail)
{
	static char text[2000];

	snprintf(text, sizeof text, CHAINS
		 "[%u:%u00] -A FORWARD -j townmeter\n%s[%u:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n"
		 "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g town-a\n"
		 "%s[%u:%u00] -A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n%s"
		 "[%u:%u00] -A tm-d-10.1.0.0/24 -d 10.1.0.10\n",
		 total, total, forward, canary, head, town, town, tail, host, host);
	return text;
}

static const char *tree(unsigned canary, unsigned total, unsigned town, unsigned host)
{
	return tree_with(canary, total, town, host, "", "", "");
}

static const struct {
	uint8_t kind;
	const char *prefix;
} counting[] = {{ROLE_TOTAL, NULL}, {ROLE_JUMP, "10.1.0.0/24"}, {ROLE_COUNT, "10.1.0.10"}};

static struct rule_key key_of(const struct bench *b, size_t i)
{
	struct rule_key key = {.town = meter_find_town(b->meter, "town-a"), .family = PREFIX_IPV4,
			       .kind = counting[i].kind, .layout = true};

	if (counting[i].prefix)
		key.prefix = make_prefix(counting[i].prefix);
	else
		key.town = HOOK_FORWARD;
	return key;
}

/* The tree is written again: each rule with what it read last. Returns what the i-th one was given. */
static void write_again(struct bench *b, uint64_t canary, unsigned given[3])
{
	struct rule_key key = {.town = RULE_NONE, .family = PREFIX_IPV4, .kind = ROLE_CANARY, .layout = true};
	struct counter number = {.packets = canary};

	assert_int_equal(meter_rule_inserted(b->meter, &key, &number), 0);
	for (size_t i = 0; i < 3; i++) {
		key = key_of(b, i);
		struct counter last = meter_rule_last(b->meter, &key);
		assert_int_equal(last.octets, 100 * last.packets);
		given[i] = (unsigned)last.packets;
		assert_int_equal(meter_rule_inserted(b->meter, &key, &last), 0);
	}
}

static void counts(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	assert_amounts(&b, 20, 10, 9);
	look(&b, tree(7, 25, 14, 12));
	assert_amounts(&b, 25, 14, 12);
	assert_false(is_stamped(&b));
	assert_int_equal(read_all(&b).resets, 0);
	struct rule_key key = key_of(&b, 2);
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 12);
	/* What someone writes is another rule, which nobody knows. */
	key.layout = false;
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 0);
	finish(&b);
}

/* Another program flushes the table; what is written again begins where it ended. */
static void flushed(void **state)
{
	struct bench b = begin();
	unsigned given[3];

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	look(&b, ":FORWARD ACCEPT\n");
	assert_true(is_stamped(&b));
	assert_int_equal(read_all(&b).town, 10);
	write_again(&b, 8, given);
	assert_int_equal(given[0], 20);
	assert_int_equal(given[1], 10);
	assert_int_equal(given[2], 9);
	/* With exactly what it was given. */
	look(&b, tree(8, 20, 10, 9));
	assert_amounts(&b, 20, 10, 9);
	assert_false(is_stamped(&b));
	look(&b, tree(8, 26, 15, 12));
	assert_amounts(&b, 26, 15, 12);
	/* At once with more, and read in two parts. */
	look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 9, given);
	assert_int_equal(given[2], 12);
	look_partly(&b, tree(9, 26, 15, 12), true);
	look_partly(&b, tree_with(9, 26, 15, 12, "-A FORWARD -i eth0\n", "", ""), true);
	look(&b, tree(9, 30, 19, 16));
	assert_amounts(&b, 30, 19, 16);
	assert_false(is_stamped(&b));
	assert_int_equal(read_all(&b).resets, 0);
	/* Another process writes it. */
	look(&b, ":FORWARD ACCEPT\n");
	next_process(&b, METER_CONTINUED);
	write_again(&b, 10, given);
	assert_int_equal(given[1], 19);
	look(&b, tree(10, 30, 19, 17));
	assert_amounts(&b, 30, 19, 17);
	finish(&b);
}

/* Someone else put it there, as it was never known: from its first packet. */
static void written_by_someone_else(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	look(&b, ":FORWARD ACCEPT\n");
	look(&b, tree(0, 4, 3, 2));
	assert_amounts(&b, 24, 13, 11);
	/* The same in looks that read no counters at first, though it outgrew meanwhile what it had read. */
	look(&b, ":FORWARD ACCEPT\n");
	look_partly(&b, tree(0, 2, 2, 1), true);
	look_partly(&b, tree_with(0, 2, 2, 1, "-A FORWARD -i eth0\n", "", ""), true);
	look(&b, tree(0, 30, 20, 15));
	assert_amounts(&b, 54, 33, 26);
	/* Never known, and so not known to be zeroed either. */
	finish(&b);
	b = begin();
	look(&b, ":FORWARD ACCEPT\n");
	look(&b, tree(5, 4, 3, 2));
	assert_amounts(&b, 4, 3, 2);
	assert_int_equal(read_all(&b).resets, 0);
	finish(&b);
}

static void rebooted(void **state)
{
	struct bench b = begin();
	unsigned given[3];

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	next_process(&b, METER_REBOOTED);
	write_again(&b, 8, given);
	assert_int_equal(given[0], 20);
	assert_int_equal(given[2], 9);
	look(&b, tree(8, 20, 11, 9));
	assert_amounts(&b, 20, 11, 9);
	assert_false(is_stamped(&b));
	/* One that lost something of what it was given was zeroed. */
	next_process(&b, METER_REBOOTED);
	write_again(&b, 9, given);
	look(&b, tree(9, 20, 0, 9));
	assert_true(is_stamped(&b));
	look(&b, tree(9, 20, 11, 9));
	assert_amounts(&b, 20, 22, 9);
	/* A look without rules comes first. */
	next_process(&b, METER_REBOOTED);
	look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 9, given);
	assert_int_equal(given[1], 11);
	look(&b, tree(9, 21, 12, 9));
	assert_amounts(&b, 21, 23, 9);
	/* The boot restored the rules of a file: counters that the canary knows to be old. */
	next_process(&b, METER_REBOOTED);
	look(&b, tree(9, 18, 8, 6));
	assert_amounts(&b, 21, 23, 9);
	assert_true(is_stamped(&b));
	look(&b, tree(9, 19, 9, 7));
	assert_amounts(&b, 22, 24, 10);
	/* The file had none. */
	next_process(&b, METER_REBOOTED);
	look(&b, tree(0, 3, 2, 1));
	assert_amounts(&b, 25, 26, 11);
	assert_false(is_stamped(&b));
	finish(&b);
}

/* A rule of someone else's is none of those that we wrote, though it has the same prefix. */
static void not_what_was_written(void **state)
{
	struct bench b = begin();
	unsigned given[3];

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 8, given);
	look(&b, ONLY_HAND("22", "12", "11"));
	assert_amounts(&b, 42, 22, 20);
	finish(&b);
}

/* `iptables -Z`: what outgrew its old counter by the next look would not show it. */
static void zeroed(void **state)
{
	static const char own[] = ":other\n[5:500] -A FORWARD -d 10.7.0.0/24 -j other\n";
	static const char outgrew[] = ":other\n[8:800] -A FORWARD -d 10.7.0.0/24 -j other\n";
	struct bench b = begin();

	(void)state;
	look(&b, tree_with(7, 20, 10, 9, own, "", ""));
	/* The town outgrew it, the host reads the same, the total fell. */
	look(&b, tree_with(0, 15, 14, 9, outgrew, "", ""));
	assert_amounts(&b, 35, 24, 18);
	assert_true(is_stamped(&b));
	struct numbers numbers = read_all(&b);
	assert_int_equal(numbers.host_stamp, b.now);
	assert_int_equal(numbers.resets, 1);
	/* Rules that someone wrote have no canary. */
	uint32_t other = meter_find_town(b.meter, "other");
	struct rule_key key = {.town = other, .family = PREFIX_IPV4, .kind = ROLE_JUMP, .prefix = make_prefix("10.7.0.0/24")};
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 8);
	/* Until it is renewed it tells nothing, also to the next process. */
	next_process(&b, METER_CONTINUED);
	look(&b, tree(0, 16, 15, 10));
	assert_amounts(&b, 36, 25, 19);
	key = (struct rule_key){.town = RULE_NONE, .family = PREFIX_IPV4, .kind = ROLE_CANARY, .layout = true};
	assert_int_equal(meter_rule_inserted(b.meter, &key, &(struct counter){8, 0}), 0);
	look(&b, tree(8, 17, 16, 11));
	assert_amounts(&b, 37, 26, 20);
	assert_false(is_stamped(&b));
	assert_int_equal(read_all(&b).resets, 1);
	/* While no process looked. */
	next_process(&b, METER_CONTINUED);
	look(&b, tree(0, 30, 28, 25));
	assert_amounts(&b, 67, 54, 45);
	assert_true(is_stamped(&b));
	finish(&b);
}

/* A rule that we wrote in between begins with its count for all that. */
static void zeroed_before_a_rule_was_written(void **state)
{
	struct bench b = begin();
	struct counter last = {9, 900};

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	meter_rule_deleted(b.meter, made_rule(&b.made, 4, "tm-d-10.1.0.0/24", 1), &last);
	struct rule_key key = key_of(&b, 2);
	assert_int_equal(meter_rule_last(b.meter, &key).packets, 9);
	assert_int_equal(meter_rule_inserted(b.meter, &key, &last), 0);
	look(&b, tree(0, 3, 2, 11));
	assert_amounts(&b, 23, 12, 11);
	finish(&b);
}

/* `iptables -Z townmeter`: the canary's chain alone. More can not have passed than came in. */
static void only_its_chain_zeroed(void **state)
{
	struct bench b = begin();

	(void)state;
	b.received = 100;
	look(&b, tree(7, 90, 60, 50));
	b.received = 120;
	look(&b, tree(0, 100, 65, 52));
	assert_amounts(&b, 100, 65, 52);
	assert_false(is_stamped(&b));
	assert_int_equal(read_all(&b).resets, 0);
	finish(&b);
}

/* A backup that came back has the canary of its time. */
static void restored(void **state)
{
	struct bench b = begin();
	unsigned given[3];

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	look(&b, tree(6, 30, 4, 9));
	assert_amounts(&b, 20, 10, 9);
	struct numbers numbers = read_all(&b);
	assert_int_equal(numbers.town_stamp, b.now);
	assert_int_equal(numbers.host_stamp, b.now);
	assert_int_equal(numbers.resets, 1);
	look(&b, tree(6, 31, 5, 11));
	assert_amounts(&b, 21, 11, 11);
	assert_false(is_stamped(&b));
	/* Of a canary that was zero. */
	look(&b, tree(0, 1, 1, 1));
	look(&b, tree(6, 40, 40, 40));
	assert_amounts(&b, 22, 12, 12);
	/* Flushed, and restored with the canary that stood last. */
	look(&b, ":FORWARD ACCEPT\n");
	look(&b, tree(6, 38, 38, 38));
	assert_amounts(&b, 22, 12, 12);
	/* One that we write is no backup, only once. */
	look(&b, ":FORWARD ACCEPT\n");
	write_again(&b, 9, given);
	look(&b, tree(9, given[0] + 1, given[1] + 1, given[2] + 1));
	assert_amounts(&b, 23, 13, 13);
	look(&b, ":FORWARD ACCEPT\n");
	look(&b, tree(9, given[0] + 1, given[1] + 1, given[2] + 1));
	assert_amounts(&b, 23, 13, 13);
	finish(&b);
}

/* Each table has its own. */
static void of_its_table_alone(void **state)
{
	struct bench b = begin();
	char text[2500];

	(void)state;
	snprintf(text, sizeof text, "%s*6\n:FORWARD ACCEPT\n:townmeter\n[7:0] -A FORWARD -j townmeter\n"
		 "[5:0] -A townmeter -s :: -d ::\n", tree(7, 20, 10, 9));
	look(&b, text);
	snprintf(text, sizeof text, "%s*6\n:FORWARD ACCEPT\n:townmeter\n[9:0] -A FORWARD -j townmeter\n"
		 "[0:0] -A townmeter -s :: -d ::\n", tree(7, 22, 12, 11));
	look(&b, text);
	assert_amounts(&b, 20 + 7 + 2 + 9, 12, 11);
	assert_false(is_stamped(&b));
	finish(&b);
}

/* Rules that someone wrote for the same town and host, behind the tree. */
static const char *hand(unsigned total, unsigned town, unsigned host)
{
	static char text[500];

	snprintf(text, sizeof text, ":hand\n[%u:%u00] -A FORWARD\n[%u:%u00] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
		 "[%u:%u00] -A town-a -d 10.1.0.10\n", total, total, town, town, host, host);
	return text;
}

/* The tree beside them. */
static const char *beside(unsigned total, unsigned town, unsigned host, const char *own)
{
	static char text[2000];

	snprintf(text, sizeof text, ":FORWARD ACCEPT\n:townmeter\n:tm-d\n:tm.town-a\n:tm-d-10.1.0.0/24\n:town-a\n"
		 "[%u:%u00] -A FORWARD -j townmeter\n[7:0] -A townmeter -s 0.0.0.0 -d 0.0.0.0\n"
		 "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g tm.town-a\n"
		 "[%u:%u00] -A tm.town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n"
		 "[%u:%u00] -A tm-d-10.1.0.0/24 -d 10.1.0.10\n%s", total, total, town, town, host, host, own);
	return text;
}

/* Nothing counts twice, and the tree goes on where the hand-written rules ended. */
static void handed_over_to_the_tree(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, ONLY_HAND("50", "40", "30"));
	look(&b, beside(2, 2, 1, hand(53, 43, 32)));
	assert_amounts(&b, 53, 43, 32);
	look(&b, beside(5, 4, 3, hand(56, 45, 34)));
	assert_amounts(&b, 56, 45, 34);
	/* Also for the next process. */
	next_process(&b, METER_CONTINUED);
	look(&b, beside(7, 6, 5, hand(58, 47, 36)));
	assert_amounts(&b, 58, 47, 36);
	assert_false(is_stamped(&b));
	/* They are gone: what they counted since is in their twins. */
	look(&b, beside(11, 9, 7, ""));
	assert_amounts(&b, 62, 50, 38);
	assert_false(is_stamped(&b));
	look(&b, beside(12, 10, 8, ""));
	assert_amounts(&b, 63, 51, 39);
	assert_int_equal(read_all(&b).resets, 0);
	finish(&b);
}

/* One after the other, as -D takes them. */
static void handed_over_rule_by_rule(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, beside(1, 1, 1, ":hand\n[50:5000] -A FORWARD\n[40:4000] -A FORWARD -d 10.1.0.0/24 -j town-a\n"
				 "[30:3000] -A town-a -d 10.1.0.10\n"));
	look(&b, beside(4, 3, 2, ":hand\n[53:5300] -A FORWARD\n[42:4200] -A FORWARD -d 10.1.0.0/24 -j town-a\n"));
	assert_amounts(&b, 53, 42, 31);
	assert_false(is_stamped(&b));
	look(&b, beside(8, 6, 4, ":hand\n[45:4500] -A FORWARD -d 10.1.0.0/24 -j town-a\n"));
	assert_amounts(&b, 57, 45, 33);
	assert_false(is_stamped(&b));
	look(&b, beside(9, 7, 5, ""));
	assert_amounts(&b, 58, 46, 34);
	assert_false(is_stamped(&b));
	finish(&b);
}

/* A twin that came with the look that misses them saw only a part. */
static void no_twin_to_go_on(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, ONLY_HAND("50", "40", "30"));
	look(&b, beside(2, 2, 1, ""));
	assert_true(is_stamped(&b));
	assert_amounts(&b, 52, 42, 31);
	/* Without one that stands. */
	finish(&b);
	b = begin();
	look(&b, beside(1, 1, 1, hand(50, 40, 30)));
	look(&b, ":FORWARD ACCEPT\n");
	assert_true(is_stamped(&b));
	finish(&b);
	/* A shadow that goes took nothing along. */
	b = begin();
	look(&b, beside(1, 1, 1, hand(50, 40, 30)));
	look(&b, ONLY_HAND("51", "41", "31"));
	assert_amounts(&b, 51, 41, 31);
	assert_false(is_stamped(&b));
	finish(&b);
}

/* We take the hand-written rules away ourselves, and know what they counted to the last. */
static void deleted_by_us(void **state)
{
	struct bench b = begin();
	static const struct {
		const char *chain;
		uint32_t number;
	} own[] = {{"FORWARD", 2}, {"FORWARD", 3}, {"town-a", 1}};

	(void)state;
	look(&b, beside(1, 1, 1, hand(50, 40, 30)));
	for (size_t i = 0; i < 3; i++) {
		uint32_t rule = made_rule(&b.made, 4, own[i].chain, own[i].number);
		struct counter last = b.made.counters[rule];
		last.packets += 2;
		last.octets += 200;
		meter_rule_deleted(b.meter, rule, &last);
	}
	meter_settle(b.meter);
	look(&b, beside(6, 5, 4, ""));
	assert_amounts(&b, 55, 44, 33);
	assert_false(is_stamped(&b));
	finish(&b);
}

/* And back again: someone writes rules while the tree counts. */
static void handed_over_by_the_tree(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, beside(20, 10, 9, ""));
	/* Three packets, of which the new rules saw the last; it does not matter what they begin with. */
	look(&b, beside(23, 13, 12, hand(1, 1, 77)));
	assert_amounts(&b, 23, 13, 12);
	assert_false(is_stamped(&b));
	look(&b, beside(25, 15, 13, hand(3, 3, 78)));
	assert_amounts(&b, 25, 15, 13);
	/* In a look that reads no counters. */
	finish(&b);
	b = begin();
	look(&b, beside(20, 10, 9, ""));
	look_partly(&b, beside(20, 10, 9, hand(0, 0, 0)), true);
	look(&b, beside(23, 13, 12, hand(1, 1, 1)));
	assert_amounts(&b, 23, 13, 12);
	look(&b, beside(24, 14, 13, hand(2, 2, 2)));
	assert_amounts(&b, 24, 14, 13);
	finish(&b);
}

/* What is dropped ahead of the entrance was not counted: nothing is taken off. */
static void drops(void **state)
{
	struct bench b = begin();
	static const char five[] = "[5:500] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n";
	static const char nine[] = "[9:900] -A town-a -d 10.1.0.10 --comment townmeter -j DROP\n";

	(void)state;
	look(&b, tree(7, 20, 10, 9));
	look(&b, tree_with(7, 25, 10, 9, "", five, ""));
	assert_amounts(&b, 25, 10, 9);
	assert_int_equal(read_all(&b).dropped, 5);
	next_process(&b, METER_CONTINUED);
	look(&b, tree_with(7, 29, 12, 11, "", nine, ""));
	assert_amounts(&b, 29, 12, 11);
	assert_int_equal(read_all(&b).dropped, 9);
	finish(&b);
	/* Behind it both were charged. */
	b = begin();
	look(&b, tree(7, 20, 10, 9));
	look(&b, tree_with(7, 26, 16, 15, "", "", five));
	assert_amounts(&b, 26, 11, 10);
	assert_int_equal(read_all(&b).dropped, 5);
	finish(&b);
}

/* A chain of the tree, beside someone's of the town's name, or its own. */
static void chains_of_towns(void **state)
{
	struct bench b = begin();

	(void)state;
	look(&b, beside(1, 1, 1, ":hand\n[1:1] -A FORWARD -d 10.7.0.0/24 -j hand\n"));
	const struct {
		const char *chain, *town;
		bool layout;
	} chains[] = {{"tm.town-a", "town-a", true}, {"hand", "hand", false}};
	for (size_t i = 0; i < 2; i++) {
		uint32_t chain = make_chain_index(beside(1, 1, 1, ":hand\n"), 4, chains[i].chain);
		struct rule_key key = meter_chain_key(b.meter, b.made.rules, chain);
		assert_int_equal(key.town, meter_find_town(b.meter, chains[i].town));
		assert_int_equal(key.layout, chains[i].layout);
		assert_int_equal(key.family, 4);
	}
	finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(flushed),
		cmocka_unit_test(written_by_someone_else),
		cmocka_unit_test(rebooted),
		cmocka_unit_test(not_what_was_written),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(zeroed_before_a_rule_was_written),
		cmocka_unit_test(only_its_chain_zeroed),
		cmocka_unit_test(restored),
		cmocka_unit_test(of_its_table_alone),
		cmocka_unit_test(handed_over_to_the_tree),
		cmocka_unit_test(handed_over_rule_by_rule),
		cmocka_unit_test(no_twin_to_go_on),
		cmocka_unit_test(deleted_by_us),
		cmocka_unit_test(handed_over_by_the_tree),
		cmocka_unit_test(drops),
		cmocka_unit_test(chains_of_towns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
