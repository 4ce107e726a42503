"""A poller that never rests: no counter may ever go backwards, over whatever
happens to the daemon, and every answer must agree with itself."""

import threading
import time

from . import mib
from .pdu import Client, Timeout
from .proc import LabError
from .topology import HOSTS

_COUNTERS = ("DownOctets", "UpOctets", "DownPkts", "UpPkts", "DroppedOctets", "DroppedPkts")
_PERIOD = tuple("Period" + name for name in mib.AMOUNTS)
_AGENT = ("SnapshotErrors", "LedgerErrors", "KernelResets")


def _questions(towns, hosts):
    """{identifier: (row, column)} of all that one request asks for: one answer is of
    one view."""
    found = {mib.agent(name): ("agent", name) for name in _AGENT}
    for name in ("Octets", "Pkts", "PeriodOctets", "PeriodPkts"):
        found[mib.total("forward", name)] = ("total", name)
    for name in _COUNTERS + _PERIOD + ("PeriodNumber",):
        found.update({mib.town(t, name): (t, name) for t in towns})
        found.update({mib.host(*h, name): (h, name) for h in hosts})
    return found


class Sampler:
    """Polls from enter to leave: `with Sampler(lab) as sampler:`.

    What is wrong is told at the end, and by check() meanwhile.  Rows that are not
    there, and requests without an answer, are what a restart looks like: skipped."""

    def __init__(self, lab, towns=None, hosts=None, interval=0.0):
        self.lab, self.interval = lab, interval
        towns = list(HOSTS) if towns is None else towns
        if hosts is None:
            hosts = [(t, h) for t in towns for h in HOSTS[t] if h != "other"]
        self.questions = _questions(towns, hosts)
        self.samples = 0   # answers that were complete
        self.wrong = []
        self.last = {}     # the highest value seen of everything
        self.bases = {}    # of a row: its period's number, and where its amounts began
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self._stop.set()
        self._thread.join(30)
        if kind is None:
            self.check()
            assert self.samples > 0, "the sampler got no answer"

    def check(self):
        assert not self.wrong, f"{len(self.wrong)} wrong answers, the first: {self.wrong[0]}"

    def seen(self, row, column):
        """The last value of a column: seen(('town-a', 'alice'), 'DownPkts')."""
        return self.last[row, column]

    def wait(self, more=1, timeout=20):
        """Until it has taken so many more samples."""
        want, until = self.samples + more, time.monotonic() + timeout
        while self.samples < want:
            self.check()
            assert time.monotonic() < until, "the sampler gets no answers"
            time.sleep(0.01)

    def _run(self):
        client, router = None, None
        while not self._stop.is_set():
            try:
                if router is not self.lab.router:
                    # The router was built again.
                    if client:
                        client.close()
                    router = self.lab.router
                    client = Client(router, timeout=0.5)
                answer = client.get(*self.questions)
            except (Timeout, LabError, OSError):
                router = None if client is None else router
                self._stop.wait(0.02)
                continue
            if answer.error == "noError":
                self._judge({self.questions[b.oid]: b.value for b in answer.binds if b.tag < 0x80})
            if self.interval:
                self._stop.wait(self.interval)
        if client:
            client.close()

    def _judge(self, now):
        rows = {}
        for (row, column), value in now.items():
            rows.setdefault(row, {})[column] = value
            if not column.startswith("Period"):
                before = self.last.get((row, column), 0)
                if value < before:
                    self.wrong.append(f"{row} {column} fell from {before} to {value} "
                                      f"(sample {self.samples})")
            self.last[row, column] = value
        for row, values in rows.items():
            if "PeriodNumber" in values:
                self._judge_period(row, values)
        if len(now) == len(self.questions):
            self.samples += 1

    def _judge_period(self, row, values):
        """A period's amounts are what the counters grew by since it began: where they
        began stays as it is while the number does, and never goes back."""
        number = values["PeriodNumber"]
        base = {c: values[c] - values["Period" + c] for c in mib.AMOUNTS
                if c in values and "Period" + c in values}
        old_number, old_base = self.bases.get(row, (0, {}))
        if number < old_number:
            self.wrong.append(f"{row} PeriodNumber fell from {old_number} to {number}")
        for column, start in base.items():
            before = old_base.get(column, 0)
            if start < before or (number == old_number and start != before):
                self.wrong.append(f"{row} {column}: period {old_number} began at {before}, "
                                  f"period {number} at {start}")
        self.bases[row] = number, base
