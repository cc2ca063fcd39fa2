"""The cut fonts as plain tables: which glyph draws a character, how wide it is, and small fonts of a few glyphs.

A re-texted paper takes the characters that its template does not have from a font of its own with nothing else in it,
so that no paper carries the letters of anybody else's name.
"""

import mmap
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from portal.documents import fonts

REGULAR, BOLD = 400, 700
TABLES = (b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp")
CHECKSUM_OF_FILE = 0xB1B0AFBA
UNITS_PER_EM = 1000


class UnusableFace(ValueError):
    """A font file is not of the plain build that small fonts are made from."""


class Face:
    """One cut font: characters, advances in thousandths of the em, and outlines."""

    def __init__(self, family: str, weight: int, path: Path) -> None:
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.family = family
        self.name = f"{family.replace(' ', '')}-{'Bold' if weight == BOLD else 'Regular'}"
        self._tables = self._directory()
        head, hhea = self._read(b"head"), self._read(b"hhea")
        units = struct.unpack_from(">H", head, 18)[0]
        if units != UNITS_PER_EM:
            raise UnusableFace(f"{path.name} has {units} units in the em")
        pairs = sorted(_characters(self._read(b"cmap")))
        # A dictionary of them takes ten times the room, and a character is looked up once.
        self._codes = array("I", (code for code, _glyph in pairs))
        self._glyphs = array("H", (glyph for _code, glyph in pairs))
        self.ascent, self.descent = struct.unpack_from(">hh", hhea, 4)
        self.bounds = struct.unpack_from(">4h", head, 36)
        self._offsets = self._glyph_offsets(bool(struct.unpack_from(">h", head, 50)[0]))
        self._metrics = self._read(b"hmtx")
        self._metrics_count: int = struct.unpack_from(">H", hhea, 34)[0]

    def glyph(self, char: str) -> int | None:
        """The number of the glyph that draws a character, or None."""
        code = ord(char)
        index = bisect_left(self._codes, code)
        return self._glyphs[index] if index < len(self._codes) and self._codes[index] == code else None

    def glyphs(self, chars: Iterable[str]) -> list[int]:
        """The numbers of the glyphs of these characters, all of which the face has."""
        return [self._glyphs[bisect_left(self._codes, ord(char))] for char in chars]

    def advance(self, glyph: int) -> int:
        """The width of a glyph in thousandths of the em."""
        row = min(glyph, self._metrics_count - 1)
        return int(struct.unpack_from(">H", self._metrics, row * 4)[0])

    def small_font(self, glyphs: Sequence[int]) -> bytes:
        """A TrueType font of the missing-glyph box and these glyphs, numbered from 1; raises UnusableFace."""
        chosen = [0, *glyphs]
        outlines, offsets, metrics = bytearray(), [0], bytearray()
        for glyph in chosen:
            outlines += self._outline(glyph)
            outlines += b"\0" * (-len(outlines) % 4)
            offsets.append(len(outlines))
            metrics += self._metric(glyph)
        count = len(chosen)
        head = bytearray(self._read(b"head"))
        struct.pack_into(">I", head, 8, 0)
        struct.pack_into(">h", head, 50, 1)
        hhea = bytearray(self._read(b"hhea"))
        struct.pack_into(">H", hhea, 34, count)
        maxp = bytearray(self._read(b"maxp"))
        struct.pack_into(">H", maxp, 4, count)
        bodies = (outlines, head, hhea, metrics, struct.pack(f">{count + 1}I", *offsets), maxp)
        return _font_file(dict(zip(TABLES, map(bytes, bodies), strict=True)))

    def _outline(self, glyph: int) -> bytes:
        start, end = self._offsets[glyph], self._offsets[glyph + 1]
        base = self._tables[b"glyf"][0]
        outline = self._data[base + start : base + end]
        if outline[:1] >= b"\x80":
            raise UnusableFace(f"glyph {glyph} is made of others")
        return outline

    def _metric(self, glyph: int) -> bytes:
        if glyph < self._metrics_count:
            return bytes(self._metrics[glyph * 4 : glyph * 4 + 4])
        bearing = self._metrics_count * 4 + (glyph - self._metrics_count) * 2
        return struct.pack(">H", self.advance(glyph)) + bytes(self._metrics[bearing : bearing + 2])

    def _directory(self) -> dict[bytes, tuple[int, int]]:
        count = struct.unpack_from(">H", self._data, 4)[0]
        records = (struct.unpack_from(">4sIII", self._data, 12 + 16 * index) for index in range(count))
        return {tag: (offset, length) for tag, _checksum, offset, length in records}

    def _read(self, tag: bytes) -> bytes:
        offset, length = self._tables[tag]
        return self._data[offset : offset + length]

    def _glyph_offsets(self, long_offsets: bool) -> "array[int]":
        table = self._read(b"loca")
        if long_offsets:
            return array("I", struct.unpack(f">{len(table) // 4}I", table))
        return array("I", (offset * 2 for offset in struct.unpack(f">{len(table) // 2}H", table)))


@cache
def face(family: str, weight: int) -> Face | None:
    """The cut font of a family and weight, or None where there is none."""
    for known, known_weight, path in fonts.faces():
        if (known, known_weight) == (family, weight):
            return Face(family, weight, path)
    return None


@cache
def families_of(weight: int) -> tuple[str, ...]:
    """The families that characters of a weight come from, in the order of the style sheet's font stack.

    The family of rare characters has no bold face; bold rare characters are left to the full layout.
    """
    return tuple(family for family, known_weight, _path in fonts.faces() if known_weight == weight)


def face_at(weight: int, index: int) -> Face:
    """One of those faces; it is read when it is first needed, for most papers need the first only."""
    found = face(families_of(weight)[index], weight)
    if found is None:
        raise UnusableFace(f"the cut font {families_of(weight)[index]} is gone")
    return found


def _characters(cmap: bytes) -> Iterator[tuple[int, int]]:
    """The code of each character with its glyph, from the map of groups or of segments; raises UnusableFace."""
    count = struct.unpack_from(">H", cmap, 2)[0]
    places = [struct.unpack_from(">HHI", cmap, 4 + 8 * index)[2] for index in range(count)]
    formats = {struct.unpack_from(">H", cmap, place)[0]: place for place in places}
    if 12 in formats:
        start = formats[12] + 16
        for index in range(struct.unpack_from(">I", cmap, start - 4)[0]):
            first, last, glyph = struct.unpack_from(">III", cmap, start + 12 * index)
            yield from ((code, glyph + code - first) for code in range(first, last + 1))
    elif 4 in formats:
        yield from _segment_characters(cmap, formats[4])
    else:
        raise UnusableFace("the map of characters is of an unknown form")


def _segment_characters(cmap: bytes, start: int) -> Iterator[tuple[int, int]]:
    """The characters of a map of segments (OpenType, cmap format 4)."""
    double = struct.unpack_from(">H", cmap, start + 6)[0]
    ends, starts, deltas = start + 14, start + 16 + double, start + 16 + 2 * double
    for at in range(0, double, 2):
        last, first, delta = (struct.unpack_from(">H", cmap, base + at)[0] for base in (ends, starts, deltas))
        place = deltas + double + at
        shift = struct.unpack_from(">H", cmap, place)[0]
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = code
            if shift:
                glyph = struct.unpack_from(">H", cmap, place + shift + 2 * (code - first))[0]
            if shift and not glyph:
                continue
            yield code, (glyph + delta) & 0xFFFF


def _font_file(tables: dict[bytes, bytes]) -> bytes:
    """An sfnt file of these tables, with checksums."""
    count = len(tables)
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", 0x00010000, count, 16 << power, power, (count << 4) - (16 << power))
    offset = len(head) + 16 * count
    records, bodies, total = bytearray(), bytearray(), 0
    head_at = 0
    for tag, body in tables.items():
        padded = body + b"\0" * (-len(body) % 4)
        checksum = _checksum(padded)
        total += checksum
        if tag == b"head":
            head_at = len(bodies)
        records += struct.pack(">4sIII", tag, checksum, offset + len(bodies), len(body))
        bodies += padded
    total += _checksum(head + records)
    struct.pack_into(">I", bodies, head_at + 8, (CHECKSUM_OF_FILE - total) & 0xFFFFFFFF)
    return bytes(head + records + bodies)


def _checksum(padded: bytes) -> int:
    return sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
