"""How much of a customer's traffic is web, email and so on: classes by protocol and the remote
side's ports, whose sum is the total, to the packet."""

import json

from lab import mib
from lab.configured import MANAGED, fresh_router, towns

SERVICES = """
services:
  - {name: web, match: [tcp/80, tcp/443, udp/443]}
  - {name: names, match: [udp/53]}
  - {name: sharing, match: [udp/6881-6889]}
  - {name: ping, match: [icmp]}
"""
CLASSES = {b"web", b"names", b"sharing", b"ping", b"other"}
WAYS = ("DownOctets", "UpOctets", "DownPkts", "UpPkts")
CONFIG = MANAGED + SERVICES + towns(keys={"town-b": "services: false"}, host_keys={"alice": "services: true"})


def sums(rows, *key):
    own = [row for k, row in rows.items() if k[:len(key)] == key]
    return {way: sum(row[way] for row in own) for way in WAYS}


def expect_sums(lab):
    """The classes add up to what the town and the host have."""
    towns_, hosts = lab.client.table("Town"), lab.client.table("Host")
    services = lab.client.table("TownService")
    assert sums(services, b"town-a") == {w: towns_[b"town-a"][w] for w in WAYS}
    own = lab.client.table("HostService")
    assert sums(own, b"town-a", b"alice") == {w: hosts[b"town-a", b"alice"][w] for w in WAYS}
    return services, own


def send(lab):
    for family in (4, 6):
        lab.traffic.send("outside", "alice", 40, family, sport=443)
        lab.traffic.send("alice", "outside", 15, family, dport=443)
        lab.traffic.send("outside", "bob", 7, family, sport=53)
        lab.traffic.send("outside", "alice", 9, family, sport=6881)
        lab.traffic.send("outside", "alice", 8, family, sport=6889)
        lab.traffic.send("outside", "alice", 5, family, sport=6890)
        # The ports of the town's own side are nobody's service.
        lab.traffic.send("outside", "alice", 6, family, sport=7777, dport=443)
        lab.traffic.send("alice", "dave", 3, family, dport=53)
        lab.traffic.send("bob", "alice", 4, family, dport=53, via="outside")
        lab.traffic.send("outside", "alice", 11, family, icmp=True)
        lab.traffic.send("alice", "outside", 12, family, icmp=True)


def test_classes(make_lab):
    lab = fresh_router(make_lab(config=CONFIG)).up()
    send(lab)
    lab.expect_sent()
    services, own = expect_sums(lab)
    assert {k[1] for k in services} == CLASSES and {k[0] for k in services} == {b"town-a"}
    assert {k[:2] for k in own} == {(b"town-a", b"alice")}
    # alice: 40 web, 17 sharing, the rest other; bob's 7 answers; bob asks alice: up at port 53.
    assert own[b"town-a", b"alice", b"web"]["DownPkts"] == 80
    assert own[b"town-a", b"alice", b"web"]["UpPkts"] == 30
    assert own[b"town-a", b"alice", b"sharing"]["DownPkts"] == 34
    # ICMP and ICMPv6 are one class.
    ping = own[b"town-a", b"alice", b"ping"]
    assert (ping["DownPkts"], ping["UpPkts"]) == (22, 24)
    assert (own[b"town-a", b"alice", b"names"]["DownPkts"], own[b"town-a", b"alice", b"names"]["UpPkts"]) == (0, 6)
    assert own[b"town-a", b"alice", b"other"]["DownPkts"] == 2 * (5 + 6 + 4)
    assert services[b"town-a", b"names"]["DownPkts"] == 14
    assert services[b"town-a", b"names"]["UpPkts"] == 2 * (3 + 4)
    total = lab.client.table("Service")
    assert {row["Match"] for row in total.values()} == {
        b"tcp/80 tcp/443 udp/443", b"udp/53", b"udp/6881-6889", b"icmp", b""}
    assert total[b"web"]["DownPkts"] == 80 and total[b"other"]["Match"] == b""
    # All of its rules stand as they were written, ports and protocols included.
    assert lab.townmeter("apply") == "nothing to change\n"
    # Neither a zero nor a block, nor a restart, nor a flush makes them differ.
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    lab.must_set((mib.host("town-a", "bob", "AdminStatus"), mib.BLOCKED))
    send(lab)
    lab.fresh()
    expect_sums(lab)
    lab.must_set((mib.host("town-a", "bob", "AdminStatus"), mib.ALLOWED))
    lab.restart()
    lab.ipt.both("-F")
    lab.fresh()
    lab.fresh()
    send(lab)
    lab.fresh()
    expect_sums(lab)
    # Classes come and go; what they counted stays.
    before = lab.client.table("Service")
    lab.daemon.config.write_text(CONFIG.replace("  - {name: names, match: [udp/53]}\n", ""))
    lab.townmeter("apply")
    send(lab)
    lab.fresh()
    expect_sums(lab)
    after = lab.client.table("Service")
    assert after[b"web"]["DownPkts"] == before[b"web"]["DownPkts"] + 80
    assert after[b"other"]["DownPkts"] > before[b"other"]["DownPkts"]
    assert json.loads(lab.townmeter("services", "--json"))
