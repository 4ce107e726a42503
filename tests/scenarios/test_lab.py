"""The lab itself, without townmeterd: only a lab that loses nothing, counts
right and reads right can say anything about the product."""

import os
import socket
from datetime import datetime, timezone

import pytest

from lab import mib
from lab.proc import LabError, wait_until
from lab.sampler import Sampler
from lab.snmp import parse
from lab.traps import PORT, SNMPD

PACKETS = 2000


@pytest.fixture
def bare(make_lab):
    return make_lab().article()


@pytest.mark.parametrize("family,header", [(4, 28), (6, 48)])
def test_sender_and_kernel_agree(bare, family, header):
    """What blast says it sent is what FORWARD and the hosts' rules counted,
    both ways, and all of it arrives."""
    t = bare.traffic
    t.send("outside", ["alice", "bob", "dave", "other@town-a"], 4 * PACKETS, family)
    t.send("alice", "outside", PACKETS, family, payload=1000)
    t.send("bob", "erin", PACKETS, family, payload=0)
    kernel = bare.kernel_hosts()
    for who in (("town-a", "alice"), ("town-a", "bob"), ("town-b", "dave"), ("town-b", "erin")):
        for way in ("Down", "Up"):
            sent = t.tally.host[who][way.lower()]
            assert kernel[who][way] == (sent.packets, sent.octets), (who, way)
    assert t.tally.host["town-a", "alice"]["up"].octets == PACKETS * (1000 + header)
    total = bare.ipt.listing("FORWARD", family)[0]
    assert (total.packets, total.octets) == (t.tally.forward.packets, t.tally.forward.octets)
    assert total.packets == 6 * PACKETS
    assert bare.topology.arrived("outside", family)[0] == PACKETS
    assert bare.topology.arrived("town-a", family)[0] == 3 * PACKETS
    assert bare.topology.arrived("town-b", family)[0] == 2 * PACKETS


def test_full_speed_loses_nothing(bare):
    """Several senders as fast as they can, into one CPU's queue or two."""
    senders = [bare.traffic.start(a, b, f, seconds=2, rate=None)
               for a, b, f in (("outside", "alice", 4), ("alice", "dave", 6),
                               ("erin", "outside", 4))]
    for sender in senders:
        assert sender.finish(20)["packets"] > 10000
    bare.traffic.settle()
    counted = sum(bare.ipt.listing("FORWARD", f)[0].packets for f in (4, 6))
    assert counted == bare.traffic.tally.forward.packets


def test_background_sender_tells_what_it_sent(bare):
    sender = bare.traffic.start("outside", "alice", rate=20000)
    wait_until(lambda: bare.ipt.listing("FORWARD", 4)[0].packets > 100)
    sent = sender.stop()
    bare.traffic.settle()
    assert bare.ipt.listing("FORWARD", 4)[0].packets == sent["packets"]
    assert sent["seconds"] < 30


def test_the_rate_is_kept(bare):
    sent = bare.traffic.start("outside", "alice", count=1000, rate=2000).finish(20)
    assert 0.49 < sent["seconds"] < 2


def test_a_lost_packet_is_noticed(bare):
    """A link that is down at the far side loses packets: blast says so, and
    without blast's word the account of the router does."""
    bare.router.ip("link set ext0 down\n")
    sender = bare.traffic.start("outside", "alice", count=10)
    with pytest.raises(LabError, match="blast exited with 1"):
        sender.finish(10)
    bare.router.ip("link set ext0 up\n")
    bare.traffic.tally.add("192.0.2.10", "10.1.0.10", 1, 100)
    with pytest.raises(LabError, match="took in"):
        bare.traffic.settle(timeout=0.2)


def test_links_are_silent(bare):
    """Nothing but the scenarios' own packets is ever forwarded or received:
    no discovery, no multicast reports, no answers."""
    bare.traffic.send("outside", "alice", 50)
    bare.traffic.send("outside", "alice", 50, 6)
    v6 = dict(l.split() for l in bare.router.read("snmp6").splitlines())
    assert int(v6["Ip6InReceives"]) == 50
    for role in ("outside", "town-a"):
        for name in ("Icmp6OutMsgs", "Icmp6InMsgs"):
            v6 = dict(l.split() for l in bare.topology.spaces[role].read("snmp6").splitlines())
            assert v6[name] == "0", (role, name)
    assert bare.ipt.policy("INPUT", 4) == (0, 0)


