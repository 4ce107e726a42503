"""Bad input: the exact error on the exact binding, and the kernel's rules stay
byte for byte as they were."""

import itertools
import random
import threading

import pytest

from lab import mib
from lab.pdu import SET, Timeout, Value
from lab.proc import wait_until

ALICE, BOB = ("town-a", "alice"), ("town-a", "bob")
ADMIN, ZERO, REMARK = (mib.host(*ALICE, c) for c in ("AdminStatus", "Zero", "Remark"))
TOWN_ADMIN, TOWN_ZERO = mib.town("town-a", "AdminStatus"), mib.town("town-a", "Zero")
TOTAL_ZERO = mib.total("forward", "Zero")
INTEGERS = (ADMIN, ZERO, TOWN_ADMIN, TOWN_ZERO, TOTAL_ZERO)
BASIS, ACTION = mib.host(*ALICE, "QuotaBasis"), mib.host(*ALICE, "QuotaAction")
# The least and the greatest value of what takes a number; what takes an Unsigned32.
NUMBERS = {BASIS: (1, 3), mib.town("town-a", "QuotaBasis"): (1, 3), ACTION: (1, 3),
           mib.control("SpinLock"): (0, 2**31 - 1), mib.control("NotifyEnable"): (1, 2)}
UNSIGNED = {mib.host(*ALICE, "QuotaMB"): (0, 2**32 - 1), mib.town("town-a", "QuotaMB"): (0, 2**32 - 1),
            mib.host(*ALICE, "QuotaWarnPercent"): (0, 100),
            mib.control("NotifyMinInterval"): (1, 86400),
            mib.control("NotifyMaxPerMinute"): (1, 6000)}
GOOD = (mib.host(*BOB, "AdminStatus"), mib.BLOCKED)

ODD_TYPES = {
    "null": Value(mib.NULL, None), "string": b"\x02", "empty string": b"",
    "oid": (1, 3, 6), "gauge": Value(mib.GAUGE32, 2), "counter": Value(mib.COUNTER32, 2),
    "ticks": Value(mib.TICKS, 2), "counter64": Value(mib.COUNTER64, 2),
    "address": Value(0x40, b"\x7f\0\0\1"), "opaque": Value(0x44, b"\x02\x01\x02"),
}


@pytest.fixture(scope="module")
def shared(make_shared_lab):
    lab = make_shared_lab().article().up()
    lab.before = lab.everything()
    return lab


@pytest.fixture
def refuse(shared):
    """Check that a SET is refused and that nothing at all changed."""

    def check(error, index, *binds):
        got = shared.set(*binds)
        assert got == (error, index)
        shared.expect_unchanged(shared.before)

    yield check
    assert shared.daemon.running()


@pytest.mark.parametrize("kind", ODD_TYPES)
def test_wrong_type(refuse, kind):
    value = ODD_TYPES[kind]
    for oid in INTEGERS:
        refuse("wrongType", 1, (oid, value))
    for oid in NUMBERS:
        refuse("wrongType", 1, (oid, value))
    for oid in UNSIGNED:
        if kind != "gauge":
            refuse("wrongType", 1, (oid, value))
        refuse("wrongType", 1, (oid, 2))
    if not isinstance(value, bytes):
        refuse("wrongType", 1, (REMARK, value))
    # Behind a good one, the index says which.
    refuse("wrongType", 2, GOOD, (ADMIN, value))


def test_wrong_type_of_a_remark(refuse):
    refuse("wrongType", 1, (REMARK, 5))


@pytest.mark.parametrize("value", [0, 3, -1, 2**31 - 1, -2**31])
def test_wrong_value(refuse, value):
    for oid in INTEGERS:
        refuse("wrongValue", 1, (oid, value))
    refuse("wrongValue", 3, GOOD, (ADMIN, 2), (TOWN_ZERO, value))


def test_numbers_outside_their_range(refuse):
    for oid, (least, most) in NUMBERS.items():
        for value in {least - 1, most + 1, -2**31} - {2**31}:
            refuse("wrongValue", 1, (oid, value))
            refuse("wrongValue", 2, GOOD, (oid, value))
    for oid, (least, most) in UNSIGNED.items():
        for value in {max(least - 1, 0), min(most + 1, 2**32 - 1), 2**32 - 1}:
            if not least <= value <= most:
                refuse("wrongValue", 1, (oid, Value(mib.GAUGE32, value)))


def test_the_spin_lock_has_another_value(refuse, shared):
    """The whole request fails for the lock, whatever else is in it."""
    lock = mib.control("SpinLock")
    value = shared.client.value(lock)
    for other in (value + 1, max(value - 1, 0) if value else 7, 2**31 - 1):
        refuse("inconsistentValue", 1, (lock, other))
        refuse("inconsistentValue", 2, (ZERO, 2), (lock, other))
        refuse("inconsistentValue", 1, (lock, other), (ADMIN, 2))
    assert shared.client.value(lock) == value


