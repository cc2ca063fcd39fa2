"""Figures for those who answer for the money of an area: what came in, how far the collection is, what is getting old.

Every plot has its table, and numbers below five people are not shown per area, in plots, tables and files alike.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from payments.channels import channel_names
from payments.models import Notice, Payment, PaymentException
from payments.states import State
from portal.design.text import format_day, format_yuan
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions.models import Region

FEW = 5
DAYS = 30
SUPPRESSED = "<5"


@dataclass(frozen=True)
class Series:
    """One colour of a plot with a value per place on the axis; None where the number is too small to be shown."""

    name: str
    values: Sequence[int | None]


@dataclass(frozen=True)
class Figure:
    """A plot and the table behind it; `money` values are fen, `stacked` ones stand on top of each other."""

    code: str
    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    head: Sequence[str]
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    money: bool = False
    stacked: bool = False

    @property
    def is_empty(self) -> bool:
        return not any(value for series in self.series for value in series.values)


def figures(region: Region, actor: Actor, today: date | None = None) -> list[Figure]:
    """The figures of the area on a local date."""
    on = today or calendar.today()
    return [paid_per_day(region, on), funnel(region), ageing(region, on), waiting_ageing(actor, on)]


def paid_per_day(region: Region, on: date) -> Figure:
    """Money that settled notices, by the day it was paid on and by channel, over the last thirty days."""
    first = on - timedelta(days=DAYS - 1)
    here = Region.objects.within_path(region.path)
    rows = (
        Payment.objects.filter(source=None, outcome="settled", region__in=here, paid_on__range=(first, on))
        .order_by()
        .values_list("paid_on", "channel")
        .annotate(count=Count("pk"), total=Sum("amount_fen"))
    )
    found = {(day, channel): (count, int(total)) for day, channel, count, total in rows}
    names = channel_names(region)
    days = [first + timedelta(days=step) for step in range(DAYS)]
    channels = sorted({channel for _day, channel in found})

    def shown(day: date, channel: str) -> int | None:
        count, total = found.get((day, channel), (0, 0))
        return total if count == 0 or count >= FEW else None

    table = []
    for day, channel in sorted(found, reverse=True):
        count, total = found[day, channel]
        few = count < FEW
        name = names.get(channel, channel)
        table.append([format_day(day), name, _count(count), SUPPRESSED_MONEY if few else format_yuan(total)])
    return Figure(
        code="paid",
        title=_("Paid per day and channel"),
        labels=[f"{day.month}-{day.day}" for day in days],
        series=[Series(names.get(one, one), [shown(day, one) for day in days]) for one in channels],
        head=[_("Day"), _("Channel"), _("Payments"), _("Sum")],
        rows=table,
        money=True,
    )


SUPPRESSED_MONEY = "–"


def funnel(region: Region) -> Figure:
    """How far the collection is in each county: notices issued, paid, still open, expired."""
    here = Region.objects.within_path(region.path)
    own = Notice.objects.filter(region__in=here, members=None).exclude(state=State.CANCELLED)
    rows = (
        own.order_by()
        .values_list("region__path")
        .annotate(
            issued=Count("pk"),
            paid=Count("pk", filter=Q(state__in=[State.PAID, State.REFUNDING])),
            unpaid=Count("pk", filter=Q(state=State.ISSUED)),
            expired=Count("pk", filter=Q(state=State.EXPIRED)),
        )
    )
    counties: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for path, *counts in rows:
        code = [part for part in path.split("/") if part][:3][-1]
        counties[code] = [before + now for before, now in zip(counties[code], counts, strict=True)]
    names = {place.code: place.name for place in Region.objects.filter(code__in=counties)}
    codes = sorted(counties)
    issued, paid, expired = (pgettext("notices", "Issued"), pgettext("notices", "Paid"), pgettext("notices", "Expired"))
    steps = [issued, paid, _("To be paid"), expired]
    return Figure(
        code="funnel",
        title=_("Collection by county"),
        labels=[names.get(code, code) for code in codes],
        series=[Series(step, [_few(counties[code][place]) for code in codes]) for place, step in enumerate(steps)],
        head=[_("County"), *steps],
        rows=[[names.get(code, code), *(_count(number) for number in counties[code])] for code in codes],
    )


AGES = ((None, -8), (-7, -1), (0, 0), (1, 7), (8, None))


def ageing(region: Region, on: date) -> Figure:
    """Unpaid notices by how far away their pay-by date is, or how long ago it was."""
    here = Region.objects.within_path(region.path)
    unpaid = Notice.objects.filter(region__in=here, state=State.ISSUED, members=None)
    counts = [0] * len(AGES)
    for due_on, count in unpaid.order_by().values_list("due_on").annotate(count=Count("pk")):
        counts[_bucket((on - due_on).days, AGES)] += count
    labels = [
        _("More than 7 days left"),
        _("1 to 7 days left"),
        _("Due today"),
        _("1 to 7 days over"),
        _("More than 7 days over"),
    ]
    return _one_series("ageing", _("Unpaid notices by pay-by date"), labels, counts, _("Notices"))


WAITS = ((0, 3), (4, 10), (11, 30), (31, None))


def waiting_ageing(actor: Actor, on: date) -> Figure:
    """Money at the exceptions desk by how long it waits."""
    counts = [0] * len(WAITS)
    for opened_at in PaymentException.objects.within(actor).waiting().values_list("opened_at", flat=True):
        counts[_bucket(max(0, (on - calendar.local_date(opened_at)).days), WAITS)] += 1
    labels = [_("Up to 3 days"), _("4 to 10 days"), _("11 to 30 days"), _("More than 30 days")]
    return _one_series("waiting", _("Money at the exceptions desk"), labels, counts, _("Payments"))


def _one_series(code: str, title: str, labels: Sequence[str], counts: Sequence[int], what: str) -> Figure:
    return Figure(
        code=code,
        title=title,
        labels=labels,
        series=[Series(what, [_few(count) for count in counts])],
        head=[_("Age"), what],
        rows=[[label, _count(count)] for label, count in zip(labels, counts, strict=True)],
    )


def _bucket(days: int, bounds: Sequence[tuple[int | None, int | None]]) -> int:
    return next(
        place
        for place, (low, high) in enumerate(bounds)
        if (low is None or days >= low) and (high is None or days <= high)
    )


def _few(count: int) -> int | None:
    return None if 0 < count < FEW else count


def _count(count: int) -> str:
    return SUPPRESSED if 0 < count < FEW else str(count)
