"""What goes wrong at the start is one clear line that says what to do; what
--check prints; files and arguments that are wrong."""

import re
import shutil

import pytest

from lab import mib
from lab.daemon import program
from lab.proc import clean_env, run, wait_until


def lines_with(text, pattern):
    return [l for l in text.splitlines() if re.search(pattern, l, re.I)]


def one_line(text, pattern):
    """Exactly one line matches; return it."""
    found = lines_with(text, pattern)
    assert len(found) == 1, f"{len(found)} lines match {pattern!r}:\n{text}"
    return found[0]


def test_not_root(make_lab):
    """One line that says what it needs, and the end: waiting mends nothing."""
    # What else would be in its way is open to it.
    lab = make_lab(snmpd_extra="agentXPerms 0666 0755").article()
    lab.snmpd.start()
    exe = lab.tmp / "townmeterd"
    shutil.copy(program(), exe)
    exe.chmod(0o755)
    for path in (lab.daemon.dir, lab.daemon.state):
        path.chmod(0o777)
    lab.lockfile.chmod(0o666)
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
            exe, *lab.daemon.argv()[1:]]
    log = lab.tmp / "unprivileged.log"
    process = lab.router.start(argv, log, log, lab.daemon.env())
    try:
        wait_until(lambda: lines_with(process.stderr(), r"CAP_NET_ADMIN|\broot\b"), 10,
                   "a line that names the capability or root")
        one_line(process.stderr(), "error")
        assert process.wait() not in (0, -11, -6)
    finally:
        process.kill()


def test_no_filter_table(make_lab):
    """Nothing was ever loaded: said once, with what to do; the daemon stays,
    does not load it, and sees rules when they come."""
    lab = make_lab()
    lab.snmpd.start()
    lab.daemon.start()
    wait_until(lambda: lines_with(lab.daemon.log(), "iptables|filter table"), 10)
    wait_until(lambda: lab.client.get(mib.agent("Backend")).binds[0].value == mib.BACKEND_NONE, 10)
    wait_until(lambda: lab.agent("SnapshotErrors") >= 2, 15)
    one_line(lab.daemon.log(), "iptables|filter table")
    assert re.search("iptables|filter", lab.agent("LastError").decode())
    assert lab.client.table("Host") == {} and lab.client.table("Total") == {}
    assert lab.router.read("ip_tables_names") == ""
    lab.article()
    wait_until(lambda: lab.agent("Backend") == mib.BACKEND[lab.ipt.backend], 10)
    lab.traffic.send("outside", "alice", 10)
    lab.expect_sent()


def test_a_second_instance(lab):
    """Refused with one line; the first one goes on undisturbed."""
    done = lab.daemon.once()
    assert done.returncode not in (0, -11, -6)
    assert re.search("already|another|second|running", one_line(done.stderr, "."))
    lab.fresh()
    lab.expect_sent()


def test_after_a_crash_there_is_no_second_instance(lab):
    """What the killed one left behind does not keep the next from starting."""
    for _ in range(2):
        lab.daemon.kill()
        lab.start_daemon()


@pytest.mark.backend("legacy")
def test_the_lock_is_held_at_the_start(make_lab):
    """One line names the lock; as soon as it is free, all is served."""
    lab = make_lab().article()
    lab.snmpd.start()
    with lab.locked():
        lab.daemon.start()
        wait_until(lambda: lines_with(lab.daemon.log(), str(lab.lockfile)), 15)
        wait_until(lambda: lab.client.get(mib.agent("LastError")).binds[0].value, 15)
        assert str(lab.lockfile) in lab.agent("LastError").decode()
        wait_until(lambda: lab.agent("SnapshotErrors") >= 2, 20)
        one_line(lab.daemon.log(), str(lab.lockfile))
        assert lab.daemon.running()
    wait_until(lambda: lab.agent("Backend") == mib.BACKEND[lab.ipt.backend], 15)
    lab.traffic.send("outside", "alice", 10)
    lab.expect_sent()


@pytest.mark.backend("legacy")
def test_the_lock_cannot_be_opened(make_lab):
    """Ends with one line that names the file."""
    lab = make_lab().article()
    lab.snmpd.start()
    lab.daemon.lockfile = lab.tmp / "missing" / "xtables.lock"
    done = lab.daemon.once()
    assert done.returncode not in (0, -11, -6)
    assert str(lab.daemon.lockfile) in one_line(done.stderr, ".")