@pytest.mark.parametrize("size", [64, 65, 255, 1000, 20000])
def test_wrong_length(refuse, size):
    refuse("wrongLength", 1, (REMARK, "x" * size))
    refuse("wrongLength", 2, GOOD, (REMARK, "x" * size))


@pytest.mark.parametrize("text", [b"\xff", b"a\0b", b"line\nbreak", b"\x1b[2J", b"\x7f",
                                  b"\xc0\xaf", b"\xed\xa0\x80", b"caf\xe9", b"\xc2\x85",
                                  b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_remark_that_is_no_text(refuse, text):
    refuse("wrongValue", 1, (REMARK, text))


def test_no_creation(refuse):
    for oid in (mib.host("town-a", "nobody", "AdminStatus"),
                mib.host("town-c", "alice", "Zero"),
                mib.host("", "", "Zero"),
                mib.host("town-a", "alice", "AdminStatus") + (0,),
                mib.column("Host", "AdminStatus") + mib.index("town-a"),
                mib.column("Host", "AdminStatus"),
                mib.column("Host", "Zero") + (300, 1, 2),
                mib.town("town-c", "AdminStatus"), mib.town("town-c", "Zero"),
                mib.column("Town", "Zero") + (7,),
                mib.total("forward", "Zero")[:-1] + (4,),
                mib.total("forward", "Zero")[:-1] + (0,)):
        refuse("noCreation", 1, (oid, 2))
        refuse("noCreation", 2, GOOD, (oid, 2))
    refuse("noCreation", 1, (mib.host("town-a", "nobody", "Remark"), "x"))
    for oid in (mib.host("town-a", "nobody", "QuotaMB"), mib.town("town-c", "QuotaMB"),
                mib.host("town-c", "alice", "QuotaWarnPercent")):
        refuse("noCreation", 1, (oid, Value(mib.GAUGE32, 50)))
        refuse("noCreation", 2, GOOD, (oid, Value(mib.GAUGE32, 50)))
    for oid in (mib.host("town-a", "nobody", "QuotaBasis"), mib.town("town-c", "QuotaBasis"),
                mib.host("town-a", "nobody", "QuotaAction"), mib.control("SpinLock")[:-1],
                mib.control("SpinLock") + (0,), mib.control("NotifyEnable")[:-1] + (1,)):
        refuse("noCreation", 1, (oid, 2))


def test_not_writable(refuse):
    """Every object that is read-only, with a value of its own type."""
    fitting = {mib.INTEGER: 1, mib.STRING: "x", mib.COUNTER32: Value(mib.COUNTER32, 1),
               mib.GAUGE32: Value(mib.GAUGE32, 1), mib.COUNTER64: Value(mib.COUNTER64, 1)}
    rows = {"Total": (mib.CHAINS["forward"],), "Town": mib.index("town-a"),
            "Host": mib.index("town-a") + mib.index("alice"),
            "Service": mib.index("web"), "TownService": mib.index("town-a") + mib.index("web"),
            "HostService": mib.index("town-a") + mib.index("alice") + mib.index("web"),
            "Address": (1, 4, 10, 1, 0, 10, 32), "TownClosed": mib.index("town-a") + (1,),
            "HostClosed": mib.index("town-a") + mib.index("alice") + (1,)}
    oids = [(mib.agent(n), t) for n, (_, t) in mib.AGENT.items()]
    oids += [(mib.control(n), t) for n, (_, t) in mib.CONTROL.items()
             if n not in mib.WRITABLE_CONTROL]
    for table, (_, columns) in mib.TABLES.items():
        oids += [(mib.column(table, c) + rows[table], t) for c, (_, t) in columns.items()
                 if (table, c) not in mib.WRITABLE]
    assert len(oids) > 80
    for oid, tag in oids:
        refuse("notWritable", 1, (oid, fitting[tag]))
    refuse("notWritable", 3, GOOD, (ADMIN, 2), (mib.agent("Version"), "x"))


def test_what_is_not_served_is_not_writable(refuse, shared):
    """Columns of later versions, other places: some refusal, no crash."""
    for oid in (mib.OBJECTS + (4, 1, 21) + mib.index("town-a") + mib.index("alice"),
                mib.OBJECTS + (3, 1, 29) + mib.index("town-a"), mib.OBJECTS + (11, 6, 0),
                mib.OBJECTS + (12, 1, 1) + mib.index("town-a"), mib.ROOT, mib.OBJECTS + (4,), mib.OBJECTS + (4, 1)):
        error, index = shared.set((oid, 1))
        assert error in ("notWritable", "noCreation") and index == 1, mib.show(oid)
    shared.expect_unchanged(shared.before)


def test_the_same_instance_twice(refuse):
    """The second one is at fault."""
    for a, b in itertools.product((mib.ALLOWED, mib.BLOCKED), repeat=2):
        refuse("inconsistentValue", 2, (ADMIN, a), (ADMIN, b))
    refuse("inconsistentValue", 3, GOOD, (ZERO, 2), (ZERO, 2))
    refuse("inconsistentValue", 2, (REMARK, "a"), (REMARK, "b"))
    for oid in NUMBERS.keys() - {mib.control("SpinLock")}:
        refuse("inconsistentValue", 3, GOOD, (oid, 2), (oid, 2))
    for oid in UNSIGNED:
        refuse("inconsistentValue", 3, GOOD, *[(oid, Value(mib.GAUGE32, 60))] * 2)
    refuse("inconsistentValue", 3, (TOWN_ZERO, 1), (ZERO, 1), (TOWN_ZERO, 1))
    refuse("inconsistentValue", 2, (TOTAL_ZERO, 2), (TOTAL_ZERO, 2))


def test_one_instance_twice_in_a_large_request(refuse):
    others = [(mib.host(*w, c), 1) for w in (ALICE, BOB, ("town-b", "dave"), ("town-b", "erin"))
              for c in ("AdminStatus", "Zero")]
    others += [(mib.town(t, c), 1) for t in ("town-a", "town-b") for c in ("AdminStatus", "Zero")]
    refuse("inconsistentValue", len(others) + 1, *others, others[0])


@pytest.mark.backend("legacy")
def test_the_lock_is_held(shared):
    """resourceUnavailable, in time, with the lock file's name in LastError;
    what was read before is still served; afterwards all is well."""
    stale = shared.agent("SnapshotTime")
    with shared.locked():
        for binds in ([(ADMIN, 2)], [(TOWN_ZERO, 2)], [(TOTAL_ZERO, 2)]):
            assert shared.set(*binds) == ("resourceUnavailable", 1)
        error, index = shared.set(GOOD, (mib.town("town-b", "Zero"), 2))
        assert error == "resourceUnavailable" and index in (1, 2)
        assert str(shared.lockfile) in shared.agent("LastError").decode()
        assert shared.host(*ALICE, "OperStatus") == mib.ALLOWED
        # A look that finds the lock held is an error of a snapshot; the
        # values stay.
        errors = shared.agent("SnapshotErrors")
        wait_until(lambda: shared.agent("SnapshotErrors") > errors, 15)
        assert len(shared.client.table("Host")) == 4
        assert mib.moment(shared.agent("LastErrorTime")) is not None
    shared.fresh()
    assert shared.agent("SnapshotTime") != stale
    shared.expect_unchanged(shared.before)


@pytest.mark.backend("legacy")
def test_the_lock_is_held_for_a_moment(shared):
    """A SET waits a little for a lock that is free again soon."""
    with shared.locked():
        number = shared.client.send(SET, [(ADMIN, mib.ALLOWED), (ZERO, 2)])
        timer = threading.Event()
        timer.wait(0.2)
    assert shared.client.receive(number).status == ("noError", 0)
    shared.before = shared.everything()


def test_a_storm_of_nonsense(shared):
    """Two hundred requests with random mixtures of all of the above: each is
    answered with an error, none does anything, and the daemon lives."""
    rnd = random.Random(11)
    oids = [*INTEGERS, *NUMBERS, *UNSIGNED, REMARK, mib.agent("Version"), mib.host("x", "y", "Zero"),
            mib.column("Host", "Zero") + (2**32 - 1,) * 5, mib.town("town-b", "AdminStatus")]
    values = [*ODD_TYPES.values(), 0, 3, -5, "y" * 64, b"\xff\xfe", "y" * 300]
    for _ in range(200):
        binds = [(rnd.choice(oids), rnd.choice(values)) for _ in range(rnd.randrange(1, 12))]
        binds.insert(rnd.randrange(len(binds) + 1), (ADMIN, Value(mib.NULL, None)))
        error, index = shared.set(*binds)
        assert error not in ("noError", "genErr") and 1 <= index <= len(binds), (error, binds)
    shared.expect_unchanged(shared.before)


@pytest.mark.parametrize("body", [b"", b"\x02" * 5, b"\x02" * 9, b"\x80\0\0\0\0\0\0\x02"],
                         ids=["none", "five", "nine", "eight"])
def test_integers_of_a_wrong_size(shared, body):
    """The master or the agent says no, or nothing; nothing changes."""
    quick = shared.new_client(timeout=0.5)
    try:
        assert quick.set((ADMIN, Value(mib.INTEGER, body))).error != "noError"
    except Timeout:
        pass
    shared.expect_unchanged(shared.before)
