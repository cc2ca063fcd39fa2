"""The list of papers of an application, for the progress page of the resident and the review page of the desk.

{% load enrollment_papers %}{% papers_of application %}
"""

from collections.abc import Mapping
from typing import Any

from django import template

from enrollment import papers
from enrollment.models import Application

register = template.Library()
PICTURES = {
    "booklet": ("HOUSEHOLD_REGISTER", "SPOUSE_CHILDREN_ID"),
    "portrait": ("PHOTO",),
    "slip": ("PHOTO_RECEIPT", "OUTPATIENT_RECORDS", "PAID_NOTICE"),
    "card": (
        *("ID_CARD", "HMT_PERMIT", "FOREIGN_PR_CARD", "RESIDENCE_PERMIT", "GUARDIAN_ID", "AGENT_ID"),
        *("SOCIAL_SECURITY_CARD", "STUDENT_PROOF", "OLD_CARD", "BANK_ACCOUNT"),
    ),
}
"""Which drawing stands beside a material: what does not stand here is a sheet of paper (UX-R10)."""
_PICTURE_OF = {code: picture for picture, codes in PICTURES.items() for code in codes}


@register.filter
def picture(code: str) -> str:
    """The drawing of a material: a card, a booklet, a portrait, a slip, or a sheet of paper."""
    return _PICTURE_OF.get(code, "sheet")


@register.filter
def of_code(found: Mapping[str, Any] | None, code: str) -> Any:
    """What a mapping by the codes of materials holds for one; nothing where it holds none."""
    return (found or {}).get(code, "")


@register.inclusion_tag("enrollment/_papers.html")
def papers_of(application: Application) -> dict[str, Any]:
    """Every paper that can be had now, each to print, as PDF and as Word file."""
    return {"application": application, "papers": papers.papers_of(application)}
