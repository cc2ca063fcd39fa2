"""Draws the pages of a PDF file that a stranger sent, as pictures; nothing else of the file is kept.

Scripts, attachments, links, forms' actions and hidden layers are gone with the file: PDFium is built without
JavaScript, fetches nothing, and what it draws goes on as pixels. Call it in the bounded child only: a page can ask for
any amount of time and memory.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from portal.documents import imaging
from portal.documents.imaging import Picture, Rejected, Target

MOST_MADE_BYTES = 24 * 1024 * 1024
NARROWEST_POINTS, FLATTEST = 20, 20
"""A page is at least 20 points wide (7 mm) and at most 20 times as long as it is wide: till slips are 10 times."""


def draw(data: bytes, target: Target) -> list[Picture]:
    """Every page as a picture in the order of the file; raises Rejected."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise Rejected("pdf_locked" if _needs_password(error) else "pdf_broken") from error
    count = len(document)
    if count > target.pages:
        raise Rejected("pdf_too_many_pages")
    pages = list(_pages(document, count, target))
    if all(imaging.PLAIN in page.warnings for page in pages):
        return pages
    # Empty backs of sheets are usual in scans: only a file of nothing but empty pages is pointed out.
    return [replace(page, warnings=[code for code in page.warnings if code != imaging.PLAIN]) for page in pages]


def _pages(document: pypdfium2.PdfDocument, count: int, target: Target) -> Iterator[Picture]:
    made = 0
    for number in range(count):
        picture = imaging.finished(_drawn(document, number, target), target)
        made += len(picture.content)
        if made > MOST_MADE_BYTES:
            raise Rejected("pdf_too_heavy")
        yield picture


def _drawn(document: pypdfium2.PdfDocument, number: int, target: Target) -> Image.Image:
    try:
        page = document[number]
    except pypdfium2.PdfiumError as error:
        raise Rejected("pdf_broken") from error
    sides = page.get_size()
    if not all(math.isfinite(side) for side in sides) or min(sides) < NARROWEST_POINTS:
        raise Rejected("pdf_strange_page")
    if max(sides) > FLATTEST * min(sides):
        raise Rejected("pdf_strange_page")
    # The size on paper does not matter: however large a page claims to be, it gets the pixels of a picture.
    bitmap = page.render(scale=(target.max_side - 0.5) / max(sides), rev_byteorder=True)
    picture = bitmap.to_pil().convert("RGB")
    page.close()
    return picture


def _needs_password(error: pypdfium2.PdfiumError) -> bool:
    return getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD
