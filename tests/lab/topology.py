"""One router, two towns and the outside world.

    town-a ---- lan-a [router] ext0 ---- outside
    town-b ---- lan-b

Each end is a namespace with all its hosts' addresses on one link.  Neighbours
are static and nothing announces itself, so that the only packets on the links
are those that a scenario sends.  At every end a rule counts and drops what
arrives, so that no ICMP answer comes back.
"""

import re

from .netns import Netns
from .proc import LabError, clean_env

OUTSIDE = {4: "192.0.2.10", 6: "2001:db8:ff::10"}
NETS = {
    "outside": {4: "192.0.2.0/24", 6: "2001:db8:ff::/64"},
    "town-a": {4: "10.1.0.0/24", 6: "2001:db8:a::/64"},
    "town-b": {4: "10.2.0.0/24", 6: "2001:db8:b::/64"},
}
# 'other' is in its town, but no rule names it.
HOSTS = {
    "town-a": {
        "alice": {4: "10.1.0.10", 6: "2001:db8:a::10"},
        "bob": {4: "10.1.0.11", 6: "2001:db8:a::11"},
        "other": {4: "10.1.0.99", 6: "2001:db8:a::99"},
    },
    "town-b": {
        "dave": {4: "10.2.0.10", 6: "2001:db8:b::10"},
        "erin": {4: "10.2.0.11", 6: "2001:db8:b::11"},
        "other": {4: "10.2.0.99", 6: "2001:db8:b::99"},
    },
}
_LINKS = {"outside": "ext0", "town-a": "lan-a", "town-b": "lan-b"}
_ROUTER = {
    "outside": {4: "192.0.2.1", 6: "2001:db8:ff::1"},
    "town-a": {4: "10.1.0.1", 6: "2001:db8:a::1"},
    "town-b": {4: "10.2.0.1", 6: "2001:db8:b::1"},
}
# Without these flags nothing is resolved and no multicast group is reported.
_SILENT = "arp off multicast off"
BITS = {4: 32, 6: 128}


def address(name, family):
    """The address of 'outside' or of a host, 'other@town-b' where ambiguous."""
    if name == "outside":
        return OUTSIDE[family]
    host, _, town = name.partition("@")
    for t, hosts in HOSTS.items():
        if host in hosts and town in ("", t):
            return hosts[host][family]
    raise LabError(f"no host {name}")


def owner(addr):
    """(end, host name) of an address; the host is None for the outside."""
    for family in (4, 6):
        if addr == OUTSIDE[family]:
            return "outside", None
        for town, hosts in HOSTS.items():
            for host, addrs in hosts.items():
                if addrs[family] == addr:
                    return town, host
    raise LabError(f"no owner of {addr}")


def _addresses(end):
    if end == "outside":
        return [OUTSIDE]
    return list(HOSTS[end].values())


def _quiet(ns):
    """No autoconfiguration, no duplicate address detection, no redirects."""
    for where in ("all", "default"):
        ns.sysctl(**{
            f"ipv4__conf__{where}__rp_filter": 0,
            f"ipv4__conf__{where}__send_redirects": 0,
            f"ipv4__conf__{where}__accept_redirects": 0,
            f"ipv6__conf__{where}__disable_ipv6": 0,
            f"ipv6__conf__{where}__accept_ra": 0,
            f"ipv6__conf__{where}__accept_dad": 0,
            f"ipv6__conf__{where}__dad_transmits": 0,
            f"ipv6__conf__{where}__router_solicitations": 0,
        })
    # No link-local addresses.
    ns.sysctl(ipv6__conf__default__addr_gen_mode=1)


