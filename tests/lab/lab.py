"""One scenario's world: topology, rules, traffic, snmpd, daemon, clients."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from . import mib
from .clock import Clock
from .daemon import CONFIG, Daemon, program
from .ipt import Iptables
from .netns import unique
from .pdu import Client, Timeout
from .proc import Hopeless, LabError, clean_env, run, wait_until
from .snmp import Tools
from .snmpd import Snmpd
from .station import Station
from .topology import BITS, HOSTS, NETS, Topology
from .traffic import Traffic
from .traps import Traps

TOWNS = ("town-a", "town-b")


def article(family, hosts=HOSTS):
    """The rules that the article's reader writes by hand, for iptables-restore."""
    lines = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
    lines += [f":{town} - [0:0]" for town in TOWNS]
    lines.append("-A FORWARD")
    for town in TOWNS:
        lines.append(f"-A FORWARD -d {NETS[town][family]} -j {town}")
        lines.append(f"-A FORWARD -s {NETS[town][family]} -j {town}")
    for town in TOWNS:
        for host, addrs in hosts[town].items():
            if host != "other":
                for flag in ("-d", "-s"):
                    lines.append(f"-A {town} {flag} {addrs[family]}/{BITS[family]} "
                                 f"-m comment --comment {host}")
    return "\n".join(lines)


