"""Whole trees of chains, written and removed as one change: what iptables itself would
have made of the same rules, every packet in every counter, and nothing left behind."""

import re

import pytest

from lab.ipt import Iptables
from lab.ledger import Ledger
from lab.proc import LabError
from lab.topology import NETS, address

SERVICES = ("-p udp --sport 53", "-p udp --sport 6881:6889", "-p tcp --sport 80", "-p icmp", "-p tcp")
REMOTE = {"alice": 4, "bob": 8}
ZERO = {4: "0.0.0.0", 6: "::"}


def tree(family):
    """{chain: its rules}, as tests/lab/edits.h has them; the first one is to be jumped to.

    Not in the order of their names, and jumps lead forth and back."""
    net, alice, bob = NETS["town-a"][family], address("alice", family), address("bob", family)
    half = {4: "10.1.0.8/29", 6: "2001:db8:a::10/124"}[family]
    return {
        "townmeter": [f"-s {ZERO[family]} -d {ZERO[family]}", "-j tm-u", "-j tm-d"],
        "tm-u": [f"-s {net} -g tm-x"],
        "tm-d": [f"-d {net} -g tm.town-a"],
        "tm-x": [f"-d {net} -j RETURN", "-g tm.town-a"],
        "tm.town-a": [f"-d {net} -j tm-d-10.1.0.0/24", f"-s {net} -j tm-u-10.1.0.0/24"],
        "tm-d-10.1.0.0/24": ["-j tm-s", f"-d {half} -g tm-d-half"],
        "tm-d-half": [f"-d {alice} --comment alice -c 7 700", f"-d {bob} -s 192.0.2.0/24" if family == 4
                      else f"-d {bob} -s 2001:db8:ff::/64"],
        "tm-u-10.1.0.0/24": [f"-s {alice} -p udp --dport 53 -j RETURN", f"-s {alice}", f"-s {bob} -j DROP"],
        "tm-s": [f"{match} -j RETURN" for match in SERVICES] + ["-j RETURN"],
        "a-chain-of-its-own": [],
    }


def build(family, chains):
    first = next(iter(chains))
    lines = [f"-N {family}:{name}" for name in chains]
    lines += [f"-A {family}:{name} {rule}" for name, rules in chains.items() for rule in rules]
    return [f"-I {family}:FORWARD 1 -j {first}", *lines]


def remove(family, chains):
    lines = [f"-D {family}:FORWARD 1"]
    for name in chains:
        lines += [f"-D {family}:{name} all", f"-X {family}:{name}"]
    return lines


class Editor:
    """Changes by files of edits."""

    def __init__(self, lab):
        self.lab, self.n = lab, 0

    def file(self, lines):
        self.n += 1
        path = self.lab.tmp / f"edits{self.n}"
        path.write_text("\n".join(lines) + "\n")
        return path

    def __call__(self, *lines):
        return self.lab.edit(self.lab.ipt.backend, "edit", 1, self.file(lines))

    def refused(self, *lines):
        """What the backend says."""
        with pytest.raises(LabError) as info:
            self(*lines)
        return str(info.value)


@pytest.fixture
def router(make_lab):
    """The article's rules: they are another's, and stay as they are."""
    return make_lab().article()


@pytest.fixture
def editor(router):
    return Editor(router)


def by_iptables(lab, family, chains):
    """The same by hand."""
    lines = [f":{name} - [0:0]" for name in chains]
    for name, rules in chains.items():
        for rule in rules:
            text = rule.replace("--comment", "-m comment --comment")
            text = text.replace("-p icmp", {4: "-p icmp", 6: "-p icmpv6"}[family])
            text, _, counter = text.partition(" -c ")
            lines.append(f"[{counter.replace(' ', ':') or '0:0'}] -A {name} {text}")
    lines.append(f"[0:0] -I FORWARD 1 -j {next(iter(chains))}")
    lab.ipt.restore(family, "\n".join(lines), "--noflush", "--counters")


