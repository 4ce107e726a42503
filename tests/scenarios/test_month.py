"""The whole month of the article, seen from the outside: two towns are configured and applied,
counted, reported with their over-usage when the month ends, zeroed, and whoever went over is
blocked - by SNMP and by command."""

import csv
import io
import json

from lab import mib
from lab.configured import MANAGED, fresh_router, towns
from lab.proc import wait_until

QUOTAS = {"alice": "quota: 1MB", "bob": "quota: 2MB", "dave": "quota: 3MB, on-exceed: notify"}


def bill(lab, *argv):
    text = lab.townmeter("report", "--format", "csv", *argv)
    return {(r["town"], r["host"]): r for r in csv.DictReader(io.StringIO(text))}


def test_a_month(make_lab):
    config = MANAGED + "period: {every: month, day: 1, at: \"00:00\", timezone: UTC, keep: 12}\n" + \
        towns(host_keys=QUOTAS, keys={"town-a": "quota: 2MB"})
    lab = fresh_router(make_lab(config=MANAGED + "towns: []\n"))
    clock = lab.clock().at("2026-01-10 12:00:00")
    lab.up()
    lab.daemon.config.write_text(config)
    assert lab.townmeter("apply").startswith("rules: ")
    # A month of traffic: alice and dave go over, bob stays within.
    lab.traffic.send("outside", "alice", 2500, payload=972)   # 1000 octets each
    clock.at("2026-01-20 12:00:00")
    lab.traffic.send("alice", "outside", 300, family=6, payload=952)
    lab.traffic.send("outside", "bob", 900, payload=972)
    lab.traffic.send("dave", "outside", 4000, payload=972)
    lab.traffic.send("erin", "dave", 10, payload=972, via="outside")
    lab.expect_sent()
    january = lab.client.table("Host")
    clock.at("2026-01-31 23:59:58")
    lab.fresh()
    assert lab.client.table("HostClosed") == {}
    clock.at("2026-02-01 00:00:01")
    wait_until(lambda: len(lab.client.table("TownClosed")) == 2, 20, "the month ends")
    # What is billed, by the command and by SNMP.
    rows, closed = bill(lab), lab.client.table("HostClosed")
    for (town, host), over in ((("town-a", "alice"), 1), (("town-a", "bob"), 0), (("town-b", "dave"), 1)):
        row, before = rows[town, host], january[town.encode(), host.encode()]
        one = closed[town.encode(), host.encode(), 1]
        for way in ("Down", "Up"):
            sent = lab.traffic.tally.host[town, host][way.lower()]
            assert int(row[f"{way.lower()}_octets"]) == one[f"{way}Octets"] == sent.octets == before[f"{way}Octets"]
            assert int(row[f"{way.lower()}_packets"]) == one[f"{way}Pkts"] == sent.packets
        assert int(row["over_mb"]) == one["OverMB"] == over
        assert (row["reason"], one["Complete"]) == ("schedule", mib.TRUE)
    assert int(rows["town-a", ""]["over_mb"]) == lab.client.table("TownClosed")[b"town-a", 1]["OverMB"] == 1
    # The kernel begins anew with the month, and no Counter64 does.
    assert all(r.packets == 0 for r in lab.ipt.listing("town-a", 4))
    lab.expect_sent()
    # Whoever went over: alice by SNMP, dave by command.
    lab.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED),
                 (mib.host("town-a", "alice", "Remark"), "over in January"))
    lab.townmeter("block", "town-b/dave")
    blocked = lab.client.table("Host")
    for source, to, count in (("outside", "alice", 30), ("dave", "outside", 20), ("outside", "bob", 7)):
        lab.traffic.send(source, to, count)
    lab.fresh()
    now = lab.client.table("Host")
    assert now[b"town-a", b"alice"]["DroppedPkts"] == 30 and now[b"town-b", b"dave"]["DroppedPkts"] == 20
    for key in ((b"town-a", b"alice"), (b"town-b", b"dave")):
        assert [now[key][c] for c in ("DownPkts", "UpPkts")] == [blocked[key][c] for c in ("DownPkts", "UpPkts")]
        assert now[key]["OperStatus"] == 2
    assert now[b"town-a", b"bob"]["PeriodDownPkts"] == 7
    # They paid; a period of its own begins, by SNMP and by command.
    lab.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.ALLOWED),
                 (mib.host("town-a", "alice", "Zero"), mib.ZERO))
    lab.townmeter("unblock", "town-b/dave")
    lab.townmeter("zero", "town-b")
    assert [row["period"] for row in json.loads(
        lab.townmeter("report", "town-b/dave", "--period", "all", "--json"))] == [1, 2]
    lab.traffic.send("outside", "alice", 5)
    lab.traffic.send("outside", "dave", 6)
    lab.fresh()
    assert lab.host("town-a", "alice", "PeriodDownPkts") == 5
    assert lab.host("town-b", "dave", "PeriodDownPkts") == 6
    assert lab.townmeter("apply") == "nothing to change\n"
