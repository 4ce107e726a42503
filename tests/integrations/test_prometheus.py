"""A real Prometheus polls through a real snmp_exporter, with the files that we ship, and
knows what the senders counted."""

import pytest

from lab import mib
from lab.configured import MANAGED, fresh_router, towns
from lab.lab import TOWNS
from lab.pdu import Value
from lab.topology import HOSTS, NETS
from prom import EXACT, ROUTER, Exporter, Prometheus

# Comments as people write them, by the host that has the address.
NAMES = {"alice": 'Zoë "the 1st" Müller', "bob": "bob's \\ shop, 2nd floor", "dave": "dave",
         "erin": "エリン"}
KNOWN = {(town, NAMES[h]): h for town in HOSTS for h in HOSTS[town] if h in NAMES}
# Packets and octets that came down before anybody looked; those of a town go beyond EXACT.
BASE = {"bob": (2**33 + 5, 2**40 + 7), "dave": (12345678, 2**52 - 10**9),
        "erin": (2**40, 2**52 + 2 * 10**9 + 1)}
TOWN_BASE = {town: [sum(column) for column in zip(*(BASE[h] for h in HOSTS[town] if h in BASE))]
             for town in TOWNS}
COLUMNS = {"down": ("DownPkts", "DownOctets"), "up": ("UpPkts", "UpOctets")}


def rules(lab):
    """The article's, with these names, and large counters from the start."""
    for family in (4, 6):
        lines = [f":{town} - [0:0]" for town in TOWNS] + ["-A FORWARD"]
        for town in TOWNS:
            packets, octets = TOWN_BASE[town] if family == 4 else (0, 0)
            lines.append(f"-A FORWARD -d {NETS[town][family]} -j {town} -c {packets} {octets}")
            lines.append(f"-A FORWARD -s {NETS[town][family]} -j {town}")
        lab.ipt.restore(family, "\n".join(lines))
        for (town, name), host in KNOWN.items():
            for flag in ("-d", "-s"):
                large = BASE.get(host) if family == 4 and flag == "-d" else None
                lab.ipt(family, "-A", town, flag, HOSTS[town][host][family],
                        "-m", "comment", "--comment", name, *(["-c", *large] if large else []))


SERVICES = "services: [{name: web, match: [tcp/443, udp/443]}, {name: e-mail, match: [tcp/25, udp/25]}]\n"
DIVIDED = MANAGED + SERVICES + towns(keys={"town-b": "services: false"}, host_keys={"alice": "services: true"})


@pytest.fixture
def watched(make_lab):
    """A router that a Prometheus polls: lab.prometheus."""
    lab = make_lab(apart=True)
    rules(lab)
    yield from _watched(lab)


@pytest.fixture
def divided(make_lab):
    """The same with service classes: those of town-a, and of its host alice."""
    yield from _watched(fresh_router(make_lab(apart=True, config=DIVIDED)))


def _watched(lab):
    lab.up()
    exporter = Exporter(lab)
    try:
        lab.prometheus = Prometheus(lab)
        yield lab
        lab.prometheus.close()
    finally:
        exporter.close()


def sent_to(lab, host, way):
    """(packets, octets) that a host's counters have to show."""
    town = next(t for t in HOSTS if host in HOSTS[t])
    count = lab.traffic.tally.host[town, host][way]
    packets, octets = BASE.get(host, (0, 0)) if way == "down" else (0, 0)
    return count.packets + packets, count.octets + octets


