"""The HTML of papers, for the web print and for the PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from portal.documents.papers.codes import code_data_uri
from portal.documents.papers.structure import Paper, PaperCode, PaperField, check_length

CSS_PATH = Path(__file__).resolve().parent.parent / "static" / "documents" / "paper.css"
LANGUAGE_TAGS = {"zh-hans": "zh-Hans", "en": "en"}
LINE_OF_TITLE, LINE_OF_LONG_TITLE = 22.5, 28
"""Full-width characters that a line takes in the two larger sizes of titles."""

ONE_PAGE_ROWS = 8
"""Rows of tables up to which a paper has a chance of being one page."""

FIRST_WIDE = 0x2E80
LONG_LABEL = 10
"""Full-width characters of a label beyond which the column for labels is too narrow."""

WIDE_VALUE, WIDE_LABEL = 26, 14
"""Full-width characters, two lines of half a row, beyond which a field has a row of its own."""

WORDS_LINE = 34
WORDY = 8
"""Lines of so many full-width characters that stand in the usual size; where a table takes room too, half as many."""


def render_html(paper: Paper, request: HttpRequest | None = None) -> str:
    """The web print page: the paper as a sheet on the screen, with a hint that does not print."""
    context = paper_context(paper) | {"for_screen": True}
    with translation.override(paper.language):
        return render_to_string("documents/paper.html", context, request=request)


def paper_body(paper: Paper) -> str:
    """The same page without anything that is not on the paper, for the PDF."""
    with translation.override(paper.language):
        return render_to_string("documents/paper.html", paper_context(paper))


def paper_context(paper: Paper) -> dict[str, Any]:
    """What the template needs beside the paper: fields two in a row, codes as pictures; raises PaperTooLong."""
    check_length(paper)
    table_rows = sum(len(table.rows) for table in paper.tables)
    return {
        "paper": paper,
        "lang": LANGUAGE_TAGS.get(paper.language, "zh-Hans"),
        "title_class": title_class(paper.title),
        "is_long": table_rows > ONE_PAGE_ROWS,
        "is_dense": lines_of(paper.paragraphs) > (WORDY if table_rows < 4 else WORDY // 2),
        "blocks": field_blocks(paper),
        "blanks": [text for text in paper.signatures if is_blank(text)],
        "codes": _pictures(paper.codes),
        "slip_rows": pair_fields(paper.slip.fields) if paper.slip else [],
        "slip_codes": _pictures(paper.slip.codes) if paper.slip else [],
    }


@cache
def paper_css() -> str:
    """The one style sheet of web print and PDF."""
    return CSS_PATH.read_text(encoding="utf-8")


def title_class(title: str) -> str:
    """The size in which a title stands on one line: the usual one (empty), "long" or "longer"."""
    width = width_of(title)
    return "" if width <= LINE_OF_TITLE else "long" if width <= LINE_OF_LONG_TITLE else "longer"


def width_of(text: str) -> float:
    """About how wide a text is, in full-width characters."""
    return sum(1.0 if ord(char) >= FIRST_WIDE else 0.55 for char in text)


def is_blank(signature: str) -> bool:
    """Whether a line to write on follows the words of a signature: they end with a colon."""
    return signature.rstrip().endswith((":", "："))


def lines_of(paragraphs: Sequence[str]) -> int:
    """About how many lines the words beside the codes take."""
    return sum(ceil(width_of(text) / WORDS_LINE) for text in paragraphs)


@dataclass(frozen=True, slots=True)
class FieldBlock:
    """Fields that stand in one table: pairs of label and value, or questions with wider labels and their answers."""

    rows: list[list[PaperField]]
    asks: bool = False


def field_blocks(paper: Paper) -> list[FieldBlock]:
    """The fields of a paper; a form's questions, which are too long for labels, have a table of their own."""
    asks = sum(fills_row(item) and width_of(item.label) > LONG_LABEL for item in paper.fields) >= 3
    if not asks:
        rows = pair_fields([*paper.parties, *paper.fields])
        return [FieldBlock(rows)] if rows else []
    blocks = [FieldBlock(pair_fields(paper.parties)), FieldBlock([[item] for item in paper.fields], asks=True)]
    return [block for block in blocks if block.rows]


def fills_row(item: PaperField) -> bool:
    """Whether a field has a row of its own."""
    return item.wide or width_of(item.value) > WIDE_VALUE or width_of(item.label) > WIDE_LABEL


def pair_fields(fields: Sequence[PaperField]) -> list[list[PaperField]]:
    """Puts fields two in a row; a wide one, or one too long for half a line, has a row of its own."""
    rows: list[list[PaperField]] = []
    open_row: list[PaperField] | None = None
    for item in fields:
        if fills_row(item):
            rows.append([item])
            open_row = None
        elif open_row is None:
            open_row = [item]
            rows.append(open_row)
        else:
            open_row.append(item)
            open_row = None
    return rows


def _pictures(codes: list[PaperCode]) -> list[dict[str, str]]:
    return [
        {"kind": code.kind, "uri": code_data_uri(code), "caption": code.caption, "payload": code.payload}
        for code in codes
    ]
