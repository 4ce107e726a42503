/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service classes in the tree: which rule counts which class of whom. */
#include <stdio.h>

#include "seen.h"
#include "tree.h"

/* The configuration's classes; the buffer is used again, as recognise() allows. */
static const char *class_of(void *context, const struct ports *ports)
{
	static char name[80];
	const char *found = ports->protocol == 6 && ports->first == 80 && ports->last == 80	    ? "web"
			    : ports->protocol == 6 && ports->first == 8080 && ports->last == 8089 ? "web"
			    : ports->protocol == 1							    ? "ping"
			    : ports->protocol == 17 && ports->first == 53			    ? "a-name-of-a-class-that-is-too-long-by-far"
												    : NULL;

	(void)context;
	if (!found)
		return NULL;
	snprintf(name, sizeof name, "%s", found);
	return name;
}

static const struct recognise_names classes = {.find_class = class_of};

#define S ":FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-10.1.0.0/24\n:tm-s-d-10.1.0.0/24\n:tm-s-d-10.1.0.10\n" \
	TREE_JUMP "-A townmeter -j tm-d\n-A tm-d -d 10.1.0.0/24 -g town-a\n" \
	"-A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n" \
	"-A tm-d-10.1.0.0/24 -j tm-s-d-10.1.0.0/24\n-A tm-d-10.1.0.0/24 -d 10.1.0.10 -j tm-s-d-10.1.0.10\n"

static void assert_service(const struct seen *seen, uint8_t family, const char *chain, uint32_t number, const char *host,
			   const char *name)
{
	const struct role *role = seen_role(seen, family, chain, number);

	assert_int_equal(role->kind, ROLE_SERVICE);
	assert_true(role->layout);
	assert_int_equal(role->direction, DIRECTION_DOWN);
	const struct found_service *service = &seen->found->services[role->service];
	assert_int_equal(service->town, seen_town(seen, "town-a"));
	assert_int_equal(service->town, role->town);
	assert_int_equal(service->host, host ? seen_host(seen, "town-a", host) : RULE_NONE);
	assert_int_equal(service->host, role->host);
	assert_string_equal(service->name, name);
}

static void of_towns_and_hosts(void **state)
{
	struct seen seen = see_with(S "-A tm-s-d-10.1.0.0/24 -p tcp --sport 80 -j RETURN\n"
				    "-A tm-s-d-10.1.0.0/24 -p tcp -m tcp --sport 8080:8089 -j RETURN\n"
				    "-A tm-s-d-10.1.0.0/24 -j RETURN\n"
				    "-A tm-s-d-10.1.0.10 -p icmp -j RETURN\n-A tm-s-d-10.1.0.10 -j RETURN\n", &classes, NULL);

	(void)state;
	seen_no_problem(&seen);
	assert_service(&seen, 4, "tm-s-d-10.1.0.0/24", 1, NULL, "web");
	assert_service(&seen, 4, "tm-s-d-10.1.0.0/24", 2, NULL, "web");
	assert_service(&seen, 4, "tm-s-d-10.1.0.0/24", 3, NULL, "other");
	assert_service(&seen, 4, "tm-s-d-10.1.0.10", 1, "10.1.0.10", "ping");
	assert_service(&seen, 4, "tm-s-d-10.1.0.10", 2, "10.1.0.10", "other");
	/* The rules whose packets they divide. */
	assert_int_equal(seen_role(&seen, 4, "tm-s-d-10.1.0.0/24", 3)->owner, made_rule(&seen.made, 4, "town-a", 1));
	assert_int_equal(seen_role(&seen, 4, "tm-s-d-10.1.0.10", 1)->owner, made_rule(&seen.made, 4, "tm-d-10.1.0.0/24", 2));
	assert_int_equal(seen_role(&seen, 4, "tm-d-10.1.0.0/24", 2)->kind, ROLE_COUNT);
	/* The town's first, and shorter names first, each once. */
	static const char *const names[] = {"web", "other", "ping", "other"};
	assert_int_equal(seen.found->n_services, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_string_equal(seen.found->services[i].name, names[i]);
	unsee(&seen);
}

/* ICMP is one class in both versions of IP. */
static void icmp_of_ipv6(void **state)
{
	struct seen seen = see_with("*6\n:FORWARD ACCEPT\n:townmeter\n:tm-d\n:town-a\n:tm-d-2001:db8::/48\n:tm-s-d-x\n" TREE_JUMP
				    "-A townmeter -j tm-d\n-A tm-d -d 2001:db8::/48 -g town-a\n"
				    "-A town-a -d 2001:db8::/48 -j tm-d-2001:db8::/48\n-A tm-d-2001:db8::/48 -j tm-s-d-x\n"
				    "-A tm-s-d-x -p ipv6-icmp -j RETURN\n", &classes, NULL);

	(void)state;
	assert_service(&seen, 6, "tm-s-d-x", 1, NULL, "ping");
	unsee(&seen);
}

static void what_is_no_class(void **state)
{
	struct seen seen = see_with(S "-A tm-s-d-10.1.0.10 -p tcp --sport 81 -j RETURN\n"
				    "-A tm-s-d-10.1.0.10 -p tcp --dport 80 -j RETURN\n"
				    "-A tm-s-d-10.1.0.10 -p tcp -m mark --sport 80 -j RETURN\n"
				    "-A tm-s-d-10.1.0.10 -p tcp --sport 80\n"
				    "-A tm-s-d-10.1.0.10 -p tcp --sport 80 -d 10.1.0.10 -j RETURN\n"
				    "-A tm-s-d-10.1.0.10 -p udp --sport 53 -j RETURN\n", &classes, NULL);

	(void)state;
	seen_other(&seen, "tm-s-d-10.1.0.10", 1, "belongs to no class of services");
	for (uint32_t i = 2; i <= 5; i++)
		seen_other(&seen, "tm-s-d-10.1.0.10", i, "no rule of townmeter's");
	seen_other(&seen, "tm-s-d-10.1.0.10", 6, "belongs to no class of services");
	assert_int_equal(seen.found->n_services, 0);
	unsee(&seen);
	/* Without a configuration there is the rest alone. */
	seen = see(S "-A tm-s-d-10.1.0.10 -p tcp --sport 80 -j RETURN\n-A tm-s-d-10.1.0.10 -j RETURN\n");
	seen_other(&seen, "tm-s-d-10.1.0.10", 1, "belongs to no class of services");
	assert_service(&seen, 4, "tm-s-d-10.1.0.10", 2, "10.1.0.10", "other");
	unsee(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_towns_and_hosts),
		cmocka_unit_test(icmp_of_ipv6),
		cmocka_unit_test(what_is_no_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
