"""Network namespaces with names of their own for every run."""

import ctypes
import itertools
import os
import re
import threading

from .proc import LabError, Process, run

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PREFIX = "tml"
_serial = itertools.count()


def unique():
    """A prefix for the names of one scenario; tells which process made it."""
    return f"{_PREFIX}{os.getpid()}x{next(_serial)}"


def sweep():
    """Remove namespaces of runs that were killed before they could clean up."""
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        name = line.split()[0]
        made = re.fullmatch(_PREFIX + r"(\d+)x\d+-.*", name)
        if made and not os.path.exists(f"/proc/{made[1]}"):
            run(["ip", "netns", "delete", name], check=False)


class Netns:
    """One namespace.  Programs and sockets are put into it; this process and
    the machine's own namespace stay as they are."""

    def __init__(self, prefix, role):
        self.role = role
        self.name = f"{prefix}-{role}"
        self.path = f"/run/netns/{self.name}"
        run(["ip", "netns", "add", self.name])

    def cmd(self, *argv):
        return ["nsenter", f"--net={self.path}", "--",
                *(a if isinstance(a, bytes) else str(a) for a in argv)]

    def run(self, *argv, **kw):
        return run(self.cmd(*argv), **kw)

    def start(self, argv, stdout, stderr, env=None):
        return Process(self.cmd(*argv), stdout, stderr, env)

    def ip(self, batch):
        """Run lines of ip(8) commands in the namespace."""
        run(["ip", "-n", self.name, "-batch", "-"], stdin=batch)

    def inside(self, function):
        """Call function on a thread that is in the namespace."""
        result = []

        def body():
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(fd, _CLONE_NEWNET) != 0:
                    raise LabError(f"setns: {os.strerror(ctypes.get_errno())}")
                result.append((True, function()))
            except BaseException as e:  # handed to the caller
                result.append((False, e))
            finally:
                os.close(fd)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        good, value = result[0]
        if not good:
            raise value
        return value

    def sysctl(self, **values):
        """Set sysctls below net; __ stands for a dot (all other names of
        namespaces' sysctls have no double underscore)."""

        def body():
            for name, value in values.items():
                path = "/proc/sys/net/" + name.replace("__", "/")
                with open(path, "w", encoding="ascii") as f:
                    f.write(str(value))

        self.inside(body)

    def read(self, name):
        """A file of the namespace's /proc/net."""

        def body():
            with open(f"/proc/thread-self/net/{name}", encoding="ascii") as f:
                return f.read()

        return self.inside(body)

    def delete(self):
        run(["ip", "netns", "delete", self.name], check=False)
