"""The rules that townmeter writes itself: what counts as configured, nobody else's rule is
touched, and whoever takes them away finds them back."""

import json
import re
import signal

import pytest

from lab import mib
from lab.configured import MANAGED, fresh_router, managed, towns
from lab.daemon import CONFIG
from lab.lab import article
from lab.proc import wait_until
from lab.topology import HOSTS

INSIDE = [("alice", "bob"), ("bob", "alice"), ("dave", "erin"), ("erin", "dave"),
          ("other@town-a", "alice"), ("erin", "other@town-b")]
ENDS = INSIDE + [("outside", "alice"), ("alice", "outside"), ("outside", "erin"), ("bob", "outside"),
                 ("alice", "dave"), ("erin", "bob"), ("dave", "alice"),  # between towns
                 ("other@town-a", "outside"), ("outside", "other@town-b")]
FOREIGN = """
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:mine - [0:0]
-A INPUT -p icmp -j ACCEPT
-A FORWARD -i nosuch0 -j DROP
-A FORWARD -s 203.0.113.0/24 -j mine
-A mine -p tcp -m tcp --dport 25 -j DROP
-A mine -m comment --comment "not a host" -j RETURN
"""

FOREIGN_6 = FOREIGN.replace("203.0.113.0/24", "2001:db8:77::/48").replace("-p icmp", "-p icmpv6")


def everywhere(lab, count=20, inside=True):
    """Not inside a town: chains that are written by hand count that twice."""
    for n, (source, to) in enumerate(ENDS if inside else [e for e in ENDS if e not in INSIDE]):
        for family in (4, 6):
            lab.traffic.send(source, to, count + n, family=family, payload=60 + 7 * n,
                             via="outside" if (source, to) in INSIDE else None)


def rules_of(text):
    """What iptables-save printed, without counters."""
    return re.sub(r"\[\d+:\d+\]", "", text)


def apply(lab, *more, **kw):
    return lab.townmeter("apply", *more, **kw)


def counts(lab, *more, verb="apply"):
    said = json.loads(lab.townmeter(verb, "--json", *more))
    return {k: said[k] for k in ("chains_added", "rules_added", "rules_removed", "chains_removed")}


NOTHING = {"chains_added": 0, "rules_added": 0, "rules_removed": 0, "chains_removed": 0}


def configure(lab, text, how="apply"):
    lab.daemon.config.write_text(text)
    if how == "apply":
        return apply(lab)
    before = lab.daemon.log().count("configuration was read again")
    lab.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: lab.daemon.log().count("configuration was read again") > before, 20,
               "the configuration is read again")
    lab.fresh()
    return None


@pytest.fixture
def tree(make_lab):
    """A router whose rules townmeter wrote, from nothing."""
    return fresh_router(make_lab(config=managed())).up()


def test_from_nothing(tree):
    lab = tree
    assert set(lab.client.table("Host")) == {
        (t.encode(), h.encode()) for t, hosts in HOSTS.items() for h in hosts if h != "other"}
    for family in (4, 6):
        assert lab.ipt.specs("FORWARD", family)[0] == "-j townmeter"
        assert lab.ipt.specs("INPUT", family) == lab.ipt.specs("OUTPUT", family) == []
    everywhere(lab)
    lab.expect_sent()
    # An operator who lists the town sees the town.
    for family, net in ((4, "10.1.0.0/24"), (6, "2001:db8:a::/64")):
        listed = {(row.destination, row.source): row for row in lab.ipt.listing("town-a", family)}
        everything = "0.0.0.0/0" if family == 4 else "::/0"
        assert set(listed) == {(net, everything), (everything, net)}
    down = sum(row.packets for f in (4, 6) for row in lab.ipt.listing("town-a", f)
               if not row.destination.startswith(("0.0.0.0", "::/0")))
    assert down == lab.traffic.tally.town["town-a"]["down"].packets
    assert lab.town("town-a", "Bypassed") == 2


