"""QR codes of plain addresses, made many at a time.

Of two codes of one size, level and mask only the data modules differ. Where those stand, and everything else, is read
once from a code that segno made; what remains for each payload is error correction and putting bits in their places.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import segno
from segno import consts

QUIET_MODULES = 4
MASK = 2
LAST_VERSION = 20
PADDING = b"\xec\x11"

_BYTES_ONLY = re.compile(r"(?=.*[^0-9A-Z $%*+\-./:])[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for every code of a version: blocks, mask of the data bits, and where each module comes from."""

    capacity: int
    count_bits: int
    blocks: tuple[tuple[int, int], ...]
    correction: int
    bits: int
    flip: int
    gather: Callable[[bytes], tuple[int, ...]]
    fixed: bytes
    row: int


def hex_rows(payload: str) -> list[str] | None:
    """The rows of the code with its quiet zone, a hexadecimal digit for each module: 0 dark, f light.

    Rows are of even length, one light digit longer than the code is high. None for a payload that needs another mode
    than bytes, or more room than is planned for.
    """
    if not _BYTES_ONLY.fullmatch(payload):
        return None
    data = payload.encode("ascii")
    plan = next((plan for plan in map(_plan, range(1, LAST_VERSION + 1)) if _fits(plan, data)), None)
    if plan is None:
        return None
    message = int.from_bytes(_message(plan, data), "big") ^ plan.flip
    drawn = format(message, f"0{plan.bits}b").encode().translate(_DIGITS)
    modules = bytes(plan.gather(drawn + plan.fixed)).decode("ascii")
    return [modules[at : at + plan.row] for at in range(0, len(modules), plan.row)]


def _fits(plan: _Plan, data: bytes) -> bool:
    return 4 + plan.count_bits + 8 * len(data) <= plan.capacity * 8


def _message(plan: _Plan, data: bytes) -> bytes:
    """The codewords in the order in which they are placed, closed with zero bits."""
    used = 4 + plan.count_bits + 8 * len(data)
    bits = 0b0100 << plan.count_bits | len(data)
    bits = bits << (8 * len(data)) | int.from_bytes(data, "big")
    ended = min(4, plan.capacity * 8 - used)
    ended += -(used + ended) % 8
    filled = (bits << ended).to_bytes((used + ended) // 8, "big")
    rest = plan.capacity - len(filled)
    filled += (PADDING * (rest // 2 + 1))[:rest]
    table = _remainders(plan.correction)
    blocks, corrections, at = [], [], 0
    for count, length in plan.blocks:
        for _number in range(count):
            block = filled[at : at + length]
            at += length
            blocks.append(block)
            corrections.append(_correction(block, table, plan.correction))
    longest = max(map(len, blocks))
    placed = bytes(block[index] for index in range(longest) for block in blocks if index < len(block))
    placed += bytes(words[index] for index in range(plan.correction) for words in corrections)
    remainder = plan.bits - 8 * len(placed)
    return (int.from_bytes(placed, "big") << remainder).to_bytes((plan.bits + 7) // 8, "big")


def _correction(block: bytes, table: list[int], count: int) -> bytes:
    top, keep, rest = 8 * (count - 1), (1 << 8 * count) - 1, 0
    for word in block:
        rest = rest << 8 & keep ^ table[rest >> top ^ word]
    return rest.to_bytes(count, "big")


@cache
def _remainders(count: int) -> list[int]:
    """For each leading word what the generator polynomial adds to the rest, as one number of `count` bytes."""
    exponents, logarithms = consts.GALIOS_EXP, consts.GALIOS_LOG
    generator = [exponents[term] for term in consts.GEN_POLY[count]]

    def times(word: int, term: int) -> int:
        return exponents[(logarithms[word] + logarithms[term]) % 255] if word and term else 0

    return [int.from_bytes(bytes(times(word, term) for term in generator), "big") for word in range(256)]


@cache
def _plan(version: int) -> _Plan:
    sample = segno.make_qr("a", version=version, error="m", mask=MASK, boost_error=False)
    matrix: Any = sample.matrix
    side = len(matrix)
    fixed_places = _fixed_places(version, side)
    order = [place for place in _zigzag(side) if place not in fixed_places]
    flip = 0
    for _y, x in order:
        # A data bit of 1 is dark, and dark is drawn as 0; mask 2 turns every third column.
        flip = flip << 1 | int(x % 3 != 0)
    source = {place: index for index, place in enumerate(order)}
    width = side + 2 * QUIET_MODULES
    row = width + width % 2
    fixed = b"0f"
    picks = []
    for y in range(width):
        for x in range(row):
            place = (y - QUIET_MODULES, x - QUIET_MODULES)
            inside = 0 <= place[0] < side and 0 <= place[1] < side
            light = not (inside and matrix[place[0]][place[1]])
            picks.append(source[place] if place in source else len(order) + int(light))
    levels: Any = consts.ECC[version]
    blocks = levels[consts.ERROR_LEVEL_M]
    return _Plan(
        capacity=sum(block.num_blocks * block.num_data for block in blocks),
        count_bits=8 if version < 10 else 16,
        blocks=tuple((block.num_blocks, block.num_data) for block in blocks),
        correction=blocks[0].num_total - blocks[0].num_data,
        bits=len(order),
        flip=flip,
        gather=itemgetter(*picks),
        fixed=fixed,
        row=row,
    )


def _fixed_places(version: int, side: int) -> set[tuple[int, int]]:
    """Where finders, timing, alignment, format and version stand (ISO/IEC 18004, 6.3)."""
    far = range(side - 8, side)
    near = range(9)
    found = {(y, x) for y in near for x in [*near, *far]} | {(y, x) for y in far for x in near}
    found |= {(6, at) for at in range(side)} | {(at, 6) for at in range(side)}
    centres = consts.ALIGNMENT_POS[version - 2] if version > 1 else ()
    last = centres[-1] if centres else 0
    for y in centres:
        for x in centres:
            if (y, x) not in ((6, 6), (6, last), (last, 6)):
                found |= {(y + down, x + across) for down in range(-2, 3) for across in range(-2, 3)}
    if version >= 7:
        found |= {place for at in range(6) for by in range(side - 11, side - 8) for place in ((at, by), (by, at))}
    return found


def _zigzag(side: int) -> Iterator[tuple[int, int]]:
    """The places of a code in the order in which data is put into them."""
    upward = True
    for right in range(side - 1, 0, -2):
        column = right if right > 6 else right - 1
        for step in range(side):
            y = side - 1 - step if upward else step
            yield y, column
            yield y, column - 1
        upward = not upward


_DIGITS = bytes.maketrans(b"01", b"0f")
