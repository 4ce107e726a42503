"""The daemon ends and comes back: everything it told stays true."""

import shutil
import sqlite3

import pytest

from lab import mib, saved
from lab.pdu import Value
from lab.proc import Hopeless, wait_until
from lab.sampler import Sampler

ALICE = ("town-a", "alice")
CONFIG = "interval: 30s\nmax-age: 100ms\nset: [zero, block, quota]\n"
# What may differ after a restart in which nothing else happened.
VOLATILE = ("SnapshotTime", "SnapshotAge", "SnapshotDuration", "Snapshots", "LedgerSaveTime",
            "LastError", "LastErrorTime")


@pytest.fixture
def lab(make_lab):
    return make_lab(config=CONFIG).article().up()


def number(value):
    return Value(mib.GAUGE32, value)


def everything(lab):
    """All rows and the scalars that are kept."""
    found = lab.rows()
    found["Closed"] = {**lab.client.table("TownClosed"), **lab.client.table("HostClosed")}
    found["Agent"] = {n: lab.agent(n) for n in mib.AGENT if n not in VOLATILE}
    found["Control"] = {n: lab.client.value(mib.control(n)) for n in mib.CONTROL if n != "SpinLock"}
    return found


def same(before, after):
    for name, rows in before.items():
        assert after[name].keys() == rows.keys(), name
        for key, row in rows.items():
            assert after[name][key] == row, (name, key)


def use(lab):
    """Something of everything: traffic, a closed period, a block, a quota, a remark."""
    for family in (4, 6):
        lab.traffic.send("outside", ["alice", "bob", "dave"], 60, family)
        lab.traffic.send("alice", "outside", 25, family)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    lab.traffic.send("outside", "alice", 11)
    lab.must_set((mib.host("town-b", "erin", "AdminStatus"), mib.BLOCKED),
                 (mib.host("town-b", "erin", "Remark"), "unpaid"),
                 (mib.host(*ALICE, "QuotaMB"), number(7)),
                 (mib.host(*ALICE, "QuotaBasis"), mib.DOWN),
                 (mib.host(*ALICE, "QuotaWarnPercent"), number(33)),
                 (mib.host(*ALICE, "QuotaAction"), mib.IGNORE),
                 (mib.town("town-b", "QuotaMB"), number(12)))
    lab.must_set((mib.control("NotifyMinInterval"), number(17)))
    lab.traffic.send("outside", "erin", 9)
    lab.traffic.settle()
    lab.fresh()


@pytest.mark.parametrize("kill", [False, True], ids=["stop", "kill"])
def test_nothing_changes(lab, kill):
    use(lab)
    before, lock = everything(lab), lab.client.value(mib.control("SpinLock"))
    snapshots = lab.agent("Snapshots")
    for _ in range(3):
        lab.restart(kill)
        lab.fresh()
        # Only a ledger that was there at the start is ok.
        before["Agent"]["LedgerStatus"] = mib.LEDGER_OK
        same(before, everything(lab))
        new_lock = lab.client.value(mib.control("SpinLock"))
        assert new_lock == lock + 1
        lock = new_lock
    assert lab.agent("Snapshots") > snapshots
    assert saved.faults(lab.daemon.state, running=True) == []


@pytest.mark.parametrize("kill", [False, True], ids=["stop", "kill"])
def test_what_passes_meanwhile_is_counted(lab, kill):
    """The kernel counts on: in the same life of the router nothing is lost, and the
    sampler sees no step back."""
    with Sampler(lab) as sampler:
        stamps = None
        for i in range(4):
            lab.traffic.send("outside", ["alice", "dave"], 40, 4 + 2 * (i % 2))
            lab.fresh()
            sampler.wait()
            if kill:
                # Also what no look has seen yet.
                lab.traffic.send("outside", "alice", 5)
            lab.restart(kill, lambda: lab.traffic.send("bob", "outside", 30, 6))
            lab.expect_sent()
            now = [lab.agent("DiscontinuityTime"), *(r["DiscontinuityTime"] for rows in
                                                     lab.rows().values() for r in rows.values())]
            assert stamps in (None, now)
            stamps = now
            if i == 1:
                lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
        assert lab.agent("KernelResets") == 0
    row = lab.client.table("Host")[b"town-a", b"bob"]
    assert (row["PeriodNumber"], row["PeriodUpPkts"]) == (2, 60)
    closed = lab.client.table("HostClosed")[b"town-a", b"bob", 1]
    assert closed["UpPkts"] == 60 and closed["Complete"] == mib.TRUE


@pytest.mark.backend("legacy")
def test_the_ledger_is_served_until_the_first_look(lab):
    """Somebody holds the lock: the values are those from before, none is zero."""
    use(lab)
    before = everything(lab)
    lab.daemon.stop()
    with lab.locked():
        lab.daemon.start()

        def registered():
            if not lab.daemon.running():
                raise Hopeless("townmeterd ended")
            return lab.client.get(mib.agent("LedgerStatus")).binds[0].tag == mib.INTEGER

        wait_until(registered, 20)
        row = lab.client.table("Host")[b"town-a", b"alice"]
        for column in ("DownPkts", "UpPkts", "PeriodDownPkts", "DiscontinuityTime", "QuotaMB"):
            assert row[column] == before["Host"][b"town-a", b"alice"][column], column
        assert lab.agent("Backend") == mib.BACKEND_NONE
        assert lab.agent("SnapshotDuration") == 0
    wait_until(lambda: lab.agent("Backend") != mib.BACKEND_NONE, 20)
    lab.fresh()
    after = everything(lab)
    for scalar in ("SnapshotErrors", "LedgerStatus"):
        before["Agent"].pop(scalar), after["Agent"].pop(scalar)
    same(before, after)


