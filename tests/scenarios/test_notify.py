"""Notifications as a manager gets them: a real snmptrapd with our MIB, every object with
its name and its value; how often they come; what happens without a master."""

import re
import time

import pytest

from lab import mib
from lab.pdu import Value
from lab.proc import wait_until
from lab.trapd import SNMPD, Trapd

ALICE, DAVE = ("town-a", "alice"), ("town-b", "dave")
ADMIN, ZERO = mib.host(*ALICE, "AdminStatus"), mib.host(*ALICE, "Zero")
A_ROW = '"town-a"."alice"'
OCTETS = 100  # of each packet that the lab sends

QUOTA = ["HostQuotaState", "HostQuotaUsedPercent", "HostQuotaMB", "HostPeriodDownOctets",
         "HostPeriodUpOctets"]
BLOCK = ["HostOperStatus", "HostBlockReason", "HostRemark"]


def setting(name, value):
    return mib.control(name), Value(mib.GAUGE32, value)


@pytest.fixture
def lab(make_lab):
    lab = make_lab(snmpd_extra=SNMPD).article()
    lab.trapd = Trapd(lab.router, lab.tmp)
    lab._undo.callback(lab.trapd.close)
    return lab.up()


def expect(notice, names, instance, **values):
    """Exactly these objects in this order, all of this instance, with these values."""
    assert [n for n, _, _ in notice.objects] == names, notice
    for name, where, value in notice.objects:
        own = instance[name] if isinstance(instance, dict) else instance
        assert where == own, notice
        assert value, notice
        if name in values:
            assert re.fullmatch(values[name], value), (name, value)


def test_a_host_is_blocked_and_allowed(lab):
    lab.must_set((ADMIN, mib.BLOCKED), (mib.host(*ALICE, "Remark"), "unpaid since May"))
    expect(lab.trapd.wait("HostBlocked"), BLOCK, A_ROW, HostOperStatus=r"INTEGER: blocked\(2\)",
           HostBlockReason=r"BITS: 80 manager\(0\) ?", HostRemark="STRING: unpaid since May")
    lab.must_set((ADMIN, mib.ALLOWED))
    expect(lab.trapd.wait("HostUnblocked"), BLOCK, A_ROW, HostOperStatus=r"INTEGER: allowed\(1\)",
           HostRemark="STRING: unpaid since May")
    # Each once.
    lab.must_set((mib.host(*DAVE, "AdminStatus"), mib.BLOCKED))
    lab.trapd.wait("HostBlocked", 2)
    assert [n.name for n in lab.trapd.all()] == ["HostBlocked", "HostUnblocked", "HostBlocked"]


def test_someone_else_blocks(lab):
    """The article's way, by hand."""
    for family, address in ((4, "10.1.0.10"), (6, "2001:db8:a::10")):
        for flag in ("-d", "-s"):
            lab.ipt(family, "-I", "town-a", flag, address, "-j", "DROP")
    lab.fresh()
    expect(lab.trapd.wait("HostBlocked"), BLOCK, A_ROW, HostOperStatus=r"INTEGER: blocked\(2\)",
           HostBlockReason=r"BITS: .*local\(2\).*")


def test_a_blocked_town_is_not_told_for_each_host(lab):
    lab.must_set((mib.town("town-a", "AdminStatus"), mib.BLOCKED))
    assert lab.host(*ALICE, "OperStatus") == mib.BLOCKED
    lab.must_set((mib.town("town-a", "AdminStatus"), mib.ALLOWED))
    lab.must_set((mib.host(*DAVE, "AdminStatus"), mib.BLOCKED))
    expect(lab.trapd.wait("HostBlocked"), BLOCK, '"town-b"."dave"')
    assert len(lab.trapd.all()) == 1


def test_a_host_and_a_town_are_zeroed(lab):
    """The Closed objects are those of the period that ended."""
    lab.traffic.send("outside", "alice", 30)
    lab.traffic.send("alice", "outside", 20)
    lab.must_set((ZERO, mib.ZERO), (mib.host(*ALICE, "Remark"), "by hand"))
    closed = ["HostClosedReason", "HostClosedDownOctets", "HostClosedUpOctets", "HostClosedOverMB"]
    expect(lab.trapd.wait("HostZeroed"), closed + ["HostRemark"],
           {c: A_ROW + ".1" for c in closed} | {"HostRemark": A_ROW},
           HostClosedReason=r"INTEGER: hostZero\(2\)",
           HostClosedDownOctets=rf"Counter64: {30 * OCTETS} octets",
           HostClosedUpOctets=rf"Counter64: {20 * OCTETS} octets",
           HostClosedOverMB="Counter64: 0 megabytes", HostRemark="STRING: by hand")
    lab.traffic.send("outside", "bob", 7)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    closed = ["TownClosedReason", "TownClosedDownOctets", "TownClosedUpOctets", "TownClosedOverMB"]
    expect(lab.trapd.wait("TownZeroed"), closed + ["TownHosts"],
           {c: '"town-a".1' for c in closed} | {"TownHosts": '"town-a"'},
           TownClosedReason=r"INTEGER: townZero\(3\)",
           TownClosedDownOctets=rf"Counter64: {37 * OCTETS} octets",
           TownClosedUpOctets=rf"Counter64: {20 * OCTETS} octets", TownHosts="Gauge32: 2 hosts")
    # None for the hosts of the town.
    lab.must_set((mib.host(*DAVE, "AdminStatus"), mib.BLOCKED))
    lab.trapd.wait("HostBlocked")
    assert [n.name for n in lab.trapd.all()] == ["HostZeroed", "TownZeroed", "HostBlocked"]


