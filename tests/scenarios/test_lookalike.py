"""Rules that only look like a town's or a host's never become rows."""

import pytest

from lab import mib
from lab.lab import article
from lab.topology import NETS, address

KNOWN = {(b"town-a", b"alice"), (b"town-a", b"bob"),
         (b"town-b", b"dave"), (b"town-b", b"erin")}


@pytest.fixture
def plain(make_lab):
    """The article's rules for IPv4, and nothing running yet."""
    return make_lab().article(families=(4,))


# The same for both versions of IP: an address of the town that no host has, and
# masks for it that are no prefix.
OTHER = {4: "10.1.0.99", 6: "2001:db8:a::99"}
FULL = {4: "/32", 6: "/128"}
HOLE = {4: "/255.0.255.255", 6: "/ffff:ffff:ffff:0:ffff:ffff:ffff:ffff"}
LATE_HOLE = {4: "/255.255.255.253", 6: "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd"}


@pytest.mark.parametrize("family", [4, 6])
def test_rules_that_are_no_hosts(make_lab, family):
    """Each in the town's own chain, with traffic that matches most of them."""
    lab, other = make_lab().article(families=(family,)), OTHER[family]
    lines = [
        f"-i ext0 -d {other}", f"-o lan-a -d {other}", f"! -d {other}", f"! -s {other}",
        f"-p tcp -d {other}", f"-p udp -d {other}", f"! -p sctp -d {other}",
        f"-d {other}{HOLE[family]}", f"-s {other}{LATE_HOLE[family]}",
        f"-m mark --mark 1 -d {other}", f"-m limit --limit 5/s -d {other}",
        f"-m conntrack --ctstate NEW -d {other}", f"-d {other} -j RETURN",
        f"-d {other} -s {address('outside', family)}", f"-d {other} -j ACCEPT",
        f"-d {other} -j LOG", f"-d {other} -j REJECT", f"-d {other} -g elsewhere",
        f"-d {other} -j elsewhere", f"-p udp -d {other} -j DROP",
        f"-m mark --mark 1 -d {other} -j DROP", "", "-j RETURN",
        "-m comment --comment no-prefix",
        f"-f -d {other}" if family == 4 else f"-m frag --fragmore -d {other}"]
    lab.ipt(family, "-N", "elsewhere")
    for line in lines:
        lab.ipt(family, "-A", "town-a", *line.split())
    others = lab.ipt.specs("town-a", family)[4:]
    assert len(others) == len(lines)
    lab.up()
    lab.traffic.send("outside", ["alice", "other@town-a"], 100, family)
    lab.fresh()
    table = lab.client.table("Host")
    assert set(table) == KNOWN
    assert table[b"town-a", b"alice"]["DownPkts"] == 50
    assert all(r["OperStatus"] == mib.ALLOWED and r["DroppedPkts"] == 0 for r in table.values())
    assert lab.town("town-a", "AdminStatus") == mib.ALLOWED
    assert set(lab.client.table("Town")) == {b"town-a", b"town-b"}
    # A total, four jumps, eight rules of hosts.
    assert lab.agent("RulesRead") == 1 + 4 + 8
    # The traffic did meet them.
    assert lab.ipt.counters("town-a", family, f"-d {other}{FULL[family]} -p udp")[0] == 50
    # They are left alone, whatever happens to their neighbours.
    lab.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED),
                 (mib.town("town-a", "Zero"), mib.ZERO))
    assert lab.ipt.specs("town-a", family)[6:] == others


@pytest.mark.parametrize("family", [4, 6])
def test_chains_that_are_no_towns(make_lab, family):
    """Jumps from elsewhere, or under conditions, or without a prefix."""
    lab = make_lab().article(families=(family,))
    net, host = {4: ("10.3.0.0/24", "10.3.0.1"),
                 6: ("2001:db8:3::/64", "2001:db8:3::1")}[family]
    hole, outside = host + HOLE[family], address("outside", family)
    own = NETS["town-a"][family]
    for n, line in enumerate([
            f"INPUT -d {net}", f"OUTPUT -s {net}", f"town-a -d {own}",
            f"FORWARD -i ext0 -d {net}", f"FORWARD ! -d {net}", f"FORWARD -p tcp -s {net}",
            f"FORWARD -d {net} -s {outside}", f"FORWARD -d {hole}", "FORWARD",
            f"FORWARD -m mark --mark 7 -d {net}", f"FORWARD -o ext0 -s {net}",
            f"FORWARD -m limit --limit 1/s -d {net}"]):
        lab.ipt(family, "-N", f"no-town-{n}")
        lab.ipt(family, "-A", *line.split(), "-j", f"no-town-{n}")
        lab.ipt(family, "-A", f"no-town-{n}", "-d", host, "-m", "comment", "--comment", f"h{n}")
    lab.ipt(family, "-N", "went-to")
    lab.ipt(family, "-A", "FORWARD", "-d", net, "-g", "went-to")
    lab.ipt(family, "-N", "nobody-jumps")
    lab.ipt(family, "-A", "nobody-jumps", "-d", host)
    lab.up()
    assert set(lab.client.table("Town")) == {b"town-a", b"town-b"}
    assert set(lab.client.table("Host")) == KNOWN


