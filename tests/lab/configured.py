"""The router's towns as a configuration from which townmeter writes the rules itself."""

from .daemon import CONFIG
from .topology import HOSTS, NETS

MANAGED = CONFIG + "rules: managed\n"


def towns(hosts=HOSTS, families=(4, 6), keys=None, host_keys=None):
    """`towns:` with everybody whom a rule names. `keys` and `host_keys` are further keys, by
    the name of the town or of the host: {"town-a": "quota: 1MB"}."""
    lines = ["towns:"]
    for town, members in hosts.items():
        prefixes = ", ".join(NETS[town][f] for f in families)
        lines += [f"  - name: {town}", f"    prefixes: [{prefixes}]"]
        lines += [f"    {key}" for key in [(keys or {}).get(town)] if key]
        lines.append("    hosts:")
        for host, addrs in members.items():
            if host == "other":
                continue
            own = ", ".join(f'"{addrs[f]}"' for f in families)
            more = (host_keys or {}).get(host)
            lines.append(f"      - {{name: {host}, prefixes: [{own}]{', ' + more if more else ''}}}")
    return "\n".join(lines) + "\n"


def managed(**kw):
    return MANAGED + towns(**kw)


def fresh_router(lab):
    """Without any rule. Of iptables-legacy the table is there: it tells what iptables means."""
    if lab.ipt.backend == "legacy":
        lab.ipt.both("-L", "-n")
    return lab
