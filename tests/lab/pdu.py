"""An SNMP v1/v2c client that sends exactly the request it is told to: wrong
types, NULL values, duplicates, any error index back.  It never retransmits."""

import itertools
import socket
from collections import namedtuple

from . import ber, mib

ERRORS = ["noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr",
          "noAccess", "wrongType", "wrongLength", "wrongEncoding", "wrongValue",
          "noCreation", "inconsistentValue", "resourceUnavailable",
          "commitFailed", "undoFailed", "authorizationError", "notWritable",
          "inconsistentName"]
GET, GETNEXT, RESPONSE, SET, GETBULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5

Value = namedtuple("Value", "tag value")
Bind = namedtuple("Bind", "oid tag value")


class Response(namedtuple("Response", "error index binds")):
    """error is a name out of ERRORS, index counts from 1."""

    @property
    def status(self):
        return self.error, self.index


class Timeout(AssertionError):
    """No answer."""


def encode(value):
    """A Python value, or a Value with a type of its own, as BER."""
    if not isinstance(value, Value):
        if value is None:
            value = Value(mib.NULL, None)
        elif isinstance(value, int):
            value = Value(mib.INTEGER, value)
        elif isinstance(value, tuple):
            value = Value(mib.OID, value)
        else:
            value = Value(mib.STRING, mib.octets(value))
    if value.value is None:
        return ber.tlv(value.tag, b"")
    if isinstance(value.value, int):
        return ber.integer(value.value, value.tag)
    if isinstance(value.value, tuple):
        return ber.oid(value.value)
    return ber.tlv(value.tag, value.value)


def decode(tag, body):
    if tag in (mib.INTEGER,):
        return int.from_bytes(body, "big", signed=True)
    if tag in (mib.COUNTER32, mib.GAUGE32, mib.TICKS, mib.COUNTER64):
        return int.from_bytes(body, "big")
    if tag == mib.OID:
        return ber.read_oid(body)
    if tag in (mib.NULL, mib.NO_OBJECT, mib.NO_INSTANCE, mib.END):
        return None
    return bytes(body)


class Client:
    """Speaks to the master in a namespace over UDP."""

    def __init__(self, ns, community="private", version=2, port=161, timeout=12):
        self.socket = ns.inside(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.peer = ("127.0.0.1", port)
        self.community, self.version = community, version
        self._ids = itertools.count(1)
        self._early = {}  # answers that came before they were asked for

    def close(self):
        self.socket.close()

    def send(self, kind, binds, a=0, b=0):
        """Send a request and return its id.  a and b are error status and
        index, or GETBULK's non-repeaters and maximum repetitions."""
        number = next(self._ids)
        varbinds = b"".join(ber.tlv(0x30, ber.oid(oid) + encode(value))
                            for oid, value in binds)
        body = (ber.integer(number) + ber.integer(a) + ber.integer(b)
                + ber.tlv(0x30, varbinds))
        self.socket.sendto(
            ber.tlv(0x30, ber.integer(self.version - 1)
                    + ber.tlv(0x04, self.community.encode())
                    + ber.tlv(kind, body)), self.peer)
        return number

    def receive(self, number):
        """The answer to the request with this id."""
        while number not in self._early:
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, ConnectionRefusedError):
                raise Timeout("no answer to an SNMP request") from None
            _, message, _ = ber.read(data)
            _, _, (kind, body) = ber.parts(message)
            request, error, index, varbinds = ber.parts(body)
            assert kind == RESPONSE
            binds = []
            for _, bind in ber.parts(varbinds[1]):
                (_, name), (tag, value) = ber.parts(bind)
                binds.append(Bind(ber.read_oid(name), tag, decode(tag, value)))
            self._early[decode(*request)] = Response(ERRORS[decode(*error)],
                                                     decode(*index), binds)
        return self._early.pop(number)

    def ask(self, kind, binds, a=0, b=0):
        return self.receive(self.send(kind, binds, a, b))

    def get(self, *oids):
        return self.ask(GET, [(oid, None) for oid in oids])

    def next(self, *oids):
        return self.ask(GETNEXT, [(oid, None) for oid in oids])

    def bulk(self, *oids, repeat=20, single=0):
        return self.ask(GETBULK, [(oid, None) for oid in oids], single, repeat)

    def set(self, *binds):
        """Each bind is (oid, value)."""
        return self.ask(SET, binds)

    def value(self, oid):
        """The value of one object that must exist."""
        answer = self.get(oid)
        assert answer.status == ("noError", 0), f"{mib.show(oid)}: {answer.status}"
        bind = answer.binds[0]
        assert bind.oid == oid and bind.tag < 0x80, f"{mib.show(oid)} does not exist"
        return bind.value

    def walk(self, root, by="bulk", repeat=20):
        """Everything below root; fails unless it strictly increases."""
        at, found = root, []
        while True:
            answer = self.bulk(at, repeat=repeat) if by == "bulk" else self.next(at)
            assert answer.error in ("noError",) or \
                (self.version == 1 and answer.error == "noSuchName"), answer.status
            if answer.error != "noError":
                return found
            for bind in answer.binds:
                if bind.tag == mib.END or bind.oid[:len(root)] != root:
                    return found
                assert bind.tag < 0x80, f"{mib.show(bind.oid)}: exception in a walk"
                assert bind.oid > at, f"not increasing: {mib.show(bind.oid)} " \
                                      f"after {mib.show(at)}"
                found.append(bind)
                at = bind.oid

    def table(self, name):
        """A whole table: {index: {column name: value}}.  The index is a tuple
        of names as bytes; for totals the chain's number, for closed periods
        with their number behind it, for addresses the instance identifier.  Fails on unknown columns, wrong types and holes."""
        entry, columns = mib.TABLES[name]
        by_id = {number: (c, tag) for c, (number, tag) in columns.items()}
        rows = {}
        for bind in self.walk(entry):
            number, instance = bind.oid[len(entry)], bind.oid[len(entry) + 1:]
            assert number in by_id, f"column {number} of the {name} table is not in the contract"
            column, tag = by_id[number]
            assert bind.tag == tag, f"{name}.{column} has type {bind.tag:#x}, not {tag:#x}"
            if name in ("Town", "Service"):
                instance, = mib.names(instance, 1)
            elif name == "TownService":
                instance = mib.names(instance, 2)
            elif name == "HostService":
                instance = mib.names(instance, 3)
            elif name == "Host":
                instance = mib.names(instance, 2)
            elif name == "Total":
                instance, = instance
            elif name == "TownClosed":
                instance = (*mib.names(instance[:-1], 1), instance[-1])
            elif name == "HostClosed":
                instance = (*mib.names(instance[:-1], 2), instance[-1])
            rows.setdefault(instance, {})[column] = bind.value
        for instance, row in rows.items():
            assert set(row) == set(columns), \
                f"{name} row {instance} lacks {set(columns) - set(row)}"
        return rows
