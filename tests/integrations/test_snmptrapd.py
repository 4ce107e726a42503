"""A real snmptrapd, started as Debian starts it, with the files that we ship: what each
notification of a real agent becomes in the log."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import mib
from lab.daemon import CONFIG
from lab.pdu import Value
from lab.proc import clean_env, run, wait_until
from lab.topology import HOSTS

TREE = Path(__file__).resolve().parents[2]
SHIPPED = TREE / "integrations" / "snmptrapd"
NAME = 'Zoë "the 1st" M] = [ü, 2'
ALICE = "town-a", NAME
NAMES = ", ".join(f'"{address}": \'{NAME}\'' for address in HOSTS["town-a"]["alice"].values())
# logger as the handler calls it, but to a file: the machine's own log stays as it is.
_LOGGER = """#!/bin/sh
exec /usr/bin/logger --no-act --socket-errors=off --stderr "$@" 2>>{log}
"""
# Debian's places for files hold those of the test; the user and the socket are its unit's.
_START = """
mount --bind {dir}/etc /etc/snmp &&
mount --bind {dir}/mibs /usr/share/snmp/mibs &&
mount --bind {dir}/state /var/lib/snmp &&
exec systemd-socket-activate -d -l 127.0.0.1:162 -E PATH={dir}/bin:/usr/bin:/bin -E LANG=C.UTF-8 \
    setpriv --reuid Debian-snmp --regid Debian-snmp --clear-groups \
    /usr/sbin/snmptrapd -LOw -f udp:162
