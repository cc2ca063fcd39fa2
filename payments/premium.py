"""Notices of the social insurance premium: collected by the tax authority, one line per insured person (DOMAIN §7)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from payments import paper_parts, records
from payments.models import Line, Notice
from payments.paper_parts import Printing
from payments.states import State
from portal.design.text import format_day, format_yuan
from portal.documents.papers import Paper, PaperField, PaperTable
from portal.documents.papers.structure import MAX_ROWS
from portal.regions.policy_values import Policy
from portal.regions.text import both, pick

DAYS_KEY = "premium_notice"
TITLE = both(
    "城乡居民基本医疗保险参保人缴费通知单",
    "Notice of Payment for the Insured of Basic Medical Insurance for Urban and Rural Residents",
)
PAYEE = {"name": both("税务机关", "The tax authority"), "account": "", "bank": both("", "")}


def title(policy: Policy) -> dict[str, str]:
    """The title of the form in this region."""
    return dict(policy.setting("notice.premium.title", TITLE))


def payee(policy: Policy) -> str:
    """Who collects the premium in this region."""
    return pick(policy.setting("payee.premium", PAYEE)["name"])


def paper(notice: Notice, language: str | None = None, printing: Printing | None = None) -> Paper:
    """The premium notice as it stands now; once paid it says so."""
    with paper_parts.paper_language(language) as chosen:
        printing = printing or paper_parts.printing_of(notice)
        policy = notice.policy.policy
        return Paper(
            kind="premium_notice",
            title=notice.name,
            number=notice.grouped_number,
            issued_on=notice.issued_on,
            language=chosen,
            office=notice.office.name if notice.office else "",
            status=records.status(notice),
            parties=[
                PaperField(_("Payer"), notice.payer_name, "payer"),
                PaperField(_("Identity number"), notice.payer_number, "payer_number"),
                PaperField(_("Region"), printing.region, "region", shared=True),
                PaperField(_("Cover year"), str(notice.cover_year or ""), "cover_year", shared=True),
                PaperField(_("Collected by"), payee(policy), "payee", wide=True, shared=True),
            ],
            fields=[
                *paper_parts.amount_fields(notice),
                PaperField(
                    _("Collection period"), _period(policy, notice), "collection_period", wide=True, shared=True
                ),
            ],
            tables=[_insured(notice)],
            paragraphs=[*_names_apart(notice), *printing.ways, *_waiting_warning(notice, policy)],
            codes=paper_parts.codes(notice, printing.record),
            slip=paper_parts.slip(notice),
            footer=paper_parts.closing(notice),
        )


def _insured(notice: Notice) -> PaperTable:
    """Who is insured, with the individual amount, the assistance and what remains to pay.

    A village has more people than a paper has lines: then those who pay the same stand together in one line (N12).
    """
    lines = notice.lines
    return PaperTable(
        caption=_("Insured"),
        head=[_("Name"), _("Identity number"), _("Category"), _("Individual amount"), _("Assistance"), _("To pay")],
        rows=_summed(lines) if len(lines) > MAX_ROWS else [_row(line) for line in lines],
        foot=[
            _("Total"),
            _people(len(lines)),
            "",
            format_yuan(sum(line.total_fen for line in lines)),
            format_yuan(sum(line.assistance_fen for line in lines)),
            format_yuan(notice.amount_fen),
        ],
        # A category of two Chinese characters is a line of words in English.
        widths=[18, 22, 15, 17, 14, 14] if get_language() == "zh-hans" else [15, 22, 20, 15, 14, 14],
        numeric=[3, 4, 5],
        repeated=[2],
    )


def _row(line: Line) -> list[str]:
    return [
        line.name,
        line.masked_number,
        line.what,
        format_yuan(line.total_fen),
        format_yuan(line.assistance_fen),
        format_yuan(line.payable_fen),
    ]


def _summed(lines: Sequence[Line]) -> list[list[str]]:
    """One line for all who pay the same: how many they are, their amount each, and their sums."""
    groups: dict[tuple[str, int, int], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.what, line.total_fen, line.assistance_fen].append(line)
    return [
        [
            _people(len(alike)),
            _("%(amount)s each") % {"amount": format_yuan(alike[0].payable_fen)},
            what,
            format_yuan(total_fen * len(alike)),
            format_yuan(assistance_fen * len(alike)),
            format_yuan(sum(line.payable_fen for line in alike)),
        ]
        for (what, total_fen, assistance_fen), alike in groups.items()
    ]


def _people(count: int) -> str:
    return ngettext("%(count)d person", "%(count)d people", count) % {"count": count}


def _names_apart(notice: Notice) -> list[str]:
    """Where the names are that a paper for a whole village has no room for."""
    return [_("The names are in the committee's list for this notice.")] if len(notice.lines) > MAX_ROWS else []


def _period(policy: Policy, notice: Notice) -> str:
    """The collection period for the cover year, such as 1 September to 31 December of the year before."""
    period = policy.setting("collection_period", None)
    if not period or not notice.cover_year:
        return ""
    first = _day(period["from"], notice.cover_year - 1)
    last = _day(period["until"], notice.cover_year - 1)
    if last < first:
        last = _day(period["until"], notice.cover_year)
    return _("%(first)s to %(last)s") % {"first": format_day(first), "last": format_day(last)}


def _day(month_day: str, year: int) -> date:
    month, day = (int(part) for part in month_day.split("-"))
    if (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
        day = 28
    return date(year, month, day)


def _waiting_warning(notice: Notice, policy: Policy) -> list[str]:
    """What late payment costs; nothing on a paper of which nothing more is to be paid."""
    if notice.state != State.ISSUED:
        return []
    months = int(policy.setting("waiting_months", 3))
    warning = ngettext(
        "Who pays after the collection period waits %(count)d month for benefits, and longer for each missed year.",
        "Who pays after the collection period waits %(count)d months for benefits, and longer for each missed year.",
        months,
    ) % {"count": months}
    return [warning]
