"""What every scenario has: a lab of its own, a bound on its time, and on
failure one report with the daemon's log. For a conftest.py, which imports all of it."""

import os
import signal

import pytest

from . import build, netns
from .lab import Lab


BACKENDS = ("legacy", "nft")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true",
                     help="the full counts, not a tenth of them (or TM_LONG=1)")
    parser.addoption("--backend", choices=BACKENDS,
                     help="what iptables means on the router: one of them, not both in turn")


def pytest_configure(config):
    config.addinivalue_line("markers", "backend(name): what is particular to one backend")
    # A run that is terminated still cleans up after itself.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the scenarios make network namespaces and need root", 4)
    netns.sweep()


def pytest_generate_tests(metafunc):
    """Every scenario on both backends, but for what its mark says."""
    if "backend" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("backend")
        chosen = metafunc.config.getoption("--backend")
        names = [n for n in (mark.args if mark else BACKENDS) if chosen in (None, n)]
        metafunc.parametrize("backend", names, scope="session")


@pytest.fixture(scope="session")
def long(request):
    return request.config.getoption("--long") or os.environ.get("TM_LONG") == "1"


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return build.programs(tmp_path_factory.mktemp("labbin"))


@pytest.fixture(scope="session")
def time_limit(long):
    """What a scenario may take, in seconds."""
    return 900 if long else 150


@pytest.fixture(autouse=True)
def bounded(time_limit):
    """No scenario hangs a run."""

    def overdue(*_):
        raise AssertionError("the scenario did not end in time")

    before = signal.signal(signal.SIGALRM, overdue)
    signal.alarm(time_limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _maker(programs, backend, node):
    """A generator: hands out a function that makes labs, and closes them all."""
    labs = []
    node.stash.setdefault(_LABS, []).append(labs)

    def make(**options):
        lab = Lab(programs, backend, **options)
        labs.append(lab)
        return lab

    yield make
    errors = []
    for lab in reversed(labs):
        try:
            lab.close()
        except Exception as e:
            errors.append(f"{e}\n{lab.last_report}")
    if errors:
        pytest.fail("at the end of the scenario: " + "\n".join(errors), pytrace=False)


_LABS = pytest.StashKey()


@pytest.fixture
def make_lab(programs, backend, request):
    yield from _maker(programs, backend, request.node)


@pytest.fixture(scope="module")
def make_shared_lab(programs, backend, request):
    """One lab for the checks of a module that leave no trace in it."""
    yield from _maker(programs, backend, request.node)


@pytest.fixture
def lab(make_lab):
    """The article's router with everything running."""
    return make_lab().article().up()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed or report.when == "teardown":
        return
    for node in item.listchain():
        for labs in node.stash.get(_LABS, []):
            for lab in labs:
                for title, text in lab.report():
                    report.sections.append((f"{title} of {lab.router.name}", text))
