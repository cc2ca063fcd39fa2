"""The calendar tables: memory and versions, regional days, local days, and the import of a year."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from portal.people.actors import SYSTEM
from portal.regions import calendar, calendar_import, loader
from portal.regions.calendar import CalendarChange
from portal.regions.calendar_import import CalendarRefused
from portal.regions.models import CalendarDay, CalendarYear, Region, RegionalHoliday, versions

pytestmark = pytest.mark.django_db

OFF_2027 = [
    *("2027-01-01", "2027-02-05", "2027-02-06", "2027-02-07", "2027-02-08", "2027-02-09", "2027-02-10"),
    *("2027-02-11", "2027-04-05", "2027-05-01", "2027-05-02", "2027-05-03", "2027-06-09", "2027-09-15"),
    *("2027-10-01", "2027-10-02", "2027-10-03", "2027-10-04", "2027-10-05"),
]
CSV_2027 = "date,kind,festival\n" + "".join(f"{day},off,节日\n" for day in OFF_2027) + "2027-02-13,makeup_workday,\n"


@pytest.fixture
def changes() -> Iterator[list[CalendarChange]]:
    """What the upper layers are told."""
    heard: list[CalendarChange] = []
    calendar.on_change.append(heard.append)
    yield heard
    calendar.on_change.remove(heard.append)


def test_migration_delivers_three_published_years_and_the_statutory_days_of_2027() -> None:
    """N1: 2024–2026 by data migration."""
    assert list(CalendarYear.objects.values_list("year", "status")) == [
        (2024, "PUBLISHED"),
        (2025, "PUBLISHED"),
        (2026, "PUBLISHED"),
        (2027, "STATUTORY_ONLY"),
    ]
    assert CalendarDay.objects.filter(date__year__lt=2027).count() == 108


def test_due_date_of_the_service_point_counts_make_up_days() -> None:
    """B1: three working days over the Spring Festival."""
    assert calendar.add_workdays(date(2026, 2, 13), 3) == (date(2026, 2, 25), False)


def test_counting_asks_the_database_once_per_call_and_once_per_pinned_batch(
    django_assert_num_queries: Callable[..., object],
) -> None:
    calendar.add_workdays(date(2026, 11, 21), 3)
    with django_assert_num_queries(3):
        for _ in range(3):
            calendar.add_workdays(date(2026, 11, 21), 3)
    with django_assert_num_queries(1), calendar.pinned():
        for _ in range(500):
            calendar.add_workdays(date(2026, 11, 21), 20)


def test_change_by_another_process_is_seen_at_once() -> None:
    """N1: the version row, not the memory of this process, decides."""
    assert calendar.is_workday(date(2026, 11, 24))
    CalendarDay.objects.create(date=date(2026, 11, 24), is_workday=False, kind="off")
    versions.ConfigVersion.objects.filter(pk="calendar").update(number=99, token="written elsewhere")
    assert not calendar.is_workday(date(2026, 11, 24))
    assert calendar.add_workdays(date(2026, 11, 21), 3).date == date(2026, 11, 26)
    assert calendar.current().version == 99


def test_rolled_back_change_leaves_no_trace_in_memory() -> None:
    class Abandoned(Exception):
        pass

    def change_and_abandon() -> None:
        with transaction.atomic():
            before = calendar.current()
            CalendarDay.objects.create(date=date(2026, 11, 24), is_workday=False, kind="off")
            calendar.announce_change(date(2026, 11, 24), date(2026, 11, 24), before)
            assert not calendar.is_workday(date(2026, 11, 24))
            raise Abandoned

    with pytest.raises(Abandoned):
        change_and_abandon()
    assert calendar.is_workday(date(2026, 11, 24))


def test_flush_brings_the_delivered_years_back() -> None:
    """The hook after a migration or a flush writes what is missing, and only that."""
    from portal.regions.apps import restore_calendar

    CalendarDay.objects.all().delete()
    CalendarYear.objects.all().delete()
    restore_calendar()
    assert calendar.add_workdays(date(2026, 2, 13), 3).date == date(2026, 2, 25)
    CalendarDay.objects.filter(date=date(2026, 2, 14)).delete()
    restore_calendar()
    assert not CalendarDay.objects.filter(date=date(2026, 2, 14)).exists()


def test_regional_days_hold_in_the_subtree(fixtures: loader.Loaded, place: Callable[[str], Region]) -> None:
    """REL-C5: 三月三 moves dates in a town of Guilin, not in Zhongshan."""
    start = date(2026, 4, 17)
    assert calendar.add_workdays(start, 2, place("450302003")).date == date(2026, 4, 23)
    assert calendar.add_workdays(start, 2, place("442000100")).date == date(2026, 4, 21)
    assert not calendar.is_workday(date(2026, 4, 20), place("450300"))
    assert calendar.workdays_between(start, date(2026, 4, 23), place("450302003")) == 1


def test_local_days_end_at_midnight_in_shanghai() -> None:
    """REL-C4: one second decides the day."""
    last = datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC)
    assert calendar.local_date(last) == date(2026, 11, 21)
    assert calendar.local_date(last + timedelta(seconds=1)) == date(2026, 11, 22)
    assert calendar.end_instant(date(2026, 11, 21)) == last + timedelta(seconds=1)
    assert calendar.start_of_day(date(2026, 11, 22)) == calendar.end_instant(date(2026, 11, 21))
    with time_machine.travel(last + timedelta(seconds=1), tick=False):
        assert calendar.today() == date(2026, 11, 22)
    with pytest.raises(ValueError, match="aware"):
        calendar.local_date(datetime(2026, 11, 21))
    with pytest.raises(TypeError):
        calendar.end_instant(datetime(2026, 11, 21))


def test_import_publishes_a_year_and_tells_the_upper_layers(changes: list[CalendarChange]) -> None:
    """H4, REL-C1: provisional dates become settled, and whoever keeps due dates hears of it."""
    assert calendar.add_workdays(date(2026, 12, 4), 20) == (date(2027, 1, 4), True)
    calendar_import.import_year(calendar_import.parse(CSV_2027), actor=SYSTEM, source_notice="示例通知")
    assert calendar.add_workdays(date(2026, 12, 4), 20) == (date(2027, 1, 4), False)
    assert not calendar.is_workday(date(2027, 2, 11))
    assert calendar.is_workday(date(2027, 2, 13))
    assert CalendarYear.objects.get(year=2027).status == "PUBLISHED"
    (change,) = changes
    assert (change.first, change.last) == (date(2026, 12, 25), date(2027, 12, 31))
    assert 2027 not in change.before.published
    assert 2027 in change.after.published


def test_second_import_replaces_the_year_and_raises_its_version() -> None:
    days = calendar_import.parse(CSV_2027)
    calendar_import.import_year(days, actor=SYSTEM)
    calendar_import.import_year(days[:-1], actor=SYSTEM)
    assert CalendarYear.objects.get(year=2027).version == 3
    assert CalendarDay.objects.filter(date__year=2027).count() == len(days) - 1


def test_preview_lists_the_days_that_change_and_writes_nothing() -> None:
    found = calendar_import.plan(calendar_import.parse(CSV_2027))
    assert (date(2027, 2, 11), True, False) in found.changes
    assert (date(2027, 2, 13), False, True) in found.changes
    assert CalendarYear.objects.get(year=2027).status == "STATUTORY_ONLY"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "date"),
        ("day,kind\n", "date"),
        ("date,kind\n2027-01-01,off\n", "完整"),
        (CSV_2027 + "2027-01-01,off,\n", "第 22 行"),
        (CSV_2027 + "2028-01-01,off,\n", "一年"),
        (CSV_2027 + "2027-13-01,off,\n", "第 22 行"),
        (CSV_2027 + "2027-03-01,holiday,\n", "第 22 行"),
        (CSV_2027 + "2027-03-01,makeup_workday,\n", "第 22 行"),
        (CSV_2027 + "2027-03-01,off,a,b\n", "第 22 行"),
        ("date,weekday_iso,kind\n2027-01-01,6,off\n", "第 2 行"),
        ("date,is_workday,kind\n2027-01-01,true,off\n", "第 2 行"),
        ('date,kind\n"2027-01-01,off\n', "CSV"),
    ],
)
def test_bad_calendar_file_is_refused_with_its_line(text: str, words: str) -> None:
    """H4: nothing is written, and the message says which line."""
    with pytest.raises(CalendarRefused, match=words):
        calendar_import.parse(text)


@pytest.mark.parametrize("content", [b"", b"  \n", b"\x00\x01\x02" * 9, b"\xff\xfe" + b"\x81" * 7, b"d" * 70_000])
def test_unreadable_calendar_file_is_refused(content: bytes) -> None:
    with pytest.raises(CalendarRefused):
        calendar_import.decode(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_calendar_file_is_read_in_both_encodings(encoding: str) -> None:
    days = calendar_import.parse(calendar_import.decode(CSV_2027.encode(encoding)))
    assert days[0].festival == "节日"


def test_regional_holiday_on_a_make_up_day_is_a_day_off_there(place: Callable[[str], Region]) -> None:
    """REL-C5: the region's day wins over the nation's make-up Saturday."""
    guilin = place("450300")
    before = calendar.current()
    RegionalHoliday.objects.create(region=guilin, date=date(2026, 10, 10), name_zh="示例", name_en="sample")
    calendar.announce_change(date(2026, 10, 10), date(2026, 10, 10), before, guilin)
    assert not calendar.is_workday(date(2026, 10, 10), guilin)
    assert calendar.is_workday(date(2026, 10, 10))
