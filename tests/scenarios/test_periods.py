"""Periods end, by a SET and by the calendar, and become rows that never change: what
was sent in a period is in that row and in no other."""

import os
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from lab import mib, saved
from lab.daemon import program
from lab.pdu import Value
from lab.proc import wait_until
from lab.sampler import Sampler
from lab.traps import SNMPD

ALICE, BOB = ("town-a", "alice"), ("town-a", "bob")
CONFIG = "interval: 1s\nmax-age: 50ms\nset: [zero, block, quota]\n"
NEVER = bytes.fromhex("0000010100000000")
HOSTS = {("town-a", "alice"), ("town-a", "bob"), ("town-b", "dave"), ("town-b", "erin")}


def closed(lab, town, host=None):
    """The closed periods of a row by SNMP: {number: row}."""
    name, key = ("HostClosed", (town.encode(), host.encode())) if host else ("TownClosed", (town.encode(),))
    return {k[-1]: row for k, row in lab.client.table(name).items() if k[:-1] == key}


def amounts(row):
    return tuple(row[c] for c in mib.AMOUNTS)


def test_a_host_by_set(make_lab):
    """One row for the host; its town's period goes on."""
    lab = make_lab(config=CONFIG, snmpd_extra=SNMPD).article().up()
    received = lab.traps()
    lab.traffic.send("outside", ["alice", "bob"], 40)
    lab.traffic.send("alice", "outside", 15, 6)
    lab.fresh()
    before = lab.client.table("Host")[b"town-a", b"alice"]
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    rows = closed(lab, *ALICE)
    assert list(rows) == [1]
    row, after = rows[1], lab.client.table("Host")[b"town-a", b"alice"]
    assert amounts(row) == (2000, 15 * 120, 20, 15)
    assert (row["Reason"], row["Complete"], row["QuotaMB"], row["OverMB"]) == (mib.HOST_ZERO, mib.TRUE, 0, 0)
    assert row["Start"] == before["PeriodStart"] and row["End"] == after["PeriodStart"]
    assert mib.moment(row["Start"]) <= mib.moment(row["End"])
    assert lab.client.table("TownClosed") == {} and closed(lab, *BOB) == {}
    trap = received.wait("HostZeroed")
    assert trap.objects[mib.host_closed(*ALICE, 1, "DownOctets")] == 2000
    assert trap.objects[mib.host_closed(*ALICE, 1, "Reason")] == mib.HOST_ZERO
    # The row is what it is, whatever comes after it.
    lab.traffic.send("outside", "alice", 5)
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    rows = closed(lab, *ALICE)
    assert rows[1] == row and amounts(rows[2]) == (500, 0, 5, 0)
    assert rows[2]["Start"] == row["End"]
    lab.restart(kill=True)
    assert closed(lab, *ALICE) == rows
    assert lab.agent("LedgerStatus") == mib.LEDGER_OK


def test_a_town_by_set(make_lab):
    """The town and all its hosts, at one moment, for one reason; told once."""
    lab = make_lab(config=CONFIG, snmpd_extra=SNMPD).article().up()
    received = lab.traps()
    lab.traffic.send("outside", ["alice", "bob", "other@town-a", "dave"], 80)
    # A host whose request is the same one ends once.
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO), (mib.host(*BOB, "Zero"), mib.ZERO))
    town = closed(lab, "town-a")
    assert list(town) == [1] and amounts(town[1]) == (6000, 0, 60, 0)
    assert town[1]["Reason"] == mib.TOWN_ZERO and town[1]["Complete"] == mib.TRUE
    for host in ("alice", "bob"):
        row, = closed(lab, "town-a", host).values()
        assert amounts(row) == (2000, 0, 20, 0)
        assert (row["Reason"], row["End"]) == (mib.TOWN_ZERO, town[1]["End"])
    assert closed(lab, "town-b") == closed(lab, "town-b", "dave") == {}
    trap = received.wait("TownZeroed")
    assert trap.objects[mib.town_closed("town-a", 1, "DownOctets")] == 6000
    assert trap.objects[mib.town("town-a", "Hosts")] == 2
    assert received.named("HostZeroed") == []
    # A total has no rows; it starts again all the same.
    lab.must_set((mib.total("forward", "Zero"), mib.ZERO))
    assert lab.total("forward", "PeriodPkts") == 0
    assert len(lab.client.table("TownClosed")) == 1
    # In SNMP's order, by every kind of request.
    lab.must_set((mib.town("town-b", "Zero"), mib.ZERO), (mib.town("town-a", "Zero"), mib.ZERO))
    for name in ("TownClosed", "HostClosed"):
        entry = mib.TABLES[name][0]
        assert lab.client.walk(entry) == lab.client.walk(entry, by="next") == lab.tools().bulkwalk(entry)
    assert {(k[1], k[2]) for k in lab.client.table("HostClosed") if k[0] == b"town-a"} == \
        {(b"alice", 1), (b"alice", 2), (b"bob", 1), (b"bob", 2)}


