"""The net-snmp command line tools, as a site uses them, with numeric output
read strictly into Python values."""

import re

from . import mib
from .pdu import Bind
from .proc import LabError, clean_env

_TYPES = {"INTEGER": mib.INTEGER, "Counter32": mib.COUNTER32,
          "Gauge32": mib.GAUGE32, "Counter64": mib.COUNTER64}
_EXCEPTIONS = {
    "No Such Object available on this agent at this OID": mib.NO_OBJECT,
    "No Such Instance currently exists at this OID": mib.NO_INSTANCE,
    "No more variables left in this MIB View (It is past the end of the MIB tree)":
        mib.END,
}
V3_USER = {"user": "operator", "auth": "auth-passphrase", "priv": "priv-passphrase"}


def own_env(tmp, **extra):
    """An environment in which net-snmp's tools read no configuration but what
    is in tmp/client, where they keep their own files, too."""
    home = str(tmp / "client")
    return clean_env(HOME=home, SNMPCONFPATH=home, SNMP_PERSISTENT_DIR=home, **extra)


def credentials(version):
    """Options for a version: '1', '2c' or '3' (authPriv)."""
    if version == "3":
        return ["-v3", "-l", "authPriv", "-u", V3_USER["user"],
                "-a", "SHA", "-A", V3_USER["auth"],
                "-x", "AES", "-X", V3_USER["priv"]]
    return [f"-v{version}", "-c", "private"]


def parse(output):
    """Lines of -On -Oe -Ox output as a list of Bind."""
    joined = []
    for line in output.splitlines():
        if line.startswith(".") or not joined:
            joined.append(line)
        else:  # long hexadecimal strings are wrapped
            joined[-1] += " " + line
    binds = []
    for line in joined:
        m = re.fullmatch(r"(\.[\d.]+) = (?:([A-Za-z0-9-]+): ?)?(.*)", line, re.S)
        if not m:
            raise LabError(f"cannot read this line of an SNMP tool: {line!r}")
        oid = tuple(map(int, m[1][1:].split(".")))
        kind, rest = m[2], m[3]
        if kind is None and rest in _EXCEPTIONS:
            binds.append(Bind(oid, _EXCEPTIONS[rest], None))
        elif kind is None and rest == '""':
            binds.append(Bind(oid, mib.STRING, b""))
        elif kind == "Hex-STRING":
            binds.append(Bind(oid, mib.STRING, bytes.fromhex(rest)))
        elif kind in _TYPES and re.fullmatch(r"-?\d+", rest):
            binds.append(Bind(oid, _TYPES[kind], int(rest)))
        else:
            raise LabError(f"cannot read this line of an SNMP tool: {line!r}")
    return binds


class Tools:
    def __init__(self, ns, tmp, version="2c", peer="udp:127.0.0.1:161"):
        self.ns, self.version, self.peer = ns, version, peer
        self.env = own_env(tmp)

    def _run(self, tool, *args, options=(), check=True):
        return self.ns.run(tool, *credentials(self.version), "-m", "", "-On",
                           "-Oe", "-Ox", "-r", "0", "-t", "12", *options,
                           self.peer, *args, env=self.env, check=check, timeout=60)

    def get(self, *oids):
        return parse(self._run("snmpget", *map(mib.show, oids)).stdout)

    def value(self, oid):
        bind, = self.get(oid)
        assert bind.oid == oid and bind.tag < 0x80, f"{mib.show(oid)} does not exist"
        return bind.value

    def getnext(self, *oids):
        return parse(self._run("snmpgetnext", *map(mib.show, oids)).stdout)

    def _walk(self, tool, root, *options):
        """The tools check by themselves that identifiers increase."""
        binds = parse(self._run(tool, mib.show(root), options=options).stdout)
        return [b for b in binds if b.tag < 0x80]

    def walk(self, root):
        return self._walk("snmpwalk", root)

    def bulkwalk(self, root):
        return self._walk("snmpbulkwalk", root)

    def set(self, *binds):
        """Each bind is (oid, type letter, value); returns (error, index)."""
        args = [str(x) for oid, kind, value in binds
                for x in (mib.show(oid), kind, value)]
        done = self._run("snmpset", *args, check=False)
        if done.returncode == 0:
            return "noError", 0
        reason = re.search(r"^Reason: \(?(\w+)", done.stderr, re.M)
        failed = re.search(r"^Failed object: (\.[\d.]+)", done.stderr, re.M)
        if not reason:
            raise LabError(f"snmpset: {done.stderr}")
        oids = [mib.show(oid) for oid, _, _ in binds]
        return reason[1], oids.index(failed[1]) + 1 if failed else 0
