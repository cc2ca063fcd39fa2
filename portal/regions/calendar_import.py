"""Imports the State Council's arrangement of a year from CSV, and publishes it.

The file has a head line; `date` and `kind` (off or makeup_workday) are needed, `festival`, `is_workday` and
`weekday_iso` may stand beside them.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from portal import audit
from portal.regions import calendar, workdays
from portal.regions.calendar import CalendarData
from portal.regions.models import CalendarDay, CalendarYear
from portal.regions.text import day_text

LARGEST_FILE = 64 * 1024
MOST_LINES = 400
FEWEST_DAYS_OFF = 11
TRUE, FALSE = {"true", "1", "yes"}, {"false", "0", "no"}


class CalendarRefused(Exception):
    """A calendar file that cannot be used; the message names the line."""


@dataclass(frozen=True)
class Day:
    """One special day of the file."""

    date: date
    kind: str
    festival: str

    @property
    def is_workday(self) -> bool:
        return self.kind == CalendarDay.Kind.MAKEUP


@dataclass(frozen=True)
class YearPlan:
    """What a file would change, before anything is written: (day, worked so far, worked from now on)."""

    year: int
    days: tuple[Day, ...]
    changes: tuple[tuple[date, bool, bool], ...]
    already_published: bool


def decode(content: bytes) -> str:
    """Reads the bytes as UTF-8, else as GB 18030.

    Raises CalendarRefused for an empty, oversized or unreadable file.
    """
    if not content.strip():
        raise CalendarRefused(_("The file is empty."))
    if len(content) > LARGEST_FILE:
        raise CalendarRefused(_("The file is too large: a year of special days has fewer than 64 KB."))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise CalendarRefused(_("The file is not readable text. Save it as CSV in UTF-8 or GB 18030."))


def parse(text: str) -> tuple[Day, ...]:
    """Reads the special days of exactly one year.

    Raises CalendarRefused naming the first bad line.
    """
    days: dict[date, Day] = {}
    for number, row in _rows(text):
        day = _day(number, row)
        if day.date in days:
            raise CalendarRefused(_at(number, _("%(day)s stands twice.") % {"day": day_text(day.date)}))
        days[day.date] = day
    years = {day.year for day in days}
    if len(years) != 1:
        raise CalendarRefused(_("The file must hold the days of exactly one year."))
    off = sum(not day.is_workday for day in days.values())
    if off < FEWEST_DAYS_OFF:
        message = _("The file has only %(count)d days off; the statutory holidays alone are more. Is it complete?")
        raise CalendarRefused(message % {"count": off})
    return tuple(days[key] for key in sorted(days))


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(text.strip("\ufeff")), strict=True)
        head = {(name or "").strip() for name in reader.fieldnames or ()}
        if not {"date", "kind"} <= head:
            raise CalendarRefused(_("The first line must name the columns date and kind."))
        for row in reader:
            if reader.line_num > MOST_LINES:
                raise CalendarRefused(_("The file has too many lines for one year."))
            if None in row:
                raise CalendarRefused(_at(reader.line_num, _("there are more values than columns.")))
            values = {(name or "").strip(): (value or "").strip() for name, value in row.items()}
            if any(values.values()):
                yield reader.line_num, values
    except csv.Error as error:
        raise CalendarRefused(_("The file is not well-formed CSV.")) from error


def _day(number: int, row: dict[str, str]) -> Day:
    try:
        day = date.fromisoformat(row["date"])
    except ValueError as error:
        raise CalendarRefused(_at(number, _("the date must look like 2027-01-01."))) from error
    kind = row["kind"]
    if kind not in CalendarDay.Kind.values:
        raise CalendarRefused(_at(number, _("the kind must be off or makeup_workday.")))
    found = Day(date=day, kind=kind, festival=row.get("festival", "")[:40])
    if found.is_workday and day.isoweekday() < workdays.SATURDAY:
        raise CalendarRefused(_at(number, _("%(day)s is a weekday and needs no make-up.") % {"day": day_text(day)}))
    worked = row.get("is_workday", "").lower()
    if worked and (worked in TRUE) != found.is_workday:
        raise CalendarRefused(_at(number, _("the columns is_workday and kind contradict each other.")))
    weekday = row.get("weekday_iso", "")
    if weekday and weekday != str(day.isoweekday()):
        raise CalendarRefused(_at(number, _("the weekday does not fit the date.")))
    return found


def _at(number: int, message: str) -> str:
    return _("Line %(number)d: %(message)s") % {"number": number, "message": message}


def plan(days: tuple[Day, ...]) -> YearPlan:
    """Says what would change, without changing anything."""
    year = days[0].date.year
    now = calendar.current()
    special = {day.date: day.is_workday for day in days}
    after = CalendarData(special=special, published=frozenset({year}))
    first = date(year, 1, 1)
    span = (date(year + 1, 1, 1) - first).days
    changes = []
    for day in (first + timedelta(days=offset) for offset in range(span)):
        was, will = now.is_workday(day), after.is_workday(day)
        if was != will:
            changes.append((day, was, will))
    return YearPlan(year, days, tuple(changes), year in now.published)


@transaction.atomic
def import_year(days: tuple[Day, ...], *, actor: object, source_notice: str = "") -> YearPlan:
    """Replaces the special days of the year, publishes it, and tells the upper layers, which recount (H4)."""
    found = plan(days)
    before = calendar.current()
    row, created = CalendarYear.objects.select_for_update().get_or_create(
        year=found.year, defaults={"status": CalendarYear.Status.PUBLISHED, "source_notice": source_notice}
    )
    if not created:
        CalendarYear.objects.filter(pk=row.pk).update(
            status=CalendarYear.Status.PUBLISHED, version=F("version") + 1, source_notice=source_notice
        )
    CalendarDay.objects.filter(date__year=found.year).delete()
    CalendarDay.objects.bulk_create(
        CalendarDay(
            date=day.date,
            is_workday=day.is_workday,
            kind=day.kind,
            festival=day.festival,
            source_notice=source_notice,
        )
        for day in days
    )
    # The last week of the year before was provisional until now.
    first = date(found.year - 1, 12, workdays.LAST_SETTLED_DAY[1] + 1)
    calendar.announce_change(first, date(found.year, 12, 31), before)
    audit.record(
        "calendar.imported",
        actor,
        subject=row,
        details={"year": found.year, "days": len(days), "changes": len(found.changes)},
    )
    return found
