"""The clerk's queue: its parts, the filters that live in the address, the next case, and the search box.

Everything is read through sets of rows that an index serves (office, state, date, key), so that a page costs the same
at any depth and among any number of applications.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from enrollment import leases
from enrollment.codes import Status
from enrollment.models import Application, ApplicationQuerySet, CaseLease
from enrollment.states import State
from portal.design.paging import (
    COUNTED_UP_TO,
    PAGE_SIZE,
    Order,
    capped_count,
    capped_counts,
    count_words,
    first_rows,
)
from portal.people.actors import Actor, Role
from portal.people.identity import birthday
from portal.people.models import StaffGrant
from portal.people.services import related_ids
from portal.prepared import PreparedRows
from portal.regions import calendar
from portal.regions.models import Region

TABS = {
    "decide": (gettext_lazy("To decide"), (State.UNDER_REVIEW,)),
    "escalated": (gettext_lazy("Escalated"), (State.ESCALATED,)),
    "waiting": (gettext_lazy("Waiting for the resident"), (State.CORRECTION_REQUIRED, State.AWAITING_PAYMENT)),
    "moving": (gettext_lazy("With the portal"), (State.SUBMITTED, State.APPROVED)),
    "closed": (gettext_lazy("Closed"), (State.ENROLLED, State.REJECTED, State.WITHDRAWN, State.LAPSED)),
}
BY_DUE = ("decide", "escalated")
DUE, SINCE = Order("due_at"), Order("state_since", forward=False)
NEAR_WORKDAYS = 2
READ = ("version", "due_at")
"""What the list of a queue reads of a case beside its place in the order; the rest is read when a row is drawn."""

AGES = {
    "child": gettext_lazy("Under 18"),
    "adult": gettext_lazy("18 to 59"),
    "senior": gettext_lazy("60 and over"),
}
DEADLINES = {
    "over": gettext_lazy("Only overdue"),
    "today": gettext_lazy("Due today or overdue"),
    "near": gettext_lazy("Due within 2 working days or overdue"),
}
RETURNED = {
    "yes": gettext_lazy("Came back from a correction"),
    "no": pgettext_lazy("queue", "First review"),
}
ENTERED_BY = {
    "self": gettext_lazy("The applicant"),
    "staff": gettext_lazy("An office"),
    "committee": gettext_lazy("A committee agent"),
}
CHOICES: dict[str, dict[str, Any]] = {
    "age": AGES,
    "category": {value: label for value, label in Status.choices if value != Status.NONE},
    "deadline": DEADLINES,
    "returned": RETURNED,
    "by": ENTERED_BY,
}
NAMES = ("tab", "region", *CHOICES)


@dataclass(frozen=True)
class Filter:
    """One view of the queue; empty texts filter nothing."""

    tab: str
    region: str = ""
    age: str = ""
    category: str = ""
    deadline: str = ""
    returned: str = ""
    by: str = ""

    @property
    def by_due(self) -> bool:
        return self.tab in BY_DUE

    @property
    def order(self) -> Order:
        return DUE if self.by_due else SINCE

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address, in a fixed order."""
        return {name: value for name in NAMES if (value := getattr(self, name))}

    @property
    def address(self) -> str:
        return urlencode(self.query)

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything of its tab out."""
        return len(self.query) > 1


class Short(NamedTuple):
    """A case as the list of a queue reads it; the rest is read when its row is drawn."""

    pk: UUID
    state_since: datetime
    version: int
    due_at: datetime | None
    lease_holder: int | None
    lease_until: datetime | None
    lease_name: str | None


def default_tab(actor: Actor) -> str:
    """The county reviewer begins with what was handed up, a clerk with what is to be decided."""
    return "escalated" if actor.role == Role.COUNTY_REVIEWER else "decide"


def read(data: QueryDict | dict[str, str], actor: Actor) -> Filter:
    """The filter in an address; what it does not know filters nothing."""
    tab = data.get("tab", "")
    found = Filter(tab if tab in TABS else default_tab(actor))
    region = data.get("region", "")
    values = {name: value for name in CHOICES if (value := data.get(name, "")) in CHOICES[name]}
    if data.get("late") == "1":  # the address of earlier bookmarks
        values["deadline"] = "over"
    if not found.by_due:
        values.pop("deadline", None)
    return replace(
        found, region=region if region.isascii() and region.isdigit() and len(region) <= 12 else "", **values
    )


def rows_of(actor: Actor) -> ApplicationQuerySet:
    """The rows of the queue: a clerk's own office, everybody else what they see.

    The office's part of `visible_to` is named alone: joined by OR to what the clerk entered for other offices, the
    database could not read the queue in the order of its index.
    """
    if actor.role != Role.CLERK or actor.office_id is None:
        return Application.objects.visible_to(actor)
    return _of_office(actor.office_id)


def _of_office(office_id: int) -> ApplicationQuerySet:
    return Application.objects.filter(office_id=office_id).exclude(state=State.DRAFT)


def with_lease(rows: ApplicationQuerySet) -> ApplicationQuerySet:
    """The rows with who has each open, and until when."""
    return rows.annotate(
        lease_holder=F("lease__holder"), lease_until=F("lease__until"), lease_name=F("lease__holder__display_name")
    )


def beginning(actor: Actor, view: Filter) -> Callable[[], list[Short]] | None:
    """How the first page of a whole part of a clerk's own office is read; None for every other view."""
    office_id = actor.office_id
    if actor.role != Role.CLERK or office_id is None or view.is_narrow:
        return None
    prepared = _BEGINNINGS[view.tab]

    def rows() -> list[Short]:
        found = [Short(*row) for one in prepared for row in one(office_id)]
        if len(prepared) > 1:
            order = view.order
            found.sort(key=lambda row: (getattr(row, order.column), row.pk), reverse=not order.forward)
        return found[: PAGE_SIZE + 1]

    return rows