class Lab:
    def __init__(self, programs, backend, config=CONFIG, args=(), snmpd_extra="", apart=False):
        """apart: snmpd and who asks it are in a namespace with loopback only, the station;
        else they are on the router."""
        self.programs = programs
        self._undo = contextlib.ExitStack()
        self.tmp = Path(tempfile.mkdtemp(prefix="townlab-"))
        self._undo.callback(shutil.rmtree, self.tmp, ignore_errors=True)
        self.last_report = ""
        self._undo.callback(self._keep_report)
        try:
            self.tmp.chmod(0o755)  # a daemon that is not root gets here, too
            self.lockfile = self.tmp / "xtables.lock"
            self.topology = Topology(unique(), str(self.lockfile))
            self._undo.callback(self.topology.close)
            self.router = self.topology.spaces["router"]
            self.station = self.router
            if apart:
                self.station = Station(self.topology.prefix)
                self._undo.callback(self.station.delete)
            # What iptables means on this router: legacy or nft.
            self.ipt = Iptables(self.router, str(self.lockfile), backend)
            self.traffic = Traffic(self.topology, programs, self.tmp)
            self._undo.callback(self.traffic.close)
            self.snmpd = Snmpd(self.station, self.tmp, snmpd_extra)
            self._undo.callback(self.snmpd.stop)
            self.daemon = Daemon(self.router, self.tmp, self.snmpd.address,
                                 self.lockfile, config, args)
            self._undo.callback(self.daemon.close)
            self.client = self.new_client()
        except BaseException:
            self._undo.close()
            raise

    def close(self):
        """Ends everything; fails if the daemon did not end well."""
        self._undo.close()

    def report(self):
        """What a failure's reader wants to see first."""
        parts = [("townmeterd", self.daemon.logs),
                 ("snmpd", lambda: self.snmpd.log.read_text(errors="replace")),
                 ("townMeterLastError",
                  lambda: self.agent("LastError").decode(errors="replace") or "none"),
                 ("iptables-save -c", lambda: self.ipt.save(counters=True))]
        found = []
        for title, read in parts:
            try:
                found.append((title, read()))
            except Exception as e:  # a report never hides the failure itself
                found.append((title, f"not available: {e}"))
        return found

    def _keep_report(self):
        self.last_report = self.daemon.logs() if hasattr(self, "daemon") else ""

    # Setting up

    def article(self, families=(4, 6)):
        for family in families:
            self.ipt.restore(family, article(family))
        return self

    def up(self):
        """snmpd and the daemon, both ready."""
        self.snmpd.start()
        self.start_daemon()
        return self

    def start_daemon(self, *more):
        self.daemon.start(*more)
        self.wait_ready()

    def restart(self, kill=False, between=None):
        """The daemon ends, by SIGTERM or by SIGKILL, and is started again; `between` is
        called while there is none."""
        if kill:
            self.daemon.kill()
        else:
            self.daemon.stop()
        if between:
            between()
        self.start_daemon()
        return self

    def reboot(self, kill=False, rules=None, between=None):
        """The router goes and comes back with the same addresses; what the daemon has
        in its state directory stays.

        `kill`: without warning, else the daemon is told to end first.  `rules` are what
        is loaded before it starts again: {family: text with counters}, as ipt.backup()
        gave it, or the article's.  `between` is called then."""
        if self.daemon.process and self.daemon.running():
            if kill:
                self.daemon.kill()
            else:
                self.daemon.stop()
        self.snmpd.stop()
        self.reboot_router()
        if rules is None:
            self.article()
        else:
            for family, text in rules.items():
                self.ipt.restore(family, text, "-c")
        if between:
            between()
        return self.up()

    def reboot_router(self):
        """The same without programs and without rules: these have to have ended."""
        self.traffic.expect_silence()
        self.topology.reboot()
        before, self.router = self.router, self.topology.spaces["router"]
        for part in (self.ipt, self.snmpd, self.daemon):
            if part.ns is before:
                part.ns = self.router
        if self.station is before:
            self.station = self.router
        self.traffic.rebase()
        self.client.close()
        self.client = self.new_client()

    def clock(self):
        """A time of day that the scenario sets, for a daemon that is not started yet."""
        return Clock(self.daemon, self.tmp)

    def small_disk(self, size):
        """A file system of so many octets for the daemon's state, which only the daemon
        and its successors see; an empty one. For a daemon that is not started yet."""
        log = self.tmp / "disk.log"
        state = self.daemon.state
        holder = self.router.start(
            ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size={size} tmpfs {state} && "
             "echo ready && exec sleep infinity"], log, log)
        self._undo.callback(holder.kill)
        wait_until(lambda: "ready" in log.read_text() or holder.running() is False, 10)
        assert holder.running(), log.read_text()
        self.daemon.prefix = ["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--"]
        return Disk(self.daemon.prefix, Path(f"/proc/{holder.pid}/root{state}"), state)

    def traps(self):
        """A receiver of notifications, for a Lab with snmpd_extra=traps.SNMPD."""
        traps = Traps(self)
        self._undo.callback(traps.close)
        return traps

    def wait_ready(self, timeout=20):
        """The daemon is connected to the master, and has read the rules."""
        quick = self.new_client(timeout=1)

        def ready():
            if not self.daemon.running():
                raise Hopeless("townmeterd ended, see its log")
            try:
                # Neither is kept over a restart: nobody has looked yet while both are empty.
                took, error = quick.get(
                    mib.agent("SnapshotDuration"), mib.agent("LastError")).binds
            except Timeout:
                return False
            # The scalars come first; this line tells that all tables are there.
            log = self.daemon.log()
            registered = log.count("connected to the master") > log.count("is gone: waiting")
            return registered and bool(took.value or error.value)

        try:
            wait_until(ready, timeout, "townmeterd serves a snapshot through snmpd")
        finally:
            quick.close()

    def new_client(self, **kw):
        client = Client(self.station, **kw)
        self._undo.callback(client.close)
        return client

    def tools(self, version="2c", peer=None):
        return Tools(self.station, self.tmp, version, *([peer] if peer else []))

    def edit(self, *argv, timeout=100, **environment):
        """Drive a backend without the daemon (tests/lab/ruleedit.c)."""
        env = clean_env(XTABLES_LOCKFILE=str(self.lockfile), **environment)
        return json.loads(self.router.run(self.ruleedit(), *argv, env=env, timeout=timeout).stdout)

    def ruleedit(self):
        """The program itself."""
        near = [self.programs / "ruleedit", program().parent / "tests" / "lab" / "ruleedit"]
        path = next((p for p in near if os.access(p, os.X_OK)), None)
        if path is None:
            raise LabError("no ruleedit: run 'make check-programs'")
        return path

    def failset(self):
        """The subagent whose commit fails for the value 99; ready to be set."""
        log = self.tmp / "failset.log"
        process = self.router.start(
            [self.programs / "failset", self.snmpd.address], log, log)
        self._undo.callback(process.kill)
        wait_until(lambda: self.client.get(mib.FAILSET).binds[0].tag == mib.INTEGER,
                   10, "failset is registered")
        return process

    @contextlib.contextmanager
    def locked(self):
        """Hold the xtables lock as another program would."""
        fd = os.open(self.lockfile, os.O_CREAT | os.O_RDONLY, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    # Looking

    def fresh(self, timeout=15, ask=None):
        """Wait for a snapshot whose reading began after this call."""
        start = time.monotonic()
        ask = ask or (lambda *oids: self.client.get(*oids).binds)

        def newer():
            asked = time.monotonic()
            age, took = (b.value for b in ask(mib.agent("SnapshotAge"),
                                              mib.agent("SnapshotDuration")))
            return asked - (age + 1) / 1e3 - (took + 1) / 1e6 >= start

        wait_until(newer, timeout, "a snapshot that is newer than the request for it")
        return self

    def host(self, town, host, name):
        return self.client.value(mib.host(town, host, name))

    def town(self, town, name):
        return self.client.value(mib.town(town, name))

    def total(self, chain, name):
        return self.client.value(mib.total(chain, name))

    def agent(self, name):
        return self.client.value(mib.agent(name))

    def rows(self):
        """All rows that asking does not change: INPUT and OUTPUT count it."""
        tables = {name: self.client.table(name) for name in ("Total", "Town", "Host")}
        tables["Total"] = {1: tables["Total"][1]}
        return tables

    def everything(self):
        """All that a SET could change, flat, so that a difference is short."""
        flat = {"rules": self.ipt.save(counters=True)}
        for table, rows in self.rows().items():
            for key, row in rows.items():
                flat.update({(table, key, column): value for column, value in row.items()})
        return flat

    def expect_unchanged(self, before, counters=True):
        """Nothing that everything() holds differs from an earlier answer, apart
        from what rules have counted, if `counters` is False."""
        now = self.everything()
        if not counters:
            before, now = ({**e, "rules": re.sub(r"\[\d+:\d+\]", "", e["rules"])}
                           for e in (before, now))
        changed = {k: (before.get(k), now.get(k)) for k in before.keys() | now.keys()
                   if before.get(k) != now.get(k)}
        assert not changed, f"changed (before, now): {changed}"

    def set(self, *binds):
        """SET by the raw client; returns (error name, error index)."""
        return self.client.set(*binds).status

    def townmeter(self, *argv, fails=0, **kw):
        """The command: what it printed, once it ended as it should."""
        done = self.daemon.command(*argv, **kw)
        assert done.returncode == fails, f"{argv}: {done.returncode} {done.stdout} {done.stderr}"
        if fails:
            # One clear line, and nothing that could be taken for an answer.
            assert done.stderr.startswith("townmeter: ") and done.stderr.count("\n") == 1, done.stderr
            assert done.stdout == "", done.stdout
            return done.stderr
        assert done.stderr == "", done.stderr
        return done.stdout

    def must_set(self, *binds):
        status = self.set(*binds)
        assert status == ("noError", 0), \
            f"{status}: {self.agent('LastError').decode(errors='replace')}"

    # Comparing

    def kernel_hosts(self):
        """Per host what `iptables -L -v -n -x` shows for its counting rules:
        {(town, host): {'Down': (packets, octets), 'Up': ...}}."""
        found = {}
        for town in TOWNS:
            for family in (4, 6):
                by_addr = {a[family]: h for h, a in HOSTS[town].items()}
                for row in self.ipt.listing(town, family):
                    if row.target == "DROP":
                        continue
                    for addr, way in ((row.destination, "Down"), (row.source, "Up")):
                        name = by_addr.get(addr.partition("/")[0])
                        if name:
                            have = found.setdefault((town, name), {"Down": (0, 0), "Up": (0, 0)})
                            have[way] = (have[way][0] + row.packets,
                                         have[way][1] + row.octets)
        return found

    def expect_hosts(self, tally=None, hosts=None):
        """Every host's Counter64 is what was sent."""
        tally = tally or self.traffic.tally
        table = self.client.table("Host")
        for (town, host), row in table.items():
            if hosts is None or host.decode() in hosts:
                sent = tally.host[town.decode(), host.decode()]
                _same(row, sent, f"host {town.decode()}/{host.decode()}")
        return table

    def expect_sent(self):
        """All Counter64 columns are what was sent, to the packet; nothing was
        dropped.  For rules that counted nothing before the daemon started."""
        self.traffic.settle()
        self.fresh()
        tally = self.traffic.tally
        for row in self.expect_hosts().values():
            assert (row["DroppedPkts"], row["DroppedOctets"]) == (0, 0)
        for town, row in self.client.table("Town").items():
            _same(row, tally.town[town.decode()], f"town {town.decode()}")
            assert (row["DroppedPkts"], row["DroppedOctets"]) == (0, 0)
        forward = self.client.table("Total")[mib.CHAINS["forward"]]
        assert (forward["Pkts"], forward["Octets"]) == \
            (tally.forward.packets, tally.forward.octets), "total forward"

    def expect_kernel(self):
        """The hosts' Period amounts are what the kernel's counters show: the
        same numbers that an operator sees in `iptables -L -v -n -x`.  For
        kernel counters that started with the period."""
        self.fresh()
        table = self.client.table("Host")
        for (town, host), ways in self.kernel_hosts().items():
            row = table[town.encode(), host.encode()]
            for way, (packets, octets) in ways.items():
                assert (row[f"Period{way}Pkts"], row[f"Period{way}Octets"]) == \
                    (packets, octets), f"{town}/{host} {way}: SNMP and iptables differ"


class Disk:
    """A file system of the daemon's own, which fills up when it is told to."""

    def __init__(self, prefix, path, name):
        self.path = path  # where others see what is in it
        self._prefix, self._name = prefix, name

    def fill(self):
        with open(self.path / "filler", "ab", buffering=0) as f:
            for block in (4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(b"x" * block)

    def free(self):
        (self.path / "filler").unlink()

    def read_only(self, yes):
        run([*self._prefix, "mount", "-o", "remount," + ("ro" if yes else "rw"), self._name])


def _same(row, sent, what):
    got = {f"{way}{unit}": row[f"{way}{unit}"]
           for way in ("Down", "Up") for unit in ("Pkts", "Octets")}
    want = {"DownPkts": sent["down"].packets, "DownOctets": sent["down"].octets,
            "UpPkts": sent["up"].packets, "UpOctets": sent["up"].octets}
    assert got == want, f"{what}: the counters say {got}, sent was {want}"
