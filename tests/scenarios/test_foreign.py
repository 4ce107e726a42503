"""Other programs change the rules, too: the operator by hand, a script in a
loop, a backup that is restored."""

import pytest

from lab import mib
from lab.proc import wait_until
from lab.topology import HOSTS

ALICE = ("town-a", "alice")
NAMED = "-m comment --comment alice"


def status(lab):
    row = lab.client.get(*(mib.host(*ALICE, c) for c in
                           ("AdminStatus", "OperStatus", "BlockReason"))).binds
    return row[0].value, row[1].value, (row[2].value + b"\0")[0]


def test_the_articles_way_to_block_and_back_by_set(make_lab):
    """`iptables -R town-a N -d ... -j DROP` by hand leaves no counting rule;
    the SET that lifts it puts one where it stood."""
    lab = make_lab().article(families=(4,)).up()
    lab.traffic.send("outside", "alice", 30)
    lab.traffic.send("alice", "outside", 20)
    lab.fresh()
    # As the article types it: without the comment.
    lab.ipt(4, "-R", "town-a", 1, "-d", "10.1.0.10", "-j", "DROP")
    lab.fresh()
    admin, oper, reason = status(lab)
    assert (admin, oper) == (mib.BLOCKED, mib.PARTIAL) and reason & mib.LOCAL
    lab.ipt(4, "-R", "town-a", 2, "-s", "10.1.0.10", "-j", "DROP")
    lab.fresh()
    admin, oper, reason = status(lab)
    assert (admin, oper) == (mib.BLOCKED, mib.BLOCKED) and reason & mib.LOCAL
    assert set(lab.client.table("Host")) == {
        (b"town-a", b"alice"), (b"town-a", b"bob"), (b"town-b", b"dave"), (b"town-b", b"erin")}
    lab.traffic.send("outside", "alice", 7)
    lab.traffic.send("alice", "outside", 5)
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert (row["DownPkts"], row["UpPkts"], row["DroppedPkts"]) == (30, 20, 12)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert status(lab) == (mib.ALLOWED, mib.ALLOWED, 0)
    specs = lab.ipt.specs("town-a", 4)
    assert [s.partition(" -m")[0] for s in specs if "10.1.0.10/" in s] == \
        ["-d 10.1.0.10/32", "-s 10.1.0.10/32"]
    assert not any("DROP" in s for s in specs) and len(specs) == 4
    assert specs[2:] == [f"{flag} 10.1.0.11/32 -m comment --comment bob" for flag in ("-d", "-s")]
    lab.traffic.send("outside", "alice", 100)
    lab.traffic.send("alice", "outside", 200)
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert (row["DownPkts"], row["UpPkts"], row["DroppedPkts"]) == (130, 220, 12)
    assert (b"town-a", b"10.1.0.10") not in lab.client.table("Host")


@pytest.mark.parametrize("comment", [None, "abuse-desk"])
def test_someone_elses_drop_is_seen_and_can_be_lifted(lab, comment):
    before = lab.ipt.save()
    extra = ["-m", "comment", "--comment", comment] if comment else []
    for family in (4, 6):
        for flag in ("-d", "-s"):
            lab.ipt(family, "-I", "town-a", flag, HOSTS["town-a"]["alice"][family],
                    *extra, "-j", "DROP")
    lab.traffic.send("outside", "alice", 11)
    lab.fresh()
    admin, oper, reason = status(lab)
    assert (admin, oper) == (mib.BLOCKED, mib.BLOCKED) and reason & mib.LOCAL
    assert lab.host(*ALICE, "DroppedPkts") == 11
    assert lab.agent("BlockedHosts") == 1
    assert len(lab.client.table("Host")) == 4
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert status(lab) == (mib.ALLOWED, mib.ALLOWED, 0)
    assert lab.ipt.save() == before
    lab.traffic.send("outside", "alice", 4)
    lab.fresh()
    assert (lab.host(*ALICE, "DownPkts"), lab.host(*ALICE, "DroppedPkts")) == (4, 11)


def test_a_drop_for_one_direction_is_partial(lab):
    lab.ipt(4, "-I", "town-a", "-d", "10.1.0.10", "-j", "DROP")
    lab.fresh()
    assert status(lab)[1] == mib.PARTIAL
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert "DROP" not in lab.ipt.save()
    assert status(lab) == (mib.ALLOWED, mib.ALLOWED, 0)


