"""What we ship for LibreNMS fits what it reads, the MIB, and what an agent said: without a server."""

import copy
import re

import pytest

import librenms
from lab import mib
from librenms import MODULE, TREE

pytestmark = pytest.mark.quick
DISCOVERY = librenms.load("os_discovery")
DETECTION = librenms.load("os_detection")
ENTRIES = [(f"{kind} {entry['descr']}", kind, entry)
           for kind, group in DISCOVERY["modules"]["sensors"].items() for entry in group["data"]]
RECORDED = librenms.recorded()
SHOWN = {mib.STRING: lambda value: value.decode(errors="replace"), mib.OID: mib.show}
ANSWERS = {mib.show(oid): SHOWN.get(tag, str)(value) for oid, tag, value in RECORDED}
TABLES = librenms.tables_of(RECORDED)
FOUND = librenms.sensors(DISCOVERY, TABLES)


def each(*kinds):
    chosen = [(name, entry) for name, kind, entry in ENTRIES if kind in (kinds or (kind,))]
    return pytest.mark.parametrize("entry", [e for _, e in chosen], ids=[n for n, _ in chosen])


def test_it_reads_all_that_we_say():
    assert list(librenms.remarks_detection(DETECTION)) == []
    assert list(librenms.remarks_discovery(DISCOVERY)) == []


def first(discovery, kind):
    return discovery["modules"]["sensors"][kind]["data"][0]


@pytest.mark.parametrize("mistake, remark", [
    (lambda d: first(d, "bitrate").pop("descr"), "bitrate 1: no descr"),
    (lambda d: first(d, "bitrate").update(rrd_typ="DERIVE"), "bitrate 1: rrd_typ is not read"),
    (lambda d: first(d, "bitrate").update(rrd_type="derive"), "bitrate 1: rrd_type can not be 'derive'"),
    (lambda d: first(d, "bitrate").update(num_oid="1.3.{{ $index }}"),
     "bitrate 1: num_oid can not be '1.3.{{ $index }}'"),
    (lambda d: first(d, "state")["states"][0].update(generic=4), "state 1, states: generic can not be 4"),
    (lambda d: first(d, "state")["states"][0].update(graph=1), "state 1, states: graph is not read"),
    (lambda d: first(d, "state").pop("states"), "state 1: no states"),
    (lambda d: first(d, "count").update(oid="townMeterTownTable"),
     "count 1: oid can not be 'townMeterTownTable'"),
    (lambda d: d["modules"]["sensors"].update(octets={"data": [{}]}), "octets: not a class that is expected here"),
    (lambda d: d.update(mib="TOWNMETER-MIB"), "os_discovery: mib is not read"),
])
def test_a_mistake_is_told(mistake, remark):
    broken = copy.deepcopy(DISCOVERY)
    mistake(broken)
    assert remark in list(librenms.remarks_discovery(broken))


@pytest.mark.parametrize("mistake, remark", [
    (lambda d: d.pop("text"), "os_detection: no text"),
    (lambda d: d.update(mibs="townmeter"), "os_detection: mibs is not read"),
    (lambda d: d["discovery"][0].pop("sysObjectID"), "condition 1: no sysObjectID"),
    (lambda d: d["discovery"][0]["snmpget"].update(op="startswith"),
     "condition 1, snmpget: op can not be 'startswith'"),
])
def test_a_mistake_of_the_detection_is_told(mistake, remark):
    broken = copy.deepcopy(DETECTION)
    mistake(broken)
    assert remark in list(librenms.remarks_detection(broken))


# The MIB


def declared(entry):
    """(table or None, column, type tag) of what an entry polls."""
    for oid, (name, whole) in librenms.names().items():
        if name == entry.get("value", entry["oid"]):
            assert whole == entry["oid"]
            assert entry["num_oid"] == mib.show(oid) + ".{{ $index }}"
            table = next((t for t in ("Town", "Host") if whole == f"{MODULE}{t}Table"), None)
            column = name.removeprefix(f"{MODULE}{table or ''}")
            return table, column, (mib.TABLES[table][1] if table else mib.AGENT)[column][1]
    raise AssertionError(f"{entry} is not in the MIB")


