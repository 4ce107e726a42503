"""GET, GETNEXT and GETBULK over whole tables, also while rows come and go."""

import random
import time

import pytest

from lab import mib
from lab.pdu import ERRORS, GETNEXT, Timeout

MANY = 40  # hosts in the large town


def many(family=4, count=MANY):
    """One town with many hosts, named so that the order by name is not that
    of the rules: names of several lengths, shuffled."""
    numbers = list(range(1, count + 1))
    random.Random(7).shuffle(numbers)
    lines = [":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":big - [0:0]", "-A FORWARD",
             "-A FORWARD -d 10.9.0.0/16 -j big", "-A FORWARD -s 10.9.0.0/16 -j big"]
    for n in numbers:
        for flag in ("-d", "-s"):
            lines.append(f"-A big {flag} 10.9.0.{n}/32 -m comment --comment h{n * 37}")
    return "\n".join(lines)


@pytest.fixture
def big(make_lab):
    lab = make_lab()
    lab.ipt.restore(4, many())
    return lab.up()


def expected(lab):
    """Every object identifier that must be there, in order."""
    oids = [mib.agent(n) for n in mib.AGENT]
    oids += [mib.total("forward", c) for c in mib.TABLES["Total"][1]]
    oids += [mib.total("input", c) for c in mib.TABLES["Total"][1]]
    oids += [mib.total("output", c) for c in mib.TABLES["Total"][1]]
    oids += [mib.town("big", c) for c in mib.TABLES["Town"][1]]
    for n in range(1, MANY + 1):
        oids += [mib.host("big", f"h{n * 37}", c) for c in mib.TABLES["Host"][1]]
        oids += [mib.prefix(4, bytes((10, 9, 0, n)), 32, c)
                 for c in mib.TABLES["Address"][1]]
    oids += [mib.control(n) for n in mib.CONTROL]
    return sorted(oids)


def test_every_way_to_walk_gives_the_same(big):
    """All objects, in order, none twice, none too many."""
    want = expected(big)
    for walk in (lambda: big.client.walk(mib.ROOT, by="next"),
                 lambda: big.client.walk(mib.ROOT, repeat=1),
                 lambda: big.client.walk(mib.ROOT, repeat=7),
                 lambda: big.client.walk(mib.ROOT, repeat=1000),
                 lambda: big.tools().walk(mib.ROOT),
                 lambda: big.tools("3").bulkwalk(mib.ROOT)):
        assert [b.oid for b in walk()] == want


def test_columns_side_by_side(big):
    """GETBULK over several columns keeps rows together, as tables are read."""
    columns = [mib.column("Host", c) for c in ("DownOctets", "OperStatus", "Label", "Zero")]
    rows = 20  # snmpd gives 100 values at most
    answer = big.client.bulk(*columns, repeat=rows)
    assert answer.error == "noError" and len(answer.binds) == 4 * rows
    for i in range(0, 4 * rows, 4):
        row = answer.binds[i:i + 4]
        instances = {b.oid[len(c):] for b, c in zip(row, columns)}
        assert len(instances) == 1
        town, host = mib.names(instances.pop(), 2)
        assert row[2].value == town + b"/" + host
    # Non-repeaters come once, and first.
    answer = big.client.bulk(mib.ROOT, columns[0], columns[1], repeat=3, single=1)
    assert len(answer.binds) == 1 + 2 * 3
    assert answer.binds[0].oid == mib.agent("Version")
    assert big.client.bulk(mib.ROOT, repeat=0, single=1).binds[0].oid == mib.agent("Version")
    assert big.client.bulk(columns[0], repeat=0).binds == []


def test_all_values_of_one_answer_are_of_one_snapshot(big):
    """Octets are 100 times packets in every row of every answer, even while
    packets come in and views change."""
    big.traffic.topology.spaces["outside"].ip(
        "route add 10.9.0.0/16 via 192.0.2.1 dev eth0\n")
    big.router.ip("route add 10.9.0.0/16 dev lan-a\n"
                  "neigh replace 10.9.0.1 lladdr 02:00:00:00:01:02 dev lan-a nud permanent\n")
    process = big.topology.spaces["outside"].start(
        [big.programs / "blast", "-s", "192.0.2.10", "-d", "10.9.0.1", "-r", "20000", "-t", "8"],
        big.tmp / "b.out", big.tmp / "b.err")
    seen = set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        packets, octets, town = (b.value for b in big.client.get(
            mib.host("big", "h37", "DownPkts"), mib.host("big", "h37", "DownOctets"),
            mib.town("big", "PeriodDownPkts")).binds)
        assert octets == 100 * packets
        assert abs(town - packets) < 2000  # rules are not read at one instant
        seen.add(packets)
    process.kill()
    assert len(seen) > 2


