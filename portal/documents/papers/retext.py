"""PDF in milliseconds: a page laid out once for all papers of its shape, re-texted for each (PERFORMANCE §1.3, §9.1).

The full layout stays the measure and the way out: what does not fit, has characters of other fonts, has many rows, or
meets a WeasyPrint that writes pages otherwise than expected, is laid out in full.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock

from portal.documents import fonts
from portal.documents.papers.pdf import UncoveredCharacters, render_pdf
from portal.documents.papers.shape import Shape, shape_of
from portal.documents.papers.slots import Overflow
from portal.documents.papers.structure import Paper, PaperTooLong
from portal.documents.papers.template import Template

logger = logging.getLogger(__name__)

MAX_ROWS = 8
KEPT_TEMPLATES = 48
"""About 150 KiB each."""


class TemplateCache:
    """The last used pages of this process; None for a shape that has to be laid out in full."""

    def __init__(self, size: int = KEPT_TEMPLATES) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Template | None] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def template_for(self, paper: Paper, shape: Shape) -> Template | None:
        """The page for a paper, laid out now if it is not known."""
        with self._lock:
            if shape.key in self._kept:
                self._kept.move_to_end(shape.key)
                return self._kept[shape.key]
        template = _make(paper, shape)
        with self._lock:
            self._kept[shape.key] = template
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return template

    def clear(self) -> None:
        """Forgets every page."""
        with self._lock:
            self._kept.clear()


templates = TemplateCache()


def can_be_retexted(paper: Paper) -> bool:
    """Whether a paper is short enough for a page of its shape, and the fonts for it are cut."""
    return fonts.is_built() and sum(len(table.rows) for table in paper.tables) <= MAX_ROWS


def fitting(paper: Paper) -> Iterator[tuple[Shape, Template]]:
    """The pages that a paper may be put into, the one that fits more papers first."""
    if not can_be_retexted(paper):
        return
    has_repeated = any(table.repeated for table in paper.tables)
    for is_strict in (False, True) if has_repeated else (False,):
        shape = shape_of(paper, is_strict=is_strict)
        template = templates.template_for(paper, shape)
        if template is not None:
            yield shape, template


def render_pdf_fast(paper: Paper) -> bytes:
    """The paper as tagged PDF, by the fastest way that gives the page of the full layout.

    Raises PaperTooLong or UncoveredCharacters.
    """
    for shape, template in fitting(paper):
        try:
            return template.fill(shape)
        except Overflow:
            continue
    return render_pdf(paper)


def _make(paper: Paper, shape: Shape) -> Template | None:
    try:
        return Template(paper, is_strict=shape.is_strict)
    except (UncoveredCharacters, PaperTooLong):
        return None
    except Exception as error:
        # Whatever another version of WeasyPrint does otherwise, residents get their papers, only more slowly.
        logger.warning("retext_refused kind=%s error=%s reason=%s", paper.kind, type(error).__name__, error)
        return None
