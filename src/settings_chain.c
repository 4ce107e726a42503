/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of towns as names of chains, as iptables(8) has them. */
#include <string.h>

#include "settings_private.h"

static const char *const builtin[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

/* What -j takes for a target: the kernel's verdicts, and the extensions of iptables and of xtables-addons. A chain of
 * such a name could not be jumped to. */
static const char *const targets[] = {
	"ACCEPT", "DROP", "RETURN", "QUEUE", "ERROR",
	"AUDIT", "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNMARK", "CONNSECMARK", "CT", "DNAT", "DNPT", "DSCP", "ECN",
	"HL", "HMARK", "IDLETIMER", "LED", "LOG", "MARK", "MASQUERADE", "MIRROR", "NETMAP", "NFLOG", "NFQUEUE",
	"NOTRACK", "RATEEST", "REDIRECT", "REJECT", "SAME", "SECMARK", "SET", "SNAT", "SNPT", "SYNPROXY", "TCPMSS",
	"TCPOPTSTRIP", "TEE", "TOS", "TPROXY", "TRACE", "TTL", "ULOG",
	"ACCOUNT", "CHAOS", "DELUDE", "DHCPMAC", "DNETMAP", "ECHO", "FLOWOFFLOAD", "IPMARK", "LOGMARK", "NAT64",
	"PROTO", "RAWDNAT", "RAWSNAT", "STEAL", "SYSRQ", "TARPIT"};

static bool is_one(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

/* The names of layout_names.h, which knows of the settings and not the other way round: LAYOUT_ROOT,
 * LAYOUT_GENERATED and LAYOUT_BESIDE. */
static bool is_ours(const char *name)
{
	return strcmp(name, "townmeter") == 0 || strncmp(name, "tm-", 3) == 0 || strncmp(name, "tm.", 3) == 0;
}

const char *settings_chain_fault(const char *name)
{
	if (is_one(name, builtin, sizeof builtin / sizeof builtin[0]))
		return "the name of a built-in chain of iptables, expected another";
	if (is_one(name, targets, sizeof targets / sizeof targets[0]))
		return "the name of a target of iptables, expected another";
	if (is_ours(name))
		return "the name of a chain of townmeter's own, expected neither townmeter nor tm- or tm. at its beginning";
	if (name[0] == '-' || name[0] == '!')
		return "expected the name of a chain: no - or ! at its beginning";
	/* Control characters are in no name. A quote would be eaten when iptables-restore reads what iptables-save
	 * wrote. */
	if (strpbrk(name, " \""))
		return "expected the name of a chain: no blank and no \" in it";
	return NULL;
}
