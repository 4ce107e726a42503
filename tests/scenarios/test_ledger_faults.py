"""The disk fails: every system call on the ledger's files with EIO and with ENOSPC,
once and for good; a file system that is full, or read-only, for a while."""

import random
import re

from lab import mib, saved
from lab.pdu import Timeout, Value
from lab.proc import wait_until
from lab.sampler import Sampler
from lab.traps import SNMPD

ALICE, BOB = ("town-a", "alice"), ("town-a", "bob")
CONFIG = "interval: 1s\nmax-age: 50ms\nset: [zero, block, quota]\nperiod: {keep: 1000}\n"
FILES = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-journal", "ledger.db.copy",
         "ledger.db.copy.new", "")
# Calls that do nothing to a disk, or whose failure no disk brings about.
NOT_THESE = ("close", "execve", "getcwd", "readlink", "access", "poll", "chdir", "exit", "munmap",
             "dup", "fcntl", "lseek")


def paths(lab):
    found = []
    for name in FILES:
        found += ["-P", str(lab.daemon.state / name).rstrip("/")]
    return found


class Promises:
    """What the daemon said of two objects, over several runs of it."""

    def __init__(self, lab):
        self.lab, self.serial = lab, 0
        self.remark, self.number = {b""}, {1}
        self.history = saved.History(lab.daemon.state)

    def set(self):
        """A zero and a remark, which may fail; a GET before makes known what holds."""
        self.serial += 1
        text = f"note {self.serial}"
        for oid, value, may, new in (
                (mib.host(*ALICE, "Remark"), text, self.remark, {text.encode()}),
                (mib.host(*BOB, "Zero"), mib.ZERO, self.number, {n + 1 for n in self.number})):
            try:
                error = self.lab.client.set((oid, value)).error
            except Timeout:
                error = "timeout"
            if error == "noError":
                may.clear()
                may |= new
            elif error not in ("resourceUnavailable", "noCreation", "notWritable", "noAccess"):
                may |= new

    def check(self):
        """With a daemon and a disk that are well: all is as promised, to the packet."""
        lab = self.lab
        lab.expect_sent()
        assert lab.agent("LedgerStatus") == mib.LEDGER_OK
        remark, number = lab.host(*ALICE, "Remark"), lab.host(*BOB, "PeriodNumber")
        assert remark in self.remark, f"the remark is {remark}, and may be {self.remark}"
        assert number in self.number, f"the period is {number}, and may be {self.number}"
        self.remark, self.number = {remark}, {number}
        self.history.take()
        row = lab.client.table("Host")[b"town-a", b"bob"]
        for column, closed in self.history.sums(*BOB).items():
            assert closed + row["Period" + column] == row[column]


def session(lab, promises):
    """One life of the daemon with all that writes: it lives through it, or ends at the
    start with one line that says why."""
    lab.daemon.start()

    def answers():
        if not lab.daemon.running():
            return True
        try:
            return lab.client.get(mib.agent("Version")).binds[0].tag == mib.STRING
        except Timeout:
            return False

    wait_until(answers, 20, "the daemon serves, or ends")
    for family in (4, 6):
        lab.traffic.send("outside", ["alice", "bob"], 20, family)
    if lab.daemon.running():
        promises.set()
        wait_until(lambda: lab.agent("SnapshotDuration") > 0, 20)
        lab.traffic.send("bob", "outside", 5)
        lab.fresh()
        assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
        promises.set()
        lab.daemon.stop()
    else:
        status = lab.daemon.process.popen.returncode
        assert status not in (0, -6, -11), status
        assert re.search(r"error: .*ledger|error: .*state", lab.daemon.log()), lab.daemon.log()


def well(lab, promises):
    lab.daemon.inject = None
    lab.start_daemon()
    promises.check()
    lab.daemon.stop()


def test_system_calls_fail(make_lab, long, record_property, backend):
    """0 torn states, 0 acknowledged SETs lost, 0 packets lost, whichever call fails."""
    lab = make_lab(config=CONFIG).article()
    lab.snmpd.start()
    promises = Promises(lab)
    session(lab, promises)
    # Without a fault, to see which calls there are.
    lab.daemon.inject = [*paths(lab)]
    session(lab, promises)
    wait_until(lambda: "+++ exited with 0 +++" in lab.daemon.trace_path().read_text(), 10)
    calls = {}
    for name in re.findall(r"^\d+ +(\w+)\(", lab.daemon.trace_path().read_text(), re.M):
        if name not in NOT_THESE:
            calls[name] = calls.get(name, 0) + 1
    assert {"openat", "fdatasync", "pwrite64", "pread64"} <= set(calls), calls
    well(lab, promises)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    cases = [(name, error, chance.randint(1, count), more)
             for name, count in calls.items() for error in ("EIO", "ENOSPC")
             for more in ("", "+", "..+2") for _ in range(4 if long else 1)]
    chance.shuffle(cases)
    if not long:
        cases = cases[:12]
    failed = 0
    for name, error, nth, more in cases:
        when = f"{nth}..{nth + 2}" if more == "..+2" else f"{nth}{more}"
        lab.daemon.inject = [*paths(lab), "-e", f"inject={name}:error={error}:when={when}"]
        try:
            session(lab, promises)
            well(lab, promises)
        except AssertionError as e:
            raise AssertionError(f"{name} {error} when={when}: {e}") from e
        traced = lab.daemon.dir / f"strace{lab.daemon.runs - 1}"
        failed += "(INJECTED)" in traced.read_text()
    result = f"{backend}: seed {seed}, {len(cases)} of {len(calls)} calls times errors and moments, " \
             f"{failed} met one"
    record_property("result", result)
    print(result)
    assert failed > len(cases) / 3
    well(lab, promises)


