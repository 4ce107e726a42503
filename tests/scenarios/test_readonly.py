"""Read-only: every SET is refused, and the kernel sees not one write."""

import re

import pytest

from lab import mib
from lab.daemon import CONFIG

ALICE = ("town-a", "alice")
WRITES = [
    (mib.host(*ALICE, "AdminStatus"), mib.BLOCKED), (mib.host(*ALICE, "Zero"), mib.ZERO),
    (mib.host(*ALICE, "Remark"), "x"), (mib.town("town-a", "AdminStatus"), mib.BLOCKED),
    (mib.town("town-a", "Zero"), mib.ZERO), (mib.total("forward", "Zero"), mib.ZERO)]
NOTHING = CONFIG.replace("[zero, block, quota]", "[]")
# Of iptables-legacy: socket options as strace names them, and libiptc's numbers if
# it does not. Of nf_tables: every message but those that get something.
CALLS = ["setsockopt", "getsockopt", "sendto"]
KERNEL_WRITES = re.compile(r"setsockopt\(.*(SET_REPLACE|SET_ADD_COUNTERS|IPPROTO_IP.*0x4[01]|"
                           r"SOL_IP(V6)?, (0x40|0x41|64|65))|"
                           r"NFNL_MSG_BATCH_BEGIN|NFNL_SUBSYS_NFTABLES<<8\|(?!NFT_MSG_GET)")
KERNEL_READS = {"legacy": "getsockopt(", "nft": "NFT_MSG_GETRULE,"}


@pytest.fixture(params=["--read-only", "set: []"])
def readonly(make_lab, request):
    if request.param == "--read-only":
        lab = make_lab(args=["--read-only"])
    else:
        lab = make_lab(config=NOTHING)
    lab.daemon.strace = CALLS
    return lab.article().up()


def test_no_write_at_all(readonly):
    """Sets are refused, looks go on, restarts come: no write system call."""
    readonly.traffic.send("outside", ["alice", "dave"], 50)
    readonly.expect_sent()
    readonly.expect_kernel()
    before = readonly.ipt.save(counters=True)
    for bind in WRITES:
        assert readonly.set(bind) == ("notWritable", 1)
    assert readonly.set((WRITES[0][0], mib.ALLOWED)) == ("notWritable", 1)
    assert readonly.set(*WRITES)[0] == "notWritable"
    readonly.snmpd.restart()
    readonly.wait_ready()
    readonly.fresh()
    readonly.daemon.stop()
    assert readonly.ipt.save(counters=True) == before
    trace = readonly.daemon.trace()
    assert KERNEL_READS[readonly.ipt.backend] in trace  # so that the trace is known to work
    assert not KERNEL_WRITES.search(trace)


def test_the_trace_would_show_a_write(make_lab):
    """The same trace with SETs allowed has them: the check above can fail."""
    lab = make_lab()
    lab.daemon.strace = CALLS
    lab.article().up()
    lab.must_set(*WRITES)
    lab.daemon.stop()
    assert len(KERNEL_WRITES.findall(lab.daemon.trace())) >= 2


def test_without_sets_nothing_is_written(make_lab):
    """Looking alone writes nothing, also when SETs are allowed."""
    lab = make_lab()
    lab.daemon.strace = CALLS
    lab.article().up()
    lab.traffic.send("outside", "alice", 50)
    lab.expect_sent()
    lab.daemon.stop()
    assert not KERNEL_WRITES.search(lab.daemon.trace())


@pytest.mark.parametrize("allowed,refused", [
    ("zero", ("AdminStatus",)), ("block", ("Zero",))])
def test_one_kind_of_set_is_allowed(make_lab, allowed, refused):
    lab = make_lab(config=CONFIG.replace("[zero, block, quota]", f"[{allowed}]")).article().up()
    for oid, value in WRITES:
        column = "AdminStatus" if oid in (WRITES[0][0], WRITES[3][0]) else "Zero"
        if oid == WRITES[2][0]:
            continue  # a remark belongs to neither
        want = ("notWritable", 1) if column in refused else ("noError", 0)
        assert lab.set((oid, value)) == want, mib.show(oid)