def _beginning(state: State, order: Order) -> PreparedRows:
    columns = ("pk", "state_since", *READ, "lease__holder", "lease__until", "lease__holder__display_name")

    def build(office_id: int) -> QuerySet[Application, tuple[Any, ...]]:
        return _of_office(office_id).filter(state=state).order_by(*order.by).values_list(*columns)[: PAGE_SIZE + 1]

    return PreparedRows(build, int)


def chosen(actor: Actor, view: Filter) -> list[ApplicationQuerySet]:
    """The rows of a view, a set per state, each in the reach of an index."""
    narrowed = rows_of(actor).filter(_condition(view))
    return [narrowed.filter(state=state) for state in TABS[view.tab][1]]


def _condition(view: Filter) -> Q:
    found = Q()
    if view.region:
        path = Region.objects.filter(code=view.region).values_list("path", flat=True).first()
        found &= Q(region__path__startswith=path) if path else Q(pk__in=[])
    if view.age:
        found &= _age(view.age)
    if view.category:
        found &= Q(category=view.category)
    if view.deadline:
        found &= Q(due_at__lte=due_before(view.deadline))
    if view.returned:
        found &= Q(correction_round__gt=0) if view.returned == "yes" else Q(correction_round=0)
    if view.by == "self":
        found &= Q(helper__isnull=True)
    elif view.by:
        agent = Exists(StaffGrant.objects.filter(user=OuterRef("helper"), role=Role.COMMITTEE_AGENT))
        found &= Q(helper__isnull=False) & (Q(agent) if view.by == "committee" else ~Q(agent))
    return found


def _age(group: str) -> Q:
    today = calendar.today()
    of_age, old = birthday(today, -18), birthday(today, -60)
    born = "beneficiary__birth_date"
    return {
        "child": Q(**{f"{born}__gt": of_age}),
        "adult": Q(**{f"{born}__lte": of_age, f"{born}__gt": old}),
        "senior": Q(**{f"{born}__lte": old}),
    }[group]


def due_before(deadline: str) -> datetime:
    """The last instant of a due date that falls under a choice of the deadline filter."""
    if deadline == "over":
        return timezone.now()
    today = calendar.today()
    last = today if deadline == "today" else calendar.add_workdays(today, NEAR_WORKDAYS).date
    return calendar.end_instant(last)