def expect_sent(lab, known=None):
    """Prometheus comes to show for every host, town and total exactly what was sent."""
    lab.traffic.settle()
    tally = lab.traffic.tally
    want = {}
    for (town, name), host in (known or KNOWN).items():
        for way, columns in COLUMNS.items():
            for column, value in zip(columns, sent_to(lab, host, way)):
                want[f"townMeterHost{column}", town, name] = value
    for town in TOWNS:
        for way, columns in COLUMNS.items():
            count = tally.town[town][way]
            base = TOWN_BASE[town] if way == "down" else (0, 0)
            for column, value, more in zip(columns, (count.packets, count.octets), base):
                want[f"townMeterTown{column}", town, None] = (value + more) % EXACT
    want["townMeterTotalPkts", None, None] = tally.forward.packets
    want["townMeterTotalOctets", None, None] = tally.forward.octets

    def same():
        shown = {}
        for metric, value in lab.prometheus.query(
                '{__name__=~"townMeter(Host|Town)(Down|Up)(Octets|Pkts)|townMeterTotal(Octets|Pkts)",'
                'chain=~"forward|"}'):
            shown[metric["__name__"], metric.get("town"), metric.get("host")] = value
        different = {k: (shown.get(k), want.get(k)) for k in shown.keys() | want.keys()
                     if shown.get(k) != want.get(k)}
        assert not different, f"(Prometheus, sent): {different}"
        return True

    lab.prometheus.until(same, "Prometheus shows what was sent")


def test_rows_names_and_values(watched):
    """Every row with its name, and every counter to the octet, also beyond 32 bits."""
    for family in (4, 6):
        watched.traffic.send("outside", ["alice", "bob", "dave", "other@town-a"], 800, family)
        watched.traffic.send("erin", "outside", 300, family)
    expect_sent(watched)
    prometheus = watched.prometheus
    bob = prometheus.host("townMeterHostDownOctets", "town-a", NAMES["bob"])
    assert bob > 2**40 and bob == 2**40 + 7 + 200 * (100 + 120)
    # Every column has a row for each host and town, and no row has one of the long names.
    for name in ("townMeterHostPeriodDownOctets", "townMeterHostQuotaState",
                 "townMeterHostDiscontinuityTime", "townMeterHostOperStatus"):
        prometheus.shows(lambda: set(prometheus.hosts(name)), set(KNOWN))
    prometheus.shows(lambda: set(prometheus.towns("townMeterTownBypassed")), set(TOWNS))
    prometheus.shows(lambda: prometheus.rows("townMeterTotalSource", "chain"), {("forward",): mib.RULE})
    prometheus.shows(lambda: prometheus.one("townMeterHosts"), len(KNOWN))
    prometheus.shows(lambda: prometheus.one("townMeterTowns"), len(TOWNS))
    assert prometheus.query('{townMeterTownName!=""}') == []
    assert prometheus.query('{townMeterTotalChain!=""}') == []
    # Amounts of the period, and what is nobody's.
    prometheus.shows(lambda: prometheus.towns("townMeterTownUnattributedDownOctets"),
                     {"town-a": 200 * (100 + 120), "town-b": 0})
    # The texts, which are polled apart.
    prometheus.shows(lambda: set(prometheus.rows("townMeterHostLabel", "town", "host", "townMeterHostLabel")),
                     {(town, name, f"{town}/{name}") for town, name in KNOWN})
    prometheus.shows(lambda: set(prometheus.rows("townMeterHostPrefixes", "host", "townMeterHostPrefixes")),
                     {(name, f"{HOSTS[town][h][4]} {HOSTS[town][h][6]}") for (town, name), h in KNOWN.items()})
    # What is set shows, in whatever letters.
    remark = 'ünpaid "since" May'
    watched.must_set((mib.host("town-a", NAMES["alice"], "Remark"), remark))
    prometheus.until(lambda: prometheus.query(
        f'townMeterHostRemark{{townMeterHostRemark="ünpaid \\"since\\" May",instance="{ROUTER}"}}'))


