"""Zeroing: the period starts anew, in the kernel, too, and no packet is lost."""

import pytest

from lab import mib
from lab.proc import wait_until

COLUMNS = ("DownOctets", "UpOctets", "DownPkts", "UpPkts")
ZERO = mib.ZERO


@pytest.fixture
def used(lab):
    """Every host has used something, in both versions of IP."""
    for family in (4, 6):
        for host in ("alice", "bob", "dave", "erin"):
            lab.traffic.send("outside", host, 40, family)
            lab.traffic.send(host, "outside", 30, family)
    lab.fresh()
    return lab


def unchanged(before, after, *but):
    """Rows other than those named are as they were."""
    for name in before:
        for key in before[name]:
            if (name, key) not in but:
                assert before[name][key] == after[name][key], (name, key)


def zeroed(before, after):
    """One row's period ended: amounts are zero, Counter64 as they were."""
    for c in COLUMNS:
        assert after[c] == before[c] > 0, c
        assert after["Period" + c] == 0, c
    assert after["PeriodNumber"] == before["PeriodNumber"] + 1
    assert after["PeriodStart"] != before["PeriodStart"]
    assert after["DiscontinuityTime"] == before["DiscontinuityTime"]


def test_zero_a_host(used):
    before = used.rows()
    kernel = used.kernel_hosts()
    used.must_set((mib.host("town-a", "alice", "Zero"), ZERO))
    # At once: a GET right after the SET, and the operator's own listing.
    after = used.rows()
    alice = (b"town-a", b"alice")
    zeroed(before["Host"][alice], after["Host"][alice])
    unchanged(before, after, ("Host", alice))
    assert after["Host"][alice]["Zero"] == mib.READY
    kernel["town-a", "alice"] = {"Down": (0, 0), "Up": (0, 0)}
    assert used.kernel_hosts() == kernel
    # The next snapshot changes nothing, the next packets count in both.
    used.fresh()
    unchanged(after, used.rows())
    used.traffic.send("outside", "alice", 9, 6)
    used.traffic.send("alice", "outside", 8)
    used.expect_sent()
    row = used.client.table("Host")[alice]
    assert (row["PeriodDownPkts"], row["PeriodDownOctets"]) == (9, 9 * 120)
    assert (row["PeriodUpPkts"], row["PeriodUpOctets"]) == (8, 800)
    used.expect_kernel()
    assert used.town("town-a", "PeriodDownPkts") == 4 * 40 + 9


def test_zero_a_town_with_all_its_hosts(used):
    before = used.rows()
    used.must_set((mib.town("town-a", "Zero"), ZERO))
    after = used.rows()
    rows = [("Town", b"town-a"), ("Host", (b"town-a", b"alice")), ("Host", (b"town-a", b"bob"))]
    for name, key in rows:
        zeroed(before[name][key], after[name][key])
    unchanged(before, after, *rows)
    for family in (4, 6):
        assert [r.packets for r in used.ipt.rules("town-a", family)] == [0] * 4
        assert [r.packets > 0 for r in used.ipt.rules("town-b", family)] == [True] * 4
        # The total, then the jumps to town-a, then those to town-b.
        assert [r.packets > 0 for r in used.ipt.rules("FORWARD", family)] == \
            [True, False, False, True, True]
    # One moment for the town and its hosts.
    assert len({after[n][k]["PeriodStart"] for n, k in rows}) == 1
    used.traffic.send("outside", ["alice", "bob", "dave"], 30)
    used.expect_sent()
    used.expect_kernel()


def test_a_host_zeroed_with_its_town_ends_one_period(used):
    before = used.rows()
    used.must_set((mib.host("town-a", "bob", "Zero"), ZERO),
                  (mib.town("town-a", "Zero"), ZERO),
                  (mib.host("town-b", "erin", "Zero"), ZERO))
    after = used.rows()
    rows = [("Town", b"town-a"), ("Host", (b"town-a", b"alice")),
            ("Host", (b"town-a", b"bob")), ("Host", (b"town-b", b"erin"))]
    for name, key in rows:
        zeroed(before[name][key], after[name][key])
    unchanged(before, after, *rows)


def test_zero_a_total(used):
    before = used.rows()
    used.must_set((mib.total("forward", "Zero"), ZERO))
    after = used.rows()
    old, new = before["Total"][1], after["Total"][1]
    assert (new["Octets"], new["Pkts"]) == (old["Octets"], old["Pkts"]) and new["Pkts"] > 0
    assert (new["PeriodOctets"], new["PeriodPkts"]) == (0, 0)
    assert new["PeriodStart"] != old["PeriodStart"]
    for name in ("Town", "Host"):
        assert before[name] == after[name]
    for family in (4, 6):
        assert [r.packets > 0 for r in used.ipt.rules("FORWARD", family)] == \
            [False, True, True, True, True]
    used.traffic.send("outside", "alice", 5)
    used.expect_sent()
    assert used.total("forward", "PeriodPkts") == 5


def test_zero_a_total_that_is_a_policy(make_lab):
    """Its period starts again. Only iptables-legacy can set a policy's counter to
    zero; the kernel has no way to do that in nf_tables."""
    lab = make_lab()
    lab.ipt.restore(4, ":FORWARD ACCEPT [0:0]\n:town-a - [0:0]\n-A FORWARD -d 10.1.0.0/24 -j town-a\n")
    lab.up()
    lab.traffic.send("outside", "alice", 50)
    lab.fresh()
    assert lab.total("forward", "Pkts") == 50
    lab.must_set((mib.total("forward", "Zero"), ZERO))
    assert lab.ipt.policy("FORWARD", 4)[0] == {"legacy": 0, "nft": 50}[lab.ipt.backend]
    lab.traffic.send("outside", "alice", 6)
    lab.fresh()
    assert lab.total("forward", "Pkts") == 56
    assert lab.total("forward", "PeriodPkts") == 6


