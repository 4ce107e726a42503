"""Blocking: DROP rules where the operator expects them, nothing else touched,
and every packet either forwarded or dropped in the account."""

import time

import pytest

from lab import mib
from lab.lab import TOWNS
from lab.proc import wait_until
from lab.topology import BITS, HOSTS, NETS

ALICE = ("town-a", "alice")


def drops(net, comment="townmeter"):
    """The two rules that block a prefix, as iptables -S writes them."""
    return [f"{flag} {net} -m comment --comment {comment} -j DROP" for flag in ("-d", "-s")]


def host_drops(town, host, family):
    return drops(f"{HOSTS[town][host][family]}/{BITS[family]}")


def admin(lab, value, town, host=None):
    oid = mib.host(town, host, "AdminStatus") if host else mib.town(town, "AdminStatus")
    lab.must_set((oid, value))


def status(lab, town=ALICE[0], host=ALICE[1]):
    row = lab.client.get(*(mib.host(town, host, c) for c in
                           ("AdminStatus", "OperStatus", "BlockReason"))).binds
    return row[0].value, row[1].value, (row[2].value + b"\0")[0]


def test_block_and_unblock_a_host(lab):
    before = lab.ipt.save()
    chains = {f: lab.ipt.specs("town-a", f) for f in (4, 6)}
    lab.traffic.send("outside", "alice", 20)
    lab.fresh()
    admin(lab, mib.BLOCKED, *ALICE)
    # At once, without waiting for a snapshot.
    assert status(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER)
    assert lab.town("town-a", "BlockedHosts") == lab.agent("BlockedHosts") == 1
    for family in (4, 6):
        specs = lab.ipt.specs("town-a", family)
        assert sorted(specs[:2]) == sorted(host_drops(*ALICE, family))
        assert specs[2:] == chains[family]
    assert lab.ipt.save().count("DROP") == 4
    # Neither direction passes, others do.
    arrived = {end: [lab.topology.arrived(end, f)[0] for f in (4, 6)]
               for end in ("town-a", "outside")}
    for family in (4, 6):
        lab.traffic.send("outside", ["alice", "bob"], 200, family)
        lab.traffic.send("alice", "outside", 50, family)
    for i, family in enumerate((4, 6)):
        assert lab.topology.arrived("town-a", family)[0] - arrived["town-a"][i] == 100
        assert lab.topology.arrived("outside", family)[0] == arrived["outside"][i]
    lab.fresh()
    table = lab.client.table("Host")
    row = table[b"town-a", b"alice"]
    assert (row["DownPkts"], row["UpPkts"], row["DownOctets"]) == (20, 0, 2000)
    assert (row["DroppedPkts"], row["DroppedOctets"]) == (300, 150 * 100 + 150 * 120)
    assert table[b"town-a", b"bob"]["DownPkts"] == 200
    town = lab.client.table("Town")[b"town-a"]
    assert (town["DownPkts"], town["UpPkts"], town["DroppedPkts"]) == (220, 0, 300)
    # What stands before the block counts everything.
    assert lab.total("forward", "Pkts") == 20 + 400 + 100
    admin(lab, mib.ALLOWED, *ALICE)
    assert status(lab) == (mib.ALLOWED, mib.ALLOWED, 0)
    assert lab.ipt.save() == before
    assert lab.agent("BlockedHosts") == 0
    lab.traffic.send("outside", "alice", 5)
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert (row["DownPkts"], row["DroppedPkts"]) == (25, 300)
    assert lab.topology.arrived("town-a", 4)[0] - arrived["town-a"][0] == 105


def test_block_and_unblock_a_town(lab):
    before = lab.ipt.save()
    chains = {f: lab.ipt.specs("town-a", f) for f in (4, 6)}
    admin(lab, mib.BLOCKED, "town-a")
    assert status(lab) == (mib.ALLOWED, mib.BLOCKED, mib.TOWN)
    assert lab.town("town-a", "AdminStatus") == mib.BLOCKED
    assert lab.town("town-a", "BlockedHosts") == 2 and lab.town("town-b", "BlockedHosts") == 0
    for family in (4, 6):
        specs = lab.ipt.specs("town-a", family)
        assert sorted(specs[:2]) == sorted(drops(NETS["town-a"][family]))
        assert specs[2:] == chains[family]
        lab.traffic.send("outside", ["alice", "other@town-a", "dave"], 300, family)
        lab.traffic.send("bob", "outside", 10, family)
        assert lab.topology.arrived("town-a", family) == (0, 0)
        assert lab.topology.arrived("town-b", family)[0] == 100
    lab.fresh()
    towns, hosts = lab.client.table("Town"), lab.client.table("Host")
    assert towns[b"town-a"]["DroppedPkts"] == 2 * 210
    assert towns[b"town-a"]["DownPkts"] == towns[b"town-a"]["UpPkts"] == 0
    assert towns[b"town-b"]["DownPkts"] == 200
    # What the whole town's block drops is the town's, not the host's.
    assert hosts[b"town-a", b"alice"]["DroppedPkts"] == 0
    admin(lab, mib.ALLOWED, "town-a")
    assert lab.ipt.save() == before
    assert status(lab) == (mib.ALLOWED, mib.ALLOWED, 0)


