/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do rules stand in the tables of nf_tables that iptables-nft uses? */
#ifndef TOWNMETER_NFT_PROBE_H
#define TOWNMETER_NFT_PROBE_H

/* What to say when rules stand there only. */
#define NFT_PROBE_ADVICE "the rules stand in nf_tables (iptables-nft), which this version does not read: make them " \
	"with iptables-legacy ('update-alternatives --set iptables /usr/sbin/iptables-legacy')"

/* Returns 1 if there is a rule in `ip filter` or `ip6 filter`, 0 if not, -1 if it can not be told. */
int nft_probe_rules(void);

#endif