def test_next_from_anywhere(big):
    """From any place, also one that is no row, GETNEXT finds what follows."""
    want = expected(big)
    column = mib.column("Host", "DownPkts")
    rnd = random.Random(3)
    starts = [mib.ROOT, mib.ROOT + (0,), mib.OBJECTS, column, column + (0,),
              column + (3,), column + mib.index("big"), column + mib.index("big") + (2,),
              column + mib.index("big") + mib.index("h37") + (0,),
              column + mib.index("zzzz"), column + (4294967295,), column + (3, 300, 1),
              mib.column("Address", "HostName") + (1, 4, 10, 9, 0, 7),
              mib.column("Address", "HostName") + (1, 4, 10, 9, 0, 7, 31),
              mib.column("Address", "HostName") + (2,),
              mib.OBJECTS + (4, 1, 21), mib.OBJECTS + (4, 1, 15), mib.OBJECTS + (5,),
              mib.OBJECTS + (8,), mib.column("HostClosed", "Start") + (3, 300, 1),
              mib.column("TownClosed", "OverMB") + mib.index("big"), mib.control("SpinLock"),
              mib.total("output", "Zero")]
    for _ in range(150):
        oid = list(rnd.choice(want))
        oid = oid[:rnd.randrange(len(mib.OBJECTS), len(oid) + 1)]
        if rnd.random() < 0.6:
            oid[-1] = max(0, oid[-1] + rnd.choice((-1, 1, 255)))
        if rnd.random() < 0.3:
            oid.append(rnd.choice((0, 1, 2**32 - 1)))
        starts.append(tuple(oid))
    for start in starts:
        answer = big.client.next(start)
        assert answer.status == ("noError", 0)
        following = [o for o in want if o > start]
        if following:
            assert answer.binds[0].oid == following[0], mib.show(start)
        else:
            assert answer.binds[0].tag == mib.END or answer.binds[0].oid[:-4] > mib.ROOT


def test_what_is_not_there(big):
    """noSuchInstance where the object exists, noSuchObject where it does not."""
    host = mib.column("Host", "DownPkts")
    for oid, tag in [
            (host + mib.index("big") + mib.index("nobody"), mib.NO_INSTANCE),
            (host + mib.index("big"), mib.NO_INSTANCE),
            (host, mib.NO_INSTANCE),
            (host + mib.index("big") + mib.index("h37") + (0,), mib.NO_INSTANCE),
            (mib.agent("Version")[:-1], mib.NO_INSTANCE),
            (mib.agent("Version")[:-1] + (1,), mib.NO_INSTANCE),
            (mib.total("forward", "Pkts")[:-1] + (4,), mib.NO_INSTANCE),
            (mib.column("Address", "HostName") + (1, 4, 10, 9, 0, 250, 32), mib.NO_INSTANCE),
            # Columns that this version does not serve.
            (mib.OBJECTS + (4, 1, 21) + mib.index("big") + mib.index("h37"), mib.NO_OBJECT),
            (mib.OBJECTS + (1, 25, 0), mib.NO_OBJECT),
            (mib.OBJECTS + (11, 6, 0), mib.NO_OBJECT),
            (mib.OBJECTS + (5, 1, 2) + mib.index("web"), mib.NO_OBJECT),
            (mib.control("SpinLock")[:-1], mib.NO_INSTANCE),
            (mib.control("SpinLock")[:-1] + (1,), mib.NO_INSTANCE),
            (mib.town_closed("big", 1, "Start"), mib.NO_INSTANCE),
            (mib.host_closed("big", "h37", 1, "Start"), mib.NO_INSTANCE)]:
        bind = big.client.get(oid).binds[0]
        assert (bind.oid, bind.value) == (oid, None), mib.show(oid)
        assert bind.tag in (mib.NO_INSTANCE, mib.NO_OBJECT), mib.show(oid)
        if tag == mib.NO_INSTANCE:
            assert bind.tag == tag, mib.show(oid)


def test_longest_identifiers(big):
    """128 sub-identifiers are legal; more, the master itself refuses."""
    base = mib.column("Host", "DownPkts") + (28,) + (97,) * 28 + (48,)
    legal = base + (98,) * (128 - len(base))
    assert big.client.get(legal).binds[0].tag == mib.NO_INSTANCE
    assert big.client.next(legal).binds[0].oid == mib.host("big", "h37", "UpPkts")
    assert big.set((legal, 1))[0] in ("notWritable", "noCreation")
    quick = big.new_client(timeout=1)
    with pytest.raises(Timeout):
        quick.get(base + (98,) * (129 - len(base)))
    assert big.agent("Towns") == 1