def test_what_is_billed_beyond_the_quota(make_lab):
    """Megabytes of 10^6 octets, rounded down, by the basis at the end."""
    lab = make_lab(config=CONFIG).article().up()
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 1)),
                 (mib.host(*ALICE, "QuotaBasis"), mib.DOWN),
                 (mib.town("town-a", "QuotaMB"), Value(mib.GAUGE32, 4)))
    lab.traffic.send("outside", "alice", 2999, payload=972)
    lab.traffic.send("alice", "outside", 2001, payload=972)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    row, = closed(lab, *ALICE).values()
    assert (row["DownOctets"], row["QuotaMB"], row["OverMB"]) == (2999000, 1, 1)
    town, = closed(lab, "town-a").values()
    assert (town["QuotaMB"], town["OverMB"]) == (4, 1)
    # Below it, and without one.
    lab.traffic.send("outside", ["alice", "bob"], 10)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    assert closed(lab, *ALICE)[2]["OverMB"] == closed(lab, *BOB)[2]["OverMB"] == 0
    assert (closed(lab, *ALICE)[2]["QuotaMB"], closed(lab, *BOB)[2]["QuotaMB"]) == (1, 0)


def test_a_zero_that_is_taken_back_leaves_no_row(lab):
    """Another agent fails its part of the request."""
    lab.failset()
    lab.traffic.send("outside", "alice", 10)
    lab.fresh()
    before = lab.rows()
    status = lab.set((mib.host(*ALICE, "Zero"), mib.ZERO), (mib.FAILSET, 99))
    assert status[0] == "commitFailed"
    assert lab.client.table("HostClosed") == {}
    assert lab.rows()["Host"] == before["Host"]
    lab.restart(kill=True)
    assert lab.client.table("HostClosed") == {}
    lab.expect_sent()


def test_how_many_are_kept(make_lab):
    lab = make_lab(config=CONFIG + "period: {keep: 3}\n").article().up()
    for n in range(1, 7):
        lab.traffic.send("outside", "alice", n)
        lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
        assert list(closed(lab, *ALICE)) == list(range(max(1, n - 2), n + 1))
    assert [r["DownPkts"] for r in closed(lab, *ALICE).values()] == [4, 5, 6]
    assert list(closed(lab, "town-a")) == [4, 5, 6]
    assert lab.host(*ALICE, "PeriodNumber") == 7
    # Fewer from now on: at the next end of a period. More: those that are gone stay so.
    lab.daemon.config.write_text(CONFIG + "period: {keep: 1}\n")
    lab.restart()
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    assert list(closed(lab, *ALICE)) == [7]
    lab.daemon.config.write_text(CONFIG + "period: {keep: 5}\n")
    lab.restart(kill=True)
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert list(closed(lab, *ALICE)) == [7, 8]
    assert {k: len(v) for k, v in saved.closed(lab.daemon.state).items() if k[0] == "town-a"} == \
        {("town-a", ""): 1, ALICE: 2, BOB: 1}


def test_a_host_without_rules_keeps_its_rows(lab):
    """Its periods still end with its town's, and its numbers go on when it is back."""
    lab.traffic.send("outside", ["alice", "bob"], 20)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    for family in (4, 6):
        lab.ipt(family, "-F", "town-a")
    lab.fresh()
    first = closed(lab, *ALICE)
    assert amounts(first[1])[2] == 10
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    rows = closed(lab, *ALICE)
    assert rows[1] == first[1] and amounts(rows[2]) == (0, 0, 0, 0)
    lab.article()
    lab.traffic.send("outside", "alice", 4)
    lab.fresh()
    assert lab.host(*ALICE, "PeriodNumber") == 3 and lab.host(*ALICE, "PeriodDownPkts") == 4


def command():
    """The command townmeter that belongs to the daemon under test."""
    return program().parent / "townmeter"


def test_a_host_that_was_removed_keeps_its_rows(lab):
    """`townmeter forget`: its last period is closed, and if it comes back its numbers
    continue."""
    assert os.access(command(), os.X_OK), f"no {command()}: build it"
    lab.traffic.send("outside", ["alice", "bob"], 20)
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    lab.traffic.send("outside", "alice", 7)
    lab.fresh()
    for family in (4, 6):
        for flag in ("-d", "-s"):
            addr = {4: "10.1.0.10", 6: "2001:db8:a::10"}[family]
            lab.ipt(family, "-D", "town-a", flag, addr, "-m", "comment", "--comment", "alice")
    lab.fresh()
    lab.router.run(command(), "-S", lab.daemon.dir / "control.sock", "forget", "town-a/alice")
    assert (b"town-a", b"alice") not in lab.client.table("Host")
    rows = closed(lab, *ALICE)
    assert [r["DownPkts"] for r in rows.values()] == [10, 7]
    assert rows[2]["Reason"] == mib.REMOVED
    lab.restart(kill=True)
    assert closed(lab, *ALICE) == rows and (b"town-a", b"alice") not in lab.client.table("Host")
    lab.ipt(4, "-A", "town-a", "-d", "10.1.0.10", "-m", "comment", "--comment", "alice")
    lab.fresh()
    assert lab.host(*ALICE, "PeriodNumber") == 3
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert list(closed(lab, *ALICE)) == [1, 2, 3]