class Topology:
    """The namespaces and the links between them."""

    def __init__(self, prefix, lockfile):
        self.lockfile = lockfile
        self.spaces = {}
        try:
            self._build(prefix)
        except BaseException:
            self.close()
            raise

    def _build(self, prefix):
        self.prefix = prefix
        for end in _LINKS:
            self.spaces[end] = Netns(prefix, end)
            _quiet(self.spaces[end])
        self._router()
        for end in _LINKS:
            for restore in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
                self.spaces[end].run(
                    restore, "-w", "5", env=clean_env(XTABLES_LOCKFILE=self.lockfile),
                    stdin="*raw\n-A PREROUTING -p udp -j DROP\nCOMMIT\n")

    def reboot(self):
        """The router goes with all that is in it, and comes back with its addresses
        and nothing else.  Its programs have to have ended."""
        router = self.spaces["router"]
        # A socket that is still open in the old one would keep the links.
        router.ip("".join(f"link delete {link}\n" for link in _LINKS.values()))
        router.delete()
        self._router()

    def _router(self):
        self.spaces["router"] = router = Netns(self.prefix, "router")
        _quiet(router)
        lines = ["link set lo up"]
        for i, (end, link) in enumerate(_LINKS.items()):
            ns = self.spaces[end]
            mac_router, mac_end = f"02:00:00:00:{i:02x}:01", f"02:00:00:00:{i:02x}:02"
            lines.append(f"link add name {link} address {mac_router} type veth peer "
                         f"name eth0 address {mac_end} netns {ns.name}")
            lines.append(f"link set {link} {_SILENT}")
            for family, bits in ((4, "24"), (6, "64 nodad")):
                width, *flag = bits.split()
                lines.append(f"addr add {_ROUTER[end][family]}/{width} dev {link} "
                             + " ".join(flag))
            lines.append(f"link set {link} up")
            for addrs in _addresses(end):
                for family in (4, 6):
                    lines.append(f"neigh replace {addrs[family]} lladdr {mac_end} "
                                 f"dev {link} nud permanent")
        router.ip("\n".join(lines) + "\n")
        # Only now: a router's links with multicast join the routers' groups.
        router.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        for i, end in enumerate(_LINKS):
            self._end(end, f"02:00:00:00:{i:02x}:01")

    def _end(self, end, mac_router):
        lines = ["link set lo up", f"link set eth0 {_SILENT}"]
        for addrs in _addresses(end):
            lines.append(f"addr add {addrs[4]}/24 dev eth0")
            lines.append(f"addr add {addrs[6]}/64 dev eth0 nodad")
        lines.append("link set eth0 up")
        for family in (4, 6):
            lines.append(f"neigh replace {_ROUTER[end][family]} lladdr {mac_router} "
                         "dev eth0 nud permanent")
            lines.append(f"route add default via {_ROUTER[end][family]} dev eth0")
        self.spaces[end].ip("\n".join(lines) + "\n")

    def arrived(self, end, family):
        """UDP packets and octets that reached an end."""
        tool = "iptables-legacy" if family == 4 else "ip6tables-legacy"
        out = self.spaces[end].run(
            tool, "-w", "5", "-t", "raw", "-S", "PREROUTING", "-v",
            env=clean_env(XTABLES_LOCKFILE=self.lockfile)).stdout
        found = re.search(r"^-A PREROUTING -p udp -c (\d+) (\d+) -j DROP$", out, re.M)
        return int(found[1]), int(found[2])

    def device_drops(self):
        """Packets that any link's device dropped, by namespace and device."""
        drops = {}
        for role, ns in self.spaces.items():
            for line in ns.read("dev").splitlines()[2:]:
                device, _, rest = line.partition(":")
                fields = [int(x) for x in rest.split()]
                # receive errs, drop, fifo; transmit errs, drop, fifo
                bad = sum(fields[i] for i in (2, 3, 4, 10, 11, 12))
                if device.strip() != "lo" and bad:
                    drops[role, device.strip()] = bad
        return drops

    def routed(self):
        """Packets that the router took in and that were not for itself."""
        head, values = [l.split()[1:] for l in
                        self.spaces["router"].read("snmp").splitlines()
                        if l.startswith("Ip:")]
        v4 = dict(zip(head, map(int, values)))
        v6 = {k: int(v) for k, v in
              (l.split() for l in self.spaces["router"].read("snmp6").splitlines())}
        return (v4["InReceives"] - v4["InDelivers"],
                v6["Ip6InReceives"] - v6["Ip6InDelivers"] - v6["Ip6InMcastPkts"])

    def close(self):
        for ns in self.spaces.values():
            ns.delete()
