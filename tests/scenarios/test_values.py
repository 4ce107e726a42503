"""Single values and rows: large numbers, totals, labels, addresses, indexes."""

import socket

import pytest

from lab import mib
from lab.lab import article
from lab.topology import OUTSIDE

ALICE = ("town-a", "alice")
NEAR_2_64 = 2**64 - 10**6


def rule(ipt, chain, flag, addr, name, packets, octets):
    """One rule of a host with counters of its own."""
    ipt(4, "-A", chain, flag, addr, "-m", "comment", "--comment", name,
        "-c", packets, octets)


def test_values_beyond_32_bits_and_near_the_end_of_64(make_lab):
    lab = make_lab()
    lab.ipt.restore(4, ":town-a - [0:0]\n-A FORWARD -c 7 9000000000\n")
    lab.ipt(4, "-A", "FORWARD", "-d", "10.1.0.0/24", "-j", "town-a",
            "-c", 2**33, 2**40 + 1)
    lab.ipt(4, "-A", "FORWARD", "-s", "10.1.0.0/24", "-j", "town-a",
            "-c", 1, NEAR_2_64)
    rule(lab.ipt, "town-a", "-d", "10.1.0.10", "alice", 2**32 + 5, 2**32 + 1)
    rule(lab.ipt, "town-a", "-s", "10.1.0.10", "alice", 12345678901234, NEAR_2_64)
    lab.up()

    def check(packets):
        octets = packets * 100
        host = lab.client.table("Host")[b"town-a", b"alice"]
        assert (host["DownPkts"], host["DownOctets"]) == \
            (2**32 + 5 + packets, 2**32 + 1 + octets)
        assert (host["UpPkts"], host["UpOctets"]) == \
            (12345678901234 + packets, NEAR_2_64 + octets)
        town = lab.client.table("Town")[b"town-a"]
        assert (town["DownPkts"], town["DownOctets"]) == (2**33 + packets, 2**40 + 1 + octets)
        assert (town["UpPkts"], town["UpOctets"]) == (1 + packets, NEAR_2_64 + octets)
        total = lab.client.table("Total")[1]
        assert (total["Pkts"], total["Octets"]) == (7 + 2 * packets, 9000000000 + 2 * octets)

    check(0)
    lab.traffic.send("outside", "alice", 500)
    lab.traffic.send("alice", "outside", 500)
    lab.fresh()
    check(500)
    # The tools print them in full, too.
    assert lab.tools().value(mib.host(*ALICE, "UpOctets")) == NEAR_2_64 + 50000
    # Setting so large a counter to zero is as exact.
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    assert [(r.packets, r.octets) for r in lab.ipt.rules("town-a", 4)] == [(0, 0)] * 2
    lab.traffic.send("alice", "outside", 10)
    lab.fresh()
    assert lab.host(*ALICE, "UpOctets") == NEAR_2_64 + 51000
    assert lab.host(*ALICE, "PeriodUpOctets") == 1000


