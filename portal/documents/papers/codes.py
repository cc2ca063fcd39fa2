"""Machine-readable codes as small bitmaps: QR by segno, Code 128 by python-barcode."""

import base64
import io
from functools import lru_cache

import segno
from barcode import get_barcode_class
from PIL import Image

from portal.documents.papers.structure import PaperCode

BAR_HEIGHT = 60
QUIET_MODULES = 10
MODULE_PIXELS = 3


@lru_cache(maxsize=256)
def code_png(code: PaperCode) -> bytes:
    """The code as a one-bit PNG with its quiet zone; kinds are "qr" and "code128"."""
    if code.kind == "qr":
        # A fixed mask and level save three quarters of the time; every reader copes with any mask.
        symbol = segno.make_qr(code.payload, error="m", mask=2, boost_error=False, encoding="utf-8")
        out = io.BytesIO()
        symbol.save(out, kind="png", scale=4, border=4)
        return out.getvalue()
    if code.kind == "code128":
        return _bars(code.payload)
    raise ValueError(f"unknown kind of code: {code.kind}")


def code_data_uri(code: PaperCode) -> str:
    """The code as a data address, for pages and PDF."""
    return "data:image/png;base64," + base64.b64encode(code_png(code)).decode()


def _bars(payload: str) -> bytes:
    modules = get_barcode_class("code128")(payload).build()[0]
    line = "0" * QUIET_MODULES + modules + "0" * QUIET_MODULES
    row = Image.new("1", (len(line), 1), 1)
    row.putdata([0 if module == "1" else 1 for module in line])
    out = io.BytesIO()
    row.resize((len(line) * MODULE_PIXELS, BAR_HEIGHT), Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()
