"""The lab of the integrations itself: what a product may rely on."""

import socket

import pytest


def test_a_station_has_loopback_only_and_reads_the_meter(nms):
    links = {line.split(":")[0].strip() for line in nms.station.read("dev").splitlines()[2:]}
    up = [link for link in links
          if "state DOWN" not in nms.station.run("ip", "link", "show", link).stdout]
    assert up == ["lo"]
    assert nms.station.read("route").splitlines()[1:] == []

    def out():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("192.0.2.1", 161))

    with pytest.raises(OSError):
        nms.station.inside(out)
    nms.traffic.send("outside", "alice", 100)
    nms.traffic.send("alice", "outside", 50)
    nms.expect_sent()
    # Asking is no traffic of the router's.
    assert [nms.ipt.policy("INPUT", family) for family in (4, 6)] == [(0, 0)] * 2


def test_a_station_outlives_the_router(nms):
    nms.traffic.send("outside", "alice", 100)
    nms.fresh()
    nms.reboot()
    nms.traffic.send("outside", "alice", 10)
    nms.expect_sent()
