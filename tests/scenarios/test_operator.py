"""What an operator types, with names, on stock Debian: the MIB's copy without
IMPORTS and net-snmp's own tools."""

import re
from pathlib import Path

import pytest

from lab import mib
from lab.proc import run
from lab.snmp import own_env

TREE = Path(__file__).resolve().parents[2]


class Names:
    """The tools with the MIB loaded and nothing else."""

    def __init__(self, lab, tmp):
        run([TREE / "tools" / "mib-standalone", TREE / "mibs" / "TOWNMETER-MIB.txt",
             tmp / "TOWNMETER-MIB.txt"])
        self.lab = lab
        self.env = own_env(tmp, MIBDIRS=str(tmp), MIBS="TOWNMETER-MIB")

    def __call__(self, tool, *args):
        return self.lab.router.run(tool, "-v2c", "-c", "private", "127.0.0.1", *args,
                                   env=self.env).stdout

    def translate(self, *args):
        return run(["snmptranslate", *args], env=self.env).stdout


@pytest.fixture
def names(lab, tmp_path):
    return Names(lab, tmp_path)


def test_get_and_set_by_name(lab, names):
    """The quoting that README.md gives."""
    lab.traffic.send("outside", "alice", 12)
    lab.fresh()
    assert names("snmpget", 'townMeterHostDownOctets."town-a"."alice"') == \
        'TOWNMETER-MIB::townMeterHostDownOctets."town-a"."alice" = Counter64: 1200 octets\n'
    out = names("snmpset", 'townMeterHostZero."town-a"."alice"', "i", "zero")
    assert out.startswith('TOWNMETER-MIB::townMeterHostZero."town-a"."alice" = INTEGER:')
    assert lab.host("town-a", "alice", "PeriodDownOctets") == 0
    names("snmpset", 'townMeterHostAdminStatus."town-a"."alice"', "i", "blocked",
          'townMeterHostRemark."town-a"."alice"', "s", "unpaid")
    assert "blocked(2)" in names("snmpget", 'townMeterHostOperStatus."town-a"."alice"')
    assert "manager(0)" in names("snmpget", 'townMeterHostBlockReason."town-a"."alice"')
    names("snmpset", 'townMeterTownZero."town-a"', "i", "zero")
    names("snmpset", "townMeterTotalZero.forward", "i", "zero")
    assert lab.total("forward", "PeriodPkts") == 0
    walked = names("snmpwalk", 'townMeterHostDownOctets."town-a"').splitlines()
    assert [l.split()[0].rpartition('"."')[2].rstrip('"') for l in walked] == ["bob", "alice"]


def test_tables_by_name(lab, names):
    lab.traffic.send("outside", ["alice", "dave"], 20)
    lab.fresh()
    for name, rows in (("townMeterHostTable", 4), ("townMeterTownTable", 2),
                       ("townMeterTotalTable", 3)):
        lines = names("snmptable", "-Cf", ";", "-Ci", name).splitlines()
        head = next(i for i, l in enumerate(lines) if l.startswith("index;"))
        table = [dict(zip(lines[head].split(";"), l.split(";"))) for l in lines[head + 1:]]
        assert len(table) == rows, lines
        assert all(len(r) == len(lines[head].split(";")) and "?" not in r.values()
                   for r in table), lines
        if rows == 4:
            by_label = {r["townMeterHostLabel"]: r for r in table}
            assert by_label["town-a/alice"]["townMeterHostDownPkts"].split()[0] == "10"
            assert by_label["town-a/bob"]["townMeterHostDownPkts"].split()[0] == "0"


def test_the_mib_is_what_is_served(lab, names):
    """Every object of the MIB has an instance, and every instance an object. Only service
    classes have none: there are no rules for any here."""
    classes = {entry + (n,) for name in ("Service", "TownService", "HostService")
               for entry, columns in [mib.TABLES[name]] for n, _ in columns.values()}
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))  # without one, there is no closed period
    served = set()
    for bind in lab.client.walk(mib.ROOT):
        for entry, _ in mib.TABLES.values():
            if bind.oid[:len(entry)] == entry:
                served.add(bind.oid[:len(entry) + 1])
                break
        else:
            served.add(bind.oid[:-1])
    described = set()
    for line in names.translate("-To").splitlines():
        oid = tuple(map(int, line.strip(".").split(".")))
        if oid[:len(mib.OBJECTS)] != mib.OBJECTS:
            continue
        detail = names.translate("-Td", mib.show(oid))
        if re.search(r"MAX-ACCESS\s+read-(only|write)", detail):
            described.add(oid)
            writable = "read-write" in detail
            name = next((t, c) for t, (e, cs) in {
                **mib.TABLES, "Agent": (mib.OBJECTS + (1,), mib.AGENT),
                "Control": (mib.OBJECTS + (11,), mib.CONTROL)}.items()
                for c, (n, _) in cs.items() if e + (n,) == oid)
            assert writable == (name in mib.WRITABLE or name[0] == "Control" and
                                name[1] in mib.WRITABLE_CONTROL), name
    assert len(described) > 90
    assert classes < described
    assert served == described - classes