def test_ready_has_no_effect(used):
    before = used.everything()
    used.must_set((mib.host("town-a", "alice", "Zero"), mib.READY),
                  (mib.town("town-a", "Zero"), mib.READY),
                  (mib.total("forward", "Zero"), mib.READY))
    used.expect_unchanged(before)


def test_every_period_has_a_start_of_its_own(used):
    """'While this is unchanged, no amount of the period went back to zero',
    also when one zero follows another within a tenth of a second."""
    starts = [(used.host("town-a", "alice", "PeriodStart"), used.town("town-a", "PeriodStart"),
               used.total("forward", "PeriodStart"))]
    for _ in range(4):
        used.must_set((mib.town("town-a", "Zero"), ZERO), (mib.total("forward", "Zero"), ZERO))
        starts.append((used.host("town-a", "alice", "PeriodStart"),
                       used.town("town-a", "PeriodStart"),
                       used.total("forward", "PeriodStart")))
    for column in zip(*starts):
        times = [mib.moment(t) for t in column]
        assert times == sorted(set(times)), times


def test_zeroing_a_blocked_host(used):
    """What was dropped is in no period and in no bill, and stays counted."""
    used.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.BLOCKED))
    used.traffic.send("outside", "alice", 25)
    used.fresh()
    used.must_set((mib.host("town-a", "alice", "Zero"), ZERO))
    used.traffic.send("alice", "outside", 10, 6)
    used.fresh()
    row = used.client.table("Host")[b"town-a", b"alice"]
    assert (row["DroppedPkts"], row["DroppedOctets"]) == (35, 25 * 100 + 10 * 120)
    assert (row["DownPkts"], row["UpPkts"]) == (80, 60)
    assert all(row["Period" + c] == 0 for c in COLUMNS)
    used.must_set((mib.host("town-a", "alice", "AdminStatus"), mib.ALLOWED))
    used.traffic.send("outside", "alice", 7)
    used.fresh()
    row = used.client.table("Host")[b"town-a", b"alice"]
    assert (row["DroppedPkts"], row["PeriodDownPkts"], row["DownPkts"]) == (35, 7, 87)


def test_many_zeroings_under_constant_traffic(lab, long):
    """Hosts, towns and totals are zeroed again and again while packets pass:
    none is lost, none counts twice, and each is in exactly one period."""
    times = 1000 if long else 100
    senders = [lab.traffic.start("outside", ["alice", "bob", "dave"], 4, rate=4000, seconds=600),
               lab.traffic.start("outside", ["alice", "erin"], 6, rate=3000, seconds=600),
               lab.traffic.start("alice", "outside", 4, rate=3000, seconds=600),
               lab.traffic.start("bob", "dave", 6, rate=2000, seconds=600)]
    wait_until(lambda: lab.host("town-a", "alice", "DownPkts") > 0 and
               lab.host("town-b", "dave", "DownPkts") > 0, 10)
    before = lab.rows()
    targets = [mib.host("town-a", "alice", "Zero"), mib.town("town-a", "Zero"),
               mib.total("forward", "Zero"), mib.host("town-b", "dave", "Zero"),
               mib.town("town-b", "Zero")]
    bracket = {}
    numbers = {}
    for i in range(times):
        target = targets[i % len(targets)]
        if i >= times - len(targets):
            # The last one of each kind: the amount of the new period is what
            # the Counter64 grew by since some moment between these two reads.
            lab.fresh()
            low = lab.rows()
            lab.must_set((target, ZERO))
            bracket[target] = (low, lab.rows())
        else:
            lab.must_set((target, ZERO))
        numbers[target] = numbers.get(target, 0) + 1
    for sender in senders:
        sender.stop()
    lab.expect_sent()
    lab.expect_kernel()
    after = lab.rows()
    # Periods were counted right.
    def grew(name, key):
        return after[name][key]["PeriodNumber"] - before[name][key]["PeriodNumber"]
    town_a, town_b = numbers[targets[1]], numbers[targets[4]]
    assert grew("Town", b"town-a") == town_a and grew("Town", b"town-b") == town_b
    assert grew("Host", (b"town-a", b"bob")) == town_a
    assert grew("Host", (b"town-a", b"alice")) == town_a + numbers[targets[0]]
    assert grew("Host", (b"town-b", b"dave")) == town_b + numbers[targets[3]]
    # Every amount lies between what the two reads around its zero allow.
    for target, name, key in [(targets[1], "Town", b"town-a"), (targets[4], "Town", b"town-b"),
                              (targets[1], "Host", (b"town-a", b"bob")),
                              (targets[4], "Host", (b"town-b", b"erin"))]:
        low, high = bracket[target]
        for c in COLUMNS:
            start = after[name][key][c] - after[name][key]["Period" + c]
            assert low[name][key][c] <= start <= high[name][key][c], (name, key, c)
    # And what comes after one more zero is all there is in the period.
    lab.must_set((mib.town("town-a", "Zero"), ZERO), (mib.total("forward", "Zero"), ZERO))
    lab.traffic.send("outside", ["alice", "bob"], 3000)
    lab.expect_sent()
    assert lab.host("town-a", "alice", "PeriodDownPkts") == 1500
    assert lab.town("town-a", "PeriodDownOctets") == 3000 * 100
    assert lab.total("forward", "PeriodPkts") == 3000
    lab.expect_kernel()