@pytest.mark.parametrize("order", ["host first", "town first"])
def test_the_towns_drops_stand_ahead_of_its_hosts(lab, order):
    """Whichever came first; and each is lifted alone."""
    chains = {f: lab.ipt.specs("town-a", f) for f in (4, 6)}
    steps = [("town-a", "bob"), ("town-a", None), ("town-a", "alice")]
    for step in steps if order == "host first" else reversed(steps):
        admin(lab, mib.BLOCKED, *step)
    assert status(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER | mib.TOWN)
    for f in (4, 6):
        specs = lab.ipt.specs("town-a", f)
        assert sorted(specs[:2]) == sorted(drops(NETS["town-a"][f]))
        assert sorted(specs[2:6]) == sorted(host_drops("town-a", "alice", f) +
                                            host_drops("town-a", "bob", f))
        assert specs[6:] == chains[f]
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    assert lab.town("town-a", "DroppedPkts") == 30
    assert lab.host(*ALICE, "DroppedPkts") == 0
    admin(lab, mib.ALLOWED, "town-a")
    assert status(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER)
    lab.traffic.send("outside", "alice", 7)
    lab.fresh()
    assert (lab.town("town-a", "DroppedPkts"), lab.host(*ALICE, "DroppedPkts")) == (37, 7)
    admin(lab, mib.ALLOWED, "town-a", "bob")
    for f in (4, 6):
        specs = lab.ipt.specs("town-a", f)
        assert sorted(specs[:2]) == sorted(host_drops(*ALICE, f)) and specs[2:] == chains[f]


def test_setting_what_is_set_changes_nothing(lab):
    admin(lab, mib.BLOCKED, *ALICE)
    lab.traffic.send("outside", "alice", 5)
    before = lab.ipt.save(counters=True)
    admin(lab, mib.BLOCKED, *ALICE)
    admin(lab, mib.ALLOWED, "town-b")
    assert lab.ipt.save(counters=True) == before
    changed = lab.host(*ALICE, "LastChange")
    # Times have a resolution of 0.1 s.
    wait_until(lambda: time.time() > mib.moment(changed) + 0.2)
    admin(lab, mib.BLOCKED, *ALICE)
    assert lab.host(*ALICE, "LastChange") == changed
    admin(lab, mib.ALLOWED, *ALICE)
    assert lab.host(*ALICE, "LastChange") != changed


def test_a_host_with_one_version_of_ip(make_lab):
    lab = make_lab().article(families=(6,)).up()
    admin(lab, mib.BLOCKED, *ALICE)
    assert status(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER)
    lab.traffic.send("outside", "alice", 10, 6)
    lab.traffic.settle()
    assert lab.topology.arrived("town-a", 6) == (0, 0)
    # Nothing was made where there was nothing.
    assert "DROP" not in lab.ipt(4, "-S")


@pytest.mark.parametrize("target", [ALICE, ("town-a", None)], ids=["host", "town"])
def test_dropped_packets_are_not_billed(lab, target):
    """Blocked and unblocked again and again under traffic both ways: what was
    sent is what was forwarded and what was dropped, to the packet."""
    for family in (4, 6):
        lab.traffic.start("outside", "alice", family, rate=4000, seconds=100)
        lab.traffic.start("alice", "outside", family, rate=3000, seconds=100)
    lab.traffic.start("outside", "bob", 4, rate=1000, seconds=100)
    last = {}
    for _ in range(20):
        for value in (mib.BLOCKED, mib.ALLOWED):
            admin(lab, value, *target)
            for what, row in (("host", lab.client.table("Host")[b"town-a", b"alice"]),
                              ("town", lab.client.table("Town")[b"town-a"])):
                for c in ("DownPkts", "UpPkts", "DroppedPkts", "DownOctets",
                          "UpOctets", "DroppedOctets", "PeriodDownPkts"):
                    assert row[c] >= last.get((what, c), 0), f"{what} {c} went backwards"
                    last[what, c] = row[c]
    for sender in lab.traffic.running:
        sender.stop()
    lab.traffic.settle()
    lab.fresh()
    host = lab.client.table("Host")[b"town-a", b"alice"]
    town = lab.client.table("Town")[b"town-a"]
    sent = lab.traffic.tally.host[ALICE]
    all_sent = lab.traffic.tally.town["town-a"]
    for i, unit in enumerate(("Pkts", "Octets")):
        field = ("packets", "octets")[i]
        outside = sum(lab.topology.arrived("outside", f)[i] for f in (4, 6))
        inside = sum(lab.topology.arrived("town-a", f)[i] for f in (4, 6))
        assert host["Up" + unit] == town["Up" + unit] == outside
        assert town["Down" + unit] == inside
        assert town["Down" + unit] + town["Up" + unit] + town["Dropped" + unit] == \
            sum(getattr(all_sent[way], field) for way in ("down", "up"))
        passed = host["Down" + unit] + host["Up" + unit]
        total = sum(getattr(sent[way], field) for way in ("down", "up"))
        if target == ALICE:
            assert passed + host["Dropped" + unit] == total
            assert host["Dropped" + unit] == town["Dropped" + unit] > 100
        else:
            # What the whole town's block drops is counted for the town only.
            bob = lab.client.table("Host")[b"town-a", b"bob"]["Down" + unit]
            assert host["Down" + unit] + bob == inside
            assert host["Dropped" + unit] == 0 and passed < total
    assert lab.total("forward", "Pkts") == lab.traffic.tally.forward.packets
    # Both versions of IP lost the same rules that they had got.
    assert "DROP" not in lab.ipt.save()


