"""Machine-readable codes as small bitmaps: QR by segno, Code 128 by python-barcode."""

import base64
import io
from dataclasses import dataclass
from functools import lru_cache

import segno
from PIL import Image

from portal.documents.papers import squares
from portal.documents.papers.structure import PaperCode

BAR_HEIGHT = 60
BAR_QUIET_MODULES = 10
BAR_MODULE_PIXELS = 3
QR_MODULE_PIXELS = 4
"""A pixel is a bit, so a module is a hexadecimal digit."""


@dataclass(frozen=True, slots=True)
class Bitmap:
    """One bit for each pixel, 1 is white; rows are padded to whole bytes."""

    width: int
    height: int
    rows: bytes


def code_bitmap(code: PaperCode) -> Bitmap:
    """The code with its quiet zone; kinds are "qr" and "code128"."""
    if code.kind == "qr":
        return _squares(code.payload)
    if code.kind == "code128":
        return _bars(code.payload)
    raise ValueError(f"unknown kind of code: {code.kind}")


def code_modules(code: PaperCode) -> Bitmap:
    """The code with a pixel for each module and bars one row high: sharp on a printer, blurred by some viewers."""
    if code.kind == "code128":
        line = _bar_modules(code.payload)
        return Bitmap(len(line), 1, _row(line, 1))
    rows = squares.hex_rows(code.payload) or _by_segno(code.payload)
    side = len(rows)
    row_bytes = -(-side // 8)
    bits = "".join([row[:side].ljust(row_bytes * 8, "f") for row in rows]).translate(_BITS)
    return Bitmap(side, side, int(bits, 2).to_bytes(row_bytes * side, "big"))


@lru_cache(maxsize=256)
def code_png(code: PaperCode) -> bytes:
    """The code as a one-bit PNG."""
    bitmap = code_bitmap(code)
    out = io.BytesIO()
    Image.frombytes("1", (bitmap.width, bitmap.height), bitmap.rows).save(out, "PNG")
    return out.getvalue()


def code_data_uri(code: PaperCode) -> str:
    """The code as a data address, for pages and PDF."""
    return "data:image/png;base64," + base64.b64encode(code_png(code)).decode()


def _squares(payload: str) -> Bitmap:
    rows = squares.hex_rows(payload) or _by_segno(payload)
    side = len(rows) * QR_MODULE_PIXELS
    return Bitmap(side, side, b"".join([bytes.fromhex(row) * QR_MODULE_PIXELS for row in rows]))


def _by_segno(payload: str) -> list[str]:
    """The rows of any code; a fixed mask and level, which every reader copes with, save three quarters of the time."""
    symbol = segno.make_qr(payload, error="m", mask=squares.MASK, boost_error=False, encoding="utf-8")
    rows = [bytes(row).translate(_INK).decode() for row in symbol.matrix_iter(border=squares.QUIET_MODULES)]
    return [row + "f" * (len(row) % 2) for row in rows]


def _bars(payload: str) -> Bitmap:
    line = _bar_modules(payload)
    return Bitmap(len(line) * BAR_MODULE_PIXELS, BAR_HEIGHT, _row(line, BAR_MODULE_PIXELS) * BAR_HEIGHT)


def _bar_modules(payload: str) -> str:
    """The modules of the bars with their quiet zones, "1" for white."""
    # It comes with writers of pictures that are of no use here.
    from barcode import get_barcode_class

    quiet = "1" * BAR_QUIET_MODULES
    modules = get_barcode_class("code128")(payload).build()[0]
    return quiet + modules.translate({48: "1", 49: "0"}) + quiet


def _row(modules: str, pixels: int) -> bytes:
    """One row of pixels from one of modules, "1" for white."""
    wide = modules.replace("0", "0" * pixels).replace("1", "1" * pixels)
    return int(wide.ljust(-(-len(wide) // 8) * 8, "1"), 2).to_bytes(-(-len(wide) // 8), "big")


_BITS = {ord("f"): "1"}
_INK = bytes.maketrans(b"\x00\x01", b"f0")
