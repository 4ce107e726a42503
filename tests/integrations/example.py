"""What is on the pictures of integrations: two customers, known rates, a block that shows and a
zeroing that does not."""

from lab import mib

TOWN = "town-a"
SECONDS = 240  # that are shown
BOB = TOWN, "bob"


def _sender(lab, host, megabits, seconds):
    """Packets of 1000 octets to this host; ends by itself."""
    return lab.traffic.start("outside", host, rate=round(megabits * 125), seconds=seconds, payload=972)


def traffic(lab, wait):
    """Returns the senders, which still run. wait(second) has to return when that second since the
    begin has come."""
    senders = [_sender(lab, "alice", 6, SECONDS + 60), _sender(lab, "bob", 2, 60)]
    wait(60)
    senders.append(_sender(lab, "bob", 4, SECONDS))
    wait(105)
    lab.must_set((mib.town(TOWN, "Zero"), mib.ZERO))
    wait(150)
    lab.must_set((mib.host(*BOB, "AdminStatus"), mib.BLOCKED))
    wait(190)
    lab.must_set((mib.host(*BOB, "AdminStatus"), mib.ALLOWED))
    wait(SECONDS)
    return senders