@each()
def test_an_entry_polls_what_it_names(entry):
    table, _, tag = declared(entry)
    assert tag in (mib.COUNTER64, mib.GAUGE32, mib.INTEGER)
    if table:
        for text in (entry["descr"], entry["index"]):
            assert set(re.findall(r"\{\{ \$([\w:-]+)", text)) == {f"{MODULE}{table}Label"}
        assert entry["group"] == {"Town": "Towns", "Host": "Customers"}[table]
    for rule in entry.get("skip_values", ()):
        assert rule["oid"] in {"index"} | {name for name, whole in librenms.names().values() if whole == entry["oid"]}


@each("bitrate", "count", "percent", "delay")
def test_counters_are_rates_and_nothing_else_is(entry):
    _, column, tag = declared(entry)
    rate = tag == mib.COUNTER64 and not column.startswith("Period")
    assert (entry.get("rrd_type"), entry.get("multiplier")) == (("DERIVE", 8) if rate else (None, None))
    units = {"PeriodDownOctets": 10**6, "PeriodUpOctets": 10**6, "SnapshotAge": 1000}
    assert entry.get("divisor", 1) == units.get(column, 1)


def enumerations():
    """{name of an object: {number: name}}"""
    text = (TREE / "mibs" / "TOWNMETER-MIB.txt").read_text(encoding="utf-8")
    kinds = {"TruthValue": "true(1), false(2)"}
    kinds.update(re.findall(r"^(TownMeter\w+) ::= TEXTUAL-CONVENTION(?:(?!::=).)*?SYNTAX INTEGER \{([^}]*)\}",
                            text, re.M | re.S))
    found = {}
    for name, kind, inline in re.findall(r"^(townMeter\w+) OBJECT-TYPE\s+SYNTAX (\w+)(?: \{([^}]*)\})?", text, re.M):
        found[name] = {int(n): word for word, n in re.findall(r"(\w+)\((\d+)\)", inline or kinds.get(kind, ""))}
    return found


@each("state")
def test_every_state_of_the_mib_is_shown(entry):
    name = entry.get("value", entry["oid"]).removeprefix("TOWNMETER-MIB::")
    assert entry["state_name"] == name
    states = {s["value"]: (s["descr"], s["generic"]) for s in entry["states"]}
    assert len(states) == len(entry["states"]) == len({descr for descr, _ in states.values()})
    assert states.keys() == {0, *enumerations()[name]} and len(states) > 2
    # What is not there is 0 for LibreNMS, and no state of ours.
    assert states[0][0] == "no answer" and states[0][1] >= librenms.CRITICAL
    good = {"allowed", "ok", "within", "legacy", "nftables"}
    words = enumerations()[name]
    for number, (_, generic) in states.items():
        if words.get(number) in good:
            assert generic == librenms.OK
        if words.get(number) in ("failed", "exceeded", "partial"):
            assert generic == librenms.CRITICAL


# The recorded agent


def test_the_record_is_in_order_and_of_no_machine():
    oids = [oid for oid, _, _ in RECORDED]
    assert oids == sorted(set(oids)) and len(oids) > 350
    assert librenms.record(RECORDED) == librenms.RECORD.read_text(encoding="utf-8")
    assert ANSWERS[mib.show(librenms.SYS_NAME)] == "router"


def rows(kind):
    return TABLES[f"{MODULE}{kind}Table"]


@each()
def test_an_entry_resolves_in_the_record(entry):
    table, column, _ = declared(entry)
    found = [s for s in FOUND if s.entry is entry]
    if table is None:
        sensor, = found
        assert sensor.value == ANSWERS[sensor.oid]
        return
    wanted = {i for i, row in rows(table).items()
              if not column.startswith("Quota") or int(row[f"{MODULE}{table}QuotaState"]) != mib.NO_QUOTA}
    if table == "Host":
        wanted = {i for i in wanted if "Ж" not in rows("Host")[i][f"{MODULE}HostLabel"]}
    assert {s.key for s in found} == wanted and found
    for sensor in found:
        row = rows(table)[sensor.key]
        assert sensor.value == row[f"{MODULE}{table}{column}"] == ANSWERS[sensor.oid]
        assert sensor.oid == mib.show(mib.column(table, column)) + "." + sensor.key
        label = row[f"{MODULE}{table}Label"]
        assert sensor.descr.startswith(label) and "{{" not in sensor.descr + sensor.index
        parts = mib.names(tuple(map(int, sensor.key.split("."))), 1 if table == "Town" else 2)
        assert label == "/".join(p.decode() for p in parts)


