"""The ledger as SQLite itself sees it, without the daemon's code."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections import namedtuple
from pathlib import Path

Closed = namedtuple("Closed", "number reason complete down_octets up_octets down_packets "
                              "up_packets quota_mb over_mb start end")


@contextlib.contextmanager
def opened(state, running=True):
    """A connection that changes nothing.  Beside a daemon that runs it reads the very
    file; without one a copy, since reading would take the WAL into the file."""
    with tempfile.TemporaryDirectory() as tmp:
        path = Path(state) / "ledger.db"
        uri = f"file:{path}?mode=ro"
        if not running:
            for name in ("ledger.db", "ledger.db-wal"):
                if (Path(state) / name).exists():
                    shutil.copy(Path(state) / name, tmp)
            uri = f"file:{tmp}/ledger.db?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=5)
        try:
            yield connection
        finally:
            connection.close()


def _faults(db):
    found = [row[0] for row in db.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def _closed(db):
    found = {}
    for town, host, *rest in db.execute(
            f"SELECT town, host, {', '.join(Closed._fields)} FROM closed ORDER BY kind, key, number"):
        found.setdefault((town, host), []).append(Closed(*rest))
    return found


def faults(state, running=False):
    """What SQLite finds wrong with the file; empty if it is whole."""
    with opened(state, running) as db:
        return _faults(db)


def closed(state, running=True):
    """The closed periods: {(town, host or ''): [Closed, oldest first]}."""
    with opened(state, running) as db:
        return _closed(db)


class History:
    """All closed periods that were ever there, also those that the ledger keeps no
    longer: take() often enough.  What it finds wrong is an AssertionError."""

    def __init__(self, state):
        self.state = state
        self.rows = {}  # (town, host or ''): {number: Closed}

    def take(self, running=True):
        with opened(self.state, running) as db:
            wrong = _faults(db)
            assert not wrong, f"the ledger is torn: {wrong}"
            found = _closed(db)
        for key, rows in found.items():
            known = self.rows.setdefault(key, {})
            for row in rows:
                assert known.setdefault(row.number, row) == row, \
                    f"a closed period of {key} is not what it was: {known[row.number]}, {row}"
            assert [r.number for r in rows] == list(range(rows[0].number, rows[-1].number + 1)), key
            assert sorted(known) == list(range(1, rows[-1].number + 1)), f"{key} lacks periods"
        return self

    def sums(self, town, host=""):
        """What they amount to, by the names of mib.AMOUNTS."""
        rows = self.rows.get((town, host), {}).values()
        return {"DownOctets": sum(r.down_octets for r in rows), "UpOctets": sum(r.up_octets for r in rows),
                "DownPkts": sum(r.down_packets for r in rows), "UpPkts": sum(r.up_packets for r in rows)}
