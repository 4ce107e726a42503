"""Senders, and the account of what they sent: the truth that the counters of
the kernel and of townmeterd are compared with."""

import ctypes
import itertools
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from .proc import LabError, wait_until
from .topology import address, owner


@dataclass
class Count:
    packets: int = 0
    octets: int = 0

    def add(self, packets, octets):
        self.packets += packets
        self.octets += octets


def left_the_kernel():
    """Returns when every packet that a processor was working on is through: the kernel receives
    as a reader of RCU, and membarrier(2) waits for all readers that have begun."""
    cmd_global = 1  # linux/membarrier.h
    number = {"x86_64": 324, "aarch64": 283}[os.uname().machine]
    if ctypes.CDLL(None, use_errno=True).syscall(number, cmd_global, 0, 0) != 0:
        raise LabError(f"membarrier: {os.strerror(ctypes.get_errno())}")


class Tally:
    """What was sent, split as the meter splits it.

    host[(town, name)]['down'], town[town]['up'] and so on are Counts of both
    versions of IP; forward is everything.
    """

    def __init__(self):
        self.host = defaultdict(lambda: {"down": Count(), "up": Count()})
        self.town = defaultdict(lambda: {"down": Count(), "up": Count()})
        self.forward = Count()
        self.family = {4: Count(), 6: Count()}

    def add(self, source, destination, packets, octets):
        self.forward.add(packets, octets)
        self.family[6 if ":" in source else 4].add(packets, octets)
        for addr, direction in ((source, "up"), (destination, "down")):
            end, name = owner(addr)
            if end != "outside":
                self.town[end][direction].add(packets, octets)
                self.host[end, name][direction].add(packets, octets)


class Blast:
    """A sender in the background; stop() tells what it sent."""

    def __init__(self, process, source, tally):
        self.process, self.source, self.tally = process, source, tally
        self.sent = None

    def stop(self, timeout=15):
        """End it now. One that has not begun yet would die of the signal and tell nothing."""
        wait_until(self._tells, timeout, "blast handles signals", interval=0.002)
        self.process.send_signal(15)
        return self.finish(timeout)

    def _tells(self):
        if not self.process.running():
            return True
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return caught >> 14 & 1 and "Name:\tblast\n" in status

    def finish(self, timeout):
        """Wait until it ends by itself; enter what it sent into the tally."""
        if self.sent is not None:
            return self.sent
        status = self.process.wait(timeout)
        if status != 0:
            raise LabError(f"blast exited with {status}: {self.process.stderr()}")
        self.sent = json.loads(self.process.stdout())
        for destination, count in self.sent["to"].items():
            self.tally.add(self.source, destination, count["packets"], count["octets"])
        return self.sent


class Traffic:
    """All traffic of a scenario."""

    def __init__(self, topology, programs, tmp):
        self.topology, self.programs, self.tmp = topology, programs, tmp
        self.tally = Tally()
        self.running = []
        self._serial = itertools.count()
        # Whatever the router routed before there was any traffic of ours.
        self._before = topology.routed()

    def start(self, source, to, family=4, *, count=None, seconds=60, rate=5000,
              payload=72, sport=None, dport=None, icmp=False, via=None):
        """Send from a host (or 'outside') to one or several, in turn.

        `via` is the end where it is sent, if not the sender's own: two hosts of a town are
        on one link, and what the router forwards between them comes from somewhere else."""
        to = [to] if isinstance(to, str) else to
        src = address(source, family)
        argv = [self.programs / "blast", "-s", src, "-t", seconds, "-l", payload]
        for name in to:
            argv += ["-d", address(name, family)]
        for flag, value in (("-n", count), ("-r", rate), ("-p", sport), ("-P", dport)):
            if value is not None:
                argv += [flag, value]
        base = self.tmp / f"blast{next(self._serial)}"
        if icmp:
            argv.append("-i")
        if via:
            argv.append("-T")
        process = self.topology.spaces[via or owner(src)[0]].start(
            argv, f"{base}.out", f"{base}.err")
        blast = Blast(process, src, self.tally)
        self.running.append(blast)
        return blast

    def send(self, source, to, count, family=4, **kw):
        """Send a number of packets and wait until they are sent.

        A packet is through the router, or dropped there, when the sender's
        system call returns, but for what a busy CPU puts off: settle().
        """
        kw.setdefault("rate", None)
        sent = self.start(source, to, family, count=count, **kw).finish(90)
        if sent["packets"] != count:
            raise LabError(f"sent {sent['packets']} of {count} packets in time")
        self.settle()
        return sent

    def expect_silence(self):
        """Before the router goes: what it took in of a sender that runs nobody would know."""
        assert not any(b.process.running() for b in self.running), "a sender was running"

    def rebase(self):
        """After the router was built again: what was sent before is not in its counters."""
        sent = (self.tally.family[4].packets, self.tally.family[6].packets)
        self._before = tuple(now - n for now, n in zip(self.topology.routed(), sent))

    def settle(self, timeout=5):
        """Wait until the router has taken in everything that was sent, and
        fail if a packet got lost on the way: numbers would mean nothing."""
        def all_in():
            four, six = (now - then for now, then in
                         zip(self.topology.routed(), self._before))
            want = (self.tally.family[4].packets, self.tally.family[6].packets)
            assert (four, six) == want, \
                f"the router took in (v4, v6) {(four, six)} of {want} packets"
            return True

        try:
            wait_until(all_in, timeout, "all packets sent reach the router")
        except AssertionError as e:
            raise LabError(f"{e}; drops: {self.topology.device_drops()}") from None
        drops = self.topology.device_drops()
        if drops:
            raise LabError(f"the lab's own links dropped packets: {drops}")
        # A batch is counted as taken in before its first packet meets a rule, and on a busy
        # machine its processor may be given to others meanwhile.
        left_the_kernel()

    def close(self):
        for blast in self.running:
            blast.process.kill()
