"""Which offices may take an application, what each promises, and which one answers when none was chosen (A6, A7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from enrollment.codes import REVIEW_OFFICE_KINDS, PaymentOrder
from enrollment.models import Application
from enrollment.states import State
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, OfficeQuerySet, Region
from portal.regions.policy_values import Policy


@dataclass(frozen=True)
class OfficeChoices:
    """Offices to choose from, with a label that says what each promises."""

    queryset: OfficeQuerySet
    labels: dict[int, str]


def kinds(policy: Policy) -> Sequence[str]:
    """The kinds of office through which a region registers people, in the order of preference."""
    return policy.setting("enrollment.offices", REVIEW_OFFICE_KINDS)


def review_days(policy: Policy, kind: str) -> int:
    """Working days within which a kind of office decides; 0 is on the spot (S1-01, S1-02)."""
    return policy.days(f"review.{kind}")


def promise(policy: Policy, kind: str) -> str:
    """The promise of a kind of office in words."""
    days = review_days(policy, kind)
    if days == 0:
        return _("decides on the spot")
    return ngettext("decides within %(days)d working day", "decides within %(days)d working days", days) % {
        "days": days
    }


def expected_on(application: Application) -> date | None:
    """The day by which a submitted application is decided; None while its review has to wait for the payment.

    Raises LookupError for a draft.
    """
    if application.policy is None or application.submitted_on is None:
        raise LookupError(f"application {application.pk} is not submitted")
    pays_first = application.payment_order == PaymentOrder.PAY_FIRST and not application.nothing_payable
    if pays_first and application.paid_on is None:
        return None
    days = review_days(application.policy.policy, application.office_kind)
    begins = application.paid_on if pays_first and application.paid_on else application.submitted_on
    return calendar.add_workdays(begins, days, application.region).date


def serving(region: Region, policy: Policy) -> list[Office]:
    """The offices that register people of a region, the nearest of each kind."""
    found: dict[str, Office] = {}
    order = list(kinds(policy))
    for office in Office.objects.serving(region, order):
        found.setdefault(office.kind, office)
    return sorted(found.values(), key=lambda office: order.index(office.kind))


def choices_for(application: Application) -> OfficeChoices:
    """What a resident may choose from."""
    policy = policies.for_region(application.region)
    offices = serving(application.region, policy)
    labels = {
        office.pk: _("%(name)s — %(promise)s") % {"name": office.name, "promise": promise(policy, office.kind)}
        for office in offices
    }
    return OfficeChoices(Office.objects.filter(pk__in=labels).order_by("code"), labels)


def in_charge(application: Application) -> Office | None:
    """Who has the application now: the office it was sent to, the county centre once it was handed up (F1)."""
    if application.state == State.ESCALATED:
        return fallback(application.region) or application.office
    return application.office


def fallback(region: Region) -> Office | None:
    """The county centre answers where no office was chosen."""
    return Office.objects.responsible_for(region, "county_centre")
