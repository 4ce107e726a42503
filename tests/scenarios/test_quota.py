"""Quotas: megabytes of 10^6 octets a period, what they set off and what ends it."""

import signal
import time

import pytest

from lab import mib
from lab.pdu import Value
from lab.proc import wait_until
from lab.traps import SNMPD

ALICE, BOB = ("town-a", "alice"), ("town-a", "bob")
CONFIG = "interval: 1s\nmax-age: 50ms\nset: [zero, block, quota]\n"
KB = 972   # a payload that makes packets of 1000 octets of IPv4


@pytest.fixture
def lab(make_lab):
    return make_lab(config=CONFIG, snmpd_extra=SNMPD).article().up()


def quota(lab, mb=None, basis=None, warn=None, action=None, who=ALICE):
    values = {"QuotaMB": mb, "QuotaBasis": basis, "QuotaWarnPercent": warn, "QuotaAction": action}
    lab.must_set(*((mib.host(*who, name), value if name in ("QuotaBasis", "QuotaAction") else
                    Value(mib.GAUGE32, value)) for name, value in values.items() if value is not None))


def state(lab, who=ALICE):
    """(state, percent) of a fresh look."""
    lab.fresh()
    return lab.host(*who, "QuotaState"), lab.host(*who, "QuotaUsedPercent")


def block(lab, who=ALICE):
    """(AdminStatus, OperStatus, BlockReason) of a fresh look."""
    lab.fresh()
    return (lab.host(*who, "AdminStatus"), lab.host(*who, "OperStatus"),
            (lab.host(*who, "BlockReason") + b"\0")[0])


FREE = (mib.ALLOWED, mib.ALLOWED, 0)
BY_QUOTA = (mib.ALLOWED, mib.BLOCKED, mib.QUOTA)


def use(lab, packets, who="alice"):
    lab.traffic.send("outside", who, packets, payload=KB)


def test_a_new_row(lab):
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert [row[c] for c in ("QuotaMB", "QuotaBasis", "QuotaWarnPercent", "QuotaAction", "QuotaState",
                             "QuotaUsedPercent")] == [0, mib.BOTH, 80, mib.NOTIFY, mib.NO_QUOTA, 0]
    town = lab.client.table("Town")[b"town-a"]
    assert [town[c] for c in ("QuotaMB", "QuotaBasis", "QuotaState", "QuotaUsedPercent",
                              "OverQuotaHosts")] == [0, mib.BOTH, mib.NO_QUOTA, 0, 0]


def test_the_levels_to_the_octet(lab):
    """Reached is reached by exactly the amount; each level is told once."""
    received = lab.traps()
    lab.must_set((mib.control("NotifyMinInterval"), Value(mib.GAUGE32, 1)))
    quota(lab, 2, mib.DOWN, 50, mib.NOTIFY)
    use(lab, 999)
    lab.traffic.send("outside", "alice", 1, payload=KB - 1)
    assert state(lab) == (mib.WITHIN, 49)
    lab.traffic.send("outside", "alice", 1)
    assert state(lab) == (mib.WARNED, 50)
    trap = received.wait("QuotaWarning")
    assert trap.objects[mib.host(*ALICE, "QuotaMB")] == 2
    assert trap.objects[mib.host(*ALICE, "PeriodDownOctets")] == 1000099
    use(lab, 999)
    assert state(lab) == (mib.WARNED, 99)
    use(lab, 1)
    assert state(lab) == (mib.EXCEEDED, 100)
    trap = received.wait("QuotaExceeded")
    assert trap.objects[mib.host(*ALICE, "QuotaAction")] == mib.NOTIFY
    assert lab.agent("OverQuotaHosts") == lab.town("town-a", "OverQuotaHosts") == 1
    assert lab.town("town-b", "OverQuotaHosts") == 0
    # It tells, and does nothing.
    assert block(lab) == FREE and "DROP" not in lab.ipt.save()
    use(lab, 3000)
    assert state(lab) == (mib.EXCEEDED, 250)
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert state(lab) == (mib.WITHIN, 0)
    assert lab.agent("OverQuotaHosts") == 0
    assert len(received.named("QuotaWarning")) == len(received.named("QuotaExceeded")) == 1


@pytest.mark.parametrize("basis,percent", [(mib.BOTH, 50), (mib.DOWN, 20), (mib.UP, 30)],
                         ids=["both", "down", "up"])