@pytest.mark.parametrize("family", [4, 6])
def test_what_iptables_would_have_written(router, editor, family):
    chains = tree(family)
    if family == 6 and router.ipt.backend == "nft":
        # ip6tables-nft begins each counter at 0, whatever it is told.
        chains = {name: [rule.partition(" -c ")[0] for rule in rules] for name, rules in chains.items()}
    before = router.ipt.save(counters=True)
    editor(*build(family, chains))
    ours = (router.ipt(family, "-S", "-v"), router.ipt(family, "-L", "-n", "-v", "-x"),
            router.ipt.save(counters=True))
    assert ours[2] != before
    editor(*remove(family, chains))
    assert router.ipt.save(counters=True) == before
    by_iptables(router, family, chains)
    theirs = (router.ipt(family, "-S", "-v"), router.ipt(family, "-L", "-n", "-v", "-x"),
              router.ipt.save(counters=True))
    assert ours == theirs
    # Rules of another hand are read as ours are, and removed as such.
    editor(*remove(family, chains))
    assert router.ipt.save(counters=True) == before


@pytest.mark.parametrize("family", [4, 6])
def test_iptables_goes_on_from_there(router, editor, family):
    """It finds its way through what was written, and changes it."""
    before = router.ipt.save(counters=True)
    chains = tree(family)
    editor(*build(family, chains))
    written = router.ipt.save(counters=True)
    ipt = router.ipt
    ipt(family, "-N", "tm-m")
    ipt(family, "-A", "tm-m", "-j", "tm-d-half")
    ipt(family, "-I", "tm-s", "3", "-j", "tm-m")
    ipt(family, "-A", "a-chain-of-its-own", "-j", "LOG")
    ipt(family, "-E", "a-chain-of-its-own", "zz")
    assert [s for s in ipt.specs("zz", family)] == ["-j LOG"]
    ipt(family, "-E", "zz", "a-chain-of-its-own")
    ipt(family, "-F", "a-chain-of-its-own")
    ipt(family, "-D", "tm-s", "3")
    ipt(family, "-F", "tm-m")
    ipt(family, "-X", "tm-m")
    assert router.ipt.save(counters=True) == written
    editor(*remove(family, chains))
    assert router.ipt.save(counters=True) == before


def meters(lab, family):
    """{chain: [packets of each rule]}."""
    return {name: [r.packets for r in lab.ipt.rules(name, family)] for name in tree(family)}


@pytest.mark.parametrize("family", [4, 6])
def test_every_packet_meets_what_it_should(router, editor, family):
    editor(*build(family, tree(family)))
    send = router.traffic.send
    send("outside", "alice", 11, family, sport=53)
    send("outside", "alice", 13, family, sport=6885)
    send("outside", "bob", 17, family, sport=6890)
    send("alice", "outside", 19, family, dport=53)
    send("alice", "outside", 23, family, dport=54)
    send("bob", "outside", 29, family)
    send("alice", "dave", 31, family, dport=80)
    send("outside", "dave", 37, family)
    down, up = 11 + 13 + 17, 19 + 23 + 29 + 31
    every = down + up + 37
    assert router.ipt.specs("FORWARD", family)[0] == "-j townmeter"
    assert router.ipt.rules("FORWARD", family)[0].packets == every
    assert meters(router, family) == {
        "townmeter": [0, every, every - 29],
        "tm-u": [up],
        "tm-d": [down],
        "tm-x": [0, up],
        "tm.town-a": [down, up],
        "tm-d-10.1.0.0/24": [down, down],
        "tm-d-half": [7 + 11 + 13, 17],
        "tm-u-10.1.0.0/24": [19, 23 + 31, 29],
        "tm-s": [11, 13, 0, 0, 0, 17],
        "a-chain-of-its-own": [],
    }


def test_both_versions_in_one_change(router, editor):
    before = router.ipt.save(counters=True)
    chains = {family: tree(family) for family in (4, 6)}
    editor(*build(4, chains[4]), *build(6, chains[6]))
    for family in (4, 6):
        assert router.ipt.specs("FORWARD", family)[0] == "-j townmeter"
    editor(*remove(6, chains[6]), *remove(4, chains[4]))
    assert router.ipt.save(counters=True) == before


def name_of(lab, rule):
    """As ruleedit calls it."""
    return ("legacy:" if lab.ipt.backend == "legacy" else "") + rule


