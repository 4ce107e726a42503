"""The contract in numbers: object identifiers, types and values of
TOWNMETER-MIB, written down a second time so that a mistake in the agent's own
tables cannot hide."""

from datetime import datetime, timedelta, timezone

ROOT = (1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8696)
OBJECTS = ROOT + (1,)
FAILSET = (1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 8697, 1, 0)

# Types as tags of the Basic Encoding Rules.
INTEGER, STRING, NULL, OID = 0x02, 0x04, 0x05, 0x06
COUNTER32, GAUGE32, TICKS, COUNTER64 = 0x41, 0x42, 0x43, 0x46
NO_OBJECT, NO_INSTANCE, END = 0x80, 0x81, 0x82

AGENT = {
    "Version": (1, STRING), "Backend": (2, INTEGER), "SnapshotTime": (3, STRING),
    "SnapshotAge": (4, GAUGE32), "SnapshotDuration": (5, GAUGE32),
    "Snapshots": (6, COUNTER32), "SnapshotErrors": (7, COUNTER32),
    "LastError": (8, STRING), "LastErrorTime": (9, STRING),
    "RulesRead": (10, GAUGE32), "Towns": (11, GAUGE32), "Hosts": (12, GAUGE32),
    "BlockedHosts": (13, GAUGE32), "OverQuotaHosts": (14, GAUGE32),
    "TablesLastChange": (15, STRING), "LedgerStatus": (16, INTEGER),
    "LedgerSaveTime": (17, STRING), "LedgerErrors": (18, COUNTER32),
    "KernelResets": (19, COUNTER32), "DiscontinuityTime": (20, STRING),
    "OffloadDetected": (21, INTEGER), "PeriodSchedule": (22, STRING),
    "PeriodStart": (23, STRING), "PeriodNextEnd": (24, STRING),
}
CONTROL = {
    "SpinLock": (1, INTEGER), "NotifyEnable": (2, INTEGER),
    "NotifyMinInterval": (3, GAUGE32), "NotifyMaxPerMinute": (4, GAUGE32),
    "NotifySuppressed": (5, COUNTER32),
}
_TRAFFIC = {
    "DownOctets": (2, COUNTER64), "UpOctets": (3, COUNTER64),
    "DownPkts": (4, COUNTER64), "UpPkts": (5, COUNTER64),
    "DroppedOctets": (6, COUNTER64), "DroppedPkts": (7, COUNTER64),
    "DiscontinuityTime": (8, STRING), "PeriodNumber": (9, GAUGE32),
    "PeriodStart": (10, STRING), "PeriodDownOctets": (11, COUNTER64),
    "PeriodUpOctets": (12, COUNTER64), "PeriodDownPkts": (13, COUNTER64),
    "PeriodUpPkts": (14, COUNTER64), "QuotaUsedPercent": (15, GAUGE32),
    "QuotaState": (16, INTEGER), "QuotaMB": (25, GAUGE32), "QuotaBasis": (26, INTEGER),
}
_CLOSED = {
    "Start": (2, STRING), "End": (3, STRING), "Reason": (4, INTEGER), "Complete": (5, INTEGER),
    "DownOctets": (6, COUNTER64), "UpOctets": (7, COUNTER64),
    "DownPkts": (8, COUNTER64), "UpPkts": (9, COUNTER64),
    "QuotaMB": (10, GAUGE32), "OverMB": (11, COUNTER64),
}
_SERVICE = {name: (number, COUNTER64) for number, name in
            enumerate(("DownOctets", "UpOctets", "DownPkts", "UpPkts"), 1)}
TABLES = {
    "Total": (OBJECTS + (2, 1), {
        "Octets": (2, COUNTER64), "Pkts": (3, COUNTER64),
        "DiscontinuityTime": (4, STRING), "PeriodStart": (5, STRING),
        "PeriodOctets": (6, COUNTER64), "PeriodPkts": (7, COUNTER64),
        "Source": (8, INTEGER), "Zero": (9, INTEGER),
    }),
    "Town": (OBJECTS + (3, 1), _TRAFFIC | {
        "UnattributedDownOctets": (17, COUNTER64),
        "UnattributedUpOctets": (18, COUNTER64),
        "Hosts": (19, GAUGE32), "BlockedHosts": (20, GAUGE32),
        "OverQuotaHosts": (21, GAUGE32),
        "Prefixes": (22, STRING), "AdminStatus": (23, INTEGER),
        "Zero": (24, INTEGER), "Label": (27, STRING), "Bypassed": (28, INTEGER),
    }),
    "Host": (OBJECTS + (4, 1), _TRAFFIC | {
        "OperStatus": (17, INTEGER), "BlockReason": (18, STRING),
        "LastChange": (19, STRING), "Label": (20, STRING),
        "Prefixes": (22, STRING), "AdminStatus": (23, INTEGER),
        "Zero": (24, INTEGER), "QuotaWarnPercent": (27, GAUGE32),
        "QuotaAction": (28, INTEGER), "Remark": (29, STRING),
    }),
    "Service": (OBJECTS + (5, 1), {
        name: (number + 1, tag) for name, (number, tag) in _SERVICE.items()
    } | {"Match": (6, STRING)}),
    "TownService": (OBJECTS + (6, 1), _SERVICE),
    "HostService": (OBJECTS + (7, 1), _SERVICE),
    "TownClosed": (OBJECTS + (8, 1), _CLOSED),
    "HostClosed": (OBJECTS + (9, 1), _CLOSED),
    "Address": (OBJECTS + (10, 1), {
        "TownName": (4, STRING), "HostName": (5, STRING),
    }),
}
WRITABLE = {("Total", "Zero"), ("Town", "AdminStatus"), ("Town", "Zero"),
            ("Town", "QuotaMB"), ("Town", "QuotaBasis"),
            ("Host", "AdminStatus"), ("Host", "Zero"), ("Host", "Remark"),
            ("Host", "QuotaMB"), ("Host", "QuotaBasis"), ("Host", "QuotaWarnPercent"),
            ("Host", "QuotaAction")}