def failing(lab):
    lab.fresh()
    return lab.agent("LedgerStatus") == mib.LEDGER_FAILED


def disk_trouble(lab, begin, end):
    """Metering goes on, SETs fail and change nothing, and as soon as the disk is well
    everything is saved; told once."""
    promises = Promises(lab)
    lab.up()
    received = lab.traps()
    promises.set()
    with Sampler(lab, interval=0.01) as sampler:
        lab.traffic.send("outside", ["alice", "bob"], 40)
        lab.fresh()
        errors = lab.agent("LedgerErrors")
        begin()
        lab.traffic.send("outside", ["alice", "bob"], 40)
        wait_until(lambda: failing(lab), 20, "townMeterLedgerStatus is failed")
        trap = received.wait("LedgerFailed")
        assert mib.LEDGER_FAILED in trap.objects.values()
        assert lab.agent("LedgerErrors") > errors and lab.agent("LastError")
        lab.expect_sent()
        before = lab.everything()
        for oid, value in ((mib.host(*ALICE, "Remark"), "no"), (mib.host(*BOB, "Zero"), mib.ZERO),
                           (mib.host(*ALICE, "AdminStatus"), mib.BLOCKED),
                           (mib.town("town-b", "Zero"), mib.ZERO),
                           (mib.host(*BOB, "QuotaMB"), Value(mib.GAUGE32, 3))):
            assert lab.set((oid, value)) == ("resourceUnavailable", 1)
        lab.expect_unchanged(before)
        lab.traffic.send("outside", ["alice", "bob"], 40, 6)
        lab.expect_sent()
        end()
        wait_until(lambda: not failing(lab), 20, "townMeterLedgerStatus is ok again")
        promises.set()
        lab.traffic.send("outside", ["alice", "bob"], 10)
        lab.expect_sent()
        sampler.wait()
        assert len(received.named("LedgerFailed")) == 1
        # What was not saved while it failed is made up for.
        lab.restart(kill=True)
        lab.expect_sent()
        sampler.wait()
    assert lab.host(*ALICE, "Remark") == b"note 2" and lab.host(*BOB, "PeriodNumber") == 3
    assert lab.agent("LedgerStatus") == mib.LEDGER_OK


def test_a_full_disk(make_lab):
    lab = make_lab(config=CONFIG, snmpd_extra=SNMPD).article()
    disk = lab.small_disk(1 << 20)
    disk_trouble(lab, disk.fill, disk.free)


def test_a_disk_that_turns_read_only(make_lab):
    """As a file system does that found an error: the daemon holds files open for writing
    on it, so it is the mount alone that can be."""
    lab = make_lab(config=CONFIG, snmpd_extra=SNMPD).article()
    disk = lab.small_disk(1 << 20)
    lab.up()
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    lab.must_set((mib.host(*ALICE, "Remark"), "kept"))
    lab.daemon.stop()
    disk.read_only(True)
    lab.daemon.start()
    wait_until(lambda: not lab.daemon.running() or
               lab.client.get(mib.agent("LedgerStatus")).binds[0].value == mib.LEDGER_FAILED, 20)
    if lab.daemon.running():
        assert lab.host(*ALICE, "Remark") == b"kept"
        lab.traffic.send("outside", "alice", 30)
        lab.expect_sent()
        assert lab.set((mib.host(*ALICE, "Remark"), "no")) == ("resourceUnavailable", 1)
        disk.read_only(False)
        wait_until(lambda: not failing(lab), 20)
        lab.must_set((mib.host(*ALICE, "Remark"), "yes"))
        lab.expect_sent()
    else:
        assert lab.daemon.process.popen.returncode not in (0, -6, -11)


def test_no_room_at_the_first_start(make_lab):
    """There never was a ledger: metering begins all the same, and it is made when it can."""
    lab = make_lab(config=CONFIG).article()
    disk = lab.small_disk(256 << 10)
    disk.fill()
    lab.snmpd.start()
    lab.daemon.start()
    wait_until(lambda: lab.client.get(mib.agent("LedgerStatus")).binds[0].value == mib.LEDGER_FAILED, 20)
    lab.traffic.send("outside", "alice", 30)
    lab.expect_sent()
    assert lab.set((mib.host(*BOB, "Zero"), mib.ZERO)) == ("resourceUnavailable", 1)
    disk.free()
    wait_until(lambda: not failing(lab), 20)
    lab.must_set((mib.host(*BOB, "Zero"), mib.ZERO))
    lab.restart(kill=True)
    lab.expect_sent()
    assert lab.host(*BOB, "PeriodNumber") == 2
