"""iptables and ip6tables in the router's namespace, and reading them back."""

import re
from collections import namedtuple

from .proc import LabError, clean_env

# The programs of each backend; scenarios name only the version of IP.
_BACKENDS = {
    "legacy": {4: "iptables-legacy", 6: "ip6tables-legacy"},
    "nft": {4: "iptables-nft", 6: "ip6tables-nft"},
}

# A line of `iptables -L -v -n -x`.
Row = namedtuple("Row", "packets octets target source destination extra")
_LINE = re.compile(r"\s*(\d+)\s+(\d+) (?: {9,}|(\S+)\s+)(\S+)\s+(?:--|-f|!f)?\s*"
                   r"(\S+)\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*?))?\s*")
# A line of `iptables -S -v`.
Rule = namedtuple("Rule", "spec packets octets")


class Iptables:
    def __init__(self, ns, lockfile, backend):
        self.ns, self.backend = ns, backend
        self.env = clean_env(XTABLES_LOCKFILE=lockfile)

    def tool(self, family, suffix=""):
        return _BACKENDS[self.backend][family] + suffix

    def __call__(self, family, *args, check=True):
        """Run one command, waiting for the lock; return its output."""
        done = self.ns.run(self.tool(family), "-w", "10", *args, env=self.env,
                           check=check)
        return done.stdout if check else done

    def both(self, *args):
        for family in (4, 6):
            self(family, *args)

    def restore(self, family, rules, *args):
        """Load a whole filter table: lines without '*filter' and 'COMMIT'."""
        self.ns.run(self.tool(family, "-restore"), "-w", "10", *args,
                    env=self.env, stdin=f"*filter\n{rules.strip()}\nCOMMIT\n")

    def save(self, counters=False):
        """Both versions' filter tables as iptables-save prints them, without
        the comments, which hold the time, and without the policies' counters
        of INPUT and OUTPUT, where asking over SNMP counts."""
        out = []
        for family in (4, 6):
            args = ["-t", "filter"] + (["-c"] if counters else [])
            text = self.ns.run(self.tool(family, "-save"), *args, env=self.env).stdout
            for line in text.splitlines():
                if not counters or line.startswith((":INPUT", ":OUTPUT")):
                    line = re.sub(r"^(:\S+ \S+) \[\d+:\d+\]$", r"\1", line)
                if not line.startswith("#"):
                    out.append(line)
        return "\n".join(out) + "\n"

    def backup(self, family):
        """The filter table with all counters, for restore(..., "-c")."""
        text = self.ns.run(self.tool(family, "-save"), "-c", "-t", "filter", env=self.env).stdout
        return text.partition("*filter\n")[2].partition("COMMIT\n")[0]

    def listing(self, chain, family):
        """The rules of a chain as `iptables -L -v -n -x` shows them."""
        rows = []
        for line in self(family, "-L", chain, "-v", "-n", "-x").splitlines()[2:]:
            m = _LINE.fullmatch(line)
            if not m:
                raise LabError(f"cannot read this line of iptables -L: {line!r}")
            packets, octets, target, _, _, _, source, destination, extra = m.groups()
            rows.append(Row(int(packets), int(octets), target or "",
                            source, destination, extra or ""))
        return rows

    def policy(self, chain, family):
        """Packets and octets of a built-in chain's policy."""
        head = self(family, "-L", chain, "-v", "-n", "-x").splitlines()[0]
        found = re.search(r"policy \S+ (\d+) packets, (\d+) bytes", head)
        return int(found[1]), int(found[2])

    def rules(self, chain, family):
        """The rules of a chain as `iptables -S` writes them, with counters."""
        rules = []
        for line in self(family, "-S", chain, "-v").splitlines():
            m = re.fullmatch(r"(-A .*?) -c (\d+) (\d+)(.*)", line)
            if m:
                rules.append(Rule((m[1] + m[4]).removeprefix(f"-A {chain}").strip(),
                                  int(m[2]), int(m[3])))
        return rules

    def specs(self, chain, family):
        return [r.spec for r in self.rules(chain, family)]

    def counters(self, chain, family, spec):
        """Packets and octets of the one rule with exactly this text."""
        found = [r for r in self.rules(chain, family) if r.spec == spec]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} rules '{spec}' in {chain}: "
                                 f"{self.specs(chain, family)}")
        return found[0].packets, found[0].octets
