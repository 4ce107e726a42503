"""snmpd and townmeterd start, stop and die in any order."""

import time

import pytest

from lab import mib
from lab.pdu import SET
from lab.proc import wait_until

ALICE = ("town-a", "alice")
# The subagent asks for its master about once a second; this leaves room for
# a busy machine.
BACK = 15


def back(lab):
    lab.wait_ready(BACK)
    lab.fresh()


def gone(lab):
    """The master serves no object of ours."""
    return lab.client.get(mib.agent("Version")).binds[0].tag >= 0x80


def test_the_master_is_restarted(lab):
    """The data are back by themselves and go on where they were."""
    lab.traffic.send("outside", "alice", 30)
    lab.must_set((mib.host(*ALICE, "Remark"), "kept"),
                 (mib.host("town-a", "bob", "AdminStatus"), mib.BLOCKED))
    lab.fresh()
    rules = lab.ipt.save()
    stamp = lab.agent("DiscontinuityTime")
    for stop in (lab.snmpd.stop, lab.snmpd.kill):
        stop()
        lab.traffic.send("outside", "alice", 10)
        lab.snmpd.start()
        back(lab)
        lab.expect_sent()
        assert lab.host(*ALICE, "Remark") == b"kept"
        assert lab.host("town-a", "bob", "OperStatus") == mib.BLOCKED
        assert lab.agent("DiscontinuityTime") == stamp
        assert lab.ipt.save() == rules
    # And it takes commands.
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert lab.host(*ALICE, "PeriodDownPkts") == 0


def test_the_master_starts_later(make_lab):
    """One line says that it waits and for what; then it is served."""
    lab = make_lab().article()
    lab.traffic.send("outside", "alice", 10)
    lab.daemon.start()
    wait_until(lambda: "agentx" in lab.daemon.log().lower(), 10, "a line on the missing master")
    time.sleep(3)  # what must not happen: a line for every attempt
    assert lab.daemon.running()
    lines = [l for l in lab.daemon.log().splitlines() if "agentx" in l.lower()]
    assert len(lines) == 1 and "snmpd" in lines[0], lines
    assert str(lab.snmpd.agentx) in lines[0]
    lab.traffic.send("outside", "alice", 10)
    lab.snmpd.start()
    back(lab)
    lab.expect_sent()


def test_the_agent_is_killed_and_started_again(lab):
    """Its objects go with it, the rules stay; the next one starts from them."""
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    rules = lab.ipt.save(counters=True)
    lab.daemon.kill()
    wait_until(lambda: gone(lab), 10, "the master drops the dead agent's objects")
    assert lab.ipt.save(counters=True) == rules
    lab.traffic.send("outside", "alice", 10)
    lab.start_daemon()
    lab.expect_sent()
    lab.expect_kernel()
    assert lab.agent("LastError") == b""


def test_the_agent_is_killed_while_it_works(lab):
    """Killed in the middle of SETs under traffic, five times: the rules are
    whole each time, and never half of a change."""
    before = lab.ipt.save()
    sender = lab.traffic.start("outside", "alice", rate=3000, seconds=100)
    for i in range(5):
        quick = lab.new_client(timeout=0.3)
        for value in (mib.BLOCKED, mib.ALLOWED):
            quick.send(0xA3, [(mib.host(*ALICE, "AdminStatus"), value),
                              (mib.town("town-b", "Zero"), mib.ZERO)])
        time.sleep(0.002 * i)  # so that each kill meets another moment
        lab.daemon.kill()
        drops = [[s for s in lab.ipt.specs("town-a", f) if "DROP" in s] for f in (4, 6)]
        assert [len(d) for d in drops] in ([0, 0], [2, 2], [2, 0], [0, 2]), drops
        wait_until(lambda: gone(lab), 15)
        lab.start_daemon()
        lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
        lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
        assert lab.ipt.save() == before
    sender.stop()


def test_the_agent_ends_well_when_asked(lab):
    """SIGTERM: it says goodbye to the master, quickly, and touches no rule."""
    rules = lab.ipt.save(counters=True)
    start = time.monotonic()
    lab.daemon.stop()
    assert time.monotonic() - start < 3
    wait_until(lambda: gone(lab), 3)
    assert lab.ipt.save(counters=True) == rules
    lab.start_daemon()
    lab.expect_sent()


@pytest.mark.backend("legacy")
def test_the_agent_ends_while_a_set_waits_for_the_lock(lab):
    """The request that the meter thread is at outlives its work."""
    with lab.locked():
        inode = lab.lockfile.stat().st_ino

        def waits():
            with open("/proc/locks", encoding="ascii") as locks:
                return any("->" in line and f":{inode} " in line for line in locks)

        lab.client.send(SET, [(mib.host(*ALICE, "AdminStatus"), mib.BLOCKED)])
        wait_until(waits, 10, "the daemon waits for the lock")
        lab.daemon.stop()
    lab.start_daemon()


def test_the_agent_ends_well_without_a_master(lab):
    lab.snmpd.kill()
    start = time.monotonic()
    lab.daemon.stop()
    assert time.monotonic() - start < 3


def test_a_stopped_agent_does_not_stop_the_master(lab):
    """While townmeterd hangs, snmpd answers for everything else, and after it
    everything is as before."""
    system = (1, 3, 6, 1, 2, 1, 1, 1, 0)
    lab.daemon.process.send_signal(19)  # SIGSTOP
    quick = lab.new_client(timeout=2)
    number = quick.send(0xA0, [(mib.agent("Version"), None)])
    assert quick.value(system)
    lab.daemon.process.send_signal(18)  # SIGCONT
    back(lab)
    lab.traffic.send("outside", "alice", 10)
    lab.expect_sent()
    assert number