def test_a_town_dropped_by_hand(lab):
    """Town-wide DROP rules of someone else's block the town's row."""
    before = lab.ipt.save()
    for family, net in ((4, "10.1.0.0/24"), (6, "2001:db8:a::/64")):
        for flag in ("-d", "-s"):
            lab.ipt(family, "-I", "town-a", flag, net, "-j", "DROP")
    lab.fresh()
    assert lab.town("town-a", "AdminStatus") == mib.BLOCKED
    assert status(lab)[1] == mib.BLOCKED
    assert len(lab.client.table("Host")) == 4
    lab.must_set((mib.town("town-a", "AdminStatus"), mib.ALLOWED))
    assert lab.ipt.save() == before


def test_counters_zeroed_by_hand(lab):
    """`iptables -Z` takes nothing back, and what comes after it counts."""
    lab.traffic.send("outside", "alice", 30)
    lab.traffic.send("outside", "dave", 20, 6)
    lab.fresh()
    stamp = lab.agent("DiscontinuityTime")
    lab.ipt(4, "-Z")
    lab.ipt(6, "-Z")
    lab.fresh()
    lab.expect_sent()
    assert lab.agent("KernelResets") >= 1
    assert lab.agent("DiscontinuityTime") != stamp
    assert lab.host(*ALICE, "DiscontinuityTime") != stamp
    lab.traffic.send("outside", "alice", 50)
    lab.traffic.send("outside", "dave", 5, 6)
    lab.expect_sent()
    assert lab.host(*ALICE, "PeriodDownPkts") == 80


def test_a_backup_restored_with_its_counters(lab):
    """`iptables-restore -c` of an older state is not traffic."""
    lab.traffic.send("outside", "alice", 1000)
    saved = lab.ipt.backup(4)
    lab.traffic.send("outside", "alice", 500)
    lab.fresh()
    lab.ipt.restore(4, saved, "-c")
    assert lab.kernel_hosts()[ALICE]["Down"] == (1000, 100000)
    lab.fresh()
    lab.expect_sent()
    lab.traffic.send("outside", "alice", 100)
    lab.expect_sent()


def test_rules_gone_and_back(lab):
    """A reload of the rules disturbs nothing: the row stays and goes on."""
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    lab.ipt(4, "-F")
    lab.ipt(6, "-F")
    lab.fresh()
    assert lab.host(*ALICE, "OperStatus") == mib.MISSING
    assert lab.town("town-a", "Prefixes") == b""
    assert len(lab.client.table("Host")) == 4
    lab.expect_sent()
    lab.article()
    lab.traffic.send("outside", "alice", 10)
    lab.expect_sent()
    assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
    # Blocked while its rules are missing: says so, and changes nothing.
    lab.ipt(4, "-F")
    lab.ipt(6, "-F")
    lab.fresh()
    before = lab.ipt.save(counters=True)
    assert lab.set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED)) == ("resourceUnavailable", 1)
    assert lab.ipt.save(counters=True) == before
    assert b"alice" in lab.agent("LastError")


def test_a_rule_seen_gone_comes_back_at_zero(lab):
    """Removed, and a snapshot saw that; made again, it has counted as much as
    the old one or more when it is seen: all of that is new traffic."""
    for n, more in ((30, 30), (5, 100)):
        lab.traffic.send("outside", "alice", n)
        lab.fresh()
        lab.ipt(4, "-D", "town-a", 1)
        lab.fresh()
        lab.ipt(4, "-I", "town-a", "-d", "10.1.0.10", "-m", "comment", "--comment", "alice")
        lab.traffic.send("outside", "alice", more)
        lab.fresh()
        sent = lab.traffic.tally.host[ALICE]["down"].packets
        assert lab.host(*ALICE, "DownPkts") == sent


