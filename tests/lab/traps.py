"""Receives what the agent sends by itself: SNMPv2 traps that snmpd passes on."""

import socket
import threading
import time
from collections import namedtuple

from . import ber, mib
from .pdu import decode
from .proc import wait_until

PORT = 10162
# For the Lab that is to have a receiver.
SNMPD = f"trap2sink 127.0.0.1:{PORT} public\nagentXTimeout 5\n"
_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_TRAP2 = 0xA7

# name as in mib.NOTIFICATIONS; objects {identifier: value}; when by CLOCK_MONOTONIC.
Trap = namedtuple("Trap", "name objects when")


class Traps:
    """Everything since it was made.  Of the namespace that the router is then."""

    def __init__(self, lab):
        def bound():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("127.0.0.1", PORT))
            return s

        self.socket = lab.router.inside(bound)
        self.socket.settimeout(0.1)
        self.all = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop = True
        self._thread.join(10)
        self.socket.close()

    def _run(self):
        while not self._stop:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            trap = self._read(data)
            if trap:
                self.all.append(trap)

    @staticmethod
    def _read(data):
        _, message, _ = ber.read(data)
        _, _, (kind, body) = ber.parts(message)
        if kind != _TRAP2:
            return None
        objects = {}
        for _, bind in ber.parts(ber.parts(body)[3][1]):
            (_, oid), (tag, value) = ber.parts(bind)
            objects[ber.read_oid(oid)] = decode(tag, value)
        which = objects[_TRAP_OID]
        if which[:-1] != mib.ROOT + (0,):
            return None
        return Trap(mib.NOTIFICATIONS[which[-1]], objects, time.monotonic())

    def named(self, name):
        return [t for t in self.all if t.name == name]

    def wait(self, name, count=1, timeout=10):
        """Until so many of a kind have come; the last of them."""
        wait_until(lambda: len(self.named(name)) >= count, timeout, f"{count} of {name}")
        return self.named(name)[-1]
