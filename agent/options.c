/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
#include <stdio.h>

static const char usage[] =
	"usage: townmeterd [-f] [-c CONFIG] [-x AGENTX-ADDRESS] [-s STATE-DIR] [-S CONTROL-SOCKET] [-v]\n"
	"                  [--check] [--read-only] [--version] [--help]\n";

static const char help[] =
	"Meters the towns and hosts of iptables chains, and serves them to the SNMP master agent.\n"
	"\n"
	"  -f                 stay in the foreground, log on standard error\n"
	"  -c CONFIG          configuration file (default " SYSCONFDIR "/townmeter/townmeter.yaml, if it exists)\n"
	"  -x AGENTX-ADDRESS  where the master agent listens (default " "/var/agentx/master or /run/agentx/master)\n"
	"  -s STATE-DIR       where state is kept (default " STATEDIR ")\n"
	"  -S CONTROL-SOCKET  where the command townmeter finds this daemon (default " CONTROLSOCKET ")\n"
	"  -v                 log more\n"
	"  --check            print every rule and what it is taken for, and end\n"
	"  --read-only        every SET fails; nothing is ever written to the packet filter\n";

int options_read(struct options *options, int argc, char **argv)
{
	enum { LONG_CHECK = 256, LONG_READ_ONLY, LONG_VERSION, LONG_HELP };
	static const struct option names[] = {
		{"check", no_argument, NULL, LONG_CHECK},
		{"read-only", no_argument, NULL, LONG_READ_ONLY},
		{"version", no_argument, NULL, LONG_VERSION},
		{"help", no_argument, NULL, LONG_HELP},
		{NULL, 0, NULL, 0}};
	int option;

	*options = (struct options){.state_directory = STATEDIR, .control_socket = CONTROLSOCKET};
	while ((option = getopt_long(argc, argv, "fc:x:s:S:vh", names, NULL)) != -1) {
		switch (option) {
		case 'f':
			options->foreground = true;
			break;
		case 'c':
			options->config = optarg;
			break;
		case 'x':
			options->agentx = optarg;
			break;
		case 's':
			options->state_directory = optarg;
			break;
		case 'S':
			options->control_socket = optarg;
			break;
		case 'v':
			options->verbose = true;
			break;
		case LONG_CHECK:
			options->check = true;
			break;
		case LONG_READ_ONLY:
			options->read_only = true;
			break;
		case LONG_VERSION:
			printf("townmeterd %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
		case LONG_HELP:
			printf("%s\n%s", usage, help);
			return 0;
		default: /* getopt named what was wrong */
			fputs(usage, stderr);
			return OPTIONS_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "townmeterd: found '%s', expected no further words\n%s", argv[optind], usage);
		return OPTIONS_USAGE;
	}
	return -1;
}
