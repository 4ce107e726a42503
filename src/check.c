/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"

#include <stdio.h>

#include "backend.h"
#include "log.h"
#include "recognise.h"

static void print_role(const struct ruleset *rules, const struct recognition *found, uint32_t rule)
{
	static const char *const ways[] = {"down", "up"};
	const struct role *role = &found->roles[rule];
	const char *town = role->town != RULE_NONE ? ruleset_text(rules, found->towns[role->town].name) : "";
	const char *host = role->host != RULE_NONE ? found->hosts[role->host].name : "";
	const char *whose = role->ours ? "by townmeter" : "by someone else";
	const char *beside = role->shadow ? ", counted already by rules of someone else" : "";
	const char *around = role->shadowed ? ", but an earlier rule can accept its packets" : "";

	switch (role->kind) {
	case ROLE_TOTAL:
		printf("total of %s%s", ruleset_chain_name(rules, rule), beside);
		break;
	case ROLE_POLICY:
		printf("total of %s: there is no rule without conditions, so its policy is read",
		       ruleset_chain_name(rules, rule));
		break;
	case ROLE_JUMP:
		printf("town %s, %s%s", town, ways[role->direction], beside);
		break;
	case ROLE_COUNT:
		printf("host %s/%s, %s%s", town, host, ways[role->direction], beside);
		break;
	case ROLE_HOST_DROP:
		printf("host %s/%s, blocked %s, %s%s", town, host, ways[role->direction], whose, around);
		break;
	case ROLE_TOWN_DROP:
		printf("town %s, blocked %s, %s%s", town, ways[role->direction], whose, around);
		break;
	case ROLE_SERVICE:
		printf("service %s of %s%s%s, %s", found->services[role->service].name, town, host[0] ? "/" : "", host,
		       ways[role->direction]);
		break;
	case ROLE_CANARY:
		printf("canary of townmeter");
		break;
	default:
		printf("%s%s", role->layout ? "" : "other: ", role->why);
	}
}

static int print_all(const struct backend_ops *ops, struct backend *backend, const struct snapshot *snapshot,
		     const struct recognise_names *configured)
{
	const struct ruleset *rules = snapshot->rules;
	struct recognition *found = recognise(rules, configured, NULL);
	static const char *const names[] = {[CHAIN_LEGACY] = "iptables-legacy", [CHAIN_NFT] = "iptables-nft"};
	uint8_t family = 0, kind = 0;

	if (!found) {
		log_error("no memory");
		return -1;
	}
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		const struct chain *chain = &rules->chains[rules->rules[i].chain];
		if (chain->family != family || chain->backend != kind)
			printf("# %s, IPv%u\n", names[chain->backend], chain->family);
		family = chain->family;
		kind = chain->backend;
		if (ops->print(backend, i) < 0) {
			log_error("can not print rules: the iptables libraries can not be used");
			recognition_free(found);
			return -1;
		}
		printf("  # ");
		print_role(rules, found, i);
		printf("\n");
	}
	printf("# %u rules: %u of totals, towns and hosts, %u others; %u towns, %u hosts\n", rules->n_rules,
	       found->n_used, rules->n_rules - found->n_used, found->n_towns, found->n_hosts);
	for (uint32_t i = 0; i < found->n_problems; i++)
		printf("# warning: %s\n", found->problems[i]);
	recognition_free(found);
	return 0;
}

int check_run(const struct backend_ops *ops, const struct recognise_names *configured)
{
	char error[BACKEND_ERROR_SIZE] = "";
	struct backend *backend = NULL;
	struct snapshot snapshot;
	struct timespec deadline;
	int result = 1;

	if (ops->probe(error) <= 0) {
		log_error("%s", error);
		return 1;
	}
	backend = ops->open(error);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += 5;
	if (!backend || ops->lock(backend, &deadline, error) < 0) {
		log_error("%s", error);
		goto out;
	}
	if (ops->read(backend, READ_ALL, &snapshot, error) < 0)
		log_error("%s", error);
	else
		result = print_all(ops, backend, &snapshot, configured) < 0;
	ops->unlock(backend);
out:
	if (backend)
		ops->close(backend, false);
	return result;
}