def tabs(actor: Actor, current: str) -> list[dict[str, Any]]:
    """The parts of the queue with the number of their rows, counted to a hundred."""
    if actor.role == Role.CLERK and actor.office_id is not None:
        counts = capped_counts("queue of an office", _parts_of_office, actor.office_id)
    else:
        key = ("queue", actor.role, actor.user_id, actor.office_id, actor.region_path, actor.resident_id)
        counts = capped_counts(key, lambda: {code: chosen(actor, Filter(code)) for code in TABS})
    return [
        {"label": label, "url": f"?tab={code}", "current": code == current, "count": count_words(counts[code])}
        for code, (label, _states) in TABS.items()
    ]


def _parts_of_office(office_id: int) -> dict[str, Sequence[ApplicationQuerySet]]:
    rows = _of_office(office_id)
    return {code: [rows.filter(state=state) for state in states] for code, (_label, states) in TABS.items()}


def reminder(rows: Sequence[Any], view: Filter) -> str:
    """What the desk is reminded of every day: how many of the first rows of a queue are due today or overdue (B9).

    The nearest due date stands first, so that the rows of the first page are enough; empty where nothing presses.
    """
    if not view.by_due or view.deadline:
        return ""
    end = due_before("today")
    count = sum(row.due_at is not None and row.due_at <= end for row in rows)
    if not count:
        return ""
    number = f"{count}+" if count >= PAGE_SIZE else str(count)
    return ngettext(
        "Reminder: %(number)s case is due today or overdue.",
        "Reminder: %(number)s cases are due today or overdue.",
        count,
    ) % {"number": number}


def arrived_since(actor: Actor, view: Filter, since: datetime) -> int:
    """How many rows came into a view after an instant, counted to a hundred (UX-C15)."""
    return capped_count(rows.filter(state_since__gt=since) for rows in chosen(actor, view))


def arrived_words(count: int) -> str:
    """ "3 new — refresh"."""
    if count > COUNTED_UP_TO:
        count = COUNTED_UP_TO
    return ngettext("%(count)d new – refresh", "%(count)d new – refresh", count) % {"count": count}


def next_case(actor: Actor, view: Filter, behind: Application | None = None) -> Application | None:
    """The case of a view that comes after another one, else its first.

    What a colleague has open is left out, and so are the actor's own case and those of the household (N19).
    """
    busy = CaseLease.objects.filter(application=OuterRef("pk"), until__gt=timezone.now()).exclude(holder=actor.user_id)
    free = [rows.filter(~Exists(busy)) for rows in chosen(actor, view)]
    if actor.resident_id is not None:
        own = related_ids(actor.resident_id)
        free = [rows.exclude(resident__in=own).exclude(beneficiary__in=own) for rows in free]
    if behind is not None:
        free = [rows.exclude(pk=behind.pk) for rows in free]
        value = getattr(behind, view.order.column)
        if value is not None and (found := first_rows(free, view.order, (value, behind.pk), 1)):
            return found[0]
    return next(iter(first_rows(free, view.order, None, 1)), None)


def claim_next(actor: Actor, view: Filter, behind: Application | None = None) -> Application | None:
    """The next case of a view with the actor's lease on it: of clerks who ask at once each gets another (REL-R11)."""
    while (found := next_case(actor, view, behind)) is not None:
        lease = leases.open_case(found, actor)
        # A lease that ran out today stands until somebody takes the case over, which its page offers.
        if lease is None or not lease.is_live(timezone.now()):
            break
    return found


def region_choices(actor: Actor, view: Filter) -> list[tuple[str, str]]:
    """The places below the actor's own one, to narrow the queue by."""
    below = Region.objects.within_path(actor.region_path).order_by("code")
    found = [(region.code, region.name) for region in below.exclude(code=actor.region_code)[:200]]
    return found


_BEGINNINGS = {
    code: [_beginning(state, DUE if code in BY_DUE else SINCE) for state in states]
    for code, (_label, states) in TABS.items()
}


def working_days_left(application: Application, today: Any) -> int | None:
    """Working days until the last day of the deadline; below zero the days it is over."""
    last = application.last_day
    return None if last is None else days_left(last, today, application.region)


def days_left(last: date, today: date, region: Region | None) -> int:
    """Working days from a day until a last day, both counted; below zero the days it is over, at least one."""
    if last >= today:
        return calendar.workdays_between(today, last + timedelta(days=1), region)
    return -max(1, calendar.workdays_between(last, today + timedelta(days=1), region))
