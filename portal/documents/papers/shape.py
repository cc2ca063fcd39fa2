"""What of a paper is the same for many people, and what is one person's own.

The texts that papers of one batch share (labels, title, office, paragraphs, fields and columns marked as shared) are
laid out with the page and make its key. Everything else is a *slot*: a text of one line that is put in for each person.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from portal.documents.papers.output import fills_row
from portal.documents.papers.structure import Paper, PaperCode, PaperField, PaperTable, Slip

Fill = Callable[[str], str]
MARKED_DAY = date(1901, 1, 1)
"""The date of issue of a marked paper; no notice bears it."""

USUAL = ".*-¥"
"""Characters that many values have beside figures."""


@dataclass(slots=True)
class Shape:
    """The key of the page that fits a paper, and the paper's own texts and codes in the order of the page."""

    key: tuple[object, ...]
    texts: list[str]
    codes: list[PaperCode]
    is_strict: bool


def shape_of(paper: Paper, *, is_strict: bool = False) -> Shape:
    """Takes a paper apart into shared texts and slots; a strict shape has the repeated texts of tables as its own."""
    key: list[object] = [paper.kind, paper.language, paper.office, paper.title, is_strict]
    texts: list[str] = []
    codes: list[PaperCode] = []

    def own(text: str) -> bool:
        if text:
            texts.append(text)
        return bool(text)

    def add_fields(items: list[PaperField]) -> None:
        for item in items:
            value = item.value if item.shared else own(item.value)
            key.append((item.label, value, item.strong, fills_row(item)))

    def add_codes(items: list[PaperCode]) -> None:
        for code in items:
            codes.append(code)
            key.append((code.kind, tuple(own(line.strip()) for line in code.caption.split("\n"))))

    key.append(tuple((item.label, own(item.value)) for item in paper.number_line))
    key.append(own(paper.status))
    add_fields(paper.parties)
    key.append("fields")
    add_fields(paper.fields)
    for table in paper.tables:
        key.append((table.caption, *table.head, *table.widths, tuple(table.numeric)))
        for row in [*table.rows, table.foot]:
            shared = still_columns(table, is_strict) if row is not table.foot else []
            key.append(tuple(text if index in shared else own(text) for index, text in enumerate(row)))
    key.append(tuple(paper.paragraphs))
    add_codes(paper.codes)
    key.append(tuple(paper.signatures))
    key.append(tuple(own(text) for text in paper.footer))
    if paper.slip:
        key.append((paper.slip.title, paper.slip.note))
        add_fields(paper.slip.fields)
        add_codes(paper.slip.codes)
    return Shape(tuple(key), texts, codes, is_strict)


def still_columns(table: PaperTable, is_strict: bool) -> list[int]:
    """The columns whose texts are laid out with the page."""
    return [*table.shared, *table.repeated] if is_strict else table.shared


def marked(paper: Paper, marks: Iterator[str], *, is_strict: bool = False) -> Paper:
    """The paper with a mark in each slot and in each code; a paper of the same shape.

    The characters of the marks are those that papers take from the page's own fonts.
    """

    def fill(text: str, usual: str = "") -> str:
        return f"{next(marks)}{USUAL}{usual}" if text else ""

    def fill_fields(items: list[PaperField]) -> list[PaperField]:
        # A long value makes its field take a whole row; the mark is short and keeps the row by being wide.
        return [
            item
            if item.shared
            else dataclasses.replace(item, value=fill(item.value, item.usual), wide=item.wide or fills_row(item))
            for item in items
        ]

    def fill_codes(items: list[PaperCode]) -> list[PaperCode]:
        return [
            PaperCode(code.kind, next(marks), "\n".join(fill(line.strip()) for line in code.caption.split("\n")))
            for code in items
        ]

    slip = paper.slip
    return dataclasses.replace(
        paper,
        number=fill(paper.number),
        issued_on=paper.issued_on and MARKED_DAY,
        status=fill(paper.status),
        parties=fill_fields(paper.parties),
        fields=fill_fields(paper.fields),
        tables=[_fill_table(table, fill, still_columns(table, is_strict)) for table in paper.tables],
        codes=fill_codes(paper.codes),
        footer=[fill(text, _wording(text)) for text in paper.footer],
        slip=slip and Slip(slip.title, fill_fields(slip.fields), fill_codes(slip.codes), slip.note),
    )


def _wording(text: str) -> str:
    """The characters of a line that no person is named in, each once, without figures and spaces."""
    return "".join(char for char in dict.fromkeys(text) if not char.isdigit() and not char.isspace())


def _fill_table(table: PaperTable, fill: Fill, still: list[int]) -> PaperTable:
    rows = [[text if index in still else fill(text) for index, text in enumerate(row)] for row in table.rows]
    return dataclasses.replace(table, rows=rows, foot=[fill(text) for text in table.foot])
