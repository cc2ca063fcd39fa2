"""Reads a roster file line by line, whatever it is: bounds first, then the kind by content, then the heading.

Nothing of a file is believed: not its name, not the sizes a zip announces, not its encoding. What cannot be read is
refused as a whole with `RosterRefused`; what is wrong in one cell is a mark on its line.
"""

import contextlib
import csv
import io
import json
import os
import select
import subprocess
import sys
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from enrollment.rosters.columns import COLUMNS, LONGEST_CELL, by_heading, folded, is_example

ROOT = Path(__file__).resolve().parent.parent.parent
MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 50_000
MAX_UNPACKED_BYTES = 128 * 1024 * 1024
MAX_RATIO = 150
MAX_MEMBERS = 200
READ_SECONDS = 90
HEADING_WITHIN = 10
LONGEST_FIELD = 2_000
REQUIRED = tuple(column.code for column in COLUMNS if column.required)

GB18030_MARK = "\ufeff".encode("gb18030")

NUMBER_COLUMNS = ("id_number", "guardian_number", "phone")
WHOLE_LINE = ""
OTHER_KINDS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"MZ", b"\x7fELF", b"PK", b"Rar!", b"\x1f\x8b", b"7z\xbc")
"""How files begin that are no table: PDF, pictures, programs, archives."""

Cell = str | list[str]


class RosterRefused(Exception):
    """A file that is no roster; `code` names the sentence, `params` fill it."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True)
class RawLine:
    """One line below the heading: its number as a spreadsheet counts, its cells by column, and cells refused so far."""

    line: int
    cells: dict[str, str]
    marks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A readable file: what kind it is, how many lines there are at most, and the lines themselves, read on demand."""

    kind: str
    total: int
    lines: Generator[RawLine, None, None]


@dataclass(frozen=True)
class _Heading:
    """The line of headings: its number, the code of each known column by place, and the places a line may fill."""

    line: int
    places: dict[int, str]
    width: int | None


@dataclass(frozen=True)
class _Sheet:
    """Lines as the file has them: number, cells, and columns whose cell is merged with others."""

    kind: str
    total: int
    lines: Iterator[tuple[int, list[Cell], set[int]]]


def open_table(content: bytes, *, seconds: float = READ_SECONDS) -> Table:
    """Judges the file and reads its heading; the lines follow as they are asked for.

    Raises RosterRefused, also from the iterator.
    """
    sheet = _open_sheet(content, seconds)
    heading = _heading(sheet)
    return Table(sheet.kind, max(0, sheet.total - heading.line), _below(sheet.lines, heading))


def _open_sheet(content: bytes, seconds: float) -> _Sheet:
    if not content:
        raise RosterRefused("empty")
    if len(content) > MAX_BYTES:
        raise RosterRefused("too_big")
    if content.startswith(b"PK\x03\x04"):
        check_workbook(content)
        return _workbook(content, seconds)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        is_sealed = "EncryptedPackage".encode("utf-16-le") in content
        raise RosterRefused("protected" if is_sealed else "old_workbook")
    if content.startswith(OTHER_KINDS):
        raise RosterRefused("no_table")
    begin = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(b"<"):
        raise RosterRefused("web_page")
    if begin.startswith(b"{\\rtf"):
        raise RosterRefused("no_table")
    return _text(content)


def check_workbook(content: bytes) -> None:
    """Judges a zip by its list of contents, before anything is unpacked (REL-X4). Raises RosterRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as error:  # RuntimeError: a kind of zip nobody reads
        raise RosterRefused("damaged") from error
    names = {member.filename.casefold() for member in members}
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
        raise RosterRefused("bomb")
    if any(member.file_size > MAX_RATIO * max(member.compress_size, 4096) for member in members):
        raise RosterRefused("bomb")
    if any("vbaproject" in name or "macrosheets/" in name for name in names):
        raise RosterRefused("macros")
    if any(member.flag_bits & 1 for member in members):
        raise RosterRefused("protected")
    if "xl/workbook.xml" not in names:
        is_open_document = {"mimetype", "content.xml"} <= names
        raise RosterRefused(
            "old_workbook" if "xl/workbook.bin" in names else "open_document" if is_open_document else "no_table"
        )


def _workbook(content: bytes, seconds: float) -> _Sheet:
    lines = _child_lines(content, seconds)
    shape = next(lines, None)
    if shape is None:
        raise RosterRefused("too_wide")
    _refuse_if_said(shape)
    first, merged = shape["first_column"], shape["merged"]
    if len(merged) > MAX_ROWS:
        raise RosterRefused("merged")

    by_row: dict[int, set[int]] = {}
    for top, left, bottom, right in merged:
        for row in range(top, min(bottom, top + MAX_ROWS) + 1):
            by_row.setdefault(row, set()).update(range(left - first, min(right, left + LONGEST_CELL) - first + 1))
        if len(by_row) > MAX_ROWS + HEADING_WITHIN:
            raise RosterRefused("merged")

    def rows() -> Iterator[tuple[int, list[Cell], set[int]]]:
        for said in lines:
            _refuse_if_said(said)
            if isinstance(said, dict):
                _refuse_second_list(said)
                continue
            yield said[0] + 1, said[1], by_row.get(said[0], set())

    return _Sheet("xlsx", shape["rows"], rows())


def _refuse_second_list(said: dict[str, Any]) -> None:
    """Refuses a workbook with people on a further sheet: nobody is to think that they were read."""
    known = by_heading()
    for number, row in enumerate(said["begin"]):
        if set(REQUIRED) <= {known.get(folded(cell)) for cell in row}:
            if said["more"] or any(any(below) for below in said["begin"][number + 1 :]):
                raise RosterRefused("several_lists", sheet=said["beside"])
            return


def _refuse_if_said(said: Any) -> None:
    if isinstance(said, dict) and "refused" in said:
        raise RosterRefused(said["refused"])


def _child_lines(content: bytes, seconds: float) -> Iterator[Any]:
    """What the child process writes, line by line; it is ended when the reader stops, at an error and when it hangs.

    `seconds` bounds the wait for its next words, not the time in which its lines are judged.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "enrollment.rosters.workbook_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(content)
        for line in _lines_of(process.stdout.fileno(), seconds):
            yield json.loads(line)
        if process.wait() != 0:
            # Killed by its bounds: cells far outside of the list, or far too much in the cells.
            raise RosterRefused("too_wide")
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _lines_of(descriptor: int, seconds: float) -> Iterator[bytes]:
    """The lines that arrive at a pipe; raises RosterRefused when nothing comes for so many seconds."""
    rest = b""
    while True:
        ready, _writable, _broken = select.select([descriptor], [], [], seconds)
        if not ready:
            raise RosterRefused("too_wide")
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _text(content: bytes) -> _Sheet:
    content = content.removeprefix(GB18030_MARK)
    encoding = _encoding(content)
    total = content.count(b"\n") + 1
    return _Sheet("csv", total, _csv_lines(content, encoding))


