"""Debian's Cacti polls a router with cmd.php and with spine, and draws what was sent."""

import math

import pytest

from cacti import CMD, SPINE, TEMPLATE, Cacti
from lab import mib
from lab.pdu import Value
from lab.snmp import V3_USER
from lab.topology import BITS, HOSTS, NETS
from rrd import colours, same

POLLERS = {
    "cmd.php": (CMD, ["--version=2", "--community=public"]),
    "spine": (SPINE, ["--version=3", f"--username={V3_USER['user']}",
                      f"--password={V3_USER['auth']}", "--authproto=SHA",
                      f"--privpass={V3_USER['priv']}", "--privproto=AES128"]),
}
TOWNS, CUSTOMERS = "townMeter - Towns", "townMeter - Customers"
# Whose address is whose, by the lab's names; what his rules' comments say; and what they have
# counted already in IPv4, packets and octets.
NAMES = {
    ("town-a", "alice"): ("alice", 6_000_000_000, 9_000_000_000_000),
    ("town-a", "bob"): ("Alice", 0, 0),  # MariaDB takes both for the same
    ("town-a", "other"): ("José O'Brien \"el rey\" <b> 日本", 5, 500),
    ("town-b", "dave"): ("dave", 0, 0),
}
ALICE, ODD = ("town-a", "alice"), ("town-a", "other")
QUOTA = 20_000_000  # alice's, in megabytes
LATE = ("town-b", "other")  # who comes between two polls, and goes
# The instance identifiers of this customer are too long for Cacti.
LONG = ("t" * 28, "ü" * 24)
CUT = 255  # characters of them that it keeps
WAYS = ("down", "up")


def dot(index):
    return ".".join(map(str, index))


def town(name):
    return dot(mib.index(name))


def host(key):
    """The index of a customer by the lab's name."""
    return dot(mib.index(key[0]) + mib.index(name_of(key)))


def name_of(key):
    return NAMES[key][0] if key in NAMES else "late"


def quoted(comment):
    return '"' + comment.replace('"', '\\"') + '"'