def test_chains_that_go_and_come(router, editor):
    """Chains and rules come, go and move in one change; what stays keeps its counter, what
    goes tells it."""
    editor(*build(4, tree(4)))
    router.traffic.send("outside", "alice", 11, sport=53)
    # A class more, hosts at both ends, and a chain under the name of one that goes.
    done = editor("-N 4:tm-m", "-A 4:tm-m -p udp --sport 123 -j RETURN", "-I 4:tm-s 2 -j tm-m",
                  "-I 4:tm-d-half 1 -d 10.1.0.12", "-A 4:tm-d-half -d 10.1.0.13", "-D 4:tm-d-half 1",
                  "-X 4:a-chain-of-its-own", "-N 4:a-chain-of-its-own",
                  "-A 4:a-chain-of-its-own -d 10.1.0.0/24 -j tm-m", "-A 4:FORWARD -j a-chain-of-its-own")
    assert done["taken"] == {name_of(router, "4:tm-d-half -d 10.1.0.10"): [18, 1800]}
    router.traffic.send("outside", "bob", 13, sport=123)
    now = meters(router, 4)
    assert now["tm-d-half"] == [0, 13, 0]
    assert now["tm-s"] == [11, 13, 0, 0, 0, 0, 13]
    assert now["a-chain-of-its-own"] == [13]
    # Twice: from the classes, where it returns to the class's caller, and from FORWARD.
    assert [r.packets for r in router.ipt.rules("tm-m", 4)] == [26]


@pytest.mark.parametrize("family", [4, 6])
def test_no_packet_is_lost(router, editor, long, family):
    """The tree comes and goes while packets pass: other rules count each of them once, and
    the tree's own tell what they had."""
    chains = tree(family)
    files = [editor.file(build(family, chains)), editor.file(remove(family, chains))]
    sender = router.traffic.start("outside", "alice", family, rate=20000, sport=53)
    done = router.edit(router.ipt.backend, "edit", f"{300 if long else 30}/5", *files)
    sent = sender.stop()
    router.traffic.settle()
    total = router.ipt.rules("FORWARD", family)[0]
    assert (total.spec, total.packets, total.octets) == ("", sent["packets"], sent["octets"])
    host = {4: "-d 10.1.0.10/32", 6: "-d 2001:db8:a::10/128"}[family]
    assert router.ipt.counters("town-a", family, f"{host} -m comment --comment alice")[0] == sent["packets"]
    taken = done["taken"]
    met = taken[name_of(router, f"{family}:FORWARD -j")][0]
    assert 0 < met < sent["packets"]
    if router.ipt.backend == "legacy":
        # One instant for all the rules of a table.
        leaf = taken[name_of(router, f"{family}:tm-d-half -d {address('alice', family)}")][0]
        assert leaf - 7 * (300 if long else 30) == met


def test_changes_that_can_not_be(router, editor):
    """Nothing at all is changed, and one line says why."""
    editor(*build(4, tree(4)))
    before = router.ipt.save(counters=True)
    rest = [line for line in remove(4, tree(4)) if "tm-s" not in line]
    for lines, says in (
            (["-D 4:tm-s all", "-X 4:tm-s"], r"can not remove the chain tm-s: rule 1 of tm-d-10\.1\.0\.0/24"),
            (["-X 4:tm-s"], r"can not remove the chain tm-s: rule \d of tm-"),
            (["-X 4:FORWARD"], r"can not remove the chain FORWARD"),
            ([*rest, "-X 4:tm-s"], r"can not remove the chain tm-s: rule 1 of tm-s"),
            (["-N 4:tm-s"], r"can not make the chain tm-s: it is there"),
            (["-N 4:new", "-N 4:new"], r"can not make the chain new: twice"),
            (["-N 4:abcdefghijklmnopqrstuvwxyz123"], r"abcdefghijklmnopqrstuvwxyz123.*28"),
            (["-N 4:new", "-A 4:tm-s -j nowhere"], r"no chain nowhere"),
            (["-N 4:new", "-A 4:tm-s -j FORWARD"], r"FORWARD"),
            (["-D 4:tm-x all", "-X 4:tm-x", "-D 4:tm-u all", "-A 4:tm-d -g tm-x"], r"tm-x")):
        assert re.search(says, editor.refused(*lines)), lines
        assert router.ipt.save(counters=True) == before