def _encoding(content: bytes) -> str:
    """UTF-8 with or without its mark, else GB18030, both strictly; neither decodes the other by chance (REL-X1)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content:
        raise RosterRefused("utf16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "no_table")
    try:
        _try(content, "utf-8-sig")
    except UnicodeDecodeError as error:
        utf8_line = content.count(b"\n", 0, error.start) + 1
    else:
        return "utf-8-sig"
    try:
        _try(content, "gb18030")
    except UnicodeDecodeError as error:
        line = max(utf8_line, content.count(b"\n", 0, error.start) + 1)
        raise RosterRefused("encoding", line=line) from error
    return "gb18030"


def _try(content: bytes, encoding: str) -> None:
    for _line in io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline=""):
        pass


def _csv_lines(content: bytes, encoding: str) -> Iterator[tuple[int, list[Cell], set[int]]]:
    # Strict, so that a quotation mark that is never closed is an error, and does not swallow the people below it.
    reader = csv.reader(
        io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline=""),
        delimiter=_delimiter(content, encoding),
        strict=True,
    )
    number = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise RosterRefused("broken_line", line=number + 1) from error
        number += 1
        if any(len(cell) > LONGEST_FIELD for cell in row):
            raise RosterRefused("broken_line", line=number)
        if any(cell.strip() for cell in row):
            yield number, list(row), set()


def _plain(cell: str) -> str:
    """The cell without the sign by which files given out keep spreadsheets from computing it."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@\t\r＝") else cell


def _delimiter(content: bytes, encoding: str) -> str:
    """Comma, tab or semicolon: the sign under which the first lines show the most headings."""
    known = by_heading()
    begin = content[: 64 * 1024].decode(encoding, errors="ignore").splitlines()[:HEADING_WITHIN]

    def headings(sign: str) -> int:
        rows = csv.reader(begin, delimiter=sign)
        return max((sum(folded(cell) in known for cell in row) for row in rows), default=0)

    return max(",\t;", key=headings)


def _heading(sheet: _Sheet) -> _Heading:
    """Finds the line of headings among the first ones; raises RosterRefused."""
    known = by_heading()
    best: list[str] = []
    for _count, (number, cells, _merged) in zip(range(HEADING_WITHIN), sheet.lines, strict=False):
        places: dict[int, str] = {}
        for place, cell in enumerate(cells):
            code = known.get(folded(cell)) if isinstance(cell, str) else None
            if code is None:
                continue
            if code in places.values():
                raise RosterRefused("heading_twice", column=code)
            places[place] = code
        if set(REQUIRED) <= set(places.values()):
            # A line of text with more cells than the heading has a separator inside of a cell, and all cells moved on.
            return _Heading(number, places, len(cells) if sheet.kind == "csv" else None)
        if len(places) > len(best):
            best = list(places.values())
    raise RosterRefused("no_heading", columns=[code for code in REQUIRED if code not in best])


def _below(lines: Iterable[tuple[int, list[Cell], set[int]]], heading: _Heading) -> Generator[RawLine, None, None]:
    """The lines under the heading that hold anything; refuses more of them than a roster may have."""
    count = 0
    for number, cells, merged in lines:
        line = _line(number, cells, merged, heading)
        if not (line.cells or line.marks) or is_example(line.cells):
            continue
        count += 1
        if count > MAX_ROWS:
            raise RosterRefused("too_many_rows")
        yield line
    if count == 0:
        raise RosterRefused("no_rows")


def _line(number: int, cells: list[Cell], merged: set[int], heading: _Heading) -> RawLine:
    found: dict[str, str] = {}
    marks: dict[str, str] = {}
    for place, code in heading.places.items():
        cell = cells[place] if place < len(cells) else ""
        kind, text = ("", cell) if isinstance(cell, str) else (cell[0], cell[1])
        text = _plain(text.strip())[:LONGEST_FIELD]
        if text:
            found[code] = text
        if kind == "x" or (code in NUMBER_COLUMNS and _is_rounded(text)):
            marks[code] = "lost_digits"
        elif place in merged:
            marks[code] = "merged"
    if heading.width is not None and any(cells[heading.width :]):
        marks[WHOLE_LINE] = "ragged"
    return RawLine(number, found, marks)


def _is_rounded(text: str) -> bool:
    """Whether a spreadsheet wrote an identity number as 4.50302E+17."""
    head, separator, tail = text.upper().partition("E+")
    return bool(separator) and head.replace(".", "").isdigit() and tail.isdigit()