def test_a_known_rate_and_no_sign_of_a_zeroing(watched):
    """A zeroing by SET in the middle of steady traffic: no counter goes back, no rate jumps,
    nothing is lost, and only the period's amounts start again."""
    prometheus, name = watched.prometheus, NAMES["bob"]
    one = f'{{town="town-a",host="{name}"}}'.replace("\\", "\\\\")
    rate = 1000 * 100  # octets a second
    sender = watched.traffic.start("outside", "bob", rate=1000, seconds=200)

    def steady():
        seen = prometheus.one(f"rate(townMeterHostDownOctets{one}[30s])")
        assert abs(seen / rate - 1) < 0.05, f"{seen} octets a second, not {rate}"
        return True

    prometheus.until(steady, "Prometheus knows the rate", 90)
    started = prometheus.host("townMeterHostPeriodStart", "town-a", name)
    assert prometheus.host("townMeterHostPeriodDownOctets", "town-a", name) > 2**40
    watched.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    closed = watched.client.table("HostClosed")[b"town-a", name.encode(), 1]["DownOctets"]
    prometheus.until(lambda: prometheus.hosts("townMeterHostPeriodDownOctets")["town-a", name] < 2**32,
                     "the new period shows")
    prometheus.until(steady, "the same rate after it", 90)
    sender.stop()
    expect_sent(watched)
    # A period's amount goes on from zero, and the counter through it.
    period = prometheus.host("townMeterHostPeriodDownOctets", "town-a", name)
    assert closed + period == sent_to(watched, "bob", "down")[1]
    assert prometheus.host("townMeterHostPeriodStart", "town-a", name) > started
    counters = '{__name__=~"townMeter(Host|Town|Total).*(Octets|Pkts)",__name__!~".*(Period|Unattributed).*"}'
    series = prometheus.query(counters + "[10m]")
    assert len(series) > 20
    for metric, samples in series:
        values = [value for _, value in samples]
        assert values == sorted(values), f"a counter went back: {metric}"
    most = prometheus.one(f"max_over_time(rate(townMeterHostDownOctets{one}[15s])[10m:1s])")
    assert most < 5 * rate, f"a spike: {most} octets a second"
    assert prometheus.one(f"min_over_time(rate(townMeterHostDownOctets{one}[15s])[10m:1s])") >= 0
    prometheus.shows(lambda: prometheus.one("changes(townMeterDiscontinuityTime[10m])"), 0)


def test_hosts_come_and_go_and_are_blocked(watched):
    """A row that comes or goes between two polls disturbs no other one; a block shows."""
    prometheus, new = watched.prometheus, "new house / 1st floor"
    address = HOSTS["town-b"]["other"][4]
    watched.traffic.send("outside", ["dave", "other@town-b"], 200)
    expect_sent(watched)
    for flag in ("-d", "-s"):
        watched.ipt(4, "-I", "town-b", "1", flag, address, "-m", "comment", "--comment", new)
    prometheus.until(lambda: set(prometheus.hosts("townMeterHostUpOctets")) == set(KNOWN) | {("town-b", new)},
                     "the new row")
    prometheus.shows(lambda: prometheus.one("townMeterHosts"), len(KNOWN) + 1)
    was = prometheus.host("townMeterHostDownPkts", "town-b", new)
    watched.traffic.send("outside", ["dave", "other@town-b"], 500)
    prometheus.until(lambda: prometheus.hosts("townMeterHostDownPkts")["town-b", new] == was + 250,
                     "what it counts")
    # Blocked: dropped is counted apart, and nothing else moves.
    watched.must_set((mib.host("town-b", new, "AdminStatus"), mib.BLOCKED))
    prometheus.until(lambda: prometheus.hosts("townMeterHostOperStatus")["town-b", new] == mib.BLOCKED)
    prometheus.shows(lambda: prometheus.rows('townMeterHostBlockReason{host=~"new.*"}', "townMeterHostBlockReason"),
                     {("manager",): 1, ("quota",): 0, ("local",): 0, ("town",): 0})
    prometheus.shows(lambda: prometheus.towns("townMeterTownBlockedHosts"), {"town-a": 0, "town-b": 1})
    watched.traffic.send("outside", "other@town-b", 70)
    prometheus.until(lambda: prometheus.hosts("townMeterHostDroppedPkts")["town-b", new] == 70)
    assert prometheus.host("townMeterHostDownPkts", "town-b", new) == was + 250
    watched.must_set((mib.host("town-b", new, "AdminStatus"), mib.ALLOWED))
    prometheus.until(lambda: prometheus.hosts("townMeterHostOperStatus")["town-b", new] == mib.ALLOWED)
    # Without rules it says so; once it is forgotten there is no such series any more.
    for flag in ("-d", "-s"):
        watched.ipt(4, "-D", "town-b", flag, address, "-m", "comment", "--comment", new)
    prometheus.until(lambda: prometheus.hosts("townMeterHostOperStatus")["town-b", new] == mib.MISSING)
    watched.townmeter("forget", f"town-b/{new}")
    prometheus.until(lambda: set(prometheus.hosts("townMeterHostUpOctets")) == set(KNOWN), "the row is gone")
    prometheus.shows(lambda: prometheus.one("townMeterHosts"), len(KNOWN))
    # The rows after it in the table are the same series throughout.
    gaps = prometheus.query('count_over_time(townMeterHostDownOctets[10m])')
    counts = {(m["town"], m["host"]): n for m, n in gaps}
    assert len({counts[key] for key in KNOWN}) == 1, f"samples of each host: {counts}"
    assert {value for _, value in prometheus.query("resets(townMeterHostDownOctets[10m])")} == {0}