def test_the_record_has_what_is_hard():
    labels = {row[f"{MODULE}HostLabel"] for row in rows("Host").values()}
    assert any(" " in x and '"' in x and "ë" in x for x in labels) and any("\\" in x for x in labels)
    assert any("Ж" * 20 in x for x in labels)
    downs = [s for s in FOUND if s.descr.endswith(" down") and s.kind == "bitrate"]
    assert any(s.kept(ANSWERS) > 2**53 for s in downs) and any(int(s.value) > 2**32 for s in downs)
    states = {s.shown(s.kept(ANSWERS))[0] for s in FOUND if s.kind == "state"}
    assert {"allowed", "blocked", "within", "exceeded", "created", "nftables", "no"} <= states


def test_no_two_sensors_are_the_same():
    keys = [(s.kind, s.type, s.index) for s in FOUND]
    assert len(set(keys)) == len(keys) == len({s.file for s in FOUND}) == len({s.oid for s in FOUND})


def host_row(town, host):
    key = ".".join(map(str, mib.index(town) + mib.index(host)))
    row = {f"{MODULE}Host{c}": "2" for c, (_, tag) in mib.TABLES["Host"][1].items() if tag != mib.STRING}
    return key, row | {f"{MODULE}HostLabel": f"{town}/{host}"}


def town_row(town):
    row = {f"{MODULE}Town{c}": "2" for c, (_, tag) in mib.TABLES["Town"][1].items() if tag != mib.STRING}
    return ".".join(map(str, mib.index(town))), row | {f"{MODULE}TownLabel": town}


def made_up(hosts, towns=()):
    tables = dict.fromkeys(librenms.asked_for(DISCOVERY), {})
    tables[f"{MODULE}HostTable"] = dict(host_row(*pair) for pair in hosts)
    tables[f"{MODULE}TownTable"] = dict(map(town_row, towns))
    return librenms.sensors(DISCOVERY, tables)


def test_names_that_look_alike_have_files_of_their_own():
    hosts = [("t", n) for n in ("Müller", "Möller", "M__ller", "a b", "a_b", "a+b", "a%20b", "a.b", "a-b", "A b",
                                "_20b", " b", "%", "~", "Иван", "Олег", "1", "12", "'", '"', "{}")]
    found = made_up(hosts, ["t", "t/Müller", "t.down.t", "town.down.t", "1", "12", "down.t"])
    assert len({s.file for s in found}) == len(found)
    assert len([s for s in found if s.entry["oid"].endswith("HostTable")]) == 8 * len(hosts)


@pytest.mark.parametrize("town, host", [
    ("t" * 28, "h" * 24), ("a" * 28, "a" * 41), ("t" * 4, "h" * 48), ("t" * 19, "Ж" * 10),
    ("Ж" * 9, "é" * 10), ("t" * 8, "h" * 20 + "é" * 10), ("9" * 28, "_" * 20 + "9" * 20),
])
def test_what_fits_is_found(town, host):
    found = made_up([(town, host)], [town])
    assert len(found) == 20 and all(len(s.index) <= librenms.INDEX_MOST for s in found)


@pytest.mark.parametrize("plain, other", ["hé", "a_", "hЖ", "9 "])
def test_nothing_is_found_that_its_database_could_not_keep(plain, other):
    wide, kept = len(other.encode()), 0
    for octets in range(1, 49):
        for others in range(octets // wide + 1):
            for town in (plain, plain * 28, other * (28 // wide)):
                host = other * others + plain * (octets - wide * others)
                for sensor in made_up([(town, host)], [town]):
                    assert len(sensor.index) <= librenms.INDEX_MOST, sensor.index
                    assert len(sensor.oid) <= librenms.OID_MOST, sensor.oid
                    assert len(sensor.descr) <= librenms.DESCR_MOST
                    assert len(sensor.file) <= librenms.FILE_MOST
                    kept += 1
    assert kept > 10000


# The detection


def test_the_recorded_router_is_found_out():
    assert librenms.is_townmeter(DETECTION, ANSWERS)
    for oid, other in ((mib.show(librenms.SYS_OBJECT_ID), ".1.3.6.1.4.1.8072.3.2.255"),
                       (mib.show(mib.agent("Version")), "snmpd")):
        assert not librenms.is_townmeter(DETECTION, ANSWERS | {oid: other})
    without = {oid: value for oid, value in ANSWERS.items() if oid != mib.show(mib.agent("Version"))}
    assert not librenms.is_townmeter(DETECTION, without)
