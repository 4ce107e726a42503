"""The command townmeter, and the control socket below it."""

import csv
import io
import json
import socket
import stat
import threading
import time

import pytest

from lab import mib
from lab.daemon import CONFIG
from lab.proc import wait_until

ALICE = "town-a/alice"
OPER = {mib.ALLOWED: "allowed", mib.BLOCKED: "blocked", mib.PARTIAL: "partial",
        mib.MISSING: "missing"}
# A field of JSON, and the column of SNMP that holds the same.
NUMBERS = {f"{period}{way}_{unit}": f"{period.title().rstrip('_')}{way.title()}{column}"
           for period in ("", "period_") for way in ("down", "up")
           for unit, column in (("octets", "Octets"), ("packets", "Pkts"))} | {
    "dropped_octets": "DroppedOctets", "dropped_packets": "DroppedPkts",
    "period_number": "PeriodNumber"}


def rows(lab, *argv):
    return json.loads(lab.townmeter(*argv, "--json"))


def host(lab, name=ALICE):
    [row] = rows(lab, "hosts", name)
    return row


class Wire:
    """The protocol, without the command."""

    def __init__(self, lab):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(lab.daemon.socket))
        self.lines = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.lines.close()
        self.socket.close()

    def line(self):
        """The next line, or None at the end."""
        line = self.lines.readline()
        return json.loads(line) if line else None

    def ask(self, **request):
        self.send(json.dumps(request).encode() + b"\n")
        return self.line()


def test_shows_what_snmp_serves(lab):
    lab.traffic.send("outside", ["alice", "dave"], 20)
    lab.traffic.send("bob", "outside", 7)
    lab.expect_sent()
    for found in rows(lab, "hosts"):
        key = found["town"].encode(), found["host"].encode()
        row = lab.client.table("Host")[key]
        assert {f: found[f] for f in NUMBERS} == {f: row[c] for f, c in NUMBERS.items()}
        assert found["prefixes"] == row["Prefixes"].decode()
        assert found["oper_status"] == OPER[row["OperStatus"]]
        at = time.strptime(found["period_start"][:19], "%Y-%m-%dT%H:%M:%S")
        assert time.strftime("%s", at) and found["period_start"].endswith("Z")
    for found in rows(lab, "towns"):
        row = lab.client.table("Town")[found["town"].encode()]
        assert {f: found[f] for f in NUMBERS} == {f: row[c] for f, c in NUMBERS.items()}
        assert found["hosts"] == row["Hosts"]
    status = rows(lab, "status")
    assert status["towns"] == lab.agent("Towns") and status["hosts"] == lab.agent("Hosts")
    assert status["rules_read"] == lab.agent("RulesRead")
    assert status["master_connected"] is True and status["read_only"] is False
    [total] = [t for t in status["totals"] if t["chain"] == "forward"]
    assert total["packets"] == lab.total("forward", "Pkts") == 27
    assert total["period_octets"] == lab.total("forward", "PeriodOctets")
    # Order is that of SNMP's index: shorter names first.
    assert [r["host"] for r in rows(lab, "hosts", "town-a")] == ["bob", "alice"]
    assert [r["host"] for r in rows(lab, "top", "-n", "2", "--by", "up")] == ["bob", "alice"]
    assert [r["host"] for r in rows(lab, "top")] == ["alice", "dave", "bob", "erin"]


def test_shows_it_to_people(lab):
    lab.traffic.send("outside", "alice", 20)
    lab.fresh()
    text = lab.townmeter("hosts")
    lines = text.splitlines()
    assert lines[0].split()[:3] == ["HOST", "PERIOD", "SINCE"] and len(lines) == 5
    [alice] = [l for l in lines if l.startswith(ALICE)]
    assert "2.00 kB" in alice and alice.endswith("allowed")
    assert " 2000 " in lab.townmeter("hosts", ALICE, "--exact")
    # Columns are as wide for every row.
    assert len({l.index("allowed") for l in lines[1:]}) == 1
    assert "town-b" in lab.townmeter("towns")
    assert "town-b" not in lab.townmeter("towns", "town-a")
    assert "connected" in lab.townmeter("status")
    assert lab.townmeter("top", "--by", "down", "-n", "1").splitlines()[1].startswith(ALICE)


def test_blocks_and_unblocks(lab):
    before = lab.ipt.save()
    assert lab.townmeter("block", ALICE) == f"{ALICE}: blocked\n"
    assert lab.host("town-a", "alice", "OperStatus") == mib.BLOCKED
    assert lab.host("town-a", "alice", "AdminStatus") == mib.BLOCKED
    assert sum("-j DROP" in rule for rule in lab.ipt.specs("town-a", 4)) == 2
    row = host(lab)
    assert (row["admin_status"], row["oper_status"]) == ("blocked", "blocked")
    # Again changes nothing.
    blocked = lab.ipt.save()
    lab.townmeter("block", ALICE)
    assert lab.ipt.save() == blocked
    assert lab.townmeter("unblock", ALICE) == f"{ALICE}: unblocked\n"
    assert lab.ipt.save() == before
    assert lab.host("town-a", "alice", "OperStatus") == mib.ALLOWED
    lab.townmeter("block", "town-a")
    assert lab.host("town-a", "alice", "OperStatus") == mib.BLOCKED
    # The town's block stands when that of a host is lifted, and this is said.
    assert "unblock town-a" in lab.townmeter("unblock", ALICE)
    lab.townmeter("unblock", "town-a")
    assert lab.ipt.save() == before


