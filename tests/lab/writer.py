"""Another program that changes rules all the time."""

import contextlib
import itertools
import threading

from .proc import LabError, wait_until


@contextlib.contextmanager
def _all_the_time(step):
    """Calls step again and again beside the scenario; gives a list of one: how often."""
    stop, done, failures = threading.Event(), [0], []

    def body():
        while not stop.is_set():
            try:
                step()
                done[0] += 1
            except LabError as e:
                failures.append(e)
                return

    thread = threading.Thread(target=body)
    thread.start()
    try:
        wait_until(lambda: done[0] > 2 or failures, 10, "the other program commits")
        yield done
    finally:
        stop.set()
        thread.join()
    assert not failures, failures[0]


def nft_commits(lab, text="add table ip other\nadd chain ip other c\nadd rule ip other c counter\n"
                          "flush chain ip other c\n"):
    """`nft -f`: by itself, rules of its own."""
    path = lab.tmp / "commits.nft"
    path.write_text(text)
    return _all_the_time(lambda: lab.router.run("nft", "-f", path))


def iptables_commits(lab):
    """iptables of the router's backend: a rule comes and goes in a chain of its own in
    the filter tables."""
    lab.ipt.both("-N", "guest")
    commands = itertools.cycle((family, flag, "guest", "-d", where)
                               for family, where in ((4, "10.9.9.9"), (6, "2001:db8:9::9"))
                               for flag in ("-I", "-D"))
    return _all_the_time(lambda: lab.ipt(*next(commands)))
