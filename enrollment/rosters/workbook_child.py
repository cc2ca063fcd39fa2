"""Reads the first visible sheet of a workbook in a process of its own, with bounded memory and time.

    python -m enrollment.rosters.workbook_child < roster.xlsx

Writes JSON lines: first the shape of the sheet, then every row with its number, then how further sheets begin. A cell
is a text; what was no text in the workbook is a pair of a kind ("n" number, "x" number that lost digits, "d" date, "b"
truth value) and its text. Formulas come as their text, never as a value. Imports nothing of the portal.
"""

import datetime
import io
import itertools
import json
import resource
import sys
import zipfile
from typing import Any
from xml.parsers import expat

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 60
MOST_COLUMNS = 200
MOST_FORMULAS = 500_000
LARGEST_EXACT = 10**15
LONGEST_TEXT = 2_000
BEGINNING = 11


class Refused(Exception):
    """The workbook cannot be read; the text is a code."""


def main() -> int:
    """Reads standard input, writes rows; returns 0 also when the workbook is refused, because it said so."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    content = sys.stdin.buffer.read()
    try:
        _write_rows(content)
    except Refused as refusal:
        _say({"refused": str(refusal)})
    except MemoryError:
        _say({"refused": "too_wide"})
    return 0


def _write_rows(content: bytes) -> None:
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [
            number
            for number, sheet in enumerate(book.sheets_metadata)
            if sheet.visible == calamine.SheetVisibleEnum.Visible and sheet.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        if not sheets:
            raise Refused("no_sheet")
        formulas = _formulas(content, sheets[0])
        sheet = book.get_sheet_by_index(sheets[0])
    except calamine.PasswordError as error:
        raise Refused("protected") from error
    except (calamine.CalamineError, expat.ExpatError, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise Refused("damaged") from error
    if sheet.width > MOST_COLUMNS:
        raise Refused("too_wide")
    first_column = sheet.start[1] if sheet.start else 0
    merged = [[*start, *end] for start, end in sheet.merged_cell_ranges or []]
    height = sheet.end[0] + 1 if sheet.end else 0
    _say({"rows": height, "first_column": first_column, "merged": merged})
    for number, row in enumerate(sheet.iter_rows()):
        cells = [_cell(value) for value in row]
        for column, text in formulas.get(number, {}).items():
            place = column - first_column
            if place >= len(cells):
                cells += [""] * (place + 1 - len(cells))
            if place >= 0:
                cells[place] = text
        if any(cells):
            _say([number, cells])
    for number in sorted(line for line in formulas if line >= height):
        cells = [formulas[number].get(first_column + place, "") for place in range(sheet.width)]
        if any(cells):
            _say([number, cells])
    del sheet
    for number in sheets[1:]:
        _say_beginning(book, number)


def _say_beginning(book: Any, number: int) -> None:
    """The first lines of a further sheet, by which the reader sees whether it is a list as well."""
    import python_calamine as calamine

    try:
        sheet = book.get_sheet_by_index(number)
    except (calamine.CalamineError, ValueError) as error:
        raise Refused("damaged") from error
    begin = [
        [cell[:LONGEST_TEXT] if isinstance(cell, str) else "" for cell in row[:MOST_COLUMNS]]
        for row in itertools.islice(sheet.iter_rows(), BEGINNING)
    ]
    _say({"beside": sheet.name, "begin": begin, "more": sheet.height > len(begin)})


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, bool):
        return ["b", "1" if value else "0"]
    if isinstance(value, int | float):
        if abs(value) >= LARGEST_EXACT:
            return ["x", f"{value:.15g}"]
        return ["n", str(int(value)) if value == int(value) else repr(value)]
    if isinstance(value, datetime.datetime):
        return ["d", value.date().isoformat()]
    if isinstance(value, datetime.date):
        return ["d", value.isoformat()]
    return ["t", str(value)]


def _formulas(content: bytes, index: int) -> dict[int, dict[int, str]]:
    """The formulas of one sheet by row and column, each as its text with the sign in front."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        path = _sheet_path(archive, index)
        with archive.open(path) as sheet:
            tail, found = b"", False
            while chunk := sheet.read(1 << 20):
                if b"<f" in tail + chunk or b":f" in tail + chunk:
                    found = True
                    break
                tail = chunk[-2:]
        if not found:
            return {}
        with archive.open(path) as sheet:
            return _parse_formulas(sheet)


def _sheet_path(archive: zipfile.ZipFile, index: int) -> str:
    ids: list[str] = []
    targets: dict[str, str] = {}

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "sheet":
            ids.extend(value for key, value in attributes.items() if key.rpartition(":")[2] == "id")

    def relation(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "Relationship":
            targets[attributes["Id"]] = attributes["Target"]

    for path, handler in (("xl/workbook.xml", sheet), ("xl/_rels/workbook.xml.rels", relation)):
        parser = _parser()
        parser.StartElementHandler = handler
        with archive.open(path) as stream:
            parser.ParseFile(stream)
    target = targets[ids[index]]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _parse_formulas(stream: Any) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    place = (0, 0)
    text: list[str] = []
    inside = False
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal place, inside, count
        local = name.rpartition(":")[2]
        if local == "c":
            place = _place(attributes.get("r", "A1"))
        elif local == "f":
            inside, count = True, count + 1
            text.clear()
            if count > MOST_FORMULAS:
                raise Refused("too_many_formulas")

    def data(piece: str) -> None:
        if inside and len(text) < 100:
            text.append(piece)

    def end(name: str) -> None:
        nonlocal inside
        if name.rpartition(":")[2] == "f":
            inside = False
            found.setdefault(place[0], {})[place[1]] = ("=" + "".join(text))[:LONGEST_TEXT]

    parser = _parser()
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, data, end
    parser.ParseFile(stream)
    return found


def _parser() -> Any:
    """A parser that knows no entities of the document's own: they are the way to fill the memory."""
    parser = expat.ParserCreate()

    def refuse(*_arguments: Any) -> None:
        raise Refused("damaged")

    parser.EntityDeclHandler = refuse
    return parser


def _place(reference: str) -> tuple[int, int]:
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter.upper()) - 64
    return int(reference[len(letters) :] or 1) - 1, column - 1


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
