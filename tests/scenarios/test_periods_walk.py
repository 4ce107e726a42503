"""The tables of closed periods: what a zeroing leaves there, and every way to walk them."""

import random
import time

import pytest

from lab import mib
from lab.pdu import Value

ALICE = ("town-a", "alice")
OCTETS = 100  # of each packet that the lab sends
HOSTS = [("town-a", "bob"), ("town-a", "alice"), ("town-b", "dave"), ("town-b", "erin")]


def zero(lab, *row):
    name = mib.town(*row, "Zero") if len(row) == 1 else mib.host(*row, "Zero")
    lab.must_set((name, mib.ZERO))


def test_what_a_zeroing_leaves(lab):
    """Number, times, reason and amounts are those of what was sent."""
    assert lab.client.table("TownClosed") == {} and lab.client.table("HostClosed") == {}
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 9)))
    lab.traffic.send("outside", "alice", 40)
    lab.traffic.send("alice", "outside", 30)
    start = lab.host(*ALICE, "PeriodStart")
    zero(lab, *ALICE)
    assert lab.host(*ALICE, "PeriodNumber") == 2
    row, = lab.client.table("HostClosed").values()
    assert list(lab.client.table("HostClosed")) == [(b"town-a", b"alice", 1)]
    assert (row["Start"], row["End"]) == (start, lab.host(*ALICE, "PeriodStart"))
    assert abs(time.time() - mib.moment(row["End"])) < 60
    assert (row["Reason"], row["Complete"], row["QuotaMB"], row["OverMB"]) == \
        (mib.HOST_ZERO, mib.TRUE, 9, 0)
    assert (row["DownPkts"], row["DownOctets"]) == (40, 40 * OCTETS)
    assert (row["UpPkts"], row["UpOctets"]) == (30, 30 * OCTETS)
    assert lab.client.table("TownClosed") == {}
    lab.traffic.send("outside", "alice", 5)
    zero(lab, "town-a")
    towns, hosts = lab.client.table("TownClosed"), lab.client.table("HostClosed")
    assert list(towns) == [(b"town-a", 1)]
    town = towns[b"town-a", 1]
    assert (town["Reason"], town["DownPkts"], town["UpPkts"]) == (mib.TOWN_ZERO, 45, 30)
    # Shorter names first, and then the oldest.
    assert list(hosts) == [(b"town-a", b"bob", 1), (b"town-a", b"alice", 1), (b"town-a", b"alice", 2)]
    second = hosts[b"town-a", b"alice", 2]
    assert (second["Reason"], second["DownPkts"], second["UpPkts"]) == (mib.TOWN_ZERO, 5, 0)
    assert second["Start"] == row["End"] and second["End"] == town["End"]
    assert hosts[b"town-a", b"alice", 1] == row  # rows never change


@pytest.fixture(scope="module")
def closed(make_shared_lab):
    """Several periods of every row."""
    lab = make_shared_lab().article().up()
    for n in range(1, 5):
        lab.traffic.send("outside", ["alice", "dave"], n * 2)
        for town in ("town-a", "town-b"):
            zero(lab, town)
        zero(lab, *ALICE)
    return lab


def expected():
    """Every object identifier that must be there, in order."""
    oids = []
    for c in mib.TABLES["TownClosed"][1]:
        oids += [mib.town_closed(t, n, c) for t in ("town-a", "town-b") for n in range(1, 5)]
    for c in mib.TABLES["HostClosed"][1]:
        for host in HOSTS:
            oids += [mib.host_closed(*host, n, c) for n in range(1, 9 if host == ALICE else 5)]
    return sorted(oids)


@pytest.mark.parametrize("how", ["next", "one by one", "many", "snmpwalk", "snmpbulkwalk"])
def test_every_way_to_walk(closed, how):
    walks = {"next": lambda root: closed.client.walk(root, by="next"),
             "one by one": lambda root: closed.client.walk(root, repeat=1),
             "many": lambda root: closed.client.walk(root, repeat=100),
             "snmpwalk": lambda root: closed.tools().walk(root),
             "snmpbulkwalk": lambda root: closed.tools("3").bulkwalk(root)}
    want = expected()
    got = [b.oid for root in (mib.OBJECTS + (8,), mib.OBJECTS + (9,)) for b in walks[how](root)]
    assert got == want
    # And each is there by its own name.
    for at in range(0, len(want), 30):
        binds = closed.client.get(*want[at:at + 30]).binds
        assert [b.oid for b in binds] == want[at:at + 30]
        assert all(b.tag < 0x80 for b in binds)


