"""The words for what is wrong with a roster, a line or a cell, and how to put it right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from enrollment.cover import next_opening
from enrollment.messages import OWN_MESSAGES
from enrollment.models import RosterRow
from enrollment.rosters import reading
from enrollment.rosters.columns import BY_CODE, Fault
from enrollment.rosters.reading import RawLine
from enrollment.rosters.verdicts import ELIGIBILITY, Setting, findings
from portal.design.text import format_day
from portal.people.identity import InvalidIdentityNumber, Reason, parse_identity_number
from portal.people.texts import NAME_REASONS, PHONE_REASON, identity_reason
from portal.regions import policy as policies
from portal.regions.models import Region

Text = str | Promise

REFUSALS: dict[str, Text] = {
    "empty": gettext_lazy("The file is empty (0 bytes). Save the list again and choose the new file."),
    "too_big": gettext_lazy("The file is larger than 20 MB. Split the list into several files."),
    "old_workbook": gettext_lazy(
        "This is an old or binary Excel file. Open it and save it as “Excel workbook (.xlsx)” or as CSV, then choose"
        " that file."
    ),
    "protected": gettext_lazy("The file is protected by a password. Save it without one and choose it again."),
    "macros": gettext_lazy(
        "The file holds macros (small programs). They are not accepted. Save it as “Excel workbook (.xlsx)”, which"
        " leaves them out."
    ),
    "no_table": gettext_lazy("This is no table. Choose an Excel workbook (.xlsx) or a CSV file."),
    "web_page": gettext_lazy(
        "This is a web page that Excel can open as a table. Open it in Excel, save it as “Excel workbook (.xlsx)” and"
        " choose that file."
    ),
    "open_document": gettext_lazy(
        "This is a table of another program (.ods or the like). Save it as “Excel workbook (.xlsx)” or as CSV, then"
        " choose that file."
    ),
    "damaged": gettext_lazy("The workbook is damaged or incomplete. Open it, save it again and choose the new file."),
    "bomb": gettext_lazy(
        "The workbook unpacks to far more than a list of people needs. Copy the list into the template and choose that"
        " file."
    ),
    "too_wide": gettext_lazy(
        "The sheet could not be read within its bounds: it has cells far outside of the list. Copy the list alone into"
        " the template and choose that file."
    ),
    "too_many_formulas": gettext_lazy("The sheet is full of formulas. Copy the list and paste it as values only."),
    "merged": gettext_lazy("Most cells of this sheet are merged. Undo that and fill in every line."),
    "no_sheet": gettext_lazy("The workbook has no visible sheet. Put the list on the first sheet."),
    "several_lists": gettext_lazy(
        "The sheet “%(sheet)s” holds people too, and only one sheet can be read. Put everybody on one sheet, or save"
        " each sheet as a file of its own."
    ),
    "utf16": gettext_lazy(
        "The file is written in UTF-16 (“Unicode text”). Save it as “CSV UTF-8” or as an Excel workbook (.xlsx)."
    ),
    "encoding": gettext_lazy(
        "Line %(line)s cannot be read as UTF-8 nor as GB18030 text. Save the list as “CSV UTF-8” or as an Excel"
        " workbook (.xlsx)."
    ),
    "broken_line": gettext_lazy(
        "Line %(line)s cannot be read: a quotation mark is missing or a cell is far too long. Put it right and choose"
        " the file again."
    ),
    "no_heading": gettext_lazy(
        "These columns are missing: %(columns)s. The first line of the list must hold the headings of the template."
    ),
    "heading_twice": gettext_lazy("The column “%(column)s” stands in the list twice. Remove one of them."),
    "no_rows": gettext_lazy("The list has headings and no people under them."),
    "too_many_rows": gettext_lazy("The list has more than %(rows)s lines. Split it into several files."),
}

FAULTS: dict[str, Text] = {
    "required": gettext_lazy("Fill in this cell."),
    "phone": PHONE_REASON,
    "formula": gettext_lazy("The cell holds a formula. Type the value itself."),
    "merged": gettext_lazy("The cell is merged with others. Undo that and fill in every line."),
    "lost_digits": gettext_lazy(
        "The spreadsheet has turned the number into %(text)s and lost digits. Format the column as text and type the"
        " number again."
    ),
    "too_long": gettext_lazy("The text is too long."),
    "control": gettext_lazy("Contains a character that cannot be stored. Please type the text again."),
    "choice": gettext_lazy("Choose one of: %(options)s"),
    "date": gettext_lazy("Write the date as 1956-03-08."),
    "serial": gettext_lazy(
        "The spreadsheet stores the date as the number %(text)s. Format the column as a date, or write it as"
        " 1956-03-08."
    ),
    "future": gettext_lazy("The date lies in the future."),
    "number_birth": gettext_lazy(
        "The identity number says: born on %(born)s. Compare both with the document; where the number is right, leave"
        " this cell empty."
    ),
    "number_sex": gettext_lazy(
        "The identity number says otherwise. Compare both with the document; where the number is right, leave this cell"
        " empty."
    ),
    "years": gettext_lazy("Write the number of years, such as 0 or 2."),
    "ground": gettext_lazy("This ground does not go with the kind of document."),
    "school": gettext_lazy("Choose what the pupil or student attends."),
    "ragged": gettext_lazy(
        "The line has more cells than the heading. Put quotation marks around a text that holds a comma."
    ),
    "duplicate": gettext_lazy("The same person stands in line %(line)s already. Remove one of the lines."),
    "contradiction": gettext_lazy(
        "Line %(line)s has the same identity number with another name. Compare both with the papers."
    ),
    "other_facts": gettext_lazy(
        "Line %(line)s says something else here about the same person. Compare both with the papers and keep one line."
    ),
    "other_name": gettext_lazy("The portal has this identity number with another name. Compare it with the paper."),
    "outside": gettext_lazy(
        "The portal does not have this person as living in your village. They apply themselves, or at the counter with"
        " their papers."
    ),
    "applied": gettext_lazy("Somebody has applied for this person and year already. Nothing is to be done."),
    "insured": gettext_lazy("This person is insured for the year already. Nothing is to be done."),
    "employee": gettext_lazy(
        "The employees' scheme has this person as insured. Nobody can be in both schemes at the same time."
    ),
    "not_open": gettext_lazy("This cover year cannot be joined on this day. It opens on %(day)s."),
    "guardian": gettext_lazy("Too young to apply alone: fill in name and identity number of a parent or guardian."),
    "relation": gettext_lazy("Say what the guardian is to the child. Choose one of: %(options)s"),
    "own_guardian": gettext_lazy("Nobody is their own guardian. Enter the number of a parent or guardian."),
    "young_guardian": gettext_lazy("The guardian must be of age (18 or older)."),
}


@dataclass(frozen=True)
class CellFault:
    """One fault as people read it: which cell, what stands in it, what is wrong."""

    column: str
    written: str
    text: str

    def __str__(self) -> str:
        return f"{self.column}: {self.text}" if self.column else self.text


def refusal(code: str, params: Mapping[str, Any]) -> str:
    """Why a file cannot be a roster, in the active language."""
    words = {
        "line": params.get("line", ""),
        "sheet": params.get("sheet", ""),
        "rows": f"{reading.MAX_ROWS:,}",
        "column": BY_CODE[params["column"]].label if "column" in params else "",
        "columns": _("; ").join(BY_CODE[code].label for code in params.get("columns", [])),
    }
    return str(REFUSALS[code]) % words


def who_is_told(region: Region) -> str:
    """Who is told about what a village enters, by the policy of the region; stated before it is submitted (F5)."""
    if policies.for_region(region).setting(OWN_MESSAGES, True):
        return _(
            "Everybody with a telephone gets a text message of their own when the application arrives, is decided and"
            " is to be paid, and it says that you entered it."
        )
    return _(
        "In this region the village tells its people: the portal sends no text message when an application arrives, is"
        " approved or is to be paid. It writes to the person only when something is to be corrected, is not approved or"
        " has lapsed. Follow the cases on your page, and tell the people."
    )


def faults_of(row: RosterRow, setting: Setting) -> list[CellFault]:
    """What is wrong with a stored line, cell by cell."""
    written = row.written
    raw = RawLine(row.line, written["cells"], written["marks"])
    return sentences(raw, [Fault(*fault) for fault in row.faults], setting)


def sentences(raw: RawLine, faults: Iterable[Fault], setting: Setting) -> list[CellFault]:
    """The sentences for faults; those of eligibility are asked of the rules anew, which know the reader's language."""
    rules = None
    found = []
    for fault in faults:
        if fault.code.startswith(ELIGIBILITY):
            rules = findings(raw, setting) if rules is None else rules
            rule = rules.get(fault.code.removeprefix(ELIGIBILITY))
            text = f"{rule.reason} {rule.advice}".strip() if rule else _("The conditions of the region are not met.")
        else:
            text = _sentence(fault, raw, setting)
        column = BY_CODE[fault.column].label if fault.column else ""
        found.append(CellFault(column, raw.cells.get(fault.column, ""), text))
    return found


