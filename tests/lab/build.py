"""The lab's own C programs: taken from a build tree, or compiled here."""

import os
from pathlib import Path

from .proc import LabError, run

_HERE = Path(__file__).resolve().parent
PROGRAMS = ("blast", "failset")


def programs(tmp):
    """The directory that holds them: $TM_LABBIN, or compiled into tmp."""
    if given := os.environ.get("TM_LABBIN"):
        missing = [p for p in PROGRAMS if not os.access(Path(given) / p, os.X_OK)]
        if missing:
            raise LabError(f"TM_LABBIN={given} lacks {', '.join(missing)}")
        return Path(given).resolve()
    libs = run(["net-snmp-config", "--agent-libs"]).stdout.split()
    for name in PROGRAMS:
        run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror",
             "-o", tmp / name, _HERE / f"{name}.c",
             *(libs if name == "failset" else [])], timeout=120)
    return Path(tmp)
