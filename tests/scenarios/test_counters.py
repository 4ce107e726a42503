"""The main promise: the counters of towns, hosts and totals are what was sent,
to the packet and the octet, and what `iptables -L -v -n -x` shows."""

import time

import pytest

from lab import mib
from lab.daemon import CONFIG
from lab.proc import wait_until

HOSTS = {(b"town-a", b"alice"), (b"town-a", b"bob"),
         (b"town-b", b"dave"), (b"town-b", b"erin")}


def send_all_ways(traffic):
    """Different amounts for every host, direction and version of IP."""
    n = 100
    for family in (4, 6):
        for host in ("alice", "bob", "dave", "erin"):
            n += 7
            traffic.send("outside", host, n, family, payload=n)
            traffic.send(host, "outside", n + 3, family, payload=3 * n)
    traffic.send("outside", ["other@town-a", "other@town-b"], 64, 6, payload=1400)


def test_what_was_sent_is_what_is_served(lab):
    send_all_ways(lab.traffic)
    lab.expect_sent()
    lab.expect_kernel()
    assert set(lab.client.table("Host")) == HOSTS
    assert set(lab.client.table("Town")) == {(b"town-a"), (b"town-b")}
    # A first period holds everything, too.
    for name in ("Town", "Host"):
        for key, row in lab.client.table(name).items():
            for c in ("DownOctets", "UpOctets", "DownPkts", "UpPkts"):
                assert row[c] == row["Period" + c], (key, c)
            assert row["PeriodNumber"] == 1
    # And once more: counters go on, they are not only a first reading.
    send_all_ways(lab.traffic)
    lab.expect_sent()
    lab.expect_kernel()


def test_every_packet_between_towns_counts_for_both(lab):
    lab.traffic.send("alice", "dave", 200)
    lab.traffic.send("erin", "bob", 300, 6)
    lab.expect_sent()
    assert lab.host("town-a", "alice", "UpPkts") == 200
    assert lab.host("town-b", "dave", "DownPkts") == 200
    assert lab.total("forward", "Pkts") == 500


def test_who_has_no_rule_counts_for_the_town_only(lab):
    lab.traffic.send("outside", "other@town-a", 150)
    lab.traffic.send("other@town-b", "outside", 50, 6)
    lab.expect_sent()
    assert lab.town("town-a", "DownPkts") == 150
    for row in lab.client.table("Host").values():
        assert row["DownPkts"] == row["UpPkts"] == 0


def test_counters_start_at_what_the_kernel_counted(make_lab):
    """The first walk equals the listing, whatever happened before."""
    lab = make_lab().article()
    send_all_ways(lab.traffic)
    lab.up()
    lab.expect_sent()
    lab.expect_kernel()
    send_all_ways(lab.traffic)
    lab.expect_sent()


@pytest.mark.parametrize("family", [4, 6])
def test_one_version_of_ip_is_enough(make_lab, family):
    lab = make_lab().article(families=(family,)).up()
    lab.traffic.send("outside", "alice", 100, family)
    lab.traffic.send("alice", "outside", 50, 10 - family)
    lab.traffic.settle()
    lab.fresh()
    row = lab.client.table("Host")[b"town-a", b"alice"]
    assert (row["DownPkts"], row["UpPkts"]) == (100, 0)
    assert set(lab.client.table("Host")) == HOSTS


def test_a_host_with_several_prefixes_is_one_row(make_lab):
    """Names make the host: IPv4 and IPv6, single addresses and networks."""
    lab = make_lab().article()
    for flag in ("-d", "-s"):
        lab.ipt(4, "-A", "town-a", flag, "10.1.0.96/28", "-m", "comment",
                "--comment", "alice")
        lab.ipt(6, "-A", "town-b", flag, "2001:db8:b::/120", "-m", "comment",
                "--comment", "only-six")
    lab.up()
    lab.traffic.send("outside", "alice", 10)
    lab.traffic.send("outside", "alice", 20, 6)
    lab.traffic.send("outside", "other@town-a", 40)
    lab.traffic.send("outside", "other@town-b", 80, 6)
    lab.traffic.settle()
    lab.fresh()
    table = lab.client.table("Host")
    assert set(table) == HOSTS | {(b"town-b", b"only-six")}
    alice = table[b"town-a", b"alice"]
    assert alice["DownPkts"] == 70
    assert alice["DownOctets"] == 10 * 100 + 20 * 120 + 40 * 100
    assert alice["Prefixes"] == b"10.1.0.10 10.1.0.96/28 2001:db8:a::10"
    # dave and erin are in that network as well: a packet counts for every
    # host whose rule it matches, and these three are in one chain.
    assert table[b"town-b", b"only-six"]["DownPkts"] == 80


