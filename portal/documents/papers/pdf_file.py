"""Writing PDF files from numbered objects: compressed streams, object streams and a cross-reference stream."""

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping

HEADER = b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n"
DEFLATE_LEVEL = 6
ENTRY_BYTES = 8
"""Of a cross-reference row: kind 1, place 4, index or generation 3."""

_STRING_OR_REFERENCE = re.compile(rb"\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f]*>|\b(\d+) 0 R\b", re.DOTALL)


def stream_object(number: int, extra: bytes, data: bytes) -> bytes:
    """A numbered stream whose dictionary has these entries beside its length; `data` is written as it is."""
    return b"%d 0 obj\n<<%s/Length %d>>\nstream\n%s\nendstream\nendobj\n" % (number, extra, len(data), data)


def packed_stream(number: int, extra: bytes, data: bytes, level: int = DEFLATE_LEVEL) -> bytes:
    """A numbered stream, compressed; outlines gain next to nothing from a higher level than 1."""
    return stream_object(number, extra + b"/Filter/FlateDecode", zlib.compress(data, level))


def object_stream(number: int, objects: Iterable[tuple[int, bytes]], level: int = DEFLATE_LEVEL) -> bytes:
    """A stream that holds plain objects."""
    heads, bodies, position, count = [], [], 0, 0
    for own_number, body in objects:
        heads.append(b"%d %d" % (own_number, position))
        bodies.append(body)
        position += len(body) + 1
        count += 1
    head = b" ".join(heads)
    extra = b"/Type/ObjStm/N %d/First %d" % (count, len(head) + 1)
    return packed_stream(number, extra, head + b"\n" + b"\n".join(bodies), level)


def row_at(offset: int) -> bytes:
    """The cross-reference row of an object that stands at an offset."""
    return b"\x01" + offset.to_bytes(4, "big") + b"\0\0\0"


def row_within(holder: int, index: int) -> bytes:
    """The cross-reference row of an object within an object stream."""
    return b"\x02" + holder.to_bytes(4, "big") + index.to_bytes(3, "big")


def moved_rows(rows: bytes, offset: int) -> bytes:
    """The rows of objects that stand that much later; those within object streams stay."""
    moved = bytearray(rows)
    for at in range(0, len(rows), ENTRY_BYTES):
        if rows[at] == 1:
            place = int.from_bytes(rows[at + 1 : at + 5], "big") + offset
            moved[at + 1 : at + 5] = place.to_bytes(4, "big")
    return bytes(moved)


def subset_tag(characters: Iterable[str]) -> str:
    """Six letters that tell one subset of a font from another."""
    number = zlib.crc32("".join(characters).encode())
    return "".join(chr(65 + (number // 26**place) % 26) for place in range(6))


FREE_ROW = b"\0" * (ENTRY_BYTES - 3) + b"\xff\xff\xff"


def closing(
    number: int, rows: bytes, offset: int, root: int, info: int, seed: bytes, *, is_long: bool = False
) -> bytes:
    """The cross-reference stream at an offset and the end of the file; `rows` has one for each lower number.

    A long one is written as differences from row to row, a seventieth of the size.
    """
    identifier = hashlib.md5(seed, usedforsecurity=False).hexdigest().encode()
    extra = b"/Type/XRef/W[1 4 3]/Size %d/Root %d 0 R/Info %d 0 R/ID[<%s><%s>]" % (
        number + 1,
        root,
        info,
        identifier,
        identifier,
    )
    rows += row_at(offset)
    if is_long:
        extra += b"/DecodeParms<</Predictor 12/Columns %d>>" % ENTRY_BYTES
        rows = _differences(rows)
    return packed_stream(number, extra, rows) + b"startxref\n%d\n%%%%EOF\n" % offset


def _differences(rows: bytes) -> bytes:
    """Each row as what it adds to the one before it, after the number of that filter (ISO 15948, 9.2)."""
    found = bytearray(len(rows) // ENTRY_BYTES * (ENTRY_BYTES + 1))
    found[:: ENTRY_BYTES + 1] = b"\x02" * (len(rows) // ENTRY_BYTES)
    for column in range(ENTRY_BYTES):
        own = rows[column::ENTRY_BYTES]
        found[column + 1 :: ENTRY_BYTES + 1] = bytes([
            (value - before) & 255 for value, before in zip(own, b"\0" + own[:-1], strict=True)
        ])  # fmt: skip
    return bytes(found)


def text_string(text: str) -> bytes:
    """A text as PDF writes it: plain when it is ASCII, else as UTF-16."""
    plain = text.isascii() and text.isprintable()
    data = text.encode() if plain else b"\xfe\xff" + text.encode("utf-16-be")
    return b"(" + re.sub(rb"([\\()])", rb"\\\1", data).replace(b"\r", b"\\r") + b")"


def renumbered(body: bytes, numbers: Mapping[int, int]) -> bytes:
    """An object's body with its references changed; texts that only look like references stay."""

    def change(found: re.Match[bytes]) -> bytes:
        number = found.group(1)
        return b"%d 0 R" % numbers[int(number)] if number else found.group(0)

    return _STRING_OR_REFERENCE.sub(change, body)


def references(body: bytes) -> list[int]:
    """The numbers of the objects that a body refers to."""
    return [int(found.group(1)) for found in _STRING_OR_REFERENCE.finditer(body) if found.group(1)]
