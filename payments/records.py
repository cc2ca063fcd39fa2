"""Ties notice papers to the public paper check: one version of the paper per state it was printed in."""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils.translation import gettext as _

from payments.models import Notice, NoticeTimelineEntry
from payments.states import State
from portal.design.text import format_day
from portal.documents import records
from portal.documents.models import PaperRecord
from portal.documents.records import PaperFacts

SUBJECT_KIND = "payments.notice"

VERSION_OF_STATE = {
    State.ISSUED: 1,
    State.EXPIRED: 2,
    State.CANCELLED: 3,
    State.PAID: 4,
    State.REFUNDING: 5,
    State.REFUNDED: 6,
}
"""Later states have higher versions, so that a paper made later replaces the earlier ones."""

AFTER_REFUSAL = 10
"""A refused refund takes the notice back to paid, and its papers to a higher version than any before."""


def record_of(notice: Notice) -> PaperRecord:
    """The record of the paper as it would be printed now, made at the first printing."""
    return records.issue_record(
        kind=f"{notice.kind}_notice",
        subject_kind=SUBJECT_KIND,
        subject_id=notice.pk,
        version=_version(notice, _refusals([notice])),
    )


def _version(notice: Notice, refusals: dict[UUID, int]) -> int:
    return VERSION_OF_STATE[State(notice.state)] + AFTER_REFUSAL * refusals.get(notice.pk, 0)


def _refusals(notices: Sequence[Notice]) -> dict[UUID, int]:
    """How often a refund of each of these notices was refused; only of money that came one can be."""
    paid = [notice.pk for notice in notices if notice.paid_on]
    if not paid:
        return {}
    refused = NoticeTimelineEntry.objects.filter(subject__in=paid, transition="refuse_refund").order_by()
    return dict(refused.values_list("subject").annotate(times=Count("pk")))


def records_of(notices: Sequence[Notice]) -> dict[UUID, PaperRecord]:
    """The records of many papers by the notice's id; those not yet there are made together."""
    found: dict[UUID, PaperRecord] = {}
    refusals = _refusals(notices)
    for kind in {notice.kind for notice in notices}:
        wanted = {str(notice.pk): _version(notice, refusals) for notice in notices if notice.kind == kind}
        rows = records.issue_records(kind=f"{kind}_notice", subject_kind=SUBJECT_KIND, versions=wanted)
        found |= {UUID(subject): row for subject, row in rows.items()}
    return found


def facts_of(notice: Notice) -> PaperFacts:
    """What the public check may say: title, date, amount and state, nothing about a person (N4)."""
    return PaperFacts(title=notice.name, issued_on=notice.issued_on, amount_fen=notice.amount_fen, note=status(notice))


def read_facts(subject_id: str) -> PaperFacts | None:
    """The facts of a notice by its id, as the paper check asks for them."""
    try:
        notice = Notice.objects.filter(pk=subject_id).select_related("superseded_by").first()
    except ValidationError:
        return None
    return facts_of(notice) if notice else None


def status(notice: Notice) -> str:
    """What has become of the notice, for papers and their check; empty while it is to be paid (E11)."""
    if notice.state == State.PAID:
        return _("Paid on %(day)s. Do not pay again.") % {"day": format_day(notice.paid_on)}
    if notice.state == State.REFUNDING:
        return _("Paid on %(day)s. A refund is being decided. Do not pay again.") % {"day": format_day(notice.paid_on)}
    if notice.state == State.REFUNDED:
        return _("Paid on %(day)s and refunded. Do not pay again.") % {"day": format_day(notice.paid_on)}
    if notice.state == State.EXPIRED:
        return _("Expired. This notice can no longer be paid.")
    if notice.state == State.CANCELLED and notice.superseded_by:
        number = notice.superseded_by.grouped_number
        return _("Replaced by notice %(number)s. Do not pay this one.") % {"number": number}
    if notice.state == State.CANCELLED:
        return _("Cancelled. Do not pay.")
    return ""
