"""Whatever happens to the rules and to the clock: each event is followed by a walk,
which is compared with the one before it and with what was sent."""

import random
import time

import pytest

from lab import mib
from lab.pdu import Value
from lab.proc import wait_until
from lab.sampler import Sampler
from lab.topology import HOSTS
from lab.traps import SNMPD

ALICE = ("town-a", "alice")
CONFIG = "interval: 30s\nmax-age: 100ms\nset: [zero, block]\n"


# Each takes the lab; what it returns says whether a counter of a rule went back by it:
# then a discontinuity is stamped.

def rules_anew(lab, between=None):
    lab.ipt.both("-F")
    if between:
        between()
    lab.article()
    lab.ipt.both("-A", "INPUT")
    lab.ipt.both("-A", "OUTPUT")


def zero_everything(lab):
    lab.ipt.both("-Z")
    return True


def zero_a_town(lab):
    lab.ipt.both("-Z", "town-a")
    return True


def zero_a_rule(lab):
    lab.ipt(4, "-Z", "town-a", "1")
    return True


def flush_and_make_again(lab):
    rules_anew(lab)
    return True


def flush_a_town_and_make_again(lab):
    lab.ipt(4, "-F", "town-a")
    for host in ("alice", "bob"):
        for flag in ("-d", "-s"):
            lab.ipt(4, "-A", "town-a", flag, HOSTS["town-a"][host][4], "-m", "comment", "--comment", host)
    return True


def flush_seen_and_make_again(lab):
    rules_anew(lab, lab.fresh)
    return True


def restore_without_counters(lab):
    for family in (4, 6):
        lab.ipt.restore(family, lab.ipt.backup(family))
    return True


def restore_with_the_present_counters(lab):
    lab.ipt.restore(4, lab.ipt.backup(4), "-c")
    return False


def restore_with_older_counters(lab):
    older = lab.ipt.backup(4)
    lab.traffic.send("outside", ["alice", "bob"], 50)
    lab.fresh()
    lab.ipt.restore(4, older, "-c")
    return True


def replace_a_rule(lab):
    """By one of the same text: it counts from zero."""
    place = lab.ipt.specs("town-a", 4).index("-d 10.1.0.10/32 -m comment --comment alice") + 1
    lab.ipt(4, "-R", "town-a", place, "-d", "10.1.0.10", "-m", "comment", "--comment", "alice")
    return True


def move_a_host(lab):
    for flag in ("-D", "-A"):
        lab.ipt(4, flag, "town-a", "-d", "10.1.0.10", "-m", "comment", "--comment", "alice")
    return True


def move_a_host_with_its_counters(lab):
    """As one commit of iptables-restore does it: nothing is missing."""
    lines = lab.ipt.backup(4).strip().splitlines()
    own = [l for l in lines if "-A town-a" in l and "10.1.0.10" in l]
    lab.ipt.restore(4, "\n".join([l for l in lines if l not in own] + own), "-c")
    return False


def rules_in_front(lab):
    """Everybody's position changes."""
    for chain in ("FORWARD", "town-a", "town-b"):
        lab.ipt.both("-I", chain, "-p", "tcp", "--dport", "9999")
    lab.fresh()
    for chain in ("FORWARD", "town-a", "town-b"):
        lab.ipt.both("-D", chain, 1)
    return False


def a_rule_comes_and_goes(lab):
    """Of one more host: what it counted after the last look nobody knows."""
    before = lab.rows()["Host"]
    lab.ipt(4, "-I", "town-a", 1, "-d", "10.1.0.77", "-m", "comment", "--comment", "new")
    lab.fresh()
    assert set(lab.client.table("Host")) == set(before) | {(b"town-a", b"new")}
    lab.expect_sent()
    lab.ipt(4, "-D", "town-a", 1)
    return True


def a_jump_is_made_anew(lab):
    lab.ipt(4, "-D", "FORWARD", "-d", "10.1.0.0/24", "-j", "town-a")
    lab.ipt(4, "-I", "FORWARD", 2, "-d", "10.1.0.0/24", "-j", "town-a")
    return True


