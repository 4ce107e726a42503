/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: the rules of layout_names.h as make.h reads them. Two towns; town-a has three hosts, two of them a level
 * deeper. Counters are put in where a test has something to say of them. */
#ifndef TOWNMETER_TESTS_TREE_H
#define TOWNMETER_TESTS_TREE_H

/* Chains; a test may have more of its own. */
#define TREE_CHAINS \
	":townmeter\n:tm-d\n:tm-u\n:tm-x-10.1.0.0/24\n:tm-x-10.2.0.0/24\n:town-a\n:town-b\n" \
	":tm-d-10.1.0.0/24\n:tm-u-10.1.0.0/24\n:tm-d-10.1.0.16/28\n:tm-u-10.1.0.16/28\n" \
	":tm-d-10.2.0.0/24\n:tm-u-10.2.0.0/24\n"

#define TREE_JUMP "-A FORWARD -j townmeter\n"
#define TREE_CANARY "-A townmeter -s 0.0.0.0 -d 0.0.0.0\n"

/* From the root to the towns. */
#define TREE_DISPATCH \
	"-A townmeter -j tm-d\n-A townmeter -j tm-u\n" \
	"-A tm-d -d 10.1.0.0/24 -g town-a\n-A tm-d -d 10.2.0.0/24 -g town-b\n" \
	"-A tm-u -s 10.1.0.0/24 -g tm-x-10.1.0.0/24\n-A tm-u -s 10.2.0.0/24 -g tm-x-10.2.0.0/24\n" \
	"-A tm-x-10.1.0.0/24 -d 10.1.0.0/24 -j RETURN\n-A tm-x-10.1.0.0/24 -g town-a\n" \
	"-A tm-x-10.2.0.0/24 -d 10.2.0.0/24 -j RETURN\n-A tm-x-10.2.0.0/24 -g town-b\n"

#define TREE_ENTRANCES_A "-A town-a -d 10.1.0.0/24 -j tm-d-10.1.0.0/24\n-A town-a -s 10.1.0.0/24 -j tm-u-10.1.0.0/24\n"
#define TREE_ENTRANCES_B "-A town-b -d 10.2.0.0/24 -j tm-d-10.2.0.0/24\n-A town-b -s 10.2.0.0/24 -j tm-u-10.2.0.0/24\n"

#define TREE_HOSTS \
	"-A tm-d-10.1.0.0/24 -d 10.1.0.16/28 -g tm-d-10.1.0.16/28\n-A tm-d-10.1.0.0/24 -d 10.1.0.10\n" \
	"-A tm-u-10.1.0.0/24 -s 10.1.0.16/28 -g tm-u-10.1.0.16/28\n-A tm-u-10.1.0.0/24 -s 10.1.0.10\n" \
	"-A tm-d-10.1.0.16/28 -d 10.1.0.17\n-A tm-d-10.1.0.16/28 -d 10.1.0.18\n" \
	"-A tm-u-10.1.0.16/28 -s 10.1.0.17\n-A tm-u-10.1.0.16/28 -s 10.1.0.18\n" \
	"-A tm-d-10.2.0.0/24 -d 10.2.0.10\n-A tm-u-10.2.0.0/24 -s 10.2.0.10\n"

/* All but FORWARD's own chain and the jump. */
#define TREE TREE_CHAINS TREE_CANARY TREE_DISPATCH TREE_ENTRANCES_A TREE_ENTRANCES_B TREE_HOSTS

#endif