WRITABLE_CONTROL = {"SpinLock", "NotifyEnable", "NotifyMinInterval", "NotifyMaxPerMinute"}

# The names of the periods' amounts, and of the counters that they belong to.
AMOUNTS = ("DownOctets", "UpOctets", "DownPkts", "UpPkts")

CHAINS = {"forward": 1, "input": 2, "output": 3}
BACKEND_NONE, BACKEND_LEGACY, BACKEND_NFTABLES, BACKEND_BOTH = 1, 2, 3, 4
BACKEND = {"legacy": BACKEND_LEGACY, "nft": BACKEND_NFTABLES}
ALLOWED, BLOCKED, PARTIAL, MISSING = 1, 2, 3, 4
READY, ZERO = 1, 2
TRUE, FALSE = 1, 2
RULE, POLICY = 1, 2
BOTH, DOWN, UP = 1, 2, 3
NO_QUOTA, WITHIN, WARNED, EXCEEDED = 1, 2, 3, 4
IGNORE, NOTIFY, BLOCK = 1, 2, 3  # townMeterHostQuotaAction
LEDGER_OK, LEDGER_RESTORED, LEDGER_CREATED, LEDGER_FAILED = 1, 2, 3, 4
SCHEDULE, HOST_ZERO, TOWN_ZERO, BY_COMMAND, REMOVED = 1, 2, 3, 4, 5  # why a period ended
NOTIFICATIONS = {1: "QuotaWarning", 2: "QuotaExceeded", 3: "HostBlocked", 4: "HostUnblocked",
                 5: "TownZeroed", 6: "HostZeroed", 7: "Discontinuity", 8: "BackendLost",
                 9: "BackendRestored", 10: "LedgerFailed"}
# townMeterHostBlockReason, bit 0 first.
MANAGER, QUOTA, LOCAL, TOWN = 0x80, 0x40, 0x20, 0x10


def octets(name):
    """A name as bytes, the way the agent gives it."""
    return name if isinstance(name, bytes) else name.encode()


def index(name):
    """A name as part of an instance identifier: its length, then its octets."""
    name = octets(name)
    return (len(name), *name)


def agent(name):
    return OBJECTS + (1, AGENT[name][0], 0)


def control(name):
    return OBJECTS + (11, CONTROL[name][0], 0)


def column(table, name):
    entry, columns = TABLES[table]
    return entry + (columns[name][0],)


def total(chain, name):
    return column("Total", name) + (CHAINS[chain],)


def town(town_name, name):
    return column("Town", name) + index(town_name)


def host(town_name, host_name, name):
    return column("Host", name) + index(town_name) + index(host_name)


def town_closed(town_name, number, name):
    return column("TownClosed", name) + index(town_name) + (number,)


def host_closed(town_name, host_name, number, name):
    return column("HostClosed", name) + index(town_name) + index(host_name) + (number,)


def prefix(family, addr, length, name):
    return column("Address", name) + (1 if family == 4 else 2, *index(addr), length)


def names(instance, count):
    """Take count names from an instance identifier, as bytes."""
    found = []
    for _ in range(count):
        length, rest = instance[0], instance[1:]
        assert len(rest) >= length and all(x < 256 for x in rest[:length]), instance
        found.append(bytes(rest[:length]))
        instance = rest[length:]
    assert not instance, f"more sub-identifiers than names need: {instance}"
    return tuple(found)


def show(oid):
    return "." + ".".join(map(str, oid))


def moment(value):
    """DateAndTime as seconds since 1970; None for 'never'."""
    if value == bytes.fromhex("0000010100000000"):
        return None
    assert len(value) in (8, 11), f"not a DateAndTime: {value.hex()}"
    year, month, day, hour, minute, second, tenth = \
        (int.from_bytes(value[:2], "big"), *value[2:8])
    zone = timezone.utc
    if len(value) == 11:
        offset = timedelta(hours=value[9], minutes=value[10])
        zone = timezone(-offset if value[8:9] == b"-" else offset)
    return datetime(year, month, day, hour, minute, second,
                    tenth * 100000, zone).timestamp()
