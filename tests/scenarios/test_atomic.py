"""Several variable bindings in one request: all or nothing, in the kernel, too."""

import pytest

from lab import mib
from lab.pdu import Value
from lab.proc import wait_until

ALICE, BOB, ERIN = ("town-a", "alice"), ("town-a", "bob"), ("town-b", "erin")


def block(town, host=None):
    return (mib.host(town, host, "AdminStatus") if host else mib.town(town, "AdminStatus"),
            mib.BLOCKED)


def zero(town, host=None):
    return (mib.host(town, host, "Zero") if host else mib.town(town, "Zero"), mib.ZERO)


@pytest.fixture
def used(lab):
    for family in (4, 6):
        lab.traffic.send("outside", ["alice", "bob", "dave", "erin"], 80, family)
    lab.fresh()
    return lab


def test_all_good_all_done(used):
    """Two tables, and three kinds of change."""
    used.must_set(block(*ALICE), zero("town-b"), (mib.host(*BOB, "Remark"), "paid"),
                  (mib.total("forward", "Zero"), mib.ZERO), zero(*ALICE))
    hosts, towns = used.client.table("Host"), used.client.table("Town")
    assert hosts[b"town-a", b"alice"]["OperStatus"] == mib.BLOCKED
    assert hosts[b"town-a", b"alice"]["PeriodDownPkts"] == 0
    assert hosts[b"town-a", b"bob"]["Remark"] == b"paid"
    assert hosts[b"town-a", b"bob"]["PeriodDownPkts"] == 40
    assert towns[b"town-b"]["PeriodDownPkts"] == 0
    assert used.total("forward", "PeriodPkts") == 0
    assert sum("DROP" in s for s in used.ipt.specs("town-a", 4)) == 2
    used.fresh()
    assert used.client.table("Host") == hosts


BAD = {
    "wrongType": (mib.host(*BOB, "AdminStatus"), "2"),
    "wrongValue": (mib.host(*BOB, "AdminStatus"), 3),
    "wrongLength": (mib.host(*BOB, "Remark"), "x" * 64),
    "noCreation": block("town-a", "nobody"),
    "notWritable": (mib.host(*BOB, "DownPkts"), Value(mib.COUNTER64, 0)),
}


@pytest.mark.parametrize("error", BAD)
def test_one_bad_binding_changes_nothing(used, error):
    """Wherever it stands; the index points at it."""
    before = used.everything()
    good = [block(*ALICE), zero("town-b"), (mib.host(*ERIN, "Remark"), "x"), block("town-b")]
    for place in (1, 0, 4):
        binds = list(good)
        binds.insert(place, BAD[error])
        assert used.set(*binds) == (error, place + 1)
        used.expect_unchanged(before)


def test_town_good_and_host_bad_and_the_other_way(used):
    before = used.everything()
    assert used.set(block("town-a"), (mib.host(*BOB, "Zero"), 7)) == ("wrongValue", 2)
    assert used.set(block(*BOB), (mib.town("town-a", "Zero"), 7)) == ("wrongValue", 2)
    assert used.set(zero("town-a"), block("town-c")) == ("noCreation", 2)
    used.expect_unchanged(before)


def test_blocks_are_in_force_before_the_new_period(used):
    """Block and zero in one request, whatever the order, under traffic: the
    new period has not one packet of what the block drops."""
    sender = used.traffic.start("outside", "alice", rate=20000, seconds=60)
    for binds in ((block(*ALICE), zero(*ALICE)), (zero(*ALICE), block(*ALICE))) * 5:
        used.must_set(*binds)
        used.fresh()
        assert used.host(*ALICE, "PeriodDownPkts") == 0
        used.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
        at = used.host(*ALICE, "DownPkts")
        wait_until(lambda: used.host(*ALICE, "DownPkts") > at)
    sender.stop()
    used.traffic.settle()
    used.fresh()
    row = used.client.table("Host")[b"town-a", b"alice"]
    assert row["DownPkts"] + row["DroppedPkts"] == \
        used.traffic.tally.host[ALICE]["down"].packets


@pytest.mark.parametrize("place", [0, 2, 4])
def test_another_subagent_fails(used, place):
    """The master takes back what townmeterd did: rules, periods, remarks."""
    used.failset()
    used.must_set((mib.host(*BOB, "Remark"), "before"))
    before = used.everything()
    binds = [block(*ALICE), zero("town-b"), (mib.host(*BOB, "Remark"), "after"),
             block("town-b")]
    binds.insert(place, (mib.FAILSET, 99))
    assert used.set(*binds) == ("commitFailed", place + 1)
    # A counter of nf_tables that was set to zero can not be set back: there the
    # rules go on from zero, and the rows from where they were.
    exact = used.ipt.backend == "legacy"
    used.expect_unchanged(before, counters=exact)
    used.fresh()
    used.expect_unchanged(before, counters=exact)
    # The same with a value that does not fail happens on both sides.
    binds[place] = (mib.FAILSET, 5)
    used.must_set(*binds)
    assert used.client.value(mib.FAILSET) == 5
    assert used.host(*ALICE, "OperStatus") == mib.BLOCKED
    assert used.town("town-b", "PeriodDownPkts") == 0
    assert used.host(*BOB, "Remark") == b"after"


def test_undo_under_traffic_loses_nothing(lab):
    """Zeroing and blocking, taken back again and again while packets pass."""
    lab.failset()
    before = lab.ipt.save()
    number = lab.host(*ALICE, "PeriodNumber")
    senders = [lab.traffic.start("outside", ["alice", "bob"], f, rate=3000, seconds=100)
               for f in (4, 6)]
    wait_until(lambda: lab.host(*ALICE, "DownPkts") > 0, 10)
    for i in range(20):
        host = ALICE if i % 2 else BOB
        assert lab.set(block(*host), zero("town-a"), (mib.FAILSET, 99)) == ("commitFailed", 3)
    for sender in senders:
        sender.stop()
    lab.traffic.settle()
    lab.fresh()
    assert lab.ipt.save() == before
    for who in (ALICE, BOB):
        row = lab.client.table("Host")[who[0].encode(), who[1].encode()]
        sent = lab.traffic.tally.host[who]["down"]
        assert row["DownPkts"] + row["DroppedPkts"] == sent.packets
        assert row["PeriodDownPkts"] == row["DownPkts"]
        assert row["PeriodNumber"] == number
        assert row["OperStatus"] == mib.ALLOWED
    town = lab.client.table("Town")[b"town-a"]
    assert town["DownPkts"] + town["DroppedPkts"] == lab.traffic.tally.town["town-a"]["down"].packets
    assert town["DownPkts"] == sum(lab.topology.arrived("town-a", f)[0] for f in (4, 6))
    assert town["PeriodDownPkts"] == town["DownPkts"]
