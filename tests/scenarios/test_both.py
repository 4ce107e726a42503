"""Rules in iptables-legacy and in nf_tables at once."""

import pytest

from lab import mib
from lab.ipt import Iptables
from lab.lab import article

# The lab's own backend is nf_tables; iptables-legacy stands beside it.
pytestmark = pytest.mark.backend("nft")

ALICE, DAVE = ("town-a", "alice"), ("town-b", "dave")
ZERO = mib.ZERO
# The article's rules of one town.
TOWN_B = "\n".join(line for line in article(4).splitlines() if "town-a" not in line)


@pytest.fixture
def lab(make_lab):
    """Both towns stand in nf_tables, town-b in iptables-legacy, too."""
    lab = make_lab()
    lab.legacy = Iptables(lab.router, str(lab.lockfile), "legacy")
    lab.article()
    lab.legacy.restore(4, TOWN_B)
    return lab.up()


def test_nothing_counts_twice(lab):
    assert lab.agent("Backend") == mib.BACKEND_BOTH
    lab.traffic.send("outside", ["alice", "dave"], 40)
    lab.traffic.send("dave", "outside", 30)
    lab.expect_sent()
    lab.expect_kernel()
    log = lab.daemon.log()
    assert log.count("town-b stands in iptables-legacy and in nf_tables") == 1
    assert log.count("FORWARD of IPv4 has a total rule in iptables-legacy") == 1
    assert lab.agent("LastError") != b""


def test_zero_is_of_what_is_read(lab):
    lab.traffic.send("outside", ["alice", "dave"], 40)
    lab.fresh()
    legacy = lab.legacy.save(counters=True)
    lab.must_set((mib.town("town-b", "Zero"), ZERO), (mib.total("forward", "Zero"), ZERO))
    assert [r.packets for r in lab.ipt.rules("town-b", 4)] == [0] * 4
    assert lab.legacy.save(counters=True) == legacy
    lab.traffic.send("outside", ["alice", "dave"], 6)
    lab.expect_sent()
    assert lab.town("town-b", "PeriodDownPkts") == 3


def test_blocks_are_put_into_both(lab):
    drops = ["-d 10.2.0.10/32 -m comment --comment townmeter -j DROP",
             "-s 10.2.0.10/32 -m comment --comment townmeter -j DROP"]
    before = lab.legacy.specs("town-b", 4)
    for _ in range(2):
        lab.must_set((mib.host(*DAVE, "AdminStatus"), mib.BLOCKED))
        assert lab.ipt.specs("town-b", 4)[:2] == drops
        assert sorted(lab.legacy.specs("town-b", 4)) == sorted(drops + before)
        assert lab.host(*DAVE, "OperStatus") == mib.BLOCKED
        arrived = lab.topology.arrived("town-b", 4)
        lab.traffic.send("outside", "dave", 9)
        assert lab.topology.arrived("town-b", 4) == arrived
        lab.must_set((mib.host(*DAVE, "AdminStatus"), mib.ALLOWED))
        assert lab.legacy.specs("town-b", 4) == before
        assert "DROP" not in lab.ipt.save()
        lab.traffic.send("outside", "dave", 5)
        assert lab.topology.arrived("town-b", 4)[0] == arrived[0] + 5
    lab.must_set((mib.town("town-b", "AdminStatus"), mib.BLOCKED))
    assert sum("DROP" in s for s in lab.legacy.specs("town-b", 4)) == 2
    lab.must_set((mib.town("town-b", "AdminStatus"), mib.ALLOWED))
    assert lab.legacy.specs("town-b", 4) == before


def test_each_town_where_it_stands(make_lab):
    """One town here, one there: both are metered, blocked and zeroed, also in one request."""
    lab = make_lab()
    legacy = Iptables(lab.router, str(lab.lockfile), "legacy")
    lab.ipt.restore(4, "\n".join(l for l in article(4).splitlines() if "town-b" not in l))
    legacy.restore(4, "\n".join(l for l in TOWN_B.splitlines() if l != "-A FORWARD"))
    lab.up()
    assert lab.agent("Backend") == mib.BACKEND_BOTH
    assert len(lab.client.table("Host")) == 4
    lab.traffic.send("outside", ["alice", "bob", "dave"], 60)
    lab.expect_sent()
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED), (mib.host(*DAVE, "AdminStatus"), mib.BLOCKED),
                 (mib.town("town-a", "Zero"), ZERO), (mib.town("town-b", "Zero"), ZERO))
    assert sum("DROP" in s for s in lab.ipt.specs("town-a", 4)) == 2
    assert sum("DROP" in s for s in legacy.specs("town-b", 4)) == 2
    assert "DROP" not in "".join(lab.ipt.specs("FORWARD", 4) + legacy.specs("FORWARD", 4))
    for ipt, town in ((lab.ipt, "town-a"), (legacy, "town-b")):
        assert [r.packets for r in ipt.rules(town, 4)] == [0] * 6
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED), (mib.host(*DAVE, "AdminStatus"), mib.ALLOWED))
    assert "DROP" not in lab.ipt.save() + legacy.save()
    lab.traffic.send("outside", ["alice", "bob", "dave"], 30)
    lab.expect_sent()
    done = lab.daemon.once("--check")
    assert done.returncode == 0
    heads = [l for l in done.stdout.splitlines() if l.startswith("# iptables")]
    assert heads[:2] == ["# iptables-nft, IPv4", "# iptables-legacy, IPv4"]


def test_one_without_rules_is_left_out(make_lab):
    """A table that something made by looking at it is no second backend."""
    lab = make_lab().article()
    lab.router.run("iptables-legacy", "-w", "5", "-L", env=lab.ipt.env)
    assert "filter" in lab.router.read("ip_tables_names")
    lab.up()
    assert lab.agent("Backend") == mib.BACKEND_NFTABLES
    lab.traffic.send("outside", "alice", 10)
    lab.expect_sent()
    # Rules there make it one, and it is left out again without them.
    legacy = Iptables(lab.router, str(lab.lockfile), "legacy")
    legacy(4, "-A", "FORWARD", "-s", "192.0.2.200")
    lab.fresh()
    assert lab.agent("Backend") == mib.BACKEND_BOTH
    legacy(4, "-F")
    lab.fresh()
    assert lab.agent("Backend") == mib.BACKEND_NFTABLES
    lab.traffic.send("outside", "alice", 10)
    lab.expect_sent()
