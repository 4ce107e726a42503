"""A time of day of its own for the daemon, by libfaketime.

Only CLOCK_REALTIME is another one: the daemon's deadlines run on as they do, and
so does everything else on the machine."""

import glob
import os
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from .proc import LabError

_LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Clock:
    """Give it to a daemon that does not run yet: Clock(lab.daemon, lab.tmp).at(...)."""

    def __init__(self, daemon, tmp):
        found = glob.glob(_LIBRARY)
        if not found:
            raise LabError(f"no {_LIBRARY}: install libfaketime")
        self.path = tmp / "clock"
        self.offset = 0
        self._write()
        daemon.environment.update(
            LD_PRELOAD=found[0], FAKETIME_TIMESTAMP_FILE=str(self.path), FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1",
            # It would take a deadline of a condition on CLOCK_MONOTONIC for one of the time of day.
            FAKETIME_FORCE_MONOTONIC_FIX="0")
        daemon.asan_options = ":verify_asan_link_order=0"
        daemon.after_end = self._sweep

    def _write(self):
        new = self.path.with_suffix(".new")
        new.write_text(f"{self.offset:+d}\n")
        new.rename(self.path)

    def now(self):
        """Seconds since 1970, as the daemon has them."""
        return time.time() + self.offset

    def set(self, moment):
        """From now on it is this many seconds since 1970."""
        self.offset = round(moment - time.time())
        self._write()
        return self

    def at(self, text, zone="UTC"):
        """From now on it is this time of day: at('2026-03-28 23:59:50', 'Europe/Madrid')."""
        return self.set(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())

    def advance(self, seconds):
        """Forth, or back."""
        self.offset += round(seconds)
        self._write()
        return self

    @staticmethod
    def _sweep(pid):
        """What libfaketime leaves behind in a process that is killed."""
        for path in (f"/dev/shm/faketime_shm_{pid}", f"/dev/shm/sem.faketime_sem_{pid}"):
            if os.path.exists(path):
                os.unlink(path)
