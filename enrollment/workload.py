"""How much work an office or a county has: what came and went each day, and how old what is open has become (UX-C2).

Every day's number of open cases follows from the timeline: today's, less what came, plus what went, day by day back.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from enrollment import queueing, undoing
from enrollment.models import ApplicationTimelineEntry
from enrollment.states import State
from payments.finance import Figure, Series
from portal.design.text import format_day
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions.calendar import SHANGHAI
from portal.regions.models import Region

DAYS = 30
OPEN = (State.SUBMITTED, State.UNDER_REVIEW, State.CORRECTION_REQUIRED, State.ESCALATED)
"""States of a case that nobody has decided yet."""

DECIDED = {name for name in undoing.DECISIONS if not name.endswith("ask_correction")} | {"deem_approved"}
TAKEN_BACK = ("reopen", "county_reopen")

AGES: tuple[tuple[int | None, int | None], ...] = ((None, -4), (-3, -1), (0, 1), (2, 3), (4, None))
"""Working days left, the present day counted: from and to."""


def figures(actor: Actor, today: date | None = None) -> list[Figure]:
    """What the actor's queue looks like on a local date: one plot per day, one by time left."""
    on = today or calendar.today()
    return [per_day(actor, on), ageing(actor, on)]


def per_day(actor: Actor, on: date) -> Figure:
    """Received, decided and still open at the end of each of the last thirty days."""
    days = [on - timedelta(days=step) for step in reversed(range(DAYS))]
    received, decided, change = _moves(actor, days[0])
    # What is open now, less what came after the day and plus what went after it.
    still = sum(rows.count() for rows in _open_rows(actor)) - sum(change[day] for day in change if day > on)
    left: dict[date, int] = {}
    for day in reversed(days):
        left[day] = max(0, still)
        still -= change[day]
    columns = (
        (pgettext("workload", "Received"), received),
        (pgettext("workload", "Decided"), decided),
        (_("Open at the end of the day"), left),
    )
    return Figure(
        code="per-day",
        title=_("Received, decided and open on each day"),
        labels=[f"{day.month}-{day.day}" for day in days],
        series=[Series(name, [values.get(day, 0) for day in days]) for name, values in columns],
        head=[_("Day"), *(name for name, _values in columns)],
        rows=[
            [format_day(day), *(str(values.get(day, 0)) for _name, values in columns)]
            for day in reversed(days)
            if any(values.get(day) for _name, values in columns)
        ],
        stacked=True,
    )


def _moves(actor: Actor, first: date) -> tuple[Counter[date], Counter[date], Counter[date]]:
    """What came in, what was decided, and by how much the number of open cases rose, per local day since the first.

    A decision that was taken back counts as neither.
    """
    since = calendar.start_of_day(first)
    # A case that has not changed its state since then has no move to count.
    moved = queueing.rows_of(actor).filter(state_since__gte=since).order_by().values("pk")
    rows = (
        ApplicationTimelineEntry.objects.filter(subject__in=moved, at__gte=since)
        .order_by()
        .annotate(day=TruncDate("at", tzinfo=SHANGHAI))
        .values_list("day", "transition", "source", "target")
        .annotate(number=Count("pk"))
    )
    received: Counter[date] = Counter()
    decided: Counter[date] = Counter()
    change: Counter[date] = Counter()
    for day, transition, source, target, number in rows:
        came, went = source not in OPEN and target in OPEN, source in OPEN and target not in OPEN
        change[day] += number * (came - went)
        if transition in TAKEN_BACK:
            decided[day] -= number if came else 0
        elif came:
            received[day] += number
        elif transition in DECIDED:
            decided[day] += number
    return received, decided, change


def _open_rows(actor: Actor) -> list[Any]:
    rows = queueing.rows_of(actor).order_by()
    return [rows.filter(state=state) for state in OPEN]


def ageing(actor: Actor, on: date) -> Figure:
    """Cases that wait for a decision by the working days that are left, and those that wait for the resident."""
    counts = [0] * len(AGES)
    rows = queueing.rows_of(actor).order_by()
    place = Region.objects.filter(code=actor.region_code).first()
    for state in (State.UNDER_REVIEW, State.ESCALATED):
        for due_at, number in rows.filter(state=state).values_list("due_at").annotate(number=Count("pk")):
            left = queueing.days_left(calendar.local_date(due_at - timedelta(microseconds=1)), on, place)
            counts[_place_of(left)] += number
    waiting = rows.filter(state=State.CORRECTION_REQUIRED).count()
    labels = [
        _("More than 3 working days over"),
        _("1 to 3 working days over"),
        _("At most 1 working day left"),
        _("2 or 3 working days left"),
        _("More than 3 working days left"),
        _("Waiting for the resident"),
    ]
    short = [
        pgettext("axis", "over 3 late"),
        pgettext("axis", "1–3 late"),
        pgettext("axis", "0–1 left"),
        pgettext("axis", "2–3 left"),
        pgettext("axis", "over 3 left"),
        pgettext("axis", "resident"),
    ]
    numbers = [*counts, waiting]
    cases = pgettext("workload", "Applications")
    return Figure(
        code="ageing",
        title=_("Open applications by working days left"),
        labels=short,
        series=[Series(cases, numbers)],
        head=[_("Time left"), cases],
        rows=[[label, str(number)] for label, number in zip(labels, numbers, strict=True)],
    )


def _place_of(left: int) -> int:
    return next(
        place
        for place, (low, high) in enumerate(AGES)
        if (low is None or left >= low) and (high is None or left <= high)
    )
