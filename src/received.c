/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "received.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds the number of the word `position` (from 0) of the line `number` (from 1) of those that start with
 * `start`. Returns 0, or -1 if there is none. */
static int add_number(const char *path, const char *start, int number, int position, uint64_t *sum)
{
	FILE *file = fopen(path, "re");
	char line[1024], *rest = NULL, *end;
	int result = -1;

	while (file && result < 0 && fgets(line, sizeof line, file)) {
		if (strncmp(line, start, strlen(start)) != 0 || --number > 0)
			continue;
		char *word = strtok_r(line, " \t\n", &rest);
		for (int i = 0; word && i < position; i++)
			word = strtok_r(NULL, " \t\n", &rest);
		unsigned long long value = word ? strtoull(word, &end, 10) : 0;
		if (!word || *end != '\0')
			break;
		*sum += value;
		result = 0;
	}
	if (file)
		fclose(file);
	return result;
}

uint64_t received_packets(void)
{
	uint64_t sum = 0;
	/* A line of names, then one of values, whose third is InReceives; and a line for each name. */
	int ipv4 = add_number("/proc/thread-self/net/snmp", "Ip:", 2, 3, &sum);
	int ipv6 = add_number("/proc/thread-self/net/snmp6", "Ip6InReceives", 1, 1, &sum);

	return ipv4 < 0 && ipv6 < 0 ? UINT64_MAX : sum;
}
