"""A stateful firewall: established connections are accepted ahead of the towns,
so that they are neither counted nor blocked.  It must be told, not hidden."""

import pytest

from lab import mib
from lab.proc import wait_until

ALICE = ("town-a", "alice")
EARLY = ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")


@pytest.fixture
def stateful(make_lab):
    lab = make_lab().article()
    lab.ipt.both("-I", "FORWARD", 2, *EARLY)
    return lab.up()


def flow(lab, both_ways=True):
    """Packets of one UDP flow between alice and the outside."""
    lab.traffic.send("alice", "outside", 1, sport=5000, dport=6000)
    if both_ways:
        lab.traffic.send("outside", "alice", 1, sport=6000, dport=5000)
        lab.traffic.send("alice", "outside", 20, sport=5000, dport=6000)


def names_rule_and_remedy(text):
    """The rule that is at fault, and what to do about it."""
    assert "FORWARD" in text and "conntrack" in text and "ACCEPT" in text, text
    assert "ahead" in text and ("move" in text or "-I FORWARD" in text), text


def test_it_is_told_at_the_start_and_in_the_tables(stateful):
    for town in ("town-a", "town-b"):
        assert stateful.town(town, "Bypassed") == mib.TRUE
    names_rule_and_remedy(stateful.agent("LastError").decode())
    lines = [l for l in stateful.daemon.log().splitlines() if "conntrack" in l]
    assert 1 <= len(lines) <= 2  # one for each version of IP at most
    names_rule_and_remedy(lines[0])
    # Looking again does not say it again.
    stateful.fresh()
    stateful.fresh()
    assert len([l for l in stateful.daemon.log().splitlines() if "conntrack" in l]) == len(lines)


def test_what_is_accepted_early_is_not_counted(stateful):
    """Shows that the warning is true."""
    flow(stateful)
    stateful.fresh()
    assert stateful.host(*ALICE, "UpPkts") == 1
    assert stateful.host(*ALICE, "DownPkts") == 0
    assert stateful.total("forward", "Pkts") == 22  # ahead of the early rule


def test_a_block_is_partial(stateful):
    flow(stateful)
    arrived = stateful.topology.arrived("outside", 4)[0]
    stateful.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    assert stateful.host(*ALICE, "OperStatus") == mib.PARTIAL
    assert stateful.host(*ALICE, "AdminStatus") == mib.BLOCKED
    assert stateful.agent("BlockedHosts") == 0
    names_rule_and_remedy(stateful.agent("LastError").decode())
    # What goes on already goes on: partial is the truth.
    flow(stateful)
    assert stateful.topology.arrived("outside", 4)[0] == arrived + 21
    stateful.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert stateful.host(*ALICE, "OperStatus") == mib.ALLOWED
    stateful.must_set((mib.town("town-a", "AdminStatus"), mib.BLOCKED))
    assert stateful.host(*ALICE, "OperStatus") == mib.PARTIAL


def test_the_remedy_works(stateful):
    """The towns' jumps ahead of the early rule: all is counted and blocked."""
    for family in (4, 6):
        stateful.ipt(family, "-D", "FORWARD", *EARLY)
        stateful.ipt(family, "-A", "FORWARD", *EARLY)
    stateful.fresh()
    assert stateful.town("town-a", "Bypassed") == mib.FALSE
    flow(stateful)
    stateful.expect_sent()
    stateful.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    assert stateful.host(*ALICE, "OperStatus") == mib.BLOCKED
    arrived = stateful.topology.arrived("outside", 4)[0]
    flow(stateful)
    assert stateful.topology.arrived("outside", 4)[0] == arrived


def test_only_one_version_of_ip_is_bypassed(make_lab):
    lab = make_lab().article()
    lab.ipt(6, "-I", "FORWARD", *EARLY)
    lab.up()
    assert lab.town("town-a", "Bypassed") == mib.TRUE
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    assert lab.host(*ALICE, "OperStatus") == mib.PARTIAL


@pytest.mark.parametrize("rule", [
    "-j ACCEPT", "-i ext0 -j ACCEPT", "-s 10.1.0.10 -j DROP", "-p tcp -j REJECT",
    "-d 10.1.0.128/25 -j RETURN", "-m state --state RELATED -j ACCEPT", "-j firewall",
    "-s 10.0.0.0/8 -g firewall"])
def test_other_early_verdicts(make_lab, rule):
    """ACCEPT, DROP, REJECT, RETURN, also in a chain that is jumped to."""
    lab = make_lab().article()
    lab.ipt(4, "-N", "firewall")
    lab.ipt(4, "-A", "firewall", "-p", "udp", "-j", "ACCEPT")
    lab.ipt(4, "-I", "FORWARD", *rule.split())
    lab.up()
    assert lab.town("town-a", "Bypassed") == mib.TRUE
    assert b"FORWARD" in lab.agent("LastError")


@pytest.mark.parametrize("rule", [
    "-j LOG", "-j watch", "-s 172.16.0.0/12 -d 172.16.0.0/12 -j ACCEPT", "-m mark --mark 3",
    "-d 10.1.0.10"])
def test_early_rules_that_take_nothing(make_lab, rule):
    """Rules that only look, or concern others, are no bypass."""
    lab = make_lab().article()
    lab.ipt(4, "-N", "watch")
    lab.ipt(4, "-A", "watch", "-p", "udp", "-j", "LOG")
    lab.ipt(4, "-I", "FORWARD", 2, *rule.split())  # behind the total, ahead of the jumps
    lab.up()
    assert lab.town("town-a", "Bypassed") == mib.FALSE
    assert lab.agent("LastError") == b""


def test_a_rule_that_comes_later_is_told_then(lab):
    assert lab.town("town-a", "Bypassed") == mib.FALSE
    lab.ipt(4, "-I", "FORWARD", *EARLY)
    wait_until(lambda: lab.town("town-a", "Bypassed") == mib.TRUE, 10)
    names_rule_and_remedy(lab.agent("LastError").decode())