def test_traffic_inside_one_chain_is_what_the_kernel_says(lab):
    """Both jumps lead into the hand-written chain, so a packet between two
    hosts of one town passes it twice; the daemon shows the kernel's figures
    and does not hide that."""
    # bob's address moves out of his town, so that the router sees the packets.
    lab.topology.spaces["town-a"].ip("addr del 10.1.0.11/24 dev eth0\n"
                                     "route add 10.1.0.11/32 via 10.1.0.1 dev eth0\n")
    lab.topology.spaces["outside"].ip("addr add 10.1.0.11/32 dev eth0\n")
    lab.router.ip("route add 10.1.0.11/32 dev ext0\n"
                  "neigh replace 10.1.0.11 lladdr 02:00:00:00:00:02 dev ext0 nud permanent\n")
    lab.traffic.send("alice", "bob", 100)
    lab.fresh()
    assert lab.topology.arrived("outside", 4)[0] == 100
    assert lab.host("town-a", "alice", "UpPkts") == 200
    assert lab.host("town-a", "bob", "DownPkts") == 200
    assert lab.town("town-a", "UpPkts") == lab.town("town-a", "DownPkts") == 100
    lab.expect_kernel()


@pytest.mark.parametrize("config", ["", "interval: 30s\nmax-age: 2s\nset: [zero, block]\n"])
def test_who_looks_sees_now(make_lab, config):
    """With the usual values a request finds nothing older than 2 s, and
    values that are younger cost the kernel nothing."""
    lab = make_lab(config=config).article().up()
    lab.traffic.send("outside", "alice", 100)
    start = time.monotonic()
    wait_until(lambda: lab.host("town-a", "alice", "DownPkts") == 100, 10)
    assert time.monotonic() - start < 3
    # Within max-age nobody reads the kernel again.
    before = lab.agent("Snapshots")
    for _ in range(20):
        lab.host("town-a", "alice", "DownPkts")
    assert lab.agent("Snapshots") - before <= 1


def test_it_looks_by_itself_at_every_interval(make_lab):
    lab = make_lab(config=CONFIG.replace("30s", "1s").replace("100ms", "1h")).article().up()
    before = lab.agent("Snapshots")
    start = time.monotonic()
    wait_until(lambda: lab.agent("Snapshots") >= before + 3, 10)
    assert time.monotonic() - start > 1.5


def test_a_flowtable_is_told(lab):
    """It takes packets past the rules, whoever made it, and those of both backends."""
    assert lab.agent("OffloadDetected") == mib.FALSE
    made = lab.router.run("nft", "add table inet fast; add flowtable inet fast f "
                                 "{ hook ingress priority 0; devices = { ext0, lan-a }; }", check=False)
    if made.returncode:  # this kernel has none (CONFIG_NF_FLOW_TABLE); nft_chains_test plays one
        assert "No such file" in made.stderr
        lab.fresh()
        assert lab.agent("OffloadDetected") == mib.FALSE
        return
    lab.fresh()
    assert lab.agent("OffloadDetected") == mib.TRUE
    assert b"flowtable" in lab.agent("LastError")
    assert lab.daemon.log().count("flowtable") == 1
    lab.router.run("nft", "delete table inet fast")
    lab.fresh()
    assert lab.agent("OffloadDetected") == mib.FALSE


def test_scalars(lab):
    oids = {name: mib.agent(name) for name in mib.AGENT}
    binds = lab.client.get(*oids.values()).binds
    values = {}
    for (name, oid), bind in zip(oids.items(), binds):
        assert (bind.oid, bind.tag) == (oid, mib.AGENT[name][1]), name
        values[name] = bind.value
    assert values["Version"].startswith(b"townmeter")
    assert values["Backend"] == mib.BACKEND[lab.ipt.backend]
    assert (values["Towns"], values["Hosts"], values["BlockedHosts"]) == (2, 4, 0)
    # For each version of IP: a total, four jumps, eight rules of hosts.
    assert values["RulesRead"] == 2 * (1 + 4 + 8)
    assert values["LastError"] == b"" and mib.moment(values["LastErrorTime"]) is None
    assert (values["KernelResets"], values["SnapshotErrors"]) == (0, 0)
    assert 0 < values["SnapshotDuration"] < 1000000
    assert values["SnapshotAge"] < 3000
    now = time.time()
    for name in ("SnapshotTime", "TablesLastChange", "DiscontinuityTime"):
        assert -10 < now - mib.moment(values[name]) < 60, name
    # Nothing else is below the scalars.
    walked = lab.client.walk(mib.OBJECTS + (1,))
    assert [b.oid for b in walked] == sorted(oids.values())
