"""The parts both kinds of notice paper share: status, amounts, ways to pay, codes, slip and footer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from payments import records
from payments.models import Notice
from payments.places import ways_to_pay
from payments.states import State
from portal.design.text import format_day, format_moment, format_yuan
from portal.documents.models import PaperRecord
from portal.documents.papers import PaperCode, PaperField, Slip
from portal.documents.records import caption_code, check_address
from portal.people.names import mask_name


@contextmanager
def paper_language(language: str | None) -> Iterator[str]:
    """Makes the paper's texts in `language`, or in the active one."""
    chosen = language or translation.get_language() or "zh-hans"
    with translation.override(chosen):
        yield chosen


def amount_fields(notice: Notice) -> list[PaperField]:
    """The total in figures, the last day to pay, and the total in capitals, which may be long."""
    return [
        PaperField(_("Amount to pay"), format_yuan(notice.amount_fen), "amount", strong=True),
        PaperField(_("Pay by"), format_day(notice.due_on), "due_on", strong=True, usual="年月日"),
        PaperField(
            _("In capitals"), notice.amount_capital, "amount_capital", wide=True, strong=True, usual="人民币佰元整"
        ),
    ]


@dataclass(frozen=True, slots=True)
class Printing:
    """What is read from the database for one printing of a notice: the paper's record, the place, and where to pay."""

    record: PaperRecord
    region: str
    ways: list[str]


def printing_of(notice: Notice) -> Printing:
    """What one notice needs for its paper."""
    return Printing(records.record_of(notice), notice.region.full_name, ways(notice))


def printings_of(notices: Sequence[Notice]) -> list[Printing]:
    """The same for many notices: records in a few queries, places once for each village and policy."""
    found = records.records_of(notices)
    known: dict[tuple[object, ...], list[str]] = {}
    places: dict[int, str] = {}
    printings = []
    for notice in notices:
        key = (notice.region_id, notice.policy_id, notice.kind, notice.state == State.ISSUED)
        if key not in known:
            known[key] = ways(notice)
        if notice.region_id not in places:
            places[notice.region_id] = notice.region.full_name
        printings.append(Printing(found[notice.pk], places[notice.region_id], known[key]))
    return printings


def ways(notice: Notice) -> list[str]:
    """Every way to pay with the nearest place, one line each, beside the code so that the slip fits on the page.

    None once there is nothing more to pay.
    """
    if notice.state != State.ISSUED:
        return []
    return [_("%(way)s: %(place)s") % {"way": way.name, "place": way.where} for way in ways_to_pay(notice, places=1)]


def codes(notice: Notice, record: PaperRecord) -> list[PaperCode]:
    """The check address as QR; the bars of the pay code stand on the slip that stays at the counter."""
    address = check_address(record, records.facts_of(notice))
    return [PaperCode("qr", address, "{}\n{}".format(_("Check this paper"), caption_code(record.code)))]


def slip(notice: Notice) -> Slip | None:
    """The strip that stays at the counter; none once there is nothing more to pay."""
    if notice.state != State.ISSUED:
        return None
    return Slip(
        title=_("For the counter"),
        fields=[
            PaperField(_("Notice number"), notice.grouped_number, "slip_number"),
            PaperField(_("Pay code"), notice.grouped_pay_code, "slip_pay_code"),
            PaperField(_("Payer"), mask_name(notice.payer_name), "slip_payer"),
            PaperField(_("Amount to pay"), format_yuan(notice.amount_fen), "slip_amount", strong=True),
        ],
        codes=[PaperCode("code128", notice.pay_code, notice.grouped_pay_code)],
        note=_("Teller: type or scan the number. The check digits refuse a mistyped one."),
    )


def closing(notice: Notice) -> list[str]:
    """Who can be asked, and when this was printed."""
    hotline = notice.policy.policy.setting("hotline", "12393")
    questions = _("Questions: call %(hotline)s.") % {"hotline": hotline}
    printed = _("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())}
    return [f"{questions} {printed}"]