def test_policies_keep_their_counters(make_lab):
    """A change of ours replaces the table and loses no counter of it."""
    lab = make_lab()
    lab.ipt.restore(4, ":FORWARD ACCEPT [0:0]\n:town-a - [0:0]\n-A FORWARD -d 10.1.0.0/24 -j town-a\n"
                       "-A town-a -d 10.1.0.10 -m comment --comment alice\n")
    lab.up()
    lab.traffic.send("outside", ["alice", "dave"], 100)
    for n, value in ((50, mib.BLOCKED), (100, mib.ALLOWED)):
        admin(lab, value, *ALICE)
        assert lab.ipt.policy("FORWARD", 4)[0] == 50 + n
        lab.traffic.send("outside", ["alice", "dave"], 100)
    lab.fresh()
    assert lab.ipt.policy("FORWARD", 4)[0] == lab.total("forward", "Pkts") == 250
    assert lab.agent("KernelResets") == 0


def test_a_block_stops_a_flow_that_is_under_way(lab):
    sender = lab.traffic.start("outside", "alice", rate=5000, seconds=60)
    wait_until(lambda: lab.topology.arrived("town-a", 4)[0] > 100)
    admin(lab, mib.BLOCKED, *ALICE)
    stopped = lab.topology.arrived("town-a", 4)
    lab.fresh()
    # Packets that were in the router when the rule came are through by now.
    more = lab.topology.arrived("town-a", 4)[0] - stopped[0]
    assert more <= 5
    sent = sender.stop()
    lab.traffic.settle()
    lab.fresh()
    arrived = lab.topology.arrived("town-a", 4)[0]
    assert arrived - stopped[0] == more
    assert lab.host(*ALICE, "DownPkts") == arrived
    assert lab.host(*ALICE, "DroppedPkts") == sent["packets"] - arrived


def test_many_hosts_at_once(make_lab):
    """Forty hosts blocked by one request, and lifted by one: one commit each."""
    from test_walk import MANY, many
    lab = make_lab()
    lab.ipt.restore(4, many())
    lab.up()
    before = lab.ipt.save()
    oids = [mib.host("big", f"h{n * 37}", "AdminStatus") for n in range(1, MANY + 1)]
    lab.must_set(*((oid, mib.BLOCKED) for oid in oids))
    assert lab.agent("BlockedHosts") == lab.town("big", "BlockedHosts") == MANY
    assert lab.ipt.save().count("-j DROP") == 2 * MANY
    lab.must_set(*((oid, mib.ALLOWED) for oid in oids))
    assert lab.ipt.save() == before


def test_remarks_are_kept_and_never_reach_the_rules(lab):
    """Set in the request that blocks; any text that is UTF-8."""
    oid = mib.host(*ALICE, "Remark")
    before = lab.ipt.save()
    for text in ("unpaid bill 4711", "José -j ACCEPT; `id` $(id) %s%n \"'\\", "x" * 63, ""):
        lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED), (oid, text))
        assert lab.client.value(oid) == text.encode()
        assert lab.ipt.save().count("townmeter") == 4
        lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
        assert lab.ipt.save() == before
        assert lab.client.value(oid) == text.encode()


def test_every_town_is_blocked_alone(lab):
    for town in TOWNS:
        admin(lab, mib.BLOCKED, town)
        assert [t for t in TOWNS if lab.town(t, "AdminStatus") == mib.BLOCKED] == [town]
        assert sum("DROP" in s for s in lab.ipt.specs(town, 4)) == 2
        admin(lab, mib.ALLOWED, town)