def test_zeroes(lab):
    lab.traffic.send("outside", ["alice", "bob", "dave"], 30)
    lab.fresh()
    lab.townmeter("zero", ALICE)
    assert lab.host("town-a", "alice", "PeriodDownPkts") == 0
    assert lab.host("town-a", "alice", "DownPkts") == lab.host("town-a", "bob", "PeriodDownPkts") == 10
    assert lab.host("town-a", "alice", "PeriodNumber") == 2
    lab.townmeter("zero", "town-a")
    assert lab.town("town-a", "PeriodDownPkts") == lab.host("town-a", "bob", "PeriodDownPkts") == 0
    assert lab.host("town-b", "dave", "PeriodDownPkts") == 10
    lab.expect_sent()


def test_refuses_in_one_line(lab):
    before = lab.everything()
    assert "no host town-a/zed" in lab.townmeter("block", "town-a/zed", fails=1)
    assert "no town town-z" in lab.townmeter("zero", "town-z", fails=1)
    assert "no host town-z/alice" in lab.townmeter("hosts", "town-z/alice", fails=1)
    for argv, said in [
            (["reboot"], "'reboot' is not a subcommand"), ([], "no subcommand"),
            (["zero"], "expected: townmeter zero"), (["zero", ALICE, "--all"], "--all"),
            (["block", "a", "b"], "no further words"), (["status", "--colour"], "--colour"),
            (["quota", ALICE, "5XB"], "found the size '5XB'"),
            (["quota", ALICE, "--warn", "101"], "0 to 100"), (["top", "-n"], "-n"),
            (["report", "--period", "x"], "--period"), (["hosts", b"\xff\n"], "UTF-8")]:
        assert said in lab.townmeter(*argv, fails=2)
    lab.expect_unchanged(before)


def test_no_daemon(lab):
    path = lab.daemon.socket
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    lab.daemon.stop()
    assert not path.exists()
    assert "no townmeterd answers at" in lab.townmeter("status", fails=1)
    # What a killed one leaves is replaced.
    lab.start_daemon()
    lab.daemon.kill()
    assert path.exists()
    assert "no townmeterd answers at" in lab.townmeter("status", fails=1)
    lab.start_daemon()
    lab.townmeter("status")


def test_the_socket_of_another(lab, tmp_path):
    """A second daemon does not take the socket away from the first."""
    other = tmp_path / "state"
    done = lab.daemon.once("-s", other)
    assert done.returncode == 1 and "another townmeterd answers at" in done.stderr
    lab.townmeter("status")
    plain = tmp_path / "plain"
    plain.write_text("")
    done = lab.daemon.once("-s", other, socket=plain)
    assert done.returncode == 1 and "is not a socket" in done.stderr
    done = lab.daemon.once("-s", other, socket="/" + 120 * "x")
    assert done.returncode == 1 and "expected at most" in done.stderr


def test_makes_the_directory(make_lab):
    lab = make_lab().article()
    lab.daemon.socket = lab.daemon.dir / "run" / "control.sock"
    lab.up()
    assert stat.S_IMODE(lab.daemon.socket.parent.stat().st_mode) == 0o750
    lab.townmeter("status")


def test_read_only(make_lab):
    lab = make_lab(args=["--read-only"]).article().up()
    before = lab.everything()
    for argv in (["block", ALICE], ["zero", "--all"], ["quota", ALICE, "5GB"]):
        assert "--read-only" in lab.townmeter(*argv, fails=1)
    assert rows(lab, "status")["read_only"] is True
    lab.expect_unchanged(before)


def test_what_snmp_may_not_the_operator_may(make_lab):
    lab = make_lab(config=CONFIG.replace("[zero, block, quota]", "[]")).article().up()
    lab.townmeter("block", ALICE)
    assert lab.host("town-a", "alice", "OperStatus") == mib.BLOCKED
    lab.townmeter("unblock", ALICE)
    assert lab.set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED)) == ("notWritable", 1)


@pytest.mark.backend("legacy")
def test_while_the_lock_is_held(lab):
    """Commands wait, and SNMP is served meanwhile."""
    found = []
    with lab.locked():
        thread = threading.Thread(target=lambda: found.append(lab.daemon.command("block", ALICE)))
        thread.start()
        quick = lab.new_client(timeout=2)
        for _ in range(20):
            assert quick.get(mib.agent("Towns")).binds[0].value == 2
        assert not found
    thread.join(20)
    assert found[0].returncode == 0, found[0].stderr
    assert lab.host("town-a", "alice", "OperStatus") == mib.BLOCKED
    with lab.locked():
        assert "lock" in lab.townmeter("unblock", ALICE, fails=1)


