"""What a paper is: plain data with every text already in the paper's language."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from django.utils import translation
from django.utils.translation import gettext

from portal.design.text import format_day

MAX_TEXT = 2000
MAX_ROWS = 400
MAX_TOTAL = 60_000


class PaperTooLong(ValueError):
    """A paper holds more text than one page run should lay out; batches are split, values are cut before."""


@dataclass(frozen=True, slots=True)
class PaperField:
    """A label and its value; `wide` takes the whole line, `strong` stands out (an amount, a due date), `code` names
    the field for tests, `shared` says that many people's papers have the same value, `usual` names characters that
    nearly every value has.
    """

    label: str
    value: str
    code: str = ""
    wide: bool = False
    strong: bool = False
    shared: bool = False
    usual: str = ""


@dataclass(frozen=True, slots=True)
class PaperCell:
    """A cell of a table and the classes it is set with."""

    text: str
    classes: str


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table: `widths` in per cent, `numeric` the indexes of columns set flush right, `shared` of those whose texts
    many people's papers have in common, `repeated` of those that hold one of a few texts, some longer than a line.
    """

    head: list[str]
    rows: list[list[str]]
    foot: list[str] = field(default_factory=list)
    caption: str = ""
    widths: list[int] = field(default_factory=list)
    numeric: list[int] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    @property
    def head_cells(self) -> list["PaperCell"]:
        return self._cells(self.head)

    @property
    def body_cells(self) -> list[list["PaperCell"]]:
        return [self._cells(row) for row in self.rows]

    @property
    def foot_cells(self) -> list["PaperCell"]:
        return self._cells(self.foot)

    def _cells(self, row: list[str]) -> list["PaperCell"]:
        return [PaperCell(text, " ".join(self._alignment(index))) for index, text in enumerate(row)]

    def _alignment(self, index: int) -> list[str]:
        return ["num"] if index in self.numeric else []


@dataclass(frozen=True, slots=True)
class PaperCode:
    """A machine-readable code: kind "qr" or "code128", what it carries, and the words beside it."""

    kind: str
    payload: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """The part to tear off and leave at the counter."""

    title: str
    fields: list[PaperField]
    codes: list[PaperCode] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper of one page or more. `status` is a plain line in a box under the title ("Paid on ...", "Superseded by
    ...").
    """

    kind: str
    title: str
    number: str = ""
    issued_on: date | None = None
    language: str = "zh-hans"
    office: str = ""
    status: str = ""
    parties: list[PaperField] = field(default_factory=list)
    fields: list[PaperField] = field(default_factory=list)
    tables: list[PaperTable] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    codes: list[PaperCode] = field(default_factory=list)
    slip: Slip | None = None
    footer: list[str] = field(default_factory=list)

    @property
    def number_line(self) -> list[PaperField]:
        """Number and date of issue, as the line under the title shows them."""
        line = []
        with translation.override(self.language):
            if self.number:
                line.append(PaperField(gettext("No."), self.number, "number"))
            if self.issued_on:
                line.append(PaperField(gettext("Issued on"), format_day(self.issued_on), "issued_on"))
        return line


def paper_fields(paper: Paper) -> list[tuple[str, str]]:
    """Every label with its value, in reading order; table cells carry their column's head as label."""
    pairs = [(item.label, item.value) for item in [*paper.number_line, *paper.parties, *paper.fields]]
    for table in paper.tables:
        for row in [*table.rows, *([table.foot] if table.foot else [])]:
            pairs.extend(zip(table.head, row, strict=True))
    if paper.slip:
        pairs.extend((item.label, item.value) for item in paper.slip.fields)
    return pairs


def paper_texts(paper: Paper) -> list[str]:
    """Every text that a rendering prints, in reading order; nothing else is printed but page numbers."""
    return [text for text in _texts(paper) if text]


def check_length(paper: Paper) -> None:
    """Refuses papers that would hold a worker for seconds; raises PaperTooLong."""
    texts = paper_texts(paper)
    if max((len(text) for text in texts), default=0) > MAX_TEXT:
        raise PaperTooLong("a text is too long")
    if sum(len(text) for text in texts) > MAX_TOTAL or sum(len(table.rows) for table in paper.tables) > MAX_ROWS:
        raise PaperTooLong("the paper is too long")


def _texts(paper: Paper) -> Iterator[str]:
    yield paper.office
    yield paper.title
    yield from _field_texts(paper.number_line)
    yield paper.status
    yield from _field_texts(paper.parties)
    yield from _field_texts(paper.fields)
    for table in paper.tables:
        yield table.caption
        yield from table.head
        for row in table.rows:
            yield from row
        yield from table.foot
    yield from paper.paragraphs
    yield from paper.signatures
    for code in paper.codes:
        yield code.caption
    yield from paper.footer
    if paper.slip:
        yield paper.slip.title
        yield from _field_texts(paper.slip.fields)
        for code in paper.slip.codes:
            yield code.caption
        yield paper.slip.note


def _field_texts(items: list[PaperField]) -> Iterator[str]:
    for item in items:
        yield item.label
        yield item.value