def test_what_counts(lab, basis, percent):
    lab.traffic.send("outside", "alice", 2000, payload=KB)
    lab.traffic.send("alice", "outside", 3000, payload=KB)
    quota(lab, 10, basis, 80, mib.NOTIFY)
    assert state(lab) == (mib.WITHIN, percent)
    quota(lab, warn=percent)
    assert state(lab) == (mib.WARNED, percent)
    # Of the town, which has no consequences.
    lab.must_set((mib.town("town-a", "QuotaMB"), Value(mib.GAUGE32, 5)),
                 (mib.town("town-a", "QuotaBasis"), basis))
    assert lab.town("town-a", "QuotaUsedPercent") == 2 * percent
    assert lab.town("town-a", "QuotaState") == \
        (mib.EXCEEDED if percent == 50 else mib.WITHIN)
    assert block(lab) == FREE


def test_no_warning(lab):
    """Zero percent is none; so are action none and no quota."""
    received = lab.traps()
    quota(lab, 1, mib.BOTH, 0, mib.NOTIFY)
    use(lab, 999)
    assert state(lab) == (mib.WITHIN, 99)
    quota(lab, 1, mib.BOTH, 50, mib.IGNORE, BOB)
    use(lab, 2000, "bob")
    assert state(lab, BOB) == (mib.EXCEEDED, 200)
    use(lab, 1)
    received.wait("QuotaExceeded")
    assert [t.name for t in received.all] == ["QuotaExceeded"]
    assert any(oid[-5:] == tuple(b"alice") for oid in received.all[0].objects)
    quota(lab, 0)
    assert state(lab) == (mib.NO_QUOTA, 0)


def test_blocked_and_let_go_again(lab):
    """When it is used up, and until the period ends; nobody has to ask."""
    received = lab.traps()
    before = lab.ipt.save()
    quota(lab, 1, mib.BOTH, 80, mib.BLOCK)
    use(lab, 999)
    assert block(lab) == FREE
    use(lab, 1)
    wait_until(lambda: lab.ipt.save().count("-j DROP") == 4, 5)
    assert block(lab) == BY_QUOTA
    assert received.wait("QuotaExceeded").objects[mib.host(*ALICE, "QuotaAction")] == mib.BLOCK
    assert received.wait("HostBlocked").objects[mib.host(*ALICE, "BlockReason")][0] & mib.QUOTA
    assert lab.town("town-a", "BlockedHosts") == 1
    # What is dropped is not used, and others pass.
    use(lab, 50)
    use(lab, 50, "bob")
    lab.fresh()
    assert lab.host(*ALICE, "PeriodDownPkts") == 1000 and lab.host(*ALICE, "DroppedPkts") == 50
    assert lab.host(*BOB, "PeriodDownPkts") == 50
    # A SET of what it is already changes nothing.
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert block(lab) == BY_QUOTA
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    # At once.
    assert (lab.host(*ALICE, "OperStatus"), lab.ipt.save()) == (mib.ALLOWED, before)
    received.wait("HostUnblocked")
    assert block(lab) == FREE
    # And again in the new one.
    use(lab, 1001)
    wait_until(lambda: block(lab) == BY_QUOTA)
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    assert block(lab) == FREE and lab.ipt.save() == before


def test_enforced_within_one_interval(make_lab):
    """Under traffic, and without anybody who asks."""
    lab = make_lab(config=CONFIG.replace("50ms", "1h")).article().up()
    quota(lab, 2, mib.DOWN, 80, mib.BLOCK)
    rate = 2000
    sender = lab.traffic.start("outside", "alice", rate=rate, payload=KB, seconds=60)
    wait_until(lambda: lab.topology.arrived("town-a", 4)[1] >= 2000000, 20)
    began = time.monotonic()
    wait_until(lambda: "-j DROP" in lab.ipt.save(), 5)
    took = time.monotonic() - began
    sender.stop()
    # The interval, and what the daemon and iptables-save take on a busy machine.
    assert took < 2
    over = lab.topology.arrived("town-a", 4)[1] - 2000000
    assert over <= 2 * rate * 1000


def test_never_what_a_manager_blocked(lab):
    """The end of a period, a higher quota: only the quota's own reason goes."""
    quota(lab, 1, action=mib.BLOCK)
    use(lab, 1000)
    wait_until(lambda: block(lab) == BY_QUOTA)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    assert block(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER | mib.QUOTA)
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert block(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER)
    quota(lab, 5)
    assert block(lab) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert block(lab) == FREE
    # Nor what somebody put there by hand.
    for flag in ("-d", "-s"):
        lab.ipt(4, "-I", "town-a", flag, "10.1.0.11", "-j", "DROP")
    lab.must_set((mib.host(*BOB, "Zero"), mib.ZERO), (mib.host(*BOB, "QuotaAction"), mib.BLOCK))
    assert block(lab, BOB)[2] & mib.LOCAL and lab.ipt.save().count("-j DROP") == 2
    # A manager's comes first here, and goes first: the quota's stays.
    lab.must_set((mib.host("town-b", "dave", "AdminStatus"), mib.BLOCKED))
    use(lab, 10, "dave")
    lab.must_set((mib.host("town-b", "dave", "AdminStatus"), mib.ALLOWED))
    dave = ("town-b", "dave")
    quota(lab, 1, action=mib.BLOCK, who=dave)
    use(lab, 1000, "dave")
    wait_until(lambda: block(lab, dave) == BY_QUOTA)
    lab.must_set((mib.host(*dave, "AdminStatus"), mib.BLOCKED))
    lab.must_set((mib.host(*dave, "AdminStatus"), mib.ALLOWED))
    assert block(lab, dave) == BY_QUOTA