def test_again_changes_nothing(tree):
    lab = tree
    everywhere(lab, 5)
    lab.expect_sent()
    before = lab.ipt.save(counters=True)
    assert apply(lab) == "nothing to change\n"
    assert counts(lab) == NOTHING
    lab.restart()
    lab.fresh()
    assert lab.ipt.save(counters=True) == before
    configure(lab, managed(), "reload")
    assert lab.ipt.save(counters=True) == before
    lab.expect_sent()


def test_a_dry_run(make_lab):
    lab = fresh_router(make_lab(config=CONFIG))
    for family in (4, 6):
        lab.ipt.restore(family, FOREIGN if family == 4 else article(6))
    lab.up()
    lab.daemon.config.write_text(managed())
    before = lab.everything()
    said = apply(lab, "--dry-run")
    assert "iptables -N townmeter\n" in said and "dry run" in said
    assert re.search(r"^iptables -I FORWARD 1? ?-j townmeter$", said, re.M), said
    assert re.search(r"^ip6tables -A tm-d-\S+ -d 2001:db8:a::10(/128)?$", said, re.M), said
    lab.expect_unchanged(before)
    planned = counts(lab, "--dry-run")
    assert counts(lab) == planned and planned["rules_added"] > 20
    assert apply(lab, "--dry-run") == "nothing would change\n"


def test_standing_rules_are_never_written(make_lab):
    """However complete the configuration is: byte for byte."""
    lab = make_lab(config=CONFIG + towns())
    for family in (4, 6):
        lab.ipt.restore(family, article(family))
    before = lab.ipt.save()
    lab.up()
    everywhere(lab, 3, inside=False)
    assert "rules: standing" in apply(lab, fails=1)
    assert "rules: standing" in apply(lab, "--dry-run", fails=1)
    configure(lab, CONFIG + "rules: standing\n" + towns(), "reload")
    lab.restart()
    lab.expect_sent()
    assert lab.ipt.save() == before


def test_mistakes_are_all_told_and_nothing_is_applied(tree):
    lab = tree
    before = lab.everything()
    lab.daemon.config.write_text(
        MANAGED + "towns:\n"
        "  - {name: town-a, prefixes: [10.1.0.0/24], hosts: [{name: alice, prefixes: [10.9.0.1]}]}\n"
        "  - {name: town-b, prefixes: [10.1.0.0/25], quota: 5XB}\n"
        "  - {name: a-name-that-is-too-long-for-a-chain, prefixes: [10.3.0.0/24]}\n")
    done = lab.daemon.command("apply")
    told = done.stderr.splitlines()
    assert done.returncode == 1 and done.stdout == ""
    assert "nothing was applied" in told[-1]
    name = str(lab.daemon.config)
    for line, what in ((6, "10.9.0.1"), (7, "10.1.0.0/25"), (7, "5XB"), (8, "too-long")):
        assert any(f"{name}:{line}:" in t and what in t for t in told), (line, what, told)
    lab.expect_unchanged(before)
    assert "mistakes" in lab.agent("LastError").decode()
    # A reload says the same in the log, and leaves all as it was.
    lab.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "stays as it was" in lab.daemon.log(), 10)
    lab.expect_unchanged(before)