def test_rules_of_other_tables_are_none_of_ours(plain):
    for table in ("mangle", "raw"):
        plain.ipt(4, "-t", table, "-N", "town-x")
        plain.ipt(4, "-t", table, "-A", "PREROUTING", "-d", "10.9.0.0/24", "-j", "town-x")
        plain.ipt(4, "-t", table, "-A", "town-x", "-d", "10.9.0.1")
    plain.up()
    assert set(plain.client.table("Town")) == {b"town-a", b"town-b"}


def test_a_loop_of_chains(plain):
    """The kernel allows one that no hook reaches."""
    ipt = plain.ipt
    for chain in ("ring", "rang", "rung"):
        ipt(4, "-N", chain)
    ipt(4, "-A", "ring", "-d", "10.6.0.0/24", "-j", "rang")
    ipt(4, "-A", "rang", "-d", "10.6.0.0/24", "-j", "rung")
    ipt(4, "-A", "rung", "-j", "ring")
    ipt(4, "-A", "ring", "-d", "10.6.0.1")
    ipt(4, "-A", "rung", "-g", "town-b")
    plain.up()
    plain.traffic.send("outside", "dave", 10)
    plain.fresh()
    assert set(plain.client.table("Host")) == KNOWN
    assert plain.host("town-b", "dave", "DownPkts") == 10
    done = plain.daemon.once("--check")
    assert done.returncode == 0 and "-A rung -j ring" in done.stdout


def test_two_rules_for_one_host(plain):
    """The first counts; the second sees the same packets and adds nothing."""
    for _ in range(2):
        plain.ipt(4, "-A", "town-a", "-d", "10.1.0.10", "-m", "comment", "--comment", "alice")
    plain.ipt(4, "-A", "FORWARD", "-d", "10.1.0.0/24", "-j", "town-a")
    plain.up()
    plain.traffic.send("outside", "alice", 40)
    plain.fresh()
    assert set(plain.client.table("Host")) == KNOWN
    assert plain.town("town-a", "DownPkts") == 40
    row = plain.client.table("Host")[b"town-a", b"alice"]
    # The chain is entered twice now, and its first rule counts twice.
    assert row["DownPkts"] == plain.ipt.rules("town-a", 4)[0].packets == 80
    assert b"second" in plain.agent("LastError") or "second" in plain.daemon.log()


def test_two_names_for_one_prefix(plain):
    """The comment of the -d rule counts, and the conflict is reported."""
    for flag, name in (("-d", "first"), ("-s", "second")):
        plain.ipt(4, "-A", "town-a", flag, "10.1.0.99", "-m", "comment", "--comment", name)
    plain.ipt(4, "-A", "town-b", "-s", "10.2.0.99", "-m", "comment", "--comment", "from-s")
    plain.ipt(4, "-A", "town-b", "-d", "10.2.0.99")
    plain.up()
    assert set(plain.client.table("Host")) == KNOWN | {(b"town-a", b"first"), (b"town-b", b"from-s")}
    assert b"second" in plain.agent("LastError")