def test_a_change_takes_effect_at_once(lab):
    """In the very answer: a quota that is raised or lowered, its basis, its action."""
    use(lab, 1500)
    lab.traffic.send("alice", "outside", 100, payload=KB)
    lab.fresh()

    def now():
        return lab.host(*ALICE, "OperStatus"), "DROP" in lab.ipt.save()

    blocked, free = (mib.BLOCKED, True), (mib.ALLOWED, False)
    quota(lab, 1, mib.BOTH, 80, mib.BLOCK)
    assert now() == blocked
    quota(lab, 2)
    assert now() == free
    quota(lab, 1)
    assert now() == blocked
    quota(lab, basis=mib.UP)
    assert now() == free
    quota(lab, basis=mib.DOWN)
    assert now() == blocked
    quota(lab, action=mib.NOTIFY)
    assert now() == free
    quota(lab, action=mib.BLOCK)
    assert now() == blocked
    quota(lab, 0)
    assert now() == free
    assert state(lab) == (mib.NO_QUOTA, 0)


def test_a_change_that_is_taken_back(lab):
    """Another agent fails its part: no quota, no block, no trace."""
    lab.failset()
    use(lab, 1500)
    lab.fresh()
    before = lab.everything()
    status = lab.set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 1)),
                     (mib.host(*ALICE, "QuotaAction"), mib.BLOCK), (mib.FAILSET, 99))
    assert status[0] == "commitFailed"
    lab.expect_unchanged(before)
    lab.restart(kill=True)
    assert lab.host(*ALICE, "QuotaMB") == 0 and block(lab) == FREE


def test_a_restart_keeps_it(lab):
    """The quota, its block and the reason; over a reboot with bare rules, too. It ends
    with its period, also if that ends after the restart."""
    quota(lab, 1, mib.DOWN, 70, mib.BLOCK)
    use(lab, 1000)
    wait_until(lambda: block(lab) == BY_QUOTA)
    for again in (lambda: lab.restart(kill=True), lab.restart, lab.reboot, lambda: lab.reboot(kill=True)):
        again()
        wait_until(lambda: block(lab) == BY_QUOTA)
        assert lab.ipt.save().count("-j DROP") == 4
        row = lab.client.table("Host")[b"town-a", b"alice"]
        assert [row[c] for c in ("QuotaMB", "QuotaBasis", "QuotaWarnPercent", "QuotaAction", "QuotaState",
                                 "QuotaUsedPercent")] == [1, mib.DOWN, 70, mib.BLOCK, mib.EXCEEDED, 100]
    lab.must_set((mib.host(*ALICE, "Zero"), mib.ZERO))
    assert block(lab) == FREE and "DROP" not in lab.ipt.save()


def test_the_schedule_lets_go(make_lab):
    """At the period's end by the calendar, while it runs and while it does not."""
    lab = make_lab(config=CONFIG + "period: {every: day, timezone: UTC}\n").article()
    clock = lab.clock().at("2026-06-10 23:00")
    lab.up()
    quota(lab, 1, action=mib.BLOCK)
    quota(lab, 1, action=mib.BLOCK, who=BOB)
    for day in (11, 12):
        use(lab, 1000)
        use(lab, 1000, "bob")
        wait_until(lambda: block(lab) == block(lab, BOB) == BY_QUOTA)
        lab.must_set((mib.host(*BOB, "AdminStatus"), mib.BLOCKED))
        if day == 11:
            clock.at(f"2026-06-{day} 00:00:01")
        else:
            lab.restart(between=lambda d=day: clock.at(f"2026-06-{d} 00:00:01"))
        wait_until(lambda: lab.ipt.save().count("-j DROP") == 4, 10)
        wait_until(lambda: block(lab) == FREE, 10)
        assert block(lab, BOB) == (mib.BLOCKED, mib.BLOCKED, mib.MANAGER)
        lab.must_set((mib.host(*BOB, "AdminStatus"), mib.ALLOWED))


def configured(alice, town="quota: 3MB, basis: up", bob=""):
    return CONFIG + f"""towns:
  - name: town-a
    {town.replace(', ', chr(10) + '    ')}
    hosts:
      - {{name: alice, {alice}}}
{f'      - {{name: bob, {bob}}}' if bob else ''}
"""


