"""Rosters for tests: lines of synthetic people, written as CSV or as a workbook, and the jobs run to their end."""

import csv
import io
import zipfile

import python_calamine
import xlsxwriter

from enrollment.models import Roster
from enrollment.rosters import services
from portal.jobs import services as jobs
from portal.regions.models import Office, Region
from tests.people_cast import actor, next_identity_number

HEAD = ["姓名", "证件号码", "手机号码", "住址"]
NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"


def line(number=None, *, name=None, phone="", address="甲山村8号"):
    """One person of age, not on file."""
    number = number or next_identity_number(first_birthday="1950-01-01")
    return [
        name or f"{NAMES[int(number[-3]) % len(NAMES)]}{NAMES[int(number[10:12]) % len(NAMES)]}",
        number,
        phone,
        address,
    ]


def as_csv(rows, head=HEAD, encoding="utf-8-sig"):
    """The bytes of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([head, *rows])
    return text.getvalue().encode(encoding)


def as_workbook(rows, head=HEAD, change=None):
    """The bytes of a workbook; `change(sheet)` writes what a plain list has not."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet()
    for number, row in enumerate([head, *rows]):
        sheet.write_row(number, 0, row)
    if change:
        change(sheet)
    book.close()
    return stream.getvalue()


def cells_of(content):
    """The cells of the first sheet of a workbook, line by line."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python()


def with_member(content, name, data=b"x"):
    """The same zip with one more member."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def take(agent, content, *, name="roster.csv", year=2027):
    """A roster as it is just after the upload; the check has not begun."""
    office = Office.objects.responsible_for(Region.objects.get(code="450302001"), "service_point")
    return services.take(actor=actor(agent), office=office, cover_year=year, file_name=name, content=content)


def finish(roster):
    """Runs the job of a roster as the worker would, and reads the roster anew."""
    jobs.run(roster.job_id)
    return Roster.objects.get(pk=roster.pk)


def checked(agent, content, **options):
    """A roster whose lines have their verdicts."""
    return finish(take(agent, content, **options))


def submitted(agent, content, **options):
    """A roster whose good lines are submitted."""
    roster = checked(agent, content, **options)
    services.submit(roster, actor(agent))
    roster.refresh_from_db()
    return finish(roster)


def submitted_or_checked(agent, content, **options):
    """A roster whose good lines, if it has any, are submitted."""
    roster = checked(agent, content, **options)
    if services.counts(roster)["good"]:
        services.submit(roster, actor(agent))
        roster.refresh_from_db()
        return finish(roster)
    return roster


def verdicts(roster):
    """Line → codes of its faults, for lines that have any."""
    return {row.line: [fault[1] for fault in row.faults] for row in roster.rows.all() if row.faults}
