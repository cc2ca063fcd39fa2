"""What admins and residents read for rules: titles, values in words, and what differs between two values."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.regions.models import RuleKind
from portal.regions.models.policy import INHERIT
from portal.regions.text import pick

Value = Mapping[str, Any]

SCENARIO_LABELS = {
    "new_adult": gettext_lazy("Enrolment: local adult"),
    "minor": gettext_lazy("Enrolment: minor"),
    "newborn": gettext_lazy("Enrolment: newborn"),
    "non_local": gettext_lazy("Enrolment: registered elsewhere"),
    "hmt": gettext_lazy("Enrolment: resident of Hong Kong, Macao or Taiwan"),
    "student": gettext_lazy("Enrolment: student"),
    "assisted": gettext_lazy("Enrolment: assisted person"),
    "agent": gettext_lazy("Enrolment: through an agent"),
    "coordination": gettext_lazy("Joining the employees' pooled fund"),
    "first_card": gettext_lazy("First card"),
    "first_card_minor": gettext_lazy("First card: minor"),
    "replacement": gettext_lazy("Replacement for a lost card"),
    "exchange": gettext_lazy("Exchange of a damaged card"),
    "card_pickup": gettext_lazy("Collecting the card"),
    "pin_reset": gettext_lazy("New card password"),
}
LEVEL_LABELS = {
    "required": gettext_lazy("Required"),
    "conditional": gettext_lazy("Required in some cases"),
    "waived": gettext_lazy("Not needed: obtained by data sharing"),
    "none": gettext_lazy("Not asked for"),
}
FORM_LABELS = {
    "original": gettext_lazy("Original"),
    "copy": gettext_lazy("Copy"),
    "both": gettext_lazy("Original and copy"),
}
TIME_LABELS = {
    "review.service_point": gettext_lazy("Review at the service point"),
    "review.county_centre": gettext_lazy("Review at the county centre"),
    "review.hrss_centre": gettext_lazy("Review at the HRSS centre"),
    "review.tax_bureau": gettext_lazy("Review at the tax bureau"),
    "correction": gettext_lazy("Time to correct an application"),
    "escalated": gettext_lazy("Decision after escalation"),
    "draft_calendar": gettext_lazy("Keeping a draft"),
    "premium_notice": gettext_lazy("Time to pay the premium"),
    "appeal_calendar": gettext_lazy("Time to appeal"),
    "card.promise": gettext_lazy("Card promised after payment"),
    "card.review": gettext_lazy("Review of a card application"),
    "card.production": gettext_lazy("Production of a card"),
    "card.correction": gettext_lazy("Time to correct a card application"),
    "card_notice": gettext_lazy("Time to pay the card fee"),
    "card.remind_unclaimed_calendar": gettext_lazy("Reminder for an uncollected card"),
    "card.seal_calendar": gettext_lazy("Sealing an uncollected card"),
}
CATEGORY_LABELS = {
    "": gettext_lazy("No assistance"),
    "EXTREME_POVERTY": gettext_lazy("Person in extreme difficulty"),
    "ORPHAN": gettext_lazy("Orphan"),
    "DIBAO": gettext_lazy("Minimum-living-allowance recipient"),
    "DIBAO_MARGINAL": gettext_lazy("Low-income marginal family"),
    "ANTI_POVERTY_MONITORED": gettext_lazy("Person monitored against return to poverty"),
    "SEVERE_DISABILITY": gettext_lazy("Severely disabled person (grade 1–2)"),
    "STUDENT_TERTIARY": gettext_lazy("College or vocational student"),
    "ELDERLY": gettext_lazy("Elderly resident"),
}
CARD_FEE_LABELS = {
    "card_first": gettext_lazy("Fee for the first card"),
    "card_replacement": gettext_lazy("Fee for a replacement card"),
    "assistance": gettext_lazy("Assistance with the premium"),
}


def yuan(fen: int) -> str:
    """Writes an amount as ¥400.00."""
    return f"¥{fen // 100:,}.{fen % 100:02d}"


def scenario_label(scenario: str) -> str:
    return str(SCENARIO_LABELS.get(scenario, scenario))


def title(kind: str, key: str, rules: Mapping[str, Value] | None = None) -> str:
    """Names a rule; `rules` are the material rules, by which a paper is named."""
    if kind == RuleKind.FEE:
        name, _dot, year = key.partition(".")
        if name == "premium":
            return _("Premium for %(year)s") % {"year": year}
        label = str(CARD_FEE_LABELS.get(name, key))
        return f"{label} {year}".strip()
    if kind == RuleKind.MATERIAL:
        scenario, dot, code = key.partition(".")
        paper = pick((rules or {}).get(code if dot else key, {}).get("name")) or code or key
        return f"{scenario_label(scenario)} · {paper}" if dot else paper
    if kind == RuleKind.TIME_LIMIT:
        return str(TIME_LABELS.get(key, key))
    if kind == RuleKind.CHANNEL:
        return _("Ways to pay the premium") if key == "premium" else _("Ways to pay the card fee")
    return key


def describe(kind: str, key: str, value: Any) -> str:
    """Writes the value of a rule in words; None is a rule that does not exist."""
    if value is None:
        return _("No rule")
    if value == INHERIT:
        return _("As in the region above")
    if kind == RuleKind.FEE:
        return _fee(key, value)
    if kind == RuleKind.MATERIAL:
        return _material(value)
    if kind == RuleKind.TIME_LIMIT:
        return days_text(key, value["days"])
    if kind == RuleKind.CHANNEL:
        return _(", ").join(pick(channel["name"]) for channel in value)
    return _setting(value)


def _material(value: Value) -> str:
    level = str(LEVEL_LABELS.get(value.get("level", ""), _("Described, asked for in single cases")))
    words = pick(value.get("condition"))
    if value.get("level") == "conditional" and words:
        level = _("%(name)s: %(share)s") % {"name": level, "share": words}
    return _("%(level)s (another paper can stand for it)") % {"level": level} if value.get("alternatives") else level


def days_text(key: str, days: int) -> str:
    """Writes a time limit with its unit."""
    if key.endswith("_calendar"):
        return ngettext("%(count)d calendar day", "%(count)d calendar days", days) % {"count": days}
    if days == 0:
        return _("on the spot")
    return ngettext("%(count)d working day", "%(count)d working days", days) % {"count": days}


def _fee(key: str, value: Value) -> str:
    if key.startswith("assistance"):
        return _("; ").join(_grant(category, grant) for category, grant in sorted(value.items()))
    fen = value.get("standard_fen", value.get("amount_fen"))
    return _("Not yet published") if fen is None else yuan(fen)


def _grant(category: str, grant: Value) -> str:
    name = str(CATEGORY_LABELS.get(category, category))
    if grant["mode"] == "full":
        share = _("pays nothing")
    elif grant["mode"] == "fixed":
        share = _("pays %(amount)s") % {"amount": yuan(grant["pays_fen"])}
    else:
        share = _("%(percent)s %% paid by the state") % {"percent": grant["percent"]}
    return _("%(name)s: %(share)s") % {"name": name, "share": share}


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        if "zh" in value:
            return pick(value)
        return _("; ").join(f"{name}: {_setting(part)}" for name, part in value.items())
    if isinstance(value, list):
        return _(", ").join(_setting(part) for part in value)
    return str(value)


MATERIAL_PARTS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "level": (gettext_lazy("How it is asked for"), lambda value: str(LEVEL_LABELS.get(value, value))),
    "original_or_copy": (gettext_lazy("Original or copy"), lambda value: str(FORM_LABELS.get(value, value))),
    "copies": (gettext_lazy("Number of copies"), str),
    "condition": (gettext_lazy("In which cases"), pick),
    "note": (gettext_lazy("Note to residents"), pick),
    "alternatives": (gettext_lazy("Can be replaced by another paper"), lambda value: _("yes") if value else _("no")),
}


def differences(kind: str, key: str, old: Any, new: Any) -> list[tuple[str, str, str]]:
    """What changes, as (name, before, after); only the parts that differ."""
    if kind != RuleKind.MATERIAL or old is None or INHERIT in (old, new):
        return [(_("Value"), describe(kind, key, old), describe(kind, key, new))]
    rows = [
        (str(label), words(old[name]) if name in old else "", words(new[name]) if name in new else "")
        for name, (label, words) in MATERIAL_PARTS.items()
        if old.get(name) != new.get(name)
    ]
    return [row for row in rows if row[1] != row[2]]