def test_columns_side_by_side(closed):
    """As a table is read: all columns of a row at once."""
    columns = [mib.column("HostClosed", c) for c in mib.TABLES["HostClosed"][1]]
    at, rows = columns, []
    while True:
        binds = closed.client.next(*at).binds
        if binds[0].oid[:len(columns[0])] != columns[0]:
            break
        assert len({b.oid[len(c):] for b, c in zip(binds, columns)}) == 1
        rows.append(binds[0].oid[len(columns[0]):])
        at = [b.oid for b in binds]
    assert len(rows) == 20 and rows == sorted(rows)


def test_next_from_anywhere(closed):
    """Part of an index, no octet, behind the last one."""
    want = expected()
    column = mib.column("HostClosed", "Reason")
    rnd = random.Random(4)
    starts = [mib.OBJECTS + (8,), mib.OBJECTS + (9,), column, column + (6,), column + (300,),
              column + mib.index("town-a"), column + mib.index("town-a") + (3,),
              column + mib.index("town-a") + (3, 98, 111, 999),
              column + mib.index("town-a") + mib.index("bob") + (4294967295,),
              column + mib.index("town-a") + mib.index("bob") + (1, 0),
              column + (4294967295,), mib.OBJECTS + (9, 1, 1), mib.OBJECTS + (9, 1, 12),
              mib.town_closed("town-b", 4, "OverMB")]
    for _ in range(200):
        oid = list(rnd.choice(want))
        oid = oid[:rnd.randrange(len(mib.OBJECTS), len(oid) + 1)]
        if rnd.random() < 0.6:
            oid[-1] = max(0, oid[-1] + rnd.choice((-1, 1, 255)))
        if rnd.random() < 0.3:
            oid.append(rnd.choice((0, 1, 2**32 - 1)))
        starts.append(tuple(oid))
    for start in starts:
        following = [o for o in want if o > start]
        bind = closed.client.next(start).binds[0]
        if following and start >= mib.OBJECTS + (8,):
            assert bind.oid == following[0], mib.show(start)
        elif not following:
            assert bind.tag == mib.END or bind.oid[:-1] > want[-1][:len(mib.OBJECTS) + 1]


def test_what_is_not_there(closed):
    for oid in (mib.host_closed(*ALICE, 9, "Start"), mib.host_closed(*ALICE, 0, "Start"),
                mib.host_closed(*ALICE, 1, "Start")[:-1], mib.host_closed(*ALICE, 1, "Start") + (0,),
                mib.town_closed("town-c", 1, "Start"), mib.column("TownClosed", "Start"),
                mib.host_closed("town-a", "dave", 1, "Start")):
        assert closed.client.get(oid).binds[0].tag == mib.NO_INSTANCE, mib.show(oid)
    # The number is an index.
    number = mib.OBJECTS + (9, 1, 1) + mib.host_closed(*ALICE, 1, "Start")[len(mib.OBJECTS) + 3:]
    assert closed.client.get(number).binds[0].tag == mib.NO_OBJECT


def test_after_a_restart_they_are_there(closed):
    before = closed.client.table("HostClosed")
    closed.daemon.stop()
    closed.start_daemon()
    assert closed.client.table("HostClosed") == before


def test_a_walk_while_periods_close(lab):
    """It ends, repeats nothing, and all that was there when it began is in it."""
    zero(lab, "town-a")
    column = mib.column("HostClosed", "DownPkts")
    for _ in range(4):  # the oldest are not kept for ever
        before = {b.oid for b in lab.client.walk(column, by="next")}
        at, met = column, []
        while True:
            bind = lab.client.next(at).binds[0]
            if bind.oid[:len(column)] != column:
                break
            assert bind.oid > at
            at = bind.oid
            met.append(at)
            if len(met) % 2 and len(met) < 10:
                zero(lab, *ALICE)
        assert before <= set(met)
