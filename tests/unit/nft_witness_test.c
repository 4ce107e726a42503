/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an intent of iptables-nft says; what the kernel makes of it is in the scenarios. */
#include "nft_witness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void there_and_back(void **state)
{
	uint64_t handles[] = {2, 3, 7};
	struct nft_witness one = {.number = 0xabcdef, .handles = handles, .n = 3}, two;
	struct intent intent;

	(void)state;
	assert_int_equal(nft_witness_note(&one, &intent), 0);
	assert_int_equal(intent.n_steps, 3);
	assert_int_equal(nft_witness_from(&two, intent.data, intent.size), 0);
	assert_int_equal(two.number, one.number);
	assert_string_equal(two.chain, "witness-0000000000abcdef");
	assert_int_equal(two.n, 3);
	assert_memory_equal(two.handles, handles, sizeof handles);
	nft_witness_free(&two);
	nft_witness_free(&two); /* empty by now */
	free(intent.data);
}

static void octets_that_are_no_intent(void **state)
{
	uint64_t handles[] = {2, 3};
	struct nft_witness one = {.number = 1, .handles = handles, .n = 2}, two;
	struct intent intent;

	(void)state;
	assert_int_equal(nft_witness_note(&one, &intent), 0);
	for (size_t size = 0; size < intent.size; size++) {
		errno = 0;
		assert_int_equal(nft_witness_from(&two, intent.data, size), -1);
		assert_int_equal(errno, EBADMSG);
		nft_witness_free(&two);
	}
	((unsigned char *)intent.data)[0] ^= 1;
	assert_int_equal(nft_witness_from(&two, intent.data, intent.size), -1);
	nft_witness_free(&two);
	free(intent.data);
}

/* A commit of ours that changed nothing of what is read leaves what is known. */
static void a_generation_further(void **state)
{
	struct nft_reading reading = {.read_in = 7, .confirmed = 7};

	(void)state;
	nft_read_passed(&reading, 7);
	assert_int_equal(reading.read_in, 8);
	assert_int_equal(reading.confirmed, 8);
	/* Not certain before, not certain now. */
	reading.confirmed = 0;
	nft_read_passed(&reading, 8);
	assert_int_equal(reading.read_in, 9);
	assert_int_equal(reading.confirmed, 0);
	nft_read_passed(&reading, 7);
	assert_int_equal(reading.read_in, 9);
	assert_int_equal(nft_read_next(UINT32_MAX), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(octets_that_are_no_intent),
		cmocka_unit_test(a_generation_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
