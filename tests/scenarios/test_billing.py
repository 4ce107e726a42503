"""Quotas, periods and reports by the command townmeter: what one bills from."""

import csv
import io
import json

from lab import mib
from lab.proc import wait_until

ALICE = "town-a/alice"


def rows(lab, *argv):
    return json.loads(lab.townmeter(*argv, "--json"))


def report(lab, *argv):
    return {(r["town"], r["host"]): r for r in rows(lab, "report", *argv)}


def host(lab, name=ALICE):
    [row] = rows(lab, "hosts", name)
    return row


def test_quota(lab):
    assert lab.townmeter("quota", ALICE) == f"{ALICE}: no quota\n"
    said = lab.townmeter("quota", ALICE, "1.5GB", "--basis", "down", "--warn", "50",
                         "--on-exceed", "block")
    assert said == (f"{ALICE}: quota 1.5 GB down, 0% used (within), warning at 50%, "
                    "on exceed: block\n")
    table = lab.client.table("Host")[b"town-a", b"alice"]
    assert (table["QuotaMB"], table["QuotaBasis"], table["QuotaWarnPercent"],
            table["QuotaAction"]) == (1500, 2, 50, 3)
    # What is not given stays.
    lab.townmeter("quota", ALICE, "2TB")
    row = rows(lab, "quota", ALICE)
    assert (row["quota_mb"], row["quota_basis"], row["quota_warn_percent"],
            row["quota_action"]) == (2000000, "down", 50, "block")
    lab.townmeter("quota", ALICE, "--basis", "both")
    assert lab.host("town-a", "alice", "QuotaBasis") == 1
    assert lab.townmeter("quota", ALICE, "none") == f"{ALICE}: no quota\n"
    # A town has less of it.
    assert "quota 5 GB down and up" in lab.townmeter("quota", "town-a", "5GB")
    assert lab.town("town-a", "QuotaMB") == 5000
    before = lab.everything()
    assert "is a town" in lab.townmeter("quota", "town-a", "6GB", "--warn", "5", fails=1)
    lab.expect_unchanged(before)


def test_a_quota_that_blocks(lab):
    """Unblocking does not lift it, and says so; a new period does."""
    clean = lab.ipt.save()
    lab.townmeter("quota", ALICE, "1MB", "--on-exceed", "block")
    lab.traffic.send("outside", "alice", 11000)
    lab.fresh()
    wait_until(lambda: host(lab)["oper_status"] == "blocked", 10, "the quota blocks alice")
    row = host(lab)
    assert row["block_reason"] == ["quota"] and row["quota_state"] == "exceeded"
    assert row["quota_used_percent"] == 110
    assert rows(lab, "status")["over_quota_hosts"] == 1
    assert "blocked (quota)" in lab.townmeter("hosts", ALICE)
    said = lab.townmeter("unblock", ALICE)
    assert "still blocks it" in said and "110%" in said and "quota" in said
    assert host(lab)["oper_status"] == "blocked"
    lab.townmeter("block", ALICE)
    assert {"quota", "local"} < set(host(lab)["block_reason"])
    lab.townmeter("unblock", ALICE)
    assert host(lab)["block_reason"] == ["quota"]
    lab.townmeter("zero", ALICE)
    assert host(lab)["oper_status"] == "allowed"
    assert lab.ipt.save() == clean
    [bill] = rows(lab, "report", ALICE)
    assert (bill["total_octets"], bill["quota_mb"], bill["over_mb"]) == (1100000, 1, 0)


