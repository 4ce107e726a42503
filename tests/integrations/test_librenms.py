"""A real meter, asked with the commands that LibreNMS runs, and what comes out of our
definitions for it: LibreNMS itself is no package of Debian's."""

import re
import subprocess
from collections import Counter

import pytest

import librenms
from lab import mib
from lab.pdu import Value
from lab.proc import run
from lab.topology import HOSTS
from librenms import RECORD
from librenms_poller import Asker, Rrd, Watched

# What it is recorded with: nothing of the machine on which it runs.
SYSTEM = ("sysDescr Linux router 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 x86_64\n"
          "sysName router\n")
QUIET = "interval: 1h\nmax-age: 1h\nset: [zero, block, quota]\n"
HARD = ('Zoë "the 1st" Müller', "bob's \\ shop", "x" * 40, "Зоя = b c_d")
TOO_LONG = "Ж" * 24
LARGE = 2**50 + 5


def hard_rules(lab):
    for n, name in enumerate((*HARD, TOO_LONG)):
        for flag in ("-d", "-s"):
            lab.ipt(4, "-A", "town-b", flag, f"10.2.0.{100 + n}", "-m", "comment", "--comment", name,
                    "-c", str(2**33 + n), str(LARGE + n))


@pytest.fixture(scope="module")
def quiet(make_shared_lab):
    """A meter with something everywhere, which stands still."""
    lab = make_shared_lab(config=QUIET, snmpd_extra=SYSTEM, apart=True).article()
    hard_rules(lab)
    lab.traffic.send("outside", ["alice", "bob", "dave"], 900)
    lab.traffic.send("alice", "outside", 500, 6)
    lab.up()
    lab.must_set((mib.town("town-a", "QuotaMB"), Value(mib.GAUGE32, 1000)),
                 (mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED),
                 (mib.host("town-a", "bob", "QuotaMB"), Value(mib.GAUGE32, 2**32 - 1)),
                 (mib.host("town-b", HARD[0], "QuotaMB"), Value(mib.GAUGE32, 1)))
    return lab


def of_agent(lab):
    """[(identifier, type, value)] of what there is to record."""
    system = [b for oid in (librenms.SYS_DESCR, librenms.SYS_OBJECT_ID, librenms.SYS_NAME)
              for b in lab.client.get(oid).binds]
    return [(b.oid, b.tag, b.value) for b in (*system, *lab.client.walk(mib.OBJECTS))]


# What depends on the time that something took, and on what the record was made with.
_PASSING = {mib.OBJECTS + (1, mib.AGENT[n][0]) for n in
            ("Version", "Backend", "SnapshotAge", "SnapshotDuration", "Snapshots", "RulesRead")}


def _is_time(tag, value):
    """A DateAndTime: its year comes first, in two octets."""
    return tag == mib.STRING and len(value) in (8, 11) and value[:1] < b" "


def steady(binds):
    """What is the same whenever it is asked for: {identifier: (type, value)}, without passing values."""
    return {oid: (tag, None if oid[:-1] in _PASSING or _is_time(tag, value) else value)
            for oid, tag, value in binds}


def test_the_record_is_what_an_agent_says(quiet, tmp_path):
    got, want = steady(of_agent(quiet)), steady(librenms.recorded())
    different = {mib.show(oid): (got.get(oid), want.get(oid))
                 for oid in got.keys() | want.keys() if got.get(oid) != want.get(oid)}
    if different:
        new = tmp_path / RECORD.name
        new.write_text(librenms.record(of_agent(quiet)), encoding="utf-8")
        pytest.fail(f"(agent, {RECORD.name}): {different}; as it should be: {new}", pytrace=False)


def test_its_walk_is_read_as_the_record_is(quiet):
    discovery, binds = librenms.load("os_discovery"), of_agent(quiet)
    walked, want = Asker(quiet).tables(discovery), librenms.tables_of(binds)
    used = {e.get("value", e["oid"]) for g in discovery["modules"]["sensors"].values() for e in g["data"]}
    used |= {f"{librenms.MODULE}{t}Label" for t in ("Town", "Host")}
    used -= {f"{librenms.MODULE}SnapshotAge"}
    compared = Counter()
    for name, rows in walked.items():
        assert rows.keys() == want[name].keys(), name
        for index, row in rows.items():
            for column in row.keys() & used:
                assert row[column] == want[name][index][column], (column, index)
                compared[column] += 1
    assert compared.keys() == used


