"""What is particular to nf_tables: how rules are kept there, and how they are read
and changed while others change them. That nothing is lost is in test_exact.py."""

import re
from collections import Counter

import pytest

from lab import mib, shapes
from lab.proc import wait_until
from lab.writer import nft_commits

pytestmark = pytest.mark.backend("nft")

ALICE = ("town-a", "alice")
ZERO = mib.ZERO


def leftover_chains(lab):
    return re.findall(r"^:townmeter\S*", lab.ipt.save(), re.M)


# Reading

def test_every_shape_of_a_rule(make_lab):
    lab = shapes.load(make_lab()).up()
    assert lab.agent("Backend") == mib.BACKEND_NFTABLES
    names = {h.decode() for _, h in lab.client.table("Host")}
    assert names == {"alice", "half", "wide", "10.1.0.0/28", "10.1.0.0/24", "10.0.0.0/8",
                     "8.0.0.0/5", "2001:db8:a::/64", "2001:db8::/32", "2000::/3"}
    for family in (4, 6):
        lab.traffic.send("outside", "alice", 11 * family, family)
    lab.fresh()
    for name in names:
        v4, v6 = 44 * (name[0] not in "2w"), 66 * (name[0] in "2w" or name == "alice")
        # 10.1.0.10 and 2001:db8:a::10 are in all of them.
        assert lab.host("town-a", name, "DownPkts") == v4 + v6, name


def test_what_only_nft_writes_is_left_alone(make_lab):
    """Other tables, and rules that iptables does not make."""
    lab = make_lab().article()
    native = """
        table ip other {
            chain town-a {
                ip daddr 10.1.0.99 counter
            }
            chain forward {
                type filter hook forward priority -5;
                ip daddr 10.1.0.10 counter
            }
        }
        table inet filter {
            chain town-a {
                ip daddr 10.1.0.98 counter
            }
            chain FORWARD {
                type filter hook forward priority 5;
                ip daddr 10.1.0.0/24 counter jump town-a
            }
        }
        """
    lab.router.run("nft", "-f", "-", stdin=native)
    for rule in ("counter ip daddr 10.1.0.50", "ip daddr 10.1.0.51", "ip daddr 10.1.0.52 drop",
                 "ip daddr { 10.1.0.53, 10.1.0.54 } counter", "ip daddr 10.1.0.55 counter log drop",
                 "ip saddr 10.1.0.56 ip daddr 10.1.0.57 counter", "ip daddr != 10.1.0.58 counter",
                 "ip daddr 10.1.0.59-10.1.0.60 counter", "iifname eth9 ip daddr 10.1.0.61 counter"):
        lab.router.run("nft", "add", "rule", "ip", "filter", "town-a", *rule.split())
    before = lab.router.run("nft", "-s", "list", "ruleset").stdout
    lab.up()
    assert {h.decode() for _, h in lab.client.table("Host")} == {"alice", "bob", "dave", "erin"}
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED), (mib.town("town-a", "Zero"), ZERO))
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    # The witness of a zeroing stands in a table of our own, while the daemon lives.
    now = lab.router.run("nft", "-s", "list", "ruleset").stdout
    assert re.sub(r"table ip townmeter \{\n.*?\n\}\n", "", now, flags=re.S) == before
    assert now != before
    lab.daemon.stop()
    assert lab.router.run("nft", "-s", "list", "ruleset").stdout == before


def test_a_rule_replaced_in_its_place(lab):
    """`iptables -R` and `-Z` keep a rule's handle; they are noticed all the same."""
    generations = lab.agent("TablesLastChange")
    lab.ipt(4, "-R", "town-a", 1, "-d", "10.1.0.77", "-m", "comment", "--comment", "carol")
    lab.fresh()
    assert b"carol" in {h for _, h in lab.client.table("Host")}
    assert lab.agent("TablesLastChange") != generations
    lab.ipt(4, "-R", "town-a", 1, "-d", "10.1.0.77", "-j", "DROP")
    lab.fresh()
    assert lab.host("town-a", "carol", "AdminStatus") == mib.BLOCKED
    lab.traffic.send("outside", "bob", 20)
    lab.fresh()
    lab.ipt(4, "-Z", "town-a")
    lab.traffic.send("outside", "bob", 5)
    lab.fresh()
    assert lab.host("town-a", "bob", "DownPkts") == 25


