"""What a town used and none of its hosts."""

from lab import mib

ALICE = ("town-a", "alice")


def unattributed(lab, town="town-a"):
    lab.fresh()
    row = lab.client.table("Town")[town.encode()]
    return row["UnattributedDownOctets"], row["UnattributedUpOctets"]


def test_the_rest_of_a_town(lab):
    """The town's amount less its hosts', of this period, to the octet."""
    t = lab.traffic
    assert unattributed(lab) == (0, 0)
    t.send("outside", ["alice", "other@town-a"], 40)
    t.send("other@town-a", "outside", 7, 6)
    t.send("bob", "outside", 5)
    assert unattributed(lab) == (20 * 100, 7 * 120)
    assert unattributed(lab, "town-b") == (0, 0)
    assert lab.town("town-a", "PeriodDownOctets") == 40 * 100
    # A host's period may end alone: what it used is still that host's.
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert unattributed(lab) == (2000, 840)
    t.send("outside", ["alice", "other@town-a"], 4)
    assert unattributed(lab) == (2200, 840)
    # The town's ends with its own.
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    assert unattributed(lab) == (0, 0)
    t.send("outside", "other@town-a", 3)
    assert unattributed(lab) == (300, 0)
    lab.restart(kill=True)
    assert unattributed(lab) == (300, 0)


def test_a_host_that_is_gone_was_a_host(lab):
    """Its rules were removed in the middle of the period: what they counted does not
    become nobody's, and what it uses from then on is."""
    lab.traffic.send("outside", ["alice", "other@town-a"], 40)
    assert unattributed(lab) == (2000, 0)
    for flag in ("-d", "-s"):
        lab.ipt(4, "-D", "town-a", flag, "10.1.0.10", "-m", "comment", "--comment", "alice")
    assert unattributed(lab) == (2000, 0)
    lab.traffic.send("outside", "alice", 6)
    assert unattributed(lab) == (2600, 0)


def test_what_two_hosts_count_is_not_negative(lab):
    """A packet that matches two hosts' rules counts for both: the rest is zero then,
    and grows again with what no host counts."""
    lab.ipt(4, "-A", "town-a", "-d", "10.1.0.0/28", "-m", "comment", "--comment", "office")
    lab.traffic.send("outside", "alice", 10)
    assert unattributed(lab) == (0, 0)
    assert lab.host("town-a", "office", "DownPkts") == 10
    lab.traffic.send("outside", "other@town-a", 30)
    # 40 packets of the town less 20 that hosts counted.
    assert unattributed(lab) == (2000, 0)


def test_dropped_packets_are_nobodys_usage(lab):
    """They are in no amount, and so in no difference of amounts."""
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    lab.traffic.send("outside", ["alice", "other@town-a"], 20)
    assert unattributed(lab) == (1000, 0)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert unattributed(lab) == (1000, 0)
    assert lab.host(*ALICE, "DroppedPkts") == 10
