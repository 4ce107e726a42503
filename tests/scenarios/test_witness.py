"""Changes that SIGKILL cuts off at any instant: afterwards it can be told which of their
steps happened, and every packet is accounted for.

What may be missing is bounded, and nothing else is: on nf_tables what a rule counted
between the read and a reset whose answer nobody read, and what a drop counted last that
a kill deleted; on iptables-legacy the latter, and what passed while a table stood without
its counters."""

import pytest

from lab import shapes
from lab.ipt import Iptables
from lab.ledger import Ledger
from lab.topology import address

DOWN = "-d 10.1.0.10"
# A rule that is nobody's, and a policy: they keep what they have.
FOREIGN = "4:INPUT -s 192.0.2.99 -p 6 --sport 0:65535"


@pytest.fixture
def router(make_lab):
    lab = shapes.load(make_lab())
    lab.ipt(4, "-A", "INPUT", "-s", "192.0.2.99", "-p", "tcp", "-c", 1234, 567890)
    return lab


@pytest.fixture
def ledger(router):
    return Ledger(router)


@pytest.fixture
def sender(router):
    return router.traffic.start("outside", "alice", 4, rate=20000, seconds=800)


def finish(lab, sender):
    sent = sender.stop()
    lab.traffic.settle()
    return sent["to"][address("alice", 4)]


def check_zeroes(ledger, sent):
    """Each rule that all packets meet, by itself."""
    names = [n for n in shapes.account(ledger.lab, ledger.taken)
             if n.startswith("4:") and " -s " not in n and n != "4:FORWARD -s"]
    assert len(names) == 8
    return {name: ledger.check([name], sent) for name in names}


def check_foreign(ledger):
    (row,) = [r for r in ledger.lab.ipt.rules("INPUT", 4) if "192.0.2.99" in r.spec]
    assert (row.packets, row.octets) == (1234, 567890)


def test_zeroes_that_are_killed(router, ledger, sender, long, record_property):
    times = 600 if long else 60
    for _ in range(times):
        ledger.kill_somewhere(0.01, "zero", "1000000", "all")
        check_foreign_zeroed(ledger)
    sent = finish(router, sender)
    missing = check_zeroes(ledger, sent)
    record_property("missing", missing)
    print(ledger.outcomes, ledger.changes, missing, sent)
    # Both happened, and the kill met what only the witness tells.
    assert ledger.outcomes["done"] and ledger.outcomes["not done"]
    assert set(ledger.outcomes) == {"done", "not done"}
    if router.ipt.backend == "legacy":
        assert not any(missing.values())


def check_foreign_zeroed(ledger):
    """'all' are zeroed: what the foreign rule had is in the account, once."""
    name = next(n for n in ledger.counters if n.endswith(FOREIGN))
    have = [sum(c) for c in zip(ledger.taken.get(name, (0, 0)), ledger.counters[name])]
    assert have == [1234, 567890]


def test_blocks_that_are_killed(router, ledger, sender, long, record_property):
    """Drops come and go."""
    times = 600 if long else 60
    span = 0.01 if router.ipt.backend == "legacy" else 0.1
    most = 0
    for _ in range(times):
        ledger.kill_somewhere(span, "toggle", "1000000", "4:town-a", "10.1.0.10")
        check_foreign(ledger)
        most = max(most, len(ledger.leftovers()))
    finish_blocks(router, ledger, sender, record_property)
    # What kills leave does not breed: of a removal it is a chain with a rule for each direction.
    assert most <= 6


def finish_blocks(router, ledger, sender, record_property):
    # The next change that is not killed leaves nothing of those that were.
    ledger.complete("toggle", "1", "4:town-a", "10.1.0.10")
    sent = finish(router, sender)
    assert "townmeter" not in router.ipt.save() and "DROP" not in router.ipt.save()
    missing = {
        "host": ledger.check([f"4:town-a {DOWN}", f"4:town-a {DOWN} -j DROP"], sent),
        "town": ledger.check(["4:FORWARD -d 10.1.0.0/24 -j"], sent),
        "total": ledger.check(["4:FORWARD"], sent)}
    record_property("missing", missing)
    print(ledger.outcomes, ledger.changes, missing, sent, {n: c for n, c in ledger.lost.items() if DOWN in n})
    if "rescued" not in ledger.outcomes:
        assert missing["town"] == missing["total"] == 0
    dropped = ledger.taken[next(n for n in ledger.taken if n.endswith(f"town-a {DOWN} -j DROP"))]
    assert dropped[0] > 0


CALLS = {"legacy": "setsockopt", "nft": "sendto"}


@pytest.mark.parametrize("call", ["change", "write"])
@pytest.mark.parametrize("what", ["zero", "toggle"])
def test_killed_at_each_call(router, ledger, sender, what, call, record_property):
    """As it enters each call that changes rules, and each that writes to its own files, in
    order: nothing is left to chance."""
    argv = (what, "2", "4:town-a") if what == "zero" else (what, "1", "4:town-a", "10.1.0.10")
    name = call if call == "write" else CALLS[router.ipt.backend]
    calls = leftovers = 0
    while ledger.kill_at(name, calls + 1, *argv):
        calls += 1
        check_foreign(ledger)
        leftovers += bool(ledger.leftovers())
        # The next one begins where this one did, whatever the kill left.
        ledger.complete(*argv)
        assert "townmeter" not in router.ipt.save() and not ledger.leftovers()
        assert calls < 200
    print(calls, leftovers, ledger.outcomes)
    assert calls >= 4
    # Before the jumps go with the rules, and before their chains go.
    drained = (router.ipt.backend, what, call) == ("nft", "toggle", "change")
    assert leftovers == (2 if drained else 0)
    if what == "zero":
        missing = check_zeroes(ledger, finish(router, sender))
        # Before the answer to the reset is there, and before it is recorded.
        assert ledger.outcomes["not done" if call == "change" else "done"]
        if router.ipt.backend == "legacy":
            assert not any(missing.values())
    else:
        finish_blocks(router, ledger, sender, record_property)
        # Between the two calls that replace a table: its counters came back.
        if router.ipt.backend == "legacy":
            assert ledger.outcomes["rescued" if call == "change" else "done"]