def the_total_is_made_anew(lab):
    lab.ipt(4, "-D", "FORWARD", 1)
    lab.ipt(4, "-I", "FORWARD", 1)
    return True


EVENTS = [zero_everything, zero_a_town, zero_a_rule, flush_and_make_again,
          flush_a_town_and_make_again, flush_seen_and_make_again, restore_without_counters,
          restore_with_the_present_counters, restore_with_older_counters, replace_a_rule,
          move_a_host, move_a_host_with_its_counters, rules_in_front,
          a_rule_comes_and_goes, a_jump_is_made_anew, the_total_is_made_anew]


# Those that look in the middle need a daemon.
UNSEEN = [e for e in EVENTS if e not in (flush_seen_and_make_again, restore_with_older_counters,
                                         rules_in_front, a_rule_comes_and_goes)]
# Rules that a look finds gone were taken away, not set to zero.
NO_RESET = (flush_seen_and_make_again, a_rule_comes_and_goes)


@pytest.fixture(scope="module")
def lab(make_shared_lab):
    """One router for all events: each finds what the ones before it left."""
    lab = make_shared_lab(config=CONFIG, snmpd_extra=SNMPD).article()
    # Every commit of iptables-legacy sets the policies' counters to zero: not metered here.
    lab.ipt.both("-A", "INPUT")
    lab.ipt.both("-A", "OUTPUT")
    lab.up()
    lab.received = lab.traps()
    lab.must_set((mib.control("NotifyMinInterval"), Value(mib.GAUGE32, 1)),
                 (mib.control("NotifyMaxPerMinute"), Value(mib.GAUGE32, 6000)))
    return lab


def told(lab):
    """How often it was notified of the last discontinuity."""
    stamp = lab.agent("DiscontinuityTime")
    return sum(t.objects[mib.agent("DiscontinuityTime")] == stamp
               for t in lab.received.named("Discontinuity"))


def send(lab, n):
    """Both ways, both versions of IP, all hosts and one that no rule names."""
    for family in (4, 6):
        lab.traffic.send("outside", ["alice", "bob", "dave", "erin", "other@town-a"], n * 5, family)
        lab.traffic.send("alice", "outside", n, family)


def compare(before, after, what):
    """No Counter64 of any row is lower than it was, and no row is missing."""
    for table, rows in before.items():
        for key, row in rows.items():
            for column, (_, tag) in mib.TABLES[table][1].items():
                if tag == mib.COUNTER64 and not column.startswith("Unattributed"):
                    assert after[table][key][column] >= row[column], (what, table, key, column)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_event(lab, event):
    """Nothing passes while it happens, so nothing may be missing: before, after and
    after more traffic every counter is what was sent. What may have been missed is
    stamped and notified once. The same between two runs of the daemon."""
    send(lab, 20)
    lab.expect_sent()
    before, stamp, resets = lab.rows(), lab.agent("DiscontinuityTime"), lab.agent("KernelResets")
    fell = event(lab)
    lab.fresh()
    after = lab.rows()
    compare(before, after, event.__name__)
    lab.expect_sent()
    for n in (3, 30):
        send(lab, n)
        lab.expect_sent()
        compare(after, lab.rows(), event.__name__)
    assert (lab.agent("DiscontinuityTime") != stamp) == fell
    assert event in NO_RESET or (lab.agent("KernelResets") > resets) == fell
    if fell:
        wait_until(lambda: told(lab), what="a notification of this discontinuity")
    if event in UNSEEN:
        before, stamp = lab.rows(), lab.agent("DiscontinuityTime")
        lab.restart(event is zero_everything, lambda: event(lab))
        lab.fresh()
        compare(before, lab.rows(), event.__name__)
        lab.expect_sent()
        assert (lab.agent("DiscontinuityTime") != stamp) == fell
        if fell:
            wait_until(lambda: told(lab), what="a notification of this discontinuity")
    send(lab, 9)
    lab.expect_sent()
    assert told(lab) == fell or not fell


