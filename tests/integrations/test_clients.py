"""Clients that share no code with snmpd read the meter: every one gets all rows, with the
same types and values as our own client."""

from pathlib import Path

import pytest
import yaml

from lab import mib
from lab.pdu import Bind, Value
from lab.snmp import V3_USER
from lab.topology import HOSTS
from prom import EXACT, SHIPPED, Exporter, contract, exporter_file

HERE = Path(__file__).resolve().parent / "clients"
CLIENTS = {
    "Net::SNMP": ["perl", HERE / "walk.pl"],
    "pysnmp": ["/usr/bin/python3", HERE / "walk_pysnmp.py"],
    "php-snmp": ["php", HERE / "walk.php"],
}
# Between two looks a request that has to look changes nothing but this.
QUIET = "interval: 1h\nmax-age: 1h\nset: [zero, block, quota]\n"
# A town with service classes beside those that are written by hand.
CAROL = HOSTS["town-b"]["other"][4]
SERVICES = f"""rules: managed
services:
  - {{name: web, match: [tcp/80, tcp/443, udp/443]}}
  - {{name: e-mail, match: [tcp/25]}}
towns:
  - name: town-c
    prefixes: [{CAROL}]
    hosts: [{{name: carol, prefixes: [{CAROL}], services: true}}]
"""
NAMES = ('Zoë "the 1st" Müller', "bob's \\ shop", "x" * 48, "a/b c")


@pytest.fixture(scope="module")
def quiet(make_shared_lab):
    """A meter with something in every table, which stands still."""
    lab = make_shared_lab(config=QUIET + SERVICES, apart=True)
    lab.article()
    for n, name in enumerate(NAMES):
        for flag in ("-d", "-s"):
            lab.ipt(4, "-A", "town-b", flag, f"10.2.0.{100 + n}", "-m", "comment",
                    "--comment", name, "-c", 2**32 + n, 2**63 + n)
    lab.traffic.send("outside", ["alice", "bob", "dave"], 900)
    lab.traffic.send("alice", "outside", 500, 6)
    lab.up()
    lab.traffic.send("outside", "other@town-b", 70, sport=443)
    lab.traffic.send("outside", "other@town-b", 30)
    lab.traffic.send("other@town-b", "outside", 20, dport=443)
    for number in range(3):
        lab.must_set((mib.town("town-a", "Zero"), mib.ZERO),
                     (mib.host("town-b", NAMES[0], "Zero"), mib.ZERO))
    lab.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED),
                 (mib.host("town-a", "bob", "QuotaMB"), Value(mib.GAUGE32, 2**32 - 1)),
                 (mib.host("town-b", "erin", "Remark"), "ünpaid"))
    return lab


def still(binds):
    """All that does not change by itself: {identifier: (type, value)}."""
    found = {b.oid: (b.tag, b.value) for b in binds}
    assert len(found) == len(binds), "an instance came twice"
    del found[mib.agent("SnapshotAge")]
    return found


def ours(lab):
    found = still(lab.client.walk(mib.OBJECTS))
    for table in mib.TABLES:
        entry = mib.TABLES[table][0]
        assert any(oid[:len(entry)] == entry for oid in found), f"nothing in {table}"
    return found


def read(line):
    oid, tag, value = line.split(" ", 2)
    tag = int(tag)
    return Bind(tuple(map(int, oid.strip(".").split("."))), tag,
                bytes.fromhex(value) if tag == mib.STRING else int(value))


@pytest.mark.parametrize("how", ["next", "bulk"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_walk_gets_what_we_get(quiet, client, how):
    walked = quiet.station.run(*CLIENTS[client], how, "127.0.0.1", "public",
                               mib.show(mib.OBJECTS), timeout=100).stdout
    got, want = still([read(line) for line in walked.splitlines()]), ours(quiet)
    different = {mib.show(oid): (got.get(oid), want.get(oid))
                 for oid in got.keys() | want.keys() if got.get(oid) != want.get(oid)}
    assert not different, f"({client}, ours): {different}"
    assert len(got) > 400


def shown_as(metric, row, value):
    """What the exporter has to make of one value: {(metric, labels): value}."""
    name, labels = metric["name"], {}
    for index, part in zip(metric.get("indexes", ()), row):
        labels[index["labelname"]] = part
    if metric["type"] == "DisplayString":
        return {(name, frozenset({**labels, name: value.decode()}.items())): 1}
    if metric["type"] == "Bits":
        return {(name, frozenset({**labels, name: bit}.items())):
                value[n // 8] >> (7 - n % 8) & 1 for n, bit in metric["enum_values"].items()}
    if metric["type"] == "DateAndTime":
        value = int(mib.moment(value))  # it knows no tenths
    return {(name, frozenset(labels.items())): value % EXACT}


@pytest.mark.parametrize("module, least", [("townmeter", 80), ("townmeter_info", 80), ("townmeter_services", 36)])
def test_gosnmp_gets_what_we_get(quiet, module, least):
    """Through snmp_exporter: every series that our module makes, and no other."""
    whole = yaml.safe_load(exporter_file().read_text(encoding="utf-8"))
    metrics = whole.get("modules", whole)[module]["metrics"]
    chains = {number: name for name, number in mib.CHAINS.items()}
    known, want = contract(), {}
    for oid, (_, value) in ours(quiet).items():
        for metric in metrics:
            at, _ = known[metric["name"]]
            if oid[:len(at)] == at:
                rest = oid[len(at):]
                row = [] if rest == (0,) else [chains[rest[0]]] if len(rest) == 1 else \
                    [n.decode() for n in mib.names(rest, len(metric["indexes"]))]
                want.update(shown_as(metric, row, value))
    exporter = Exporter(quiet)
    try:
        got = exporter.read(module)
    finally:
        exporter.close()
    age = "townMeterSnapshotAge", frozenset()
    assert (age in got) == (module == "townmeter")
    got = {k: v for k, v in got.items() if k != age and not k[0].startswith("snmp_scrape_")}
    different = {k: (got.get(k), want.get(k)) for k in got.keys() | want.keys()
                 if got.get(k) != want.get(k)}
    assert not different, f"(snmp_exporter, ours): {different}"
    assert len(got) >= least


def test_gosnmp_over_snmpv3_as_the_readme_says(quiet):
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    block = readme.partition("with SNMPv3\n\n")[2].partition("\n\n")[0]
    told = yaml.safe_load(block)
    assert told["auth"]["username"] and told["auth"]["security_level"] == "authPriv"
    told["auth"].update(username=V3_USER["user"], password=V3_USER["auth"], priv_password=V3_USER["priv"])
    whole = yaml.safe_load(exporter_file().read_text(encoding="utf-8"))
    if "auths" in whole:
        whole["auths"]["townmeter"] = {"version": told["version"], **told["auth"]}
    else:
        for module in whole.values():
            module.update(told)
    path = quiet.tmp / "snmpv3.yml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    exporter = Exporter(quiet, path)
    try:
        got = exporter.read("townmeter")
    finally:
        exporter.close()
    counted = {labels: value for (name, labels), value in got.items() if name == "townMeterHostDownOctets"}
    assert len(counted) == quiet.agent("Hosts")
    alice = frozenset({("townMeterTownName", "town-a"), ("townMeterHostName", "alice")})
    assert counted[alice] == 300 * 100