def test_check_calls_hosts_as_the_configuration_does(make_lab):
    """`names` come before comments; a mistake in the file is told instead."""
    lab = make_lab(config=f"names: {{{address('alice', 4)}: carol}}\n").article(families=(4,))
    done = lab.daemon.once("--check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("# host town-a/carol,") == 2, done.stdout
    assert "town-a/alice" not in done.stdout and "# host town-a/bob," in done.stdout
    lab.daemon.config.write_text("names: {10.1.0.300: carol}\n")
    done = lab.daemon.once("--check")
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert "townmeter.yaml:1: names has '10.1.0.300'" in done.stderr, done.stderr


def test_one_prefix_in_two_towns(plain):
    """Both rows count; whose the address is, the first in the rules says."""
    for flag in ("-d", "-s"):
        plain.ipt(4, "-A", "town-b", flag, "10.1.0.10", "-m", "comment", "--comment", "mallory")
    plain.up()
    assert set(plain.client.table("Host")) == KNOWN | {(b"town-b", b"mallory")}
    oid = mib.prefix(4, bytes((10, 1, 0, 10)), 32, "HostName")
    assert plain.client.value(oid) == b"alice"
    assert len(plain.client.table("Address")) == 4
    assert b"10.1.0.10" in plain.agent("LastError")


NAMES = {  # comment: the name that the host gets; None: its prefix
    "two words": True, 'quo"te': True, "back\\slash": True, "it's": True,
    "José": True, "日本": True, "-j DROP": True, "a/b": True, "%s%n": True, "$(id)": True,
    "x" * 48: True, "é" * 24: True, "x" * 49: None, "é" * 24 + "x": None, "x" * 200: None,
    "bell\x07": None, "new\nline": None, "tab\there": None, "del\x7f": None,
    "\udcff\udcfe": None, "caf\udce9": None, "": None, "\u0085": None, " ": True,
}


def test_names_with_odd_characters(make_lab):
    """UTF-8 without control characters, 1 to 48 octets; else the prefix."""
    lab = make_lab().article(families=(4,))
    want = set()
    for n, (comment, good) in enumerate(NAMES.items(), 1):
        for flag in ("-d", "-s"):
            lab.ipt(4, "-A", "town-a", flag, f"10.1.0.{100 + n}", "-m", "comment",
                    "--comment", comment.encode("utf-8", "surrogateescape"))
        name = comment if good else f"10.1.0.{100 + n}"
        want.add((b"town-a", name.encode()))
    lab.ipt(4, "-A", "town-a", "-d", "10.1.0.240/28")
    want.add((b"town-a", b"10.1.0.240/28"))
    lab.up()
    table = lab.client.table("Host")
    assert set(table) == KNOWN | want
    for (town, host), row in table.items():
        assert row["Label"] == town + b"/" + host
    # What has a name can be commanded by it.
    for name in ("two words", 'quo"te', "日本", "x" * 48):
        lab.must_set((mib.host("town-a", name, "AdminStatus"), mib.BLOCKED))
        assert lab.host("town-a", name, "OperStatus") == mib.BLOCKED
        lab.must_set((mib.host("town-a", name, "AdminStatus"), mib.ALLOWED))
    assert "DROP --" not in lab.ipt.save()


def test_names_of_chains(make_lab):
    """28 octets are the most that iptables takes; not text is not metered,
    and LastError says so."""
    lab = make_lab()
    good = ["t", "x" * 28, "Ávila", "a b"]
    bad = ["bell\x07", "caf\udce9"]
    lines = ["-A FORWARD"]
    lab.ipt.restore(4, "\n".join(lines))
    for n, name in enumerate(good + bad):
        raw = name.encode("utf-8", "surrogateescape")
        if lab.ipt(4, "-N", raw, check=False).returncode != 0:
            assert name == "a b"  # iptables itself refuses it
            good.remove(name)
            continue
        lab.ipt(4, "-A", "FORWARD", "-d", f"10.{n}.0.0/16", "-j", raw)
        lab.ipt(4, "-A", raw, "-d", f"10.{n}.0.1")
    lab.up()
    assert set(lab.client.table("Town")) == {n.encode() for n in good}
    assert len(lab.client.table("Host")) == len(good)
    assert lab.agent("LastError") != b""
    walked = lab.client.walk(mib.column("Town", "Label"))
    assert [b.value for b in walked] == sorted((n.encode() for n in good),
                                               key=lambda n: (len(n), n))


def test_same_names_in_two_towns_are_two_hosts(plain):
    for town, addr in (("town-a", "10.1.0.99"), ("town-b", "10.2.0.99")):
        for flag in ("-d", "-s"):
            plain.ipt(4, "-A", town, flag, addr, "-m", "comment", "--comment", "same")
    plain.up()
    plain.traffic.send("outside", "other@town-b", 10)
    plain.fresh()
    assert plain.host("town-a", "same", "DownPkts") == 0
    assert plain.host("town-b", "same", "DownPkts") == 10
    plain.must_set((mib.host("town-b", "same", "AdminStatus"), mib.BLOCKED))
    assert plain.host("town-a", "same", "OperStatus") == mib.ALLOWED


def test_a_new_name_does_not_bill_twice(plain):
    """Baselines belong to rules: a new comment makes a new row, from now on."""
    plain.up()
    plain.traffic.send("outside", "alice", 30)
    plain.fresh()
    saved = plain.ipt.backup(4)
    plain.ipt.restore(4, saved.replace("--comment alice", "--comment alicia"), "-c")
    plain.fresh()
    plain.traffic.send("outside", "alice", 12)
    plain.fresh()
    table = plain.client.table("Host")
    assert table[b"town-a", b"alicia"]["DownPkts"] == 12
    assert table[b"town-a", b"alice"]["DownPkts"] == 30
    assert table[b"town-a", b"alice"]["OperStatus"] == mib.MISSING
    assert plain.town("town-a", "DownPkts") == 42


def test_the_order_of_rules_does_not_matter(make_lab):
    """Identity is the name: rules in reverse are the same rows."""
    lab = make_lab().article(families=(4,)).up()
    lab.traffic.send("outside", "alice", 30)
    lab.fresh()
    before = [b.oid for b in lab.client.walk(mib.TABLES["Host"][0])]
    head, hosts = [], []
    for line in article(4).splitlines():
        (hosts if line.startswith("-A town") else head).append(line)
    lab.ipt.restore(4, "\n".join(head + hosts[::-1]))
    lab.fresh()
    assert [b.oid for b in lab.client.walk(mib.TABLES["Host"][0])] == before
    lab.traffic.send("outside", "alice", 5)
    lab.expect_sent()