def test_reads_while_others_commit(make_lab, long):
    """Every read succeeds, and is right, however often others commit."""
    lab = shapes.load(make_lab())
    times = 2000 if long else 200
    sender = lab.traffic.start("outside", ["alice", "bob"], 4, rate=4000, seconds=600)
    with nft_commits(lab) as done:
        began = done[0]
        while done[0] - began < times / 20:
            read = lab.edit("nft", "read", times)
            # The rules of others are no change of these.
            assert read["generation"] == 1 and read["rules"] == 24
    sender.stop()
    # Rules of ours that come and go are.
    with nft_commits(lab, "add rule ip filter town-a ip daddr 10.9.9.9 counter\n"):
        before = lab.edit("nft", "read", 1)["rules"]
        read = lab.edit("nft", "read", 100)
    assert read["generation"] > 1 and read["rules"] > before


def test_a_chain_that_comes_and_goes(make_lab):
    """Jumps to chains that come and go never make a read fail."""
    lab = shapes.load(make_lab())
    come = ("add chain ip filter guest\nadd rule ip filter guest ip daddr 10.1.0.7 counter\n"
            "insert rule ip filter FORWARD ip daddr 10.1.0.7 counter jump guest\n")
    with nft_commits(lab, come + "flush chain ip filter FORWARD\nflush chain ip filter guest\n"
                             "delete chain ip filter guest\n"):
        assert lab.edit("nft", "read", 300)["n"] == 300


def dumps(lab):
    """How often the daemon has read each chain of IPv4 by now."""
    trace = lab.daemon.trace_path().read_text()
    names = re.findall(r"NFT_MSG_GETRULE, nlmsg_flags=NLM_F_REQUEST\|NLM_F_DUMP.*AF_INET,.*"
                       r"nla_type=0x2}, \"((?:\\x[0-9a-f]{2})+)\"", trace)
    return Counter(bytes.fromhex(n.replace("\\x", "")).rstrip(b"\0").decode() for n in names)


def test_a_block_reads_only_the_chain_that_it_changes(make_lab):
    """As long as no other program changes the rules, they are known."""
    lab = make_lab()
    lab.daemon.strace = ["sendto"]
    lab.article().up()
    lab.fresh()
    lab.fresh()
    for value in (mib.BLOCKED, mib.ALLOWED):
        before = dumps(lab)
        lab.must_set((mib.host(*ALICE, "AdminStatus"), value))
        read = dumps(lab) - before
        assert set(read) == {"town-a"} and read["town-a"] <= 2, read
    assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
    # A commit of another one asks for a look at all of them.
    lab.ipt(4, "-A", "INPUT", "-s", "192.0.2.99")
    before = dumps(lab)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    assert set(dumps(lab) - before) == {"FORWARD", "INPUT", "OUTPUT", "town-a", "town-b"}


# Zeroing

def test_zeroing_where_the_kernel_can_not(make_lab):
    """Linux before 6.2: the period ends here alone, one line says so, and every
    packet is in one period."""
    lab = make_lab().article()
    lab.daemon.environment = {"TOWNMETER_NFT_NO_RESET": "1"}
    lab.up()
    lab.traffic.send("outside", ["alice", "bob"], 40)
    lab.fresh()
    for n in range(1, 4):
        before = lab.ipt.save(counters=True)
        lab.must_set((mib.host(*ALICE, "Zero"), ZERO), (mib.town("town-a", "Zero"), ZERO),
                     (mib.total("forward", "Zero"), ZERO))
        assert lab.ipt.save(counters=True) == before
        assert lab.host(*ALICE, "PeriodNumber") == lab.town("town-a", "PeriodNumber") == n + 1
        assert lab.host(*ALICE, "PeriodDownPkts") == lab.town("town-a", "PeriodDownPkts") == 0
        lab.traffic.send("outside", ["alice", "bob"], 2 * n)
        lab.fresh()
        assert lab.host(*ALICE, "PeriodDownPkts") == n
        assert lab.town("town-a", "PeriodDownPkts") == lab.total("forward", "PeriodPkts") == 2 * n
    lab.expect_sent()
    assert lab.agent("KernelResets") == 0
    assert len(re.findall("can not set counters of nf_tables to zero", lab.daemon.log())) == 1
    # Blocks work there, too.
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))


