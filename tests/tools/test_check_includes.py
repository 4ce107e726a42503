# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/check-includes: it accepts what is right and finds each kind of fault."""
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check-includes"

# A small tree with every kind of arrow that is right.
GOOD = {
    "src/log.h": [], "src/prefix.h": [], "src/name.h": [],
    "src/log.c": ['"log.h"', "<stdio.h>"],
    "src/rule.h": ['"prefix.h"'],
    "src/snapshot.h": ['"rule.h"'],
    "src/backend.h": ['"snapshot.h"'],
    "src/legacy_table.h": ["<libiptc/libiptc.h>", '"backend.h"'],
    "src/legacy_print.c": ['"legacy_table.h"', '"xt_print.h"'],
    "src/xt_print.h": [],
    "src/xt_print.c": ['"xt_print.h"', "<xtables.h>"],
    "src/backend_legacy.c": ['"backend.h"', '"legacy_table.h"', '"log.h"'],
    "src/backends.h": ['"backend.h"'],
    "src/backends.c": ['"backends.h"', '"log.h"'],
    "src/nft_socket.c": ["<libmnl/libmnl.h>", '"log.h"'],
    "src/recognise.h": ['"rule.h"'],
    "src/recognise_private.h": ['"recognise.h"'],
    "src/recognise.c": ['"recognise_private.h"', '"recognise.h"'],
    "src/recognise_hosts.c": ['"recognise_private.h"'],
    "src/view.h": ['"prefix.h"'],
    "src/meter.h": ['"view.h"', '"recognise.h"'],
    "src/settings.h": [],
    "src/settings.c": ['"settings.h"', "<yaml.h>"],
    "src/control.h": [],
    "src/request.h": ['"control.h"', '"meter.h"'],
    "src/control.c": ['"control.h"', '"backend.h"', '"request.h"', '"ledger.h"'],
    "src/check.h": [],
    "src/closed.h": ['"name.h"', '"view.h"'],
    "src/closed_row.h": ['"closed.h"', "<sqlite3.h>"],
    "src/ledger.h": ['"closed.h"'],
    "src/ledger_connect.h": ["<sqlite3.h>"],
    "src/ledger_private.h": ['"ledger.h"', '"closed_row.h"', '"ledger_connect.h"'],
    "src/ledger_save.c": ['"ledger_private.h"'],
    "src/history.h": ['"closed.h"'],
    "src/history.c": ['"history.h"', '"closed_row.h"', '"ledger_connect.h"', "<sqlite3.h>"],
    "agent/table.h": ["<net-snmp/net-snmp-config.h>"],
    "agent/main.c": ['"table.h"', '"settings.h"', '"check.h"', '"control.h"'],
    "cli/main.c": ['"log.h"'],
}

# The file, an include added to it, and a word of the complaint.
FAULTS = [
    ("src/meter.c", "<net-snmp/net-snmp-config.h>", "only agent/* may"),
    ("src/meter.c", '"backend.h"', "never sees a backend"),
    ("src/view.c", '"legacy_table.h"', "never sees a backend"),
    ("src/bypass.c", '"control.h"', "the other way round"),
    ("src/recognise.c", "<libiptc/libiptc.h>", "only src/legacy_*"),
    ("src/legacy_table.c", '"meter.h"', "may include only"),
    ("src/backend_legacy.c", '"view.h"', "may include only"),
    ("src/legacy_table.c", "<xtables.h>", "only src/xt_print.c may"),
    ("src/backend_legacy.c", "<libmnl/libmnl.h>", "only src/nft_*"),
    ("src/nft_socket.c", '"meter.h"', "may include only"),
    ("src/control.c", '"legacy_table.h"', "only backend_legacy knows"),
    ("src/control.c", '"agent/table.h"', "nothing of its front ends"),
    ("src/meter.c", "<yaml.h>", "only src/settings* may"),
    ("src/control.c", "<jansson.h>", "only socket/*"),
    ("cli/main.c", '"view.h"', "may include only"),
    ("cli/main.c", '"agent/table.h"', "may include only"),
    ("agent/table.c", '"backend.h"', "may include only"),
    ("src/meter.c", '"ledger.h"', "control keeps the model in the ledger"),
    ("src/meter.c", "<sqlite3.h>", "only src/ledger*"),
    ("src/ledger_save.c", '"meter.h"', "may include only"),
    ("src/history.c", '"ledger.h"', "may include only"),
    ("agent/table.c", '"meter.h"', "may include only"),
    ("agent/table.c", '"settings.h"', "may include only"),
    ("agent/main.c", '"meter.h"', "may include only"),
    ("cli/main.c", '"control.h"', "may include only"),
    ("src/log.c", '"prefix.h"', "nothing of ours"),
    ("src/meter.c", '"recognise_private.h"', "private to src/recognise"),
    ("src/meter.c", '"nowhere.h"', "no such file"),
    ("src/view.c", '"meter.h"', "a cycle: src/view -> src/meter -> src/view"),
    ("src/meter.c", '"recognise.h" /* a comment */\n# include "backend.h"', "src/meter.c:2: backend.h"),
]


def write(tree, file, includes):
    path = tree / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="ascii") as f:
        f.writelines(f"#include {name}\n" for name in includes)


def run(tree):
    return subprocess.run([TOOL, tree], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def tree(tmp_path):
    for file, includes in GOOD.items():
        write(tmp_path, file, includes)
    return tmp_path


def test_the_right_arrows_pass(tree):
    done = run(tree)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file,include,complaint", FAULTS)
def test_a_fault_is_found(tree, file, include, complaint):
    write(tree, file, [include])
    done = run(tree)
    assert done.returncode == 1
    assert complaint in done.stdout
    assert len(done.stdout.splitlines()) == 1 and done.stderr == ""


def test_what_is_in_comments_does_not_count(tree):
    with (tree / "src/meter.c").open("w", encoding="ascii") as f:
        f.write('// #include "backend.h"\n/*\n#include "legacy_table.h"\n*/\n'
                'const char *s = "/*"; \n#include "view.h"\nconst char *t = "*/";\n')
    assert run(tree).stdout == ""
    write(tree, "src/meter.c", ['"backend.h"'])
    assert "src/meter.c:8: backend.h" in run(tree).stdout


def test_an_empty_tree_is_a_fault(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 1 and "no sources" in done.stdout
