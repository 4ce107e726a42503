"""Rules of every shape that is a host, over alice's addresses, and the account
of what each of them counted."""

import re

from .topology import NETS, address

SHAPES = {
    4: ["-d 10.1.0.10/32 -m comment --comment alice", "-s 10.1.0.10/32 -m comment --comment alice",
        "-d 10.1.0.0/28", "-d 10.1.0.0/25 -m comment --comment half", "-d 10.1.0.0/24",
        "-d 10.0.0.0/8", "-d 8.0.0.0/5"],
    6: ["-d 2001:db8:a::10/128 -m comment --comment alice", "-d 2001:db8:a::/64",
        "-d 2001:db8:8::/45 -m comment --comment wide", "-d 2001:db8::/32", "-d 2000::/3"],
}
CHAINS = ("FORWARD", "town-a")


def load(lab):
    """These rules in town-a; a packet to alice is in every one with -d."""
    for family, specs in SHAPES.items():
        net = NETS["town-a"][family]
        lab.ipt.restore(family, "\n".join(
            [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]",
             ":town-a - [0:0]", "-A FORWARD", f"-A FORWARD -d {net} -j town-a",
             f"-A FORWARD -s {net} -j town-a"] + [f"-A town-a {spec}" for spec in specs]))
    return lab


def _prefix(family, spec, flag):
    """The prefix behind a flag as townmeter writes it, or None."""
    found = re.search(flag + r" (\S+)", spec)
    return found and found[1].removesuffix({4: "/32", 6: "/128"}[family])


def hosts():
    """{host: {family: its rule with -d under the name that account() gives it}}."""
    found = {}
    for family, specs in SHAPES.items():
        for spec in specs:
            if prefix := _prefix(family, spec, "-d"):
                comment = re.search(r"--comment (\S+)", spec)
                found.setdefault(comment[1] if comment else prefix, {})[family] = \
                    f"{family}:town-a -d {prefix}"
    return found


def left(lab, families=(4, 6)):
    """What every rule counts now: {name: (packets, octets)}, as ruleedit names it."""
    found = {}
    for family in families:
        for chain in CHAINS:
            for spec, packets, octets in lab.ipt.rules(chain, family):
                name = f"{family}:{chain}"
                for flag in ("-d", "-s"):
                    if prefix := _prefix(family, spec, flag):
                        name += f" {flag} {prefix}"
                if "-j DROP" in spec:
                    name += " -j DROP"
                elif "-j " in spec:
                    name += " -j"
                found[name] = (packets, octets)
    return found


def of_ours(taken):
    """What ruleedit took out of these rules, without the name of the backend."""
    taken = {name.removeprefix("legacy:"): counts for name, counts in taken.items()}
    return {name: counts for name, counts in taken.items()
            if name.partition(" ")[0].partition(":")[2] in CHAINS}


def account(lab, taken):
    """Per rule: what ruleedit took out of it, and what it still has."""
    now, taken = left(lab), of_ours(taken)
    assert set(taken) <= set(now) | {name for name in taken if name.endswith("-j DROP")}
    return {name: tuple(a + b for a, b in zip(taken.get(name, (0, 0)), now.get(name, (0, 0))))
            for name in set(now) | set(taken)}


def expected(name, four, six):
    """What a rule has to count of what was sent to alice: senders' answers."""
    if " -s " in name:
        return 0, 0
    sent = {"4": four, "6": six}[name[0]]["to"][address("alice", int(name[0]))]
    return sent["packets"], sent["octets"]