# The calendar

def make_scheduled(make_lab, period, at, zone="Europe/Madrid", **options):
    """The article's router with a schedule, and a clock of its own."""
    lab = make_lab(config=CONFIG + f"period: {{{period}, timezone: {zone}, keep: 1000}}\n", **options).article()
    clock = lab.clock().at(at, zone)
    lab.up()
    return lab, clock


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def ends(lab, town="town-a", host="alice"):
    return [mib.moment(r["End"]) for r in closed(lab, town, host).values()]


MONTHS = [
    # A month without such a day ends on its last one; Madrid is UTC+1, UTC+2 in summer.
    ("every: month, day: 31", "2026-01-20 12:00",
     ["2026-01-30 23:00", "2026-02-27 23:00", "2026-03-30 22:00", "2026-04-29 22:00", "2026-05-30 22:00"]),
    ("every: month, day: 29", "2028-01-20 12:00", ["2028-01-28 23:00", "2028-02-28 23:00", "2028-03-28 22:00"]),
    ("every: month", "2026-12-15 00:00", ["2026-12-31 23:00", "2027-01-31 23:00"])]
CLOCKS = [
    # 02:30 does not exist on 29 March, and is there twice on 25 October.
    ('every: day, at: "02:30"', "2026-03-27 12:00",
     ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
    ('every: day, at: "02:30"', "2026-10-23 12:00",
     ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
    ("every: week, day: sunday", "2026-03-24 12:00", ["2026-03-28 23:00", "2026-04-04 22:00"])]


# A calendar has nothing to do with a backend: some meet one, the others the other.
@pytest.mark.backend("legacy")
@pytest.mark.parametrize("period,at,boundaries", MONTHS, ids=["31st", "29th", "1st"])
def test_months(make_lab, period, at, boundaries):
    calendar(make_lab, period, at, boundaries)


@pytest.mark.backend("nft")
@pytest.mark.parametrize("period,at,boundaries", CLOCKS, ids=["skipped time", "time twice", "week"])
def test_days_and_weeks(make_lab, period, at, boundaries):
    calendar(make_lab, period, at, boundaries)


def calendar(make_lab, period, at, boundaries):
    """Nothing before the moment, everything at it, with what was sent before it."""
    lab, clock = make_scheduled(make_lab, period, at)
    assert lab.agent("PeriodSchedule")
    sent = []
    for n, text in enumerate(boundaries, 1):
        boundary = utc(text)
        assert mib.moment(lab.agent("PeriodNextEnd")) == boundary, (text, n)
        clock.set(boundary - 3600)
        lab.traffic.send("outside", ["alice", "dave"], 2 * n)
        lab.fresh()
        assert lab.host(*ALICE, "PeriodNumber") == n
        clock.set(boundary + 0.5)
        # Nobody has to ask.
        wait_until(lambda n=n: len(saved.closed(lab.daemon.state).get(ALICE, [])) == n, 10)
        lab.fresh()
        sent.append(n)
        assert [r["DownPkts"] for r in closed(lab, *ALICE).values()] == sent
        assert 0 <= ends(lab)[-1] - boundary < 5
        assert mib.moment(lab.agent("PeriodStart")) == ends(lab)[-1] or \
            0 <= mib.moment(lab.agent("PeriodStart")) - boundary < 5
    # Everything ended: towns, all hosts, totals.
    for town in ("town-a", "town-b"):
        rows = closed(lab, town)
        assert len(rows) == len(boundaries) and {r["Reason"] for r in rows.values()} == {mib.SCHEDULE}
    assert {k[:2] for k in lab.client.table("HostClosed")} == {(t.encode(), h.encode()) for t, h in HOSTS}
    assert lab.total("forward", "PeriodPkts") == 0
    lab.expect_sent()
    # The kernel's counters started anew, too, where the kernel can do that.
    if "can not set counters" not in lab.daemon.logs():
        lab.expect_kernel()


def test_no_schedule(lab):
    assert lab.agent("PeriodSchedule") == b"" and lab.agent("PeriodNextEnd") == NEVER


@pytest.mark.parametrize("kill", [False, True], ids=["stop", "kill"])
def test_a_period_that_ended_while_it_was_away(make_lab, kill):
    """Closed at the start, once, with what was counted up to then; one that would have
    ended twice has one row."""
    lab, clock = make_scheduled(make_lab, "every: month", "2026-04-29 10:00")
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()

    def away():
        lab.traffic.send("outside", "alice", 5)
        clock.at("2026-05-03 10:00", "Europe/Madrid")

    lab.restart(kill, away)
    wait_until(lambda: list(closed(lab, *ALICE)) == [1], 10)
    row = closed(lab, *ALICE)[1]
    assert row["Reason"] == mib.SCHEDULE and row["DownPkts"] == 35
    lab.traffic.send("outside", "alice", 4)
    lab.fresh()
    assert lab.host(*ALICE, "PeriodDownPkts") == 4
    assert mib.moment(lab.agent("PeriodNextEnd")) == utc("2026-05-31 22:00")
    # Three months, with a reboot in them.
    clock.at("2026-08-10 10:00", "Europe/Madrid")
    lab.reboot(kill)
    wait_until(lambda: list(closed(lab, *ALICE)) == [1, 2], 10)
    assert closed(lab, *ALICE)[2]["DownPkts"] == 4
    assert lab.client.table("TownClosed")[b"town-b", 2]["Reason"] == mib.SCHEDULE
    lab.expect_sent()


def test_it_ends_while_the_rules_can_not_be_read(make_lab):
    """No look succeeds at the boundary: the first that does ends the period."""
    lab, clock = make_scheduled(make_lab, "every: day", "2026-06-10 23:00", "UTC")
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    saved = {f: lab.ipt.backup(f) for f in (4, 6)}
    lab.ipt.both("-F")
    lab.ipt.both("-X")
    # iptables-nft -X takes the built-in chains, too: then no look succeeds.
    looks = lab.agent("Snapshots")
    clock.at("2026-06-11 01:00")
    wait_until(lambda: lab.agent("Snapshots") >= looks + 2, 20)
    for family, text in saved.items():
        lab.ipt.restore(family, text)
    lab.fresh()
    wait_until(lambda: list(closed(lab, *ALICE)) == [1])
    assert closed(lab, *ALICE)[1]["DownPkts"] == 30
    lab.traffic.send("outside", "alice", 3)
    lab.expect_sent()
    assert lab.host(*ALICE, "PeriodDownPkts") == 3


def test_a_month(make_lab, long):
    """Day by day from 15 March to 15 April in Madrid (from the 26th to the end of March,
    if not --long), over the change to summer time on the 29th, with a restart and a
    reboot in it: each day's packets are in that day's row, and the days are 24 hours
    long but for one of 23."""
    zone = ZoneInfo("Europe/Madrid")
    day = datetime(2026, 3, 15 if long else 26, tzinfo=zone)
    last = datetime(2026, 4, 15 if long else 1, tzinfo=zone)
    lab, clock = make_scheduled(make_lab, "every: day", day.strftime("%Y-%m-%d 00:10"))
    want, boundaries = [], []
    with Sampler(lab, interval=0.02) as sampler:
        while day < last:
            n = day.day
            for hour in range(1, 24, 4 if long else 11):
                clock.set((day + timedelta(hours=hour)).timestamp())
                lab.traffic.send("outside", ["alice", "dave"], 2 * n, 4 + 2 * (hour % 2))
                if long:
                    lab.fresh()
            want.append(n * len(range(1, 24, 4 if long else 11)))
            following = (datetime(day.year, day.month, day.day) + timedelta(days=1)).replace(tzinfo=zone)
            boundary = following.timestamp()
            boundaries.append(boundary)
            clock.set(boundary - 2)
            lab.fresh()
            assert len(ends(lab)) == len(want) - 1
            if n == 27:
                lab.restart(kill=True, between=lambda b=boundary: clock.set(b + 1))
            elif n == 29:
                lab.reboot(between=lambda b=boundary: clock.set(b + 1))
            else:
                clock.set(boundary + 0.2)
            wait_until(lambda: len(ends(lab)) == len(want), 10, f"{following} ends a period")
            day = following
        sampler.wait()
    assert len(want) == (31 if long else 6)
    rows = closed(lab, *ALICE)
    assert [r["DownPkts"] for r in rows.values()] == want
    assert [r["DownPkts"] for r in closed(lab, "town-b").values()] == want
    assert all(0 <= end - boundary < 5 for end, boundary in zip(ends(lab), boundaries))
    lengths = [round((b - a) / 3600) for a, b in zip(boundaries, boundaries[1:])]
    assert sorted(lengths) == [23] + [24] * (len(want) - 2)
    lab.expect_sent()
    assert saved.faults(lab.daemon.state, running=True) == []