def test_many_at_once(lab):
    """Each client gets its own answer; SNMP is served."""
    results = []

    def work(name):
        for _ in range(5):
            results.append(lab.daemon.command("block", name).returncode)
            results.append(lab.daemon.command("hosts", name, "--json").returncode)
            results.append(lab.daemon.command("unblock", name).returncode)

    before = lab.ipt.save()
    threads = [threading.Thread(target=work, args=(n,))
               for n in (ALICE, "town-a/bob", "town-b/dave")]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        assert lab.agent("Towns") == 2
    assert results == [0] * 45
    assert lab.ipt.save() == before


def test_bad_clients(lab):
    """Garbage, floods, clients that never read or stay too many: nobody else notices."""
    wire = Wire(lab)
    for data in (b"hello\n", b"\n", b"\x00\xff\n", b"{}\n", b"[" * 60000 + b"\n", b'{"verb":1}\n'):
        wire.send(data)
        answer = wire.line()
        assert answer["ok"] is False and answer["error"]
    assert wire.ask(verb="status")["ok"] is True
    # A line without end is refused, and the connection closed.
    wire.send(b"x" * 65536)
    assert "65535" in wire.line()["error"]
    assert wire.line() is None
    # They ask for much and read nothing.
    lazy = [Wire(lab) for _ in range(15)]
    for one in lazy:
        one.socket.setblocking(False)
        try:
            while True:
                one.socket.send(b'{"verb":"hosts"}\n' * 1000)
        except BlockingIOError:
            pass
    assert lab.agent("Towns") == 2
    lab.townmeter("block", ALICE)
    # One more is turned away in words.
    last = Wire(lab)
    wait_until(lambda: "connected already" in lab.daemon.command("status").stderr, 10,
               "the seventeenth is turned away")
    for one in (*lazy, last):
        one.close()
    wait_until(lambda: lab.daemon.command("unblock", ALICE).returncode == 0, 10, "all are gone")
    assert lab.host("town-a", "alice", "OperStatus") == mib.ALLOWED


def test_a_client_that_leaves(lab):
    """Its command is carried out as a whole or not at all, and the daemon lives."""
    for _ in range(20):
        wire = Wire(lab)
        wire.send(b'{"verb":"block","name":"town-a/alice"}\n')
        wire.close()
    lab.townmeter("unblock", ALICE)
    assert "DROP" not in lab.ipt.save()


NAMES = ["with space", "a/b", 'a"b', "ünï→語", "it's", "back\\slash", "a,b;c"]


def test_names_of_all_kinds(make_lab):
    lab = make_lab()
    lines = [":FORWARD ACCEPT [0:0]", ":town-a - [0:0]", ":net/1 - [0:0]", "-A FORWARD",
             "-A FORWARD -d 10.1.0.0/24 -j town-a", "-A FORWARD -s 10.1.0.0/24 -j town-a",
             "-A FORWARD -d 10.9.0.0/24 -j net/1", "-A FORWARD -s 10.9.0.0/24 -j net/1",
             "-A net/1 -d 10.9.0.1/32 -m comment --comment x/y",
             "-A net/1 -s 10.9.0.1/32 -m comment --comment x/y"]
    for i, name in enumerate(NAMES):
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        for way in "ds":
            lines.append(f'-A town-a -{way} 10.1.0.{i + 10}/32 -m comment --comment "{quoted}"')
    lab.ipt.restore(4, "\n".join(lines))
    lab.up()
    for name in [f"town-a/{n}" for n in NAMES] + ["net/1/x/y"]:
        assert lab.townmeter("block", name).startswith(f"{name}: blocked")
        row = host(lab, name)
        assert row["town"] + "/" + row["host"] == name and row["oper_status"] == "blocked"
    lab.townmeter("zero", "net/1")
    [row] = rows(lab, "towns", "net/1")
    assert row["period_number"] == 2 and row["blocked_hosts"] == 1
    listing = lab.townmeter("hosts").splitlines()
    assert len(listing) == 9 and any("ünï→語" in l for l in listing)
    table = list(csv.DictReader(io.StringIO(
        lab.townmeter("report", "--period", "0", "--format", "csv"))))
    assert {r["host"] for r in table} == {"", "x/y", *NAMES}


def test_the_current_period(lab):
    lab.traffic.send("outside", "alice", 20)
    lab.traffic.send("alice", "outside", 5)
    lab.fresh()
    [row] = rows(lab, "report", ALICE, "--period", "0")
    sent = lab.traffic.tally.host["town-a", "alice"]
    assert (row["down_packets"], row["up_packets"], row["total_packets"]) == (20, 5, 25)
    assert row["total_octets"] == sent["down"].octets + sent["up"].octets
    assert row["end"] is None and row["period"] == 1
    assert len(rows(lab, "report", "town-a", "--period", "0")) == 3
    assert len(rows(lab, "report", "--period", "0")) == 6
    assert lab.townmeter("report", ALICE, "--period", "0").splitlines()[1].startswith(ALICE)