@pytest.mark.backend("legacy")
def test_a_foreign_commit_takes_the_witness_away(router, ledger):
    router.traffic.send("outside", "alice", 10)
    assert not ledger.kill_at("setsockopt", 99, "zero", "1", "4:town-a")
    assert ledger.settle() == ["done"]
    router.ipt(4, "-A", "INPUT", "-s", "192.0.2.98")
    assert ledger.settle() == ["unknown"]


@pytest.mark.backend("legacy")
def test_a_table_without_counters(router, ledger):
    """Killed between the two calls: until they are given back, other rules' counters are gone."""
    router.ipt.restore(4, router.ipt.backup(4).replace(":OUTPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [77:7700]"), "-c")
    router.traffic.send("outside", "alice", 10)
    before = router.ipt.save(counters=True)
    # The first call puts a witness where there was none, the second replaces the table.
    assert ledger.kill_at("setsockopt", 3, "toggle", "1", "4:town-a", "10.1.0.10")
    assert ledger.outcomes == {"rescued": 1}
    after = router.ipt.save(counters=True)
    lines = set(after.splitlines()) - set(before.splitlines())
    assert len(lines) == 2 and all("--comment townmeter -j DROP" in line for line in lines)
    assert set(before.splitlines()) <= set(after.splitlines())
    assert router.ipt.policy("OUTPUT", 4) == (77, 7700)
    # Another program's table is none that lacks its counters, though the rules are the same.
    for flag in ("-A", "-D"):
        router.ipt(4, flag, "INPUT", "-s", "192.0.2.98")
    assert ledger.settle() == ["done"]
    router.ipt(4, "-Z")
    assert ledger.settle() == ["done"]
    assert {tuple(c) for n, c in ledger.counters.items() if ":4:" in n} == {(0, 0)}


@pytest.mark.backend("nft")
def test_a_flush_takes_the_witness_away(router, ledger):
    router.traffic.send("outside", "alice", 10)
    ledger.kill_somewhere(0, "zero", "1000000/50", "all")
    assert set(ledger.settle()) <= {"done", "not done"}
    # Two rules to a batch of 31: as many witnesses as batches, and none of an earlier change.
    chains = router.router.run("nft", "list", "table", "ip", "townmeter").stdout
    assert chains.count("chain witness-") == 1
    router.router.run("nft", "delete", "table", "ip", "townmeter")
    assert set(ledger.settle()) == {"unknown"}
    # The next change makes it anew, and takes it along when it ends.
    done = router.edit("nft", "zero", 3, "all")
    assert done["n"] == 3
    assert not ledger.kill_at("sendto", 9999, "zero", "1", "all")
    assert "townmeter" not in router.router.run("nft", "list", "tables").stdout


@pytest.mark.backend("nft")
def test_a_witness_changes_nothing_else(router, ledger):
    """Its commits are no changes of what is read: nothing is looked at because of them."""
    looks = [ledger.trace("sendto", "zero", n, "all").count("NFT_MSG_GETCHAIN, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP")
             for n in (3, 30)]
    assert looks[0] == looks[1] > 0
    # Where the kernel can not zero, there is none.
    ledger.forget()
    argv = [f"--intent={ledger.path}", "nft", "zero", 2, "all"]
    made = router.edit(*argv)
    assert made["stale"] == 0 and made["generation"] == 1
    made = router.edit(*argv, TOWNMETER_NFT_NO_RESET="1")
    lines = ledger.path.read_text().splitlines()
    assert made["kept"] == 2 * (len(lines) - 2) > 0
    assert lines[0].split()[1:3] == ["0", "0"]


@pytest.mark.backend("nft")
def test_both_backends(router, long):
    """Steps of iptables-legacy follow those of iptables-nft."""
    legacy = Iptables(router.router, str(router.lockfile), "legacy")
    legacy.restore(4, router.ipt.backup(4))
    ledger = Ledger(router, "both")
    sender = router.traffic.start("outside", "alice", 4, rate=20000, seconds=800)
    for _ in range(60 if long else 12):
        ledger.kill_somewhere(0.01, "zero", "1000000", "4:town-a")
    assert len(ledger.settle()) == 2
    sent = finish(router, sender)
    check_zeroes_of(ledger, sent)
    missing = ledger.taken["legacy:4:town-a -d 10.1.0.10"]
    left = legacy.counters("town-a", 4, "-d 10.1.0.10/32 -m comment --comment alice")
    assert [a + b for a, b in zip(missing, left)] == [sent["packets"], sent["octets"]]


def check_zeroes_of(ledger, sent):
    """Those of nf_tables alone."""
    own = {n: c for n, c in ledger.taken.items() if not n.startswith("legacy:")}
    both, ledger.taken = ledger.taken, own
    check_zeroes(ledger, sent)
    ledger.taken = both