def test_a_quota_is_used_up(lab):
    """Warned, exceeded, blocked; let go by a higher quota."""
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 1)),
                 (mib.host(*ALICE, "QuotaAction"), mib.BLOCK))
    lab.traffic.send("outside", "alice", 8500)
    lab.fresh()
    expect(lab.trapd.wait("QuotaWarning"), QUOTA, A_ROW, HostQuotaState=r"INTEGER: warned\(3\)",
           HostQuotaUsedPercent="Gauge32: 85 percent", HostQuotaMB="Gauge32: 1 megabytes",
           HostPeriodDownOctets="Counter64: 850000 octets", HostPeriodUpOctets="Counter64: 0 octets")
    lab.traffic.send("alice", "outside", 2000)
    lab.fresh()
    expect(lab.trapd.wait("QuotaExceeded"), QUOTA + ["HostQuotaAction"], A_ROW,
           HostQuotaState=r"INTEGER: exceeded\(4\)", HostQuotaUsedPercent="Gauge32: 105 percent",
           HostPeriodUpOctets="Counter64: 200000 octets", HostQuotaAction=r"INTEGER: block\(3\)")
    expect(lab.trapd.wait("HostBlocked"), BLOCK, A_ROW, HostBlockReason=r"BITS: 40 quota\(1\) ?")
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 2)))
    expect(lab.trapd.wait("HostUnblocked"), BLOCK, A_ROW)
    assert len(lab.trapd.all()) == 4


def test_counters_of_the_kernel_are_cleared(lab):
    lab.traffic.send("outside", "alice", 50)
    lab.fresh()
    lab.ipt(4, "-Z")
    lab.fresh()
    expect(lab.trapd.wait("Discontinuity"),
           ["DiscontinuityTime", "KernelResets", "LedgerStatus"], "0",
           DiscontinuityTime=r"STRING: .*", KernelResets="Counter32: 1 resets")


@pytest.mark.backend("legacy")
def test_the_rules_can_not_be_read(lab):
    with lab.locked():
        expect(_asked(lab, "BackendLost"), ["Backend", "SnapshotTime", "LastError"], "0",
               Backend=r"INTEGER: none\(1\)", LastError="STRING: .*lock.*")
    expect(_asked(lab, "BackendRestored"), ["Backend", "SnapshotTime", "KernelResets"], "0",
           Backend=r"INTEGER: legacy\(2\)")
    assert len(lab.trapd.named("BackendLost")) == 1


@pytest.mark.backend("nft")
def test_the_tables_are_gone(lab):
    for family in ("ip", "ip6"):
        lab.router.run("nft", f"delete table {family} filter")
    expect(_asked(lab, "BackendLost"), ["Backend", "SnapshotTime", "LastError"], "0",
           Backend=r"INTEGER: none\(1\)")
    lab.article()
    expect(_asked(lab, "BackendRestored"), ["Backend", "SnapshotTime", "KernelResets"], "0",
           Backend=r"INTEGER: nftables\(3\)")


@pytest.mark.backend("legacy")
def test_the_first_look_fails(lab):
    """A change against what the ledger holds, which was served before it."""
    lab.daemon.stop()
    with lab.locked():
        lab.start_daemon()
        expect(lab.trapd.wait("BackendLost"), ["Backend", "SnapshotTime", "LastError"], "0",
               Backend=r"INTEGER: none\(1\)", LastError="STRING: .*lock.*")
    expect(_asked(lab, "BackendRestored"), ["Backend", "SnapshotTime", "KernelResets"], "0")
    assert len(lab.trapd.all()) == 2


def test_the_first_look_finds_cleared_counters(lab):
    lab.traffic.send("outside", "alice", 50)
    lab.fresh()
    lab.daemon.stop()
    lab.ipt(4, "-Z")
    lab.start_daemon()
    expect(lab.trapd.wait("Discontinuity"),
           ["DiscontinuityTime", "KernelResets", "LedgerStatus"], "0")
    # A start that finds nothing of the kind says nothing.
    lab.daemon.stop()
    lab.start_daemon()
    lab.must_set((ADMIN, mib.BLOCKED))
    lab.trapd.wait("HostBlocked")
    assert [n.name for n in lab.trapd.all()] == ["Discontinuity", "HostBlocked"]


def _asked(lab, name):
    """Ask, so that the daemon looks, until this notification has come."""
    wait_until(lambda: lab.agent("Backend") and lab.trapd.named(name), 20, name)
    return lab.trapd.named(name)[-1]