def test_every_sensor_is_polled_where_it_was_found(quiet):
    watched = Watched(quiet)
    answers = watched.asker.get(s.oid for s in watched.sensors.values())
    rows, kinds = Counter(), Counter()
    for (kind, descr), sensor in watched.sensors.items():
        if descr != "Age of the values":
            assert answers[sensor.oid] == sensor.value, (kind, descr)
        rows[sensor.entry.get("value", sensor.entry["oid"]).removeprefix(librenms.MODULE)] += 1
        kinds[kind] += 1
    hosts, towns = quiet.agent("Hosts"), quiet.agent("Towns")
    assert (hosts, towns) == (len(quiet.client.table("Host")), 2)
    for column in ("DownOctets", "UpOctets", "PeriodDownOctets", "PeriodUpOctets"):
        assert (rows[f"Town{column}"], rows[f"Host{column}"]) == (towns, hosts - 1), column
    assert rows["HostOperStatus"] == hosts - 1  # without the one whose name is too long
    for column in ("QuotaMB", "QuotaUsedPercent", "QuotaState"):
        assert (rows[f"Town{column}"], rows[f"Host{column}"]) == (1, 2), column
    assert not [descr for _, descr in watched.sensors if TOO_LONG in descr]
    assert kinds["bitrate"] == 2 * (towns + hosts - 1)
    for name in HARD:
        assert ("bitrate", f"town-b/{name} down") in watched.sensors
    large = watched.sensors["bitrate", f"town-b/{HARD[1]} down"]
    assert large.kept(answers) == 8 * (LARGE + 1) > 2**53


def test_a_router_is_found_out_and_another_one_is_not(quiet):
    detection, asker = librenms.load("os_detection"), Asker(quiet)
    asked = [mib.show(librenms.SYS_OBJECT_ID), detection["discovery"][0]["snmpget"]["oid"]]
    answers = asker.get(asked)
    assert librenms.is_townmeter(detection, answers), answers
    del answers[asked[1]]
    assert not librenms.is_townmeter(detection, answers)


# Rates


class Rates(Rrd):
    """A value each five minutes."""

    def __init__(self, path, sensor):
        self.start = self.at = 1700000100
        super().__init__(path, sensor, "--start", self.at - 300)

    def put(self, number):
        super().put(number, self.at)
        self.at += 300

    def rates(self):
        """Between each value and the next; None for what is unknown."""
        lines = run(["rrdtool", "fetch", self.path, "AVERAGE", "-s", str(self.start),
                     "-e", str(self.at - 301)]).stdout.splitlines()[2:]
        found = [float(line.split()[1]) for line in lines]
        return [None if rate != rate else rate for rate in found]


@pytest.fixture
def watched(make_lab):
    lab = make_lab(apart=True).article()
    hard_rules(lab)
    return Watched(lab.up())


def test_rates_are_exact_and_a_zeroing_is_none(watched):
    lab, down, used = watched.lab, ("bitrate", "town-a/alice down"), ("count", "town-a/alice down in this period (MB)")
    large = "bitrate", f"town-b/{HARD[0]} down"
    files = {key: Rates(lab.tmp / f"{n}.rrd", watched.sensors[key]) for n, key in enumerate((down, large))}

    def poll():
        kept = watched.poll()
        for key, file in files.items():
            file.put(kept[key])
        return kept

    first = poll()
    lab.traffic.send("outside", "alice", 900, payload=972)
    lab.fresh()
    second = poll()
    assert second[down] - first[down] == 900 * 1000 * 8
    assert second[used] - first[used] == pytest.approx(0.9)
    lab.must_set((mib.host("town-a", "alice", "Zero"), mib.ZERO), (mib.town("town-b", "Zero"), mib.ZERO))
    third = poll()
    assert (third[down], third[large], third[used]) == (second[down], second[large], 0)
    lab.traffic.send("outside", "alice", 300, payload=972)
    lab.fresh()
    fourth = poll()
    assert fourth[used] == pytest.approx(0.3)
    assert files[down].rates() == pytest.approx([24000, 0, 8000])
    assert fourth[large] == 8 * LARGE and files[large].rates() == [0, 0, 0]


