/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What edits name: chains that stand, that the change makes, that it removes. */
#include "nft_names.h"

#include <stdio.h>

#include "make.h"

static const char router[] =
	":FORWARD ACCEPT\n:tm-d\n:tm-u\n:town-a\n"
	"-A FORWARD -j tm-d\n"
	"-A FORWARD -j tm-u\n"
	"-A tm-d -d 10.1.0.0/24 -g town-a\n"
	"-A town-a -d 10.1.0.10\n";
enum { FORWARD, TM_D, TM_U, TOWN_A };
/* Rules' indexes: policies are no rules of nf_tables'. */
enum { TO_D, TO_U, D_1, A_1 };

struct bench {
	struct made made;
	struct nft_reading reading;
	struct nft_names names;
	char error[BACKEND_ERROR_SIZE];
};

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->made = make(router);
	struct ruleset *rules = b->made.rules;
	b->reading = (struct nft_reading){.rules = rules};
	b->reading.chains.n = rules->n_chains;
	b->reading.chains.chains = calloc(rules->n_chains, sizeof *b->reading.chains.chains);
	for (uint32_t c = 0; c < rules->n_chains; c++)
		b->reading.chains.chains[c] = (struct nft_chain){
			.name = (char *)(uintptr_t)ruleset_text(rules, rules->chains[c].name), .family = 4,
			.hook = rules->chains[c].hook};
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	free(b->reading.chains.chains);
	made_free(&b->made);
	free(b);
	return 0;
}

static uint32_t rule_of(const struct bench *b, int rule)
{
	static const struct {
		int chain;
		uint32_t number;
	} where[] = {[TO_D] = {FORWARD, 0}, [TO_U] = {FORWARD, 1}, [D_1] = {TM_D, 0}, [A_1] = {TOWN_A, 0}};

	return b->made.rules->chains[where[rule].chain].first + where[rule].number;
}

/* `wanted`: NULL, or a piece of what is said. */
static void expect(struct bench *b, const struct edit *edits, size_t n, const char *wanted)
{
	b->error[0] = '\0';
	int result = nft_names_check(&b->names, &b->reading, edits, n, b->error);

	nft_names_free(&b->names);
	if (result != (wanted ? -1 : 0) || (wanted && !strstr(b->error, wanted)))
		fail_msg("wanted '%s', found '%s'", wanted ? wanted : "", b->error);
}

#define EXPECT(wanted, ...) do { \
		const struct edit edits_[] = {__VA_ARGS__}; \
		expect(b, edits_, sizeof edits_ / sizeof edits_[0], wanted); \
	} while (0)

static struct edit made(const char *name)
{
	return (struct edit){.kind = EDIT_CHAIN, .chain = RULE_NONE, .rule = RULE_NONE, .family = 4, .name = name};
}

static struct edit appended(const char *name, enum verdict verdict, const char *target)
{
	return (struct edit){.kind = EDIT_INSERT, .chain = RULE_NONE, .rule = RULE_NONE, .family = 4, .name = name,
			     .verdict = (uint8_t)verdict, .target = target};
}

static struct edit gone(uint32_t chain)
{
	return (struct edit){.kind = EDIT_DELETE_CHAIN, .chain = chain, .rule = RULE_NONE};
}

static struct edit without(const struct bench *b, int rule)
{
	return (struct edit){.kind = EDIT_DELETE, .rule = rule_of(b, rule)};
}

static void chains_that_are_made(void **state)
{
	struct bench *b = *state;

	EXPECT(NULL, appended("new", VERDICT_GOTO, "other"), made("other"), made("new"),
	       appended("other", VERDICT_JUMP, "town-a"), appended("town-a", VERDICT_NONE, NULL));
	EXPECT("can not make the chain town-a: it is there", made("town-a"));
	EXPECT("can not make the chain new: twice", made("new"), made("new"));
	EXPECT("29 characters", made("abcdefghijklmnopqrstuvwxyz123"));
	EXPECT(NULL, made("abcdefghijklmnopqrstuvwxyz12"));
	/* The other version of IP has names of its own. */
	EXPECT(NULL, made("new"), {.kind = EDIT_CHAIN, .family = 6, .name = "new"},
	       {.kind = EDIT_CHAIN, .family = 6, .name = "town-a"});
	EXPECT("ip6tables-nft: can not put a rule into town-a: there is no chain town-a",
	       {.kind = EDIT_INSERT, .chain = RULE_NONE, .rule = RULE_NONE, .family = 6, .name = "town-a"});
}

static void targets(void **state)
{
	struct bench *b = *state;

	EXPECT("leads to nowhere: there is no chain nowhere", appended("town-a", VERDICT_JUMP, "nowhere"));
	EXPECT("there is no chain FORWARD", appended("town-a", VERDICT_GOTO, "FORWARD"));
	EXPECT("there is no chain nowhere", {.kind = EDIT_INSERT, .chain = TM_D, .rule = rule_of(b, D_1),
					     .verdict = VERDICT_GOTO, .target = "nowhere"});
	EXPECT(NULL, {.kind = EDIT_INSERT, .chain = TM_D, .rule = rule_of(b, D_1), .verdict = VERDICT_GOTO,
		      .target = "tm-u"});
}

static void chains_that_go(void **state)
{
	struct bench *b = *state;

	EXPECT("can not remove the chain town-a: rule 1 of town-a", gone(TOWN_A));
	EXPECT("can not remove the chain town-a: rule 1 of tm-d", without(b, A_1), gone(TOWN_A));
	EXPECT(NULL, without(b, D_1), without(b, A_1), gone(TOWN_A));
	EXPECT("can not remove the chain FORWARD: it is one", gone(FORWARD));
	EXPECT("can not remove the chain tm-u: rule 2 of FORWARD", gone(TM_U));
	EXPECT("this very change removes the chain tm-u", without(b, TO_U), gone(TM_U), appended("town-a", VERDICT_GOTO, "tm-u"));
	EXPECT("this very change removes", without(b, TO_U), gone(TM_U), appended("tm-u", VERDICT_NONE, NULL));
	EXPECT("this very change removes", without(b, TO_U), gone(TM_U),
	       {.kind = EDIT_INSERT, .chain = TM_U, .rule = RULE_NONE});
	/* One that goes and comes again. */
	EXPECT(NULL, without(b, TO_U), gone(TM_U), made("tm-u"), appended("tm-u", VERDICT_NONE, NULL),
	       appended("town-a", VERDICT_GOTO, "tm-u"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chains_that_are_made, start, stop),
		cmocka_unit_test_setup_teardown(targets, start, stop),
		cmocka_unit_test_setup_teardown(chains_that_go, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