def test_service_classes(divided):
    """A series for each class of a town, of a host that asks for it, and of all towns."""
    traffic, prometheus = divided.traffic, divided.prometheus
    traffic.send("outside", ["alice", "bob"], 60, sport=443)
    traffic.send("alice", "outside", 20, dport=25)
    traffic.send("outside", "alice", 7, 6)
    traffic.send("outside", "dave", 9, sport=443)
    divided.expect_sent()
    labels = [["service"], ["town", "service"], ["town", "host", "service"]]
    alice = {"Down": {"web": 3000, "e-mail": 0, "other": 7 * 120}, "Up": {"web": 0, "e-mail": 2000, "other": 0}}
    for way, own in alice.items():
        town = {**own, "web": own["web"] * 2}
        for table, names, key, want in (("", labels[0], (), town), ("Town", labels[1], ("town-a",), town),
                                        ("Host", labels[2], ("town-a", "alice"), own)):
            prometheus.shows(lambda: dict(prometheus.rows(f"townMeter{table}Service{way}Octets", *names)),
                             {(*key, service): octets for service, octets in want.items()})
    prometheus.shows(lambda: set(prometheus.rows("townMeterServiceMatch", "service", "townMeterServiceMatch")),
                     {("web", "tcp/443 udp/443"), ("e-mail", "tcp/25 udp/25"), ("other", None)})
    assert prometheus.query('{townMeterServiceName!=""}') == []


def test_alerts(watched):
    """What our rules make of a real meter: who used up his quota, a rule ahead of the towns,
    cleared counters, no agent, no master."""
    prometheus, name = watched.prometheus, NAMES["alice"]
    prometheus.until(lambda: len(prometheus.hosts("host:townmeter_down_bits:rate5m")) == len(KNOWN),
                     "the rules are in use")
    assert prometheus.alerts() == {}
    host = {"instance": ROUTER, "job": "townmeter", "town": "town-a", "host": name}

    def labels(alert, state):
        return prometheus.alerts().get((alert, state), [])

    watched.must_set((mib.host("town-a", name, "QuotaMB"), Value(mib.GAUGE32, 1)))
    watched.traffic.send("outside", "alice", 900, payload=972)
    prometheus.until(lambda: labels("TownmeterHostQuotaWarning", "firing") == [host | {"severity": "info"}])
    watched.traffic.send("outside", "alice", 150, payload=972)
    prometheus.until(lambda: labels("TownmeterHostOverQuota", "firing") == [host | {"severity": "warning"}])
    assert labels("TownmeterHostQuotaWarning", "firing") == []
    watched.ipt(4, "-I", "FORWARD", "1", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
    prometheus.until(lambda: {a["town"] for a in labels("TownmeterTownBypassed", "pending")} == set(TOWNS))
    assert labels("TownmeterDiscontinuity", "firing") == []
    watched.ipt(4, "-Z")
    prometheus.until(lambda: labels("TownmeterDiscontinuity", "firing"))
    watched.daemon.stop()
    prometheus.until(lambda: labels("TownmeterAgentDown", "pending"))
    assert labels("TownmeterUnreachable", "pending") == []
    watched.snmpd.stop()
    prometheus.until(lambda: labels("TownmeterUnreachable", "pending"))
    prometheus.until(lambda: not labels("TownmeterAgentDown", "pending"))