def rules(family):
    counted = {key: (p, o) if family == 4 else (0, 0) for key, (_, p, o) in NAMES.items()}
    lines = [f":{chain} ACCEPT [0:0]" for chain in ("INPUT", "FORWARD", "OUTPUT")]
    lines += [f":{chain} - [0:0]" for chain in ("town-a", "town-b", LONG[0])]
    lines.append("[0:0] -A FORWARD")
    for chain in ("town-a", "town-b"):
        packets, octets = map(sum, zip(*(c for key, c in counted.items() if key[0] == chain)))
        for flag in ("-d", "-s"):
            lines.append(f"[{packets}:{octets}] -A FORWARD {flag} {NETS[chain][family]} -j {chain}")
    for (chain, key), (packets, octets) in counted.items():
        address = f"{HOSTS[chain][key][family]}/{BITS[family]}"
        for flag in ("-d", "-s"):
            lines.append(f"[{packets}:{octets}] -A {chain} {flag} {address} -m comment "
                         f"--comment {quoted(NAMES[chain, key][0])}")
    if family == 4:
        for flag in ("-d", "-s"):
            lines.append(f"[0:0] -A FORWARD {flag} 10.3.0.0/24 -j {LONG[0]}")
            lines.append(f"[0:0] -A {LONG[0]} {flag} 10.3.0.1/32 -m comment --comment {LONG[1]}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def world(make_shared_lab):
    lab = make_shared_lab(apart=True)
    for family in (4, 6):
        lab.ipt.restore(family, rules(family), "-c")
    lab.up()
    cacti = Cacti(lab)
    report = lab.report
    lab.report = lambda: report() + [("Cacti", cacti.log())]
    try:
        cacti.start()
        cacti.printed = cacti.make_template()
        cacti.import_template()
        for _ in range(2):  # as often as one likes
            cacti.add_rules()
        yield lab, cacti
    finally:
        cacti.stop()


@pytest.fixture(scope="module")
def time_limit():
    """Every poll starts a dozen programs in PHP, and a machine can be busy."""
    return 900


class Site:
    """The router as a device of Cacti's, polled by one of its pollers."""

    def __init__(self, lab, cacti, poller):
        self.lab, self.cacti = lab, cacti
        self.poller, access = POLLERS[poller]
        self.name = f"router by {poller}"
        self.device = cacti.add_device(self.name, *access)
        self.rrds = {}

    def poll(self):
        self.lab.traffic.settle()
        self.lab.fresh()
        self.cacti.poll(self.poller, self.device)

    def rrd(self, template, index):
        if (template, index) not in self.rrds:
            self.rrds = self.cacti.rrds(self.device)
        return self.rrds[template, index]

    def graph(self, *what):
        return self.cacti.graph(self.device, *what)

    def time(self):
        """When the last poll was, for Cacti: all data sources of a device have one."""
        return self.rrd("Customer Traffic", host(ALICE)).last()[0]

    def expect(self, template, index, start, **amounts):
        """Since `start` up to the last poll, data sources got so much a second that it is
        this amount in all, and nothing else."""
        rrd = self.rrd(template, index)
        end = rrd.last()[0]
        for second in rrd.seconds(start, end):
            for source, amount in amounts.items():
                assert same(second[source], amount / (end - start)), \
                    f"{template} {index} {source}: {second[source]} for {amount}/{end - start}"

    def expect_last(self, template, index, **values):
        last = self.rrd(template, index).last()[1]
        assert {name: last[name] for name in values} == values, f"{template} {index}"


class Sent:
    """What was sent since a moment, to and from whom."""

    def __init__(self, lab):
        self.tally = lab.traffic.tally
        self.before = self._now()

    def _now(self):
        keys = [(t, h) for t in ("town-a", "town-b") for h in (*HOSTS[t], None)]
        return {(key, way): ((counts := (self.tally.host[key] if key[1] else
                                         self.tally.town[key[0]])[way]).packets, counts.octets)
                for key in keys for way in WAYS}

    def packets(self, key):
        return self._grown(key, 0)

    def octets(self, key):
        return self._grown(key, 1)

    def _grown(self, key, part):
        now = self._now()
        return {way: now[key, way][part] - self.before[key, way][part] for way in WAYS}


def expect_rows(site):
    """Every row is there with its name, whatever is in it, and has its graphs."""
    rows = site.cacti.rows(site.device, CUSTOMERS)
    assert len(rows) == len(site.lab.client.table("Host")) == len(NAMES) + 1
    for key in NAMES:
        assert rows[host(key)]["townMeterHostLabel"] == f"{key[0]}/{name_of(key)}"
    towns = site.cacti.rows(site.device, TOWNS)
    assert {row["townMeterTownLabel"] for row in towns.values()} == {"town-a", "town-b", LONG[0]}
    titles = site.cacti.titles(site.device)
    assert len(titles) == 4 * len(towns) + 3 * len(rows)
    for template, index, title in (
            ("Customer Traffic", host(ALICE), "town-a/alice - Traffic"),
            ("Customer Usage", host(ODD), f"town-a/{name_of(ODD)} - Usage"),
            ("Town Packets", town("town-a"), "town-a - Packets")):
        assert titles[template, index] == f"{site.name} - {title}"


def expect_rates(site):
    """What was sent between two polls is what was polled, for Counter64s of more than 32 bits.
    Returns the times of the polls."""
    site.poll()
    sources = site.rrd("Customer Traffic", host(ALICE)).sources()
    assert sources == {s: ("DERIVE", 0) for s in (*WAYS, "dropped")} | {"status": ("GAUGE", 0)}
    first, sent = site.time(), Sent(site.lab)
    traffic = site.lab.traffic
    traffic.send("outside", ["alice", "bob"], 1000)
    traffic.send("alice", "outside", 300, 6)
    traffic.send("outside", "other@town-a", 70, 6)
    traffic.send("dave", "other@town-a", 40)
    site.poll()
    for key in NAMES:
        site.expect("Customer Traffic", host(key), first, **sent.octets(key), dropped=0)
        site.expect("Customer Packets", host(key), first, **sent.packets(key), dropped=0)
    for name in ("town-a", "town-b"):
        site.expect("Town Traffic", town(name), first, **sent.octets((name, None)), dropped=0)
        site.expect("Town Packets", town(name), first, **sent.packets((name, None)), dropped=0)
    row = site.lab.client.table("Host")[b"town-a", b"alice"]
    _, packets, octets = NAMES[ALICE]
    assert row["DownOctets"] > octets > 2 ** 32 < packets < row["DownPkts"]
    site.expect_last("Customer Traffic", host(ALICE), down=row["DownOctets"], up=row["UpOctets"],
                     dropped=row["DroppedOctets"], status=mib.ALLOWED)
    site.expect_last("Customer Packets", host(ALICE), down=row["DownPkts"], up=row["UpPkts"])
    site.expect_last("Customer Usage", host(ALICE), down=row["PeriodDownOctets"],
                     up=row["PeriodUpOctets"], quota=QUOTA)
    site.expect_last("Town Customers", town("town-a"), all=3, blocked=0, over=0)
    return first, site.time()


def expect_zeroing_and_block(site, first, second):
    """A zeroing is not to be seen in a rate, a block is; returns the time of the poll."""
    lab, bob = site.lab, ("town-a", "bob")
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    sent = Sent(lab)
    lab.traffic.send("outside", ["alice", "bob"], 60)
    passed = sent.octets(ALICE)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    dropped = Sent(lab)
    lab.traffic.send("outside", "alice", 500)
    site.poll()
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    site.expect("Customer Traffic", host(ALICE), second, **passed,
                dropped=dropped.octets(ALICE)["down"])
    site.expect("Customer Packets", host(ALICE), second, down=30, up=0, dropped=500)
    site.expect("Customer Traffic", host(bob), second, **sent.octets(bob), dropped=0)
    site.expect("Town Packets", town("town-a"), second, down=60, up=0, dropped=500)
    site.expect_last("Customer Usage", host(ALICE), **passed)
    site.expect_last("Customer Traffic", host(ALICE), status=mib.BLOCKED)
    site.expect_last("Town Customers", town("town-a"), all=3, blocked=1)
    for key in NAMES:
        for values in site.rrd("Customer Traffic", host(key)).seconds(first, site.time()):
            assert all(value >= 0 for value in values.values()), key
    return site.time()


def add_late(lab):
    for flag in ("-d", "-s"):
        lab.ipt(4, "-A", LATE[0], flag, HOSTS[LATE[0]][LATE[1]][4],
                "-m", "comment", "--comment", name_of(LATE))


def remove_late(lab):
    for spec in lab.ipt.specs(LATE[0], 4):
        if name_of(LATE) in spec:
            lab.ipt(4, "-D", LATE[0], *spec.split())
    lab.fresh()
    lab.townmeter("forget", "/".join((LATE[0], name_of(LATE))))


def expect_found(site):
    """Who came before the last poll has a row, and graphs by themselves."""
    rows = site.cacti.rows(site.device, CUSTOMERS)
    assert rows[host(LATE)]["townMeterHostLabel"] == "town-b/late"
    titles = site.cacti.titles(site.device)
    assert titles["Customer Traffic", host(LATE)] == f"{site.name} - town-b/late - Traffic"


def expect_life(site):
    """His graphs count from the next poll on. He goes: nobody else's graphs mind, his own
    stay as they are, and Cacti looks once."""
    lab, dave = site.lab, ("town-b", "dave")
    site.poll()
    start, sent = site.time(), Sent(lab)
    lab.traffic.send("outside", "other@town-b", 90)
    site.poll()
    site.expect("Customer Traffic", host(LATE), start, **sent.octets(LATE))
    assert sent.octets(LATE)["down"] == 9000
    site.expect_last("Customer Traffic", host(ALICE), status=mib.ALLOWED)

    remove_late(lab)
    start, sent = site.time(), Sent(lab)
    lab.traffic.send("outside", "dave", 20)
    site.poll()
    assert host(LATE) not in site.cacti.rows(site.device, CUSTOMERS)
    site.expect("Customer Packets", host(dave), start, **sent.packets(dave))
    kept = site.rrd("Customer Traffic", host(LATE)).seconds(start, site.time())
    assert all(math.isnan(second["down"]) for second in kept)
    # Nor does anybody mind who is too long for Cacti; he gets nothing, and the count is right.
    long = dot(mib.index(LONG[0]) + mib.index(LONG[1]))[:CUT]
    assert site.rrd("Customer Usage", long).last()[1] == {"down": None, "up": None, "quota": None}
    count = len(lab.client.table("Host"))
    assert [str(count), mib.show(mib.agent("Hosts"))] in site.cacti.sql(
        f"SELECT assert_value, arg1 FROM poller_reindex WHERE host_id = {site.device}")


def expect_drawn(site, start, end):
    """Cacti draws bits, octets, and a shade while alice was blocked."""
    picture, lines = site.graph("Customer Traffic", host(ALICE), start, end)
    kept = site.rrd("Customer Traffic", host(ALICE)).seconds(start, end)
    drawn = [value for value in lines["Down"] if not math.isnan(value)]
    assert all(any(same(value, 8 * second["down"]) for second in kept) for value in drawn)
    assert max(drawn) > min(drawn) > 0
    assert math.inf in lines["Blocked"] and math.isnan(lines["Blocked"][0])
    seen = colours(picture)
    assert min(seen.get(c, 0) for c in ("00CF00", "002A97", "FF0000")) > 50, seen
    _, lines = site.graph("Customer Usage", host(ALICE), start, end)
    assert QUOTA * 10 ** 6 in lines["Quota"]
    _, lines = site.graph("Customer Usage", host(ODD), start, end)
    assert all(map(math.isnan, lines["Quota"])), "no quota is no line"


def test_the_template_is_what_make_template_prints(world):
    _, cacti = world
    assert cacti.printed == TEMPLATE.read_text()
    templates = cacti.sql("SELECT name FROM graph_templates ORDER BY name")
    assert len(templates) == 7 and all(name.startswith("townMeter - ") for name, in templates)
    rules = cacti.sql("SELECT name FROM automation_graph_rules WHERE name LIKE 'townMeter - %' "
                      "ORDER BY name")
    assert rules == templates, "what make-template.php does to the database it takes back"


@pytest.mark.parametrize("poller", POLLERS)
def test_polled(world, poller):
    lab, cacti = world
    site = Site(lab, cacti, poller)
    lab.must_set((mib.host(*ALICE, "QuotaMB"), Value(mib.GAUGE32, QUOTA)))
    expect_rows(site)
    first, second = expect_rates(site)
    add_late(lab)
    third = expect_zeroing_and_block(site, first, second)
    expect_found(site)
    if poller == "cmd.php":
        remove_late(lab)
    else:  # what comes then is the same for both
        expect_life(site)
        expect_drawn(site, first, third)
