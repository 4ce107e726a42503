"""The fixtures of the scenarios, for tests in which the products that people run read the meter.

They run, and snmpd with them, in the lab's station, where there is nothing but loopback:
make labs with apart=True."""

import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import fixtures  # noqa: E402
from lab.fixtures import *  # noqa: E402, F403

# Not every test on every backend.
del pytest_generate_tests  # noqa: F821


def pytest_configure(config):
    fixtures.pytest_configure(config)
    config.addinivalue_line("markers", "quick: takes seconds and starts no server")


@pytest.fixture(scope="session")
def backend(request):
    """One will do, Debian's default: products see none of it."""
    return request.config.getoption("--backend") or "nft"


@pytest.fixture(scope="session")
def time_limit(long):
    """Products take their time to start."""
    return 900 if long else 300


@pytest.fixture
def nms(make_lab):
    """The article's router with everything running, read from a station with loopback only."""
    return make_lab(apart=True).article().up()
