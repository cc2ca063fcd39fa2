"""The slip a resident gets for cash an agent took: not a receipt, and it says so."""

from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from payments import paper_parts
from payments.models import HeldCash, HeldCashEnd
from portal.design.text import format_day, format_moment, format_yuan
from portal.documents import records
from portal.documents.papers import Paper, PaperCode, PaperField
from portal.regions import calendar

KIND, SUBJECT = "held_cash_slip", "payments.held_cash"
TITLE = gettext_lazy("Slip for cash taken by the village committee")


def slip(held: HeldCash, language: str | None = None) -> Paper:
    """The slip as things stand: held, booked, or given back."""
    notice = held.notice
    with paper_parts.paper_language(language) as chosen:
        facts = facts_of(held)
        record = records.issue_record(kind=KIND, subject_kind=SUBJECT, subject_id=held.pk, version=_version(held))
        address = records.check_address(record, facts)
        return Paper(
            kind=KIND,
            title=str(TITLE),
            number=held.grouped_number,
            issued_on=held.taken_on,
            language=chosen,
            office=held.office.name if held.office else "",
            status=str(facts.note),
            parties=[
                PaperField(_("Payer"), notice.payer_name, "payer"),
                PaperField(_("Taken by"), held.taken_by.display_name, "taken_by"),
                PaperField(_("Notice number"), notice.grouped_number, "notice"),
                PaperField(_("Taken"), format_moment(held.taken_at), "taken"),
            ],
            fields=[
                PaperField(_("Amount"), format_yuan(held.amount_fen), "amount", strong=True),
                PaperField(_("In capitals"), held.amount_capital, "amount_capital"),
                PaperField(_("To be remitted by"), format_day(held.remit_by), "remit_by", strong=True),
            ],
            paragraphs=[
                _(
                    "This slip is no receipt. The premium counts as paid on the day of this slip once the cashier has"
                    " counted the money; then you get a message, and the receipt is in the portal."
                ),
                _("No message after the day named above? Ask the cashier of the township centre, or call the hotline."),
            ],
            signatures=[
                f"{words}{pgettext('paper', ': ')}".rstrip()
                for words in (_("Agent (signature)"), _("Payer (signature)"))
            ],
            codes=[PaperCode("qr", address, "{}\n{}".format(_("Check this paper"), records.caption_code(record.code)))],
            footer=[_("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())}],
        )


def state_words(held: HeldCash) -> str:
    """What has become of the money, in one sentence."""
    end = HeldCashEnd.objects.filter(held=held).first()
    if end is None:
        return _("Held by the village committee, not booked yet.")
    if end.how == HeldCashEnd.How.RETURNED:
        return _("Given back on %(day)s. Nothing was paid.") % {"day": format_day(calendar.local_date(end.at))}
    return _("Counted by the cashier on %(day)s.") % {"day": format_day(calendar.local_date(end.at))}


def facts_of(held: HeldCash) -> records.PaperFacts:
    """What the public check may say: kind, day, sum and state, nobody's name (N4)."""
    is_returned = HeldCashEnd.objects.filter(held=held, how=HeldCashEnd.How.RETURNED).exists()
    return records.PaperFacts(
        title=TITLE,
        issued_on=held.taken_on,
        amount_fen=held.amount_fen,
        note=state_words(held),
        outcome="void" if is_returned else "",
    )


def read_facts(subject_id: str) -> records.PaperFacts | None:
    """The facts of a slip by the subject of its record."""
    try:
        held = HeldCash.objects.filter(pk=UUID(subject_id)).first()
    except ValueError:
        return None
    return facts_of(held) if held else None


def _version(held: HeldCash) -> int:
    return 2 if HeldCashEnd.objects.filter(held=held).exists() else 1
