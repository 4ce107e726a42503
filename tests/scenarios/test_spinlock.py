"""townMeterSpinLock: a request that arrives twice is carried out once."""

import socket
import threading

from lab import ber, mib
from lab.pdu import Timeout

ALICE = ("town-a", "alice")
LOCK, ZERO = mib.control("SpinLock"), mib.host(*ALICE, "Zero")


def test_the_same_request_twice(lab):
    """Sent again as it was, as by a manager that got no answer."""
    value = lab.client.value(LOCK)
    lab.traffic.send("outside", "alice", 10)
    sent = []
    real = lab.client.socket

    class Recorder:
        """The client's socket, which remembers what went out."""

        def sendto(self, data, peer):
            sent.append(data)
            return real.sendto(data, peer)

        def __getattr__(self, name):
            return getattr(real, name)

    lab.client.socket = Recorder()
    assert lab.set((ZERO, mib.ZERO), (LOCK, value)) == ("noError", 0)
    lab.client.socket = real
    assert lab.host(*ALICE, "PeriodNumber") == 2
    lab.traffic.send("outside", "alice", 3)
    # The very same octets.
    other = lab.router.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    other.settimeout(5)
    other.sendto(sent[0], lab.client.peer)
    _, message, _ = ber.read(other.recv(65536))
    _, _, (_, body) = ber.parts(message)
    answers = [v for _, v in ber.parts(body)[1:3]]
    other.close()
    assert [int.from_bytes(v, "big") for v in answers] == [12, 2]  # inconsistentValue, the lock
    lab.fresh()
    assert lab.host(*ALICE, "PeriodNumber") == 2
    assert lab.host(*ALICE, "PeriodDownPkts") == 3
    assert lab.client.value(LOCK) == value + 1


def test_it_counts_and_guards(lab):
    value = lab.client.value(LOCK)
    lab.must_set((LOCK, value))
    lab.must_set((LOCK, value + 1), (mib.host(*ALICE, "AdminStatus"), mib.BLOCKED))
    assert lab.set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED), (LOCK, value)) == \
        ("inconsistentValue", 2)
    assert lab.host(*ALICE, "OperStatus") == mib.BLOCKED
    # Without the lock a request is carried out regardless, and leaves it alone.
    lab.must_set((mib.host(*ALICE, "AdminStatus"), mib.ALLOWED))
    assert lab.client.value(LOCK) == value + 2
    # What failed for another reason did not count.
    assert lab.set((LOCK, value + 2), (mib.host("town-a", "nobody", "Zero"), mib.ZERO)) == \
        ("noCreation", 2)
    assert lab.client.value(LOCK) == value + 2


def test_two_managers_at_once(lab):
    """Of those that read the same value, one succeeds."""
    for _ in range(10):
        value = lab.client.value(LOCK)
        number = lab.host(*ALICE, "PeriodNumber")
        clients = [lab.new_client() for _ in range(4)]
        results = []

        def manage(client, value=value, results=results):
            try:
                results.append(client.set((LOCK, value), (ZERO, mib.ZERO)).status)
            except Timeout:
                results.append(None)

        threads = [threading.Thread(target=manage, args=(c,)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
        assert results.count(("noError", 0)) == 1, results
        assert lab.client.value(LOCK) == value + 1
        assert lab.host(*ALICE, "PeriodNumber") == number + 1


def test_a_restart_counts(lab):
    value = lab.client.value(LOCK)
    lab.daemon.stop()
    lab.start_daemon()
    assert lab.client.value(LOCK) == value + 1


def test_a_request_that_is_taken_back_leaves_it(lab):
    """Another agent fails its part: the lock has its value again."""
    lab.failset()
    value = lab.client.value(LOCK)
    assert lab.set((LOCK, value), (ZERO, mib.ZERO), (mib.FAILSET, 99))[0] == "commitFailed"
    assert lab.client.value(LOCK) == value
    lab.must_set((LOCK, value))
    assert lab.client.value(LOCK) == value + 1
