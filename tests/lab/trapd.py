"""A real snmptrapd in the router's namespace, which prints notifications with the
names of our MIB's copy without IMPORTS."""

import re
from collections import namedtuple
from pathlib import Path

from .proc import run, wait_until
from .snmp import own_env

PORT = 10163
# For the Lab that is to have one.
SNMPD = f"trap2sink udp:127.0.0.1:{PORT} public\n"
_TREE = Path(__file__).resolve().parents[2]
_MARK = "notification"
_OURS = "TOWNMETER-MIB::townMeter"

# name without townMeter; objects are [(name, instance, value)] in the order in which they came.
Notice = namedtuple("Notice", "name objects")


def _read(line):
    """A line of the log; None if it is not one of the agent's notifications."""
    mark, *binds = line.rstrip("\n").split("\t")
    if mark != _MARK:
        return None
    values = dict(b.split(" = ", 1) for b in binds)
    # Our MIB's copy calls what is above it by names of its own.
    name = next(v for k, v in values.items() if k.endswith("6.3.1.1.4.1.0"))
    name = name.removeprefix("OID: ")
    if not name.startswith(_OURS):
        return None
    objects = []
    for bind in binds[2:]:
        found = re.fullmatch(rf"{_OURS}(\w+?)\.(.*?) = (.*)", bind)
        # snmpd appends what tells the source of a trap to proxies: not ours to test.
        if found:
            objects.append(found.groups())
        else:
            assert re.match(r"TOWNMETER-MIB::internet\.6\.3\.", bind), f"no object of ours: {bind!r}"
    return Notice(name.removeprefix(_OURS), objects)


class Trapd:
    """Started when it is made."""

    def __init__(self, ns, tmp):
        self.log = tmp / "trapd.log"
        mibs = tmp / "trapd-mibs"
        mibs.mkdir()
        run([_TREE / "tools" / "mib-standalone", _TREE / "mibs" / "TOWNMETER-MIB.txt",
             mibs / "TOWNMETER-MIB.txt"])
        config = tmp / "snmptrapd.conf"
        config.write_text("disableAuthorization yes\n")
        output = tmp / "trapd.out"
        self.process = ns.start(
            ["snmptrapd", "-f", "-n", "-C", "-c", config, "-M", mibs, "-m", "TOWNMETER-MIB",
             "-Lf", self.log, "-F", f"{_MARK}\t%V\t%v\n", f"udp:127.0.0.1:{PORT}"],
            output, output, own_env(tmp))
        wait_until(lambda: f"{PORT:04X} " in ns.read("udp"), 10, "snmptrapd listens")

    def close(self):
        self.process.kill()

    def all(self):
        """What came so far, oldest first."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return [n for n in map(_read, log.readlines()) if n]

    def named(self, name):
        return [n for n in self.all() if n.name == name]

    def wait(self, name, count=1, timeout=15):
        """Until so many of this name have come; the last of them."""
        wait_until(lambda: len(self.named(name)) >= count, timeout, f"{count} of {name}")
        return self.named(name)[-1]
