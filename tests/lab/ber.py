"""As much of the Basic Encoding Rules as an SNMP message needs."""


def length(n):
    if n < 0x80:
        return bytes([n])
    body = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(body)]) + body


def tlv(tag, body):
    return bytes([tag]) + length(len(body)) + body


def integer(value, tag=0x02):
    """Any of the integer types; unsigned ones get a leading zero octet where
    the sign bit would be set."""
    size = value.bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def oid(subids):
    body = bytearray()
    for sub in (subids[0] * 40 + subids[1], *subids[2:]):
        part = [sub & 0x7F]
        while sub := sub >> 7:
            part.append(0x80 | sub & 0x7F)
        body += bytes(reversed(part))
    return tlv(0x06, bytes(body))


def read(data, at=0):
    """Return (tag, body, position after it)."""
    tag, n = data[at], data[at + 1]
    at += 2
    if n & 0x80:
        width = n & 0x7F
        n = int.from_bytes(data[at:at + width], "big")
        at += width
    if at + n > len(data):
        raise ValueError("truncated")
    return tag, data[at:at + n], at + n


def parts(body):
    """The values that a constructed value holds."""
    at, found = 0, []
    while at < len(body):
        tag, value, at = read(body, at)
        found.append((tag, value))
    return found


def read_oid(body):
    subids, sub = [], 0
    for octet in body:
        sub = sub << 7 | octet & 0x7F
        if not octet & 0x80:
            subids.append(sub)
            sub = 0
    first = min(subids[0] // 40, 2)
    return (first, subids[0] - 40 * first, *subids[1:])