def _sentence(fault: Fault, raw: RawLine, setting: Setting) -> str:
    family, _dot, reason = fault.code.partition(".")
    if family == "identity":
        return str(identity_reason(Reason(reason)))
    if family == "name" and reason:
        return str(NAME_REASONS[reason])
    column, written = BY_CODE.get(fault.column), raw.cells.get(fault.column, "")
    words = {
        "line": fault.line,
        "text": _shortened(raw.cells.get(fault.column, "")) if fault.code == "lost_digits" else written,
        "options": _(", ").join(column.options) if column else "",
        "day": format_day(next_opening(setting.today, setting.policy)) if fault.code == "not_open" else "",
        "born": _born(raw) if fault.code == "number_birth" else "",
    }
    return str(FAULTS[fault.code]) % words


def _shortened(number: str) -> str:
    """A number as a spreadsheet has rounded it, without the digits of the birthday: 4.503…E+17."""
    head, _sign, power = number.upper().partition("E+")
    return f"{head[:5]}…E+{power}" if power else f"{head[:4]}…"


def _born(raw: RawLine) -> str:
    """The day of birth that the identity number of a line tells; empty where it cannot be read."""
    try:
        born = parse_identity_number(raw.cells.get("id_number", "")).birth_date
    except InvalidIdentityNumber:
        return ""
    return format_day(born) if born else ""