def settings(lab, who=ALICE):
    row = lab.client.table("Host")[tuple(n.encode() for n in who)]
    return [row[c] for c in ("QuotaMB", "QuotaBasis", "QuotaWarnPercent", "QuotaAction")]


def reload(lab, config):
    lab.daemon.config.write_text(config)
    lab.daemon.process.send_signal(signal.SIGHUP)


def test_from_the_configuration(make_lab):
    """By name; what is not said has its default."""
    lab = make_lab(config=configured("quota: 1MB, basis: down, warn-percent: 30, on-exceed: block")).article().up()
    assert settings(lab) == [1, mib.DOWN, 30, mib.BLOCK]
    assert settings(lab, BOB) == [0, mib.BOTH, 80, mib.NOTIFY]
    assert (lab.town("town-a", "QuotaMB"), lab.town("town-a", "QuotaBasis")) == (3, mib.UP)
    assert (lab.town("town-b", "QuotaMB"), lab.town("town-b", "QuotaBasis")) == (0, mib.BOTH)
    use(lab, 1000)
    wait_until(lambda: block(lab) == BY_QUOTA)
    # A change of the file is one of the quota; nothing else changes.
    reload(lab, configured("quota: 2MB, basis: down, warn-percent: 30, on-exceed: block"))
    wait_until(lambda: settings(lab) == [2, mib.DOWN, 30, mib.BLOCK])
    wait_until(lambda: block(lab) == FREE)
    assert state(lab) == (mib.WARNED, 50)
    reload(lab, CONFIG)
    wait_until(lambda: settings(lab) == [0, mib.BOTH, 80, mib.NOTIFY])
    assert lab.town("town-a", "QuotaMB") == 0


@pytest.mark.parametrize("how", ["reload", "kill"])
def test_a_set_beats_the_configuration(make_lab, how):
    """Until the configuration's own value changes; each object by itself."""
    lab = make_lab(config=configured("quota: 1MB, on-exceed: block")).article().up()

    def again(config):
        if how == "reload":
            reload(lab, config)
            # The first look was asked for when the signal was on its way.
            lab.fresh()
            lab.fresh()
        else:
            lab.daemon.config.write_text(config)
            lab.restart(kill=True)

    quota(lab, 7, warn=11)
    assert settings(lab) == [7, mib.BOTH, 11, mib.BLOCK]
    again(configured("quota: 1MB, on-exceed: block"))
    assert settings(lab) == [7, mib.BOTH, 11, mib.BLOCK]
    # Another value of another object: the SETs still hold.
    again(configured("quota: 1MB, on-exceed: block, basis: down"))
    wait_until(lambda: settings(lab) == [7, mib.DOWN, 11, mib.BLOCK], 5)
    # Another value of this one: the newer wish is the file's.
    again(configured("quota: 2MB, on-exceed: block, basis: down"))
    wait_until(lambda: settings(lab) == [2, mib.DOWN, 11, mib.BLOCK], 5)
    quota(lab, 9)
    again(configured("quota: 2MB, on-exceed: block, basis: down"))
    assert settings(lab)[0] == 9
    # A host that the file names for the first time had what a SET gave it.
    quota(lab, 4, who=BOB)
    again(configured("quota: 2MB, on-exceed: block, basis: down", bob="warn-percent: 50"))
    wait_until(lambda: settings(lab, BOB) == [4, mib.BOTH, 50, mib.NOTIFY], 5)
    lab.must_set((mib.town("town-a", "QuotaMB"), Value(mib.GAUGE32, 8)))
    again(configured("quota: 2MB, on-exceed: block, basis: down", bob="warn-percent: 50"))
    assert lab.town("town-a", "QuotaMB") == 8
    again(configured("quota: 2MB, on-exceed: block, basis: down", town="quota: 6MB, basis: up"))
    wait_until(lambda: lab.town("town-a", "QuotaMB") == 6, 5)


def test_quotas_may_be_forbidden(make_lab):
    """set: [zero, block] leaves quotas to the configuration."""
    lab = make_lab(config=configured("quota: 1MB").replace("block, quota]", "block]")).article().up()
    for oid, value in ((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 1)),
                       (mib.host(*ALICE, "QuotaBasis"), mib.DOWN),
                       (mib.host(*ALICE, "QuotaWarnPercent"), Value(mib.GAUGE32, 1)),
                       (mib.host(*ALICE, "QuotaAction"), mib.BLOCK),
                       (mib.town("town-a", "QuotaMB"), Value(mib.GAUGE32, 1)),
                       (mib.town("town-a", "QuotaBasis"), mib.DOWN)):
        assert lab.set((oid, value)) == ("notWritable", 1)
    assert settings(lab) == [1, mib.BOTH, 80, mib.NOTIFY]