def test_a_report_after_zero(lab):
    assert rows(lab, "report") == []
    lab.traffic.send("outside", ["alice", "bob"], 40)
    lab.traffic.send("alice", "outside", 5)
    lab.fresh()
    lab.townmeter("zero", ALICE)
    bill = report(lab)
    assert set(bill) == {("town-a", "alice")}
    alice = bill["town-a", "alice"]
    sent = lab.traffic.tally.host["town-a", "alice"]
    assert (alice["down_packets"], alice["up_packets"], alice["total_packets"]) == (20, 5, 25)
    assert (alice["down_octets"], alice["up_octets"]) == (sent["down"].octets, sent["up"].octets)
    assert alice["total_octets"] == sent["down"].octets + sent["up"].octets
    assert (alice["period"], alice["reason"], alice["complete"]) == (1, "local", True)
    assert alice["start"] < alice["end"] == host(lab)["period_start"]
    # Everybody's, with the totals; a second one of alice's.
    lab.traffic.send("outside", "alice", 7)
    lab.fresh()
    assert lab.townmeter("zero", "--all") == "all towns, hosts and totals: a new period begins\n"
    bill = report(lab)
    assert set(bill) == {("town-a", None), ("town-b", None), ("town-a", "bob"),
                         ("town-a", "alice"), ("town-b", "dave"), ("town-b", "erin")}
    assert bill["town-a", "alice"]["down_packets"] == 7
    assert bill["town-a", "alice"]["period"] == 2 and bill["town-a", "bob"]["period"] == 1
    assert bill["town-a", None]["down_packets"] == 47 and bill["town-a", None]["up_packets"] == 5
    assert lab.total("forward", "PeriodPkts") == 0
    assert report(lab, "--period", "2") == {("town-a", "alice"): alice}
    assert [r["period"] for r in rows(lab, "report", ALICE, "--period", "all")] == [1, 2]
    assert report(lab, "town-b", "--period", "1").keys() == {
        ("town-b", None), ("town-b", "dave"), ("town-b", "erin")}
    assert report(lab, ALICE, "--period", "0")["town-a", "alice"]["period"] == 3
    # All formats say the same.
    table = list(csv.DictReader(io.StringIO(lab.townmeter("report", "--format", "csv"))))
    assert len(table) == 6
    for line in table:
        row = bill[line["town"], line["host"] or None]
        assert {k: str(v).lower() if isinstance(v, bool) else str(v if v is not None else "")
                for k, v in row.items()} == line
    text = lab.townmeter("report", "--exact").splitlines()
    assert len(text) == 7 and any(l.startswith(ALICE) and " 700 " in l for l in text)
    # A restart changes none of it.
    everything = rows(lab, "report", "--period", "all")
    lab.daemon.stop()
    lab.start_daemon()
    assert rows(lab, "report", "--period", "all") == everything
    lab.expect_sent()


def test_what_snmp_zeroes_is_billed_alike(lab):
    lab.traffic.send("outside", ["alice", "bob"], 40)
    lab.fresh()
    lab.must_set((mib.host("town-a", "alice", "Zero"), mib.ZERO))
    assert report(lab)["town-a", "alice"]["reason"] == "hostZero"
    lab.must_set((mib.town("town-a", "Zero"), mib.ZERO))
    bill = report(lab)
    assert {r["reason"] for r in bill.values()} == {"townZero"}
    assert bill["town-a", "bob"]["down_packets"] == 20
    assert bill["town-a", "alice"]["down_packets"] == 0 and bill["town-a", "alice"]["period"] == 2


def test_forget(lab):
    """Only what has no rules; its periods stay to be billed."""
    before = lab.everything()
    assert "remove them first" in lab.townmeter("forget", ALICE, fails=1)
    assert "no host town-a/zed" in lab.townmeter("forget", "town-a/zed", fails=1)
    lab.expect_unchanged(before)
    lab.traffic.send("outside", "alice", 20)
    lab.fresh()
    for family in (4, 6):
        for spec in lab.ipt.specs("town-a", family):
            if "alice" in spec:
                lab.ipt(family, "-D", "town-a", *spec.split())
    lab.fresh()
    assert host(lab)["oper_status"] == "missing"
    assert lab.townmeter("forget", ALICE) == f"{ALICE}: forgotten\n"
    assert "no host" in lab.townmeter("hosts", ALICE, fails=1)
    [bill] = rows(lab, "report", ALICE)
    assert (bill["down_packets"], bill["reason"]) == (20, "removed")
    assert ("town-a", "alice") in report(lab)
    assert "no host town-a/nobody" in lab.townmeter("report", "town-a/nobody", fails=1)


def test_a_report_without_a_ledger(lab):
    """It is an error, and not a bill of nothing."""
    lab.townmeter("zero", "--all")
    ledger = lab.daemon.state / "ledger.db"
    ledger.rename(ledger.with_name("away"))
    ledger.mkdir()
    assert "can not be read from the ledger" in lab.townmeter("report", fails=1)
    assert "can not be read" in lab.townmeter("report", "--format", "csv", fails=1)
    ledger.rmdir()
    ledger.with_name("away").rename(ledger)
    assert len(rows(lab, "report")) == 6
