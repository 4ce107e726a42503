"""LibreNMS as it treats our definitions: what it reads of them, written down in our own words,
and what it makes of the answers of a meter.

It is no package of Debian's, so that it does not run here. What is said here is that of
version 26.7; `tools/check-librenms` holds our files against its own schemas."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml

from lab import mib
from lab.proc import text

TREE = Path(__file__).resolve().parents[2]
OURS = TREE / "integrations" / "librenms"
RECORD = OURS / "townmeter.snmprec"
MODULE = "TOWNMETER-MIB::townMeter"
SYS_DESCR, SYS_OBJECT_ID, SYS_NAME = ((1, 3, 6, 1, 2, 1, 1, n, 0) for n in (1, 2, 5))
# How it asks: for a table when it looks what there is, and for single objects each time it polls.
# Its own flags for a table; a definition can have others, and can leave away the one that keeps
# texts from being shown by their DISPLAY-HINT.
WALK, NO_HINT = ["-OteQUSab", "-Pu"], "-Ih"
GET = ("-OUQntea",)
# It gives these modules by name; ours has to be found by its own.
MODULES = "SNMPv2-TC:SNMPv2-MIB:IF-MIB:IP-MIB:TCP-MIB:UDP-MIB:NET-SNMP-VACM-MIB"
# What its database keeps of a sensor, in characters, and a file system of a file's name, in octets.
INDEX_MOST, OID_MOST, DESCR_MOST, FILE_MOST = 128, 255, 255, 255
OK, WARNING, CRITICAL, UNKNOWN = range(4)


def load(kind):
    return yaml.safe_load((OURS / kind / "townmeter.yaml").read_text(encoding="utf-8"))


# What LibreNMS reads


def _string(value):
    return isinstance(value, str) and value != ""


def _number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _boolean(value):
    return isinstance(value, bool)


def _like(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.S) is not None


def _one_of(*values):
    return lambda value: value in values and not isinstance(value, bool)


def _each(check):
    return lambda value: isinstance(value, list) and value != [] and all(map(check, value))


_NAME = _like(MODULE + r"\w+")
# (what it must have, what it may have): {key: what its value must be}
_DETECTION = ({
    "os": _one_of("townmeter"), "text": _string, "type": _one_of("network", "server", "firewall"),
    "discovery": _each(lambda v: isinstance(v, dict)),
}, {
    "group": _one_of("unix"), "icon": _string, "mib_dir": _string, "ifname": _boolean,
    "processor_stacked": _boolean, "snmp_max_oid": _number,
    "over": _each(lambda v: isinstance(v, dict) and set(v) == {"graph", "text"}),
    "discovery_modules": lambda v: isinstance(v, dict) and all(map(_boolean, v.values())),
})
_CONDITION = ({"sysObjectID": _like(r"(\.\d+)+")}, {"snmpget": lambda v: isinstance(v, dict)})
_SNMPGET = ({"oid": _string, "value": _string},
            {"op": _one_of("=", "starts", "ends", "contains")})
_ENTRY = ({
    "oid": _NAME, "num_oid": _like(r"(\.\d+)+\.\{\{ \$index \}\}"), "descr": _string,
}, {
    "value": _NAME, "index": _string, "group": _string,
    "skip_values": _each(lambda v: isinstance(v, dict)),
    "snmp_flags": _each(_like("-[A-Za-z]+")), "snmp_no_Ih_flag": _one_of(""),
})
_SENSOR = (_ENTRY[0], _ENTRY[1] | {
    "multiplier": _number, "divisor": _number, "high_limit": _number, "rrd_type": _one_of("DERIVE"),
})
_STATE = (_ENTRY[0] | {"states": _each(lambda v: isinstance(v, dict))},
          _ENTRY[1] | {"state_name": _string})
_VALUE = ({"value": _number, "descr": _string, "generic": _one_of(OK, WARNING, CRITICAL, UNKNOWN)}, {})
# Exactly three keys. Whatever it compares with a number it takes for a number, so that a
# regular expression is for what is never one.
_SKIP = ({"oid": lambda v: v == "index" or _NAME(v), "op": _one_of("=", "regex"),
          "value": lambda v: _number(v) or _string(v)}, {})
CLASSES = ("bitrate", "count", "percent", "delay")  # of those that it has, without limits of its own


def _remarks(where, value, keys):
    if not isinstance(value, dict):
        yield f"{where}: not a mapping"
        return
    must, may = keys
    for key in must.keys() - value.keys():
        yield f"{where}: no {key}"
    for key, what in value.items():
        check = must.get(key) or may.get(key)
        if check is None:
            yield f"{where}: {key} is not read"
        elif not check(what):
            yield f"{where}: {key} can not be {what!r}"


def remarks_detection(detection):
    """What is wrong with os_detection/townmeter.yaml."""
    yield from _remarks("os_detection", detection, _DETECTION)
    for n, condition in enumerate(detection.get("discovery", ()), 1):
        yield from _remarks(f"condition {n}", condition, _CONDITION)
        if "snmpget" in condition:
            yield from _remarks(f"condition {n}, snmpget", condition["snmpget"], _SNMPGET)


def remarks_discovery(discovery):
    """What is wrong with os_discovery/townmeter.yaml."""
    anything = {"modules": lambda v: isinstance(v, dict) and set(v) == {"sensors"}}
    found = list(_remarks("os_discovery", discovery, (anything, {})))
    yield from found
    if found:
        return
    for kind, group in discovery["modules"]["sensors"].items():
        if kind not in (*CLASSES, "state"):
            yield f"{kind}: not a class that is expected here"
        yield from _remarks(kind, group, ({"data": _each(lambda v: isinstance(v, dict))}, {}))
        for n, entry in enumerate(group.get("data", ()), 1):
            where = f"{kind} {n}"
            yield from _remarks(where, entry, _STATE if kind == "state" else _SENSOR)
            for state in entry.get("states", ()):
                yield from _remarks(f"{where}, states", state, _VALUE)
            for rule in entry.get("skip_values", ()):
                yield from _remarks(f"{where}, skip_values", rule, _SKIP)


# What it makes of answers


def table(lines):
    """{index: {name: value}} of what its walk of a table prints: what is before the first
    point is the name, and a line without ' = ' belongs to the value before it."""
    found, at = {}, None
    for line in lines.split("\n"):
        if not line or "at this OID" in line or "this MIB View" in line or line.endswith(" = NULL"):
            continue
        if " = " not in line:
            found[at[0]][at[1]] += "\n" + line
            continue
        oid, _, value = line.partition(" = ")
        name, _, index = oid.partition(".")
        at = index, name
        if value[:1] == value[-1:] == '"':
            value = re.sub(r"\\(.)", r"\1", value).strip('" \n\r')
        found.setdefault(index, {})[name] = value.strip()
    return found


def values(lines):
    """{identifier: value} of what its request for single objects prints; what does not exist
    is not in it."""
    found = {}
    for line in lines.split("\n"):
        oid, mark, value = line.partition("=")
        if mark and "at this OID" not in value:
            found[oid.strip()] = value.strip('\\" \n\r')
    return found


def _url_encode(value):
    return quote(value, safe="", errors="surrogateescape").replace("~", "%7E").replace("%20", "+")


def filled(template, index, row):
    """A text with its {{ $variables }} replaced."""

    def one(match):
        name, filters = match[1], match[2] or ""
        value = {"index": index, **row}.get(name, "")
        for which, old, new in re.findall(r'\|(\w+)(?:\("([^"]*)", "([^"]*)"\))?', filters):
            if which == "url_encode":
                value = _url_encode(value)
            elif which == "replace":
                value = value.replace(old, new)
            else:
                raise AssertionError(f"the filter {which} is not known here")
        return value

    return re.sub(r"\{\{ \$?([a-zA-Z0-9\-_.:]+)((?:\|[^}]+)?) \}\}", one, template).strip()


def _skipped(rule, key, row):
    value = key if rule["oid"] == "index" else row.get(rule["oid"], "")
    if rule["op"] == "=":
        return int(value or 0) == rule["value"]
    assert not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", value, re.I), \
        f"{value!r} would be taken for a number"
    slash, pattern, flags = rule["value"].rpartition("/")[0][0], *rule["value"][1:].rsplit("/", 1)
    assert slash == "/" and flags in ("", "s")
    # It looks at octets.
    return re.search(pattern.encode(), value.encode("utf-8", "surrogateescape"),
                     re.S if flags else 0) is not None


@dataclass(frozen=True)
class Sensor:
    kind: str
    entry: dict
    key: str  # of the row
    index: str
    oid: str
    descr: str
    value: str  # when it was found

    @property
    def type(self):
        return self.entry["state_name"] if self.kind == "state" else "townmeter"

    @property
    def file(self):
        """The name of its RRD file."""
        name = f"sensor-{self.kind}-{self.type}-{self.index}"
        return re.sub(rb"[^a-zA-Z0-9,._-]", b"_", name.encode("utf-8", "surrogateescape")).decode() + ".rrd"

    @property
    def rrd_type(self):
        return self.entry.get("rrd_type", "GAUGE")

    def kept(self, answers):
        """What it keeps of {identifier: value}: 0 for what is not in it. An integer stays one
        while it is below 2^63."""
        number = int(re.search(r"-?\d+", answers.get(self.oid, "") or "0")[0])
        divisor = self.entry.get("divisor", 1)
        number = number // divisor if number % divisor == 0 else number / divisor
        number *= self.entry.get("multiplier", 1)
        assert number < 2**63, f"{self.oid}: {number} would be rounded"
        return number

    def shown(self, number):
        """(text, generic value) of a state; None for one that is not in our list."""
        for state in self.entry["states"]:
            if state["value"] == number:
                return state["descr"], state["generic"]
        return None


def sensors(discovery, tables):
    """All that is found: tables is {name of a table or scalar: {index: {name: value}}}."""
    found = []
    for kind, group in discovery["modules"]["sensors"].items():
        for entry in group["data"]:
            name = entry.get("value", entry["oid"])
            for key, row in tables[entry["oid"]].items():
                if name not in row or not re.search(r"\d", row[name]):
                    continue
                if any(_skipped(rule, key, row) for rule in entry.get("skip_values", ())):
                    continue
                found.append(Sensor(kind, entry, key, filled(entry.get("index", key), key, row),
                                    filled(entry["num_oid"], key, {}), filled(entry["descr"], key, row),
                                    row[name]))
    return found


def asked_for(discovery):
    """What it walks, {name of a table or scalar: flags}: those of the first that names it."""
    found = {}
    for group in discovery["modules"]["sensors"].values():
        for entry in group["data"]:
            hint = [] if "snmp_no_Ih_flag" in entry else [NO_HINT]
            found.setdefault(entry["oid"], [*entry.get("snmp_flags", WALK), *hint])
    return found


_COMPARED = {"=": str.__eq__, "starts": str.startswith, "ends": str.endswith, "contains": str.__contains__}


def is_townmeter(detection, answers):
    """Whether a device is one: answers is {identifier: text}, of what it asks for."""
    for condition in detection["discovery"]:
        get, system = condition["snmpget"], answers[mib.show(SYS_OBJECT_ID)]
        got = answers.get(get["oid"], "").strip('"')
        if system.startswith(condition["sysObjectID"]) and \
                _COMPARED[get.get("op", "contains")](got, get["value"]):
            return True
    return False


# A recorded agent


def names():
    """{identifier of a column or scalar: (its name, the name of its table or scalar)}"""
    found = {}
    for table_name, (entry, columns) in mib.TABLES.items():
        for column, (number, _) in columns.items():
            found[entry + (number,)] = (f"{MODULE}{table_name}{column}", f"{MODULE}{table_name}Table")
    for scalar, (number, _) in mib.AGENT.items():
        found[mib.OBJECTS + (1, number)] = (f"{MODULE}{scalar}",) * 2
    return found


def tables_of(binds):
    """The tables of [(identifier, type, value)], as its walks would print them. Texts are as they
    are; other octets are of no interest here."""
    known, found = names(), {}
    for oid, tag, value in binds:
        for length in (len(mib.OBJECTS) + 2, len(mib.OBJECTS) + 3):
            if oid[:length] in known:
                name, whole = known[oid[:length]]
                index = ".".join(map(str, oid[length:]))
                shown = text(value) if tag == mib.STRING else str(value)
                found.setdefault(whole, {}).setdefault(index, {})[name] = shown.strip()
    return found


def recorded(path=RECORD):
    """[(identifier, type, value)] of a file for snmpsim."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        oid, tag, value = line.split("|", 2)
        oid, hexadecimal = tuple(map(int, oid.split("."))), tag.endswith("x")
        tag = int(tag.removesuffix("x"))
        if tag == mib.STRING:
            value = bytes.fromhex(value) if hexadecimal else value.encode()
        elif tag == mib.OID:
            value = tuple(map(int, value.split(".")))
        else:
            value = int(value)
        found.append((oid, tag, value))
    return found


def record(binds):
    """Such a file of [(identifier, type, value)]."""
    lines = []
    for oid, tag, value in binds:
        if tag == mib.STRING:
            plain = re.fullmatch(rb"[ -{}~]*", value) is not None and b"|" not in value
            tag, value = (tag, value.decode()) if plain else (f"{tag}x", value.hex().upper())
        elif tag == mib.OID:
            value = ".".join(map(str, value))
        lines.append(f"{'.'.join(map(str, oid))}|{tag}|{value}\n")
    return "".join(lines)
