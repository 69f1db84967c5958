# SPDX-License-Identifier: MIT
#
# A picture with the 256 colours that it has most of, which is a third as large: PNG of 8 bits a sample, RGB or RGBA, in; with a
# palette, out.
import collections
import struct
import zlib


def chunks(data):
    at = 8
    while at < len(data):
        size, = struct.unpack_from(">I", data, at)
        yield data[at + 4:at + 8], data[at + 8:at + 8 + size]
        at += size + 12


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def unfilter(kind, line, before, step):
    """What the line was before it was filtered."""
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        corner = before[i - step] if i >= step else 0
        if kind == 1:
            line[i] = (line[i] + left) & 255
        elif kind == 2:
            line[i] = (line[i] + before[i]) & 255
        elif kind == 3:
            line[i] = (line[i] + (left + before[i]) // 2) & 255
        elif kind == 4:
            line[i] = (line[i] + paeth(left, before[i], corner)) & 255
    return line


def lines(data):
    """The width, and each line as a list of colours."""
    parts = list(chunks(data))
    width, height, depth, kind = struct.unpack(">IIBB", dict(parts)[b"IHDR"][:10])
    assert depth == 8 and kind in (2, 6), "another form of PNG"
    step = 3 if kind == 2 else 4
    raw = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    size, before, result = width * step + 1, bytearray(width * step), []
    for y in range(height):
        line = bytearray(raw[y * size:(y + 1) * size])
        before = unfilter(line[0], line[1:], before, step)
        result.append([bytes(before[i:i + 3]) for i in range(0, len(before), step)])
    return width, result


def smaller(data):
    width, picture = lines(data)
    counts = collections.Counter(colour for line in picture for colour in line)
    palette = [colour for colour, _ in counts.most_common(256)]
    places = {colour: i for i, colour in enumerate(palette)}
    for colour in counts:
        if colour not in places:
            places[colour] = min(range(len(palette)), key=lambda i: sum((x - y) ** 2 for x, y in zip(palette[i], colour)))
    body = b"".join(b"\0" + bytes(places[colour] for colour in line) for line in picture)

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return (data[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(picture), 8, 3, 0, 0, 0)) +
            chunk(b"PLTE", b"".join(palette)) + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b""))