def test_listing_reads_every_kind_of_line(bare):
    ipt = bare.ipt
    ipt(4, "-I", "FORWARD", "-p", "udp", "-s", "10.9.0.0/16", "-m", "comment",
        "--comment", "two words", "-j", "ACCEPT", "-c", "5", "18446744073709551000")
    ipt(6, "-I", "FORWARD", "-p", "tcp", "!", "-d", "2001:db8::/32", "-j", "town-a")
    first = ipt.listing("FORWARD", 4)[0]
    assert first == (5, 18446744073709551000, "ACCEPT", "10.9.0.0/16", "0.0.0.0/0",
                     "/* two words */")
    first = ipt.listing("FORWARD", 6)[0]
    assert (first.target, first.destination) == ("town-a", "!2001:db8::/32")
    assert ipt.listing("FORWARD", 6)[1].target == ""
    assert ipt.listing("town-a", 6)[0].destination in ("2001:db8:a::10", "2001:db8:a::10/128")
    assert ipt.counters("FORWARD", 4, '-s 10.9.0.0/16 -p udp -m comment --comment '
                                      '"two words" -j ACCEPT')[0] == 5
    with pytest.raises(AssertionError):
        ipt.counters("FORWARD", 4, "-d 10.9.0.0/16")


def test_snmp_clients_agree(bare):
    """The raw client and the tools, over UDP and the unix socket, v1 to v3."""
    bare.snmpd.start()
    bare.failset()
    system = (1, 3, 6, 1, 2, 1, 1)
    raw = bare.client.walk(system)
    assert len(raw) > 5
    assert [b.oid for b in bare.client.walk(system, by="next")] == [b.oid for b in raw]
    name = (1, 3, 6, 1, 2, 1, 1, 5, 0)
    for version in ("1", "2c", "3"):
        tools = bare.tools(version)
        assert tools.value(name) == bare.client.value(name)
        assert tools.set((mib.FAILSET, "i", 5)) == ("noError", 0)
        bad = tools.set((mib.FAILSET, "s", "x"))
        assert bad == ("badValue" if version == "1" else "wrongType", 1)
    assert bare.tools(peer=bare.snmpd.unix_peer).value(name) == bare.client.value(name)
    answer = bare.client.get(mib.ROOT)
    assert answer.binds[0].tag in (mib.NO_OBJECT, mib.NO_INSTANCE)
    assert bare.tools().get(mib.ROOT)[0].tag == answer.binds[0].tag


def test_failset_fails_when_applied(bare):
    bare.snmpd.start()
    bare.failset()
    assert bare.set((mib.FAILSET, 7)) == ("noError", 0)
    assert bare.set((mib.FAILSET, 99)) == ("commitFailed", 1)
    assert bare.client.value(mib.FAILSET) == 7


def test_tool_output_is_read_strictly():
    assert parse('.1.2.3 = Counter64: 18446744073709551615\n'
                 '.1.2.4 = Hex-STRING: 61 62 \n63 \n.1.2.5 = ""\n'
                 '.1.2.6 = INTEGER: -1\n') == [
        ((1, 2, 3), mib.COUNTER64, 2**64 - 1), ((1, 2, 4), mib.STRING, b"abc"),
        ((1, 2, 5), mib.STRING, b""), ((1, 2, 6), mib.INTEGER, -1)]
    with pytest.raises(LabError):
        parse(".1.2.3 = INTEGER: up(1)\n")
    with pytest.raises(LabError):
        parse("Timeout: No Response\n")


def test_dates():
    assert mib.moment(bytes.fromhex("0000010100000000")) is None
    assert mib.moment(bytes.fromhex("07b20101000000002b0000")) == 0
    assert mib.moment(bytes.fromhex("07b20101010000052b0100")) == 0.5


def test_everything_is_cleaned_up(programs, backend):
    """Also when a scenario stops in the middle."""
    from lab.lab import Lab
    from lab.proc import run
    lab = Lab(programs, backend)
    lab.article()
    lab.snmpd.start()
    sender = lab.traffic.start("outside", "alice")
    name, tmp = lab.router.name.partition("-")[0], lab.tmp
    assert name in run(["ip", "netns", "list"]).stdout
    lab.close()
    assert name not in run(["ip", "netns", "list"]).stdout
    assert not tmp.exists()
    assert not sender.process.running() and not lab.snmpd.process.running()