def test_a_backup_from_before_a_zeroing(lab):
    """Counters rise by it: what they say was billed in the period that ended."""
    lab.traffic.send("outside", ["alice", "bob"], 3000)
    lab.expect_sent()
    older = lab.ipt.backup(4)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    before, stamp = lab.rows(), lab.agent("DiscontinuityTime")
    lab.ipt.restore(4, older, "-c")
    lab.fresh()
    compare(before, lab.rows(), "restored")
    lab.expect_sent()
    assert lab.agent("DiscontinuityTime") != stamp
    assert lab.town("town-a", "PeriodDownPkts") == 0
    send(lab, 7)
    lab.expect_sent()


def test_events_under_traffic(make_lab, long, record_property, backend):
    """At any moment, one after the other: nothing counts twice, no counter goes back,
    and what an event loses is what passed since the look before it."""
    rounds = 100 if long else 15
    lab = make_lab(config=CONFIG.replace("30s", "1s")).article()
    lab.ipt.both("-A", "INPUT")
    lab.ipt.both("-A", "OUTPUT")
    lab.up()
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    rate = 1000
    for family in (4, 6):
        lab.traffic.start("outside", ["alice", "dave"], family, rate=rate, seconds=850)
    events = [e for e in EVENTS if e not in (restore_with_older_counters, rules_in_front,
                                             a_rule_comes_and_goes)]
    took = 0
    with Sampler(lab, interval=0.01) as sampler:
        for _ in range(rounds):
            event = chance.choice(events)
            sampler.wait(2)
            began = time.monotonic()
            event(lab)
            lab.fresh()
            # One interval, and the time in which rules were missing.
            took += 1 + time.monotonic() - began
            sampler.check()
        for sender in lab.traffic.running:
            sender.stop()
        lab.traffic.settle()
        lab.fresh()
        sampler.wait(2)
    missing = 0
    for (town, host), row in lab.client.table("Host").items():
        sent = lab.traffic.tally.host[town.decode(), host.decode()]["down"].packets
        assert row["DownPkts"] <= sent, f"{host} counted twice"
        missing += sent - row["DownPkts"]
    result = f"{backend}: {rounds} events, seed {seed}, {missing} of " \
             f"{lab.traffic.tally.forward.packets} packets missing"
    record_property("result", result)
    print(result)
    assert missing <= took * 2 * rate, result
    if missing:
        assert lab.agent("KernelResets") > 0


@pytest.mark.parametrize("step", [-400 * 86400, 400 * 86400], ids=["400 days back", "400 days forth"])
def test_the_clock_is_set(make_lab, step):
    """While it runs, and between two runs: a clock is no reason to doubt a counter."""
    lab = make_lab(config=CONFIG).article()
    clock = lab.clock().at("2026-06-15 12:00:00")
    lab.up()
    with Sampler(lab, interval=0.01) as sampler:
        send(lab, 10)
        lab.expect_sent()
        before, stamp = lab.rows(), lab.agent("DiscontinuityTime")
        clock.advance(step)
        send(lab, 5)
        lab.expect_sent()
        compare(before, lab.rows(), "running")
        lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
        for kill in (True, False):
            lab.restart(kill, lambda: clock.advance(step))
            send(lab, 5)
            lab.expect_sent()
            lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
        sampler.wait()
    assert lab.agent("DiscontinuityTime") == stamp
    assert [k[2] for k in lab.client.table("HostClosed") if k[1] == b"alice"] == [1, 2, 3]
    # A discontinuity that comes now has a time that no earlier one had, wherever the clock is.
    seen = {stamp}
    for _ in range(3):
        clock.advance(step)
        send(lab, 1)
        lab.fresh()
        lab.ipt.both("-Z")
        lab.fresh()
        wait_until(lambda: lab.agent("DiscontinuityTime") not in seen)
        seen.add(lab.agent("DiscontinuityTime"))
    assert len(seen) == 4