def test_one_host_more_and_less(tree):
    """Nobody else's rule is touched: what they counted stays in the kernel, too."""
    lab = tree
    everywhere(lab)
    lab.expect_sent()
    kernel = {(t, f): lab.ipt.listing(t, f) for t in ("town-a", "town-b") for f in (4, 6)}
    more = {t: dict(h) for t, h in HOSTS.items()}
    more["town-a"]["zoe"] = {4: "10.1.0.200", 6: "2001:db8:a::200"}
    configure(lab, managed(hosts=more))
    lab.fresh()
    assert (b"town-a", b"zoe") in lab.client.table("Host")
    assert {(t, f): lab.ipt.listing(t, f) for t in ("town-a", "town-b") for f in (4, 6)} == kernel
    lab.expect_hosts(hosts=("alice", "bob", "dave", "erin"))
    less = {t: {h: a for h, a in members.items() if h != "alice"} for t, members in HOSTS.items()}
    configure(lab, managed(hosts=less))
    everywhere(lab)
    lab.fresh()
    # Her row stays until someone forgets it; what she uses now is nobody's but the town's.
    assert lab.host("town-a", "alice", "OperStatus") == 4
    lab.expect_hosts(hosts=("bob", "dave", "erin"))
    sent = lab.traffic.tally.town["town-a"]["down"]
    assert lab.town("town-a", "DownPkts") == sent.packets
    configure(lab, managed(), "reload")
    assert lab.host("town-a", "alice", "OperStatus") == 1


def test_remove_leaves_no_trace(make_lab):
    lab = fresh_router(make_lab(config=managed()))
    lab.ipt.restore(4, FOREIGN)
    lab.ipt.restore(6, FOREIGN_6)
    before = lab.ipt.save()
    lab.up()
    assert lab.ipt.save() != before
    lab.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED))
    lab.must_set((mib.town("town-b", "AdminStatus"), mib.BLOCKED))
    everywhere(lab, 5)
    lab.fresh()
    rows = lab.rows()
    said = lab.townmeter("remove")
    assert "written again" in said  # the configuration still asks for them
    assert lab.ipt.save() == before
    lab.fresh()
    assert lab.ipt.save() == before  # not by the next look
    assert lab.host("town-a", "alice", "OperStatus") == 4
    for town in (b"town-a", b"town-b"):
        assert lab.client.table("Town")[town]["DownPkts"] == rows["Town"][town]["DownPkts"]
    assert lab.townmeter("remove").startswith("nothing to change\n")
    apply(lab)
    assert lab.host("town-a", "alice", "OperStatus") == 2
    assert lab.ipt.specs("FORWARD", 4)[0] == "-j townmeter"


def flush(lab):
    lab.ipt.both("-F")


def flush_and_delete(lab):
    flush(lab)
    lab.ipt.both("-X")


def load_another(lab):
    """As ufw, firewalld or a script does it: the whole table."""
    lab.ipt.restore(4, FOREIGN)
    lab.ipt.restore(6, FOREIGN_6)


def delete_the_jump(lab):
    lab.ipt.both("-D", "FORWARD", "-j", "townmeter")


def delete_a_host(lab):
    lab.ipt(4, "-D", "tm-d-10.1.0.0/24" if "tm-d-10.1.0.0/28" not in lab.ipt.save() else "tm-d-10.1.0.0/28",
            "-d", "10.1.0.10")


@pytest.mark.parametrize("how", [flush, flush_and_delete, load_another, delete_the_jump, delete_a_host])
def test_what_another_program_takes_away_comes_back(tree, how):
    lab = tree
    everywhere(lab)
    lab.expect_sent()
    ours = [l for l in rules_of(lab.ipt.save()).splitlines() if "tm-" in l or "townmeter" in l]
    kernel = lab.ipt.listing("town-a", 4)
    how(lab)
    lab.fresh()
    lab.fresh()
    assert [l for l in rules_of(lab.ipt.save()).splitlines() if "tm-" in l or "townmeter" in l] == ours
    assert "put back" in lab.daemon.log()
    # iptables goes on from there, too.
    assert [(r.packets, r.octets) for r in lab.ipt.listing("town-a", 4)] == \
        [(r.packets, r.octets) for r in kernel]
    everywhere(lab)
    lab.expect_sent()
    assert apply(lab) == "nothing to change\n"


def test_counters_zeroed_by_another_program(tree):
    """The canary tells, also where more was counted since than before."""
    lab = tree
    lab.traffic.send("outside", "alice", 50)
    lab.expect_sent()
    resets = lab.agent("KernelResets")
    lab.ipt.both("-Z")
    lab.traffic.send("outside", "alice", 500)
    lab.expect_sent()
    assert lab.agent("KernelResets") == resets + 1
    lab.traffic.send("outside", "alice", 7)
    lab.expect_sent()


