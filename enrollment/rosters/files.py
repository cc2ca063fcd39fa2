"""Files given out: the template, the lines to correct with their reasons, the list of what was submitted.

Every text is written as text. One that begins like a formula gets an apostrophe in front, which the reader of rosters
takes off again, so that no spreadsheet computes what somebody wrote into a cell (REL-X2).
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from django.utils.translation import gettext as _

from enrollment.models import Outcome, Roster
from enrollment.rosters import reading
from enrollment.rosters.columns import COLUMNS, Column
from enrollment.rosters.texts import faults_of
from enrollment.rosters.verdicts import setting_of
from portal.regions import calendar
from portal.regions.text import pick

if TYPE_CHECKING:
    import xlsxwriter

CORRECTIONS_JOB = "enrollment.roster_corrections"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
BATCH = 500
WIDEST_LIST = 255
"""A list of choices in a cell may have so many characters (the format's own bound)."""

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def safe(text: object) -> str:
    """The text as a spreadsheet shows it and never computes it."""
    plain = str(text)
    return f"'{plain}" if plain.startswith(FORMULA_STARTS) else plain


def template(kind: str) -> bytes:
    """The empty list with headings and an example line in the reader's language."""
    head = [column.label for column in COLUMNS]
    example = [pick(column.example) for column in COLUMNS]
    stream = io.BytesIO()
    if kind == "csv":
        _write_csv(stream, head, [example])
    else:
        _write_template(stream, head, example)
    return stream.getvalue()


def corrections_name(roster: Roster) -> str:
    """The name of the file with the lines to correct; it names nobody."""
    return f"roster-{str(roster.pk)[:8]}-to-correct.xlsx"


def write_corrections(roster: Roster, stream: BinaryIO, step: Callable[[int], None] = lambda done: None) -> None:
    """Writes the lines to correct, as they came, with the reasons in a column of their own; line by line.

    The line of the file they came in stands behind, because the reasons name lines of that file. Always a workbook,
    whatever came: it keeps numbers of 18 digits, which a CSV file opened in a spreadsheet loses.
    """
    head = [*(column.label for column in COLUMNS), _("What to correct"), _("Line in your file")]
    widths = [*(column.width for column in COLUMNS), 60, 14]
    _write_workbook(stream, head, _corrections(roster, step), widths)


def write_submitted(roster: Roster, stream: BinaryIO) -> None:
    """Writes who was submitted, with number and state of the application."""
    head = [_("Line"), _("Name"), _("Identity number"), _("Application number"), _("State")]
    rows = roster.rows.filter(outcome=Outcome.SUBMITTED).select_related("application__beneficiary").order_by("line")
    _write_workbook(
        stream,
        head,
        (
            [
                row.line,
                row.application.beneficiary.name,
                row.application.beneficiary.staff_identity_number,
                row.application.number,
                row.application.state_label,
            ]
            for row in rows.iterator(chunk_size=BATCH)
        ),
        [8, 14, 24, 22, 20],
    )


def _corrections(roster: Roster, step: Callable[[int], None]) -> Iterator[list[str]]:
    setting = setting_of(roster)
    done = 0
    with calendar.pinned():
        for row in roster.rows.filter(outcome=Outcome.BAD).order_by("line").iterator(chunk_size=BATCH):
            cells = row.written["cells"]
            reasons = [str(fault) for fault in faults_of(row, setting)]
            yield [*(cells.get(column.code, "") for column in COLUMNS), " | ".join(reasons), str(row.line)]
            done += 1
            if done % BATCH == 0:
                step(done)


def _write_csv(stream: BinaryIO, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """UTF-8 with the mark by which spreadsheets recognise it."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(head)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    text.flush()
    text.detach()


def _book(stream: BinaryIO) -> "xlsxwriter.Workbook":
    # It takes 15 MiB of every process that loads it, and most never write a workbook.
    import xlsxwriter

    return xlsxwriter.Workbook(
        stream,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )


def _write_workbook(
    stream: BinaryIO, head: Sequence[str], rows: Iterable[Sequence[object]], widths: Sequence[int]
) -> None:
    book = _book(stream)
    as_text = book.add_format({"num_format": "@"})
    strong = book.add_format({"bold": True, "num_format": "@"})
    sheet = book.add_worksheet()
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width, as_text)
    sheet.freeze_panes(1, 0)
    for place, label in enumerate(head):
        sheet.write_string(0, place, label, strong)
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            if cell != "":
                sheet.write_string(number, place, safe(cell), as_text)
    book.close()


def _write_template(stream: BinaryIO, head: Sequence[str], example: Sequence[str]) -> None:
    book = _book(stream)
    as_text = book.add_format({"num_format": "@"})
    strong = book.add_format({"bold": True, "num_format": "@", "bg_color": "#D9E8F5", "border": 1})
    sheet = book.add_worksheet(_("List"))
    for place, column in enumerate(COLUMNS):
        sheet.set_column(place, place, column.width, as_text)
        options = column.options
        if options and len(",".join(options)) <= WIDEST_LIST and not any("," in option for option in options):
            sheet.data_validation(1, place, reading.MAX_ROWS, place, {"validate": "list", "source": options})
    sheet.freeze_panes(1, 1)
    for place, label in enumerate(head):
        sheet.write_string(0, place, label, strong)
    for place, text in enumerate(example):
        sheet.write_string(1, place, text, as_text)
    notes = book.add_worksheet(_("How to fill it in"))
    notes.set_column(0, 0, 26)
    notes.set_column(1, 1, 90)
    for number, (label, text) in enumerate(guidance()):
        notes.write_string(number, 0, label)
        notes.write_string(number, 1, text)
    book.close()


def guidance() -> list[tuple[str, str]]:
    """What to write into each column, and the bounds of a file: told before anybody fills anything in (UX-R2)."""
    limits = _("At most %(rows)s people and 20 MB in one file. The example line is skipped.") % {
        "rows": f"{reading.MAX_ROWS:,}"
    }
    return [(_("Limits"), limits), *((column.label, _note(column)) for column in COLUMNS)]


def _note(column: Column) -> str:
    notes: Mapping[str, Any] = {
        "name": _("As on the identity document."),
        "id_number": _("As text, all characters; the last one may be X."),
        "birth_on": _("Only where the identity number does not tell it, as 1956-03-08."),
        "sex": _("Only where the identity number does not tell it."),
        "phone": _("May stay empty. Messages about the application go to it."),
        "missed_years": _("How many years without insurance up to now; empty means none."),
        "guardian_name": _("Only for children: a parent or guardian of age."),
        "guardian_number": _("Only for children: a parent or guardian of age."),
        "relation": _("Only for children."),
        "school": _("Only for pupils and students."),
    }
    need = _("Required.") if column.required else _("May stay empty.")
    listed = _("One of: %(options)s.") % {"options": _(", ").join(column.options)} if column.choices else ""
    return " ".join(part for part in (need, notes.get(column.code, ""), listed) if part)
