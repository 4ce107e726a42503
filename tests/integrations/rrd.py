"""Files of rrdtool, and the pictures that it draws."""

import math
import struct
import zlib

from lab.proc import run


class Rrd:
    def __init__(self, path):
        self.path = path

    def _run(self, command, *args):
        return run(["rrdtool", command, self.path, *map(str, args)]).stdout

    def sources(self):
        """The data sources: {name: (type, minimum)}."""
        info = dict(line.split(" = ") for line in self._run("info").splitlines())
        names = [key[3:-7] for key in info if key.startswith("ds[") and key.endswith("].index")]
        return {name: (info[f"ds[{name}].type"].strip('"'), float(info[f"ds[{name}].min"]))
                for name in names}

    def last(self):
        """(time, {name: number}) of the newest update; None for what was unknown."""
        head, _, values = self._run("lastupdate").partition("\n\n")
        time, values = values.split(":")
        return int(time), {name: None if value == "U" else int(value)
                           for name, value in zip(head.split(), values.split(), strict=True)}

    def seconds(self, start, end):
        """What is kept of each second after start up to end, for steps of a second:
        [{name: value}, ...]; NaN for what is unknown."""
        lines = self._run("fetch", "AVERAGE", "-r", 1, "-s", start, "-e", end).splitlines()
        names, found = lines[0].split(), []
        for line in lines[2:]:
            time, _, values = line.partition(":")
            if start < int(time) <= end:
                found.append(dict(zip(names, map(float, values.split()), strict=True)))
        assert len(found) == end - start, f"{self.path}: {len(found)} of {end - start} seconds"
        return found


def same(value, wanted):
    """Equal, but for the digits that rrdtool does not print."""
    return math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-9)


def colours(path):
    """How many pixels of each colour a picture has: {'RRGGBB': count}."""
    data, at, parts = path.read_bytes(), 8, {}
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG"
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        parts[kind] = parts.get(kind, b"") + data[at + 8:at + 8 + length]
        at += 12 + length
    width, height, depth, form, _, _, interlaced = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert depth == 8 and not interlaced and form in (2, 3, 6), (depth, form, interlaced)
    size = {2: 3, 3: 1, 6: 4}[form]
    raw, above, found = zlib.decompress(parts[b"IDAT"]), bytes(width * size), {}
    for y in range(height):
        start = y * (width * size + 1)
        line = _unfilter(raw[start], bytearray(raw[start + 1:start + 1 + width * size]), above, size)
        for x in range(0, len(line), size):
            pixel = bytes(line[x:x + 3])
            if form == 3:
                pixel = parts[b"PLTE"][3 * line[x]:3 * line[x] + 3]
            found[pixel.hex().upper()] = found.get(pixel.hex().upper(), 0) + 1
        above = line
    return found


def _unfilter(kind, line, above, size):
    """A line of a PNG without the filter that compression likes."""
    for x in range(len(line)):
        left = line[x - size] if x >= size else 0
        corner = above[x - size] if x >= size else 0
        if kind == 4:
            guess = left + above[x] - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - above[x]), 1, above[x]),
                          (abs(guess - corner), 2, corner))
            add = nearest[2]
        else:
            add = (0, left, above[x], (left + above[x]) // 2)[kind]
        line[x] = (line[x] + add) & 255
    return line