@pytest.mark.parametrize("family", [4, 6])
def test_a_table_is_made_when_asked(make_lab, family):
    lab = make_lab()
    editor = Editor(lab)
    backend = lab.ipt.backend
    lab.edit(backend, "make", family)
    editor(*build(family, tree(family)))
    written = lab.ipt.save(counters=True)
    # There by now: nothing happens.
    lab.edit(backend, "make", family)
    assert lab.ipt.save(counters=True) == written
    editor(*remove(family, tree(family)))
    assert lab.ipt(family, "-S").splitlines() == [f"-P {c} ACCEPT" for c in ("INPUT", "FORWARD", "OUTPUT")]
    lab.edit(backend, "drop", family)
    if backend == "legacy":
        # The kernel keeps it.
        names = "ip_tables_names" if family == 4 else "ip6_tables_names"
        assert lab.router.read(names) == "filter\n"
    else:
        assert lab.router.run("nft", "list", "tables").stdout == ""


@pytest.mark.backend("legacy")
def test_a_circle_is_refused(router, editor):
    """By the kernel, and nothing is changed."""
    editor(*build(4, tree(4)))
    before = router.ipt.save(counters=True)
    assert "circle" in editor.refused("-I 4:tm-s 1 -j townmeter")
    assert router.ipt.save(counters=True) == before


@pytest.mark.backend("legacy")
def test_killed_between_two_calls(router, editor):
    """The tree stands, or is gone, and the counters of all rules were not given back yet."""
    ledger = Ledger(router)
    chains = tree(4)
    router.traffic.send("outside", "alice", 11, sport=53)
    before = router.ipt.save(counters=True)
    # The first call puts a witness where there was none, the second replaces the table.
    assert ledger.kill_at("setsockopt", 3, "edit", "1", editor.file(build(4, chains)))
    assert ledger.outcomes == {"rescued": 1}
    written = router.ipt.save(counters=True)
    assert set(before.splitlines()) <= set(written.splitlines())
    assert "[7:700] -A tm-d-half -d 10.1.0.10/32 -m comment --comment alice" in written
    assert ledger.kill_at("setsockopt", 2, "edit", "1", editor.file(remove(4, chains)))
    assert ledger.outcomes == {"rescued": 2}
    assert router.ipt.save(counters=True) == before


BOTH = pytest.mark.backend("nft")  # the lab's own: iptables-legacy stands beside it


def make_both(editor, which, *lines):
    """A table is made, and in the same lock the rules that go there."""
    return editor.lab.edit("both", "make", which, editor.file(lines))


@BOTH
@pytest.mark.parametrize("which", ["nft", "legacy"])
def test_rules_where_there_is_no_table(make_lab, which):
    lab = make_lab()
    own = Iptables(lab.router, str(lab.lockfile), which)
    make_both(Editor(lab), f"{which}:4", *(line.replace("4:", f"{which}:4:") for line in build(4, tree(4))))
    assert own.specs("FORWARD", 4) == ["-j townmeter"]
    assert len(own.rules("tm-s", 4)) == len(SERVICES) + 1
    assert ("nft" in which) == ("table ip filter" in lab.router.run("nft", "list", "tables").stdout)


@BOTH
def test_rules_beside_a_table_of_iptables_legacy(make_lab):
    """One with nothing but policies, and one with rules: those of nf_tables go where they are asked to."""
    for rule in (None, "-d 10.1.0.10"):
        lab = make_lab()
        editor = Editor(lab)
        legacy = Iptables(lab.router, str(lab.lockfile), "legacy")
        legacy.restore(4, "" if rule is None else f"-A FORWARD {rule}")
        before = legacy.save()
        # Where the last read found no chain of nf_tables, none is made.
        with pytest.raises(LabError, match="iptables-nft"):
            lab.edit("both", "edit", 1, editor.file(["-N nft:4:new"]))
        make_both(editor, "nft:4", *(line.replace("4:", "nft:4:") for line in build(4, tree(4))))
        assert lab.ipt.specs("FORWARD", 4) == ["-j townmeter"]
        assert legacy.save() == before
