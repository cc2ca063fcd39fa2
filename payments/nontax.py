"""Notices of non-tax revenue: the card fee, for which the bank gives a fiscal receipt (DOMAIN §7)."""

from django.utils.translation import gettext as _

from payments import paper_parts, records
from payments.models import Notice
from payments.paper_parts import Printing
from payments.states import State
from portal.crypto import keyed_digest
from portal.design.text import format_yuan
from portal.documents.papers import Paper, PaperField, PaperTable
from portal.regions.policy_values import Policy
from portal.regions.text import both, pick

DAYS_KEY = "card_notice"
TITLE = both("非税收入缴款通知书", "Non-tax Income Payment Notice")
UNIT = {"code": "", "name": both("人力资源和社会保障局", "Human resources and social security bureau")}
PAYEE = {"name": both("财政非税收入专户", "Fiscal account for non-tax revenue"), "account": "", "bank": both("", "")}
ITEM = {"code": "", "unit": both("张", "card")}


def title(policy: Policy) -> dict[str, str]:
    """The title of the form in this region."""
    return dict(policy.setting("notice.nontax.title", TITLE))


def payee(policy: Policy) -> str:
    """Who receives the money in this region."""
    return pick(policy.setting("payee.nontax", PAYEE)["name"])


def paper(notice: Notice, language: str | None = None, printing: Printing | None = None) -> Paper:
    """The non-tax notice as it stands now; once paid it says so."""
    with paper_parts.paper_language(language) as chosen:
        printing = printing or paper_parts.printing_of(notice)
        policy = notice.policy.policy
        unit = policy.setting("nontax.unit", UNIT)
        account = policy.setting("payee.nontax", PAYEE)
        return Paper(
            kind="nontax_notice",
            title=notice.name,
            number=notice.grouped_number,
            issued_on=notice.issued_on,
            language=chosen,
            office=notice.office.name if notice.office else pick(unit["name"]),
            status=records.status(notice),
            parties=[
                PaperField(_("Payer"), notice.payer_name, "payer"),
                PaperField(_("Identity number"), notice.payer_number, "payer_number"),
                PaperField(_("Payee"), payee(policy), "payee", shared=True),
                PaperField(_("Account"), account["account"], "payee_account", shared=True),
                PaperField(_("Bank of the payee"), pick(account["bank"]), "payee_bank", shared=True),
                PaperField(_("Executing unit"), pick(unit["name"]), "executing_unit", shared=True),
                PaperField(_("Unit code"), unit["code"], "executing_unit_code", shared=True),
                PaperField(_("Pay code"), notice.grouped_pay_code, "pay_code"),
            ],
            fields=[
                *paper_parts.amount_fields(notice),
                PaperField(_("Late charge"), _("No late charge"), "late_rate", shared=True),
                PaperField(_("Check code"), check_code(notice), "check_code"),
            ],
            tables=[_items(notice, policy)],
            paragraphs=[*printing.ways, *_instructions(notice)],
            codes=paper_parts.codes(notice, printing.record),
            slip=paper_parts.slip(notice),
            footer=paper_parts.closing(notice),
        )


def _instructions(notice: Notice) -> list[str]:
    if notice.state != State.ISSUED:
        return []
    return [
        _("Pay with this notice at a counter of one of these banks. Keep the fiscal receipt you get."),
        _("This paper is a notice only. It becomes a proof of payment when the bank has stamped it."),
    ]


def check_code(notice: Notice) -> str:
    """Six digits that tie number, amount and payer of the paper together."""
    tied = f"{notice.number}:{notice.amount_fen}:{notice.resident_id}"
    return f"{int(keyed_digest(tied.encode(), purpose='payments.check_code'), 16) % 10**6:06d}"


def _items(notice: Notice, policy: Policy) -> PaperTable:
    item = policy.setting("nontax.item", ITEM)
    rows = [
        [
            item["code"],
            line.what or line.name,
            pick(item["unit"]),
            str(line.quantity),
            format_yuan(line.standard_fen),
            format_yuan(line.payable_fen),
        ]
        for line in notice.lines
    ]
    return PaperTable(
        caption=_("Items"),
        head=[_("Item code"), _("Item"), _("Counted in"), _("Quantity"), _("Standard amount"), _("Amount")],
        rows=rows,
        foot=[_("Total"), "", "", "", "", format_yuan(notice.amount_fen)],
        widths=[18, 26, 12, 14, 16, 14],
        numeric=[3, 4, 5],
        shared=[0, 1, 2],
    )