def test_the_least_interval(lab):
    """What comes too early is counted; when its time is over, the state is told if it
    is not the one that was told."""
    lab.must_set(setting("NotifyMinInterval", 3))
    assert lab.client.value(mib.control("NotifyMinInterval")) == 3
    first = time.monotonic()
    for value in (mib.BLOCKED, mib.ALLOWED, mib.BLOCKED):
        lab.must_set((ADMIN, value))
    lab.trapd.wait("HostUnblocked")
    if time.monotonic() - first < 3:
        assert len(lab.trapd.named("HostBlocked")) == 1
    lab.trapd.wait("HostBlocked", 2)
    assert time.monotonic() - first >= 3
    wait_until(lambda: lab.client.value(mib.control("NotifySuppressed")) == 1, 10)
    assert [n.name for n in lab.trapd.all()] == ["HostBlocked", "HostUnblocked", "HostBlocked"]


def test_so_many_in_a_minute(lab):
    lab.must_set(setting("NotifyMaxPerMinute", 2))
    for town, host in (ALICE, ("town-a", "bob"), DAVE, ("town-b", "erin")):
        lab.must_set((mib.host(town, host, "AdminStatus"), mib.BLOCKED))
    wait_until(lambda: lab.client.value(mib.control("NotifySuppressed")) == 2, 10)
    assert len(lab.trapd.named("HostBlocked")) == 2


def test_switched_off(lab):
    lab.must_set((mib.control("NotifyEnable"), mib.FALSE))
    lab.must_set((ADMIN, mib.BLOCKED))
    lab.must_set((ADMIN, mib.ALLOWED), (mib.control("NotifyEnable"), mib.TRUE))
    lab.must_set((mib.host(*DAVE, "AdminStatus"), mib.BLOCKED))
    expect(lab.trapd.wait("HostBlocked"), BLOCK, '"town-b"."dave"')
    assert lab.client.value(mib.control("NotifySuppressed")) == 0
    assert [n for n in lab.trapd.all() if '"town-a"' in n.objects[0][1]
            and n.name == "HostBlocked"] == []


def test_without_a_master(lab):
    """What happens meanwhile is told when the master is back."""
    before = lab.daemon.log().count("connected to the master")
    lab.snmpd.stop()
    for family, address in ((4, "10.1.0.10"), (6, "2001:db8:a::10")):
        for flag in ("-d", "-s"):
            lab.ipt(family, "-I", "town-a", flag, address, "-j", "DROP")
    lab.daemon.process.send_signal(1)  # SIGHUP: what else would make it look
    lab.snmpd.start()
    wait_until(lambda: lab.daemon.log().count("connected to the master") > before, 20)
    lab.wait_ready()
    lab.fresh()
    expect(lab.trapd.wait("HostBlocked"), BLOCK, A_ROW)
    assert len(lab.trapd.named("HostBlocked")) == 1


def wakeups(pid):
    """How often the first thread of a process gave the CPU away."""
    with open(f"/proc/{pid}/task/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M)[1])


def test_a_master_that_hangs(make_lab):
    """It is handed a few, and no more; the daemon neither waits for it nor spins, and
    ends when it is told to. When the master goes on, each comes once."""
    lab = make_lab(config="interval: 200ms\nmax-age: 100ms\n", snmpd_extra=SNMPD).article()
    lab.trapd = Trapd(lab.router, lab.tmp)
    lab._undo.callback(lab.trapd.close)
    lab.up()
    lab.snmpd.process.send_signal(19)  # SIGSTOP
    pid = lab.daemon.process.pid
    try:
        # Twelve hosts more are blocked by hand: more than the master is handed at once.
        for n in range(100, 112):
            lab.ipt(4, "-A", "town-a", "-d", f"10.1.0.{n}", "-m", "comment", "--comment", f"n{n}")
        time.sleep(1)  # they are rows, and then change
        for n in range(100, 112):
            lab.ipt(4, "-I", "town-a", "-d", f"10.1.0.{n}", "-j", "DROP")
            lab.ipt(4, "-I", "town-a", "-s", f"10.1.0.{n}", "-j", "DROP")
        time.sleep(3)  # longer than the library's own patience
        before = wakeups(pid)
        time.sleep(3)
        # It looks five times a second, and each look is an event.
        assert wakeups(pid) - before < 60
    finally:
        lab.snmpd.process.send_signal(18)  # SIGCONT
    lab.trapd.wait("HostBlocked", 12)
    lab.wait_ready()
    lab.fresh()
    hosts = [n.objects[0][1] for n in lab.trapd.named("HostBlocked")]
    assert sorted(hosts) == [f'"town-a"."n{n}"' for n in range(100, 112)]
    # And it ends though the master hangs.
    lab.snmpd.process.send_signal(19)
    try:
        start = time.monotonic()
        lab.daemon.stop()
        assert time.monotonic() - start < 5
    finally:
        lab.snmpd.process.send_signal(18)