def test_desktop_with_totals_only(make_lab):
    """A machine that forwards nothing: one rule each in INPUT and OUTPUT.

    Asked over snmpd's unix socket, so that asking adds nothing."""
    lab = make_lab()
    for family in (4, 6):
        lab.ipt.restore(family, "-A INPUT\n-A OUTPUT\n")
    lab.up()
    ask = lab.tools(peer=lab.snmpd.unix_peer)
    names = ("Octets", "Pkts", "PeriodOctets", "PeriodPkts", "Source")

    def row(chain):
        binds = ask.get(*(mib.total(chain, n) for n in names))
        return {n: b.value for n, b in zip(names, binds)}

    def settled():
        """Values of a snapshot that began after this call."""
        lab.fresh(ask=ask.get)
        return row("input"), row("output")

    first_in, first_out = settled()
    assert first_in["Source"] == first_out["Source"] == mib.RULE
    # To the router itself: nothing is forwarded and nothing answers.
    blast = lab.programs / "blast"
    for target, n, size in (("192.0.2.1", 300, 100), ("2001:db8:ff::1", 200, 120)):
        # An open socket in the router keeps it from sending ICMP errors.
        family = socket.AF_INET6 if ":" in target else socket.AF_INET

        def bound():
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.bind((target, 9))
            return s

        sink = lab.router.inside(bound)
        lab.topology.spaces["outside"].run(blast, "-d", target, "-n", n)
        lab.router.run(blast, "-d", OUTSIDE[6 if ":" in target else 4], "-n", n // 10)
        sink.close()
    second_in, second_out = settled()
    assert second_in["Pkts"] - first_in["Pkts"] == 500
    assert second_in["Octets"] - first_in["Octets"] == 300 * 100 + 200 * 120
    assert second_out["Pkts"] - first_out["Pkts"] == 50
    assert second_out["Octets"] - first_out["Octets"] == 30 * 100 + 20 * 120
    kernel = [lab.ipt.listing("INPUT", f)[0] for f in (4, 6)]
    assert second_in["Pkts"] == sum(k.packets for k in kernel)
    assert ask.value(mib.agent("Towns")) == ask.value(mib.agent("Hosts")) == 0
    # Zeroing one total leaves the other alone, in the kernel, too.
    assert ask.set((mib.total("input", "Zero"), "i", mib.ZERO)) == ("noError", 0)
    after = row("input"), row("output")
    assert after[0]["PeriodPkts"] == 0 and after[0]["Pkts"] == second_in["Pkts"]
    assert after[1] == second_out
    assert [lab.ipt.listing("INPUT", f)[0].packets for f in (4, 6)] == [0, 0]


def test_total_from_the_policy_when_there_is_no_rule(make_lab):
    lab = make_lab()
    for family in (4, 6):
        lab.ipt.restore(family, article(family).replace("\n-A FORWARD\n", "\n"))
    lab.up()
    lab.traffic.send("outside", "alice", 100)
    lab.traffic.send("alice", "outside", 30, 6)
    lab.fresh()
    row = lab.client.table("Total")[mib.CHAINS["forward"]]
    assert (row["Source"], row["Pkts"], row["Octets"]) == \
        (mib.POLICY, 130, 100 * 100 + 30 * 120)


def test_total_rule_behind_a_verdict_is_told(make_lab):
    """It is read, as its author expects; that it misses packets is told."""
    lab = make_lab().article()
    for family in (4, 6):
        lab.ipt(family, "-I", "FORWARD", "-p", "udp", "--dport", "7", "-j", "DROP")
    lab.up()
    assert lab.total("forward", "Source") == mib.RULE
    assert "ahead of the total rule of FORWARD" in lab.daemon.log()
    lab.traffic.send("outside", "alice", 20)
    lab.expect_sent()


def test_one_town_by_partial_index(lab):
    """An index that starts with the town gives this town's rows alone."""
    column = mib.column("Host", "DownOctets")
    lab.traffic.send("outside", ["alice", "bob", "dave"], 30)
    lab.fresh()
    root = column + mib.index("town-a")
    want = [(root + mib.index("bob"), mib.COUNTER64, 1000),
            (root + mib.index("alice"), mib.COUNTER64, 1000)]
    assert lab.client.walk(root) == want
    assert lab.client.walk(root, by="next") == want
    assert lab.tools().walk(root) == want
    assert lab.tools().bulkwalk(root) == want
    assert [b.value for b in lab.client.walk(column + mib.index("town-b"))] == [1000, 0]
    for unknown in ("town", "town-aa", "town-c", ""):
        assert lab.client.walk(column + mib.index(unknown)) == []


def test_labels_prefixes_and_states(lab):
    towns, hosts = lab.client.table("Town"), lab.client.table("Host")
    assert towns[b"town-a"]["Label"] == b"town-a"
    assert towns[b"town-a"]["Prefixes"] == b"10.1.0.0/24 2001:db8:a::/64"
    assert {t: (r["Hosts"], r["BlockedHosts"]) for t, r in towns.items()} == \
        {b"town-a": (2, 0), b"town-b": (2, 0)}
    alice = hosts[b"town-a", b"alice"]
    assert alice["Label"] == b"town-a/alice"
    assert alice["Prefixes"] == b"10.1.0.10 2001:db8:a::10"
    for row in hosts.values():
        assert (row["OperStatus"], row["AdminStatus"], row["Zero"]) == \
            (mib.ALLOWED, mib.ALLOWED, mib.READY)
        assert row["BlockReason"].strip(b"\0") == b"" and row["Remark"] == b""
    for row in towns.values():
        assert (row["AdminStatus"], row["Zero"], row["Bypassed"]) == \
            (mib.ALLOWED, mib.READY, mib.FALSE)


def test_whose_address_is_it(lab):
    def bytes4(text):
        return bytes(map(int, text.split(".")))

    def ask(family, addr, length):
        binds = lab.client.get(mib.prefix(family, addr, length, "TownName"),
                               mib.prefix(family, addr, length, "HostName")).binds
        return tuple(b.value for b in binds)

    assert ask(4, bytes4("10.1.0.10"), 32) == (b"town-a", b"alice")
    assert ask(4, bytes4("10.2.0.11"), 32) == (b"town-b", b"erin")
    v6 = bytes.fromhex("20010db8000a00000000000000000011")
    assert ask(6, v6, 128) == (b"town-a", b"bob")
    assert ask(4, bytes4("10.1.0.10"), 31) == (None, None)
    assert ask(4, bytes4("10.1.0.12"), 32) == (None, None)
    assert len(lab.client.table("Address")) == 8


def test_address_rows_follow_the_rules(lab):
    """Rows of hosts stay when their rules go; rows of addresses do not."""
    lab.traffic.send("outside", "alice", 5)
    lab.fresh()
    changed = lab.agent("TablesLastChange")
    for family in (4, 6):
        lab.ipt(family, "-D", "town-a", 1)
        lab.ipt(family, "-D", "town-a", 1)
    lab.fresh()
    assert len(lab.client.table("Address")) == 6
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert (row["OperStatus"], row["Prefixes"], row["DownPkts"]) == (mib.MISSING, b"", 5)
    assert lab.agent("TablesLastChange") != changed
    lab.ipt(4, "-A", "town-a", "-d", "10.1.0.10", "-m", "comment", "--comment", "alice")
    lab.traffic.send("outside", "alice", 3)
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert (row["OperStatus"], row["Prefixes"], row["DownPkts"]) == \
        (mib.ALLOWED, b"10.1.0.10", 8)
    assert len(lab.client.table("Address")) == 7


@pytest.mark.parametrize("version", ["2c", "3"])
def test_versions_with_security(lab, version):
    """v2c and v3 authPriv give the same and may set the same."""
    lab.traffic.send("outside", "alice", 5)
    lab.fresh()
    tools = lab.tools(version)
    table = mib.TABLES["Host"][0]
    got, raw = tools.bulkwalk(table), lab.client.walk(table)
    assert got == raw and len(got) == 4 * len(mib.TABLES["Host"][1])
    assert tools.walk(table) == raw
    assert tools.set((mib.host(*ALICE, "AdminStatus"), "i", mib.BLOCKED),
                     (mib.host(*ALICE, "Remark"), "s", "unpaid")) == ("noError", 0)
    assert tools.value(mib.host(*ALICE, "OperStatus")) == mib.BLOCKED
    assert tools.value(mib.host(*ALICE, "Remark")) == b"unpaid"
    assert tools.set((mib.host(*ALICE, "AdminStatus"), "i", mib.ALLOWED),
                     (mib.host(*ALICE, "BlockReason"), "u", 1))[1] == 2
    assert tools.value(mib.host(*ALICE, "OperStatus")) == mib.BLOCKED


def test_a_community_that_may_only_read(lab):
    reader = lab.new_client(community="public")
    assert reader.value(mib.agent("Towns")) == 2
    status = reader.set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED)).status
    assert status == ("noAccess", 1)
    assert lab.host(*ALICE, "OperStatus") == mib.ALLOWED
