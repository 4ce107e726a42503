"""Nothing is lost under the heaviest load, on both backends: what was taken out
of a rule's counter and what it still has is what was sent, to the packet and to
the octet. Rules with comments, of IPv6, and of /3 to /28 are among them; another
program commits to the same tables all the time."""

import contextlib

import pytest

from lab import mib, shapes
from lab.writer import iptables_commits

ALICE = ("town-a", "alice")


@pytest.fixture
def router(make_lab):
    return shapes.load(make_lab())


@pytest.fixture
def loaded(record_property):
    """A function: as many packets to alice as the machine can send, while another
    program commits. The block's value becomes what was sent, when it is left."""

    @contextlib.contextmanager
    def run(lab, families=(4, 6)):
        senders = {f: lab.traffic.start("outside", "alice", f, rate=None, seconds=800, payload=10)
                   for f in families}
        sent = {}
        with iptables_commits(lab) as done:
            before = done[0]
            yield sent
            commits = done[0] - before
        for family, sender in senders.items():
            sent[family] = sender.stop()
        lab.traffic.settle()
        rate = round(sum(s["packets"] / s["seconds"] for s in sent.values()))
        record_property("packets a second", rate)
        record_property("other commits", commits)
        print(f"{rate:,} packets a second, {commits} commits of the other program")
        assert commits > 0

    return run


@pytest.mark.parametrize("how,chains", [
    ("each", ["4:town-a", "6:town-a"]), ("zero", ["4:town-a", "6:town-a"]), ("zero", ["all"])],
    ids=["hosts", "town", "everything"])
def test_a_backend_zeroes(router, loaded, long, how, chains):
    times = 1000 if long else 100
    with loaded(router) as sent:
        done = router.edit(router.ipt.backend, how, f"{times}/3", *chains, timeout=600)
    assert (done["n"], done["kept"]) == (times, 0)
    sums = shapes.account(router, done["taken"])
    assert len(sums) == 6 + sum(map(len, shapes.SHAPES.values()))
    for name, counted in sums.items():
        assert counted == shapes.expected(name, sent[4], sent[6]), name
    # It was zeroed under load, and not before or after it.
    taken = shapes.of_ours(done["taken"])
    for name in shapes.hosts()["alice"].values():
        assert taken[name][0] > times


WHAT = {
    "host": [mib.host(*ALICE, "Zero")],
    "town": [mib.town("town-a", "Zero")],
    "everything": [mib.town("town-a", "Zero"), mib.total("forward", "Zero")],
}


@pytest.mark.parametrize("what", WHAT)
def test_the_daemon_zeroes(router, loaded, long, what):
    times = 1000 if long else 100
    router.up()
    with loaded(router) as sent:
        for _ in range(times):
            router.must_set(*((oid, mib.ZERO) for oid in WHAT[what]))
    router.fresh()
    left = shapes.left(router)
    rows = router.rows()

    def check(row, names, down):
        """All that was sent is in the Counter64, and what was not taken yet is in the period."""
        want = [sum(c) for c in zip(*(shapes.expected(n, sent[4], sent[6]) for n in names))]
        rest = [sum(c) for c in zip(*(left[n] for n in names))]
        assert [row[down + "Pkts"], row[down + "Octets"]] == want, names
        assert [row[f"Period{down}Pkts"], row[f"Period{down}Octets"]] == rest, names

    hosts = shapes.hosts()
    assert {host.decode() for _, host in rows["Host"]} == set(hosts)
    for host, names in hosts.items():
        check(rows["Host"][b"town-a", host.encode()], list(names.values()), "Down")
    town, total = rows["Town"][b"town-a"], rows["Total"][1]
    check(town, ["4:FORWARD -d 10.1.0.0/24 -j", "6:FORWARD -d 2001:db8:a::/64 -j"], "Down")
    check(total, ["4:FORWARD", "6:FORWARD"], "")
    zeroed = rows["Host"][b"town-a", b"alice"] if what == "host" else town
    assert zeroed["PeriodNumber"] == times + 1
    assert zeroed["PeriodDownPkts"] < zeroed["DownPkts"] / 2


def test_blocks_come_and_go(router, loaded, long):
    """Drops for a host come and go under load: each packet is counted in one place."""
    times = 300 if long else 40
    with loaded(router, families=(4,)) as sent:
        done = router.edit(router.ipt.backend, "toggle", f"{times}/3", "4:town-a", "10.1.0.10", timeout=600)
    sums = shapes.account(router, done["taken"])
    dropped, passed = sums["4:town-a -d 10.1.0.10 -j DROP"], sums["4:town-a -d 10.1.0.10"]
    assert dropped[0] > times and passed[0] > times
    assert (dropped[0] + passed[0], dropped[1] + passed[1]) == (sent[4]["packets"], sent[4]["octets"])
    assert sums["4:FORWARD"] == (sent[4]["packets"], sent[4]["octets"])
    assert router.topology.arrived("town-a", 4) == passed
    assert "townmeter" not in router.ipt.save()