def test_a_rebooted_router_has_its_addresses_and_nothing_else(bare):
    """What is counted goes on, and what was restored stands."""
    t = bare.traffic
    t.send("outside", "alice", 100)
    t.send("alice", "outside", 40, 6)
    saved = {f: bare.ipt.backup(f) for f in (4, 6)}
    cookie = bare.router.inside(netns_cookie)
    bare.reboot_router()
    assert bare.router.inside(netns_cookie) != cookie
    assert not [l for l in bare.ipt(4, "-S").splitlines() if not l.startswith("-P ")]
    assert bare.topology.routed() == (0, 0)
    for family in (4, 6):
        bare.ipt.restore(family, saved[family], "-c")
    t.send("outside", "alice", 10)
    t.send("alice", "outside", 5, 6)
    assert bare.kernel_hosts()["town-a", "alice"]["Down"] == (110, 11000)
    # ip6tables-nft-restore of iptables 1.8.9 leaves all counters at zero.
    up = 45 if bare.ipt.backend == "legacy" else bare.kernel_hosts()["town-a", "alice"]["Up"][0]
    assert up in (5, 45) and bare.kernel_hosts()["town-a", "alice"]["Up"] == (up, up * 120)
    assert (t.tally.forward.packets, bare.topology.arrived("town-a", 4)[0]) == (155, 110)
    sender = t.start("outside", "alice")
    with pytest.raises(AssertionError, match="a sender was running"):
        bare.reboot_router()
    sender.process.kill()


def netns_cookie():
    with socket.socket() as s:
        return s.getsockopt(socket.SOL_SOCKET, 71, 8)  # SO_NETNS_COOKIE


def test_the_daemons_clock_is_set(make_lab):
    """Its time of day only, while it runs; it waits as long as ever."""
    lab = make_lab().article()
    clock = lab.clock().at("2026-03-29 02:59:00", "Europe/Berlin")
    lab.up()

    def off():
        lab.fresh()
        return abs(mib.moment(lab.agent("SnapshotTime")) - clock.now())

    # 02:59 does not exist on that day: an hour later by then.
    assert clock.now() - datetime(2026, 3, 29, 1, 59, tzinfo=timezone.utc).timestamp() < 20
    assert off() < 1
    for step in (86400, -400 * 86400):
        clock.advance(step)
        assert off() < 1
    pid = lab.daemon.process.pid
    used = cpu(pid)
    lab.fresh()
    assert cpu(pid) - used < 50, "the daemon does not sleep"
    lab.restart(kill=True)
    assert off() < 1
    lab.daemon.stop()
    assert not [p for p in os.listdir("/dev/shm") if p.endswith(f"_{pid}")]


def cpu(pid):
    """What a process has used of it, in ticks of 10 ms."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13]))


def test_the_sampler_sees_what_must_not_be(bare):
    alice = ("town-a", "alice")
    base = {(alice, c): 10 for c in mib.AMOUNTS} | \
        {(alice, "Period" + c): 4 for c in mib.AMOUNTS} | {(alice, "PeriodNumber"): 2}

    def after(*changes):
        sampler = Sampler(bare)
        sampler._judge(dict(base))
        for change in changes:
            sampler._judge(base | {(alice, c): v for c, v in change.items()})
        return len(sampler.wrong)

    grown = {"DownPkts": 12, "PeriodDownPkts": 6}
    closed = {c: 12 for c in mib.AMOUNTS} | {"Period" + c: 0 for c in mib.AMOUNTS} | \
        {"PeriodNumber": 3}
    assert after() == after(grown) == after(closed) == after(grown, closed) == 0
    assert after({"DownPkts": 9, "PeriodDownPkts": 3}) == 1   # went backwards
    assert after({"DownPkts": 12}) == 1                       # not in its period
    assert after({"PeriodNumber": 1}) == 1
    assert after(closed | {"PeriodUpOctets": 7}) == 1         # began before the last one ended
    # A restart from nothing is everything at once.
    zero = {c: 0 for c in base_columns(base)} | {"PeriodNumber": 1}
    assert after(grown, zero) == 9


def base_columns(base):
    return [column for _, column in base if column != "PeriodNumber"]


def test_notifications_are_received(make_lab):
    lab = make_lab(snmpd_extra=SNMPD)
    received = lab.traps()
    lab.snmpd.start()
    sent = lab.router.run("snmptrap", "-v2c", "-c", "public", f"udp:127.0.0.1:{PORT}", "",
                          mib.show(mib.ROOT + (0, 7)), mib.show(mib.agent("KernelResets")), "c", "5",
                          env=lab.tools().env)
    assert sent.returncode == 0
    trap = received.wait("Discontinuity")
    assert trap.objects[mib.agent("KernelResets")] == 5