def test_our_drop_removed_by_hand(lab):
    """The account stays monotone and the row tells what is in force."""
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    lab.traffic.send("outside", "alice", 10)
    lab.fresh()
    for family in (4, 6):
        lab.ipt(family, "-D", "town-a", 1)
        lab.ipt(family, "-D", "town-a", 1)
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert row["DroppedPkts"] == 10 and row["DownPkts"] == 0
    # The agent either puts the block in force again or says that it is not.
    assert (row["OperStatus"] == mib.BLOCKED) == ("DROP" in lab.ipt.save())


def loop(lab, body):
    """A shell script that repeats body until it is told to stop; its log has
    one line for each round."""
    script = lab.tmp / "loop.sh"
    script.write_text(f"""
        i=0
        while [ ! -e {lab.tmp}/stop ]; do
          i=$((i + 1))
          {body}
          echo $i
        done""")
    return lab.router.start(["sh", "-e", script], lab.tmp / "loop.out",
                            lab.tmp / "loop.err", lab.ipt.env)


def patient_set(lab, *binds):
    """A SET that may find the lock held by the loop: tried again then, as a
    manager would.  Returns how often it was refused."""
    for refused in range(30):
        status = lab.set(*binds)
        if status == ("noError", 0):
            return refused
        assert status[0] == "resourceUnavailable", status
    raise AssertionError("refused thirty times")


def test_a_foreign_loop_during_sets(make_lab, long):
    """iptables -w -I/-D in a loop while SETs block, unblock and zero, under
    traffic: no update is lost on either side, and no packet."""
    lab = make_lab().article()
    # Every commit of iptables-legacy sets the policies' counters to zero, so
    # these must not be metered if no reset is to be seen.
    lab.ipt.both("-A", "INPUT")
    lab.ipt.both("-A", "OUTPUT")
    lab.up()
    rounds = 200 if long else 30
    before = lab.ipt.save()
    tool4, tool6 = lab.ipt.tool(4), lab.ipt.tool(6)
    # Every tenth round leaves its rule, so that lost updates show.
    churn = loop(lab, f"""
          {tool4} -w 10 -I FORWARD 2 -p tcp --dport $((i % 60000 + 1))
          {tool6} -w 10 -A town-b -p tcp --dport $((i % 60000 + 1))
          [ $((i % 10)) -eq 0 ] || {tool4} -w 10 -D FORWARD -p tcp --dport $((i % 60000 + 1))
          {tool6} -w 10 -D town-b -p tcp --dport $((i % 60000 + 1))""")
    senders = [lab.traffic.start("outside", ["alice", "bob"], f, rate=2000, seconds=600)
               for f in (4, 6)]
    wait_until(lambda: churn.stdout().count("\n") > 2, 15)
    refused = 0
    for i in range(rounds):
        refused += patient_set(lab, (mib.host(*ALICE, "AdminStatus"), mib.BLOCKED),
                               (mib.town("town-b", "Zero"), mib.ZERO))
        assert lab.host(*ALICE, "OperStatus") == mib.BLOCKED
        refused += patient_set(lab, (mib.host("town-a", "bob", "Zero"), mib.ZERO))
        refused += patient_set(lab, (mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
        assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
    (lab.tmp / "stop").touch()
    assert churn.wait(20) == 0, churn.stderr()
    for sender in senders:
        sender.stop()
    done = int(churn.stdout().split()[-1])
    left = [s for s in lab.ipt.specs("FORWARD", 4) if "--dport" in s]
    assert len(left) == done // 10
    # Theirs apart, the rules are those from the start.
    for n in range(10, done + 1, 10):
        lab.ipt(4, "-D", "FORWARD", "-p", "tcp", "--dport", n % 60000 + 1)
    assert lab.ipt.save() == before
    lab.traffic.settle()
    lab.fresh()
    tally = lab.traffic.tally
    bob = lab.client.table("Host")[b"town-a", b"bob"]
    assert (bob["DownPkts"], bob["DownOctets"]) == \
        (tally.host["town-a", "bob"]["down"].packets, tally.host["town-a", "bob"]["down"].octets)
    alice = lab.client.table("Host")[b"town-a", b"alice"]
    assert alice["DownPkts"] + alice["DroppedPkts"] == tally.host[ALICE]["down"].packets
    assert lab.total("forward", "Pkts") == tally.forward.packets
    assert lab.agent("KernelResets") == 0
    assert refused < rounds, f"{refused} of {3 * rounds} SETs found the lock held"
