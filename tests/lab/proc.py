"""Running programs: bounded in time, loud when they fail, never left behind."""

import os
import signal
import subprocess
import time

# What runs on ends with us. A preexec_fn could ask for that, too, but makes Python fork all of
# itself instead of vfork(2): a tenth of a second each time, where page tables are dear.
_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "--"]


class LabError(Exception):
    """The lab itself does not work; says nothing about the product."""


class Hopeless(AssertionError):
    """What is waited for can no longer happen."""


def text(data):
    """Bytes as text; octets that are not UTF-8 survive a round trip."""
    return data.decode("utf-8", "surrogateescape")


def clean_env(**extra):
    """An environment with neither the user's locale nor his SNMP settings."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "MIBS": "",
           "HOME": "/nonexistent"}
    env.update(extra)
    return env


def run(argv, timeout=15, check=True, stdin=None, env=None):
    """Run a program to its end; fail loudly unless check is False."""
    if isinstance(stdin, str):
        stdin = stdin.encode("utf-8", "surrogateescape")
    try:
        done = subprocess.run(argv, input=stdin if stdin is not None else b"",
                              capture_output=True, timeout=timeout,
                              env=env or clean_env())
    except subprocess.TimeoutExpired as e:
        raise LabError(f"{argv} still ran after {timeout} s: "
                       f"{e.stdout!r} {e.stderr!r}") from None
    except FileNotFoundError as e:
        raise LabError(f"a program that the lab needs is missing: {e}") from None
    done.stdout, done.stderr = text(done.stdout), text(done.stderr)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, argv))} exited with "
                       f"{done.returncode}: {done.stderr or done.stdout}")
    return done


def wait_until(cond, timeout=10, what=None, interval=0.02):
    """Poll cond until it returns something true, and return that.

    An AssertionError raised by cond counts as false, so that a condition can
    be written as a check; the last one is what a timeout reports.
    """
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = cond()
            last = f"last value: {value!r}"
            if value:
                return value
        except Hopeless:
            raise
        except AssertionError as e:
            last = str(e)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: "
                                 f"{what or getattr(cond, '__doc__', None) or cond}; {last}")
        time.sleep(interval)


class Process:
    """A program in the background with its output in files."""

    def __init__(self, argv, stdout, stderr, env=None):
        self.argv = argv
        self.stdout_path, self.stderr_path = stdout, stderr
        with open(stdout, "ab") as out, open(stderr, "ab") as err:
            try:
                self.popen = subprocess.Popen(
                    _WITH_PARENT + argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    env=env or clean_env(), start_new_session=True)
            except FileNotFoundError as e:
                raise LabError(f"a program that the lab needs is missing: {e}") from None

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def send_signal(self, sig):
        if self.running():
            os.kill(self.pid, sig)

    def wait(self, timeout=10):
        """Wait for the end and return the exit status (negative: a signal)."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv[-8:]} still runs after {timeout} s") from None

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """Ask it to end; kill it if it does not, and say so."""
        if not self.running():
            return self.popen.returncode
        self.send_signal(sig)
        try:
            return self.wait(timeout)
        except AssertionError:
            self.kill()
            raise

    def kill(self):
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def stdout(self):
        with open(self.stdout_path, "rb") as f:
            return text(f.read())

    def stderr(self):
        with open(self.stderr_path, "rb") as f:
            return text(f.read())