def test_a_reboot(tree):
    lab = tree
    everywhere(lab)
    lab.expect_sent()
    kernel = lab.ipt.listing("town-a", 4)
    rows = {k: {c: v for c, v in row.items() if "Pkts" in c} for k, row in lab.client.table("Host").items()}
    lab.reboot(rules={}, between=lambda: fresh_router(lab))
    lab.fresh()
    assert [(r.packets, r.octets) for r in lab.ipt.listing("town-a", 4)] == \
        [(r.packets, r.octets) for r in kernel]
    assert {k: {c: v for c, v in row.items() if "Pkts" in c}
            for k, row in lab.client.table("Host").items()} == rows
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    assert lab.host("town-a", "alice", "DownPkts") == rows[b"town-a", b"alice"]["DownPkts"] + 30


def test_blocks_zeroes_and_quotas(tree):
    """All commands act in the tree as they do in chains that someone wrote."""
    lab = tree
    everywhere(lab)
    lab.expect_sent()
    lab.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED))
    assert [row.target for row in lab.ipt.listing("town-a", 4)][:2] == ["DROP", "DROP"]
    assert lab.host("town-a", "alice", "OperStatus") == 2
    before = lab.client.table("Host")[b"town-a", b"alice"]
    lab.traffic.send("outside", "alice", 40)
    lab.traffic.send("alice", "outside", 2, family=6)
    lab.traffic.settle()
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert row["DownPkts"] == before["DownPkts"] and row["UpPkts"] == before["UpPkts"]
    assert row["DroppedPkts"] == 42 == lab.town("town-a", "DroppedPkts")
    town = lab.client.table("Town")[b"town-a"]
    assert town["DownPkts"] == lab.traffic.tally.town["town-a"]["down"].packets - 40
    assert town["UpPkts"] == lab.traffic.tally.town["town-a"]["up"].packets - 2
    # Another configuration lifts no block.
    assert apply(lab) == "nothing to change\n"
    lab.townmeter("unblock", "town-a/alice")
    lab.townmeter("zero", "town-a")
    assert [(r.packets, r.target.startswith("tm-")) for r in lab.ipt.listing("town-a", 4)] == [(0, True)] * 2
    lab.traffic.send("outside", "alice", 5)
    lab.fresh()
    assert lab.host("town-a", "alice", "PeriodDownPkts") == 5 == lab.town("town-a", "PeriodDownPkts")
    configure(lab, managed(host_keys={"bob": "quota: 1MB, on-exceed: block"}))
    lab.traffic.send("outside", "bob", 11000)
    lab.fresh()
    lab.fresh()
    assert lab.host("town-a", "bob", "OperStatus") == 2


def test_apply_under_traffic(tree, long):
    """Hosts come and go, and nobody loses a packet."""
    lab = tree
    more = {t: dict(h) for t, h in HOSTS.items()}
    more["town-a"]["zoe"] = {4: "10.1.0.12", 6: "2001:db8:a::12"}
    more["town-b"]["yan"] = {4: "10.2.0.200", 6: "2001:db8:b::200"}
    blasts = [lab.traffic.start("outside", ["alice", "bob"], rate=None),
              lab.traffic.start("alice", "erin", rate=None),
              lab.traffic.start("dave", "outside", family=6, rate=None)]
    for n in range(100 if long else 10):
        said = configure(lab, managed(hosts=more if n % 2 == 0 else HOSTS))
        assert said.startswith("rules: "), said
    for blast in blasts:
        blast.stop()
    rate = sum(b.sent["packets"] / b.sent["seconds"] for b in blasts if "seconds" in b.sent)
    print(f"{rate:.0f} packets/s")
    lab.traffic.settle()
    lab.fresh()
    lab.expect_hosts(hosts=("alice", "bob", "dave", "erin"))
    for town in ("town-a", "town-b"):
        for way in ("Down", "Up"):
            assert lab.town(town, f"{way}Pkts") == lab.traffic.tally.town[town][way.lower()].packets