def test_the_rules_are_gone_at_the_start(lab):
    """Rows stay, as they do while the daemon runs."""
    use(lab)
    before = lab.rows()
    lab.restart(between=lambda: lab.ipt.both("-F"))
    lab.fresh()
    after = lab.rows()
    assert after["Host"].keys() == before["Host"].keys()
    for key, row in after["Host"].items():
        assert row["OperStatus"] == mib.MISSING
        for column in mib.AMOUNTS:
            assert row[column] == before["Host"][key][column]
    lab.article()
    lab.traffic.send("outside", "bob", 13)
    lab.fresh()
    assert lab.host("town-a", "bob", "DownPkts") == before["Host"][b"town-a", b"bob"]["DownPkts"] + 13


def test_a_block_is_in_force_again(lab):
    """Of a manager, over a reload of the rules while the daemon was away."""
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    lab.restart(between=lab.article)
    wait_until(lambda: lab.host(*ALICE, "OperStatus") == mib.BLOCKED)
    assert lab.host(*ALICE, "AdminStatus") == mib.BLOCKED
    assert lab.ipt.save().count("-j DROP") == 4
    # One that was lifted while it stood in a saved set of rules is not put back.
    saved = {f: lab.ipt.backup(f) for f in (4, 6)}
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))

    def restore():
        for family, text in saved.items():
            lab.ipt.restore(family, text, "-c")

    lab.restart(between=restore)
    wait_until(lambda: "-j DROP" not in lab.ipt.save())
    assert lab.host(*ALICE, "AdminStatus") == lab.host(*ALICE, "OperStatus") == mib.ALLOWED


def damage(path):
    """As a disk does: the file is still of its size."""
    size = path.stat().st_size
    with open(path, "r+b") as f:
        f.write(b"\xa5" * min(size, 1 << 20))


def test_a_damaged_ledger(make_lab):
    """It is kept aside, the copy takes its place, and within one life of the router
    the kernel's counters make up for what the copy lacks."""
    lab = make_lab(config=CONFIG).article()
    clock = lab.clock().at("2026-06-15 12:00:00")
    lab.up()
    use(lab)
    state = lab.daemon.state
    copy = state / "ledger.db.copy"
    # Made once a day.
    clock.advance(86400 + 60)
    began = clock.now()
    wait_until(lambda: lab.fresh() and copy.exists() and "alice" in whose(copy), 20, "today's copy of the ledger")
    with sqlite3.connect(f"file:{copy}?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    lab.traffic.send("outside", "alice", 40)
    lab.fresh()
    before = lab.rows()
    stamp = lab.agent("DiscontinuityTime")

    def both():
        # After a kill the WAL can have every page.
        damage(state / "ledger.db")
        if (state / "ledger.db-wal").exists():
            damage(state / "ledger.db-wal")

    lab.restart(kill=True, between=both)
    lab.fresh()
    assert lab.agent("LedgerStatus") == mib.LEDGER_RESTORED
    assert len(list(state.glob("ledger.db.damaged-*"))) >= 1
    assert mib.moment(lab.agent("DiscontinuityTime")) >= began > mib.moment(stamp)
    after = lab.rows()
    for key, row in before["Host"].items():
        for column in mib.AMOUNTS:
            assert after["Host"][key][column] == row[column], (key, column)
    assert lab.host(*ALICE, "QuotaMB") == 7
    assert lab.client.table("HostClosed")[b"town-a", b"alice", 1]["DownPkts"] == 40
    # Without any that can be read it begins anew, and says so.
    lab.daemon.kill()
    for path in state.glob("ledger.db*"):
        if path.name in ("ledger.db", "ledger.db.copy"):
            damage(path)
        elif "damaged" not in path.name:
            path.unlink()
    lab.start_daemon()
    lab.fresh()
    assert lab.agent("LedgerStatus") == mib.LEDGER_CREATED
    lab.traffic.send("outside", "alice", 3)
    lab.fresh()
    assert saved.faults(state, running=True) == []


def whose(path):
    """The hosts that a ledger has closed periods of."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return {host for host, in db.execute("SELECT DISTINCT host FROM closed")}


def test_a_ledger_that_is_gone(lab):
    """Created anew; the counters then begin with what the kernel's rules hold."""
    use(lab)
    lab.daemon.stop()
    for path in lab.daemon.state.glob("ledger*"):
        path.unlink()
    lab.start_daemon()
    lab.fresh()
    assert lab.agent("LedgerStatus") == mib.LEDGER_CREATED
    assert lab.host(*ALICE, "PeriodNumber") == 1 and lab.client.table("HostClosed") == {}
    lab.expect_kernel()


def test_an_older_ledger_is_put_back(lab):
    """A backup of the state directory: periods and settings are those of then, and
    what the rules counted since is not lost within one life of the router."""
    use(lab)
    lab.daemon.stop()
    kept = lab.tmp / "kept"
    shutil.copytree(lab.daemon.state, kept)
    lab.start_daemon()
    lab.traffic.send("outside", "bob", 21)
    lab.fresh()
    sent = lab.traffic.tally.host["town-a", "bob"]["down"].packets
    lab.daemon.stop()
    shutil.rmtree(lab.daemon.state)
    shutil.copytree(kept, lab.daemon.state)
    lab.start_daemon()
    lab.fresh()
    assert lab.host("town-a", "bob", "DownPkts") == sent


def test_the_state_directory_is_none(make_lab):
    """Whoever mistyped it is told, and nothing is started."""
    lab = make_lab(config=CONFIG).article()
    lab.daemon.state.rmdir()
    lab.daemon.state.write_text("")
    done = lab.daemon.once()
    assert done.returncode not in (0, -6, -11)
    line, = done.stderr.splitlines()
    assert str(lab.daemon.state) in line
