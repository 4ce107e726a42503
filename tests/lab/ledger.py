"""What a ledger has to do about changes that a kill cuts off: this one drives ruleedit,
kills it, settles, and keeps the account of what was taken out of every rule."""

import json
import random
import re
import time
from collections import Counter

from . import shapes
from .proc import LabError, clean_env, wait_until

DROP = " -j DROP"
# Packets that processors may be working on at one time.
UNDER_WAY = 64


def received(lab):
    """Packets that the router has taken in so far, as src/received.c counts."""
    head, values = [line.split()[1:] for line in lab.router.read("snmp").splitlines()
                    if line.startswith("Ip:")]
    six = dict(line.split() for line in lab.router.read("snmp6").splitlines())
    return int(dict(zip(head, values))["InReceives"]) + int(six["Ip6InReceives"])


class Ledger:
    def __init__(self, lab, backend=None):
        self.lab, self.backend = lab, backend or lab.ipt.backend
        self.random = random.Random()
        self.path, self.done = lab.tmp / "intent", lab.tmp / "intent.done"
        self.taken = {}           # as ruleedit's: name: (packets, octets)
        self.lost = Counter()     # name: packets that may be missing from it
        self.outcomes = Counter() # of steps that only the witness tells of
        self.changes = 0          # that were recorded
        self.counters = {}        # all rules', after the last settlement
        self.log = ""

    # Killing

    def kill_somewhere(self, span, *what):
        """Kill it up to `span` seconds after its first intent, and settle."""
        self.forget()
        log = self.lab.tmp / "killed.err"
        log.unlink(missing_ok=True)
        process = self.lab.router.start(self._argv(what), self.lab.tmp / "killed.out", log, self._env())

        def armed():
            if not process.running():
                raise LabError(f"ruleedit ended: {process.stderr()}")
            return self.path.exists()

        wait_until(armed, 20, "ruleedit changes rules", interval=0.0002)
        until = time.monotonic() + self.random.uniform(0, span)
        while time.monotonic() < until:
            pass
        process.kill()
        self._settle(process.stderr())

    def kill_at(self, call, number, *what):
        """Kill it as it enters this system call for the n-th time, and settle. Returns
        whether it came that far."""
        self.forget()
        done = self.lab.router.run(
            "strace", "-f", "-q", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:signal=SIGKILL:when={number}", *self._argv(what),
            env=self._env(), check=False, timeout=60)
        if done.returncode not in (0, -9):
            raise LabError(f"ruleedit: {done.returncode} {done.stderr}")
        self._settle(done.stderr)
        return done.returncode != 0

    def trace(self, call, *what):
        """Let it come to its end, and return what strace saw of this system call."""
        self.forget()
        log = self.lab.tmp / "trace"
        self.lab.router.run("strace", "-f", "-q", "-o", log, "-e", f"trace={call}", *self._argv(what),
                            env=self._env(), timeout=60)
        return log.read_text()

    def complete(self, *what):
        """Let it come to its end."""
        self.forget()
        self._settle(self.lab.router.run(*self._argv(what), env=self._env(), timeout=60).stderr)

    def _argv(self, what):
        return [self.lab.ruleedit(), f"--intent={self.path}", self.backend, *what]

    def _env(self):
        return clean_env(XTABLES_LOCKFILE=str(self.lab.lockfile), ASAN_OPTIONS="detect_leaks=0")

    def forget(self):
        self.path.unlink(missing_ok=True)
        self.done.unlink(missing_ok=True)

    # Settling

    def take(self, name, counter):
        self.taken[name] = tuple(a + b for a, b in zip(self.taken.get(name, (0, 0)), counter))

    def _drops(self):
        return {name for name in {*self.taken, *self.counters} if name.endswith(DROP)}

    def leftovers(self):
        """Rules of removals that were cut off, by the last settlement."""
        return [name for name in self.counters if "townmeter-drain" in name]

    def settle(self):
        """What became of each step of the change that was told of last."""
        answer = self.lab.edit(self.backend, "settle", self.path)
        self.counters = {name: tuple(counter) for name, counter in answer["counters"].items()}
        return answer["outcomes"]

    def _settle(self, log):
        at_kill = received(self.lab)
        made = self.done.read_text().splitlines() if self.done.exists() else []
        made = [json.loads(line) for line in made if line.endswith("}")]
        for change in made:
            self.changes += 1
            for edit in change["edits"]:
                if edit["kind"] in ("zero", "delete") and not edit["kept"]:
                    self.take(edit["name"], edit["counter"])
        self.log += log
        for packets in re.findall(r"(\d+) packets that were dropped while the rest", log):
            for name in self._drops():
                self.lost[name] += int(packets) + UNDER_WAY
        if not self.path.exists():
            return
        lines = self.path.read_text().splitlines()
        number, _, _, at_read = map(int, lines[0].split())
        had_leftovers = bool(self.leftovers())
        outcomes = self.settle()
        if made and made[-1]["change"] == number:
            return
        self.outcomes.update(outcomes)
        for edit in map(json.loads, lines[2:]):
            self._take_if_done(edit, outcomes, at_kill - at_read)
        if "rescued" in outcomes:
            passed = received(self.lab) - at_read
            for name in {*self.counters, *self._drops()}:
                self.lost[name] += passed
        if had_leftovers:
            for name in self._drops():
                self.lost[name] += at_kill - at_read

    def _take_if_done(self, edit, outcomes, window):
        """What was read of it; who was killed may have known more."""
        name = edit["name"]
        if edit["kind"] not in ("zero", "delete") or edit["kept"]:
            return
        if edit["step"] >= 0:
            outcome = outcomes[edit["step"]]
            assert outcome != "unknown", f"nobody took the witness of {edit} away"
        else:
            outcome = "not done" if name in self.counters else "done"
        if outcome == "not done":
            return
        self.take(name, edit["counter"])
        if edit["kind"] == "delete" or not name.startswith("legacy:"):
            self.lost[name] += window

    # The account

    def check(self, names, sent):
        """Every packet is in one of these rules: in what was taken, or in what is left. Returns
        how many are missing where the account says that they may be."""
        sums = shapes.account(self.lab, self.taken)
        have = [sum(sums.get(name, (0, 0))[i] for name in names) for i in (0, 1)]
        allowed = sum(self.lost[name] + self.lost["legacy:" + name] for name in names)
        missing = sent["packets"] - have[0]
        assert 0 <= missing <= allowed, \
            f"{names}: {missing} of {sent['packets']} packets are missing, {allowed} may be"
        size, octets = sent["octets"] // sent["packets"], sent["octets"] - have[1]
        # nf_tables reads packets and octets of a counter one after the other: where only what was
        # read is known, the packet between may be in one of them.
        torn = UNDER_WAY * size if allowed and self.backend != "legacy" else 0
        assert abs(octets - missing * size) <= torn, \
            f"{names}: {missing} packets of {size} octets are missing, but {octets} octets"
        return missing