def test_states_are_those_of_the_meter(watched):
    lab, name = watched.lab, HARD[0]
    status = "state", f"town-b/{name}"

    def shown(key):
        return watched.sensors[key].shown(watched.poll()[key])

    assert shown(status) == ("allowed", librenms.OK)
    lab.must_set((mib.host("town-b", name, "AdminStatus"), mib.BLOCKED))
    assert lab.host("town-b", name, "OperStatus") == mib.BLOCKED == watched.poll()[status]
    assert shown(status) == ("blocked", librenms.WARNING)
    assert watched.poll()["count", "town-b customers blocked"] == 1
    # One direction only.
    lab.must_set((mib.host("town-b", name, "AdminStatus"), mib.ALLOWED))
    lab.ipt(4, "-I", "town-b", "1", "-s", "10.2.0.100", "-j", "DROP")
    lab.fresh()
    assert shown(status) == ("partly blocked", librenms.CRITICAL)
    # A quota is seen when LibreNMS looks again, what becomes of it with each poll.
    quota = "state", "town-a/alice quota"
    assert quota not in watched.sensors
    lab.must_set((mib.host("town-a", "alice", "QuotaMB"), Value(mib.GAUGE32, 1)))
    watched.look()
    assert shown(quota) == ("within", librenms.OK)
    lab.traffic.send("outside", "alice", 900, payload=972)
    lab.fresh()
    assert shown(quota) == ("warned", librenms.WARNING)
    assert watched.poll()["percent", "town-a/alice quota used"] == 90
    lab.traffic.send("outside", "alice", 150, payload=972)
    lab.fresh()
    assert shown(quota) == ("exceeded", librenms.CRITICAL)
    assert watched.poll()["percent", "town-a/alice quota used"] == 105
    # The meter itself.
    assert shown(("state", "Rules"))[1] == shown(("state", "Ledger"))[1] == librenms.OK
    assert shown(("state", "Offload past the rules")) == ("no", librenms.OK)
    assert shown(("state", "town-a bypassed")) == ("no", librenms.OK)
    lab.ipt(4, "-I", "FORWARD", "1", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
    lab.fresh()
    assert shown(("state", "town-a bypassed")) == ("yes", librenms.CRITICAL)
    lab.daemon.stop()
    assert shown(("state", "Rules")) == ("no answer", librenms.CRITICAL)
    assert shown(status) == ("no answer", librenms.UNKNOWN)


def tune(path):
    """What our README tells to do with an RRD file."""
    block, = re.findall(r"^ +(rrdtool tune .*)$", (librenms.OURS / "README.md").read_text(), re.M)
    subprocess.run(["sh", "-c", block], env={"PATH": "/usr/bin:/bin", "FILE": str(path)}, check=True)


def test_a_customer_comes_and_goes(watched):
    lab, new, address = watched.lab, "Émile O'Neil \"2\"", HOSTS["town-b"]["other"][4]
    before = set(watched.sensors)
    for flag in ("-d", "-s"):
        lab.ipt(4, "-A", "town-b", flag, address, "-m", "comment", "--comment", new)
    lab.fresh()
    assert set(watched.poll()) == before
    watched.look()
    came = set(watched.sensors) - before
    assert {descr for _, descr in came} == {
        f"town-b/{new}", *(f"town-b/{new} {way}{end}" for way in ("down", "up")
                           for end in ("", " in this period (MB)"))}
    down, status = ("bitrate", f"town-b/{new} down"), ("state", f"town-b/{new}")
    file, tuned = (Rates(lab.tmp / f"{n}.rrd", watched.sensors[down]) for n in range(2))
    tune(tuned.path)

    def poll():
        kept = watched.poll()
        file.put(kept[down])
        tuned.put(kept[down])
        return kept

    assert poll()[down] == 0
    lab.traffic.send("outside", "other@town-b", 900, payload=972)
    lab.fresh()
    assert poll()[down] == 900 * 1000 * 8
    # Without rules the row stays as it is.
    for flag in ("-d", "-s"):
        lab.ipt(4, "-D", "town-b", flag, address, "-m", "comment", "--comment", new)
    lab.fresh()
    kept = poll()
    assert kept[down] == 900 * 1000 * 8
    assert watched.sensors[status].shown(kept[status]) == ("not metered", librenms.WARNING)
    # LibreNMS takes a row that is no more for 0 until it looks again. The tuned file knows better.
    lab.townmeter("forget", f"town-b/{new}")
    kept = poll()
    assert kept[down] == 0
    assert watched.sensors[status].shown(kept[status]) == ("no answer", librenms.UNKNOWN)
    assert file.rates() == pytest.approx([24000, 0, -24000])
    assert tuned.rates() == [pytest.approx(24000), 0, None]
    # The others are where they were.
    watched.look()
    assert set(watched.sensors) == before
    now, passing = watched.poll(), ("delay", "Age of the values")
    assert {key: value for key, value in now.items() if key != passing} == \
        {key: value for key, value in kept.items() if key not in came | {passing}}


def test_a_poll_without_the_daemon_is_no_spike_in_a_tuned_file(watched):
    lab, down = watched.lab, ("bitrate", f"town-b/{HARD[0]} down")
    file = Rates(lab.tmp / "tuned.rrd", watched.sensors[down])
    tune(file.path)
    for between in (lambda: None, lab.daemon.stop, lab.start_daemon, lambda: None):
        between()
        file.put(watched.poll()[down])
    assert file.rates() == [None, None, 0]
