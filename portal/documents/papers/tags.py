"""The structure of a laid-out page, made as small as it can be without losing what it says.

A page for the printer shares its texts, fonts and drawing with thousands of others, but its structure elements must be
its own. So groups that say nothing are left out, spans give their content to the element around them, and labels with
their values become paragraphs. Headings, paragraphs, tables with their heads, figures and their words stay.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from portal.documents.papers.layouts import Layout, PdfObject
from portal.documents.papers.page_text import TemplateRefused

SPANS = {"Span", "NonStruct"}
GROUPS = {"Document", "Part", "Div", "Sect", "TBody", "THead", "TFoot", "Art"}
HEADS = b"/A<</O/Table/Scope/Column>>"
POINTS = 0.75
"""In a pixel."""

SIDES = b"/A<</O/Table/Scope/Row>>"

_KID = re.compile(rb"(\d+) 0 R|(\d+)")
_BOX = re.compile(rb"/BBox ?\[([^\]]*)\]")
_SPAN = re.compile(rb"/(?:Col|Row)Span \d+")


@dataclass(slots=True)
class Element:
    """An element: its type, its entries as written, its words in place of a picture, and in order what it holds: other
    elements, or the page and number of marked content.
    """

    kind: str
    entries: bytes = b""
    words: str = ""
    page_height: float = 0
    kids: "list[Element | tuple[int, int]]" = field(default_factory=list)

    @property
    def elements(self) -> "list[Element]":
        """The elements it holds."""
        return [kid for kid in self.kids if isinstance(kid, Element)]


def small_structure(layout: Layout) -> Element:
    """The structure of a document as one section; raises TemplateRefused."""
    root = _element(layout, _kid_numbers(layout.objects[layout.structure])[0])
    return Element("Sect", kids=list(_in_group(_simple(root))))


def marks_of(element: Element) -> Iterator[tuple[int, int]]:
    """Page and number of all marked content that an element and those within it hold."""
    for kid in element.kids:
        if isinstance(kid, Element):
            yield from marks_of(kid)
        else:
            yield kid


def _element(layout: Layout, number: int) -> Element:
    thing = layout.objects[number]
    kind = thing.entries["S"].decode("ascii")[1:]
    page = thing.entries.get("Pg", b"")
    page_index = next((at for at, known in enumerate(layout.pages) if page.split()[:1] == [b"%d" % known.number]), 0)
    height = float(layout.pages[page_index].box.split()[3])
    found = Element(kind, thing.entries.get("A", b""), layout.words.get(number, ""), height)
    for reference, mark in _KID.findall(thing.entries.get("K", b"")):
        found.kids.append(_element(layout, int(reference)) if reference else (page_index, int(mark)))
    return found


def _kid_numbers(thing: PdfObject) -> list[int]:
    numbers = [int(reference) for reference, _mark in _KID.findall(thing.entries.get("K", b"")) if reference]
    if len(numbers) != 1:
        raise TemplateRefused("a document without one root of its structure")
    return numbers


def _simple(element: Element) -> "list[Element | tuple[int, int]]":
    """An element as what stands for it: itself, or what it holds."""
    kids: list[Element | tuple[int, int]] = []
    for kid in element.kids:
        kids += _simple(kid) if isinstance(kid, Element) else [kid]
    if element.kind in SPANS:
        return kids
    if element.kind in GROUPS:
        return list(_in_group(kids))
    if element.kind == "Table":
        return _table(kids)
    if element.kind == "Figure":
        return [Element("Figure", _figure_box(element), element.words, kids=kids)]
    spans = b"".join(_SPAN.findall(element.entries)) if element.kind in ("TH", "TD") else b""
    return [Element(element.kind, spans, kids=kids)]


def _figure_box(element: Element) -> bytes:
    """Where a figure stands, which WeasyPrint says in pixels from above, in points from below."""
    found = _BOX.search(element.entries)
    if not found:
        return b""
    left, top, right, bottom = (float(edge) * POINTS for edge in found.group(1).split())
    edges = (left, element.page_height - bottom, right, element.page_height - top)
    return b"/A<</O/Layout/BBox[%s]>>" % b" ".join(b"%.1f" % edge for edge in edges)


def _in_group(kids: "Sequence[Element | tuple[int, int]]") -> "Iterator[Element]":
    """What a group holds; loose content becomes a paragraph, and so does the caption of a figure."""
    loose: list[Element | tuple[int, int]] = []
    for kid in kids:
        if isinstance(kid, Element):
            if loose:
                yield Element("P", kids=loose)
                loose = []
            if kid.kind == "Caption":
                kid.kind = "P"
            yield kid
        else:
            loose.append(kid)
    if loose:
        yield Element("P", kids=loose)


def _table(kids: "Sequence[Element | tuple[int, int]]") -> "list[Element | tuple[int, int]]":
    """A table of labels and values as paragraphs; another with the scope of its heads."""
    cells = [kid.elements for kid in kids if isinstance(kid, Element) and kid.kind == "TR"]
    if all([cell.kind for cell in row] == ["TH", "TD"] * (len(row) // 2) and row for row in cells):
        captions = [Element("P", kids=kid.kids) for kid in kids if isinstance(kid, Element) and kid.kind == "Caption"]
        pairs = [
            Element("P", kids=[*label.kids, *value.kids])
            for row in cells
            for label, value in zip(row[::2], row[1::2], strict=True)
        ]
        return [*captions, *pairs]
    for row in cells:
        for cell in row:
            if cell.kind == "TH":
                spans = cell.entries
                cell.entries = HEADS if row is cells[0] else SIDES
                cell.entries = cell.entries[:-2] + spans + b">>"
            elif cell.entries:
                cell.entries = b"/A<</O/Table%s>>" % cell.entries
    return [Element("Table", kids=list(kids))]