"""


def readme_code():
    """The lines of the README that are typed."""
    text = (SHIPPED / "README.md").read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


class Trapd:
    """Set up as the README says, and started."""

    def __init__(self, lab, change=lambda text: text):
        self.lab, base = lab, lab.tmp / "trapd"
        for name in ("etc", "mibs", "state", "bin"):
            (base / name).mkdir(parents=True)
        conf = (SHIPPED / "snmptrapd.conf").read_text(encoding="utf-8")
        (base / "etc/snmptrapd.conf").write_text(change(conf), encoding="utf-8")
        shutil.copy(SHIPPED / "townmeter-traps.awk", base / "etc")
        line, = re.findall(r"^echo '(.*)' \| sudo tee -a /etc/snmp/snmp.conf$", "\n".join(readme_code()), re.M)
        (base / "etc/snmp.conf").write_text(f"mibs :\n{line}\n", encoding="utf-8")  # Debian's has the first one
        run([TREE / "tools" / "mib-standalone", TREE / "mibs" / "TOWNMETER-MIB.txt",
             base / "mibs" / "TOWNMETER-MIB.txt"])
        self.log = base / "log"
        self.log.touch()
        (base / "bin/logger").write_text(_LOGGER.format(log=self.log))
        (base / "bin/logger").chmod(0o755)
        for path in (base / "state", self.log):
            shutil.chown(path, "Debian-snmp")
        output = base / "output"
        self.process = lab.station.start(
            ["unshare", "--mount", "sh", "-c", _START.format(dir=base)], output, output, clean_env())
        wait_until(lambda: ":00A2 " in lab.station.read("udp"), 10, "snmptrapd's socket is open")

    def lines(self):
        """What came so far, without what the log itself adds; times of day as TIME."""
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            # 29 is daemon.notice.
            head, text = re.fullmatch(r"(<29>\w{3} [ \d]\d \d\d:\d\d:\d\d townmeter: )(.*)", line).groups()
            text = re.sub(r"^(localhost|127\.0\.0\.1) ", "router ", text)
            found.append(re.sub(r"\b20\d\d-\d+-\d+,\d+:\d+:\d+\.\d,\+\d+:\d+", "TIME", text))
        return found

    def shows(self, *want):
        """These lines come next, and nothing else before them."""
        self.want = [*getattr(self, "want", ()), *want]
        wait_until(lambda: len(self.lines()) >= len(self.want), 20,
                   f"{want} is logged; {self.lab.snmpd.log.read_text()}")
        assert self.lines() == self.want

    def close(self):
        self.process.kill()


def setting(name, value):
    return mib.control(name), Value(mib.GAUGE32, value)


@pytest.fixture
def started(make_lab):
    trapds = []

    def start(sink, change=lambda text: text):
        lab = make_lab(apart=True, config=CONFIG + f"names: {{{NAMES}}}\n", snmpd_extra=sink).article()
        lab.disk = lab.small_disk(1 << 20)
        trapds.append(Trapd(lab, change))
        return lab.up(), trapds[-1]

    yield start
    for trapd in trapds:
        trapd.close()


def test_every_notification_is_one_line(started):
    sink, = [line for line in readme_code() if line.startswith("trap2sink ")]
    lab, log = started(sink.replace("STATION", "127.0.0.1") + "\n")
    alice, row = f"town-a/{NAME}", mib.host
    # Blocked by SET, and allowed.
    lab.must_set((row(*ALICE, "AdminStatus"), mib.BLOCKED), (row(*ALICE, "Remark"), 'ünpaid, "since" May'))
    log.shows(f'router townMeterHostBlocked {alice}: OperStatus blocked, BlockReason manager, '
              'Remark ünpaid, "since" May')
    lab.must_set((row(*ALICE, "AdminStatus"), mib.ALLOWED), (row(*ALICE, "Remark"), ""))
    log.shows(f"router townMeterHostUnblocked {alice}: OperStatus allowed, BlockReason none")
    # A quota is used up, and blocks; he was blocked less than a minute ago.
    lab.must_set(setting("NotifyMinInterval", 1))
    lab.must_set((row(*ALICE, "QuotaMB"), Value(mib.GAUGE32, 1)), (row(*ALICE, "QuotaAction"), mib.BLOCK))
    lab.traffic.send("outside", "alice", 8500)
    lab.fresh()
    log.shows(f"router townMeterQuotaWarning {alice}: QuotaState warned, QuotaUsedPercent 85 percent, "
              "QuotaMB 1 megabytes, PeriodDownOctets 850000 octets, PeriodUpOctets 0 octets")
    lab.traffic.send("alice", "outside", 2000)
    lab.fresh()
    log.shows(f"router townMeterQuotaExceeded {alice}: QuotaState exceeded, QuotaUsedPercent 105 percent, "
              "QuotaMB 1 megabytes, PeriodDownOctets 850000 octets, PeriodUpOctets 200000 octets, "
              "QuotaAction block",
              f"router townMeterHostBlocked {alice}: OperStatus blocked, BlockReason quota")
    # From here on each kind comes once: that the rules are taken away is a discontinuity, too.
    lab.must_set(setting("NotifyMinInterval", 3600))
    # Zeroed, alone and with the town.
    lab.traffic.send("outside", ["bob", "dave"], 60)
    lab.traffic.send("dave", "outside", 20)
    lab.must_set((row("town-a", "bob", "Remark"), "by hand"), (row("town-a", "bob", "Zero"), mib.ZERO))
    log.shows("router townMeterHostZeroed town-a/bob: ClosedReason hostZero, ClosedDownOctets 3000 octets, "
              "ClosedUpOctets 0 octets, ClosedOverMB 0 megabytes, Remark by hand")
    lab.must_set((mib.town("town-b", "Zero"), mib.ZERO))
    log.shows("router townMeterTownZeroed town-b: ClosedReason townZero, ClosedDownOctets 3000 octets, "
              "ClosedUpOctets 2000 octets, ClosedOverMB 0 megabytes, Hosts 2 hosts")
    # Another program clears counters; takes the rules away, and puts them back.
    lab.ipt(4, "-Z")
    lab.fresh()
    log.shows("router townMeterDiscontinuity: DiscontinuityTime TIME, KernelResets 1 resets, LedgerStatus created")
    for family in ("ip", "ip6"):
        lab.router.run("nft", f"delete table {family} filter")
    wait_until(lambda: lab.agent("Backend") == mib.BACKEND_NONE, 20)
    why = lab.agent("LastError").decode()
    log.shows(f"router townMeterBackendLost: Backend none, SnapshotTime TIME, LastError {why}")
    lab.article()
    wait_until(lambda: lab.agent("Backend") == mib.BACKEND_NFTABLES, 20)
    log.shows("router townMeterBackendRestored: Backend nftables, SnapshotTime TIME, KernelResets 1 resets")
    # There is no room for the ledger.
    lab.disk.fill()
    lab.traffic.send("outside", "alice", 10)
    wait_until(lambda: lab.fresh().agent("LedgerStatus") == mib.LEDGER_FAILED, 20)
    why = lab.agent("LastError").decode()
    log.shows(f"router townMeterLedgerFailed: LedgerStatus failed, LedgerSaveTime TIME, LastError {why}")
    assert {line.split()[1].rstrip(":") for line in log.lines()} == {f"townMeter{n}" for n in mib.NOTIFICATIONS.values()}


def test_informs_of_snmpv3(started):
    """As the README says for a user instead of a community."""

    def user(text):
        return re.sub(r"^#(createUser|authUser)", r"\1", text.replace("authCommunity", "#authCommunity"),
                      flags=re.M)

    sink, = [line for line in readme_code() if line.startswith("trapsess ")]
    lab, log = started(sink.replace("STATION", "127.0.0.1") + "\n", user)
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    log.shows(f"router townMeterHostBlocked town-a/{NAME}: OperStatus blocked, BlockReason manager")


HANDED = """{host}
{address}
{uptime} 0:0:00:01.00
{trap} {event}
{objects}
{enterprise} .1.3.6
"""
EVENT = "townMeterHostBlocked"
FROM = "UDP: [192.0.2.1]:161->[192.0.2.5]:162"


def index(*names):
    return "".join(f".{n}" for name in names for n in mib.index(name))


@pytest.mark.quick
@pytest.mark.parametrize("awk", ["awk", "mawk"])
@pytest.mark.parametrize("host, router", [("gw.example.net", "gw.example.net"), ("<UNKNOWN>", "192.0.2.1"),
                                          (FROM, "192.0.2.1")])
def test_what_the_handler_makes_of_it(awk, host, router):
    """With the IETF's modules and without them, of senders with and without a name."""
    where = index("a b", "ü\\] 1")
    objects = (f"townMeterHostOperStatus{where} blocked\n"
               f'townMeterHostBlockReason{where} "F0 "\ntownMeterHostRemark{where} x = y')
    for uptime, trap, enterprise in (("sysUpTime.0", "snmpTrapOID.0", "snmpTrapEnterprise.0"),
                                     ("mib-2.1.3.0", "internet.6.3.1.1.4.1.0", "internet.6.3.1.1.4.3.0")):
        handed = HANDED.format(host=host, address=FROM, uptime=uptime, trap=trap, event=EVENT,
                               objects=objects, enterprise=enterprise)
        done = subprocess.run([awk, "-f", SHIPPED / "townmeter-traps.awk"], input=handed.encode(),
                              capture_output=True, env=clean_env(), timeout=20)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode() == (f"{router} {EVENT} a b/ü\\] 1: OperStatus blocked, BlockReason "
                                        "manager+quota+local+town, Remark x = y\n")
