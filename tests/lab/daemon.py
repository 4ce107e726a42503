"""townmeterd, the program under test."""

import os
import re
import signal
from pathlib import Path

from .proc import LabError, clean_env, run, wait_until

_TREE = Path(__file__).resolve().parents[2]
# A short max-age, so that scenarios wait little for a fresh look; what holds
# with the values of a site, test_counters.py shows.
CONFIG = "interval: 30s\nmax-age: 100ms\nset: [zero, block]\n"
_TROUBLE = re.compile(r"Sanitizer|runtime error:|stack smashing|malloc\(\)|free\(\)|"
                      r"[Aa]ssertion .*failed")


def program():
    """The daemon to test: $TOWNMETERD, or what the usual build tree holds."""
    path = Path(os.environ.get("TOWNMETERD", _TREE / "build" / "townmeterd"))
    if not os.access(path, os.X_OK):
        raise LabError(f"no townmeterd at {path}: build it, or name it in TOWNMETERD")
    return path.resolve()


class Daemon:
    def __init__(self, ns, tmp, agentx, lockfile, config=CONFIG, args=()):
        self.ns, self.dir, self.agentx = ns, tmp / "daemon", agentx
        self.dir.mkdir(exist_ok=True)
        self.state = self.dir / "state"
        self.state.mkdir(exist_ok=True)
        self.config = self.dir / "townmeter.yaml"
        self.config.write_text(config)
        self.args = list(args)
        self.lockfile = lockfile
        self.process = None
        self.runs = 0
        self.strace = None  # a list of system calls' names: trace these
        self.inject = None  # arguments for strace: let system calls fail
        self.prefix = []  # a command that starts it
        self.environment = {}  # more of it
        self.asan_options = ""  # more of them, with colons before
        self.after_end = None  # called with the process's number

    def env(self):
        """Sanitizers write to files here, so that no word of them is missed."""
        log = f"log_path={self.dir}/sanitizer"
        leaks = "0" if self.strace or self.inject else "1"  # LeakSanitizer cannot be traced
        return clean_env(
            XTABLES_LOCKFILE=str(self.lockfile),
            ASAN_OPTIONS=f"{log}:detect_leaks={leaks}:strict_string_checks=1"
                         + self.asan_options,
            UBSAN_OPTIONS=f"{log}:print_stacktrace=1",
            TSAN_OPTIONS=f"{log}:second_deadlock_stack=1",
            **self.environment)

    def argv(self, *more, socket=None):
        return [program(), "-f", "-c", self.config, "-x", self.agentx,
                "-s", self.state, "-S", socket or self.dir / "control.sock",
                *self.args, *more]

    def start(self, *more):
        argv = self.argv(*more)
        self.runs += 1
        if self.strace:
            # -D: the daemon is the child, so that signals reach it.
            argv = ["strace", "-D", "-f", "-q", "-o", self.trace_path(), "-e",
                    "trace=" + ",".join(self.strace), *argv]
        elif self.inject:
            argv = ["strace", "-D", "-f", "-q", "-o", self.trace_path(), *self.inject, *argv]
        argv = [*self.prefix, *argv]
        self.process = self.ns.start(argv, self.log_path(), self.log_path(), self.env())
        return self

    def once(self, *more, timeout=20, **kw):
        """Run it to its end in the foreground: for what must not stay up."""
        return run(self.ns.cmd(*self.argv(*more, **kw)), timeout, check=False,
                   env=self.env())

    def trace(self):
        """What strace saw in a run that ended; complete when it says so."""
        wait_until(lambda: "+++ exited with 0 +++" in
                   self.trace_path().read_text(), 10, "strace is done")
        return self.trace_path().read_text()

    def log_path(self):
        return self.dir / f"log{self.runs}"

    def trace_path(self):
        return self.dir / f"strace{self.runs}"

    def log(self):
        """The log of the present run."""
        return self.log_path().read_text(errors="replace")

    def logs(self):
        """The logs of all runs, for a failure's report."""
        return "".join(f"--- run {n}\n" + (self.dir / f"log{n}").read_text(errors="replace")
                       for n in range(1, self.runs + 1))

    def running(self):
        return self.process is not None and self.process.running()

    def kill(self):
        """kill -9"""
        self.process.kill()
        self._ended()

    def _ended(self):
        if self.after_end:
            self.after_end(self.process.pid)

    def stop(self):
        """SIGTERM; it must end by itself and well."""
        status = self.process.stop(signal.SIGTERM, 10)
        self._ended()
        assert status == 0, f"townmeterd ended with {status}, see its log"

    def check(self):
        """Fail if a sanitizer or the C library complained in any run."""
        complaints = [p.read_text(errors="replace") for p in
                      sorted(self.dir.glob("sanitizer*"))]
        complaints += [l for l in self.logs().splitlines() if _TROUBLE.search(l)]
        assert not complaints, "the daemon misbehaved:\n" + "\n".join(complaints)

    def close(self):
        """The end of a scenario: it must have survived it, and end well."""
        try:
            if self.process is None or self.process.popen.returncode == -signal.SIGKILL:
                return
            crashed = not self.running()
            if crashed:
                status = self.process.popen.returncode
                assert status == 0, f"townmeterd ended by itself with {status}"
            else:
                self.stop()
        finally:
            self.check()
