"""Public papers made before anybody signs in: the list of materials, a power of attorney to sign (A3, A10, S1-18)."""

from collections.abc import Iterable

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from enrollment.papers.parts import to_sign
from portal.design.text import format_moment
from portal.documents.papers import Paper, PaperField, PaperTable
from portal.regions import calendar
from portal.regions.materials import WAIVED, MaterialRule, groups
from portal.regions.models import Region
from portal.regions.policy_values import Policy
from portal.regions.text import pick

MATERIALS = "enrollment_materials"
ATTORNEY = "enrollment_attorney"
BLANK = "\u3000" * 8


def materials_list(
    region: Region, policy: Policy, rules: Iterable[MaterialRule], who: list[str], language: str | None = None
) -> Paper:
    """What to bring, one row per entry: the paper or its alternatives, what it looks like, and why it is asked for."""
    chosen = language or translation.get_language() or "zh-hans"
    asked_first = policy.setting("sharing.answers", [])
    with translation.override(chosen):
        rows = [
            [
                _(" or ").join(rule.label for rule in entry),
                need_of(entry, asked_first),
                " ".join(pick(rule.looks) for rule in entry if rule.looks),
                " ".join(dict.fromkeys(pick(rule.legal_basis) for rule in entry)),
            ]
            for entry in groups(rules)
        ]
        table = PaperTable(
            head=[_("Material"), _("Needed"), _("What it looks like"), _("Basis")], rows=rows, widths=[24, 22, 32, 22]
        )
        return Paper(
            kind=MATERIALS,
            title=_("Materials for joining the residents' medical insurance"),
            issued_on=calendar.today(),
            language=chosen,
            parties=[
                PaperField(_("Region"), region.full_name, "region"),
                PaperField(_("For whom"), _(", ").join(who), "who", wide=True),
            ],
            tables=[table],
            paragraphs=[policy.text("consult_text", "")],
            footer=[
                _("Questions: call %(hotline)s.") % {"hotline": policy.setting("hotline", "12393")},
                _("Printed on %(moment)s from the portal.") % {"moment": format_moment(timezone.now())},
            ],
        )


def need_of(entry: list[MaterialRule], asked_first: Iterable[str]) -> str:
    """Whether to bring an entry, in words, with the source that may answer instead."""
    for rule in entry:
        if rule.level == WAIVED and rule.sharing_source:
            return _("not needed: known from %(source)s") % {"source": pick(rule.sharing_source)}
    first = entry[0]
    words = _("required") if any(rule.required for rule in entry) else pick(first.condition) or _("only in some cases")
    if len(entry) > 1:
        words = _("%(need)s; one of them is enough") % {"need": words}
    sources = [pick(rule.sharing_source) for rule in entry if rule.sharing_source and rule.code in set(asked_first)]
    if sources:
        asked = _("we ask %(source)s first") % {"source": sources[0]}
        words = _("%(need)s; %(asked)s") % {"need": words, "asked": asked}
    return words


def attorney_form(region: Region, policy: Policy, values: dict[str, str], language: str | None = None) -> Paper:
    """A power of attorney with room to write, filled in as far as the portal knows; to be signed by hand (A10)."""
    chosen = language or translation.get_language() or "zh-hans"
    with translation.override(chosen):

        def field(label: str, code: str, *, wide: bool = False) -> PaperField:
            return PaperField(label, values.get(code) or BLANK, code, wide=wide)

        return Paper(
            kind=ATTORNEY,
            title=_("Power of attorney for joining the residents' medical insurance"),
            language=chosen,
            parties=[
                field(_("Person represented"), "principal"),
                field(_("Identity number"), "principal_number"),
                field(_("Agent"), "agent"),
                field(_("Identity number of the agent"), "agent_number"),
                PaperField(_("Region"), region.full_name, "region", wide=True),
            ],
            fields=[
                field(_("Valid from"), "valid_from"),
                field(_("Valid until"), "valid_until"),
                field(_("Telephone of the person represented"), "phone", wide=True),
            ],
            paragraphs=[
                _(
                    "I give the agent power to apply in my name to join the residents' basic medical insurance, to "
                    "correct the application, and to receive the payment notice and the decisions about it. "
                    "The agent may not change my bank account and may not pass this power on."
                ),
                _("I can take this power back at any time, on the portal or at a service point."),
            ],
            signatures=to_sign(_("Signature of the person represented"), _("Signature of the agent"), _("Date")),
            footer=[
                _("Bring both identity cards and this paper to the office."),
                _("Questions: call %(hotline)s.") % {"hotline": policy.setting("hotline", "12393")},
            ],
        )