@pytest.mark.parametrize("config,line,word", [
    ("interval: soon\n", 1, "interval"), ("interval: 30s\nmax-age: -1s\n", 2, "max-age"),
    ("interval: 30s\n\nset: [fly]\n", 3, "set"), ("intervall: 30s\n", 1, "intervall"),
    ("interval: [30s]\n", 1, "interval"), ("set: zero\n", 1, "set"),
    ("interval: 30s\ninterval: 20s\n", 2, "interval"), ("a: b: c\n", 1, ""),
    ("- interval\n", 1, "")])
def test_errors_in_the_configuration(make_lab, config, line, word):
    """File, line and what was expected; nothing is started."""
    lab = make_lab(config=config).article()
    done = lab.daemon.once()
    assert done.returncode not in (0, -11, -6)
    text = one_line(done.stderr, ".")
    assert f"{lab.daemon.config}:{line}" in text and word in text, text


def test_no_configuration_is_an_empty_one(make_lab):
    lab = make_lab(config="").article().up()
    assert len(lab.client.table("Host")) == 4
    lab.must_set((mib.host("town-a", "alice", "Zero"), mib.ZERO))
    missing = lab.tmp / "missing.yaml"
    done = lab.daemon.once("-c", missing)
    assert done.returncode != 0 and str(missing) in one_line(done.stderr, ".")


def test_wrong_arguments(make_lab):
    lab = make_lab()
    for argv in (["--fly"], ["-x"], ["extra"]):
        done = run(lab.router.cmd(program(), *argv), 10, check=False, env=clean_env())
        assert done.returncode == 2, (argv, done.returncode, done.stderr)
        assert "sage" in done.stderr


def test_check_prints_every_rule_and_what_it_is(make_lab):
    """As iptables -S writes it, with what it is taken for; no master needed,
    nothing written."""
    lab = make_lab().article()
    for line in ("-i ext0 -d 10.1.0.20", "-p tcp -m multiport --dports 80,443 -d 10.1.0.21",
                 "-m limit --limit 3/sec -d 10.1.0.22", "-d 10.1.0.23/32 -j DROP",
                 "-d 10.1.0.0/255.0.255.255"):
        lab.ipt(4, "-A", "town-a", *line.split())
    lab.ipt.both("-I", "FORWARD", 2, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED",
                 "-j", "ACCEPT")
    before = lab.ipt.save(counters=True)
    lab.daemon.strace = None
    done = lab.daemon.once("--check")
    assert done.returncode == 0, done.stderr
    for family in (4, 6):
        for spec in lab.ipt(family, "-S").splitlines():
            if spec.startswith("-A"):
                assert spec in done.stdout, spec
    taken = [("-A FORWARD\n", "total"), ("-A FORWARD -d 10.1.0.0/24 -j town-a", "town"),
             ("-A town-a -d 10.1.0.10/32 -m comment --comment alice", "host"),
             ("-A town-a -d 10.1.0.23/32 -j DROP", "block"),
             ("-A town-a -d 10.1.0.20/32 -i ext0", "interface"),
             ("-A town-a -d 10.1.0.21/32 -p tcp", "protocol"),
             ("-A town-a -d 10.1.0.22/32 -m limit", "match"),
             ("-A town-a -d 10.0.0.0/255.0.255.255", "mask")]
    lines = done.stdout.splitlines()
    for spec, word in taken:
        at = next(i for i, l in enumerate(lines) if spec.strip() in l and
                  (spec.strip() != "-A FORWARD" or "-A FORWARD -" not in l))
        # On the same line or the next one.
        assert word in " ".join(lines[at:at + 2]).replace(spec.strip(), "").lower(), \
            (spec, lines[at:at + 2])
    assert "alice" in done.stdout and "ESTABLISHED" in done.stdout
    assert lab.ipt.save(counters=True) == before


def test_check_beside_a_running_daemon(lab):
    """It can be asked at any time."""
    done = lab.daemon.once("--check")
    assert done.returncode == 0
    lab.expect_sent()


def test_check_without_rules(make_lab):
    lab = make_lab()
    done = lab.daemon.once("--check")
    assert done.returncode != 0
    one_line(done.stderr, "iptables|filter table")
    assert lab.router.read("ip_tables_names") == ""


def test_a_quiet_log(lab):
    """A start that goes well says little, and looking says nothing."""
    first = lab.daemon.log()
    assert len(first.splitlines()) <= 6, first
    for _ in range(3):
        lab.client.walk(mib.ROOT)
        lab.fresh()
    assert lab.daemon.log() == first
