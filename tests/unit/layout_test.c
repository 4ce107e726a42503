/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layout.h"

#include "layout_text.h"

static void expect(const char *text, uint8_t family, const char *expected)
{
	struct settings settings = layout_text_settings(text);
	struct layout *layout = layout_new(&settings, family);

	assert_non_null(layout);
	assert_int_equal(layout->family, family);
	char *lines = layout_text(layout);
	assert_string_equal(lines, expected);
	free(lines);
	layout_free(layout);
	layout_text_free(&settings);
}

static void two_towns_and_their_hosts(void **state)
{
	(void)state;
	expect("town town-a 10.1.0.0/24\nhost alice 10.1.0.10\nhost bob 10.1.0.17\ntown town-b 10.1.1.0/24\n", 4,
	       "townmeter  -s 0.0.0.0 -d 0.0.0.0  -j tm-d  -j tm-u\n"
	       "FORWARD  -j townmeter\n"
	       "tm-d  -d 10.1.0.0/20 -g tm-d-10.1.0.0/20\n"
	       "tm-u  -s 10.1.0.0/20 -g tm-u-10.1.0.0/20\n"
	       "town-a  -d 10.1.0.0/24 -j tm-d-10.1.0.0/24  -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
	       "tm-x-10.1.0.0/24  -d 10.1.0.0/24 -j RETURN  -g town-a\n"
	       "town-b  -d 10.1.1.0/24 -j tm-d-10.1.1.0/24  -s 10.1.1.0/24 -j tm-u-10.1.1.0/24\n"
	       "tm-x-10.1.1.0/24  -d 10.1.1.0/24 -j RETURN  -g town-b\n"
	       "tm-d-10.1.0.0/20  -d 10.1.0.0/24 -g town-a  -d 10.1.1.0/24 -g town-b\n"
	       "tm-u-10.1.0.0/20  -s 10.1.0.0/24 -g tm-x-10.1.0.0/24  -s 10.1.1.0/24 -g tm-x-10.1.1.0/24\n"
	       "tm-d-10.1.0.0/24  -d 10.1.0.0/28 -g tm-d-10.1.0.0/28  -d 10.1.0.16/28 -g tm-d-10.1.0.16/28\n"
	       "tm-u-10.1.0.0/24  -s 10.1.0.0/28 -g tm-u-10.1.0.0/28  -s 10.1.0.16/28 -g tm-u-10.1.0.16/28\n"
	       "tm-d-10.1.0.0/28  -d 10.1.0.10\n"
	       "tm-d-10.1.0.16/28  -d 10.1.0.17\n"
	       "tm-u-10.1.0.0/28  -s 10.1.0.10\n"
	       "tm-u-10.1.0.16/28  -s 10.1.0.17\n"
	       "tm-d-10.1.1.0/24\n"
	       "tm-u-10.1.1.0/24\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(two_towns_and_their_hosts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
