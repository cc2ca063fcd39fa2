"""The paper of a receipt as web print, PDF and Word: a fiscal receipt for non-tax revenue, or a premium receipt."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from payments import kinds, paper_parts, receipts
from payments.models import Kind, Line, Notice, Receipt, ReceiptPrint
from portal.crypto import keyed_digest
from portal.design.text import format_day, format_moment, format_yuan
from portal.documents.papers import Paper, PaperCode, PaperField, PaperTable
from portal.documents.records import PaperFacts, caption_code, check_address
from portal.regions.text import both, pick

TITLES = {
    Kind.NONTAX: both("非税收入统一票据", "Unified Receipt of Non-tax Revenue"),
    Kind.PREMIUM: both("社会保险费缴费收据", "Receipt of Social Insurance Premium"),
}
CHECK_CHARACTERS = 6


def title(receipt: Receipt) -> str:
    """The title of the receipt in its region and the active language."""
    policy = receipt.notice.policy.policy
    return pick(policy.setting(f"receipt.{receipt.kind}.title", TITLES[Kind(receipt.kind)]))


def check_code(receipt: Receipt) -> str:
    """Six characters that tie code, number and amount of the receipt together, as checking pages ask for."""
    tied = f"{receipt.code}:{receipt.number}:{receipt.signed_fen}"
    return keyed_digest(tied.encode(), purpose="payments.receipt_check")[:CHECK_CHARACTERS].upper()


def status(receipt: Receipt, printing: ReceiptPrint | None = None) -> str:
    """What a reader must know first: void, reversed, a reversal, or a copy; empty on an original that stands."""
    if receipt.reverses:
        return _("Reversal of receipt %(number)s.") % {"number": receipt.reverses}
    if receipt.is_void:
        return _("Void. Another receipt has taken the place of this one.")
    if receipt.is_reversed:
        return _("Reversed by receipt %(number)s. The money was paid back.") % {"number": receipt.reversal}
    if printing is not None and printing.number > 1:
        return _("Copy no. %(number)d of the receipt.") % {"number": printing.number - 1}
    return ""


def paper(receipt: Receipt, printing: ReceiptPrint | None = None, language: str | None = None) -> Paper:
    """The receipt as it stands now; every printing after the first is marked as a copy (E9)."""
    notice = receipt.notice
    with paper_parts.paper_language(language) as chosen:
        payee = kinds.MODULES[receipt.kind].payee(notice.policy.policy)
        return Paper(
            kind=f"{receipt.kind}_receipt",
            title=title(receipt),
            number=str(receipt),
            issued_on=receipt.issued_on,
            language=chosen,
            office=payee,
            status=status(receipt, printing),
            parties=[
                PaperField(_("Receipt code"), receipt.code, "receipt_code"),
                PaperField(_("Receipt number"), receipt.number, "receipt_number"),
                PaperField(_("Check code"), check_code(receipt), "check_code"),
                PaperField(_("Payer"), notice.payer_name, "payer"),
                PaperField(_("Identity number"), notice.payer_number, "payer_number"),
                PaperField(_("Payee"), payee, "payee"),
            ],
            fields=[
                PaperField(_("Amount"), format_yuan(receipt.signed_fen), "amount", strong=True),
                PaperField(_("In capitals"), _capitals(receipt), "amount_capital", strong=True),
                PaperField(_("Paid on"), format_day(receipt.payment.paid_on), "paid_on"),
                PaperField(_("Channel"), receipt.payment.channel_name, "channel"),
                PaperField(_("Notice number"), notice.grouped_number, "notice_number"),
                PaperField(_("Pay code"), notice.grouped_pay_code, "pay_code"),
            ],
            tables=[_items(receipt, notice)],
            codes=_codes(receipt),
            signatures=[_("Charging unit: %(unit)s") % {"unit": payee}],
            footer=[_("Issued by the portal at %(moment)s.") % {"moment": format_moment(receipt.issued_at)}],
        )


def facts_of(receipt: Receipt) -> PaperFacts:
    """What the public check may say: title, date, amount and whether it stands; nothing about a person (N4)."""
    return PaperFacts(
        title=title(receipt), issued_on=receipt.issued_on, amount_fen=receipt.signed_fen, note=status(receipt)
    )


def read_facts(subject_id: str) -> PaperFacts | None:
    """The facts of a receipt by its id, as the paper check asks for them."""
    try:
        receipt = (
            Receipt.objects.filter(pk=subject_id)
            .select_related("notice__policy", "reverses", "reversal", "voiding")
            .first()
        )
    except ValidationError:
        return None
    return facts_of(receipt) if receipt else None


def _capitals(receipt: Receipt) -> str:
    return f"负{receipt.amount_capital}" if receipt.reverses_id else receipt.amount_capital


def _items(receipt: Receipt, notice: Notice) -> PaperTable:
    sign = -1 if receipt.reverses_id else 1
    return PaperTable(
        caption=_("Items"),
        head=[_("Item"), _("Name"), _("Quantity"), _("Amount")],
        rows=[
            [_item(line, notice), line.name, str(line.quantity), format_yuan(sign * line.payable_fen)]
            for line in notice.lines
        ],
        foot=[_("Total"), "", "", format_yuan(receipt.signed_fen)],
        widths=[40, 24, 14, 22],
        numeric=[2, 3],
    )


def _item(line: Line, notice: Notice) -> str:
    """What was paid for: the premium of a year with the person's category, or the charge by its name."""
    if notice.kind != Kind.PREMIUM or not notice.cover_year:
        return line.what or notice.name
    premium = _("Premium of the residents' medical insurance, %(year)d") % {"year": notice.cover_year}
    return _("%(item)s (%(what)s)") % {"item": premium, "what": line.what} if line.what else premium


def _codes(receipt: Receipt) -> list[PaperCode]:
    record = receipts.record_of(receipt)
    address = check_address(record, facts_of(receipt))
    return [PaperCode("qr", address, "{}\n{}".format(_("Check this paper"), caption_code(record.code)))]