def test_a_town_without_rules_of_one_version(make_lab):
    lab = fresh_router(make_lab(config=managed(families=(4,)))).up()
    lab.traffic.send("outside", "alice", 20)
    lab.traffic.send("outside", "alice", 5, family=6)
    lab.traffic.settle()
    lab.fresh()
    assert lab.host("town-a", "alice", "DownPkts") == 20
    assert "townmeter" not in lab.ipt(6, "-S")


def test_desktop(make_lab):
    """The two rules of a computer that forwards nothing."""
    lab = fresh_router(make_lab(config=MANAGED + "towns: []\n")).up()
    for family in (4, 6):
        assert [re.sub(r' ?-m comment --comment "?townmeter"?', "", s)
                for chain in ("INPUT", "OUTPUT", "FORWARD") for s in lab.ipt.specs(chain, family)] == ["", ""]
    lab.fresh()
    totals = lab.client.table("Total")
    assert {mib.CHAINS["input"], mib.CHAINS["output"]} <= set(totals)
    assert totals[mib.CHAINS["input"]]["Pkts"] > 0
    # What comes back goes on in iptables, too: more than passed since.
    for _ in range(50):
        lab.agent("KernelResets")
    before = {chain: lab.ipt.rules(chain, 4)[0].packets for chain in ("INPUT", "OUTPUT")}
    lab.fresh()
    flush(lab)
    lab.fresh()
    for chain in ("INPUT", "OUTPUT"):
        assert lab.ipt.rules(chain, 4)[0].packets >= before[chain] > 50
    assert lab.townmeter("towns", "--json").split() == ["[", "]"] or \
        json.loads(lab.townmeter("towns", "--json")) == []
    lab.townmeter("remove")
    assert lab.ipt.specs("INPUT", 4) == lab.ipt.specs("OUTPUT", 4) == []


def test_adopt(make_lab):
    """From the article's chains to a tree, on the same counters and without a gap: also when what
    was written by hand goes."""
    lab = make_lab().article().up()
    everywhere(lab, inside=False)
    lab.expect_sent()
    rows = lab.rows()
    adopted = lab.townmeter("adopt")
    hand = [l for l in lab.ipt.save().splitlines()]
    configure(lab, CONFIG + adopted)
    assert all(l in lab.ipt.save().splitlines() for l in hand)
    assert any(l.startswith("-A tm.town-a") for l in lab.ipt.save().splitlines())
    after = lab.rows()
    assert after.keys() == rows.keys() and after["Host"].keys() == rows["Host"].keys()
    everywhere(lab, inside=False)
    lab.expect_sent()
    lab.must_set((mib.host("town-a", "bob", "AdminStatus"), mib.BLOCKED))
    lab.must_set((mib.host("town-a", "bob", "AdminStatus"), mib.ALLOWED))
    # Nobody looks between: what came in since the last look is counted by the tree.
    everywhere(lab, inside=False)
    for family in (4, 6):
        for town in ("town-a", "town-b"):
            for spec in lab.ipt.specs("FORWARD", family):
                if f"-j {town}" in spec:
                    lab.ipt(family, "-D", "FORWARD", *spec.split())
            lab.ipt(family, "-F", town)
            lab.ipt(family, "-X", town)
        lab.ipt(family, "-D", "FORWARD")
    everywhere(lab, inside=False)
    lab.fresh()
    everywhere(lab, inside=False)
    lab.expect_sent()
    apply(lab)
    assert any(l.startswith("-A town-a") for l in lab.ipt.save().splitlines())
    assert "tm.town" not in lab.ipt.save()
    everywhere(lab)
    lab.expect_sent()
    assert lab.client.table("Host").keys() == rows["Host"].keys()
