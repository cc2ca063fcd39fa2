"""Reads codes from pictures of pages, as a scanner would that knows where they may stand."""

from barcode.charsets import code128
from PIL import Image
from segno import consts

from portal.documents.papers import squares


def dark_columns(picture: Image.Image, y: int) -> list[bool]:
    return [value < 128 for value in picture.crop((0, y, picture.width, y + 1)).get_flattened_data()]


def runs(values: list[bool]) -> list[tuple[bool, int, int]]:
    """Colour, start and length of each stretch."""
    found: list[tuple[bool, int, int]] = []
    start = 0
    for index in range(1, len(values) + 1):
        if index == len(values) or values[index] != values[start]:
            found.append((values[start], start, index - start))
            start = index
    return found


def read_squares(picture: Image.Image) -> str:
    """The text of the QR code of a page: found by its finders, read with level M and mask 2, byte mode."""
    left, top, side_pixels, module = _finders(picture)
    side = round(side_pixels / module)
    version = (side - 17) // 4
    assert side == version * 4 + 17, side
    step = side_pixels / side

    def dark(y: int, x: int) -> int:
        at = (int(left + (x + 0.5) * step), int(top + (y + 0.5) * step))
        return int(picture.getpixel(at) < 128)

    fixed = squares._fixed_places(version, side)
    bits = [dark(y, x) ^ (x % 3 == 0) for y, x in squares._zigzag(side) if (y, x) not in fixed]
    words = [int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits) - 7, 8)]
    lengths = [b.num_data for b in consts.ECC[version][consts.ERROR_LEVEL_M] for _ in range(b.num_blocks)]
    blocks: list[list[int]] = [[] for _length in lengths]
    rest = iter(words)
    for index in range(max(lengths)):
        for block, length in zip(blocks, lengths, strict=True):
            if index < length:
                block.append(next(rest))
    stream = "".join(f"{word:08b}" for block in blocks for word in block)
    assert stream[:4] == "0100"
    count_bits = 8 if version < 10 else 16
    count = int(stream[4 : 4 + count_bits], 2)
    data = stream[4 + count_bits : 4 + count_bits + 8 * count]
    return bytes(int(data[at : at + 8], 2) for at in range(0, len(data), 8)).decode()


def _finders(picture: Image.Image) -> tuple[int, int, int, float]:
    """Left, top and side of the code in pixels and the size of a module, from the two upper finders."""
    for y in range(picture.height):
        stretches = runs(dark_columns(picture, y))
        solid = [stretch for stretch in stretches if stretch[0] and 14 <= stretch[2] <= 200]
        for one in solid:
            for other in solid:
                gap = other[1] - one[1]
                if abs(one[2] - other[2]) > 1 or not 2 * one[2] <= gap <= 14 * one[2]:
                    continue
                module = one[2] / 7
                if _is_finder(picture, one[1], y, module) and _is_finder(picture, other[1], y, module):
                    side = other[1] + other[2] - one[1]
                    return one[1], y, side, side / (4 * round((side / module - 17) / 4) + 17)
    raise AssertionError("no QR code on the page")


def _is_finder(picture: Image.Image, left: int, top: int, module: float) -> bool:
    """Whether the middle row of the square reads 1:1:3:1:1."""
    y = int(top + 3.5 * module)
    if y >= picture.height:
        return False
    wanted = [True, False, True, True, True, False, True]
    places = [int(left + (index + 0.5) * module) for index in range(7)]
    return [picture.getpixel((x, y)) < 128 for x in places] == wanted


def read_bars(picture: Image.Image) -> str:
    """The text of the Code 128 of a page, code set C or B, checked by its check symbol."""
    for y in range(picture.height - 1, 0, -3):
        text = _bars_of_row(runs(dark_columns(picture, y)))
        if text:
            return text
    raise AssertionError("no bar code on the page")


def _bars_of_row(stretches: list[tuple[bool, int, int]]) -> str:
    patterns = {code128.CODES[value]: value for value in range(len(code128.CODES))}
    for start in range(len(stretches)):
        if not stretches[start][0] or len(stretches) - start < 6 * 4 + 7:
            continue
        values, index = [], start
        while index + 6 <= len(stretches):
            six = stretches[index : index + 6]
            unit = sum(length for _dark, _at, length in six) / 11
            symbol = "".join(("1" if dark else "0") * round(length / unit) for dark, _at, length in six)
            if symbol not in patterns:
                break
            values.append(patterns[symbol])
            index += 6
        if len(values) > 3 and values[0] in (103, 104, 105):
            *data, check = values[1:]
            if (values[0] + sum(place * value for place, value in enumerate(data, start=1))) % 103 == check:
                return _text(values[0], data)
    return ""


def _text(start: int, data: list[int]) -> str:
    text, is_pairs = "", start == 105
    for value in data:
        if value in (100, 101) or (value == 99 and not is_pairs):
            is_pairs = value == 99
        else:
            text += f"{value:02d}" if is_pairs else chr(value + 32)
    return text