def test_a_total_rule_beside_a_policy(lab):
    """A policy goes on counting beside a total rule; when the rule goes, what it
    counted before is no traffic."""
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    lab.ipt(4, "-D", "FORWARD", 1)
    lab.ipt(6, "-D", "FORWARD", 1)
    lab.fresh()
    assert lab.total("forward", "Source") == mib.POLICY
    lab.traffic.send("outside", "alice", 7)
    lab.fresh()
    assert lab.total("forward", "Pkts") == 37


# Blocking

def test_iptables_tells_the_truth(lab):
    """After every operation; and its own commands find our rules."""
    shown = {}
    for value in (mib.BLOCKED, mib.ALLOWED):
        lab.must_set((mib.host(*ALICE, "AdminStatus"), value))
        shown[value] = [(r.target, r.source, r.destination) for r in lab.ipt.listing("town-a", 4)]
        assert "-A town-a" in lab.ipt.save(counters=True)
        assert not leftover_chains(lab)
    drops = [("DROP", "0.0.0.0/0", "10.1.0.10"), ("DROP", "10.1.0.10", "0.0.0.0/0")]
    assert shown[mib.BLOCKED] == drops + shown[mib.ALLOWED] and len(shown[mib.ALLOWED]) == 4
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED),
                 (mib.town("town-a", "AdminStatus"), mib.BLOCKED))
    ours = [s for f in (4, 6) for s in lab.ipt.specs("town-a", f) if s.endswith("-j DROP")]
    assert len(ours) == 8 and all("-m comment --comment townmeter" in s for s in ours)
    for family in (4, 6):
        for spec in lab.ipt.specs("town-a", family):
            lab.ipt(family, "-C", "town-a", *spec.split())
        for spec in [s for s in lab.ipt.specs("town-a", family) if s.endswith("-j DROP")]:
            lab.ipt(family, "-D", "town-a", *spec.split())
    # What another program took away is put back by the next look.
    lab.fresh()
    wait_until(lambda: lab.ipt.save().count("-j DROP") == 8, 10)


def test_a_removal_that_was_cut_off(lab):
    """A crash can leave the jump that a removal puts ahead of a drop. The host is
    blocked then, and says so; the next SET leaves no trace of it."""
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    lab.ipt(4, "-N", "townmeter-drain-0")
    lab.ipt(4, "-A", "townmeter-drain-0", "-d", "10.1.0.10", "-j", "DROP")
    lab.ipt(4, "-I", "town-a", 1, "-d", "10.1.0.10", "-j", "townmeter-drain-0")
    lab.ipt(4, "-N", "townmeter-drain-7")
    lab.fresh()
    lab.traffic.send("outside", "alice", 15)
    lab.fresh()
    assert lab.host(*ALICE, "OperStatus") == mib.BLOCKED
    assert lab.town("town-a", "DownPkts") == 0 and lab.town("town-a", "DroppedPkts") == 15
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
    assert not leftover_chains(lab) and "DROP" not in lab.ipt.save()
    lab.traffic.send("outside", "alice", 4)
    lab.fresh()
    assert (lab.host(*ALICE, "DownPkts"), lab.town("town-a", "DownPkts")) == (4, 4)
    assert lab.town("town-a", "DroppedPkts") == 15


def test_blocks_while_others_commit(lab, long):
    """A transaction that another program overtakes is tried again."""
    times = 60 if long else 12
    with nft_commits(lab):
        for n in range(times):
            lab.must_set((mib.host(*ALICE, "AdminStatus"), (mib.BLOCKED, mib.ALLOWED)[n % 2]),
                         (mib.town("town-b", "Zero"), ZERO))
    lab.fresh()
    assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
    assert lab.town("town-b", "PeriodNumber") == times + 1
    assert not leftover_chains(lab)