def test_a_large_request(big):
    """60 objects at once; a bulk answer that fills what the master allows."""
    oids = [mib.host("big", f"h{n * 37}", "DownPkts") for n in range(1, MANY + 1)]
    oids += [mib.town("big", c) for c in mib.TABLES["Town"][1]]
    binds = big.client.get(*oids).binds
    assert [b.oid for b in binds] == oids and all(b.tag < 0x80 for b in binds)
    answer = big.client.bulk(mib.ROOT, repeat=10000)
    assert answer.error == "noError" and len(answer.binds) > 50


def test_rows_that_come_and_go_between_two_requests(big):
    """A walk goes on after the row it stands on is gone, meets rows that are
    new behind it, never repeats one, and ends."""
    column = mib.column("Address", "HostName")

    def at(n):
        return column + (1, 4, 10, 9, 0, n, 32)

    assert big.client.next(at(10)).binds[0].oid == at(11)
    # 11 goes, and 12; 200 and 5 are new.
    for flag in ("-d", "-s"):
        for n in (11, 12):
            big.ipt(4, "-D", "big", flag, f"10.9.0.{n}", "-m", "comment",
                    "--comment", f"h{n * 37}")
        big.ipt(4, "-A", "big", flag, "10.9.0.200", "-m", "comment", "--comment", "new")
    big.fresh()
    assert big.client.next(at(10)).binds[0].oid == at(13)
    assert big.client.next(at(11)).binds[0].oid == at(13)
    walked = [b.oid for b in big.client.walk(column, by="next")]
    assert walked == [at(n) for n in range(1, MANY + 1) if n not in (11, 12)] + [at(200)]
    # Rows of hosts stay, and a new one has its place.
    table = big.client.table("Host")
    assert len(table) == MANY + 1
    assert table[b"big", b"h407"]["OperStatus"] == mib.MISSING
    assert table[b"big", b"new"]["OperStatus"] == mib.ALLOWED
    big.ipt(4, "-F", "big")
    big.fresh()
    assert big.client.walk(column) == []
    assert len(big.client.table("Host")) == MANY + 1


def test_a_walk_under_constant_change_ends(big):
    """Rules come and go all the time; no walk loops, repeats or fails."""
    script = big.tmp / "churn.sh"
    tool = big.ipt.tool(4)
    script.write_text(f"""
        while :; do
          for n in 201 203 205; do {tool} -w 5 -A big -d 10.9.0.$n || exit 1; done
          for n in 201 203 205; do {tool} -w 5 -D big -d 10.9.0.$n || exit 1; done
        done""")
    churn = big.router.start(["sh", script], big.tmp / "c.out", big.tmp / "c.err", big.ipt.env)
    try:
        deadline = time.monotonic() + 5
        lengths = set()
        while time.monotonic() < deadline:
            for by in ("bulk", "next"):
                lengths.add(len(big.client.walk(mib.column("Address", "HostName"), by=by)))
        assert churn.running(), churn.stderr()
    finally:
        churn.kill()
    assert min(lengths) >= MANY and max(lengths) <= MANY + 3


def test_version_1_gets_all_but_64_bit_counters(lab):
    """RFC 3584, 4.2.2.1: GETNEXT goes past them, GET says noSuchName."""
    v1 = lab.new_client(version=1)
    for name in ("Town", "Host", "Total"):
        entry, columns = mib.TABLES[name]
        wanted = [b for b in lab.client.walk(entry) if b.tag != mib.COUNTER64]
        assert 0 < len(wanted) < len(lab.client.walk(entry))
        got = v1.walk(entry, by="next")
        assert [b.oid for b in got] == [b.oid for b in wanted]
    oid = mib.host("town-a", "alice", "DownOctets")
    assert v1.get(oid).status == ("noSuchName", 1)
    assert v1.get(mib.agent("Towns"), oid).status == ("noSuchName", 2)
    assert v1.value(mib.host("town-a", "alice", "Label")) == b"town-a/alice"
    assert lab.tools("1").walk(mib.TABLES["Town"][0]) == \
        [b for b in lab.client.walk(mib.TABLES["Town"][0]) if b.tag != mib.COUNTER64]
    # SET works, and errors are those of version 1.
    blocked = (mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED)
    assert v1.set(blocked).status == ("noError", 0)
    assert v1.set((mib.host("town-a", "alice", "AdminStatus"), 3)).status == ("badValue", 1)
    assert lab.host("town-a", "alice", "OperStatus") == mib.BLOCKED


def test_many_requests_at_once(big):
    """Sixteen requests on the way at the same time, all answered right."""
    column = mib.column("Host", "Label")
    names = [f"h{n * 37}".encode() for n in range(1, MANY + 1)]
    for _ in range(5):
        sent = [(big.client.send(GETNEXT, [(column + mib.index("big") + mib.index(n)[:-1], None)]), n)
                for n in names[:16]]
        for number, name in sent:
            answer = big.client.receive(number)
            assert answer.error == ERRORS[0]
            assert answer.binds[0].value.startswith(b"big/h")
