"""What changes when a customer gets another name, as integrations/README.md says."""

from lab import mib
from lab.pdu import Value
from lab.proc import wait_until

ALICE, ANNA = ("town-a", "alice"), ("town-a", "anna")
NAMES = 'names: {10.1.0.10: anna, "2001:db8:a::10": anna}\n'


def read_again(lab, config):
    lab.daemon.config.write_text(config)
    before = lab.daemon.log().count("was read again")
    lab.daemon.process.send_signal(1)
    wait_until(lambda: lab.daemon.log().count("was read again") > before, 20)
    lab.fresh()


def row(lab, who, *names):
    return [lab.host(*who, name) for name in names]


def closed(lab):
    return {(host.decode(), number): r["DownPkts"]
            for (_, host, number), r in lab.client.table("HostClosed").items()}


def test_another_name_is_another_row(lab):
    plain = lab.daemon.config.read_text()
    lab.traffic.send("outside", "alice", 100)
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    lab.traffic.send("outside", "alice", 50)
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 5)), (mib.host(*ALICE, "Remark"), "late"))
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    lab.fresh()  # what passed since the last look would be the new row's
    read_again(lab, plain + NAMES)
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    # The old row stands still, the new one starts from zero, blocked as before.
    what = ("DownPkts", "DroppedPkts", "PeriodNumber", "QuotaMB", "Remark", "OperStatus", "AdminStatus")
    assert row(lab, ALICE, *what) == [150, 0, 2, 5, b"late", mib.MISSING, mib.BLOCKED]
    assert row(lab, ANNA, *what) == [0, 30, 1, 0, b"", mib.BLOCKED, mib.BLOCKED]
    lab.must_set((mib.host(*ANNA, "AdminStatus"), mib.ALLOWED))
    lab.traffic.send("outside", "alice", 7)
    lab.fresh()
    assert row(lab, ANNA, *what[:3]) == [7, 30, 1]
    assert lab.town("town-a", "DownPkts") == 157
    # Closed periods stay; the last one ends with the row.
    assert closed(lab) == {("alice", 1): 100}
    lab.townmeter("forget", "town-a/alice")
    assert closed(lab) == {("alice", 1): 100, ("alice", 2): 50}
    # A forgotten name counts from zero when it comes back; one that is not goes on.
    read_again(lab, plain)
    assert row(lab, ALICE, *what[:5]) == [0, 0, 3, 0, b""]
    read_again(lab, plain + NAMES)
    assert row(lab, ANNA, *what[:3]) == [7, 30, 1]


def test_a_block_by_quota_becomes_one_by_a_manager(lab):
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 1)),
                 (mib.host(*ALICE, "QuotaAction"), mib.BLOCK))
    lab.traffic.send("outside", "alice", 1200, payload=972)
    wait_until(lambda: lab.fresh().host(*ALICE, "OperStatus") == mib.BLOCKED, 20)
    assert row(lab, ALICE, "BlockReason", "AdminStatus") == [bytes([mib.QUOTA]), mib.ALLOWED]
    read_again(lab, lab.daemon.config.read_text() + NAMES)
    assert row(lab, ANNA, "OperStatus", "BlockReason", "AdminStatus", "QuotaMB") == \
        [mib.BLOCKED, bytes([mib.MANAGER]), mib.BLOCKED, 0]
    lab.must_set((mib.host(*ANNA, "AdminStatus"), mib.ALLOWED))
    assert lab.host(*ANNA, "OperStatus") == mib.ALLOWED
