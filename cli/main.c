/* SPDX-License-Identifier: GPL-2.0-or-later */
/* townmeter: what an operator asks of townmeterd, and commands it, on the router. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "apply.h"
#include "command.h"
#include "link.h"
#include "report.h"
#include "show.h"

enum { USAGE = 2 };

static const struct subcommand subcommands[] = {
	{"status", "[--json] [--exact]", "how the daemon, its rules and its ledger are", TAKES_JSON | TAKES_EXACT, 0, 0,
	 show_status},
	{"towns", "[TOWN] [--json] [--exact]", "the towns and what they used in this period", TAKES_JSON | TAKES_EXACT, 0,
	 1, show_towns},
	{"hosts", "[TOWN[/HOST]] [--json] [--exact]", "the hosts and what they used in this period",
	 TAKES_JSON | TAKES_EXACT, 0, 1, show_hosts},
	{"services", "[TOWN[/HOST]] [--json] [--exact]", "the traffic by service class, of all towns unless one is named",
	 TAKES_JSON | TAKES_EXACT, 0, 1, show_services},
	{"top", "[TOWN] [--by both|down|up] [-n NUMBER] [--json] [--exact]", "the hosts that used most",
	 TAKES_JSON | TAKES_EXACT | TAKES_BY | TAKES_COUNT, 0, 1, show_top},
	{"report", "[TOWN[/HOST]] [--period NUMBER|all] [--format text|csv|json] [--json] [--exact]",
	 "closed periods: what is billed from", TAKES_JSON | TAKES_EXACT | TAKES_PERIOD | TAKES_FORMAT, 0, 1, report_show},
	{"zero", "TOWN[/HOST] | --all", "end the period, and begin a new one from zero", TAKES_ALL, 1, 1, command_zero},
	{"block", "TOWN[/HOST]", "drop all of its traffic", 0, 1, 1, command_block},
	{"unblock", "TOWN[/HOST]", "let it pass again", 0, 1, 1, command_unblock},
	{"quota", "TOWN[/HOST] [SIZE|none] [--basis both|down|up] [--warn PERCENT] [--on-exceed none|notify|block]",
	 "show or change a quota", TAKES_QUOTA | TAKES_JSON, 1, 2, command_quota},
	{"forget", "TOWN[/HOST]", "remove a row whose rules are gone", 0, 1, 1, command_forget},
	{"apply", "[--dry-run] [--json]", "read the configuration again, and write its rules", TAKES_DRY_RUN | TAKES_JSON, 0, 0,
	 apply_rules},
	{"remove", "[--dry-run] [--json]", "take away every rule that apply wrote", TAKES_DRY_RUN | TAKES_JSON, 0, 0,
	 apply_remove},
	{"adopt", "", "print the towns and hosts that are metered as a configuration", 0, 0, 0, adopt_print},
	{.name = NULL}};

static void help(const struct subcommand *one)
{
	puts("usage: townmeter [-S SOCKET] SUBCOMMAND [OPTIONS]\n       townmeter --help | --version");
	if (one) {
		printf("\n  townmeter %s %s\n      %s\n", one->name, one->usage, one->summary);
		return;
	}
	puts("\nAsks townmeterd on this router, and commands it. Subcommands:\n");
	for (const struct subcommand *s = subcommands; s->name; s++)
		printf("  %-8s %s\n", s->name, s->summary);
	puts("\n  -S SOCKET  the daemon's control socket (default: $TOWNMETER_SOCKET, else " CONTROLSOCKET ")\n"
	     "\n'townmeter SUBCOMMAND --help' shows its options; townmeter(1) tells all.");
}

/* Widths are counted as the terminal shows them; names are UTF-8 whatever the locale is. */
static void choose_locale(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int main(int argc, char **argv)
{
	const char *socket = getenv("TOWNMETER_SOCKET");
	char error[ARGUMENTS_ERROR_SIZE];
	struct arguments arguments;

	choose_locale();
	if (arguments_read(&arguments, subcommands, socket && socket[0] ? socket : CONTROLSOCKET, argc, argv, error) < 0) {
		link_complain("%s", error);
		return USAGE;
	}
	if (arguments.version) {
		printf("townmeter %s\n", PACKAGE_VERSION);
		return show_end();
	}
	if (arguments.help) {
		help(arguments.subcommand);
		return show_end();
	}
	return arguments.subcommand->run(&arguments);
}
